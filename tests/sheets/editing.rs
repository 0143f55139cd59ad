//! People work in the tab: between runs, and while one writes.

use std::time::Duration;

use serde_json::{Value, json};
use wedof_sheet_sync::spec::MissingRows;

use crate::world::{READ, TITLE, World, folder};

/// A range of the tab, half-open, from 0.
pub fn range(world: &World, rows: (usize, usize), columns: (usize, usize)) -> Value {
    json!({
        "sheetId": world.sheet_id(),
        "startRowIndex": rows.0, "endRowIndex": rows.1, "startColumnIndex": columns.0, "endColumnIndex": columns.1,
    })
}

pub fn lines(world: &World, dimension: &str, at: usize) -> Value {
    json!({"sheetId": world.sheet_id(), "dimension": dimension, "startIndex": at, "endIndex": at + 1})
}

pub async fn insert(world: &World, dimension: &str, at: usize, inherit: bool) {
    let range = lines(world, dimension, at);
    let insert = json!([{"insertDimension": {"range": range, "inheritFromBefore": inherit}}]);
    world.simulator.owner(insert).await;
}

/// A column of people's behind ours, with a note beside each of the keys.
pub async fn notes(world: &World, keys: &[&str]) {
    insert(world, "COLUMNS", 6, true).await;
    world.simulator.types(&format!("{TITLE}!G1"), json!([["Suivi"]])).await;
    for key in keys {
        let row = world.keys().iter().position(|other| other == key).unwrap() + 2;
        let note = json!([[format!("note {key}")]]);
        world.simulator.types(&format!("{TITLE}!G{row}"), note).await;
    }
}

pub fn note_of(world: &World, key: &str) -> Value {
    world.row(key).get(5).cloned().unwrap_or_default()
}

pub async fn sort_descending(world: &World) {
    let height = world.values().len();
    let width = world.values()[0].len();
    let range = range(world, (1, height), (0, width));
    let specs = json!([{"dimensionIndex": 4, "sortOrder": "DESCENDING"}]);
    world
        .simulator
        .owner(json!([{"sortRange": {"range": range, "sortSpecs": specs}}]))
        .await;
}

#[tokio::test]
async fn after_a_sort_each_record_is_found_where_it_is_and_keeps_its_note() {
    let mut world = World::filled(20).await;
    notes(&world, &["3", "9"]).await;
    sort_descending(&world).await;
    assert_eq!(world.keys()[0], "20");
    assert!(!world.sync().await.unwrap().written, "a sort is no change");
    world.change_name("3", "Dupont");
    world.drop_record("12");
    world.wish.table.rows.push(folder(21));
    let change = world.sync().await.unwrap();
    assert_eq!((change.added, change.updated, change.removed), (1, 1, 1));
    assert_eq!(
        (world.row("3")[0].clone(), note_of(&world, "3")),
        (json!("Dupont"), json!("note 3"))
    );
    assert_eq!(note_of(&world, "9"), "note 9");
    assert_eq!(world.keys()[0], "20", "the order is the person's");
    assert_eq!(world.keys().last().unwrap(), "21");
}

#[tokio::test]
async fn a_removed_record_with_a_note_is_kept_and_marked_until_it_returns() {
    let mut world = World::filled(10).await;
    notes(&world, &["4"]).await;
    let all = world.wish.table.clone();
    for key in ["4", "5"] {
        world.drop_record(key);
    }
    let change = world.sync().await.unwrap();
    assert_eq!((change.removed, change.kept), (1, 1));
    assert!(!world.keys().contains(&"5".to_owned()));
    let header = world.values()[0].clone();
    let marked = header.iter().position(|label| label == "Retiré de Wedof le").unwrap();
    assert_eq!(marked, 6, "right of our last column");
    let today = jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::get("Etc/GMT").unwrap())
        .date();
    let days = jiff::civil::date(1899, 12, 30).until(today).unwrap().get_days();
    assert_eq!(world.row("4")[marked - 1], json!(days));
    assert_eq!(world.row("4")[marked], "note 4");
    let change = world.sync().await.unwrap();
    assert_eq!((change.written, change.kept), (false, 1));
    world.wish.table = all;
    let change = world.sync().await.unwrap();
    assert_eq!((change.added, change.updated, change.kept), (1, 1, 0));
    assert_eq!(world.row("4")[marked - 1], Value::Null);
    assert_eq!(world.row("4")[marked], "note 4");
}

#[tokio::test]
async fn columns_that_people_add_move_and_rename_stay_as_they_want_them() {
    let mut world = World::filled(5).await;
    insert(&world, "COLUMNS", 1, true).await;
    world
        .simulator
        .types(&format!("{TITLE}!B1:B3"), json!([["NAME"], ["mine"], ["=LEN(C3)"]]))
        .await;
    world
        .simulator
        .types(&format!("{TITLE}!C1"), json!([["Nom de famille"]]))
        .await;
    let source = lines(&world, "COLUMNS", 6);
    world
        .simulator
        .owner(json!([{"moveDimension": {"source": source, "destinationIndex": 1}}]))
        .await;
    world.change_name("2", "Dupont");
    world.wish.table.rows.push(folder(6));
    world.sync().await.unwrap();
    let values = world.values();
    assert_eq!(
        values[0],
        ["ID", "PAID", "NAME", "Nom de famille", "BORN", "SEEN", "PRICE"]
    );
    assert_eq!(values[1][2], "mine");
    assert!(values[2][2].as_str().unwrap().starts_with("=LEN("), "{:?}", values[2]);
    assert_eq!(values[2][3], "Dupont");
    assert_eq!(values[6][1..4], [json!(true), Value::Null, json!("name of 6")]);
    assert!(!world.sync().await.unwrap().written);
}

#[tokio::test]
async fn rows_of_people_stay_and_new_records_come_above_a_total() {
    let mut world = World::filled(4).await;
    world
        .simulator
        .types(&format!("{TITLE}!A6:E6"), json!([["Total", "", "", "", "=SUM(E2:E5)"]]))
        .await;
    world.wish.table.rows.push(folder(5));
    world.drop_record("1");
    world.sync().await.unwrap();
    let values = world.values();
    let total = values.last().unwrap();
    assert_eq!(
        (total[0].clone(), total[4].clone()),
        (json!("Total"), json!("=SUM(E2:E5)")),
        "the range grew and shrank"
    );
    assert_eq!(world.keys(), ["2", "3", "5", "4", "Total"]);
    assert!(!world.sync().await.unwrap().written);
}

#[tokio::test]
async fn a_formula_beside_most_records_comes_beside_new_ones() {
    let mut world = World::filled(4).await;
    insert(&world, "COLUMNS", 6, true).await;
    let formulas: Vec<_> = (2..=5).map(|row| json!([format!("=E{row}*2")])).collect();
    world.simulator.types(&format!("{TITLE}!G2:G5"), json!(formulas)).await;
    world.wish.table.rows.push(folder(5));
    world.wish.table.rows.push(folder(6));
    world.drop_record("2");
    assert_eq!(
        world.sync().await.unwrap().removed,
        1,
        "a formula of the whole column is no note"
    );
    assert_eq!(note_of(&world, "5"), "=E5*2");
    assert_eq!(note_of(&world, "6"), "=E6*2");
}

#[tokio::test]
async fn a_filter_that_hides_rows_stays_and_every_cell_gets_its_own_value() {
    let mut world = World::filled(12).await;
    let all = range(&world, (0, 13), (0, 6));
    let hides = json!({"1": {"hiddenValues": ["name of 2", "name of 3", "name of 4"]}});
    world
        .simulator
        .owner(json!([{"setBasicFilter": {"filter": {"range": all, "criteria": hides}}}]))
        .await;
    for id in 1..=12 {
        world.change_name(&id.to_string(), &format!("new {id}"));
    }
    world.wish.table.rows.push(folder(13));
    assert_eq!(world.sync().await.unwrap().updated, 12);
    for id in 1..=12 {
        assert_eq!(world.row(&id.to_string())[0], format!("new {id}"));
    }
    assert_eq!(world.tab(TITLE)["basicFilter"]["criteria"], hides);
}

#[tokio::test]
async fn a_merge_is_left_alone_and_told() {
    let mut world = World::filled(5).await;
    let cells = range(&world, (1, 3), (1, 2));
    world
        .simulator
        .owner(json!([{"mergeCells": {"range": cells, "mergeType": "MERGE_ALL"}}]))
        .await;
    world.change_name("4", "Dupont");
    let change = world.sync().await.unwrap();
    assert_eq!(change.updated, 1);
    assert!(
        change.notes.iter().any(|note| note.contains("merged")),
        "{:?}",
        change.notes
    );
    assert_eq!(world.tab(TITLE)["merges"].as_array().unwrap().len(), 1);
    assert!(!world.sync().await.unwrap().written);
}

#[tokio::test]
async fn a_row_inserted_between_reading_and_writing_is_noticed_and_healed_in_the_same_run() {
    let mut world = World::filled(20).await;
    notes(&world, &["3", "8"]).await;
    world.change_name("8", "Dupont");
    world.fault(json!({"path": READ, "answer": {"delayMs": 600}})).await;
    let (change, ()) = tokio::join!(world.sync(), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        insert(&world, "ROWS", 4, true).await;
    });
    let change = change.unwrap();
    assert!(
        change.notes.iter().any(|note| note.contains("2 rounds")),
        "{:?}",
        change.notes
    );
    assert_eq!(world.row("8")[0], "Dupont");
    assert_eq!(world.row("7")[0], "name of 7");
    assert_eq!(
        (note_of(&world, "3"), note_of(&world, "8")),
        (json!("note 3"), json!("note 8"))
    );
    assert!(!world.sync().await.unwrap().written);
}

#[tokio::test]
async fn an_edit_before_rows_are_inserted_or_deleted_makes_a_new_plan() {
    let mut world = World::filled(20).await;
    notes(&world, &["3", "8"]).await;
    world.drop_record("5");
    world.wish.table.rows.push(folder(21));
    world.fault(json!({"path": READ, "answer": {"delayMs": 600}})).await;
    let (change, ()) = tokio::join!(world.sync(), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        sort_descending(&world).await;
    });
    assert_eq!(change.unwrap().removed, 1);
    assert_eq!(world.keys().len(), 20);
    assert!(!world.keys().contains(&"5".to_owned()));
    assert_eq!(
        (note_of(&world, "3"), note_of(&world, "8")),
        (json!("note 3"), json!("note 8"))
    );
}

#[tokio::test]
async fn a_row_that_was_deleted_by_mistake_comes_back_with_its_note() {
    let mut world = World::filled(20).await;
    notes(&world, &["3", "8", "16", "17"]).await;
    world.wish.missing_rows = MissingRows::Delete;
    // kept for its note, and then moved to where the deletion falls
    world.drop_record("17");
    world.sync().await.unwrap();
    world.drop_record("5");
    world.forget_requests().await;
    // the second read is the one right before the write
    world
        .fault(json!({"path": READ, "nth": 2, "answer": {"delayMs": 600}}))
        .await;
    let (change, ()) = tokio::join!(world.sync(), async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        sort_descending(&world).await;
    });
    let change = change.unwrap();
    assert!(
        change.notes.iter().any(|note| note.contains("1 row put back")),
        "{:?}",
        change.notes
    );
    let mut keys = world.keys();
    keys.sort_by_key(|key| key.parse::<u32>().unwrap());
    let expected: Vec<String> = (1..=20).filter(|id| *id != 5).map(|id| id.to_string()).collect();
    assert_eq!(keys, expected);
    for key in ["3", "8", "16", "17"] {
        let row = world.row(key);
        assert_eq!(row.last().unwrap(), &json!(format!("note {key}")), "{row:?}");
    }
    assert!(!world.sync().await.unwrap().written);
}

#[tokio::test]
async fn a_column_moved_since_the_spreadsheet_was_opened_is_found_where_it_is() {
    let mut world = World::filled(5).await;
    let client = world.client().await.unwrap();
    let book = client.open(&world.simulator.tenant().spreadsheet_id).await.unwrap();
    let source = lines(&world, "COLUMNS", 4);
    world
        .simulator
        .owner(json!([{"moveDimension": {"source": source, "destinationIndex": 1}}]))
        .await;
    world.change_name("2", "Dupont");
    // Wedof is read for a while before the tab is
    tokio::time::sleep(Duration::from_millis(3_100)).await;
    let change = book.sync_tab(&world.wish.borrow(), &|_, _| ()).await.unwrap();
    assert_eq!(change.updated, 1);
    assert_eq!(world.values()[0], ["ID", "PRICE", "NAME", "BORN", "SEEN", "PAID"]);
    assert_eq!(world.values()[2][2], "Dupont");
}

#[tokio::test]
async fn a_column_inserted_between_reading_and_writing_keeps_a_persons_cells_from_being_overwritten() {
    let mut world = World::filled(20).await;
    world.change_name("8", "Dupont");
    world.fault(json!({"path": READ, "answer": {"delayMs": 600}})).await;
    let (change, ()) = tokio::join!(world.sync(), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        insert(&world, "COLUMNS", 1, true).await;
        let note = json!([{"updateCells": {
            "range": range(&world, (8, 9), (1, 2)), "fields": "userEnteredValue",
            "rows": [{"values": [{"userEnteredValue": {"stringValue": "mine"}}]}],
        }}]);
        world.simulator.owner(note).await;
    });
    change.unwrap();
    assert_eq!(world.values()[8][1], "mine");
    assert_eq!(world.values()[8][2], "Dupont");
    assert!(!world.sync().await.unwrap().written);
}
