//! `sync --dry-run`: what would change, tab by tab, and nothing else.

use serde_json::{Value, json};

use crate::world::{FOLDERS, World};

const RESOURCES: [&str; 4] = ["--resource", "registrationFolders", "--resource", "organisms"];

async fn dry_run(world: &World) -> String {
    let before = world.state();
    let run = world.sync(&[&["--dry-run"][..], &RESOURCES].concat()).await.expect(0);
    assert_eq!(world.state(), before, "not one write");
    run.stdout
}

#[track_caller]
fn says(output: &str, lines: &str) {
    assert!(output.contains(lines), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_per_tab_what_would_change_and_writes_nothing() {
    let world = World::new(8).await;
    let output = dry_run(&world).await;
    says(&output, "Registration Folders  Would change     8");
    says(&output, "\nRegistration Folders\n  + the tab, with ");
    says(&output, "  + 8 rows to add (rows 2, 3, 4, 5, 6 …)\n");
    says(&output, "Nothing was written (dry run): 9 rows, 9 added");

    world.sync(&RESOURCES).await.expect(0);
    let output = dry_run(&world).await;
    says(&output, "\nRegistration Folders\n  = nothing to do\n");
    says(&output, "\nOrganisms\n  = nothing to do\n");

    // a folder changes, one goes, one with a note goes, one comes
    let ids = world.folder_ids().await;
    let keys = world.keys(FOLDERS);
    let row = |id: &String| keys.iter().position(|key| key == id).unwrap() + 2;
    let mut notes = vec![""; 9];
    notes[row(&ids[5]) - 1] = "à rappeler";
    world.add_column(FOLDERS, &notes).await;
    let path = |id: &String| format!("registrationFolders/{id}");
    world
        .wedof("PATCH", &path(&ids[1]), Some(json!({"amountTtc": 4711})))
        .await;
    let mut new = world.wedof("GET", &path(&ids[0]), None).await;
    new["externalId"] = json!("77777777777777");
    world.wedof("DELETE", &path(&ids[3]), None).await;
    world.wedof("DELETE", &path(&ids[5]), None).await;
    world.wedof("POST", "registrationFolders", Some(new)).await;
    let output = dry_run(&world).await;
    says(&output, "  + 1 row to add (row ");
    says(&output, &format!("  ~ 1 row to update (row {})\n", row(&ids[1])));
    says(&output, &format!("  - 1 row to delete (row {})\n", row(&ids[3])));
    says(
        &output,
        &format!("  = 1 row no longer listed by Wedof, kept (row {})\n", row(&ids[5])),
    );
    says(
        &output,
        &format!(
            "  ~ 1 row of them to be marked with today's date (row {})\n",
            row(&ids[5])
        ),
    );
    says(&output, "  + 1 column to add: Retiré de Wedof le\n");
    for id in &ids {
        assert!(!output.contains(id.as_str()), "no key is told: {output}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_that_would_be_refused_is_told_and_decides_the_exit_code() {
    let world = World::new(3).await;
    world
        .edit(json!([
            {"addSheet": {"properties": {"sheetId": 77, "title": FOLDERS}}},
            {"updateCells": {
                "start": {"sheetId": 77, "rowIndex": 0, "columnIndex": 0},
                "rows": [{"values": [{"userEnteredValue": {"stringValue": "Notre équipe"}}]}],
                "fields": "userEnteredValue",
            }},
        ]))
        .await;
    let before = world.state();
    let run = world.sync(&[&["--dry-run"][..], &RESOURCES].concat()).await.expect(2);
    says(&run.stdout, "Registration Folders  Refused");
    says(&run.stdout, "\nOrganisms\n  + the tab, with ");
    assert_eq!(world.state(), before);
    assert_eq!(world.tab("Organisms"), Value::Null);
}
