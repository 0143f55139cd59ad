//! Runs of objects: some that Kubernetes' own controllers and kwok carry out, timed from the end of each to its status;
//! and finished ones of every object, made at once, as the history that Kubernetes keeps.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::StreamExt;
use k8s_openapi::{
    api::{
        batch::v1::{CronJob, Job},
        core::v1::Pod,
    },
    jiff::Timestamp,
};
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams, PostParams},
    runtime::{WatchStreamExt, watcher},
};
use serde_json::json;
use tokio::task::JoinSet;
use wedof_sheet_sync::api::{RunState, WedofSheetSync};

use crate::{
    Result,
    cluster::{self, REPORT},
};

/// When each Job was first seen to be over, and when its object's status first said so, by UIDs of Jobs. Both are seen
/// by watches of this process, so that the times compare.
#[derive(Debug, Default)]
struct Seen {
    pods: HashMap<String, Instant>,
    jobs: HashMap<String, Instant>,
    statuses: HashMap<String, Instant>,
}

pub struct Observer {
    seen: Arc<Mutex<Seen>>,
    ready: Arc<Mutex<HashSet<String>>>,
    _watches: JoinSet<()>,
}

impl Observer {
    pub fn start(client: &Client) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let ready = Arc::<Mutex<HashSet<String>>>::default();
        let mut watches = JoinSet::new();
        let (seen_, ready_) = (seen.clone(), ready.clone());
        watches.spawn(follow(Api::all(client.clone()), move |object: WedofSheetSync| {
            let now = Instant::now();
            let Some(status) = &object.status else { return };
            let is_ready = status
                .conditions
                .iter()
                .any(|condition| condition.type_ == "Ready" && condition.status == "True");
            if is_ready && status.observed_generation == object.metadata.generation {
                lock(&ready_).insert(object.uid().unwrap_or_default());
            }
            if let Some(run) = status.last_run.as_ref().filter(|run| run.outcome != RunState::Running) {
                lock(&seen_).statuses.entry(run.job_uid.clone()).or_insert(now);
            }
        }));
        let seen_ = seen.clone();
        watches.spawn(follow(Api::all(client.clone()), move |job: Job| {
            let now = Instant::now();
            let conditions = job.status.iter().flat_map(|status| status.conditions.iter().flatten());
            let mut ends = conditions.filter(|condition| matches!(condition.type_.as_str(), "Complete" | "Failed"));
            if ends.any(|condition| condition.status == "True") {
                lock(&seen_).jobs.entry(job.uid().unwrap_or_default()).or_insert(now);
            }
        }));
        let seen_ = seen.clone();
        watches.spawn(follow(Api::all(client.clone()), move |pod: Pod| {
            let now = Instant::now();
            let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            let owner = pod.owner_references().first().map(|owner| owner.uid.clone());
            if let (Some("Succeeded" | "Failed"), Some(job)) = (phase, owner) {
                lock(&seen_).pods.entry(job).or_insert(now);
            }
        }));
        Self {
            seen,
            ready,
            _watches: watches,
        }
    }

    /// Waits until that many objects are Ready.
    pub async fn all_ready(&self, count: usize, patience: Duration) -> Result<()> {
        let begun = Instant::now();
        while lock(&self.ready).len() < count {
            if begun.elapsed() > patience {
                let ready = lock(&self.ready).len();
                return Err(format!("only {ready} of {count} objects are Ready after {patience:?}").into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Waits until that many runs are in a status.
    pub async fn all_told(&self, count: usize, patience: Duration) -> Result<()> {
        let begun = Instant::now();
        while lock(&self.seen).statuses.len() < count {
            if begun.elapsed() > patience {
                let told = lock(&self.seen).statuses.len();
                return Err(format!("only {told} of {count} runs are in a status after {patience:?}").into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// From the end of each run told since then to its status: of its Job, and of its pod, which Kubernetes' own controller
    /// lies between.
    pub fn delays(&self, begun: Instant) -> (Vec<Duration>, Vec<Duration>) {
        let seen = lock(&self.seen);
        let since = |ends: &HashMap<String, Instant>| {
            let told = seen.statuses.iter().filter(|(_, told)| **told >= begun);
            let delays = told.filter_map(|(job, told)| {
                let end = ends.get(job)?;
                Some(told.saturating_duration_since(*end))
            });
            let mut delays: Vec<_> = delays.collect();
            delays.sort();
            delays
        };
        (since(&seen.jobs), since(&seen.pods))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn follow<K>(api: Api<K>, look: impl Fn(K))
where
    K: kube::Resource + Clone + serde::de::DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    let mut objects = std::pin::pin!(
        watcher(api, watcher::Config::default())
            .default_backoff()
            .applied_objects()
    );
    while let Some(object) = objects.next().await {
        match object {
            Ok(object) => look(object),
            Err(error) => eprintln!("the bench's own watch: {error}"),
        }
    }
}

/// Asks for a run of each of these objects, as a person does, all at once.
pub async fn ask(client: &Client, numbers: Range<usize>) -> Result<()> {
    cluster::at_once(numbers, |number| ask_one(client, number)).await
}

/// Asks for a run of one of these objects after the other, as schedules do that are spread over the day. How long each
/// request took: what any write to this API server takes.
pub async fn ask_in_turn(client: &Client, numbers: Range<usize>, pause: Duration) -> Result<Vec<Duration>> {
    let mut took = Vec::with_capacity(numbers.len());
    for number in numbers {
        let begun = Instant::now();
        ask_one(client, number).await?;
        took.push(begun.elapsed());
        tokio::time::sleep(pause).await;
    }
    took.sort();
    Ok(took)
}

async fn ask_one(client: &Client, number: usize) -> Result<()> {
    let (namespace, name) = cluster::place(number);
    let api: Api<WedofSheetSync> = Api::namespaced(client.clone(), &namespace);
    let patch = json!({"metadata": {"annotations": {"wedofsheetsync.dev/sync-requested-at": "now"}}});
    api.patch(&name, &PatchParams::default(), &Patch::Merge(&patch)).await?;
    Ok(())
}

/// Gives each of `count` objects that many finished Jobs with their pods. The Jobs are managed by this bench, so that
/// nobody waits for a controller that does five of them a second, and the pods belong to no node.
pub async fn finish(client: &Client, count: usize, each: usize) -> Result<()> {
    cluster::at_once(0..count * each, |number| async move {
        let (namespace, name) = cluster::place(number % count);
        let cronjob = Api::<CronJob>::namespaced(client.clone(), &namespace).get(&name).await?;
        let round = number / count;
        let template = cronjob.spec.clone().ok_or("a CronJob without spec")?.job_template;
        let mut job = Job {
            metadata: template.metadata.unwrap_or_default(),
            spec: template.spec,
            status: None,
        };
        let labels = job.metadata.labels.clone();
        job.metadata.name = Some(format!("{name}-{round}"));
        job.metadata.owner_references = Some(vec![owner("batch/v1", "CronJob", &name, cronjob.uid())]);
        let spec = job.spec.as_mut().ok_or("a Job without spec")?;
        spec.managed_by = Some("wedofsheetsync.dev/bench".into());
        let pod = spec.template.spec.clone();
        let jobs: Api<Job> = Api::namespaced(client.clone(), &namespace);
        let job = jobs.create(&PostParams::default(), &job).await?;

        let mut pod = Pod {
            metadata: kube::core::ObjectMeta {
                name: Some(format!("{name}-{round}")),
                labels,
                owner_references: Some(vec![owner("batch/v1", "Job", &job.name_any(), job.uid())]),
                ..Default::default()
            },
            spec: pod,
            status: None,
        };
        if let Some(spec) = &mut pod.spec {
            spec.scheduler_name = Some("none".into());
        }
        let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
        let pod = pods.create(&PostParams::default(), &pod).await?;
        let ended = json!({"exitCode": 0, "reason": "Completed", "message": REPORT});
        let status = json!({"status": {"phase": "Succeeded", "containerStatuses": [{"name": "sync", "image": "i", "imageID": "i",
            "ready": false, "restartCount": 0, "state": {"terminated": ended}}]}});
        pods.patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Merge(&status))
            .await?;

        let now = Timestamp::from_second(Timestamp::now().as_second())?;
        let condition = |kind: &str| {
            json!({"type": kind, "status": "True", "reason": "CompletionsReached", "lastTransitionTime": now})
        };
        let status = json!({"status": {"startTime": now, "completionTime": now, "succeeded": 1,
            "conditions": [condition("SuccessCriteriaMet"), condition("Complete")]}});
        jobs.patch_status(&job.name_any(), &PatchParams::default(), &Patch::Merge(&status))
            .await?;
        Ok(())
    })
    .await
}

fn owner(
    version: &str,
    kind: &str,
    name: &str,
    uid: Option<String>,
) -> k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference {
    k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference {
        api_version: version.into(),
        kind: kind.into(),
        name: name.into(),
        uid: uid.unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: None,
    }
}
