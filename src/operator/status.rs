//! Old status + runs + verdict → new status. Pure and deterministic: the same facts give the same status, whose times are
//! those of Jobs; `now` is used only where something has just changed.
//!
//! [`record`] takes in the runs, each finished one once and in the order in which they ended; [`conclude`] says where the
//! object stands.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::{
    facts::CronJobFacts,
    names::{condition, reason},
    runs::{Counts, Run},
    validate::{Problem, ValidSpec},
};
use crate::{
    api::{LastRun, RecordedRun, ResourceStatus, RunState, WedofSheetSyncStatus},
    report::ResourceReport,
    schedule::Schedule,
};

/// Where an object stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The spec is valid and the CronJob in place.
    Ready,
    /// Not in place, and it may come right without its author.
    NotReady(Problem),
    /// Only the author can mend it.
    Stalled(Vec<Problem>),
}

/// Takes the runs in: the status after each that has ended since, and that of now. Runs that are recorded already change
/// nothing.
pub fn record(
    old: &WedofSheetSyncStatus,
    runs: &[Run],
    cronjob: Option<&CronJobFacts>,
    now: Timestamp,
) -> (Vec<WedofSheetSyncStatus>, WedofSheetSyncStatus) {
    let mut status = old.clone();
    let was_running = old.last_run.as_ref().filter(|run| run.outcome == RunState::Running);
    let mut finished: Vec<Run> = runs.iter().filter(|run| run.has_ended()).cloned().collect();
    finished.extend(was_running.and_then(|last| vanished(last, runs, cronjob, now)));
    finished.retain(|run| !is_recorded(old, run));
    // one that waits for its pod's last words has ended, too: those that ended after it wait with it, or it would be passed by
    let waiting = runs
        .iter()
        .filter(|run| run.is_running() && run.ended.is_some())
        .map(order)
        .min();
    finished.retain(|run| waiting.is_none_or(|waiting| order(run) < waiting));
    finished.sort_by(|one, two| order(one).cmp(&order(two)));
    let mut ends = Vec::with_capacity(finished.len());
    for run in &finished {
        record_one(&mut status, run);
        ends.push(status.clone());
    }
    // of several, the one that goes on: the others will have to wait for it
    let running = runs.iter().filter(|run| run.is_running());
    // one that was shown and is suspended now stays, and says so
    let shown = shown_as_running(&status);
    let suspended = || runs.iter().find(|run| !run.has_ended() && shown == Some(&run.uid));
    if let Some(run) = running.min_by_key(|run| run.place()).or_else(suspended) {
        status.last_run = Some(last_run(run));
    }
    (ends, status)
}

/// Whether a run that has ended is in a status already. One that it shows as running is not.
pub fn is_recorded(status: &WedofSheetSyncStatus, run: &Run) -> bool {
    let recorded = status.last_recorded_run.as_ref();
    shown_as_running(status) != Some(&run.uid)
        && recorded.is_some_and(|last| order(run) <= (last.completion_time.0, &last.job_uid))
}

/// UID of the Job that a status shows as running.
fn shown_as_running(status: &WedofSheetSyncStatus) -> Option<&String> {
    let last = status.last_run.as_ref()?;
    (last.outcome == RunState::Running).then_some(&last.job_uid)
}

fn order(run: &Run) -> (Timestamp, &String) {
    (run.ended.unwrap_or(Timestamp::MIN), &run.uid)
}

/// A run that was going and of whose Job nothing is left. The CronJob still knows of a success.
fn vanished(last: &LastRun, runs: &[Run], cronjob: Option<&CronJobFacts>, now: Timestamp) -> Option<Run> {
    if runs.iter().any(|run| run.uid == last.job_uid) {
        return None;
    }
    let started = last.start_time.as_ref().map(|time| time.0);
    let success = cronjob
        .and_then(|cronjob| cronjob.last_successful)
        .filter(|success| Some(*success) > started);
    Some(Run {
        namespace: String::new(),
        job: last.job_name.clone(),
        uid: last.job_uid.clone(),
        resource_version: String::new(),
        trigger: last.trigger,
        sync_request: last.sync_request.clone(),
        generation: None,
        state: if success.is_some() {
            RunState::Succeeded
        } else {
            RunState::Unknown
        },
        reason: success.is_none().then(|| reason::UNKNOWN.to_owned()),
        message: Some(match success {
            Some(_) => "the Job succeeded; its report was lost".into(),
            None => "the Job is gone, and nothing tells how it ended".into(),
        }),
        started,
        ended: Some(success.unwrap_or(now)),
        attempts: last.attempts.unwrap_or_default(),
        begun: true,
        exit_code: None,
        counts: None,
        resources: Vec::new(),
        look_again: None,
        ask_events: false,
        suspended: None,
    })
}

fn record_one(status: &mut WedofSheetSyncStatus, run: &Run) {
    let ended = run.ended.unwrap_or(Timestamp::MIN);
    let failures = status.consecutive_failures.unwrap_or_default();
    status.consecutive_failures = Some(match run.state {
        RunState::Succeeded => 0,
        RunState::Failed | RunState::Partial => failures.saturating_add(1),
        RunState::Running | RunState::Unknown => failures,
    });
    if run.state == RunState::Succeeded {
        status.last_success_time = Some(Time(ended));
        status.rows = run.counts.map(|counts| counts.rows).or(status.rows);
    }
    let before = std::mem::take(&mut status.resources);
    status.resources = resources(before, run, ended);
    if let Some(request) = &run.sync_request {
        status.last_handled_sync_request = Some(request.clone());
    }
    let (value, why) = match run.state {
        RunState::Succeeded => ("True", reason::SUCCEEDED),
        RunState::Failed | RunState::Partial => ("False", run.reason.as_deref().unwrap_or(reason::UNKNOWN)),
        RunState::Running | RunState::Unknown => ("Unknown", run.reason.as_deref().unwrap_or(reason::UNKNOWN)),
    };
    let message = run.message.clone().unwrap_or_default();
    set(
        &mut status.conditions,
        condition::LAST_RUN_SUCCEEDED,
        (value, why, message),
        run.generation,
        ended,
    );
    let last = last_run(run);
    status.last_recorded_run = Some(RecordedRun {
        completion_time: Time(ended),
        job_uid: run.uid.clone(),
        outcome: Some(run.state),
        duration_seconds: last.duration_seconds,
    });
    status.last_run = Some(last);
}

/// The report's resources. Those that it does not mention stay as they were, unless it tells of a whole good run; but what
/// an earlier run did to them is no news.
fn resources(before: Vec<ResourceStatus>, run: &Run, ended: Timestamp) -> Vec<ResourceStatus> {
    let mut before: Vec<ResourceStatus> = before
        .into_iter()
        .map(|known| ResourceStatus {
            added: 0,
            updated: 0,
            removed: 0,
            ..known
        })
        .collect();
    let mut all: Vec<ResourceStatus> = Vec::with_capacity(run.resources.len());
    for resource in &run.resources {
        let known = before.iter().position(|known| known.name == resource.name);
        let known = known.map(|index| before.remove(index));
        let ResourceReport {
            name,
            tab,
            outcome,
            rows,
            added,
            updated,
            removed,
            kept: _,
            message,
        } = resource.clone();
        let good = outcome.is_good();
        all.push(ResourceStatus {
            name,
            tab,
            outcome,
            // what was not written still has the rows of the last good sync
            rows: if good {
                rows
            } else {
                known.as_ref().map_or(rows, |known| known.rows)
            },
            added,
            updated,
            removed,
            message,
            last_sync_time: if good {
                Some(Time(ended))
            } else {
                known.and_then(|known| known.last_sync_time)
            },
        });
    }
    if run.state != RunState::Succeeded || run.counts.is_none() {
        all.append(&mut before);
    }
    all
}

fn last_run(run: &Run) -> LastRun {
    let Run {
        namespace: _,
        job,
        uid,
        resource_version: _,
        trigger,
        sync_request,
        generation: _,
        state,
        reason,
        message,
        started,
        ended,
        attempts,
        begun: _,
        exit_code,
        counts,
        resources: _,
        look_again: _,
        ask_events: _,
        suspended: _,
    } = run.clone();
    // numbers of a run that is going would change the status at every attempt
    let counts = counts.filter(|_| state != RunState::Running);
    let ended = ended.filter(|_| state != RunState::Running);
    let count = |number: fn(&Counts) -> i64| counts.as_ref().map(number);
    LastRun {
        job_name: job,
        job_uid: uid,
        trigger,
        outcome: state,
        reason,
        message,
        sync_request,
        start_time: started.map(Time),
        completion_time: ended.map(Time),
        duration_seconds: started
            .zip(ended)
            .map(|(started, ended)| ended.duration_since(started).as_secs().max(0)),
        attempts: Some(attempts),
        exit_code: exit_code.filter(|_| state != RunState::Running),
        rows: count(|counts| counts.rows),
        added: count(|counts| counts.added),
        updated: count(|counts| counts.updated),
        removed: count(|counts| counts.removed),
        kept: count(|counts| counts.kept),
        wedof_requests: count(|counts| counts.wedof_requests),
        sheets_requests: count(|counts| counts.sheets_requests),
    }
}

/// Says where the object stands. `notes` are added to the message of Ready.
pub fn conclude(
    mut status: WedofSheetSyncStatus,
    generation: i64,
    verdict: &Verdict,
    spec: Option<&ValidSpec>,
    cronjob: Option<&CronJobFacts>,
    notes: &[String],
    now: Timestamp,
) -> WedofSheetSyncStatus {
    status.observed_generation = Some(generation);
    status.fresh_until = match (verdict, spec) {
        (Verdict::Ready, Some(spec)) if !spec.suspend => fresh_until(&status, spec, cronjob, now).map(Time),
        _ => None,
    };
    status.effective_schedule = spec.map(|spec| spec.effective_schedule.clone());
    status.effective_time_zone = spec.map(|spec| spec.time_zone.clone());
    status.next_schedule_time = match (verdict, spec) {
        (Verdict::Ready, Some(spec)) if !spec.suspend => next_time(spec, cronjob, now).map(Time),
        _ => None,
    };
    let with_notes = |message: String| {
        let notes = notes.iter().map(|note| format!("; {note}"));
        std::iter::once(message).chain(notes).collect::<String>()
    };
    let ready = match (verdict, spec) {
        (Verdict::Ready, Some(spec)) if spec.suspend => (
            "True",
            reason::SUSPENDED,
            with_notes("suspended: no run by schedule".into()),
        ),
        (Verdict::Ready, spec) => (
            "True",
            reason::SCHEDULED,
            with_notes(spec.map(schedule_in_words).unwrap_or_default()),
        ),
        (Verdict::NotReady(problem), _) => ("False", problem.reason, with_notes(problem.message.clone())),
        (Verdict::Stalled(problems), _) => ("False", first_reason(problems), with_notes(all_messages(problems))),
    };
    set(&mut status.conditions, condition::READY, ready, Some(generation), now);
    match verdict {
        Verdict::Stalled(problems) => {
            let stalled = ("True", first_reason(problems), all_messages(problems));
            set(
                &mut status.conditions,
                condition::STALLED,
                stalled,
                Some(generation),
                now,
            );
        }
        _ => status.conditions.retain(|known| known.type_ != condition::STALLED),
    }
    if get(&status, condition::LAST_RUN_SUCCEEDED).is_none() {
        let none = ("Unknown", reason::NO_RUN_YET, "no run has finished yet".to_owned());
        set(
            &mut status.conditions,
            condition::LAST_RUN_SUCCEEDED,
            none,
            Some(generation),
            now,
        );
    }
    status
        .conditions
        .sort_by_key(|condition| match condition.type_.as_str() {
            condition::READY => 0,
            condition::LAST_RUN_SUCCEEDED => 1,
            _ => 2,
        });
    status
}

/// Whether the API server has refused the CronJob of this generation: only an edit of the object helps.
pub fn is_refused(status: &WedofSheetSyncStatus, generation: Option<i64>) -> bool {
    get(status, condition::STALLED)
        .is_some_and(|stalled| stalled.reason == reason::REFUSED && stalled.observed_generation == generation)
}

fn schedule_in_words(spec: &ValidSpec) -> String {
    format!("runs at {} ({})", spec.effective_schedule, spec.time_zone)
}

/// Whether a status says that its object runs by this spec's schedule, in this spec's zone.
pub fn runs_at(status: &WedofSheetSyncStatus, spec: &ValidSpec) -> bool {
    status.next_schedule_time.is_some()
        && status.effective_schedule.as_ref() == Some(&spec.effective_schedule)
        && status.effective_time_zone.as_ref() == Some(&spec.time_zone)
}

fn first_reason(problems: &[Problem]) -> &'static str {
    problems.first().map_or(reason::INVALID_SPEC, |problem| problem.reason)
}

fn all_messages(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect::<Vec<_>>()
        .join("; ")
}

/// Until when the data are as fresh as the schedule promises. What was promised stays until a run has kept it; a schedule
/// that is new, or in force again, promises nothing for the time before.
fn fresh_until(
    before: &WedofSheetSyncStatus,
    spec: &ValidSpec,
    cronjob: Option<&CronJobFacts>,
    now: Timestamp,
) -> Option<Timestamp> {
    let Some(promised) = before.fresh_until.as_ref().filter(|_| runs_at(before, spec)) else {
        return next_time(spec, cronjob, now);
    };
    match &before.last_success_time {
        Some(success) if success.0 >= promised.0 => next_time(spec, cronjob, success.0),
        _ => Some(promised.0),
    }
}

/// The next time of the schedule. `@every` counts from the last start or the CronJob's creation, as Kubernetes does.
fn next_time(spec: &ValidSpec, cronjob: Option<&CronJobFacts>, now: Timestamp) -> Option<Timestamp> {
    let Schedule::Every(delay) = &spec.schedule else {
        return spec.schedule.next_after(now, &spec.zone);
    };
    let since = cronjob.and_then(|cronjob| cronjob.last_schedule.or(cronjob.created))?;
    let delay = i64::try_from(delay.as_secs()).ok()?;
    let passed = now.duration_since(since).as_secs().max(0) / delay + 1;
    since
        .checked_add(SignedDuration::from_secs(passed.checked_mul(delay)?))
        .ok()
}

/// The condition of a type.
pub fn get<'a>(status: &'a WedofSheetSyncStatus, kind: &str) -> Option<&'a Condition> {
    status.conditions.iter().find(|condition| condition.type_ == kind)
}

/// Sets a condition. Its time is that of the last change of its value.
fn set(
    conditions: &mut Vec<Condition>,
    kind: &str,
    (status, reason, message): (&str, &str, String),
    generation: Option<i64>,
    at: Timestamp,
) {
    let before = conditions.iter().position(|known| known.type_ == kind);
    let before = before.map(|index| conditions.remove(index));
    let kept = before.filter(|before| before.status == status);
    conditions.push(Condition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message,
        observed_generation: generation,
        last_transition_time: kept.map_or(Time(at), |kept| kept.last_transition_time),
    });
}

#[cfg(test)]
pub mod tests;
