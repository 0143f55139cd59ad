//! The whole way on a real cluster: Helm, custom resource, CronJob, Job, pod of our image, simulated Wedof and Google
//! over HTTP, and back into status. `tests/e2e/run` starts all that and then these tests; each has tenants of its own.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod ends;
mod hardening;
mod plugin;
#[path = "../operator/programs.rs"]
mod programs;
mod world;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use world::{World, column_letter, condition, counts};

const FOLDERS: &str = "Registration Folders";

#[tokio::test]
async fn two_centres_get_all_of_their_own_rows_and_none_of_the_other() {
    let world = World::connect().await;
    let (acme, bravo) = tokio::join!(world.centre("e2e-acme", 0), world.centre("e2e-bravo", 1));
    tokio::join!(acme.apply("acme", json!({})), bravo.apply("bravo", json!({})));
    let (acme_status, bravo_status) = tokio::join!(acme.wait_for_success("acme"), bravo.wait_for_success("bravo"));

    for (centre, status) in [(&acme, &acme_status), (&bravo, &bravo_status)] {
        let mut all = 0;
        for (resource, title, key) in [
            ("users", "Users", "email"),
            ("trainings", "Trainings", "externalId"),
            ("sessions", "Sessions", "externalId"),
            ("attendees", "Attendees", "id"),
            ("registrationFolders", FOLDERS, "externalId"),
            ("certificationFolders", "Certification Folders", "externalId"),
            ("organisms", "Organisms", "siret"),
        ] {
            let records = centre.wedof("GET", &format!("/{resource}"), None).await;
            let records = records.as_array().expect("a list of records");
            let wanted: BTreeSet<String> = records
                .iter()
                .map(|record| match &record[key] {
                    Value::String(text) => text.clone(),
                    number => number.to_string(),
                })
                .collect();
            let keys = centre.tab(title).await.keys();
            assert_eq!(keys.len(), wanted.len(), "{title}: one row a record");
            assert_eq!(
                keys.into_iter().collect::<BTreeSet<_>>(),
                wanted,
                "{title}: the account's own records"
            );
            let told = status["resources"]
                .as_array()
                .into_iter()
                .flatten()
                .find(|told| told["name"] == resource);
            let told = told.unwrap_or_else(|| panic!("no {resource} in {status}"));
            assert_eq!(
                (&told["outcome"], &told["rows"]),
                (&json!("Synced"), &json!(wanted.len())),
                "{resource}"
            );
            all += wanted.len() as i64;
        }
        let told = status["resources"].as_array().expect("all resources");
        assert_eq!(told.len(), 11, "what the account cannot read is told too");
        assert_eq!(counts(status), (all, all, 0, 0, 0));
        assert_eq!(status["rows"], all);
        assert_eq!(status["lastRun"]["trigger"], "Create");
        assert_eq!(condition(status, "Ready")["status"], "True");
        assert_eq!(status["consecutiveFailures"], 0);
        assert!(status["nextScheduleTime"].is_string() && status["lastSuccessTime"].is_string());
    }
}

#[tokio::test]
async fn a_run_now_writes_one_changed_one_new_and_one_removed_record_and_a_persons_column_stays_with_its_records() {
    let centre = World::connect().await.centre("e2e-changes", 2).await;
    centre
        .apply("changes", json!({"resources": [{"name": "registrationFolders"}]}))
        .await;
    centre.wait_for_success("changes").await;

    // a person's own column right of ours, with a note on two records
    let before = centre.tab(FOLDERS).await;
    let keys = before.keys();
    let (changed, removed, noted) = (&keys[3], &keys[5], &keys[9]);
    let own = before.header().len();
    let letter = column_letter(own);
    centre.begin_column(FOLDERS, own, "À rappeler").await;
    centre
        .type_into(&format!("{FOLDERS}!{letter}{}", before.row_of(noted)), "rappeler lundi")
        .await;
    centre
        .type_into(&format!("{FOLDERS}!{letter}{}", before.row_of(changed)), "vu")
        .await;

    centre
        .wedof(
            "PATCH",
            &format!("/registrationFolders/{changed}"),
            Some(&json!({"completionRate": 77})),
        )
        .await;
    centre
        .wedof("DELETE", &format!("/registrationFolders/{removed}"), None)
        .await;
    let mut new = centre
        .wedof("GET", &format!("/registrationFolders/{noted}"), None)
        .await;
    // another one each time, since the simulated account outlives the test
    let id = format!("9{:013}", std::process::id());
    new["externalId"] = json!(id);
    centre.wedof("POST", "/registrationFolders", Some(&new)).await;

    let status = centre.run_now("changes", "2026-01-01T00:00:00Z").await;
    assert_eq!(counts(&status), (keys.len() as i64, 1, 1, 1, 0), "{status}");
    assert_eq!(status["lastRun"]["trigger"], "Request");

    let after = centre.tab(FOLDERS).await;
    let rate = after.column("completionRate");
    assert_eq!(after.cell(changed, rate), "77");
    assert_eq!(
        after.keys().last().map(String::as_str),
        Some(id.as_str()),
        "a new record comes last"
    );
    assert!(!after.keys().contains(removed));
    assert_eq!(
        (after.cell(noted, own), after.cell(changed, own)),
        ("rappeler lundi", "vu")
    );
    let notes = after
        .rows
        .iter()
        .skip(1)
        .filter(|row| row.get(own).is_some_and(|note| !note.is_empty()))
        .count();
    assert_eq!(notes, 2, "no other row has a note");

    let again = centre.run_now("changes", "2026-01-01T00:00:01Z").await;
    assert_eq!(
        counts(&again),
        (keys.len() as i64, 0, 0, 0, 0),
        "nothing is left to do: {again}"
    );
}

#[tokio::test]
async fn a_removed_record_with_a_persons_note_is_kept_and_marked() {
    let centre = World::connect().await.centre("e2e-kept", 3).await;
    centre
        .apply("kept", json!({"resources": [{"name": "registrationFolders"}]}))
        .await;
    centre.wait_for_success("kept").await;
    let before = centre.tab(FOLDERS).await;
    let keys = before.keys();
    let own = before.header().len();
    centre.begin_column(FOLDERS, own, "Notes").await;
    let row = before.row_of(&keys[4]);
    centre
        .type_into(
            &format!("{FOLDERS}!{}{row}", column_letter(own)),
            "attend sa convention",
        )
        .await;
    centre
        .wedof("DELETE", &format!("/registrationFolders/{}", keys[4]), None)
        .await;

    let status = centre.run_now("kept", "2026-01-01T00:00:00Z").await;

    assert_eq!(counts(&status), (keys.len() as i64 - 1, 0, 0, 0, 1), "{status}");
    let after = centre.tab(FOLDERS).await;
    assert_eq!(after.cell(&keys[4], after.column("Notes")), "attend sa convention");
    assert_ne!(after.cell(&keys[4], after.column("Retiré de Wedof le")), "");
    assert_eq!(after.cell(&keys[5], after.column("Retiré de Wedof le")), "");
}

#[tokio::test]
async fn a_wrong_key_makes_last_run_succeeded_false_and_names_the_secret() {
    let centre = World::connect().await.centre_without_secrets("e2e-wrong-key", 4).await;
    centre.create_secrets("not-the-key").await;
    centre.apply("wrong", json!({})).await;
    let status = centre.wait_for_failure("wrong").await;

    let condition = condition(&status, "LastRunSucceeded");
    let message = condition["message"].as_str().unwrap_or_default();
    assert_eq!(condition["reason"], "WedofKeyRefused", "{status}");
    assert!(
        message.contains("Secret `wedof`") && message.contains("api-key"),
        "names the Secret and its key: {message}"
    );
    assert!(message.contains("Jetons d'API"), "says what to do: {message}");
    assert!(!status.to_string().contains("not-the-key"), "never shows the key");
    assert_eq!(
        (&status["consecutiveFailures"], &status["lastRun"]["attempts"]),
        (&json!(1), &json!(1)),
        "not retried"
    );
    assert_eq!(
        centre.tab_count().await,
        1,
        "nothing was written: only the tab that every new spreadsheet has"
    );
}

#[tokio::test]
async fn a_missing_secret_is_named_and_the_sync_runs_once_it_is_there() {
    let centre = World::connect()
        .await
        .centre_without_secrets("e2e-late-secret", 5)
        .await;
    centre
        .apply("late", json!({"resources": [{"name": "organisms"}]}))
        .await;
    let missing = |status: &Value| status.to_string().contains("Secret `wedof`");
    centre.wait("late", "the missing Secret to be named", missing).await;
    centre.create_secrets(&centre.api_key).await;
    let status = centre.wait_for_success("late").await;
    assert_eq!(status["rows"], 1);
}

#[tokio::test]
async fn a_schedule_starts_a_run_by_itself() {
    let centre = World::connect().await.centre("e2e-schedule", 6).await;
    let changes = json!({"schedule": "* * * * *", "runOnCreate": false, "resources": [{"name": "organisms"}]});
    centre.apply("scheduled", changes).await;
    let status = centre.wait_for_success("scheduled").await;
    assert_eq!(
        (&status["lastRun"]["trigger"], &status["rows"]),
        (&json!("Schedule"), &json!(1)),
        "{status}"
    );
}

#[tokio::test]
async fn deleting_the_object_removes_its_cronjob() {
    let centre = World::connect().await.centre("e2e-deleted", 7).await;
    centre.apply("deleted", json!({"suspend": true})).await;
    centre.wait_until_ready("deleted").await;
    assert_eq!(centre.cronjob_names().await, ["deleted"]);
    centre.delete("deleted").await;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !centre.cronjob_names().await.is_empty() {
        assert!(std::time::Instant::now() < deadline, "the CronJob is still there");
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
}

#[tokio::test]
async fn the_operator_asks_for_no_secret_and_for_nothing_that_its_rights_lack() {
    let Ok(log) = std::env::var("WSS_AUDIT_LOG") else {
        panic!("WSS_AUDIT_LOG names the API server's audit log; tests/cluster/cluster env sets it");
    };
    let centre = World::connect().await.centre("e2e-audit", 8).await;
    centre
        .apply("audited", json!({"resources": [{"name": "organisms"}]}))
        .await;
    centre.wait_for_success("audited").await;
    centre.delete("audited").await;

    let mut asked = 0;
    for line in std::fs::read_to_string(&log)
        .expect("the audit log can be read")
        .lines()
    {
        let Ok(event) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        if event["user"]["username"] != "system:serviceaccount:wss-system:wedof-sheet-sync" {
            continue;
        }
        asked += 1;
        assert_ne!(event["objectRef"]["resource"], "secrets", "{event}");
        // refusals that are no lack of rights: a namespace that is going away takes nothing new
        let refused = event["responseStatus"]["code"] == 403;
        let going = event["responseStatus"]["message"]
            .as_str()
            .is_some_and(|why| why.contains("being terminated"));
        assert!(!refused || going, "{event}");
    }
    assert!(asked > 0, "the operator is in the audit log");
}
