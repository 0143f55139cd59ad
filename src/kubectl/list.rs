//! Objects as a table with what is wrong below each. Pure.

use console::Style;
use jiff::{SignedDuration, Timestamp};

use super::{
    object::Object,
    words::{distance, outcome},
};
use crate::{
    api::RunState,
    operator::{names::condition, status},
    words::table,
};

/// How late data may be before that is said.
pub const LATE: SignedDuration = SignedDuration::from_hours(1);

/// Where an object stands in a few words, and what there is to be said about it.
pub struct State {
    pub words: String,
    pub message: Option<String>,
    pub is_bad: bool,
}

pub fn state(object: &Object) -> State {
    let status = &object.status;
    let good = |words: String| State {
        words,
        message: None,
        is_bad: false,
    };
    if object.deleting {
        return good("Being deleted".to_owned());
    }
    if object.unreadable.is_some() {
        return State {
            words: "Not readable".to_owned(),
            message: object.unreadable.clone(),
            is_bad: true,
        };
    }
    if !object.is_observed() {
        return good("Not seen by the operator yet".to_owned());
    }
    if let Some((reason, message, _)) = object.refusal() {
        return State {
            words: format!("Not ready: {reason}"),
            message: Some(message.to_owned()),
            is_bad: true,
        };
    }
    if let Some(run) = object.running() {
        let trouble = run.reason.as_ref();
        return State {
            words: trouble.map_or_else(|| "Running".to_owned(), |reason| format!("Running: {reason}")),
            message: trouble.and(run.message.clone()),
            is_bad: trouble.is_some(),
        };
    }
    let suspended = if object.suspend { ", suspended" } else { "" };
    let result = status::get(status, condition::LAST_RUN_SUCCEEDED);
    match status.last_run.as_ref().map(|run| run.outcome) {
        None => good(match object.suspend {
            true => "Suspended".to_owned(),
            false => "No run yet".to_owned(),
        }),
        Some(RunState::Succeeded) => good(format!("Succeeded{suspended}")),
        Some(ended) => {
            let failures = status.consecutive_failures.unwrap_or_default();
            let times = if failures > 1 {
                format!(" ({failures} times)")
            } else {
                String::new()
            };
            let reason = result.map(|result| format!(": {}", result.reason)).unwrap_or_default();
            State {
                words: format!("{}{reason}{times}{suspended}", outcome(ended)),
                message: result.map(|result| result.message.clone()),
                is_bad: true,
            }
        }
    }
}

/// The schedule has come, and no good run has followed.
pub fn late_since(object: &Object, now: Timestamp) -> Option<Timestamp> {
    let fresh_until = object.status.fresh_until.as_ref()?.0;
    (now > fresh_until + LATE).then_some(fresh_until)
}

pub fn text(objects: &[Object], everywhere: bool, now: Timestamp, colours: bool) -> String {
    if objects.is_empty() {
        return String::new();
    }
    let [bold, dim, bad] =
        [Style::new().bold(), Style::new().dim(), Style::new().red()].map(|style| style.force_styling(colours));
    let rows: Vec<[String; 7]> = objects.iter().map(|object| row(object, now)).collect();
    let titles = ["NAMESPACE", "NAME", "SCHEDULE", "STATE", "ROWS", "LAST SUCCESS", "NEXT"];
    let right = [false, false, false, false, true, false, false];
    // names are whole, for people copy them
    let lines = if everywhere {
        table(titles, right, &rows, usize::MAX, &bold)
    } else {
        let [_, titles @ ..] = titles;
        let [_, right @ ..] = right;
        let rows: Vec<[String; 6]> = rows.into_iter().map(|[_, rest @ ..]| rest).collect();
        table(titles, right, &rows, usize::MAX, &bold)
    };
    let mut lines = lines.into_iter();
    let mut text = lines.next().map(|head| head + "\n").unwrap_or_default();
    for (line, object) in lines.zip(objects) {
        let state = state(object);
        let line = match state.is_bad {
            true => line.replacen(&state.words, &bad.apply_to(&state.words).to_string(), 1),
            false => line,
        };
        text.push_str(&line);
        text.push('\n');
        if let Some(message) = state.message {
            text.push_str(&format!("   {}\n", dim.apply_to(message)));
        }
        if let Some(since) = late_since(object, now) {
            let message = format!("no good run since the schedule's time {}", distance(since, now));
            text.push_str(&format!("   {}\n", dim.apply_to(message)));
        }
    }
    text
}

fn row(object: &Object, now: Timestamp) -> [String; 7] {
    let status = &object.status;
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [
        object.namespace.clone(),
        object.name.clone(),
        object.schedule.clone(),
        state(object).words,
        or_dash(status.rows.map(|rows| rows.to_string())),
        or_dash(status.last_success_time.as_ref().map(|time| distance(time.0, now))),
        or_dash(status.next_schedule_time.as_ref().map(|time| distance(time.0, now))),
    ]
}
