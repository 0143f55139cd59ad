//! Numbers for Prometheus, and what a probe asks.

use std::sync::Arc;

use axum::{Router, http::StatusCode, routing::get};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{counter::Counter, family::Family, gauge::ConstGauge},
    registry::{Registry, Unit},
};

use super::{
    names::condition,
    stage::{Stage, Stages},
    status,
};
use crate::api::RunState;

/// Counters of the driver. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    reconciliations: Counter,
    errors: Family<Failed, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failed {
    /// What the operator was about to do.
    action: &'static str,
}

impl Metrics {
    /// Counts a reconciliation, and the action at which it failed.
    pub fn reconciled(&self, failed: Option<&'static str>) {
        self.reconciliations.inc();
        if let Some(action) = failed {
            self.errors.get_or_create(&Failed { action }).inc();
        }
    }

    fn registry(&self, stages: Stages) -> Registry {
        let mut registry = Registry::with_prefix("wedof_sheet_sync");
        let reconciliations = self.reconciliations.clone();
        registry.register("reconciliations", "Looks at an object", reconciliations);
        registry.register(
            "reconciliation_errors",
            "Looks that failed, by action",
            self.errors.clone(),
        );
        registry.register_collector(Box::new(Leading(stages.clone())));
        registry.register_collector(Box::new(Objects(stages)));
        registry
    }
}

/// Whether this replica is the one that works.
#[derive(Debug)]
struct Leading(Stages);

impl Collector for Leading {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let gauge = ConstGauge::new(i64::from(self.0.now().leads()));
        let help = "1 if this replica is the one that works, 0 if it stands by";
        gauge.encode(encoder.encode_descriptor("leader", help, None::<&Unit>, gauge.metric_type())?)
    }
}

/// Numbers of objects, counted from the store when they are asked for; none from a replica that stands by.
#[derive(Debug)]
struct Objects(Stages);

impl Collector for Objects {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Some(store) = self.0.now().into_store() else {
            return Ok(());
        };
        let mut counts = [
            ("objects", "WedofSheetSync objects", 0i64),
            ("objects_not_ready", "Objects whose condition Ready is not True", 0),
            ("objects_undecodable", "Objects that this version cannot read", 0),
            ("objects_failing", "Objects whose last finished run was no success", 0),
            ("objects_running", "Objects with a run that is going", 0),
        ];
        for object in store.state() {
            let status = object.0.as_ref().ok().and_then(|object| object.status.as_ref());
            let condition = |kind| status.and_then(|status| status::get(status, kind));
            let running = status.and_then(|status| status.last_run.as_ref());
            let holds = [
                true,
                condition(condition::READY).is_none_or(|ready| ready.status != "True"),
                object.0.is_err(),
                condition(condition::LAST_RUN_SUCCEEDED).is_some_and(|result| result.status == "False"),
                running.is_some_and(|run| run.outcome == RunState::Running),
            ];
            for ((_, _, count), holds) in counts.iter_mut().zip(holds) {
                *count += i64::from(holds);
            }
        }
        for (name, help, count) in counts {
            let gauge = ConstGauge::new(count);
            let encoder = encoder.encode_descriptor(name, help, None::<&Unit>, gauge.metric_type())?;
            gauge.encode(encoder)?;
        }
        Ok(())
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
            get(move || async move {
                let mut text = String::new();
                match prometheus_client::encoding::text::encode(&mut text, &registry) {
                    Ok(()) => (StatusCode::OK, text),
                    Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
                }
            }),
        )
}
