//! What people wrote is kept, wherever it hides; and what Google does not keep is not written for ever.

use std::time::Duration;

use serde_json::{Value, json};
use wedof_sheet_sync::table::Cell;

use crate::{
    editing::{insert, note_of, range, sort_descending},
    world::{READ, TITLE, World, folder},
};

fn row_of(world: &World, key: &str) -> usize {
    world.keys().iter().position(|other| other == key).unwrap() + 1
}

async fn add_note(world: &World, key: &str, column: usize) {
    let row = row_of(world, key);
    let rows = json!([{"values": [{"note": "à rappeler mardi"}]}]);
    let range = range(world, (row, row + 1), (column, column + 1));
    world
        .simulator
        .owner(json!([{"updateCells": {"range": range, "rows": rows, "fields": "note"}}]))
        .await;
}

#[tokio::test]
async fn a_row_with_a_note_is_kept_and_marked_although_nothing_is_typed_beside_it() {
    let mut world = World::filled(12).await;
    add_note(&world, "4", 1).await;
    add_note(&world, "9", 8).await;
    for key in ["4", "5", "8", "9"] {
        world.drop_record(key);
    }
    let planned = world.dry_run().await.unwrap();
    assert_eq!((planned.removed, planned.kept, planned.marked), (2, 2, 2));
    let change = world.sync().await.unwrap();
    assert_eq!((change.removed, change.kept, change.marked), (2, 2, 2));
    let keys = world.keys();
    assert!(keys.contains(&"4".to_owned()) && keys.contains(&"9".to_owned()) && keys.len() == 10);
    let notes = world.tab(TITLE)["notes"].clone();
    let of_people = notes
        .as_object()
        .unwrap()
        .values()
        .filter(|note| *note == "à rappeler mardi");
    assert_eq!(of_people.count(), 2, "{notes}");
    assert!(!world.sync().await.unwrap().written);
}

#[tokio::test]
async fn notes_are_read_only_when_rows_are_to_be_deleted() {
    let mut world = World::filled(6).await;
    world.drop_record("4");
    world.forget_requests().await;
    world.sync().await.unwrap();
    assert_eq!(world.reads(), 6, "outline, marks, values, notes, keys before and after");
    world.change_name("5", "Dupont");
    world.forget_requests().await;
    world.sync().await.unwrap();
    assert_eq!(world.reads(), 5);
}

#[tokio::test]
async fn formulas_of_people_point_at_their_own_row_after_sorting_inserting_and_deleting() {
    let mut world = World::filled(8).await;
    // a column of formulas over our columns, one in our midst, and one of another tab
    let formulas: Vec<Value> = (2..=9).map(|row| json!([format!("=B{row}&\" / \"&$A{row}")])).collect();
    world.simulator.types(&format!("{TITLE}!G1"), json!([["Qui"]])).await;
    world.simulator.types(&format!("{TITLE}!G2:G9"), json!(formulas)).await;
    insert(&world, "COLUMNS", 1, true).await;
    world.simulator.types(&format!("{TITLE}!B5"), json!([["=E5+1"]])).await;
    world
        .simulator
        .types("Sheet1!A1", json!([[format!("={TITLE}!C6")]]))
        .await;
    sort_descending(&world).await;
    world.drop_record("2");
    world.drop_record("7");
    world.wish.table.rows.extend([folder(20), folder(21)]);
    world.change_name("5", "Dupont");
    let change = world.sync().await.unwrap();
    assert_eq!((change.added, change.updated, change.removed), (2, 1, 2));
    let tab = world.tab(TITLE);
    let shown = tab["shown"].as_array().unwrap();
    let rows: Vec<&Value> = shown[1..].iter().filter(|row| row[0] != "").collect();
    assert_eq!(rows.len(), 8);
    for row in rows {
        let key = row[0].as_str().unwrap();
        let name = row[2].as_str().unwrap();
        assert_eq!(row[7], format!("{name} / {key}"), "{row}");
    }
    assert_eq!(
        world.simulator.values(0)[0][0].as_str().unwrap().split('!').next(),
        Some("=Dossiers")
    );
    assert!(!world.sync().await.unwrap().written);
}

#[tokio::test]
async fn a_formula_that_did_not_arrive_in_a_new_row_is_written_once_more() {
    let mut world = World::filled(4).await;
    let formulas: Vec<Value> = (2..=5).map(|row| json!([format!("=E{row}*2")])).collect();
    world.simulator.types(&format!("{TITLE}!G2:G5"), json!(formulas)).await;
    world.wish.table.rows.extend([folder(5), folder(6)]);
    world.forget_requests().await;
    // between the look at the keys after the write and the one at the formulas, as if the paste had skipped the row
    world
        .fault(json!({"path": READ, "nth": 3, "answer": {"delayMs": 700}}))
        .await;
    let (change, ()) = tokio::join!(world.sync(), async {
        while !world.keys().contains(&"6".to_owned()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        let range = range(&world, (6, 7), (6, 7));
        world
            .simulator
            .owner(json!([{"updateCells": {"range": range, "fields": "userEnteredValue"}}]))
            .await;
        assert_eq!(note_of(&world, "6"), Value::Null);
    });
    assert_eq!(change.unwrap().added, 2);
    for (key, row) in [("2", 3), ("5", 6), ("6", 7)] {
        assert_eq!(note_of(&world, key), format!("=E{row}*2"));
    }
    assert!(!world.sync().await.unwrap().written);
}

/// A run in which Google, played by a person, stores another text as soon as ours is written.
async fn sync_while_google_rewrites(world: &World, key: &str, text: &str) -> wedof_sheet_sync::sheets::TabChange {
    world.forget_requests().await;
    world
        .fault(json!({"path": READ, "nth": 3, "answer": {"delayMs": 700}}))
        .await;
    let wished = world
        .wish
        .table
        .rows
        .iter()
        .find(|row| row[0] == Cell::Text(key.to_owned().into()));
    let Cell::Text(wished) = wished.unwrap()[1].clone() else {
        panic!()
    };
    let (change, ()) = tokio::join!(world.sync(), async {
        while world.row(key)[0] != *wished {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        let row = row_of(world, key) + 1;
        world.simulator.types(&format!("{TITLE}!B{row}"), json!([[text]])).await;
    });
    change.unwrap()
}

#[tokio::test]
async fn a_text_that_google_does_not_keep_is_told_and_left_alone_until_wedof_changes_it() {
    let mut world = World::filled(6).await;
    world.change_name("3", "Jean\u{2028}Dupont");
    world.sync().await.unwrap();
    let row = row_of(&world, "3") + 1;
    world
        .simulator
        .types(&format!("{TITLE}!B{row}"), json!([["Jean Dupont"]]))
        .await;
    let change = sync_while_google_rewrites(&world, "3", "Jean Dupont").await;
    assert_eq!(change.updated, 1);
    let told = |notes: &[String]| notes.iter().any(|note| note.contains("1 cell of name left alone"));
    assert!(told(&change.notes), "{:?}", change.notes);

    let change = world.sync().await.unwrap();
    assert!(!change.written && told(&change.notes), "{change:?}");
    sort_descending(&world).await;
    assert!(!world.sync().await.unwrap().written, "wherever the row is");

    world.change_name("3", "Jeanne");
    let change = world.sync().await.unwrap();
    assert!(change.updated == 1 && !told(&change.notes), "{change:?}");
    assert_eq!(world.row("3")[0], "Jeanne");
    let mark = world.simulator.state().to_string();
    assert!(!mark.contains("\\\"x\\\":["), "forgotten with the next write");
}

#[tokio::test]
async fn an_edit_by_a_person_is_replaced_however_often_it_is_made() {
    let mut world = World::filled(6).await;
    world.change_name("3", "Jean  Dupont");
    for _ in 0..4 {
        world.sync().await.unwrap();
        assert_eq!(world.row("3")[0], "Jean  Dupont");
        let row = row_of(&world, "3") + 1;
        world
            .simulator
            .types(&format!("{TITLE}!B{row}"), json!([["jean dupont"]]))
            .await;
    }
}
