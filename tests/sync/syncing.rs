//! What a run does to the sheet, and how it is told.

use serde_json::{Value, json};
use wedof_sheet_sync::{
    report::{ResourceOutcome::*, RunOutcome},
    simulator::Options,
};

use crate::world::{FOLDERS, World};

#[tokio::test(flavor = "multi_thread")]
async fn the_first_run_adds_every_record_and_the_second_writes_nothing() {
    let world = World::new(250).await;
    let first = world.sync(&[]).await.expect(0);
    assert_eq!(first.outcomes(), [Synced; 3]);
    let folders = &first.report.resources[0];
    assert_eq!(
        (folders.rows, folders.added, folders.updated, folders.removed),
        (250, 250, 0, 0)
    );
    assert_eq!(first.report.outcome, RunOutcome::Succeeded);
    assert_eq!(world.keys(FOLDERS), world.folder_ids().await);
    let state = world.state();

    world.forget_requests().await;
    let second = world.sync(&[]).await.expect(0);
    assert_eq!(second.outcomes(), [Unchanged; 3]);
    assert_eq!((second.report.rows, second.report.added), (first.report.rows, 0));
    let requests = world.running.sheets_requests();
    assert_eq!(requests.writes, 0, "{requests:?}");
    assert_eq!(
        second.report.sheets_requests,
        (requests.reads + requests.writes) as i64,
        "{requests:?}"
    );
    assert_eq!(
        second.report.wedof_requests,
        world.running.wedof_requests().total as i64
    );
    assert_eq!(world.state(), state);
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_have_the_types_and_the_order_that_the_catalogue_gives() {
    let world = World::new(20).await;
    world.sync(&[]).await.expect(0);
    let values = world.values(FOLDERS);
    let header: Vec<_> = values[0]
        .iter()
        .map(|label| label.as_str().unwrap_or_default())
        .collect();
    assert_eq!(
        header[..5],
        ["externalId", "state", "type", "attendee.lastName", "attendee.firstName"]
    );
    assert!(!header.iter().any(|label| label.ends_with(".href")), "{header:?}");
    let column = |path: &str| header.iter().position(|label| *label == path).unwrap();
    let folders = world.wedof("GET", "registrationFolders", None).await;
    for (row, folder) in values[1..].iter().zip(folders.as_array().unwrap()) {
        assert_eq!(row[0], folder["externalId"], "ids are text");
        assert_eq!(
            row[column("attendee.phoneNumber")],
            folder["attendee"]["phoneNumber"],
            "phones are text"
        );
        assert!(row[column("createdOn")].is_number(), "moments are serial numbers");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_in_wedof_is_one_row_and_what_people_wrote_stays_with_its_record() {
    let world = World::new(30).await;
    world.sync(&[]).await.expect(0);
    let ids = world.folder_ids().await;
    let mut notes = vec![""; 31];
    (notes[0], notes[1], notes[30]) = ("Suivi", "appelé", "à rappeler");
    world.add_column(FOLDERS, &notes).await;

    world
        .wedof(
            "PATCH",
            &format!("registrationFolders/{}", ids[5]),
            Some(json!({"billingState": "paid", "amountTtc": 77.5})),
        )
        .await;
    world
        .wedof("DELETE", &format!("registrationFolders/{}", ids[7]), None)
        .await;
    world
        .wedof("DELETE", &format!("registrationFolders/{}", ids[29]), None)
        .await;
    let mut new = world
        .wedof("GET", &format!("registrationFolders/{}", ids[3]), None)
        .await;
    new["externalId"] = json!("77777777777777");
    world.wedof("POST", "registrationFolders", Some(new)).await;

    let run = world.sync(&[]).await.expect(0);
    let folders = &run.report.resources[0];
    assert_eq!(
        (
            folders.rows,
            folders.added,
            folders.updated,
            folders.removed,
            folders.kept
        ),
        (29, 1, 1, 1, 1)
    );
    let values = world.values(FOLDERS);
    let of = |key: &str| {
        values
            .iter()
            .find(|row| row[0] == key)
            .unwrap_or_else(|| panic!("no row of {key}"))
    };
    // the mark of a row that is kept is a column of ours, left of the person's
    let notes = values[0].iter().position(|label| label == "Suivi").unwrap();
    assert_eq!(of(&ids[0])[notes], json!("appelé"));
    assert_eq!(of(&ids[29])[notes], json!("à rappeler"), "a note keeps its row");
    assert!(values.iter().all(|row| row[0] != ids[7].as_str()));
    assert!(of(&ids[5]).contains(&json!(77.5)));
    assert_eq!(of("77777777777777").get(notes).unwrap_or(&Value::Null), &Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_tells_what_would_change_and_writes_nothing() {
    let world = World::new(12).await;
    let run = world.sync(&["--dry-run"]).await.expect(0);
    assert_eq!(run.report.resources[0].added, 12);
    assert!(run.stdout.contains("Nothing was written"), "{}", run.stdout);
    assert_eq!(world.running.sheets_requests().writes, 0);
    assert_eq!(world.tab(FOLDERS), Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_resource_can_be_synced_alone() {
    let world = World::new(12).await;
    let run = world.sync(&["--resource", "organisms"]).await.expect(0);
    assert_eq!(run.report.resources.len(), 1);
    assert_eq!(world.keys("Organisms").len(), 1);
    assert_eq!(world.tab(FOLDERS), Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_list_is_refused_until_somebody_accepts_it() {
    let dataset = tempfile::tempdir().unwrap();
    let folders: Vec<_> = (1..=60)
        .map(|n| json!({"externalId": format!("{n:014}"), "state": "accepted"}))
        .collect();
    std::fs::write(
        dataset.path().join("registrationFolders.json"),
        json!(folders).to_string(),
    )
    .unwrap();
    let world = World::with(Options {
        folders: 4,
        dataset: Some(dataset.path().to_owned()),
        ..Options::default()
    })
    .await;
    world.sync(&[]).await.expect(0);
    for id in world.folder_ids().await {
        world.wedof("DELETE", &format!("registrationFolders/{id}"), None).await;
    }
    let refused = world.sync(&[]).await.expect(2);
    assert_eq!(refused.outcomes(), [Refused, Unchanged, Unchanged]);
    refused.says("--allow-deletions registrationFolders");
    assert_eq!(world.keys(FOLDERS).len(), 60);

    let accepted = world
        .sync(&["--allow-deletions", "registrationFolders"])
        .await
        .expect(0);
    assert_eq!((accepted.report.resources[0].rows, accepted.report.removed), (0, 60));
    assert_eq!(world.values(FOLDERS).len(), 1, "the header stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_are_accepted_by_a_moment_in_the_spec_and_the_refusal_gives_the_command() {
    let world = World::new(60).await;
    world.sync(&[]).await.expect(0);
    for id in world.folder_ids().await {
        world.wedof("DELETE", &format!("registrationFolders/{id}"), None).await;
    }
    let object = ("WEDOF_SHEET_SYNC_OBJECT", "centre-acme/acme");
    let config = |until: &str| {
        format!("{{resources: [{{name: registrationFolders}}], deletionGuard: {{acceptUntil: \"{until}\"}}}}")
    };
    let past = config("2020-01-01T00:00:00Z");
    let refused = world
        .sync_with(&[], &[object, ("WEDOF_SHEET_SYNC_CONFIG", &past)])
        .await
        .expect(2);
    let message = refused.report.message.as_deref().unwrap();
    let (_, patch) = message
        .split_once("kubectl patch wedofsheetsync acme -n centre-acme --type merge -p '")
        .unwrap_or_else(|| panic!("{message}"));
    let patch: Value = serde_json::from_str(patch.split_once('\'').unwrap().0).unwrap();
    let until = patch["spec"]["deletionGuard"]["acceptUntil"].as_str().unwrap();
    let accepted = world
        .sync_with(&[], &[object, ("WEDOF_SHEET_SYNC_CONFIG", &config(until))])
        .await
        .expect(0);
    assert_eq!(accepted.report.removed, 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_field_by_which_rows_are_known_stays_when_records_get_a_better_one() {
    let dataset = tempfile::tempdir().unwrap();
    let folders = json!([{"id": 1, "externalId": "a1"}, {"id": 2, "externalId": "a2"}, {"id": 3}]);
    std::fs::write(dataset.path().join("registrationFolders.json"), folders.to_string()).unwrap();
    let world = World::with(Options {
        folders: 4,
        dataset: Some(dataset.path().to_owned()),
        ..Options::default()
    })
    .await;
    let args = ["--resource", "registrationFolders"];
    world.sync(&args).await.expect(0);
    assert_eq!(world.keys(FOLDERS), ["1", "2", "3"]);
    let better = json!({"externalId": "a3"});
    world.wedof("PATCH", "registrationFolders/3", Some(better)).await;
    let run = world.sync(&args).await.expect(0);
    assert_eq!((run.report.added, run.report.updated, run.report.removed), (0, 1, 0));
    assert_eq!(world.keys(FOLDERS), ["1", "2", "3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_that_is_not_ours_is_refused_and_the_others_are_synced() {
    let world = World::new(12).await;
    world.sync(&["--resource", "organisms"]).await.expect(0);
    let text = |text: &str| json!({"values": [{"userEnteredValue": {"stringValue": text}}]});
    let start = json!({"sheetId": 0, "rowIndex": 0, "columnIndex": 0});
    let rows = [text("Mes dossiers"), text("Total")];
    world
        .edit(json!([{"updateCells": {"start": start, "rows": rows, "fields": "userEnteredValue"}}]))
        .await;
    world.write(
        "sync.yaml",
        b"resources:\n- {name: registrationFolders, tab: Sheet1}\n- {name: organisms}\n",
    );
    let run = world.sync(&["--config", "sync.yaml"]).await.expect(2);
    assert_eq!(
        (run.report.outcome, run.outcomes()),
        (RunOutcome::Partial, vec![Refused, Unchanged])
    );
    assert_eq!(run.report.reason.as_deref(), Some("Partial"));
    assert_eq!(world.values("Sheet1"), [["Mes dossiers"], ["Total"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shows_one_updated_one_added_and_one_removed_row() {
    let world = World::new(1).await;
    let started = std::time::Instant::now();
    let output = world
        .program(&["demo", "--once", "--folders", "60"])
        .output()
        .await
        .unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{shown}");
    assert!(shown.contains("1 row updated, 1 added, 1 removed"), "{shown}");
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
}
