//! Every request of a run goes wrong in every way, one at a time, and a run is killed at every one: each tab is left as
//! it was or as it should be, the exit code says who can mend it, and the next run makes of it what an undisturbed run
//! makes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod deadlines;
mod killing;
mod matrix;
mod stage;
mod trouble;
#[path = "../sync/world.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod world;
