//! A run that has to end before it is done: it stops where every tab is whole, and its report is always there.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wedof_sheet_sync::report::RunOutcome;

use crate::world::{FOLDERS, World, report, terminate};

#[tokio::test(flavor = "multi_thread")]
async fn the_report_is_there_from_the_first_moment_and_tells_how_far_a_run_is() {
    let world = World::new(3).await;
    world
        .wedof_fault(json!({"path": "/api/certificationFolders", "answer": {"delayMs": 60_000}}))
        .await;
    let mut child = world.start(&[]);
    let path = world.path("report.json");
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut seen = Vec::new();
    while !seen.iter().any(|message| message == "1 of 3 resources done") {
        assert!(Instant::now() < deadline, "{seen:?}");
        if let Some(report) = report(&path) {
            assert_eq!(report.outcome, RunOutcome::Running);
            seen.extend(report.message);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(seen.iter().any(|message| message == "starting"), "{seen:?}");

    let asked = Instant::now();
    assert_eq!(terminate(&mut child).await, Some(1));
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    let last = report(&path).unwrap();
    assert_eq!(last.outcome, RunOutcome::Partial);
    let reasons: Vec<_> = last
        .resources
        .iter()
        .map(|resource| resource.message.clone().unwrap_or_default())
        .collect();
    assert!(reasons[1].contains("interrupted while reading Wedof"), "{reasons:?}");
    assert_eq!(world.keys(FOLDERS).len(), 3, "what was done is done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_under_way_is_finished_before_a_run_ends() {
    let world = World::new(20).await;
    world
        .google_fault(json!({"path": "*:batchUpdate", "answer": {"delayMs": 2000}}))
        .await;
    let mut child = world.start(&["--resource", "registrationFolders"]);
    world.faults_have_hit().await;
    assert_eq!(terminate(&mut child).await, Some(1));
    assert_eq!(world.keys(FOLDERS), world.folder_ids().await);
    let run = world.sync(&["--resource", "registrationFolders"]).await.expect(0);
    assert_eq!(run.report.added, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_past_its_deadline_says_so_and_is_tried_again() {
    let world = World::new(3).await;
    world
        .wedof_fault(json!({"path": "/api/", "times": 99, "answer": {"delayMs": 60_000}}))
        .await;
    let started = Instant::now();
    let run = world.sync(&["--deadline", "2"]).await.expect(1);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(run.report.reason.as_deref(), Some("DeadlineExceeded"));
    assert_eq!(world.tab(FOLDERS), Value::Null);
}
