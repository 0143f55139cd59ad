//! SIGKILL at every request to Google in turn: the next run makes of it what an undisturbed run makes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::world::{FOLDERS, World};

/// What two spreadsheets must agree on. IDs of tabs and marks are drawn by lot and left out.
#[derive(Debug, PartialEq)]
struct Tab {
    title: String,
    grid: Value,
    values: Vec<Vec<Value>>,
    marks: BTreeMap<String, usize>,
}

fn picture(world: &World) -> Vec<Tab> {
    let state = world.state();
    let tabs = state["sheets"].as_array().unwrap().iter();
    tabs.map(|sheet| {
        let title = sheet["properties"]["title"].as_str().unwrap().to_owned();
        let mut marks = BTreeMap::new();
        for mark in sheet["developerMetadata"].as_array().into_iter().flatten() {
            *marks
                .entry(mark["metadataKey"].as_str().unwrap().to_owned())
                .or_default() += 1;
        }
        Tab {
            values: world.values(&title),
            grid: sheet["properties"]["gridProperties"].clone(),
            title,
            marks,
        }
    })
    .collect()
}

/// A tab with a person's column, then a day's changes in Wedof.
async fn lived_in() -> World {
    let world = World::new(12).await;
    world.sync(&[]).await.expect(0);
    let ids = world.folder_ids().await;
    let notes = [
        "Suivi", "", "", "note 3", "", "", "note 6", "", "", "note 9", "", "", "note 12",
    ];
    world.add_column(FOLDERS, &notes).await;
    world
        .wedof(
            "PATCH",
            &format!("registrationFolders/{}", ids[2]),
            Some(json!({"billingState": "paid", "amountTtc": 4711})),
        )
        .await;
    world
        .wedof("DELETE", &format!("registrationFolders/{}", ids[3]), None)
        .await;
    world
        .wedof("DELETE", &format!("registrationFolders/{}", ids[5]), None)
        .await;
    let mut new = world
        .wedof("GET", &format!("registrationFolders/{}", ids[0]), None)
        .await;
    new["externalId"] = json!("77777777777777");
    world.wedof("POST", "registrationFolders", Some(new)).await;
    world.forget_requests().await;
    world
}

async fn fresh() -> World {
    World::new(12).await
}

/// Kills a run at its k-th request, before Google applied it or after; then runs once more.
async fn killed_at(world: &World, k: u64, applied: bool) -> Vec<Tab> {
    world
        .google_fault(json!({"path": "/", "nth": k, "answer": {"delayMs": 60_000, "apply": applied}}))
        .await;
    let mut child = world.start(&[]);
    world.faults_have_hit().await;
    // the request is at the simulator; its effect, if it has one, follows at once
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    child.kill().await.unwrap();
    world.sync(&[]).await.expect(0);
    let picture = picture(world);
    let idle = world.sync(&[]).await.expect(0);
    assert_eq!(
        (idle.report.added, idle.report.updated, idle.report.removed),
        (0, 0, 0),
        "request {k}"
    );
    picture
}

async fn kill_at_each<F: Future<Output = World>>(make: fn() -> F) {
    let undisturbed = make().await;
    undisturbed.sync(&[]).await.expect(0);
    let expected = picture(&undisturbed);
    let requests = undisturbed.running.sheets_requests();
    assert!(requests.writes >= 1, "{requests:?}");
    for k in 1..=requests.total {
        for applied in [false, true] {
            let world = make().await;
            assert_eq!(
                killed_at(&world, k, applied).await,
                expected,
                "killed at request {k}, applied: {applied}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_run_killed_at_any_request_is_completed_by_the_next() {
    kill_at_each(fresh).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_run_killed_at_any_request_is_completed_by_the_next_and_notes_stay_with_their_records() {
    kill_at_each(lived_in).await;
}
