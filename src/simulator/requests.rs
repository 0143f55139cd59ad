//! How many requests came, by kind: what a test of "the second run writes nothing" counts.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use serde::Serialize;

/// Whether a request of the Sheets API counts against the quota of reads or of writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    Read,
    Write,
    None,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    pub total: u64,
    pub reads: u64,
    pub writes: u64,
    pub by_kind: BTreeMap<String, u64>,
}

/// Counts every request as it arrives, whatever becomes of it.
#[derive(Debug, Default)]
pub struct Requests(Mutex<Counts>);

impl Requests {
    pub fn count(&self, kind: String, quota: Quota) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.total += 1;
        counts.reads += u64::from(quota == Quota::Read);
        counts.writes += u64::from(quota == Quota::Write);
        *counts.by_kind.entry(kind).or_default() += 1;
    }

    pub fn counts(&self) -> Counts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Counts::default();
    }
}
