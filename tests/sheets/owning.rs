//! Which tab is ours, what may be deleted in it, and what is refused before anything is written.

use serde_json::{Value, json};
use wedof_sheet_sync::{
    failure::{Failure, Mend, reason},
    sheets::CELL_LIMIT,
    spec::{MissingRows, ResourceName},
};

use crate::world::{TITLE, Wish, World, folder, folders};

async fn person_adds_tab(world: &World, values: Value) {
    let properties = json!({"sheetId": 55, "title": "dossiers"});
    world
        .simulator
        .owner(json!([{"addSheet": {"properties": properties}}]))
        .await;
    if values.as_array().is_some_and(|rows| !rows.is_empty()) {
        let height = values.as_array().unwrap().len();
        world.simulator.types(&format!("dossiers!A1:H{height}"), values).await;
    }
}

/// The failure of a run, which must have written nothing.
async fn refused(world: &World) -> Failure {
    let before = world.simulator.state();
    let failure = world.sync().await.unwrap_err();
    assert_eq!(world.simulator.state(), before, "a refused run changed something");
    assert_eq!(failure.mend, Mend::Person, "{failure}");
    failure
}

#[tokio::test]
async fn a_persons_tab_of_that_name_is_refused_and_told_what_to_do() {
    for values in [
        json!([["Mes dossiers"], ["à moi"]]),
        json!([["ID", "Salaire", "Adresse", "Humeur"], ["1", "2", "3", "4"]]),
        json!([["ID", "NAME", "BORN"], ["900", "x", ""]]),
    ] {
        let world = World::new(3).await;
        person_adds_tab(&world, values).await;
        let failure = refused(&world).await;
        assert_eq!(failure.reason, reason::TAB_REFUSED);
        assert!(failure.message.contains("`tab`"), "{failure}");
    }
}

#[tokio::test]
async fn an_empty_tab_of_that_name_is_taken() {
    let world = World::new(3).await;
    person_adds_tab(&world, json!([])).await;
    assert_eq!(world.sync().await.unwrap().added, 3);
    let tab = world.tab("dossiers");
    assert_eq!(tab["values"][0], json!(["ID", "NAME", "BORN", "SEEN", "PRICE", "PAID"]));
    assert_eq!(tab["properties"]["gridProperties"]["frozenRowCount"], 1);
    assert!(!world.sync().await.unwrap().written);
}

#[tokio::test]
async fn a_tab_of_another_program_is_adopted_on_proof_and_loses_no_row_in_that_run() {
    let world = World::new(3).await;
    let banner = json!(["Centre de formation"]);
    let header = json!(["name", "ID", "Suivi", "born"]);
    let rows = json!([
        banner,
        header,
        ["old", 2, "note", "2020-01-01"],
        ["gone", 800, "", ""],
        ["new", "3", "", ""]
    ]);
    person_adds_tab(&world, rows).await;
    let change = world.sync().await.unwrap();
    assert_eq!(
        (change.added, change.updated, change.removed, change.kept),
        (1, 2, 0, 1)
    );
    assert!(
        change.notes.iter().any(|note| note.contains("taken over")),
        "{:?}",
        change.notes
    );
    let values = world.tab("dossiers")["values"].clone();
    let row = values
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row.as_array().unwrap().contains(&json!("2")))
        .unwrap();
    assert!(row.as_array().unwrap().contains(&json!("note")), "{row}");
    assert!(row.as_array().unwrap().contains(&json!("name of 2")), "{row}");
    let change = world.sync().await.unwrap();
    assert_eq!(
        (change.added, change.updated, change.removed),
        (0, 0, 1),
        "the next run removes it"
    );
    assert!(!world.sync().await.unwrap().written);
}

#[tokio::test]
async fn a_tab_of_another_resource_is_refused() {
    let world = World::filled(3).await;
    let mut other = Wish::of(folders(1..=3));
    other.resource = ResourceName::Organisms;
    let failure = world.sync_to(&other).await.unwrap_err();
    assert_eq!(failure.reason, reason::TAB_REFUSED);
    assert!(failure.message.contains("registrationFolders"), "{failure}");
}

#[tokio::test]
async fn a_duplicate_of_the_tab_is_a_persons_and_the_original_stays_ours() {
    let mut world = World::filled(3).await;
    let duplicate = json!([{"duplicateSheet": {"sourceSheetId": world.sheet_id(), "newSheetName": "Copie"}}]);
    world.simulator.owner(duplicate).await;
    let copy = world.tab("Copie")["values"].clone();
    world.change_name("2", "Dupont");
    assert_eq!(world.sync().await.unwrap().updated, 1);
    assert_eq!(world.row("2")[0], "Dupont");
    assert_eq!(world.tab("Copie")["values"], copy);
}

#[tokio::test]
async fn a_renamed_tab_is_found_and_keeps_its_name_until_the_spec_changes() {
    let mut world = World::filled(3).await;
    let rename = |title: &str| {
        let properties = json!({"sheetId": world.sheet_id(), "title": title});
        json!([{"updateSheetProperties": {"properties": properties, "fields": "title"}}])
    };
    world.simulator.owner(rename("Nos dossiers")).await;
    assert!(!world.sync().await.unwrap().written);
    world.wish.title = "Folders".into();
    assert!(world.sync().await.unwrap().written);
    assert_eq!(world.tab("Folders")["values"].as_array().unwrap().len(), 5);
    assert_eq!(world.simulator.state()["sheets"].as_array().unwrap().len(), 2);
    assert!(!world.sync().await.unwrap().written);
}

#[tokio::test]
async fn a_deletion_beyond_the_guard_is_refused_until_it_is_accepted() {
    let mut world = World::filled(50).await;
    world.wish.table = folders(1..=20);
    world.wish.filters = "state=accepted";
    let failure = refused(&world).await;
    assert_eq!(failure.reason, reason::DELETION_REFUSED);
    for part in [
        "50 records",
        "lists 20",
        "30 rows",
        "filters changed",
        "--allow-deletions registrationFolders",
        "copied spreadsheet",
    ] {
        assert!(failure.message.contains(part), "{part}: {failure}");
    }
    world.wish.table.rows.clear();
    assert_eq!(
        refused(&world).await.reason,
        reason::DELETION_REFUSED,
        "an empty list too"
    );
    world.wish.missing_rows = MissingRows::Mark;
    assert_eq!(
        refused(&world).await.reason,
        reason::DELETION_REFUSED,
        "marks count like deletions"
    );
    world.wish.missing_rows = MissingRows::Keep;
    assert_eq!(world.sync().await.unwrap().kept, 50);
    world.wish.missing_rows = MissingRows::Delete;
    world.wish.allow_deletions = true;
    assert_eq!(world.sync().await.unwrap().removed, 50);
    assert_eq!(world.values().len(), 1);
}

#[tokio::test]
async fn a_copied_spreadsheet_keeps_its_marks_and_another_accounts_records_are_not_replaced_unasked() {
    let mut world = World::filled(40).await;
    // the copy has the same tab with the same marks; its sync reads another account
    world.wish.table = folders(1001..=1030);
    let failure = refused(&world).await;
    assert_eq!(failure.reason, reason::DELETION_REFUSED);
    assert!(
        failure
            .message
            .contains("a copied spreadsheet holds another account's records"),
        "{failure}"
    );
    world.wish.allow_deletions = true;
    let change = world.sync().await.unwrap();
    assert_eq!((change.added, change.removed), (30, 40));
}

#[tokio::test]
async fn a_tab_known_by_another_field_is_told_from_one_that_lost_its_column() {
    let mut world = World::filled(5).await;
    world.wish.table.columns[0].path = "externalId".into();
    let failure = refused(&world).await;
    assert_eq!(failure.reason, reason::TAB_REFUSED);
    for part in ["known by their id", "only externalId"] {
        assert!(failure.message.contains(part), "{failure}");
    }
}

#[tokio::test]
async fn rows_of_parents_that_were_not_read_in_this_run_stay() {
    let mut world = World::new(0).await;
    world.wish.table.key_shape = wedof_sheet_sync::table::KeyShape::Slug;
    world.wish.table.rows = (1..=6)
        .map(|id| {
            let mut row = folder(id);
            let parent = if id <= 3 { "A/1" } else { "B2" };
            row[0] = wedof_sheet_sync::table::Cell::Text(format!("{parent}/{id}").into());
            row
        })
        .collect();
    world.sync().await.unwrap();
    world.drop_record("A/1/2");
    world.drop_record("B2/5");
    world.wish.unread_parents = Some(["B2".to_owned()].into());
    let change = world.sync().await.unwrap();
    assert_eq!((change.removed, change.kept), (1, 0));
    assert_eq!(world.keys(), ["A/1/1", "A/1/3", "B2/4", "B2/5", "B2/6"]);
    world.wish.unread_parents = None;
    assert_eq!(world.sync().await.unwrap().removed, 1);
}

#[tokio::test]
async fn nothing_is_deleted_in_the_run_in_which_the_way_to_the_records_changed() {
    let mut world = World::filled(5).await;
    world.drop_record("3");
    world.wish.origin = "derived";
    let change = world.sync().await.unwrap();
    assert_eq!((change.removed, change.kept), (0, 1));
    assert_eq!(world.sync().await.unwrap().removed, 1);
}

#[tokio::test]
async fn a_tab_that_lost_its_ids_is_refused_and_one_that_was_emptied_is_filled_again() {
    let world = World::filled(5).await;
    let id = world.sheet_id();
    let column = json!({"sheetId": id, "startRowIndex": 1, "startColumnIndex": 0, "endColumnIndex": 1});
    let clear = |range: Value| json!([{"updateCells": {"range": range, "fields": "userEnteredValue"}}]);
    let rename = json!([{"updateCells": {"range": {"sheetId": id, "startRowIndex": 1, "startColumnIndex": 1, "endColumnIndex": 2}, "fields": "userEnteredValue"}}]);
    world.simulator.owner(rename).await;
    world
        .simulator
        .types(&format!("{TITLE}!B2:B6"), json!([["a"], ["b"], ["c"], ["d"], ["e"]]))
        .await;
    world.simulator.owner(clear(column)).await;
    let failure = refused(&world).await;
    assert_eq!(failure.reason, reason::TAB_REFUSED);
    assert!(
        failure.message.contains("5 records") && failure.message.contains("Version history"),
        "{failure}"
    );
    world
        .simulator
        .owner(clear(json!({"sheetId": id, "startRowIndex": 1})))
        .await;
    assert_eq!(world.sync().await.unwrap().added, 5);
}

#[tokio::test]
async fn a_deleted_key_column_is_refused_and_another_one_comes_back() {
    let world = World::filled(5).await;
    let delete = |at: usize| {
        let range = json!({"sheetId": world.sheet_id(), "dimension": "COLUMNS", "startIndex": at, "endIndex": at + 1});
        json!([{"deleteDimension": {"range": range}}])
    };
    world.simulator.owner(delete(2)).await;
    world.sync().await.unwrap();
    assert_eq!(world.values()[0], ["ID", "NAME", "BORN", "SEEN", "PRICE", "PAID"]);
    assert_eq!(world.row("1")[1], json!(7_001 + 25_569));
    assert!(!world.sync().await.unwrap().written);
    world.simulator.owner(delete(0)).await;
    assert!(refused(&world).await.message.contains("the column of id was deleted"));
}

#[tokio::test]
async fn a_protected_range_in_the_way_is_named_with_tab_range_and_account() {
    let mut world = World::filled(5).await;
    let protect =
        |range: Value| json!([{"addProtectedRange": {"protectedRange": {"range": range, "editors": {"users": []}}}}]);
    let id = world.sheet_id();
    let header = json!({"sheetId": id, "startRowIndex": 0, "endRowIndex": 1});
    world.simulator.owner(protect(header)).await;
    world.wish.table.rows.push(folder(6));
    world.drop_record("2");
    assert_eq!(
        world.sync().await.unwrap().added,
        1,
        "a protected header is not in the way of rows"
    );
    let column = json!({"sheetId": id, "startRowIndex": 1, "startColumnIndex": 1, "endColumnIndex": 2});
    world.simulator.owner(protect(column)).await;
    world.change_name("3", "Dupont");
    let failure = refused(&world).await;
    assert_eq!(failure.reason, reason::TAB_REFUSED);
    for part in [TITLE, "B2:B", &world.simulator.tenant().email] {
        assert!(failure.message.contains(part), "{part}: {failure}");
    }
    world.change_name("3", "name of 3");
    world.wish.table.rows[3][4] = wedof_sheet_sync::table::Cell::Number(7.0);
    assert_eq!(world.sync().await.unwrap().updated, 1, "cells beside it go on");
}

#[tokio::test]
async fn a_spreadsheet_without_room_is_told_before_anything_is_written() {
    let mut world = World::new(1000).await;
    // 4,000 cells are left
    let big = json!({"sheetId": 9, "title": "Grand", "gridProperties": {"rowCount": 99_700, "columnCount": 100}});
    world.simulator.owner(json!([{"addSheet": {"properties": big}}])).await;
    let failure = refused(&world).await;
    assert_eq!(failure.reason, reason::TAB_REFUSED);
    for part in [
        "10000000",
        "1002 rows and 6 columns",
        "leave 3 columns or more out with columns.exclude",
        "born",
    ] {
        assert!(failure.message.contains(part), "{part}: {failure}");
    }
    // Google's limit may rise
    world.cell_limit = 10_010_000;
    assert_eq!(world.dry_run().await.unwrap().added, 1000);
    world.cell_limit = CELL_LIMIT;
    // there is room for the data, not for blank columns beside it
    world.wish.table = folders(1..=500);
    assert_eq!(world.sync().await.unwrap().added, 500);
    assert_eq!(world.tab(TITLE)["properties"]["gridProperties"]["columnCount"], 6);
}

#[tokio::test]
async fn a_row_whose_record_holds_a_text_that_looks_like_a_formula_goes_with_its_record() {
    let mut world = World::filled(6).await;
    world.change_name("4", "=1+1");
    world.sync().await.unwrap();
    world.drop_record("4");
    let change = world.sync().await.unwrap();
    assert_eq!((change.removed, change.kept), (1, 0), "{:?}", change.notes);
    assert!(!world.keys().contains(&"4".to_owned()));
}
