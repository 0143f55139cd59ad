//! A line of a run's log, as JSON or as text, → what a person reads. Pure.

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value};

use crate::operator::can_be_shown;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Error,
    Warn,
    Info,
    /// Debug, trace, or none that is known.
    Other,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub at: Option<Timestamp>,
    pub level: Level,
    /// Fit for a terminal.
    pub message: String,
}

impl Line {
    pub fn of(text: &str) -> Self {
        as_json(text).or_else(|| as_text(text)).unwrap_or_else(|| Self {
            at: None,
            level: Level::Other,
            message: printable(text),
        })
    }

    /// `07:00:12 WARN  message`, the time in `zone`.
    pub fn text(&self, zone: &TimeZone) -> String {
        let time = self
            .at
            .map(|at| format!("{} ", at.to_zoned(zone.clone()).strftime("%H:%M:%S")))
            .unwrap_or_default();
        let level = match self.level {
            Level::Error => "ERROR ",
            Level::Warn => "WARN  ",
            Level::Info | Level::Other => "",
        };
        format!("{time}{level}{}", self.message)
    }
}

/// Spaces stay, for tables.
fn printable(text: &str) -> String {
    let spaced = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    spaced.filter(|c| can_be_shown(*c)).collect()
}

fn level(name: &str) -> Option<Level> {
    Some(match name {
        "ERROR" => Level::Error,
        "WARN" => Level::Warn,
        "INFO" => Level::Info,
        "DEBUG" | "TRACE" => Level::Other,
        _ => return None,
    })
}

fn as_json(text: &str) -> Option<Line> {
    let mut fields: Map<String, Value> = serde_json::from_str(text).ok()?;
    let level = level(fields.remove("level")?.as_str()?)?;
    let at = fields.remove("timestamp").and_then(|at| at.as_str()?.parse().ok());
    let message = fields.remove("message").unwrap_or_default();
    fields.remove("target");
    let mut message = message.as_str().map(str::to_owned).unwrap_or_default();
    for (name, value) in fields {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        message.push_str(&format!(" {name}={value}"));
    }
    Some(Line {
        at,
        level,
        message: printable(&message),
    })
}

/// `2026-11-27T07:00:12.123456Z  INFO message`
fn as_text(text: &str) -> Option<Line> {
    let (at, rest) = text.split_once(' ')?;
    let at = Some(at.parse().ok()?);
    let (name, message) = rest.trim_start().split_once(' ')?;
    Some(Line {
        at,
        level: level(name)?,
        message: printable(message),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        Line::of(text).text(&TimeZone::UTC)
    }

    #[test]
    fn lines_of_json_and_of_text_read_alike() {
        let json =
            r#"{"timestamp":"2026-11-27T07:00:12.5Z","level":"WARN","message":"Wedof cannot answer","path":"/users"}"#;
        assert_eq!(shown(json), "07:00:12 WARN  Wedof cannot answer path=/users");
        let text = "2026-11-27T07:00:12.500000Z  INFO L'été : 10h30: 3 of 7 records read";
        assert_eq!(shown(text), "07:00:12 L'été : 10h30: 3 of 7 records read");
    }

    #[test]
    fn any_other_line_is_shown_as_it_is_but_for_what_a_terminal_would_obey() {
        assert_eq!(shown("exec format error"), "exec format error");
        assert_eq!(shown("{\"a\": 1}"), "{\"a\": 1}");
        assert_eq!(shown("a\u{1b}[31m\u{7}b"), "a[31mb");
        assert_eq!(shown("TAB     ROWS"), "TAB     ROWS");
    }
}
