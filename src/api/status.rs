//! What the operator tells about a `WedofSheetSync`. Written by [`crate::operator::status`] alone.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::ResourceOutcome;

/// What is known of the object and its runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WedofSheetSyncStatus {
    /// The generation of the spec that this status speaks of; -1 before the operator's first look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready: the spec is valid and its CronJob in place. LastRunSucceeded: how the last finished run went, of the
    /// generation that it was made from. Stalled: only the author of the object can mend it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The CronJob as it was put in place: the operator leaves it alone, after a restart too, while nobody changes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cron_job: Option<PlacedCronJob>,
    /// The schedule with `H` resolved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_schedule: Option<String>,
    /// The zone of the schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_time_zone: Option<String>,
    /// The next time of the schedule; none while suspended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_schedule_time: Option<Time>,
    /// The first time of the schedule after the last good run: until then the data are as fresh as the schedule promises.
    /// Before any good run, the first time of the schedule. None while suspended or not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fresh_until: Option<Time>,
    /// When the last good run ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_success_time: Option<Time>,
    /// Failed and partial runs since the last good one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consecutive_failures: Option<i32>,
    /// The value of the annotation wedofsheetsync.dev/sync-requested-at whose run has finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_sync_request: Option<String>,
    /// The run that is going, else the one that ended last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run: Option<LastRun>,
    /// The finished run that was counted last, so that none is counted twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_recorded_run: Option<RecordedRun>,
    /// Records of the last good sync, all tabs together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceStatus>,
}

/// The CronJob of an object.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PlacedCronJob {
    pub name: String,
    pub uid: String,
    /// Of its spec, as the operator applied it last.
    pub generation: i64,
}

/// One run: a Job with all its attempts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LastRun {
    pub job_name: String,
    pub job_uid: String,
    pub trigger: Trigger,
    pub outcome: RunState,
    /// Why it failed, or what keeps it from starting or going on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The value of the annotation that asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_request: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<i32>,
    /// The exit code of the last attempt that ended, if it is known: 1 a later run may succeed, 2 a person has to change
    /// something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Records that Wedof listed, all tabs together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<i64>,
    /// Rows added, over all attempts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed: Option<i64>,
    /// Rows kept although Wedof no longer lists their record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wedof_requests: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheets_requests: Option<i64>,
}

/// What started a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Trigger {
    Schedule,
    /// `kubectl create job --from=cronjob/…`
    #[default]
    Manual,
    /// The annotation wedofsheetsync.dev/sync-requested-at
    Request,
    /// `runOnCreate`
    Create,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RunState {
    Running,
    Succeeded,
    /// Some resources were synced, others were not.
    Partial,
    Failed,
    /// Nothing tells how it ended.
    #[default]
    Unknown,
}

impl RunState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Partial => "Partial",
            Self::Failed => "Failed",
            Self::Unknown => "Unknown",
        }
    }
}

/// A finished run: when it ended, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordedRun {
    pub completion_time: Time,
    pub job_uid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<RunState>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<i64>,
}

/// One resource as the last run that told of it left it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceStatus {
    pub name: String,
    pub tab: String,
    pub outcome: ResourceOutcome,
    pub rows: i64,
    pub added: i64,
    pub updated: i64,
    pub removed: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When its tab was last known to be true to Wedof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync_time: Option<Time>,
}
