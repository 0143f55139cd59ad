use http_body_util::BodyExt;
use kube::runtime::{reflector, watcher};
use serde_json::{Value, json};

use super::*;

/// A replica that leads and knows these objects.
fn leading(objects: impl IntoIterator<Item = Value>) -> Stages {
    let (store, mut writer) = reflector::store();
    writer.apply_watcher_event(&watcher::Event::InitDone);
    for object in objects {
        let object = serde_json::from_value(object).unwrap();
        writer.apply_watcher_event(&watcher::Event::Apply(object));
    }
    let stages = Stages::default();
    stages.enter(Stage::Working(store));
    stages
}

fn object(name: &str, spec: Value, status: Value) -> Value {
    let mut object = json!({
        "apiVersion": "wedofsheetsync.dev/v1alpha1", "kind": "WedofSheetSync",
        "metadata": {"name": name, "namespace": "centre", "uid": name},
        "spec": {
            "schedule": "0 7 * * *", "spreadsheetId": "1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms",
            "wedof": {"apiKeySecretRef": {"name": "wedof", "key": "api-key"}},
            "google": {"credentialsSecretRef": {"name": "google", "key": "credentials.json"}},
        },
    });
    for (key, value) in spec.as_object().unwrap() {
        object["spec"][key] = value.clone();
    }
    if !status.is_null() {
        object["status"] = status;
    }
    object
}

fn synced() -> Value {
    let condition = |kind: &str| json!({"type": kind, "status": "True", "reason": "R", "message": "m", "lastTransitionTime": "2026-11-25T06:00:00Z"});
    let resource = |name: &str, rows: i64| json!({"name": name, "tab": name, "outcome": "Synced", "rows": rows, "added": 0, "updated": 0, "removed": 0});
    json!({
        "conditions": [condition("Ready"), condition("LastRunSucceeded")],
        "nextScheduleTime": "2026-11-26T06:00:00Z", "freshUntil": "2026-11-26T06:00:00Z",
        "lastSuccessTime": "2026-11-25T06:00:42Z", "consecutiveFailures": 0,
        "lastRun": {"jobName": "j", "jobUid": "u", "trigger": "Schedule", "outcome": "Running"},
        "lastRecordedRun": {"completionTime": "2026-11-25T06:00:42Z", "jobUid": "t", "outcome": "Succeeded", "durationSeconds": 42},
        "resources": [resource("registrationFolders", 250), resource("organisms", 1)],
    })
}

/// The chunks of a scrape.
async fn scrape(metrics: &Metrics, stages: Stages, format: Format) -> Vec<String> {
    let registry = Arc::new(metrics.registry(stages));
    let mut body = exposition::stream(registry, format);
    let mut chunks = Vec::new();
    while let Some(frame) = body.frame().await {
        let bytes = frame.unwrap().into_data().unwrap();
        chunks.push(String::from_utf8(bytes.to_vec()).unwrap());
    }
    chunks
}

#[tokio::test]
async fn a_scrape_tells_where_each_object_stands() {
    let metrics = Metrics::default();
    metrics.reconciled(Duration::from_micros(300));
    metrics.api_error("write the status", Some(409));
    metrics.api_error("create a Job", None);
    let failing =
        json!({"consecutiveFailures": 2, "lastRecordedRun": {"completionTime": "2026-11-25T06:00:00Z", "jobUid": "t"}});
    let objects = [
        object("acme", json!({}), synced()),
        object("new", json!({"suspend": true}), Value::Null),
        object("failing", json!({}), failing),
        object("unreadable", json!({"schedule": 7}), synced()),
    ];
    // objects of a store have no order
    let text = scrape(&metrics, leading(objects), Format::OpenMetrics).await.concat();
    let mut families: Vec<Vec<&str>> = Vec::new();
    let text = text.strip_suffix("# EOF\n").unwrap();
    for line in text.lines() {
        match families.last_mut() {
            Some(family) if !line.starts_with("# HELP") => family.push(line),
            _ => families.push(vec![line]),
        }
    }
    for family in &mut families {
        let samples = family.iter().position(|line| !line.starts_with('#')).unwrap_or(0);
        family[samples..].sort_unstable();
    }
    insta::assert_snapshot!(
        families
            .concat()
            .join("\n")
            .replace(env!("CARGO_PKG_VERSION"), "VERSION")
    );
}

#[tokio::test]
async fn a_replica_that_stands_by_tells_of_no_object() {
    let stages = leading([object("acme", json!({}), synced())]);
    stages.enter(Stage::StandingBy);
    let text = scrape(&Metrics::default(), stages, Format::OpenMetrics).await.concat();
    assert!(text.contains("\nwedof_sheet_sync_leader 0\n"), "{text}");
    assert!(!text.contains("acme"), "{text}");
}

#[tokio::test]
async fn whoever_does_not_know_openmetrics_gets_the_older_text() {
    let openmetrics = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.4";
    assert_eq!(Format::wanted(Some(openmetrics)), Format::OpenMetrics);
    assert_eq!(Format::wanted(Some("*/*")), Format::OpenMetrics);
    assert_eq!(Format::wanted(None), Format::OpenMetrics);
    assert_eq!(Format::wanted(Some("text/plain;version=0.0.4")), Format::Text);
    let metrics = Metrics::default();
    metrics.api_error("write the status", Some(409));
    let text = scrape(&metrics, leading([]), Format::Text).await.concat();
    assert!(
        text.contains("# TYPE wedof_sheet_sync_api_errors_total counter\n"),
        "{text}"
    );
    assert!(!text.contains("# EOF"), "{text}");
}

#[tokio::test]
async fn a_scrape_of_thousands_of_objects_leaves_in_small_pieces() {
    let objects = (0..3_000).map(|number| object(&format!("centre-{number}"), json!({}), synced()));
    let chunks = scrape(&Metrics::default(), leading(objects), Format::OpenMetrics).await;
    assert!(chunks.iter().all(|chunk| chunk.len() <= exposition::CHUNK));
    let text = chunks.concat();
    assert!(text.ends_with("\n# EOF\n"));
    assert!(text.len() > 2_000_000, "{}", text.len());
    let rows = text.lines().filter(|line| line.starts_with("wedof_sheet_sync_rows{"));
    assert_eq!(rows.count(), 6_000);
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_the_writing() {
    let objects = (0..500).map(|number| object(&format!("centre-{number}"), json!({}), synced()));
    let registry = Arc::new(Metrics::default().registry(leading(objects)));
    let mut body = exposition::stream(registry.clone(), Format::OpenMetrics);
    body.frame().await.unwrap().unwrap();
    drop(body);
    let deadline = std::time::Instant::now() + Duration::from_secs(5);
    while Arc::strong_count(&registry) > 1 {
        assert!(std::time::Instant::now() < deadline, "the writer holds the registry");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
