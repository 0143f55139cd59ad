//! Words that several commands use: times, outcomes, troubles.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::api::{RunState, Trigger};

/// How the program was called, for commands that people are told to type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    Program,
    Kubectl,
}

impl Caller {
    /// A command about an object.
    pub fn hint(self, command: &str, namespace: &str, name: &str) -> String {
        let program = match self {
            Self::Program => "wedof-sheet-sync",
            Self::Kubectl => "kubectl wss",
        };
        format!("{program} {command} {name} --namespace {namespace}")
    }
}

/// Why a command ends without having done what it was asked for.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Trouble {
    pub message: String,
    /// Exit code.
    pub code: u8,
}

impl Trouble {
    /// It may go well later.
    pub fn later(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: 1,
        }
    }

    /// A person has to change something.
    pub fn person(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: 2,
        }
    }
}

pub fn outcome(state: RunState) -> &'static str {
    match state {
        RunState::Partial => "Partly done",
        state => state.as_str(),
    }
}

pub fn trigger(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Schedule => "by schedule",
        Trigger::Manual => "by hand",
        Trigger::Request => "on request",
        Trigger::Create => "on creation",
    }
}

/// `3h`; the largest unit that is worth saying, as kubectl does.
pub fn span(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// `3h ago`, `in 9h`.
pub fn distance(time: Timestamp, now: Timestamp) -> String {
    if time > now {
        format!("in {}", span(time.duration_since(now)))
    } else {
        format!("{} ago", span(now.duration_since(time)))
    }
}

/// `Fri 2026-11-27 07:13 (3h ago)` in the zone of the object.
pub fn moment(time: Timestamp, zone: &str, now: Timestamp) -> String {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let local = time.to_zoned(zone);
    format!("{} ({})", local.strftime("%a %Y-%m-%d %H:%M %Z"), distance(time, now))
}

pub fn link(spreadsheet: &str) -> String {
    format!("https://docs.google.com/spreadsheets/d/{spreadsheet}/edit")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_people_tell_them() {
        let now: Timestamp = "2026-11-27T12:00:00Z".parse().unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(distance(at("2026-11-27T11:59:15Z"), now), "45s ago");
        assert_eq!(distance(at("2026-11-27T11:15:15Z"), now), "44m ago");
        assert_eq!(distance(at("2026-11-28T06:00:00Z"), now), "in 18h");
        assert_eq!(distance(at("2026-10-28T06:00:00Z"), now), "30d ago");
        assert_eq!(
            moment(at("2026-11-28T06:00:00Z"), "Europe/Paris", now),
            "Sat 2026-11-28 07:00 CET (in 18h)"
        );
    }

    #[test]
    fn a_hint_is_a_command_of_the_program_that_was_called() {
        assert_eq!(
            Caller::Kubectl.hint("logs", "centre", "acme"),
            "kubectl wss logs acme --namespace centre"
        );
        assert_eq!(
            Caller::Program.hint("logs -f", "centre", "acme"),
            "wedof-sheet-sync logs -f acme --namespace centre"
        );
    }
}
