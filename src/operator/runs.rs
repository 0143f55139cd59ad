//! A Job and its attempts → [`Run`]: what happened, in words. Pure.
//!
//! Sums go over all attempts (else a retry after a partial run would say "0 added"); rows are the last attempt's.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{
    facts::{Attempt, JobEnd, JobFacts},
    names::reason,
};
use crate::{
    api::{RunState, Trigger},
    failure,
    report::{ResourceReport, RunOutcome, RunReport},
};

/// How long a finished Job waits for the last words of its pods, which come by another watch.
const LAST_WORDS: SignedDuration = SignedDuration::from_secs(10);
/// After this time without a pod, the Job's events are asked why.
const NO_POD: SignedDuration = SignedDuration::from_secs(60);
/// After this time, what keeps a pod from starting is told.
const WAITING: SignedDuration = SignedDuration::from_mins(2);
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
    pub counts: Option<Counts>,
    pub resources: Vec<ResourceReport>,
    /// When to look again although nothing may have happened.
    pub look_again: Option<Timestamp>,
    /// The Job has no pod and does not say why: its events may.
    pub ask_events: bool,
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

impl Run {
    pub fn is_running(&self) -> bool {
        self.state == RunState::Running
    }

    fn tell(&mut self, reason: &str, message: String) {
        self.reason = Some(reason.to_owned());
        self.message = Some(message);
    }
}

/// What is known of a run at `now`. `event` is what the Job's events said, if they were asked.
pub fn read(job: &JobFacts, attempts: &[Attempt], event: Option<&str>, now: Timestamp) -> Run {
    let reports: Vec<&RunReport> = attempts.iter().filter_map(|attempt| attempt.report.as_ref()).collect();
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
        attempts: (attempts.len() as i32).max(job.ended_pods + job.active_pods),
        counts: counts(&reports),
        resources: resources(&reports),
        look_again: None,
        ask_events: false,
    };
    match &job.end {
        // the watch of the pods may be behind that of the Jobs
        Some(end) if !job.gone && over < job.ended_pods && now < end.at + LAST_WORDS => {
            run.ended = Some(end.at);
            run.look_again = Some(now + SignedDuration::from_secs(1));
        }
        Some(end) => {
            run.ended = Some(end.at);
            finish(&mut run, job, end, attempts);
        }
        None if job.gone => {
            run.state = RunState::Unknown;
            run.reason = Some(reason::UNKNOWN.into());
            run.message = Some(with_progress("the Job was deleted before it ended", &reports));
            run.ended = Some(now);
        }
        None => watch(&mut run, job, attempts, event, now),
    }
    run
}

fn counts(reports: &[&RunReport]) -> Option<Counts> {
    let last = reports.last()?;
    let sum = |number: fn(&RunReport) -> i64| reports.iter().map(|report| number(report)).fold(0, i64::saturating_add);
    Some(Counts {
        rows: last.rows,
        kept: last.kept,
        added: sum(|report| report.added),
        updated: sum(|report| report.updated),
        removed: sum(|report| report.removed),
        wedof_requests: sum(|report| report.wedof_requests),
        sheets_requests: sum(|report| report.sheets_requests),
    })
}

/// The last report's resources, with what all attempts did to each.
fn resources(reports: &[&RunReport]) -> Vec<ResourceReport> {
    let mut sums: BTreeMap<&str, (i64, i64, i64)> = BTreeMap::new();
    for resource in reports.iter().flat_map(|report| &report.resources) {
        let (added, updated, removed) = sums.entry(&resource.name).or_default();
        *added = added.saturating_add(resource.added);
        *updated = updated.saturating_add(resource.updated);
        *removed = removed.saturating_add(resource.removed);
    }
    let last = reports.last().into_iter().flat_map(|report| &report.resources);
    last.map(|resource| {
        let (added, updated, removed) = sums.get(resource.name.as_str()).copied().unwrap_or_default();
        ResourceReport {
            added,
            updated,
            removed,
            ..resource.clone()
        }
    })
    .collect()
}

fn finish(run: &mut Run, job: &JobFacts, end: &JobEnd, attempts: &[Attempt]) {
    if end.complete {
        run.state = RunState::Succeeded;
        run.message = Some(match &run.counts {
            Some(Counts {
                rows,
                added,
                updated,
                removed,
                kept,
                ..
            }) => {
                let kept = if *kept > 0 {
                    format!(", {kept} kept")
                } else {
                    String::new()
                };
                format!("{rows} rows: {added} added, {updated} updated, {removed} removed{kept}")
            }
            None => "the Job succeeded; its report was lost".into(),
        });
        return;
    }
    let last = attempts.iter().rev().find(|attempt| attempt.over()).or(attempts.last());
    let partial = last.and_then(|attempt| attempt.report.as_ref());
    run.state = match partial.map(|report| report.outcome) {
        Some(RunOutcome::Partial) => RunState::Partial,
        _ => RunState::Failed,
    };
    let (why, message) = cause(job, end, last);
    run.reason = Some(why);
    run.message = Some(message);
}

/// Why a Job failed: what the sync said; else what happened to its container; else what the Job says.
fn cause(job: &JobFacts, end: &JobEnd, last: Option<&Attempt>) -> (String, String) {
    if let Some(attempt) = last
        && let Some(told) = told(attempt)
    {
        return told;
    }
    let reports: Vec<&RunReport> = last.iter().filter_map(|attempt| attempt.report.as_ref()).collect();
    let because = |reason: &str, message: &str| (reason.to_owned(), with_progress(message, &reports));
    let ended = last.and_then(|attempt| attempt.end.as_ref());
    let pod = last.map(|attempt| attempt.pod.as_str()).unwrap_or_default();
    match (ended, last) {
        (Some(ended), _) if ended.reason == reason::OOM_KILLED => because(
            reason::OOM_KILLED,
            "the run used more memory than its limit: raise spec.job.resources.limits.memory",
        ),
        _ if end.reason == failure::reason::DEADLINE
            || last.is_some_and(|last| last.pod_reason.as_deref() == Some(failure::reason::DEADLINE)) =>
        {
            because(
                failure::reason::DEADLINE,
                "the run did not end in time: raise spec.job.activeDeadlineSeconds",
            )
        }
        (Some(ended), _) => because(
            reason::NO_REPORT,
            &format!(
                "the run ended with exit code {} and left no report: kubectl logs --namespace {} {pod}",
                ended.exit_code, job.namespace
            ),
        ),
        (None, Some(last)) if last.gone => because(
            reason::POD_DELETED,
            &format!(
                "pod {pod} was deleted while it ran{}",
                if last.disrupted { ", by the cluster" } else { "" }
            ),
        ),
        _ if end.reason.is_empty() => because(reason::UNKNOWN, "the Job failed and does not say why"),
        _ => because(&end.reason, &end.message),
    }
}

/// The failure that an attempt's own report tells.
fn told(attempt: &Attempt) -> Option<(String, String)> {
    let report = attempt.report.as_ref()?;
    match report.outcome {
        RunOutcome::Failed | RunOutcome::Partial => Some((
            report.reason.clone()?,
            report
                .message
                .clone()
                .unwrap_or_else(|| "the run gives no details".into()),
        )),
        RunOutcome::Running | RunOutcome::Succeeded => None,
    }
}

/// A sentence and how far the run had come.
fn with_progress(message: &str, reports: &[&RunReport]) -> String {
    match reports.last() {
        Some(RunReport {
            outcome: RunOutcome::Running,
            message: Some(progress),
            ..
        }) => format!("{message} ({progress})"),
        _ => message.to_owned(),
    }
}

/// What keeps a Job that has not ended from going on, if something does.
fn watch(run: &mut Run, job: &JobFacts, attempts: &[Attempt], event: Option<&str>, now: Timestamp) {
    // when something that lasts since then becomes worth telling, or nothing if it is
    let due = |since: Option<Timestamp>, patience: SignedDuration| {
        since.map(|since| since + patience).filter(|due| *due > now)
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
    if let Some((waiting, attempt)) = current.and_then(|attempt| Some((attempt.waiting.as_ref()?, attempt))) {
        run.look_again = due(attempt.created, WAITING);
        if run.look_again.is_none() {
            let (why, details) = waiting;
            let details = if details.is_empty() {
                String::new()
            } else {
                format!(": {details}")
            };
            // reasons of waiting while all is well
            if !matches!(why.as_str(), "ContainerCreating" | "PodInitializing") {
                run.tell(why, format!("pod {} cannot start{details}", attempt.pod));
            }
        }
    } else if current.is_none() && job.active_pods == 0 && attempts.is_empty() {
        run.look_again = due(job.started.or(job.created), NO_POD);
        if run.look_again.is_none() {
            run.ask_events = true;
            run.look_again = Some(now + LOOK_AGAIN);
            let details = event.unwrap_or("its events may tell why");
            run.tell(
                reason::FAILED_CREATE,
                format!("Job {} gets no pod: {details}", job.name),
            );
        }
    }
    if run.reason.is_none() {
        let over: Vec<&Attempt> = attempts.iter().filter(|attempt| attempt.over()).collect();
        let (next, all) = (over.len() + 1, job.backoff_limit.unsigned_abs() as usize + 1);
        // after the last attempt, or one that no other follows, the Job ends in a moment and tells
        let goes_on = |attempt: &&&Attempt| next <= all && !attempt.wants_a_person();
        if let Some((why, message)) = over.last().filter(goes_on).and_then(|attempt| told(attempt)) {
            run.tell(&why, format!("{message} (attempt {next} of {all} follows)"));
        }
    }
}

#[cfg(test)]
mod tests;
