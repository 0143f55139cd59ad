//! Every name that this operator writes into the cluster, in one place, each with where it appears.

/// The program, as field manager prefix, event reporter and label value.
pub const PROGRAM: &str = "wedof-sheet-sync";
/// Field manager of CronJobs.
pub const MANAGER: &str = "wedof-sheet-sync";
/// Field manager that only ever sets `spec.suspend: true`, of a CronJob whose object may not run: it has turned invalid, or
/// an older one fills its tab. The rest is left as the last valid spec made it.
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
/// Annotation of Jobs that the operator has suspended because another run of the object is going.
pub const WAITS: &str = "wedofsheetsync.dev/waits-its-turn";
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

/// Reasons of conditions and runs, beside those that a sync itself reports: [`crate::failure::reason`].
pub mod reason {
    crate::failure::reasons! {
        /// Ready: the CronJob is in place and runs by schedule.
        SCHEDULED = "Scheduled",
        /// Ready: the CronJob is in place and suspended by the spec.
        SUSPENDED = "Suspended",
        /// Not ready: another CronJob, not ours, has the name.
        NAME_TAKEN = "NameTaken",
        /// Not ready: an older object writes into the same tab.
        TAB_CONFLICT = "TabConflict",
        /// Not ready: the API server did not take the CronJob for now.
        APPLY_FAILED = "ApplyFailed",
        /// Stalled: the API server refuses the CronJob as invalid.
        REFUSED = "CronJobRefused",
        /// Stalled: the schedule does not parse.
        INVALID_SCHEDULE = "InvalidSchedule",
        /// Stalled: no date matches the schedule.
        NEVER_FIRES = "NeverFires",
        /// Stalled: no such zone.
        INVALID_TIME_ZONE = "InvalidTimeZone",
        /// Stalled: a run could not receive so long a spec.
        SPEC_TOO_LARGE = "SpecTooLarge",
        /// Stalled: keys may not be sent to the host of `baseUrl`.
        WEDOF_HOST_NOT_ALLOWED = "WedofHostNotAllowed",
        /// Stalled: the operator's pattern does not allow the name of a Secret.
        SECRET_NOT_ALLOWED = "SecretNotAllowed",
        /// Stalled: this installation lets no object choose nodes.
        PLACEMENT_NOT_ALLOWED = "PlacementNotAllowed",
        /// Stalled: two resources fill one tab.
        DUPLICATE_TAB = "DuplicateTab",
        /// Stalled: another part of the spec is wrong, or cannot be read at all.
        INVALID_SPEC = "InvalidSpec",

        /// LastRunSucceeded: no run has finished yet.
        NO_RUN_YET = "NoRunYet",
        /// LastRunSucceeded: the run ended well.
        SUCCEEDED = "Succeeded",
        /// A run of which nothing is left that tells how it ended.
        UNKNOWN = "Unknown",
        /// The run's Job was deleted before it ended.
        JOB_DELETED = "JobDeleted",
        /// The run's Job was suspended, and not by the operator.
        JOB_SUSPENDED = "JobSuspended",
        /// A run gets no pod: a quota, Pod Security or a webhook refuses it; events of the Job tell why.
        FAILED_CREATE = "FailedCreate",
        /// No node takes the run's pod.
        UNSCHEDULABLE = "Unschedulable",
        /// The run's image cannot be pulled.
        IMAGE_PULL = "ImagePullBackOff",
        /// The container cannot be made as its pod describes it: an image that runs as root, for instance.
        CONTAINER_CONFIG = "CreateContainerConfigError",
        /// The run's pod does not start for another reason, which is Kubernetes' own and in the message.
        POD_NOT_STARTED = "PodNotStarted",
        /// A run hangs on a node that does not answer.
        NODE_LOST = "NodeLost",
        /// The container was ended for using more memory than its limit.
        OOM_KILLED = "OOMKilled",
        /// The run's pod was removed by the cluster: eviction, drain, taint, preemption.
        EVICTED = "Evicted",
        /// The run's pod was deleted, by a person or a program.
        POD_DELETED = "PodDeleted",
        /// The container could not be found any more when its pod ended.
        CONTAINER_LOST = "ContainerStatusUnknown",
        /// The run ended without a report.
        NO_REPORT = "NoReport",
        /// What the run left behind is no report that this operator can read.
        INVALID_REPORT = "InvalidReport",
        /// The run failed, and its pods were gone before they were read.
        REPORT_LOST = "ReportLost",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::reason;
    use crate::failure;

    #[test]
    fn every_reason_has_its_line_in_the_table_for_people_and_no_line_has_another() {
        let page = include_str!("../../docs/status.md");
        let (_, tables) = page.split_once("## What a reason means").unwrap();
        let rows: Vec<&str> = tables.lines().filter(|line| line.starts_with("| `")).collect();
        let told: BTreeSet<&str> = rows.iter().filter_map(|row| row.split('`').nth(1)).collect();
        let known: BTreeSet<&str> = reason::ALL.iter().chain(failure::reason::ALL).copied().collect();
        assert_eq!(told, known);
        assert_eq!(rows.len(), known.len(), "each once");
        for row in rows {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            assert!(cells.len() == 3 && cells.iter().all(|cell| !cell.is_empty()), "{row}");
        }
    }
}
