//! What people should hear in `kubectl describe` and `kubectl get events`: one event for each change of the status. Pure.

use super::{
    names::{condition, reason},
    status,
};
use crate::api::{LastRun, RunState, Trigger, WedofSheetSyncStatus};

/// Something that happened, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub warning: bool,
    pub reason: String,
    pub note: String,
    /// Name and UID of the Job that it is about.
    pub job: Option<(String, String)>,
}

/// The CronJob was created.
pub fn cronjob_created(name: &str, spec: &str) -> Notice {
    notice(false, "CronJobCreated", format!("CronJob {name} runs at {spec}"))
}

/// The schedule names a time that a change of the clocks skips or repeats.
pub fn clock_change(schedule: &str, zone: &str) -> Notice {
    let note = format!(
        "{schedule} in {zone} meets a change of the clocks: that night it is left out or comes twice; another hour is safe"
    );
    notice(true, "ScheduleMeetsClockChange", note)
}

fn notice(warning: bool, reason: &str, note: String) -> Notice {
    Notice {
        warning,
        reason: reason.to_owned(),
        note,
        job: None,
    }
}

/// What changed from one status to the next: where the object stands, every run that has ended meanwhile (the statuses after
/// each are `ends`), and the run that is going.
pub fn transitions(
    old: &WedofSheetSyncStatus,
    ends: &[WedofSheetSyncStatus],
    new: &WedofSheetSyncStatus,
) -> Vec<Notice> {
    let mut notices = standing(old, new);
    let mut before = old;
    for after in ends.iter().chain([new]) {
        notices.extend(end_of_run(before, after));
        before = after;
    }
    notices.extend(going(old, new));
    notices
}

fn standing(old: &WedofSheetSyncStatus, new: &WedofSheetSyncStatus) -> Vec<Notice> {
    let mut notices = Vec::new();
    if let Some(stalled) = status::get(new, condition::STALLED) {
        let before = status::get(old, condition::STALLED);
        if before.is_none_or(|before| before.message != stalled.message) {
            notices.push(notice(
                true,
                "Stalled",
                format!("{}: {}", stalled.reason, stalled.message),
            ));
        }
    } else if let Some(ready) = status::get(new, condition::READY) {
        let before = status::get(old, condition::READY);
        let is_other = before.is_some_and(|before| before.status != ready.status);
        if ready.status == "True" {
            // a new object needs no such word
            if is_other {
                notices.push(notice(false, "Ready", ready.message.clone()));
            }
        } else if before.is_none_or(|before| before.reason != ready.reason) {
            notices.push(notice(true, &ready.reason, ready.message.clone()));
        }
    }
    notices
}

fn end_of_run(old: &WedofSheetSyncStatus, new: &WedofSheetSyncStatus) -> Option<Notice> {
    let recorded = new.last_recorded_run.as_ref()?;
    if old.last_recorded_run.as_ref() == Some(recorded) {
        return None;
    }
    let result = status::get(new, condition::LAST_RUN_SUCCEEDED)?;
    let (warning, name) = match result.status.as_str() {
        "True" => (false, "RunSucceeded"),
        "False" => (true, "RunFailed"),
        _ => (true, "RunEndUnknown"),
    };
    let why = match result.reason.as_str() {
        reason::SUCCEEDED | reason::UNKNOWN => String::new(),
        why => format!("{why}: "),
    };
    Some(Notice {
        job: [&new.last_run, &old.last_run]
            .into_iter()
            .flatten()
            .find(|run| run.job_uid == recorded.job_uid)
            .map(job),
        ..notice(warning, name, format!("{why}{}", result.message))
    })
}

fn going(old: &WedofSheetSyncStatus, new: &WedofSheetSyncStatus) -> Vec<Notice> {
    let mut notices = Vec::new();
    if let Some(run) = new.last_run.as_ref().filter(|run| run.outcome == RunState::Running) {
        let before = old.last_run.as_ref().filter(|before| before.job_uid == run.job_uid);
        if before.is_none() {
            let why = match run.trigger {
                Trigger::Schedule => "by schedule",
                Trigger::Manual => "by hand",
                Trigger::Request => "as asked by annotation",
                Trigger::Create => "as the object is new",
            };
            notices.push(Notice {
                job: Some(job(run)),
                ..notice(false, "RunStarted", format!("Job {} was started {why}", run.job_name))
            });
        }
        if let Some(trouble) = &run.reason
            && before.is_none_or(|before| before.reason.as_ref() != Some(trouble))
        {
            notices.push(Notice {
                job: Some(job(run)),
                ..notice(true, trouble, run.message.clone().unwrap_or_default())
            });
        }
    }
    notices
}

fn job(run: &LastRun) -> (String, String) {
    (run.job_name.clone(), run.job_uid.clone())
}

#[cfg(test)]
mod tests;
