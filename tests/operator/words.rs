//! Last words of a run that want to break or flood what reads them.

use serde_json::{Value, json};

use crate::{
    REQUESTED_AT,
    world::{World, report},
};

#[tokio::test]
async fn whatever_a_run_leaves_behind_is_told_for_what_it_is_and_harms_no_terminal() {
    let world = World::start("op-words").await;
    let changes =
        json!({"runOnCreate": false, "suspend": true, "job": {"backoffLimit": 0, "nodeSelector": {"nowhere": "true"}}});
    world.apply("acme", changes).await;
    world.wait_for("acme", "Ready", "True").await;
    let good = |changes: Value| report("Failed", changes).to_string();
    let resource = json!({"name": "organisms", "tab": "T", "outcome": "Failed", "rows": 1, "added": 0, "updated": 0, "removed": 0});
    let foreign = json!({"name": "\u{1b}[2Jevil", "tab": "T", "outcome": "Synced", "rows": 1, "added": 0, "updated": 0, "removed": 0});
    let cut = good(json!({"message": "x".repeat(5000)}));
    let cases = [
        ("InvalidReport", "\u{1b}]0;owned\u{7}\u{0}".repeat(400)),
        ("InvalidReport", cut[cut.len() - 4096..].to_owned()),
        ("InvalidReport", good(json!({"rows": 1e300}))),
        ("InvalidReport", good(json!({"rows": "many"}))),
        ("InvalidReport", good(json!({"version": 2}))),
        ("InvalidReport", "[".repeat(4096)),
        ("NoReport", String::new()),
        ("InvalidReport", good(json!({"reason": "\u{1b}[31mHacked"}))),
        (
            "WedofError",
            good(
                json!({"reason": "WedofError", "message": "red\u{1b}[31m\u{9b}5m\u{202e}txt.exe\nnext\u{0}", "rows": i64::MAX,
            "resources": [foreign, resource]}),
            ),
        ),
    ];
    for (number, (reason, words)) in cases.iter().enumerate() {
        let request = format!("case-{number}");
        world.annotate("acme", REQUESTED_AT, &request).await;
        let going = |status: &Value| status["lastRun"]["syncRequest"] == request;
        let status = world.wait("acme", "the run", going).await;
        let job = status["lastRun"]["jobName"].as_str().unwrap().to_owned();
        world.end_pod_saying(&job, 1, words).await;
        let handled = |status: &Value| status["lastHandledSyncRequest"] == request;
        let status = world.wait("acme", "its end", handled).await;
        assert_eq!(status["lastRun"]["reason"], *reason, "case {number}: {status:#}");
        assert_eq!(status["consecutiveFailures"], number + 1);
    }
    let status = world.status("acme").await;
    assert_eq!(status["lastRun"]["message"], "red[31m5mtxt.exe next");
    let names: Vec<&Value> = status["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|resource| &resource["name"])
        .collect();
    assert_eq!(names, ["organisms"], "only what exists");
    for arguments in [
        &["get", "wss", "-o", "wide"][..],
        &["describe", "wss", "acme"],
        &["get", "events"],
    ] {
        let (_, printed) = world.kubectl(arguments).await;
        let harmful = |c: char| c.is_control() && c != '\n' && c != '\t';
        assert!(!printed.contains(harmful), "{printed:?}");
        assert!(printed.len() < 20_000, "{} bytes", printed.len());
    }
}
