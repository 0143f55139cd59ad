//! Everything a sync needs to know before it starts: the spec, the credentials and the addresses, from flags, variables,
//! `.env`, a config file and mounted Secrets. What the config file says wins over variables; they fill what it leaves out.

mod environment;
mod source;

use std::{path::Path, time::Duration};

use jiff::tz::TimeZone;
use secrecy::SecretString;
use tokio::time::Instant;
use url::Url;

pub use self::environment::Environment;
use crate::{
    failure::{Failure, reason},
    patience::Patience,
    spec::{ResourceName, ResourceSpec, SecretKeyRef, SyncSpec, spreadsheet_id, trim},
    wedof::client::{DEFAULT_BASE, base_url},
};

/// Secrets are mounted `optional`: a pod may start before the kubelet has seen the Secret.
const SECRET_PATIENCE: Duration = Duration::from_secs(15);
const DEFAULT_TIME_ZONE: &str = "Europe/Paris";

/// A secret and where it comes from, for messages.
pub struct Credential {
    pub secret: SecretString,
    /// "Secret `wedof`, key `api-key`", "variable WEDOF_API_KEY" …
    pub place: String,
}

pub struct Config {
    pub spec: SyncSpec,
    pub zone: TimeZone,
    /// What to sync, in the spec's order.
    pub resources: Vec<ResourceSpec>,
    /// The resources are the default ones because the spec names none.
    pub by_default: bool,
    pub wedof_base: Url,
    pub wedof_key: Credential,
    /// The text of the service account's key file.
    pub google_key: Credential,
    /// Hosts besides Google's own that the key file's `token_uri` may name. None: a person's machine, any loopback host.
    pub token_hosts: Option<Vec<String>>,
    /// Where the Sheets API is, if not at Google.
    pub sheets_base: Option<Url>,
    pub patience: Patience,
}

/// What the command line adds.
#[derive(Debug, Default)]
pub struct Overrides {
    pub config: Option<std::path::PathBuf>,
    /// Only these resources.
    pub only: Vec<ResourceName>,
    /// Secrets are mounted and may come late; nobody is there to set variables.
    pub in_pod: bool,
}

impl Config {
    pub async fn load(environment: &Environment, overrides: &Overrides) -> Result<Self, Failure> {
        let mut spec = spec(environment, overrides)?;
        spec.spreadsheet_id = spreadsheet_id(&spec.spreadsheet_id)
            .map_err(|what| invalid(format!("the spreadsheet's ID cannot be used: {what}")))?;
        let zone = zone(spec.time_zone.as_deref().unwrap_or(DEFAULT_TIME_ZONE))?;
        let by_default = spec.resources.is_none();
        let resources = resources(&spec, &overrides.only)?;

        let base = spec
            .wedof
            .base_url
            .as_deref()
            .or(environment.get("WEDOF_BASE_URL"))
            .unwrap_or(DEFAULT_BASE);
        let allowed = environment.list("WEDOF_ALLOWED_HOSTS");
        let wedof_base = base_url(trim(base), allowed.as_deref())
            .map_err(|what| invalid(format!("wedof.baseUrl (or WEDOF_BASE_URL): {what}")))?;
        let sheets_base = environment
            .get("GOOGLE_SHEETS_BASE_URL")
            .map(|base| base_url(base, None).map_err(|what| invalid(format!("GOOGLE_SHEETS_BASE_URL: {what}"))))
            .transpose()?;

        let (wedof_key, google_key) = credentials(environment, &spec, overrides.in_pod).await?;
        Ok(Self {
            spec,
            zone,
            resources,
            by_default,
            wedof_base,
            wedof_key,
            google_key,
            token_hosts: environment.list("GOOGLE_TOKEN_HOSTS"),
            sheets_base,
            patience: Patience::of(environment)?,
        })
    }
}

fn invalid(message: String) -> Failure {
    Failure::person(reason::INVALID_CONFIG, message)
}

/// The spec of `--config`, else of WEDOF_SHEET_SYNC_CONFIG (a path or the text itself), else of variables alone.
fn spec(environment: &Environment, overrides: &Overrides) -> Result<SyncSpec, Failure> {
    let spreadsheet = environment.get("GOOGLE_SPREADSHEET_ID");
    let file = |path: &Path| {
        let text = std::fs::read_to_string(path)
            .map_err(|error| invalid(format!("cannot read the configuration {}: {error}", path.display())))?;
        source::parse(&text, &path.display().to_string(), spreadsheet)
    };
    if let Some(path) = &overrides.config {
        return file(path);
    }
    match environment.get("WEDOF_SHEET_SYNC_CONFIG") {
        Some(text) if text.starts_with('{') || text.contains('\n') || text.contains(": ") => {
            source::parse(text, "WEDOF_SHEET_SYNC_CONFIG", spreadsheet)
        }
        Some(path) => file(Path::new(path)),
        None => match spreadsheet {
            Some(id) => source::parse("{}", "variables", Some(id)),
            None => Err(missing(environment)),
        },
    }
}

/// All variables that a person still has to set, with where their values are found.
fn missing(environment: &Environment) -> Failure {
    let wanted = [
        (
            "GOOGLE_SPREADSHEET_ID",
            "the part of the spreadsheet's link between /d/ and /edit",
        ),
        ("WEDOF_API_KEY", "in Wedof under Mon compte > Jetons d'API"),
        (
            "GOOGLE_CREDENTIALS_PATH",
            "path of the JSON key file of a service account: console.cloud.google.com > IAM > Service accounts > Keys; \
             share the spreadsheet with the account's e-mail as editor",
        ),
    ];
    let either = |name: &str| environment.get(name).is_some() || environment.get(&format!("{name}_PATH")).is_some();
    let lines: Vec<String> = wanted
        .iter()
        .filter(|(name, _)| !either(name))
        .map(|(name, where_from)| format!("{name} ({where_from})"))
        .collect();
    Failure::person(
        reason::INVALID_CONFIG,
        format!("not set, neither in the environment nor in .env: {}", lines.join("; ")),
    )
}

fn zone(name: &str) -> Result<TimeZone, Failure> {
    TimeZone::get(name).map_err(|_| {
        invalid(format!(
            "timeZone: `{name}` is no time zone; names are like Europe/Paris or Indian/Reunion"
        ))
    })
}

/// What to sync, after the rules that a custom resource has by its definition.
fn resources(spec: &SyncSpec, only: &[ResourceName]) -> Result<Vec<ResourceSpec>, Failure> {
    let mut resources = spec.wanted();
    for (at, resource) in resources.iter().enumerate() {
        let (name, title) = (resource.name, resource.title());
        if !(1..=100).contains(&trim(title).chars().count()) {
            return Err(invalid(format!(
                "resources, {name}: tab has a title of 1 to 100 characters"
            )));
        }
        if !resource.expand.is_empty() && name.files().is_none() {
            return Err(invalid(format!(
                "resources, {name}: expand: only registrationFolders and certificationFolders have files"
            )));
        }
        for before in &resources[..at] {
            if before.name == name {
                return Err(invalid(format!("resources: {name} is named twice")));
            }
            if trim(before.title()).to_lowercase() == trim(title).to_lowercase() {
                return Err(invalid(format!(
                    "resources: {} and {name} have the same tab `{title}`",
                    before.name
                )));
            }
        }
    }
    if resources.is_empty() {
        return Err(invalid(
            "resources: the list is empty; leave it out to sync all".to_owned(),
        ));
    }
    let bounds = [
        ("wedof.requestsPerMinute", spec.wedof.requests_per_minute, 1..=600),
        ("wedof.requestBudget", spec.wedof.request_budget, 1..=i32::MAX),
        (
            "deletionGuard.maxPercent",
            Some(spec.deletion_guard.max_percent),
            0..=100,
        ),
        (
            "deletionGuard.minRows",
            Some(spec.deletion_guard.min_rows),
            0..=i32::MAX,
        ),
    ];
    for (field, value, bounds) in bounds {
        if let Some(value) = value.filter(|value| !bounds.contains(value)) {
            return Err(invalid(format!(
                "{field}: {value} is not within {} to {}",
                bounds.start(),
                bounds.end()
            )));
        }
    }
    if let Some(unknown) = only
        .iter()
        .find(|name| resources.iter().all(|resource| resource.name != **name))
    {
        return Err(invalid(format!(
            "--resource {unknown}: the configuration does not name this resource"
        )));
    }
    resources.retain(|resource| only.is_empty() || only.contains(&resource.name));
    Ok(resources)
}

async fn credentials(
    environment: &Environment,
    spec: &SyncSpec,
    in_pod: bool,
) -> Result<(Credential, Credential), Failure> {
    let until = Instant::now() + if in_pod { SECRET_PATIENCE } else { Duration::ZERO };
    // a person's key file is no Secret, even if the manifest at hand names one
    let [wedof_ref, google_ref] =
        [&spec.wedof.api_key_secret_ref, &spec.google.credentials_secret_ref].map(|it| it.as_ref().filter(|_| in_pod));
    let wedof = match (environment.get("WEDOF_API_KEY_PATH"), environment.get("WEDOF_API_KEY")) {
        (Some(path), _) => read_secret(path, wedof_ref, until).await?,
        (None, Some(key)) => Credential {
            secret: key.to_owned().into(),
            place: "variable WEDOF_API_KEY".to_owned(),
        },
        (None, None) => return Err(missing(environment)),
    };
    let wedof = one_word(wedof)?;
    let Some(path) = environment.get("GOOGLE_CREDENTIALS_PATH") else {
        return Err(missing(environment));
    };
    let google = read_secret(path, google_ref, until).await?;
    Ok((wedof, google))
}

/// A key file, waited for if Secrets may come late.
async fn read_secret(path: &str, reference: Option<&SecretKeyRef>, until: Instant) -> Result<Credential, Failure> {
    let place = match reference {
        Some(SecretKeyRef { name, key }) => format!("Secret `{name}`, key `{key}`"),
        None => format!("file {path}"),
    };
    let bytes = loop {
        match tokio::fs::read(path).await {
            Ok(bytes) => break bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if Instant::now() >= until {
                    return Err(not_there(&place, reference));
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            Err(error) => {
                return Err(Failure::person(
                    reason::SECRET_INVALID,
                    format!("{place} cannot be read: {}", error.kind()),
                ));
            }
        }
    };
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::person(reason::SECRET_INVALID, format!("{place} is not text in UTF-8")))?;
    match trim(&text) {
        "" => Err(Failure::person(
            reason::SECRET_INVALID,
            format!("{place} is empty: put the key there"),
        )),
        text => Ok(Credential {
            secret: text.to_owned().into(),
            place,
        }),
    }
}

fn not_there(place: &str, reference: Option<&SecretKeyRef>) -> Failure {
    match reference {
        // the next attempt is a fresh pod, which sees a Secret made meanwhile
        Some(SecretKeyRef { name, key }) => Failure::later(
            reason::SECRET_MISSING,
            format!(
                "{place} is not there after {} s: make the Secret in this namespace (kubectl create secret generic {name} \
                 --from-file={key}=FILE); the next attempt will see it",
                SECRET_PATIENCE.as_secs()
            ),
        ),
        None => Failure::person(reason::SECRET_MISSING, format!("{place} is not there: check the path")),
    }
}

/// A key is one word: white space or control characters inside mean that something else was copied along.
fn one_word(credential: Credential) -> Result<Credential, Failure> {
    use secrecy::ExposeSecret;
    let odd = |c: char| c.is_whitespace() || !c.is_ascii_graphic();
    if credential.secret.expose_secret().contains(odd) {
        return Err(Failure::person(
            reason::SECRET_INVALID,
            format!(
                "{} holds white space, control characters or accents inside the API key: copy the key again, alone",
                credential.place
            ),
        ));
    }
    Ok(credential)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use secrecy::ExposeSecret;

    use super::*;

    const ID: &str = "1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms";

    async fn load(environment: Environment, in_pod: bool) -> Result<Config, Failure> {
        let overrides = Overrides {
            in_pod,
            ..Overrides::default()
        };
        Config::load(&environment, &overrides).await
    }

    /// A key file, the folder that keeps it, and the variables of a person.
    fn person(key: &str, id: &str) -> (tempfile::TempDir, Environment) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.json");
        std::fs::write(&path, "\u{feff}{\"type\":\"service_account\"}\r\n").unwrap();
        let environment = Environment::from([
            ("WEDOF_API_KEY", key),
            ("GOOGLE_CREDENTIALS_PATH", path.to_str().unwrap()),
            ("GOOGLE_SPREADSHEET_ID", id),
        ]);
        (folder, environment)
    }

    #[tokio::test]
    async fn three_variables_are_enough_and_white_space_around_them_does_not_count() {
        let (_folder, environment) = person(" \u{a0}k3y\u{200b}\r\n", &format!(" {ID}/ "));
        let config = load(environment, false).await.ok().unwrap();
        assert_eq!(config.wedof_key.secret.expose_secret(), "k3y");
        assert_eq!(
            config.google_key.secret.expose_secret(),
            "{\"type\":\"service_account\"}"
        );
        assert_eq!(config.spec.spreadsheet_id, ID);
        assert_eq!(config.wedof_base.as_str(), DEFAULT_BASE);
        assert_eq!(config.resources.len(), ResourceName::DEFAULT.len());
        assert!(config.by_default);
    }

    #[rstest]
    #[case("s3c ret")]
    #[case("s3c\tret")]
    #[case("s3c\u{a0}ret")]
    #[case("s3c\nret")]
    #[case("s3crét")]
    #[tokio::test]
    async fn a_key_that_cannot_be_one_is_refused_by_the_name_of_its_place(#[case] key: &str) {
        let (_folder, environment) = person(key, ID);
        let refused = load(environment, false).await.err().unwrap();
        assert_eq!((refused.reason, refused.exit_code()), (reason::SECRET_INVALID, 2));
        assert!(
            refused.message.contains("WEDOF_API_KEY") && !refused.message.contains("s3c"),
            "{refused}"
        );
    }

    #[tokio::test]
    async fn what_a_person_did_not_set_is_listed_with_where_to_find_it() {
        let refused = load(Environment::from([("WEDOF_API_KEY", "k")]), false)
            .await
            .err()
            .unwrap();
        assert_eq!(refused.exit_code(), 2);
        assert!(refused.message.contains("GOOGLE_SPREADSHEET_ID (the part"), "{refused}");
        assert!(refused.message.contains("GOOGLE_CREDENTIALS_PATH"), "{refused}");
        assert!(!refused.message.contains("WEDOF_API_KEY"), "{refused}");
    }

    #[rstest]
    #[case("1590950017", "gid")]
    #[case(
        "https://docs.google.com/spreadsheets/d/e/2PACX-1vQx4JZ8kXcD3hY0sRbTn/pubhtml",
        "published"
    )]
    #[tokio::test]
    async fn another_number_than_the_spreadsheets_is_explained(#[case] id: &str, #[case] says: &str) {
        let (_folder, environment) = person("k", id);
        let refused = load(environment, false).await.err().unwrap();
        assert_eq!(refused.exit_code(), 2);
        assert!(refused.message.contains(says), "{refused}");
    }

    fn pod(folder: &Path) -> Environment {
        let spec = format!(
            r#"{{"spreadsheetId":"{ID}","wedof":{{"apiKeySecretRef":{{"name":"wedof","key":"api-key"}}}},
                "google":{{"credentialsSecretRef":{{"name":"google","key":"credentials.json"}}}}}}"#
        );
        Environment::from([
            ("WEDOF_SHEET_SYNC_CONFIG", spec.as_str()),
            ("WEDOF_API_KEY_PATH", folder.join("api-key").to_str().unwrap()),
            (
                "GOOGLE_CREDENTIALS_PATH",
                folder.join("credentials.json").to_str().unwrap(),
            ),
            ("WEDOF_ALLOWED_HOSTS", "www.wedof.fr,staging.wedof.fr"),
        ])
    }

    #[tokio::test(start_paused = true)]
    async fn a_pod_waits_for_its_secrets_and_says_which_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let started = Instant::now();
        let missing = load(pod(folder.path()), true).await.err().unwrap();
        assert_eq!((missing.reason, missing.exit_code()), (reason::SECRET_MISSING, 1));
        assert!(missing.message.contains("Secret `wedof`, key `api-key`"), "{missing}");
        assert!(started.elapsed() >= SECRET_PATIENCE);

        std::fs::write(folder.path().join("api-key"), "k\n").unwrap();
        let missing = load(pod(folder.path()), true).await.err().unwrap();
        assert!(
            missing.message.contains("Secret `google`, key `credentials.json`"),
            "{missing}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_that_comes_late_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (key, file) = (folder.path().join("api-key"), folder.path().join("credentials.json"));
        let late = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            std::fs::write(key, "\u{feff}k\r\n").unwrap();
            std::fs::write(file, "{}").unwrap();
        };
        let (config, ()) = tokio::join!(load(pod(folder.path()), true), late);
        assert_eq!(config.ok().unwrap().wedof_key.secret.expose_secret(), "k");
    }

    #[tokio::test]
    async fn an_empty_secret_is_named_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("api-key"), " \u{a0}\n").unwrap();
        let refused = load(pod(folder.path()), true).await.err().unwrap();
        assert_eq!((refused.reason, refused.exit_code()), (reason::SECRET_INVALID, 2));
        assert!(
            refused.message.contains("Secret `wedof`, key `api-key` is empty"),
            "{refused}"
        );
    }

    #[rstest]
    #[case("spreadsheetId: ID\nresources: []", "list is empty")]
    #[case(
        "spreadsheetId: ID\nresources: [{name: organisms}, {name: organisms}]",
        "named twice"
    )]
    #[case(
        "spreadsheetId: ID\nresources: [{name: organisms, tab: certification folders}, {name: certificationFolders}]",
        "same tab"
    )]
    #[case("spreadsheetId: ID\nresources: [{name: organisms, tab: ' '}]", "1 to 100")]
    #[case("spreadsheetId: ID\nresources: [{name: organisms, expand: [files]}]", "have files")]
    #[case(
        "spreadsheetId: ID\nresources: [{name: organisms, tab: registration folder files}, {name: registrationFolders, expand: [files]}]",
        "same tab"
    )]
    #[case("spreadsheetId: ID\ntimeZone: Europe/Pariss", "no time zone")]
    #[case("spreadsheetId: ID\nwedof: {requestsPerMinute: 0}", "1 to 600")]
    #[case("spreadsheetId: ID\ndeletionGuard: {maxPercent: 101}", "0 to 100")]
    #[case("spreadsheetId: ID\nwedof: {baseUrl: 'http://www.wedof.fr/api'}", "use https")]
    #[tokio::test]
    async fn a_spec_that_contradicts_itself_is_refused(#[case] spec: &str, #[case] says: &str) {
        let (_folder, mut environment) = person("k", ID);
        let inline = Environment::from([("WEDOF_SHEET_SYNC_CONFIG", spec.replace("ID", ID).as_str())]);
        environment.extend(inline);
        let refused = load(environment, false).await.err().unwrap();
        assert_eq!(refused.exit_code(), 2);
        assert!(refused.message.contains(says), "{refused}");
    }
}
