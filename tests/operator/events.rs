//! Events as people see them: one for each change, none for what lasts.

use std::time::Duration;

use serde_json::json;

use super::{REQUESTED_AT, World, proxy::Fault, world::report};

/// Asks for a run and ends it.
async fn run(world: &World, request: &str, exit_code: i32, outcome: &str) {
    world.annotate("acme", REQUESTED_AT, request).await;
    let status = world
        .wait("acme", "the run asked for", |status| {
            status["lastRun"]["syncRequest"] == request && status["lastRun"]["outcome"] == "Running"
        })
        .await;
    let job = status["lastRun"]["jobName"].as_str().unwrap().to_owned();
    let told = report(
        outcome,
        json!({"reason": "WedofKeyRefused", "message": "Secret wedof, key api-key: Wedof refuses it"}),
    );
    world.end_pod(&job, exit_code, &told).await;
    world
        .wait("acme", "its end", |status| status["lastHandledSyncRequest"] == request)
        .await;
}

#[tokio::test]
async fn an_event_that_cannot_be_sent_is_counted_and_holds_nothing_up() {
    let world = World::start("op-events-refused").await;
    let refuse = |line: &str| {
        let event = line.starts_with("POST ") && line.contains("/events");
        event.then_some(Fault::Refuse(403, None))
    };
    world.operator.proxy.inject(refuse);
    world.apply("acme", json!({"runOnCreate": false})).await;
    run(&world, "one", 0, "Succeeded").await;
    let refused = r#"wedof_sheet_sync_api_errors_total{action="publish an event",code="403"}"#;
    let refused = world.operator.metric(refused).await.unwrap();
    assert_eq!(refused, 3.0, "of the CronJob, of the run's start and of its end");
    assert!(world.events("acme").await.is_empty());
}

#[tokio::test]
async fn each_change_is_told_once_and_what_lasts_is_not_told_again() {
    let world = World::start("op-events").await;
    world.apply("acme", json!({"runOnCreate": false})).await;
    world.wait_for("acme", "Ready", "True").await;
    run(&world, "one", 0, "Succeeded").await;
    run(&world, "two", 2, "Failed").await;
    run(&world, "three", 2, "Failed").await;
    run(&world, "four", 0, "Succeeded").await;
    world
        .apply("acme", json!({"runOnCreate": false, "schedule": "0 0 31 2 *"}))
        .await;
    world.wait_for("acme", "Stalled", "True").await;
    // looks that find nothing new
    for look in ["a", "b", "c"] {
        world.annotate("acme", "looked-at", look).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    world.apply("acme", json!({"runOnCreate": false})).await;
    world.wait_for("acme", "Ready", "True").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(
        world.reasons("acme").await,
        [
            "CronJobCreated",
            "RunStarted",
            "RunSucceeded",
            "RunStarted",
            "RunFailed",
            "RunStarted",
            "RunFailed",
            "RunStarted",
            "RunSucceeded",
            "Stalled",
            "Ready",
        ]
    );
    let notes: Vec<String> = world.events("acme").await.into_iter().map(|(_, note)| note).collect();
    assert_eq!(notes[0], "CronJob acme runs at 0 4 29 2 * (Europe/Paris)");
    assert!(notes[1].ends_with("was started as asked by annotation"), "{}", notes[1]);
    assert_eq!(notes[4], "WedofKeyRefused: Secret wedof, key api-key: Wedof refuses it");
    assert!(notes[9].starts_with("NeverFires: "), "{}", notes[9]);
}

#[tokio::test]
async fn attempts_that_fail_alike_are_told_once() {
    let world = World::start("op-events-attempts").await;
    world.apply("acme", json!({"runOnCreate": false, "job": {"backoffLimit": 2, "nodeSelector": {"wedofsheetsync.dev/nowhere": "true"}}})).await;
    world.wait_for("acme", "Ready", "True").await;
    world.annotate("acme", REQUESTED_AT, "one").await;
    let job = world.jobs(1).await.remove(0).metadata.name.unwrap();
    let failed = report("Failed", json!({"reason": "WedofError", "message": "Wedof: 503"}));
    for _ in 0..3 {
        world.end_pod(&job, 1, &failed).await;
    }
    world
        .wait("acme", "its end", |status| status["lastHandledSyncRequest"] == "one")
        .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(
        world.reasons("acme").await,
        ["CronJobCreated", "RunStarted", "WedofError", "RunFailed"]
    );
}
