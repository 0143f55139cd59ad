//! The driver: brings the cluster to where one object wants it, and says so. Input and output are here, decisions in the
//! pure modules beside: validate → cronjob → runs → status → orders → events.
//!
//! At rest nothing is sent: what was applied last is remembered by its hash and the CronJob's generation, a status is
//! written only if it differs, and everything read comes from watches.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::{
    batch::v1::{CronJob, Job},
    core::v1::ObjectReference,
    events::v1::Event,
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ListParams, Patch, PatchParams, PostParams},
    core::{DeserializeGuard, error_boundary::InvalidObject},
    runtime::{controller::Action, events::Recorder},
};
use serde_json::json;

use super::{
    cronjob::{self, Owner},
    events::{self, Notice},
    facts::{CronJobFacts, clean},
    index::{Index, Uid},
    metrics::Metrics,
    names::{self, reason},
    orders::{self, Decision},
    runs::{self, Run},
    settings::Settings,
    status::{self, Verdict},
    validate::{self, Policy, Problem, ValidSpec},
};
use crate::api::{WedofSheetSync, WedofSheetSyncStatus};

/// Even if nothing is heard, an object is looked at again after this time. It costs no request.
const LONGEST_REST: Duration = Duration::from_secs(3600);
/// Events of a Job are asked for again after this time.
const EVENTS_AGE: SignedDuration = SignedDuration::from_mins(5);
/// How long a watch may take to show a Job that was created.
const WATCH_LAG: SignedDuration = SignedDuration::from_secs(30);

/// What all reconciliations share.
pub struct Context {
    pub client: Client,
    pub settings: Settings,
    pub policy: Policy,
    pub recorder: Recorder,
    pub metrics: Metrics,
    index: Mutex<Index>,
    memories: Mutex<HashMap<Uid, Arc<tokio::sync::Mutex<Memory>>>>,
}

/// What is remembered of one object, to send nothing twice.
#[derive(Debug, Default)]
struct Memory {
    applied: Option<Applied>,
    /// Hash of a CronJob that the API server refuses, and what it said.
    refused: Option<(String, String)>,
    /// The status written last, and the version of the object that it was computed from: until the watch has caught up,
    /// that object's own status is out of date.
    written: Option<(String, WedofSheetSyncStatus)>,
    /// What the events of a Job without a pod said, and when.
    events: HashMap<Uid, (Timestamp, Option<String>)>,
    /// The Job created last, and when: until the watch shows it, it is not ordered again.
    created: Option<(String, Timestamp)>,
    /// Failed reconciliations in a row.
    failures: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Applied {
    uid: String,
    generation: i64,
    hash: String,
}

/// A request that failed, and may succeed later.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action}: {source}")]
pub struct Error {
    pub action: &'static str,
    #[source]
    source: kube::Error,
}

impl Error {
    fn new(action: &'static str) -> impl Fn(kube::Error) -> Self {
        move |source| Self { action, source }
    }

    /// The API server's own sentence, if it answered.
    fn sentence(&self) -> Option<&str> {
        match &self.source {
            kube::Error::Api(status) => Some(&status.message),
            _ => None,
        }
    }

    fn code(&self) -> u16 {
        match &self.source {
            kube::Error::Api(status) => status.code,
            _ => 0,
        }
    }

    /// The namespace is on its way out: nothing can be created in it, and nothing needs to be.
    fn is_namespace_terminating(&self) -> bool {
        match &self.source {
            kube::Error::Api(status) => {
                let mut causes = status.details.iter().flat_map(|details| &details.causes);
                causes.any(|cause| cause.reason == "NamespaceTerminating")
            }
            _ => false,
        }
    }
}

impl Context {
    pub fn new(client: Client, settings: Settings, policy: Policy, recorder: Recorder, metrics: Metrics) -> Self {
        Self {
            client,
            settings,
            policy,
            recorder,
            metrics,
            index: Mutex::default(),
            memories: Mutex::default(),
        }
    }

    pub fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn memory(&self, uid: &str) -> Arc<tokio::sync::Mutex<Memory>> {
        let mut memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
        memories.entry(uid.to_owned()).or_default().clone()
    }

    /// An object is gone: nothing of it need be remembered.
    pub fn forget(&self, uid: &str) {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

/// Brings one object to where it wants to be.
pub async fn reconcile(
    object: Arc<DeserializeGuard<WedofSheetSync>>,
    context: Arc<Context>,
) -> Result<Action, Arc<Error>> {
    let (Some(uid), None) = (object.meta().uid.clone(), &object.meta().deletion_timestamp) else {
        return Ok(Action::await_change());
    };
    let memory = context.memory(&uid);
    let mut memory = memory.lock().await;
    let result = match &object.0 {
        Ok(object) => reconcile_object(&context, object, &uid, &mut memory).await,
        Err(invalid) => reconcile_undecodable(&context, invalid, &uid, &mut memory).await,
    };
    match result {
        Err(error) if error.is_namespace_terminating() => {
            tracing::debug!(%error, "the namespace is terminating");
            Ok(Action::requeue(LONGEST_REST))
        }
        Ok(action) => {
            memory.failures = 0;
            context.metrics.reconciled(None);
            Ok(action)
        }
        Err(error) => {
            memory.failures += 1;
            context.metrics.reconciled(Some(error.action));
            Err(Arc::new(error))
        }
    }
}

/// When to try again after an error: 2, 4, 8 … seconds, at most five minutes, each object for itself.
pub fn retry(object: Arc<DeserializeGuard<WedofSheetSync>>, error: &Arc<Error>, context: Arc<Context>) -> Action {
    let memory = object.meta().uid.as_ref().map(|uid| context.memory(uid));
    let failures = memory
        .and_then(|memory| Some(memory.try_lock().ok()?.failures))
        .unwrap_or(1);
    let wait = Duration::from_secs((1 << failures.min(9)).min(300));
    tracing::warn!(%error, retry_in = ?wait, "reconciliation failed");
    Action::requeue(wait)
}

async fn reconcile_object(
    context: &Context,
    object: &WedofSheetSync,
    uid: &str,
    memory: &mut Memory,
) -> Result<Action, Error> {
    let now = Timestamp::now();
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let owner = Owner {
        namespace: &namespace,
        name: &name,
        uid,
        generation: object.metadata.generation.unwrap_or_default(),
    };
    let old = current_status(object, memory);
    let mut notices = Vec::new();

    let plan = validate::validate(&namespace, &name, &object.spec, &context.policy).map(|spec| {
        let built = cronjob::build(owner, &spec, &context.settings);
        (spec, built)
    });
    let seen = context
        .index()
        .cronjob_of(uid, &namespace, &cronjob::name(&name))
        .cloned();
    let (verdict, cronjob) = match (&plan, conflict(context, owner)) {
        (Ok((spec, built)), None) => apply(context, owner, spec, built, seen, memory, &mut notices).await?,
        (Ok(_), Some(conflict)) => (Verdict::NotReady(conflict), suspend(context, seen).await?),
        (Err(problems), _) => (Verdict::Stalled(problems.clone()), suspend(context, seen).await?),
    };

    let runs = read_runs(context, owner, memory, now).await?;
    let recorded = status::record(&old, &runs, cronjob.as_ref(), now);
    let started = match (&plan, &cronjob, &verdict) {
        (Ok((spec, built)), Some(cronjob), Verdict::Ready) => {
            let request = object.annotations().get(names::SYNC_REQUESTED_AT).map(String::as_str);
            let decision = orders::decide(uid, request, spec, &recorded, &runs, now);
            follow(context, decision, built, cronjob, memory, now).await
        }
        _ => Started::default(),
    };
    if let Some(cronjob) = &cronjob {
        enter_active(context, cronjob, &runs).await?;
    }

    let mut notes: Vec<String> = started.note.into_iter().collect();
    if let Some(cronjob) = cronjob.as_ref().filter(|cronjob| !cronjob.foreign.is_empty()) {
        notes.push(format!("others have added to its pods: {}", cronjob.foreign.join(", ")));
    }
    let spec = plan.as_ref().ok().map(|(spec, _)| spec);
    let new = status::conclude(
        recorded,
        owner.generation,
        &verdict,
        spec,
        cronjob.as_ref(),
        &notes,
        now,
    );
    notices.extend(events::transitions(&old, &new));
    if new != old {
        let version = object.resource_version().unwrap_or_default();
        write_status(context, owner, &new).await?;
        memory.written = Some((version, new.clone()));
    }
    let finished = runs.iter().filter(|run| !run.is_running()).map(|run| run.uid.as_str());
    context.index().forget_gone_jobs(finished);
    publish(context, &object.object_ref(&()), &notices).await;

    if let Some(error) = started.error {
        return Err(error);
    }
    if let Verdict::NotReady(problem) = &verdict {
        tracing::info!(
            namespace,
            name,
            reason = problem.reason,
            message = problem.message,
            "not ready"
        );
    }
    let next = new.next_schedule_time.map(|time| time.0 + SignedDuration::from_secs(1));
    let looks = runs
        .iter()
        .map(|run| run.look_again)
        .chain([next, started.until])
        .flatten();
    Ok(rest(looks.min(), now, &verdict))
}

/// When to look again.
fn rest(soonest: Option<Timestamp>, now: Timestamp, verdict: &Verdict) -> Action {
    let rest = soonest
        .map(|time| Duration::try_from(time.duration_since(now)).unwrap_or_default())
        .map_or(LONGEST_REST, |rest| rest.clamp(Duration::from_secs(1), LONGEST_REST));
    // somebody may remove the other CronJob, which is not watched
    let longest = match verdict {
        Verdict::NotReady(_) => Duration::from_secs(60),
        _ => LONGEST_REST,
    };
    Action::requeue(rest.min(longest))
}

/// The object's status, or the one written just now that the watch does not show yet.
fn current_status(object: &WedofSheetSync, memory: &mut Memory) -> WedofSheetSyncStatus {
    match &memory.written {
        Some((version, status)) if object.resource_version().as_ref() == Some(version) => status.clone(),
        _ => {
            memory.written = None;
            object.status.clone().unwrap_or_default()
        }
    }
}

/// An older object that writes into one of this one's tabs.
fn conflict(context: &Context, owner: Owner<'_>) -> Option<Problem> {
    let index = context.index();
    let (other, tab) = index.conflict(owner.uid)?;
    // names of other namespaces are nobody's business
    let whose = if other.key.namespace == owner.namespace {
        format!("WedofSheetSync {}", other.key.name)
    } else {
        "an object of another namespace".into()
    };
    Some(Problem {
        reason: reason::TAB_CONFLICT,
        message: format!(
            "{whose} fills the tab `{tab}` of this spreadsheet already, and is older: give this one another tab, or delete \
             the other"
        ),
    })
}

/// Puts the CronJob in place, if it is or will be ours.
async fn apply(
    context: &Context,
    owner: Owner<'_>,
    spec: &ValidSpec,
    built: &CronJob,
    seen: Option<CronJobFacts>,
    memory: &mut Memory,
    notices: &mut Vec<Notice>,
) -> Result<(Verdict, Option<CronJobFacts>), Error> {
    let hash = cronjob::applied_hash(&built.metadata).unwrap_or_default().to_owned();
    if let (Some(facts), Some(applied)) = (&seen, &memory.applied)
        && applied.hash == hash
        && applied.uid == facts.uid
        // the watch may be behind our own last write, and anybody else's raises the generation
        && facts.generation <= applied.generation
        && (facts.applied_hash.as_ref() == Some(&hash) || facts.generation < applied.generation)
    {
        return Ok((Verdict::Ready, seen));
    }
    if let Some((_, sentence)) = memory.refused.as_ref().filter(|(refused, _)| *refused == hash) {
        return Ok((refusal(sentence), seen));
    }

    let api: Api<CronJob> = Api::namespaced(context.client.clone(), owner.namespace);
    let name = built.name_any();
    let found = match seen {
        Some(facts) => Some(facts),
        None => api
            .get_opt(&name)
            .await
            .map_err(Error::new("read the CronJob"))?
            .as_ref()
            .map(CronJobFacts::of),
    };
    if found
        .as_ref()
        .is_some_and(|found| found.owner.as_deref() != Some(owner.uid))
    {
        let message = format!(
            "CronJob {name} is there already and belongs to something else: delete or rename it, or name this object otherwise"
        );
        let problem = Problem {
            reason: reason::NAME_TAKEN,
            message,
        };
        return Ok((Verdict::NotReady(problem), None));
    }
    let mut params = PatchParams::apply(names::MANAGER);
    let mut body = built.clone();
    if let Some(found) = &found {
        // only ours, and only this one: the API server refuses any other
        params = params.force();
        body.metadata.uid = Some(found.uid.clone());
    }
    match api
        .patch(&name, &params, &Patch::Apply(&body))
        .await
        .map_err(Error::new("apply the CronJob"))
    {
        Ok(applied) => {
            let facts = CronJobFacts::of(&applied);
            memory.refused = None;
            memory.applied = Some(Applied {
                uid: facts.uid.clone(),
                generation: facts.generation,
                hash,
            });
            if found.is_none() {
                let schedule = format!("{} ({})", spec.effective_schedule, spec.time_zone);
                notices.push(events::cronjob_created(&name, &schedule));
                if spec.schedule.meets_clock_change(Timestamp::now(), &spec.zone) {
                    notices.push(events::clock_change(&spec.effective_schedule, &spec.time_zone));
                }
            }
            Ok((Verdict::Ready, Some(facts)))
        }
        Err(error) if error.code() == 422 => {
            let sentence = clean(error.sentence().unwrap_or_default());
            let verdict = refusal(&sentence);
            memory.refused = Some((hash, sentence));
            Ok((verdict, found))
        }
        Err(error) if error.is_namespace_terminating() => Err(error),
        Err(error) => match error.sentence() {
            Some(sentence) => {
                let problem = Problem {
                    reason: reason::APPLY_FAILED,
                    message: clean(sentence),
                };
                Ok((Verdict::NotReady(problem), found))
            }
            None => Err(error),
        },
    }
}

fn refusal(sentence: &str) -> Verdict {
    Verdict::Stalled(vec![Problem {
        reason: reason::REFUSED,
        message: sentence.to_owned(),
    }])
}

/// Suspends the CronJob of an object that may not run, if there is one, and leaves it alone otherwise: deleting it would
/// kill a run and lose the history.
async fn suspend(context: &Context, seen: Option<CronJobFacts>) -> Result<Option<CronJobFacts>, Error> {
    if let Some(cronjob) = seen.as_ref().filter(|cronjob| !cronjob.suspended) {
        let api: Api<CronJob> = Api::namespaced(context.client.clone(), &cronjob.namespace);
        let body = json!({
            "apiVersion": "batch/v1", "kind": "CronJob",
            "metadata": {"name": cronjob.name, "uid": cronjob.uid},
            "spec": {"suspend": true},
        });
        let params = PatchParams::apply(names::MANAGER_SUSPEND).force();
        let patched = api.patch(&cronjob.name, &params, &Patch::Apply(&body)).await;
        patched.map_err(Error::new("suspend the CronJob"))?;
    }
    Ok(seen)
}

/// The runs of an object. Jobs that get no pod are asked, by their events, why.
async fn read_runs(
    context: &Context,
    owner: Owner<'_>,
    memory: &mut Memory,
    now: Timestamp,
) -> Result<Vec<Run>, Error> {
    let jobs = context.index().jobs_of(owner.uid, owner.namespace);
    memory
        .events
        .retain(|uid, _| jobs.iter().any(|(job, _)| job.uid == *uid));
    let mut all = Vec::with_capacity(jobs.len());
    for (job, attempts) in &jobs {
        let known = memory.events.get(&job.uid).and_then(|(_, message)| message.clone());
        let mut run = runs::read(job, attempts, known.as_deref(), now);
        let fresh = memory
            .events
            .get(&job.uid)
            .is_some_and(|(asked, _)| now < *asked + EVENTS_AGE);
        if run.ask_events && !fresh {
            let message = ask_events(context, owner.namespace, &job.uid).await?;
            run = runs::read(job, attempts, message.as_deref(), now);
            memory.events.insert(job.uid.clone(), (now, message));
        }
        all.push(run);
    }
    Ok(all)
}

/// The latest warning about an object, by one list of events.
async fn ask_events(context: &Context, namespace: &str, uid: &str) -> Result<Option<String>, Error> {
    let api: Api<Event> = Api::namespaced(context.client.clone(), namespace);
    let params = ListParams::default().fields(&format!("regarding.uid={uid}")).limit(50);
    let events = api
        .list(&params)
        .await
        .map_err(Error::new("list the events of a Job"))?;
    let warnings = events
        .items
        .into_iter()
        .filter(|event| event.type_.as_deref() == Some("Warning"));
    let latest = warnings.max_by_key(|event| event.metadata.creation_timestamp.as_ref().map(|time| time.0));
    Ok(latest.and_then(|event| event.note).map(|note| clean(&note)))
}

/// What came of a decision to start a run.
#[derive(Debug, Default)]
struct Started {
    /// For people.
    note: Option<String>,
    until: Option<Timestamp>,
    /// To be tried again.
    error: Option<Error>,
}

/// Does what was decided.
async fn follow(
    context: &Context,
    decision: Decision,
    built: &CronJob,
    cronjob: &CronJobFacts,
    memory: &mut Memory,
    now: Timestamp,
) -> Started {
    let order = match decision {
        Decision::Nothing => return Started::default(),
        Decision::Wait { note, until } => {
            return Started {
                note,
                until,
                error: None,
            };
        }
        Decision::Start(order) => order,
    };
    let job = cronjob::job(built, &cronjob.uid, &order);
    let name = job.name_any();
    if let Some((created, at)) = &memory.created
        && *created == name
        && now < *at + WATCH_LAG
    {
        return Started {
            until: Some(*at + WATCH_LAG),
            ..Started::default()
        };
    }
    let api: Api<Job> = Api::namespaced(context.client.clone(), &cronjob.namespace);
    match api
        .create(&PostParams::default(), &job)
        .await
        .map_err(Error::new("create a Job"))
    {
        Ok(_) => {
            memory.created = Some((name, now));
            Started::default()
        }
        // made before this process started, and the watch does not show it yet
        Err(error) if error.code() == 409 => Started {
            error: Some(error),
            ..Started::default()
        },
        Err(error) => {
            let sentence = clean(error.sentence().unwrap_or("the API server cannot be reached"));
            Started {
                note: Some(format!("a run cannot be started: {sentence}")),
                until: None,
                error: Some(error),
            }
        }
    }
}

/// Enters running Jobs that the CronJob controller did not make into the CronJob's list of active ones, so that it starts
/// no other beside them.
async fn enter_active(context: &Context, cronjob: &CronJobFacts, runs: &[Run]) -> Result<(), Error> {
    let known = |run: &&Run| {
        cronjob
            .active
            .iter()
            .any(|active| active.uid.as_deref() == Some(&run.uid))
    };
    let mut missing = runs.iter().filter(|run| run.is_running() && !known(run)).peekable();
    if missing.peek().is_none() {
        return Ok(());
    }
    let missing = missing.map(|run| ObjectReference {
        api_version: Some("batch/v1".into()),
        kind: Some("Job".into()),
        namespace: Some(run.namespace.clone()),
        name: Some(run.job.clone()),
        uid: Some(run.uid.clone()),
        resource_version: Some(run.resource_version.clone()),
        field_path: None,
    });
    let active: Vec<ObjectReference> = cronjob.active.iter().cloned().chain(missing).collect();
    let body = json!({
        "metadata": {"resourceVersion": cronjob.resource_version},
        "status": {"active": active},
    });
    let api: Api<CronJob> = Api::namespaced(context.client.clone(), &cronjob.namespace);
    let params = PatchParams {
        field_manager: Some(names::MANAGER.into()),
        ..PatchParams::default()
    };
    match api.patch_status(&cronjob.name, &params, &Patch::Merge(&body)).await {
        Ok(_) => Ok(()),
        // it has changed meanwhile: that change comes by the watch, and with it the next look
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        Err(error) => Err(Error::new("enter a Job as active")(error)),
    }
}

async fn write_status(context: &Context, owner: Owner<'_>, status: &WedofSheetSyncStatus) -> Result<(), Error> {
    let api: Api<WedofSheetSync> = Api::namespaced(context.client.clone(), owner.namespace);
    let body = json!({
        "apiVersion": WedofSheetSync::api_version(&()), "kind": WedofSheetSync::kind(&()),
        "metadata": {"name": owner.name, "uid": owner.uid},
        "status": status,
    });
    let params = PatchParams::apply(names::MANAGER_STATUS).force();
    // the answer is not read as our type: what else it holds need not decode
    let api: Api<kube::core::DynamicObject> = Api::namespaced_with(
        api.into_client(),
        owner.namespace,
        &kube::core::ApiResource::erase::<WedofSheetSync>(&()),
    );
    api.patch_status(owner.name, &params, &Patch::Apply(&body))
        .await
        .map_err(Error::new("write the status"))?;
    Ok(())
}

async fn publish(context: &Context, about: &ObjectReference, notices: &[Notice]) {
    for notice in notices {
        events::publish(&context.recorder, about, notice).await;
    }
}

/// An object that does not decode, stored under another version's rules: it is told so, once, and runs nothing.
async fn reconcile_undecodable(
    context: &Context,
    object: &InvalidObject,
    uid: &str,
    memory: &mut Memory,
) -> Result<Action, Error> {
    let now = Timestamp::now();
    let meta = &object.metadata;
    let owner = Owner {
        namespace: meta.namespace.as_deref().unwrap_or_default(),
        name: meta.name.as_deref().unwrap_or_default(),
        uid,
        generation: meta.generation.unwrap_or_default(),
    };
    let seen = context
        .index()
        .cronjob_of(uid, owner.namespace, &cronjob::name(owner.name))
        .cloned();
    suspend(context, seen).await?;
    let told = memory.written.as_ref().map(|(_, status)| status.clone());
    if told.as_ref().and_then(|status| status.observed_generation) == Some(owner.generation) {
        return Ok(Action::await_change());
    }
    let message = format!("the spec cannot be read: {}", clean(&object.error));
    tracing::warn!(
        namespace = owner.namespace,
        name = owner.name,
        message,
        "an object does not decode"
    );
    let verdict = Verdict::Stalled(vec![Problem {
        reason: reason::INVALID_SPEC,
        message,
    }]);
    let old = told.unwrap_or_default();
    let new = status::conclude(old.clone(), owner.generation, &verdict, None, None, &[], now);
    write_status(context, owner, &new).await?;
    let about = ObjectReference {
        api_version: Some(WedofSheetSync::api_version(&()).into_owned()),
        kind: Some(WedofSheetSync::kind(&()).into_owned()),
        namespace: meta.namespace.clone(),
        name: meta.name.clone(),
        uid: Some(uid.to_owned()),
        ..ObjectReference::default()
    };
    publish(context, &about, &events::transitions(&old, &new)).await;
    memory.written = Some((meta.resource_version.clone().unwrap_or_default(), new));
    Ok(Action::await_change())
}
