//! Service-account keys and configuration.

use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    shared::{FOLDERS_ONLY, LIST, account, check, finds, folders, ids},
    world::{FOLDERS, Run, World},
};

async fn small() -> World {
    account(&folders(1..=3), FOLDERS_ONLY).await
}

/// No key may be sent anywhere before it is known to be one.
#[track_caller]
fn nothing_was_asked(world: &World) {
    assert_eq!(
        world.running.wedof_requests().total + world.running.sheets_requests().total,
        0
    );
}

/// What the operator gives the pod of a run, the Secrets as files.
struct Pod<'a> {
    world: &'a World,
    spreadsheet: String,
}

impl<'a> Pod<'a> {
    fn of(world: &'a World) -> Self {
        std::fs::remove_file(world.path(".env")).unwrap();
        let tenant = &world.running.tenants[0];
        world.write("api-key", tenant.api_key.as_bytes());
        world.write("credentials.json", tenant.credentials.as_bytes());
        Self {
            world,
            spreadsheet: tenant.spreadsheet_id.clone(),
        }
    }

    async fn run(&self) -> Run {
        let Self { world, spreadsheet } = self;
        let spec = json!({
            "spreadsheetId": spreadsheet,
            "wedof": {"apiKeySecretRef": {"name": "wedof", "key": "api-key"}, "baseUrl": world.running.wedof_url},
            "google": {"credentialsSecretRef": {"name": "google", "key": "credentials.json"}},
            "resources": [{"name": "registrationFolders"}],
        })
        .to_string();
        let [key, credentials] = ["api-key", "credentials.json"].map(|name| world.path(name).display().to_string());
        let variables = [
            ("WEDOF_SHEET_SYNC_CONFIG", spec.as_str()),
            ("WEDOF_API_KEY_PATH", &key),
            ("GOOGLE_CREDENTIALS_PATH", &credentials),
            ("WEDOF_ALLOWED_HOSTS", "127.0.0.1"),
            ("GOOGLE_TOKEN_HOSTS", "127.0.0.1"),
            ("GOOGLE_SHEETS_BASE_URL", &world.running.sheets_url),
        ];
        world
            .sync_with(&["--no-progress", "--deadline", "60"], &variables)
            .await
    }
}

#[rstest]
#[case::byte_order_mark(|text: &str| format!("\u{feff}{text}"))]
#[case::windows_lines(|text: &str| text.replace('\n', "\r\n"))]
#[case::both(|text: &str| format!("\u{feff}{}", text.replace('\n', "\r\n")))]
#[tokio::test(flavor = "multi_thread")]
async fn d2_files_saved_by_windows_tools_are_read_as_if_saved_plainly(#[case] saved: fn(&str) -> String) {
    let world = small().await;
    let key = world.running.tenants[0].credentials.clone();
    world.write("key.json", saved(&key).as_bytes());
    // the key that a lost first line would lose
    let text = std::fs::read_to_string(world.path(".env")).unwrap();
    assert!(text.starts_with("WEDOF_API_KEY="));
    world.write(".env", saved(&text).as_bytes());
    world.write("wanted.json", saved(FOLDERS_ONLY).as_bytes());
    world.sync(&[]).await.expect(0);
    assert_eq!(world.keys(FOLDERS), ids(1..=3));

    let pod = Pod::of(&world);
    let api_key = &world.running.tenants[0].api_key;
    world.write("api-key", saved(&format!("{api_key}\n")).as_bytes());
    world.write("credentials.json", saved(&key).as_bytes());
    pod.run().await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn d2_a_file_of_variables_that_cannot_be_parsed_stops_the_run_with_its_place() {
    let world = small().await;
    let text = std::fs::read_to_string(world.path(".env")).unwrap();
    world.write(
        ".env",
        format!("\u{feff}{text}SYNC TIME=07:00 secret\n")
            .replace('\n', "\r\n")
            .as_bytes(),
    );
    let run = world.sync(&[]).await.expect(2);
    assert_eq!(run.report.reason.as_deref(), Some("InvalidConfig"));
    run.says(&format!(
        ".env cannot be read, line {}, column",
        text.lines().count() + 1
    ));
    assert!(!run.stderr.contains("secret"), "{}", run.stderr);
    nothing_was_asked(&world);
}

#[rstest]
#[case::newline("KEY\n")]
#[case::windows_newline("KEY\r\n")]
#[case::spaces(" KEY ")]
#[case::tab("\tKEY\t")]
#[case::non_breaking_space("\u{a0}KEY\u{a0}")]
#[case::zero_width_space("KEY\u{200b}")]
#[tokio::test(flavor = "multi_thread")]
async fn d4_white_space_around_a_key_or_an_id_does_not_count_anywhere(#[case] around: &str) {
    let world = small().await;
    let tenant = world.running.tenants[0].clone();
    let wrapped = |value: &str| around.replace("KEY", value);
    let variables = [wrapped(&tenant.api_key), wrapped(&tenant.spreadsheet_id)];
    let variables = [
        ("WEDOF_API_KEY", variables[0].as_str()),
        ("GOOGLE_SPREADSHEET_ID", variables[1].as_str()),
    ];
    world.sync_with(&[], &variables).await.expect(0);
    let mut pod = Pod::of(&world);
    pod.spreadsheet = wrapped(&tenant.spreadsheet_id);
    world.write("api-key", wrapped(&tenant.api_key).as_bytes());
    pod.run().await.expect(0);
    assert_eq!(world.keys(FOLDERS), ids(1..=3));
}

#[rstest]
#[case::empty("", "is empty")]
#[case::blank(" \n\t\u{a0}", "is empty")]
#[case::inner_newline("s3cr\nk3y", "white space, control characters")]
#[case::inner_tab("s3cr\tk3y", "white space, control characters")]
#[case::inner_space("s3cr k3y", "white space, control characters")]
#[case::inner_control("s3cr\u{1}k3y", "white space, control characters")]
#[case::two_lines("s3crk3y\ns3crk3y\n", "white space, control characters")]
#[tokio::test(flavor = "multi_thread")]
async fn d4_a_secret_that_cannot_be_a_key_is_named_and_not_told(#[case] secret: &str, #[case] what: &str) {
    let world = small().await;
    let pod = Pod::of(&world);
    world.write("api-key", secret.as_bytes());
    let run = pod.run().await.expect(2);
    assert_eq!(run.report.reason.as_deref(), Some("SecretInvalid"));
    run.says("Secret `wedof`, key `api-key`");
    run.says(what);
    for part in ["k3y", "s3cr"] {
        assert!(
            !format!("{}{}{}", run.stdout, run.stderr, run.report.to_json()).contains(part),
            "{}",
            run.stderr
        );
    }
    nothing_was_asked(&world);
}

#[rstest]
#[case::empty("", "GOOGLE_SPREADSHEET_ID")]
#[case::blank(" \u{a0}", "GOOGLE_SPREADSHEET_ID")]
#[case::inner_newline("1BxiMVs0XRA5nFMdKv\nBdBZjgmUUqptlbs74OgvE2upms", "20 to 200 letters")]
#[tokio::test(flavor = "multi_thread")]
async fn d4_an_id_that_cannot_be_one_is_a_configuration_error(#[case] id: &str, #[case] says: &str) {
    let world = small().await;
    let text = std::fs::read_to_string(world.path(".env")).unwrap();
    let kept: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("GOOGLE_SPREADSHEET_ID"))
        .collect();
    world.write(".env", kept.join("\n").as_bytes());
    let run = world.sync_with(&[], &[("GOOGLE_SPREADSHEET_ID", id)]).await.expect(2);
    assert_eq!(run.report.reason.as_deref(), Some("InvalidConfig"));
    assert!(
        run.stderr.to_lowercase().contains(&says.to_lowercase()),
        "{}",
        run.stderr
    );
    nothing_was_asked(&world);
}

fn without(key: &str, field: &str) -> String {
    let mut key: Value = serde_json::from_str(key).unwrap();
    key.as_object_mut().unwrap().remove(field);
    key.to_string()
}

#[rstest]
#[case::installed_client(|_: &str| json!({"installed": {"client_id": "x", "client_secret": "s3cret"}}).to_string(), "OAuth client file")]
#[case::web_client(|_: &str| json!({"web": {"client_id": "x", "client_secret": "s3cret"}}).to_string(), "OAuth client file")]
#[case::api_key(|_: &str| "AIzaSyS3cretS3cretS3cretS3cretS3cret12345".to_owned(), "an API key")]
#[case::authorized_user(|_: &str| json!({"type": "authorized_user", "refresh_token": "s3cret"}).to_string(), "authorized_user")]
#[case::no_email(|key: &str| without(key, "client_email"), "no client_email")]
#[case::no_private_key(|key: &str| without(key, "private_key"), "no private_key")]
#[case::cut_off(|key: &str| key[..300].to_owned(), "not JSON")]
#[tokio::test(flavor = "multi_thread")]
async fn d6_another_file_than_a_service_accounts_key_is_called_what_it_is_before_any_call(
    #[case] make: fn(&str) -> String,
    #[case] kind: &str,
) {
    let world = small().await;
    let file = make(&world.running.tenants[0].credentials);
    world.write("key.json", file.as_bytes());
    let run = world.sync(&[]).await.expect(2);
    assert_eq!(run.report.reason.as_deref(), Some("SecretInvalid"));
    for part in ["file key.json", kind, "JSON key of a service account"] {
        run.says(part);
    }
    nothing_was_asked(&world);
    finds(
        check(&world).await,
        2,
        &["file key.json", kind, "JSON key of a service account"],
    );
    assert_eq!(world.running.sheets_requests().total, 0);
    world.forget_requests().await;

    let pod = Pod::of(&world);
    world.write("credentials.json", file.as_bytes());
    let run = pod.run().await.expect(2);
    run.says("Secret `google`, key `credentials.json`");
    run.says(kind);
    assert!(!run.stderr.to_lowercase().contains("s3cret"), "{}", run.stderr);
    nothing_was_asked(&world);
}

async fn google_settings(world: &World, settings: Value) {
    assert_eq!(world.google("PATCH", "_settings", Some(settings)).await.0, 200);
}

#[rstest]
#[case::ten_minutes_ahead(-600, "10 min ahead of")]
#[case::seventy_minutes_behind(4200, "70 min behind")]
#[tokio::test(flavor = "multi_thread")]
async fn d8_a_clock_that_is_wrong_is_told_with_its_minutes_and_without_blind_retries(
    #[case] google_ahead: i64,
    #[case] told: &str,
) {
    let world = small().await;
    google_settings(&world, json!({"clockOffsetSeconds": google_ahead})).await;
    let run = world.sync(&[]).await.expect(2);
    assert_eq!(run.report.reason.as_deref(), Some("ClockSkew"));
    run.says(&format!("clock is {told} Google's"));
    // one for the token, one for the time
    assert_eq!(world.running.sheets_requests().total, 2);
    let minutes = told.split(' ').next().unwrap_or_default();
    finds(check(&world).await, 2, &[minutes, "Google's", "set the clock (NTP)"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn d8_a_clock_ten_minutes_behind_is_refused_nothing_by_google_and_syncs() {
    let world = small().await;
    google_settings(&world, json!({"clockOffsetSeconds": 600})).await;
    world.sync(&[]).await.expect(0);
    // but it is told by who looks
    finds(check(&world).await, 0, &["10 minutes behind Google's"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn d8_a_run_longer_than_its_token_lives_asks_for_others() {
    let world = small().await;
    google_settings(&world, json!({"tokenLifetimeSeconds": 3})).await;
    // the token was given when the spreadsheet was opened; reading Wedof takes longer than it lives
    world
        .wedof_fault(json!({"path": LIST, "answer": {"delayMs": 4000}}))
        .await;
    world.sync(&[]).await.expect(0);
    let requests = world.running.sheets_requests();
    assert!(requests.by_kind["token"] >= 2, "{requests:?}");
    assert_eq!(world.keys(FOLDERS), ids(1..=3));
}

#[tokio::test(flavor = "multi_thread")]
async fn d8_a_token_that_google_no_longer_takes_is_renewed_once() {
    let world = small().await;
    world
        .wedof_fault(json!({"path": LIST, "answer": {"delayMs": 1500}}))
        .await;
    let mut child = world.start(&[]);
    world.faults_have_hit().await;
    assert_eq!(world.google("DELETE", "_tokens", None).await.0, 204);
    assert!(child.wait().await.unwrap().success());
    assert_eq!(world.running.sheets_requests().by_kind["token"], 2);
    assert_eq!(world.keys(FOLDERS), ids(1..=3));

    // one that is refused at once will be refused for ever
    world.forget_requests().await;
    world
        .google_fault(json!({"path": "/v4/", "times": 99, "answer": {"status": 401}}))
        .await;
    let began = Instant::now();
    let run = world.sync(&[]).await.expect(2);
    assert_eq!(run.report.reason.as_deref(), Some("GoogleKeyRefused"));
    assert!(began.elapsed() < Duration::from_secs(5));
    let requests = world.running.sheets_requests();
    assert_eq!((requests.by_kind["token"], requests.total), (2, 4), "{requests:?}");
}

#[rstest]
#[case::link("https://docs.google.com/spreadsheets/d/ID/edit?usp=sharing#gid=0")]
#[case::second_account("https://docs.google.com/spreadsheets/u/1/d/ID")]
#[case::second_account_of_today("https://docs.google.com/spreadsheets/d/ID/edit?gid=0#gid=0")]
#[case::end_of_a_link("/u/1/d/ID")]
#[case::stray_slash("ID/")]
#[tokio::test(flavor = "multi_thread")]
async fn d10_the_id_is_taken_out_of_whatever_link_was_pasted(#[case] pasted: &str) {
    let world = small().await;
    let pasted = pasted.replace("ID", &world.running.tenants[0].spreadsheet_id);
    world
        .sync_with(&[], &[("GOOGLE_SPREADSHEET_ID", &pasted)])
        .await
        .expect(0);
    // a # begins a comment unless it is quoted, in this file alone
    let text = std::fs::read_to_string(world.path(".env")).unwrap();
    world.write(".env", format!("{text}GOOGLE_SPREADSHEET_ID='{pasted}'\n").as_bytes());
    world.sync(&[]).await.expect(0);
    world.write(
        "wanted.json",
        json!({"spreadsheetId": pasted, "resources": [{"name": "registrationFolders"}]})
            .to_string()
            .as_bytes(),
    );
    world.sync(&[]).await.expect(0);
    assert_eq!(world.keys(FOLDERS), ids(1..=3));
}

#[rstest]
#[case::number_of_a_tab("1590950017", "the number of a tab (gid)")]
#[case::published(
    "https://docs.google.com/spreadsheets/d/e/2PACX-1vQx4JZ8kXcD3hY0sRbTn/pubhtml",
    "published copy"
)]
#[case::published_id("2PACX-1vQx4JZ8kXcD3hY0sRbTn", "published copy")]
#[case::folder(
    "https://drive.google.com/drive/folders/1AbCdEfGhIjKlMnOpQrStUvWxYz",
    "20 to 200 letters"
)]
#[tokio::test(flavor = "multi_thread")]
async fn d10_what_is_no_spreadsheet_is_explained_before_any_call(#[case] pasted: &str, #[case] says: &str) {
    let world = small().await;
    let run = world
        .sync_with(&[], &[("GOOGLE_SPREADSHEET_ID", pasted)])
        .await
        .expect(2);
    assert_eq!(run.report.reason.as_deref(), Some("InvalidConfig"));
    run.says(says);
    run.says("between /d/ and /edit");
    nothing_was_asked(&world);
    let env = std::fs::read_to_string(world.path(".env")).unwrap();
    world.write(".env", format!("{env}GOOGLE_SPREADSHEET_ID='{pasted}'\n").as_bytes());
    finds(check(&world).await, 2, &[says]);
}
