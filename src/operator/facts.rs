//! What is kept of CronJobs, Jobs and pods: the few fields that decide, read from the objects as they are watched. Pure.
//! Texts that come out of a pod are taken for what they are, somebody else's: bounded and without control characters.

use jiff::Timestamp;
use k8s_openapi::{
    api::{
        batch::v1::{CronJob, Job},
        core::v1::{ContainerState, ObjectReference, Pod, PodStatus},
    },
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time},
};

use super::{
    cronjob,
    names::{self, CONTAINER},
};
use crate::{
    api::Trigger,
    report::{ResourceReport, RunReport},
};

/// The most characters of a text from a pod in a status.
const MAX_TEXT: usize = 1000;
/// The most resources of a report that are believed.
const MAX_RESOURCES: usize = 32;

#[derive(Debug, Clone, PartialEq)]
pub struct CronJobFacts {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    /// UID of the object that controls it, if it is one of ours.
    pub owner: Option<String>,
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
    /// What others have added to the template of the pods.
    pub foreign: Vec<String>,
}

impl CronJobFacts {
    pub fn of(cronjob: &CronJob) -> Self {
        let meta = Meta::of(&cronjob.metadata);
        let spec = cronjob.spec.as_ref();
        let status = cronjob.status.as_ref();
        let pod = spec.and_then(|spec| spec.job_template.spec.as_ref()?.template.spec.as_ref());
        Self {
            owner: meta.controller("WedofSheetSync").map(|owner| owner.uid.clone()),
            owner_name: meta.controller("WedofSheetSync").map(|owner| owner.name.clone()),
            generation: cronjob.metadata.generation.unwrap_or_default(),
            resource_version: cronjob.metadata.resource_version.clone().unwrap_or_default(),
            applied_hash: cronjob::applied_hash(&cronjob.metadata).map(str::to_owned),
            suspended: spec.and_then(|spec| spec.suspend).unwrap_or_default(),
            last_schedule: status.and_then(|status| timestamp(status.last_schedule_time.as_ref())),
            last_successful: status.and_then(|status| timestamp(status.last_successful_time.as_ref())),
            active: status.and_then(|status| status.active.clone()).unwrap_or_default(),
            foreign: pod.map(cronjob::foreign).unwrap_or_default(),
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
    pub owner: Option<String>,
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
    /// The Job was deleted.
    pub gone: bool,
}

/// How and when a Job ended. A failed Job has no completion time: its condition tells.
#[derive(Debug, Clone, PartialEq)]
pub struct JobEnd {
    pub at: Timestamp,
    pub complete: bool,
    pub reason: String,
    pub message: String,
}

impl JobFacts {
    pub fn of(job: &Job) -> Self {
        let meta = Meta::of(&job.metadata);
        let status = job.status.clone().unwrap_or_default();
        let condition = |kind: &str| {
            let conditions = status.conditions.iter().flatten();
            conditions
                .filter(|condition| condition.status == "True")
                .find(|condition| condition.type_ == kind)
        };
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
            owner: meta.controller("CronJob").map(|owner| owner.uid.clone()),
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
            sync_request: meta.annotation(names::SYNC_REQUEST).map(str::to_owned),
            generation: meta.annotation(names::GENERATION).and_then(|text| text.parse().ok()),
            started: timestamp(status.start_time.as_ref()),
            end: end(true, "Complete").or_else(|| end(false, "Failed")),
            failing_since: condition("FailureTarget")
                .and_then(|condition| timestamp(condition.last_transition_time.as_ref())),
            ended_pods: status.succeeded.unwrap_or_default() + status.failed.unwrap_or_default(),
            active_pods: status.active.unwrap_or_default(),
            backoff_limit: job
                .spec
                .as_ref()
                .and_then(|spec| spec.backoff_limit)
                .unwrap_or_default(),
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
    pub owner: Option<String>,
    pub node: Option<String>,
    pub created: Option<Timestamp>,
    pub deleting_since: Option<Timestamp>,
    /// The pod was deleted. What is here is its last state.
    pub gone: bool,
    pub end: Option<AttemptEnd>,
    /// What keeps the container from starting, with Kubernetes' own reason.
    pub waiting: Option<(String, String)>,
    /// The pod as a whole ended for this reason: DeadlineExceeded, Evicted.
    pub pod_reason: Option<String>,
    /// The pod is or was removed by the cluster: eviction, drain, taint.
    pub disrupted: bool,
    pub report: Option<RunReport>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptEnd {
    pub exit_code: i32,
    pub reason: String,
}

impl Attempt {
    pub fn of(pod: &Pod) -> Self {
        let meta = Meta::of(&pod.metadata);
        let status = pod.status.clone().unwrap_or_default();
        let state = state_of_container(&status);
        let terminated = state.terminated;
        let waiting = state
            .waiting
            .and_then(|waiting| Some((waiting.reason?, clean(waiting.message.as_deref().unwrap_or_default()))));
        let conditions = || status.conditions.iter().flatten();
        let unscheduled = conditions()
            .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False")
            .and_then(|condition| {
                let message = clean(condition.message.as_deref().unwrap_or_default());
                Some((condition.reason.clone()?, message))
            });
        Self {
            owner: meta.controller("Job").map(|owner| owner.uid.clone()),
            node: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
            deleting_since: timestamp(pod.metadata.deletion_timestamp.as_ref()),
            gone: false,
            report: terminated.as_ref().and_then(|ended| report(ended.message.as_deref()?)),
            end: terminated.map(|ended| AttemptEnd {
                exit_code: ended.exit_code,
                reason: ended.reason.unwrap_or_default(),
            }),
            waiting: waiting.or(unscheduled),
            pod_reason: status.reason.clone(),
            disrupted: conditions()
                .any(|condition| condition.type_ == "DisruptionTarget" && condition.status == "True"),
            created: meta.created,
            namespace: meta.namespace,
            pod: meta.name,
            pod_uid: meta.uid,
        }
    }

    /// Whether nothing more will be heard of it.
    pub fn over(&self) -> bool {
        self.end.is_some() || self.gone
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

/// A termination message as a report, if it is one. Numbers cannot be negative, a list has one entry for each name.
fn report(message: &str) -> Option<RunReport> {
    let RunReport {
        version,
        outcome,
        reason,
        message,
        rows,
        added,
        updated,
        removed,
        kept,
        wedof_requests,
        sheets_requests,
        mut resources,
        truncated,
    } = serde_json::from_str(message).ok()?;
    let mut seen = std::collections::HashSet::new();
    resources.truncate(MAX_RESOURCES);
    resources.retain(|resource| seen.insert(resource.name.clone()));
    let count = |number: i64| number.max(0);
    Some(RunReport {
        version,
        outcome,
        reason: reason.filter(|reason| is_reason(reason)),
        message: message.map(|text| clean(&text)).filter(|text| !text.is_empty()),
        rows: count(rows),
        added: count(added),
        updated: count(updated),
        removed: count(removed),
        kept: count(kept),
        wedof_requests: count(wedof_requests),
        sheets_requests: count(sheets_requests),
        resources: resources
            .into_iter()
            .map(|resource| {
                let ResourceReport {
                    name,
                    tab,
                    outcome,
                    rows,
                    added,
                    updated,
                    removed,
                    kept,
                    message,
                } = resource;
                ResourceReport {
                    name: clean(&name),
                    tab: clean(&tab),
                    outcome,
                    rows: count(rows),
                    added: count(added),
                    updated: count(updated),
                    removed: count(removed),
                    kept: count(kept),
                    message: message.map(|text| clean(&text)),
                }
            })
            .collect(),
        truncated,
    })
}

/// Whether a text may be the reason of a condition.
fn is_reason(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric())
}

/// A text from outside, fit for a terminal: no control characters (nor those that turn the direction of writing), white
/// space as single spaces, not too long.
pub fn clean(text: &str) -> String {
    let harmless = |c: &char| {
        c.is_whitespace()
            || !(c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
    };
    let mut text = text
        .chars()
        .filter(harmless)
        .collect::<String>()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    if let Some((end, _)) = text.char_indices().nth(MAX_TEXT) {
        text.truncate(end);
        text.push('…');
    }
    text
}

pub fn timestamp(time: Option<&Time>) -> Option<Timestamp> {
    time.map(|time| time.0)
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
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(state: Value) -> Attempt {
        let statuses = json!([{"name": "istio-proxy", "state": {"terminated": {"exitCode": 9, "message": "{}"}}},
                              {"name": "sync", "state": state}]);
        let pod = json!({"metadata": {"name": "p", "uid": "u"}, "status": {"containerStatuses": statuses}});
        Attempt::of(&serde_json::from_value(pod).unwrap())
    }

    #[test]
    fn a_report_is_found_behind_a_sidecar_and_loses_what_could_harm_a_terminal() {
        let report = json!({"version": 1, "outcome": "Failed", "reason": "Bad reason\u{1b}[31m",
            "message": "one\u{1b}[31m\ntwo\u{202e}\0", "rows": -4, "added": 1, "updated": 0, "removed": 0, "kept": 0,
            "wedofRequests": 1, "sheetsRequests": 0, "resources": [
                {"name": "a", "tab": "T", "outcome": "Synced", "rows": 1, "added": 1, "updated": 0, "removed": 0},
                {"name": "a", "tab": "again", "outcome": "Synced", "rows": 9, "added": 9, "updated": 0, "removed": 0}]});
        let attempt = pod(json!({"terminated": {"exitCode": 1, "reason": "Error", "message": report.to_string()}}));
        let report = attempt.report.unwrap();
        assert_eq!(report.message.as_deref(), Some("one[31m two"));
        assert_eq!((report.reason, report.rows, report.resources.len()), (None, 0, 1));
    }

    #[test]
    fn what_is_no_report_is_none() {
        for message in [
            "The container could not be located when the pod was deleted.",
            "",
            "{\"version\":1}",
            "[]",
        ] {
            let ended =
                json!({"terminated": {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": message}});
            let attempt = pod(ended);
            assert_eq!(attempt.report, None, "{message}");
            assert_eq!(attempt.end.unwrap().exit_code, 137);
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = clean(&"é".repeat(5000));
        assert_eq!(text.chars().count(), MAX_TEXT + 1);
    }
}
