//! What the cluster holds, as far as it concerns us: objects, CronJobs, Jobs and attempts, tied together by UIDs. Watch
//! events go in, deletions too; each tells which object must be looked at. Pure.
//!
//! A deadline or an eviction deletes a pod together with its message, which the last event alone carries: attempts stay
//! here until the end of their Job has been recorded, and so does a Job that was deleted. Of a Job that is recorded only
//! the UID stays: Kubernetes keeps several finished ones of each object, with their pods.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::facts::{Attempt, CronJobFacts, JobFacts};
use crate::{
    api::{RunState, WedofSheetSyncStatus},
    spec::ResourceName,
};

pub type Uid = String;

/// Namespace and name of one of our objects.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub namespace: String,
    pub name: String,
}

/// What is compared between objects: where each writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub key: Key,
    /// Seconds since 1970 and UID: the older object has the right to a tab.
    pub age: (i64, Uid),
    /// Its spec is one that runs. One of which nothing comes before its author has mended it has no right to a tab.
    pub can_run: bool,
    pub spreadsheet: String,
    pub tabs: Vec<TargetTab>,
}

impl Target {
    /// The first of its tabs that another object writes into, too, as a place among them, and why it is the same one.
    fn shared_with(&self, other: &Self) -> Option<(usize, Same)> {
        let place = |same: fn(&TargetTab, &TargetTab) -> bool| {
            let is_shared = |tab| other.tabs.iter().any(|theirs| same(tab, theirs));
            self.tabs.iter().position(is_shared)
        };
        let by_title = place(|one, two| one.title == two.title).map(|place| (place, Same::Title));
        by_title.or_else(|| place(|one, two| one.resource == two.resource).map(|place| (place, Same::Resource)))
    }
}

/// A tab is known in its spreadsheet by the resource in it, whatever its title; a new one by its title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetTab {
    pub resource: ResourceName,
    /// A hash of the title, without regard to case.
    pub title: u64,
}

/// Why two objects would write into one tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Same {
    Title,
    Resource,
}

/// Which runs are in an object's status: those that ended until then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The end of the last one, and its Job.
    until: (Timestamp, Uid),
    /// A Job that the status shows as running: its end is still to be recorded.
    running: Option<Uid>,
}

impl Recorded {
    pub fn of(status: &WedofSheetSyncStatus) -> Option<Self> {
        let last = status.last_recorded_run.as_ref()?;
        let running = status.last_run.as_ref().filter(|run| run.outcome == RunState::Running);
        Some(Self {
            until: (last.completion_time.0, last.job_uid.clone()),
            running: running.map(|run| run.job_uid.clone()),
        })
    }

    fn has(&self, job: &JobFacts) -> bool {
        let (at, uid) = &self.until;
        let ended = job.end.as_ref().is_some_and(|end| (end.at, &job.uid) <= (*at, uid));
        ended && !job.gone && self.running.as_ref() != Some(&job.uid)
    }
}

#[derive(Debug, Default)]
pub struct Index {
    objects: HashMap<Uid, Key>,
    in_status: HashMap<Uid, Recorded>,
    targets: HashMap<Uid, Target>,
    // most of these lists have one entry: a tree of one would have room for eleven
    by_spreadsheet: HashMap<String, Vec<Uid>>,
    cronjobs: HashMap<Uid, CronJobFacts>,
    cronjobs_of: HashMap<Uid, Vec<Uid>>,
    jobs: HashMap<Uid, JobFacts>,
    jobs_of: HashMap<Uid, Vec<Uid>>,
    attempts: HashMap<Uid, Vec<Attempt>>,
    /// Jobs whose end is in a status.
    recorded: HashSet<Uid>,
}

impl Index {
    /// An object is there. Returns the other objects that a change of its target may concern: those of its spreadsheet.
    pub fn object(&mut self, uid: &str, key: Key, target: Option<Target>, recorded: Option<Recorded>) -> Vec<Key> {
        self.objects.insert(uid.to_owned(), key);
        match recorded {
            Some(recorded) => self.in_status.insert(uid.to_owned(), recorded),
            None => self.in_status.remove(uid),
        };
        if self.targets.get(uid) == target.as_ref() {
            return Vec::new();
        }
        let mut concerned = self.drop_target(uid);
        if let Some(target) = target {
            concerned.extend(self.neighbours(uid, &target.spreadsheet));
            add_to(&mut self.by_spreadsheet, &target.spreadsheet, uid);
            self.targets.insert(uid.to_owned(), target);
        }
        concerned.sort();
        concerned.dedup();
        concerned
    }

    /// An object is gone, or on its way.
    pub fn object_gone(&mut self, uid: &str) -> Vec<Key> {
        self.objects.remove(uid);
        self.in_status.remove(uid);
        for cronjob in self.cronjobs_of.get(uid).cloned().unwrap_or_default() {
            self.forget_gone_jobs_of(&cronjob);
        }
        self.drop_target(uid)
    }

    pub fn has_object(&self, uid: &str) -> bool {
        self.objects.contains_key(uid)
    }

    fn drop_target(&mut self, uid: &str) -> Vec<Key> {
        let Some(target) = self.targets.remove(uid) else {
            return Vec::new();
        };
        remove_from(&mut self.by_spreadsheet, &target.spreadsheet, uid);
        self.neighbours(uid, &target.spreadsheet)
    }

    fn neighbours(&self, uid: &str, spreadsheet: &str) -> Vec<Key> {
        let uids = self.by_spreadsheet.get(spreadsheet).into_iter().flatten();
        uids.filter(|other| *other != uid)
            .filter_map(|other| self.objects.get(other).cloned())
            .collect()
    }

    /// The oldest object that is older than this one and fills one of its tabs; which of its tabs, as a place among them,
    /// and why it is the same one. An object that has to wait itself fills none, so nobody waits for it.
    pub fn conflict(&self, uid: &str) -> Option<(&Target, usize, Same)> {
        let own = self.targets.get(uid)?;
        let others = self.by_spreadsheet.get(&own.spreadsheet).into_iter().flatten();
        let mut older: Vec<&Target> = others
            .filter_map(|other| self.targets.get(other))
            .filter(|other| other.can_run && other.age < own.age)
            .collect();
        older.sort_by(|one, two| one.age.cmp(&two.age));
        // at most one for each resource
        let mut filling: Vec<&Target> = Vec::new();
        for target in older {
            if filling.iter().all(|other| target.shared_with(other).is_none()) {
                filling.push(target);
            }
        }
        let mut conflicts = filling
            .into_iter()
            .filter_map(|other| own.shared_with(other).map(|(place, same)| (other, place, same)));
        conflicts.next()
    }

    pub fn cronjob(&mut self, facts: CronJobFacts) -> Option<Key> {
        let before = self.drop_cronjob(&facts.uid);
        let Some(owner) = facts.owner.clone() else {
            // taken from our object, which is to say so
            return self.key(&before?.owner?, &facts.namespace);
        };
        add_to(&mut self.cronjobs_of, &owner, &facts.uid);
        let namespace = facts.namespace.clone();
        self.cronjobs.insert(facts.uid.clone(), facts);
        self.key(&owner, &namespace)
    }

    /// A CronJob was deleted. An object of its owner's name may have waited for that: the owner, or its successor.
    pub fn cronjob_gone(&mut self, uid: &str) -> Option<Key> {
        self.forget_gone_jobs_of(uid);
        let facts = self.drop_cronjob(uid)?;
        Some(Key {
            namespace: facts.namespace,
            name: facts.owner_name?,
        })
    }

    fn drop_cronjob(&mut self, uid: &str) -> Option<CronJobFacts> {
        let facts = self.cronjobs.remove(uid)?;
        if let Some(owner) = &facts.owner {
            remove_from(&mut self.cronjobs_of, owner, uid);
        }
        Some(facts)
    }

    pub fn job(&mut self, facts: JobFacts) -> Option<Key> {
        if self.recorded.contains(&facts.uid) {
            return None;
        }
        if self.is_in_status(&facts) {
            self.forget_job(&facts.uid);
            self.recorded.insert(facts.uid);
            return None;
        }
        let owner = facts.owner.clone()?;
        add_to(&mut self.jobs_of, &owner, &facts.uid);
        let uid = facts.uid.clone();
        self.jobs.insert(uid.clone(), facts);
        self.key_of_job(&uid)
    }

    /// A Job was deleted: its last state and its attempts stay until [`Index::record`].
    pub fn job_gone(&mut self, uid: &str) -> Option<Key> {
        self.recorded.remove(uid);
        self.jobs.get_mut(uid)?.gone = true;
        let key = self.key_of_job(uid);
        if key.is_none() {
            self.forget_job(uid);
        }
        key
    }

    pub fn pod(&mut self, attempt: Attempt) -> Option<Key> {
        let job = attempt.owner.clone()?;
        if self.recorded.contains(&job) {
            return None;
        }
        let attempts = self.attempts.entry(job.clone()).or_default();
        match attempts.iter_mut().find(|known| known.pod_uid == attempt.pod_uid) {
            Some(known) => *known = attempt.after(known),
            None => {
                attempts.reserve_exact(1);
                attempts.push(attempt);
            }
        }
        self.key_of_job(&job)
    }

    /// A pod was deleted; `last` is its state in the event, if one came.
    pub fn pod_gone(&mut self, uid: &str, last: Option<Attempt>) -> Option<Key> {
        let of_pod = |attempt: &Attempt| attempt.pod_uid == uid;
        let job = match last {
            Some(last) => {
                let job = last.owner.clone()?;
                self.pod(last);
                job
            }
            None => {
                let mut attempts = self.attempts.iter();
                attempts.find(|(_, attempts)| attempts.iter().any(of_pod))?.0.clone()
            }
        };
        // of a Job that is unknown nothing is kept: it went before its pod, or was never ours
        if !self.jobs.contains_key(&job) {
            self.attempts.remove(&job);
            return None;
        }
        let mut attempts = self.attempts.get_mut(&job)?.iter_mut();
        attempts.find(|attempt| of_pod(attempt))?.gone = true;
        self.key_of_job(&job)
    }

    /// The CronJob of an object, proven by owner and name.
    pub fn cronjob_of(&self, uid: &str, namespace: &str, name: &str) -> Option<&CronJobFacts> {
        let uids = self.cronjobs_of.get(uid).into_iter().flatten();
        uids.filter_map(|uid| self.cronjobs.get(uid))
            .find(|cronjob| cronjob.namespace == namespace && cronjob.name == name)
    }

    /// The Jobs of an object's CronJobs in its namespace whose end is not recorded, each with its attempts in the order of
    /// their creation.
    pub fn jobs_of(&self, uid: &str, namespace: &str) -> Vec<(JobFacts, Vec<Attempt>)> {
        let cronjobs = self.cronjobs_of.get(uid).into_iter().flatten();
        cronjobs
            .filter_map(|cronjob| self.jobs_of.get(cronjob))
            .flatten()
            .filter_map(|job| self.jobs.get(job))
            .filter(|job| job.namespace == namespace)
            .map(|job| {
                let attempts = self.attempts.get(&job.uid).into_iter().flatten();
                let mut attempts: Vec<Attempt> = attempts
                    .filter(|attempt| attempt.namespace == namespace)
                    .cloned()
                    .collect();
                attempts.sort_by(|one, two| (one.created, &one.pod_uid).cmp(&(two.created, &two.pod_uid)));
                (job.clone(), attempts)
            })
            .collect()
    }

    /// The ends of these Jobs are in the status now: they are never looked at again.
    pub fn record<'a>(&mut self, uids: impl IntoIterator<Item = &'a str>) {
        for uid in uids {
            if self.jobs.get(uid).is_some_and(|job| !job.gone) {
                self.recorded.insert(uid.to_owned());
            }
            self.forget_job(uid);
        }
    }

    fn is_in_status(&self, job: &JobFacts) -> bool {
        let cronjob = job.owner.as_ref().and_then(|owner| self.cronjobs.get(owner));
        let object = cronjob.and_then(|cronjob| cronjob.owner.as_ref());
        let recorded = object.and_then(|object| self.in_status.get(object));
        recorded.is_some_and(|recorded| recorded.has(job))
    }

    /// Of a CronJob that is gone, or whose object is, nothing will be recorded any more.
    fn forget_gone_jobs_of(&mut self, cronjob: &str) {
        for job in self.jobs_of.get(cronjob).cloned().unwrap_or_default() {
            if self.jobs.get(&job).is_some_and(|job| job.gone) {
                self.forget_job(&job);
            }
        }
    }

    fn forget_job(&mut self, uid: &str) {
        self.attempts.remove(uid);
        if let Some(owner) = self.jobs.remove(uid).and_then(|job| job.owner) {
            remove_from(&mut self.jobs_of, &owner, uid);
        }
    }

    fn key_of_job(&self, job: &str) -> Option<Key> {
        let job = self.jobs.get(job)?;
        let cronjob = self.cronjobs.get(job.owner.as_ref()?)?;
        if cronjob.namespace != job.namespace {
            return None;
        }
        self.key(cronjob.owner.as_ref()?, &cronjob.namespace)
    }

    fn key(&self, object: &str, namespace: &str) -> Option<Key> {
        self.objects
            .get(object)
            .filter(|key| key.namespace == namespace)
            .cloned()
    }
}

fn add_to(map: &mut HashMap<String, Vec<Uid>>, key: &str, uid: &str) {
    let uids = map.entry(key.to_owned()).or_default();
    if !uids.iter().any(|known| known == uid) {
        uids.reserve_exact(1);
        uids.push(uid.to_owned());
    }
}

fn remove_from(map: &mut HashMap<String, Vec<Uid>>, key: &str, uid: &str) {
    if let Some(uids) = map.get_mut(key) {
        uids.retain(|known| known != uid);
        if uids.is_empty() {
            map.remove(key);
        }
    }
}

#[cfg(test)]
mod tests;
