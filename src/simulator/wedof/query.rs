//! What a listing asks for: page, limit, sort and filters, checked as Wedof checks them.

use serde_json::Value;

/// Most records of a page, and the number of them if no limit is asked for.
const MAX_LIMIT: usize = 100;

const REGISTRATION_STATES: [&str; 19] = [
    "notProcessed",
    "validated",
    "waitingAcceptation",
    "accepted",
    "inTraining",
    "terminated",
    "serviceDoneDeclared",
    "serviceDoneValidated",
    "canceledByAttendee",
    "canceledByAttendeeNotRealized",
    "canceledByOrganism",
    "canceledByFinancer",
    "refusedByAttendee",
    "refusedByOrganism",
    "refusedByFinancer",
    "rejected",
    "rejectedWithoutTitulaireSuite",
    "rejectedWithoutCdcSuite",
    "rejectedWithoutOfSuite",
];
const CERTIFICATION_STATES: [&str; 9] = [
    "toRegister",
    "registered",
    "toTake",
    "toControl",
    "success",
    "toRetake",
    "failed",
    "refused",
    "aborted",
];
const TYPES: [&str; 7] = [
    "cpf",
    "individual",
    "poleEmploi",
    "company",
    "opco",
    "opcoCfa",
    "kairosAif",
];
const BILLING_STATES: [&str; 6] = ["notBillable", "depositWait", "depositPaid", "toBill", "billed", "paid"];
const CONTROL_STATES: [&str; 3] = ["notInControl", "inControl", "released"];
const CDC_STATES: [&str; 4] = ["notExported", "exported", "processedOk", "processedKo"];

/// Path and title of what is wrong with a parameter.
pub type Violation = (String, String);

#[derive(Debug)]
pub struct Listing {
    pub page: usize,
    pub limit: usize,
    sort: Sort,
    descending: bool,
    filters: Vec<Filter>,
}

#[derive(Debug, PartialEq)]
enum Sort {
    /// The order in which records came.
    Id,
    /// Path of a field.
    Field(&'static str),
}

#[derive(Debug)]
enum Filter {
    /// The field at a path has one of the values.
    OneOf(&'static str, Vec<String>),
    /// The list at a path has one of the values.
    HasOneOf(&'static str, Vec<String>),
    Text(String),
    Since(&'static str, jiff::Timestamp),
    Until(&'static str, jiff::Timestamp),
}

impl Listing {
    pub fn parse(resource: &str, parameters: &[(String, String)]) -> Result<Self, Vec<Violation>> {
        let certification = resource == "certificationFolders";
        let updated = if certification {
            "/stateLastUpdate"
        } else {
            "/lastUpdate"
        };
        let mut listing = Self {
            page: 1,
            limit: MAX_LIMIT,
            sort: Sort::Field(updated),
            descending: true,
            filters: Vec::new(),
        };
        let mut violations = Vec::new();
        for (name, value) in parameters {
            if let Err(title) = listing.take(name, value, certification, updated) {
                violations.push((name.clone(), title));
            }
        }
        if violations.is_empty() {
            Ok(listing)
        } else {
            Err(violations)
        }
    }

    /// One parameter. Names that Wedof does not know are ignored, as it does.
    fn take(&mut self, name: &str, value: &str, certification: bool, updated: &'static str) -> Result<(), String> {
        let positive = || match value.parse::<usize>() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err("This value should be positive.".to_owned()),
        };
        let instant = || {
            value
                .parse::<jiff::Timestamp>()
                .map_err(|_| "This value is not a valid datetime.".to_owned())
        };
        let states: &[&str] = if certification {
            &CERTIFICATION_STATES
        } else {
            &REGISTRATION_STATES
        };
        let choice: Option<(&'static str, &[&str])> = match (name, certification) {
            ("state", _) => Some(("/state", states)),
            ("type", false) => Some(("/type", &TYPES)),
            ("billingState", false) => Some(("/billingState", &BILLING_STATES)),
            ("controlState", false) => Some(("/controlState", &CONTROL_STATES)),
            ("cdcState", true) => Some(("/cdcState", &CDC_STATES)),
            ("registrationFolderState", true) => Some(("/_links/registrationFolder/state", &REGISTRATION_STATES)),
            ("registrationFolderType", true) => Some(("/_links/registrationFolder/type", &TYPES)),
            _ => None,
        };
        if let Some((path, known)) = choice {
            let values = one_of(value, known)?;
            if !values.is_empty() {
                self.filters.push(Filter::OneOf(path, values));
            }
            return Ok(());
        }
        let listed = || value.split(',').map(str::to_owned).collect();
        match name {
            "page" => self.page = positive()?,
            "limit" => self.limit = positive()?.min(MAX_LIMIT),
            "order" => {
                self.descending = match value {
                    "asc" => false,
                    "desc" => true,
                    _ => return Err(not_a_choice()),
                };
            }
            "sort" => {
                self.sort = match (value, certification) {
                    ("id", _) => Sort::Id,
                    ("lastUpdate", false) => Sort::Field("/lastUpdate"),
                    ("firstName", false) => Sort::Field("/attendee/firstName"),
                    ("lastName", false) => Sort::Field("/attendee/lastName"),
                    ("stateLastUpdate" | "lastUpdate", true) => Sort::Field("/stateLastUpdate"),
                    ("successDate", true) => Sort::Field("/history/successDate"),
                    _ => return Err(not_a_choice()),
                };
            }
            "query" if !value.is_empty() => self.filters.push(Filter::Text(value.to_lowercase())),
            "certifInfo" => self
                .filters
                .push(Filter::OneOf("/_links/certification/certifInfo", listed())),
            "tags" => self.filters.push(Filter::HasOneOf("/tags", listed())),
            "since" => self.filters.push(Filter::Since(updated, instant()?)),
            "until" => self.filters.push(Filter::Until(updated, instant()?)),
            _ => {}
        }
        Ok(())
    }

    /// How many records there are, and those of the page.
    pub fn page<T: Clone>(&self, records: &[T], fields: impl Fn(&T) -> &Value) -> (usize, Vec<T>) {
        let mut found: Vec<&T> = records
            .iter()
            .filter(|record| self.filters.iter().all(|filter| filter.matches(fields(record))))
            .collect();
        if let Sort::Field(path) = self.sort {
            found.sort_by_key(|record| fields(record).pointer(path).and_then(Value::as_str).unwrap_or_default());
        }
        if self.descending {
            found.reverse();
        }
        let start = (self.page - 1).saturating_mul(self.limit);
        let page = found
            .iter()
            .skip(start)
            .take(self.limit)
            .map(|record| (*record).clone());
        (found.len(), page.collect())
    }
}

fn not_a_choice() -> String {
    "The value you selected is not a valid choice.".to_owned()
}

/// Values separated by commas, each known; `all` is no filter.
fn one_of(value: &str, known: &[&str]) -> Result<Vec<String>, String> {
    let values: Vec<&str> = value.split(',').filter(|value| !value.is_empty()).collect();
    if values.contains(&"all") {
        return Ok(Vec::new());
    }
    match values.iter().all(|value| known.contains(value)) {
        true => Ok(values.into_iter().map(str::to_owned).collect()),
        false => Err(not_a_choice()),
    }
}

impl Filter {
    fn matches(&self, fields: &Value) -> bool {
        let text = |path: &str| fields.pointer(path).and_then(Value::as_str);
        let instant = |path: &str| text(path).and_then(|text| text.parse::<jiff::Timestamp>().ok());
        match self {
            Self::OneOf(path, values) => text(path).is_some_and(|text| values.iter().any(|value| value == text)),
            Self::HasOneOf(path, values) => {
                let list = fields.pointer(path).and_then(Value::as_array).into_iter().flatten();
                list.filter_map(Value::as_str)
                    .any(|item| values.iter().any(|value| value == item))
            }
            Self::Text(wanted) => [
                "/externalId",
                "/attendee/firstName",
                "/attendee/lastName",
                "/attendee/email",
                "/attendee/phoneNumber",
                "/trainingActionInfo/title",
            ]
            .iter()
            .any(|path| text(path).is_some_and(|text| text.to_lowercase().contains(wanted))),
            Self::Since(path, since) => instant(path).is_some_and(|at| at >= *since),
            Self::Until(path, until) => instant(path).is_some_and(|at| at <= *until),
        }
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

/// An instant one second after the last of those.
pub fn later_than_all<'a>(instants: impl Iterator<Item = &'a Value>) -> Value {
    let last = instants
        .filter_map(|at| at.as_str()?.parse::<jiff::Timestamp>().ok())
        .max()
        .unwrap_or_default();
    let next = last + jiff::SignedDuration::from_secs(1);
    next.to_zoned(jiff::tz::TimeZone::UTC)
        .strftime("%Y-%m-%dT%H:%M:%S.%3fZ")
        .to_string()
        .into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(query: &[(&str, &str)]) -> Result<Listing, Vec<Violation>> {
        let parameters: Vec<_> = query
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Listing::parse("registrationFolders", &parameters)
    }

    #[test]
    fn pages_cover_every_record_once_in_either_order() {
        let records: Vec<Value> = (0..7)
            .map(|n| json!({"n": n, "lastUpdate": format!("2024-01-0{}", 7 - n)}))
            .collect();
        let page = |query: &[(&str, &str)]| -> Vec<i64> {
            let (total, page) = parse(query).unwrap().page(&records, |record| record);
            assert_eq!(total, 7);
            page.iter().map(|record| record["n"].as_i64().unwrap()).collect()
        };
        assert_eq!(page(&[("limit", "3"), ("sort", "id"), ("order", "asc")]), [0, 1, 2]);
        assert_eq!(
            page(&[("limit", "3"), ("page", "3"), ("sort", "id"), ("order", "asc")]),
            [6]
        );
        assert_eq!(page(&[("limit", "3"), ("page", "4")]), [0i64; 0]);
        assert_eq!(page(&[]), [0, 1, 2, 3, 4, 5, 6]);
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
            ("since", "x"),
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
        let count = |value: &str| parse(&[("state", value)]).unwrap().page(&records, |record| record).0;
        assert_eq!(count("accepted,inTraining"), 2);
        assert_eq!(count("terminated"), 1);
        assert_eq!(count("all"), 3);
    }
}
