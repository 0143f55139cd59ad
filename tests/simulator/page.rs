//! The page at `/`, the state as JSON and as .xlsx.

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

#[tokio::test]
async fn tenants_are_listed_with_their_key_files() {
    let simulator = Simulator::start().await;
    let tenants = simulator.google_admin(Method::GET, "_tenants", None).await.json;
    assert_eq!(tenants[0]["spreadsheetId"], simulator.tenant().spreadsheet_id);
    assert_eq!(tenants[0]["credentials"], simulator.tenant().credentials);
}
