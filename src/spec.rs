//! What to sync: the part of a `WedofSheetSync` that its runs receive, and what a person writes in a config file.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The order of a run: everything of the custom resource that the sync itself needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SyncSpec {
    #[serde(default)]
    pub spreadsheet_id: String,
    /// IANA name; default Europe/Paris. Days without a zone are read in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    #[serde(default)]
    pub wedof: WedofSpec,
    #[serde(default)]
    pub google: GoogleSpec,
    /// Left out: those of [`ResourceName::DEFAULT`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Vec<ResourceSpec>>,
    #[serde(default, skip_serializing_if = "PersonalData::is_default")]
    pub personal_data: PersonalData,
    #[serde(default)]
    pub deletion_guard: DeletionGuard,
}

impl SyncSpec {
    /// What to sync: the named resources and the child resources that they expand into; without any, the default ones.
    pub fn wanted(&self) -> Vec<ResourceSpec> {
        wanted(self.resources.as_deref())
    }
}

/// See [`SyncSpec::wanted`].
pub fn wanted(named: Option<&[ResourceSpec]>) -> Vec<ResourceSpec> {
    let Some(named) = named else {
        return ResourceName::DEFAULT.map(ResourceSpec::of).to_vec();
    };
    let mut all = named.to_vec();
    let children = named
        .iter()
        .filter(|resource| !resource.expand.is_empty())
        .filter_map(|resource| resource.name.files());
    for child in children {
        if all.iter().all(|resource| resource.name != child) {
            all.push(ResourceSpec::of(child));
        }
    }
    all
}

/// How Wedof is read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WedofSpec {
    /// The key of a Secret that holds the API key (Mon compte > Jetons d'API). Names the place in messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_secret_ref: Option<SecretKeyRef>,
    /// Default: https://www.wedof.fr/api
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Pace of requests, 1 to 600 a minute; default 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<i32>,
    /// Most requests of one run; default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_budget: Option<i32>,
}

/// How Google is reached.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GoogleSpec {
    /// The key of a Secret that holds the JSON key file of a service account. Names the place in messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<SecretKeyRef>,
}

/// One key of a Secret in the object's own namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretKeyRef {
    pub name: String,
    pub key: String,
}

/// What of Wedof fills a tab. Names are Wedof's own; those of its lists are as in its paths.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "camelCase")]
#[clap(rename_all = "camelCase")]
pub enum ResourceName {
    Users,
    Trainings,
    Sessions,
    Attendees,
    RegistrationFolders,
    CertificationFolders,
    Organisms,
    Activities,
    Evaluations,
    Invoices,
    Payments,
    TrainingActions,
    Surveys,
    WorkingContracts,
    CertificationPartners,
    RegistrationFolderFiles,
    CertificationFolderFiles,
}

impl ResourceName {
    pub const ALL: [Self; 17] = [
        Self::Users,
        Self::Trainings,
        Self::Sessions,
        Self::Attendees,
        Self::RegistrationFolders,
        Self::CertificationFolders,
        Self::Organisms,
        Self::Activities,
        Self::Evaluations,
        Self::Invoices,
        Self::Payments,
        Self::TrainingActions,
        Self::Surveys,
        Self::WorkingContracts,
        Self::CertificationPartners,
        Self::RegistrationFolderFiles,
        Self::CertificationFolderFiles,
    ];

    /// What is synced when the spec names nothing.
    pub const DEFAULT: [Self; 11] = [
        Self::Users,
        Self::Trainings,
        Self::Sessions,
        Self::Attendees,
        Self::RegistrationFolders,
        Self::CertificationFolders,
        Self::Organisms,
        Self::Activities,
        Self::Evaluations,
        Self::Invoices,
        Self::Payments,
    ];

    /// The name in specs, reports and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Trainings => "trainings",
            Self::Sessions => "sessions",
            Self::Attendees => "attendees",
            Self::RegistrationFolders => "registrationFolders",
            Self::CertificationFolders => "certificationFolders",
            Self::Organisms => "organisms",
            Self::Activities => "activities",
            Self::Evaluations => "evaluations",
            Self::Invoices => "invoices",
            Self::Payments => "payments",
            Self::TrainingActions => "trainingActions",
            Self::Surveys => "surveys",
            Self::WorkingContracts => "workingContracts",
            Self::CertificationPartners => "certificationPartners",
            Self::RegistrationFolderFiles => "registrationFolderFiles",
            Self::CertificationFolderFiles => "certificationFolderFiles",
        }
    }

    /// The title of the tab when the spec gives none.
    pub fn default_tab(self) -> &'static str {
        match self {
            Self::Users => "Users",
            Self::Trainings => "Trainings",
            Self::Sessions => "Sessions",
            Self::Attendees => "Attendees",
            Self::RegistrationFolders => "Registration Folders",
            Self::CertificationFolders => "Certification Folders",
            Self::Organisms => "Organisms",
            Self::Activities => "Activities",
            Self::Evaluations => "Evaluations",
            Self::Invoices => "Invoices",
            Self::Payments => "Payments",
            Self::TrainingActions => "Training Actions",
            Self::Surveys => "Surveys",
            Self::WorkingContracts => "Working Contracts",
            Self::CertificationPartners => "Certification Partners",
            Self::RegistrationFolderFiles => "Registration Folder Files",
            Self::CertificationFolderFiles => "Certification Folder Files",
        }
    }

    /// The child resource that `expand: [files]` adds.
    pub fn files(self) -> Option<Self> {
        match self {
            Self::RegistrationFolders => Some(Self::RegistrationFolderFiles),
            Self::CertificationFolders => Some(Self::CertificationFolderFiles),
            _ => None,
        }
    }
}

impl std::fmt::Display for ResourceName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One resource and how its tab should look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourceSpec {
    pub name: ResourceName,
    /// Title of the tab, up to 100 characters. Default: the resource's name in English, as "Registration Folders".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tab: Option<String>,
    /// Wedof's own filters, each with its values: `state: [accepted, inTraining]`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub filters: BTreeMap<String, Vec<String>>,
    /// Parts of each record that get a tab of their own. `files`: the files of folders, one a row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expand: Vec<Expand>,
    #[serde(default, skip_serializing_if = "ColumnsSpec::is_default")]
    pub columns: ColumnsSpec,
    #[serde(default)]
    pub missing_rows: MissingRows,
}

impl ResourceSpec {
    /// The resource with every setting at its default.
    pub fn of(name: ResourceName) -> Self {
        Self {
            name,
            tab: None,
            filters: BTreeMap::new(),
            expand: Vec::new(),
            columns: ColumnsSpec::default(),
            missing_rows: MissingRows::default(),
        }
    }

    /// The title that the tab should have.
    pub fn title(&self) -> &str {
        self.tab.as_deref().unwrap_or(self.name.default_tab())
    }
}

/// A part of records that can have a tab of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Expand {
    Files,
}

/// Which fields become columns, by dotted path; `*` stands for anything.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ColumnsSpec {
    /// A choice of columns to begin with; `include` adds to it, `exclude` takes from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// Only these paths, beside those of the preset. Empty and without a preset: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// Not these paths; the key column stays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// Header texts by path: `attendee.lastName: Nom`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Header texts of fields without a label here. Default: path; with the preset `suivi`, french.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<Headers>,
}

/// A choice of columns that many centres make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Preset {
    /// The columns of a centre's tracking sheet, with French headers.
    Suivi,
    /// Every field that some record fills, bare links too.
    All,
}

/// What stands in the header of a column that has no label of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Headers {
    /// The field's path, as in Wedof's documentation: `attendee.lastName`.
    #[default]
    Path,
    /// The catalogue's French text: `Nom`. Fields that the catalogue does not know keep their path.
    French,
    /// The catalogue's English text: `Last name`.
    English,
}

impl ColumnsSpec {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What headers show, if nothing else is asked for.
    pub fn headers(&self) -> Headers {
        self.headers.unwrap_or(match self.preset {
            Some(Preset::Suivi) => Headers::French,
            Some(Preset::All) | None => Headers::Path,
        })
    }

    pub fn includes(&self, path: &str) -> bool {
        self.include.iter().any(|pattern| covers(pattern, path))
    }

    pub fn excludes(&self, path: &str) -> bool {
        self.exclude.iter().any(|pattern| covers(pattern, path))
    }
}

/// Whether a pattern covers a path: itself, `*` for any characters (dots too), or a parent (`attendee` covers
/// `attendee.email`).
pub fn covers(pattern: &str, path: &str) -> bool {
    is_like(pattern, path) || is_like(&format!("{pattern}.*"), path)
}

/// Whether a text is like a pattern in which `*` stands for anything. Only the last star is ever tried again, so the
/// longest pattern takes no longer than the product of both lengths.
pub fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut of) = (0, 0);
    let mut star = None;
    while at < text.len() {
        match pattern.get(of) {
            Some(b'*') => {
                star = Some((of, at));
                of += 1;
            }
            Some(byte) if *byte == text[at] => {
                of += 1;
                at += 1;
            }
            _ => match &mut star {
                Some((of_star, at_star)) => {
                    *at_star += 1;
                    (of, at) = (*of_star + 1, *at_star);
                }
                None => return false,
            },
        }
    }
    pattern[of..].iter().all(|byte| *byte == b'*')
}

/// Whether names, addresses, birth dates and other data of persons are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PersonalData {
    #[default]
    Include,
    /// Such fields get no column; columns of them that exist are removed.
    Exclude,
}

impl PersonalData {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What becomes of rows whose record Wedof no longer lists. Rows people wrote on are kept and marked whatever it says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum MissingRows {
    #[default]
    Delete,
    Keep,
    Mark,
}

/// A run that would delete (or mark) at least `minRows` rows and more than `maxPercent` of the tab's record rows is
/// refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DeletionGuard {
    /// 0 to 100; default 50. 100 switches the guard off.
    pub max_percent: i32,
    /// Fewer deletions than this are never refused; default 20.
    pub min_rows: i32,
    /// Runs that start before this moment may delete what the guard would refuse: a way to accept it once. RFC 3339, as
    /// 2026-12-01T12:00:00Z.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept_until: Option<String>,
}

impl Default for DeletionGuard {
    fn default() -> Self {
        Self {
            max_percent: 50,
            min_rows: 20,
            accept_until: None,
        }
    }
}

impl DeletionGuard {
    /// The moment of `acceptUntil`. The error says what the text should be.
    pub fn accepted_until(&self) -> Result<Option<Timestamp>, String> {
        let parse = |text: &String| {
            text.parse()
                .map_err(|_| format!("`{text}` is no moment with its zone, such as 2026-12-01T12:00:00Z"))
        };
        self.accept_until.as_ref().map(parse).transpose()
    }

    /// Whether a run that starts at `start` may delete what the guard would refuse.
    pub fn accepts(&self, start: Timestamp) -> bool {
        self.accepted_until().ok().flatten().is_some_and(|until| start < until)
    }
}

/// Takes the spreadsheet's ID out of what people paste: the ID itself, a link to the spreadsheet, either with stray
/// white space or slashes. The error says what the text is instead and where the ID is found.
pub fn spreadsheet_id(text: &str) -> Result<String, String> {
    let text = trim(text);
    let where_to_find = "the ID is the part of the spreadsheet's link between /d/ and /edit";
    let (id, in_link) = match text.find("/d/") {
        Some(at) => (&text[at + 3..], true),
        None => (text, false),
    };
    if id.starts_with("2PACX-") || id.starts_with("e/2PACX-") {
        return Err(format!(
            "this is the link of a published copy, which cannot be written to: open the spreadsheet itself; {where_to_find}"
        ));
    }
    let id = if in_link {
        id.split(['/', '?', '#']).next().unwrap_or_default()
    } else {
        id.trim_matches('/')
    };
    if id.is_empty() {
        return Err(format!("it is empty: {where_to_find}"));
    }
    if id.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!(
            "`{id}` is the number of a tab (gid), not of a spreadsheet: {where_to_find}"
        ));
    }
    if !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') || !(20..=200).contains(&id.len()) {
        return Err(format!(
            "a spreadsheet's ID has 20 to 200 letters, digits, `-` and `_`, and this text is another: {where_to_find}"
        ));
    }
    Ok(id.to_owned())
}

/// Cuts off what editors and copying leave around a value: white space of any kind (non-breaking too), a byte order
/// mark, zero-width spaces. The same for every key and ID, wherever it comes from.
pub fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms";

    #[test]
    fn the_id_is_found_in_whatever_link_people_paste() {
        for text in [
            ID.to_owned(),
            format!(" {ID}\u{a0}\r\n"),
            format!("{ID}/"),
            format!("https://docs.google.com/spreadsheets/d/{ID}/edit?usp=sharing#gid=0"),
            format!("https://docs.google.com/spreadsheets/u/1/d/{ID}"),
            format!("https://docs.google.com/spreadsheets/d/{ID}?usp=drive_link"),
        ] {
            assert_eq!(spreadsheet_id(&text).as_deref(), Ok(ID), "{text}");
        }
    }

    #[test]
    fn what_is_no_spreadsheet_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "empty"),
            (" \u{a0}", "empty"),
            ("1590950017", "gid"),
            (
                "https://docs.google.com/spreadsheets/d/e/2PACX-1vQx4JZ8kXcD3hY0sRbTn/pubhtml",
                "published",
            ),
            ("2PACX-1vQx4JZ8kXcD3hY0sRbTn", "published"),
            ("1BxiMVs0XRA5nFMd KvBdBZjgmUUqptlbs74OgvE2upms", "20 to 200"),
            ("https://docs.google.com/spreadsheets/", "20 to 200"),
            ("abc", "20 to 200"),
        ] {
            let refused = spreadsheet_id(text).unwrap_err();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }

    #[test]
    fn deletions_are_accepted_in_runs_that_start_before_the_moment_and_not_at_it() {
        let guard = |text: &str| DeletionGuard {
            accept_until: Some(text.into()),
            ..DeletionGuard::default()
        };
        let noon: Timestamp = "2026-12-01T12:00:00Z".parse().unwrap();
        for (until, accepted) in [
            ("2026-12-01T12:00:01Z", true),
            ("2026-12-01T12:00:00Z", false),
            ("2026-12-01T13:00:00+01:00", false),
            ("2026-12-01T13:00:00.5+01:00", true),
        ] {
            assert_eq!(guard(until).accepts(noon), accepted, "{until}");
        }
        assert!(!DeletionGuard::default().accepts(noon));
        for text in [
            "tomorrow",
            "2026-12-01",
            "2026-12-01T12:00:00",
            "2026-13-01T12:00:00Z",
            "",
        ] {
            assert!(
                guard(text)
                    .accepted_until()
                    .unwrap_err()
                    .contains("2026-12-01T12:00:00Z"),
                "{text}"
            );
            assert!(!guard(text).accepts(noon), "{text}");
        }
    }

    #[test]
    fn a_pattern_covers_a_path_its_children_and_what_its_stars_stand_for() {
        for (pattern, path, covered) in [
            ("attendee", "attendee", true),
            ("attendee", "attendee.email", true),
            ("attendee", "attendeeState", false),
            ("*.email", "attendee.email", true),
            ("_links.*.href", "_links.self.href", true),
            ("_links.*.href", "_links.self.name", false),
            ("*", "anything.at.all", true),
            ("history.*Date", "history.acceptedDate", true),
            ("history.*Date", "history.completionRateLastUpdate", false),
            ("a*b*c", "a.b.b.c", true),
            ("*a", "banana.b", true),
            ("", "state", false),
            (&"*a".repeat(100), &"a".repeat(99), false),
        ] {
            assert_eq!(covers(pattern, path), covered, "{pattern} {path}");
        }
    }
}
