//! Recorded traffic of the true Sheets API, replayed in order and compared answer by answer.
//!
//! `SHEETS_RECORDINGS` names another file of the same form.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{Simulator, reply};

#[derive(Deserialize)]
struct Recording {
    case: String,
    scenario: String,
    #[serde(default)]
    initial: String,
    method: String,
    path_and_query: String,
    request_body: Value,
    status: u16,
    response_body: Value,
    /// JSON pointers of what differs from call to call.
    #[serde(default)]
    volatile: Vec<String>,
    /// Dotted paths that the recording left out.
    #[serde(default)]
    response_trimmed: Vec<String>,
}

/// Parts of answers that cannot matter, each with its reason.
const UNIMPORTANT: [(&str, &str); 1] = [
    // the spreadsheet's own name was given by the recording's test suite, not by a call that can be replayed
    ("get", "/properties/title"),
];

fn recordings() -> Vec<Recording> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/sheets-recordings.json");
    let path = std::env::var("SHEETS_RECORDINGS").unwrap_or_else(|_| default.to_owned());
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn every_recorded_call_gets_the_recorded_answer() {
    let recordings = recordings();
    assert!(!recordings.is_empty(), "there are no recordings");
    let mut wrong = Vec::new();
    let mut at = 0;
    while at < recordings.len() {
        // reported cases are one call each, whatever their common name
        let scenario = &recordings[at].scenario;
        let length = recordings[at..]
            .iter()
            .take_while(|next| next.scenario == *scenario)
            .count();
        let length = if scenario == "reported" { 1 } else { length };
        replay(&recordings[at..at + length], &mut wrong).await;
        at += length;
    }
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        recordings.len(),
        wrong.join("\n")
    );
}

async fn replay(calls: &[Recording], wrong: &mut Vec<String>) {
    let simulator = Simulator::start().await;
    let id = simulator.tenant().spreadsheet_id.clone();
    let initial = &calls[0].initial;
    if initial.contains("not shared") {
        simulator
            .google_admin(Method::PUT, &format!("_sheets/{id}/sharing"), Some(&json!({})))
            .await;
    }
    let scope = match initial.contains("without the spreadsheets scope") {
        true => "https://www.googleapis.com/auth/calendar",
        false => crate::support::SCOPE,
    };
    let token = simulator.token_of(0, scope).await;
    // ids that Google chose, in the recording and here
    let mut renamed: Vec<(String, String)> = vec![("SHEET_ID".to_owned(), id.clone())];
    // whose account it was shows in the editors of protected ranges
    for call in calls {
        if let Some(theirs) = service_account(&call.response_body) {
            renamed.push((theirs, simulator.tenant().email.clone()));
        }
    }
    for call in calls {
        let url = format!(
            "{}{}",
            simulator.running.sheets_url,
            call.path_and_query[1..].replace("SHEET_ID", &id)
        );
        let mut request = simulator
            .http
            .request(call.method.parse::<Method>().unwrap(), url)
            .bearer_auth(&token);
        if !call.request_body.is_null() {
            let mut body = call
                .request_body
                .to_string()
                .replace("<50001 characters>", &"x".repeat(50_001));
            for (theirs, ours) in &renamed {
                body = body.replace(theirs, ours);
            }
            request = request.header("content-type", "application/json").body(body);
        }
        let got = reply(request).await;
        for pointer in &call.volatile {
            if let (Some(theirs), Some(ours)) = (call.response_body.pointer(pointer), got.json.pointer(pointer)) {
                renamed.push((theirs.to_string(), ours.to_string()));
            }
        }
        let expected = comparable(call, call.response_body.clone(), &renamed);
        let answer = comparable(call, got.json, &[]);
        if got.status != call.status || answer != expected {
            wrong.push(format!(
                "{}: {}\n  expected {} {expected}\n  got      {} {answer}",
                call.case, call.path_and_query, call.status, got.status
            ));
        }
    }
}

/// A service account's e-mail somewhere in an answer.
fn service_account(answer: &Value) -> Option<String> {
    match answer {
        Value::String(text) => text.ends_with(".gserviceaccount.com").then(|| text.clone()),
        Value::Array(items) => items.iter().find_map(service_account),
        Value::Object(fields) => fields.values().find_map(service_account),
        _ => None,
    }
}

/// The answer without what may differ.
fn comparable(call: &Recording, mut answer: Value, renamed: &[(String, String)]) -> Value {
    let trimmed = call
        .response_trimmed
        .iter()
        .map(|path| format!("/{}", path.replace('.', "/")));
    let unimportant = UNIMPORTANT
        .iter()
        .filter(|(kind, _)| *kind == "get" && call.method == "GET");
    for pointer in call
        .volatile
        .iter()
        .cloned()
        .chain(trimmed)
        .chain(unimportant.map(|(_, pointer)| (*pointer).to_owned()))
    {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        if let Some(Value::Object(parent)) = answer.pointer_mut(parent) {
            parent.remove(name);
        }
    }
    let mut text = answer.to_string();
    for (theirs, ours) in renamed {
        text = text.replace(theirs, ours);
    }
    serde_json::from_str(&text).unwrap()
}
