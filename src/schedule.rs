//! Cron schedules whose times are Kubernetes' own, to the second, on the nights when clocks change, too.
//!
//! Kubernetes uses robfig/cron, and no Rust crate agrees with it (`7` is no weekday, `*/1` counts as `*`, `1/5` runs to
//! the end, an hour that the clock skips is skipped, one that it repeats runs twice). So its semantics are written down
//! here: a bit set for each field, and a search for the next time that gives up after five years. Pure; the test data
//! come from the library itself.

use std::time::Duration;

use jiff::{
    Span, Timestamp, Zoned,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};
use sha2::{Digest, Sha256};

/// A parsed schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// `@every 1h30m`: counted from the last start, in whole seconds.
    Every(Duration),
    Fields(Fields),
}

/// One bit for each allowed value; [`STAR`] as well if the field was `*` or `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    minute: u64,
    hour: u64,
    day: u64,
    month: u64,
    weekday: u64,
}

/// Why a text is no schedule, in words for its author.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseError(String);

/// Marks a day field that does not restrict the day: only if neither day field has it, either may match.
const STAR: u64 = 1 << 63;

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

struct Kind {
    what: &'static str,
    min: u32,
    max: u32,
    /// The largest value that `H` may become: every month has 28 days.
    hashed_max: u32,
    names: &'static [&'static str],
}

const KINDS: [Kind; 5] = [
    kind("minute", 0, 59, 59, &[]),
    kind("hour", 0, 23, 23, &[]),
    kind("day of month", 1, 31, 28, &[]),
    kind("month", 1, 12, 12, &MONTHS),
    kind("day of week", 0, 6, 6, &WEEKDAYS),
];

const fn kind(what: &'static str, min: u32, max: u32, hashed_max: u32, names: &'static [&'static str]) -> Kind {
    Kind {
        what,
        min,
        max,
        hashed_max,
        names,
    }
}

/// Replaces each field that is `H`, `H(a-b)`, `H/n` or `H(a-b)/n` by a value that follows from the seed alone, for ever:
/// schedules of many objects spread out, and each stays where it is.
pub fn resolve(text: &str, seed: &str) -> Result<String, ParseError> {
    if text.starts_with('@') || !text.contains('H') {
        return Ok(text.to_owned());
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != KINDS.len() {
        return Err(wrong_count(fields.len()));
    }
    let resolved: Result<Vec<String>, ParseError> = fields
        .iter()
        .zip(&KINDS)
        .map(|(field, kind)| resolve_field(field, kind, seed))
        .collect();
    Ok(resolved?.join(" "))
}

fn resolve_field(field: &str, kind: &Kind, seed: &str) -> Result<String, ParseError> {
    let hashed = |rest: &str| rest.is_empty() || rest.starts_with(['(', '/']);
    let Some(rest) = field.strip_prefix('H').filter(|rest| hashed(rest)) else {
        // THU and MARCH hold an H, too: what is no name is found when the field is parsed
        return Ok(field.to_owned());
    };
    let wrong = |what: String| ParseError(format!("{} `{field}`: {what}", kind.what));
    let (range, step) = match rest.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (rest, None),
    };
    let (low, high) = match range {
        "" => (kind.min, kind.hashed_max),
        range => {
            let bounds = range.strip_prefix('(').and_then(|range| range.strip_suffix(')'));
            let (low, high) = bounds
                .and_then(|bounds| bounds.split_once('-'))
                .ok_or_else(|| wrong("write H, H(0-29), H/15 or H(0-29)/10".into()))?;
            (number(low).map_err(&wrong)?, number(high).map_err(&wrong)?)
        }
    };
    if low < kind.min || high > kind.max || low > high {
        return Err(wrong(format!("the range must lie within {}-{}", kind.min, kind.max)));
    }
    let digest = Sha256::digest(format!("{}\0{seed}", kind.what));
    let hash = digest
        .iter()
        .take(8)
        .fold(0u64, |hash, byte| hash << 8 | u64::from(*byte));
    let among = |count: u32| low + (hash % u64::from(count)) as u32;
    let size = high - low + 1;
    match step {
        None => Ok(among(size).to_string()),
        Some(step) => match number(step).map_err(&wrong)? {
            0 => Err(wrong("a step of 0".into())),
            step => Ok(format!("{}-{high}/{step}", among(step.min(size)))),
        },
    }
}

impl Schedule {
    /// Parses five fields or a descriptor, as Kubernetes does. `H` must have been resolved.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if text.contains("TZ") {
            return Err(ParseError("TZ and CRON_TZ are not taken: set timeZone".into()));
        }
        if let Some(descriptor) = text.strip_prefix('@') {
            let fields = match descriptor {
                "yearly" | "annually" => "0 0 1 1 *",
                "monthly" => "0 0 1 * *",
                "weekly" => "0 0 * * 0",
                "daily" | "midnight" => "0 0 * * *",
                "hourly" => "0 * * * *",
                _ => {
                    let every = descriptor.strip_prefix("every ").and_then(go_duration);
                    return every.map(Self::Every).ok_or_else(|| {
                        ParseError(format!(
                            "`{text}` is none of @yearly, @monthly, @weekly, @daily, @hourly, @every 1h30m"
                        ))
                    });
                }
            };
            return Self::parse(fields);
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(wrong_count(fields.len()));
        };
        let set = |field: &str, kind: &Kind| {
            set_of(field, kind).map_err(|what| ParseError(format!("{} `{field}`: {what}", kind.what)))
        };
        let [kind_minute, kind_hour, kind_day, kind_month, kind_weekday] = &KINDS;
        Ok(Self::Fields(Fields {
            minute: set(minute, kind_minute)?,
            hour: set(hour, kind_hour)?,
            day: set(day, kind_day)?,
            month: set(month, kind_month)?,
            weekday: set(weekday, kind_weekday)?,
        }))
    }

    /// Whether there is a date that it ever matches: 30 February is none.
    pub fn fires(&self) -> bool {
        let Self::Fields(fields) = self else { return true };
        let Fields {
            minute,
            hour,
            day,
            month,
            weekday,
        } = fields;
        let some_date = (1..=12).filter(|number| has(*month, *number)).any(|number| {
            let longest = Date::new(2000, number as i8, 1).map_or(31, Date::days_in_month);
            let day_exists = (1..=u32::from(longest.unsigned_abs())).any(|number| has(*day, number));
            let weekday_exists = (0..=6).any(|number| has(*weekday, number));
            if fields.both_days_count() {
                day_exists && weekday_exists
            } else {
                day_exists || weekday_exists
            }
        });
        some_date && minute & !STAR != 0 && hour & !STAR != 0
    }

    /// The first time after `after`, in whole seconds. For `@every`, `after` is the last start. None if there is none
    /// within five years.
    pub fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Self::Every(delay) => Timestamp::from_second(after.as_second()).ok()?.checked_add(*delay).ok(),
            Self::Fields(fields) => fields.next_after(after, zone),
        }
    }

    /// Whether it runs in every hour of a day, so that an hour which the clocks skip or repeat is not missed.
    pub fn runs_in_every_hour(&self) -> bool {
        match self {
            Self::Every(_) => true,
            Self::Fields(fields) => (0..24).all(|hour| has(fields.hour, hour)),
        }
    }

    /// Whether the schedule names a time that this zone skips, or repeats, at a change of its clocks within the year that
    /// follows: such a run is left out, or done twice.
    pub fn meets_clock_change(&self, from: Timestamp, zone: &TimeZone) -> bool {
        let Self::Fields(fields) = self else { return false };
        if self.runs_in_every_hour() {
            return false;
        }
        let year = jiff::SignedDuration::from_hours(366 * 24);
        let changes = zone
            .following(from)
            .take_while(|change| change.timestamp() < from + year);
        for change in changes {
            let at = change.timestamp();
            let Ok(before) = at.checked_sub(jiff::SignedDuration::from_secs(1)) else {
                continue;
            };
            let (old, new) = (zone.to_offset(before), zone.to_offset(at));
            // local times from the earlier to the later reading of the clock are skipped or repeated
            let (first, last) = (old.min(new).to_datetime(at), old.max(new).to_datetime(at));
            let mut time = first;
            while time < last {
                if has(fields.hour, u32::from(time.hour().unsigned_abs()))
                    && has(fields.minute, u32::from(time.minute().unsigned_abs()))
                {
                    return true;
                }
                let Ok(next) = time.checked_add(Span::new().minutes(1)) else {
                    break;
                };
                time = next;
            }
        }
        false
    }
}

impl Fields {
    /// If a day field is `*` both must match, which is the other one alone; else one of them is enough.
    fn both_days_count(&self) -> bool {
        (self.day | self.weekday) & STAR != 0
    }

    fn matches_day(&self, date: Date) -> bool {
        let day = has(self.day, u32::from(date.day().unsigned_abs()));
        let weekday = has(
            self.weekday,
            date.weekday().to_sunday_zero_offset().unsigned_abs().into(),
        );
        if self.both_days_count() {
            day && weekday
        } else {
            day || weekday
        }
    }

    /// robfig/cron's search, step by step: it decides what happens when clocks change. Every step goes forward, and
    /// after five years it ends.
    fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let start = Timestamp::from_second(after.as_second().checked_add(1)?).ok()?;
        let mut time = start.to_zoned(zone.clone());
        let last_year = time.year() + 5;
        // the first step in any field sets the lower ones to their start
        let mut stepped = false;
        'wrap: while time.year() <= last_year {
            while !has(self.month, u32::from(time.month().unsigned_abs())) {
                if !std::mem::replace(&mut stepped, true) {
                    time = local(time.date().first_of_month().to_datetime(Time::midnight()), zone)?;
                }
                time = add_to_date(&time, Span::new().months(1), zone)?;
                if time.month() == 1 {
                    continue 'wrap;
                }
            }
            while !self.matches_day(time.date()) {
                if !std::mem::replace(&mut stepped, true) {
                    time = local(time.date().to_datetime(Time::midnight()), zone)?;
                }
                time = add_to_date(&time, Span::new().days(1), zone)?;
                // where clocks change at midnight a day may begin at 1 or the step end at 23
                match i64::from(time.hour()) {
                    0 => {}
                    hour if hour > 12 => time = add_seconds(&time, (24 - hour) * 3600)?,
                    hour => time = add_seconds(&time, -hour * 3600)?,
                }
                if time.day() == 1 {
                    continue 'wrap;
                }
            }
            while !has(self.hour, u32::from(time.hour().unsigned_abs())) {
                if !std::mem::replace(&mut stepped, true) {
                    let hour = Time::new(time.hour(), 0, 0, 0).ok()?;
                    time = local(time.date().to_datetime(hour), zone)?;
                }
                time = add_seconds(&time, 3600)?;
                if time.hour() == 0 {
                    continue 'wrap;
                }
            }
            while !has(self.minute, u32::from(time.minute().unsigned_abs())) {
                if !std::mem::replace(&mut stepped, true) {
                    time = add_seconds(&time, -time.timestamp().as_second().rem_euclid(60))?;
                }
                time = add_seconds(&time, 60)?;
                if time.minute() == 0 {
                    continue 'wrap;
                }
            }
            while time.second() != 0 {
                stepped = true;
                time = add_seconds(&time, 1)?;
                if time.second() == 0 {
                    continue 'wrap;
                }
            }
            return Some(time.timestamp());
        }
        None
    }
}

fn add_seconds(time: &Zoned, seconds: i64) -> Option<Zoned> {
    let timestamp = Timestamp::from_second(time.timestamp().as_second().checked_add(seconds)?).ok()?;
    Some(timestamp.to_zoned(time.time_zone().clone()))
}

/// Go's `AddDate`: the day of the month may overflow into the next month, and the time of day is kept.
fn add_to_date(time: &Zoned, span: Span, zone: &TimeZone) -> Option<Zoned> {
    local(time.datetime().checked_add(span).ok()?, zone)
}

/// Go's `Date` for a local time: the offset is looked up as if the time were UTC, then once more with that offset.
fn local(time: DateTime, zone: &TimeZone) -> Option<Zoned> {
    let utc = TimeZone::UTC.to_timestamp(time).ok()?.as_second();
    let offset_at = |second: i64| {
        Some(i64::from(
            zone.to_offset(Timestamp::from_second(second).ok()?).seconds(),
        ))
    };
    let first = offset_at(utc)?;
    let second = offset_at(utc - first)?;
    Some(Timestamp::from_second(utc - second).ok()?.to_zoned(zone.clone()))
}

fn has(set: u64, value: u32) -> bool {
    set & (1 << value) != 0
}

/// The set of one field: a list of ranges. Empty parts of a list count for nothing, as in Kubernetes.
fn set_of(field: &str, kind: &Kind) -> Result<u64, String> {
    let parts = field.split(',').filter(|part| !part.is_empty());
    parts
        .map(|part| range_of(part, kind))
        .try_fold(0, |all, set| Ok(all | set?))
}

fn range_of(part: &str, kind: &Kind) -> Result<u64, String> {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (part, None),
    };
    let (low, high) = match range.split_once('-') {
        Some((low, high)) => (low, Some(high)),
        None => (range, None),
    };
    let every = matches!(low, "*" | "?");
    let first = if every { kind.min } else { value(low, kind)? };
    let step = match step {
        Some(step) if step.contains('/') => return Err("more than one step".into()),
        Some(step) => Some(number(step)?),
        None => None,
    };
    let last = match (high, step) {
        (Some(high), _) if high.contains('-') => return Err("more than one hyphen".into()),
        _ if every => kind.max,
        (Some(high), _) => value(high, kind)?,
        // `5/10` runs from 5 to the end
        (None, Some(_)) => kind.max,
        (None, None) => first,
    };
    if first < kind.min || last > kind.max {
        return Err(format!("values are {} to {}", kind.min, kind.max));
    }
    if first > last {
        return Err(format!("the range {first}-{last} runs backwards"));
    }
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err("a step of 0".into());
    }
    let star = if every && step == 1 { STAR } else { 0 };
    Ok((first..=last)
        .step_by(step as usize)
        .fold(star, |set, value| set | 1 << value))
}

fn value(text: &str, kind: &Kind) -> Result<u32, String> {
    let name = text.to_ascii_lowercase();
    match kind.names.iter().position(|known| *known == name) {
        Some(index) => Ok(kind.min + index as u32),
        None => number(text),
    }
}

fn number(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(number) => Ok(number),
        Err(_) if text.starts_with('H') => Err("H stands alone in its field: H, H(0-29), H/15".into()),
        Err(_) => Err(format!("`{text}` is no number")),
    }
}

fn wrong_count(found: usize) -> ParseError {
    ParseError(format!(
        "five fields are needed (minute, hour, day of month, month, day of week), found {found}"
    ))
}

/// Go's duration syntax, such as `1h30m` or `1.5h`, in whole seconds and at least one.
fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let empty = rest.is_empty();
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let amount: f64 = rest[..digits].parse().ok()?;
        let unit_and_rest = &rest[digits..];
        let length = unit_and_rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(unit_and_rest.len());
        seconds += amount
            * match &unit_and_rest[..length] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" | "μs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = &unit_and_rest[length..];
    }
    // Go's longest duration is 292 years
    (!empty && seconds < 9.2e9).then(|| Duration::from_secs((seconds as u64).max(1)))
}

#[cfg(test)]
mod tests;
