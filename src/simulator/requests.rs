//! How many requests came, by kind: what a test of "the second run writes nothing" counts.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde::Serialize;

/// Whether a request of the Sheets API counts against the quota of reads or of writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    Read,
    Write,
    None,
}

/// So many are remembered one by one.
const LATEST: usize = 1_000;

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    pub total: u64,
    pub reads: u64,
    pub writes: u64,
    /// Bytes of the requests' bodies, by their Content-Length.
    pub bytes: u64,
    pub by_kind: BTreeMap<String, u64>,
    /// The kinds of the last requests, in their order.
    #[serde(skip)]
    pub latest: VecDeque<String>,
}

/// Counts every request as it arrives, whatever becomes of it.
#[derive(Debug, Default)]
pub struct Requests(Mutex<Counts>);

impl Requests {
    pub fn count(&self, kind: String, quota: Quota, bytes: u64) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.total += 1;
        counts.reads += u64::from(quota == Quota::Read);
        counts.writes += u64::from(quota == Quota::Write);
        counts.bytes += bytes;
        *counts.by_kind.entry(kind.clone()).or_default() += 1;
        if counts.latest.len() == LATEST {
            counts.latest.pop_front();
        }
        counts.latest.push_back(kind);
    }

    pub fn counts(&self) -> Counts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Counts::default();
    }
}

/// So many requests in any minute, by whom.
#[derive(Debug, Default)]
pub struct Pace(Mutex<BTreeMap<String, VecDeque<Instant>>>);

impl Pace {
    const MINUTE: Duration = Duration::from_secs(60);

    /// Counts a request if it is within the limit; else how long until one will be.
    pub fn take(&self, who: &str, limit: u32) -> Result<(), Duration> {
        let now = Instant::now();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let past = all.entry(who.to_owned()).or_default();
        while past.front().is_some_and(|at| now - *at >= Self::MINUTE) {
            past.pop_front();
        }
        match past.front() {
            Some(first) if past.len() >= limit as usize => Err(Self::MINUTE - (now - *first)),
            None if limit == 0 => Err(Self::MINUTE),
            _ => {
                past.push_back(now);
                Ok(())
            }
        }
    }
}
