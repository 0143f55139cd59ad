//! A Prometheus of its own for a test.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

pub struct Prometheus {
    process: Child,
    address: String,
    http: reqwest::Client,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port of this machine that nobody listens on now.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

impl Prometheus {
    /// Scrapes the operator every second, as the chart's ServiceMonitor would have it, and evaluates `rules.yaml` of `folder`.
    pub async fn start(program: &Path, folder: &Path, operator: &str) -> Self {
        let config = json!({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [folder.join("rules.yaml")],
            "scrape_configs": [{
                "job_name": "wedof-sheet-sync-metrics",
                "honor_labels": true,
                "static_configs": [{
                    "targets": [operator],
                    "labels": {"namespace": "wss-system", "service": "wedof-sheet-sync-metrics", "pod": "one"},
                }],
            }],
        });
        // JSON is YAML
        let file = folder.join("prometheus.yaml");
        fs::write(&file, config.to_string()).expect("the configuration is written");
        let address = format!("127.0.0.1:{}", free_port());
        let log = fs::File::create(folder.join("prometheus.log")).expect("a log");
        let process = Command::new(program)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stderr(log.try_clone().expect("the log"))
            .stdout(log)
            .spawn()
            .expect("Prometheus starts");
        let prometheus = Self {
            process,
            address,
            http: reqwest::Client::new(),
        };
        prometheus
            .wait(&folder.join("prometheus.log"), async |prometheus| {
                let answer = prometheus
                    .http
                    .get(format!("http://{}/-/ready", prometheus.address))
                    .send()
                    .await;
                answer.is_ok_and(|answer| answer.status().is_success())
            })
            .await;
        prometheus
    }

    async fn wait(&self, log: &Path, ready: impl AsyncFn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !ready(self).await {
            let told = fs::read_to_string(log).unwrap_or_default();
            assert!(Instant::now() < deadline, "Prometheus is not ready: {told}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Value {
        let request = self
            .http
            .get(format!("http://{}/api/v1/{path}", self.address))
            .query(query);
        let answer = request.send().await.expect("Prometheus answers");
        let answer: Value = answer.json().await.expect("it answers JSON");
        assert_eq!(answer["status"], "success", "{path} {query:?}: {answer}");
        answer["data"].clone()
    }

    /// The operator as a target, once it was scraped.
    pub async fn healthy_target(&self) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let targets = self.get("targets", &[]).await;
            let target = &targets["activeTargets"][0];
            if target["health"] == "up" {
                return target.clone();
            }
            assert!(Instant::now() < deadline, "the operator is not scraped: {target}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// The samples that answer a query now.
    pub async fn query(&self, query: &str) -> Vec<Value> {
        let data = self.get("query", &[("query", query)]).await;
        data["result"].as_array().cloned().unwrap_or_default()
    }

    pub async fn rules(&self) -> Vec<Value> {
        let data = self.get("rules", &[]).await;
        let groups = data["groups"].as_array().cloned().unwrap_or_default();
        groups
            .iter()
            .flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default())
            .collect()
    }
}

/// Some samples in short.
pub fn shown(samples: &[Value]) -> String {
    let one = |sample: &Value| format!("{} {}", sample["metric"], sample["value"][1]);
    let some: Vec<String> = samples.iter().take(3).map(one).collect();
    let more = if samples.len() > 3 {
        format!(" … {} in all", samples.len())
    } else {
        String::new()
    };
    some.join(", ") + &more
}
