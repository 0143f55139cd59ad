//! The Sheets half over real HTTP against the simulator.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

#[path = "../simulator/support.rs"]
#[allow(dead_code, reason = "shared with the tests of the simulator")]
mod support;

mod adopting;
mod blocks;
mod editing;
mod failing;
mod features;
mod filling;
mod keeping;
mod owning;
mod remedies;
mod world;
