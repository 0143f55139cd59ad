//! What others wait for: kubectl and Helm.

use std::time::{Duration, Instant};

use kube::ResourceExt;
use serde_json::{Value, json};

use crate::{
    REQUESTED_AT,
    world::{World, report},
};

#[tokio::test]
async fn kubectl_waits_for_the_run_of_the_edited_spec_and_for_a_run_asked_for() {
    let world = World::start("op-kubectl-wait").await;
    world.apply("acme", json!({})).await;
    let first = world.jobs(1).await.remove(0);
    let template = |job: &k8s_openapi::api::batch::v1::Job| serde_json::to_value(&job.spec).unwrap();
    world.pod(&first.name_any()).await;

    // an edit during the run: the run stays as it is
    world
        .apply(
            "acme",
            json!({"job": {"backoffLimit": 1, "nodeSelector": {"elsewhere": "true"}}}),
        )
        .await;
    let edited = |status: &Value| status["observedGeneration"] == 2;
    world.wait("acme", "the edit to be seen", edited).await;
    let after = world.api().get(&first.name_any()).await.unwrap();
    assert_eq!(template(&after), template(&first), "a running Job is never touched");

    let succeeded = ["wait", "wss/acme", "--for=condition=LastRunSucceeded"];
    world
        .end_pod(&first.name_any(), 0, &report("Succeeded", json!({})))
        .await;
    world.wait_for("acme", "LastRunSucceeded", "True").await;
    let (ended, printed) = world.kubectl(&[&succeeded[..], &["--timeout=3s"]].concat()).await;
    assert!(
        !ended && printed.contains("timed out"),
        "it was the run of the spec before the edit: {printed}"
    );

    world.annotate("acme", REQUESTED_AT, "2026-01-01T00:00:00Z").await;
    let handled = "--for=jsonpath={.status.lastHandledSyncRequest}=2026-01-01T00:00:00Z";
    let run = async {
        let jobs = world.jobs(2).await;
        let second = jobs.iter().find(|job| job.name_any() != first.name_any()).unwrap();
        world
            .end_pod(&second.name_any(), 0, &report("Succeeded", json!({})))
            .await;
    };
    let waits = [&succeeded[..], &["--timeout=90s"]].concat();
    let wait_for_handled = ["wait", "wss/acme", handled, "--timeout=90s"];
    let ((), edited, handled) = tokio::join!(run, world.kubectl(&waits), world.kubectl(&wait_for_handled));
    assert!(edited.0, "{}", edited.1);
    assert!(handled.0, "{}", handled.1);
}

#[tokio::test]
async fn helm_waits_until_an_object_is_ready_and_fails_at_once_if_only_its_author_can_mend_it() {
    let world = World::start("op-helm-wait").await;
    let chart = tempfile::tempdir().unwrap();
    std::fs::create_dir(chart.path().join("templates")).unwrap();
    std::fs::write(
        chart.path().join("Chart.yaml"),
        "apiVersion: v2\nname: centre\nversion: 1.0.0\n",
    )
    .unwrap();
    let path = chart.path().to_str().unwrap();
    let install = async |name: &str, changes: Value| {
        let manifest = world.manifest(name, changes).to_string();
        std::fs::write(chart.path().join("templates/sync.yaml"), manifest).unwrap();
        let start = Instant::now();
        let arguments = ["install", name, path, "--wait", "--timeout", "90s"];
        let (done, printed) = world.command("helm", &arguments).await;
        (done, printed, start.elapsed())
    };
    let (done, printed, _) = install("good", json!({"resources": [{"name": "users"}]})).await;
    assert!(done, "{printed}");
    assert_eq!(world.status("good").await["observedGeneration"], 1);
    let (done, printed, took) = install(
        "bad",
        json!({"schedule": "0 0 30 2 *", "resources": [{"name": "organisms"}]}),
    )
    .await;
    assert!(!done && took < Duration::from_secs(45), "{took:?}: {printed}");
    assert!(printed.contains("bad"), "{printed}");
}
