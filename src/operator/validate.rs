//! Spec → [`ValidSpec`], or everything that is wrong with it. Pure. The API server has checked what rules in CEL can
//! check; objects stored under older rules come through here, too.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};
use unicase::UniCase;

use super::{index::TargetTab, names::reason};
use crate::{
    api::{JobSettings, WedofSheetSyncSpec},
    network::base_url,
    schedule::{self, Schedule},
    spec::{self, ResourceName, ResourceSpec, SecretKeyRef, SyncSpec},
};

/// The longest configuration that a run is given. The kernel takes 128 KiB for one variable of a process.
const MAX_CONFIG_BYTES: usize = 100 * 1024;

/// Wedof's address when the spec gives none.
const DEFAULT_BASE_URL: &str = "https://www.wedof.fr/api";

/// What the operator was told to allow.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Hosts that keys may be sent to.
    pub wedof_hosts: Vec<String>,
    /// Pattern, with `*`, of the names of Secrets that specs may use. None: any.
    pub secret_names: Option<String>,
    /// Whether specs may choose nodes.
    pub allow_placement: bool,
}

/// A spec that can be run, with what follows from it.
#[derive(Debug, Clone)]
pub struct ValidSpec {
    /// With `H` resolved.
    pub effective_schedule: String,
    pub schedule: Schedule,
    pub time_zone: String,
    pub zone: TimeZone,
    pub suspend: bool,
    pub run_on_create: bool,
    /// [`SyncSpec`] as JSON, for the run.
    pub config: String,
    pub api_key: SecretKeyRef,
    pub credentials: SecretKeyRef,
    pub job: JobSettings,
    /// `namespace/name`, for what a run advises.
    pub object: String,
}

/// One thing that is wrong, in words for the author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub reason: &'static str,
    pub message: String,
}

/// Checks a spec. `H` in the schedule is resolved by namespace and name.
pub fn validate(
    namespace: &str,
    name: &str,
    spec: &WedofSheetSyncSpec,
    policy: &Policy,
) -> Result<ValidSpec, Vec<Problem>> {
    let mut problems = Problems(Vec::new());
    let schedule = problems.take(check_schedule(&spec.schedule, &format!("{namespace}/{name}")));
    let zone = problems.take(check_zone(&spec.time_zone));
    let address = spec.wedof.base_url.as_deref().unwrap_or(DEFAULT_BASE_URL);
    problems.take(
        base_url(address, Some(&policy.wedof_hosts))
            .map_err(|what| problem(reason::WEDOF_HOST_NOT_ALLOWED, format!("spec.wedof.baseUrl: {what}"))),
    );
    problems.take(check_tabs(spec.resources.as_deref()));
    let secret = |given: &Option<SecretKeyRef>, field| check_secret(given.as_ref(), field, policy);
    let api_key = problems.take(secret(&spec.wedof.api_key_secret_ref, "spec.wedof.apiKeySecretRef"));
    let credentials = problems.take(secret(
        &spec.google.credentials_secret_ref,
        "spec.google.credentialsSecretRef",
    ));
    problems.take(check_guard(spec));
    problems.take(check_placement(&spec.job, policy));
    let config = problems.take(check_config(spec));
    match (schedule, zone, api_key, credentials, config) {
        (Some((effective_schedule, schedule)), Some(zone), Some(api_key), Some(credentials), Some(config))
            if problems.0.is_empty() =>
        {
            Ok(ValidSpec {
                effective_schedule,
                schedule,
                time_zone: spec.time_zone.clone(),
                zone,
                suspend: spec.suspend,
                run_on_create: spec.run_on_create,
                config,
                api_key,
                credentials,
                job: spec.job.clone(),
                object: format!("{namespace}/{name}"),
            })
        }
        _ => Err(problems.0),
    }
}

struct Problems(Vec<Problem>);

impl Problems {
    fn take<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.0.push(problem)).ok()
    }
}

fn problem(reason: &'static str, message: String) -> Problem {
    Problem { reason, message }
}

fn check_schedule(text: &str, seed: &str) -> Result<(String, Schedule), Problem> {
    let parse = || {
        let effective = schedule::resolve(text, seed)?;
        let schedule = Schedule::parse(&effective)?;
        Ok((effective, schedule))
    };
    let (effective, schedule) = parse()
        .map_err(|error: schedule::ParseError| problem(reason::INVALID_SCHEDULE, format!("spec.schedule: {error}")))?;
    if !schedule.fires() {
        let message = format!("spec.schedule: no date ever matches `{text}`: there is no such day in those months");
        return Err(problem(reason::NEVER_FIRES, message));
    }
    Ok((effective, schedule))
}

/// A zone by its exact name, as Kubernetes takes it.
fn check_zone(name: &str) -> Result<TimeZone, Problem> {
    let wrong = |advice: String| problem(reason::INVALID_TIME_ZONE, format!("spec.timeZone: {advice}"));
    if name.is_empty() || name == "Local" {
        return Err(wrong("a zone's IANA name is needed, such as Europe/Paris".into()));
    }
    let zone = TimeZone::get(name)
        .map_err(|_| wrong(format!("`{name}` is no time zone; IANA names are like Europe/Paris")))?;
    match zone.iana_name() {
        Some(exact) if exact != name => Err(wrong(format!("`{name}` is no time zone; did you mean {exact}?"))),
        _ => Ok(zone),
    }
}

fn check_tabs(resources: Option<&[ResourceSpec]>) -> Result<(), Problem> {
    let mut seen: BTreeMap<String, ResourceName> = BTreeMap::new();
    for resource in spec::wanted(resources) {
        if let Some(other) = seen.insert(folded(resource.title()), resource.name) {
            let message = format!(
                "spec.resources: {other} and {} both fill the tab `{}`: give each a tab of its own",
                resource.name,
                resource.title()
            );
            return Err(problem(reason::DUPLICATE_TAB, message));
        }
    }
    Ok(())
}

/// Titles without regard to case, in any script.
fn folded(title: &str) -> String {
    UniCase::new(title).to_folded_case()
}

/// Where an object writes: its spreadsheet and its tabs, in the order of [`spec::wanted`], each with a hash of what two
/// titles have in common that are the same to Google. (Thousands of objects have tens of thousands of titles.)
pub fn targets(spec: &WedofSheetSyncSpec) -> (u64, Box<[TargetTab]>) {
    let tab = |resource: &ResourceSpec| TargetTab {
        resource: resource.name,
        title: hash(&folded(resource.title())),
    };
    let tabs = spec::wanted(spec.resources.as_deref()).iter().map(tab).collect();
    (hash(&spec.spreadsheet_id), tabs)
}

fn hash(text: &str) -> u64 {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(8).fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}

fn check_secret(given: Option<&SecretKeyRef>, field: &str, policy: &Policy) -> Result<SecretKeyRef, Problem> {
    let Some(given) = given else {
        return Err(problem(
            reason::INVALID_SPEC,
            format!("{field} is missing: name a Secret and its key"),
        ));
    };
    match &policy.secret_names {
        Some(pattern) if !spec::is_like(pattern, &given.name) => {
            let message = format!(
                "{field}: this installation takes only Secrets whose name is like `{pattern}`, not `{}`",
                given.name
            );
            Err(problem(reason::SECRET_NOT_ALLOWED, message))
        }
        _ => Ok(given.clone()),
    }
}

fn check_placement(job: &JobSettings, policy: &Policy) -> Result<(), Problem> {
    if policy.allow_placement {
        return Ok(());
    }
    let given = [
        ("nodeSelector", !job.node_selector.is_empty()),
        ("tolerations", !job.tolerations.is_empty()),
        ("affinity", job.affinity.is_some()),
    ];
    let given: Vec<String> = given
        .iter()
        .filter(|(_, given)| *given)
        .map(|(field, _)| format!("spec.job.{field}"))
        .collect();
    if given.is_empty() {
        return Ok(());
    }
    let message = format!(
        "{}: this installation lets no object choose the nodes of its runs: leave it out, or ask whoever installed the operator",
        given.join(", ")
    );
    Err(problem(reason::PLACEMENT_NOT_ALLOWED, message))
}

fn check_guard(spec: &WedofSheetSyncSpec) -> Result<(), Problem> {
    let guard = spec.deletion_guard.as_ref();
    match guard.map_or(Ok(None), |guard| guard.accepted_until()) {
        Ok(_) => Ok(()),
        Err(what) => Err(problem(
            reason::INVALID_SPEC,
            format!("spec.deletionGuard.acceptUntil: {what}"),
        )),
    }
}

fn check_config(spec: &WedofSheetSyncSpec) -> Result<String, Problem> {
    let mut sync = SyncSpec::from(spec);
    sync.spreadsheet_id = spec::spreadsheet_id(&spec.spreadsheet_id)
        .map_err(|what| problem(reason::INVALID_SPEC, format!("spec.spreadsheetId: {what}")))?;
    let config = serde_json::to_string(&sync).map_err(|error| {
        problem(
            reason::INVALID_SPEC,
            format!("the spec cannot be written as JSON: {error}"),
        )
    })?;
    if config.len() > MAX_CONFIG_BYTES {
        let message = format!(
            "the spec has {} KiB as JSON, and a run can be given {} KiB: shorten filters, column lists or labels",
            config.len().div_ceil(1024),
            MAX_CONFIG_BYTES / 1024
        );
        return Err(problem(reason::SPEC_TOO_LARGE, message));
    }
    Ok(config)
}

#[cfg(test)]
pub mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    /// A valid spec with changes, as a JSON merge.
    pub fn spec(changes: Value) -> WedofSheetSyncSpec {
        let mut spec = json!({
            "schedule": "0 7 * * *",
            "spreadsheetId": "1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms",
            "wedof": {"apiKeySecretRef": {"name": "wedof", "key": "api-key"}},
            "google": {"credentialsSecretRef": {"name": "google", "key": "credentials.json"}},
        });
        for (key, value) in changes.as_object().unwrap() {
            spec[key] = value.clone();
        }
        serde_json::from_value(spec).unwrap()
    }

    pub fn policy() -> Policy {
        Policy {
            wedof_hosts: vec!["www.wedof.fr".into(), "simulator.sim.svc".into()],
            secret_names: None,
            allow_placement: true,
        }
    }

    pub fn valid(changes: Value) -> ValidSpec {
        validate("centre-acme", "acme", &spec(changes), &policy()).unwrap()
    }

    fn wedof(base_url: &str) -> Value {
        json!({"wedof": {"apiKeySecretRef": {"name": "wedof", "key": "api-key"}, "baseUrl": base_url}})
    }

    #[rstest]
    #[case(json!({"schedule": "61 * * * *"}), "InvalidSchedule", "minute `61`")]
    #[case(json!({"schedule": "0 0 30 2 *"}), "NeverFires", "no date ever matches `0 0 30 2 *`")]
    #[case(json!({"schedule": "0 0 31 4 *"}), "NeverFires", "no such day")]
    #[case(json!({"timeZone": "europe/paris"}), "InvalidTimeZone", "did you mean Europe/Paris?")]
    #[case(json!({"timeZone": "Mars/Olympus"}), "InvalidTimeZone", "`Mars/Olympus` is no time zone")]
    #[case(json!({"timeZone": "Local"}), "InvalidTimeZone", "IANA name is needed")]
    #[case(json!({"timeZone": ""}), "InvalidTimeZone", "IANA name is needed")]
    #[case(
        wedof("https://169.254.169.254/api"),
        "WedofHostNotAllowed",
        "169.254.169.254 is not among the hosts"
    )]
    #[case(
        wedof("https://www.wedof.fr.evil.example"),
        "WedofHostNotAllowed",
        "not among the hosts"
    )]
    #[case(wedof("http://www.wedof.fr/api"), "WedofHostNotAllowed", "use https")]
    #[case(json!({"resources": [{"name": "organisms", "tab": "Été"}, {"name": "registrationFolders", "tab": "ÉTÉ"}]}),
        "DuplicateTab", "organisms and registrationFolders both fill the tab `ÉTÉ`")]
    #[case(json!({"deletionGuard": {"acceptUntil": "demain"}}), "InvalidSpec", "spec.deletionGuard.acceptUntil: `demain`")]
    #[case(json!({"resources": [{"name": "organisms", "tab": "Straße"}, {"name": "users", "tab": "STRASSE"}]}),
        "DuplicateTab", "both fill the tab `STRASSE`")]
    #[case(json!({"timeZone": "CET-1CEST,M3.5.0,M10.5.0/3"}), "InvalidTimeZone", "IANA names are like Europe/Paris")]
    #[case(json!({"timeZone": ":Europe/Paris"}), "InvalidTimeZone", "is no time zone")]
    #[case(json!({"schedule": "TZ=UTC 0 7 * * *"}), "InvalidSchedule", "set timeZone")]
    #[case(json!({"google": {}}), "InvalidSpec", "spec.google.credentialsSecretRef is missing")]
    #[case(json!({"spreadsheetId": "1590950017"}), "InvalidSpec", "gid")]
    #[case(json!({"resources": [{"name": "organisms", "filters": {"query": vec!["x".repeat(200); 600]}}]}),
        "SpecTooLarge", "a run can be given 100 KiB")]
    fn what_is_wrong_is_told_with_a_reason(#[case] changes: Value, #[case] reason: &str, #[case] says: &str) {
        let problems = validate("centre-acme", "acme", &spec(changes), &policy()).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].reason, reason);
        assert!(problems[0].message.contains(says), "{}", problems[0].message);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let changes = json!({"schedule": "x", "timeZone": "x", "spreadsheetId": "x"});
        let problems = validate("centre-acme", "acme", &spec(changes), &policy()).unwrap_err();
        let reasons: Vec<_> = problems.iter().map(|problem| problem.reason).collect();
        assert_eq!(reasons, ["InvalidSchedule", "InvalidTimeZone", "InvalidSpec"]);
    }

    #[test]
    fn rare_dates_zones_without_a_city_and_services_of_the_cluster_are_valid() {
        valid(json!({"schedule": "0 0 29 2 *"}));
        valid(json!({"timeZone": "Etc/GMT+1"}));
        valid(json!({"timeZone": "UTC"}));
        valid(wedof("http://simulator.sim.svc:8080/api"));
        assert_eq!(valid(json!({"schedule": "H 7 * * *"})).effective_schedule, "58 7 * * *");
    }

    #[rstest]
    #[case(json!({"nodeSelector": {"pool": "gpu"}}), Some("spec.job.nodeSelector: this installation"))]
    #[case(json!({"tolerations": [{"operator": "Exists"}], "affinity": {}}), Some("spec.job.tolerations, spec.job.affinity: "))]
    #[case(json!({"activeDeadlineSeconds": 600, "resources": {"limits": {"cpu": 1}}}), None)]
    fn an_installation_may_let_no_object_choose_nodes(#[case] job: Value, #[case] says: Option<&str>) {
        let spec = spec(json!({"job": job}));
        assert!(validate("ns", "x", &spec, &policy()).is_ok());
        let strict = Policy {
            allow_placement: false,
            ..policy()
        };
        let problem = validate("ns", "x", &spec, &strict)
            .err()
            .and_then(|mut problems| problems.pop());
        assert_eq!(
            problem.as_ref().map(|problem| problem.reason),
            says.map(|_| "PlacementNotAllowed")
        );
        assert!(problem.is_none_or(|problem| problem.message.starts_with(says.unwrap())));
    }

    #[test]
    fn tabs_are_the_same_whatever_the_case_and_the_script() {
        let tabs = |title: &str| targets(&spec(json!({"resources": [{"name": "organisms", "tab": title}]}))).1;
        for (one, two) in [
            ("Été 2026", "ÉTÉ 2026"),
            ("Straße", "STRASSE"),
            ("ΟΔΟΣ", "οδος"),
            ("ﬁn", "FIN"),
        ] {
            assert_eq!(tabs(one), tabs(two), "{one} {two}");
        }
        assert_ne!(tabs("Été"), tabs("Ete"));
        assert_eq!(targets(&spec(json!({}))).1.len(), 11);
    }

    #[rstest]
    #[case("wedof-*", "wedof-acme", true)]
    #[case("wedof-*", "google", false)]
    #[case("*-sync-*", "acme-sync-key", true)]
    #[case("*", "anything", true)]
    #[case("wedof", "wedof-2", false)]
    fn a_pattern_limits_the_names_of_secrets(#[case] pattern: &str, #[case] name: &str, #[case] allowed: bool) {
        let policy = Policy {
            secret_names: Some(pattern.into()),
            ..policy()
        };
        let secret = json!({"apiKeySecretRef": {"name": name, "key": "k"}});
        let google = json!({"credentialsSecretRef": {"name": name, "key": "k"}});
        let checked = validate("ns", "x", &spec(json!({"wedof": secret, "google": google})), &policy);
        assert_eq!(checked.is_ok(), allowed, "{checked:?}");
    }
}
