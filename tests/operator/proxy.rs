//! A proxy between one operator and the API server: it counts requests, lets some go wrong as it is told, and ends watches.

#![allow(
    dead_code,
    reason = "shared by tests/operator, tests/outages and tests/monitoring, which use a part each"
)]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Body, extract::State};
use futures::StreamExt;
use http_body_util::BodyExt;
use kube::{Client, Config};
use serde_json::{Value, json};

/// What happens to a request instead of being passed on.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// It is answered with this status, and perhaps `Retry-After` in seconds.
    Refuse(u16, Option<u32>),
    /// It reaches the API server, and its answer does not come back.
    LoseAnswer,
    /// It is passed on, after this time.
    Delay(Duration),
    /// Nothing happens at all, for ever: a network that swallows packets.
    Swallow,
    /// A watch begins, and tells that its version is too old.
    Gone,
    /// A watch begins, and ends at once.
    Empty,
}

type Rule = Box<dyn FnMut(&str) -> Option<Fault> + Send>;

/// One operator's way to the API server.
#[derive(Clone)]
pub struct Proxy {
    pub address: String,
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    requests: Mutex<Vec<String>>,
    rule: Mutex<Option<Rule>>,
    /// Each change ends all watches.
    epoch: tokio::sync::watch::Sender<u64>,
}

impl Proxy {
    /// Listens on a port of its own; what comes is asked with this token.
    pub async fn start(mut config: Config, token: &str) -> Self {
        config.auth_info = kube::config::AuthInfo {
            token: Some(token.to_owned().into()),
            ..Default::default()
        };
        // every answer is for the operator to handle
        config.default_retry = false;
        let shared = Arc::new(Shared {
            client: Client::try_from(config).expect("a client"),
            requests: Mutex::default(),
            rule: Mutex::default(),
            epoch: tokio::sync::watch::Sender::new(0),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().fallback(handle).with_state(shared.clone());
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { address, shared }
    }

    /// What was asked since the last call: method, path and query.
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.requests.lock().expect("no test panics here"))
    }

    /// From now on each request (method, path and query) may go wrong, as this says.
    pub fn inject(&self, rule: impl FnMut(&str) -> Option<Fault> + Send + 'static) {
        *self.shared.rule.lock().expect("no test panics here") = Some(Box::new(rule));
    }

    /// From now on every request is passed on.
    pub fn heal(&self) {
        *self.shared.rule.lock().expect("no test panics here") = None;
    }

    /// Ends all watches that are going.
    pub fn end_watches(&self) {
        self.shared.epoch.send_modify(|epoch| *epoch += 1);
    }
}

pub fn is_watch(line: &str) -> bool {
    line.contains("watch=true")
}

/// Whether a request would change something.
pub fn is_write(line: &str) -> bool {
    !line.starts_with("GET ")
}

async fn handle(State(shared): State<Arc<Shared>>, request: http::Request<Body>) -> http::Response<Body> {
    let path = request.uri().path_and_query().expect("a path");
    let line = format!("{} {path}", request.method());
    shared.requests.lock().expect("no test panics here").push(line.clone());
    let fault = match &mut *shared.rule.lock().expect("no test panics here") {
        Some(rule) => rule(&line),
        None => None,
    };
    match fault {
        None => forward(&shared, &line, request).await,
        Some(Fault::Delay(time)) => {
            tokio::time::sleep(time).await;
            forward(&shared, &line, request).await
        }
        Some(Fault::LoseAnswer) => {
            forward(&shared, &line, request).await;
            status(504, None)
        }
        Some(Fault::Refuse(code, retry_after)) => status(code, retry_after),
        Some(Fault::Swallow) => std::future::pending().await,
        Some(Fault::Empty) => http::Response::new(Body::empty()),
        Some(Fault::Gone) => {
            let object = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": "too old resource version", "reason": "Expired", "code": 410});
            answer(200, None, &json!({"type": "ERROR", "object": object}))
        }
    }
}

async fn forward(shared: &Shared, line: &str, request: http::Request<Body>) -> http::Response<Body> {
    let mut epoch = shared.epoch.subscribe();
    let (mut parts, body) = request.into_parts();
    parts.headers.remove(http::header::HOST);
    let body = body.collect().await.expect("a whole request").to_bytes();
    let request = http::Request::from_parts(parts, kube::client::Body::from(body.to_vec()));
    match shared.client.send(request).await {
        Ok(response) if is_watch(line) => {
            let ended = async move {
                let _ = epoch.changed().await;
            };
            response.map(|body| Body::from_stream(Body::new(body).into_data_stream().take_until(Box::pin(ended))))
        }
        Ok(response) => response.map(Body::new),
        Err(error) => answer(502, None, &json!(error.to_string())),
    }
}

fn status(code: u16, retry_after: Option<u32>) -> http::Response<Body> {
    let (reason, message) = match code {
        410 => ("Expired", "too old resource version"),
        409 => ("Conflict", "the object has been modified"),
        429 => ("TooManyRequests", "the server has received too many requests"),
        _ => ("InternalError", "an error on the server"),
    };
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code});
    answer(code, retry_after, &status)
}

fn answer(code: u16, retry_after: Option<u32>, body: &Value) -> http::Response<Body> {
    let mut response = http::Response::builder()
        .status(code)
        .header("content-type", "application/json");
    if let Some(seconds) = retry_after {
        response = response.header("retry-after", seconds);
    }
    response.body(Body::from(body.to_string())).expect("a response")
}
