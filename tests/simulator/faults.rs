//! Faults ordered over HTTP.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::Simulator;

async fn order_wedof(simulator: &Simulator, faults: Value) {
    let reply = simulator.wedof_admin(Method::POST, "_faults", Some(&faults)).await;
    assert_eq!(reply.status, 204);
}

async fn order_sheets(simulator: &Simulator, faults: Value) {
    let reply = simulator.google_admin(Method::POST, "_faults", Some(&faults)).await;
    assert_eq!(reply.status, 204);
}

#[tokio::test]
async fn a_fault_answers_its_page_so_many_times_and_then_the_truth_comes_back() {
    let simulator = Simulator::start().await;
    let fault = json!({
        "method": "GET", "path": "/api/registrationFolders", "page": 2, "times": 2,
        "answer": {"status": 503, "headers": {"Retry-After": "3"}, "body": {"detail": "later"}},
    });
    order_wedof(&simulator, fault).await;
    let mut statuses = Vec::new();
    for page in [1, 2, 2, 2] {
        let reply = simulator
            .wedof(&format!("registrationFolders?limit=5&page={page}"))
            .await;
        if reply.status == 503 {
            assert_eq!(reply.headers["retry-after"], "3");
            assert_eq!(reply.json, json!({"detail": "later"}));
        }
        statuses.push(reply.status.as_u16());
    }
    assert_eq!(statuses, [200, 503, 503, 200]);
}

#[tokio::test]
async fn only_the_nth_matching_request_is_hit_and_what_waits_can_be_seen_and_cleared() {
    let simulator = Simulator::start().await;
    order_wedof(&simulator, json!({"nth": 2, "answer": {"status": 429, "body": ""}})).await;
    order_wedof(&simulator, json!([{"path": "/api/nothing", "answer": {"status": 500}}])).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(simulator.wedof("organisms/me").await.status.as_u16());
    }
    assert_eq!(statuses, [200, 429, 200]);
    let left = simulator.wedof_admin(Method::GET, "_faults", None).await.json;
    assert_eq!(left[0]["path"], "/api/nothing");
    assert_eq!(simulator.wedof_admin(Method::DELETE, "_faults", None).await.status, 204);
    assert_eq!(
        simulator.wedof_admin(Method::GET, "_faults", None).await.json,
        json!([])
    );
}

#[tokio::test]
async fn headers_of_the_true_answer_can_be_changed_or_taken_away() {
    let simulator = Simulator::start().await;
    let headers = json!({"x-total-count": null, "x-item-per-page": "50"});
    order_wedof(&simulator, json!({"answer": {"headers": headers}})).await;
    let reply = simulator.wedof("registrationFolders").await;
    assert_eq!(reply.json.as_array().unwrap().len(), 12);
    assert!(!reply.headers.contains_key("x-total-count"));
    assert_eq!(reply.headers["x-item-per-page"], "50");
}

#[tokio::test]
async fn a_cut_body_ends_before_the_length_that_was_announced() {
    let simulator = Simulator::start().await;
    order_wedof(&simulator, json!({"answer": {"cut": 100}})).await;
    let response = simulator.wedof_request("registrationFolders").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.content_length().unwrap() > 10_000);
    let mut response = response;
    let mut received = 0;
    let error = loop {
        match response.chunk().await {
            Ok(Some(bytes)) => received += bytes.len(),
            Ok(None) => panic!("the body ended in order"),
            Err(error) => break error,
        }
    };
    assert!(error.is_body() || error.is_decode(), "{error:?}");
    assert_eq!(received, 100);
}

fn is_reset(error: &reqwest::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return io.kind() == std::io::ErrorKind::ConnectionReset;
        }
        source = error.source();
    }
    false
}

#[tokio::test]
async fn a_connection_reset_before_applies_nothing_and_one_after_applies_everything() {
    let simulator = Simulator::start().await;
    for (when, sheets) in [("before", 1), ("after", 2)] {
        order_sheets(&simulator, json!({"path": "*:batchUpdate", "answer": {"reset": when}})).await;
        let url = format!(
            "{}v4/spreadsheets/{}:batchUpdate",
            simulator.running.sheets_url,
            simulator.tenant().spreadsheet_id
        );
        let token = simulator.token_of(0, crate::support::SCOPE).await;
        let body = json!({"requests": [{"addSheet": {}}]});
        let error = simulator
            .http
            .post(url)
            .bearer_auth(token)
            .json(&body)
            .send()
            .await
            .unwrap_err();
        assert!(is_reset(&error), "{error:?}");
        assert_eq!(simulator.state()["sheets"].as_array().unwrap().len(), sheets, "{when}");
    }
}

#[tokio::test]
async fn an_answer_can_be_lost_though_the_request_was_applied() {
    let simulator = Simulator::start().await;
    let answer = json!({"status": 502, "body": "<html>Bad Gateway</html>", "apply": true});
    order_sheets(&simulator, json!({"path": "*:batchUpdate", "answer": answer})).await;
    let reply = simulator
        .batch(json!([{"addSheet": {"properties": {"title": "landed"}}}]))
        .await;
    assert_eq!((reply.status.as_u16(), reply.json), (502, Value::Null));
    assert_eq!(simulator.state()["sheets"][1]["properties"]["title"], "landed");

    let answer = json!({"status": 500, "body": {"error": {"code": 500, "message": "Internal error encountered.", "status": "INTERNAL"}}});
    order_sheets(&simulator, json!({"path": "*:batchUpdate", "answer": answer})).await;
    let reply = simulator.batch(json!([{"addSheet": {}}])).await;
    assert_eq!(reply.message(), "Internal error encountered.");
    assert_eq!(simulator.state()["sheets"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_answer_can_come_late() {
    let simulator = Simulator::start().await;
    order_wedof(&simulator, json!({"answer": {"delayMs": 300}})).await;
    let start = Instant::now();
    assert_eq!(simulator.wedof("organisms/me").await.status, 200);
    assert!(start.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn an_order_that_is_not_understood_is_refused_with_the_reason() {
    let simulator = Simulator::start().await;
    let reply = simulator
        .wedof_admin(Method::POST, "_faults", Some(&json!({"pth": "/", "answer": {}})))
        .await;
    assert_eq!(reply.status, 400);
}

#[tokio::test]
async fn requests_are_counted_by_kind_and_quota_even_if_a_fault_answers() {
    let simulator = Simulator::start().await;
    simulator.google_admin(Method::DELETE, "_requests", None).await;
    order_sheets(&simulator, json!({"answer": {"status": 503}})).await;
    simulator.batch(json!([{"addSheet": {}}])).await;
    simulator.batch(json!([{"addSheet": {}}])).await;
    simulator.get("").await;
    simulator.get("/values/A1").await;
    simulator.token_of(0, crate::support::SCOPE).await;
    let mut counts = simulator.google_admin(Method::GET, "_requests", None).await.json;
    let bytes = counts.as_object_mut().and_then(|counts| counts.remove("bytes"));
    assert!(
        bytes.and_then(|bytes| bytes.as_u64()).is_some_and(|bytes| bytes > 0),
        "of bodies"
    );
    let kinds = json!({"spreadsheets.batchUpdate": 2, "spreadsheets.get": 1, "values.get": 1, "token": 1});
    assert_eq!(counts, json!({"total": 5, "reads": 2, "writes": 2, "byKind": kinds}));

    simulator.wedof("registrationFolders?page=1").await;
    simulator.wedof("registrationFolders/19").await;
    simulator.wedof("organisms/me").await;
    let counts = simulator.wedof_admin(Method::GET, "_requests", None).await.json;
    let kinds =
        json!({"GET /api/registrationFolders": 1, "GET /api/registrationFolders/{id}": 1, "GET /api/organisms/me": 1});
    assert_eq!(counts["byKind"], kinds);
}

#[tokio::test]
async fn connections_are_refused_for_a_while_and_then_taken_at_the_same_address() {
    let simulator = Simulator::start().await;
    order_wedof(&simulator, json!({"answer": {"thenRefuseMs": 300}})).await;
    let began = Instant::now();
    assert_eq!(simulator.wedof("organisms/me").await.status, 200);
    let refused = simulator.wedof_request("organisms/me").send().await.unwrap_err();
    assert!(refused.is_connect(), "{refused:?}");
    while simulator.wedof_request("organisms/me").send().await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(began.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_moment_that_was_kept_comes_back() {
    let simulator = Simulator::start().await;
    let moment = simulator.running.keep();
    let (state, folders) = (simulator.state(), simulator.wedof("registrationFolders").await.json);
    simulator.batch(json!([{"addSheet": {}}])).await;
    let id = folders[0]["externalId"].as_str().unwrap();
    simulator
        .wedof_admin(Method::DELETE, &format!("_wedof/0/registrationFolders/{id}"), None)
        .await;
    assert_ne!(simulator.state()["sheets"], state["sheets"]);
    simulator.running.put_back(&moment);
    assert_eq!(simulator.state()["sheets"], state["sheets"]);
    assert_eq!(simulator.wedof("registrationFolders").await.json, folders);
}
