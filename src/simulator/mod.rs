//! Simulators of the Wedof API, of Google's token endpoint and of the Sheets API, over real HTTP.
//!
//! Each tenant has a Wedof account (key, records of its own seed), a service account and a spreadsheet that is shared
//! with that service account only. Everything is in memory and made from a seed.
//!
//! What no real service has is under paths that begin with `/_`, without keys and tokens. On both addresses:
//! - `/_requests` (GET, DELETE): how many requests came, by kind; `/_faults` (GET, POST, DELETE): orders of faults
//!   ([`faults::Fault`]); `/_settings` (GET, PUT, PATCH): switches.
//!
//! On Wedof's: records at `/_wedof/…`; its switches are [`wedof`]'s: greatest page size, pages ignored or short, totals
//! wrong, paths refused, requests per minute.
//!
//! On Google's: `/_tenants`; spreadsheets at `/_sheets/…` (state, edits by a person, sharing, kind of file: see
//! [`sheets`]); `/_tokens` (DELETE: all revoked). Its switches are [`oauth::Settings`]: life of tokens, offset of the
//! clock, quota.

mod faults;
mod net;
mod oauth;
mod page;
mod requests;
mod server;
mod sheets;
mod tenant;
mod wedof;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use serde_json::{Value, json};

pub use self::{
    server::{Moment, Running, StartError, start},
    tenant::Tenant,
};
use crate::progress;

/// What to simulate.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address of the Wedof API; port 0 takes a free one.
    pub wedof: SocketAddr,
    /// Address of the token endpoint and of the Sheets API.
    pub sheets: SocketAddr,
    /// Registration folders of each tenant.
    pub folders: usize,
    /// The first tenant's; the others have the numbers that follow.
    pub seed: u64,
    pub tenants: usize,
    /// A folder whose `<resource>.json` files take the place of generated records.
    pub dataset: Option<PathBuf>,
    /// Google's quota: so many reads and so many writes of one account in any minute. `None` = no limit.
    pub quota_per_minute: Option<u32>,
    /// Host name that key files and printed URLs give instead of the bound address.
    pub public_host: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            wedof: any,
            sheets: any,
            folders: 250,
            seed: 1,
            tenants: 1,
            dataset: None,
            quota_per_minute: None,
            public_host: None,
        }
    }
}

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Address of the simulated Wedof API, as 127.0.0.1:4010 (port 0: a free one)
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4010")]
    wedof: SocketAddr,
    /// Address of the simulated Google token endpoint and Sheets API; a web page at / shows the spreadsheets
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4020")]
    sheets: SocketAddr,
    /// Registration folders of each tenant
    #[arg(long, value_name = "N", default_value_t = 250)]
    folders: usize,
    /// Records, keys and spreadsheet IDs follow from it
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Wedof accounts, each with a service account and a spreadsheet of its own
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    tenants: u16,
    /// Serve DIR/<resource>.json (an array of records) as that resource
    #[arg(long, value_name = "DIR")]
    dataset: Option<PathBuf>,
    /// Refuse reads and writes above so many of one account in a minute, as Google does (its figure is 60)
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "60")]
    quota: Option<u32>,
    /// Where the service account's key file is written; further tenants get FILE-1.json, FILE-2.json …
    /// [default: a file in the temporary folder]
    #[arg(long, value_name = "FILE")]
    credentials_out: Option<PathBuf>,
    /// Host name for key files and printed URLs, for simulators that are reached under another name than their address
    #[arg(long, value_name = "HOST")]
    public_host: Option<String>,
}

/// Prints one line of JSON when ready and serves until it is interrupted.
pub async fn command(args: Args) -> ExitCode {
    match serve(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

async fn serve(args: Args) -> Result<(), StartError> {
    let Args {
        wedof,
        sheets,
        folders,
        seed,
        tenants,
        dataset,
        quota,
        credentials_out,
        public_host,
    } = args;
    let running = start(Options {
        wedof,
        sheets,
        folders,
        seed,
        tenants: tenants.into(),
        dataset,
        quota_per_minute: quota,
        public_host,
    })
    .await?;
    let first = credentials_out.unwrap_or_else(|| {
        std::env::temp_dir().join(format!("wedof-sheet-sync-simulator-{}.json", std::process::id()))
    });
    let mut printed = Vec::new();
    for (number, tenant) in running.tenants.iter().enumerate() {
        let path = tenant::numbered(&first, number);
        tenant::write_key_file(&path, &tenant.credentials).await?;
        printed.push(json!({
            "apiKey": tenant.api_key,
            "spreadsheetId": tenant.spreadsheet_id,
            "credentials": path,
        }));
    }
    let mut line = json!({"wedof": running.wedof_url, "sheets": running.sheets_url, "tenants": printed});
    if let Some(Value::Object(first)) = printed.first() {
        for (name, value) in first {
            line[name] = value.clone();
        }
    }
    progress::print(&format!("{line}\n"));
    interrupted().await;
    Ok(())
}

/// Ctrl-C, or SIGTERM as Kubernetes sends it.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

/// A path segment as it was meant; what is no valid encoding stays as it is.
fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (bytes[at], hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
