//! Where a request for a run stands, as the object tells it. Pure.

use super::object::Object;
use crate::{
    api::{LastRun, RunState},
    operator::{names::condition, status},
};

#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// The operator has not done anything about it; what it says meanwhile.
    Unheard { note: Option<String> },
    /// It cannot start as things are.
    Refused {
        reason: String,
        message: String,
        person: bool,
    },
    /// Another run goes first.
    Queued { job: String },
    /// Its run is going; what keeps it from going on, if something does.
    Running {
        job: String,
        trouble: Option<(String, String)>,
    },
    /// Its run has ended.
    Ended(Box<End>),
    /// Somebody asked for another run before this one began.
    Replaced { by: String },
    /// The object is gone or on its way.
    Gone,
}

#[derive(Debug, Clone, PartialEq)]
pub struct End {
    pub outcome: RunState,
    pub reason: Option<String>,
    pub message: Option<String>,
    /// As the pod told it.
    pub exit_code: Option<i32>,
    pub duration_seconds: Option<i64>,
}

impl End {
    /// The run's own code: 0 well, 2 a person has to change something, 1 all else.
    pub fn code(&self) -> u8 {
        match (self.outcome, self.exit_code) {
            (RunState::Succeeded, _) => 0,
            (_, Some(2)) => 2,
            _ => 1,
        }
    }
}

pub fn standing(object: &Object, request: &str) -> Standing {
    if object.deleting {
        return Standing::Gone;
    }
    let status = &object.status;
    let is_ours = |run: &&LastRun| run.sync_request.as_deref() == Some(request);
    if let Some(run) = status.last_run.as_ref().filter(is_ours) {
        return match run.outcome {
            RunState::Running => Standing::Running {
                job: run.job_name.clone(),
                trouble: run.reason.clone().zip(run.message.clone()),
            },
            outcome => Standing::Ended(Box::new(End {
                outcome,
                reason: run.reason.clone(),
                message: run.message.clone(),
                exit_code: run.exit_code,
                duration_seconds: run.duration_seconds,
            })),
        };
    }
    if status.last_handled_sync_request.as_deref() == Some(request) {
        return Standing::Ended(Box::new(overtaken(object)));
    }
    if let Some(by) = object.request.as_ref().filter(|by| *by != request) {
        return Standing::Replaced { by: by.clone() };
    }
    if !object.is_observed() {
        return Standing::Unheard { note: None };
    }
    if let Some((reason, message, person)) = object.refusal() {
        return Standing::Refused {
            reason: reason.to_owned(),
            message: message.to_owned(),
            person,
        };
    }
    match object.running() {
        Some(run) => Standing::Queued {
            job: run.job_name.clone(),
        },
        None => Standing::Unheard { note: note(object) },
    }
}

/// The end of a run after which the next one began at once: what is recorded of it.
fn overtaken(object: &Object) -> End {
    let recorded = object.status.last_recorded_run.as_ref();
    let result = status::get(&object.status, condition::LAST_RUN_SUCCEEDED);
    let outcome = recorded.and_then(|recorded| recorded.outcome).unwrap_or_default();
    End {
        outcome,
        reason: result
            .filter(|_| outcome != RunState::Succeeded)
            .map(|result| result.reason.clone()),
        message: result.map(|result| result.message.clone()),
        exit_code: None,
        duration_seconds: recorded.and_then(|recorded| recorded.duration_seconds),
    }
}

/// What the operator says of a run that it could not start: the notes in the message of Ready.
fn note(object: &Object) -> Option<String> {
    let ready = status::get(&object.status, condition::READY)?;
    let mut notes = ready.message.split("; ").skip(1);
    let is_of_runs = |note: &&str| note.starts_with("a run ") || note.starts_with("the run ");
    notes.find(is_of_runs).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use kube::core::DynamicObject;
    use serde_json::{Value, json};

    use super::*;

    fn object(status: Value) -> Object {
        let object: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "wedofsheetsync.dev/v1alpha1", "kind": "WedofSheetSync",
            "metadata": {"name": "acme", "namespace": "centre", "generation": 2, "annotations": {"wedofsheetsync.dev/sync-requested-at": "now"}},
            "spec": {"schedule": "0 7 * * *", "spreadsheetId": "1AbC"}, "status": status,
        }))
        .unwrap();
        Object::of(&object)
    }

    fn ready(value: &str, reason: &str, message: &str) -> Value {
        json!([{"type": "Ready", "status": value, "reason": reason, "message": message, "lastTransitionTime": "2026-11-25T06:00:00Z"}])
    }

    fn run(request: &str, outcome: &str) -> Value {
        json!({"jobName": "acme-1", "jobUid": "u", "trigger": "Request", "outcome": outcome, "syncRequest": request, "exitCode": 2,
            "durationSeconds": 7})
    }

    fn is(status: Value) -> Standing {
        standing(&object(status), "now")
    }

    #[test]
    fn a_request_is_unheard_until_the_operator_has_looked_at_the_object_as_it_is() {
        assert_eq!(is(Value::Null), Standing::Unheard { note: None });
        let old = json!({"observedGeneration": 1, "conditions": ready("False", "InvalidSchedule", "m")});
        assert_eq!(is(old), Standing::Unheard { note: None });
        let quota = "runs at 0 7 * * * (Europe/Paris); a run cannot be started: exceeded quota";
        let status = json!({"observedGeneration": 2, "conditions": ready("True", "Scheduled", quota)});
        let note = Some("a run cannot be started: exceeded quota".into());
        assert_eq!(is(status), Standing::Unheard { note });
    }

    #[test]
    fn what_cannot_start_is_refused_at_once() {
        for (reason, is_person) in [("InvalidSchedule", true), ("TabConflict", true), ("ApplyFailed", false)] {
            let status = json!({"observedGeneration": 2, "conditions": ready("False", reason, "m")});
            assert!(
                matches!(is(status), Standing::Refused { person, .. } if person == is_person),
                "{reason}"
            );
        }
    }

    #[test]
    fn another_run_goes_first_and_then_ours() {
        let other = json!({"observedGeneration": 2, "lastRun": run("before", "Running")});
        assert_eq!(is(other), Standing::Queued { job: "acme-1".into() });
        let ours = json!({"observedGeneration": 2, "lastRun": run("now", "Running")});
        assert!(matches!(is(ours), Standing::Running { trouble: None, .. }));
    }

    #[test]
    fn the_end_has_the_code_of_the_run() {
        for (outcome, code) in [("Succeeded", 0), ("Partial", 2), ("Failed", 2), ("Unknown", 2)] {
            let Standing::Ended(end) = is(json!({"observedGeneration": 2, "lastRun": run("now", outcome)})) else {
                panic!("{outcome}")
            };
            assert_eq!((end.code(), end.duration_seconds), (code, Some(7)), "{outcome}");
        }
        let mut killed = run("now", "Failed");
        killed["exitCode"] = json!(137);
        assert!(matches!(is(json!({"lastRun": killed})), Standing::Ended(end) if end.code() == 1));
    }

    #[test]
    fn an_end_that_the_next_run_hides_is_known_by_what_is_recorded() {
        let status = json!({
            "observedGeneration": 2, "lastRun": run("later", "Running"), "lastHandledSyncRequest": "now",
            "lastRecordedRun": {"completionTime": "2026-11-25T07:00:00Z", "jobUid": "u", "outcome": "Succeeded"},
        });
        assert!(matches!(is(status), Standing::Ended(end) if end.code() == 0));
    }

    #[test]
    fn a_newer_request_takes_the_place_of_one_that_has_not_begun() {
        let mut object = object(json!({"observedGeneration": 2, "lastRun": run("before", "Running")}));
        object.request = Some("later".into());
        assert_eq!(standing(&object, "now"), Standing::Replaced { by: "later".into() });
        object.deleting = true;
        assert_eq!(standing(&object, "now"), Standing::Gone);
    }
}
