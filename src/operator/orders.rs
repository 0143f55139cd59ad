//! Whether the operator starts a run now: because somebody asked for one, because the object is new, or because its
//! Secret may have come. Pure. One at a time: what is asked for during a run waits for its end.

use jiff::{SignedDuration, Timestamp};

use super::{cronjob::Order, facts::later, names::SYNC_REQUESTED_AT, reported, runs::Run, validate::ValidSpec};
use crate::{
    api::{Trigger, WedofSheetSyncStatus},
    failure::reason::SECRET_MISSING,
};

/// The longest request that is taken: it comes back in the status.
const MAX_REQUEST: usize = 253;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    Nothing,
    Start(Order),
    /// Something is to be done later; `note` says so to people.
    Wait {
        note: Option<String>,
        until: Option<Timestamp>,
    },
}

/// Decides for the object with this UID. `request` is its annotation; `status` has every finished run in it.
pub fn decide(
    uid: &str,
    request: Option<&str>,
    spec: &ValidSpec,
    status: &WedofSheetSyncStatus,
    runs: &[Run],
    now: Timestamp,
) -> Decision {
    let first = |of: fn(&Run) -> bool| runs.iter().filter(|run| of(run)).min_by_key(|run| run.place());
    let running = first(Run::is_running).or_else(|| first(Run::waits));
    // also one that somebody else has suspended: it is there, and ordered no second time
    let mut not_ended = runs.iter().filter(|run| !run.has_ended());
    let handled = status.last_handled_sync_request.as_deref().unwrap_or_default();
    if let Some(request) = request.filter(|request| !request.is_empty() && *request != handled) {
        if !is_request(request) {
            let note = format!(
                "the annotation {SYNC_REQUESTED_AT} is ignored: it has control characters or more than {MAX_REQUEST} bytes"
            );
            return Decision::Wait {
                note: Some(note),
                until: None,
            };
        }
        if not_ended.any(|run| run.sync_request.as_deref() == Some(request)) {
            return Decision::Nothing;
        }
        let last = status.last_recorded_run.as_ref().map(|run| run.job_uid.as_str());
        match running {
            Some(running) => {
                return Decision::Wait {
                    note: Some(format!(
                        "the run asked for at {request} waits for Job {} to end",
                        running.job
                    )),
                    until: None,
                };
            }
            None => {
                return Decision::Start(Order {
                    trigger: Trigger::Request,
                    // the Job of an earlier request of the same value may still be there
                    key: format!("{request}\0{}", last.unwrap_or_default()),
                    request: Some(request.to_owned()),
                });
            }
        }
    }
    if not_ended.next().is_some() || !spec.run_on_create || spec.suspend {
        return Decision::Nothing;
    }
    let create = |key: String| {
        Decision::Start(Order {
            trigger: Trigger::Create,
            key,
            request: None,
        })
    };
    let Some(recorded) = &status.last_recorded_run else {
        return create(uid.to_owned());
    };
    // sealed and external Secrets often come minutes after the object
    let failures = status.consecutive_failures.unwrap_or_default();
    let for_want_of_a_secret = status.last_success_time.is_none()
        && failures > 0
        && status
            .last_run
            .as_ref()
            .is_some_and(|run| run.job_uid == recorded.job_uid && run.reason.as_deref() == Some(SECRET_MISSING));
    if !for_want_of_a_secret {
        return Decision::Nothing;
    }
    let minutes = 5i64 << (failures - 1).min(4);
    let due = later(recorded.completion_time.0, SignedDuration::from_mins(minutes.min(60)));
    if due > now {
        return Decision::Wait {
            note: None,
            until: Some(due),
        };
    }
    create(format!("{uid}\0{failures}"))
}

/// Whether a text can ask for a run: it is shown as it is.
pub fn is_request(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_REQUEST && text.chars().all(reported::can_be_shown)
}

#[cfg(test)]
mod tests;
