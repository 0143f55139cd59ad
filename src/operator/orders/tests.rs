use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::{
    api::RunState,
    operator::{facts::Suspended, validate::tests::valid},
};

fn at(time: &str) -> Timestamp {
    format!("2026-11-25T{time}Z").parse().unwrap()
}

fn status(status: Value) -> WedofSheetSyncStatus {
    serde_json::from_value(status).unwrap()
}

/// A create run that ended at 07:00 for want of a Secret.
fn without_secret(failures: i32) -> WedofSheetSyncStatus {
    status(json!({
        "consecutiveFailures": failures,
        "lastRecordedRun": {"completionTime": "2026-11-25T07:00:00Z", "jobUid": "j"},
        "lastRun": {"jobName": "acme-1", "jobUid": "j", "trigger": "Create", "outcome": "Failed", "reason": "SecretMissing"},
    }))
}

fn running(request: Option<&str>) -> Run {
    Run {
        namespace: "ns".into(),
        job: "acme-1".into(),
        uid: "j1".into(),
        resource_version: String::new(),
        trigger: Trigger::Manual,
        sync_request: request.map(str::to_owned),
        generation: None,
        state: RunState::Running,
        reason: None,
        message: None,
        started: None,
        ended: None,
        attempts: 1,
        begun: false,
        exit_code: None,
        counts: None,
        resources: Vec::new(),
        look_again: None,
        ask_events: false,
        suspended: None,
    }
}

fn started(decision: &Decision) -> Option<(Trigger, Option<&str>)> {
    match decision {
        Decision::Start(order) => Some((order.trigger, order.request.as_deref())),
        _ => None,
    }
}

#[test]
fn a_new_object_is_synced_right_away_once() {
    let decide = |changes, status: &WedofSheetSyncStatus, runs: &[Run]| {
        decide("uid", None, &valid(changes), status, runs, at("07:00:00"))
    };
    let new = WedofSheetSyncStatus::default();
    assert_eq!(started(&decide(json!({}), &new, &[])), Some((Trigger::Create, None)));
    assert_eq!(decide(json!({"runOnCreate": false}), &new, &[]), Decision::Nothing);
    assert_eq!(decide(json!({"suspend": true}), &new, &[]), Decision::Nothing);
    assert_eq!(decide(json!({}), &new, &[running(None)]), Decision::Nothing);
    let done = status(json!({"lastRecordedRun": {"completionTime": "2026-11-25T07:00:00Z", "jobUid": "j"}}));
    assert_eq!(decide(json!({}), &done, &[]), Decision::Nothing);
}

#[test]
fn a_request_starts_a_run_even_if_suspended_and_each_value_only_once() {
    let spec = valid(json!({"suspend": true}));
    let new = WedofSheetSyncStatus::default();
    let decision = decide("uid", Some("now"), &spec, &new, &[], at("07:00:00"));
    assert_eq!(started(&decision), Some((Trigger::Request, Some("now"))));
    let handled = status(json!({"lastHandledSyncRequest": "now"}));
    assert_eq!(
        decide("uid", Some("now"), &spec, &handled, &[], at("07:00:00")),
        Decision::Nothing
    );
    let going = [running(Some("now"))];
    assert_eq!(
        decide("uid", Some("now"), &spec, &new, &going, at("07:00:00")),
        Decision::Nothing
    );
    assert_eq!(
        decide("uid", Some(""), &spec, &new, &[], at("07:00:00")),
        Decision::Nothing
    );
}

#[test]
fn a_request_of_an_earlier_value_is_another_run() {
    let spec = valid(json!({}));
    let key = |request: &str, handled: &str, job: &str| {
        let recorded = json!({"completionTime": "2026-11-25T07:00:00Z", "jobUid": job});
        let status = status(json!({"lastHandledSyncRequest": handled, "lastRecordedRun": recorded}));
        match decide("uid", Some(request), &spec, &status, &[], at("07:00:00")) {
            Decision::Start(order) => order.key,
            decision => panic!("{decision:?}"),
        }
    };
    assert_eq!(key("one", "two", "2"), key("one", "two", "2"));
    assert_ne!(
        key("one", "two", "2"),
        key("one", "two", "4"),
        "asked for one, two, one, two, one: its Jobs of before may still be there"
    );
}

#[test]
fn a_run_that_somebody_else_has_suspended_is_not_ordered_again() {
    let halted = |request| Run {
        suspended: Some(Suspended::Otherwise),
        ..running(request)
    };
    let new = WedofSheetSyncStatus::default();
    let decide = |request, run| decide("uid", request, &valid(json!({})), &new, &[run], at("07:00:00"));
    assert_eq!(decide(Some("now"), halted(Some("now"))), Decision::Nothing);
    assert_eq!(decide(None, halted(None)), Decision::Nothing);
    let other = decide(Some("now"), halted(Some("before")));
    assert_eq!(started(&other), Some((Trigger::Request, Some("now"))));
}

#[test]
fn a_last_run_of_the_end_of_time_breaks_nothing() {
    let mut status = without_secret(1);
    status.last_recorded_run.as_mut().unwrap().completion_time.0 = Timestamp::MAX;
    let wait = Decision::Wait {
        note: None,
        until: Some(Timestamp::MAX),
    };
    let decision = decide("uid", None, &valid(json!({})), &status, &[], at("07:00:00"));
    assert_eq!(decision, wait);
}

#[test]
fn a_request_waits_for_a_job_that_waits_itself() {
    let waits = Run {
        suspended: Some(Suspended::ToWait),
        ..running(None)
    };
    let new = WedofSheetSyncStatus::default();
    let decision = decide("uid", Some("now"), &valid(json!({})), &new, &[waits], at("07:00:00"));
    assert!(matches!(decision, Decision::Wait { note: Some(_), .. }), "{decision:?}");
}

#[test]
fn a_request_during_a_run_waits_and_says_so() {
    let new = WedofSheetSyncStatus::default();
    let decision = decide(
        "uid",
        Some("now"),
        &valid(json!({})),
        &new,
        &[running(None)],
        at("07:00:00"),
    );
    let Decision::Wait { note: Some(note), .. } = decision else {
        panic!("{decision:?}")
    };
    assert_eq!(note, "the run asked for at now waits for Job acme-1 to end");
}

#[rstest]
#[case("x".repeat(254))]
#[case("a\u{1b}[31m".into())]
#[case("2026\u{202e}".into())]
fn a_request_that_could_not_be_shown_is_ignored_and_says_so(#[case] request: String) {
    let new = WedofSheetSyncStatus::default();
    let decision = decide("uid", Some(&request), &valid(json!({})), &new, &[], at("07:00:00"));
    let Decision::Wait { note: Some(note), .. } = decision else {
        panic!("{decision:?}")
    };
    assert!(note.contains("is ignored"), "{note}");
}

#[rstest]
#[case(1, "07:05:00")]
#[case(2, "07:10:00")]
#[case(3, "07:20:00")]
#[case(4, "07:40:00")]
#[case(5, "08:00:00")]
#[case(99, "08:00:00")]
fn a_first_run_without_its_secret_is_tried_again_ever_more_rarely(#[case] failures: i32, #[case] due: &str) {
    let spec = valid(json!({}));
    let decide = |now| decide("uid", None, &spec, &without_secret(failures), &[], now);
    let wait = Decision::Wait {
        note: None,
        until: Some(at(due)),
    };
    assert_eq!(decide(at(due) - SignedDuration::from_secs(1)), wait);
    assert_eq!(started(&decide(at(due))), Some((Trigger::Create, None)));
}

#[test]
fn each_try_is_a_job_of_its_own_and_the_tries_end_with_a_success_or_another_failure() {
    let spec = valid(json!({}));
    let key = |failures| match decide("uid", None, &spec, &without_secret(failures), &[], at("23:00:00")) {
        Decision::Start(order) => order.key,
        decision => panic!("{decision:?}"),
    };
    assert_ne!(key(1), key(2));
    let succeeded = WedofSheetSyncStatus {
        last_success_time: Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at("06:00:00"))),
        ..without_secret(1)
    };
    assert_eq!(
        decide("uid", None, &spec, &succeeded, &[], at("23:00:00")),
        Decision::Nothing
    );
    let mut refused = without_secret(1);
    refused.last_run.as_mut().unwrap().reason = Some("WedofKeyRefused".into());
    assert_eq!(
        decide("uid", None, &spec, &refused, &[], at("23:00:00")),
        Decision::Nothing
    );
}
