//! A Job and its attempts → [`Run`]: what happened, in words. Pure.
//!
//! Sums go over all attempts (else a retry after a partial run would say "0 added"), also over those before the Job had to
//! wait; everything else is told of those after it, and rows are the last attempt's.

mod cause;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{
    facts::{Attempt, JobEnd, JobFacts, Suspended, later},
    names::reason,
};
use crate::{
    api::{RunState, Trigger},
    report::{ResourceReport, RunOutcome, RunReport},
    words::counted,
};

/// How long a finished Job waits for the last words of its pods, which come by another watch.
const LAST_WORDS: SignedDuration = SignedDuration::from_secs(10);
/// The Job controller makes a pod first and says then that the Job goes on, both in whole seconds.
const RESUME_LAG: SignedDuration = SignedDuration::from_secs(1);
/// After this time without a pod, the Job's events are asked why.
const NO_POD: SignedDuration = SignedDuration::from_secs(60);
/// After this time, what keeps a pod from starting is told.
const WAITING: SignedDuration = SignedDuration::from_mins(2);
/// After this time, a pod that does nothing unusual should have started.
const STARTING: SignedDuration = SignedDuration::from_mins(5);
/// After this time, a pod that does not go away is on a lost node.
const NODE_LOST: SignedDuration = SignedDuration::from_mins(5);
/// How often a run that cannot start is looked at again.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(60);

#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub namespace: String,
    pub job: String,
    pub uid: String,
    pub resource_version: String,
    pub trigger: Trigger,
    pub sync_request: Option<String>,
    pub generation: Option<i64>,
    pub state: RunState,
    pub reason: Option<String>,
    pub message: Option<String>,
    pub started: Option<Timestamp>,
    /// Known a moment before the state says so, while last words are waited for.
    pub ended: Option<Timestamp>,
    pub attempts: i32,
    /// The container of an attempt has run.
    pub begun: bool,
    /// Of the last attempt that ended.
    pub exit_code: Option<i32>,
    pub counts: Option<Counts>,
    pub resources: Vec<ResourceReport>,
    /// When to look again although nothing may have happened.
    pub look_again: Option<Timestamp>,
    /// The Job has no pod and does not say why: its events may.
    pub ask_events: bool,
    pub suspended: Option<Suspended>,
}

/// Numbers of the attempts' reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub rows: i64,
    pub added: i64,
    pub updated: i64,
    pub removed: i64,
    pub kept: i64,
    pub wedof_requests: i64,
    pub sheets_requests: i64,
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            rows,
            added,
            updated,
            removed,
            kept,
            ..
        } = self;
        let rows = counted(*rows, "row");
        write!(f, "{rows}: {added} added, {updated} updated, {removed} removed")?;
        if *kept > 0 {
            write!(f, ", {kept} kept")?;
        }
        Ok(())
    }
}

impl Run {
    /// It has pods or will have some; or it has ended, and the last words of its pods are waited for.
    pub fn is_running(&self) -> bool {
        self.state == RunState::Running && self.suspended.is_none()
    }

    /// It was suspended by the operator, and goes on when no other run of the object is going.
    pub fn waits(&self) -> bool {
        self.state == RunState::Running && self.suspended == Some(Suspended::ToWait)
    }

    /// It was suspended by somebody else, and goes on when they let it.
    pub fn is_halted(&self) -> bool {
        self.state == RunState::Running && self.suspended == Some(Suspended::Otherwise)
    }

    pub fn has_ended(&self) -> bool {
        self.state != RunState::Running
    }

    /// Of several runs, the one with the least goes first: one that works already, then the older. One that has ended, and
    /// whose last words are waited for, only holds back who has not begun.
    pub fn place(&self) -> impl Ord + use<'_> {
        (self.ended.is_some(), !self.begun, self.started, &self.uid)
    }

    fn tell(&mut self, reason: &str, message: String) {
        self.reason = Some(reason.to_owned());
        self.message = Some(message);
    }
}

/// What is known of a run at `now`. `event` is what the Job's events said, if they were asked.
pub fn read(job: &JobFacts, attempts: &[Attempt], event: Option<&str>, now: Timestamp) -> Run {
    let all = attempts;
    let since_resumed = |attempt: &&Attempt| {
        let created = attempt.created.map(|created| later(created, RESUME_LAG));
        job.resumed
            .is_none_or(|resumed| created.is_some_and(|created| created >= resumed))
    };
    let attempts: &[Attempt] = &all.iter().filter(since_resumed).cloned().collect::<Vec<_>>();
    let reports = |attempts: &'_ [Attempt]| -> Vec<RunReport> {
        attempts.iter().filter_map(|attempt| attempt.report.clone()).collect()
    };
    let (reports, last) = (reports(all), reports(attempts).pop());
    let over = attempts.iter().filter(|attempt| attempt.over()).count() as i32;
    let mut run = Run {
        namespace: job.namespace.clone(),
        job: job.name.clone(),
        uid: job.uid.clone(),
        resource_version: job.resource_version.clone(),
        trigger: job.trigger,
        sync_request: job.sync_request.clone(),
        generation: job.generation,
        state: RunState::Running,
        reason: None,
        message: None,
        started: job.started.or(job.created),
        ended: None,
        attempts: (attempts.len() as i32).max(job.ended_pods.saturating_add(job.active_pods)),
        begun: attempts.iter().any(|attempt| attempt.ran),
        exit_code: attempts
            .iter()
            .rev()
            .find_map(|attempt| Some(attempt.end.as_ref()?.exit_code)),
        counts: last.as_ref().map(|last| counts(&reports, last)),
        resources: last.map(|last| resources(&reports, last)).unwrap_or_default(),
        look_again: None,
        ask_events: false,
        suspended: job.suspended,
    };
    match &job.end {
        // the watch of the pods may be behind that of the Jobs
        Some(end) if !job.gone && over < job.ended_pods && now < later(end.at, LAST_WORDS) => {
            run.ended = Some(end.at);
            run.look_again = Some(now + SignedDuration::from_secs(1));
        }
        Some(end) => {
            run.ended = Some(end.at);
            finish(&mut run, job, end, attempts, event);
        }
        None if job.gone => {
            run.state = RunState::Unknown;
            run.ended = Some(now);
            let last = attempts.last().and_then(|attempt| attempt.report.as_ref());
            run.tell(
                reason::JOB_DELETED,
                cause::with_progress("the Job was deleted before it ended", last),
            );
        }
        None => watch(&mut run, job, attempts, event, now),
    }
    run
}

fn counts(reports: &[RunReport], last: &RunReport) -> Counts {
    let sum = |number: fn(&RunReport) -> i64| reports.iter().map(number).fold(0, i64::saturating_add);
    Counts {
        rows: last.rows,
        kept: last.kept,
        added: sum(|report| report.added),
        updated: sum(|report| report.updated),
        removed: sum(|report| report.removed),
        wedof_requests: sum(|report| report.wedof_requests),
        sheets_requests: sum(|report| report.sheets_requests),
    }
}

/// The last report's resources, with what all attempts did to each.
fn resources(reports: &[RunReport], last: RunReport) -> Vec<ResourceReport> {
    let mut sums: BTreeMap<&str, (i64, i64, i64)> = BTreeMap::new();
    for resource in reports.iter().flat_map(|report| &report.resources) {
        let (added, updated, removed) = sums.entry(&resource.name).or_default();
        *added = added.saturating_add(resource.added);
        *updated = updated.saturating_add(resource.updated);
        *removed = removed.saturating_add(resource.removed);
    }
    let summed = |resource: ResourceReport| {
        let (added, updated, removed) = sums.get(resource.name.as_str()).copied().unwrap_or_default();
        ResourceReport {
            added,
            updated,
            removed,
            ..resource
        }
    };
    last.resources.into_iter().map(summed).collect()
}

fn finish(run: &mut Run, job: &JobFacts, end: &JobEnd, attempts: &[Attempt], event: Option<&str>) {
    if end.complete {
        run.state = RunState::Succeeded;
        let last = attempts.iter().rev().find(|attempt| attempt.over());
        let report = last.and_then(|attempt| attempt.report.as_ref());
        run.message = Some(match (&run.counts, report.map(|report| report.outcome)) {
            (Some(counts), Some(RunOutcome::Succeeded)) => counts.to_string(),
            (_, said) => {
                // numbers of a run that was not over when it counted are no result
                (run.counts, run.resources) = (None, Vec::new());
                let instead = last.and_then(|attempt| attempt.no_report.as_deref());
                match (said, instead) {
                    (Some(said), _) => {
                        format!("the Job succeeded, but its report says {said:?}: its numbers are not known")
                    }
                    (None, Some(instead)) => {
                        format!("the Job succeeded, but left {instead}: its numbers are not known")
                    }
                    (None, None) => "the Job succeeded; its report was lost".into(),
                }
            }
        });
        return;
    }
    let last = attempts.iter().rev().find(|attempt| attempt.over()).or(attempts.last());
    let report = last.and_then(|attempt| attempt.report.as_ref());
    run.state = match report.map(|report| report.outcome) {
        Some(RunOutcome::Partial) => RunState::Partial,
        _ => RunState::Failed,
    };
    let (why, message) = match last {
        Some(last) => cause::of_attempt(last, Some(end)),
        None => {
            run.ask_events = job.ended_pods == 0 && event.is_none();
            cause::without_attempt(job, end, event)
        }
    };
    run.tell(why, message);
}

/// What keeps a Job that has not ended from going on, if something does.
fn watch(run: &mut Run, job: &JobFacts, attempts: &[Attempt], event: Option<&str>, now: Timestamp) {
    // when something that lasts since then becomes worth telling, or nothing if it is
    let due = |since: Option<Timestamp>, patience: SignedDuration| {
        since.map(|since| later(since, patience)).filter(|due| *due > now)
    };
    let current = attempts.iter().rev().find(|attempt| !attempt.over());
    let stuck_since = job
        .failing_since
        .or_else(|| current.and_then(|attempt| attempt.deleting_since));
    if let (Some(since), Some(attempt)) = (stuck_since, current) {
        run.look_again = due(Some(since), NODE_LOST);
        if run.look_again.is_none() {
            let node = attempt.node.as_deref().unwrap_or("unknown");
            let message = format!(
                "pod {} does not go away, its node {node} may be lost, and no other run starts: bring the node back, or \
                 kubectl delete pod --namespace {} {} --force",
                attempt.pod, job.namespace, attempt.pod
            );
            run.tell(reason::NODE_LOST, message);
        }
        return;
    }
    if run.is_halted() {
        run.tell(reason::JOB_SUSPENDED, cause::suspended(job));
        return;
    }
    if let Some((waiting, attempt)) = current.and_then(|attempt| Some((attempt.waiting.as_ref()?, attempt))) {
        let patience = if waiting.is_normal() { STARTING } else { WAITING };
        run.look_again = due(attempt.created, patience);
        if run.look_again.is_none() {
            run.tell(waiting.reason(), cause::not_started(attempt, waiting));
        }
    } else if current.is_none() && job.active_pods == 0 && job.suspended.is_none() && job.failing_since.is_none() {
        let over = attempts
            .iter()
            .filter_map(|attempt| Some(later(attempt.end.as_ref()?.at?, backoff(attempts.len()))));
        run.look_again = due(over.max().or(job.started.or(job.created)), NO_POD);
        if run.look_again.is_none() {
            run.ask_events = true;
            run.look_again = Some(now + LOOK_AGAIN);
            run.tell(reason::FAILED_CREATE, cause::no_pod(job, event));
        }
    }
    // a Job that is bound to fail tells why in a moment
    if run.reason.is_none() && job.failing_since.is_none() {
        let counted = attempts
            .iter()
            .filter(|attempt| attempt.over() && attempt.disrupted.is_none())
            .count();
        let (next, all) = (counted + 1, job.backoff_limit.unsigned_abs() as usize + 1);
        let Some(last) = attempts.iter().rev().find(|attempt| attempt.over()) else {
            return;
        };
        // after the last attempt, or one that no other follows, the Job ends in a moment and tells
        if next <= all && !last.wants_a_person() && !last.succeeded() {
            let (why, message) = cause::of_attempt(last, None);
            run.tell(why, format!("{message} (attempt {next} of {all} follows)"));
        }
    }
}

/// How long a Job waits before its next pod: 10, 20, 40 s … up to ten minutes.
fn backoff(failures: usize) -> SignedDuration {
    SignedDuration::from_secs(10 << failures.saturating_sub(1).min(6)).min(SignedDuration::from_mins(10))
}

#[cfg(test)]
mod tests;
