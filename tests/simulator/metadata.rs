//! Developer metadata: ids that exist once, marks that travel with their row or column.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::Simulator;

fn create(id: i64, key: &str, location: Value) -> Value {
    json!({"createDeveloperMetadata": {"developerMetadata": {
        "metadataId": id, "metadataKey": key, "metadataValue": "v", "location": location, "visibility": "DOCUMENT",
    }}})
}

fn row(at: usize) -> Value {
    json!({"dimensionRange": {"sheetId": 0, "dimension": "ROWS", "startIndex": at, "endIndex": at + 1}})
}

fn column(at: usize) -> Value {
    json!({"dimensionRange": {"sheetId": 0, "dimension": "COLUMNS", "startIndex": at, "endIndex": at + 1}})
}

async fn search(simulator: &Simulator, lookup: Value) -> Vec<Value> {
    let path = format!("{}/developerMetadata:search", simulator.tenant().spreadsheet_id);
    let body = json!({"dataFilters": [{"developerMetadataLookup": lookup}]});
    let reply = simulator.sheets(Method::POST, &path, Some(&body)).await;
    assert_eq!(reply.status, 200, "{}", reply.json);
    let matched = reply.json["matchedDeveloperMetadata"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    matched
        .into_iter()
        .map(|entry| entry["developerMetadata"].clone())
        .collect()
}

/// Where the row or column with that mark is now; `None` if it is gone.
async fn index_of(simulator: &Simulator, id: i64) -> Option<u64> {
    let found = search(simulator, json!({"metadataId": id})).await;
    found
        .first()
        .map(|entry| entry["location"]["dimensionRange"]["startIndex"].as_u64().unwrap())
}

#[tokio::test]
async fn an_entry_is_shown_with_its_place() {
    let simulator = Simulator::start().await;
    let replies = simulator
        .apply(json!([create(5, "wss.rev", json!({"sheetId": 0}))]))
        .await;
    let shown = json!({
        "metadataId": 5, "metadataKey": "wss.rev", "metadataValue": "v", "visibility": "DOCUMENT",
        "location": {"locationType": "SHEET", "sheetId": 0},
    });
    assert_eq!(replies[0]["createDeveloperMetadata"]["developerMetadata"], shown);
    assert_eq!(
        search(&simulator, json!({"metadataKey": "wss.rev"})).await,
        std::slice::from_ref(&shown)
    );
    assert_eq!(
        simulator.get("?fields=sheets.developerMetadata").await,
        json!({"sheets": [{"developerMetadata": [shown]}]})
    );
    assert_eq!(simulator.get("/developerMetadata/5").await["metadataKey"], "wss.rev");
    assert!(search(&simulator, json!({"metadataKey": "other"})).await.is_empty());
}

#[tokio::test]
async fn an_id_in_use_refuses_the_whole_batch_wherever_it_is_used() {
    let simulator = Simulator::start().await;
    simulator.apply(json!([create(7, "a", row(3))])).await;
    let second = json!([
        {"updateCells": {"rows": [{"values": [{"userEnteredValue": {"numberValue": 1}}]}], "fields": "userEnteredValue", "start": {}}},
        create(7, "b", json!({"spreadsheet": true})),
    ]);
    let sentence = simulator.refused(second).await;
    assert!(
        sentence.starts_with("Invalid requests[1].createDeveloperMetadata: "),
        "{sentence}"
    );
    // deleted in the same batch, the id is free again
    let swap = json!([
        {"deleteDeveloperMetadata": {"dataFilter": {"developerMetadataLookup": {"metadataId": 7}}}},
        create(7, "b", json!({"sheetId": 0})),
    ]);
    simulator.apply(swap).await;
    assert_eq!(
        search(&simulator, json!({"metadataId": 7})).await[0]["metadataKey"],
        "b"
    );
}

#[tokio::test]
async fn marks_of_rows_follow_inserts_deletes_moves_and_sorts_and_go_with_their_row() {
    let simulator = Simulator::start().await;
    simulator
        .types("A1:A6", json!([["h"], ["d"], ["b"], ["c"], ["a"], ["e"]]))
        .await;
    simulator
        .apply(json!([
            create(1, "header", row(0)),
            create(2, "c", row(3)),
            create(3, "e", row(5))
        ]))
        .await;
    let dimension =
        |start: usize, end: usize| json!({"sheetId": 0, "dimension": "ROWS", "startIndex": start, "endIndex": end});
    simulator
        .apply(json!([{"insertDimension": {"range": dimension(1, 3), "inheritFromBefore": true}}]))
        .await;
    assert_eq!(index_of(&simulator, 2).await, Some(5));
    simulator
        .apply(json!([{"deleteDimension": {"range": dimension(1, 3)}}]))
        .await;
    assert_eq!(index_of(&simulator, 2).await, Some(3));
    simulator
        .apply(json!([{"moveDimension": {"source": dimension(3, 4), "destinationIndex": 1}}]))
        .await;
    assert_eq!(index_of(&simulator, 2).await, Some(1));
    let range = json!({"sheetId": 0, "startRowIndex": 1, "endRowIndex": 6});
    simulator
        .apply(json!([{"sortRange": {"range": range, "sortSpecs": [{"dimensionIndex": 0, "sortOrder": "ASCENDING"}]}}]))
        .await;
    assert_eq!(simulator.values(0), json!([["h"], ["a"], ["b"], ["c"], ["d"], ["e"]]));
    assert_eq!(index_of(&simulator, 2).await, Some(3));
    assert_eq!(index_of(&simulator, 1).await, Some(0));
    simulator
        .apply(json!([{"deleteDimension": {"range": dimension(3, 4)}}]))
        .await;
    assert_eq!(index_of(&simulator, 2).await, None);
    assert_eq!(index_of(&simulator, 3).await, Some(4));
}

#[tokio::test]
async fn marks_of_columns_follow_and_a_sort_of_some_columns_leaves_marks_of_rows() {
    let simulator = Simulator::start().await;
    simulator.types("A1:B2", json!([["b", 1], ["a", 2]])).await;
    simulator
        .apply(json!([create(1, "col", column(1)), create(2, "row", row(0))]))
        .await;
    let dimension =
        |start: usize, end: usize| json!({"sheetId": 0, "dimension": "COLUMNS", "startIndex": start, "endIndex": end});
    simulator
        .apply(json!([{"insertDimension": {"range": dimension(0, 1)}}]))
        .await;
    assert_eq!(index_of(&simulator, 1).await, Some(2));
    simulator
        .apply(json!([{"moveDimension": {"source": dimension(2, 3), "destinationIndex": 0}}]))
        .await;
    assert_eq!(index_of(&simulator, 1).await, Some(0));
    assert_eq!(simulator.values(0), json!([[1, null, "b"], [2, null, "a"]]));
    let range = json!({"sheetId": 0, "startRowIndex": 0, "endRowIndex": 2, "startColumnIndex": 2, "endColumnIndex": 3});
    simulator
        .apply(json!([{"sortRange": {"range": range, "sortSpecs": [{"dimensionIndex": 2}]}}]))
        .await;
    assert_eq!(simulator.values(0), json!([[1, null, "a"], [2, null, "b"]]));
    assert_eq!(index_of(&simulator, 2).await, Some(0));
}

#[tokio::test]
async fn values_are_found_by_the_marks_of_their_columns() {
    let simulator = Simulator::start().await;
    simulator
        .types("A1:C2", json!([["id", "nom", "note"], [1, "Zoé", "=A2+1"]]))
        .await;
    simulator
        .apply(json!([
            create(1, "wss.col", column(1)),
            create(2, "wss.col", column(2))
        ]))
        .await;
    let path = format!("{}/values:batchGetByDataFilter", simulator.tenant().spreadsheet_id);
    let body = json!({
        "dataFilters": [
            {"developerMetadataLookup": {"metadataKey": "wss.col"}},
            {"gridRange": {"sheetId": 0, "startRowIndex": 0, "endRowIndex": 1}},
            {"a1Range": "Sheet1!C2"},
        ],
        "valueRenderOption": "FORMULA",
    });
    let reply = simulator.sheets(Method::POST, &path, Some(&body)).await;
    let ranges: Vec<_> = reply.json["valueRanges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|range| &range["valueRange"])
        .collect();
    assert_eq!(ranges[0]["range"], "Sheet1!B1:B1000");
    assert_eq!(ranges[0]["values"], json!([["nom"], ["Zoé"]]));
    assert_eq!(ranges[1]["values"], json!([["note"], ["=A2+1"]]));
    assert_eq!(ranges[2]["values"], json!([["id", "nom", "note"]]));
    assert_eq!(ranges[3]["values"], json!([["=A2+1"]]));
    // zeros are left out of the echo
    assert_eq!(
        reply.json["valueRanges"][2]["dataFilters"][0],
        json!({"gridRange": {"endRowIndex": 1}})
    );
}

#[tokio::test]
async fn entries_are_changed_and_deleted_by_filters() {
    let simulator = Simulator::start().await;
    simulator
        .apply(json!([
            create(1, "k", column(0)),
            create(2, "k", column(1)),
            create(3, "x", json!({"spreadsheet": true}))
        ]))
        .await;
    let filter = json!({"developerMetadataLookup": {"metadataKey": "k"}});
    let update = json!([{"updateDeveloperMetadata": {
        "dataFilters": [filter], "developerMetadata": {"metadataValue": "new"}, "fields": "metadataValue",
    }}]);
    let replies = simulator.apply(update).await;
    assert_eq!(
        replies[0]["updateDeveloperMetadata"]["developerMetadata"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(search(&simulator, json!({"metadataValue": "new"})).await.len(), 2);
    let replies = simulator
        .apply(json!([{"deleteDeveloperMetadata": {"dataFilter": filter}}]))
        .await;
    assert_eq!(
        replies[0]["deleteDeveloperMetadata"]["deletedDeveloperMetadata"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(search(&simulator, json!({})).await.len(), 1);
}

#[tokio::test]
async fn a_lookup_by_place_finds_exactly_it_or_all_that_touches_it() {
    let simulator = Simulator::start().await;
    simulator
        .apply(json!([
            create(1, "s", json!({"sheetId": 0})),
            create(2, "c", column(4)),
            create(3, "r", row(9))
        ]))
        .await;
    let ids = |found: Vec<Value>| {
        found
            .iter()
            .map(|entry| entry["metadataId"].as_i64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        ids(search(&simulator, json!({"metadataLocation": {"sheetId": 0}})).await),
        [1]
    );
    assert_eq!(ids(search(&simulator, json!({"locationType": "COLUMN"})).await), [2]);
    let touching = json!({"metadataLocation": {"sheetId": 0}, "locationMatchingStrategy": "INTERSECTING_LOCATION"});
    assert_eq!(ids(search(&simulator, touching).await), [1, 2, 3]);
}

#[tokio::test]
async fn a_place_must_be_one_row_one_column_a_sheet_or_the_spreadsheet() {
    let simulator = Simulator::start().await;
    for location in [
        json!({"dimensionRange": {"sheetId": 0, "dimension": "ROWS", "startIndex": 0, "endIndex": 2}}),
        json!({"dimensionRange": {"sheetId": 0, "dimension": "ROWS", "startIndex": 0}}),
    ] {
        let sentence = simulator.refused(json!([create(1, "k", location)])).await;
        assert!(
            sentence.ends_with("DimensionRange must represent a single row or column"),
            "{sentence}"
        );
    }
    let sentence = simulator.refused(json!([create(1, "k", json!({"sheetId": 99}))])).await;
    assert!(sentence.ends_with("No grid with id: 99"), "{sentence}");
    let big = json!([{"createDeveloperMetadata": {"developerMetadata": {
        "metadataKey": "k", "metadataValue": "x".repeat(30_000), "location": {"sheetId": 0}, "visibility": "DOCUMENT",
    }}}]);
    simulator.refused(big).await;
}
