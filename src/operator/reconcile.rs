//! The driver: brings the cluster to where one object wants it, and says so. What is decided is decided by the pure
//! modules (validate → conflict → cronjob → runs → turns → status → orders → events), what is sent is sent by `send`.
//!
//! At rest nothing is sent: what was applied last is remembered by its hash and the CronJob's generation, by the status over
//! a restart too; a status is written only if it differs, and everything read comes from watches.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::CronJob;
use kube::{
    Resource, ResourceExt,
    core::{ObjectMeta, error_boundary::InvalidObject},
    runtime::controller::Action,
};

use super::{
    conflict,
    context::{Context, Memory, Written},
    cronjob::{self, Owner},
    events::{self, Notice},
    facts::{CronJobFacts, later},
    intake::ROUND,
    names::{self, reason},
    object::Object,
    orders,
    reported::clean,
    runs::{self, Run},
    send::{self, Error, Started, WRITE_STATUS},
    status::{self, Verdict},
    turns::{self, Turns},
    validate::{self, Problem, ValidSpec},
};
use crate::{
    api::{PlacedCronJob, WedofSheetSync, WedofSheetSyncSpec, WedofSheetSyncStatus},
    spec,
};

/// Somebody may remove the CronJob that is in the way, which is not watched.
const UNHEARD: Duration = Duration::from_secs(60);
/// Events of a Job are asked for again after this time.
const EVENTS_AGE: SignedDuration = SignedDuration::from_mins(5);

/// Brings one object to where it wants to be.
pub async fn reconcile(object: Arc<Object>, context: Arc<Context>) -> Result<Action, Arc<Error>> {
    let (Some(uid), None) = (object.meta().uid.clone(), &object.meta().deletion_timestamp) else {
        return Ok(Action::await_change());
    };
    let mut memory = context.remembered(&uid);
    let result = reconcile_once(&object, &context, &uid, &mut memory).await;
    // unless it went meanwhile, and what was remembered of it with it
    if context.index().has_object(&uid) {
        context.remember(&uid, memory);
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
    let (meta, now) = (object.meta(), Timestamp::now());
    let version = meta.resource_version.as_deref().unwrap_or_default();
    if let Some(until) = memory.outdated_until(version, now) {
        return Ok(rest(Some(until), now, None));
    }
    let look = Look {
        context,
        owner: Owner {
            namespace: meta.namespace.as_deref().unwrap_or_default(),
            name: meta.name.as_deref().unwrap_or_default(),
            uid,
            generation: meta.generation.unwrap_or_default(),
        },
        meta,
        memory,
        now,
        notices: Vec::new(),
        errors: Vec::new(),
    };
    let result = match object.decode() {
        Ok(object) => look.reconcile(&object).await,
        Err(invalid) => look.reconcile_undecodable(&invalid, object.status()).await,
    };
    context.metrics.reconciled(started.elapsed());
    match result {
        Err(error) if error.is_namespace_terminating() => {
            tracing::debug!(%error, "the namespace is terminating");
            Ok(Action::await_change())
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

/// One look at an object.
struct Look<'a> {
    context: &'a Context,
    owner: Owner<'a>,
    meta: &'a ObjectMeta,
    memory: &'a mut Memory,
    now: Timestamp,
    /// To be told.
    notices: Vec<Notice>,
    /// Of requests that failed. None of them keeps the result of a run out of the status: the look goes on, and is repeated.
    errors: Vec<Error>,
}

/// A spec that can be run, and its CronJob.
type Plan = (ValidSpec, CronJob);

impl<'a> Look<'a> {
    async fn reconcile(mut self, object: &WedofSheetSync) -> Result<Action, Error> {
        let now = self.now;
        let old = self.memory.status(self.version(), Ok(object.status.clone()));
        let plan = self.plan(&object.spec);
        let (verdict, cronjob) = self.place(object, &plan, old.cron_job.as_ref()).await;

        let runs = self.read_runs(&old).await;
        let turns = turns::turns(&runs);
        let taken = send::take_turns(self.context, &turns).await;
        self.succeeded(taken);
        let (ends, recorded) = status::record(&old, &runs, cronjob.as_ref(), now);
        let started = match (&plan, &cronjob, &verdict) {
            (Ok((spec, built)), Some(cronjob), Some(Verdict::Ready)) => {
                let request = object.annotations().get(names::SYNC_REQUESTED_AT).map(String::as_str);
                let decision = orders::decide(self.owner.uid, request, spec, &recorded, &runs, now);
                send::follow(self.context, decision, built, cronjob, self.memory, now).await
            }
            _ => Started::default(),
        };
        self.errors.extend(started.error);
        if let Some(cronjob) = &cronjob {
            let entered = send::enter_active(self.context, cronjob, &runs).await;
            self.succeeded(entered);
        }

        let spec = plan.as_ref().ok().map(|(spec, _)| spec);
        let notes = notes(&turns, started.note, &runs, cronjob.as_ref());
        let generation = self.owner.generation;
        let mut new = match &verdict {
            Some(verdict) => status::conclude(recorded, generation, verdict, spec, cronjob.as_ref(), &notes, now),
            None => recorded,
        };
        if let (Some(Verdict::Ready), Some(cronjob), Some(applied)) = (&verdict, &cronjob, &self.memory.applied) {
            new.cron_job = Some(applied.placed(cronjob));
        }
        self.notices.extend(events::transitions(&old, &ends, &new));
        if let Some(spec) = spec
            && !status::runs_at(&old, spec)
            && status::runs_at(&new, spec)
            && spec.schedule.meets_clock_change(now, &spec.zone)
        {
            self.notices
                .push(events::clock_change(&spec.effective_schedule, &spec.time_zone));
        }
        if self.write(&old, &new, self.meta).await {
            let recorded = runs
                .iter()
                .filter(|run| run.has_ended() && status::is_recorded(&new, run));
            self.context.index().record(recorded.map(|run| run.uid.as_str()));
        }
        let outdated = self.memory.outdated_until(self.version(), now);
        self.end()?;
        let next = new.next_schedule_time.map(|time| time.0 + SignedDuration::from_secs(1));
        let looks = runs
            .iter()
            .map(|run| run.look_again)
            .chain([next, started.until, outdated])
            .flatten();
        Ok(rest(looks.min(), now, verdict.as_ref()))
    }

    /// An object that does not decode, stored under another version's rules: it is told so, once, and runs nothing.
    async fn reconcile_undecodable(
        mut self,
        object: &InvalidObject,
        status: Result<Option<WedofSheetSyncStatus>, String>,
    ) -> Result<Action, Error> {
        let seen = self.seen_cronjob();
        self.suspend(seen.as_ref()).await;
        let verdict = Verdict::Stalled(vec![Problem {
            reason: reason::INVALID_SPEC,
            message: clean(&object.error),
        }]);
        let old = self.memory.status(self.version(), status);
        let generation = self.owner.generation;
        let new = status::conclude(old.clone(), generation, &verdict, None, None, &[], self.now);
        // told once of each generation, after a restart too: what cannot be written is found different at each look
        let told = (generation.to_string(), object.error.clone());
        if self.memory.refused.as_ref() != Some(&told) {
            let about = ObjectMeta {
                resource_version: Some(generation.to_string()),
                ..self.meta.clone()
            };
            self.notices.extend(events::transitions(&old, &[], &new));
            self.write(&old, &new, &about).await;
        }
        let refused = |error: &mut Error| error.is_invalid() && error.action == WRITE_STATUS;
        // what is stored is so wrong that not even a status can be added: the event and the log must do
        if let Some(error) = self.errors.pop_if(refused) {
            tracing::warn!(%error, "the status of an object that does not decode cannot be written");
            self.memory.refused = Some(told);
        }
        let (now, outdated) = (self.now, self.memory.outdated_until(self.version(), self.now));
        self.end()?;
        Ok(rest(outdated, now, None))
    }

    /// The version of the object.
    fn version(&self) -> &'a str {
        self.meta.resource_version.as_deref().unwrap_or_default()
    }

    fn plan(&self, spec: &WedofSheetSyncSpec) -> Result<Plan, Vec<Problem>> {
        let Owner { namespace, name, .. } = self.owner;
        let spec = validate::validate(namespace, name, spec, &self.context.policy)?;
        let built = cronjob::build(self.owner, &spec, &self.context.settings);
        Ok((spec, built))
    }

    /// Brings the CronJob to where it has to be. Without a verdict it is not known where it is.
    async fn place(
        &mut self,
        object: &WedofSheetSync,
        plan: &Result<Plan, Vec<Problem>>,
        placed: Option<&PlacedCronJob>,
    ) -> (Option<Verdict>, Option<CronJobFacts>) {
        let seen = self.seen_cronjob();
        let (verdict, cronjob) = match (plan, self.conflict(&object.spec)) {
            (Ok((spec, built)), None) => {
                let (memory, notices) = (&mut *self.memory, &mut self.notices);
                let cronjob = (built, seen.clone(), placed);
                match send::apply(self.context, self.owner, spec, cronjob, memory, notices).await {
                    Ok(applied) => applied,
                    Err(error) => {
                        self.errors.push(error);
                        return (None, seen);
                    }
                }
            }
            (Ok(_), Some(conflict)) => {
                self.suspend(seen.as_ref()).await;
                (Verdict::NotReady(conflict), seen)
            }
            (Err(problems), _) => (Verdict::Stalled(problems.clone()), seen),
        };
        // of a spec that cannot be run nothing is created, and what there is stops
        if let Verdict::Stalled(_) = verdict {
            self.suspend(cronjob.as_ref()).await;
        }
        (Some(verdict), cronjob)
    }

    fn seen_cronjob(&self) -> Option<CronJobFacts> {
        let Owner {
            namespace, name, uid, ..
        } = self.owner;
        let index = self.context.index();
        index.cronjob_of(uid, namespace, &cronjob::name(name)).cloned()
    }

    async fn suspend(&mut self, cronjob: Option<&CronJobFacts>) {
        if let Some(cronjob) = cronjob {
            let suspended = send::suspend(self.context, cronjob).await;
            self.succeeded(suspended);
        }
    }

    fn conflict(&self, spec: &WedofSheetSyncSpec) -> Option<Problem> {
        let index = self.context.index();
        let (other, place, same) = index.conflict(self.owner.uid)?;
        let tabs = spec::wanted(spec.resources.as_deref());
        Some(conflict::problem(self.owner.namespace, tabs.get(place)?, same, other))
    }

    /// The runs of the object. Jobs that get no pod are asked, by their events, why.
    async fn read_runs(&mut self, old: &WedofSheetSyncStatus) -> Vec<Run> {
        let (Owner { namespace, uid, .. }, now) = (self.owner, self.now);
        let jobs = self.context.index().jobs_of(uid, namespace);
        let asked = &mut self.memory.events;
        asked.retain(|uid, _| jobs.iter().any(|(job, _)| job.uid == *uid));
        let mut all = Vec::with_capacity(jobs.len());
        for (job, attempts) in &jobs {
            let asked = self.memory.events.get(&job.uid).cloned();
            let fresh = asked.as_ref().is_some_and(|(at, _)| now < *at + EVENTS_AGE);
            let known = asked.and_then(|(_, message)| message);
            let mut run = runs::read(job, attempts, known.as_deref(), now);
            if run.ask_events && !fresh && !status::is_recorded(old, &run) {
                match send::ask_events(self.context, namespace, &job.uid).await {
                    Ok(message) => {
                        // events are forgotten after an hour, and what they said may still hold
                        let message = message.or(known);
                        run = runs::read(job, attempts, message.as_deref(), now);
                        self.memory.events.insert(job.uid.clone(), (now, message));
                    }
                    Err(error) => self.errors.push(error),
                }
            }
            // whoever makes a Job writes what they like
            run.generation = run.generation.map(|generation| generation.min(self.owner.generation));
            all.push(run);
        }
        all
    }

    /// Sends the notices, then writes the status if it is another. True: what it says is written.
    async fn write(&mut self, old: &WedofSheetSyncStatus, new: &WedofSheetSyncStatus, about: &ObjectMeta) -> bool {
        // before the status, that is: before it counts as told
        for notice in &self.notices {
            let (namespace, name) = (self.owner.namespace, self.owner.name);
            tracing::info!(namespace, name, reason = notice.reason, "{}", notice.note);
            self.context.publisher.publish(about, notice).await;
        }
        if new == old {
            return true;
        }
        let latest = self.memory.latest(self.version());
        let written = send::write_status(self.context, self.owner, latest, new).await;
        if let Err(error) = &written
            && let Some(wait) = outdated(error)
        {
            let until = Box::new((self.version().to_owned(), later(self.now, wait)));
            let before = self.memory.outdated.replace(until);
            // the watch will show another version; if it does not, something else is wrong
            if before.is_none_or(|before| before.0 != self.version()) {
                tracing::debug!(%error, "the object has changed meanwhile");
                return false;
            }
        }
        let Some(version) = self.succeeded(written) else {
            return false;
        };
        self.memory.written = Some(Box::new(Written {
            before: self.version().to_owned(),
            version,
            status: new.clone(),
        }));
        true
    }

    /// What came of a request. The look goes on without, if it failed.
    fn succeeded<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        result.map_err(|error| self.errors.push(error)).ok()
    }

    /// The first error, if there was one, is that of the whole look.
    fn end(self) -> Result<(), Error> {
        let mut errors = self.errors.into_iter();
        let first = errors.next();
        for error in errors.filter(|error| !error.is_namespace_terminating()) {
            tracing::warn!(%error, "reconciliation failed");
            self.context.metrics.api_error(error.action, error.code());
        }
        first.map_or(Ok(()), Err)
    }
}

/// How long an object is left alone whose status is not taken: it is another one by now, or gone.
fn outdated(error: &Error) -> Option<SignedDuration> {
    match error.code() {
        Some(404) => Some(SignedDuration::from_mins(5)),
        Some(409) => Some(SignedDuration::from_secs(2)),
        _ => None,
    }
}

/// What people should know of an object that is in place.
fn notes(turns: &Turns<'_>, started: Option<String>, runs: &[Run], cronjob: Option<&CronJobFacts>) -> Vec<String> {
    let mut notes = turns::notes(turns);
    notes.extend(started);
    let halted = runs.iter().filter(|run| run.is_halted());
    notes.extend(halted.map(|run| {
        format!(
            "Job {} is suspended and may hold the schedule back: resume or delete it",
            run.job
        )
    }));
    if let Some(cronjob) = cronjob.filter(|cronjob| !cronjob.foreign.is_empty()) {
        notes.push(format!(
            "others have set in its CronJob: {}",
            cronjob.foreign.join(", ")
        ));
    }
    notes
}

/// When to look again. What is far off is left to the next round: each time that is waited for takes memory.
fn rest(soonest: Option<Timestamp>, now: Timestamp, verdict: Option<&Verdict>) -> Action {
    let due = soonest.map(|time| Duration::try_from(time.duration_since(now)).unwrap_or_default());
    let unheard = matches!(verdict, Some(Verdict::NotReady(_))).then_some(UNHEARD);
    match due.into_iter().chain(unheard).min() {
        Some(wait) if wait < 2 * ROUND => Action::requeue(wait.max(Duration::from_secs(1))),
        _ => Action::await_change(),
    }
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

    #[test]
    fn what_is_due_soon_is_waited_for_and_what_is_far_off_left_to_the_rounds() {
        let now = Timestamp::UNIX_EPOCH;
        let wait = |seconds| Action::requeue(Duration::from_secs(seconds));
        let after = |seconds| {
            rest(
                Some(now + SignedDuration::from_secs(seconds)),
                now,
                Some(&Verdict::Ready),
            )
        };
        assert_eq!(after(-5), wait(1));
        assert_eq!(after(90), wait(90));
        // whenever the last round was, the next one comes before that
        assert_eq!(after(7199), wait(7199));
        assert_eq!(after(7200), Action::await_change());
        assert_eq!(rest(None, now, Some(&Verdict::Ready)), Action::await_change());
        let taken = Verdict::NotReady(Problem {
            reason: reason::NAME_TAKEN,
            message: String::new(),
        });
        assert_eq!(rest(None, now, Some(&taken)), wait(60));
    }
}
