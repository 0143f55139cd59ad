//! When the next sync is due. Pure: instants in, instants out.
//!
//! On a cluster Kubernetes decides (`schedule.rs`): a time that the clocks skip is left out, one that they repeat comes
//! twice. Here every local time comes exactly once: a skipped one as much later as the clocks jumped, a repeated one at
//! its first coming. Schedules that run in every hour have nothing to lose and keep Kubernetes' times.

use jiff::{
    SignedDuration, Timestamp, Zoned,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};

use crate::{
    config::Timing,
    failure::{Failure, reason},
    schedule::{self, Schedule},
};

/// Clocks change by less than this, but for zones that moved across the date line.
const LARGEST_CHANGE: SignedDuration = SignedDuration::from_hours(3);
/// A clock that is set back by more than this was wrong before.
const SET_BACK: SignedDuration = SignedDuration::from_hours(1);

/// The times of a scheduler.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    schedule: Schedule,
    zone: TimeZone,
    /// As the log names it: `09:00`, `H 7 * * * (17 7 * * *)`.
    text: String,
}

impl Rule {
    /// Daily at `HH:MM`; `place` names where it stands.
    pub fn daily(text: &str, place: &str, zone: TimeZone) -> Result<Self, Failure> {
        let time = clock_time(text).ok_or_else(|| {
            invalid(format!(
                "{place}: `{text}` is no time of day: write it as HH:MM, from 00:00 to 23:59, such as 09:00"
            ))
        })?;
        let fields = format!("{} {} * * *", time.minute(), time.hour());
        let schedule = Schedule::parse(&fields).map_err(|error| invalid(format!("{place}: {error}")))?;
        Ok(Self {
            schedule,
            zone,
            text: format!("daily at {:02}:{:02}", time.hour(), time.minute()),
        })
    }

    /// By a cron expression; `place` names where it stands.
    pub fn cron(timing: &Timing, place: &str, zone: TimeZone) -> Result<Self, Failure> {
        let Timing { schedule: text, seed } = timing;
        let wrong = |error: schedule::ParseError| invalid(format!("{place}: {error}"));
        let effective = schedule::resolve(text, seed).map_err(wrong)?;
        let schedule = Schedule::parse(&effective).map_err(wrong)?;
        if !schedule.fires() {
            return Err(invalid(format!(
                "{place}: no date ever matches `{text}`: there is no such day in those months"
            )));
        }
        let text = match effective == *text {
            true => format!("by schedule `{text}`"),
            false => format!("by schedule `{text}`, here `{effective}`"),
        };
        Ok(Self { schedule, zone, text })
    }

    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The first time after `after`; None if there is none within five years.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        if self.schedule.runs_in_every_hour() {
            return self.schedule.next_after(after, &self.zone);
        }
        // local times are searched as if they were of UTC, which skips and repeats nothing, and then looked up
        let local = TimeZone::UTC.to_timestamp(self.zone.to_datetime(after)).ok()?;
        let mut civil = local - LARGEST_CHANGE;
        let mut best: Option<(Timestamp, Timestamp)> = None;
        loop {
            let next = self.schedule.next_after(civil, &TimeZone::UTC);
            match (next, best) {
                (Some(next), Some((_, until))) if next > until => break,
                (None, _) => break,
                (Some(next), _) => civil = next,
            }
            // a skipped time comes later than its successors may
            if let Some(at) = self.moment(TimeZone::UTC.to_datetime(civil))
                && at > after
                && best.is_none_or(|(best, _)| at < best)
            {
                best = Some((at, civil + LARGEST_CHANGE));
            }
        }
        best.map(|(at, _)| at)
    }

    /// When a local time comes. None if its whole day does not exist, as where a country crossed the date line.
    fn moment(&self, civil: DateTime) -> Option<Timestamp> {
        let at = self.zone.to_timestamp(civil).ok()?;
        let is_of_the_day = |at: Timestamp| self.zone.to_datetime(at).date() == civil.date();
        if is_of_the_day(at) {
            return Some(at);
        }
        // the clocks jumped past midnight: the day's last minute has to do
        let jump = self
            .zone
            .preceding(at + SignedDuration::from_secs(1))
            .next()?
            .timestamp();
        Some(jump - SignedDuration::from_mins(1)).filter(|at| is_of_the_day(*at))
    }

    /// When the run after the one that started at `last` is due. In the past: it was missed (the machine slept, a run took
    /// longer than its slot) and is due now, once, however many times were missed.
    pub fn due(&self, now: Timestamp, last: Timestamp) -> Option<Timestamp> {
        let from = if now + SET_BACK < last { now } else { last };
        self.next_after(from)
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {}", self.text, zone_name(&self.zone))
    }
}

fn invalid(message: String) -> Failure {
    Failure::person(reason::INVALID_CONFIG, message)
}

/// `9:00` and `09:00`, nothing else: a typing error must not become another hour.
fn clock_time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |text: &str, lengths: std::ops::RangeInclusive<usize>| {
        (lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse::<i8>().ok())?
    };
    Time::new(digits(hour, 1..=2)?, digits(minute, 2..=2)?, 0, 0).ok()
}

fn zone_name(zone: &TimeZone) -> &str {
    zone.iana_name().unwrap_or("the zone of TZ")
}

/// A moment as people say it: `tomorrow at 09:00 (Europe/Paris), in 23 h 59 min`.
pub fn in_words(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let [at, now] = [at, now].map(|time| time.to_zoned(zone.clone()));
    let day = match days_between(now.date(), at.date()) {
        0 => "today".to_owned(),
        1 => "tomorrow".to_owned(),
        2..=6 => at.strftime("on %A").to_string(),
        _ => at.strftime("on %A %-d %B %Y").to_string(),
    };
    format!(
        "{day} at {} ({}), in {}",
        at.strftime("%H:%M"),
        zone_name(zone),
        duration(&now, &at)
    )
}

fn days_between(from: Date, to: Date) -> i32 {
    from.until(to).map_or(i32::MAX, |span| span.get_days())
}

fn duration(now: &Zoned, at: &Zoned) -> String {
    let seconds = at.timestamp().as_second() - now.timestamp().as_second();
    let minutes = (seconds.max(0) + 59) / 60;
    match (minutes / 1440, minutes % 1440 / 60, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn daily(time: &str, name: &str) -> Rule {
        Rule::daily(time, "SYNC_TIME", zone(name)).unwrap()
    }

    fn cron(text: &str, name: &str) -> Result<Rule, Failure> {
        let timing = Timing {
            schedule: text.to_owned(),
            seed: "centre-acme/acme".to_owned(),
        };
        Rule::cron(&timing, "SYNC_SCHEDULE", zone(name))
    }

    /// All times of a rule from one moment to another.
    fn all(rule: &Rule, from: &str, to: &str) -> Vec<Timestamp> {
        let mut times = vec![at(from)];
        while let Some(next) = rule.next_after(*times.last().unwrap()).filter(|next| *next <= at(to)) {
            times.push(next);
        }
        times.split_off(1)
    }

    #[rstest]
    #[case("09:00")]
    #[case("9:00")]
    #[case("00:00")]
    #[case("23:59")]
    fn a_time_of_day_is_hours_and_minutes(#[case] text: &str) {
        assert!(Rule::daily(text, "SYNC_TIME", TimeZone::UTC).is_ok());
    }

    #[rstest]
    #[case("24:00")]
    #[case("9")]
    #[case("9h00")]
    #[case("09:0")]
    #[case("09:60")]
    #[case("09:00:00")]
    #[case("+9:00")]
    #[case("9:00 pm")]
    #[case("")]
    fn what_is_no_time_of_day_is_refused_with_the_right_form(#[case] text: &str) {
        let refused = Rule::daily(text, "SYNC_TIME", TimeZone::UTC).unwrap_err();
        assert_eq!(refused.exit_code(), 2);
        assert!(
            refused.message.contains("HH:MM") && refused.message.contains(&format!("`{text}`")),
            "{refused}"
        );
    }

    #[test]
    fn a_schedule_that_never_fires_or_is_none_is_refused_by_its_place() {
        for (text, says) in [
            ("0 0 30 2 *", "no date ever matches"),
            ("0 25 * * *", "hour `25`"),
            ("soon", "five fields"),
        ] {
            let refused = cron(text, "Europe/Paris").unwrap_err();
            assert!(
                refused.message.starts_with("SYNC_SCHEDULE: ") && refused.message.contains(says),
                "{refused}"
            );
        }
    }

    #[test]
    fn h_stands_for_the_time_that_the_cluster_would_take() {
        let rule = cron("H 7 * * *", "Europe/Paris").unwrap();
        let effective = schedule::resolve("H 7 * * *", "centre-acme/acme").unwrap();
        assert_eq!(
            rule.to_string(),
            format!("by schedule `H 7 * * *`, here `{effective}`, Europe/Paris")
        );
        let next = rule
            .next_after(at("2026-06-01T00:00:00Z"))
            .unwrap()
            .to_zoned(zone("Europe/Paris"));
        assert_eq!((next.hour(), format!("{} 7 * * *", next.minute())), (7, effective));
    }

    // 2026-03-29: 02:00 → 03:00 in Paris; 2026-10-25: 03:00 → 02:00
    #[rstest]
    #[case::before_the_gap("01:30", "2026-03-29T00:30:00Z")]
    #[case::in_the_gap("02:30", "2026-03-29T01:30:00Z")]
    #[case::after_the_gap("03:30", "2026-03-29T01:30:00Z")]
    fn a_time_that_the_clocks_skip_comes_once_and_later(#[case] time: &str, #[case] expected: &str) {
        let rule = daily(time, "Europe/Paris");
        assert_eq!(
            all(&rule, "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"),
            [at(expected)]
        );
    }

    #[rstest]
    #[case::before("01:30", "2026-10-24T23:30:00Z")]
    #[case::repeated("02:30", "2026-10-25T00:30:00Z")]
    #[case::after("03:30", "2026-10-25T02:30:00Z")]
    fn a_time_that_the_clocks_repeat_comes_once(#[case] time: &str, #[case] expected: &str) {
        let rule = daily(time, "Europe/Paris");
        assert_eq!(
            all(&rule, "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z"),
            [at(expected)]
        );
    }

    #[test]
    fn a_day_that_ends_in_a_jump_of_the_clocks_keeps_its_time_and_one_that_never_was_has_none() {
        // 2024-03-30 in Nuuk ended at 23:00, 2011-12-30 in Apia was left out
        let nuuk = all(
            &daily("23:00", "America/Nuuk"),
            "2024-03-30T12:00:00Z",
            "2024-04-01T12:00:00Z",
        );
        assert_eq!(nuuk, [at("2024-03-31T00:59:00Z"), at("2024-04-01T00:00:00Z")]);
        let apia = all(
            &daily("09:00", "Pacific/Apia"),
            "2011-12-29T12:00:00Z",
            "2012-01-01T00:00:00Z",
        );
        assert_eq!(
            apia,
            [
                at("2011-12-29T19:00:00Z"),
                at("2011-12-30T19:00:00Z"),
                at("2011-12-31T19:00:00Z")
            ]
        );
    }

    #[test]
    fn times_around_a_skipped_one_keep_their_order() {
        let rule = cron("*/30 1-3 * * *", "Europe/Paris").unwrap();
        let night = all(&rule, "2026-03-28T22:00:00Z", "2026-03-29T12:00:00Z");
        // 01:00, 01:30, then 03:00 = 02:00 moved, 03:30 = 02:30 moved
        let expected = ["00:00", "00:30", "01:00", "01:30"].map(|time| at(&format!("2026-03-29T{time}:00Z")));
        assert_eq!(night, expected);
    }

    #[test]
    fn a_schedule_of_every_hour_leaves_no_hour_out() {
        let rule = cron("0 * * * *", "Europe/Paris").unwrap();
        assert_eq!(all(&rule, "2026-10-24T22:30:00Z", "2026-10-25T04:30:00Z").len(), 6);
    }

    #[test]
    fn where_clocks_never_change_a_day_has_24_hours() {
        for (name, hour) in [
            ("America/Martinique", 13),
            ("Pacific/Noumea", 22),
            ("Indian/Reunion", 5),
        ] {
            let rule = daily("09:00", name);
            let times = all(&rule, "2026-01-01T00:00:00Z", "2026-12-31T23:59:59Z");
            assert_eq!(times.len(), 365, "{name}");
            assert!(
                times.iter().all(|time| time.to_zoned(TimeZone::UTC).hour() == hour),
                "{name}"
            );
        }
    }

    #[test]
    fn missed_times_are_caught_up_once() {
        let rule = daily("09:00", "Europe/Paris");
        let (last, now) = (at("2026-06-01T07:00:00Z"), at("2026-06-05T12:00:00Z"));
        let due = rule.due(now, last).unwrap();
        assert!(due < now, "overdue");
        // the run that catches up starts now, and the next one is tomorrow's
        assert_eq!(rule.due(now, now), Some(at("2026-06-06T07:00:00Z")));
    }

    #[test]
    fn a_clock_that_was_in_the_future_does_not_stop_the_days() {
        let rule = daily("09:00", "Europe/Paris");
        let (now, last) = (at("2026-06-01T12:00:00Z"), at("2036-01-01T00:00:00Z"));
        assert_eq!(rule.due(now, last), Some(at("2026-06-02T07:00:00Z")));
        // a correction of some minutes brings no second run of a day
        let last = at("2026-06-01T07:00:00Z");
        assert_eq!(
            rule.due(at("2026-06-01T06:55:00Z"), last),
            Some(at("2026-06-02T07:00:00Z"))
        );
    }

    #[test]
    fn the_next_time_is_told_in_words() {
        let words = |next: &str, now: &str| in_words(at(next), at(now), &zone("Europe/Paris"));
        assert_eq!(
            words("2026-06-02T07:00:00Z", "2026-06-01T07:00:30Z"),
            "tomorrow at 09:00 (Europe/Paris), in 24 h 0 min".replace("24 h 0 min", "1 d 0 h")
        );
        assert_eq!(
            words("2026-06-01T07:00:00Z", "2026-06-01T06:15:00Z"),
            "today at 09:00 (Europe/Paris), in 45 min"
        );
        assert_eq!(
            words("2026-06-05T07:00:00Z", "2026-06-01T06:00:00Z"),
            "on Friday at 09:00 (Europe/Paris), in 4 d 1 h"
        );
        assert_eq!(
            words("2026-07-01T07:00:00Z", "2026-06-01T06:00:00Z"),
            "on Wednesday 1 July 2026 at 09:00 (Europe/Paris), in 30 d 1 h"
        );
    }

    /// Zones with every kind of change: none, one hour by night, at midnight, half an hour, two hours, across midnight.
    fn zones() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "Europe/Paris",
            "America/Martinique",
            "Pacific/Noumea",
            "Indian/Reunion",
            "America/Miquelon",
            "Atlantic/Azores",
            "America/Sao_Paulo",
            "Asia/Beirut",
            "Africa/Casablanca",
            "Australia/Lord_Howe",
            "Antarctica/Troll",
            "America/Nuuk",
            "America/Havana",
        ])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn every_local_day_has_its_time_once_whatever_the_clocks_do(
            name in zones(),
            (hour, minute) in (0_i8..24, 0_i8..60),
            start in 1_500_000_000_i64..1_900_000_000,
        ) {
            let (zone, rule) = (zone(name), daily(&format!("{hour:02}:{minute:02}"), name));
            // from the last change of the clocks, so that most cases meet one
            let start = Timestamp::from_second(start).unwrap();
            let from = zone.preceding(start).next().map_or(start, |change| change.timestamp());
            let mut last = from - SignedDuration::from_hours(48);
            for _ in 0..5 {
                let next = rule.next_after(last).unwrap();
                prop_assert!(next > last);
                // nothing between two times of a day: the next one of any moment between is the same
                let between = last + SignedDuration::from_secs((next.as_second() - last.as_second()) / 2);
                prop_assert_eq!(rule.next_after(between), Some(next));
                let (was, is) = (last.to_zoned(zone.clone()), next.to_zoned(zone.clone()));
                if last > from - SignedDuration::from_hours(48) {
                    prop_assert_eq!(days_between(was.date(), is.date()), 1, "{} then {}", was, is);
                }
                // the wall shows the asked time, or the clocks skipped it
                let asked = is.date().at(hour, minute, 0, 0);
                let moved = is.datetime() != asked;
                prop_assert!(!moved || zone.to_ambiguous_timestamp(asked).is_ambiguous(), "{}", is);
                last = next;
            }
        }

        #[test]
        fn a_daily_cron_expression_means_the_same_as_a_time_of_day(
            name in zones(), (hour, minute) in (0_i8..24, 0_i8..60), after in 1_500_000_000_i64..1_900_000_000,
        ) {
            let after = Timestamp::from_second(after).unwrap();
            let by_cron = cron(&format!("{minute} {hour} * * *"), name).unwrap();
            prop_assert_eq!(by_cron.next_after(after), daily(&format!("{hour:02}:{minute:02}"), name).next_after(after));
        }
    }
}
