//! The operator through outages: replicas that freeze, crash or are cut off, an API server that misbehaves, stops or loses
//! its memory, namespaces that go away. After each, every run has been recorded once, no Job was made twice, and nothing
//! was asked in a hurry. `tests/outages/run` on a cluster of its own; like tests/operator they need no kubelet.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../operator/proxy.rs"]
mod proxy;
#[path = "../operator/replica.rs"]
mod replica;
#[path = "../operator/setup.rs"]
mod setup;
#[path = "../operator/world.rs"]
mod world;

mod crashes;
mod leading;
mod ledger;
mod misbehaving;
mod namespaces;
mod servers;
