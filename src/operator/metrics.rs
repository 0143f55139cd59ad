//! Numbers for Prometheus, and what a probe asks. docs/monitoring.md has them all in a table.
//!
//! Numbers of objects are not kept but read from the store when they are asked for ([`objects`]), and leave as a stream
//! ([`exposition`]): what a scrape of thousands of objects takes is gone a moment later.

mod exposition;
mod objects;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

use self::{
    exposition::Format,
    objects::{Leading, Objects},
};
use super::stage::{Stage, Stages};

const PREFIX: &str = "wedof_sheet_sync";

/// Seconds; an object at rest takes less than the first.
const BUCKETS: [f64; 13] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// What the driver counts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    reconciliations: Histogram,
    api_errors: Family<ApiError, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ApiError {
    /// What the operator was about to do.
    action: String,
    /// The HTTP status; `none` if no answer came.
    code: String,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            reconciliations: Histogram::new(BUCKETS),
            api_errors: Family::default(),
        }
    }
}

impl Metrics {
    /// One look at an object has ended.
    pub fn reconciled(&self, took: Duration) {
        self.reconciliations.observe(took.as_secs_f64());
    }

    /// A request to the API server failed; `code` is its answer, if there was one.
    pub fn api_error(&self, action: &str, code: Option<u16>) {
        let error = ApiError {
            action: action.to_owned(),
            code: code.map_or_else(|| "none".to_owned(), |code| code.to_string()),
        };
        self.api_errors.get_or_create(&error).inc();
    }

    fn registry(&self, stages: Stages) -> Registry {
        let mut registry = Registry::with_prefix(PREFIX);
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version of this process, as a label", version);
        registry.register_with_unit(
            "reconcile_duration",
            "How long looks at an object take",
            Unit::Seconds,
            self.reconciliations.clone(),
        );
        registry.register(
            "api_errors",
            "Failed requests to the API server, by what was to be done and the HTTP status of the answer",
            self.api_errors.clone(),
        );
        registry.register_collector(Box::new(Leading(stages.clone())));
        registry.register_collector(Box::new(Objects(stages)));
        registry
    }
}

/// `/healthz`, `/readyz` (once every watch has listed, or while another replica works) and `/metrics`.
pub fn router(metrics: &Metrics, stages: Stages) -> Router {
    let registry = Arc::new(metrics.registry(stages.clone()));
    Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route(
            "/readyz",
            get(move || async move {
                match stages.now() {
                    Stage::Starting => (StatusCode::SERVICE_UNAVAILABLE, "the lease has not been read yet"),
                    Stage::StandingBy => (StatusCode::OK, "standing by"),
                    Stage::Listing(_) => (StatusCode::SERVICE_UNAVAILABLE, "the first lists are not complete"),
                    Stage::Working(_) => (StatusCode::OK, "ok"),
                }
            }),
        )
        .route(
            "/metrics",
            get(move |headers: HeaderMap| async move {
                let format = Format::wanted(headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()));
                let body = exposition::stream(registry, format);
                ([(header::CONTENT_TYPE, format.content_type())], body).into_response()
            }),
        )
}

#[cfg(test)]
mod tests;
