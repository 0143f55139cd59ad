//! Why an attempt, or a Job without one, came to nothing. Pure.

use super::super::{
    facts::{Attempt, JobEnd, JobFacts, Waiting},
    names::reason,
};
use crate::{
    failure::reason::{DEADLINE, INTERRUPTED, PARTIAL},
    report::{RunOutcome, RunReport},
};

type Cause = (&'static str, String);

/// Why an attempt failed: what the sync itself says; else what happened to its pod, then to its container. A sync that was
/// asked to stop in the middle does not know by whom: that its pod was evicted, deleted or too late says more. `end` is the
/// Job's.
pub fn of_attempt(attempt: &Attempt, end: Option<&JobEnd>) -> Cause {
    let told = attempt.report.as_ref().and_then(told);
    if let Some(told) = told.clone().filter(|(why, _)| ![INTERRUPTED, PARTIAL].contains(why)) {
        return told;
    }
    if let (false, Some(waiting)) = (attempt.ran, &attempt.waiting) {
        return (waiting.reason(), not_started(attempt, waiting));
    }
    let pod = &attempt.pod;
    let because = |why, what: &str| (why, with_progress(what, attempt.report.as_ref()));
    let exit_code = attempt.end.as_ref().map(|end| end.exit_code).unwrap_or_default();
    let container = attempt.end.as_ref().map(|end| end.reason.as_str()).unwrap_or_default();
    let is_late = |reason: &str| reason == DEADLINE;
    if container == reason::OOM_KILLED {
        let what = "the run used more memory than its limit: raise spec.job.resources.limits.memory";
        return because(reason::OOM_KILLED, what);
    }
    if let Some(words) = &attempt.disrupted {
        let node = attempt.node.as_deref().unwrap_or("its node");
        return because(
            reason::EVICTED,
            &format!("pod {pod} was removed from {node} by the cluster: {words}"),
        );
    }
    if end.is_some_and(|end| is_late(&end.reason)) || attempt.pod_reason.as_deref().is_some_and(is_late) {
        return because(
            DEADLINE,
            "the run did not end in time: raise spec.job.activeDeadlineSeconds",
        );
    }
    if attempt.deleting_since.is_some() || (attempt.gone && attempt.end.is_none()) {
        return because(reason::POD_DELETED, &format!("pod {pod} was deleted while it ran"));
    }
    if let Some(told) = told {
        return told;
    }
    if container == reason::CONTAINER_LOST {
        let what = format!("the container of pod {pod} was lost: its node was restarted, or its runtime lost it");
        return because(reason::CONTAINER_LOST, &what);
    }
    let logs = format!("kubectl logs --namespace {} {pod}", attempt.namespace);
    let instead = match (&attempt.report, &attempt.no_report) {
        (Some(report), _) if report.outcome != RunOutcome::Running => {
            Some(format!("a report that says {:?} and not why", report.outcome))
        }
        (_, Some(instead)) => Some(instead.clone()),
        _ => None,
    };
    match instead {
        Some(instead) => because(
            reason::INVALID_REPORT,
            &format!("the run ended with exit code {exit_code} and left {instead}: {logs}"),
        ),
        None => because(
            reason::NO_REPORT,
            &format!("the run ended with exit code {exit_code} and left no report: {logs}"),
        ),
    }
}

/// Why a Job failed of which no attempt is known.
pub fn without_attempt(job: &JobFacts, end: &JobEnd, event: Option<&str>) -> Cause {
    if job.ended_pods == 0 {
        return (reason::FAILED_CREATE, no_pod(job, event));
    }
    let words = [&end.reason, &end.message].into_iter().filter(|text| !text.is_empty());
    let words = words.map(String::as_str).collect::<Vec<_>>().join(": ");
    let what = format!("the run failed, and its pods were gone before their reports were read; its Job says {words}");
    (reason::REPORT_LOST, what)
}

/// Somebody has suspended a Job, and it was not the operator.
pub fn suspended(job: &JobFacts) -> String {
    let JobFacts { namespace, name, .. } = job;
    format!(
        "Job {name} is suspended, and may hold the schedule back: delete it, or let it go on: \
         kubectl patch job --namespace {namespace} {name} --patch '{{\"spec\":{{\"suspend\":false}}}}'"
    )
}

/// A Job gets no pod.
pub fn no_pod(job: &JobFacts, event: Option<&str>) -> String {
    let details = event.unwrap_or("its events may tell why");
    format!("Job {} gets no pod: {details}", job.name)
}

/// A pod's container does not start.
pub fn not_started(attempt: &Attempt, waiting: &Waiting) -> String {
    let Waiting { cause, message } = waiting;
    let pod = &attempt.pod;
    if waiting.is_normal() {
        let namespace = &attempt.namespace;
        return format!("pod {pod} has not started yet ({cause}): kubectl describe pod --namespace {namespace} {pod}");
    }
    let details = if message.is_empty() { cause } else { message };
    match waiting.reason() {
        reason::POD_NOT_STARTED if !message.is_empty() => format!("pod {pod} cannot start: {cause}: {message}"),
        _ => format!("pod {pod} cannot start: {details}"),
    }
}

/// The failure that an attempt's own report tells, by a reason that exists.
fn told(report: &RunReport) -> Option<Cause> {
    let failed = matches!(report.outcome, RunOutcome::Failed | RunOutcome::Partial);
    let why = report.reason.as_deref().filter(|_| failed)?;
    let why = crate::failure::reason::ALL.iter().find(|known| **known == why)?;
    let message = report
        .message
        .clone()
        .unwrap_or_else(|| "the run gives no details".into());
    Some((why, message))
}

/// A sentence and how far the run had come.
pub fn with_progress(sentence: &str, report: Option<&RunReport>) -> String {
    let unfinished =
        |report: &&RunReport| report.outcome == RunOutcome::Running || report.reason.as_deref() == Some(INTERRUPTED);
    match report.filter(unfinished).and_then(|report| report.message.as_deref()) {
        Some(progress) => format!("{sentence} ({progress})"),
        None => sentence.to_owned(),
    }
}
