//! ValidSpec → CronJob, and the Jobs that the operator makes of it. Pure.
//!
//! One run at a time (Forbid, always), three deadlines so that a report survives the end of its run (the sync ends itself
//! first, then its pod is ended, then the Job), a pod that passes the `restricted` standard and has no account. Nothing
//! of the object's own labels or annotations is copied: deployment tools would take the children for their own.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        batch::v1::{
            CronJob, CronJobSpec, Job, JobSpec, JobTemplateSpec, PodFailurePolicy,
            PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule,
        },
        core::v1::{
            Capabilities, Container, EnvVar, KeyToPath, LocalObjectReference, PodSecurityContext, PodSpec,
            PodTemplateSpec, ResourceRequirements, SeccompProfile, SecretVolumeSource, SecurityContext, Volume,
            VolumeMount,
        },
    },
    apimachinery::pkg::{
        api::resource::Quantity,
        apis::meta::v1::{ObjectMeta, OwnerReference},
    },
};
use kube::Resource;
use sha2::{Digest, Sha256};

use super::{
    names::{self, CONTAINER, PROGRAM},
    settings::{PodSettings, Settings},
    validate::ValidSpec,
};
use crate::{
    api::{Amount, Amounts, ComputeResources, JobSettings, Trigger, WedofSheetSync},
    spec::SecretKeyRef,
};

/// A name that no host can have (RFC 2606).
const NO_HOST: &str = "none.invalid";
/// The API server's limit for the name of a CronJob; a Job's own suffix must fit behind it into 63 characters.
const MAX_NAME: usize = 52;

/// Defaults of `spec.job`, in seconds and counts.
const ACTIVE_DEADLINE: i64 = 3600;
const STARTING_DEADLINE: i64 = 21600;
const BACKOFF_LIMIT: i32 = 3;
const HISTORY_LIMIT: i32 = 3;
/// How much earlier than the Job the pod, and than that the sync itself, is ended.
const POD_MARGIN: i64 = 60;
const SYNC_MARGIN: i64 = 120;

/// The exit code of a run that will fail again until a person changes something.
pub const EXIT_CODE_PERSON: i32 = 2;

/// The object that a CronJob is made for.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    pub namespace: &'a str,
    pub name: &'a str,
    pub uid: &'a str,
    pub generation: i64,
}

/// The CronJob's name: the object's, or if that is too long its start and a hash of the whole.
pub fn name(object: &str) -> String {
    if object.len() <= MAX_NAME {
        return object.to_owned();
    }
    let hash = hash(object.as_bytes());
    let start = object[..MAX_NAME - hash.len() - 1].trim_end_matches(['-', '.']);
    format!("{start}-{hash}")
}

/// Ten hexadecimal digits, the same for ever.
fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .take(5)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The CronJob of a valid spec, with the hash of itself among its annotations.
pub fn build(owner: Owner<'_>, spec: &ValidSpec, settings: &Settings) -> CronJob {
    let JobSettings {
        active_deadline_seconds,
        backoff_limit,
        starting_deadline_seconds,
        successful_jobs_history_limit,
        failed_jobs_history_limit,
        resources: _,
        node_selector: _,
        tolerations: _,
        affinity: _,
    } = &spec.job;
    let deadline = active_deadline_seconds.unwrap_or(ACTIVE_DEADLINE);
    let job_annotations = BTreeMap::from([
        (names::NAME.to_owned(), owner.name.to_owned()),
        (names::GENERATION.to_owned(), owner.generation.to_string()),
    ]);
    let mut cronjob = CronJob {
        metadata: ObjectMeta {
            name: Some(name(owner.name)),
            namespace: Some(owner.namespace.to_owned()),
            labels: Some(labels(owner.uid)),
            annotations: Some(BTreeMap::from([(names::NAME.to_owned(), owner.name.to_owned())])),
            owner_references: Some(vec![OwnerReference {
                api_version: WedofSheetSync::api_version(&()).into_owned(),
                kind: WedofSheetSync::kind(&()).into_owned(),
                name: owner.name.to_owned(),
                uid: owner.uid.to_owned(),
                controller: Some(true),
                // would ask for rights on our object's finalizers
                block_owner_deletion: None,
            }]),
            ..ObjectMeta::default()
        },
        spec: Some(CronJobSpec {
            schedule: spec.effective_schedule.clone(),
            time_zone: Some(spec.time_zone.clone()),
            suspend: Some(spec.suspend),
            concurrency_policy: Some("Forbid".into()),
            starting_deadline_seconds: Some(starting_deadline_seconds.unwrap_or(STARTING_DEADLINE)),
            successful_jobs_history_limit: Some(successful_jobs_history_limit.unwrap_or(HISTORY_LIMIT).max(1)),
            failed_jobs_history_limit: Some(failed_jobs_history_limit.unwrap_or(HISTORY_LIMIT).max(1)),
            job_template: JobTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels(owner.uid)),
                    annotations: Some(job_annotations),
                    ..ObjectMeta::default()
                }),
                spec: Some(JobSpec {
                    active_deadline_seconds: Some(deadline),
                    backoff_limit: Some(backoff_limit.unwrap_or(BACKOFF_LIMIT)),
                    pod_failure_policy: Some(failure_policy()),
                    template: pod_template(owner, spec, settings, deadline),
                    ..JobSpec::default()
                }),
            },
        }),
        status: None,
    };
    let applied = hash(serde_json::to_string(&cronjob).unwrap_or_default().as_bytes());
    let annotations = cronjob.metadata.annotations.get_or_insert_default();
    annotations.insert(names::APPLIED_HASH.into(), applied);
    cronjob
}

/// The hash among a CronJob's annotations.
pub fn applied_hash(metadata: &ObjectMeta) -> Option<&str> {
    Some(metadata.annotations.as_ref()?.get(names::APPLIED_HASH)?.as_str())
}

/// Labels of everything that is made for an object.
fn labels(uid: &str) -> BTreeMap<String, String> {
    [
        (names::LABEL_UID, uid),
        ("app.kubernetes.io/name", PROGRAM),
        ("app.kubernetes.io/component", CONTAINER),
        ("app.kubernetes.io/managed-by", PROGRAM),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

/// Rules in order: an evicted run is replaced whatever its exit code; a run that a person has to mend is not repeated.
fn failure_policy() -> PodFailurePolicy {
    PodFailurePolicy {
        rules: vec![
            PodFailurePolicyRule {
                action: "Ignore".into(),
                on_pod_conditions: Some(vec![PodFailurePolicyOnPodConditionsPattern {
                    status: "True".into(),
                    type_: "DisruptionTarget".into(),
                }]),
                on_exit_codes: None,
            },
            PodFailurePolicyRule {
                action: "FailJob".into(),
                on_pod_conditions: None,
                on_exit_codes: Some(PodFailurePolicyOnExitCodesRequirement {
                    container_name: Some(CONTAINER.into()),
                    operator: "In".into(),
                    values: vec![EXIT_CODE_PERSON],
                }),
            },
        ],
    }
}

fn pod_template(owner: Owner<'_>, spec: &ValidSpec, settings: &Settings, deadline: i64) -> PodTemplateSpec {
    let PodSettings {
        image_pull_secrets,
        pod_labels,
        pod_annotations,
        priority_class_name,
        runtime_class_name,
        // of the container, and of the rules for specs
        proxy: _,
        ca_certificates: _,
        allow_placement: _,
        http_timeout: _,
        retry_delay: _,
    } = &settings.pod;
    let mut all_labels = pod_labels.clone();
    all_labels.extend(labels(owner.uid));
    let JobSettings {
        node_selector,
        tolerations,
        affinity,
        ..
    } = &spec.job;
    let pull_secrets = image_pull_secrets
        .iter()
        .map(|name| LocalObjectReference { name: name.clone() });
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(all_labels),
            annotations: some(pod_annotations.clone()),
            ..ObjectMeta::default()
        }),
        spec: Some(PodSpec {
            restart_policy: Some("Never".into()),
            active_deadline_seconds: Some(deadline - POD_MARGIN),
            termination_grace_period_seconds: Some(30),
            automount_service_account_token: Some(false),
            // else every Service of the namespace becomes variables of the run
            enable_service_links: Some(false),
            // no user or group of our own: OpenShift gives each namespace its range
            security_context: Some(PodSecurityContext {
                run_as_non_root: Some(true),
                seccomp_profile: Some(SeccompProfile {
                    type_: "RuntimeDefault".into(),
                    localhost_profile: None,
                }),
                ..PodSecurityContext::default()
            }),
            image_pull_secrets: some(pull_secrets.collect()),
            priority_class_name: some(priority_class_name.clone()),
            runtime_class_name: some(runtime_class_name.clone()),
            node_selector: some(node_selector.clone()),
            tolerations: some(tolerations.clone()),
            affinity: affinity.clone(),
            volumes: Some(vec![
                secret_volume(WEDOF_VOLUME, &spec.api_key, WEDOF_FILE),
                secret_volume(GOOGLE_VOLUME, &spec.credentials, GOOGLE_FILE),
            ]),
            containers: vec![container(spec, settings, deadline)],
            ..PodSpec::default()
        }),
    }
}

const WEDOF_VOLUME: &str = "wedof";
const WEDOF_FILE: &str = "api-key";
const GOOGLE_VOLUME: &str = "google";
const GOOGLE_FILE: &str = "credentials.json";

fn folder(volume: &str) -> String {
    format!("/etc/wedof-sheet-sync/{volume}")
}

/// Optional, so that the run itself can say which Secret and key is missing; readable by whatever user the namespace
/// gives the pod; the file's name is ours, not the tenant's key.
fn secret_volume(name: &str, secret: &SecretKeyRef, file: &str) -> Volume {
    Volume {
        name: name.to_owned(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(secret.name.clone()),
            optional: Some(true),
            default_mode: Some(0o444),
            items: Some(vec![KeyToPath {
                key: secret.key.clone(),
                path: file.to_owned(),
                mode: None,
            }]),
        }),
        ..Volume::default()
    }
}

fn container(spec: &ValidSpec, settings: &Settings, deadline: i64) -> Container {
    let Settings {
        image,
        image_pull_policy,
        pod,
        wedof_hosts,
        token_hosts,
        sheets_base_url,
        log,
    } = settings;
    let mut env = vec![
        ("WEDOF_SHEET_SYNC_CONFIG", spec.config.clone()),
        ("WEDOF_SHEET_SYNC_OBJECT", spec.object.clone()),
        ("WEDOF_API_KEY_PATH", format!("{}/{WEDOF_FILE}", folder(WEDOF_VOLUME))),
        (
            "GOOGLE_CREDENTIALS_PATH",
            format!("{}/{GOOGLE_FILE}", folder(GOOGLE_VOLUME)),
        ),
        (
            "WEDOF_ALLOWED_HOSTS",
            if wedof_hosts.is_empty() {
                NO_HOST.to_owned()
            } else {
                wedof_hosts.join(",")
            },
        ),
        // never empty: without a list, a run trusts the machine it is on, as at a terminal
        (
            "GOOGLE_TOKEN_HOSTS",
            if token_hosts.is_empty() {
                NO_HOST.to_owned()
            } else {
                token_hosts.join(",")
            },
        ),
    ];
    env.extend(sheets_base_url.clone().map(|url| ("GOOGLE_SHEETS_BASE_URL", url)));
    env.extend(log.iter().map(|(name, value)| (name.as_str(), value.clone())));
    env.extend(pod.variables());
    let args = [
        "sync",
        "--no-progress",
        "--report",
        "/dev/termination-log",
        "--deadline",
    ]
    .map(str::to_owned);
    let mount = |volume: &str| VolumeMount {
        name: volume.to_owned(),
        mount_path: folder(volume),
        read_only: Some(true),
        ..VolumeMount::default()
    };
    Container {
        name: CONTAINER.into(),
        image: Some(image.clone()),
        image_pull_policy: image_pull_policy.clone(),
        args: Some(args.into_iter().chain([(deadline - SYNC_MARGIN).to_string()]).collect()),
        env: Some(
            env.into_iter()
                .map(|(name, value)| EnvVar {
                    name: name.to_owned(),
                    // the kubelet expands $(NAME) in values, and would put its variables into a tenant's sheet
                    value: Some(value.replace('$', "$$")),
                    value_from: None,
                })
                .collect(),
        ),
        resources: Some(resources(spec.job.resources.clone().unwrap_or_default())),
        volume_mounts: Some(vec![mount(WEDOF_VOLUME), mount(GOOGLE_VOLUME)]),
        termination_message_policy: Some("File".into()),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities {
                drop: Some(vec!["ALL".into()]),
                add: None,
            }),
            ..SecurityContext::default()
        }),
        ..Container::default()
    }
}

/// Requests and limits for cpu and memory, always, because quotas may demand them. Of a pair of which the spec gives one,
/// the other is the same.
fn resources(given: ComputeResources) -> ResourceRequirements {
    let ComputeResources { requests, limits } = given;
    let (mut all_requests, mut all_limits) = (BTreeMap::new(), BTreeMap::new());
    let Amounts {
        cpu,
        memory,
        ephemeral_storage,
    } = limits;
    for (resource, request, limit, defaults) in [
        ("cpu", requests.cpu, cpu, Some(("20m", "1"))),
        ("memory", requests.memory, memory, Some(("64Mi", "256Mi"))),
        ("ephemeral-storage", requests.ephemeral_storage, ephemeral_storage, None),
    ] {
        let (request, limit) = match (request, limit, defaults) {
            (None, None, None) => continue,
            (None, None, Some((request, limit))) => (Amount(request.into()), Amount(limit.into())),
            (Some(request), Some(limit), _) => (request, limit),
            (Some(one), None, _) | (None, Some(one), _) => (one.clone(), one),
        };
        all_requests.insert(resource.to_owned(), Quantity(request.0));
        all_limits.insert(resource.to_owned(), Quantity(limit.0));
    }
    ResourceRequirements {
        requests: Some(all_requests),
        limits: Some(all_limits),
        claims: None,
    }
}

/// A run that the operator starts itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub trigger: Trigger,
    /// What it is started for; the same thing is never done twice.
    pub key: String,
    /// The value of the annotation that asks for it.
    pub request: Option<String>,
}

/// The name of an order's Job: the same for the same order, so that a repeat finds it there already.
pub fn job_name(cronjob: &str, order: &Order) -> String {
    format!(
        "{cronjob}-{}",
        hash(format!("{:?}\0{}", order.trigger, order.key).as_bytes())
    )
}

/// A Job as the CronJob would make it, owned by the CronJob so that its history limits clean it up.
pub fn job(cronjob: &CronJob, cronjob_uid: &str, order: &Order) -> Job {
    let cronjob_name = cronjob.metadata.name.clone().unwrap_or_default();
    let template = cronjob.spec.clone().unwrap_or_default().job_template;
    let ObjectMeta {
        labels, annotations, ..
    } = template.metadata.unwrap_or_default();
    let mut annotations = annotations.unwrap_or_default();
    annotations.insert(names::TRIGGER.into(), format!("{:?}", order.trigger));
    if let Some(request) = &order.request {
        annotations.insert(names::SYNC_REQUEST.into(), request.clone());
    }
    Job {
        metadata: ObjectMeta {
            name: Some(job_name(&cronjob_name, order)),
            namespace: cronjob.metadata.namespace.clone(),
            labels,
            annotations: Some(annotations),
            owner_references: Some(vec![OwnerReference {
                api_version: CronJob::api_version(&()).into_owned(),
                kind: CronJob::kind(&()).into_owned(),
                name: cronjob_name,
                uid: cronjob_uid.to_owned(),
                controller: Some(true),
                block_owner_deletion: None,
            }]),
            ..ObjectMeta::default()
        },
        spec: template.spec,
        status: None,
    }
}

/// Nothing instead of an empty value: an empty one would be a claim to own it.
fn some<T: Default + PartialEq>(value: T) -> Option<T> {
    (value != T::default()).then_some(value)
}

#[cfg(test)]
mod tests;
