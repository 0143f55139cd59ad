//! Wedof's resources as data: where each is read, how its records are told apart, what may be asked of it and what
//! its fields are. A new resource is a new file beside the others and a line in [`Resource::of`].

mod certification_folders;
mod lists;
mod organisms;
mod registration_folders;
mod shared;

use std::collections::BTreeMap;

use jiff::{civil::Date, tz::TimeZone};

use crate::{
    failure::{Failure, reason},
    spec::{ResourceName, ResourceSpec},
    table::{KeyShape, Kind},
};

/// One resource of Wedof.
#[derive(Debug)]
pub struct Resource {
    pub name: ResourceName,
    /// Below the base URL.
    pub path: &'static str,
    pub source: Source,
    /// Fields that may tell records apart, the preferred one first.
    pub keys: &'static [Key],
    /// The key is personal data (an e-mail): messages name the row instead.
    pub key_is_personal: bool,
    /// Parameters that every request has.
    pub fixed: &'static [(&'static str, &'static str)],
    pub filters: &'static [Filter],
    /// Paths of the columns that people use first, in this order; the other fields follow in the order of `groups`.
    pub first: &'static [&'static str],
    pub groups: &'static [Group],
    /// Paths that stay one cell of JSON: their keys are people's own, and each would become a column.
    pub whole: &'static [&'static str],
    pub evidence: Evidence,
}

/// How the records are obtained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A list read page by page.
    List { order: Order },
    /// One object.
    Object,
}

impl Source {
    /// The name kept with the tab: rows are not deleted in the run in which it changes.
    pub fn origin(self) -> &'static str {
        match self {
            Self::List { .. } => "list",
            Self::Object => "object",
        }
    }
}

/// What is known of the order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// `sort=id&order=asc`: a record never moves up, a new one comes last.
    ById,
    /// Nothing: records may move between pages.
    Unknown,
}

/// A field that identifies records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    pub field: &'static str,
    pub shape: KeyShape,
}

/// How sure we are that the resource exists as described: nobody outside Wedof has its documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Programs in production read it.
    Production,
    /// Written by the vendor, or generated from the vendor's description.
    Vendor,
    /// Programs ask for it; none shows a real answer.
    Assumed,
}

/// A parameter that narrows a list.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    pub name: &'static str,
    pub accepts: Accepts,
}

const fn filter(name: &'static str, accepts: Accepts) -> Filter {
    Filter { name, accepts }
}

#[derive(Debug, Clone, Copy)]
pub enum Accepts {
    /// Values of this list, joined by commas.
    Several(&'static [&'static str]),
    /// One value of this list.
    One(&'static [&'static str]),
    /// Any values, joined by commas.
    AnySeveral,
    /// Any one value.
    Any,
    /// A day (its first or last second is sent) or an RFC 3339 moment.
    Since,
    Until,
}

/// Fields below one parent.
#[derive(Debug)]
pub struct Group {
    /// With its dot, or empty.
    pub prefix: &'static str,
    pub fields: &'static [Field],
}

/// A field that some client has seen.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    pub name: &'static str,
    /// French header text, unique in its resource.
    pub label: &'static str,
    pub kind: Kind,
    pub personal: bool,
}

impl Field {
    const fn of(name: &'static str, label: &'static str, kind: Kind) -> Self {
        Self {
            name,
            label,
            kind,
            personal: false,
        }
    }

    const fn personal(mut self) -> Self {
        self.personal = true;
        self
    }
}

/// Text, number or boolean, as JSON has it.
const fn plain(name: &'static str, label: &'static str) -> Field {
    Field::of(name, label, Kind::Plain)
}

/// Digits that are no number.
const fn id(name: &'static str, label: &'static str) -> Field {
    Field::of(name, label, Kind::Identifier)
}

const fn day(name: &'static str, label: &'static str) -> Field {
    Field::of(name, label, Kind::Day)
}

const fn instant(name: &'static str, label: &'static str) -> Field {
    Field::of(name, label, Kind::Instant)
}

impl Resource {
    pub fn of(name: ResourceName) -> &'static Self {
        match name {
            ResourceName::RegistrationFolders => &registration_folders::RESOURCE,
            ResourceName::CertificationFolders => &certification_folders::RESOURCE,
            ResourceName::Organisms => &organisms::RESOURCE,
            ResourceName::Users => &lists::USERS,
            ResourceName::Trainings => &lists::TRAININGS,
            ResourceName::Sessions => &lists::SESSIONS,
            ResourceName::Attendees => &lists::ATTENDEES,
            ResourceName::Activities => &lists::ACTIVITIES,
            ResourceName::Evaluations => &lists::EVALUATIONS,
            ResourceName::Invoices => &lists::INVOICES,
            ResourceName::Payments => &lists::PAYMENTS,
            ResourceName::TrainingActions => &lists::TRAINING_ACTIONS,
            ResourceName::Surveys => &lists::SURVEYS,
            ResourceName::WorkingContracts => &lists::WORKING_CONTRACTS,
            ResourceName::CertificationPartners => &lists::CERTIFICATION_PARTNERS,
            ResourceName::RegistrationFolderFiles => &lists::REGISTRATION_FOLDER_FILES,
            ResourceName::CertificationFolderFiles => &lists::CERTIFICATION_FOLDER_FILES,
        }
    }

    /// Every known field with its path, in the order of the columns.
    pub fn fields(&self) -> Vec<(String, Field)> {
        let mut fields: Vec<(String, Field)> = self
            .groups
            .iter()
            .flat_map(|group| {
                group
                    .fields
                    .iter()
                    .map(|field| (format!("{}{}", group.prefix, field.name), *field))
            })
            .collect();
        // stable: fields that are not among the first keep their order
        fields.sort_by_key(|(path, _)| self.first.iter().position(|first| first == path).unwrap_or(usize::MAX));
        fields
    }

    /// The parameters of every request, from the spec's filters; refused before anything is asked of Wedof if a filter
    /// or a value does not exist, because Wedof ignores what it does not know and would list everything.
    pub fn query(&self, spec: &ResourceSpec, zone: &TimeZone) -> Result<Vec<(String, String)>, Failure> {
        let mut query: Vec<(String, String)> = self.fixed.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        for (name, values) in &spec.filters {
            let refuse = |what: String| {
                Failure::person(
                    reason::INVALID_CONFIG,
                    format!("resources, {}: filter `{name}` {what}", self.name),
                )
            };
            let Some(filter) = self.filters.iter().find(|filter| filter.name == name) else {
                let known: Vec<_> = self.filters.iter().map(|filter| filter.name).collect();
                return Err(refuse(if known.is_empty() {
                    "cannot be used: this resource has no filters".to_owned()
                } else {
                    format!("does not exist; there are {}", known.join(", "))
                }));
            };
            query.push((name.clone(), filter.accepts.join(values, zone).map_err(refuse)?));
        }
        check_period(&spec.filters)
            .map_err(|what| Failure::person(reason::INVALID_CONFIG, format!("resources, {}: {what}", self.name)))?;
        Ok(query)
    }
}

/// `since` and `until` count only with `period=custom`, which needs both.
fn check_period(filters: &BTreeMap<String, Vec<String>>) -> Result<(), &'static str> {
    let custom = filters
        .get("period")
        .is_some_and(|period| period.iter().any(|p| p == "custom"));
    let bounds = ["since", "until"].map(|name| filters.contains_key(name));
    match (custom, bounds) {
        (true, [true, true]) | (false, [false, false]) => Ok(()),
        (true, _) => Err("filter `period: [custom]` needs `since` and `until`"),
        (false, _) => Err("filters `since` and `until` need `period: [custom]`"),
    }
}

impl Accepts {
    fn join(self, values: &[String], zone: &TimeZone) -> Result<String, String> {
        if values.is_empty() || values.iter().any(|value| value.trim().is_empty()) {
            return Err("has no value, or an empty one; leave it out to list everything".to_owned());
        }
        if let (Self::One(_) | Self::Any | Self::Since | Self::Until, [_, _, ..]) = (self, values) {
            return Err("takes one value".to_owned());
        }
        match self {
            Self::Several(known) | Self::One(known) => {
                if let Some(wrong) = values.iter().find(|value| !known.contains(&value.as_str())) {
                    return Err(format!("has no value `{wrong}`; there are {}", known.join(", ")));
                }
            }
            Self::AnySeveral => {
                if let Some(wrong) = values.iter().find(|value| value.contains(',')) {
                    return Err(format!("has the value `{wrong}`: write several values as a list"));
                }
            }
            Self::Any => {}
            Self::Since | Self::Until => return moment(&values[0], matches!(self, Self::Until), zone),
        }
        Ok(values.join(","))
    }
}

/// A day becomes its first or last second in the spec's zone; a moment is sent as it is.
fn moment(value: &str, end_of_day: bool, zone: &TimeZone) -> Result<String, String> {
    let wrong = || {
        format!("has the value `{value}`, which is neither a day (2026-01-31) nor a moment (2026-01-31T08:00:00+01:00)")
    };
    if let (10, Ok(date)) = (value.len(), value.parse::<Date>()) {
        let time = if end_of_day {
            date.at(23, 59, 59, 0)
        } else {
            date.at(0, 0, 0, 0)
        };
        let zoned = time.to_zoned(zone.clone()).map_err(|_| wrong())?;
        return Ok(zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string());
    }
    value.parse::<jiff::Timestamp>().map_err(|_| wrong())?;
    Ok(value.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rstest::rstest;

    use super::*;

    fn query(name: ResourceName, filters: &[(&str, &[&str])]) -> Result<Vec<(String, String)>, String> {
        let spec = ResourceSpec {
            filters: filters
                .iter()
                .map(|(k, v)| ((*k).into(), v.iter().map(|v| (*v).to_owned()).collect()))
                .collect(),
            ..ResourceSpec::of(name)
        };
        let paris = TimeZone::get("Europe/Paris").unwrap();
        Resource::of(name)
            .query(&spec, &paris)
            .map_err(|failure| failure.message)
    }

    #[test]
    fn every_path_and_french_label_is_given_once() {
        for name in ResourceName::ALL {
            let resource = Resource::of(name);
            assert_eq!(resource.name, name);
            let fields = resource.fields();
            let paths: BTreeSet<_> = fields.iter().map(|(path, _)| path).collect();
            let labels: BTreeSet<_> = fields.iter().map(|(_, field)| field.label.to_lowercase()).collect();
            assert_eq!(paths.len(), fields.len(), "{name}: a path twice");
            assert_eq!(labels.len(), fields.len(), "{name}: a label twice");
            for first in resource.first {
                assert!(paths.contains(&(*first).to_owned()), "{name}: {first} is no field");
            }
            for key in resource.keys {
                assert!(
                    paths.contains(&key.field.to_owned()),
                    "{name}: key {} is no field",
                    key.field
                );
            }
        }
    }

    #[test]
    fn the_columns_that_people_use_first_come_first() {
        let fields = Resource::of(ResourceName::RegistrationFolders).fields();
        let paths: Vec<_> = fields.iter().take(4).map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["externalId", "state", "type", "attendee.lastName"]);
        assert!(fields.len() > 110, "{}", fields.len());
    }

    #[test]
    fn several_values_become_one_parameter() {
        assert_eq!(
            query(
                ResourceName::RegistrationFolders,
                &[("state", &["accepted", "inTraining"])]
            ),
            Ok(vec![("state".into(), "accepted,inTraining".into())])
        );
    }

    #[test]
    fn a_day_is_sent_as_its_first_or_last_second_in_the_zone_of_the_spec() {
        let filters: &[(&str, &[&str])] = &[
            ("period", &["custom"]),
            ("since", &["2026-01-01"]),
            ("until", &["2026-07-31"]),
        ];
        let sent = query(ResourceName::CertificationFolders, filters).unwrap();
        assert!(
            sent.contains(&("since".into(), "2026-01-01T00:00:00+01:00".into())),
            "{sent:?}"
        );
        assert!(
            sent.contains(&("until".into(), "2026-07-31T23:59:59+02:00".into())),
            "{sent:?}"
        );
    }

    #[rstest]
    #[case("stat", &["accepted"], "does not exist; there are query, state,")]
    #[case("state", &["acepted"], "has no value `acepted`; there are all, notProcessed,")]
    #[case("state", &["accepted,inTraining"], "has no value `accepted,inTraining`")]
    #[case("state", &[], "has no value, or an empty one")]
    #[case("query", &["a", "b"], "takes one value")]
    #[case("format", &["csv"], "does not exist")]
    #[case("tags", &["a,b"], "as a list")]
    #[case("since", &["2026-01-01"], "need `period: [custom]`")]
    #[case("since", &["1 January"], "neither a day")]
    #[case("period", &["custom"], "needs `since` and `until`")]
    fn a_filter_that_wedof_would_ignore_is_refused_with_the_right_ones(
        #[case] name: &str,
        #[case] values: &[&str],
        #[case] says: &str,
    ) {
        let refused = query(ResourceName::RegistrationFolders, &[(name, values)]).unwrap_err();
        assert!(refused.contains(says), "{refused}");
    }
}
