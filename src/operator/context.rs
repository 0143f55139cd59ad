//! What reconciliations share, and what is remembered of each object so that nothing is sent twice.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use kube::{Api, Client, Resource, core::NamespaceResourceScope};

use super::{
    facts::CronJobFacts, index::Index, metrics::Metrics, publish::Publisher, settings::Settings, uid::Uid,
    validate::Policy,
};
use crate::api::{PlacedCronJob, WedofSheetSyncStatus};

/// What all reconciliations share.
pub struct Context {
    pub client: Client,
    pub settings: Settings,
    pub policy: Policy,
    pub publisher: Publisher,
    pub metrics: Metrics,
    index: Mutex<Index>,
    memories: Mutex<HashMap<Uid, Box<Memory>>>,
}

/// What is remembered of one object, to send nothing twice.
#[derive(Debug, Default)]
pub struct Memory {
    pub applied: Option<Applied>,
    /// Hash of a CronJob that the API server refuses, and what it said.
    pub refused: Option<(String, String)>,
    /// The status written last, until the watch shows it.
    pub written: Option<Box<Written>>,
    /// A version of the object that is known to be an old one: it is left alone until then, or until the watch shows another.
    pub outdated: Option<Box<(String, Timestamp)>>,
    /// What the events of a Job without a pod said, and when.
    pub events: HashMap<String, (Timestamp, Option<String>)>,
    /// The Job created last, and when: until the watch shows it, it is not ordered again.
    pub created: Option<(String, Timestamp)>,
    /// Failed reconciliations in a row.
    pub failures: u32,
}

/// A status that was written: until the watch has caught up, that of the object is out of date.
#[derive(Debug)]
pub struct Written {
    /// The version of the object that it was computed from.
    pub before: String,
    /// The version that the write made.
    pub version: String,
    pub status: WedofSheetSyncStatus,
}

impl Written {
    /// Whether the object, as it is seen, is older than the write. Versions are numbers that grow, on every API server with
    /// etcd and by contract since Kubernetes 1.35; of others only the one from before the write is known to be older.
    fn is_ahead_of(&self, seen: &str) -> bool {
        match (seen.parse::<u64>(), self.version.parse::<u64>()) {
            (Ok(seen), Ok(written)) => seen < written,
            _ => seen == self.before,
        }
    }
}

impl Memory {
    /// The version of the object that is seen in this one, as far as is known.
    pub fn latest<'a>(&'a self, seen: &'a str) -> &'a str {
        let written = self.written.as_ref().filter(|written| written.is_ahead_of(seen));
        written.map_or(seen, |written| &written.version)
    }

    /// Until when this version is left alone.
    pub fn outdated_until(&self, version: &str, now: Timestamp) -> Option<Timestamp> {
        let (outdated, until) = self.outdated.as_deref()?;
        (outdated == version && *until > now).then_some(*until)
    }

    /// The status of an object that is seen in a version: its own, which somebody else may have written, but for one that
    /// was written since. One that cannot be read is what was written last.
    pub fn status(&mut self, version: &str, own: Result<Option<WedofSheetSyncStatus>, String>) -> WedofSheetSyncStatus {
        match &self.written {
            Some(written) if own.is_err() || written.is_ahead_of(version) => written.status.clone(),
            _ => {
                self.written = None;
                own.ok().flatten().unwrap_or_default()
            }
        }
    }
}

/// What the CronJob was made to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    pub uid: Uid,
    pub generation: i64,
    pub hash: String,
}

impl Applied {
    /// What an operator before this one applied, if nobody has changed the spec since.
    pub fn before(placed: &PlacedCronJob, seen: &CronJobFacts) -> Option<Self> {
        let is_left = placed.uid == seen.uid && placed.generation == seen.generation;
        Some(Self {
            uid: Uid::of(&seen.uid),
            generation: seen.generation,
            hash: seen.applied_hash.clone().filter(|_| is_left)?,
        })
    }

    /// For the operator after this one. The CronJob may be seen as it was before.
    pub fn placed(&self, seen: &CronJobFacts) -> PlacedCronJob {
        PlacedCronJob {
            name: seen.name.clone(),
            uid: seen.uid.clone(),
            generation: self.generation,
        }
    }
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

    pub fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// What is remembered of an object, lent to its one reconciliation. What a reconciliation that was broken off does not
    /// give back is only found out again.
    pub fn remembered(&self, uid: &str) -> Box<Memory> {
        self.memories().remove(&Uid::of(uid)).unwrap_or_default()
    }

    pub fn remember(&self, uid: &str, memory: Box<Memory>) {
        self.memories().insert(Uid::of(uid), memory);
    }

    /// How often in a row the reconciliation of an object failed.
    pub fn failures(&self, uid: &str) -> Option<u32> {
        Some(self.memories().get(&Uid::of(uid))?.failures)
    }

    /// An object is gone: nothing of it need be remembered.
    pub fn forget(&self, uid: Uid) {
        self.memories().remove(&uid);
    }

    fn memories(&self) -> MutexGuard<'_, HashMap<Uid, Box<Memory>>> {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn status(generation: i64) -> WedofSheetSyncStatus {
        WedofSheetSyncStatus {
            observed_generation: Some(generation),
            ..WedofSheetSyncStatus::default()
        }
    }

    /// 1: the object's own status; 2: the one written.
    #[rstest]
    #[case::as_before_the_write("7", "9", "7", 2)]
    #[case::edited_meanwhile_and_the_write_not_seen_yet("7", "9", "8", 2)]
    #[case::fewer_digits("99", "101", "100", 2)]
    #[case::the_write_is_seen("7", "9", "9", 1)]
    #[case::written_by_somebody_else_since("7", "9", "12", 1)]
    #[case::no_numbers_as_before_the_write("a", "b", "a", 2)]
    #[case::no_numbers_and_another("a", "b", "c", 1)]
    fn a_status_that_was_written_counts_until_it_is_seen(
        #[case] before: &str,
        #[case] version: &str,
        #[case] seen: &str,
        #[case] expected: i64,
    ) {
        let written = Written {
            before: before.into(),
            version: version.into(),
            status: status(2),
        };
        let mut memory = Memory {
            written: Some(Box::new(written)),
            ..Memory::default()
        };
        let current = memory.status(seen, Ok(Some(status(1))));
        assert_eq!(current.observed_generation, Some(expected));
        assert_eq!(memory.written.is_some(), expected == 2, "nothing is kept in vain");
    }

    #[test]
    fn a_status_that_cannot_be_read_is_the_one_written_last() {
        let unreadable = || Err("no status".to_owned());
        let mut memory = Memory::default();
        assert_eq!(memory.status("7", unreadable()), WedofSheetSyncStatus::default());
        memory.written = Some(Box::new(Written {
            before: "7".into(),
            version: "8".into(),
            status: status(2),
        }));
        assert_eq!(
            memory.status("9", unreadable()),
            status(2),
            "else it would be written for ever"
        );
    }
}
