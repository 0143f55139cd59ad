//! One JSON value → one typed cell. The type comes from JSON's: a text that looks like a number stays text. Only fields
//! known or named as dates are parsed, strictly; what does not parse stays text.

use std::{borrow::Cow, sync::LazyLock};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::Value;

use super::{Cell, Kind};

/// Google refuses a longer cell. Counted in UTF-16 units.
const MAX_UNITS: usize = 50_000;
/// Ends a text that was cut.
const CUT_MARK: &str = "… [coupé]";
/// The largest number up to which a double holds every integer.
const MAX_EXACT: u64 = 1 << 53;

/// Days without a zone of their own are days in France.
static PARIS: LazyLock<TimeZone> = LazyLock::new(|| TimeZone::get("Europe/Paris").unwrap_or(TimeZone::UTC));

/// How texts of a field are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    Text,
    Day,
    /// A moment, or a day if the text is one.
    Instant,
}

impl Reading {
    pub fn of(kind: Kind) -> Self {
        match kind {
            Kind::Plain | Kind::Identifier => Self::Text,
            Kind::Day => Self::Day,
            Kind::Instant => Self::Instant,
        }
    }
}

/// What the name of an unknown field tells of its kind.
pub fn guess(name: &str) -> Kind {
    if name.starts_with("dateOf") {
        Kind::Day
    } else if ["Date", "On", "At", "Time"].iter().any(|end| name.ends_with(end))
        || (name.starts_with("last") && name.ends_with("Update"))
    {
        Kind::Instant
    } else if name.ends_with("Id")
        || ["siret", "siren", "phone", "zipcode", "postalcode"]
            .iter()
            .any(|word| name.to_ascii_lowercase().contains(word))
    {
        Kind::Identifier
    } else {
        Kind::Plain
    }
}

/// The cell of a value that is no object (objects become columns). `cuts` counts texts that were too long.
pub fn cell<'a>(value: &'a Value, reading: Reading, cuts: &mut usize) -> Cell<'a> {
    match value {
        Value::Null => Cell::Blank,
        Value::Bool(value) => Cell::Bool(*value),
        Value::Number(number) => self::number(number, cuts),
        Value::String(text) => match reading {
            Reading::Text => None,
            Reading::Day => day(text),
            Reading::Instant => instant(text),
        }
        .unwrap_or_else(|| self::text(text.into(), cuts)),
        Value::Array(items) => array(items, cuts),
        Value::Object(_) => json(value, cuts),
    }
}

/// The value as one cell of compact JSON. Empty objects are blank.
pub fn json(value: &Value, cuts: &mut usize) -> Cell<'static> {
    if value.as_object().is_some_and(serde_json::Map::is_empty) {
        return Cell::Blank;
    }
    text(value.to_string().into(), cuts)
}

/// A value as the canonical text of a key: digits of a number, a text without the white space around it. None if it
/// cannot tell records apart.
pub fn key_text(value: &Value) -> Option<String> {
    match cell(value, Reading::Text, &mut 0) {
        Cell::Text(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Cell::Number(number) => Some(number.to_string()),
        Cell::Blank | Cell::Bool(_) | Cell::Day(_) | Cell::Instant(_) => None,
    }
}

fn number(number: &serde_json::Number, cuts: &mut usize) -> Cell<'static> {
    let exact = match (number.as_i64(), number.as_u64()) {
        (Some(integer), _) => integer.unsigned_abs() <= MAX_EXACT,
        (None, Some(_)) => false,
        (None, None) => true,
    };
    match number.as_f64() {
        // -0 and 0 are one
        Some(value) if exact && value.is_finite() => Cell::Number(value + 0.0),
        _ => text(number.to_string().into(), cuts),
    }
}

/// Scalars joined; as soon as an element is an array or object, compact JSON.
fn array(items: &[Value], cuts: &mut usize) -> Cell<'static> {
    let mut parts: Vec<Cow<'_, str>> = Vec::with_capacity(items.len());
    for item in items {
        match item {
            Value::Null => {}
            Value::String(text) => parts.push(text.as_str().into()),
            Value::Bool(_) | Value::Number(_) => parts.push(item.to_string().into()),
            Value::Array(_) | Value::Object(_) => return text(Value::from(items).to_string().into(), cuts),
        }
    }
    text(parts.join(", ").into(), cuts)
}

/// Line ends become LF, other control characters are dropped (tabs stay), long texts are cut with a mark.
fn text<'a>(mut text: Cow<'a, str>, cuts: &mut usize) -> Cell<'a> {
    if text.contains('\r') {
        text = text.replace("\r\n", "\n").replace('\r', "\n").into();
    }
    let dropped = |c: char| c < ' ' && c != '\n' && c != '\t';
    if text.contains(dropped) {
        text = text.replace(dropped, "").into();
    }
    if text.is_empty() {
        return Cell::Blank;
    }
    if let Some(end) = too_long(&text) {
        *cuts += 1;
        return Cell::Text(format!("{}{CUT_MARK}", &text[..end]).into());
    }
    Cell::Text(text)
}

/// Where to cut so that text and mark fit.
fn too_long(text: &str) -> Option<usize> {
    // a text has at most as many UTF-16 units as bytes
    if text.len() <= MAX_UNITS || text.encode_utf16().count() <= MAX_UNITS {
        return None;
    }
    let mut room = MAX_UNITS - CUT_MARK.encode_utf16().count();
    text.char_indices()
        .find(|(_, c)| match room.checked_sub(c.len_utf16()) {
            Some(left) => {
                room = left;
                false
            }
            None => true,
        })
        .map(|(at, _)| at)
}

/// A date and, if the text has one, the time with its zone, both in the one form that RFC 3339 allows.
fn split(text: &str) -> Option<(Date, Option<(&str, Timestamp)>)> {
    let shape = |at: usize, b: u8| match at {
        4 | 7 => b == b'-',
        0..=9 => b.is_ascii_digit(),
        10 => b == b'T',
        13 | 16 => b == b':',
        11..=18 => b.is_ascii_digit(),
        _ => b.is_ascii_digit() || matches!(b, b'.' | b'Z' | b'+' | b'-' | b':'),
    };
    if !text.bytes().enumerate().all(|(at, b)| shape(at, b)) {
        return None;
    }
    let date: Date = text.get(..10)?.parse().ok()?;
    if !(1900..=9999).contains(&date.year()) {
        return None;
    }
    if text.len() == 10 {
        return Some((date, None));
    }
    let zone = text
        .get(19..)?
        .trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let zoned = zone == "Z" || (zone.len() == 6 && zone.as_bytes()[3] == b':');
    let moment = text.parse().ok().filter(|_| zoned)?;
    Some((date, Some((text.get(11..19)?, moment))))
}

/// A day is what is written when no time or midnight is; else the day that the moment had in France. Never the
/// spreadsheet's zone: a birthday would move with it.
fn day(text: &str) -> Option<Cell<'static>> {
    let date = match split(text)? {
        (date, None) | (date, Some(("00:00:00", _))) => date,
        (_, Some((_, moment))) => moment.to_zoned(PARIS.clone()).date(),
    };
    Some(day_cell(date))
}

fn instant(text: &str) -> Option<Cell<'static>> {
    match split(text)? {
        (date, None) => Some(day_cell(date)),
        (_, Some((_, moment))) => {
            let milliseconds = moment.as_nanosecond().div_euclid(1_000_000);
            i64::try_from(milliseconds).ok().map(Cell::Instant)
        }
    }
}

fn day_cell(date: Date) -> Cell<'static> {
    let since = date.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24;
    // years 1900 to 9999 are less than three million days
    Cell::Day(i32::try_from(since).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn of(value: &Value, reading: Reading) -> Cell<'_> {
        cell(value, reading, &mut 0)
    }

    fn text_cell(text: &str) -> Cell<'_> {
        Cell::Text(text.into())
    }

    #[rstest]
    #[case(json!(null), Cell::Blank)]
    #[case(json!(""), Cell::Blank)]
    #[case(json!("\u{1}"), Cell::Blank)]
    #[case(json!([]), Cell::Blank)]
    #[case(json!([null]), Cell::Blank)]
    #[case(json!(false), Cell::Bool(false))]
    #[case(json!(1290), Cell::Number(1290.0))]
    #[case(json!(-0.0), Cell::Number(0.0))]
    #[case(json!(0.1), Cell::Number(0.1))]
    #[case(json!(1e308), Cell::Number(1e308))]
    #[case(json!(9_007_199_254_740_992_u64), Cell::Number(9_007_199_254_740_992.0))]
    #[case(json!(9_007_199_254_740_993_u64), text_cell("9007199254740993"))]
    #[case(json!(u64::MAX), text_cell("18446744073709551615"))]
    #[case(json!(i64::MIN), text_cell("-9223372036854775808"))]
    #[case(json!(["promo", "été"]), text_cell("promo, été"))]
    #[case(json!(["3", 1, true, null]), text_cell("3, 1, true"))]
    #[case(json!([{"b": 1, "a": [2]}]), text_cell(r#"[{"a":[2],"b":1}]"#))]
    #[case(json!("a\r\nb\rc\u{0}\td\u{b}"), text_cell("a\nb\nc\td"))]
    fn a_cell_has_the_type_that_json_gives(#[case] value: Value, #[case] expected: Cell<'_>) {
        assert_eq!(of(&value, Reading::Text), expected);
    }

    #[rstest]
    #[case("Nan")]
    #[case("Inf")]
    #[case("1e999")]
    #[case("7e30")]
    #[case("84824798_1161")]
    #[case("0612345678")]
    #[case("=1+1")]
    #[case("2024-01-01")]
    fn a_text_that_looks_like_something_else_stays_text(#[case] text: &str) {
        assert_eq!(of(&json!(text), Reading::Text), text_cell(text));
    }

    // 19,810 days after 1970-01-01 is 2024-03-28
    #[rstest]
    #[case("2024-03-28", Cell::Day(19_810))]
    #[case("2024-03-28T00:00:00.000Z", Cell::Day(19_810))]
    #[case("2024-03-28T00:00:00+01:00", Cell::Day(19_810))]
    #[case("2024-03-27T23:00:00Z", Cell::Day(19_810))]
    #[case("2024-03-28T22:59:59.999Z", Cell::Day(19_810))]
    #[case("1969-12-31", Cell::Day(-1))]
    #[case("1899-12-31", text_cell("1899-12-31"))]
    #[case("28/03/2024", text_cell("28/03/2024"))]
    #[case("2024-02-30", text_cell("2024-02-30"))]
    fn a_day_is_the_written_one_or_the_one_in_france(#[case] text: &str, #[case] expected: Cell<'_>) {
        assert_eq!(of(&json!(text), Reading::Day), expected);
    }

    #[rstest]
    #[case("2024-06-26T09:42:40.642Z", Cell::Instant(1_719_394_960_642))]
    #[case("2024-06-26T11:42:40.642+02:00", Cell::Instant(1_719_394_960_642))]
    #[case("2024-06-26T09:42:40Z", Cell::Instant(1_719_394_960_000))]
    #[case("1969-12-31T23:59:59.9999Z", Cell::Instant(-1))]
    #[case("2024-06-26", Cell::Day(19_900))]
    #[case("2024-06-26T09:42:40", text_cell("2024-06-26T09:42:40"))]
    #[case("2024-06-26 09:42:40Z", text_cell("2024-06-26 09:42:40Z"))]
    #[case("20240626T094240Z", text_cell("20240626T094240Z"))]
    #[case("2024-06-26T09:42:40+02", text_cell("2024-06-26T09:42:40+02"))]
    #[case("2024-06-26T24:00:00Z", text_cell("2024-06-26T24:00:00Z"))]
    #[case("demain", text_cell("demain"))]
    fn a_moment_needs_its_zone(#[case] text: &str, #[case] expected: Cell<'_>) {
        assert_eq!(of(&json!(text), Reading::Instant), expected);
    }

    #[rstest]
    #[case("createdOn", Kind::Instant)]
    #[case("lastStateUpdate", Kind::Instant)]
    #[case("dateOfSigning", Kind::Day)]
    #[case("employerSiret", Kind::Identifier)]
    #[case("condition", Kind::Plain)]
    #[case("notes", Kind::Plain)]
    fn the_name_of_an_unknown_field_tells_its_kind(#[case] name: &str, #[case] kind: Kind) {
        assert_eq!(guess(name), kind);
    }

    #[test]
    fn a_key_is_one_text_whatever_json_type_it_has() {
        assert_eq!(
            key_text(&json!(12_345_678_901_234_u64)).as_deref(),
            Some("12345678901234")
        );
        assert_eq!(key_text(&json!(" 12345678901234\n")).as_deref(), Some("12345678901234"));
        for nothing in [json!(null), json!(""), json!(" "), json!(true)] {
            assert_eq!(key_text(&nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_text_of_exactly_the_limit_is_left_alone() {
        let mut cuts = 0;
        let full = "é".repeat(MAX_UNITS);
        assert_eq!(cell(&json!(full), Reading::Text, &mut cuts), text_cell(&full));
        assert_eq!(cuts, 0);
    }

    proptest! {
        #[test]
        fn a_text_never_exceeds_what_google_takes_and_keeps_its_beginning(unit in "[a😀é]{1,9}", over in 0_usize..9) {
            let long = unit.repeat(MAX_UNITS / unit.encode_utf16().count() + 1 + over);
            let mut cuts = 0;
            let value = json!(long);
            let Cell::Text(kept) = cell(&value, Reading::Text, &mut cuts) else { panic!("no text") };
            prop_assert_eq!(cuts, 1);
            let units = kept.encode_utf16().count();
            prop_assert!((MAX_UNITS - 1..=MAX_UNITS).contains(&units), "{}", units);
            prop_assert!(long.starts_with(kept.strip_suffix(CUT_MARK).unwrap()));
        }

        #[test]
        fn reading_dates_never_panics_and_gives_a_date_or_the_text(text in "[0-9TZ:+.-]{0,32}") {
            for reading in [Reading::Day, Reading::Instant] {
                match of(&json!(text), reading) {
                    Cell::Text(kept) => prop_assert_eq!(&*kept, text.as_str()),
                    Cell::Blank => prop_assert!(text.is_empty()),
                    Cell::Day(_) | Cell::Instant(_) => {}
                    other => prop_assert!(false, "{:?}", other),
                }
            }
        }
    }
}
