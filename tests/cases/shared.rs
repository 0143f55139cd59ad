//! Accounts of known records, and servers that page in their own way.

use serde_json::{Value, json};
use wedof_sheet_sync::simulator::Options;

use crate::world::World;

pub const LIST: &str = "/api/registrationFolders";
/// One tab of folders, quickly read.
pub const FOLDERS_ONLY: &str = "wedof: {requestsPerMinute: 600}\nresources: [{name: registrationFolders}]\n";
/// The organism's tab shows that one failure does not stop the others.
pub const WITH_ORGANISM: &str =
    "wedof: {requestsPerMinute: 600}\nresources: [{name: registrationFolders}, {name: organisms}]\n";

pub fn id(number: usize) -> String {
    format!("{number:014}")
}

pub fn folder(number: usize) -> Value {
    json!({
        "externalId": id(number),
        "state": "accepted",
        "attendee": {"lastName": format!("Nom {number}")},
        "amountTtc": number as f64 * 1.5,
    })
}

pub fn folders(numbers: std::ops::RangeInclusive<usize>) -> Vec<Value> {
    numbers.map(folder).collect()
}

/// An account with these folders and its organism, synced as the text says.
pub async fn account(folders: &[Value], spec: &str) -> World {
    let dataset = tempfile::tempdir().unwrap();
    let path = dataset.path().join("registrationFolders.json");
    std::fs::write(path, json!(folders).to_string()).unwrap();
    let world = World::with(Options {
        folders: 1,
        dataset: Some(dataset.path().to_owned()),
        ..Options::default()
    })
    .await;
    want(&world, spec);
    world
}

/// What the next runs sync.
pub fn want(world: &World, spec: &str) {
    world.write("wanted.json", spec.as_bytes());
}

/// The list of folders page by page as given, each with these headers; nothing past the last.
pub async fn serve(world: &World, pages: &[&[Value]], headers: Value) {
    for (index, page) in pages.iter().enumerate() {
        let body = json!(page).to_string();
        serve_page(
            world,
            index + 1,
            json!({"status": 200, "headers": headers, "body": body}),
        )
        .await;
    }
    for number in pages.len() + 1..pages.len() + 4 {
        serve_page(world, number, json!({"status": 200, "headers": headers, "body": "[]"})).await;
    }
}

pub async fn serve_page(world: &World, number: usize, answer: Value) {
    world
        .wedof_fault(json!({"path": LIST, "page": number, "times": 1_000, "answer": answer}))
        .await;
}

/// What `check` says, and its exit code.
pub async fn check(world: &World) -> (Option<i32>, String) {
    let output = world.program(&["check", "--output", "json"]).output().await.unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.code(), format!("{stdout}{stderr}"))
}

#[track_caller]
pub fn finds((code, text): (Option<i32>, String), expected: i32, parts: &[&str]) {
    assert_eq!(code, Some(expected), "{text}");
    for part in parts {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// Keys from the first number to the last.
pub fn ids(numbers: std::ops::RangeInclusive<usize>) -> Vec<String> {
    numbers.map(id).collect()
}

/// The cells of a column by its header.
pub fn column(values: &[Vec<Value>], header: &str) -> Vec<Value> {
    let at = values[0].iter().position(|label| label == header);
    let at = at.unwrap_or_else(|| panic!("no column {header}: {:?}", values[0]));
    values[1..]
        .iter()
        .map(|row| row.get(at).cloned().unwrap_or_default())
        .collect()
}
