//! spreadsheets.get and values: masks, ranges, render options.

use reqwest::Method;
use serde_json::json;

use crate::support::Simulator;

#[tokio::test]
async fn masks_name_data_and_leave_out_the_rest() {
    let simulator = Simulator::start().await;
    simulator.types("B2:C2", json!([[1.5, "=B2*2"]])).await;
    let mask = "sheets(properties.title,data(startRow,rowData.values(userEnteredValue,formattedValue)))";
    let got = simulator.get(&format!("?ranges=Sheet1!B2:D3&fields={mask}")).await;
    let cells = json!([
        {"userEnteredValue": {"numberValue": 1.5}, "formattedValue": "1.5"},
        {"userEnteredValue": {"formulaValue": "=B2*2"}, "formattedValue": "3"},
    ]);
    assert_eq!(
        got,
        json!({"sheets": [{"properties": {"title": "Sheet1"}, "data": [{"startRow": 1, "rowData": [{"values": cells}]}]}]})
    );
    // a mask decides alone about grid data
    let got = simulator
        .get("?includeGridData=true&fields=sheets/properties/sheetId")
        .await;
    assert_eq!(got, json!({"sheets": [{"properties": {"sheetId": 0}}]}));
    assert!(simulator.get("").await["sheets"][0].get("data").is_none());
    let data = &simulator.get("?includeGridData=True").await["sheets"][0]["data"][0];
    assert_eq!(
        data["rowData"][1]["values"][1]["effectiveValue"],
        json!({"numberValue": 1.5})
    );
    assert_eq!(data["rowMetadata"].as_array().unwrap().len(), 1000);
    assert_eq!(data["columnMetadata"][0], json!({"pixelSize": 100}));
}

#[tokio::test]
async fn an_unknown_path_in_a_mask_is_refused_and_one_without_match_gives_nothing() {
    let simulator = Simulator::start().await;
    let id = simulator.tenant().spreadsheet_id.clone();
    let reply = simulator
        .sheets(Method::GET, &format!("{id}?fields=sheets.nonsense"), None)
        .await;
    assert_eq!(
        (reply.status.as_u16(), reply.message()),
        (400, "Request contains an invalid argument.")
    );
    assert_eq!(
        reply.json["error"]["details"][0]["fieldViolations"][0]["description"],
        "Error expanding 'fields' parameter. Cannot find matching fields for path 'sheets.nonsense'."
    );
    assert_eq!(simulator.get("?fields=namedRanges").await, json!({}));
}

#[tokio::test]
async fn answers_are_indented_unless_asked_otherwise() {
    let simulator = Simulator::start().await;
    let url = format!(
        "{}v4/spreadsheets/{}",
        simulator.running.sheets_url,
        simulator.tenant().spreadsheet_id
    );
    let token = simulator.token_of(0, crate::support::SCOPE).await;
    for (query, lines) in [
        ("?fields=spreadsheetId", 3),
        ("?fields=spreadsheetId&prettyPrint=false", 1),
    ] {
        let text = simulator
            .http
            .get(format!("{url}{query}"))
            .bearer_auth(&token)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert_eq!(text.lines().count(), lines, "{text}");
    }
}

#[tokio::test]
async fn titles_that_look_like_cells_are_addressed_by_quotes_and_cells_stay_cells() {
    let simulator = Simulator::start().await;
    simulator.apply(json!([{"addSheet": {"properties": {"sheetId": 5, "title": "CPF2024", "gridProperties": {"rowCount": 2, "columnCount": 2}}}}])).await;
    assert_eq!(simulator.get("/values/'CPF2024'").await["range"], "'CPF2024'!A1:B2");
    assert_eq!(simulator.get("/values/'cpf2024'!A1").await["range"], "'CPF2024'!A1");
    // a bare name is looked for among titles before it is read as a cell
    assert_eq!(simulator.get("/values/CPF2024").await["range"], "'CPF2024'!A1:B2");
    assert_eq!(simulator.get("/values/B7").await["range"], "Sheet1!B7");
    let id = simulator.tenant().spreadsheet_id.clone();
    for range in ["Nothing!A1", "AAAA1", "'Nothing'"] {
        let reply = simulator
            .sheets(Method::GET, &format!("{id}/values/{range}"), None)
            .await;
        assert_eq!(reply.message(), format!("Unable to parse range: {range}"));
    }
}

#[tokio::test]
async fn values_follow_their_render_options_and_the_locale() {
    let simulator = Simulator::start().await;
    simulator
        .types("A1:E1", json!([["2024-06-26", 0.5, "TRUE", "=B1/0", "'007"]]))
        .await;
    let values = async |query: &str| simulator.get(&format!("/values/A1:E1?{query}")).await["values"][0].clone();
    assert_eq!(values("").await, json!(["2024-06-26", "0.5", "TRUE", "#DIV/0!", "007"]));
    assert_eq!(
        values("valueRenderOption=UNFORMATTED_VALUE").await,
        json!([45469, 0.5, true, "#DIV/0!", "007"])
    );
    assert_eq!(
        values("valueRenderOption=FORMULA").await,
        json!([45469, 0.5, true, "=B1/0", "007"])
    );
    simulator
        .owner(json!([{"updateSpreadsheetProperties": {"properties": {"locale": "fr_FR"}, "fields": "locale"}}]))
        .await;
    assert_eq!(values("").await[1], "0,5");
    assert_eq!(values("valueRenderOption=UNFORMATTED_VALUE").await[1], 0.5);
    simulator.types("A2:B2", json!([["1,5", "26/06/2024"]])).await;
    assert_eq!(simulator.values(0)[1], json!([1.5, 45469]));
}

#[tokio::test]
async fn milliseconds_survive_digit_for_digit_and_columns_transpose() {
    let simulator = Simulator::start().await;
    let serial = 45469.404637060186;
    let cell = json!({"userEnteredValue": {"numberValue": serial}});
    simulator.apply(json!([{"updateCells": {"rows": [{"values": [cell]}], "fields": "userEnteredValue", "start": {"sheetId": 0, "rowIndex": 0, "columnIndex": 0}}}])).await;
    simulator.types("A2:B2", json!([["x", "y"]])).await;
    let got = simulator
        .get("/values/A1:B3?valueRenderOption=UNFORMATTED_VALUE&majorDimension=COLUMNS")
        .await;
    assert_eq!(got["values"], json!([[serial, "x"], ["", "y"]]));
}

#[tokio::test]
async fn the_batch_answer_can_carry_the_new_state_under_a_mask() {
    let simulator = Simulator::start().await;
    let path = format!(
        "{}:batchUpdate?fields=replies,updatedSpreadsheet(sheets(properties(title)))",
        simulator.tenant().spreadsheet_id
    );
    let body =
        json!({"requests": [{"addSheet": {"properties": {"title": "T"}}}], "includeSpreadsheetInResponse": true});
    let reply = simulator.sheets(Method::POST, &path, Some(&body)).await;
    let sheets = json!([{"properties": {"title": "Sheet1"}}, {"properties": {"title": "T"}}]);
    assert_eq!(reply.json["updatedSpreadsheet"], json!({"sheets": sheets}));
    assert!(reply.json.get("spreadsheetId").is_none());
    let path = format!("{}:batchUpdate?fields=spreadsheetId", simulator.tenant().spreadsheet_id);
    let reply = simulator.sheets(Method::POST, &path, Some(&body.clone())).await;
    assert_eq!(reply.status, 400);
    let reply = simulator
        .sheets(Method::POST, &path, Some(&json!({"requests": [{"addSheet": {}}]})))
        .await;
    assert_eq!(reply.json, json!({"spreadsheetId": simulator.tenant().spreadsheet_id}));
}

#[tokio::test]
async fn append_finds_the_block_and_grows_the_grid() {
    let simulator = Simulator::start().await;
    let id = simulator.tenant().spreadsheet_id.clone();
    let resize = json!([{"updateSheetProperties": {"properties": {"sheetId": 0, "gridProperties": {"rowCount": 2, "columnCount": 3}}, "fields": "gridProperties.rowCount,gridProperties.columnCount"}}]);
    simulator.apply(resize).await;
    simulator.types("A1:C2", json!([["a", "b", "c"], [1, 2, 3]])).await;
    let append = |values| {
        (
            format!("{id}/values/A1:append?valueInputOption=RAW"),
            json!({"values": values}),
        )
    };
    let (path, body) = append(json!([[4, 5, 6], [7]]));
    let reply = simulator.sheets(Method::POST, &path, Some(&body)).await;
    assert_eq!(reply.json["tableRange"], "Sheet1!A1:C2");
    assert_eq!(reply.json["updates"]["updatedRange"], "Sheet1!A3:C4");
    assert_eq!(simulator.values(0), json!([["a", "b", "c"], [1, 2, 3], [4, 5, 6], [7]]));
    let clear = simulator
        .sheets(Method::POST, &format!("{id}/values/A2:C3:clear"), None)
        .await;
    assert_eq!(clear.json["clearedRange"], "Sheet1!A2:C3");
    assert_eq!(simulator.values(0), json!([["a", "b", "c"], [], [], [7]]));
}

#[tokio::test]
async fn several_ranges_are_written_at_once_with_totals() {
    let simulator = Simulator::start().await;
    let path = format!("{}/values:batchUpdate", simulator.tenant().spreadsheet_id);
    let body = json!({"valueInputOption": "RAW", "data": [
        {"range": "A1:B2", "values": [[1, 2], [3, 4]]},
        {"range": "D1:E2", "values": [[1, 2], [3, 4]]},
    ]});
    let reply = simulator.sheets(Method::POST, &path, Some(&body)).await.json;
    assert_eq!(
        [
            &reply["totalUpdatedRows"],
            &reply["totalUpdatedColumns"],
            &reply["totalUpdatedCells"],
            &reply["totalUpdatedSheets"]
        ],
        [&json!(2), &json!(4), &json!(8), &json!(1)]
    );
    // one range that cannot be written leaves all as it was
    let body = json!({"valueInputOption": "RAW", "data": [{"range": "A1", "values": [[9]]}, {"range": "A2000", "values": [[9]]}]});
    let path = format!("{}/values:batchUpdate", simulator.tenant().spreadsheet_id);
    assert_eq!(simulator.sheets(Method::POST, &path, Some(&body)).await.status, 400);
    assert_eq!(simulator.values(0)[0][0], 1);
}

#[tokio::test]
async fn data_filters_read_write_and_clear_what_they_find() {
    let simulator = Simulator::start().await;
    let id = simulator.tenant().spreadsheet_id.clone();
    simulator.types("A1:B3", json!([["h", "i"], [1, 2], [3, 4]])).await;
    let mark = json!({"metadataId": 9, "metadataKey": "k", "visibility": "DOCUMENT", "location": {"dimensionRange": {"sheetId": 0, "dimension": "COLUMNS", "startIndex": 1, "endIndex": 2}}});
    simulator
        .apply(json!([{"createDeveloperMetadata": {"developerMetadata": mark}}]))
        .await;
    let lookup = json!({"developerMetadataLookup": {"metadataId": 9}});
    let post = async |path: &str, body: serde_json::Value| {
        let reply = simulator
            .sheets(Method::POST, &format!("{id}{path}"), Some(&body))
            .await;
        assert_eq!(reply.status, 200, "{}", reply.json);
        reply.json
    };
    let body = json!({"dataFilters": [lookup], "includeGridData": true});
    let got = post(
        ":getByDataFilter?fields=sheets.data(startColumn,rowData.values.formattedValue)",
        body,
    )
    .await;
    assert_eq!(got["sheets"][0]["data"][0]["startColumn"], 1);
    assert_eq!(
        got["sheets"][0]["data"][0]["rowData"][2]["values"][0]["formattedValue"],
        "4"
    );
    let body = json!({"valueInputOption": "RAW", "data": [{"dataFilter": lookup, "values": [["titre"], [7]]}]});
    let updated = post("/values:batchUpdateByDataFilter", body).await;
    assert_eq!(
        (&updated["totalUpdatedCells"], &updated["responses"][0]["dataFilter"]),
        (&json!(2), &lookup)
    );
    assert_eq!(simulator.values(0), json!([["h", "titre"], [1, 7], [3, 4]]));
    let body = json!({"dataFilters": [{"a1Range": "A2:A3"}, {"gridRange": {"sheetId": 0, "startRowIndex": 1, "startColumnIndex": 1}}]});
    let cleared = post("/values:batchClearByDataFilter", body).await;
    assert_eq!(cleared["clearedRanges"], json!(["Sheet1!A2:A3", "Sheet1!B2:Z1000"]));
    assert_eq!(simulator.values(0), json!([["h", "titre"]]));
}

#[tokio::test]
async fn a_new_spreadsheet_is_its_makers_and_given_sheets_take_the_place_of_the_first() {
    let simulator = Simulator::start().await;
    let body = json!({
        "properties": {"title": "Neuf", "locale": "fr_FR", "timeZone": "Europe/Paris"},
        "sheets": [{"properties": {"sheetId": 0, "title": "Un"}}, {"properties": {"title": "Deux", "gridProperties": {"rowCount": 5, "columnCount": 3}}}],
    });
    let url = format!("{}v4/spreadsheets", simulator.running.sheets_url);
    let token = simulator.token_of(0, crate::support::SCOPE).await;
    let made = crate::support::reply(simulator.http.post(url).bearer_auth(token).json(&body)).await;
    assert_eq!(made.status, 200, "{}", made.json);
    let titles: Vec<_> = made.json["sheets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|sheet| sheet["properties"]["title"].clone())
        .collect();
    assert_eq!(titles, [json!("Un"), json!("Deux")]);
    let properties = &made.json["properties"];
    assert_eq!(
        (&properties["locale"], &properties["timeZone"]),
        (&json!("fr_FR"), &json!("Europe/Paris"))
    );
    let new = made.json["spreadsheetId"].as_str().unwrap();
    let write = simulator
        .sheets(
            Method::PUT,
            &format!("{new}/values/Deux!A1?valueInputOption=RAW"),
            Some(&json!({"values": [["x"]]})),
        )
        .await;
    assert_eq!(write.status, 200);
    // and a sheet can be copied from one to the other
    let body = json!({"destinationSpreadsheetId": simulator.tenant().spreadsheet_id});
    let sheet = &made.json["sheets"][1]["properties"]["sheetId"];
    let copied = simulator
        .sheets(Method::POST, &format!("{new}/sheets/{sheet}:copyTo"), Some(&body))
        .await;
    assert_eq!(
        (&copied.json["title"], &copied.json["index"]),
        (&json!("Copy of Deux"), &json!(1))
    );
    assert_eq!(simulator.get("/values/'Copy of Deux'").await["values"], json!([["x"]]));
}

#[tokio::test]
async fn what_is_typed_becomes_what_google_makes_of_it() {
    let simulator = Simulator::start().await;
    let typed = [
        ("0042", json!(42), ""),
        ("2,000,000.01", json!(2000000.01), "#,##0.00"),
        ("2026-09-05", json!(46270), "yyyy-mm-dd"),
        ("$100.15", json!(100.15), "\"$\"#,##0.00"),
        ("'0123", json!("0123"), ""),
        ("TRUE", json!(true), ""),
        ("=sum( sheet1!b9:b9 )", json!("=sum( Sheet1!B9 )"), ""),
    ];
    for (at, (text, value, pattern)) in typed.iter().enumerate() {
        let cell = format!("A{}", at + 1);
        simulator.types(&cell, json!([[text]])).await;
        let got = simulator.get(&format!("?ranges={cell}&fields=sheets.data.rowData.values(userEnteredValue,userEnteredFormat.numberFormat.pattern)")).await;
        let got = &got["sheets"][0]["data"][0]["rowData"][0]["values"][0];
        let entered = got["userEnteredValue"].as_object().unwrap().values().next().unwrap();
        assert_eq!(entered, value, "{text}");
        let found = got
            .pointer("/userEnteredFormat/numberFormat/pattern")
            .and_then(|pattern| pattern.as_str());
        assert_eq!(found.unwrap_or_default(), *pattern, "{text}");
    }
    // a day without a year is one of this year
    simulator.types("B1", json!([["1-2"]])).await;
    assert_eq!(simulator.get("/values/B1").await["values"], json!([["1-2"]]));
    let serial = simulator.get("/values/B1?valueRenderOption=UNFORMATTED_VALUE").await["values"][0][0]
        .as_f64()
        .unwrap();
    assert!(serial > 46_000.0, "{serial}");
    // RAW is not typing
    let path = format!("{}/values/C1?valueInputOption=RAW", simulator.tenant().spreadsheet_id);
    simulator
        .sheets(Method::PUT, &path, Some(&json!({"values": [["'0123"]]})))
        .await;
    assert_eq!(simulator.values(0)[0][2], "'0123");
}

#[tokio::test]
async fn a_column_becomes_as_wide_as_its_widest_text() {
    let simulator = Simulator::start().await;
    simulator
        .types("A1:B2", json!([["A".repeat(1024), "Nom"], ["a", ""]]))
        .await;
    let columns = json!({"sheetId": 0, "dimension": "COLUMNS", "startIndex": 0, "endIndex": 3});
    simulator
        .apply(json!([{"autoResizeDimensions": {"dimensions": columns}}]))
        .await;
    let got = simulator.get("?fields=sheets.data.columnMetadata").await;
    let width = |column: usize| {
        got["sheets"][0]["data"][0]["columnMetadata"][column]["pixelSize"]
            .as_i64()
            .unwrap()
    };
    assert_eq!(width(0), 8691);
    assert!((25..45).contains(&width(1)), "{}", width(1));
    assert_eq!(width(2), 100, "an empty column stays as it is");
}

#[tokio::test]
async fn a_range_is_answered_as_the_rectangle_that_was_asked_for() {
    let simulator = Simulator::start().await;
    simulator
        .apply(json!([{"addSheet": {"properties": {"title": "L'été : 10h30"}}}]))
        .await;
    for (asked, answered) in [
        ("A1", "Sheet1!A1"),
        ("A1:C", "Sheet1!A1:C1000"),
        ("D4:A1", "Sheet1!A1:D4"),
        ("A2:2", "Sheet1!A2:Z2"),
        ("Sheet1", "Sheet1!A1:Z1000"),
        ("sheet1!$b$3", "Sheet1!B3"),
        ("Sheet1!Y999:AZ2000", "Sheet1!Y999:Z1000"),
        ("R2C1:R3C2", "Sheet1!A2:B3"),
        ("'l''été : 10h30'!a1", "'L''été : 10h30'!A1"),
    ] {
        let path = format!("/values/{}", asked.replace(' ', "%20"));
        assert_eq!(simulator.get(&path).await["range"], answered, "{asked}");
    }
}

#[tokio::test]
async fn a_sheet_that_is_a_chart_has_no_grid() {
    let simulator = Simulator::start().await;
    simulator
        .owner(json!([{"addSheet": {"properties": {"sheetId": 4, "title": "Graphique", "sheetType": "OBJECT"}}}]))
        .await;
    let got = simulator.get("?fields=sheets.properties").await;
    assert_eq!(
        got["sheets"][1]["properties"],
        json!({"sheetId": 4, "title": "Graphique", "index": 1, "sheetType": "OBJECT"})
    );
    let id = simulator.tenant().spreadsheet_id.clone();
    assert_eq!(
        simulator
            .sheets(Method::GET, &format!("{id}/values/Graphique!A1"), None)
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn a_name_that_a_batch_cannot_have_is_refused() {
    let simulator = Simulator::start().await;
    let path = format!("{}:batchUpdate", simulator.tenant().spreadsheet_id);
    let body = json!({"requests": [{"addSheet": {}}], "frobnicate": true});
    let reply = simulator.sheets(Method::POST, &path, Some(&body)).await;
    assert_eq!(
        (reply.status.as_u16(), reply.message()),
        (
            400,
            "Invalid JSON payload received. Unknown name \"frobnicate\": Cannot find field."
        )
    );
}
