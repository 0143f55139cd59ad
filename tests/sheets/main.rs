//! The Sheets half over real HTTP against the simulator.

#[path = "../simulator/support.rs"]
#[allow(dead_code, reason = "shared with the tests of the simulator")]
mod support;

mod editing;
mod failing;
mod filling;
mod owning;
mod world;
