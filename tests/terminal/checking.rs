//! `check`: what it finds, each alone and several at once, and that it changes nothing.

use serde_json::{Value, json};

use crate::world::{FOLDERS, World};

/// What a check printed as JSON.
struct Checked {
    code: Option<i32>,
    findings: Vec<Value>,
}

impl Checked {
    #[track_caller]
    fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{:#?}", self.findings);
        self
    }

    fn of(&self, id: &str) -> Vec<&Value> {
        self.findings.iter().filter(|finding| finding["id"] == id).collect()
    }

    /// A finding of this kind and level says this.
    #[track_caller]
    fn says(&self, level: &str, id: &str, text: &str) {
        let said = |finding: &&&Value| finding["level"] == level && finding["message"].as_str().unwrap().contains(text);
        assert!(
            self.of(id).iter().any(|finding| said(&finding)),
            "{id} {text}: {:#?}",
            self.findings
        );
    }

    /// Ids of what is not well.
    fn trouble(&self) -> Vec<&str> {
        let bad = self.findings.iter().filter(|finding| finding["level"] != "ok");
        bad.map(|finding| finding["id"].as_str().unwrap()).collect()
    }
}

async fn check(world: &World, args: &[&str]) -> Checked {
    let args = [&["check", "--output", "json"], args].concat();
    let output = world.program(&args).env("RETRY_DELAY", "0.01").output().await.unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let json: Value = serde_json::from_str(&stdout)
        .unwrap_or_else(|_| panic!("{stdout}\n{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(json["exitCode"], json!(output.status.code()));
    Checked {
        code: output.status.code(),
        findings: serde_json::from_value(json["findings"].clone()).unwrap(),
    }
}

/// Three resources that the simulators have, so that nothing is unavailable.
const RESOURCES: &[u8] = b"resources: [{name: registrationFolders}, {name: certificationFolders}, {name: organisms}]";

/// An account in Paris, with a configuration.
async fn world() -> World {
    let world = World::new(3).await;
    world.write("sync.yaml", RESOURCES);
    set_zone(&world, "Europe/Paris").await;
    world
}

async fn set_zone(world: &World, zone: &str) {
    world
        .edit(json!([{"updateSpreadsheetProperties": {"properties": {"timeZone": zone}, "fields": "timeZone"}}]))
        .await;
}

/// The spreadsheet without the count of its changes, which a change of nothing raises too.
fn content(world: &World) -> [Value; 2] {
    let state = world.state();
    ["properties", "sheets"].map(|part| state[part].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn all_is_well_before_and_after_the_first_sync_and_nothing_is_changed() {
    let world = world().await;
    let before = content(&world);
    let checked = check(&world, &["--config", "sync.yaml"]).await.expect(0);
    assert_eq!(checked.trouble(), [""; 0], "{:#?}", checked.findings);
    assert_eq!(content(&world), before);
    checked.says("ok", "config.env", ".env");
    checked.says("ok", "wedof.key", "the key is accepted; it is of ");
    checked.says("ok", "wedof.resource", "3 records");
    checked.says("ok", "spreadsheet.write", "may write to it");
    checked.says("ok", "tab", "there is no tab \"Registration Folders\" yet");
    assert_eq!(checked.of("tab").len(), 3);

    world.sync(&["--config", "sync.yaml"]).await.expect(0);
    let before = content(&world);
    let checked = check(&world, &["--config", "sync.yaml"]).await.expect(0);
    assert_eq!(checked.trouble(), [""; 0], "{:#?}", checked.findings);
    checked.says("ok", "tab", "\"Registration Folders\" was filled by an earlier sync");
    assert_eq!(content(&world), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_for_people_has_plain_words_in_a_pipe() {
    let world = world().await;
    let output = world
        .program(&["check", "--config", "sync.yaml"])
        .output()
        .await
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("Configuration\n  ok: variables from "), "{text}");
    assert!(text.ends_with("\nAll well: a sync can run.\n"), "{text}");
    assert!(!text.contains('\u{1b}') && !text.contains('✓'), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_is_shown_and_none_hides_another() {
    let world = world().await;
    world.write("key.json", b"{\"installed\": {\"client_id\": \"x\"}}");
    world.write_env("wrong-key", "SYNC_TIME=09:00\n");
    let checked = check(&world, &[]).await.expect(2);
    checked.says("error", "wedof.key", "refuses the API key of variable WEDOF_API_KEY");
    checked.says(
        "error",
        "google.key",
        "is an OAuth client file; needed is the JSON key of a service account",
    );
    assert_eq!(
        world.running.sheets_requests().total,
        0,
        "a wrong file is known before anything is sent"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_set_is_told_piece_by_piece() {
    let world = world().await;
    world.write(".env", b"");
    let checked = check(&world, &[]).await.expect(2);
    checked.says("error", "config.spreadsheet", "GOOGLE_SPREADSHEET_ID (the part");
    checked.says("error", "config.wedofKey", "WEDOF_API_KEY (in Wedof");
    checked.says("error", "config.googleKey", "GOOGLE_CREDENTIALS_PATH (path");
    checked.says("ok", "config.spec", "registrationFolders");

    world.write(".env", b"WEDOF_API_KEY=two words\n");
    let checked = check(&world, &[]).await.expect(2);
    checked.says("error", "config.env", ".env cannot be read, line 1, column");
}

#[tokio::test(flavor = "multi_thread")]
async fn wedof_that_cannot_be_reached_may_pass_and_google_is_looked_at_all_the_same() {
    let world = world().await;
    world
        .wedof_fault(json!({"path": "/api/", "times": 99, "answer": {"status": 503}}))
        .await;
    let checked = check(&world, &["--config", "sync.yaml"]).await.expect(1);
    checked.says("error", "wedof.key", "503");
    checked.says("skipped", "wedof.resource", "not asked for");
    checked.says("ok", "spreadsheet.write", "may write to it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_that_the_account_may_not_read_matters_if_it_was_asked_for() {
    let world = world().await;
    world
        .wedof_fault(json!({"path": "/api/certificationFolders", "times": 99, "answer": {"status": 403}}))
        .await;
    world.want(None);
    let checked = check(&world, &[]).await;
    checked.says("warning", "wedof.resource", "certificationFolders");
    let checked = check(&world, &["--config", "sync.yaml"]).await.expect(2);
    checked.says("error", "wedof.resource", "certificationFolders");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_does_not_exist_is_found() {
    let world = world().await;
    world.write(
        "sync.yaml",
        b"resources: [{name: registrationFolders, filters: {stat: [accepted]}}]",
    );
    let checked = check(&world, &["--config", "sync.yaml"]).await.expect(2);
    checked.says("error", "wedof.resource", "filter `stat` does not exist");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistyped_column_is_a_warning_and_one_that_is_only_unknown_is_none() {
    let world = world().await;
    world.write(
        "sync.yaml",
        b"resources: [{name: registrationFolders, columns: {exclude: [atendee, metadata.colour]}}, {name: organisms}]",
    );
    let checked = check(&world, &["--config", "sync.yaml"]).await.expect(0);
    checked.says(
        "warning",
        "config.columns",
        "columns.exclude: no field is like `atendee`: did you mean `attendee`?",
    );
    checked.says(
        "ok",
        "config.columns",
        "no field is like `metadata.colour` that is known here",
    );
    let columns = checked.of("config.columns");
    assert!(
        columns
            .iter()
            .all(|finding| finding["resource"] == "registrationFolders")
            && columns.len() == 2
    );

    // as the warning says
    let failed = world.sync(&["--config", "sync.yaml"]).await.expect(2);
    assert!(failed.stderr.contains("did you mean `attendee`?"), "{}", failed.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_google_say_what_to_do() {
    let world = world().await;
    let id = world.running.tenants[0].spreadsheet_id.clone();
    let office = "This operation is not supported for this document. The document must not be an Office file.";
    for (status, message, says) in [
        (400, office, "File > Save as Google Sheets"),
        (404, "Requested entity was not found.", "no spreadsheet has that ID"),
        (403, "The caller does not have permission", "is not shared with"),
        (
            403,
            "Google Sheets API has not been used in project 1 before or it is disabled.",
            "enable it in the Google Cloud console",
        ),
    ] {
        let error = json!({"error": {"code": status, "message": message, "status": "X"}});
        world
            .google_fault(
                json!({"path": format!("/v4/spreadsheets/{id}"), "answer": {"status": status, "body": error}}),
            )
            .await;
        let checked = check(&world, &["--config", "sync.yaml"]).await.expect(2);
        checked.says("error", "spreadsheet.found", says);
        checked.says("ok", "wedof.key", "accepted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spreadsheet_that_may_only_be_read_is_found_out_without_writing() {
    let world = world().await;
    let error = json!({"error": {"code": 403, "message": "The caller does not have permission", "status": "PERMISSION_DENIED"}});
    world
        .google_fault(json!({"method": "POST", "path": "/v4/spreadsheets/*:batchUpdate", "answer": {"status": 403, "body": error}}))
        .await;
    let checked = check(&world, &["--config", "sync.yaml"]).await.expect(2);
    checked.says("ok", "spreadsheet.found", "is found");
    checked.says("error", "spreadsheet.write", "as editor: open it, choose Share");
    checked.says("ok", "tab", "there is no tab");
}

#[tokio::test(flavor = "multi_thread")]
async fn tabs_that_would_be_refused_and_protections_in_the_way_are_found_beforehand() {
    let world = world().await;
    world.sync(&["--config", "sync.yaml"]).await.expect(0);
    let sheet = world.tab(FOLDERS)["properties"]["sheetId"].clone();
    let range = json!({"sheetId": sheet, "startRowIndex": 0, "startColumnIndex": 1, "endColumnIndex": 2});
    world
        .edit(json!([
            {"addProtectedRange": {"protectedRange": {"range": range, "editors": {"users": ["marie@example.org"]}}}},
            {"addSheet": {"properties": {"sheetId": 77, "title": "Nous"}}},
            {"updateCells": {
                "start": {"sheetId": 77, "rowIndex": 0, "columnIndex": 0},
                "rows": [{"values": [{"userEnteredValue": {"stringValue": "Notre équipe"}}]}],
                "fields": "userEnteredValue",
            }},
        ]))
        .await;
    world.write(
        "sync.yaml",
        b"resources: [{name: registrationFolders}, {name: users, tab: Certification Folders}, {name: trainings, tab: Nous}]",
    );
    let checked = check(&world, &["--config", "sync.yaml"]).await;
    assert_eq!(checked.code, Some(2));
    checked.says("error", "tab.protected", "B1:B5 is protected against");
    checked.says("error", "tab", "already holds certificationFolders");
    checked.says("error", "tab", "a tab of the name \"Nous\" exists");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_time_zone_is_a_warning() {
    let world = world().await;
    set_zone(&world, "America/Martinique").await;
    let checked = check(&world, &["--config", "sync.yaml"]).await.expect(0);
    checked.says(
        "warning",
        "spreadsheet.zone",
        "America/Martinique and the configuration's Europe/Paris",
    );
}
