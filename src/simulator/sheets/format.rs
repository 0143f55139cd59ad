//! What a cell shows (number formats, locale), and what a typed text means (USER_ENTERED).

use jiff::civil::{Date, DateTime, Time};
use serde_json::{Value, json};

use super::{
    eval::Effective,
    model::{Cell, CellValue},
};

/// Day 0 of serial numbers, 1899-12-30, in days before the Unix epoch.
const EPOCH_DAYS: i64 = 25_569;
const MILLIS_PER_DAY: f64 = 86_400_000.0;

/// The symbols of a locale.
#[derive(Debug, Clone, Copy)]
pub struct Locale {
    decimal: char,
    group: char,
    /// Day before month in short dates.
    day_first: bool,
}

impl Locale {
    pub fn of(name: &str) -> Self {
        let language = name.split('_').next().unwrap_or(name);
        match language {
            "fr" => Self {
                decimal: ',',
                group: '\u{202f}',
                day_first: true,
            },
            "de" | "es" | "it" | "nl" | "pt" => Self {
                decimal: ',',
                group: '.',
                day_first: true,
            },
            _ => Self {
                decimal: '.',
                group: ',',
                day_first: name != "en_US",
            },
        }
    }

    fn default_pattern(self, kind: &str) -> &'static str {
        match (kind, self.day_first) {
            ("DATE", true) => "dd/mm/yyyy",
            ("DATE", false) => "m/d/yyyy",
            ("TIME", true) => "hh:mm:ss",
            ("TIME", false) => "h:mm:ss am/pm",
            ("DATE_TIME", true) => "dd/mm/yyyy hh:mm:ss",
            ("DATE_TIME", false) => "m/d/yyyy h:mm:ss",
            ("PERCENT", _) => "0.00%",
            ("CURRENCY", true) => "#,##0.00 [$€]",
            ("CURRENCY", false) => "\"$\"#,##0.00",
            ("SCIENTIFIC", _) => "0.00E+00",
            ("NUMBER", _) => "#,##0.00",
            _ => "",
        }
    }
}

/// Whether a number in this cell is a date or a time, for dateTimeRenderOption.
pub fn is_date(cell: &Cell) -> bool {
    matches!(cell.number_format(), Some(("DATE" | "TIME" | "DATE_TIME", _)))
}

/// The text that the cell shows.
pub fn shown(value: &Effective, cell: &Cell, locale: Locale) -> String {
    match value {
        Effective::Empty => String::new(),
        Effective::Bool(value) => value.to_string().to_uppercase(),
        Effective::Text(text) => text.to_string(),
        Effective::Error(fault) => fault.shown().to_owned(),
        Effective::Number(number) => {
            let (kind, pattern) = cell.number_format().unwrap_or(("", None));
            let pattern = pattern.unwrap_or_else(|| locale.default_pattern(kind));
            match kind {
                "DATE" | "TIME" | "DATE_TIME" => date_shown(*number, pattern),
                _ if pattern.is_empty() => general(*number, locale),
                _ => number_shown(*number, pattern, locale),
            }
        }
    }
}

/// A number without a format: whole ones as they are, others with up to ten significant digits.
fn general(number: f64, locale: Locale) -> String {
    let text = if number == 0.0 {
        "0".to_owned()
    } else if number.abs() >= 1e15 || number.abs() < 1e-9 {
        let text = format!("{number:.5E}");
        let (mantissa, exponent) = text.split_once('E').unwrap_or((&text, "0"));
        let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
        let (sign, digits) = exponent
            .strip_prefix('-')
            .map_or(('+', exponent), |digits| ('-', digits));
        format!("{mantissa}E{sign}{digits:0>2}")
    } else if number.fract() == 0.0 {
        format!("{number:.0}")
    } else {
        let whole = (number.abs().log10().floor() as i64 + 1).max(0);
        let decimals = usize::try_from((10 - whole).max(0)).unwrap_or(0);
        let text = format!("{number:.decimals$}");
        match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        }
    };
    text.replace('.', &locale.decimal.to_string())
}

/// Number patterns: `0`, `#`, `,` for groups, `.`, `%`, quoted and plain literals; the first section only.
fn number_shown(number: f64, pattern: &str, locale: Locale) -> String {
    let pattern = pattern.split(';').next().unwrap_or(pattern);
    if pattern == "@" {
        return general(number, locale);
    }
    let is_digit = |c: char| matches!(c, '0' | '#' | '?' | ',' | '.');
    let (Some(start), Some(end)) = (pattern.find(is_digit), pattern.rfind(is_digit)) else {
        return literals(pattern);
    };
    let (prefix, digits, suffix) = (&pattern[..start], &pattern[start..=end], &pattern[end + 1..]);
    let number = if suffix.contains('%') { number * 100.0 } else { number };
    if suffix.starts_with("E+") {
        let decimals = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let text = format!("{number:.decimals$E}");
        return text.replace('.', &locale.decimal.to_string());
    }
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let most = decimals.len();
    let least = decimals.chars().filter(|c| *c == '0').count();
    let text = format!("{:.most$}", number.abs());
    let (integer, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let least_whole = whole.chars().filter(|c| *c == '0').count();
    let mut integer = format!("{integer:0>least_whole$}");
    if least_whole == 0 && integer == "0" {
        integer.clear();
    }
    if whole.contains(',') {
        integer = grouped(&integer, locale.group);
    }
    let kept = fraction.trim_end_matches('0').len().max(least);
    let mut shown = String::new();
    if number < 0.0 {
        shown.push('-');
    }
    shown.push_str(&literals(prefix));
    shown.push_str(&integer);
    if kept > 0 {
        shown.push(locale.decimal);
        shown.push_str(&fraction[..kept]);
    }
    shown.push_str(&literals(suffix));
    shown
}

fn grouped(digits: &str, mark: char) -> String {
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(mark);
        }
        shown.push(digit);
    }
    shown
}

/// Pattern text that stands for itself: `"..."` unquoted, `\x` escaped, `[$€]` a currency.
fn literals(pattern: &str) -> String {
    let mut shown = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => shown.extend(chars.by_ref().take_while(|c| *c != '"')),
            '\\' => shown.extend(chars.next()),
            '[' => shown.extend(chars.by_ref().take_while(|c| *c != ']').filter(|c| *c != '$')),
            c => shown.push(c),
        }
    }
    shown
}

/// The moment of a serial number, rounded to the second as Google shows it.
fn moment(serial: f64, round_to_millis: bool) -> Option<DateTime> {
    let millis = (serial * MILLIS_PER_DAY).round();
    if !millis.is_finite() || millis.abs() > 3e14 {
        return None;
    }
    let millis = if round_to_millis {
        millis as i64
    } else {
        (millis / 1000.0).round() as i64 * 1000
    };
    let epoch = Date::new(1899, 12, 30).ok()?.at(0, 0, 0, 0);
    epoch.checked_add(jiff::SignedDuration::from_millis(millis)).ok()
}

fn date_shown(serial: f64, pattern: &str) -> String {
    let lower = pattern.to_lowercase();
    let Some(moment) = moment(serial, lower.contains("ss.")) else {
        return "#ERROR!".into();
    };
    let twelve = lower.contains("am/pm");
    let mut shown = String::new();
    let mut rest = pattern;
    let mut after_hour = false;
    while let Some(first) = rest.chars().next() {
        let letter = first.to_ascii_lowercase();
        let run = rest.chars().take_while(|c| c.to_ascii_lowercase() == letter).count();
        if rest.to_lowercase().starts_with("am/pm") {
            shown.push_str(if moment.hour() < 12 { "AM" } else { "PM" });
            rest = &rest[5..];
            continue;
        }
        match letter {
            'y' if run <= 2 => shown.push_str(&format!("{:02}", moment.year() % 100)),
            'y' => shown.push_str(&format!("{:04}", moment.year())),
            'm' if after_hour || rest[run..].trim_start_matches(':').to_lowercase().starts_with('s') => {
                shown.push_str(&padded(moment.minute().into(), run));
            }
            'm' if run >= 3 => shown.push_str(&moment.strftime(if run == 3 { "%b" } else { "%B" }).to_string()),
            'm' => shown.push_str(&padded(moment.month().into(), run)),
            'd' if run >= 3 => shown.push_str(&moment.strftime(if run == 3 { "%a" } else { "%A" }).to_string()),
            'd' => shown.push_str(&padded(moment.day().into(), run)),
            'h' => {
                let hour = i64::from(moment.hour());
                let hour = if twelve { (hour + 11) % 12 + 1 } else { hour };
                shown.push_str(&padded(hour, run));
            }
            's' => shown.push_str(&padded(moment.second().into(), run)),
            '0' => shown.push_str(&format!("{:03}", moment.millisecond())[..run.min(3)]),
            '"' => {
                let end = rest[1..].find('"').map_or(rest.len(), |end| end + 2);
                shown.push_str(rest[1..end].trim_end_matches('"'));
                rest = &rest[end..];
                continue;
            }
            _ => {
                shown.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
        }
        after_hour = letter == 'h';
        rest = &rest[run..];
    }
    shown
}

fn padded(number: i64, run: usize) -> String {
    if run >= 2 {
        format!("{number:02}")
    } else {
        number.to_string()
    }
}

/// What a person's typing means: a value, and the number format that comes with it.
pub fn user_entered(text: &str, cell: &Cell, locale: Locale) -> (CellValue, Option<Value>) {
    if text.is_empty() {
        return (CellValue::Empty, None);
    }
    if let Some(literal) = text.strip_prefix('\'') {
        return (CellValue::Text(literal.into()), None);
    }
    if text.len() > 1 && text.starts_with('=') {
        return (CellValue::Formula(text.into()), None);
    }
    if matches!(cell.number_format(), Some(("TEXT", _))) {
        return (CellValue::Text(text.into()), None);
    }
    let typed = text.trim();
    if typed.eq_ignore_ascii_case("true") || typed.eq_ignore_ascii_case("false") {
        return (CellValue::Bool(typed.eq_ignore_ascii_case("true")), None);
    }
    if let Some((number, format)) = typed_number(typed, locale).or_else(|| typed_date(typed, locale)) {
        return (CellValue::Number(number), format);
    }
    (CellValue::Text(text.into()), None)
}

fn typed_number(text: &str, locale: Locale) -> Option<(f64, Option<Value>)> {
    let (sign, body) = match text.strip_prefix('-') {
        Some(body) => (-1.0, body),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let (body, percent) = body
        .strip_suffix('%')
        .map_or((body, false), |body| (body.trim_end(), true));
    let stripped = body
        .strip_prefix('$')
        .or_else(|| body.strip_prefix('€'))
        .or_else(|| body.strip_suffix('€'));
    let (body, currency) = stripped.map_or((body, false), |body| (body.trim(), true));
    let is_group = |c: char| c == locale.group || (locale.group == '\u{202f}' && matches!(c, ' ' | '\u{a0}'));
    let (whole, fraction) = match body.split_once(locale.decimal) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (body, None),
    };
    let grouped = whole.contains(is_group);
    if grouped {
        let mut groups = whole.split(is_group);
        let first = groups.next()?;
        if first.is_empty() || first.len() > 3 || groups.any(|group| group.len() != 3) {
            return None;
        }
    }
    let digits: String = whole.chars().filter(|c| !is_group(*c)).collect();
    let plain = match fraction {
        Some(fraction) => format!("{digits}.{fraction}"),
        None => digits,
    };
    let number = plain
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'))
        && plain.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let number: f64 = plain.parse().ok().filter(|_| number)?;
    let number = sign * if percent { number / 100.0 } else { number };
    let decimals = if fraction.is_some() { ".00" } else { "" };
    let format = match (percent, currency, grouped) {
        (true, ..) => Some(json!({"type": "PERCENT", "pattern": format!("0{decimals}%")})),
        (_, true, _) => Some(json!({"type": "CURRENCY", "pattern": format!("\"$\"#,##0{decimals}")})),
        (_, _, true) => Some(json!({"type": "NUMBER", "pattern": format!("#,##0{decimals}")})),
        _ => None,
    };
    Some((number, format))
}

fn typed_date(text: &str, locale: Locale) -> Option<(f64, Option<Value>)> {
    let (day, time) = match text.split_once([' ', 'T']) {
        Some((day, time)) => (day, Some(clock(time)?)),
        None => match clock(text) {
            Some(time) => {
                let format = json!({"type": "TIME", "pattern": "h:mm:ss"});
                return Some((seconds(time) / 86_400.0, Some(format)));
            }
            None => (text, None),
        },
    };
    let mark = day.chars().find(|c| matches!(c, '-' | '/'))?;
    let parts: Vec<&str> = day.split(mark).collect();
    let numbers: Vec<i16> = parts.iter().map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let (date, pattern) = match (numbers.as_slice(), locale.day_first) {
        ([year, month, day], _) if parts.first()?.len() == 4 => {
            (ymd(*year, *month, *day)?, format!("yyyy{mark}mm{mark}dd"))
        }
        ([day, month, year], true) => (ymd(*year, *month, *day)?, format!("dd{mark}mm{mark}yyyy")),
        ([month, day, year], false) => (ymd(*year, *month, *day)?, format!("m{mark}d{mark}yyyy")),
        // no year: this one
        ([day, month], true) => (ymd(this_year(), *month, *day)?, format!("d{mark}m")),
        ([month, day], false) => (ymd(this_year(), *month, *day)?, format!("m{mark}d")),
        _ => return None,
    };
    let days = (date - Date::new(1970, 1, 1).ok()?).get_days();
    let serial = f64::from(days) + EPOCH_DAYS as f64;
    Some(match time {
        None => (serial, Some(json!({"type": "DATE", "pattern": pattern}))),
        Some(time) => (
            serial + seconds(time) / 86_400.0,
            Some(json!({"type": "DATE_TIME", "pattern": format!("{pattern} h:mm:ss")})),
        ),
    })
}

fn this_year() -> i16 {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).year()
}

fn clock(text: &str) -> Option<Time> {
    text.contains(':').then(|| {
        let mut parts = text.split(':').map(|part| part.parse::<i8>());
        let mut next = || parts.next().transpose().ok().map(Option::unwrap_or_default);
        Time::new(next()?, next()?, next()?, 0).ok()
    })?
}

fn seconds(time: Time) -> f64 {
    f64::from(i32::from(time.hour()) * 3600 + i32::from(time.minute()) * 60 + i32::from(time.second()))
}

fn ymd(year: i16, month: i16, day: i16) -> Option<Date> {
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_format(kind: &str, pattern: &str) -> Cell {
        let mut cell = Cell::default();
        cell.set_field(
            "userEnteredFormat",
            Some(json!({"numberFormat": {"type": kind, "pattern": pattern}})),
        );
        cell
    }

    #[test]
    fn numbers_without_a_format_show_what_they_are() {
        let us = Locale::of("en_US");
        for (number, text) in [
            (53.0, "53"),
            (1.0 / 1024.0, "0.0009765625"),
            (0.12, "0.12"),
            (12_345_678_901_234.0, "12345678901234"),
            (1.0 / 3.0, "0.3333333333"),
            (-1.5, "-1.5"),
            (1e20, "1E+20"),
        ] {
            assert_eq!(shown(&Effective::Number(number), &Cell::default(), us), text);
        }
        assert_eq!(
            shown(&Effective::Number(0.5), &Cell::default(), Locale::of("fr_FR")),
            "0,5"
        );
    }

    #[test]
    fn patterns_shape_numbers_and_dates() {
        let us = Locale::of("en_US");
        for (kind, pattern, number, text) in [
            ("NUMBER", "#,##0.00", 1234567.5, "1,234,567.50"),
            ("NUMBER", "0", 2.6, "3"),
            ("NUMBER", "0.##", 2.5, "2.5"),
            ("CURRENCY", "\"$\"#,##0.00", 100.15, "$100.15"),
            ("PERCENT", "0%", 0.4, "40%"),
            ("DATE", "yyyy-mm-dd", 43831.0, "2020-01-01"),
            ("DATE", "dd/mm/yyyy", 43831.0, "01/01/2020"),
            // minutes are cut, seconds rounded, as a clock shows them
            ("DATE_TIME", "dd/mm/yyyy hh:mm", 45_469.404_637, "26/06/2024 09:42"),
            (
                "DATE_TIME",
                "yyyy-mm-dd hh:mm:ss",
                45_469.404_637,
                "2024-06-26 09:42:41",
            ),
            ("TIME", "h:mm am/pm", 0.75, "6:00 PM"),
        ] {
            let shown = shown(&Effective::Number(number), &with_format(kind, pattern), us);
            assert_eq!(shown, text, "{pattern}");
        }
        let fr = Locale::of("fr_FR");
        let cell = with_format("NUMBER", "#,##0.00");
        assert_eq!(shown(&Effective::Number(1290.5), &cell, fr), "1\u{202f}290,50");
    }

    #[test]
    fn typed_text_becomes_what_a_person_means() {
        let us = Locale::of("en_US");
        let typed = |text: &str| user_entered(text, &Cell::default(), us).0;
        assert_eq!(typed("0042"), CellValue::Number(42.0));
        assert_eq!(typed("2,000,000.01"), CellValue::Number(2_000_000.01));
        assert_eq!(typed("2020-01-01"), CellValue::Number(43831.0));
        assert_eq!(typed("2026-09-05"), CellValue::Number(46270.0));
        assert_eq!(typed("$100.15"), CellValue::Number(100.15));
        assert_eq!(typed("40%"), CellValue::Number(0.4));
        assert_eq!(typed("true"), CellValue::Bool(true));
        assert_eq!(typed("=1+2"), CellValue::Formula("=1+2".into()));
        assert_eq!(typed("'0123"), CellValue::Text("0123".into()));
        for text in [
            "string",
            "Nan",
            "Inf",
            "84824798_1161",
            "1,2,3",
            "12:61:00",
            "-",
            "2020-13-01",
        ] {
            assert_eq!(typed(text), CellValue::Text(text.into()), "{text}");
        }
        let fr = Locale::of("fr_FR");
        assert_eq!(user_entered("1,5", &Cell::default(), fr).0, CellValue::Number(1.5));
        assert_eq!(
            user_entered("07/04/2026", &Cell::default(), fr).0,
            CellValue::Number(46_119.0)
        );
        assert_eq!(
            user_entered("007", &with_format("TEXT", "@"), us).0,
            CellValue::Text("007".into())
        );
    }
}
