//! One object in full, and the end of a run. Pure.

use std::fmt::Write as _;

use console::Style;
use jiff::Timestamp;

use super::{
    list::{late_since, state},
    object::Object,
    standing::End,
    words::{Caller, link, moment, outcome, span, trigger},
};
use crate::{
    api::{ResourceStatus, RunState},
    words::{counted, table},
};

/// All about an object, for a person.
pub fn text(object: &Object, caller: Caller, now: Timestamp, width: usize, colours: bool) -> String {
    let style = |style: Style| style.force_styling(colours);
    let [bold, bad] = [Style::new().bold(), Style::new().red()].map(style);
    let state = state(object);
    let words = match state.is_bad {
        true => bad.apply_to(&state.words).to_string(),
        false => state.words.clone(),
    };
    let mut text = format!(
        "{}: {words}\n",
        bold.apply_to(format!("{}/{}", object.namespace, object.name))
    );
    for sentence in state.message.iter().flat_map(|message| message.lines()) {
        let _ = writeln!(text, "  {sentence}");
    }
    text.push('\n');
    for (title, value) in facts(object, now) {
        let _ = writeln!(text, "{title:<14}{value}");
    }
    text.push_str(&resources(
        &object.status.resources,
        Some((&object.time_zone, now)),
        width,
        &bold,
    ));
    for (number, command) in hints(object).into_iter().enumerate() {
        let gap = if number == 0 { "\n" } else { "" };
        let _ = writeln!(text, "{gap}{}", caller.hint(command, &object.namespace, &object.name));
    }
    text
}

fn facts(object: &Object, now: Timestamp) -> Vec<(&'static str, String)> {
    let status = &object.status;
    let at = |time: Timestamp| moment(time, &object.time_zone, now);
    let mut facts = Vec::new();
    let resolved = status
        .effective_schedule
        .as_deref()
        .filter(|resolved| *resolved != object.schedule);
    let resolved = resolved.map(|resolved| format!("{resolved}, ")).unwrap_or_default();
    facts.push((
        "Schedule",
        format!("{} ({resolved}{})", object.schedule, object.time_zone),
    ));
    match &status.next_schedule_time {
        Some(next) => facts.push(("Next run", at(next.0))),
        None if object.suspend => facts.push(("Next run", "none: suspended".to_owned())),
        None => {}
    }
    let rows = status
        .rows
        .map(|rows| format!(", {}", counted(rows, "row")))
        .unwrap_or_default();
    match &status.last_success_time {
        Some(success) => facts.push(("Last success", format!("{}{rows}", at(success.0)))),
        None if object.unreadable.is_some() => {}
        None => facts.push(("Last success", "none yet".to_owned())),
    }
    if let Some(since) = late_since(object, now) {
        facts.push(("Late since", at(since)));
    }
    if let Some(run) = &status.last_run {
        let mut words = format!("{}, {}", outcome(run.outcome), trigger(run.trigger));
        if let Some(started) = &run.start_time {
            let _ = write!(words, ", {}", at(started.0));
        }
        if let Some(seconds) = run.duration_seconds {
            let _ = write!(words, ", took {}", span(jiff::SignedDuration::from_secs(seconds)));
        }
        if let Some(attempts) = run.attempts.filter(|attempts| *attempts > 1) {
            let _ = write!(words, ", {attempts} attempts");
        }
        facts.push(("Last run", words));
        facts.push(("Job", run.job_name.clone()));
    }
    facts.push(("Spreadsheet", link(&object.spreadsheet)));
    facts
}

fn hints(object: &Object) -> Vec<&'static str> {
    let can_run = object.refusal().is_none() && object.unreadable.is_none();
    let run = can_run.then_some("run --wait");
    match (object.running(), &object.status.last_run) {
        (Some(_), _) => vec!["logs --follow"],
        (None, Some(_)) => ["logs"].into_iter().chain(run).collect(),
        (None, None) => run.into_iter().collect(),
    }
}

/// A line per tab, with what is wrong below; with a zone also when each was last true.
fn resources(resources: &[ResourceStatus], times: Option<(&str, Timestamp)>, width: usize, bold: &Style) -> String {
    if resources.is_empty() {
        return String::new();
    }
    let row = |resource: &ResourceStatus| {
        let synced = resource.last_sync_time.as_ref().zip(times);
        let synced = synced.map(|(time, (zone, now))| moment(time.0, zone, now));
        [
            resource.tab.clone(),
            resource.outcome.as_str().to_owned(),
            resource.rows.to_string(),
            resource.added.to_string(),
            resource.updated.to_string(),
            resource.removed.to_string(),
            synced.unwrap_or_default(),
        ]
    };
    let rows: Vec<[String; 7]> = resources.iter().map(row).collect();
    let last = if times.is_some() { "LAST SYNC" } else { "" };
    let titles = ["TAB", "OUTCOME", "ROWS", "ADDED", "UPDATED", "REMOVED", last];
    let right = [false, false, true, true, true, true, false];
    let mut lines = table(titles, right, &rows, width, bold).into_iter();
    let mut text = format!("\n{}\n", lines.next().unwrap_or_default());
    for (line, resource) in lines.zip(resources) {
        let _ = writeln!(text, "{line}");
        for sentence in resource.message.iter().flat_map(|message| message.lines()) {
            let _ = writeln!(text, "  {sentence}");
        }
    }
    text
}

/// What came of a run that was followed.
pub fn end(object: &Object, end: &End, width: usize, colours: bool) -> String {
    let style = |style: Style| style.force_styling(colours);
    let colour = style(match end.outcome {
        RunState::Succeeded => Style::new().green(),
        RunState::Partial | RunState::Running => Style::new().yellow(),
        RunState::Failed | RunState::Unknown => Style::new().red(),
    });
    let mut text = String::new();
    // of a run that failed, the resources may be those of an earlier one
    if matches!(end.outcome, RunState::Succeeded | RunState::Partial) {
        let bold = style(Style::new().bold());
        text.push_str(&resources(&object.status.resources, None, width, &bold));
        text.push('\n');
    }
    let took = end
        .duration_seconds
        .map(|seconds| format!(" after {}", span(jiff::SignedDuration::from_secs(seconds))));
    let reason = end
        .reason
        .as_ref()
        .map(|reason| format!("{reason}: "))
        .unwrap_or_default();
    let _ = writeln!(
        text,
        "{}{}: {reason}{}",
        colour.apply_to(outcome(end.outcome)),
        took.unwrap_or_default(),
        end.message.as_deref().unwrap_or("nothing more is known")
    );
    if end.outcome != RunState::Succeeded {
        let _ = writeln!(
            text,
            "{}",
            match end.code() {
                2 => "It will fail again until somebody changes that.",
                _ => "A later run may succeed.",
            }
        );
    }
    let _ = writeln!(text, "{}", link(&object.spreadsheet));
    text
}
