use rstest::rstest;
use serde_json::{Value, json};

use super::*;

fn pod(state: Value) -> Attempt {
    let statuses = json!([{"name": "istio-proxy", "state": {"terminated": {"exitCode": 9, "message": "{}"}}},
                          {"name": "sync", "state": state}]);
    let pod = json!({"metadata": {"name": "p", "uid": "u"}, "status": {"containerStatuses": statuses}});
    Attempt::of(&serde_json::from_value(pod).unwrap())
}

fn waiting(cause: &str, message: &str) -> Attempt {
    pod(json!({"waiting": {"reason": cause, "message": message}}))
}

fn lost() -> Attempt {
    pod(
        json!({"terminated": {"exitCode": 137, "reason": "ContainerStatusUnknown", "message":
        "The container could not be located when the pod was terminated"}}),
    )
}

#[test]
fn a_report_is_found_behind_a_sidecar() {
    let report = json!({"version": 1, "outcome": "Failed", "rows": 4, "added": 1, "updated": 0, "removed": 0, "kept": 0,
        "wedofRequests": 1, "sheetsRequests": 0, "resources": []});
    let ended =
        json!({"exitCode": 1, "reason": "Error", "message": report.to_string(), "startedAt": "2026-11-25T07:00:00Z"});
    let attempt = pod(json!({"terminated": ended}));
    assert_eq!(attempt.report.as_ref().map(|report| report.rows), Some(4));
    assert!(attempt.ran && attempt.no_report.is_none());
}

#[test]
fn what_is_no_report_is_kept_as_what_it_is_and_silence_is_not_told() {
    assert_eq!(lost().no_report.as_deref(), Some("no report"));
    let silent = pod(json!({"terminated": {"exitCode": 1, "message": " \n"}}));
    assert_eq!((silent.report, silent.no_report), (None, None));
}

#[test]
fn what_kept_a_container_from_starting_is_known_after_its_pod_s_end() {
    let ended = lost().after(&waiting("ImagePullBackOff", "Back-off pulling image"));
    assert_eq!(ended.waiting.as_ref().map(Waiting::reason), Some("ImagePullBackOff"));
    let ran = pod(json!({"running": {"startedAt": "2026-11-25T07:00:00Z"}})).after(&waiting("ContainerCreating", ""));
    let ended = lost().after(&ran);
    assert_eq!((ended.waiting, ended.ran), (None, true), "but not if it did start");
}

#[test]
fn an_image_that_cannot_be_pulled_is_told_in_the_same_words_at_every_try() {
    let first = waiting("ErrImagePull", "not found");
    let second = waiting("ImagePullBackOff", "Back-off pulling image").after(&first);
    assert_eq!(second.waiting, first.waiting);
    let other = waiting("CreateContainerConfigError", "image will run as root").after(&first);
    assert_eq!(other.waiting.unwrap().message, "image will run as root");
}

#[test]
fn a_pod_that_is_deleted_after_its_end_did_not_end_by_that() {
    let ended = pod(json!({"terminated": {"exitCode": 0, "reason": "Completed"}}));
    let deleting = |attempt: &Attempt| Attempt {
        deleting_since: Some(Timestamp::UNIX_EPOCH),
        ..attempt.clone()
    };
    assert_eq!(deleting(&ended).after(&ended).deleting_since, None);
    let running = pod(json!({"running": {}}));
    assert!(deleting(&ended).after(&deleting(&running)).deleting_since.is_some());
}

#[rstest]
#[case(json!({"suspend": true}), json!({}), Some(Suspended::Otherwise))]
#[case(json!({"suspend": true}), json!({"wedofsheetsync.dev/waits-its-turn": "true"}), Some(Suspended::ToWait))]
#[case(json!({"suspend": false}), json!({"wedofsheetsync.dev/waits-its-turn": "true"}), None)]
#[case(json!({}), json!({}), None)]
fn a_job_that_waits_is_told_from_one_that_somebody_suspended(
    #[case] mut spec: Value,
    #[case] annotations: Value,
    #[case] suspended: Option<Suspended>,
) {
    spec["template"] = json!({});
    let job = json!({"metadata": {"name": "j", "uid": "u", "annotations": annotations}, "spec": spec});
    assert_eq!(JobFacts::of(&serde_json::from_value(job).unwrap()).suspended, suspended);
}

#[rstest]
#[case("2026-11-25T07:00:00Z", Some("2026-11-25T07:00:00Z"))]
#[case("a\u{1b}[31m", None)]
#[case("", None)]
fn a_request_in_a_job_that_somebody_made_is_read_only_if_it_can_be_one(
    #[case] value: &str,
    #[case] read: Option<&str>,
) {
    let annotations = json!({"wedofsheetsync.dev/sync-request": value});
    let job = json!({"metadata": {"name": "j", "uid": "u", "annotations": annotations}, "spec": {"template": {}}});
    assert_eq!(
        JobFacts::of(&serde_json::from_value(job).unwrap())
            .sync_request
            .as_deref(),
        read
    );
}
