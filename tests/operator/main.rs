//! The operator against a real API server with its controllers (CronJob, Job, garbage, namespaces): `cargo nextest run
//! --test operator` with KUBECONFIG, on a cluster in which no operator is installed. No kubelet is needed, and one does not
//! harm.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod conflicts;
mod cronjobs;
mod definition;
mod events;
mod field;
mod kubectl;
mod lifecycle;
mod programs;
mod proxy;
mod replica;
mod runs;
mod schedules;
mod setup;
mod tenants;
mod turns;
mod waiting;
mod words;
mod world;

use k8s_openapi::api::batch::v1::CronJob;
use kube::api::{Patch, PatchParams};
use serde_json::Value;
use world::World;

const REQUESTED_AT: &str = "wedofsheetsync.dev/sync-requested-at";

fn json_of(object: &impl serde::Serialize) -> Value {
    serde_json::to_value(object).unwrap()
}

/// Somebody else changes a CronJob.
async fn edit(world: &World, name: &str, patch: Value) {
    let api = world.api::<CronJob>();
    api.patch(name, &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .unwrap();
}
