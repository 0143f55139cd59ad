//! How long the program waits: for an answer, and before it asks again.

use std::{ops::RangeInclusive, time::Duration};

use jiff::{
    Timestamp,
    civil::DateTime,
    fmt::{rfc2822, strtime},
    tz::TimeZone,
};

use crate::{
    config::Environment,
    failure::{Failure, reason},
};

/// What a time may be, in seconds.
pub const SECONDS: RangeInclusive<f64> = 0.001..=3600.0;

/// Limits that an operator may change: a slow proxy needs more time, a test less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// `HTTP_TIMEOUT`: a request without an answer is given up after so long. None: as fits the service asked.
    answer: Option<Duration>,
    /// `RETRY_DELAY`: the first wait before a request is sent again. Further ones double.
    retry: Duration,
    /// `WEDOF_PACE=none`: a simulator on this machine is asked as fast as it answers.
    unpaced: bool,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            answer: None,
            retry: Duration::from_secs(1),
            unpaced: false,
        }
    }
}

impl Patience {
    /// Times are seconds, `0.5` too.
    pub fn of(environment: &Environment) -> Result<Self, Failure> {
        let Self { answer, retry, .. } = Self::default();
        let unpaced = match environment.get("WEDOF_PACE") {
            None => false,
            Some("none") => true,
            Some(text) => {
                return Err(Failure::person(
                    reason::INVALID_CONFIG,
                    format!("WEDOF_PACE: `{text}` is not `none`; a pace is set with wedof.requestsPerMinute"),
                ));
            }
        };
        Ok(Self {
            unpaced,
            answer: seconds(environment, "HTTP_TIMEOUT")?.or(answer),
            retry: seconds(environment, "RETRY_DELAY")?.unwrap_or(retry),
        })
    }

    /// How long to wait for an answer of a service that has this limit of its own.
    pub fn answer(self, of_service: Duration) -> Duration {
        self.answer.unwrap_or(of_service)
    }

    pub fn retry(self) -> Duration {
        self.retry
    }

    /// No pace is to be kept. It holds for an address of this machine only: Wedof's own pace is never left.
    pub fn is_unpaced(self) -> bool {
        self.unpaced
    }
}

fn seconds(environment: &Environment, name: &str) -> Result<Option<Duration>, Failure> {
    let Some(text) = environment.get(name) else {
        return Ok(None);
    };
    match text.parse::<f64>() {
        Ok(seconds) if SECONDS.contains(&seconds) => Ok(Some(Duration::from_secs_f64(seconds))),
        _ => Err(Failure::person(
            reason::INVALID_CONFIG,
            format!("{name}: `{text}` is no number of seconds between 0.001 and 3600"),
        )),
    }
}

/// What a Retry-After asks for, in seconds or as an HTTP date; None if it is neither, or nothing to wait for.
pub fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        let date = match rfc2822::DateTimeParser::new().parse_timestamp(value) {
            Ok(date) => date.to_zoned(TimeZone::UTC).datetime(),
            // the last day of the year 9999, as "never" is written, is too late for a timestamp
            Err(_) => strtime::parse("%a, %d %b %Y %H:%M:%S GMT", value)
                .ok()?
                .to_datetime()
                .ok()?,
        };
        let now: DateTime = now.to_zoned(TimeZone::UTC).datetime();
        Duration::try_from(date.duration_since(now)).ok()?
    };
    (!wait.is_zero()).then_some(wait)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("3", Some(3))]
    #[case(" 120 ", Some(120))]
    #[case("99999999999", Some(99_999_999_999))]
    #[case("99999999999999999999999999", Some(u64::MAX))]
    #[case("Thu, 26 Nov 2026 10:00:03 GMT", Some(3))]
    #[case("Thu, 26 Nov 2026 09:59:00 GMT", None)]
    #[case("Fri, 31 Dec 9999 23:59:59 GMT", Some(251_606_613_599))]
    #[case("0", None)]
    #[case("soon", None)]
    #[case("", None)]
    #[case("-3", None)]
    #[case("1.5", None)]
    fn both_forms_of_retry_after_are_read_and_nonsense_is_none(#[case] value: &str, #[case] seconds: Option<u64>) {
        let now = "2026-11-26T10:00:00Z".parse().unwrap();
        assert_eq!(retry_after(value, now), seconds.map(Duration::from_secs));
    }

    #[test]
    fn what_is_not_set_is_as_fits_the_service() {
        let patience = Patience::of(&Environment::default()).unwrap();
        assert_eq!(patience, Patience::default());
        assert_eq!(patience.answer(Duration::from_secs(45)), Duration::from_secs(45));
    }

    #[test]
    fn a_pace_can_be_left_out_and_nothing_else() {
        let of = |pace| Patience::of(&Environment::from([("WEDOF_PACE", pace)]));
        assert!(of("none").unwrap().is_unpaced() && !Patience::default().is_unpaced());
        assert_eq!(of("9000").unwrap_err().reason, reason::INVALID_CONFIG);
    }

    #[test]
    fn seconds_may_have_a_fraction_and_nonsense_is_told() {
        let patience = Patience::of(&Environment::from([("HTTP_TIMEOUT", "0.5"), ("RETRY_DELAY", "2")])).unwrap();
        assert_eq!(patience.answer(Duration::from_secs(45)), Duration::from_millis(500));
        assert_eq!(patience.retry(), Duration::from_secs(2));
        for wrong in ["soon", "0", "-1", "1e9", "NaN", "inf"] {
            let refused = Patience::of(&Environment::from([("RETRY_DELAY", wrong)])).unwrap_err();
            assert_eq!((refused.reason, refused.exit_code()), (reason::INVALID_CONFIG, 2));
            assert!(refused.message.contains(wrong), "{refused}");
        }
    }
}
