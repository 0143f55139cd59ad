//! How a run ended, and why.

use super::*;

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
