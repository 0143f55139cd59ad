//! Filters, protections, tables, groups and formats of people in and around the data.

use serde_json::{Value, json};
use wedof_sheet_sync::{
    failure::reason,
    spec::MissingRows,
    table::{Cell, Column, Kind},
};

use crate::{
    editing::{lines, range},
    world::{TITLE, World, folder},
};

async fn owner(world: &World, request: Value) -> Value {
    world.simulator.owner(json!([request])).await
}

/// A run that inserts, changes and deletes rows, from `rows` records.
async fn busy_run(world: &mut World, rows: u32) {
    world.change_name("3", "Dupont");
    world.drop_record("5");
    world.wish.table.rows.extend([folder(rows + 1), folder(rows + 2)]);
    let change = world.sync().await.unwrap();
    assert_eq!((change.added, change.updated, change.removed), (2, 1, 1), "{change:?}");
    assert_eq!(world.row("3")[0], "Dupont");
    for id in [1, 4, rows, rows + 1, rows + 2] {
        let name = if id == 3 {
            "Dupont".into()
        } else {
            format!("name of {id}")
        };
        assert_eq!(world.row(&id.to_string())[0], name);
    }
    assert!(!world.sync().await.unwrap().written);
}

#[tokio::test]
async fn a_google_table_over_the_data_grows_with_it() {
    let mut world = World::filled(8).await;
    let table = json!({"name": "Dossiers", "range": range(&world, (0, 9), (0, 6))});
    owner(&world, json!({"addTable": {"table": table}})).await;
    busy_run(&mut world, 8).await;
    let table = &world.tab(TITLE)["tables"][0]["range"];
    assert_eq!(
        (&table["startRowIndex"], &table["endRowIndex"]),
        (&json!(0), &json!(10)),
        "{table}"
    );
    // its headers are names of columns: a new one must differ from all others
    world.simulator.types(&format!("{TITLE}!G1"), json!([["NAME"]])).await;
    world.wish.table.columns[4].label = "name".into();
    world.sync().await.unwrap();
    let header = world.values()[0].clone();
    let mut folded: Vec<String> = header.iter().filter_map(Value::as_str).map(str::to_lowercase).collect();
    folded.sort();
    folded.dedup();
    assert_eq!(folded.len(), 6, "NAME was twice before: {header:?}");
}

#[tokio::test]
async fn a_new_column_in_the_midst_of_a_google_table_has_its_name_from_the_start() {
    let mut world = World::filled(4).await;
    let table = json!({"name": "Dossiers", "range": range(&world, (0, 5), (0, 6))});
    owner(&world, json!({"addTable": {"table": table}})).await;
    let column = Column {
        path: "state".into(),
        label: "STATE".into(),
        kind: Kind::Plain,
    };
    world.wish.table.columns.insert(2, column);
    for row in &mut world.wish.table.rows {
        row.insert(2, Cell::Text("accepted".into()));
    }
    let change = world.sync().await.unwrap();
    assert_eq!(
        (change.updated, &change.columns_added[..]),
        (4, &["STATE".to_owned()][..])
    );
    assert_eq!(
        world.values()[0],
        ["ID", "NAME", "STATE", "BORN", "SEEN", "PRICE", "PAID"]
    );
    assert_eq!(world.tab(TITLE)["tables"][0]["range"]["endColumnIndex"], 7);
    assert!(!world.sync().await.unwrap().written);
}

#[tokio::test]
async fn filter_views_and_groups_stay_over_their_rows() {
    let mut world = World::filled(8).await;
    let view = json!({"title": "En cours", "range": range(&world, (0, 9), (0, 6)),
        "criteria": {"5": {"hiddenValues": ["FALSE"]}}});
    owner(&world, json!({"addFilterView": {"filter": view}})).await;
    let rows = json!({"sheetId": world.sheet_id(), "dimension": "ROWS", "startIndex": 2, "endIndex": 7});
    owner(&world, json!({"addDimensionGroup": {"range": rows}})).await;
    let columns = json!({"sheetId": world.sheet_id(), "dimension": "COLUMNS", "startIndex": 3, "endIndex": 5});
    owner(&world, json!({"addDimensionGroup": {"range": columns}})).await;
    busy_run(&mut world, 8).await;
    let tab = world.tab(TITLE);
    assert_eq!(
        tab["filterViews"][0]["criteria"]["5"]["hiddenValues"][0], "FALSE",
        "{}",
        tab["filterViews"]
    );
    assert_eq!(tab["filterViews"][0]["range"]["endRowIndex"], 10);
    let group = &tab["rowGroups"][0]["range"];
    assert_eq!(
        (&group["startIndex"], &group["endIndex"]),
        (&json!(2), &json!(6)),
        "one row of it went"
    );
    let group = &tab["columnGroups"][0]["range"];
    assert_eq!((&group["startIndex"], &group["endIndex"]), (&json!(3), &json!(5)));
}

#[tokio::test]
async fn hidden_rows_and_columns_are_written_like_any_other_and_stay_hidden() {
    let mut world = World::filled(8).await;
    for (dimension, at) in [("ROWS", 3), ("ROWS", 8), ("COLUMNS", 1)] {
        let hide = json!({"updateDimensionProperties": {
            "range": lines(&world, dimension, at), "properties": {"hiddenByUser": true}, "fields": "hiddenByUser",
        }});
        owner(&world, hide).await;
    }
    busy_run(&mut world, 8).await;
    assert_eq!(world.tab(TITLE)["columns"][1]["hidden"], true);
}

#[tokio::test]
async fn notes_rules_and_colours_of_people_stay_with_their_rows() {
    let mut world = World::filled(8).await;
    let all = range(&world, (1, 9), (0, 6));
    let rule = json!({"ranges": [all], "booleanRule": {
        "condition": {"type": "NOT_BLANK"}, "format": {"textFormat": {"bold": true}},
    }});
    owner(&world, json!({"addConditionalFormatRule": {"rule": rule, "index": 0}})).await;
    let checkbox = range(&world, (1, 9), (6, 7));
    let rule = json!({"condition": {"type": "BOOLEAN"}, "strict": true});
    owner(&world, json!({"setDataValidation": {"range": checkbox, "rule": rule}})).await;
    world
        .simulator
        .types(
            &format!("{TITLE}!G1:G9"),
            json!([
                ["Fait"],
                [false],
                [false],
                [false],
                [true],
                [false],
                [false],
                [false],
                [true]
            ]),
        )
        .await;
    let red = json!({"userEnteredFormat": {"backgroundColor": {"red": 1}}, "note": "urgent"});
    let cell = range(&world, (3, 4), (1, 2));
    owner(
        &world,
        json!({"repeatCell": {"range": cell, "cell": red, "fields": "note,userEnteredFormat.backgroundColor"}}),
    )
    .await;
    busy_run(&mut world, 8).await;
    let tab = world.tab(TITLE);
    assert!(tab["notes"]["B4"] == "urgent", "{}", tab["notes"]);
    assert_eq!(
        tab["validations"].as_object().unwrap().len(),
        9,
        "new rows have a checkbox too: {}",
        tab["validations"]
    );
    assert_eq!(world.row("4")[5], true);
    assert_eq!(world.row("9")[5], false, "an inherited checkbox is not ticked");
    assert_eq!(world.row("8")[5], true);
    let ends = &tab["conditionalFormats"][0]["ranges"][0]["endRowIndex"];
    assert_eq!(*ends, 10, "{}", tab["conditionalFormats"]);
}

#[tokio::test]
async fn a_protection_that_lets_the_account_edit_is_not_in_the_way() {
    let mut world = World::filled(8).await;
    let email = world.simulator.tenant().email.clone();
    for users in [json!([email]), json!([])] {
        let protected = json!({"range": range(&world, (0, 9), (0, 6)), "editors": {"users": users}, "warningOnly": users == json!([])});
        owner(&world, json!({"addProtectedRange": {"protectedRange": protected}})).await;
    }
    busy_run(&mut world, 8).await;
}

#[tokio::test]
async fn a_protection_beside_the_data_stops_what_crosses_it_and_no_more() {
    let mut world = World::filled(8).await;
    let typed = json!([["Prime"], [100], [200], [300]]);
    world.simulator.types(&format!("{TITLE}!G1:G4"), typed).await;
    let protected = json!({"range": range(&world, (0, 9), (6, 7)), "editors": {"users": []}});
    owner(&world, json!({"addProtectedRange": {"protectedRange": protected}})).await;
    world.change_name("3", "Dupont");
    assert_eq!(world.sync().await.unwrap().updated, 1, "cells that it does not cover");
    world.wish.table.rows.push(folder(9));
    assert_eq!(world.sync().await.unwrap().added, 1, "rows at its end do not cross it");
    let all = world.wish.table.clone();
    world.drop_record("2");
    let change = world.sync().await.unwrap();
    assert_eq!((change.removed, change.marked), (0, 1), "the day is written beside it");
    world.wish.table = all;
    world.drop_record("5");
    let before = world.simulator.state();
    let failure = world.sync().await.unwrap_err();
    assert_eq!(world.simulator.state(), before);
    assert_eq!(failure.reason, reason::TAB_REFUSED);
    for part in [TITLE, "H1:H", "is protected against", &world.simulator.tenant().email] {
        assert!(failure.message.contains(part), "{failure}");
    }
    world.wish.missing_rows = MissingRows::Keep;
    assert_eq!(world.sync().await.unwrap().kept, 1, "nothing has to cross it any more");
}

#[tokio::test]
async fn merged_cells_across_records_lose_nothing_and_double_no_record() {
    let mut world = World::filled(8).await;
    for (rows, columns) in [((1, 2), (6, 9)), ((2, 4), (1, 2)), ((5, 7), (7, 8))] {
        let merge = json!({"mergeCells": {"range": range(&world, rows, columns), "mergeType": "MERGE_ALL"}});
        owner(&world, merge).await;
    }
    world.drop_record("7");
    world.wish.table.rows.push(folder(9));
    let change = world.sync().await.unwrap();
    assert_eq!((change.added, change.updated, change.removed), (1, 0, 1));
    assert!(
        change
            .notes
            .iter()
            .any(|note| note.contains("1 cell under merged cells left out")),
        "{:?}",
        change.notes
    );
    assert_eq!(world.tab(TITLE)["merges"].as_array().unwrap().len(), 3);
    assert!(!world.sync().await.unwrap().written);
    // the ids of two records under one merge: the lower one has no row of its own any more
    let merge = json!({"mergeCells": {"range": range(&world, (4, 6), (0, 1)), "mergeType": "MERGE_ALL"}});
    owner(&world, merge).await;
    world.sync().await.unwrap();
    assert!(!world.sync().await.unwrap().written);
    let keys: Vec<String> = world.keys().into_iter().filter(|key| key == "5").collect();
    assert_eq!(keys.len(), 1, "{:?}", world.values());
}

#[tokio::test]
async fn banded_rows_and_a_basic_filter_grow_with_the_data() {
    let mut world = World::filled(8).await;
    let all = range(&world, (0, 9), (0, 6));
    owner(&world, json!({"setBasicFilter": {"filter": {"range": all, "criteria": {"1": {"hiddenValues": ["name of 2", "name of 8"]}}}}})).await;
    owner(
        &world,
        json!({"addBanding": {"bandedRange": {"range": all, "rowProperties": {"firstBandColor": {"red": 1}}}}}),
    )
    .await;
    busy_run(&mut world, 8).await;
    let tab = world.tab(TITLE);
    assert_eq!(tab["basicFilter"]["range"]["endRowIndex"], 10, "{}", tab["basicFilter"]);
    assert_eq!(tab["basicFilter"]["criteria"]["1"]["hiddenValues"][0], "name of 2");
}
