//! The simulators as their clients see them: over HTTP, with Google's own words.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test's helper is a failure of the test"
)]

mod command;
mod editing;
mod faults;
mod metadata;
mod page;
mod ranges;
mod reading;
mod recordings;
mod refusals;
mod support;
mod tokens;
mod wedof;
