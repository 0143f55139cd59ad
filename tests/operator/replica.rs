//! One operator process and its own proxy to the API server.

#![allow(
    dead_code,
    reason = "shared by tests/operator, tests/outages and tests/monitoring, which use a part each"
)]

use std::{
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use kube::Config;
use serde_json::json;

use crate::proxy::Proxy;

pub struct Replica {
    pub proxy: Proxy,
    kubeconfig: tempfile::NamedTempFile,
    /// Of probes and metrics: host and port.
    pub address: String,
    process: Option<Child>,
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Replica {
    /// A proxy, and no process yet.
    pub async fn new(config: Config, token: &str) -> Self {
        let proxy = Proxy::start(config, token).await;
        let kubeconfig = tempfile::NamedTempFile::new().expect("a temporary file");
        let text = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "proxy",
            "clusters": [{"name": "proxy", "cluster": {"server": proxy.address}}],
            "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}],
            "users": [{"name": "proxy", "user": {}}],
        });
        std::fs::write(kubeconfig.path(), text.to_string()).expect("the file is written");
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        Self {
            proxy,
            kubeconfig,
            address: free.local_addr().expect("an address").to_string(),
            process: None,
        }
    }

    /// Starts the operator for a namespace, with more options.
    pub fn start(&mut self, namespace: &str, options: &[&str]) {
        self.start_with(namespace, options, &[]);
    }

    /// Starts the operator for namespaces, with more options, and with variables as the chart sets them.
    pub fn start_with(&mut self, namespaces: &str, options: &[&str], variables: &[(&str, &str)]) {
        let process = Command::new(env!("CARGO_BIN_EXE_wedof-sheet-sync"))
            .arg("operator")
            .args(["--namespaces", namespaces])
            .args(options)
            .env("HEALTH_ADDR", &self.address)
            .env("RUN_IMAGE", "example.invalid/sync:1")
            .env("KUBECONFIG", self.kubeconfig.path())
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .spawn()
            .expect("the operator starts");
        self.process = Some(process);
    }

    pub fn id(&self) -> u32 {
        self.process.as_ref().expect("the operator runs").id()
    }

    pub fn is_running(&mut self) -> bool {
        let process = self.process.as_mut();
        process.is_some_and(|process| process.try_wait().expect("its state is known").is_none())
    }

    /// Ends it by SIGKILL, as a node that fails would.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Sends a signal: TERM, STOP, CONT.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args(["-s", signal, &self.id().to_string()])
            .status();
        assert!(sent.expect("kill is there").success());
    }

    /// Waits for its own end, on a thread of its own: the proxy that it may still need runs in this one.
    pub async fn end(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("the operator runs");
        let ended = tokio::task::spawn_blocking(move || process.wait()).await;
        ended.expect("no thread panics").expect("it ends")
    }

    /// Asks its own server: status and text; none while nobody listens.
    pub async fn ask(&self, path: &str) -> Option<(u16, String)> {
        let answer = reqwest::get(format!("http://{}{path}", self.address)).await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    /// A number among its metrics, by the metric's whole name; none if it is not there.
    pub async fn metric(&self, name: &str) -> Option<f64> {
        let (_, text) = self.ask("/metrics").await?;
        let mut lines = text.lines();
        let line = lines.find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])))?;
        line.rsplit(' ').next()?.parse().ok()
    }

    /// Waits until it is ready.
    pub async fn ready(&self) {
        self.until("it is ready", async || {
            self.ask("/readyz").await.is_some_and(|(code, _)| code == 200)
        })
        .await;
    }

    /// Waits until it leads, and has read all that there is.
    pub async fn leads(&self) {
        self.until("it leads", async || {
            self.metric("wedof_sheet_sync_leader").await == Some(1.0)
                && self.ask("/readyz").await.is_some_and(|(code, _)| code == 200)
        })
        .await;
    }

    pub async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !holds().await {
            assert!(Instant::now() < deadline, "waited in vain: {what}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Memory that it holds, in KiB.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).expect("Linux");
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .expect("its memory");
        let number = line.split_whitespace().nth(1).expect("a number");
        number.parse().expect("a number")
    }
}
