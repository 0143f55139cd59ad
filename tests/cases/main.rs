//! What people who do this job reported of other programs, each symptom as one test of this one: the binary as a person
//! or a pod runs it, against simulators over HTTP.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod lists;
mod settings;
mod shared;
mod tables;
#[path = "../sync/world.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod world;
