//! What the watches tell → the index and the store, and from there the queue of objects to look at.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{Stream, StreamExt, channel::mpsc, future, stream};
use kube::{
    Api, Client, Resource, ResourceExt,
    core::{NamespaceResourceScope, ObjectMeta},
    runtime::{
        reflector::{ObjectRef, Store, store::Writer},
        watcher,
    },
};
use serde::de::DeserializeOwned;
use tokio::{task::JoinSet, time};

use super::{
    context::Context,
    facts::{Attempt, CronJobFacts, JobFacts},
    index::{Key, Recorded, Target},
    metrics::Metrics,
    names,
    object::Object,
    status,
    uid::Uid,
    validate::{Policy, targets, validate},
    watch::{self, Change},
    watched::Watched,
};

/// Objects of one page of a list. A page is held as text and decoded at once: larger ones would be most of the memory
/// that the program ever takes, smaller ones only more requests.
const PAGE: u32 = 100;

/// Even if nothing is heard of them, all objects are looked at again after this time. It costs no request.
pub const ROUND: Duration = Duration::from_secs(3600);
/// Of a round a few objects are named at once, with a pause before: the work queue keeps the room that it ever needed.
const STEP: usize = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// All watches. They end with this.
pub struct Intake {
    _watches: JoinSet<()>,
}

impl Intake {
    /// Starts all watches, of each kind one for the cluster or one for each namespace, and waits until everything has been
    /// listed. The stream names each object that something has happened to; and every one, at once and in each [`ROUND`].
    pub async fn start(
        client: &Client,
        namespaces: &[String],
        context: &Arc<Context>,
        mut writer: Writer<Object>,
    ) -> (Self, impl Stream<Item = ObjectRef<Object>> + use<>) {
        // marks the store as usable; what is in it comes as single changes
        writer.apply_watcher_event(&watcher::Event::InitDone);
        let store = writer.as_reader();
        let (looks, queue) = Looks::new();
        let mut start = Start {
            client,
            namespaces,
            metrics: &context.metrics,
            watches: JoinSet::new(),
        };
        let all = watcher::Config::default().page_size(PAGE);
        let ours = all.clone().labels(names::LABEL_UID);
        // one kind after the other, owners first: then of runs that are recorded nothing is ever kept
        let writer = Arc::new(Mutex::new(writer));
        let on = (context.clone(), looks.clone());
        let handle = move |change| objects(change, &on.0, &writer, &on.1);
        start.follow::<Object>(&all, handle).await;
        let on = (context.clone(), looks.clone());
        let handle = move |change| on.1.add(cronjobs(change, &on.0));
        start.follow::<Watched<CronJobFacts>>(&ours, handle).await;
        let on = (context.clone(), looks.clone());
        let handle = move |change| on.1.add(jobs(change, &on.0));
        start.follow::<Watched<JobFacts>>(&ours, handle).await;
        let on = (context.clone(), looks.clone());
        let handle = move |change| on.1.add(pods(change, &on.0));
        start.follow::<Watched<Attempt>>(&ours, handle).await;

        looks.open.store(true, Ordering::Relaxed);
        let intake = Self {
            _watches: start.watches,
        };
        (intake, stream::select(queue, rounds(store)))
    }
}

struct Start<'a> {
    client: &'a Client,
    namespaces: &'a [String],
    metrics: &'a Metrics,
    watches: JoinSet<()>,
}

impl Start<'_> {
    /// Watches a kind, and waits until it is listed.
    async fn follow<K>(&mut self, config: &watcher::Config, handle: impl Fn(Change<K>) + Clone + Send + 'static)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + std::fmt::Debug
            + Send
            + Sync
            + 'static,
    {
        let (listing, mut listed) = mpsc::unbounded::<Infallible>();
        let apis = match self.namespaces {
            [] => vec![Api::all(self.client.clone())],
            some => some
                .iter()
                .map(|namespace| Api::namespaced(self.client.clone(), namespace))
                .collect(),
        };
        for api in apis {
            let handle = handle.clone();
            let mut listing = Some(listing.clone());
            let metrics = self.metrics.clone();
            self.watches.spawn(
                watch::changes::<K>(api, config.clone(), metrics).for_each(move |change| {
                    if matches!(change, Change::Listed) {
                        drop(listing.take());
                    }
                    handle(change);
                    future::ready(())
                }),
            );
        }
        drop(listing);
        while listed.next().await.is_some() {}
    }
}

/// The way into the queue. While everything is listed it is closed: then all are looked at anyway.
#[derive(Clone)]
struct Looks {
    open: Arc<AtomicBool>,
    sender: mpsc::UnboundedSender<ObjectRef<Object>>,
}

impl Looks {
    fn new() -> (Self, mpsc::UnboundedReceiver<ObjectRef<Object>>) {
        let (sender, queue) = mpsc::unbounded();
        let open = Arc::default();
        (Self { open, sender }, queue)
    }

    fn add(&self, keys: impl IntoIterator<Item = Key>) {
        if !self.open.load(Ordering::Relaxed) {
            return;
        }
        for key in keys {
            // fails only at the end of the program
            let _ = self.sender.unbounded_send(reference(key));
        }
    }
}

/// Every object, at once and in each round.
fn rounds(store: Store<Object>) -> impl Stream<Item = ObjectRef<Object>> {
    let times = stream::unfold(time::interval(ROUND), async |mut times| {
        times.tick().await;
        Some(((), times))
    });
    times.flat_map(move |()| {
        let all = stream::iter(store.state()).map(|object| reference(key(object.meta())));
        all.chunks(STEP)
            .then(async |some| {
                time::sleep(PAUSE).await;
                stream::iter(some)
            })
            .flatten()
    })
}

fn reference(Key { namespace, name }: Key) -> ObjectRef<Object> {
    ObjectRef::new(&name).within(&namespace)
}

fn objects(change: Change<Object>, context: &Context, writer: &Mutex<Writer<Object>>, looks: &Looks) {
    let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
    let (concerned, key) = match change {
        Change::Applied(object) => {
            let key = key(object.meta());
            let (target, recorded) = read(&object, &context.policy);
            let uid = object.uid().unwrap_or_default();
            let concerned = context.index().object(&uid, key.clone(), target, recorded);
            writer.apply_watcher_event(&watcher::Event::Apply(object));
            (concerned, Some(key))
        }
        Change::Deleted(object) => {
            let uid = uid(object.meta());
            writer.apply_watcher_event(&watcher::Event::Delete(object));
            gone(context, uid)
        }
        Change::Vanished(uid) => {
            let store = writer.as_reader();
            if let Some(object) = store.find(|object| self::uid(object.meta()) == uid) {
                writer.apply_watcher_event(&watcher::Event::Delete(Object::clone(&object)));
            }
            gone(context, uid)
        }
        Change::Listed => return,
    };
    drop(writer);
    looks.add(concerned.into_iter().chain(key));
}

fn gone(context: &Context, uid: Uid) -> (Vec<Key>, Option<Key>) {
    context.forget(uid);
    (context.index().object_gone(uid), None)
}

fn uid(meta: &ObjectMeta) -> Uid {
    Uid::of(meta.uid.as_deref().unwrap_or_default())
}

fn key(meta: &ObjectMeta) -> Key {
    Key {
        namespace: meta.namespace.clone().unwrap_or_default(),
        name: meta.name.clone().unwrap_or_default(),
    }
}

/// Where an object writes, nothing if it cannot be read or is on its way out; and which runs its status knows.
fn read(object: &Object, policy: &Policy) -> (Option<Target>, Option<Recorded>) {
    let Ok(object) = object.decode() else {
        let status = object.status().ok().flatten();
        return (None, status.as_ref().and_then(Recorded::of));
    };
    let recorded = object.status.as_ref().and_then(Recorded::of);
    let meta = &object.metadata;
    if meta.deletion_timestamp.is_some() {
        return (None, recorded);
    }
    let (spreadsheet, tabs) = targets(&object.spec);
    let created = meta.creation_timestamp.as_ref().map(|time| time.0.as_second());
    let key = key(meta);
    let refused = object
        .status
        .as_ref()
        .is_some_and(|status| status::is_refused(status, meta.generation));
    let target = Target {
        can_run: !refused && validate(&key.namespace, &key.name, &object.spec, policy).is_ok(),
        age: (created.unwrap_or_default(), uid(meta)),
        spreadsheet,
        tabs,
    };
    (Some(target), recorded)
}

fn cronjobs(change: Change<Watched<CronJobFacts>>, context: &Context) -> Option<Key> {
    let mut index = context.index();
    match change {
        Change::Applied(cronjob) => index.cronjob(cronjob.facts),
        Change::Deleted(cronjob) => index.cronjob_gone(Uid::of(&cronjob.facts.uid)),
        Change::Vanished(uid) => index.cronjob_gone(uid),
        Change::Listed => None,
    }
}

fn jobs(change: Change<Watched<JobFacts>>, context: &Context) -> Option<Key> {
    let mut index = context.index();
    match change {
        Change::Applied(job) => index.job(job.facts),
        Change::Deleted(job) => {
            let uid = Uid::of(&job.facts.uid);
            // its last state may tell an end that no event before told
            index.job(job.facts);
            index.job_gone(uid)
        }
        Change::Vanished(uid) => index.job_gone(uid),
        Change::Listed => None,
    }
}

fn pods(change: Change<Watched<Attempt>>, context: &Context) -> Option<Key> {
    let mut index = context.index();
    match change {
        Change::Applied(pod) => index.pod(pod.facts),
        Change::Deleted(pod) => {
            let uid = Uid::of(&pod.facts.pod_uid);
            index.pod_gone(uid, Some(pod.facts))
        }
        Change::Vanished(uid) => index.pod_gone(uid, None),
        Change::Listed => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const POLICY: Policy = Policy {
        wedof_hosts: Vec::new(),
        secret_names: None,
        allow_placement: true,
    };

    fn object(change: impl Fn(&mut Value)) -> Object {
        let mut object = json!({
            "metadata": {"name": "acme", "namespace": "ns", "uid": "u", "generation": 2},
            "spec": {
                "schedule": "0 7 * * *",
                "spreadsheetId": "1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms",
                "wedof": {"apiKeySecretRef": {"name": "wedof", "key": "api-key"}},
                "google": {"credentialsSecretRef": {"name": "google", "key": "credentials.json"}},
            },
            "status": {"lastRecordedRun": {"completionTime": "2026-11-25T07:00:00Z", "jobUid": "j"}},
        });
        change(&mut object);
        serde_json::from_str(&object.to_string()).unwrap()
    }

    fn can_run(object: &Object) -> bool {
        let policy = Policy {
            wedof_hosts: vec!["www.wedof.fr".into()],
            ..POLICY
        };
        read(object, &policy).0.unwrap().can_run
    }

    #[test]
    fn which_runs_a_status_has_is_known_even_if_its_spec_cannot_be_read() {
        let (target, recorded) = read(&object(|object| object["spec"]["schedule"] = json!(7)), &POLICY);
        assert_eq!(target, None);
        assert!(recorded.is_some());
    }

    #[test]
    fn an_object_runs_unless_its_spec_is_wrong_or_was_refused_by_the_api_server() {
        assert!(can_run(&object(|_| ())));
        assert!(!can_run(&object(
            |object| object["spec"]["schedule"] = json!("61 7 * * *")
        )));
        let refused = |generation: i64| {
            object(move |object| {
                object["status"]["conditions"] = json!([{"type": "Stalled", "status": "True", "reason": "CronJobRefused",
                    "message": "", "observedGeneration": generation, "lastTransitionTime": "2026-11-25T07:00:00Z"}]);
            })
        };
        assert!(!can_run(&refused(2)));
        assert!(can_run(&refused(1)), "an edit may have mended it");
    }
}
