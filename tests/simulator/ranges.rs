//! batchUpdate: what lies over ranges, and requests that bring cells elsewhere.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::Simulator;

fn range(top: usize, bottom: usize, left: usize, right: usize) -> Value {
    json!({"sheetId": 0, "startRowIndex": top, "endRowIndex": bottom, "startColumnIndex": left, "endColumnIndex": right})
}

/// As answers show it: sheet 0 is left out.
fn shown(top: usize, bottom: usize, left: usize, right: usize) -> Value {
    json!({"startRowIndex": top, "endRowIndex": bottom, "startColumnIndex": left, "endColumnIndex": right})
}

fn rows(start: usize, end: usize) -> Value {
    json!({"sheetId": 0, "dimension": "ROWS", "startIndex": start, "endIndex": end})
}

fn text(text: &str) -> Value {
    json!({"userEnteredValue": {"stringValue": text}})
}

#[tokio::test]
async fn named_ranges_are_renamed_and_moved_and_found_behind_their_sheet() {
    let simulator = Simulator::start().await;
    simulator.types("B1:C3", json!([[2, 4], ["up", ""], ["", 2]])).await;
    let named = json!({"name": "Chiffres", "range": range(0, 3, 1, 3)});
    let added = simulator.apply(json!([{"addNamedRange": {"namedRange": named}}])).await;
    let id = &added[0]["addNamedRange"]["namedRange"]["namedRangeId"];
    for path in [
        "/values/Chiffres",
        "/values/'Sheet1'!Chiffres",
        "/values/Sheet1!chiffres",
    ] {
        assert_eq!(simulator.get(path).await["range"], "Sheet1!B1:C3", "{path}");
    }
    simulator
        .apply(json!([
            {"updateNamedRange": {"namedRange": {"namedRangeId": id, "name": "Autres"}, "fields": "name"}},
            {"updateNamedRange": {"namedRange": {"namedRangeId": id, "range": range(0, 1, 1, 2)}, "fields": "range"}},
        ]))
        .await;
    assert_eq!(simulator.get("/values/Autres").await["values"], json!([["2"]]));
    for (name, sentence) in [
        ("A1", "is not a valid name for a named range."),
        ("2024", "is not a valid name for a named range."),
        ("autres", "already exists."),
    ] {
        let refused =
            simulator.refused(json!([{"addNamedRange": {"namedRange": {"name": name, "range": range(0, 1, 0, 1)}}}]));
        assert!(refused.await.ends_with(sentence), "{name}");
    }
}

#[tokio::test]
async fn null_in_a_request_is_as_if_it_were_not_there() {
    let simulator = Simulator::start().await;
    let protected = json!({"range": range(0, 2, 0, 2), "description": null, "warningOnly": true, "editors": null});
    let replies = simulator
        .apply(json!([{"addProtectedRange": {"protectedRange": protected}}]))
        .await;
    let reply = &replies[0]["addProtectedRange"]["protectedRange"];
    assert!(reply.get("description").is_none());
    assert_eq!(
        (
            &reply["warningOnly"],
            &reply["editors"],
            &reply["requestingUserCanEdit"]
        ),
        (&json!(true), &json!({}), &json!(true))
    );
}

#[tokio::test]
async fn a_protection_can_be_changed_by_those_whom_it_lets_edit_and_by_no_other() {
    let simulator = Simulator::start().await;
    let protected = json!({"protectedRangeId": 7, "range": range(0, 2, 0, 2)});
    simulator
        .apply(json!([{"addProtectedRange": {"protectedRange": protected}}]))
        .await;
    simulator
        .apply(json!([{"updateProtectedRange": {"protectedRange": {"protectedRangeId": 7, "description": "à nous", "range": range(0, 5, 0, 1)}, "fields": "description,range"}}]))
        .await;
    let got = simulator.get("?fields=sheets.protectedRanges").await;
    let protection = &got["sheets"][0]["protectedRanges"][0];
    assert_eq!(
        (&protection["description"], &protection["range"]),
        (&json!("à nous"), &shown(0, 5, 0, 1))
    );
    simulator
        .owner(json!([{"deleteProtectedRange": {"protectedRangeId": 7}}]))
        .await;
    simulator
        .owner(json!([{"addProtectedRange": {"protectedRange": {"protectedRangeId": 8, "range": range(0, 2, 0, 2)}}}]))
        .await;
    for request in [
        json!({"updateProtectedRange": {"protectedRange": {"protectedRangeId": 8, "warningOnly": true}, "fields": "warningOnly"}}),
        json!({"deleteProtectedRange": {"protectedRangeId": 8}}),
    ] {
        assert!(
            simulator
                .refused(json!([request]))
                .await
                .contains("You are trying to edit a protected cell or object.")
        );
    }
}

#[tokio::test]
async fn a_filter_hides_rows_and_writes_go_to_them_as_well() {
    let simulator = Simulator::start().await;
    simulator
        .types(
            "A1:B4",
            json!([["état", "n"], ["payé", 1], ["à payer", 2], ["payé", 3]]),
        )
        .await;
    let filter = json!({"range": range(0, 4, 0, 2), "filterSpecs": [{"columnIndex": 0, "filterCriteria": {"hiddenValues": ["payé"]}}]});
    simulator.owner(json!([{"setBasicFilter": {"filter": filter}}])).await;
    let hidden = async || {
        let got = simulator
            .get("?ranges=A1:A5&fields=sheets.data.rowMetadata.hiddenByFilter")
            .await;
        let rows = got["sheets"][0]["data"][0]["rowMetadata"].as_array().unwrap().clone();
        rows.iter().map(|row| row["hiddenByFilter"] == true).collect::<Vec<_>>()
    };
    assert_eq!(hidden().await, [false, true, false, true, false]);
    let write = json!({"updateCells": {"range": range(1, 4, 1, 2), "rows": [{"values": [text("a")]}, {"values": [text("b")]}, {"values": [text("c")]}], "fields": "userEnteredValue"}});
    simulator.apply(json!([write])).await;
    assert_eq!(
        simulator.get("/values/B2:B4").await["values"],
        json!([["a"], ["b"], ["c"]])
    );
    simulator.apply(json!([{"clearBasicFilter": {"sheetId": 0}}])).await;
    assert_eq!(hidden().await, [false; 5]);
}

/// Paste requests of people skip rows that a filter hides; a program that used them would change other people's rows.
#[rstest]
#[case("pasteData", json!({"coordinate": {"sheetId": 0}, "data": "a", "delimiter": ","}))]
#[case("addChart", json!({"chart": {}}))]
#[case("randomizeRange", json!({"range": range(0, 2, 0, 2)}))]
#[tokio::test]
async fn what_is_not_simulated_is_said_by_name_and_never_imitated(#[case] kind: &str, #[case] arguments: Value) {
    let simulator = Simulator::start().await;
    let before = simulator.state();
    let reply = simulator.batch(json!([{"addSheet": {}}, {kind: arguments}])).await;
    assert_eq!(reply.status, 501);
    assert!(reply.message().contains(kind), "{}", reply.message());
    assert_eq!(simulator.state(), before);
}

#[tokio::test]
async fn filter_views_are_added_changed_copied_and_follow_their_rows() {
    let simulator = Simulator::start().await;
    let view = json!({"filterViewId": 5, "title": "À relancer", "range": range(0, 10, 0, 3)});
    let replies = simulator.apply(json!([{"addFilterView": {"filter": view}}])).await;
    assert_eq!(replies[0]["addFilterView"]["filter"]["filterViewId"], 5);
    let replies = simulator
        .apply(json!([
            {"updateFilterView": {"filter": {"filterViewId": 5, "title": "Relances"}, "fields": "title"}},
            {"duplicateFilterView": {"filterId": 5}},
            {"insertDimension": {"range": rows(3, 5)}},
        ]))
        .await;
    let copy = &replies[1]["duplicateFilterView"]["filter"];
    assert_eq!(copy["title"], "Copy of Relances");
    let got = simulator.get("?fields=sheets.filterViews").await;
    let views = got["sheets"][0]["filterViews"].as_array().unwrap();
    assert_eq!(
        (views.len(), &views[0]["title"], &views[0]["range"]),
        (2, &json!("Relances"), &shown(0, 12, 0, 3))
    );
    simulator.apply(json!([{"deleteFilterView": {"filterId": 5}}])).await;
    let got = simulator.get("?fields=sheets.filterViews").await;
    assert_eq!(got["sheets"][0]["filterViews"][0]["filterViewId"], copy["filterViewId"]);
}

#[tokio::test]
async fn a_group_of_rows_is_as_deep_as_the_groups_that_lie_on_each_other() {
    let simulator = Simulator::start().await;
    let add = |start, end| json!({"addDimensionGroup": {"range": rows(start, end)}});
    simulator.apply(json!([add(1, 6)])).await;
    let replies = simulator.apply(json!([add(2, 4)])).await;
    let group = |start: usize, end: usize, depth: usize| json!({"range": {"dimension": "ROWS", "startIndex": start, "endIndex": end}, "depth": depth});
    assert_eq!(
        replies[0]["addDimensionGroup"]["dimensionGroups"],
        json!([group(1, 6, 1), group(2, 4, 2)])
    );
    // rows that come into a group are in it, rows beside it are not
    simulator
        .apply(json!([{"insertDimension": {"range": rows(3, 5)}}, {"insertDimension": {"range": rows(1, 2)}}]))
        .await;
    let got = simulator
        .get("?fields=sheets(properties.gridProperties,rowGroups)")
        .await;
    assert_eq!(got["sheets"][0]["rowGroups"], json!([group(2, 9, 1), group(3, 7, 2)]));
    assert_eq!(
        got["sheets"][0]["properties"]["gridProperties"]["rowGroupControlAfter"],
        true
    );
    let collapse = json!({"updateDimensionGroup": {"dimensionGroup": {"range": rows(3, 7), "depth": 2, "collapsed": true}, "fields": "collapsed"}});
    simulator.apply(json!([collapse])).await;
    let got = simulator
        .get("?ranges=A1:A8&fields=sheets(rowGroups.collapsed,data.rowMetadata.hiddenByUser)")
        .await;
    assert_eq!(got["sheets"][0]["rowGroups"], json!([{}, {"collapsed": true}]));
    assert_eq!(
        got["sheets"][0]["data"][0]["rowMetadata"][3],
        json!({"hiddenByUser": true})
    );
    let replies = simulator
        .apply(json!([{"deleteDimensionGroup": {"range": rows(2, 9)}}]))
        .await;
    assert_eq!(
        replies[0]["deleteDimensionGroup"]["dimensionGroups"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    simulator
        .refused(json!([{"deleteDimensionGroup": {"range": rows(20, 30)}}]))
        .await;
}

#[tokio::test]
async fn cut_cells_take_their_format_along_and_formulas_follow_them() {
    let simulator = Simulator::start().await;
    simulator
        .types("A1:B2", json!([[1, "=A1+A2"], [2, "=SUM(A1:A2)"]]))
        .await;
    let bold = json!({"userEnteredFormat": {"textFormat": {"bold": true}}});
    simulator
        .owner(json!([{"repeatCell": {"range": range(0, 1, 0, 1), "cell": bold, "fields": "userEnteredFormat"}}]))
        .await;
    let cut = json!({"cutPaste": {"source": range(0, 2, 0, 1), "destination": {"sheetId": 0, "rowIndex": 4, "columnIndex": 3}, "pasteType": "PASTE_NORMAL"}});
    simulator.apply(json!([cut])).await;
    assert_eq!(
        simulator.get("/values/A1:D6?valueRenderOption=FORMULA").await["values"],
        json!([
            ["", "=D5+D6"],
            ["", "=SUM(D5:D6)"],
            [],
            [],
            ["", "", "", 1],
            ["", "", "", 2]
        ])
    );
    assert_eq!(simulator.state()["sheets"][0]["formats"][0]["range"], "D5");
}

#[tokio::test]
async fn text_is_found_and_replaced_and_the_reply_counts() {
    let simulator = Simulator::start().await;
    simulator
        .types("A1:B3", json!([["Été à Été", "=\"été\""], ["hiver", 12], ["ÉTÉ", 212]]))
        .await;
    let replace = |more: Value| {
        let mut request = json!({"find": "été", "replacement": "été 2025", "sheetId": 0});
        for (name, value) in more.as_object().unwrap() {
            request[name] = value.clone();
        }
        json!([{"findReplace": request}])
    };
    let replies = simulator.apply(replace(json!({"matchEntireCell": true}))).await;
    assert_eq!(
        replies[0]["findReplace"],
        json!({"valuesChanged": 1, "rowsChanged": 1, "sheetsChanged": 1, "occurrencesChanged": 1})
    );
    let replies = simulator
        .apply(replace(json!({"find": "Été", "matchCase": true, "replacement": "E"})))
        .await;
    assert_eq!(replies[0]["findReplace"]["occurrencesChanged"], 2);
    let replies = simulator
        .apply(replace(json!({"find": "12", "replacement": "7"})))
        .await;
    assert_eq!(replies[0]["findReplace"]["valuesChanged"], 2);
    assert_eq!(
        simulator.values(0),
        json!([["E à E", "=\"été\""], ["hiver", 7], ["été 2025", 27]])
    );
    let replies = simulator
        .apply(replace(
            json!({"includeFormulas": true, "find": "ÉTÉ\"", "replacement": "x\""}),
        ))
        .await;
    assert_eq!(replies[0]["findReplace"]["formulasChanged"], 1);
    let nothing = simulator.apply(replace(json!({"find": "nowhere"}))).await;
    assert_eq!(nothing[0]["findReplace"], json!({}));
}

#[tokio::test]
async fn blanks_are_trimmed_and_doubles_go() {
    let simulator = Simulator::start().await;
    simulator
        .types("A1:B4", json!([["  a  b ", 1], ["x", 2], ["X", 2], ["y", 3]]))
        .await;
    let replies = simulator
        .apply(json!([{"trimWhitespace": {"range": range(0, 4, 0, 2)}}, {"deleteDuplicates": {"range": range(0, 4, 0, 2)}}]))
        .await;
    assert_eq!(replies[0]["trimWhitespace"], json!({"cellsChangedCount": 1}));
    assert_eq!(replies[1]["deleteDuplicates"], json!({"duplicatesRemovedCount": 1}));
    assert_eq!(simulator.values(0), json!([["a b", 1], ["x", 2], ["y", 3]]));
}

#[tokio::test]
async fn borders_are_drawn_side_by_side_and_removed_by_none() {
    let simulator = Simulator::start().await;
    let solid = json!({"style": "SOLID", "color": {"red": 0.5}});
    simulator
        .apply(json!([{"updateBorders": {"range": range(0, 2, 0, 2), "top": solid, "innerHorizontal": {"style": "DASHED"}}}]))
        .await;
    let borders = async |cell: &str| {
        let got = simulator
            .get(&format!(
                "?ranges={cell}&fields=sheets.data.rowData.values.userEnteredFormat.borders"
            ))
            .await;
        got.pointer("/sheets/0/data/0/rowData/0/values/0/userEnteredFormat/borders")
            .cloned()
            .unwrap_or_default()
    };
    let colour = json!({"red": 0.49803922});
    assert_eq!(
        borders("A1").await,
        json!({"top": {"style": "SOLID", "color": colour, "colorStyle": {"rgbColor": colour}}, "bottom": {"style": "DASHED"}})
    );
    assert_eq!(borders("B2").await, json!({"top": {"style": "DASHED"}}));
    simulator.apply(json!([{"updateBorders": {"range": range(0, 1, 0, 2), "top": {"style": "NONE"}, "bottom": {"style": "NONE"}}}])).await;
    assert_eq!(borders("A1").await, Value::Null);
}

#[tokio::test]
async fn conditional_formats_are_replaced_moved_and_removed_by_their_place() {
    let simulator = Simulator::start().await;
    let rule = |top: usize, text: &str| json!({"ranges": [range(top, top + 2, 0, 1)], "booleanRule": {"condition": {"type": "TEXT_EQ", "values": [{"userEnteredValue": text}]}, "format": {}}});
    simulator
        .apply(json!([
            {"addConditionalFormatRule": {"rule": rule(0, "a"), "index": 0}},
            {"addConditionalFormatRule": {"rule": rule(2, "b"), "index": 1}},
        ]))
        .await;
    let replies = simulator
        .apply(json!([
            {"updateConditionalFormatRule": {"sheetId": 0, "index": 1, "newIndex": 0}},
            {"updateConditionalFormatRule": {"index": 1, "rule": rule(4, "c")}},
            {"deleteConditionalFormatRule": {"sheetId": 0, "index": 0}},
        ]))
        .await;
    assert_eq!(replies[0]["updateConditionalFormatRule"]["oldIndex"], 1);
    assert_eq!(
        replies[1]["updateConditionalFormatRule"]["oldRule"]["ranges"][0],
        shown(0, 2, 0, 1)
    );
    assert_eq!(
        replies[2]["deleteConditionalFormatRule"]["rule"]["ranges"][0],
        shown(2, 4, 0, 1)
    );
    let got = simulator.get("?fields=sheets.conditionalFormats.ranges").await;
    assert_eq!(
        got["sheets"][0]["conditionalFormats"],
        json!([{"ranges": [shown(4, 6, 0, 1)]}])
    );
    simulator
        .refused(json!([{"deleteConditionalFormatRule": {"sheetId": 0, "index": 5}}]))
        .await;
}

#[tokio::test]
async fn a_bands_colours_are_changed_and_its_range_is_its_own() {
    let simulator = Simulator::start().await;
    let band = json!({"bandedRangeId": 4, "range": range(0, 4, 0, 2), "rowProperties": {"firstBandColor": {"red": 1}}});
    simulator.apply(json!([{"addBanding": {"bandedRange": band}}])).await;
    simulator
        .refused(json!([{"addBanding": {"bandedRange": {"range": range(3, 6, 1, 3)}}}]))
        .await;
    let update =
        json!({"updateBanding": {"bandedRange": {"bandedRangeId": 4, "range": range(0, 6, 0, 2)}, "fields": "range"}});
    simulator.apply(json!([update])).await;
    let got = simulator.get("?fields=sheets.bandedRanges").await;
    let band = &got["sheets"][0]["bandedRanges"][0];
    assert_eq!(
        (&band["range"], &band["rowProperties"]),
        (&shown(0, 6, 0, 2), &json!({"firstBandColor": {"red": 1}}))
    );
    simulator.apply(json!([{"deleteBanding": {"bandedRangeId": 4}}])).await;
    assert!(simulator.state()["sheets"][0].get("bandedRanges").is_none());
}

async fn with_table() -> Simulator {
    let simulator = Simulator::start().await;
    simulator
        .types("A1:C3", json!([["Nom", "", "Montant"], ["a", "b", 1], ["c", "d", 2]]))
        .await;
    let table = json!({"tableId": "t1", "name": "Dossiers", "range": range(0, 3, 0, 3), "columnProperties": [{"columnIndex": 2, "columnType": "CURRENCY"}]});
    simulator.owner(json!([{"addTable": {"table": table}}])).await;
    simulator
}

#[tokio::test]
async fn a_tables_columns_are_named_by_its_first_row() {
    let simulator = with_table().await;
    let columns = async || {
        let got = simulator.get("?fields=sheets.tables").await;
        got["sheets"][0]["tables"][0]["columnProperties"].clone()
    };
    assert_eq!(
        columns().await,
        json!([{"columnName": "Nom"}, {"columnIndex": 1, "columnName": "Column 2"}, {"columnIndex": 2, "columnName": "Montant", "columnType": "CURRENCY"}])
    );
    let write = |name: Value| json!([{"updateCells": {"range": range(0, 1, 1, 2), "rows": [{"values": [name]}], "fields": "userEnteredValue"}}]);
    simulator.apply(write(text("Prénom"))).await;
    assert_eq!(columns().await[1]["columnName"], "Prénom");
    assert!(simulator.refused(write(text("nom"))).await.contains("unique"));
    assert!(simulator.refused(write(json!({}))).await.contains("empty"));
    let id = simulator.tenant().spreadsheet_id.clone();
    let clear = simulator
        .sheets(Method::POST, &format!("{id}/values/A1:C1:clear"), None)
        .await;
    assert_eq!(clear.status, 400);
    // a column that comes in between has a name at once
    let columns_1_2 = json!({"sheetId": 0, "dimension": "COLUMNS", "startIndex": 1, "endIndex": 2});
    simulator
        .apply(json!([{"insertDimension": {"range": columns_1_2, "inheritFromBefore": true}}]))
        .await;
    assert_eq!(simulator.values(0)[0], json!(["Nom", "Column 2", "Prénom", "Montant"]));
}

#[tokio::test]
async fn a_table_grows_by_rows_that_inherit_and_goes_with_its_conditional_formats() {
    let simulator = with_table().await;
    let end = |simulator: &Simulator| simulator.state()["sheets"][0]["tables"][0]["range"]["endRowIndex"].clone();
    simulator
        .apply(json!([{"insertDimension": {"range": rows(3, 5), "inheritFromBefore": true}}]))
        .await;
    assert_eq!(end(&simulator), 5);
    simulator
        .apply(json!([{"insertDimension": {"range": rows(5, 6), "inheritFromBefore": false}}]))
        .await;
    assert_eq!(end(&simulator), 5);
    let update = json!({"updateTable": {"table": {"tableId": "t1", "name": "Tous", "range": range(0, 7, 0, 3)}, "fields": "name,range"}});
    simulator.apply(json!([update])).await;
    assert_eq!(end(&simulator), 7);
    simulator
        .refused(json!([{"addTable": {"table": {"name": "Autre", "range": range(2, 9, 0, 1)}}}]))
        .await;
    let rule = |top: usize| json!({"addConditionalFormatRule": {"rule": {"ranges": [range(top, top + 1, 0, 1)], "booleanRule": {"condition": {"type": "BLANK"}, "format": {}}}}});
    simulator
        .owner(json!([rule(1), rule(20), {"deleteTable": {"tableId": "t1"}}]))
        .await;
    let state = simulator.state();
    assert!(state["sheets"][0].get("tables").is_none());
    assert_eq!(state["sheets"][0]["conditionalFormats"].as_array().unwrap().len(), 1);
    assert_eq!(state["sheets"][0]["values"][0][0], "Nom");
}

#[tokio::test]
async fn rows_that_are_deleted_through_a_merge_make_it_smaller() {
    let simulator = Simulator::start().await;
    simulator.types("A2", json!([["titre"]])).await;
    simulator
        .owner(json!([{"mergeCells": {"range": range(1, 5, 0, 2), "mergeType": "MERGE_ALL"}}]))
        .await;
    simulator
        .apply(json!([{"deleteDimension": {"range": rows(2, 4)}}]))
        .await;
    assert_eq!(simulator.state()["sheets"][0]["merges"], json!([shown(1, 3, 0, 2)]));
    // its first row deleted, the value is gone and the merge stays
    simulator
        .apply(json!([{"deleteDimension": {"range": rows(1, 2)}}]))
        .await;
    assert_eq!(simulator.state()["sheets"][0]["merges"], json!([shown(1, 2, 0, 2)]));
    assert_eq!(simulator.get("/values/A1:B5").await.get("values"), None);
    simulator
        .apply(json!([{"deleteDimension": {"range": rows(1, 2)}}]))
        .await;
    assert!(simulator.state()["sheets"][0].get("merges").is_none());
}

#[tokio::test]
async fn everything_over_rows_and_columns_follows_inserts_and_deletes() {
    let simulator = Simulator::start().await;
    simulator
        .owner(json!([
            {"setBasicFilter": {"filter": {"range": range(0, 6, 0, 3)}}},
            {"addFilterView": {"filter": {"filterViewId": 1, "range": range(0, 6, 0, 3)}}},
            {"addProtectedRange": {"protectedRange": {"protectedRangeId": 2, "range": range(4, 6, 2, 3), "warningOnly": true}}},
            {"addConditionalFormatRule": {"rule": {"ranges": [range(4, 6, 2, 3)], "booleanRule": {"condition": {"type": "BLANK"}, "format": {}}}}},
            {"addNamedRange": {"namedRange": {"name": "bas", "range": range(4, 6, 2, 3)}}},
            {"mergeCells": {"range": range(4, 6, 2, 3), "mergeType": "MERGE_ALL"}},
            {"setDataValidation": {"range": range(4, 6, 2, 3), "rule": {"condition": {"type": "NOT_BLANK"}}}},
        ]))
        .await;
    let columns =
        |start: usize, end: usize| json!({"sheetId": 0, "dimension": "COLUMNS", "startIndex": start, "endIndex": end});
    simulator
        .apply(json!([
            {"insertDimension": {"range": rows(1, 3)}},
            {"deleteDimension": {"range": rows(0, 1)}},
            {"insertDimension": {"range": columns(1, 2)}},
            {"deleteDimension": {"range": columns(0, 1)}},
        ]))
        .await;
    let state = simulator.state();
    let sheet = &state["sheets"][0];
    let low = shown(5, 7, 2, 3);
    assert_eq!(sheet["basicFilter"]["range"], shown(0, 7, 0, 3));
    assert_eq!(sheet["filterViews"][0]["range"], shown(0, 7, 0, 3));
    for found in [
        &sheet["protectedRanges"][0]["range"],
        &sheet["conditionalFormats"][0]["ranges"][0],
        &state["namedRanges"][0]["range"],
        &sheet["merges"][0],
    ] {
        assert_eq!(*found, low);
    }
    let validated: Vec<&String> = sheet["validations"].as_object().unwrap().keys().collect();
    assert_eq!(validated, ["C6", "C7"]);
}

#[tokio::test]
async fn a_tabs_colour_is_kept_in_8_bits_with_its_twin_and_taken_away_by_nothing() {
    let simulator = Simulator::start().await;
    let update = |style: Value| json!([{"updateSheetProperties": {"properties": {"sheetId": 0, "tabColorStyle": style}, "fields": "tabColorStyle"}}]);
    simulator
        .apply(update(json!({"rgbColor": {"red": 1, "green": 0, "blue": 0.5}})))
        .await;
    let colour = json!({"red": 1, "blue": 0.49803922});
    let got = simulator.get("?fields=sheets.properties(tabColor,tabColorStyle)").await;
    assert_eq!(
        got["sheets"][0]["properties"],
        json!({"tabColor": colour, "tabColorStyle": {"rgbColor": colour}})
    );
    simulator.apply(update(json!({"rgbColor": null}))).await;
    assert_eq!(
        simulator.get("?fields=sheets.properties.tabColorStyle").await,
        json!({"sheets": [{"properties": {}}]})
    );
}
