//! The client of one term of leading: what would write is refused, at the wire, once the term is over.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures::future::{self, Either, Ready};
use hyper::{Request, Response};
use kube::{
    Client, Config,
    client::{Body, ClientBuilder, retry::RetryPolicy},
};
use tower::{BoxError, Service, layer::layer_fn, retry::Retry, service_fn};

use super::{
    lease::{Moment, Term},
    pace::Pace,
};

/// Answers of 429, 503 and 504 are followed by another try after these times, or after what `Retry-After` says; then the
/// object waits for its turn like after any other error.
const RETRY: (Duration, Duration, u32) = (Duration::from_millis(500), Duration::from_secs(10), 4);

/// How long an answer may take to begin. The API server gives up after a minute itself; a connection that has died
/// silently would be waited for much longer.
const PATIENCE: Duration = Duration::from_secs(65);

#[derive(Debug, thiserror::Error)]
#[error("no answer within {} s", PATIENCE.as_secs())]
struct NoAnswer;

#[derive(Debug, thiserror::Error)]
#[error("this replica leads no longer, so it writes nothing")]
struct NotLeading;

/// A client whose writes, repetitions among them, go out only while the term holds.
pub fn client(mut config: Config, term: Term) -> kube::Result<Client> {
    // repetitions have to pass the guard, too
    config.default_retry = false;
    let namespace = config.default_namespace.clone();
    let guard = layer_fn(move |service| Guard {
        service,
        term: term.clone(),
    });
    let guarded = ClientBuilder::try_from(config)?.with_layer(&guard).build();
    let (first, longest, tries) = RETRY;
    let Ok(policy) = RetryPolicy::new(first, longest, tries, true) else {
        return Ok(guarded);
    };
    let pace = Arc::new(Pace::default());
    let once = service_fn(move |request| {
        let (guarded, pace) = (guarded.clone(), pace.clone());
        async move { send(&guarded, &pace, request).await }
    });
    Ok(Client::new(Retry::new(policy, once), namespace))
}

async fn send(client: &Client, pace: &Pace, request: Request<Body>) -> Result<Response<Body>, BoxError> {
    if request.uri().query().is_some_and(|query| query.contains("watch=true")) {
        tokio::time::sleep(pace.wait(request.uri().path(), Instant::now())).await;
    }
    match tokio::time::timeout(PATIENCE, client.send(request)).await {
        Ok(answered) => Ok(answered?),
        Err(_) => Err(NoAnswer.into()),
    }
}

struct Guard<S> {
    service: S,
    term: Term,
}

impl<S: Service<Request<Body>, Error = BoxError>> Service<Request<Body>> for Guard<S> {
    type Response = S::Response;
    type Error = BoxError;
    type Future = Either<S::Future, Ready<Result<S::Response, BoxError>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if request.method().is_safe() || self.term.holds(Moment::now()) {
            Either::Left(self.service.call(request))
        } else {
            Either::Right(future::err(NotLeading.into()))
        }
    }
}
