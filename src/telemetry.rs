//! Logs: text for people, JSON for collectors, always on standard error.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, filter_fn},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::{config::Environment, progress};

const HEADING: &str = "Logging";

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Format of log lines [default: text]
    #[arg(long, global = true, env = "LOG_FORMAT", value_enum, value_name = "FORMAT", help_heading = HEADING)]
    pub log_format: Option<Format>,
    /// Level of log lines (error, warn, info, debug, trace), or a filter by module such as
    /// `info,wedof_sheet_sync::sheets=debug` [default: RUST_LOG, else info]
    #[arg(long, global = true, env = "LOG_LEVEL", value_name = "LEVEL", help_heading = HEADING)]
    pub log_level: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Format {
    Text,
    Json,
}

/// Installs the global subscriber.
///
/// yup-oauth2 writes signed assertions and tokens, and HTTP crates write headers, at debug level: those targets are
/// capped below it whatever the filter says, so that no secret can be logged by asking for more detail.
///
/// `environment` has the variables of `.env` too, which fill in for what flags and the process's variables leave open.
pub fn init(args: &Args, environment: &Environment) {
    let level = [
        args.log_level.as_deref(),
        environment.get("LOG_LEVEL"),
        environment.get("RUST_LOG"),
    ];
    let level = level.into_iter().flatten().next().unwrap_or("info");
    let format = environment.get("LOG_FORMAT").map(|text| Format::from_str(text, true));
    let format = args.log_format.map(Ok).or(format).unwrap_or(Ok(Format::Text));
    let (filter, wrong) = match EnvFilter::builder().parse(level) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    let filter = filter.and(filter_fn(is_safe));
    let layer = match format.clone().unwrap_or(Format::Text) {
        Format::Text => tracing_subscriber::fmt::layer()
            .with_target(false)
            .with_ansi(io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
            .with_writer(progress::stderr)
            .with_filter(filter)
            .boxed(),
        Format::Json => tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(progress::stderr)
            .with_filter(filter)
            .boxed(),
    };
    // fails only if a subscriber is installed already
    let _ = tracing_subscriber::registry().with(layer).try_init();
    if let Some(error) = wrong {
        tracing::warn!("LOG_LEVEL `{level}` is no filter ({error}); logging at info");
    }
    if let Err(error) = format {
        tracing::warn!("LOG_FORMAT: {error}; there are text and json; logging as text");
    }
}

/// Detail below info comes only from crates that are known to log no credentials: a list of those that do would be out
/// of date with the next dependency.
fn is_safe(event: &Metadata<'_>) -> bool {
    let detailed = ["wedof_sheet_sync", "kube_runtime"];
    *event.level() <= Level::INFO
        || detailed
            .iter()
            .any(|name| event.target().split("::").next() == Some(name))
}
