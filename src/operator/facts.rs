//! What is kept of CronJobs, Jobs and pods: the few fields that decide, read from the objects as they are watched. Pure.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    api::{
        batch::v1::{CronJob, Job},
        core::v1::{ContainerState, ObjectReference, Pod, PodStatus},
    },
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time},
};

use super::{
    cronjob, foreign,
    names::{self, CONTAINER, reason},
    orders,
    reported::{self, clean},
    uid::Uid,
    watched::Facts,
};
use crate::{api::Trigger, report::RunReport};

#[derive(Debug, Clone, PartialEq)]
pub struct CronJobFacts {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    /// UID of the object that controls it, if it is one of ours.
    pub owner: Option<Uid>,
    /// Name of that object.
    pub owner_name: Option<String>,
    pub generation: i64,
    pub resource_version: String,
    pub applied_hash: Option<String>,
    pub suspended: bool,
    pub created: Option<Timestamp>,
    pub last_schedule: Option<Timestamp>,
    pub last_successful: Option<Timestamp>,
    pub active: Vec<ObjectReference>,
    /// What others have set in its spec.
    pub foreign: Vec<String>,
}

impl Facts for CronJobFacts {
    type Whole = CronJob;

    fn of(cronjob: &CronJob) -> Self {
        let meta = Meta::of(&cronjob.metadata);
        let spec = cronjob.spec.as_ref();
        let status = cronjob.status.as_ref();
        Self {
            owner: meta.controller("WedofSheetSync").map(|owner| Uid::of(&owner.uid)),
            owner_name: meta.controller("WedofSheetSync").map(|owner| owner.name.clone()),
            generation: cronjob.metadata.generation.unwrap_or_default(),
            resource_version: cronjob.metadata.resource_version.clone().unwrap_or_default(),
            applied_hash: cronjob::applied_hash(&cronjob.metadata).map(str::to_owned),
            suspended: spec.and_then(|spec| spec.suspend).unwrap_or_default(),
            last_schedule: status.and_then(|status| timestamp(status.last_schedule_time.as_ref())),
            last_successful: status.and_then(|status| timestamp(status.last_successful_time.as_ref())),
            active: status.and_then(|status| status.active.clone()).unwrap_or_default(),
            foreign: foreign::fields(&cronjob.metadata),
            created: meta.created,
            namespace: meta.namespace,
            name: meta.name,
            uid: meta.uid,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct JobFacts {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    /// UID of the CronJob that controls it.
    pub owner: Option<Uid>,
    pub resource_version: String,
    pub trigger: Trigger,
    pub sync_request: Option<String>,
    /// Generation of our object that the run was made from.
    pub generation: Option<i64>,
    pub created: Option<Timestamp>,
    pub started: Option<Timestamp>,
    pub end: Option<JobEnd>,
    /// Since when the Job is bound to fail but has not ended: its pod does not go away.
    pub failing_since: Option<Timestamp>,
    /// Pods that have ended, by the Job's own count.
    pub ended_pods: i32,
    pub active_pods: i32,
    pub backoff_limit: i32,
    pub suspended: Option<Suspended>,
    /// When it went on after it had been suspended. Pods of before are none of its attempts;
    /// what they did is in its sums.
    pub resumed: Option<Timestamp>,
    /// The Job was deleted.
    pub gone: bool,
}

/// Who has suspended a Job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspended {
    /// The operator, until no other run is going.
    ToWait,
    Otherwise,
}

/// How and when a Job ended. A failed Job has no completion time: its condition tells.
#[derive(Debug, Clone, PartialEq)]
pub struct JobEnd {
    pub at: Timestamp,
    pub complete: bool,
    pub reason: String,
    pub message: String,
}

impl Facts for JobFacts {
    type Whole = Job;

    fn of(job: &Job) -> Self {
        let meta = Meta::of(&job.metadata);
        let status = job.status.clone().unwrap_or_default();
        let condition_of = |value: &str, kind: &str| {
            let mut conditions = status.conditions.iter().flatten();
            conditions.find(|condition| condition.status == value && condition.type_ == kind)
        };
        let condition = |kind: &str| condition_of("True", kind);
        let spec = job.spec.as_ref();
        let end = |complete: bool, kind: &str| {
            let condition = condition(kind)?;
            let at = if complete {
                timestamp(status.completion_time.as_ref())
            } else {
                None
            };
            Some(JobEnd {
                at: at.or_else(|| timestamp(condition.last_transition_time.as_ref()))?,
                complete,
                reason: condition.reason.clone().unwrap_or_default(),
                message: clean(condition.message.as_deref().unwrap_or_default()),
            })
        };
        Self {
            owner: meta.controller("CronJob").map(|owner| Uid::of(&owner.uid)),
            resource_version: job.metadata.resource_version.clone().unwrap_or_default(),
            trigger: match (
                meta.annotation(names::SCHEDULED_TIMESTAMP),
                meta.annotation(names::TRIGGER),
            ) {
                (Some(_), _) => Trigger::Schedule,
                (None, Some("Create")) => Trigger::Create,
                (None, Some("Request")) => Trigger::Request,
                _ => Trigger::Manual,
            },
            // whoever makes a Job writes what they like
            sync_request: meta
                .annotation(names::SYNC_REQUEST)
                .filter(|request| orders::is_request(request))
                .map(str::to_owned),
            generation: meta.annotation(names::GENERATION).and_then(|text| text.parse().ok()),
            started: timestamp(status.start_time.as_ref()),
            end: end(true, "Complete").or_else(|| end(false, "Failed")),
            failing_since: condition("FailureTarget")
                .and_then(|condition| timestamp(condition.last_transition_time.as_ref())),
            ended_pods: status
                .succeeded
                .unwrap_or_default()
                .saturating_add(status.failed.unwrap_or_default()),
            active_pods: status.active.unwrap_or_default(),
            backoff_limit: spec.and_then(|spec| spec.backoff_limit).unwrap_or_default(),
            suspended: spec.and_then(|spec| spec.suspend).unwrap_or_default().then(|| {
                match meta.annotation(names::WAITS) {
                    Some(_) => Suspended::ToWait,
                    None => Suspended::Otherwise,
                }
            }),
            resumed: condition_of("False", "Suspended")
                .and_then(|condition| timestamp(condition.last_transition_time.as_ref())),
            gone: false,
            created: meta.created,
            namespace: meta.namespace,
            name: meta.name,
            uid: meta.uid,
        }
    }
}

/// One pod of a Job.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    pub pod: String,
    pub pod_uid: String,
    pub namespace: String,
    /// UID of the Job that controls it.
    pub owner: Option<Uid>,
    pub node: Option<String>,
    pub created: Option<Timestamp>,
    pub deleting_since: Option<Timestamp>,
    /// The pod was deleted. What is here is its last state.
    pub gone: bool,
    pub end: Option<AttemptEnd>,
    /// The container has run.
    pub ran: bool,
    /// What keeps the container from starting, or kept it until the pod's end.
    pub waiting: Option<Waiting>,
    /// The pod as a whole ended for this reason: DeadlineExceeded, Evicted.
    pub pod_reason: Option<String>,
    /// The pod is or was removed by the cluster (eviction, drain, taint), in its words.
    pub disrupted: Option<String>,
    pub report: Option<RunReport>,
    /// What the run left behind instead of a report.
    pub no_report: Option<String>,
}

/// Why a container does not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Kubernetes' own reason.
    pub cause: String,
    pub message: String,
}

impl Waiting {
    fn new(cause: &str, message: Option<&str>) -> Self {
        Self {
            cause: clean(cause),
            message: clean(message.unwrap_or_default()),
        }
    }

    /// Our reason, which does not change between one try to pull an image and the next.
    pub fn reason(&self) -> &'static str {
        match self.cause.as_str() {
            "ErrImagePull"
            | "ImagePullBackOff"
            | "ErrImageNeverPull"
            | "InvalidImageName"
            | "ImageInspectError"
            | "RegistryUnavailable"
            | "SignatureValidationFailed" => reason::IMAGE_PULL,
            "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => reason::CONTAINER_CONFIG,
            "Unschedulable" | "SchedulingGated" => reason::UNSCHEDULABLE,
            _ => reason::POD_NOT_STARTED,
        }
    }

    /// What every pod goes through.
    pub fn is_normal(&self) -> bool {
        matches!(self.cause.as_str(), "ContainerCreating" | "PodInitializing")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptEnd {
    pub exit_code: i32,
    pub reason: String,
    pub at: Option<Timestamp>,
}

impl Facts for Attempt {
    type Whole = Pod;

    fn of(pod: &Pod) -> Self {
        let meta = Meta::of(&pod.metadata);
        let status = pod.status.clone().unwrap_or_default();
        let state = state_of_container(&status);
        let terminated = state.terminated;
        let ran = state.running.is_some()
            || terminated
                .as_ref()
                .is_some_and(|ended| timestamp(ended.started_at.as_ref()).is_some_and(|time| !time.is_zero()));
        let waiting = state
            .waiting
            .and_then(|waiting| Some(Waiting::new(&waiting.reason?, waiting.message.as_deref())));
        let condition = |kind: &str, value: &str| {
            let mut conditions = status.conditions.iter().flatten();
            conditions.find(|condition| condition.type_ == kind && condition.status == value)
        };
        let unscheduled = condition("PodScheduled", "False")
            .and_then(|condition| Some(Waiting::new(condition.reason.as_deref()?, condition.message.as_deref())));
        let said = terminated
            .as_ref()
            .and_then(|ended| ended.message.as_deref())
            .filter(|message| !message.trim().is_empty())
            .map(reported::report);
        let (report, no_report) = match said {
            Some(Ok(report)) => (Some(report), None),
            Some(Err(what)) => (None, Some(what)),
            None => (None, None),
        };
        Self {
            owner: meta.controller("Job").map(|owner| Uid::of(&owner.uid)),
            node: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
            deleting_since: timestamp(pod.metadata.deletion_timestamp.as_ref()),
            gone: false,
            report,
            no_report,
            end: terminated.map(|ended| AttemptEnd {
                exit_code: ended.exit_code,
                reason: ended.reason.unwrap_or_default(),
                at: timestamp(ended.finished_at.as_ref()),
            }),
            ran,
            waiting: waiting.or(unscheduled),
            pod_reason: status.reason.clone(),
            disrupted: condition("DisruptionTarget", "True").map(|condition| {
                // of an eviction by the kubelet the pod itself says what was short
                let words = status.message.as_ref().or(condition.message.as_ref());
                clean(words.map(String::as_str).unwrap_or_default())
            }),
            created: meta.created,
            namespace: meta.namespace,
            pod: meta.name,
            pod_uid: meta.uid,
        }
    }
}

impl Attempt {
    /// This state, with what an earlier one told and this one no longer does.
    pub fn after(mut self, before: &Self) -> Self {
        if before.end.is_some() {
            // what is deleted after its end did not end by that
            self.deleting_since = before.deleting_since;
        }
        self.ran |= before.ran;
        self.disrupted = self.disrupted.or_else(|| before.disrupted.clone());
        self.waiting = match (self.waiting.take(), &before.waiting) {
            (None, _) if self.ran => None,
            (None, before) => before.clone(),
            // the same trouble in ever new words is told in the first ones
            (Some(now), Some(before)) if now.reason() == before.reason() && !before.is_normal() => Some(before.clone()),
            (now, _) => now,
        };
        self
    }

    /// Whether nothing more will be heard of it.
    pub fn over(&self) -> bool {
        self.end.is_some() || self.gone
    }

    /// Whether it ended well: then its Job does, too.
    pub fn succeeded(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.exit_code == 0)
    }

    /// Whether the run said that trying again does not help.
    pub fn wants_a_person(&self) -> bool {
        self.end
            .as_ref()
            .is_some_and(|end| end.exit_code == cronjob::EXIT_CODE_PERSON)
    }
}

fn state_of_container(status: &PodStatus) -> ContainerState {
    let mut containers = status.container_statuses.iter().flatten();
    let container = containers.find(|container| container.name == CONTAINER);
    container
        .and_then(|container| container.state.clone())
        .unwrap_or_default()
}

pub fn timestamp(time: Option<&Time>) -> Option<Timestamp> {
    time.map(|time| time.0)
}

/// A time after one that somebody else wrote: at most the last one that there is.
pub fn later(time: Timestamp, wait: SignedDuration) -> Timestamp {
    time.checked_add(wait).unwrap_or(Timestamp::MAX)
}

struct Meta<'a> {
    object: &'a ObjectMeta,
    namespace: String,
    name: String,
    uid: String,
    created: Option<Timestamp>,
}

impl<'a> Meta<'a> {
    fn of(object: &'a ObjectMeta) -> Self {
        Self {
            object,
            namespace: object.namespace.clone().unwrap_or_default(),
            name: object.name.clone().unwrap_or_default(),
            uid: object.uid.clone().unwrap_or_default(),
            created: timestamp(object.creation_timestamp.as_ref()),
        }
    }

    fn controller(&self, kind: &str) -> Option<&'a OwnerReference> {
        let mut owners = self.object.owner_references.iter().flatten();
        owners.find(|owner| owner.controller == Some(true) && owner.kind == kind)
    }

    fn annotation(&self, key: &str) -> Option<&'a str> {
        Some(self.object.annotations.as_ref()?.get(key)?.as_str())
    }
}

#[cfg(test)]
mod tests;
