//! The program `sync` as a person or a pod runs it: the real binary, against simulators over real HTTP.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod configuring;
mod resources;
mod secrets;
mod stopping;
mod syncing;
mod wedof;
mod world;
