//! What a listing asks for: page, limit, sort and filters, checked as Wedof checks them.

use std::{borrow::Cow, cmp::Ordering, collections::HashSet, ops::Range};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    period,
    rules::{Choice, Rules},
    settings::Settings,
};

/// Path and title of what is wrong with a parameter.
pub type Violation = (String, String);

/// Ids of another resource's records that a filter lets through: resource, filter, path of the id.
pub type Join<'a> = &'a dyn Fn(&str, &Filter, &str) -> HashSet<String>;

#[derive(Debug)]
pub struct Listing {
    pub page: usize,
    pub limit: usize,
    /// Path of the field to sort by; `None` = the order in which records came.
    sort: Option<&'static str>,
    descending: bool,
    filters: Vec<Filter>,
}

#[derive(Debug, Clone)]
pub enum Filter {
    /// The field at one of the paths has one of the values.
    OneOf(&'static [&'static str], Vec<String>),
    /// As `OneOf`, by the part of the field before a slash.
    Before(&'static str, Vec<String>),
    /// The list at a path has one of the values.
    HasOneOf(&'static str, Vec<String>),
    /// A text at one of the paths contains this.
    Contains(&'static [&'static str], String),
    /// The number at a path is in one of these ranges.
    Within(&'static str, Vec<Range<i64>>),
    Is(&'static str, bool),
    /// The instant at a path is in the time from … to ….
    During(String, Option<Timestamp>, Option<Timestamp>),
    /// The field at a path is one of these.
    Joined(&'static str, HashSet<String>),
}

impl Listing {
    pub fn parse(
        rules: &Rules,
        parameters: &[(String, String)],
        settings: &Settings,
        join: Join<'_>,
    ) -> Result<Self, Vec<Violation>> {
        let mut listing = Self {
            page: 1,
            limit: settings.max_limit,
            sort: rules.sorts.first().and_then(|(_, path)| *path),
            descending: rules.descending,
            filters: Vec::new(),
        };
        let mut violations = Vec::new();
        for (name, value) in parameters {
            if let Err(title) = listing.take(rules, (name, value), settings, join) {
                violations.push((name.clone(), title));
            }
        }
        let dates = period::filter(rules, parameters, settings, join);
        match dates {
            Ok(filter) => listing.filters.extend(filter),
            Err(violation) => violations.push(violation),
        }
        if violations.is_empty() {
            Ok(listing)
        } else {
            Err(violations)
        }
    }

    /// One parameter. Names that Wedof does not know are ignored, as it does.
    fn take(
        &mut self,
        rules: &Rules,
        (name, value): (&str, &str),
        settings: &Settings,
        join: Join<'_>,
    ) -> Result<(), String> {
        let positive = || match value.parse::<usize>() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err("This value should be positive.".to_owned()),
        };
        match name {
            "page" => self.page = positive()?,
            "limit" => self.limit = positive()?.min(settings.max_limit),
            "order" if !rules.sorts.is_empty() => {
                self.descending = match value {
                    "asc" => false,
                    "desc" => true,
                    _ => return Err(not_a_choice()),
                };
            }
            "sort" if !rules.sorts.is_empty() => {
                let known = rules.sorts.iter().find(|(sort, _)| *sort == value);
                self.sort = known.ok_or_else(not_a_choice)?.1;
            }
            "query" if !value.is_empty() && !rules.searched.is_empty() => {
                self.filters
                    .push(Filter::Contains(rules.searched, value.to_lowercase()));
            }
            _ => {
                if let Some((_, choice)) = rules.choices.iter().find(|(choice, _)| *choice == name) {
                    self.filters.extend(filter_of(choice, value, settings, join)?);
                }
            }
        }
        Ok(())
    }

    /// The records of all pages, as places in the list.
    pub fn order<'a>(&self, count: usize, fields: impl Fn(usize) -> Cow<'a, Value>) -> Vec<usize> {
        let mut found: Vec<usize> = match (self.sort, self.filters.is_empty()) {
            // nothing has to be looked at
            (None, true) => (0..count).collect(),
            (None, false) => (0..count).filter(|at| self.lets_through(&fields(*at))).collect(),
            (Some(path), _) => {
                let mut keyed: Vec<(SortKey, usize)> = (0..count)
                    .filter_map(|at| {
                        let fields = fields(at);
                        self.lets_through(&fields)
                            .then(|| (SortKey::of(fields.pointer(path)), at))
                    })
                    .collect();
                keyed.sort_by(|(a, _), (b, _)| a.compare(b));
                keyed.into_iter().map(|(_, at)| at).collect()
            }
        };
        if self.descending {
            found.reverse();
        }
        found
    }

    fn lets_through(&self, fields: &Value) -> bool {
        self.filters.iter().all(|filter| filter.matches(fields))
    }

    /// Which of so many records are on the page.
    pub fn window(&self, count: usize, settings: &Settings) -> Range<usize> {
        let page = if settings.ignore_page { 1 } else { self.page };
        let lacking: usize = settings.short_pages.range(..page).map(|(_, lacking)| lacking).sum();
        let start = (page - 1).saturating_mul(self.limit).saturating_sub(lacking);
        let lacking = settings.short_pages.get(&page).copied().unwrap_or(0);
        let end = start.saturating_add(self.limit.saturating_sub(lacking));
        start.min(count)..end.min(count)
    }
}

/// Texts and numbers by their kind; a missing one comes first.
enum SortKey {
    Missing,
    Number(f64),
    Text(String),
}

impl SortKey {
    fn of(value: Option<&Value>) -> Self {
        match value {
            Some(Value::String(text)) => Self::Text(text.clone()),
            Some(Value::Number(number)) => Self::Number(number.as_f64().unwrap_or_default()),
            _ => Self::Missing,
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Missing, Self::Missing) => Ordering::Equal,
            (Self::Missing, _) | (Self::Number(_), Self::Text(_)) => Ordering::Less,
            _ => Ordering::Greater,
        }
    }
}

pub fn not_a_choice() -> String {
    "The value you selected is not a valid choice.".to_owned()
}

/// Values separated by commas, each known; `all` is no filter.
fn one_of(value: &str, known: &[&str]) -> Result<Vec<String>, String> {
    let values: Vec<&str> = value.split(',').filter(|value| !value.is_empty()).collect();
    if values.contains(&"all") {
        return Ok(Vec::new());
    }
    match known.is_empty() || values.iter().all(|value| known.contains(value)) {
        true => Ok(values.into_iter().map(str::to_owned).collect()),
        false => Err(not_a_choice()),
    }
}

/// What a parameter filters by; nothing if its value is no restriction.
fn filter_of(choice: &Choice, value: &str, settings: &Settings, join: Join<'_>) -> Result<Option<Filter>, String> {
    let some = |values: Vec<String>, filter: &dyn Fn(Vec<String>) -> Filter| {
        if values.is_empty() { None } else { Some(filter(values)) }
    };
    Ok(match choice {
        Choice::OneOf(paths, known) => some(one_of(value, known)?, &|values| Filter::OneOf(paths, values)),
        Choice::Before(path) => some(one_of(value, &[])?, &|values| Filter::Before(path, values)),
        Choice::Has(path) => some(one_of(value, &[])?, &|values| Filter::HasOneOf(path, values)),
        Choice::Is(path) => match value {
            "true" | "1" => Some(Filter::Is(path, true)),
            "false" | "0" => Some(Filter::Is(path, false)),
            _ => return Err(not_a_choice()),
        },
        Choice::Rate(path, known) => rates(value, known)?.map(|ranges| Filter::Within(path, ranges)),
        Choice::FolderRate(known) => rates(value, known)?.map(|ranges| {
            let folders = Filter::Within("/completionRate", ranges);
            Filter::Joined(
                "/_links/registrationFolder/externalId",
                join("registrationFolders", &folders, "/externalId"),
            )
        }),
        Choice::DaysSince(path) => {
            let days: i64 = value
                .parse()
                .map_err(|_| "This value should be of type int.".to_owned())?;
            let end = period::now(settings) - jiff::SignedDuration::from_hours(24 * days);
            Some(Filter::During((*path).to_owned(), None, Some(end)))
        }
        Choice::Joined {
            resource,
            paths,
            known,
            id,
            own,
        } => some(one_of(value, known)?, &|values| {
            Filter::Joined(own, join(resource, &Filter::OneOf(paths, values), id))
        }),
        Choice::Known(known) => match one_of(value, known) {
            Ok(_) => None,
            Err(title) => return Err(title),
        },
        Choice::Nobody(known) => some(one_of(value, known)?, &|values| {
            Filter::OneOf(&["/nothing has this"], values)
        }),
    })
}

/// Percentages by the bounds of Wedof's form; none if nothing is left out.
fn rates(value: &str, known: &[&str]) -> Result<Option<Vec<Range<i64>>>, String> {
    let ranges: Vec<Range<i64>> = one_of(value, known)?
        .iter()
        .map(|value| match value.as_str() {
            "0" => 0..1,
            "25<" => 0..25,
            "25<>80" => 25..81,
            "<80" => 0..80,
            ">80" => 81..101,
            _ => 100..101,
        })
        .collect();
    Ok((!ranges.is_empty()).then_some(ranges))
}

impl Filter {
    pub fn matches(&self, fields: &Value) -> bool {
        let text = |path: &str| fields.pointer(path).and_then(Value::as_str);
        match self {
            Self::OneOf(paths, values) => paths
                .iter()
                .filter_map(|path| text(path))
                .any(|text| values.iter().any(|value| value == text)),
            Self::Before(path, values) => text(path)
                .and_then(|text| text.split('/').next())
                .is_some_and(|text| values.iter().any(|value| value == text)),
            Self::HasOneOf(path, values) => {
                let list = fields.pointer(path).and_then(Value::as_array).into_iter().flatten();
                list.filter_map(Value::as_str)
                    .any(|item| values.iter().any(|value| value == item))
            }
            Self::Contains(paths, wanted) => paths
                .iter()
                .any(|path| text(path).is_some_and(|text| text.to_lowercase().contains(wanted))),
            Self::Within(path, ranges) => fields
                .pointer(path)
                .and_then(Value::as_i64)
                .is_some_and(|number| ranges.iter().any(|range| range.contains(&number))),
            Self::Is(path, wanted) => fields.pointer(path) == Some(&json!(wanted)),
            Self::During(path, from, to) => text(path)
                .and_then(|text| text.parse::<Timestamp>().ok())
                .is_some_and(|at| from.is_none_or(|from| at >= from) && to.is_none_or(|to| at <= to)),
            Self::Joined(path, ids) => text(path).is_some_and(|id| ids.contains(id)),
        }
    }
}

/// Money as JSON writes it: 1290, not 1290.0.
pub fn money(amount: f64) -> Value {
    if amount.fract() == 0.0 {
        json!(amount as i64)
    } else {
        json!(amount)
    }
}

/// RFC 7396: objects are merged, null removes, anything else replaces.
pub fn merge_patch(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Default::default());
    }
    for (name, value) in patch {
        if value.is_null() {
            if let Value::Object(target) = target {
                target.remove(name);
            }
        } else {
            merge_patch(&mut target[name.as_str()], value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::wedof::rules;

    fn parse(query: &[(&str, &str)]) -> Result<Listing, Vec<Violation>> {
        let parameters: Vec<_> = query
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let settings = Settings::default();
        Listing::parse(rules::of("registrationFolders"), &parameters, &settings, &|_, _, _| {
            HashSet::new()
        })
    }

    fn page(query: &[(&str, &str)], settings: &Settings, records: &[Value]) -> Vec<i64> {
        let listing = parse(query).unwrap();
        let order = listing.order(records.len(), |at| Cow::Borrowed(&records[at]));
        order[listing.window(order.len(), settings)]
            .iter()
            .map(|at| records[*at]["n"].as_i64().unwrap())
            .collect()
    }

    fn seven() -> Vec<Value> {
        (0..7)
            .map(|n| json!({"n": n, "lastUpdate": format!("2024-01-0{}", 7 - n)}))
            .collect()
    }

    #[test]
    fn pages_cover_every_record_once_in_either_order() {
        let records = seven();
        let page = |query: &[(&str, &str)]| page(query, &Settings::default(), &records);
        assert_eq!(page(&[("limit", "3"), ("sort", "id"), ("order", "asc")]), [0, 1, 2]);
        assert_eq!(
            page(&[("limit", "3"), ("page", "3"), ("sort", "id"), ("order", "asc")]),
            [6]
        );
        assert_eq!(page(&[("limit", "3"), ("page", "4")]), [0i64; 0]);
        assert_eq!(page(&[]), [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_short_page_hands_its_last_records_to_the_next() {
        let settings = Settings {
            short_pages: [(2, 1)].into(),
            ..Settings::default()
        };
        let page = |number: &str| {
            let query = [("limit", "3"), ("sort", "id"), ("order", "asc"), ("page", number)];
            page(&query, &settings, &seven())
        };
        assert_eq!(
            [page("1"), page("2"), page("3")],
            [vec![0, 1, 2], vec![3, 4], vec![5, 6]]
        );
    }

    #[test]
    fn a_limit_above_100_is_cut_and_nonsense_is_a_violation() {
        assert_eq!(parse(&[("limit", "1000")]).unwrap().limit, 100);
        for (name, value) in [
            ("limit", "0"),
            ("page", "x"),
            ("order", "up"),
            ("sort", "x"),
            ("state", "x"),
            ("completionRate", "50"),
            ("period", "x"),
            ("filterOnStateDate", "x"),
        ] {
            assert_eq!(parse(&[(name, value)]).unwrap_err()[0].0, name);
        }
    }

    #[test]
    fn filters_take_lists_of_values_and_all_means_none() {
        let records = [
            json!({"state": "accepted"}),
            json!({"state": "inTraining"}),
            json!({"state": "terminated"}),
        ];
        let count = |value: &str| {
            let listing = parse(&[("state", value)]).unwrap();
            listing.order(records.len(), |at| Cow::Borrowed(&records[at])).len()
        };
        assert_eq!(count("accepted,inTraining"), 2);
        assert_eq!(count("terminated"), 1);
        assert_eq!(count("all"), 3);
    }

    #[test]
    fn completion_rates_are_asked_for_by_their_bounds() {
        let records: Vec<Value> = [
            json!(0),
            json!(10),
            json!(25),
            json!(80),
            json!(81),
            json!(100),
            Value::Null,
        ]
        .into_iter()
        .map(|rate| json!({"completionRate": rate}))
        .collect();
        let count = |value: &str| {
            let listing = parse(&[("completionRate", value)]).unwrap();
            listing.order(records.len(), |at| Cow::Borrowed(&records[at])).len()
        };
        for (value, expected) in [
            ("0", 1),
            ("25<", 2),
            ("25<>80", 2),
            (">80", 2),
            ("100", 1),
            ("0,100", 2),
        ] {
            assert_eq!(count(value), expected, "{value}");
        }
    }
}
