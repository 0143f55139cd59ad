//! The program as a person at a terminal, or a machine without Kubernetes, runs it: against simulators over real HTTP.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod checking;
mod dry_running;
mod previewing;
mod scheduling;
mod speaking;
#[path = "../sync/world.rs"]
#[allow(dead_code, reason = "shared with the tests of the sync")]
mod world;
