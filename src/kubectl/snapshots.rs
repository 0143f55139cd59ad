//! What `status` and the end of a run look like.

use jiff::Timestamp;
use kube::core::DynamicObject;
use serde_json::{Value, json};

use super::{
    details, list,
    object::Object,
    standing::{Standing, standing},
    words::Caller,
};

fn now() -> Timestamp {
    "2026-11-27T12:00:00Z".parse().unwrap()
}

fn object(name: &str, spec: Value, status: Value) -> Object {
    let mut object = json!({
        "apiVersion": "wedofsheetsync.dev/v1alpha1", "kind": "WedofSheetSync",
        "metadata": {"name": name, "namespace": "centre-acme", "generation": 1},
        "spec": {"schedule": "H 7 * * *", "timeZone": "Europe/Paris", "spreadsheetId": "1AbC"},
        "status": status,
    });
    for (key, value) in spec.as_object().unwrap() {
        object["spec"][key] = value.clone();
    }
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    Object::of(&object)
}

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": "2026-11-25T06:00:00Z"})
}

fn status(conditions: &[Value], more: Value) -> Value {
    let mut status = json!({"observedGeneration": 1, "conditions": conditions});
    for (key, value) in more.as_object().unwrap() {
        status[key] = value.clone();
    }
    status
}

fn good() -> Object {
    let resource = |name: &str, tab: &str, outcome: &str, rows: i64, message: Value| {
        json!({"name": name, "tab": tab, "outcome": outcome, "rows": rows, "added": rows, "updated": 0, "removed": 0,
            "message": message, "lastSyncTime": "2026-11-27T06:13:12Z"})
    };
    let more = json!({
        "effectiveSchedule": "13 7 * * *", "nextScheduleTime": "2026-11-28T06:13:00Z", "freshUntil": "2026-11-28T06:13:00Z",
        "lastSuccessTime": "2026-11-27T06:13:12Z", "rows": 314, "lastHandledSyncRequest": "now",
        "lastRun": {"jobName": "acme-29", "jobUid": "u", "trigger": "Request", "outcome": "Succeeded", "syncRequest": "now",
            "message": "314 rows: 314 added, 0 updated, 0 removed", "startTime": "2026-11-27T06:13:00Z",
            "durationSeconds": 12, "attempts": 2, "exitCode": 0},
        "resources": [
            resource("registrationFolders", "Dossiers d'élèves", "Synced", 250, Value::Null),
            resource("organisms", "Organisms", "Unchanged", 64, Value::Null),
            resource("invoices", "Invoices", "Unavailable", 0, json!("the account may not read it (403)")),
        ],
    });
    let conditions = [
        condition("Ready", "True", "Scheduled", "runs at 13 7 * * * (Europe/Paris)"),
        condition("LastRunSucceeded", "True", "Succeeded", "314 rows"),
    ];
    object("acme", json!({}), status(&conditions, more))
}

fn failing() -> Object {
    let message = "Secret `wedof`, key `api-key`: Wedof refuses it; make a new key under Mon compte > Jetons d'API";
    let conditions = [
        condition("Ready", "True", "Scheduled", "runs at 0 7 * * * (Europe/Paris)"),
        condition("LastRunSucceeded", "False", "WedofKeyRefused", message),
    ];
    let more = json!({
        "effectiveSchedule": "0 7 * * *", "nextScheduleTime": "2026-11-28T06:00:00Z", "freshUntil": "2026-11-25T06:00:00Z",
        "lastSuccessTime": "2026-11-24T06:00:30Z", "rows": 120, "consecutiveFailures": 3, "lastHandledSyncRequest": "now",
        "lastRun": {"jobName": "bravo-7", "jobUid": "u", "trigger": "Schedule", "outcome": "Failed", "syncRequest": "now",
            "reason": "WedofKeyRefused", "message": message, "startTime": "2026-11-27T06:00:00Z", "durationSeconds": 4,
            "attempts": 1, "exitCode": 2},
    });
    object("bravo", json!({"schedule": "0 7 * * *"}), status(&conditions, more))
}

fn in_other_states() -> Vec<Object> {
    let ready = condition("Ready", "True", "Scheduled", "");
    let stalled = "spec.schedule: no date matches 0 0 31 2 *";
    let conditions = [
        condition("Ready", "False", "NeverFires", stalled),
        condition("Stalled", "True", "NeverFires", stalled),
    ];
    let run = |reason: Value, message: Value| json!({"lastRun": {"jobName": "j", "jobUid": "u", "trigger": "Create", "outcome": "Running", "reason": reason, "message": message}});
    vec![
        object("new", json!({}), Value::Null),
        object(
            "stalled",
            json!({"schedule": "0 0 31 2 *"}),
            status(&conditions, json!({})),
        ),
        object(
            "going",
            json!({}),
            status(std::slice::from_ref(&ready), run(Value::Null, Value::Null)),
        ),
        object(
            "stuck",
            json!({}),
            status(
                std::slice::from_ref(&ready),
                run(json!("ImagePullBackOff"), json!("pod j-1 cannot start: not found")),
            ),
        ),
        object("asleep", json!({"suspend": true}), status(&[ready], json!({}))),
        object("newer", json!({}), json!({"observedGeneration": "one"})),
    ]
}

/// The next release changes none of this.
fn without_version(text: &str) -> String {
    text.replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

#[test]
fn a_table_says_of_each_object_where_it_stands_and_what_is_wrong() {
    let mut objects = vec![good(), failing()];
    objects.extend(in_other_states());
    insta::assert_snapshot!(without_version(&list::text(&objects, true, now(), false)));
}

#[test]
fn one_object_is_told_in_full() {
    insta::assert_snapshot!(details::text(&good(), Caller::Kubectl, now(), 120, false));
    insta::assert_snapshot!(details::text(&failing(), Caller::Program, now(), 120, false));
}

#[test]
fn what_cannot_run_or_be_read_is_told_without_a_command_that_would_not_help() {
    let told = |name: &str| {
        let objects = in_other_states();
        let object = objects.iter().find(|object| object.name == name).unwrap();
        without_version(&details::text(object, Caller::Kubectl, now(), 80, false))
    };
    insta::assert_snapshot!(told("stalled"));
    insta::assert_snapshot!(told("newer"));
}

#[test]
fn the_end_of_a_run_says_what_came_of_it_and_what_to_do() {
    for object in [good(), failing()] {
        let Standing::Ended(end) = standing(&object, "now") else {
            panic!("it has ended")
        };
        insta::assert_snapshot!(details::end(&object, &end, 80, false));
    }
}

#[test]
fn colours_change_nothing_but_colours() {
    let coloured = list::text(&[failing()], true, now(), true);
    assert!(coloured.contains("\u{1b}["));
    assert_eq!(
        console::strip_ansi_codes(&coloured),
        list::text(&[failing()], true, now(), false)
    );
}
