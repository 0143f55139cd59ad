//! What is told of a run that has not ended.

use super::*;

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
