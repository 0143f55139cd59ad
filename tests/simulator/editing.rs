//! batchUpdate: what its requests do.

use serde_json::{Value, json};

use crate::support::Simulator;

fn rows(start: usize, end: usize) -> Value {
    json!({"sheetId": 0, "dimension": "ROWS", "startIndex": start, "endIndex": end})
}

fn columns(start: usize, end: usize) -> Value {
    json!({"sheetId": 0, "dimension": "COLUMNS", "startIndex": start, "endIndex": end})
}

fn range(top: usize, bottom: usize, left: usize, right: usize) -> Value {
    json!({"sheetId": 0, "startRowIndex": top, "endRowIndex": bottom, "startColumnIndex": left, "endColumnIndex": right})
}

fn text(text: &str) -> Value {
    json!({"userEnteredValue": {"stringValue": text}})
}

#[tokio::test]
async fn a_batch_is_applied_in_order_or_not_at_all() {
    let simulator = Simulator::start().await;
    let good = json!([
        {"insertDimension": {"range": rows(0, 1)}},
        {"updateCells": {"range": range(0, 1, 0, 1), "rows": [{"values": [text("top")]}], "fields": "userEnteredValue"}},
        {"insertDimension": {"range": rows(0, 2)}},
    ]);
    simulator.apply(good.clone()).await;
    assert_eq!(simulator.values(0), json!([[], [], ["top"]]));
    let mut bad = good;
    bad.as_array_mut()
        .unwrap()
        .push(json!({"deleteSheet": {"sheetId": 77}}));
    let sentence = simulator.refused(bad).await;
    assert_eq!(sentence, "Invalid requests[3].deleteSheet: No grid with id: 77");
}

#[tokio::test]
async fn update_cells_clears_what_its_range_covers_and_touches_only_masked_fields() {
    let simulator = Simulator::start().await;
    simulator.types("A1:C2", json!([[1, 2, 3], [4, 5, 6]])).await;
    let note = json!({"note": "keep", "userEnteredFormat": {"textFormat": {"bold": true}}});
    simulator.owner(json!([{"repeatCell": {"range": range(0, 2, 0, 2), "cell": note, "fields": "note,userEnteredFormat.textFormat.bold"}}])).await;
    let update = json!([{"updateCells": {"range": range(0, 2, 0, 2), "rows": [{"values": [text("x"), {}]}], "fields": "userEnteredValue"}}]);
    simulator.apply(update).await;
    assert_eq!(simulator.values(0), json!([["x", null, 3], [null, null, 6]]));
    let state = simulator.state();
    assert_eq!(
        state["sheets"][0]["notes"],
        json!({"A1": "keep", "A2": "keep", "B1": "keep", "B2": "keep"})
    );
    let format = json!([{"range": "A1:B2", "format": {"textFormat": {"bold": true}}}]);
    assert_eq!(state["sheets"][0]["formats"], format);
    // from a start: ragged, nothing else is cleared
    let update = json!([{"updateCells": {"start": {"sheetId": 0, "rowIndex": 0, "columnIndex": 1}, "rows": [{"values": [text("a"), text("b")]}, {"values": [text("c")]}], "fields": "userEnteredValue"}}]);
    simulator.apply(update).await;
    assert_eq!(simulator.values(0), json!([["x", "a", "b"], [null, "c", 6]]));
    // text is inert
    let inert = json!([{"updateCells": {"range": range(0, 1, 0, 2), "rows": [{"values": [text("=1+1"), text("007")]}], "fields": "userEnteredValue"}}]);
    simulator.apply(inert).await;
    assert_eq!(simulator.get("/values/A1:B1").await["values"], json!([["=1+1", "007"]]));
}

#[tokio::test]
async fn inserted_rows_inherit_format_and_validation_and_a_checkbox_arrives_unticked() {
    let simulator = Simulator::start().await;
    simulator.types("A1:B2", json!([["h", "done"], [1, true]])).await;
    let checkbox = json!({"condition": {"type": "BOOLEAN"}});
    simulator.owner(json!([
        {"repeatCell": {"range": range(0, 1, 0, 2), "cell": {"userEnteredFormat": {"textFormat": {"bold": true}}}, "fields": "userEnteredFormat"}},
        {"setDataValidation": {"range": range(1, 2, 1, 2), "rule": checkbox}},
    ])).await;
    simulator
        .apply(json!([{"insertDimension": {"range": rows(2, 3), "inheritFromBefore": true}}]))
        .await;
    assert_eq!(simulator.values(0), json!([["h", "done"], [1, true], [null, false]]));
    // under the header with inheritFromBefore the header's bold comes along, without it the data's plain look
    simulator
        .apply(json!([{"insertDimension": {"range": rows(1, 2), "inheritFromBefore": true}}]))
        .await;
    simulator
        .apply(json!([{"insertDimension": {"range": rows(3, 4), "inheritFromBefore": false}}]))
        .await;
    assert_eq!(simulator.state()["sheets"][0]["formats"][0]["range"], "A1:B2");
    assert_eq!(simulator.state()["sheets"][0]["usedRows"], 5);
}

#[tokio::test]
async fn formulas_of_people_keep_pointing_at_their_rows() {
    let simulator = Simulator::start().await;
    simulator
        .apply(json!([{"addSheet": {"properties": {"sheetId": 8, "title": "Bilan 2024"}}}]))
        .await;
    simulator
        .types(
            "A1:B4",
            json!([[1, "=A1*10"], [2, "=A2*10"], [3, "=A3*10"], [4, "=SUM(A1:A4)"]]),
        )
        .await;
    simulator
        .types("'Bilan 2024'!A1:A2", json!([["=Sheet1!A3"], ["=SUM(Sheet1!A:A)"]]))
        .await;
    simulator
        .apply(json!([{"insertDimension": {"range": rows(1, 3), "inheritFromBefore": true}}]))
        .await;
    assert_eq!(simulator.values(0)[5][1], "=SUM(A1:A6)");
    assert_eq!(simulator.values(0)[4], json!([3, "=A5*10"]));
    assert_eq!(simulator.values(1), json!([["=Sheet1!A5"], ["=SUM(Sheet1!A:A)"]]));
    simulator
        .apply(json!([{"deleteDimension": {"range": rows(4, 5)}}]))
        .await;
    assert_eq!(simulator.values(1)[0][0], "=#REF!");
    assert_eq!(
        simulator.get("/values/'Bilan 2024'!A1:A2").await["values"],
        json!([["#REF!"], ["7"]])
    );
    simulator
        .apply(json!([{"insertDimension": {"range": columns(0, 1)}}]))
        .await;
    assert_eq!(simulator.values(0)[0], json!([null, 1, "=B1*10"]));
    // a sort takes formulas along as a copy does: each still points at its own row
    simulator.types("B1:C2", json!([[1, "=B1*10"], [2, "=B2*10"]])).await;
    let by_number = json!([{"dimensionIndex": 1, "sortOrder": "DESCENDING"}]);
    simulator
        .apply(json!([{"sortRange": {"range": range(0, 2, 0, 3), "sortSpecs": by_number}}]))
        .await;
    assert_eq!(
        simulator.get("/values/B1:C2").await["values"],
        json!([["2", "20"], ["1", "10"]])
    );
    let rename =
        json!([{"updateSheetProperties": {"properties": {"sheetId": 0, "title": "Mes données"}, "fields": "title"}}]);
    simulator.apply(rename).await;
    assert_eq!(simulator.values(1)[1][0], "=SUM('Mes données'!B:B)");
}

#[tokio::test]
async fn pasted_formulas_fill_down() {
    let simulator = Simulator::start().await;
    simulator
        .types("A1:B3", json!([[1, "=A1+$A$1"], [2, ""], [3, ""]]))
        .await;
    simulator.apply(json!([{"copyPaste": {"source": range(0, 1, 1, 2), "destination": range(1, 3, 1, 2), "pasteType": "PASTE_FORMULA"}}])).await;
    assert_eq!(
        simulator.values(0),
        json!([[1, "=A1+$A$1"], [2, "=A2+$A$1"], [3, "=A3+$A$1"]])
    );
    simulator.apply(json!([{"copyPaste": {"source": range(0, 3, 1, 2), "destination": range(0, 3, 2, 3), "pasteType": "PASTE_VALUES"}}])).await;
    assert_eq!(
        simulator.get("/values/C1:C3?valueRenderOption=FORMULA").await["values"],
        json!([[2], [3], [4]])
    );
}

#[tokio::test]
async fn what_lies_over_rows_moves_with_them_and_grows_only_by_inheriting() {
    let simulator = Simulator::start().await;
    simulator
        .owner(json!([
            {"setBasicFilter": {"filter": {"range": range(0, 4, 0, 2)}}},
            {"addTable": {"table": {"name": "T", "range": range(0, 4, 3, 5)}}},
            {"addNamedRange": {"namedRange": {"name": "noms", "range": range(0, 4, 0, 1)}}},
            {"mergeCells": {"range": range(5, 7, 0, 2), "mergeType": "MERGE_ALL"}},
        ]))
        .await;
    let ends = |simulator: &Simulator| {
        let state = simulator.state();
        let sheet = &state["sheets"][0];
        [
            sheet["basicFilter"]["range"]["endRowIndex"].clone(),
            sheet["tables"][0]["range"]["endRowIndex"].clone(),
            state["namedRanges"][0]["range"]["endRowIndex"].clone(),
            sheet["merges"][0]["startRowIndex"].clone(),
        ]
    };
    simulator
        .apply(json!([{"insertDimension": {"range": rows(4, 5), "inheritFromBefore": false}}]))
        .await;
    assert_eq!(ends(&simulator), [4, 4, 4, 6].map(Value::from));
    simulator
        .apply(json!([{"insertDimension": {"range": rows(4, 5), "inheritFromBefore": true}}]))
        .await;
    assert_eq!(ends(&simulator), [5, 5, 4, 7].map(Value::from));
    simulator
        .apply(json!([{"deleteDimension": {"range": rows(2, 4)}}]))
        .await;
    assert_eq!(ends(&simulator), [3, 3, 2, 5].map(Value::from));
}

#[tokio::test]
async fn a_merge_keeps_its_first_value_and_swallows_what_is_written_under_it() {
    let simulator = Simulator::start().await;
    simulator.types("A1:B2", json!([[1, 2], [3, 4]])).await;
    simulator
        .owner(json!([{"mergeCells": {"range": range(0, 2, 0, 2), "mergeType": "MERGE_ALL"}}]))
        .await;
    assert_eq!(simulator.get("/values/A1:B2").await["values"], json!([["1"]]));
    let write = json!([{"updateCells": {"range": range(0, 2, 0, 2), "rows": [{"values": [text("a"), text("b")]}, {"values": [text("c"), text("d")]}], "fields": "userEnteredValue"}}]);
    simulator.apply(write).await;
    assert_eq!(simulator.get("/values/A1:B2").await["values"], json!([["a"]]));
    simulator
        .apply(json!([{"unmergeCells": {"range": range(0, 2, 0, 2)}}]))
        .await;
    assert!(simulator.state()["sheets"][0].get("merges").is_none());
}

#[tokio::test]
async fn tabs_are_ordered_by_the_index_before_the_move() {
    let simulator = Simulator::start().await;
    for title in ["b", "c", "d"] {
        simulator
            .apply(json!([{"addSheet": {"properties": {"title": title}}}]))
            .await;
    }
    let titles = |simulator: &Simulator| -> Vec<String> {
        let state = simulator.state();
        let sheets = state["sheets"].as_array().unwrap();
        sheets
            .iter()
            .map(|sheet| sheet["properties"]["title"].as_str().unwrap().to_owned())
            .collect()
    };
    let to = |index: usize| json!([{"updateSheetProperties": {"properties": {"sheetId": 0, "index": index}, "fields": "index"}}]);
    simulator.apply(to(3)).await;
    assert_eq!(titles(&simulator), ["b", "c", "Sheet1", "d"]);
    simulator.apply(to(3)).await;
    assert_eq!(titles(&simulator), ["b", "c", "Sheet1", "d"]);
    simulator.apply(to(0)).await;
    assert_eq!(titles(&simulator), ["Sheet1", "b", "c", "d"]);
    let replies = simulator.apply(json!([{"duplicateSheet": {"sourceSheetId": 0}}])).await;
    assert_eq!(replies[0]["duplicateSheet"]["properties"]["title"], "Copy of Sheet1");
    assert_eq!(titles(&simulator)[0], "Copy of Sheet1");
}

#[tokio::test]
async fn colours_are_kept_in_8_bits_with_their_twin() {
    let simulator = Simulator::start().await;
    let format = json!({"userEnteredFormat": {"backgroundColor": {"red": 0.5, "green": 0, "blue": 1}}});
    simulator.apply(json!([{"repeatCell": {"range": range(0, 1, 0, 1), "cell": format, "fields": "userEnteredFormat.backgroundColor"}}])).await;
    let colour = json!({"red": 0.49803922, "blue": 1});
    let shown = &simulator.state()["sheets"][0]["formats"][0]["format"];
    assert_eq!(
        *shown,
        json!({"backgroundColor": colour, "backgroundColorStyle": {"rgbColor": colour}})
    );
}

#[tokio::test]
async fn sizes_of_columns_are_kept_and_frozen_rows_shrink_with_their_rows() {
    let simulator = Simulator::start().await;
    simulator
        .types("A1:A3", json!([["une longue valeur de test"], ["b"], ["c"]]))
        .await;
    simulator.apply(json!([
        {"updateSheetProperties": {"properties": {"sheetId": 0, "gridProperties": {"frozenRowCount": 2}}, "fields": "gridProperties.frozenRowCount"}},
        {"updateDimensionProperties": {"range": columns(1, 2), "properties": {"pixelSize": 321}, "fields": "pixelSize"}},
        {"autoResizeDimensions": {"dimensions": columns(0, 1)}},
        {"appendDimension": {"sheetId": 0, "dimension": "COLUMNS", "length": 2}},
        {"deleteDimension": {"range": rows(0, 1)}},
    ])).await;
    let sheet = &simulator.state()["sheets"][0];
    assert_eq!(
        sheet["properties"]["gridProperties"],
        json!({"rowCount": 999, "columnCount": 28, "frozenRowCount": 1})
    );
    assert_eq!(sheet["columns"][1]["width"], 321);
    assert!(sheet["columns"][0]["width"].as_i64().unwrap() > 100);
}

#[tokio::test]
async fn a_batch_on_one_tab_leaves_a_reader_of_another_state_undisturbed() {
    let simulator = Simulator::start().await;
    simulator.types("A1", json!([["before"]])).await;
    let before = simulator.state();
    simulator.types("A1", json!([["after"]])).await;
    assert_eq!(before["sheets"][0]["values"], json!([["before"]]));
    assert_eq!(
        simulator.state()["revision"].as_u64().unwrap(),
        before["revision"].as_u64().unwrap() + 1
    );
}
