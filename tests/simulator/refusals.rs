//! What Google refuses, in its own words.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::Simulator;

/// Sheet 0 is made 10 × 4 with one frozen row; sheet 9 "Autre" is beside it.
async fn prepared() -> Simulator {
    let simulator = Simulator::start().await;
    let grid = json!({"rowCount": 10, "columnCount": 4, "frozenRowCount": 1});
    let fields = "gridProperties.rowCount,gridProperties.columnCount,gridProperties.frozenRowCount";
    simulator
        .apply(json!([
            {"updateSheetProperties": {"properties": {"sheetId": 0, "gridProperties": grid}, "fields": fields}},
            {"addSheet": {"properties": {"sheetId": 9, "title": "Autre", "gridProperties": {"rowCount": 5, "columnCount": 2}}}},
        ]))
        .await;
    simulator
}

fn dimension(kind: &str, start: usize, end: usize) -> Value {
    json!({"sheetId": 0, "dimension": kind, "startIndex": start, "endIndex": end})
}

fn resize(grid: Value, fields: &str) -> Value {
    json!({"updateSheetProperties": {"properties": {"sheetId": 0, "gridProperties": grid}, "fields": fields}})
}

fn write(range: Value, rows: Value) -> Value {
    json!({"updateCells": {"range": range, "rows": rows, "fields": "userEnteredValue"}})
}

const TOO_MANY: &str =
    "This action would increase the number of cells in the workbook above the limit of 10000000 cells.";

#[rstest]
#[case::all_rows(json!({"deleteDimension": {"range": dimension("ROWS", 0, 10)}}), "You can't delete all the rows on the sheet.")]
#[case::all_columns(json!({"deleteDimension": {"range": dimension("COLUMNS", 0, 4)}}), "You can't delete all the columns on the sheet.")]
#[case::non_frozen(json!({"deleteDimension": {"range": dimension("ROWS", 1, 10)}}), "Sorry, it is not possible to delete all non-frozen rows.")]
#[case::delete_past_end(json!({"deleteDimension": {"range": dimension("ROWS", 9, 11)}}), "Cannot delete a row that doesn't exist. Tried to delete row index 10 but there are only 10 rows.")]
#[case::insert_at_end(json!({"insertDimension": {"range": dimension("ROWS", 10, 11), "inheritFromBefore": false}}), "range.startIndex must be less than the grid size (10) if inheritFromBefore is false.")]
#[case::insert_past_end(json!({"insertDimension": {"range": dimension("ROWS", 11, 12), "inheritFromBefore": true}}), "range.startIndex is larger than current grid size (10)")]
#[case::move_onto_itself(json!({"moveDimension": {"source": dimension("ROWS", 1, 2), "destinationIndex": 1}}), "destinationIndex[1] must be outside the requested range[1-2]")]
#[case::freeze_all(resize(json!({"frozenRowCount": 10}), "gridProperties.frozenRowCount"), "You can't freeze all visible rows on the sheet.")]
#[case::shrink_to_frozen(resize(json!({"rowCount": 1}), "gridProperties.rowCount"), "Sorry, it is not possible to delete all non-frozen rows.")]
#[case::shrink_while_unfreezing(resize(json!({"rowCount": 1, "frozenRowCount": 0}), "gridProperties(rowCount,frozenRowCount)"), "Sorry, it is not possible to delete all non-frozen rows.")]
#[case::bare_grid_mask(resize(json!({"frozenRowCount": 1}), "gridProperties"), "You can't delete all the rows on the sheet.")]
#[case::rows_before_columns(resize(json!({"rowCount": 3_000_000, "columnCount": 1}), "gridProperties.rowCount,gridProperties.columnCount"), TOO_MANY)]
#[case::too_many_inserted(json!({"insertDimension": {"range": dimension("ROWS", 5, 3_000_000)}}), TOO_MANY)]
#[case::too_many_columns(json!({"appendDimension": {"sheetId": 0, "dimension": "COLUMNS", "length": 18_278}}), "This action would increase the number of columns in the sheet above the limit of 18278 columns")]
#[case::past_grid(json!({"repeatCell": {"range": {"sheetId": 0, "startRowIndex": 10, "startColumnIndex": 0, "endColumnIndex": 2}, "cell": {}, "fields": "note"}}), "Range (Sheet1!A11:B) exceeds grid limits. Max rows: 10, max columns: 4")]
#[case::too_wide(write(json!({"sheetId": 9, "startRowIndex": 0, "endRowIndex": 1}), json!([{"values": [{}, {}, {}]}])), "Attempting to write column: 2, beyond the last requested column of: 1")]
#[case::too_tall(write(json!({"sheetId": 9, "startRowIndex": 0, "endRowIndex": 1}), json!([{"values": [{}]}, {"values": [{}]}])), "Attempting to write row: 1, beyond the last requested row of: 0")]
#[case::start_past_grid(json!({"updateCells": {"start": {"sheetId": 0, "rowIndex": 10}, "rows": [], "fields": "note"}}), "GridCoordinate.rowIndex[10] is after last row in grid[9]")]
#[case::no_mask(json!({"updateCells": {"range": {"sheetId": 0}, "rows": []}}), "At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)")]
#[case::unknown_sheet(json!({"repeatCell": {"range": {"sheetId": 1234}, "cell": {}, "fields": "note"}}), "No grid with id: 1234")]
#[case::sheet_id_in_use(json!({"addSheet": {"properties": {"sheetId": 9}}}), "Sheet with id 9 already exists")]
#[case::negative_sheet_id(json!({"addSheet": {"properties": {"sheetId": -1}}}), "Sheet id must be non-negative.")]
#[case::title_in_use(json!({"addSheet": {"properties": {"title": "AUTRE"}}}), "A sheet with the name \"AUTRE\" already exists. Please enter another name.")]
#[case::long_title(json!({"addSheet": {"properties": {"title": "x".repeat(101)}}}), "The sheet name cannot be greater than 100 characters.")]
#[case::cell_too_long(write(json!({"sheetId": 9}), json!([{"values": [{"userEnteredValue": {"stringValue": "x".repeat(50_001)}}]}])), "Your input contains more than the maximum of 50000 characters in a single cell.")]
#[case::merge_across_frozen(json!({"mergeCells": {"range": {"sheetId": 0, "startRowIndex": 0, "endRowIndex": 2}, "mergeType": "MERGE_ALL"}}), "You can't merge frozen and non-frozen rows")]
#[case::format_without_type(json!({"repeatCell": {"range": {"sheetId": 9}, "cell": {"userEnteredFormat": {"numberFormat": {"pattern": "0"}}}, "fields": "userEnteredFormat"}}), "NumberFormat.type must be set")]
#[tokio::test]
async fn a_request_that_google_refuses_is_refused_in_its_words(#[case] request: Value, #[case] sentence: &str) {
    let simulator = prepared().await;
    let kind = request.as_object().unwrap().keys().next().unwrap().clone();
    assert_eq!(
        simulator.refused(json!([request])).await,
        format!("Invalid requests[0].{kind}: {sentence}")
    );
}

#[tokio::test]
async fn what_ends_past_the_grid_is_cut_and_an_empty_range_does_nothing() {
    let simulator = prepared().await;
    let note = |range: Value| json!([{"repeatCell": {"range": range, "cell": {"note": "n"}, "fields": "note"}}]);
    simulator
        .apply(note(
            json!({"sheetId": 9, "startRowIndex": 4, "endRowIndex": 99, "endColumnIndex": 1}),
        ))
        .await;
    simulator
        .apply(note(json!({"sheetId": 9, "startRowIndex": 3, "endRowIndex": 3})))
        .await;
    assert_eq!(simulator.state()["sheets"][1]["notes"], json!({"A5": "n"}));
}

#[tokio::test]
async fn the_last_sheet_and_the_last_visible_one_stay() {
    let simulator = prepared().await;
    let hide =
        |id: i64| json!({"updateSheetProperties": {"properties": {"sheetId": id, "hidden": true}, "fields": "hidden"}});
    simulator.apply(json!([hide(9)])).await;
    assert!(
        simulator
            .refused(json!([hide(0)]))
            .await
            .ends_with("You can't hide all the sheets in a document.")
    );
    assert!(
        simulator
            .refused(json!([{"deleteSheet": {"sheetId": 0}}]))
            .await
            .ends_with("You can't remove all the visible sheets in a document.")
    );
    simulator.apply(json!([{"deleteSheet": {"sheetId": 9}}])).await;
    assert!(
        simulator
            .refused(json!([{"deleteSheet": {"sheetId": 0}}]))
            .await
            .ends_with("You can't remove all the sheets in a document.")
    );
}

const PROTECTED: &str = "You are trying to edit a protected cell or object. Please contact the spreadsheet owner to remove protection if you need to edit.";

#[tokio::test]
async fn protected_cells_refuse_the_account_and_not_the_owner() {
    let simulator = prepared().await;
    let range = json!({"sheetId": 0, "startRowIndex": 1, "startColumnIndex": 1, "endColumnIndex": 2});
    simulator
        .owner(json!([{"addProtectedRange": {"protectedRange": {"range": range, "description": "à ne pas toucher"}}}]))
        .await;
    let seen = simulator.get("?fields=sheets.protectedRanges").await["sheets"][0]["protectedRanges"][0].clone();
    assert!(seen.get("requestingUserCanEdit").is_none());
    let cells = |left: usize| json!({"sheetId": 0, "startRowIndex": 2, "endRowIndex": 3, "startColumnIndex": left, "endColumnIndex": left + 1});
    for request in [
        write(cells(1), json!([])),
        json!({"insertDimension": {"range": dimension("ROWS", 4, 5)}}),
        json!({"deleteDimension": {"range": dimension("ROWS", 4, 5)}}),
        json!({"deleteDimension": {"range": dimension("COLUMNS", 1, 2)}}),
        json!({"sortRange": {"range": {"sheetId": 0, "startRowIndex": 1}, "sortSpecs": []}}),
        json!({"deleteProtectedRange": {"protectedRangeId": seen["protectedRangeId"]}}),
    ] {
        let sentence = simulator.refused(json!([request])).await;
        assert!(sentence.ends_with(PROTECTED), "{sentence}");
    }
    let id = &simulator.tenant().spreadsheet_id;
    let put = simulator
        .sheets(
            Method::PUT,
            &format!("{id}/values/B3?valueInputOption=RAW"),
            Some(&json!({"values": [[1]]})),
        )
        .await;
    assert_eq!(put.message(), PROTECTED);
    // beside it, and over it from the edge, all goes on
    simulator
        .apply(json!([write(cells(0), json!([])), {"insertDimension": {"range": dimension("COLUMNS", 3, 4)}}]))
        .await;
    simulator.types("B3", json!([["owner"]])).await;
}

#[tokio::test]
async fn the_account_may_edit_what_it_protects_itself_or_what_only_warns() {
    let simulator = prepared().await;
    let protect = json!([{"addProtectedRange": {"protectedRange": {"range": {"sheetId": 0}}}}]);
    let replies = simulator.apply(protect).await;
    let own = &replies[0]["addProtectedRange"]["protectedRange"];
    assert_eq!(
        (&own["requestingUserCanEdit"], &own["editors"]),
        (&json!(true), &json!({}))
    );
    simulator
        .owner(json!([{"addProtectedRange": {"protectedRange": {"range": {"sheetId": 0}, "warningOnly": true}}}]))
        .await;
    simulator.apply(json!([write(json!({"sheetId": 0}), json!([]))])).await;
    let seen = simulator.get("?fields=sheets.protectedRanges").await["sheets"][0]["protectedRanges"][0].clone();
    assert_eq!(seen["editors"]["users"], json!([simulator.tenant().email]));
}

#[tokio::test]
async fn bodies_that_are_no_requests_are_refused_before_anything_happens() {
    let simulator = prepared().await;
    let many: Vec<Value> = (0..100_001).map(|_| json!({"clearBasicFilter": {}})).collect();
    assert_eq!(
        simulator.refused(json!(many)).await,
        "Cannot exceed 100000 requests in a single batch"
    );
    let reply = simulator
        .batch(json!([{"addSheet": {}}, {"pasteData": {"data": "x"}}]))
        .await;
    assert_eq!(reply.status, 501);
    assert_eq!(simulator.state()["sheets"].as_array().unwrap().len(), 2);
    let id = simulator.tenant().spreadsheet_id.clone();
    let nested = json!({"values": [["a"], [["nested"]]]});
    let reply = simulator
        .sheets(
            Method::PUT,
            &format!("{id}/values/A1?valueInputOption=RAW"),
            Some(&nested),
        )
        .await;
    assert!(
        reply.message().starts_with("Invalid values[1][0]: list_value"),
        "{}",
        reply.message()
    );
    let reply = simulator
        .sheets(Method::PUT, &format!("{id}/values/A1"), Some(&json!({"values": []})))
        .await;
    assert_eq!(reply.message(), "'valueInputOption' is required but not specified");
    let other = json!({"range": "Sheet1!A2", "values": [[1]]});
    let reply = simulator
        .sheets(
            Method::PUT,
            &format!("{id}/values/Sheet1!A1?valueInputOption=RAW"),
            Some(&other),
        )
        .await;
    assert_eq!(
        reply.message(),
        "Request range[Sheet1!A1] does not match value's range[Sheet1!A2]"
    );
}
