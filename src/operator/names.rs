//! Every name that this operator writes into the cluster, in one place, each with where it appears.

/// The program, as field manager prefix, event reporter and label value.
pub const PROGRAM: &str = "wedof-sheet-sync";
/// Field manager of CronJobs.
pub const MANAGER: &str = "wedof-sheet-sync";
/// Field manager that only ever sets `spec.suspend: true`, of a CronJob whose object has turned invalid: the rest is left as
/// the last valid spec made it.
pub const MANAGER_SUSPEND: &str = "wedof-sheet-sync-suspend";
/// Field manager of our object's status.
pub const MANAGER_STATUS: &str = "wedof-sheet-sync-status";

/// Field manager of the lease by which replicas agree on who works.
pub const MANAGER_LEASE: &str = "wedof-sheet-sync-leader";

/// The container of a run. Found by this name everywhere: injected sidecars may come first.
pub const CONTAINER: &str = "sync";

/// Label of CronJobs, Jobs and pods: the UID of our object. It selects what is watched and proves nothing: ownership is
/// proven by owner references.
pub const LABEL_UID: &str = "wedofsheetsync.dev/uid";

/// Annotation of our object, set by people: a new value asks for a run now.
pub const SYNC_REQUESTED_AT: &str = "wedofsheetsync.dev/sync-requested-at";
/// Annotation of CronJobs and Jobs: the name of our object, which may be too long for a label.
pub const NAME: &str = "wedofsheetsync.dev/name";
/// Annotation of CronJobs: the hash of what was applied.
pub const APPLIED_HASH: &str = "wedofsheetsync.dev/applied-hash";
/// Annotation of Jobs: the generation of our object that the run was made from.
pub const GENERATION: &str = "wedofsheetsync.dev/generation";
/// Annotation of Jobs that the operator made: `Create` or `Request`.
pub const TRIGGER: &str = "wedofsheetsync.dev/trigger";
/// Annotation of Jobs that the operator made for a request: its value.
pub const SYNC_REQUEST: &str = "wedofsheetsync.dev/sync-request";
/// Annotation of Jobs that the CronJob controller made by schedule.
pub const SCHEDULED_TIMESTAMP: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/// Types of the conditions in our status.
pub mod condition {
    /// The spec is valid and its CronJob in place.
    pub const READY: &str = "Ready";
    /// The last finished run was a success; of the generation that the run was made from.
    pub const LAST_RUN_SUCCEEDED: &str = "LastRunSucceeded";
    /// Present and True only while nobody but the author of the object can mend it.
    pub const STALLED: &str = "Stalled";
}

/// Reasons of conditions, beside those of runs in [`crate::failure::reason`].
pub mod reason {
    /// Ready: the CronJob is in place and runs by schedule.
    pub const SCHEDULED: &str = "Scheduled";
    /// Ready: the CronJob is in place and suspended by the spec.
    pub const SUSPENDED: &str = "Suspended";
    /// Not ready: another CronJob, not ours, has the name.
    pub const NAME_TAKEN: &str = "NameTaken";
    /// Not ready: an older object writes into the same tab.
    pub const TAB_CONFLICT: &str = "TabConflict";
    /// Not ready: the API server did not take the CronJob for now.
    pub const APPLY_FAILED: &str = "ApplyFailed";
    /// Stalled: the API server refuses the CronJob as invalid.
    pub const REFUSED: &str = "CronJobRefused";
    /// Stalled: the schedule does not parse.
    pub const INVALID_SCHEDULE: &str = "InvalidSchedule";
    /// Stalled: no date matches the schedule.
    pub const NEVER_FIRES: &str = "NeverFires";
    /// Stalled: no such zone.
    pub const INVALID_TIME_ZONE: &str = "InvalidTimeZone";
    /// Stalled: a run could not receive so long a spec.
    pub const SPEC_TOO_LARGE: &str = "SpecTooLarge";
    /// Stalled: keys may not be sent to the host of `baseUrl`.
    pub const WEDOF_HOST_NOT_ALLOWED: &str = "WedofHostNotAllowed";
    /// Stalled: the operator's pattern does not allow the name of a Secret.
    pub const SECRET_NOT_ALLOWED: &str = "SecretNotAllowed";
    /// Stalled: two resources fill one tab.
    pub const DUPLICATE_TAB: &str = "DuplicateTab";
    /// Stalled: another part of the spec is wrong, or cannot be read at all.
    pub const INVALID_SPEC: &str = "InvalidSpec";

    /// LastRunSucceeded: no run has finished yet.
    pub const NO_RUN_YET: &str = "NoRunYet";
    /// LastRunSucceeded: the run ended well.
    pub const SUCCEEDED: &str = "Succeeded";
    /// A run of which nothing is known but that its Job failed or is gone.
    pub const UNKNOWN: &str = "Unknown";
    /// A run cannot start: no pod is made; events of the Job tell why.
    pub const FAILED_CREATE: &str = "FailedCreate";
    /// A run hangs on a node that does not answer.
    pub const NODE_LOST: &str = "NodeLost";
    /// The container was ended for using more memory than its limit.
    pub const OOM_KILLED: &str = "OOMKilled";
    /// The run's pod was removed from its node or deleted.
    pub const POD_DELETED: &str = "PodDeleted";
    /// The run ended without a report.
    pub const NO_REPORT: &str = "NoReport";
}
