//! What the cluster holds, as far as it concerns us: objects, CronJobs, Jobs and attempts, tied together by UIDs. Watch
//! events go in, deletions too; each tells which object must be looked at. Pure.
//!
//! A deadline or an eviction deletes a pod together with its message, which the last event alone carries: attempts stay
//! here until the end of their Job has been recorded, and so does a Job that was deleted. Of a Job that is recorded only
//! the UID stays: Kubernetes keeps several finished ones of each object, with their pods.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;

use super::{
    facts::{Attempt, CronJobFacts, JobFacts},
    uid::Uid,
};
use crate::{
    api::{RunState, WedofSheetSyncStatus},
    spec::ResourceName,
};

/// Namespace and name of one of our objects.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub namespace: String,
    pub name: String,
}

/// What is compared between objects: where each writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Seconds since 1970 and UID: the older object has the right to a tab.
    pub age: (i64, Uid),
    /// Its spec is one that runs. One of which nothing comes before its author has mended it has no right to a tab.
    pub can_run: bool,
    /// A hash of the spreadsheet's ID.
    pub spreadsheet: u64,
    pub tabs: Box<[TargetTab]>,
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
            until: (last.completion_time.0, Uid::of(&last.job_uid)),
            running: running.map(|run| Uid::of(&run.job_uid)),
        })
    }

    fn has(&self, job: &JobFacts) -> bool {
        let uid = Uid::of(&job.uid);
        let ended = job.end.as_ref().is_some_and(|end| (end.at, uid) <= self.until);
        ended && !job.gone && self.running != Some(uid)
    }
}

/// One of our objects.
#[derive(Debug)]
struct Known {
    key: Key,
    target: Option<Target>,
    recorded: Option<Recorded>,
}

/// Who belongs to whom: few have more than one.
type Relation = BTreeSet<(Uid, Uid)>;

// values are boxed: a map has room for about twice as many as are in it
#[derive(Debug, Default)]
pub struct Index {
    objects: HashMap<Uid, Box<Known>>,
    by_spreadsheet: BTreeSet<(u64, Uid)>,
    cronjobs: HashMap<Uid, Box<CronJobFacts>>,
    cronjobs_of: Relation,
    jobs: HashMap<Uid, Box<JobFacts>>,
    jobs_of: Relation,
    attempts: HashMap<Uid, Vec<Attempt>>,
    /// Jobs whose end is in a status.
    recorded: HashSet<Uid>,
}

impl Index {
    /// An object is there. Returns the other objects that a change of its target may concern: those of its spreadsheet.
    pub fn object(&mut self, uid: &str, key: Key, target: Option<Target>, recorded: Option<Recorded>) -> Vec<Key> {
        let uid = Uid::of(uid);
        let spreadsheet = target.as_ref().map(|target| target.spreadsheet);
        let known = Box::new(Known { key, target, recorded });
        let before = self.objects.insert(uid, known).and_then(|known| known.target);
        if before.as_ref() == self.target(uid) {
            return Vec::new();
        }
        let mut concerned = self.left(uid, before);
        if let Some(spreadsheet) = spreadsheet {
            concerned.extend(self.neighbours(uid, spreadsheet));
            self.by_spreadsheet.insert((spreadsheet, uid));
        }
        concerned.sort();
        concerned.dedup();
        concerned
    }

    /// An object is gone.
    pub fn object_gone(&mut self, uid: Uid) -> Vec<Key> {
        for cronjob in of(&self.cronjobs_of, uid).collect::<Vec<_>>() {
            self.forget_gone_jobs_of(cronjob);
        }
        let target = self.objects.remove(&uid).and_then(|known| known.target);
        self.left(uid, target)
    }

    pub fn has_object(&self, uid: &str) -> bool {
        self.objects.contains_key(&Uid::of(uid))
    }

    fn target(&self, uid: Uid) -> Option<&Target> {
        self.objects.get(&uid)?.target.as_ref()
    }

    /// An object writes no longer where it wrote: whom that concerns.
    fn left(&mut self, uid: Uid, target: Option<Target>) -> Vec<Key> {
        let Some(target) = target else {
            return Vec::new();
        };
        self.by_spreadsheet.remove(&(target.spreadsheet, uid));
        self.neighbours(uid, target.spreadsheet)
    }

    /// Who else writes into a spreadsheet.
    fn others(&self, uid: Uid, spreadsheet: u64) -> impl Iterator<Item = &Known> {
        let uids = self
            .by_spreadsheet
            .range((spreadsheet, Uid::MIN)..=(spreadsheet, Uid::MAX));
        uids.filter(move |(_, other)| *other != uid)
            .filter_map(|(_, other)| self.objects.get(other))
            .map(Box::as_ref)
    }

    fn neighbours(&self, uid: Uid, spreadsheet: u64) -> Vec<Key> {
        self.others(uid, spreadsheet).map(|known| known.key.clone()).collect()
    }

    /// The oldest object that is older than this one and fills one of its tabs; which of its tabs, as a place among them,
    /// and why it is the same one. An object that has to wait itself fills none, so nobody waits for it.
    pub fn conflict(&self, uid: &str) -> Option<(&Key, usize, Same)> {
        let uid = Uid::of(uid);
        let own = self.target(uid)?;
        let others = self.others(uid, own.spreadsheet);
        let mut older: Vec<(&Key, &Target)> = others
            .filter_map(|known| Some((&known.key, known.target.as_ref()?)))
            .filter(|(_, other)| other.can_run && other.age < own.age)
            .collect();
        older.sort_by_key(|(_, other)| other.age);
        // at most one for each resource
        let mut filling: Vec<(&Key, &Target)> = Vec::new();
        for (key, target) in older {
            if filling.iter().all(|(_, other)| target.shared_with(other).is_none()) {
                filling.push((key, target));
            }
        }
        let mut conflicts = filling
            .into_iter()
            .filter_map(|(key, other)| own.shared_with(other).map(|(place, same)| (key, place, same)));
        conflicts.next()
    }

    pub fn cronjob(&mut self, facts: CronJobFacts) -> Option<Key> {
        let uid = Uid::of(&facts.uid);
        let before = self.drop_cronjob(uid);
        let Some(owner) = facts.owner else {
            // taken from our object, which is to say so
            return self.key(before?.owner?, &facts.namespace);
        };
        self.cronjobs_of.insert((owner, uid));
        let key = self.key(owner, &facts.namespace);
        self.cronjobs.insert(uid, Box::new(facts));
        key
    }

    /// A CronJob was deleted. An object of its owner's name may have waited for that: the owner, or its successor.
    pub fn cronjob_gone(&mut self, uid: Uid) -> Option<Key> {
        self.forget_gone_jobs_of(uid);
        let facts = self.drop_cronjob(uid)?;
        Some(Key {
            namespace: facts.namespace,
            name: facts.owner_name?,
        })
    }

    fn drop_cronjob(&mut self, uid: Uid) -> Option<CronJobFacts> {
        let facts = self.cronjobs.remove(&uid)?;
        if let Some(owner) = facts.owner {
            self.cronjobs_of.remove(&(owner, uid));
        }
        Some(*facts)
    }

    pub fn job(&mut self, facts: JobFacts) -> Option<Key> {
        let uid = Uid::of(&facts.uid);
        if self.recorded.contains(&uid) {
            return None;
        }
        if self.is_in_status(&facts) {
            self.forget_job(uid);
            self.recorded.insert(uid);
            return None;
        }
        let owner = facts.owner?;
        let before = self.jobs.insert(uid, Box::new(facts)).and_then(|job| job.owner);
        if let Some(before) = before {
            self.jobs_of.remove(&(before, uid));
        }
        self.jobs_of.insert((owner, uid));
        self.key_of_job(uid)
    }

    /// A Job was deleted: its last state and its attempts stay until [`Index::record`].
    pub fn job_gone(&mut self, uid: Uid) -> Option<Key> {
        self.recorded.remove(&uid);
        self.jobs.get_mut(&uid)?.gone = true;
        let key = self.key_of_job(uid);
        if key.is_none() {
            self.forget_job(uid);
        }
        key
    }

    pub fn pod(&mut self, attempt: Attempt) -> Option<Key> {
        let job = attempt.owner?;
        if self.recorded.contains(&job) {
            return None;
        }
        let attempts = self.attempts.entry(job).or_default();
        match attempts.iter_mut().find(|known| known.pod_uid == attempt.pod_uid) {
            Some(known) => *known = attempt.after(known),
            None => {
                attempts.reserve_exact(1);
                attempts.push(attempt);
            }
        }
        self.key_of_job(job)
    }

    /// A pod was deleted; `last` is its state in the event, if one came.
    pub fn pod_gone(&mut self, uid: Uid, last: Option<Attempt>) -> Option<Key> {
        let of_pod = |attempt: &Attempt| Uid::of(&attempt.pod_uid) == uid;
        let job = match last {
            Some(last) => {
                let job = last.owner?;
                self.pod(last);
                job
            }
            None => {
                let mut attempts = self.attempts.iter();
                *attempts.find(|(_, attempts)| attempts.iter().any(of_pod))?.0
            }
        };
        // of a Job that is unknown nothing is kept: it went before its pod, or was never ours
        if !self.jobs.contains_key(&job) {
            self.attempts.remove(&job);
            return None;
        }
        let mut attempts = self.attempts.get_mut(&job)?.iter_mut();
        attempts.find(|attempt| of_pod(attempt))?.gone = true;
        self.key_of_job(job)
    }

    /// The CronJob of an object, proven by owner and name.
    pub fn cronjob_of(&self, uid: &str, namespace: &str, name: &str) -> Option<&CronJobFacts> {
        of(&self.cronjobs_of, Uid::of(uid))
            .filter_map(|uid| self.cronjobs.get(&uid))
            .find(|cronjob| cronjob.namespace == namespace && cronjob.name == name)
            .map(Box::as_ref)
    }

    /// The Jobs of an object's CronJobs in its namespace whose end is not recorded, each with its attempts in the order of
    /// their creation.
    pub fn jobs_of(&self, uid: &str, namespace: &str) -> Vec<(JobFacts, Vec<Attempt>)> {
        of(&self.cronjobs_of, Uid::of(uid))
            .flat_map(|cronjob| of(&self.jobs_of, cronjob))
            .filter_map(|job| Some((job, self.jobs.get(&job)?)))
            .filter(|(_, job)| job.namespace == namespace)
            .map(|(uid, job)| {
                let attempts = self.attempts.get(&uid).into_iter().flatten();
                let mut attempts: Vec<Attempt> = attempts
                    .filter(|attempt| attempt.namespace == namespace)
                    .cloned()
                    .collect();
                attempts.sort_by(|one, two| (one.created, &one.pod_uid).cmp(&(two.created, &two.pod_uid)));
                (JobFacts::clone(job), attempts)
            })
            .collect()
    }

    /// The ends of these Jobs are in the status now: they are never looked at again.
    pub fn record<'a>(&mut self, uids: impl IntoIterator<Item = &'a str>) {
        for uid in uids.into_iter().map(Uid::of) {
            if self.jobs.get(&uid).is_some_and(|job| !job.gone) {
                self.recorded.insert(uid);
            }
            self.forget_job(uid);
        }
    }

    fn is_in_status(&self, job: &JobFacts) -> bool {
        let cronjob = job.owner.and_then(|owner| self.cronjobs.get(&owner));
        let object = cronjob.and_then(|cronjob| self.objects.get(&cronjob.owner?));
        let recorded = object.and_then(|object| object.recorded.as_ref());
        recorded.is_some_and(|recorded| recorded.has(job))
    }

    /// Of a CronJob that is gone, or whose object is, nothing will be recorded any more.
    fn forget_gone_jobs_of(&mut self, cronjob: Uid) {
        for job in of(&self.jobs_of, cronjob).collect::<Vec<_>>() {
            if self.jobs.get(&job).is_some_and(|job| job.gone) {
                self.forget_job(job);
            }
        }
    }

    fn forget_job(&mut self, uid: Uid) {
        self.attempts.remove(&uid);
        if let Some(owner) = self.jobs.remove(&uid).and_then(|job| job.owner) {
            self.jobs_of.remove(&(owner, uid));
        }
    }

    fn key_of_job(&self, job: Uid) -> Option<Key> {
        let job = self.jobs.get(&job)?;
        let cronjob = self.cronjobs.get(&job.owner?)?;
        if cronjob.namespace != job.namespace {
            return None;
        }
        self.key(cronjob.owner?, &cronjob.namespace)
    }

    fn key(&self, object: Uid, namespace: &str) -> Option<Key> {
        let key = &self.objects.get(&object)?.key;
        (key.namespace == namespace).then(|| key.clone())
    }
}

/// What belongs to one.
fn of(relation: &Relation, owner: Uid) -> impl Iterator<Item = Uid> + '_ {
    relation
        .range((owner, Uid::MIN)..=(owner, Uid::MAX))
        .map(|(_, uid)| *uid)
}

#[cfg(test)]
mod tests;
