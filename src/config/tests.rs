use rstest::rstest;
use secrecy::ExposeSecret;
use std::time::Duration;

use super::{credentials::SECRET_PATIENCE, *};

const ID: &str = "1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms";

async fn load(environment: Environment, in_pod: bool) -> Result<Config, Failure> {
    let overrides = Overrides {
        in_pod,
        ..Overrides::default()
    };
    Config::load(&environment, &overrides).await
}

/// A key file, the folder that keeps it, and the variables of a person.
fn person(key: &str, id: &str) -> (tempfile::TempDir, Environment) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.json");
    std::fs::write(&path, "\u{feff}{\"type\":\"service_account\"}\r\n").unwrap();
    let environment = Environment::from([
        ("WEDOF_API_KEY", key),
        ("GOOGLE_CREDENTIALS_PATH", path.to_str().unwrap()),
        ("GOOGLE_SPREADSHEET_ID", id),
    ]);
    (folder, environment)
}

#[tokio::test]
async fn three_variables_are_enough_and_white_space_around_them_does_not_count() {
    let (_folder, environment) = person(" \u{a0}k3y\u{200b}\r\n", &format!(" {ID}/ "));
    let config = load(environment, false).await.ok().unwrap();
    assert_eq!(config.wedof_key.secret.expose_secret(), "k3y");
    assert_eq!(
        config.google.unwrap().key.secret.expose_secret(),
        "{\"type\":\"service_account\"}"
    );
    assert_eq!(config.spec.spreadsheet_id, ID);
    assert_eq!(config.wedof_base.as_str(), DEFAULT_BASE);
    assert_eq!(config.resources.len(), ResourceName::DEFAULT.len());
    assert!(config.by_default);
}

#[rstest]
#[case("s3c ret")]
#[case("s3c\tret")]
#[case("s3c\u{a0}ret")]
#[case("s3c\nret")]
#[case("s3crét")]
#[tokio::test]
async fn a_key_that_cannot_be_one_is_refused_by_the_name_of_its_place(#[case] key: &str) {
    let (_folder, environment) = person(key, ID);
    let refused = load(environment, false).await.err().unwrap();
    assert_eq!((refused.reason, refused.exit_code()), (reason::SECRET_INVALID, 2));
    assert!(
        refused.message.contains("WEDOF_API_KEY") && !refused.message.contains("s3c"),
        "{refused}"
    );
}

#[tokio::test]
async fn what_a_person_did_not_set_is_listed_with_where_to_find_it() {
    let refused = load(Environment::from([("WEDOF_API_KEY", "k")]), false)
        .await
        .err()
        .unwrap();
    assert_eq!(refused.exit_code(), 2);
    assert!(refused.message.contains("GOOGLE_SPREADSHEET_ID (the part"), "{refused}");
    assert!(refused.message.contains("GOOGLE_CREDENTIALS_PATH"), "{refused}");
    assert!(!refused.message.contains("WEDOF_API_KEY"), "{refused}");
}

#[rstest]
#[case("1590950017", "gid")]
#[case(
    "https://docs.google.com/spreadsheets/d/e/2PACX-1vQx4JZ8kXcD3hY0sRbTn/pubhtml",
    "published"
)]
#[tokio::test]
async fn another_number_than_the_spreadsheets_is_explained(#[case] id: &str, #[case] says: &str) {
    let (_folder, environment) = person("k", id);
    let refused = load(environment, false).await.err().unwrap();
    assert_eq!(refused.exit_code(), 2);
    assert!(refused.message.contains(says), "{refused}");
}

fn pod(folder: &Path) -> Environment {
    let spec = format!(
        r#"{{"spreadsheetId":"{ID}","wedof":{{"apiKeySecretRef":{{"name":"wedof","key":"api-key"}}}},
            "google":{{"credentialsSecretRef":{{"name":"google","key":"credentials.json"}}}}}}"#
    );
    Environment::from([
        ("WEDOF_SHEET_SYNC_CONFIG", spec.as_str()),
        ("WEDOF_API_KEY_PATH", folder.join("api-key").to_str().unwrap()),
        (
            "GOOGLE_CREDENTIALS_PATH",
            folder.join("credentials.json").to_str().unwrap(),
        ),
        ("WEDOF_ALLOWED_HOSTS", "www.wedof.fr,staging.wedof.fr"),
    ])
}

#[tokio::test(start_paused = true)]
async fn a_pod_waits_for_its_secrets_and_says_which_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let started = Instant::now();
    let missing = load(pod(folder.path()), true).await.err().unwrap();
    assert_eq!((missing.reason, missing.exit_code()), (reason::SECRET_MISSING, 1));
    assert!(missing.message.contains("Secret `wedof`, key `api-key`"), "{missing}");
    assert!(started.elapsed() >= SECRET_PATIENCE);

    std::fs::write(folder.path().join("api-key"), "k\n").unwrap();
    let missing = load(pod(folder.path()), true).await.err().unwrap();
    assert!(
        missing.message.contains("Secret `google`, key `credentials.json`"),
        "{missing}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_comes_late_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let (key, file) = (folder.path().join("api-key"), folder.path().join("credentials.json"));
    let late = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        std::fs::write(key, "\u{feff}k\r\n").unwrap();
        std::fs::write(file, "{}").unwrap();
    };
    let (config, ()) = tokio::join!(load(pod(folder.path()), true), late);
    assert_eq!(config.ok().unwrap().wedof_key.secret.expose_secret(), "k");
}

#[tokio::test]
async fn an_empty_secret_is_named_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("api-key"), " \u{a0}\n").unwrap();
    let refused = load(pod(folder.path()), true).await.err().unwrap();
    assert_eq!((refused.reason, refused.exit_code()), (reason::SECRET_INVALID, 2));
    assert!(
        refused.message.contains("Secret `wedof`, key `api-key` is empty"),
        "{refused}"
    );
}

#[rstest]
#[case("spreadsheetId: ID\nresources: []", "list is empty")]
#[case(
    "spreadsheetId: ID\nresources: [{name: organisms}, {name: organisms}]",
    "named twice"
)]
#[case(
    "spreadsheetId: ID\nresources: [{name: organisms, tab: certification folders}, {name: certificationFolders}]",
    "same tab"
)]
#[case("spreadsheetId: ID\nresources: [{name: organisms, tab: ' '}]", "1 to 100")]
#[case("spreadsheetId: ID\nresources: [{name: organisms, expand: [files]}]", "have files")]
#[case(
    "spreadsheetId: ID\nresources: [{name: organisms, tab: registration folder files}, {name: registrationFolders, expand: [files]}]",
    "same tab"
)]
#[case("spreadsheetId: ID\ntimeZone: Europe/Pariss", "no time zone")]
#[case("spreadsheetId: ID\nwedof: {requestsPerMinute: 0}", "1 to 600")]
#[case("spreadsheetId: ID\ndeletionGuard: {maxPercent: 101}", "0 to 100")]
#[case(
    "spreadsheetId: ID\ndeletionGuard: {acceptUntil: tomorrow}",
    "deletionGuard.acceptUntil: `tomorrow`"
)]
#[case("spreadsheetId: ID\nwedof: {baseUrl: 'http://www.wedof.fr/api'}", "use https")]
#[tokio::test]
async fn a_spec_that_contradicts_itself_is_refused(#[case] spec: &str, #[case] says: &str) {
    let (_folder, mut environment) = person("k", ID);
    let inline = Environment::from([("WEDOF_SHEET_SYNC_CONFIG", spec.replace("ID", ID).as_str())]);
    environment.extend(inline);
    let refused = load(environment, false).await.err().unwrap();
    assert_eq!(refused.exit_code(), 2);
    assert!(refused.message.contains(says), "{refused}");
}

#[test]
fn the_limit_of_cells_can_be_raised_and_nonsense_is_told() {
    let of = |limit| cell_limit(&Environment::from([("GOOGLE_CELL_LIMIT", limit)]));
    assert_eq!(cell_limit(&Environment::default()).ok(), Some(CELL_LIMIT));
    assert_eq!(of("20000000").ok(), Some(20_000_000));
    for wrong in ["0", "-1", "10 million", "1e7"] {
        let refused = of(wrong).unwrap_err();
        assert_eq!((refused.reason, refused.exit_code()), (reason::INVALID_CONFIG, 2));
        assert!(refused.message.contains(wrong), "{refused}");
    }
}
