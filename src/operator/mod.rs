//! The operator: turns each `WedofSheetSync` into a CronJob, reads what its runs report, and tells in status and events.
//! It may read no Secret and write no spec, and knows nothing of Wedof or Google.
//!
//! `watch` → `intake` → `index` → `reconcile`, which is a table of contents of the pure modules: `validate` → `conflict` →
//! `cronjob` → `runs` → `turns` → `status` → `orders` → `events`. The rights that it needs are those of the chart's role, and no others.

mod args;
pub mod check;
mod conflict;
mod context;
mod cronjob;
mod events;
mod facts;
mod foreign;
mod guard;
mod index;
mod intake;
mod leader;
mod lease;
mod metrics;
pub mod names;
mod object;
mod orders;
mod pace;
mod publish;
mod reconcile;
mod reported;
pub mod rights;
mod runs;
mod send;
mod settings;
mod stage;
pub mod status;
mod turns;
mod uid;
mod validate;
pub(crate) mod watch;
mod watched;

use std::{convert::Infallible, net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use futures::{Stream, StreamExt, future};
use kube::{
    Client,
    runtime::{
        applier,
        controller::{self, Error},
        reflector::{self, ObjectRef, Store},
    },
};
use tokio::{net::TcpListener, sync::Semaphore};

pub use self::{
    args::Args,
    reported::{can_be_shown, clean},
};
use self::{
    context::Context,
    intake::Intake,
    leader::Candidate,
    lease::Term,
    metrics::Metrics,
    object::Object,
    publish::Publisher,
    settings::Settings,
    stage::{Stage, Stages},
    validate::Policy,
};

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
    #[error("the settings of the runs (RUN_SETTINGS; the chart's values `run`): {0}")]
    Settings(String),
    #[error("{address} cannot be listened on: {error}")]
    Listen { address: SocketAddr, error: std::io::Error },
    #[error("serving probes and metrics ended: {0}")]
    Serve(std::io::Error),
}

async fn run(args: Args, shutdown: impl Future<Output = ()>) -> Result<(), StartError> {
    // before anything is asked of a cluster
    let settings = args.settings().map_err(StartError::Settings)?;
    let config = kube::Config::infer().await?;
    let metrics = Metrics::default();
    let candidate = match args.leader_elect {
        true => Some(candidate(&args, config.clone(), metrics.clone())?),
        false => None,
    };
    let address = args.health_addr;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| StartError::Listen { address, error })?;
    let operator = Operator {
        config,
        policy: args.policy(&settings),
        settings,
        scope: args.scope(),
        pod_name: args.pod_name,
        metrics,
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

fn candidate(args: &Args, mut config: kube::Config, metrics: Metrics) -> Result<Candidate, StartError> {
    let identity = leader::identity(args.pod_name.as_deref());
    let namespace = args::not_empty(&args.pod_namespace);
    let duration = Duration::from_secs(args.lease_duration);
    // requests about the lease are not repeated by the client: their time counts
    config.default_retry = false;
    let client = Client::try_from(config)?;
    let name = args.lease_name.clone();
    let namespace = namespace.as_deref();
    Ok(Candidate::new(client, namespace, name, identity, duration, metrics))
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
        let publisher = Publisher::new(client.clone(), self.pod_name.as_deref(), self.metrics.clone());
        let context = Arc::new(Context::new(
            client.clone(),
            self.settings.clone(),
            self.policy.clone(),
            publisher,
            self.metrics.clone(),
        ));
        let (store, writer) = reflector::store();
        self.stages.enter(Stage::Listing(store.clone()));
        tracing::info!(namespaces = ?self.scope, "watching");
        // nothing is decided before everything is known
        let (_intake, queue) = Intake::start(&client, &self.scope, &context, writer).await;
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
