//! The operator, as a process with the chart's rights, and what it says of itself at `/metrics`.

use std::{collections::BTreeMap, net::TcpListener, path::Path, time::Duration};

use tokio::process::Command;

use crate::{Result, process::Process};

pub struct Operator {
    pub process: Process,
    address: String,
    http: reqwest::Client,
}

/// The program; `WSS_BINARY` names another build of it, such as the shipped one.
fn program() -> String {
    let named = std::env::var("WSS_BINARY").ok();
    named.unwrap_or_else(|| env!("CARGO_BIN_EXE_wedof-sheet-sync").to_owned())
}

impl Operator {
    pub fn start(kubeconfig: &Path, log: &Path) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let log = std::fs::File::options().create(true).append(true).open(log)?;
        let mut command = Command::new(program());
        command
            .args([
                "operator",
                "--run-image",
                "example.invalid/sync:1",
                "--health-addr",
                &address,
            ])
            .env("KUBECONFIG", kubeconfig)
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(Self {
            process: Process::start(&mut command)?,
            address,
            http: reqwest::Client::builder().no_proxy().build()?,
        })
    }

    /// Waits for `/readyz`: every watch has listed.
    pub async fn ready(&self) -> Duration {
        let url = format!("http://{}/readyz", self.address);
        loop {
            if let Ok(answer) = self.http.get(&url).send().await
                && answer.status().is_success()
            {
                return self.process.started.elapsed();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub async fn reconciliations(&self) -> Result<Reconciliations> {
        let url = format!("http://{}/metrics", self.address);
        Ok(Reconciliations::read(&self.http.get(url).send().await?.text().await?))
    }
}

/// Reconciliations so far: how many, and how many of them took at most so many seconds.
#[derive(Debug, Clone, Default)]
pub struct Reconciliations {
    pub count: u64,
    pub errors: u64,
    /// Upper bound in nanoseconds → how many.
    buckets: BTreeMap<u64, u64>,
}

impl Reconciliations {
    fn read(text: &str) -> Self {
        let mut read = Self::default();
        for line in text.lines() {
            let Some((name, value)) = line.rsplit_once(' ') else {
                continue;
            };
            let value = value.parse::<f64>().unwrap_or_default() as u64;
            let bound = || {
                let bound = name.split("le=\"").nth(1)?.split('"').next()?;
                bound.parse::<f64>().ok()
            };
            if name == "wedof_sheet_sync_reconcile_duration_seconds_count" {
                read.count += value;
            } else if name.starts_with("wedof_sheet_sync_api_errors_total") {
                read.errors += value;
            } else if name.starts_with("wedof_sheet_sync_reconcile_duration_seconds_bucket")
                && let Some(bound) = bound()
            {
                *read.buckets.entry((bound * 1e9) as u64).or_default() += value;
            }
        }
        read
    }

    /// Those after an earlier look.
    pub fn since(&self, before: &Self) -> Self {
        Self {
            count: self.count - before.count,
            errors: self.errors - before.errors,
            buckets: self
                .buckets
                .iter()
                .map(|(bound, count)| (*bound, count - before.buckets.get(bound).copied().unwrap_or_default()))
                .collect(),
        }
    }

    /// The bound below which this share of them lies.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let all = *self.buckets.values().max()?;
        let wanted = (all as f64 * share).ceil() as u64;
        let (bound, _) = self.buckets.iter().find(|(_, count)| all > 0 && **count >= wanted)?;
        Some(Duration::from_nanos(*bound))
    }
}
