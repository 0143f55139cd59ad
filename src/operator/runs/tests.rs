mod ends;
mod going;

use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::operator::watched::Facts;

/// A Job, two minutes after its start.
pub fn job(status: Value) -> JobFacts {
    let job = json!({
        "metadata": {"namespace": "ns", "name": "acme-1", "uid": "job-1", "creationTimestamp": "2026-11-25T07:00:00Z",
            "annotations": {"wedofsheetsync.dev/generation": "2"},
            "ownerReferences": [{"apiVersion": "batch/v1", "kind": "CronJob", "name": "acme", "uid": "cj", "controller": true}]},
        "spec": {"backoffLimit": 3, "template": {}},
        "status": status,
    });
    JobFacts::of(&serde_json::from_value(job).unwrap())
}

fn now() -> Timestamp {
    "2026-11-25T07:02:00Z".parse().unwrap()
}

fn running() -> Value {
    json!({"startTime": "2026-11-25T07:00:00Z", "active": 1})
}

fn failed(reason: &str, message: &str) -> Value {
    json!({"startTime": "2026-11-25T07:00:00Z", "failed": 1, "conditions": [
        {"type": "FailureTarget", "status": "True", "reason": reason, "lastTransitionTime": "2026-11-25T07:00:58Z"},
        {"type": "Failed", "status": "True", "reason": reason, "message": message,
         "lastTransitionTime": "2026-11-25T07:01:00Z"}]})
}

fn complete() -> Value {
    json!({"startTime": "2026-11-25T07:00:00Z", "completionTime": "2026-11-25T07:01:00Z", "succeeded": 1, "conditions": [
        {"type": "SuccessCriteriaMet", "status": "True", "lastTransitionTime": "2026-11-25T07:01:00Z"},
        {"type": "Complete", "status": "True", "reason": "CompletionsReached", "lastTransitionTime": "2026-11-25T07:01:00Z"}]})
}

fn attempt(second: u8, status: Value) -> Attempt {
    let pod = json!({
        "metadata": {"namespace": "ns", "name": format!("acme-1-{second}"), "uid": format!("pod-{second}"),
            "creationTimestamp": format!("2026-11-25T07:00:{second:02}Z"),
            "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": "acme-1", "uid": "job-1", "controller": true}]},
        "spec": {"nodeName": "node-1", "containers": []},
        "status": status,
    });
    Attempt::of(&serde_json::from_value(pod).unwrap())
}

fn ended(second: u8, exit_code: i32, reason: &str, message: &str) -> Attempt {
    let state = json!({"terminated": {"exitCode": exit_code, "reason": reason, "message": message,
        "startedAt": "2026-11-25T07:00:00Z", "finishedAt": format!("2026-11-25T07:00:{second:02}Z")}});
    attempt(second, json!({"containerStatuses": [{"name": "sync", "state": state}]}))
}

fn waiting(reason: &str, message: &str) -> Attempt {
    let state = json!({"waiting": {"reason": reason, "message": message}});
    attempt(0, json!({"containerStatuses": [{"name": "sync", "state": state}]}))
}

fn report(outcome: &str, changes: Value) -> String {
    let mut report = json!({"version": 1, "outcome": outcome, "rows": 250, "added": 0, "updated": 0, "removed": 0, "kept": 0,
        "wedofRequests": 4, "sheetsRequests": 2, "resources": []});
    for (key, value) in changes.as_object().unwrap() {
        report[key] = value.clone();
    }
    report.to_string()
}

#[test]
fn a_success_is_told_in_numbers() {
    let attempts = [ended(1, 0, "Completed", &report("Succeeded", json!({"added": 250})))];
    let run = read(&job(complete()), &attempts, None, now());
    assert_eq!(
        (run.state, run.generation, run.attempts),
        (RunState::Succeeded, Some(2), 1)
    );
    assert_eq!(
        run.message.as_deref(),
        Some("250 rows: 250 added, 0 updated, 0 removed")
    );
    assert_eq!(run.ended, Some("2026-11-25T07:01:00Z".parse().unwrap()));
}

#[test]
fn sums_go_over_all_attempts_and_rows_are_the_last_ones() {
    let resource = |added| json!([{"name": "organisms", "tab": "T", "outcome": "Synced", "rows": 9, "added": added, "updated": 0, "removed": 0}]);
    let attempts = [
        ended(
            1,
            1,
            "Error",
            &report(
                "Partial",
                json!({"rows": 100, "added": 100, "removed": 3, "resources": resource(100)}),
            ),
        ),
        ended(11, 137, "OOMKilled", ""),
        ended(
            31,
            0,
            "Completed",
            &report("Succeeded", json!({"added": 150, "resources": resource(150)})),
        ),
    ];
    let run = read(&job(complete()), &attempts, None, now());
    let counts = run.counts.unwrap();
    assert_eq!(
        (counts.rows, counts.added, counts.removed, counts.wedof_requests),
        (250, 250, 3, 8)
    );
    assert_eq!((run.attempts, run.resources[0].added), (3, 250));
}

/// A complete Job that had to wait, and went on at this second.
fn resumed(second: u8) -> JobFacts {
    let mut status = complete();
    let condition =
        json!({"type": "Suspended", "status": "False", "lastTransitionTime": format!("2026-11-25T07:00:{second:02}Z")});
    status["conditions"].as_array_mut().unwrap().push(condition);
    job(status)
}

#[test]
fn the_pod_of_a_job_that_goes_on_may_be_a_second_older_than_the_word_of_it() {
    let attempts = [ended(9, 0, "Completed", &report("Succeeded", json!({"added": 250})))];
    let run = read(&resumed(10), &attempts, None, now());
    assert_eq!((run.counts.map(|counts| counts.added), run.attempts), (Some(250), 1));
    let run = read(&resumed(11), &attempts, None, now());
    assert_eq!(run.counts, None, "a pod of before");
}

#[test]
fn what_a_run_did_before_it_had_to_wait_is_in_its_sums_alone() {
    let before = report("Running", json!({"rows": 100, "added": 100}));
    let attempts = [
        ended(1, 143, "Error", &before),
        ended(31, 0, "Completed", &report("Succeeded", json!({"added": 150}))),
    ];
    let run = read(&resumed(30), &attempts, None, now());
    let counts = run.counts.unwrap();
    assert_eq!((counts.rows, counts.added, counts.wedof_requests), (250, 250, 8));
    assert_eq!(run.attempts, 1);
    let run = read(&resumed(30), &attempts[..1], None, now());
    assert_eq!(run.counts, None, "rows are not those of before");
}

#[test]
fn numbers_and_times_beyond_any_break_nothing() {
    let mut status = failed("BackoffLimitExceeded", "");
    (status["failed"], status["succeeded"], status["active"]) = (json!(i32::MAX), json!(i32::MAX), json!(i32::MAX));
    status["conditions"][1]["lastTransitionTime"] = json!("9999-12-30T22:00:00Z");
    let run = read(&job(status), &[ended(1, 1, "Error", "")], None, now());
    assert_eq!((run.attempts, run.state), (i32::MAX, RunState::Running));
    let mut attempt = ended(1, 1, "Error", "");
    attempt.end.as_mut().unwrap().at = Some(Timestamp::MAX);
    let idle = job(json!({"startTime": "2026-11-25T07:00:00Z"}));
    assert_eq!(read(&idle, &[attempt], None, now()).look_again, Some(Timestamp::MAX));
}

/// A pod that the API server was asked to evict.
fn evicted(second: u8) -> Attempt {
    let condition = json!({"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting"});
    attempt(second, json!({"conditions": [condition]}))
}

#[test]
fn a_job_that_was_suspended_counts_only_what_it_did_since_and_waits_meanwhile() {
    let status = json!({"startTime": "2026-11-25T07:01:00Z", "active": 1, "conditions": [
        {"type": "Suspended", "status": "False", "reason": "JobResumed", "lastTransitionTime": "2026-11-25T07:00:30Z"}]});
    let stopped = Attempt {
        gone: true,
        ..attempt(1, json!({}))
    };
    let run = read(&job(status), &[stopped, attempt(31, json!({}))], None, now());
    assert_eq!((run.attempts, run.reason.as_deref(), run.is_running()), (1, None, true));

    let waits = JobFacts {
        suspended: Some(Suspended::ToWait),
        ..job(json!({}))
    };
    let run = read(&waits, &[], None, now());
    assert_eq!((run.is_running(), run.waits(), run.ask_events), (false, true, false));
    assert_eq!(run.reason, None, "that is told of the object");
}

#[test]
fn a_run_that_somebody_has_suspended_says_so_and_how_it_goes_on() {
    let halted = JobFacts {
        suspended: Some(Suspended::Otherwise),
        ..job(json!({"startTime": "2026-11-25T07:00:00Z"}))
    };
    let run = read(&halted, &[ended(1, 143, "Error", "")], None, now());
    assert!(run.is_halted() && !run.is_running() && !run.has_ended());
    assert_eq!((run.reason.as_deref(), run.look_again), (Some("JobSuspended"), None));
    let message = run.message.unwrap();
    assert!(message.contains("Job acme-1 is suspended"), "{message}");
    assert!(
        message.contains("kubectl patch job --namespace ns acme-1 "),
        "{message}"
    );
}

#[rstest]
#[case(json!({"batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-11-25T07:00:00Z"}), Trigger::Schedule)]
#[case(json!({"wedofsheetsync.dev/trigger": "Create"}), Trigger::Create)]
#[case(json!({"wedofsheetsync.dev/trigger": "Request", "wedofsheetsync.dev/sync-request": "x"}), Trigger::Request)]
#[case(json!({"cronjob.kubernetes.io/instantiate": "manual"}), Trigger::Manual)]
fn annotations_tell_what_started_a_job(#[case] annotations: Value, #[case] trigger: Trigger) {
    let job = json!({"metadata": {"name": "j", "uid": "u", "annotations": annotations}, "spec": {"template": {}}});
    assert_eq!(JobFacts::of(&serde_json::from_value(job).unwrap()).trigger, trigger);
}
