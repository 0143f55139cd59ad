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

use crate::progress;

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Format of log lines
    #[arg(long, global = true, env = "LOG_FORMAT", value_enum, default_value_t = Format::Text)]
    pub log_format: Format,
    /// Level of log lines, or a filter such as `info,wedof_sheet_sync=debug`
    #[arg(long, global = true, env = "LOG_LEVEL", default_value = "info")]
    pub log_level: String,
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
pub fn init(args: &Args) {
    let (filter, wrong) = match EnvFilter::builder().parse(&args.log_level) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    let filter = filter.and(filter_fn(is_safe));
    let layer = match args.log_format {
        Format::Text => tracing_subscriber::fmt::layer()
            .with_target(false)
            .with_ansi(io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
            .with_writer(progress::stderr)
            .with_filter(filter)
            .boxed(),
        Format::Json => tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(io::stderr)
            .with_filter(filter)
            .boxed(),
    };
    // fails only if a subscriber is installed already
    let _ = tracing_subscriber::registry().with(layer).try_init();
    if let Some(error) = wrong {
        tracing::warn!("LOG_LEVEL `{}` is no filter ({error}); logging at info", args.log_level);
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
