//! No key, token or person is ever in an output, however much detail is asked for and however a run goes wrong.

use rstest::rstest;
use serde_json::{Value, json};

use crate::world::World;

/// What is planted in records and in the bodies of errors, and nowhere else.
const PERSON: [&str; 6] = [
    "Canari-Kessler",
    "Zéphyrine",
    "canari.kessler@example.org",
    "0699887766",
    "1987-03-21",
    "13 impasse du Canari",
];
const LIST: &str = "/api/registrationFolders";
const TRACE: [(&str, &str); 3] = [
    ("RUST_LOG", "trace"),
    (
        "LOG_LEVEL",
        "trace,yup_oauth2=trace,hyper=trace,hyper_util=trace,reqwest=trace,h2=trace,rustls=trace",
    ),
    ("RUST_BACKTRACE", "1"),
];

/// Everything that must not be told.
fn canaries(world: &World) -> Vec<String> {
    let tenant = &world.running.tenants[0];
    let key: Value = serde_json::from_str(&tenant.credentials).unwrap();
    let pem = key["private_key"].as_str().unwrap();
    let mut canaries = vec![
        tenant.api_key.clone(),
        key["private_key_id"].as_str().unwrap().to_owned(),
    ];
    canaries.extend(pem.lines().filter(|line| line.len() > 40).map(str::to_owned));
    // what keys, signed assertions and access tokens begin with
    canaries.extend(["BEGIN PRIVATE", "eyJ", "ya29.", "Bearer "].map(str::to_owned));
    canaries.extend(PERSON.map(str::to_owned));
    canaries
}

/// An account in which every kind of record has somebody's name and address, read through keys that are secrets.
async fn planted() -> World {
    let world = World::new(12).await;
    world.want(Some(&["registrationFolders", "organisms"]));
    let [last, first, email, phone, birth, street] = PERSON;
    let person = json!({
        "lastName": last, "firstName": first, "email": email, "phoneNumber": phone, "dateOfBirth": birth,
        "address": {"street": street, "fullAddress": street},
    });
    for (number, id) in world.folder_ids().await.into_iter().enumerate() {
        let note = if number == 3 {
            format!("a\u{fffd}{last}")
        } else {
            last.to_owned()
        };
        let record = json!({"attendee": person, "notes": note, "description": format!("{first} {street}")});
        world
            .wedof("PATCH", &format!("registrationFolders/{id}"), Some(record))
            .await;
    }
    world
        .wedof(
            "PATCH",
            "organisms/me",
            Some(json!({"emails": [email], "phones": [phone], "address": street})),
        )
        .await;
    world.wedof("POST", "users", Some(person)).await;
    world
}

struct Outputs {
    code: Option<i32>,
    text: String,
}

/// Everything that a command leaves behind: both streams and the report.
async fn outputs(world: &World, args: &[&str], format: &str) -> Outputs {
    let _ = std::fs::remove_file(world.path("report.json"));
    let mut command = world.program(args);
    let output = command
        .envs(TRACE)
        .env("LOG_FORMAT", format)
        .env("RETRY_DELAY", "0.005")
        .output()
        .await
        .unwrap();
    let report = std::fs::read_to_string(world.path("report.json")).unwrap_or_default();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    Outputs {
        code: output.status.code(),
        text: format!("{stdout}\n{stderr}\n{report}"),
    }
}

#[track_caller]
fn silent(world: &World, Outputs { text, .. }: &Outputs) {
    for canary in canaries(world) {
        // escaped as JSON has it, too
        let escaped = json!(canary).to_string();
        for form in [canary.as_str(), escaped.trim_matches('"')] {
            assert!(!text.contains(form), "{form} in: {text}");
        }
    }
}

const SYNC: [&str; 4] = ["sync", "--no-progress", "--report", "report.json"];

/// Users have their e-mail as key: a message about one of them has nothing else to call them by.
async fn with_users(world: &World) -> String {
    world.write("wanted.json", br#"{"wedof": {"requestsPerMinute": 600}}"#);
    world
        .wedof(
            "POST",
            "users",
            Some(json!({"email": PERSON[2], "lastName": PERSON[0], "firstName": PERSON[1]})),
        )
        .await;
    let users = world.wedof("GET", "users", None).await;
    let emails = users
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["email"].as_str().unwrap());
    emails.collect::<Vec<_>>().join(" ")
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_output_holds_a_secret_or_a_person_when_all_goes_well(#[values("text", "json")] format: &str) {
    let world = planted().await;
    let emails = with_users(&world).await;
    let quiet = |outputs: &Outputs| {
        silent(&world, outputs);
        for email in emails.split(' ') {
            assert!(!outputs.text.contains(email), "{email} in: {}", outputs.text);
        }
        assert!(!outputs.text.contains("panicked"), "{}", outputs.text);
    };
    let dry = [&SYNC[..], &["--dry-run"]].concat();
    let preview = [&SYNC[..], &["--preview", "preview.xlsx"]].concat();
    for args in [
        &["check"][..],
        &["check", "--output", "json"],
        &["resources"],
        &preview,
        &dry,
        &SYNC,
        &SYNC,
        &dry,
    ] {
        let outputs = outputs(&world, args, format).await;
        assert_eq!(outputs.code, Some(0), "{args:?}: {}", outputs.text);
        quiet(&outputs);
    }
    for tab in ["Registration Folders", "Users"] {
        let told = format!("{:?}", world.values(tab));
        assert!(
            told.contains(PERSON[0]) && told.contains(PERSON[2]),
            "the spreadsheet has it, nothing else: {told}"
        );
    }

    // rows that go, that people wrote on, that people copied, and a text that is half an emoji: told by their number
    let ids = world.folder_ids().await;
    let notes = vec!["note"; world.values("Users").len()];
    world.add_column("Users", &notes).await;
    world
        .wedof("DELETE", &format!("registrationFolders/{}", ids[2]), None)
        .await;
    let body = json!([{"email": PERSON[2], "lastName": "HALF"}, {"email": PERSON[2], "lastName": PERSON[0]}]);
    let body = body.to_string().replace("HALF", &format!("{}\\ud83d", PERSON[0]));
    let headers = json!({"x-total-count": "2", "x-item-per-page": "100"});
    for (page, body) in [(1, body.as_str()), (2, "[]")] {
        let answer = json!({"status": 200, "headers": headers, "body": body});
        let fault = json!({"path": "*/users", "page": page, "times": 9, "answer": answer});
        world.wedof_fault(fault).await;
    }
    for args in [&dry[..], &SYNC] {
        let outputs = outputs(&world, args, format).await;
        assert!(outputs.text.contains("U+FFFD"), "{}", outputs.text);
        quiet(&outputs);
    }
}

#[rstest]
#[case::well(None, "sync done")]
#[case::broken(Some(json!({"status": 401, "body": wedof_error()})), "WEDOF")]
#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_tells_no_more_than_a_sync(#[case] answer: Option<Value>, #[case] until: &str) {
    let world = planted().await;
    if let Some(answer) = answer {
        world
            .wedof_fault(json!({"path": "/api/", "times": 99, "answer": answer}))
            .await;
    }
    let log = std::fs::File::create(world.path("log")).unwrap();
    let mut command = world.program(&["scheduler", "--no-progress"]);
    let mut child = command
        .envs(TRACE)
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let text = || std::fs::read_to_string(world.path("log")).unwrap();
    let began = std::time::Instant::now();
    while !text().contains("next sync") {
        assert!(began.elapsed().as_secs() < 30, "{}", text());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    child.kill().await.unwrap();
    assert!(text().to_uppercase().contains(&until.to_uppercase()), "{}", text());
    silent(
        &world,
        &Outputs {
            code: None,
            text: text(),
        },
    );
}

fn wedof_error() -> Value {
    json!({"detail": PERSON.join(" "), "violations": PERSON.map(|text| json!({"propertyPath": text, "title": text}))})
}

/// Google's sentence quotes what was sent; the rest of the body is anybody's guess.
fn google_error(status: u16) -> Value {
    let quoted = PERSON.map(|text| format!("\"{text}\"")).join(", ");
    json!({"error": {
        "code": status,
        "message": format!("Invalid value at 'requests[0].update_cells' (TYPE_STRING), {quoted}"),
        "status": PERSON[0],
        "details": [{"fieldViolations": [{"field": PERSON[1], "description": PERSON[2]}]}],
        "errors": [{"message": PERSON[3], "domain": "global", "reason": PERSON[4]}],
    }})
}

fn html() -> Value {
    json!(format!("<html><body>{}</body></html>", PERSON.join(" ")))
}

/// A sync and a check fail, and say nothing of it that they should not.
async fn fails_silently(world: &World) {
    let sync = outputs(world, &SYNC, "text").await;
    assert_ne!(sync.code, Some(0), "{}", sync.text);
    silent(world, &sync);
    silent(world, &outputs(world, &["check"], "json").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_wedof_answers_is_told_when_it_fails() {
    let world = planted().await;
    let [last, first, email, phone, ..] = PERSON;
    let location = |to: String| json!({"status": 302, "headers": {"location": to}});
    let mut answers: Vec<_> = [400, 401, 403, 404, 409, 500]
        .map(|status| json!({"status": status, "body": wedof_error()}))
        .into();
    answers.extend([
        json!({"status": 429, "headers": {"retry-after": "99999999"}, "body": wedof_error()}),
        json!({"status": 200, "body": html()}),
        json!({"status": 200, "headers": {"content-type": format!("text/plain; name={last}")}, "body": first}),
        location(format!("https://evil.example/{phone}?who={last}")),
        location(format!("/api/registrationFolders?query={last}")),
        // another kind of JSON, a broken one, half of one, and a list that no row can be made of
        json!({"status": 200, "body": PERSON}),
        json!({"status": 200, "body": {last: PERSON}}),
        json!({"status": 200, "body": format!("[{{\"lastName\": \"{last}\", \"email\": {email}}}]")}),
        json!({"cut": 3000}),
        json!({"status": 200, "body": [{"lastName": last, "email": email}]}),
    ]);
    for answer in answers {
        world.clear_faults().await;
        world
            .wedof_fault(json!({"path": LIST, "times": 99, "answer": answer}))
            .await;
        fails_silently(&world).await;
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_google_answers_is_told_when_it_fails(
    #[values(
        "/v4/spreadsheets/1",
        "*developerMetadata:search",
        "*values:batchGetByDataFilter",
        "*:batchUpdate"
    )]
    path: &str,
) {
    let world = planted().await;
    world.sync(&[]).await.expect(0);
    let folder = format!("registrationFolders/{}", world.folder_ids().await[0]);
    let change = json!({"notes": format!("{} est là", PERSON[0])});
    world.wedof("PATCH", &folder, Some(change)).await;
    let moment = world.running.keep();
    let mut answers: Vec<_> = [400, 401, 403, 404, 409, 500]
        .map(|status| json!({"status": status, "body": google_error(status)}))
        .into();
    answers.extend([
        json!({"status": 429, "headers": {"retry-after": "99999999"}, "body": google_error(429)}),
        json!({"status": 200, "body": html()}),
        json!({"status": 502, "body": html()}),
        json!({"status": 302, "headers": {"location": format!("https://evil.example/?who={}", PERSON[0])}}),
        json!({"status": 200, "body": PERSON[0]}),
        json!({"status": 200, "body": {
            "valueRanges": PERSON[0], "matchedDeveloperMetadata": PERSON[0], "sheets": PERSON[0], "properties": PERSON[0],
        }}),
        json!({"status": 200, "body": {"valueRanges": [{"valueRange": {"values": PERSON[0]}}]}}),
    ]);
    for answer in answers {
        world.clear_faults().await;
        world.running.put_back(&moment);
        world
            .google_fault(json!({"path": path, "times": 999, "answer": answer}))
            .await;
        fails_silently(&world).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_the_token_endpoint_answers_is_told_but_its_reason() {
    let world = planted().await;
    let echo = "Invalid JWT: \"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln\" of \"Canari-Kessler\"";
    let bodies = [
        json!({"error": "invalid_grant", "error_description": echo}),
        json!({"error": {"message": "eyJhbGciOiJSUzI1NiJ9 Canari-Kessler"}}),
        json!({"access": "ya29.secret", "who": PERSON[0]}),
        html(),
    ];
    for (body, status) in bodies
        .iter()
        .flat_map(|body| [200, 400, 503].map(|status| (body, status)))
    {
        world.clear_faults().await;
        world
            .google_fault(json!({"path": "/token", "times": 99, "answer": {"status": status, "body": body}}))
            .await;
        fails_silently(&world).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_with_a_name_in_it_is_not_told_when_wedof_cannot_be_reached() {
    let world = planted().await;
    let spec = "resources: [{name: registrationFolders, filters: {query: [Canari-Kessler]}}]";
    world.write("wanted.json", spec.as_bytes());
    for answer in [
        json!({"reset": "before"}),
        json!({"status": 400, "body": wedof_error()}),
        json!({"delayMs": 600_000}),
    ] {
        world.clear_faults().await;
        world
            .wedof_fault(json!({"path": "/api/", "times": 99, "answer": answer}))
            .await;
        let sync = outputs(&world, &[&SYNC[..], &["--deadline", "3"]].concat(), "text").await;
        assert_ne!(sync.code, Some(0), "{}", sync.text);
        silent(&world, &sync);
    }
}
