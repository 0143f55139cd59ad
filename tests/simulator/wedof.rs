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
    let total = async |query: &[(&str, &str)]| {
        let answer = reply(simulator.wedof_request("registrationFolders").query(query)).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
        answer.headers["x-total-count"]
            .to_str()
            .unwrap()
            .parse::<usize>()
            .unwrap()
    };
    let far = "2100-01-01T00:00:00+01:00";
    assert_eq!(
        total(&[("period", "custom"), ("since", middle), ("until", far)]).await,
        51
    );
    let long_ago = "2000-01-01T00:00:00Z";
    assert_eq!(
        total(&[("period", "custom"), ("since", long_ago), ("until", middle)]).await,
        50
    );
    // without the period they say nothing
    assert_eq!(total(&[("since", middle)]).await, 100);
}

#[tokio::test]
async fn folders_are_found_by_what_they_belong_to() {
    let simulator = folders(100).await;
    let all = simulator.wedof("registrationFolders").await.json;
    let folders = all.as_array().unwrap();
    let total = async |resource: &str, query: &[(&str, &str)]| {
        let answer = reply(simulator.wedof_request(resource).query(query)).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
        answer.headers["x-total-count"]
            .to_str()
            .unwrap()
            .parse::<usize>()
            .unwrap()
    };
    let count = |holds: &dyn Fn(&Value) -> bool| folders.iter().filter(|folder| holds(folder)).count();
    let info = &folders[0]["trainingActionInfo"];
    for name in ["sessionId", "trainingActionId"] {
        let wanted = info[name].as_str().unwrap();
        let expected = count(&|folder| folder["trainingActionInfo"][name] == wanted);
        assert_eq!(
            total("registrationFolders", &[(name, wanted)]).await,
            expected,
            "{name}"
        );
    }
    let training = info["trainingActionId"].as_str().unwrap().split('/').next().unwrap();
    let expected = count(&|folder| folder["trainingActionInfo"]["title"] == info["title"]);
    assert_eq!(
        total("registrationFolders", &[("trainingId", training)]).await,
        expected
    );
    let full = count(&|folder| folder["completionRate"] == 100);
    assert_eq!(total("registrationFolders", &[("completionRate", "100")]).await, full);
    let own = info["sessionId"].as_str().unwrap().split('_').next().unwrap();
    assert_eq!(total("registrationFolders", &[("siret", own)]).await, 100);
    assert_eq!(total("registrationFolders", &[("siret", "00000000000000")]).await, 0);

    let certified = simulator.wedof("certificationFolders").await.json;
    let certified = certified.as_array().unwrap();
    let passed = certified.iter().filter(|folder| folder["state"] == "success").count();
    assert!(passed > 0);
    assert_eq!(
        total("registrationFolders", &[("certificationFolderState", "success")]).await,
        passed
    );
    let billed = |folder: &Value| !folder["history"]["billedDate"].is_null();
    let linked: Vec<&Value> = certified
        .iter()
        .map(|folder| &folder["_links"]["registrationFolder"]["externalId"])
        .collect();
    let expected = count(&|folder| linked.contains(&&folder["externalId"]) && billed(folder));
    let period = [
        ("period", "custom"),
        ("since", "2000-01-01T00:00:00Z"),
        ("until", "2100-01-01T00:00:00Z"),
        ("filterOnStateDate", "billedRegistrationFolderStateDate"),
    ];
    assert_eq!(total("certificationFolders", &period).await, expected);
}

#[tokio::test]
async fn periods_count_from_the_day_that_was_set() {
    let simulator = folders(100).await;
    let all = simulator.wedof("registrationFolders").await.json;
    let day = &all[50]["lastUpdate"].as_str().unwrap()[..10];
    simulator
        .wedof_admin(Method::PATCH, "_settings", Some(&json!({"today": day})))
        .await;
    let found = simulator.wedof("registrationFolders?period=currentMonth").await.json;
    let found = found.as_array().unwrap();
    assert!(!found.is_empty() && found.len() < 100);
    for folder in found {
        // months end in Paris: a folder of the last hours may bear the date of the month before
        let at: jiff::Timestamp = folder["lastUpdate"].as_str().unwrap().parse().unwrap();
        let paris = at.in_tz("Europe/Paris").unwrap();
        assert_eq!(paris.strftime("%Y-%m").to_string(), day[..7]);
    }
}

#[tokio::test]
async fn the_records_of_an_account_agree_with_each_other() {
    let simulator = folders(48).await;
    let list = async |path: &str| simulator.wedof(path).await.json.as_array().unwrap().clone();
    let all = list("registrationFolders").await;
    let ids = |records: &[Value], name: &str| -> HashSet<String> {
        records.iter().map(|record| record[name].to_string()).collect()
    };
    let (sessions, actions) = (list("sessions").await, list("trainingActions").await);
    let (trainings, attendees) = (list("trainings").await, list("attendees").await);
    let named = |path: &str| -> HashSet<String> {
        all.iter()
            .map(|folder| folder.pointer(path).unwrap().to_string())
            .collect()
    };
    assert_eq!(ids(&sessions, "externalId"), named("/trainingActionInfo/sessionId"));
    assert_eq!(ids(&actions, "externalId"), named("/trainingActionInfo/externalId"));
    assert_eq!(ids(&attendees, "id"), named("/attendee/id"));
    assert!(
        attendees.len() < all.len() && sessions.len() < all.len() / 5,
        "people come back, sessions are shared"
    );
    for action in &actions {
        assert!(ids(&trainings, "externalId").contains(&action["trainingId"].to_string()));
    }
    for folder in &all {
        let session = folder["trainingActionInfo"]["sessionId"].as_str().unwrap();
        let session = simulator.wedof(&format!("sessions/{session}")).await.json;
        assert_eq!(session["startDate"], folder["trainingActionInfo"]["sessionStartDate"]);
        let email = folder["attendee"]["email"].as_str().unwrap();
        let attendee = simulator.wedof(&format!("attendees/{email}")).await.json;
        for (name, value) in folder["attendee"].as_object().unwrap() {
            assert_eq!(attendee[name], *value, "{name}");
        }
        let link = folder["_links"]["payments"]["href"].as_str().unwrap();
        let payments = list(link.strip_prefix("/api/").unwrap()).await;
        let paid: f64 = payments.iter().map(|payment| payment["amount"].as_f64().unwrap()).sum();
        match folder["billingState"].as_str().unwrap() {
            "notBillable" | "depositWait" => assert_eq!(paid, 0.0),
            "billed" | "paid" => assert!((paid - folder["amountToInvoice"].as_f64().unwrap()).abs() < 0.001),
            _ => assert_eq!(payments[0]["type"], "deposit"),
        }
        for link in ["activities", "session", "trainingAction"] {
            let path = folder["_links"][link]["href"]
                .as_str()
                .unwrap()
                .strip_prefix("/api/")
                .unwrap();
            assert_eq!(simulator.wedof(path).await.status, 200, "{path}");
        }
    }
    for certified in list("certificationFolders").await {
        let link = &certified["_links"]["registrationFolder"];
        let folder = all
            .iter()
            .find(|folder| folder["externalId"] == link["externalId"])
            .unwrap();
        assert_eq!(link["state"], folder["state"]);
        assert_eq!(certified["attendee"]["email"], folder["attendee"]["email"]);
        let number = certified["id"].to_string();
        assert_eq!(
            simulator.wedof(&format!("certificationFolders/{number}")).await.json,
            certified
        );
        let activities = certified["_links"]["activities"]["href"].as_str().unwrap();
        assert_eq!(
            simulator.wedof(activities.strip_prefix("/api/").unwrap()).await.status,
            200
        );
    }
    for survey in list("surveys").await {
        let id = survey["_links"]["certificationFolder"]["externalId"].as_str().unwrap();
        assert_eq!(simulator.wedof(&format!("surveys/{id}")).await.json, survey);
        assert_eq!(
            simulator.wedof(&format!("certificationFolders/{id}")).await.json["state"],
            "success"
        );
    }
    for contract in list("workingContracts").await {
        let id = contract["_links"]["registrationFolder"]["externalId"].as_str().unwrap();
        let folder = simulator.wedof(&format!("registrationFolders/{id}")).await.json;
        assert_eq!(folder["type"], "opcoCfa");
    }
    for training in trainings {
        let certif_info = training["certifInfo"].as_str().unwrap();
        let partners = list(&format!("certifications/{certif_info}/partners?sort=name&order=asc")).await;
        let names: Vec<&str> = partners
            .iter()
            .map(|partner| partner["name"].as_str().unwrap())
            .collect();
        assert!(names.is_sorted() && names.len() > 2);
    }
}

#[tokio::test]
async fn what_hangs_on_folders_follows_when_a_test_changes_them() {
    let simulator = folders(5).await;
    let folder = simulator.wedof("registrationFolders").await.json[0].clone();
    let id = folder["externalId"].as_str().unwrap();
    let patch = json!({"attendee": {"lastName": "Autre"}, "billingState": "paid", "amountToInvoice": 100});
    simulator
        .wedof_admin(
            Method::PATCH,
            &format!("_wedof/0/registrationFolders/{id}"),
            Some(&patch),
        )
        .await;
    let email = folder["attendee"]["email"].as_str().unwrap();
    assert_eq!(
        simulator.wedof(&format!("attendees/{email}")).await.json["lastName"],
        "Autre"
    );
    let payments = simulator
        .wedof(&format!("payments?registrationFolderId={id}"))
        .await
        .json;
    assert_eq!(
        (&payments[0]["amount"], &payments[1]["amount"]),
        (&json!(25), &json!(75))
    );
    let only = simulator
        .wedof(&format!("payments?registrationFolderId={id}&type=deposit"))
        .await;
    assert_eq!(
        (only.json.as_array().unwrap().len(), &only.headers["x-total-count"]),
        (1, &"1".parse().unwrap())
    );
}

#[tokio::test]
async fn the_openapi_document_lists_exactly_what_is_served() {
    let simulator = folders(8).await;
    let url = format!("{}/doc.json", simulator.running.wedof_url);
    let document = reply(simulator.http.get(&url)).await.json;
    let folder = simulator.wedof("registrationFolders").await.json[0].clone();
    let certified = simulator.wedof("certificationFolders?state=success").await.json[0].clone();
    let siret = folder["_links"]["organism"]["siret"].as_str().unwrap();
    let info = &folder["trainingActionInfo"];
    for path in document["paths"].as_object().unwrap().keys() {
        let path = path.strip_prefix("/api/").unwrap();
        let known = [
            ("registrationFolders/{externalId}", &folder["externalId"]),
            ("certificationFolders/{externalId}", &certified["externalId"]),
            ("surveys/{certificationFolderExternalId}", &certified["externalId"]),
            ("attendees/{email}", &folder["attendee"]["email"]),
            ("sessions/{externalId}", &info["sessionId"]),
            ("trainingActions/{externalId}", &info["externalId"]),
            ("{certifInfo}", &folder["_links"]["certification"]["certifInfo"]),
            ("{siret}", &json!(siret)),
            ("{code}", &json!("RS5695")),
            (
                "{entityClass}/{entityId}",
                &json!(format!("RegistrationFolder/{}", folder["externalId"].as_str().unwrap())),
            ),
        ];
        let mut real = path.to_owned();
        for (pattern, value) in known {
            let (fixed, _) = pattern.split_at(pattern.find('{').unwrap());
            real = real.replace(pattern, &format!("{fixed}{}", value.as_str().unwrap()));
        }
        if real.contains('{') {
            // trainings and working contracts: any of the list
            let list = simulator.wedof(real.split('/').next().unwrap()).await.json;
            let Some(first) = list.as_array().unwrap().first() else {
                continue;
            };
            let id = first.get("externalId").unwrap_or(&first["id"]);
            let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
            real = format!("{}/{id}", real.split('/').next().unwrap());
        }
        let status = simulator.wedof(&real).await.status;
        assert!(status != 404 && status != 405, "{real}: {status}");
    }
    for path in ["activities", "invoices", "evaluations", "webhooks"] {
        assert!(document["paths"].get(format!("/api/{path}")).is_none());
        assert_eq!(simulator.wedof(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn wedof_misbehaves_as_it_was_told() {
    let simulator = folders(25).await;
    let set = async |settings: Value| {
        let answer = simulator.wedof_admin(Method::PUT, "_settings", Some(&settings)).await;
        assert_eq!(answer.status, 200);
    };
    let path = |page: usize| format!("registrationFolders?limit=10&sort=id&order=asc&page={page}");
    let lengths = async || {
        let mut lengths = Vec::new();
        for page in 1..=3 {
            lengths.push(simulator.wedof(&path(page)).await.json.as_array().unwrap().len());
        }
        lengths
    };
    let total = async || {
        let headers = simulator.wedof(&path(1)).await.headers;
        headers
            .get("x-total-count")
            .map(|total| total.to_str().unwrap().to_owned())
    };
    set(json!({"maxLimit": 5})).await;
    assert_eq!(lengths().await, [5, 5, 5]);
    set(json!({"shortPages": {"2": 1}})).await;
    assert_eq!(lengths().await, [10, 9, 6]);
    set(json!({"ignorePage": true})).await;
    assert_eq!(
        simulator.wedof(&path(3)).await.json,
        simulator.wedof(&path(1)).await.json
    );
    for (setting, said) in [
        (json!("missing"), None),
        (json!("page"), Some("10")),
        (json!(0), Some("0")),
        (json!("true"), Some("25")),
    ] {
        set(json!({"total": setting})).await;
        assert_eq!(total().await.as_deref(), said);
    }
    set(json!({"pageHeaders": false})).await;
    assert!(!simulator.wedof(&path(1)).await.headers.contains_key("x-item-per-page"));
    set(json!({"refused": {"attendees": 403, "registrationFolders/{externalId}/files": 404}})).await;
    assert_eq!(simulator.wedof("attendees").await.status, 403);
    assert_eq!(simulator.wedof("attendees/x@example.org").await.status, 404);
    let id = simulator.wedof(&path(1)).await.json[0]["externalId"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        simulator.wedof(&format!("registrationFolders/{id}/files")).await.status,
        404
    );
    let wrong = simulator
        .wedof_admin(Method::PUT, "_settings", Some(&json!({"maxlimit": 5})))
        .await;
    assert!(wrong.status.is_client_error(), "a misspelt setting must not be lost");
}

#[tokio::test]
async fn too_many_requests_in_a_minute_are_told_when_to_come_again() {
    let simulator = Simulator::start().await;
    for (form, is_it) in [("seconds", true), ("date", false)] {
        let settings = json!({"requestsPerMinute": 2, "retryAfter": form});
        simulator.wedof_admin(Method::PUT, "_settings", Some(&settings)).await;
        while simulator.wedof("users/me").await.status != 429 {}
        let answer = simulator.wedof("users/me").await;
        let after = answer.headers["retry-after"].to_str().unwrap();
        assert_eq!(after.parse::<u64>().is_ok(), is_it, "{after}");
        assert!(answer.json["detail"].is_string());
    }
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
        ("users", 403),
        ("users?siret=00000000000000", 403),
        ("payments", 400),
        ("payments?registrationFolderId=nothing", 404),
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
    let users = simulator.wedof(&format!("users?siret={siret}")).await.json;
    assert_eq!(users[0], simulator.wedof("users/me").await.json);
    assert!(users.as_array().unwrap().len() > 1);
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
