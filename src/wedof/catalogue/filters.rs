//! What may be asked of a list. Wedof ignores a filter that it does not know and lists everything, so filters are refused
//! before anything is asked of it.

use std::collections::BTreeMap;

use jiff::{civil::Date, tz::TimeZone};

use super::Resource;
use crate::{
    failure::{Failure, reason},
    spec::ResourceSpec,
};

/// A parameter that narrows a list.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    pub name: &'static str,
    pub accepts: Accepts,
}

pub(super) const fn filter(name: &'static str, accepts: Accepts) -> Filter {
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
    /// Keys of parents whose lists are read: part of the path, no parameter.
    Parents,
}

/// Checks the filters of all resources, so that whatever is wrong is said at once.
pub fn check(specs: &[ResourceSpec], zone: &TimeZone) -> Result<(), Failure> {
    let problems: Vec<String> = specs
        .iter()
        .filter_map(|spec| Resource::of(spec.name).query(spec, zone).err())
        .map(|failure| failure.message)
        .collect();
    match &problems[..] {
        [] => Ok(()),
        problems => Err(Failure::person(reason::INVALID_CONFIG, problems.join("\n"))),
    }
}

impl Resource {
    /// The parameters that the spec's filters stand for.
    pub fn query(&self, spec: &ResourceSpec, zone: &TimeZone) -> Result<Vec<(String, String)>, Failure> {
        let mut query = Vec::new();
        let mut problems = Vec::new();
        for (name, values) in &spec.filters {
            let Some(filter) = self.filters.iter().find(|filter| filter.name == name) else {
                problems.push(format!("filter `{name}` {}", self.unknown(name)));
                continue;
            };
            match filter.accepts.join(values, zone) {
                Ok(_) if matches!(filter.accepts, Accepts::Parents) => {}
                Ok(value) => query.push((name.clone(), value)),
                Err(what) => problems.push(format!("filter `{name}` {what}")),
            }
        }
        problems.extend(check_period(&spec.filters).err().map(str::to_owned));
        if problems.is_empty() {
            return Ok(query);
        }
        Err(Failure::person(
            reason::INVALID_CONFIG,
            format!("resources, {}: {}", self.name, problems.join("; ")),
        ))
    }

    fn unknown(&self, name: &str) -> String {
        let known: Vec<_> = self.filters.iter().map(|filter| filter.name).collect();
        if known.is_empty() {
            return "cannot be used: this resource has no filters".to_owned();
        }
        format!("does not exist{}; there are {}", meant(name, &known), known.join(", "))
    }
}

/// " (did you mean …?)" if one of the right names is near.
fn meant(wrong: &str, right: &[&str]) -> String {
    let near = nearest(wrong, right.iter().copied(), |name| (name.len() / 3).max(1));
    near.map_or(String::new(), |name| format!(" (did you mean `{name}`?)"))
}

/// The right name that differs least from a wrong one, whatever the case, by no more edits than `most` allows.
pub fn nearest<'a>(wrong: &str, right: impl Iterator<Item = &'a str>, most: impl Fn(&str) -> usize) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    let near = right
        .map(|name| (strsim::damerau_levenshtein(&wrong, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= most(name))
        .min_by_key(|(distance, _)| *distance);
    near.map(|(_, name)| name)
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
                    let hint = match wrong.split_once(',') {
                        Some(_) if matches!(self, Self::Several(_)) => " (write several values as a list)".to_owned(),
                        _ => meant(wrong, known),
                    };
                    return Err(format!("has no value `{wrong}`{hint}; there are {}", known.join(", ")));
                }
            }
            Self::AnySeveral | Self::Parents => {
                if let Some(wrong) = values.iter().find(|value| value.contains(',')) {
                    return Err(format!("has the value `{wrong}`: write several values as a list"));
                }
                if let (Self::Parents, Some(wrong)) =
                    (self, values.iter().find(|value| value.contains(['/', '?', '#'])))
                {
                    return Err(format!("has the value `{wrong}`, which is no code"));
                }
            }
            Self::Any => {}
            Self::Since | Self::Until => return moment(&values[0], matches!(self, Self::Until), zone),
        }
        Ok(values.join(","))
    }

    /// What the values are, for a person.
    pub fn describe(self) -> String {
        match self {
            Self::Several(known) => format!("any of {}", known.join(", ")),
            Self::One(known) => format!("one of {}", known.join(", ")),
            Self::AnySeveral | Self::Parents => "values".to_owned(),
            Self::Any => "one value".to_owned(),
            Self::Since | Self::Until => "a day or a moment".to_owned(),
        }
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
    use rstest::rstest;

    use super::*;
    use crate::spec::ResourceName;

    fn spec(name: ResourceName, filters: &[(&str, &[&str])]) -> ResourceSpec {
        ResourceSpec {
            filters: filters
                .iter()
                .map(|(k, v)| ((*k).into(), v.iter().map(|v| (*v).to_owned()).collect()))
                .collect(),
            ..ResourceSpec::of(name)
        }
    }

    fn paris() -> TimeZone {
        TimeZone::get("Europe/Paris").unwrap()
    }

    fn query(name: ResourceName, filters: &[(&str, &[&str])]) -> Result<Vec<(String, String)>, String> {
        let spec = spec(name, filters);
        Resource::of(name)
            .query(&spec, &paris())
            .map_err(|failure| failure.message)
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
    fn codes_of_certifications_are_part_of_the_path_of_partners() {
        let filters: &[(&str, &[&str])] = &[("certifInfo", &["112713", "94465"]), ("state", &["active"])];
        assert_eq!(
            query(ResourceName::CertificationPartners, filters),
            Ok(vec![("state".into(), "active".into())])
        );
        let refused = query(ResourceName::CertificationPartners, &[("certifInfo", &["../users"])]).unwrap_err();
        assert!(refused.contains("which is no code"), "{refused}");
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
    #[case("stat", &["accepted"], "does not exist (did you mean `state`?); there are query, state,")]
    #[case("certifinfo", &["1"], "(did you mean `certifInfo`?)")]
    #[case("colour", &["red"], "does not exist; there are query, state,")]
    #[case("state", &["acepted"], "has no value `acepted` (did you mean `accepted`?); there are all, notProcessed,")]
    #[case("state", &["accepted,inTraining"], "has no value `accepted,inTraining` (write several values as a list)")]
    #[case("state", &["green"], "has no value `green`; there are all,")]
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

    #[test]
    fn whatever_is_wrong_with_any_resource_is_said_at_once() {
        let specs = [
            spec(
                ResourceName::RegistrationFolders,
                &[("stat", &["x"]), ("type", &["cfp"])],
            ),
            spec(ResourceName::Organisms, &[("siret", &["1"])]),
            spec(ResourceName::Surveys, &[("state", &["all"])]),
        ];
        let refused = check(&specs, &paris()).unwrap_err();
        assert_eq!(refused.exit_code(), 2);
        for says in [
            "registrationFolders: filter `stat`",
            "filter `type` has no value `cfp` (did you mean `cpf`?)",
            "organisms: filter `siret` cannot be used: this resource has no filters",
        ] {
            assert!(refused.message.contains(says), "{refused}");
        }
        assert!(!refused.message.contains("surveys"), "{refused}");
    }
}
