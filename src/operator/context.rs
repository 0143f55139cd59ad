//! What reconciliations share, and what is remembered of each object so that nothing is sent twice.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use kube::Client;

use super::{
    index::{Index, Uid},
    metrics::Metrics,
    publish::Publisher,
    settings::Settings,
    validate::Policy,
};
use crate::api::WedofSheetSyncStatus;

/// What all reconciliations share.
pub struct Context {
    pub client: Client,
    pub settings: Settings,
    pub policy: Policy,
    pub publisher: Publisher,
    pub metrics: Metrics,
    index: Mutex<Index>,
    memories: Mutex<HashMap<Uid, Arc<tokio::sync::Mutex<Memory>>>>,
}

/// What is remembered of one object, to send nothing twice.
#[derive(Debug, Default)]
pub struct Memory {
    pub applied: Option<Applied>,
    /// Hash of a CronJob that the API server refuses, and what it said.
    pub refused: Option<(String, String)>,
    /// The status written last, for a moment.
    pub written: Option<Box<Written>>,
    /// What the events of a Job without a pod said, and when.
    pub events: HashMap<Uid, (Timestamp, Option<String>)>,
    /// The Job created last, and when: until the watch shows it, it is not ordered again.
    pub created: Option<(String, Timestamp)>,
    /// Failed reconciliations in a row.
    pub failures: u32,
}

/// A status and the version of the object that it was computed from: until the watch has caught up, that object's own
/// status is out of date.
#[derive(Debug)]
pub struct Written {
    pub version: String,
    pub status: WedofSheetSyncStatus,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    pub uid: String,
    pub generation: i64,
    pub hash: String,
}

impl Context {
    pub fn new(client: Client, settings: Settings, policy: Policy, publisher: Publisher, metrics: Metrics) -> Self {
        Self {
            client,
            settings,
            policy,
            publisher,
            metrics,
            index: Mutex::default(),
            memories: Mutex::default(),
        }
    }

    pub fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is remembered of an object; from now on, if nothing is yet.
    pub fn memory(&self, uid: &str) -> Arc<tokio::sync::Mutex<Memory>> {
        self.memories().entry(uid.to_owned()).or_default().clone()
    }

    /// How often in a row the reconciliation of an object failed.
    pub fn failures(&self, uid: &str) -> Option<u32> {
        let memory = self.memories().get(uid)?.clone();
        Some(memory.try_lock().ok()?.failures)
    }

    /// An object is gone: nothing of it need be remembered.
    pub fn forget(&self, uid: &str) {
        self.memories().remove(uid);
    }

    fn memories(&self) -> MutexGuard<'_, HashMap<Uid, Arc<tokio::sync::Mutex<Memory>>>> {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
