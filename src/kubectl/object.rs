//! One of our objects, as far as these commands need it: what an operator of another version stored must not stop them.

use kube::{
    ResourceExt,
    core::{ApiResource, DynamicObject},
};
use serde_json::Value;

use super::words::Trouble;
use crate::{
    api::{DEFAULT_TIME_ZONE, LastRun, RunState, WedofSheetSync, WedofSheetSyncStatus},
    operator::{
        names::{SYNC_REQUESTED_AT, condition},
        status,
    },
};

#[derive(Debug, Clone)]
pub struct Object {
    pub namespace: String,
    pub name: String,
    pub generation: i64,
    pub deleting: bool,
    /// The request that stands in its annotation.
    pub request: Option<String>,
    pub schedule: String,
    pub time_zone: String,
    pub suspend: bool,
    pub spreadsheet: String,
    pub status: WedofSheetSyncStatus,
    /// Why its status cannot be read, and is empty therefore.
    pub unreadable: Option<String>,
}

impl Object {
    /// The kind, for requests whose answers need not decode.
    pub fn resource() -> ApiResource {
        ApiResource::erase::<WedofSheetSync>(&())
    }

    pub fn of(object: &DynamicObject) -> Self {
        let spec = &object.data["spec"];
        let text = |field: &str| spec[field].as_str().unwrap_or_default().to_owned();
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        let status = match &object.data["status"] {
            Value::Null => Ok(WedofSheetSyncStatus::default()),
            status => serde_json::from_value(status.clone()).map_err(|error| {
                format!(
                    "the status cannot be read ({error}): this program is {}, and the operator may be of another version",
                    env!("CARGO_PKG_VERSION"),
                )
            }),
        };
        let (status, unreadable) = match status {
            Ok(status) => (status, None),
            Err(why) => (WedofSheetSyncStatus::default(), Some(why)),
        };
        Self {
            generation: object.metadata.generation.unwrap_or_default(),
            deleting: object.metadata.deletion_timestamp.is_some(),
            request: object.annotations().get(SYNC_REQUESTED_AT).cloned(),
            schedule: text("schedule"),
            time_zone: spec["timeZone"].as_str().unwrap_or(DEFAULT_TIME_ZONE).to_owned(),
            suspend: spec["suspend"].as_bool().unwrap_or_default(),
            spreadsheet: text("spreadsheetId"),
            namespace,
            name,
            status,
            unreadable,
        }
    }

    /// The object for commands that cannot do without its status.
    pub fn readable(self) -> Result<Self, Trouble> {
        match &self.unreadable {
            Some(why) => Err(Trouble::person(format!("{}/{}: {why}", self.namespace, self.name))),
            None => Ok(self),
        }
    }

    /// The operator has looked at the object as it is now.
    pub fn is_observed(&self) -> bool {
        self.status
            .observed_generation
            .is_some_and(|observed| observed >= self.generation)
    }

    pub fn running(&self) -> Option<&LastRun> {
        self.status
            .last_run
            .as_ref()
            .filter(|run| run.outcome == RunState::Running)
    }

    /// Why it cannot run: reason, message, and whether only a person can mend it.
    pub fn refusal(&self) -> Option<(&str, &str, bool)> {
        let ready = status::get(&self.status, condition::READY).filter(|ready| ready.status == "False")?;
        let stalled = status::get(&self.status, condition::STALLED).is_some_and(|stalled| stalled.status == "True");
        let person = stalled || ready.reason != crate::operator::names::reason::APPLY_FAILED;
        Some((&ready.reason, &ready.message, person))
    }
}
