//! `period` and `filterOnStateDate`: which instant of a record has to lie in which days.

use jiff::{SignedDuration, Span, Timestamp, Zoned, civil::Date, tz::TimeZone};

use super::{
    query::{Filter, Join, Violation, not_a_choice},
    rules::{CERTIFICATION_STATES, Dates, REGISTRATION_STATES, Rules},
    settings::Settings,
};

/// Wedof counts days where its customers are.
const ZONE: &str = "Europe/Paris";

/// The present, or the end of the day that was set.
pub fn now(settings: &Settings) -> Timestamp {
    let midnight = settings.today.and_then(|day| day.tomorrow().ok()).and_then(instant);
    midnight.map_or_else(Timestamp::now, |at| at - SignedDuration::from_secs(1))
}

fn instant(day: Date) -> Option<Timestamp> {
    Some(day.in_tz(ZONE).ok()?.timestamp())
}

/// The filter that the parameters make together; none without a period.
pub fn filter(
    rules: &Rules,
    parameters: &[(String, String)],
    settings: &Settings,
    join: Join<'_>,
) -> Result<Option<Filter>, Violation> {
    if rules.dates == Dates::None {
        return Ok(None);
    }
    let one = |name: &str| {
        let found = parameters.iter().find(|(key, value)| key == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    };
    let wrong = |name: &str| (name.to_owned(), not_a_choice());
    let date = match one("filterOnStateDate") {
        Some(name) => Some(date_field(rules.dates, name).ok_or_else(|| wrong("filterOnStateDate"))?),
        None => None,
    };
    let bound = |name: &str| match one(name) {
        Some(text) => text
            .parse::<Timestamp>()
            .map(Some)
            .map_err(|_| (name.to_owned(), "This value is not a valid datetime.".to_owned())),
        None => Ok(None),
    };
    // checked wherever they stand, used only with period=custom
    let (since, until) = (bound("since")?, bound("until")?);
    let (from, to) = match one("period") {
        None => return Ok(None),
        Some("custom") => {
            let blank = |name: &str| (name.to_owned(), "This value should not be blank.".to_owned());
            (
                since.ok_or_else(|| blank("since"))?,
                until.ok_or_else(|| blank("until"))?,
            )
        }
        Some(period) => days(period, now(settings)).ok_or_else(|| wrong("period"))?,
    };
    let during = |path: String| Filter::During(path, Some(from), Some(to));
    Ok(Some(match date.unwrap_or(Field::Default) {
        Field::Default if rules.dates == Dates::Certification => during("/stateLastUpdate".into()),
        Field::Default => during("/lastUpdate".into()),
        Field::Own(path) => during(path),
        Field::OfRegistrationFolder(path) => Filter::Joined(
            "/_links/registrationFolder/externalId",
            join("registrationFolders", &during(path), "/externalId"),
        ),
    }))
}

/// Where a date is.
enum Field {
    Default,
    Own(String),
    OfRegistrationFolder(String),
}

fn date_field(dates: Dates, name: &str) -> Option<Field> {
    if dates == Dates::Certification {
        return Some(match name {
            "stateLastUpdate" | "updatedOn" | "enrollmentDate" | "examinationDate" | "examinationEndDate" => {
                Field::Own(format!("/{name}"))
            }
            // what Wedof bills are certifications that were passed
            "wedofInvoice" => Field::Own("/history/successDate".into()),
            _ => match name
                .strip_suffix("RegistrationFolderStateDate")
                .or_else(|| name.strip_suffix("RegistrationFolderDate"))
            {
                Some(name @ ("sessionStartDate" | "sessionEndDate")) => {
                    Field::OfRegistrationFolder(format!("/trainingActionInfo/{name}"))
                }
                Some(state) if is_state(state, &REGISTRATION_STATES) => {
                    Field::OfRegistrationFolder(format!("/history/{state}Date"))
                }
                _ => Field::Own(history(name, &CERTIFICATION_STATES)?),
            },
        });
    }
    Some(Field::Own(match name {
        "lastUpdate" | "updatedOn" | "createdOn" | "paymentScheduledDate" => format!("/{name}"),
        "sessionStartDate" | "sessionEndDate" => format!("/trainingActionInfo/{name}"),
        "wedofInvoice" => "/history/acceptedDate".into(),
        _ => history(name, &REGISTRATION_STATES)?,
    }))
}

fn is_state(state: &str, states: &[&str]) -> bool {
    state == "billed" || states.contains(&state)
}

/// `acceptedDate` is kept in `history`.
fn history(name: &str, states: &[&str]) -> Option<String> {
    let state = name.strip_suffix("Date")?;
    is_state(state, states).then(|| format!("/history/{name}"))
}

/// First and last instant of a named period.
fn days(period: &str, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let zone = TimeZone::get(ZONE).ok()?;
    let today = Zoned::new(now, zone).date();
    let day = |offset: i64| today.checked_add(Span::new().days(offset)).ok();
    let whole = |first: Date, after: Date| Some((instant(first)?, instant(after)? - SignedDuration::from_millis(1)));
    let span = |unit: &str, count: i64| match unit {
        "Week" => Some(Span::new().days(7 * count)),
        "Month" => Some(Span::new().months(count)),
        "Year" => Some(Span::new().years(count)),
        _ => None,
    };
    match period {
        "today" => return whole(today, day(1)?),
        "yesterday" => return whole(day(-1)?, today),
        "tomorrow" => return whole(day(1)?, day(2)?),
        // the month that is being billed
        "wedofInvoice" => {
            return whole(
                today.first_of_month(),
                today.first_of_month().checked_add(Span::new().months(1)).ok()?,
            );
        }
        _ => {}
    }
    if let Some(unit) = period.strip_prefix("rolling") {
        return match unit.strip_suffix("Future") {
            Some(unit) => whole(today, today.checked_add(span(unit, 1)?).ok()?.tomorrow().ok()?),
            None => whole(today.checked_sub(span(unit, 1)?).ok()?, day(1)?),
        };
    }
    let (offset, unit) = [("current", 0), ("previous", -1), ("next", 1)]
        .iter()
        .find_map(|(name, offset)| Some((*offset, period.strip_prefix(name)?)))?;
    let start = match unit {
        "Week" => day(-i64::from(today.weekday().to_monday_zero_offset()))?,
        "Month" => today.first_of_month(),
        "Year" => today.first_of_year(),
        _ => return None,
    };
    let first = start.checked_add(span(unit, offset)?).ok()?;
    whole(first, first.checked_add(span(unit, 1)?).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_whole_days_in_paris() {
        let now = "2024-07-10T21:30:00Z".parse().unwrap();
        for (period, from, to) in [
            ("today", "2024-07-09T22:00:00Z", "2024-07-10T21:59:59.999Z"),
            ("tomorrow", "2024-07-10T22:00:00Z", "2024-07-11T21:59:59.999Z"),
            ("currentWeek", "2024-07-07T22:00:00Z", "2024-07-14T21:59:59.999Z"),
            ("previousMonth", "2024-05-31T22:00:00Z", "2024-06-30T21:59:59.999Z"),
            ("nextYear", "2024-12-31T23:00:00Z", "2025-12-31T22:59:59.999Z"),
            ("rollingWeek", "2024-07-02T22:00:00Z", "2024-07-10T21:59:59.999Z"),
            ("rollingMonthFuture", "2024-07-09T22:00:00Z", "2024-08-10T21:59:59.999Z"),
        ] {
            let expected = (from.parse().unwrap(), to.parse().unwrap());
            assert_eq!(days(period, now), Some(expected), "{period}");
        }
        assert_eq!(days("currentDecade", now), None);
    }

    #[test]
    fn dates_are_found_where_the_record_has_them() {
        let own = |dates, name| match date_field(dates, name) {
            Some(Field::Own(path)) => Some(path),
            Some(Field::OfRegistrationFolder(path)) => Some(format!("folder{path}")),
            _ => None,
        };
        for (dates, name, path) in [
            (Dates::Registration, "acceptedDate", Some("/history/acceptedDate")),
            (
                Dates::Registration,
                "sessionEndDate",
                Some("/trainingActionInfo/sessionEndDate"),
            ),
            (Dates::Registration, "nonsenseDate", None),
            (Dates::Certification, "successDate", Some("/history/successDate")),
            (
                Dates::Certification,
                "inTrainingRegistrationFolderStateDate",
                Some("folder/history/inTrainingDate"),
            ),
            (
                Dates::Certification,
                "sessionStartDateRegistrationFolderDate",
                Some("folder/trainingActionInfo/sessionStartDate"),
            ),
        ] {
            assert_eq!(own(dates, name).as_deref(), path, "{name}");
        }
    }
}
