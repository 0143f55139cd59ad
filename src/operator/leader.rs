//! Leader election: of several replicas one works, the others stand by, watch nothing and hold next to nothing.
//!
//! A Lease says who leads. It is written only in the version that was read (a stale write is refused by the API server),
//! and whoever cannot renew it in time stops writing by its own clock (`lease`), before anybody else may begin. That is
//! checked for each request, at the wire (`guard`), beneath the repetitions of the client.
//!
//! `kube-lease-manager` does not do for this: it tells nobody when it renewed last, renews and takes over without looking
//! at the version, and compares another's clock with its own.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams, PostParams},
    core::ObjectMeta,
};
use serde_json::json;

use super::{
    lease::{Moment, Term, Watch, holder},
    metrics::Metrics,
    names, send,
};

/// How often a standby looks, and how soon what failed is tried again. A little is added by chance.
const RETRY: Duration = Duration::from_secs(2);
/// How long one request about the lease may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// One replica's part in the election.
#[derive(Debug)]
pub struct Candidate {
    api: Api<Lease>,
    name: String,
    identity: String,
    duration: Duration,
    metrics: Metrics,
    held: Mutex<Option<Held>>,
}

/// The lease as this replica wrote it last.
#[derive(Debug, Clone)]
struct Held {
    version: String,
    acquired: MicroTime,
    term: Term,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Api(#[from] kube::Error),
    #[error("no answer in time")]
    NoAnswer,
}

impl Candidate {
    pub fn new(
        client: Client,
        namespace: Option<&str>,
        name: String,
        identity: String,
        duration: Duration,
        metrics: Metrics,
    ) -> Self {
        let api = match namespace {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::default_namespaced(client),
        };
        Self {
            api,
            name,
            identity,
            duration,
            metrics,
            held: Mutex::default(),
        }
    }

    /// Waits until this replica leads. `standing_by` is told, each time it changes, who leads instead.
    pub async fn win(&self, standing_by: impl Fn(&str)) -> Term {
        let mut watch = Watch::default();
        let mut leader = None;
        let mut failing = false;
        loop {
            match self.try_to_win(&mut watch).await {
                Ok(Standing::Leading(term)) => {
                    tracing::info!(lease = self.name, identity = self.identity, "leading");
                    return term;
                }
                Ok(Standing::By(other)) => {
                    failing = false;
                    if leader.as_ref() != Some(&other) {
                        tracing::info!(
                            lease = self.name,
                            identity = self.identity,
                            leader = other,
                            "standing by"
                        );
                        standing_by(&other);
                        leader = Some(other);
                    }
                }
                Err(error) => {
                    self.count("win the lease", &error);
                    if failing {
                        tracing::debug!(%error, "still no answer about the lease");
                    } else {
                        tracing::warn!(lease = self.name, %error, "the lease cannot be had for now; trying again");
                    }
                    failing = true;
                }
            }
            pause(RETRY).await;
        }
    }

    async fn try_to_win(&self, watch: &mut Watch) -> Result<Standing, Error> {
        let found = patiently(self.api.get_opt(&self.name)).await?;
        if let Some(lease) = &found {
            let spec = lease.spec.clone().unwrap_or_default();
            let version = lease.resource_version().unwrap_or_default();
            if !watch.may_claim(&version, &spec, &self.identity, Instant::now()) {
                return Ok(Standing::By(holder(&spec).unwrap_or_default().to_owned()));
            }
        }
        let sent = Moment::now();
        let acquired = MicroTime(Timestamp::now());
        let claimed = match patiently(self.claim(found.as_ref(), &acquired)).await {
            Ok(claimed) => claimed,
            // another replica was quicker
            Err(Error::Api(kube::Error::Api(status))) if status.code == 409 => {
                return Ok(Standing::By("another replica".into()));
            }
            Err(error) => return Err(error),
        };
        let term = Term::begin(sent, self.duration);
        *self.held() = Some(Held {
            version: claimed.resource_version().unwrap_or_default(),
            acquired: claimed.spec.and_then(|spec| spec.acquire_time).unwrap_or(acquired),
            term: term.clone(),
        });
        Ok(Standing::Leading(term))
    }

    async fn claim(&self, found: Option<&Lease>, acquired: &MicroTime) -> kube::Result<Lease> {
        let spec = |transitions: i32| LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: self.duration.as_secs().try_into().ok(),
            acquire_time: Some(acquired.clone()),
            renew_time: Some(acquired.clone()),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        };
        let Some(found) = found else {
            let lease = Lease {
                metadata: ObjectMeta {
                    name: Some(self.name.clone()),
                    ..ObjectMeta::default()
                },
                spec: Some(spec(0)),
            };
            return self.api.create(&PostParams::default(), &lease).await;
        };
        let transitions = found.spec.as_ref().and_then(|spec| spec.lease_transitions);
        let spec = spec(transitions.unwrap_or_default().saturating_add(1));
        let version = found.resource_version().unwrap_or_default();
        self.write(&version, json!(spec)).await
    }

    /// Writes the lease, if it still is of this version.
    async fn write(&self, version: &str, spec: serde_json::Value) -> kube::Result<Lease> {
        let body = json!({"metadata": {"resourceVersion": version}, "spec": spec});
        let params = PatchParams {
            field_manager: Some(names::MANAGER_LEASE.into()),
            ..PatchParams::default()
        };
        self.api.patch(&self.name, &params, &Patch::Merge(&body)).await
    }

    /// Renews the lease until the term is over, and says why it is.
    pub async fn keep(&self, term: &Term) -> String {
        let mut wait = self.duration / 3;
        loop {
            let Some(left) = term.left(Moment::now()) else {
                return "the lease could not be renewed in time".into();
            };
            pause_at_most(wait, left).await;
            let sent = Moment::now();
            let Some(left) = term.left(sent) else { continue };
            let renewed = tokio::time::timeout(left, self.renew());
            wait = match renewed.await.unwrap_or(Err(Error::NoAnswer)) {
                Ok(None) => {
                    term.renew(sent, Moment::now());
                    self.duration / 3
                }
                Ok(Some(lost)) => {
                    term.end();
                    return lost;
                }
                Err(error) => {
                    self.count("renew the lease", &error);
                    tracing::warn!(lease = self.name, %error, "the lease could not be renewed; trying again");
                    RETRY
                }
            };
        }
    }

    /// Renews the lease. Something: why it is lost.
    async fn renew(&self) -> Result<Option<String>, Error> {
        let Some(held) = self.held().clone() else {
            return Ok(Some("the lease was given back".into()));
        };
        let spec = json!({"renewTime": MicroTime(Timestamp::now())});
        match patiently(self.write(&held.version, spec)).await {
            Ok(lease) => self.note(lease),
            Err(Error::Api(kube::Error::Api(status))) if status.code == 404 => {
                return Ok(Some("the lease was deleted".into()));
            }
            // somebody else wrote: another leader, a person, or an earlier renewal whose answer did not come
            Err(Error::Api(kube::Error::Api(status))) if status.code == 409 => {
                let lease = patiently(self.api.get(&self.name)).await?;
                let spec = lease.spec.clone().unwrap_or_default();
                if holder(&spec) != Some(&self.identity) || spec.acquire_time.as_ref() != Some(&held.acquired) {
                    let holder = holder(&spec).unwrap_or("nobody");
                    return Ok(Some(format!("the lease is held by {holder}")));
                }
                let version = lease.resource_version().unwrap_or_default();
                let spec = json!({"renewTime": MicroTime(Timestamp::now())});
                self.note(patiently(self.write(&version, spec)).await?);
            }
            Err(error) => return Err(error),
        }
        Ok(None)
    }

    fn note(&self, lease: Lease) {
        if let Some(held) = &mut *self.held() {
            held.version = lease.resource_version().unwrap_or_default();
        }
    }

    /// Ends the term and gives the lease back, so that a successor need not wait. To be called when nothing is written
    /// any more.
    pub async fn release(&self) {
        let Some(held) = self.held().take() else { return };
        let holds = held.term.holds(Moment::now());
        held.term.end();
        if !holds {
            return;
        }
        let spec = json!({"holderIdentity": null, "acquireTime": null, "renewTime": null});
        match patiently(self.write(&held.version, spec)).await {
            Ok(_) => tracing::info!(lease = self.name, "the lease is given back"),
            Err(error) => tracing::warn!(lease = self.name, %error, "the lease could not be given back: it runs out"),
        }
    }

    fn count(&self, action: &str, error: &Error) {
        let code = match error {
            Error::Api(error) => send::code(error),
            Error::NoAnswer => None,
        };
        self.metrics.api_error(action, code);
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Standing {
    Leading(Term),
    By(String),
}

async fn patiently<T>(request: impl Future<Output = kube::Result<T>>) -> Result<T, Error> {
    let answer = tokio::time::timeout(PATIENCE, request).await;
    Ok(answer.map_err(|_| Error::NoAnswer)??)
}

/// Replicas that began together do not ask together.
async fn pause(wait: Duration) {
    tokio::time::sleep(wait.mul_f64(rand::random_range(1.0..1.2))).await;
}

async fn pause_at_most(wait: Duration, most: Duration) {
    let _ = tokio::time::timeout(most, pause(wait)).await;
}

/// The name of this replica: the pod's, which a restarted container keeps, or one that nobody else has.
pub fn identity(pod: Option<&str>) -> String {
    match pod.filter(|pod| !pod.is_empty()) {
        Some(pod) => pod.to_owned(),
        None => format!("{}-{:016x}", names::PROGRAM, rand::random::<u64>()),
    }
}
