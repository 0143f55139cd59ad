//! (being written)
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub struct Args {}

pub async fn command(_args: Args) -> ExitCode {
    ExitCode::FAILURE
}
