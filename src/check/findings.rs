//! What a check found, judged and shown. Pure.

use std::fmt::Write as _;

use console::{Style, measure_text_width};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::Serialize;

use crate::{
    failure::{Failure, Mend},
    sheets::inspect::{Barrier, State},
    words::counted,
};

/// A clock that is off by less says nothing.
const CLOCK_TOLERANCE: i64 = 60;
/// Of the cells that a spreadsheet may have: above, there is a warning.
const NEARLY_FULL: f64 = 0.9;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Ok,
    /// Works, and may not be what is wanted.
    Warning,
    Error,
    /// Could not be looked at because of an error before.
    Skipped,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable, for programs: `google.token`.
    pub id: &'static str,
    pub level: Level,
    /// The resource that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// What is so, and what to do if it should not be.
    pub message: String,
    #[serde(skip)]
    mend: Option<Mend>,
}

impl Finding {
    pub fn ok(id: &'static str, message: impl Into<String>) -> Self {
        Self::new(id, Level::Ok, message.into())
    }

    pub fn warning(id: &'static str, message: impl Into<String>) -> Self {
        Self::new(id, Level::Warning, message.into())
    }

    pub fn skipped(id: &'static str, message: impl Into<String>) -> Self {
        Self::new(id, Level::Skipped, message.into())
    }

    pub fn error(id: &'static str, failure: &Failure) -> Self {
        Self {
            mend: Some(failure.mend),
            ..Self::new(id, Level::Error, failure.message.clone())
        }
    }

    pub fn of(self, resource: impl ToString) -> Self {
        Self {
            resource: Some(resource.to_string()),
            ..self
        }
    }

    fn new(id: &'static str, level: Level, message: String) -> Self {
        Self {
            id,
            level,
            resource: None,
            message,
            mend: None,
        }
    }
}

/// 0 all well; 1 something may pass; 2 only a person can help.
pub fn exit_code(findings: &[Finding]) -> u8 {
    let codes = findings
        .iter()
        .filter_map(|finding| finding.mend)
        .map(|mend| match mend {
            Mend::Later => 1,
            Mend::Person => 2,
        });
    codes.min().unwrap_or(0)
}

/// Seconds that this machine's clock is ahead of Google's.
pub fn clock(difference: i64) -> Finding {
    const ID: &str = "google.clock";
    if difference.abs() < CLOCK_TOLERANCE {
        return Finding::ok(ID, "this machine's clock agrees with Google's");
    }
    let minutes = (difference.abs() + 30) / 60;
    let unit = if minutes == 1 { "minute" } else { "minutes" };
    let direction = if difference > 0 { "ahead of" } else { "behind" };
    Finding::warning(
        ID,
        format!(
            "this machine's clock is {minutes} {unit} {direction} Google's, which gives no tokens to a clock that is much \
             wrong: set it (NTP)"
        ),
    )
}

/// Times in the tabs are shown in the spreadsheet's zone, days and schedules are of the configuration's.
pub fn zone(name: &str, known: bool, configured: &TimeZone, now: Timestamp) -> Finding {
    const ID: &str = "spreadsheet.zone";
    let setting = "File > Settings > Time zone";
    if !known {
        return Finding::warning(
            ID,
            format!(
                "the spreadsheet's time zone `{name}` is unknown here, so its times are written in UTC: choose another under {setting}"
            ),
        );
    }
    let wanted = configured.iana_name().unwrap_or("that of TZ");
    let same = TimeZone::get(name).is_ok_and(|zone| {
        let week = |number: i64| now + SignedDuration::from_hours(number * 7 * 24);
        (0..52).all(|number| zone.to_offset(week(number)) == configured.to_offset(week(number)))
    });
    if same {
        return Finding::ok(ID, format!("its time zone is {name}"));
    }
    Finding::warning(
        ID,
        format!(
            "the spreadsheet's time zone is {name} and the configuration's {wanted}: times in its tabs are those of {name}; \
             change it under {setting}, or the configuration's timeZone"
        ),
    )
}

/// Google refuses what would make a spreadsheet larger than its limit.
pub fn cells(used: usize, most: usize) -> Finding {
    const ID: &str = "spreadsheet.cells";
    let left = most.saturating_sub(used);
    if (used as f64) < most as f64 * NEARLY_FULL {
        return Finding::ok(ID, format!("{} of {} cells are left", grouped(left), grouped(most)));
    }
    Finding::warning(
        ID,
        format!(
            "only {} of {} cells are left: delete tabs, rows and columns that nobody needs, or leave columns out with \
             columns.exclude",
            grouped(left),
            grouped(most)
        ),
    )
}

/// 1234567 → 1,234,567.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The tab of a resource, and what is in its way.
pub fn tab(resource: &str, title: &str, state: &Result<State, Failure>, account: &str) -> Vec<Finding> {
    const ID: &str = "tab";
    let (finding, barriers): (_, &[Barrier]) = match state {
        Err(refusal) => (Finding::error(ID, refusal), &[]),
        Ok(State::New) => (Finding::ok(ID, format!("there is no tab {title:?} yet")), &[]),
        Ok(State::Empty) => (
            Finding::ok(ID, format!("tab {title:?} is empty and will be filled")),
            &[],
        ),
        Ok(State::Ours { title: found, barriers }) if found == title => (
            Finding::ok(ID, format!("tab {title:?} was filled by an earlier sync")),
            barriers,
        ),
        Ok(State::Ours { title: found, barriers }) => {
            let message = format!("tab {found:?} was filled by an earlier sync (as configured: {title:?})");
            (Finding::ok(ID, message), barriers)
        }
        Ok(State::Similar { barriers }) => {
            let message = format!(
                "tab {title:?} was not filled by this program: it is taken over, rows and all, if one of its rows has the id \
                 of a record, and refused otherwise; rename it or set `tab` to have a new one made"
            );
            (Finding::warning(ID, message), barriers)
        }
    };
    let mut findings = vec![finding.of(resource)];
    for Barrier { range, ours } in barriers {
        let advice = format!("let {account} edit it (Data > Protect sheets and ranges), or lift the protection");
        let what = format!("tab {title:?}: {range} is protected against {account}");
        findings.push(
            match ours {
                true => Finding::error(
                    "tab.protected",
                    &Failure::person(
                        crate::failure::reason::TAB_REFUSED,
                        format!("{what}, so changes there will be refused: {advice}"),
                    ),
                ),
                false => Finding::warning(
                    "tab.protected",
                    format!("{what}: a sync that adds or deletes rows or columns inside it will be refused; {advice}"),
                ),
            }
            .of(resource),
        );
    }
    findings
}

/// The findings for a person: signs and colours at a terminal, plain words elsewhere.
pub fn list(findings: &[Finding], signs: bool, colours: bool, width: usize) -> String {
    let style = |style: Style| style.force_styling(colours);
    let mut text = String::new();
    let mut group = "";
    for finding in findings {
        let of = group_of(finding.id);
        if of != group {
            let _ = writeln!(text, "{}", style(Style::new().bold()).apply_to(of));
            group = of;
        }
        let (sign, word, colour) = match finding.level {
            Level::Ok => ("✓", "ok", Style::new().green()),
            Level::Warning => ("!", "warning", Style::new().yellow()),
            Level::Error => ("✗", "error", Style::new().red()),
            Level::Skipped => ("-", "skipped", Style::new().dim()),
        };
        let sign = if signs { sign.to_owned() } else { format!("{word}:") };
        let subject = match &finding.resource {
            // most failures begin with the name of what they are about
            Some(resource) if !finding.id.starts_with("tab") && !finding.message.starts_with(resource.as_str()) => {
                format!("{resource}: ")
            }
            _ => String::new(),
        };
        let indent = 3 + measure_text_width(&sign);
        let lines = wrapped(&format!("{subject}{}", finding.message), width.saturating_sub(indent));
        for (number, line) in lines.iter().enumerate() {
            let _ = match number {
                0 => writeln!(text, "  {} {line}", style(colour.clone()).apply_to(&sign)),
                _ => writeln!(text, "{:indent$}{line}", ""),
            };
        }
    }
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let (errors, warnings) = (count(Level::Error), count(Level::Warning));
    let end = match (errors, warnings) {
        (0, 0) => style(Style::new().green()).apply_to("All well: a sync can run.".to_owned()),
        (0, _) => style(Style::new().yellow()).apply_to(format!("A sync can run; {}.", counted(warnings, "warning"))),
        _ => style(Style::new().red()).apply_to(format!(
            "{}, {}: mend them and check again.",
            counted(errors, "error"),
            counted(warnings, "warning")
        )),
    };
    let _ = writeln!(text, "\n{end}");
    text
}

fn group_of(id: &str) -> &'static str {
    match id.split('.').next() {
        Some("config") => "Configuration",
        Some("wedof") => "Wedof",
        Some("google") => "Google",
        Some("spreadsheet") => "Spreadsheet",
        _ => "Tabs",
    }
}

/// Lines of at most `width` columns, broken between words.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if measure_text_width(line) + 1 + measure_text_width(word) <= width.max(30) => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::failure::reason;

    #[rstest]
    #[case(0, Level::Ok, "agrees")]
    #[case(-59, Level::Ok, "agrees")]
    #[case(61, Level::Warning, "1 minute ahead of")]
    #[case(600, Level::Warning, "10 minutes ahead of")]
    #[case(-629, Level::Warning, "10 minutes behind")]
    fn a_clock_that_is_off_is_told_in_minutes(#[case] seconds: i64, #[case] level: Level, #[case] says: &str) {
        let finding = clock(seconds);
        assert_eq!(finding.level, level);
        assert!(finding.message.contains(says), "{}", finding.message);
    }

    #[rstest]
    #[case("Europe/Paris", true, Level::Ok)]
    #[case("Europe/Brussels", true, Level::Ok)]
    #[case("America/Martinique", true, Level::Warning)]
    #[case("GMT+01:00", true, Level::Warning)]
    #[case("Moon/Tranquility", false, Level::Warning)]
    fn another_zone_is_told_and_another_name_of_the_same_is_not(
        #[case] name: &str,
        #[case] known: bool,
        #[case] level: Level,
    ) {
        let paris = TimeZone::get("Europe/Paris").unwrap();
        let finding = zone(name, known, &paris, "2026-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(finding.level, level, "{}", finding.message);
        assert!(finding.message.contains(name));
    }

    #[test]
    fn a_spreadsheet_that_is_nearly_full_is_told() {
        assert_eq!(
            cells(26_000, 10_000_000).message,
            "9,974,000 of 10,000,000 cells are left"
        );
        assert_eq!(cells(9_500_000, 10_000_000).level, Level::Warning);
        assert!(cells(10_000_001, 10_000_000).message.starts_with("only 0 of"));
    }

    #[test]
    fn a_tab_that_would_be_refused_is_an_error_and_one_that_may_be_is_a_warning() {
        let levels = |state| {
            let findings = tab("organisms", "Nous", &state, "robot@example.iam");
            findings.iter().map(|finding| finding.level).collect::<Vec<_>>()
        };
        let barrier = |ours| Barrier {
            range: "B2:C9".to_owned(),
            ours,
        };
        assert_eq!(levels(Ok(State::New)), [Level::Ok]);
        assert_eq!(levels(Ok(State::Similar { barriers: vec![] })), [Level::Warning]);
        assert_eq!(
            levels(Ok(State::Ours {
                title: "Nous".to_owned(),
                barriers: vec![barrier(true), barrier(false)]
            })),
            [Level::Ok, Level::Error, Level::Warning]
        );
        assert_eq!(
            levels(Err(Failure::person(reason::TAB_REFUSED, "taken"))),
            [Level::Error]
        );
    }

    #[test]
    fn what_may_pass_decides_the_exit_code_before_what_needs_a_person() {
        let later = Finding::error("wedof.key", &Failure::later(reason::WEDOF_ERROR, "503"));
        let person = Finding::error("google.key", &Failure::person(reason::SECRET_INVALID, "an API key"));
        let well = [Finding::ok("config.env", ""), Finding::warning("tab", "")];
        assert_eq!(exit_code(&well), 0);
        assert_eq!(exit_code(std::slice::from_ref(&person)), 2);
        assert_eq!(exit_code(&[person, later]), 1);
    }

    fn findings() -> Vec<Finding> {
        vec![
            Finding::ok("config.env", "variables from /home/marie/.env"),
            Finding::ok("wedof.key", "the key is accepted; it is of Centre Acme"),
            Finding::error(
                "wedof.resource",
                &Failure::person(
                    reason::WEDOF_UNAVAILABLE,
                    "Wedof answers 403: this account cannot read it; ask Wedof for access or leave the resource out",
                ),
            )
            .of("payments"),
            Finding::warning("spreadsheet.zone", "the time zones differ"),
            Finding::skipped("tab", "not looked at"),
        ]
    }

    #[test]
    fn the_list_has_signs_at_a_terminal_and_words_elsewhere() {
        insta::assert_snapshot!(list(&findings(), true, false, 72), @r"
        Configuration
          ✓ variables from /home/marie/.env
        Wedof
          ✓ the key is accepted; it is of Centre Acme
          ✗ payments: Wedof answers 403: this account cannot read it; ask Wedof
            for access or leave the resource out
        Spreadsheet
          ! the time zones differ
        Tabs
          - not looked at

        1 error, 1 warning: mend them and check again.
        ");
        let plain = list(&findings(), false, false, 200);
        assert!(plain.is_ascii(), "{plain}");
        assert!(plain.contains("  error: payments: Wedof answers 403"), "{plain}");
        let coloured = list(&findings(), true, true, 72);
        assert_eq!(console::strip_ansi_codes(&coloured), list(&findings(), true, false, 72));
    }

    #[test]
    fn programs_read_stable_names() {
        let json = serde_json::to_value(&findings()[2]).unwrap();
        assert_eq!(json["id"], "wedof.resource");
        assert_eq!(
            (&json["level"], &json["resource"]),
            (&"error".into(), &"payments".into())
        );
    }
}
