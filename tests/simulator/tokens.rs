//! Google's token endpoint, and what a token opens.

use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use google_sheets4::{Sheets, api::Scope};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use wedof_sheet_sync::simulator::Options;

use crate::support::{SCOPE, Simulator, assertion, reply, signed};

#[tokio::test]
async fn an_assertion_signed_with_the_key_file_gives_a_bearer_token() {
    let simulator = Simulator::start().await;
    let key: Value = serde_json::from_str(&simulator.tenant().credentials).unwrap();
    let claims = claims(&simulator, &json!({"iat": -5, "exp": 3595}));
    // yup-oauth2 pads its base64url, other libraries do not
    for engine in [URL_SAFE, URL_SAFE_NO_PAD] {
        let reply = simulator
            .ask_token(&signed(&engine, key["private_key"].as_str().unwrap(), &claims))
            .await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.json["token_type"], "Bearer");
        assert_eq!(reply.json["expires_in"], 3599);
        let token = reply.json["access_token"].as_str().unwrap();
        let read = simulator
            .sheets_as(token, Method::GET, &simulator.tenant().spreadsheet_id, None)
            .await;
        assert_eq!(read.status, 200);
    }
}

#[tokio::test]
async fn googles_own_client_library_gets_through_with_the_key_file() {
    let simulator = Simulator::start().await;
    let key = google_sheets4::yup_oauth2::parse_service_account_key(&simulator.tenant().credentials).unwrap();
    let connector = HttpConnector::new();
    let auth = google_sheets4::yup_oauth2::ServiceAccountAuthenticator::with_client(
        key,
        google_sheets4::yup_oauth2::CustomHyperClientBuilder::from(
            Client::builder(TokioExecutor::new()).build(connector.clone()),
        ),
    );
    let mut hub = Sheets::new(
        Client::builder(TokioExecutor::new()).build(connector),
        auth.build().await.unwrap(),
    );
    hub.base_url(simulator.running.sheets_url.clone());
    let call = hub
        .spreadsheets()
        .get(&simulator.tenant().spreadsheet_id)
        .add_scope(Scope::Spreadsheet);
    let (_, spreadsheet) = call.doit().await.unwrap();
    let title = spreadsheet.sheets.unwrap().remove(0).properties.unwrap().title;
    assert_eq!(title.as_deref(), Some("Sheet1"));
}

/// The claims of a good assertion, changed.
fn claims(simulator: &Simulator, change: &Value) -> Value {
    let key: Value = serde_json::from_str(&simulator.tenant().credentials).unwrap();
    let now = jiff::Timestamp::now().as_second();
    let mut claims =
        json!({"iss": key["client_email"], "aud": key["token_uri"], "scope": SCOPE, "iat": now, "exp": now + 3595});
    for (name, value) in change.as_object().unwrap() {
        claims[name] = match value.as_i64() {
            Some(seconds) => json!(now + seconds),
            None => value.clone(),
        };
    }
    claims
}

const UNREASONABLE: &str = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. \
                            Check your iat and exp values in the JWT claim.";

#[rstest]
#[case::unknown_account(json!({"iss": "nobody@example.org"}), "invalid_grant", "Invalid grant: account not found")]
#[case::expired(json!({"iat": -4000, "exp": -400}), "invalid_grant", UNREASONABLE)]
#[case::too_long(json!({"exp": 3700}), "invalid_grant", UNREASONABLE)]
#[case::from_the_future(json!({"iat": 600, "exp": 4195}), "invalid_grant", UNREASONABLE)]
#[case::no_scope(json!({"scope": ""}), "invalid_scope", "Invalid OAuth scope or ID token audience provided.")]
#[tokio::test]
async fn an_assertion_that_google_would_refuse_is_refused_in_its_words(
    #[case] change: Value,
    #[case] error: &str,
    #[case] description: &str,
) {
    let simulator = Simulator::start().await;
    let key: Value = serde_json::from_str(&simulator.tenant().credentials).unwrap();
    let text = signed(
        &URL_SAFE,
        key["private_key"].as_str().unwrap(),
        &claims(&simulator, &change),
    );
    let reply = simulator.ask_token(&text).await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json, json!({"error": error, "error_description": description}));
}

#[tokio::test]
async fn a_signature_of_another_key_and_another_audience_are_refused() {
    let simulator = Simulator::with(Options {
        tenants: 2,
        folders: 0,
        ..Options::default()
    })
    .await;
    let other: Value = serde_json::from_str(&simulator.running.tenants[1].credentials).unwrap();
    let own: Value = serde_json::from_str(&simulator.tenant().credentials).unwrap();
    let forged = signed(
        &URL_SAFE,
        other["private_key"].as_str().unwrap(),
        &claims(&simulator, &json!({})),
    );
    let reply = simulator.ask_token(&forged).await;
    assert_eq!(reply.json["error_description"], "Invalid JWT Signature.");
    let elsewhere = claims(&simulator, &json!({"aud": "https://token.example.org/"}));
    let reply = simulator
        .ask_token(&signed(&URL_SAFE, own["private_key"].as_str().unwrap(), &elsewhere))
        .await;
    assert_eq!(reply.status, 400);
    assert!(reply.json["error_description"].as_str().unwrap().contains("audience"));
    let reply = simulator.ask_token("no.jwt").await;
    assert_eq!(
        (reply.status.as_u16(), &reply.json["error"]),
        (400, &json!("invalid_grant"))
    );
}

/// Python's google-auth signs for Google's address, whatever token_uri the key file has.
#[tokio::test]
async fn an_assertion_for_googles_own_address_is_taken() {
    let simulator = Simulator::start().await;
    let key: Value = serde_json::from_str(&simulator.tenant().credentials).unwrap();
    let claims = claims(&simulator, &json!({"aud": "https://oauth2.googleapis.com/token"}));
    let assertion = signed(&URL_SAFE_NO_PAD, key["private_key"].as_str().unwrap(), &claims);
    assert_eq!(simulator.ask_token(&assertion).await.status, 200);
}

#[tokio::test]
async fn a_quota_counts_reads_and_writes_of_an_account_apart() {
    let simulator = Simulator::start().await;
    let settings = json!({"quotaPerMinute": 2});
    simulator
        .google_admin(Method::PATCH, "_settings", Some(&settings))
        .await;
    let id = simulator.tenant().spreadsheet_id.clone();
    for status in [200, 200, 429] {
        assert_eq!(simulator.sheets(Method::GET, &id, None).await.status, status);
    }
    for status in [200, 200, 429] {
        assert_eq!(simulator.batch(json!([{"addSheet": {}}])).await.status, status);
    }
    let refused = simulator.batch(json!([{"addSheet": {}}])).await;
    assert!(
        refused.message().starts_with(
            "Quota exceeded for quota metric 'Write requests' and limit 'Write requests per minute per user' of service 'sheets.googleapis.com' for consumer 'project_number:"
        ),
        "{}",
        refused.message()
    );
    let details = &refused.json["error"]["details"][0];
    assert_eq!(
        (
            &refused.json["error"]["status"],
            &details["reason"],
            &details["metadata"]["quota_limit_value"]
        ),
        (&json!("RESOURCE_EXHAUSTED"), &json!("RATE_LIMIT_EXCEEDED"), &json!("2"))
    );
    assert!(!refused.headers.contains_key("retry-after"));
    // settings that are put give the others their default again
    let settings = simulator
        .google_admin(Method::PUT, "_settings", Some(&json!({"tokenLifetimeSeconds": 3})))
        .await;
    assert_eq!(
        (&settings.json["quotaPerMinute"], &settings.json["tokenLifetimeSeconds"]),
        (&Value::Null, &json!(3))
    );
    assert_eq!(simulator.batch(json!([{"addSheet": {}}])).await.status, 200);
}

#[tokio::test]
async fn an_id_can_become_an_office_file_or_another_kind_of_file_and_a_spreadsheet_again() {
    let simulator = Simulator::start().await;
    let id = simulator.tenant().spreadsheet_id.clone();
    for (kind, status, text) in [
        (
            "office",
            "FAILED_PRECONDITION",
            "This operation is not supported for this document. The document must not be an Office file.",
        ),
        ("other", "INVALID_ARGUMENT", "Request contains an invalid argument."),
    ] {
        simulator
            .google_admin(Method::PUT, &format!("_sheets/{id}/kind"), Some(&json!(kind)))
            .await;
        for reply in [
            simulator.sheets(Method::GET, &id, None).await,
            simulator.batch(json!([{"addSheet": {}}])).await,
        ] {
            assert_eq!(
                (reply.status.as_u16(), &reply.json["error"]["status"], reply.message()),
                (400, &json!(status), text)
            );
        }
    }
    simulator
        .google_admin(Method::PUT, &format!("_sheets/{id}/kind"), Some(&json!("spreadsheet")))
        .await;
    simulator.get("").await;
}

#[tokio::test]
async fn the_clock_of_google_shows_in_the_date_of_every_answer() {
    let simulator = Simulator::start().await;
    let settings = json!({"clockOffsetSeconds": 600});
    simulator
        .google_admin(Method::PATCH, "_settings", Some(&settings))
        .await;
    let token = simulator.ask_token("nonsense").await;
    let read = simulator.sheets(Method::GET, "1nothing", None).await;
    for headers in [token.headers, read.headers] {
        let date = headers["date"].to_str().unwrap();
        let date = jiff::fmt::rfc2822::parse(date).unwrap().timestamp();
        let ahead = (date - jiff::Timestamp::now()).get_seconds();
        assert!((590..=601).contains(&ahead), "{ahead}");
    }
}

#[tokio::test]
async fn another_grant_type_is_refused() {
    let simulator = Simulator::start().await;
    let request = simulator
        .http
        .post(format!("{}token", simulator.running.sheets_url))
        .body("grant_type=password");
    assert_eq!(reply(request).await.json["error"], "unsupported_grant_type");
}

#[tokio::test]
async fn a_token_opens_only_what_is_shared_with_its_account() {
    let simulator = Simulator::with(Options {
        tenants: 2,
        folders: 0,
        ..Options::default()
    })
    .await;
    let id = &simulator.running.tenants[1].spreadsheet_id;
    let reply = simulator.sheets(Method::GET, id, None).await;
    assert_eq!(
        (reply.status.as_u16(), reply.message()),
        (403, "The caller does not have permission")
    );
    let reply = simulator.sheets(Method::GET, "1nothing", None).await;
    assert_eq!(
        (reply.status.as_u16(), reply.message()),
        (404, "Requested entity was not found.")
    );
}

#[tokio::test]
async fn a_share_to_read_refuses_writes_and_an_office_file_everything() {
    let simulator = Simulator::start().await;
    let id = simulator.tenant().spreadsheet_id.clone();
    let email = simulator.tenant().email.clone();
    let share = json!({email.clone(): "reader"});
    simulator
        .google_admin(Method::PUT, &format!("_sheets/{id}/sharing"), Some(&share))
        .await;
    simulator.get("").await;
    let reply = simulator.batch(json!([{"addSheet": {}}])).await;
    assert_eq!(
        (reply.status.as_u16(), reply.message()),
        (403, "The caller does not have permission")
    );

    let office = json!({"id": "office", "office": true, "sharing": {email: "writer"}});
    let made = simulator.google_admin(Method::POST, "_sheets", Some(&office)).await;
    assert_eq!(made.status, 201);
    let reply = simulator.sheets(Method::GET, "office", None).await;
    assert_eq!(
        (reply.status.as_u16(), &reply.json["error"]["status"]),
        (400, &json!("FAILED_PRECONDITION"))
    );
}

#[tokio::test]
async fn a_call_without_a_good_token_is_refused_as_google_does() {
    let simulator = Simulator::start().await;
    let id = simulator.tenant().spreadsheet_id.clone();
    let url = format!("{}v4/spreadsheets/{id}", simulator.running.sheets_url);
    let none = reply(simulator.http.get(&url)).await;
    assert_eq!(none.status, 403);
    assert!(none.message().starts_with("Method doesn't allow unregistered callers"));
    let bad = reply(simulator.http.get(&url).bearer_auth("nonsense")).await;
    assert_eq!(
        (bad.status.as_u16(), &bad.json["error"]["status"]),
        (401, &json!("UNAUTHENTICATED"))
    );

    let readonly = simulator
        .token_of(0, "https://www.googleapis.com/auth/spreadsheets.readonly")
        .await;
    assert_eq!(simulator.sheets_as(&readonly, Method::GET, &id, None).await.status, 200);
    let body = json!({"requests": [{"addSheet": {}}]});
    let write = simulator
        .sheets_as(&readonly, Method::POST, &format!("{id}:batchUpdate"), Some(&body))
        .await;
    assert_eq!(write.status, 403);
    assert_eq!(
        write.json["error"]["details"][0]["metadata"]["method"],
        "google.apps.sheets.v4.SpreadsheetsService.BatchUpdateSpreadsheet"
    );
}

#[tokio::test]
async fn tokens_expire_after_their_life_and_when_they_are_revoked() {
    let simulator = Simulator::start().await;
    let id = simulator.tenant().spreadsheet_id.clone();
    let life = json!({"tokenLifetimeSeconds": 1});
    assert_eq!(
        simulator
            .google_admin(Method::PATCH, "_settings", Some(&life))
            .await
            .status,
        200
    );
    let short = simulator.token_of(0, SCOPE).await;
    assert_eq!(simulator.sheets_as(&short, Method::GET, &id, None).await.status, 200);
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(simulator.sheets_as(&short, Method::GET, &id, None).await.status, 401);
    // the first token was issued for an hour
    simulator.get("").await;
    simulator.google_admin(Method::DELETE, "_tokens", None).await;
    assert_eq!(simulator.sheets(Method::GET, &id, None).await.status, 401);
}

#[tokio::test]
async fn a_server_clock_that_differs_shows_in_the_date_header_and_refuses() {
    let simulator = Simulator::start().await;
    let behind = json!({"clockOffsetSeconds": -600});
    simulator.google_admin(Method::PATCH, "_settings", Some(&behind)).await;
    let reply = simulator
        .ask_token(&assertion(simulator.tenant(), SCOPE, 0, 3595))
        .await;
    assert_eq!(reply.json["error_description"], UNREASONABLE);
    let date = reply.headers["date"].to_str().unwrap();
    let date = jiff::fmt::rfc2822::parse(date).unwrap().timestamp();
    let behind = jiff::Timestamp::now().as_second() - date.as_second();
    assert!((599..=602).contains(&behind), "{behind}");
}
