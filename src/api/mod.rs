//! The custom resource `WedofSheetSync`, `wedofsheetsync.dev/v1alpha1`: its types, and the definition that the API
//! server takes ([`crd`]). What to sync is [`crate::spec`]'s; here is added when to sync and how its Jobs run.

mod job;
mod schema;
mod status;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    job::{Amount, Amounts, ComputeResources, JobSettings},
    schema::{crd, crd_yaml},
    status::{LastRun, PlacedCronJob, RecordedRun, ResourceStatus, RunState, Trigger, WedofSheetSyncStatus},
};
use crate::spec::{DeletionGuard, GoogleSpec, PersonalData, ResourceSpec, SyncSpec, WedofSpec};

/// Keeps a Google spreadsheet true to a Wedof account, on a schedule.
#[derive(Debug, Clone, PartialEq, CustomResource, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "wedofsheetsync.dev",
    version = "v1alpha1",
    kind = "WedofSheetSync",
    plural = "wedofsheetsyncs",
    shortname = "wss",
    category = "wedof",
    namespaced,
    status = "WedofSheetSyncStatus",
    derive = "PartialEq",
    doc = "Keeps a Google spreadsheet true to a Wedof account, on a schedule."
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WedofSheetSyncSpec {
    /// When to sync: five fields (minute, hour, day of month, month, day of week) or @daily, @hourly and so on. `H`
    /// as a whole field stands for a value hashed from namespace and name: `H 7 * * *` is some minute after seven.
    pub schedule: String,
    /// IANA name of the zone of the schedule, and of days and times in the sheet.
    #[serde(default = "default_time_zone")]
    pub time_zone: String,
    /// No scheduled run and no first run; a run asked for by annotation still starts.
    #[serde(default)]
    pub suspend: bool,
    /// A first sync right away, without waiting for the schedule.
    #[serde(default = "yes")]
    pub run_on_create: bool,
    /// The part of the spreadsheet's link between /d/ and /edit. Share the spreadsheet with the service account.
    pub spreadsheet_id: String,
    pub wedof: WedofSpec,
    pub google: GoogleSpec,
    /// What to sync, each into a tab of its own. Left out: users, trainings, sessions, attendees, registrationFolders,
    /// certificationFolders, organisms, activities, evaluations, invoices and payments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Vec<ResourceSpec>>,
    /// `exclude` leaves out columns with personal data and removes those that exist. Default: include.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub personal_data: Option<PersonalData>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_guard: Option<DeletionGuard>,
    /// How the Jobs run. There is always one run at a time.
    #[serde(default, skip_serializing_if = "JobSettings::is_default")]
    pub job: JobSettings,
}

/// The zone of a spec that names none.
pub const DEFAULT_TIME_ZONE: &str = "Europe/Paris";

fn default_time_zone() -> String {
    DEFAULT_TIME_ZONE.into()
}

fn yes() -> bool {
    true
}

impl From<&WedofSheetSyncSpec> for SyncSpec {
    fn from(spec: &WedofSheetSyncSpec) -> Self {
        let WedofSheetSyncSpec {
            schedule: _,
            time_zone,
            suspend: _,
            run_on_create: _,
            spreadsheet_id,
            wedof,
            google,
            resources,
            personal_data,
            deletion_guard,
            job: _,
        } = spec;
        Self {
            spreadsheet_id: spreadsheet_id.clone(),
            time_zone: Some(time_zone.clone()),
            wedof: wedof.clone(),
            google: google.clone(),
            resources: resources.clone(),
            personal_data: personal_data.unwrap_or_default(),
            deletion_guard: deletion_guard.clone().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minimal_manifest_is_short() {
        let manifest = "
            apiVersion: wedofsheetsync.dev/v1alpha1
            kind: WedofSheetSync
            metadata: {name: acme}
            spec:
              schedule: 0 7 * * *
              spreadsheetId: 1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms
              wedof: {apiKeySecretRef: {name: wedof, key: api-key}}
              google: {credentialsSecretRef: {name: google, key: credentials.json}}";
        let object: WedofSheetSync = serde_saphyr::from_str(manifest).unwrap();
        assert!(object.spec.run_on_create && !object.spec.suspend);
        let sync = SyncSpec::from(&object.spec);
        assert_eq!(sync.time_zone.as_deref(), Some("Europe/Paris"));
        assert_eq!(sync.deletion_guard, DeletionGuard::default());
    }
}
