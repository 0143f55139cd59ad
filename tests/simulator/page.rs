//! The page at `/`, the state as JSON and as .xlsx.

use std::{collections::BTreeMap, io::Read};

use reqwest::Method;
use serde_json::json;

use crate::support::{Simulator, reply};

#[tokio::test]
async fn the_page_is_one_file_without_outside_parts() {
    let simulator = Simulator::start().await;
    let response = simulator.http.get(&simulator.running.sheets_url).send().await.unwrap();
    assert!(
        response.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    let html = response.text().await.unwrap();
    assert!(html.contains("/_sheets"));
    let outside = html.matches("http").count() - html.matches("http://www.w3.org/2000/svg").count();
    assert_eq!(outside, 0, "the page must need nothing from elsewhere");
}

#[tokio::test]
async fn the_state_can_be_asked_for_by_tab_and_rows_and_only_if_it_changed() {
    let simulator = Simulator::start().await;
    let id = simulator.tenant().spreadsheet_id.clone();
    simulator
        .owner(json!([{"addSheet": {"properties": {"sheetId": 3, "title": "B"}}}]))
        .await;
    simulator
        .types("A1:A4", json!([["h"], [1], ["2024-06-26"], ["=A2+1"]]))
        .await;
    let url = format!("{}_sheets/{id}.json", simulator.running.sheets_url);
    let first = reply(simulator.http.get(format!("{url}?sheet=0&from=2&to=4"))).await;
    let (with, without) = (&first.json["sheets"][0], &first.json["sheets"][1]);
    assert_eq!(with["values"], json!([[45469], ["=A2+1"]]));
    assert_eq!(with["shown"], json!([["2024-06-26"], ["2"]]));
    assert_eq!(
        (&with["firstRow"], &with["usedRows"], &with["filledRows"]),
        (&json!(2), &json!(4), &json!(4))
    );
    assert!(without.get("values").is_none());
    let again = || simulator.http.get(&url).header("if-none-match", &first.headers["etag"]);
    assert_eq!(reply(again()).await.status, 304);
    simulator.types("A1", json!([["changed"]])).await;
    assert_eq!(reply(again()).await.status, 200);
    let list = simulator.google_admin(Method::GET, "_sheets", None).await.json;
    assert_eq!(list, json!([{"id": id, "title": "Wedof 1", "revision": 4}]));
}

#[tokio::test]
async fn the_workbook_holds_every_tab_even_with_titles_that_excel_refuses() {
    let simulator = Simulator::start().await;
    simulator
        .owner(json!([
            {"addSheet": {"properties": {"title": "a/b:c?"}}},
            {"addSheet": {"properties": {"title": "a\\b*c["}}},
            {"addSheet": {"properties": {"title": "x".repeat(60)}}},
        ]))
        .await;
    simulator
        .types("A1:D1", json!([["=1/0", 1.5, true, "é".repeat(40_000)]]))
        .await;
    let url = format!(
        "{}_sheets/{}.xlsx",
        simulator.running.sheets_url,
        simulator.tenant().spreadsheet_id
    );
    let bytes = simulator.http.get(url).send().await.unwrap().bytes().await.unwrap();
    assert!(bytes.starts_with(b"PK"));
    let name = b"xl/worksheets/sheet4.xml";
    assert!(bytes.windows(name.len()).any(|window| window == name));
}

/// The parts of a zip file by name, as text. Sizes are in the directory at its end.
fn parts(zip: &[u8]) -> BTreeMap<String, String> {
    let short = |at: usize| usize::from(u16::from_le_bytes([zip[at], zip[at + 1]]));
    let long = |at: usize| short(at) + (short(at + 2) << 16);
    let end = zip.windows(4).rposition(|bytes| bytes == b"PK\x05\x06").unwrap();
    let mut entry = long(end + 16);
    let mut parts = BTreeMap::new();
    while zip[entry..].starts_with(b"PK\x01\x02") {
        let name = entry + 46..entry + 46 + short(entry + 28);
        let local = long(entry + 42);
        let start = local + 30 + short(local + 26) + short(local + 28);
        let data = &zip[start..start + long(entry + 20)];
        let mut text = String::new();
        match short(entry + 10) {
            0 => text.push_str(&String::from_utf8_lossy(data)),
            _ => {
                flate2::read::DeflateDecoder::new(data)
                    .read_to_string(&mut text)
                    .unwrap();
            }
        }
        parts.insert(String::from_utf8_lossy(&zip[name.clone()]).into_owned(), text);
        entry = name.end + short(entry + 30) + short(entry + 32);
    }
    parts
}

#[tokio::test]
async fn the_workbook_keeps_widths_formats_notes_merges_and_what_is_hidden() {
    let simulator = Simulator::start().await;
    simulator
        .types(
            "A1:C3",
            json!([["Nom", "Début", "Montant"], ["a", 45469, 1290.5], ["b", "", 2]]),
        )
        .await;
    let range = |top: usize, bottom: usize, left: usize, right: usize| json!({"sheetId": 0, "startRowIndex": top, "endRowIndex": bottom, "startColumnIndex": left, "endColumnIndex": right});
    let dimension =
        |kind: &str, at: usize| json!({"sheetId": 0, "dimension": kind, "startIndex": at, "endIndex": at + 1});
    let date = json!({"userEnteredFormat": {"numberFormat": {"type": "DATE", "pattern": "dd/mm/yyyy"}}});
    let header = json!({"note": "rempli chaque nuit", "userEnteredFormat": {"textFormat": {"bold": true}, "horizontalAlignment": "CENTER", "borders": {"bottom": {"style": "SOLID"}}}});
    simulator
        .owner(json!([
            {"repeatCell": {"range": range(0, 1, 0, 3), "cell": header, "fields": "note,userEnteredFormat"}},
            {"repeatCell": {"range": range(1, 3, 1, 2), "cell": date, "fields": "userEnteredFormat"}},
            {"updateDimensionProperties": {"range": dimension("COLUMNS", 0), "properties": {"pixelSize": 240}, "fields": "pixelSize"}},
            {"updateDimensionProperties": {"range": dimension("COLUMNS", 2), "properties": {"hiddenByUser": true}, "fields": "hiddenByUser"}},
            {"updateDimensionProperties": {"range": dimension("ROWS", 2), "properties": {"hiddenByUser": true}, "fields": "hiddenByUser"}},
            {"mergeCells": {"range": range(4, 6, 0, 2), "mergeType": "MERGE_ALL"}},
            {"updateSheetProperties": {"properties": {"sheetId": 0, "gridProperties": {"frozenRowCount": 1}}, "fields": "gridProperties.frozenRowCount"}},
        ]))
        .await;
    let url = format!(
        "{}_sheets/{}.xlsx",
        simulator.running.sheets_url,
        simulator.tenant().spreadsheet_id
    );
    let parts = parts(&simulator.http.get(url).send().await.unwrap().bytes().await.unwrap());
    let sheet = &parts["xl/worksheets/sheet1.xml"];
    for part in [
        "<mergeCell ref=\"A5:B6\"",
        "ySplit=\"1\"",
        "<col min=\"3\" max=\"3\"",
        "customWidth=\"1\"",
    ] {
        assert!(sheet.contains(part), "{part}: {sheet}");
    }
    assert_eq!(sheet.matches("hidden=\"1\"").count(), 2, "one column and one row");
    let styles = &parts["xl/styles.xml"];
    for part in ["dd/mm/yyyy", "<b/>", "horizontal=\"center\"", "<bottom style=\"thin\""] {
        assert!(styles.contains(part), "{part}");
    }
    assert!(parts["xl/comments1.xml"].contains("rempli chaque nuit"));
}

#[tokio::test]
async fn rows_that_nobody_sees_are_told_as_runs() {
    let simulator = Simulator::start().await;
    simulator
        .types("A1:A6", json!([["h"], ["x"], ["y"], ["x"], ["x"], ["y"]]))
        .await;
    let range = json!({"sheetId": 0, "startRowIndex": 0, "endRowIndex": 6, "startColumnIndex": 0, "endColumnIndex": 1});
    let filter = json!({"range": range, "filterSpecs": [{"filterCriteria": {"hiddenValues": ["x"]}}]});
    let seventh = json!({"sheetId": 0, "dimension": "ROWS", "startIndex": 6, "endIndex": 7});
    simulator
        .owner(json!([
            {"setBasicFilter": {"filter": filter}},
            {"updateDimensionProperties": {"range": seventh, "properties": {"hiddenByUser": true}, "fields": "hiddenByUser"}},
        ]))
        .await;
    assert_eq!(
        simulator.state()["sheets"][0]["hiddenRows"],
        json!([[1, 2], [3, 5], [6, 7]])
    );
}

#[tokio::test]
async fn tenants_are_listed_with_their_key_files() {
    let simulator = Simulator::start().await;
    let tenants = simulator.google_admin(Method::GET, "_tenants", None).await.json;
    assert_eq!(tenants[0]["spreadsheetId"], simulator.tenant().spreadsheet_id);
    assert_eq!(tenants[0]["credentials"], simulator.tenant().credentials);
}
