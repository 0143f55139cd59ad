//! What the cluster holds, as far as it concerns us: objects, CronJobs, Jobs and attempts, tied together by UIDs. Watch
//! events go in, deletions too; each tells which object must be looked at. Pure.
//!
//! A deadline or an eviction deletes a pod together with its message, which the last event alone carries: attempts stay
//! here as long as their Job, and a Job that was deleted stays until its end has been recorded.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::facts::{Attempt, CronJobFacts, JobFacts};

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
    pub spreadsheet: String,
    /// A hash of each title, without regard to case.
    pub tabs: Vec<u64>,
}

#[derive(Debug, Default)]
pub struct Index {
    objects: HashMap<Uid, Key>,
    targets: HashMap<Uid, Target>,
    by_spreadsheet: HashMap<String, BTreeSet<Uid>>,
    cronjobs: HashMap<Uid, CronJobFacts>,
    cronjobs_of: HashMap<Uid, BTreeSet<Uid>>,
    jobs: HashMap<Uid, JobFacts>,
    jobs_of: HashMap<Uid, BTreeSet<Uid>>,
    attempts: HashMap<Uid, BTreeMap<Uid, Attempt>>,
}

impl Index {
    /// An object is there. Returns the other objects that a change of its target may concern: those of its spreadsheet.
    pub fn object(&mut self, uid: &str, key: Key, target: Option<Target>) -> Vec<Key> {
        self.objects.insert(uid.to_owned(), key);
        if self.targets.get(uid) == target.as_ref() {
            return Vec::new();
        }
        let mut concerned = self.drop_target(uid);
        if let Some(target) = target {
            concerned.extend(self.neighbours(uid, &target.spreadsheet));
            let uids = self.by_spreadsheet.entry(target.spreadsheet.clone()).or_default();
            uids.insert(uid.to_owned());
            self.targets.insert(uid.to_owned(), target);
        }
        concerned.sort();
        concerned.dedup();
        concerned
    }

    /// An object is gone, or on its way.
    pub fn object_gone(&mut self, uid: &str) -> Vec<Key> {
        self.objects.remove(uid);
        self.drop_target(uid)
    }

    fn drop_target(&mut self, uid: &str) -> Vec<Key> {
        let Some(target) = self.targets.remove(uid) else {
            return Vec::new();
        };
        if let Some(uids) = self.by_spreadsheet.get_mut(&target.spreadsheet) {
            uids.remove(uid);
            if uids.is_empty() {
                self.by_spreadsheet.remove(&target.spreadsheet);
            }
        }
        self.neighbours(uid, &target.spreadsheet)
    }

    fn neighbours(&self, uid: &str, spreadsheet: &str) -> Vec<Key> {
        let uids = self.by_spreadsheet.get(spreadsheet).into_iter().flatten();
        uids.filter(|other| *other != uid)
            .filter_map(|other| self.objects.get(other).cloned())
            .collect()
    }

    /// The oldest object that is older than this one and writes into one of its tabs; which of its tabs, as a place among
    /// them.
    pub fn conflict(&self, uid: &str) -> Option<(&Target, usize)> {
        let own = self.targets.get(uid)?;
        let others = self.by_spreadsheet.get(&own.spreadsheet).into_iter().flatten();
        others
            .filter_map(|other| self.targets.get(other))
            .filter(|other| other.age < own.age)
            .filter_map(|other| Some((other, own.tabs.iter().position(|tab| other.tabs.contains(tab))?)))
            .min_by(|(one, _), (two, _)| one.age.cmp(&two.age))
    }

    pub fn cronjob(&mut self, facts: CronJobFacts) -> Option<Key> {
        self.cronjob_gone(&facts.uid.clone());
        let owner = facts.owner.clone()?;
        self.cronjobs_of
            .entry(owner.clone())
            .or_default()
            .insert(facts.uid.clone());
        let namespace = facts.namespace.clone();
        self.cronjobs.insert(facts.uid.clone(), facts);
        self.key(&owner, &namespace)
    }

    /// A CronJob was deleted. An object of its owner's name may have waited for that: the owner, or its successor.
    pub fn cronjob_gone(&mut self, uid: &str) -> Option<Key> {
        let facts = self.cronjobs.remove(uid)?;
        remove_from(&mut self.cronjobs_of, &facts.owner?, uid);
        Some(Key {
            namespace: facts.namespace,
            name: facts.owner_name?,
        })
    }

    pub fn job(&mut self, facts: JobFacts) -> Option<Key> {
        let owner = facts.owner.clone()?;
        self.jobs_of.entry(owner).or_default().insert(facts.uid.clone());
        let uid = facts.uid.clone();
        self.jobs.insert(uid.clone(), facts);
        self.key_of_job(&uid)
    }

    /// A Job was deleted: its last state and its attempts stay until [`Index::forget_gone_jobs`].
    pub fn job_gone(&mut self, uid: &str) -> Option<Key> {
        self.jobs.get_mut(uid)?.gone = true;
        let key = self.key_of_job(uid);
        if key.is_none() {
            self.forget_job(uid);
        }
        key
    }

    pub fn pod(&mut self, attempt: Attempt) -> Option<Key> {
        let job = attempt.owner.clone()?;
        self.attempt(&job, attempt);
        self.key_of_job(&job)
    }

    /// A pod was deleted; `last` is its state in the event, if one came.
    pub fn pod_gone(&mut self, uid: &str, last: Option<Attempt>) -> Option<Key> {
        let job = match &last {
            Some(last) => last.owner.clone()?,
            None => {
                let mut attempts = self.attempts.iter();
                attempts.find(|(_, attempts)| attempts.contains_key(uid))?.0.clone()
            }
        };
        if let Some(last) = last {
            self.attempt(&job, last);
        }
        if let Some(attempt) = self.attempts.get_mut(&job).and_then(|attempts| attempts.get_mut(uid)) {
            attempt.gone = true;
        }
        // of a Job that is unknown nothing is kept: it went before its pod, or was never ours
        if !self.jobs.contains_key(&job) {
            self.attempts.remove(&job);
            return None;
        }
        self.key_of_job(&job)
    }

    fn attempt(&mut self, job: &str, attempt: Attempt) {
        let attempts = self.attempts.entry(job.to_owned()).or_default();
        let attempt = match attempts.get(&attempt.pod_uid) {
            Some(before) => attempt.after(before),
            None => attempt,
        };
        attempts.insert(attempt.pod_uid.clone(), attempt);
    }

    /// The CronJob of an object, proven by owner and name.
    pub fn cronjob_of(&self, uid: &str, namespace: &str, name: &str) -> Option<&CronJobFacts> {
        let uids = self.cronjobs_of.get(uid).into_iter().flatten();
        uids.filter_map(|uid| self.cronjobs.get(uid))
            .find(|cronjob| cronjob.namespace == namespace && cronjob.name == name)
    }

    /// The Jobs of an object's CronJobs in its namespace, each with its attempts in the order of their creation.
    pub fn jobs_of(&self, uid: &str, namespace: &str) -> Vec<(JobFacts, Vec<Attempt>)> {
        let cronjobs = self.cronjobs_of.get(uid).into_iter().flatten();
        cronjobs
            .filter_map(|cronjob| self.jobs_of.get(cronjob))
            .flatten()
            .filter_map(|job| self.jobs.get(job))
            .filter(|job| job.namespace == namespace)
            .map(|job| {
                let attempts = self.attempts.get(&job.uid).into_iter().flat_map(BTreeMap::values);
                let mut attempts: Vec<Attempt> = attempts
                    .filter(|attempt| attempt.namespace == namespace)
                    .cloned()
                    .collect();
                attempts.sort_by(|one, two| (one.created, &one.pod_uid).cmp(&(two.created, &two.pod_uid)));
                (job.clone(), attempts)
            })
            .collect()
    }

    /// Drops deleted Jobs whose end is in the status now.
    pub fn forget_gone_jobs<'a>(&mut self, uids: impl IntoIterator<Item = &'a str>) {
        for uid in uids {
            if self.jobs.get(uid).is_some_and(|job| job.gone) {
                self.forget_job(uid);
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

fn remove_from(map: &mut HashMap<Uid, BTreeSet<Uid>>, key: &str, uid: &str) {
    if let Some(uids) = map.get_mut(key) {
        uids.remove(uid);
        if uids.is_empty() {
            map.remove(key);
        }
    }
}

#[cfg(test)]
mod tests;
