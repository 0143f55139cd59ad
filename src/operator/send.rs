//! Everything that is sent to the API server for one object, each request with the reason why it is needed.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::{
    batch::v1::{CronJob, Job},
    core::v1::ObjectReference,
    events::v1::Event,
};
use kube::{
    Api, Resource, ResourceExt,
    api::{ListParams, Patch, PatchParams, PostParams},
    core::{ApiResource, DynamicObject},
};
use serde_json::json;

use super::{
    context::{Applied, Context, Memory},
    cronjob::{self, Owner},
    events::{self, Notice},
    facts::CronJobFacts,
    names::{self, reason},
    orders::Decision,
    reported::clean,
    runs::Run,
    status::Verdict,
    turns::Turns,
    uid::Uid,
    validate::{Problem, ValidSpec},
    watched::Facts,
};
use crate::api::{PlacedCronJob, WedofSheetSync, WedofSheetSyncStatus};

/// How long a watch may take to show a Job that was created.
const WATCH_LAG: SignedDuration = SignedDuration::from_secs(30);

/// The action of [`write_status`].
pub const WRITE_STATUS: &str = "write the status";

/// A request that failed, and may succeed later.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action}: {}", sentence(source))]
pub struct Error {
    pub action: &'static str,
    #[source]
    source: kube::Error,
}

/// The API server's own sentence, if it answered, without the object around it.
fn sentence(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => clean(&status.message),
        error => error.to_string(),
    }
}

impl Error {
    fn new(action: &'static str) -> impl Fn(kube::Error) -> Self {
        move |source| Self { action, source }
    }

    /// The HTTP status, if the API server answered.
    pub fn code(&self) -> Option<u16> {
        code(&self.source)
    }

    /// The API server finds the object itself invalid.
    pub fn is_invalid(&self) -> bool {
        self.code() == Some(422)
    }

    pub fn is_namespace_terminating(&self) -> bool {
        is_namespace_terminating(&self.source)
    }
}

/// The HTTP status, if the API server answered.
pub fn code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}

/// The namespace is on its way out: nothing can be created in it, and nothing needs to be.
pub fn is_namespace_terminating(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => {
            let mut causes = status.details.iter().flat_map(|details| &details.causes);
            causes.any(|cause| cause.reason == "NamespaceTerminating")
        }
        _ => false,
    }
}

/// Puts the CronJob in place, if it is or will be ours.
pub async fn apply(
    context: &Context,
    owner: Owner<'_>,
    spec: &ValidSpec,
    (built, seen, placed): (&CronJob, Option<CronJobFacts>, Option<&PlacedCronJob>),
    memory: &mut Memory,
    notices: &mut Vec<Notice>,
) -> Result<(Verdict, Option<CronJobFacts>), Error> {
    let hash = cronjob::applied_hash(&built.metadata).unwrap_or_default().to_owned();
    if memory.applied.is_none() {
        memory.applied = placed
            .zip(seen.as_ref())
            .and_then(|(placed, facts)| Applied::before(placed, facts));
    }
    if let (Some(facts), Some(applied)) = (&seen, &memory.applied)
        && applied.hash == hash
        && applied.uid == Uid::of(&facts.uid)
        // the watch may be behind our own last write, and anybody else's raises the generation
        && facts.generation <= applied.generation
        && (facts.applied_hash.as_ref() == Some(&hash) || facts.generation < applied.generation)
    {
        return Ok((Verdict::Ready, seen));
    }
    if let Some((_, sentence)) = memory.refused.as_ref().filter(|(refused, _)| *refused == hash) {
        return Ok((refusal(sentence), seen));
    }

    let api: Api<CronJob> = context.api(owner.namespace);
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
    if let Some(found) = found.as_ref().filter(|found| found.owner != Some(Uid::of(owner.uid))) {
        return Ok((Verdict::NotReady(name_taken(owner, found)), None));
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
                uid: Uid::of(&facts.uid),
                generation: facts.generation,
                hash,
            });
            if found.is_none() {
                let schedule = format!("{} ({})", spec.effective_schedule, spec.time_zone);
                notices.push(events::cronjob_created(&name, &schedule));
            }
            Ok((Verdict::Ready, Some(facts)))
        }
        Err(error) if error.is_invalid() => {
            let sentence = sentence(&error.source);
            let verdict = refusal(&sentence);
            memory.refused = Some((hash, sentence));
            Ok((verdict, found))
        }
        // somebody was faster: the next look finds out
        Err(error) if error.code() == Some(409) || error.is_namespace_terminating() => Err(error),
        // a quota or a webhook, for instance: told, and looked at again
        Err(error) if error.code().is_some() => {
            let problem = Problem {
                reason: reason::APPLY_FAILED,
                message: sentence(&error.source),
            };
            Ok((Verdict::NotReady(problem), found))
        }
        Err(error) => Err(error),
    }
}

/// Another CronJob has the name.
fn name_taken(owner: Owner<'_>, found: &CronJobFacts) -> Problem {
    let name = &found.name;
    let message = if found.owner_name.as_deref() == Some(owner.name) {
        format!("CronJob {name} is an earlier object's of the same name: this one waits until it is removed")
    } else {
        format!(
            "CronJob {name} is there already and belongs to something else: delete it, or name this object otherwise"
        )
    };
    Problem {
        reason: reason::NAME_TAKEN,
        message,
    }
}

fn refusal(sentence: &str) -> Verdict {
    Verdict::Stalled(vec![Problem {
        reason: reason::REFUSED,
        message: sentence.to_owned(),
    }])
}

/// Suspends the CronJob of an object that may not run, and leaves it alone otherwise: deleting it would kill a run and
/// lose the history.
pub async fn suspend(context: &Context, cronjob: &CronJobFacts) -> Result<(), Error> {
    if cronjob.suspended {
        return Ok(());
    }
    let api: Api<CronJob> = context.api(&cronjob.namespace);
    let body = json!({
        "apiVersion": "batch/v1", "kind": "CronJob",
        "metadata": {"name": cronjob.name, "uid": cronjob.uid},
        "spec": {"suspend": true},
    });
    let params = PatchParams::apply(names::MANAGER_SUSPEND).force();
    let patched = api.patch(&cronjob.name, &params, &Patch::Apply(&body)).await;
    patched.map_err(Error::new("suspend the CronJob"))?;
    Ok(())
}

/// What came of a decision to start a run.
#[derive(Debug, Default)]
pub struct Started {
    /// For people.
    pub note: Option<String>,
    pub until: Option<Timestamp>,
    /// To be tried again.
    pub error: Option<Error>,
}

/// Does what was decided.
pub async fn follow(
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
    let api: Api<Job> = context.api(&cronjob.namespace);
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
        Err(error) if error.code() == Some(409) => Started {
            error: Some(error),
            ..Started::default()
        },
        Err(error) => Started {
            note: Some(format!("a run cannot be started: {}", sentence(&error.source))),
            until: None,
            error: Some(error),
        },
    }
}

/// Enters running Jobs that the CronJob controller did not make into the CronJob's list of active ones, so that it starts
/// no other beside them.
pub async fn enter_active(context: &Context, cronjob: &CronJobFacts, runs: &[Run]) -> Result<(), Error> {
    let known = |run: &&Run| {
        cronjob
            .active
            .iter()
            .any(|active| active.uid.as_deref() == Some(&run.uid))
    };
    let mut missing = runs
        .iter()
        .filter(|run| (run.is_running() || run.waits()) && run.ended.is_none() && !known(run))
        .peekable();
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
    let api: Api<CronJob> = context.api(&cronjob.namespace);
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

/// Suspends Jobs that have to wait for another, or lets one go on that has waited.
pub async fn take_turns(context: &Context, turns: &Turns<'_>) -> Result<(), Error> {
    let suspend = turns.suspend.iter().map(|run| (*run, true));
    for (run, suspend) in suspend.chain(turns.resume.map(|run| (run, false))) {
        let api: Api<Job> = context.api(&run.namespace);
        let body = json!({
            // of this very Job: any other is refused
            "metadata": {"uid": run.uid, "annotations": {names::WAITS: suspend.then_some("true")}},
            "spec": {"suspend": suspend},
        });
        let params = PatchParams {
            field_manager: Some(names::MANAGER.into()),
            ..PatchParams::default()
        };
        match api.patch(&run.job, &params, &Patch::Merge(&body)).await {
            Ok(_) => {}
            // gone, or another of its name: the watch tells
            Err(kube::Error::Api(status)) if [404, 409].contains(&status.code) => {}
            Err(error) => return Err(Error::new("let a Job wait or go on")(error)),
        }
    }
    Ok(())
}

/// Writes the status of the object as it is in this version, so that none of its successors under its name gets it: the API
/// server compares no UID when it writes a status. Returns the version that this makes.
pub async fn write_status(
    context: &Context,
    owner: Owner<'_>,
    version: &str,
    status: &WedofSheetSyncStatus,
) -> Result<String, Error> {
    let body = json!({
        "apiVersion": WedofSheetSync::api_version(&()), "kind": WedofSheetSync::kind(&()),
        "metadata": {"name": owner.name, "resourceVersion": version},
        "status": status,
    });
    let params = PatchParams::apply(names::MANAGER_STATUS).force();
    // the answer is not read as our type: what else it holds need not decode
    let api: Api<DynamicObject> = Api::namespaced_with(
        context.client.clone(),
        owner.namespace,
        &ApiResource::erase::<WedofSheetSync>(&()),
    );
    let written = api.patch_status(owner.name, &params, &Patch::Apply(&body)).await;
    let written = written.map_err(Error::new(WRITE_STATUS))?;
    Ok(written.resource_version().unwrap_or_default())
}

/// The latest warning about an object, by one list of events.
pub async fn ask_events(context: &Context, namespace: &str, uid: &str) -> Result<Option<String>, Error> {
    let api: Api<Event> = context.api(namespace);
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
