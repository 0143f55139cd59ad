//! wedof-sheet-sync keeps a Google spreadsheet true to a Wedof account.
//!
//! Two halves meet in one type each way: the [`operator`] turns a custom resource into a CronJob and hands
//! a [`spec::SyncSpec`] to its runs; the [`sync`] does the work (`wedof → table → sheets`) and hands a
//! [`report::RunReport`] back. The sync knows nothing of Kubernetes, the operator nothing of Wedof or Google.

// a closed pipe would end it in a panic: progress::print
#![deny(clippy::print_stdout)]

pub mod api;
pub mod check;
pub mod cli;
pub mod config;
pub mod connect;
pub mod demo;
pub mod failure;
pub mod kubectl;
pub mod network;
pub mod operator;
pub mod patience;
pub mod preview;
pub mod progress;
pub mod report;
pub mod resources;
pub mod schedule;
pub mod scheduler;
pub mod sheets;
pub mod simulator;
pub mod spec;
pub mod summary;
pub mod sync;
pub mod table;
pub mod telemetry;
pub mod wedof;
pub mod words;
