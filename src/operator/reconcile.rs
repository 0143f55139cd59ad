//! The driver: brings the cluster to where one object wants it, and says so. What is decided is decided by the pure
//! modules (validate → cronjob → runs → status → orders → events), what is sent is sent by `send`.
//!
//! At rest nothing is sent: what was applied last is remembered by its hash and the CronJob's generation, a status is
//! written only if it differs, and everything read comes from watches.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use kube::{
    Resource, ResourceExt,
    core::{ObjectMeta, error_boundary::InvalidObject},
    runtime::controller::Action,
};

use super::{
    context::{Context, Memory, Written},
    cronjob::{self, Owner},
    events::{self, Notice},
    facts::Suspended,
    index::Same,
    names::{self, reason},
    object::Object,
    orders,
    reported::clean,
    runs::{self, Run},
    send::{self, Error, Started},
    status::{self, Verdict},
    turns,
    validate::{self, Problem},
};
use crate::{
    api::{WedofSheetSync, WedofSheetSyncStatus},
    spec,
};

/// Even if nothing is heard, an object is looked at again after this time. It costs no request.
const LONGEST_REST: Duration = Duration::from_secs(3600);
/// Events of a Job are asked for again after this time.
const EVENTS_AGE: SignedDuration = SignedDuration::from_mins(5);

/// Brings one object to where it wants to be.
pub async fn reconcile(object: Arc<Object>, context: Arc<Context>) -> Result<Action, Arc<Error>> {
    let (Some(uid), None) = (object.meta().uid.clone(), &object.meta().deletion_timestamp) else {
        return Ok(Action::await_change());
    };
    let memory = context.memory(&uid);
    let result = reconcile_once(&object, &context, &uid, &mut *memory.lock().await).await;
    if !context.index().has_object(&uid) {
        // it went meanwhile, and what was remembered of it with it
        context.forget(&uid);
    }
    result
}

async fn reconcile_once(
    object: &Object,
    context: &Context,
    uid: &str,
    memory: &mut Memory,
) -> Result<Action, Arc<Error>> {
    let started = Instant::now();
    let result = match &object.decode() {
        Ok(object) => reconcile_object(context, object, uid, memory).await,
        Err(invalid) => reconcile_undecodable(context, invalid, uid, memory).await,
    };
    context.metrics.reconciled(started.elapsed());
    match result {
        Err(error) if error.is_namespace_terminating() => {
            tracing::debug!(%error, "the namespace is terminating");
            Ok(Action::requeue(LONGEST_REST))
        }
        Ok(action) => {
            memory.failures = 0;
            Ok(action)
        }
        Err(error) => {
            memory.failures += 1;
            context.metrics.api_error(error.action, error.code());
            Err(Arc::new(error))
        }
    }
}

/// When to try again after an error, each object for itself.
pub fn retry(object: Arc<Object>, error: &Arc<Error>, context: Arc<Context>) -> Action {
    let uid = object.meta().uid.as_deref().unwrap_or_default();
    let wait = backoff(context.failures(uid).unwrap_or(1), rand::random());
    tracing::warn!(%error, retry_in = ?wait, "reconciliation failed");
    Action::requeue(wait)
}

/// 2, 4, 8 … seconds, at most five minutes, and up to a quarter more by chance: what failed together is not tried again
/// together.
fn backoff(failures: u32, chance: f64) -> Duration {
    let wait = Duration::from_secs((1 << failures.min(9)).min(300));
    wait.mul_f64(1.0 + chance / 4.0)
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
    let (verdict, cronjob) = match (&plan, conflict(context, owner, object)) {
        (Ok((spec, built)), None) => send::apply(context, owner, spec, built, seen, memory, &mut notices).await?,
        (Ok(_), Some(conflict)) => (Verdict::NotReady(conflict), send::suspend(context, seen).await?),
        (Err(problems), _) => (Verdict::Stalled(problems.clone()), seen),
    };
    // of a spec that cannot be run nothing is created, and what there is stops
    let cronjob = match verdict {
        Verdict::Stalled(_) => send::suspend(context, cronjob).await?,
        _ => cronjob,
    };

    let runs = read_runs(context, owner, &old, memory, now).await?;
    let turns = turns::turns(&runs);
    send::take_turns(context, &turns).await?;
    let recorded = status::record(&old, &runs, cronjob.as_ref(), now);
    let started = match (&plan, &cronjob, &verdict) {
        (Ok((spec, built)), Some(cronjob), Verdict::Ready) => {
            let request = object.annotations().get(names::SYNC_REQUESTED_AT).map(String::as_str);
            let decision = orders::decide(uid, request, spec, &recorded, &runs, now);
            send::follow(context, decision, built, cronjob, memory, now).await
        }
        _ => Started::default(),
    };
    if let Some(cronjob) = &cronjob {
        send::enter_active(context, cronjob, &runs).await?;
    }

    let mut notes = turns::notes(&turns);
    notes.extend(started.note);
    let halted = runs
        .iter()
        .filter(|run| run.suspended == Some(Suspended::Otherwise) && !run.has_ended());
    notes.extend(halted.map(|run| {
        format!(
            "Job {} is suspended and may hold the schedule back: resume or delete it",
            run.job
        )
    }));
    if let Some(cronjob) = cronjob.as_ref().filter(|cronjob| !cronjob.foreign.is_empty()) {
        notes.push(format!(
            "others have set in its CronJob: {}",
            cronjob.foreign.join(", ")
        ));
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
    if let Some(spec) = spec
        && !status::runs_at(&old, spec)
        && status::runs_at(&new, spec)
        && spec.schedule.meets_clock_change(now, &spec.zone)
    {
        notices.push(events::clock_change(&spec.effective_schedule, &spec.time_zone));
    }
    // before the status, that is: before it counts as told
    publish(context, &object.metadata, &notices).await;
    if new != old {
        let version = object.resource_version().unwrap_or_default();
        send::write_status(context, owner, &new).await?;
        memory.written = Some(Box::new(Written {
            version,
            status: new.clone(),
        }));
    }
    let recorded = runs
        .iter()
        .filter(|run| run.has_ended() && status::is_recorded(&new, run));
    context.index().record(recorded.map(|run| run.uid.as_str()));

    if let Some(error) = started.error {
        return Err(error);
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
        Some(written) if object.resource_version().as_ref() == Some(&written.version) => written.status.clone(),
        _ => {
            memory.written = None;
            object.status.clone().unwrap_or_default()
        }
    }
}

/// An older object that writes into one of this one's tabs.
fn conflict(context: &Context, owner: Owner<'_>, object: &WedofSheetSync) -> Option<Problem> {
    let index = context.index();
    let (other, place, same) = index.conflict(owner.uid)?;
    let wanted = spec::wanted(object.spec.resources.as_deref());
    let tab = wanted.get(place)?;
    // names of other namespaces are nobody's business
    let whose = if other.key.namespace == owner.namespace {
        format!("WedofSheetSync {}", other.key.name)
    } else {
        "an object of another namespace".into()
    };
    let message = match same {
        Same::Title => format!(
            "{whose} fills the tab `{}` of this spreadsheet already, and is older: give this one another tab, or delete the other",
            tab.title()
        ),
        Same::Resource => format!(
            "{whose} syncs {} into this spreadsheet already, and is older; a spreadsheet has one tab for each resource, \
             whatever its title: give this one another spreadsheet or leave the resource out, or delete the other",
            tab.name
        ),
    };
    Some(Problem {
        reason: reason::TAB_CONFLICT,
        message,
    })
}

/// The runs of an object. Jobs that get no pod are asked, by their events, why.
async fn read_runs(
    context: &Context,
    owner: Owner<'_>,
    old: &WedofSheetSyncStatus,
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
        if run.ask_events && !fresh && !status::is_recorded(old, &run) {
            // events are forgotten after an hour, and what they said may still hold
            let message = send::ask_events(context, owner.namespace, &job.uid).await?.or(known);
            run = runs::read(job, attempts, message.as_deref(), now);
            memory.events.insert(job.uid.clone(), (now, message));
        }
        // whoever makes a Job writes what they like
        run.generation = run.generation.map(|generation| generation.min(owner.generation));
        all.push(run);
    }
    Ok(all)
}

async fn publish(context: &Context, about: &ObjectMeta, notices: &[Notice]) {
    for notice in notices {
        let (namespace, name) = (about.namespace.as_deref(), about.name.as_deref());
        tracing::info!(namespace, name, reason = notice.reason, "{}", notice.note);
        context.publisher.publish(about, notice).await;
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
    send::suspend(context, seen).await?;
    let told = memory.written.as_ref().map(|written| written.status.clone());
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
    // told once of each generation: writing the status makes another version of the object
    let about = ObjectMeta {
        resource_version: Some(owner.generation.to_string()),
        ..meta.clone()
    };
    publish(context, &about, &events::transitions(&old, &new)).await;
    match send::write_status(context, owner, &new).await {
        // what is stored is so wrong that not even a status can be added: the event and the log must do
        Err(error) if error.is_invalid() => tracing::warn!(%error, "the status of such an object cannot be written"),
        written => written?,
    }
    memory.written = Some(Box::new(Written {
        version: meta.resource_version.clone().unwrap_or_default(),
        status: new,
    }));
    Ok(Action::await_change())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_that_keeps_failing_is_tried_ever_more_slowly_and_never_given_up() {
        let waits = [1, 2, 3, 8, 9, 1000].map(|failures| backoff(failures, 0.0).as_secs());
        assert_eq!(waits, [2, 4, 8, 256, 300, 300]);
        assert_eq!(backoff(1, 1.0), Duration::from_millis(2500));
    }
}
