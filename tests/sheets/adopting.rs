//! Tabs that another program filled before.

use serde_json::{Value, json};
use wedof_sheet_sync::{
    failure::reason,
    table::{Cell, Column, KeyShape, Kind},
};

use crate::world::{Table, Wish, World};

const TAB: &str = "Registration Folders";

/// Two folders as the catalogue flattens them.
fn table() -> Table {
    let column = |path: &str, kind| Column {
        path: path.into(),
        label: path.into(),
        kind,
    };
    let row = |id: &str, state: &str, name: &str, price: f64| {
        vec![
            Cell::Text(id.to_owned().into()),
            Cell::Text(state.to_owned().into()),
            Cell::Day(20_000),
            Cell::Number(price),
            Cell::Text(name.to_owned().into()),
            Cell::Text("Excel".into()),
        ]
    };
    Table {
        columns: vec![
            column("externalId", Kind::Identifier),
            column("state", Kind::Plain),
            column("createdOn", Kind::Day),
            column("amountTtc", Kind::Plain),
            column("attendee.lastName", Kind::Plain),
            column("trainingActionInfo.title", Kind::Plain),
        ],
        rows: vec![
            row("11111111111111", "accepted", "Durand", 1200.5),
            row("22222222222222", "inTraining", "Petit", 900.0),
        ],
        key_shape: KeyShape::Digits,
    }
}

async fn world_with(values: Value) -> World {
    let mut world = World::new(0).await;
    world.wish = Wish::of(table());
    world.wish.title = TAB.into();
    world
        .simulator
        .owner(json!([{"addSheet": {"properties": {"sheetId": 55, "title": TAB}}}]))
        .await;
    // a program writes texts
    let rows: Vec<Value> = values
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let cells = row.as_array().unwrap().iter();
            let cells: Vec<Value> = cells
                .map(|cell| json!({"userEnteredValue": {"stringValue": cell}}))
                .collect();
            json!({"values": cells})
        })
        .collect();
    let start = json!({"sheetId": 55, "rowIndex": 0, "columnIndex": 0});
    world
        .simulator
        .owner(json!([{"updateCells": {"start": start, "rows": rows, "fields": "userEnteredValue"}}]))
        .await;
    world
}

fn column_of(world: &World, header: &str) -> Vec<Value> {
    let values: Vec<Vec<Value>> = serde_json::from_value(world.tab(TAB)["values"].clone()).unwrap();
    let at = values[0].iter().position(|label| label == header);
    let at = at.unwrap_or_else(|| panic!("no {header} in {:?}", values[0]));
    let mut column: Vec<Value> = values[1..]
        .iter()
        .map(|row| row.get(at).cloned().unwrap_or_default())
        .collect();
    while column.last().is_some_and(Value::is_null) {
        column.pop();
    }
    column
}

#[tokio::test]
async fn a_tab_of_texts_with_one_column_per_name_of_the_json_is_taken_over_without_a_row_twice() {
    let world = world_with(json!([
        [
            "id",
            "externalId",
            "state",
            "createdOn",
            "amountTtc",
            "attendee",
            "trainingActionInfo",
            "tags"
        ],
        [
            "7",
            "22222222222222",
            "accepted",
            "2024-01-01T10:00:00Z",
            "900.0",
            "{'lastName': 'Petit'}",
            "{'title': 'Excel'}",
            ""
        ],
        [
            "6",
            "33333333333333",
            "accepted",
            "2024-01-01T10:00:00Z",
            "10",
            "{'lastName': 'Parti'}",
            "{}",
            ""
        ],
    ]))
    .await;
    let change = world.sync().await.unwrap();
    assert_eq!(
        (change.added, change.updated, change.removed, change.kept),
        (1, 1, 0, 1)
    );
    assert_eq!(
        column_of(&world, "externalId"),
        ["22222222222222", "33333333333333", "11111111111111"],
    );
    assert_eq!(column_of(&world, "amountTtc")[0], json!(900), "a number and no text");
    assert_eq!(column_of(&world, "createdOn")[0], json!(20_000 + 25_569));
    assert_eq!(world.tab(TAB)["shown"][1][3], "04/10/2024", "shown as a day");
    assert_eq!(column_of(&world, "attendee.lastName")[0], "Petit");
    assert_eq!(
        column_of(&world, "attendee")[0],
        "{'lastName': 'Petit'}",
        "nobody knows who needs it"
    );
    assert_eq!(column_of(&world, "id")[0], "7");
    for part in [
        "taken over",
        "the columns attendee, trainingActionInfo of an earlier program",
    ] {
        assert!(
            change.notes.iter().any(|note| note.contains(part)),
            "{:?}",
            change.notes
        );
    }
    // what an earlier program wrote beside it may be somebody's: the row that is gone is kept and marked
    let change = world.sync().await.unwrap();
    assert_eq!((change.added, change.removed, change.kept, change.marked), (0, 0, 1, 1));
    assert!(!world.sync().await.unwrap().written);
}

#[tokio::test]
async fn headers_are_known_in_each_language_that_this_program_writes() {
    let mut world = world_with(json!([
        ["N° de dossier", "Last name", "État", "Suivi"],
        ["22222222222222", "Petit", "accepted", "à rappeler"],
    ]))
    .await;
    let label = |path: &str, label: &str| (path.to_owned(), label.to_owned());
    world.wish.labels = vec![
        label("externalId", "N° de dossier"),
        label("attendee.lastName", "Nom"),
        label("attendee.lastName", "Last name"),
        label("state", "État"),
    ];
    assert_eq!(world.sync().await.unwrap().added, 1);
    assert_eq!(
        column_of(&world, "attendee.lastName"),
        ["Petit", "Durand"],
        "with the header that is wished now"
    );
    assert_eq!(column_of(&world, "Suivi")[0], "à rappeler");
    assert!(!world.sync().await.unwrap().written);
}

#[tokio::test]
async fn names_of_objects_alone_prove_nothing() {
    let world = world_with(json!([
        ["attendee", "trainingActionInfo", "externalId"],
        ["{}", "{}", "99999999999999"],
    ]))
    .await;
    assert_eq!(world.sync().await.unwrap_err().reason, reason::TAB_REFUSED);
}
