//! Days and moments as Google Sheets has them: days since 1899-12-30, in the spreadsheet's own time zone.

use jiff::{
    Timestamp,
    tz::{Offset, TimeZone},
};

/// The serial number of 1970-01-01.
const EPOCH: f64 = 25_569.0;
const DAY_MS: f64 = 86_400_000.0;

pub fn of_day(days: i32) -> f64 {
    f64::from(days) + EPOCH
}

/// `ms` since 1970-01-01T00:00:00Z, as the clock on the wall of `zone` shows it.
pub fn of_instant(ms: i64, zone: &TimeZone) -> f64 {
    (ms + offset_ms(ms, zone)) as f64 / DAY_MS + EPOCH
}

/// Whole milliseconds of a serial number; two serials of one moment may differ in their last bit.
pub fn to_ms(serial: f64) -> i64 {
    ((serial - EPOCH) * DAY_MS).round() as i64
}

fn offset_ms(ms: i64, zone: &TimeZone) -> i64 {
    let at = Timestamp::from_millisecond(ms).unwrap_or_default();
    i64::from(zone.to_offset(at).seconds()) * 1000
}

/// The zone of a spreadsheet: an IANA name, or a custom `GMT-07:00`. `None` if it is neither.
pub fn zone(name: &str) -> Option<TimeZone> {
    if let Ok(zone) = TimeZone::get(name) {
        return Some(zone);
    }
    let rest = name.strip_prefix("GMT").or_else(|| name.strip_prefix("UTC"))?;
    let (sign, rest) = match rest.as_bytes().first()? {
        b'+' => (1, rest.get(1..)?),
        b'-' => (-1, rest.get(1..)?),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
    let seconds = sign * (hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60);
    Offset::from_seconds(seconds).ok().map(TimeZone::fixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_shows_the_wall_clock_of_the_spreadsheets_zone() {
        let ms = 1_719_394_960_642; // 2024-06-26T09:42:40.642Z
        let paris = zone("Europe/Paris").unwrap();
        let noon = |serial: f64| to_ms(serial).rem_euclid(86_400_000);
        assert_eq!(noon(of_instant(ms, &paris)), ((11 * 60 + 42) * 60 + 40) * 1000 + 642);
        assert_eq!(to_ms(of_instant(ms, &zone("GMT-07:00").unwrap())), ms - 7 * 3_600_000);
        assert_eq!(of_instant(0, &zone("Etc/GMT").unwrap()), 25_569.0);
    }

    #[test]
    fn a_zone_that_is_none_is_not_guessed() {
        assert!(zone("GMT+99:99").is_none() && zone("").is_none() && zone("Mars/Olympus").is_none());
    }

    #[test]
    fn a_day_is_the_number_that_sheets_gives_it() {
        assert_eq!(of_day(18_262), 43_831.0); // 2020-01-01
    }
}
