//! Everything a sync needs to know before it starts: the spec, the credentials and the addresses, from flags, variables,
//! `.env`, a config file and mounted Secrets. What the config file says wins over variables; they fill what it leaves out.

mod credentials;
mod environment;
mod source;

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use tokio::time::Instant;
use url::Url;

pub use self::{credentials::Credential, environment::Environment, source::Timing};
use self::{
    credentials::{one_word, read_secret},
    source::Source,
};
use crate::{
    failure::{Failure, reason},
    network::{Network, base_url},
    patience::Patience,
    sheets::CELL_LIMIT,
    spec::{ResourceName, ResourceSpec, SyncSpec, spreadsheet_id, trim},
    wedof::{catalogue, client::DEFAULT_BASE},
};

const DEFAULT_TIME_ZONE: &str = "Europe/Paris";

/// Where the values of the variables that a person has to set are found.
const WANTED: [(&str, &str); 3] = [
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

pub struct Config {
    pub spec: SyncSpec,
    pub zone: TimeZone,
    /// What to sync, in the spec's order.
    pub resources: Vec<ResourceSpec>,
    /// The resources are the default ones because the spec names none.
    pub by_default: bool,
    /// When the manifest wants its syncs; only the scheduler asks.
    pub timing: Option<Timing>,
    pub wedof_base: Url,
    pub wedof_key: Credential,
    /// None if nothing is asked of Google.
    pub google: Option<Google>,
    pub patience: Patience,
    pub network: Network,
    /// The object that this run was made for on a cluster, `namespace/name`: for advice only.
    pub object: Option<String>,
}

/// How Google is reached.
pub struct Google {
    /// The text of the service account's key file.
    pub key: Credential,
    /// Hosts besides Google's own that the key file's `token_uri` may name. None: a person's machine, any loopback host.
    pub token_hosts: Option<Vec<String>>,
    /// Where the Sheets API is, if not at Google.
    pub sheets_base: Option<Url>,
    /// The most cells of a spreadsheet.
    pub cell_limit: usize,
}

/// What the command line adds.
#[derive(Debug, Default)]
pub struct Overrides {
    pub config: Option<PathBuf>,
    /// Only these resources.
    pub only: Vec<ResourceName>,
    /// Secrets are mounted and may come late; nobody is there to set variables.
    pub in_pod: bool,
    /// Nothing is asked of Google: neither a spreadsheet nor a key for it is needed.
    pub without_google: bool,
}

/// The configuration in its parts, each found or wrong by itself: `check` tells all that is wrong, a sync the first.
pub struct Parts {
    pub order: Result<Order, Failure>,
    /// The spreadsheet's ID.
    pub spreadsheet: Result<String, Failure>,
    pub wedof_base: Result<Url, Failure>,
    pub wedof_key: Result<Credential, Failure>,
    pub google: Result<Google, Failure>,
    /// How both are reached.
    pub network: Result<Network, Failure>,
}

/// What to sync.
pub struct Order {
    /// Its `spreadsheetId` is as it was written.
    pub spec: SyncSpec,
    pub zone: TimeZone,
    pub resources: Vec<ResourceSpec>,
    pub by_default: bool,
    pub timing: Option<Timing>,
    pub patience: Patience,
    pub object: Option<String>,
}

impl Config {
    pub async fn load(environment: &Environment, overrides: &Overrides) -> Result<Self, Failure> {
        if let Some(missing) = missing(environment, overrides) {
            return Err(missing);
        }
        let Parts {
            order,
            spreadsheet,
            wedof_base,
            wedof_key,
            google,
            network,
        } = Parts::load(environment, overrides).await;
        let Order {
            mut spec,
            zone,
            resources,
            by_default,
            timing,
            patience,
            object,
        } = order?;
        if !overrides.without_google {
            spec.spreadsheet_id = spreadsheet?;
        }
        catalogue::filters::check(&spec.wanted(), &zone)?;
        Ok(Self {
            spec,
            zone,
            resources,
            by_default,
            timing,
            wedof_base: wedof_base?,
            wedof_key: wedof_key?,
            google: match overrides.without_google {
                true => None,
                false => Some(google?),
            },
            patience,
            network: network?,
            object,
        })
    }
}

impl Parts {
    pub async fn load(environment: &Environment, overrides: &Overrides) -> Self {
        let source = source(environment, overrides);
        let spec = source.as_ref().ok().map(|source| &source.spec);
        let base = spec
            .and_then(|spec| spec.wedof.base_url.as_deref())
            .or(environment.get("WEDOF_BASE_URL"))
            .unwrap_or(DEFAULT_BASE);
        let allowed = environment.list("WEDOF_ALLOWED_HOSTS");
        let wedof_base = base_url(trim(base), allowed.as_deref())
            .map_err(|what| invalid(format!("wedof.baseUrl (or WEDOF_BASE_URL): {what}")));

        // a person's key file is no Secret, even if the manifest at hand names one
        let in_pod = spec.filter(|_| overrides.in_pod);
        let until = credentials::patience(overrides.in_pod);
        let wedof_ref = in_pod.and_then(|spec| spec.wedof.api_key_secret_ref.as_ref());
        let wedof_key = match (environment.get("WEDOF_API_KEY_PATH"), environment.get("WEDOF_API_KEY")) {
            (Some(path), _) => read_secret(path, wedof_ref, until).await.and_then(one_word),
            (None, Some(key)) => one_word(Credential {
                secret: key.to_owned().into(),
                place: "variable WEDOF_API_KEY".to_owned(),
            }),
            (None, None) => Err(unset(&["WEDOF_API_KEY"])),
        };
        // one that is wrong ends the run: the other is not waited for
        let until = if wedof_key.is_ok() { until } else { Instant::now() };
        let google_ref = in_pod.and_then(|spec| spec.google.credentials_secret_ref.as_ref());
        let google_key = match environment.get("GOOGLE_CREDENTIALS_PATH") {
            Some(path) if !overrides.without_google => read_secret(path, google_ref, until).await,
            _ => Err(unset(&["GOOGLE_CREDENTIALS_PATH"])),
        };
        let sheets_base = environment
            .get("GOOGLE_SHEETS_BASE_URL")
            .map(|base| base_url(base, None).map_err(|what| invalid(format!("GOOGLE_SHEETS_BASE_URL: {what}"))))
            .transpose();
        let cell_limit = cell_limit(environment);
        let google = google_key.and_then(|key| {
            Ok(Google {
                key,
                token_hosts: environment.list("GOOGLE_TOKEN_HOSTS"),
                sheets_base: sheets_base?,
                cell_limit: cell_limit?,
            })
        });
        let spreadsheet = match spec.map(|spec| spec.spreadsheet_id.as_str()) {
            Some("") => Err(unset(&["GOOGLE_SPREADSHEET_ID"])),
            Some(id) => spreadsheet(id),
            None => spreadsheet(environment.get("GOOGLE_SPREADSHEET_ID").unwrap_or_default()),
        };
        Self {
            order: source.and_then(|source| Order::of(source, environment, overrides)),
            spreadsheet,
            wedof_base,
            wedof_key,
            google,
            network: Network::of(environment),
        }
    }
}

impl Order {
    fn of(source: Source, environment: &Environment, overrides: &Overrides) -> Result<Self, Failure> {
        let Source { spec, timing } = source;
        let zone = match &spec.time_zone {
            Some(name) => zone(name)?,
            None => machine_zone(environment.get("TZ"))?,
        };
        let by_default = spec.resources.is_none();
        let resources = resources(&spec, &overrides.only)?;
        Ok(Self {
            spec,
            zone,
            resources,
            by_default,
            timing,
            patience: Patience::of(environment)?,
            object: environment.get("WEDOF_SHEET_SYNC_OBJECT").map(str::to_owned),
        })
    }
}

fn invalid(message: String) -> Failure {
    Failure::person(reason::INVALID_CONFIG, message)
}

/// Google may raise its limit before this program knows of it.
fn cell_limit(environment: &Environment) -> Result<usize, Failure> {
    match environment.get("GOOGLE_CELL_LIMIT") {
        None => Ok(CELL_LIMIT),
        Some(text) => text.parse().ok().filter(|limit| *limit > 0).ok_or_else(|| {
            invalid(format!(
                "GOOGLE_CELL_LIMIT: `{text}` is no number of cells, such as {CELL_LIMIT}"
            ))
        }),
    }
}

fn spreadsheet(id: &str) -> Result<String, Failure> {
    spreadsheet_id(id).map_err(|what| invalid(format!("spreadsheetId (or GOOGLE_SPREADSHEET_ID): {what}")))
}

/// The spec of `--config`, else of WEDOF_SHEET_SYNC_CONFIG (a path or the text itself), else of variables alone. An ID
/// that is given nowhere is left empty.
fn source(environment: &Environment, overrides: &Overrides) -> Result<Source, Failure> {
    let spreadsheet = environment.get("GOOGLE_SPREADSHEET_ID").unwrap_or_default();
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
        None => source::parse("{}", "variables", spreadsheet),
    }
}

/// All variables that a person still has to set.
fn missing(environment: &Environment, overrides: &Overrides) -> Option<Failure> {
    let configured = overrides.config.is_some() || environment.get("WEDOF_SHEET_SYNC_CONFIG").is_some();
    let is_set = |name: &str| environment.get(name).is_some() || environment.get(&format!("{name}_PATH")).is_some();
    let names: Vec<&str> = WANTED
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !(overrides.without_google && name.starts_with("GOOGLE")))
        .filter(|name| !(configured && *name == "GOOGLE_SPREADSHEET_ID"))
        .filter(|name| !is_set(name))
        .collect();
    (!names.is_empty()).then(|| unset(&names))
}

fn unset(names: &[&str]) -> Failure {
    let lines: Vec<String> = WANTED
        .iter()
        .filter(|(name, _)| names.contains(name))
        .map(|(name, where_from)| format!("{name} ({where_from})"))
        .collect();
    invalid(format!(
        "not set, neither in the environment nor in .env: {}",
        lines.join("; ")
    ))
}

fn zone(name: &str) -> Result<TimeZone, Failure> {
    TimeZone::get(name).map_err(|_| {
        invalid(format!(
            "timeZone: `{name}` is no time zone; names are like Europe/Paris or Indian/Reunion"
        ))
    })
}

/// The zone of the variable TZ, in the forms that systems use: a name, `:name`, a path of the zone's file, a POSIX rule.
fn machine_zone(tz: Option<&str>) -> Result<TimeZone, Failure> {
    let name = tz.map(|tz| tz.trim_start_matches(':')).unwrap_or_default();
    let name = name.rsplit_once("zoneinfo/").map_or(name, |(_, name)| name);
    // a path that is no zone's, such as /etc/localtime, says nothing
    if name.is_empty() || name.starts_with('/') {
        return zone(DEFAULT_TIME_ZONE);
    }
    TimeZone::get(name).or_else(|_| TimeZone::posix(name)).map_err(|_| {
        invalid(format!(
            "TZ: `{name}` is no time zone; names are like Europe/Paris or Indian/Reunion"
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
    spec.deletion_guard
        .accepted_until()
        .map_err(|what| invalid(format!("deletionGuard.acceptUntil: {what}")))?;
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

#[cfg(test)]
mod tests;
