//! The operator: turns each `WedofSheetSync` into a CronJob, reads what its runs report, and tells in status and events.
//! It may read no Secret and write no spec, and knows nothing of Wedof or Google.
//!
//! `watch` → `index` → `reconcile`, which is a table of contents of the pure modules: `validate` → `cronjob` → `runs` →
//! `status` → `orders` → `events`. The rights that it needs are those of the chart's role, and no others.

mod args;
pub mod check;
mod context;
mod cronjob;
mod events;
mod facts;
mod foreign;
mod guard;
mod index;
mod leader;
mod lease;
mod metrics;
pub mod names;
mod orders;
mod reconcile;
mod reported;
pub mod rights;
mod runs;
mod send;
mod settings;
mod stage;
pub mod status;
mod turns;
mod validate;
mod watch;

use std::{convert::Infallible, net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use futures::{Stream, StreamExt, channel::mpsc, future};
use k8s_openapi::api::{
    batch::v1::{CronJob, Job},
    core::v1::Pod,
};
use kube::{
    Api, Client, Resource, ResourceExt,
    core::{DeserializeGuard, NamespaceResourceScope},
    runtime::{
        applier,
        controller::{self, Error},
        events::{Recorder, Reporter},
        reflector::{self, ObjectRef, Store, store::Writer},
        watcher,
    },
};
use serde::de::DeserializeOwned;
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};

pub use self::{args::Args, reported::clean};
use self::{
    context::Context,
    facts::{Attempt, CronJobFacts, JobFacts},
    index::{Key, Target},
    leader::Candidate,
    lease::Term,
    metrics::Metrics,
    settings::Settings,
    stage::{Stage, Stages},
    validate::Policy,
    watch::Change,
};
use crate::api::WedofSheetSync;

/// Objects that are worked on at the same time.
const CONCURRENCY: u16 = 8;
/// How long reconciliations that have begun may take after SIGTERM.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// Runs until SIGTERM or Ctrl-C. Exit code 1: it could not start.
pub async fn command(args: Args) -> ExitCode {
    match run(args, shutdown()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the operator cannot run");
            ExitCode::FAILURE
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("no cluster: {0}. Set KUBECONFIG, or run in a pod with a service account")]
    Config(#[from] kube::config::InferConfigError),
    #[error("the cluster's client cannot be made: {0}")]
    Client(#[from] kube::Error),
    #[error("{address} cannot be listened on: {error}")]
    Listen { address: SocketAddr, error: std::io::Error },
    #[error("serving probes and metrics ended: {0}")]
    Serve(std::io::Error),
}

async fn run(args: Args, shutdown: impl Future<Output = ()>) -> Result<(), StartError> {
    let config = kube::Config::infer().await?;
    let candidate = match args.leader_elect {
        true => Some(candidate(&args, config.clone())?),
        false => None,
    };
    let address = args.health_addr;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| StartError::Listen { address, error })?;
    let operator = Operator {
        config,
        settings: args.settings(),
        policy: args.policy(),
        scope: args.scope(),
        pod_name: args.pod_name,
        metrics: Metrics::default(),
        stages: Stages::default(),
        working: Arc::new(Semaphore::new(CONCURRENCY.into())),
    };
    let router = metrics::router(&operator.metrics, operator.stages.clone());
    let serve = axum::serve(listener, router).into_future();
    let ended = tokio::select! {
        Err(error) = operator.lead(candidate.as_ref()) => Err(error),
        served = serve => served.map_err(StartError::Serve),
        () = stop(shutdown, &operator.working) => Ok(()),
    };
    if let Some(candidate) = candidate {
        candidate.release().await;
    }
    ended
}

fn candidate(args: &Args, mut config: kube::Config) -> Result<Candidate, StartError> {
    let identity = leader::identity(args.pod_name.as_deref());
    let namespace = args::not_empty(&args.pod_namespace);
    let duration = Duration::from_secs(args.lease_duration);
    // requests about the lease are not repeated by the client: their time counts
    config.default_retry = false;
    let client = Client::try_from(config)?;
    let name = args.lease_name.clone();
    Ok(Candidate::new(client, namespace.as_deref(), name, identity, duration))
}

/// What stays the same from one term of leading to the next.
struct Operator {
    config: kube::Config,
    settings: Settings,
    policy: Policy,
    scope: Vec<String>,
    pod_name: Option<String>,
    metrics: Metrics,
    stages: Stages,
    working: Arc<Semaphore>,
}

impl Operator {
    /// Works whenever this replica leads; without an election, for ever.
    async fn lead(&self, candidate: Option<&Candidate>) -> Result<Infallible, StartError> {
        let Some(candidate) = candidate else {
            return self.work(Term::for_ever()).await;
        };
        loop {
            let term = candidate.win(|_| self.stages.enter(Stage::StandingBy)).await;
            let why = tokio::select! {
                worked = self.work(term.clone()) => return worked,
                why = candidate.keep(&term) => why,
            };
            // all that was known and under way went with the work
            self.stages.enter(Stage::Starting);
            tracing::warn!(why, "leading no longer: nothing more is written");
        }
    }

    /// Handles objects for ever. Starts from nothing: what it knows is read anew.
    async fn work(&self, term: Term) -> Result<Infallible, StartError> {
        let client = guard::client(self.config.clone(), term)?;
        let reporter = Reporter {
            controller: names::PROGRAM.into(),
            instance: self.pod_name.clone(),
        };
        let recorder = Recorder::new(client.clone(), reporter);
        let context = Arc::new(Context::new(
            client.clone(),
            self.settings.clone(),
            self.policy.clone(),
            recorder,
            self.metrics.clone(),
        ));
        let (store, writer) = reflector::store();
        self.stages.enter(Stage::Listing(store.clone()));
        tracing::info!(namespaces = ?self.scope, "watching");
        let (queue, mut watches) = start_watches(&client, &self.scope, &context, writer);
        // nothing is decided before everything is known
        while watches.listing.next().await.is_some() {}
        self.stages.enter(Stage::Working(store.clone()));
        tracing::info!("all lists are complete");
        drive(context, store, queue, self.working.clone()).await;
        // the queue is open as long as the watches are
        future::pending().await
    }
}

/// Reconciles what the queue names, a few at a time.
async fn drive(
    context: Arc<Context>,
    store: Store<Object>,
    queue: impl Stream<Item = ObjectRef<Object>>,
    working: Arc<Semaphore>,
) {
    let reconcile = move |object, context| {
        let working = working.clone();
        Box::pin(async move {
            let _permit = working.acquire().await;
            reconcile::reconcile(object, context).await
        })
    };
    let config = controller::Config::default()
        .concurrency(CONCURRENCY)
        .debounce(Duration::from_millis(100));
    let queue = queue.map(Ok::<_, Infallible>);
    applier(reconcile, reconcile::retry, context, store, queue, config)
        .for_each(|result| {
            match result {
                Ok((object, _)) => tracing::debug!(%object, "reconciled"),
                // deleted meanwhile
                Err(Error::ObjectNotFound(_)) => {}
                // logged where the time of the next try is decided
                Err(Error::ReconcilerFailed(..)) => {}
                Err(error) => tracing::error!(%error, "the work queue failed"),
            }
            future::ready(())
        })
        .await;
}

/// Waits until it is asked to stop; then nothing new begins, and what has begun is finished.
async fn stop(shutdown: impl Future<Output = ()>, working: &Semaphore) {
    shutdown.await;
    let idle = working.acquire_many(CONCURRENCY.into());
    match tokio::time::timeout(SHUTDOWN_GRACE, idle).await {
        Ok(_) => tracing::info!("stopped"),
        Err(_) => tracing::warn!("stopped in the middle of a reconciliation"),
    }
}

async fn shutdown() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => future::pending().await,
        }
    };
    tokio::select! {
        _ = terminate => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    tracing::info!("asked to stop");
}

type Object = DeserializeGuard<WedofSheetSync>;
type Queue = mpsc::UnboundedSender<ObjectRef<Object>>;

struct Watches {
    tasks: JoinSet<()>,
    /// Ends when every watch has listed once.
    listing: mpsc::UnboundedReceiver<Infallible>,
}

/// Starts all watches: of each kind, one for the cluster or one for each namespace.
fn start_watches(
    client: &Client,
    namespaces: &[String],
    context: &Arc<Context>,
    writer: Writer<Object>,
) -> (impl Stream<Item = ObjectRef<Object>> + use<>, Watches) {
    let (queue, looks) = mpsc::unbounded();
    let (listing_sender, listing) = mpsc::unbounded();
    let mut watches = Watches {
        tasks: JoinSet::new(),
        listing,
    };
    let ours = watcher::Config::default().labels(names::LABEL_UID);
    let writer = Arc::new(std::sync::Mutex::new(writer));
    {
        // marks the store as usable; what is in it comes as single changes
        let mut writer = writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        writer.apply_watcher_event(&watcher::Event::InitDone);
    }
    let scopes: Vec<Option<&str>> = match namespaces {
        [] => vec![None],
        some => some.iter().map(|namespace| Some(namespace.as_str())).collect(),
    };
    for namespace in scopes {
        let listing = &listing_sender;
        let tasks = &mut watches.tasks;
        let (context_, queue_, writer) = (context.clone(), queue.clone(), writer.clone());
        let handle = move |change| objects(change, &context_, &writer, &queue_);
        follow(
            tasks,
            api::<Object>(client, namespace),
            watcher::Config::default(),
            listing,
            handle,
        );
        let (context_, queue_) = (context.clone(), queue.clone());
        let handle = move |change| enqueue(&queue_, cronjobs(change, &context_));
        follow(tasks, api::<CronJob>(client, namespace), ours.clone(), listing, handle);
        let (context_, queue_) = (context.clone(), queue.clone());
        let handle = move |change| enqueue(&queue_, jobs(change, &context_));
        follow(tasks, api::<Job>(client, namespace), ours.clone(), listing, handle);
        let (context_, queue_) = (context.clone(), queue.clone());
        let handle = move |change| enqueue(&queue_, pods(change, &context_));
        follow(tasks, api::<Pod>(client, namespace), ours.clone(), listing, handle);
    }
    (looks, watches)
}

fn api<K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>>(
    client: &Client,
    namespace: Option<&str>,
) -> Api<K> {
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

fn follow<K>(
    tasks: &mut JoinSet<()>,
    api: Api<K>,
    config: watcher::Config,
    listing: &mpsc::UnboundedSender<Infallible>,
    handle: impl Fn(Change<K>) + Send + 'static,
) where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + Sync + 'static,
{
    let mut listing = Some(listing.clone());
    tasks.spawn(watch::changes(api, config).for_each(move |change| {
        if matches!(change, Change::Listed) {
            drop(listing.take());
        }
        handle(change);
        future::ready(())
    }));
}

fn enqueue(queue: &Queue, keys: impl IntoIterator<Item = Key>) {
    for Key { namespace, name } in keys {
        // fails only at the end of the program
        let _ = queue.unbounded_send(ObjectRef::new(&name).within(&namespace));
    }
}

fn objects(change: Change<Object>, context: &Context, writer: &std::sync::Mutex<Writer<Object>>, queue: &Queue) {
    let mut writer = writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (concerned, key) = match change {
        Change::Applied(mut object) => {
            object.meta_mut().managed_fields = None;
            let key = key(object.meta());
            let concerned = context
                .index()
                .object(&object.uid().unwrap_or_default(), key.clone(), target(&object));
            writer.apply_watcher_event(&watcher::Event::Apply(object));
            (concerned, Some(key))
        }
        Change::Deleted(object) => {
            let uid = object.uid().unwrap_or_default();
            writer.apply_watcher_event(&watcher::Event::Delete(object));
            context.forget(&uid);
            (context.index().object_gone(&uid), None)
        }
        Change::Vanished(uid) => {
            let store = writer.as_reader();
            if let Some(object) = store.find(|object| object.uid().as_deref() == Some(&uid)) {
                writer.apply_watcher_event(&watcher::Event::Delete(Object::clone(&object)));
            }
            context.forget(&uid);
            (context.index().object_gone(&uid), None)
        }
        Change::Listed => return,
    };
    drop(writer);
    enqueue(queue, concerned.into_iter().chain(key));
}

fn key(meta: &kube::core::ObjectMeta) -> Key {
    Key {
        namespace: meta.namespace.clone().unwrap_or_default(),
        name: meta.name.clone().unwrap_or_default(),
    }
}

/// Where an object writes; nothing if it is on its way out.
fn target(object: &Object) -> Option<Target> {
    let object = object.0.as_ref().ok()?;
    let meta = &object.metadata;
    if meta.deletion_timestamp.is_some() {
        return None;
    }
    let (spreadsheet, tabs) = validate::targets(&object.spec);
    let created = meta
        .creation_timestamp
        .as_ref()
        .map(|time| time.0.as_second())
        .unwrap_or_default();
    Some(Target {
        key: key(meta),
        age: (created, meta.uid.clone().unwrap_or_default()),
        spreadsheet,
        tabs,
    })
}

fn cronjobs(change: Change<CronJob>, context: &Context) -> Option<Key> {
    let mut index = context.index();
    match change {
        Change::Applied(cronjob) => index.cronjob(CronJobFacts::of(&cronjob)),
        Change::Deleted(cronjob) => index.cronjob_gone(&cronjob.uid()?),
        Change::Vanished(uid) => index.cronjob_gone(&uid),
        Change::Listed => None,
    }
}

fn jobs(change: Change<Job>, context: &Context) -> Option<Key> {
    let mut index = context.index();
    match change {
        Change::Applied(job) => index.job(JobFacts::of(&job)),
        Change::Deleted(job) => {
            // its last state may tell an end that no event before told
            index.job(JobFacts::of(&job));
            index.job_gone(&job.uid()?)
        }
        Change::Vanished(uid) => index.job_gone(&uid),
        Change::Listed => None,
    }
}

fn pods(change: Change<Pod>, context: &Context) -> Option<Key> {
    let mut index = context.index();
    match change {
        Change::Applied(pod) => index.pod(Attempt::of(&pod)),
        Change::Deleted(pod) => index.pod_gone(&pod.uid()?, Some(Attempt::of(&pod))),
        Change::Vanished(uid) => index.pod_gone(&uid, None),
        Change::Listed => None,
    }
}
