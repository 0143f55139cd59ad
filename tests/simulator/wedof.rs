//! Wedof's API as its clients see it.

use std::collections::HashSet;

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use wedof_sheet_sync::simulator::Options;

use crate::support::{Simulator, reply};

async fn folders(count: usize) -> Simulator {
    Simulator::with(Options {
        folders: count,
        ..Options::default()
    })
    .await
}

#[tokio::test]
async fn pages_with_their_headers_hold_every_record_once() {
    let simulator = folders(250).await;
    let mut ids = Vec::new();
    for (page, expected) in [(1, 100), (2, 100), (3, 50), (4, 0)] {
        let reply = simulator
            .wedof(&format!("registrationFolders?page={page}&limit=100&sort=id&order=asc"))
            .await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.headers["x-total-count"], "250");
        assert_eq!(reply.headers["x-current-page"], page.to_string());
        assert_eq!(reply.headers["x-item-per-page"], "100");
        let records = reply.json.as_array().unwrap().clone();
        assert_eq!(records.len(), expected);
        ids.extend(
            records
                .iter()
                .map(|record| record["externalId"].as_str().unwrap().to_owned()),
        );
    }
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 250);
}

#[tokio::test]
async fn a_limit_above_100_gives_100_and_says_so() {
    let simulator = folders(120).await;
    let reply = simulator.wedof("registrationFolders/?limit=1000").await;
    assert_eq!(reply.json.as_array().unwrap().len(), 100);
    assert_eq!(reply.headers["x-item-per-page"], "100");
}

#[tokio::test]
async fn records_come_last_changed_first_unless_asked_otherwise() {
    let simulator = folders(40).await;
    let times = |records: &Value| -> Vec<String> {
        records
            .as_array()
            .unwrap()
            .iter()
            .map(|record| record["lastUpdate"].as_str().unwrap().to_owned())
            .collect()
    };
    let default = times(&simulator.wedof("registrationFolders").await.json);
    assert!(default.is_sorted_by(|a, b| a >= b));
    let ascending = times(
        &simulator
            .wedof("registrationFolders?sort=lastUpdate&order=asc")
            .await
            .json,
    );
    assert!(ascending.is_sorted());
}

#[tokio::test]
async fn filters_choose_by_state_text_and_time() {
    let simulator = folders(100).await;
    let all = simulator.wedof("registrationFolders").await.json;
    let states = simulator
        .wedof("registrationFolders?state=accepted,inTraining")
        .await
        .json;
    let states: HashSet<_> = states
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["state"].to_string())
        .collect();
    assert_eq!(
        states,
        HashSet::from(["\"accepted\"".to_owned(), "\"inTraining\"".to_owned()])
    );
    let name = all[0]["attendee"]["lastName"].as_str().unwrap();
    let mut request = simulator.wedof_request("registrationFolders");
    request = request.query(&[("query", name)]);
    let found = reply(request).await.json;
    assert!(!found.as_array().unwrap().is_empty() && found.as_array().unwrap().len() < 100);
    let middle = all[50]["lastUpdate"].as_str().unwrap();
    let since = reply(
        simulator
            .wedof_request("registrationFolders")
            .query(&[("since", middle)]),
    )
    .await;
    assert_eq!(since.headers["x-total-count"], "51");
    let until = reply(
        simulator
            .wedof_request("registrationFolders")
            .query(&[("until", middle)]),
    )
    .await;
    assert_eq!(until.headers["x-total-count"], "50");
}

#[rstest]
#[case("registrationFolders?state=nonsense", "state")]
#[case("registrationFolders?type=cpf,nonsense", "type")]
#[case("registrationFolders?billingState=nonsense", "billingState")]
#[case("registrationFolders?page=0", "page")]
#[case("registrationFolders?limit=many", "limit")]
#[case("registrationFolders?sort=nonsense", "sort")]
#[case("certificationFolders?state=accepted", "state")]
#[tokio::test]
async fn a_value_that_wedof_does_not_know_is_a_violation(#[case] path: &str, #[case] parameter: &str) {
    let simulator = Simulator::start().await;
    let reply = simulator.wedof(path).await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json["violations"][0]["propertyPath"], parameter);
    assert!(reply.json["detail"].is_string());
}

#[tokio::test]
async fn a_missing_or_wrong_key_is_401_and_what_the_account_lacks_is_403_or_404() {
    let simulator = Simulator::start().await;
    let url = format!("{}/registrationFolders", simulator.running.wedof_url);
    assert_eq!(reply(simulator.http.get(&url)).await.status, 401);
    assert_eq!(
        reply(simulator.http.get(&url).header("X-Api-Key", "wrong"))
            .await
            .status,
        401
    );
    for (path, status) in [
        ("organisms", 403),
        ("attendees", 403),
        ("trainings", 403),
        ("sessions", 403),
        ("users", 403),
        ("payments", 403),
        ("activities", 404),
        ("invoices", 404),
        ("evaluations", 404),
        ("registrationFolders/nothing", 404),
        ("users/me", 200),
        ("organisms/me", 200),
    ] {
        let reply = simulator.wedof(path).await;
        assert_eq!(reply.status, status, "{path}");
        assert!(status == 200 || reply.json["detail"].is_string(), "{path}");
    }
    let post = simulator
        .http
        .post(&url)
        .header("X-Api-Key", &simulator.tenant().api_key);
    assert_eq!(reply(post).await.status, 405);
}

#[tokio::test]
async fn the_account_knows_itself_and_its_single_records() {
    let simulator = Simulator::start().await;
    let me = simulator.wedof("organisms/me").await.json;
    let siret = me["siret"].as_str().unwrap();
    assert_eq!(siret.len(), 14);
    assert_eq!(simulator.wedof(&format!("organisms/{siret}")).await.json, me);
    assert_eq!(
        simulator.wedof("users/me").await.json["_links"]["mainOrganism"]["siret"],
        siret
    );
    let folder = &simulator.wedof("registrationFolders").await.json[0];
    let id = folder["externalId"].as_str().unwrap();
    assert_eq!(
        simulator.wedof(&format!("registrationFolders/{id}")).await.json,
        *folder
    );
    assert_eq!(
        simulator.wedof(&format!("registrationFolders/{id}/files")).await.json,
        folder["files"]
    );
}

#[tokio::test]
async fn the_same_seed_gives_the_same_account_and_tenants_differ() {
    let options = || Options {
        folders: 20,
        seed: 9,
        tenants: 2,
        ..Options::default()
    };
    let (first, second) = (Simulator::with(options()).await, Simulator::with(options()).await);
    let list = |simulator: &Simulator, tenant: usize| {
        let url = format!("{}/registrationFolders", simulator.running.wedof_url);
        reply(
            simulator
                .http
                .get(url)
                .header("x-api-key", &simulator.running.tenants[tenant].api_key),
        )
    };
    assert_eq!(list(&first, 0).await.json, list(&second, 0).await.json);
    assert_ne!(list(&first, 0).await.json, list(&first, 1).await.json);
    assert_eq!(first.tenant().spreadsheet_id, second.tenant().spreadsheet_id);
    assert_ne!(first.tenant().spreadsheet_id, first.running.tenants[1].spreadsheet_id);
}

#[tokio::test]
async fn a_test_adds_changes_and_removes_records() {
    let simulator = Simulator::start().await;
    let list = "_wedof/0/registrationFolders";
    let added = simulator
        .wedof_admin(Method::POST, list, Some(&json!({"state": "accepted"})))
        .await;
    assert_eq!((added.status.as_u16(), &added.json["state"]), (201, &json!("accepted")));
    assert!(added.json["attendee"]["lastName"].is_string());
    let id = added.json["externalId"].as_str().unwrap();
    let patch = json!({"state": "inTraining", "attendee": {"lastName": "Autre"}, "notes": null});
    let path = format!("{list}/{id}");
    simulator.wedof_admin(Method::PATCH, &path, Some(&patch)).await;
    // changed last, it comes first
    let changed = simulator.wedof("registrationFolders?limit=1").await.json[0].clone();
    assert_eq!(changed["externalId"], id);
    assert_eq!(
        (&changed["state"], &changed["attendee"]["lastName"]),
        (&json!("inTraining"), &json!("Autre"))
    );
    assert_eq!(changed["attendee"]["firstName"], added.json["attendee"]["firstName"]);
    assert!(changed.get("notes").is_none());
    simulator
        .wedof_admin(
            Method::PUT,
            &path,
            Some(&json!({"externalId": id, "state": "accepted"})),
        )
        .await;
    assert_eq!(
        simulator.wedof(&format!("registrationFolders/{id}")).await.json,
        json!({"externalId": id, "state": "accepted"})
    );
    assert_eq!(simulator.wedof_admin(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(simulator.wedof(&format!("registrationFolders/{id}")).await.status, 404);
    assert_eq!(
        simulator
            .wedof_admin(Method::GET, list, None)
            .await
            .json
            .as_array()
            .unwrap()
            .len(),
        12
    );
    let organism = simulator
        .wedof_admin(Method::PATCH, "_wedof/0/organisms/me", Some(&json!({"name": "Neuf"})))
        .await;
    assert_eq!(organism.status, 200);
    assert_eq!(simulator.wedof("organisms/me").await.json["name"], "Neuf");
}

#[tokio::test]
async fn a_data_set_takes_the_place_of_what_is_generated() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("registrationFolders.json"),
        r#"[{"externalId": "1", "odd": [1, {"a": null}]}]"#,
    )
    .unwrap();
    std::fs::write(folder.path().join("sessions.json"), r#"[{"id": 4}, {"id": 5}]"#).unwrap();
    let options = Options {
        dataset: Some(folder.path().to_owned()),
        ..Options::default()
    };
    let simulator = Simulator::with(options).await;
    assert_eq!(
        simulator.wedof("registrationFolders").await.json,
        json!([{"externalId": "1", "odd": [1, {"a": null}]}])
    );
    assert_eq!(simulator.wedof("sessions").await.headers["x-total-count"], "2");
    assert_eq!(simulator.wedof("sessions/5").await.json, json!({"id": 5}));

    std::fs::write(folder.path().join("users.json"), "{}").unwrap();
    let options = Options {
        dataset: Some(folder.path().to_owned()),
        ..Options::default()
    };
    let error = wedof_sheet_sync::simulator::start(options)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("users.json") && error.contains("array"), "{error}");
}
