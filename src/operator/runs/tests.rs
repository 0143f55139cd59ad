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

#[rstest]
#[case::exit_2(
    failed("PodFailurePolicy", "Container sync for pod ns/p failed with exit code 2"),
    ended(1, 2, "Error", &report("Failed", json!({"reason": "WedofKeyRefused", "message": "Secret wedof, key api-key: …"}))),
    "WedofKeyRefused", "Secret wedof, key api-key: …")]
#[case::exit_1(
    failed("BackoffLimitExceeded", "Job has reached the specified backoff limit"),
    ended(1, 1, "Error", &report("Failed", json!({"reason": "WedofError", "message": "no answer"}))),
    "WedofError", "no answer")]
#[case::out_of_memory(
    failed("BackoffLimitExceeded", ""),
    ended(1, 137, "OOMKilled", &report("Running", json!({"message": "3 of 11 resources done"}))),
    "OOMKilled", "raise spec.job.resources.limits.memory (3 of 11 resources done)")]
#[case::no_report(
    failed("BackoffLimitExceeded", ""),
    ended(1, 101, "Error", ""),
    "NoReport",
    "exit code 101 and left no report: kubectl logs --namespace ns acme-1-1"
)]
#[case::something_else_than_a_report(
    failed("BackoffLimitExceeded", ""),
    ended(1, 101, "Error", "thread 'main' panicked"),
    "InvalidReport",
    "exit code 101 and left no report: kubectl logs"
)]
#[case::a_report_that_was_cut(
    failed("BackoffLimitExceeded", ""),
    ended(1, 1, "Error", &report("Failed", json!({}))[10..]),
    "InvalidReport", "left a report without its beginning")]
#[case::a_report_of_another_release(
    failed("BackoffLimitExceeded", ""),
    ended(1, 1, "Error", &report("Failed", json!({"version": 7}))),
    "InvalidReport", "a report of version 7, and this operator reads version 1")]
#[case::a_report_that_lies(
    failed("BackoffLimitExceeded", ""),
    ended(1, 1, "Error", &report("Succeeded", json!({}))),
    "InvalidReport", "exit code 1 and left a report that says Succeeded")]
#[case::a_reason_that_does_not_exist(
    failed("BackoffLimitExceeded", ""),
    ended(1, 1, "Error", &report("Failed", json!({"reason": "Hacked", "message": "m"}))),
    "InvalidReport", "a report that says Failed and not why")]
#[case::kubernetes_lost_the_container(
    failed("BackoffLimitExceeded", ""),
    Attempt { ran: true, ..ended(1, 137, "ContainerStatusUnknown", "The container could not be located when the pod was terminated") },
    "ContainerStatusUnknown", "the container of pod acme-1-1 was lost")]
#[case::an_image_that_could_not_be_pulled_until_the_pod_s_deadline(
    failed("BackoffLimitExceeded", ""),
    Attempt { ran: false, waiting: waiting("ImagePullBackOff", "Back-off pulling image \"x\"").waiting,
        pod_reason: Some("DeadlineExceeded".into()), ..ended(1, 137, "ContainerStatusUnknown", "") },
    "ImagePullBackOff", "pod acme-1-1 cannot start: Back-off pulling image")]
#[case::evicted(
    failed("BackoffLimitExceeded", ""),
    Attempt { gone: true, ..evicted(1) },
    "Evicted", "pod acme-1-1 was removed from node-1 by the cluster: Eviction API: evicting")]
#[case::asked_to_stop_by_the_job_s_deadline(
    failed("DeadlineExceeded", "Job was active longer than specified deadline"),
    ended(1, 1, "Error", &report("Failed", json!({"reason": "Interrupted", "message": "organisms: interrupted while reading Wedof"}))),
    "DeadlineExceeded", "raise spec.job.activeDeadlineSeconds (organisms: interrupted while reading Wedof)")]
#[case::deleted_with_a_report(
    failed("BackoffLimitExceeded", ""),
    Attempt { gone: true, deleting_since: Some(now()),
        ..ended(1, 1, "Error", &report("Failed", json!({"reason": "Interrupted", "message": "m"}))) },
    "PodDeleted", "pod acme-1-1 was deleted while it ran (m)")]
#[case::asked_to_stop_by_nobody_known(
    failed("BackoffLimitExceeded", ""),
    ended(1, 1, "Error", &report("Failed", json!({"reason": "Interrupted", "message": "interrupted before the first request"}))),
    "Interrupted", "interrupted before the first request")]
#[case::deadline_of_the_job(
    failed("DeadlineExceeded", "Job was active longer than specified deadline"),
    Attempt { gone: true, ..attempt(1, json!({})) },
    "DeadlineExceeded", "raise spec.job.activeDeadlineSeconds")]
#[case::deadline_of_the_pod(
    failed("BackoffLimitExceeded", ""),
    Attempt { pod_reason: Some("DeadlineExceeded".into()), ..ended(1, 143, "Error", "") },
    "DeadlineExceeded", "raise spec.job.activeDeadlineSeconds")]
#[case::deleted(
    failed("BackoffLimitExceeded", ""),
    Attempt { gone: true, ..attempt(1, json!({})) },
    "PodDeleted", "pod acme-1-1 was deleted while it ran")]
fn each_kind_of_end_has_its_reason(
    #[case] status: Value,
    #[case] attempt: Attempt,
    #[case] reason: &str,
    #[case] says: &str,
) {
    let run = read(&job(status), &[attempt], None, now());
    assert_eq!((run.state, run.reason.as_deref()), (RunState::Failed, Some(reason)));
    assert!(run.message.as_deref().unwrap().contains(says), "{:?}", run.message);
    assert_eq!(
        run.ended,
        Some("2026-11-25T07:01:00Z".parse().unwrap()),
        "of the condition: there is no completion time"
    );
}

/// A pod that the API server was asked to evict.
fn evicted(second: u8) -> Attempt {
    let condition = json!({"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting"});
    attempt(second, json!({"conditions": [condition]}))
}

#[test]
fn a_job_whose_pods_nobody_saw_is_told_by_its_condition() {
    let failed = failed("BackoffLimitExceeded", "Job has reached the specified backoff limit");
    let run = read(&job(failed), &[], None, now());
    assert_eq!(run.reason.as_deref(), Some("ReportLost"));
    let message = run.message.unwrap();
    assert!(
        message.ends_with("its Job says BackoffLimitExceeded: Job has reached the specified backoff limit"),
        "{message}"
    );
    let run = read(&job(complete()), &[], None, now());
    assert_eq!((run.state, run.counts), (RunState::Succeeded, None));
    assert_eq!(run.message.as_deref(), Some("the Job succeeded; its report was lost"));
}

#[rstest]
#[case::cut("\"rows\":250}", "left a report without its beginning")]
#[case::not_over(&report("Running", json!({"message": "3 of 11 resources done"})), "its report says Running")]
#[case::lying(&report("Failed", json!({"reason": "WedofError"})), "its report says Failed")]
fn a_success_of_which_no_numbers_are_known_claims_none(#[case] message: &str, #[case] says: &str) {
    let run = read(&job(complete()), &[ended(1, 0, "Completed", message)], None, now());
    assert_eq!(
        (run.state, run.counts, run.resources.len()),
        (RunState::Succeeded, None, 0)
    );
    assert!(run.message.as_deref().unwrap().contains(says), "{:?}", run.message);
}

#[test]
fn a_job_that_never_got_a_pod_is_told_by_its_events_at_its_deadline_too() {
    let status = json!({"startTime": "2026-11-25T07:00:00Z", "conditions": [
        {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "Job was active longer than specified deadline",
         "lastTransitionTime": "2026-11-25T07:01:00Z"}]});
    assert!(read(&job(status.clone()), &[], None, now()).ask_events);
    let run = read(&job(status), &[], Some("exceeded quota: none"), now());
    assert_eq!((run.reason.as_deref(), run.ask_events), (Some("FailedCreate"), false));
    assert_eq!(
        run.message.as_deref(),
        Some("Job acme-1 gets no pod: exceeded quota: none")
    );
}

#[test]
fn what_happened_to_an_attempt_is_told_until_the_next_one_ends_and_evictions_do_not_count() {
    let told = |attempts: &[Attempt]| {
        let run = read(&job(running()), attempts, None, now());
        (run.reason.unwrap(), run.message.unwrap())
    };
    let gone = Attempt {
        gone: true,
        ..evicted(1)
    };
    let (why, message) = told(&[gone.clone(), attempt(16, json!({}))]);
    assert_eq!(why, "Evicted");
    assert!(
        message.ends_with("Eviction API: evicting (attempt 1 of 4 follows)"),
        "{message}"
    );
    let (why, message) = told(&[gone, ended(16, 137, "OOMKilled", ""), attempt(40, json!({}))]);
    assert_eq!(why, "OOMKilled");
    assert!(message.ends_with("(attempt 2 of 4 follows)"), "{message}");
}

#[test]
fn a_job_that_gets_no_other_pod_after_its_first_says_why() {
    let idle = json!({"startTime": "2026-11-25T07:00:00Z", "failed": 1});
    let missing = report(
        "Failed",
        json!({"reason": "SecretMissing", "message": "Secret wedof is missing"}),
    );
    let attempts = [ended(10, 1, "Error", &missing)];
    let at = |time: &str| {
        read(
            &job(idle.clone()),
            &attempts,
            Some("exceeded quota"),
            time.parse().unwrap(),
        )
    };
    let early = at("2026-11-25T07:01:00Z");
    assert_eq!(
        (early.reason.as_deref(), early.look_again),
        (Some("SecretMissing"), Some("2026-11-25T07:01:20Z".parse().unwrap()))
    );
    assert_eq!(at("2026-11-25T07:01:20Z").reason.as_deref(), Some("FailedCreate"));
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
}

#[test]
fn some_resources_synced_is_partial() {
    let partial = report(
        "Partial",
        json!({"reason": "Partial", "message": "organisms: no answer"}),
    );
    let run = read(
        &job(failed("BackoffLimitExceeded", "")),
        &[ended(1, 1, "Error", &partial)],
        None,
        now(),
    );
    assert_eq!(run.state, RunState::Partial);
}

#[test]
fn a_finished_job_waits_for_the_last_words_of_its_pod_but_not_for_ever() {
    let silent = [attempt(1, json!({}))];
    let just_ended = "2026-11-25T07:01:02Z".parse().unwrap();
    let run = read(&job(complete()), &silent, None, just_ended);
    assert!(run.is_running() && run.look_again.is_some());
    assert_eq!(read(&job(complete()), &silent, None, now()).state, RunState::Succeeded);
}

#[test]
fn between_attempts_the_failure_is_told_and_that_another_follows() {
    let missing = report(
        "Failed",
        json!({"reason": "SecretMissing", "message": "Secret wedof, key api-key is missing"}),
    );
    let run = read(
        &job(running()),
        &[ended(1, 1, "Error", &missing), attempt(16, json!({}))],
        None,
        now(),
    );
    assert_eq!(
        (run.state, run.reason.as_deref()),
        (RunState::Running, Some("SecretMissing"))
    );
    assert_eq!(
        run.message.as_deref(),
        Some("Secret wedof, key api-key is missing (attempt 2 of 4 follows)")
    );
}

#[test]
fn a_pod_that_is_deleted_because_its_job_is_too_late_is_not_told_as_deleted() {
    let late = json!({"startTime": "2026-11-25T07:00:00Z", "conditions": [
        {"type": "FailureTarget", "status": "True", "reason": "DeadlineExceeded", "lastTransitionTime": "2026-11-25T07:01:00Z"}]});
    let deleted = Attempt {
        gone: true,
        ..attempt(1, json!({}))
    };
    assert_eq!(
        read(&job(late), std::slice::from_ref(&deleted), None, now()).reason,
        None
    );
    assert_eq!(
        read(&job(running()), &[deleted], None, now()).reason.as_deref(),
        Some("PodDeleted")
    );
}

#[rstest]
#[case::no_other_follows(2, 1)]
#[case::it_was_the_last(1, 4)]
fn a_failure_that_ends_the_job_is_told_by_its_end(#[case] exit_code: i32, #[case] attempts: u8) {
    let report = report("Failed", json!({"reason": "WedofError", "message": "no answer"}));
    let attempts: Vec<Attempt> = (0..attempts)
        .map(|number| ended(number, exit_code, "Error", &report))
        .collect();
    assert_eq!(read(&job(running()), &attempts, None, now()).reason, None);
}

#[test]
fn a_job_without_a_pod_is_explained_by_its_events_after_a_minute() {
    let idle = json!({"startTime": "2026-11-25T07:00:00Z"});
    let early = read(&job(idle.clone()), &[], None, "2026-11-25T07:00:30Z".parse().unwrap());
    assert_eq!(
        (early.reason, early.look_again),
        (None, Some("2026-11-25T07:01:00Z".parse().unwrap()))
    );
    let run = read(&job(idle.clone()), &[], None, now());
    assert!(run.ask_events);
    let run = read(
        &job(idle),
        &[],
        Some("pods \"x\" is forbidden: exceeded quota: must specify limits.cpu for: sync"),
        now(),
    );
    assert_eq!(run.reason.as_deref(), Some("FailedCreate"));
    assert!(run.message.unwrap().contains("must specify limits.cpu"));
}

#[test]
fn what_keeps_a_pod_from_starting_is_told_after_two_minutes() {
    let attempts = [waiting("ImagePullBackOff", "Back-off pulling image \"example/none:1\"")];
    let run = read(
        &job(running()),
        &attempts,
        None,
        "2026-11-25T07:01:00Z".parse().unwrap(),
    );
    assert_eq!(
        (run.reason, run.look_again),
        (None, Some("2026-11-25T07:02:00Z".parse().unwrap()))
    );
    let run = read(&job(running()), &attempts, None, now());
    assert_eq!(run.reason.as_deref(), Some("ImagePullBackOff"));
    assert!(run.message.unwrap().contains("example/none:1"));
    let starting = |time: &str| {
        read(
            &job(running()),
            &[waiting("ContainerCreating", "")],
            None,
            time.parse().unwrap(),
        )
    };
    assert_eq!(starting("2026-11-25T07:04:00Z").reason, None);
    let slow = starting("2026-11-25T07:05:00Z");
    assert_eq!(slow.reason.as_deref(), Some("PodNotStarted"));
    assert!(
        slow.message
            .unwrap()
            .contains("kubectl describe pod --namespace ns acme-1-0")
    );
    let refused = [waiting(
        "CreateContainerConfigError",
        "container has runAsNonRoot and image will run as root",
    )];
    let refused = read(&job(running()), &refused, None, now());
    assert_eq!(refused.reason.as_deref(), Some("CreateContainerConfigError"));
    let strange = read(&job(running()), &[waiting("PostStartHookError", "no")], None, now());
    assert_eq!(
        (strange.reason.as_deref(), strange.message.as_deref()),
        (
            Some("PodNotStarted"),
            Some("pod acme-1-0 cannot start: PostStartHookError: no")
        )
    );
    let unscheduled = attempt(
        0,
        json!({"conditions": [{"type": "PodScheduled", "status": "False",
        "reason": "Unschedulable", "message": "0/1 nodes are available"}]}),
    );
    assert_eq!(
        read(&job(running()), &[unscheduled], None, now()).reason.as_deref(),
        Some("Unschedulable")
    );
}

#[test]
fn a_pod_that_does_not_go_away_names_its_node_and_the_command_that_helps() {
    let status = json!({"startTime": "2026-11-25T07:00:00Z", "active": 1, "conditions": [
        {"type": "FailureTarget", "status": "True", "reason": "DeadlineExceeded", "lastTransitionTime": "2026-11-25T07:01:00Z"}]});
    let attempts = [Attempt {
        deleting_since: Some("2026-11-25T07:01:00Z".parse().unwrap()),
        ..attempt(1, json!({}))
    }];
    let early = read(&job(status.clone()), &attempts, None, now());
    assert_eq!(
        (early.reason, early.look_again),
        (None, Some("2026-11-25T07:06:00Z".parse().unwrap()))
    );
    let run = read(&job(status), &attempts, None, "2026-11-25T07:06:00Z".parse().unwrap());
    assert_eq!(
        (run.state, run.reason.as_deref()),
        (RunState::Running, Some("NodeLost"))
    );
    let message = run.message.unwrap();
    assert!(
        message.contains("node-1") && message.contains("kubectl delete pod --namespace ns acme-1-1 --force"),
        "{message}"
    );
}

#[test]
fn of_a_job_that_was_deleted_before_its_end_nothing_is_claimed() {
    let gone = JobFacts {
        gone: true,
        ..job(running())
    };
    let run = read(
        &gone,
        &[ended(
            1,
            137,
            "Error",
            &report("Running", json!({"message": "3 of 11 resources done"})),
        )],
        None,
        now(),
    );
    assert_eq!(run.state, RunState::Unknown);
    assert_eq!(
        run.message.as_deref(),
        Some("the Job was deleted before it ended (3 of 11 resources done)")
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
