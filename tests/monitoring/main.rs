//! A real Prometheus scrapes a real operator that has objects in every state: every query of the dashboard has an answer, and
//! every rule is evaluated. `tests/monitoring/run` starts what this needs and names it by variables.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod prometheus;
#[path = "../operator/proxy.rs"]
mod proxy;
#[path = "../operator/replica.rs"]
mod replica;
#[path = "../operator/setup.rs"]
mod setup;
#[path = "../operator/world.rs"]
mod world;

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use prometheus::Prometheus;
use serde_json::{Value, json};
use world::{World, next_second, report};

fn variable(name: &str) -> PathBuf {
    std::env::var_os(name)
        .unwrap_or_else(|| panic!("{name}: run tests/monitoring/run"))
        .into()
}

/// Objects in every state that metrics tell of.
async fn objects_in_every_state(world: &World) {
    let shared = json!({"spreadsheetId": "1SpreadsheetOfTwoObjects"});
    world.apply("good", shared.clone()).await;
    for name in ["failed", "partial", "going"] {
        world.apply(name, json!({})).await;
    }
    world.apply("asleep", json!({"suspend": true})).await;
    world.apply("stalled", json!({"schedule": "0 0 31 2 *"})).await;
    world.wait_for("good", "Ready", "True").await;
    // the younger of two objects on one tab waits
    next_second().await;
    world.apply("conflict", shared).await;

    let resources = json!([{"name": "organisms", "tab": "good", "outcome": "Synced", "rows": 250, "added": 250, "updated": 0, "removed": 0}]);
    let ends = [
        (
            "good",
            0,
            report("Succeeded", json!({"added": 250, "resources": resources})),
        ),
        (
            "failed",
            2,
            report(
                "Failed",
                json!({"reason": "WedofKeyRefused", "message": "Secret wedof, key api-key: refused"}),
            ),
        ),
        (
            "partial",
            2,
            report(
                "Partial",
                json!({"reason": "TabRefused", "message": "a tab of that name exists"}),
            ),
        ),
    ];
    for (name, code, told) in ends {
        let status = world
            .wait(name, "a run", |status| status["lastRun"]["outcome"] == "Running")
            .await;
        let job = status["lastRun"]["jobName"].as_str().unwrap().to_owned();
        world.end_pod(&job, code, &told).await;
        world
            .wait(name, "its end", |status| {
                status["lastRecordedRun"]["jobUid"].is_string()
            })
            .await;
    }
    world
        .wait("going", "a run", |status| status["lastRun"]["outcome"] == "Running")
        .await;
    world.wait_for("stalled", "Stalled", "True").await;
    world.wait_for("conflict", "Ready", "False").await;
}

/// `promtool check metrics` of the text that whoever does not ask for OpenMetrics gets.
async fn check_metrics(address: &str) {
    let answer = reqwest::Client::new()
        .get(format!("http://{address}/metrics"))
        .header("accept", "text/plain;version=0.0.4")
        .send()
        .await
        .unwrap();
    assert_eq!(
        answer.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let file = variable("WSS_MONITORING").join("metrics.txt");
    fs::write(&file, answer.text().await.unwrap()).unwrap();
    let checked = Command::new(variable("WSS_PROMTOOL"))
        .args(["check", "metrics", "--extended"])
        .stdin(fs::File::open(&file).unwrap())
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&checked.stdout);
    println!("{told}");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

/// The queries of the dashboard, with its variables set as at the beginning.
fn dashboard_queries() -> Vec<(String, String)> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/charts/wedof-sheet-sync/files/dashboard.json"
    );
    let dashboard: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap();
            let query = query
                .replace("$__rate_interval", "15s")
                .replace("$namespace", ".*")
                .replace("$name", ".*");
            queries.push((panel["title"].as_str().unwrap().to_owned(), query));
        }
    }
    queries
}

#[tokio::test]
async fn every_query_of_the_dashboard_and_every_rule_has_an_answer_of_a_real_prometheus() {
    let world = World::start("op-monitoring").await;
    objects_in_every_state(&world).await;
    let address = &world.operator.address;
    check_metrics(address).await;

    let prometheus = Prometheus::start(&variable("WSS_PROMETHEUS"), &variable("WSS_MONITORING"), address).await;
    let target = prometheus.healthy_target().await;
    assert!(target["lastError"].as_str().unwrap().is_empty(), "{target}");
    // two scrapes at least, and some looks at objects between them: rates need them
    for look in 0..8 {
        world.annotate("good", "looked-at", &look.to_string()).await;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }

    let queries = dashboard_queries();
    assert!(queries.len() > 15, "{}", queries.len());
    for (panel, query) in &queries {
        let answer = prometheus.query(query).await;
        println!("{panel}: {query}\n  {}", prometheus::shown(&answer));
        assert!(!answer.is_empty(), "panel {panel} is empty: {query}");
        let nan = answer.iter().any(|sample| sample["value"][1] == "NaN");
        assert!(!nan, "panel {panel} shows no number: {query}");
    }

    let value = async |query: &str| {
        let answer = prometheus.query(query).await;
        assert_eq!(answer.len(), 1, "{query}: {answer:?}");
        answer[0]["value"][1].as_str().unwrap().to_owned()
    };
    let of =
        |name: &str, metric: &str| format!("wedof_sheet_sync_{metric}{{namespace=\"op-monitoring\", name=\"{name}\"}}");
    for (name, metric, wanted) in [
        ("good", "ready", "1"),
        ("good", "consecutive_failures", "0"),
        ("good", "rows", "250"),
        ("failed", "consecutive_failures", "1"),
        ("going", "running", "1"),
        ("asleep", "suspended", "1"),
        ("stalled", "stalled", "1"),
        ("conflict", "ready", "0"),
        ("conflict", "stalled", "0"),
    ] {
        assert_eq!(value(&of(name, metric)).await, wanted, "{name}: {metric}");
    }
    assert_eq!(value("wedof_sheet_sync_leader").await, "1");
    for (name, outcome) in [("good", "Succeeded"), ("failed", "Failed"), ("partial", "Partial")] {
        let answer = prometheus.query(&of(name, "last_run_outcome")).await;
        assert_eq!(answer[0]["metric"]["outcome"], outcome, "{name}");
    }
    assert!(
        prometheus
            .query(&of("asleep", "fresh_until_timestamp_seconds"))
            .await
            .is_empty()
    );

    let rules = prometheus.rules().await;
    assert_eq!(rules.len(), 7, "{rules:?}");
    for rule in &rules {
        println!("{}: {} ({})", rule["name"], rule["state"], rule["health"]);
        assert_eq!(rule["health"], "ok", "{rule}");
    }
    let pending: Vec<&str> = rules
        .iter()
        .filter(|rule| rule["state"] != "inactive")
        .map(|rule| rule["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        pending,
        ["WedofSheetSyncStalled", "WedofSheetSyncNotReady"],
        "what is wrong here, and nothing else"
    );
}
