//! Where a run gets its configuration from, and what it says if that is wrong.

use serde_json::json;
use wedof_sheet_sync::report::RunOutcome;

use crate::world::{FOLDERS, World};

#[tokio::test(flavor = "multi_thread")]
async fn without_configuration_a_person_learns_what_to_set() {
    let world = World::new(1).await;
    std::fs::remove_file(world.path(".env")).unwrap();
    let run = world.sync(&[]).await.expect(2);
    assert_eq!(
        (run.report.outcome, run.report.reason.as_deref()),
        (RunOutcome::Failed, Some("InvalidConfig"))
    );
    for variable in ["GOOGLE_SPREADSHEET_ID", "WEDOF_API_KEY", "GOOGLE_CREDENTIALS_PATH"] {
        assert!(run.stderr.contains(variable), "{}", run.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_variables_saved_by_windows_works_and_a_broken_one_is_named() {
    let world = World::new(2).await;
    let plain = std::fs::read_to_string(world.path(".env")).unwrap();
    world.write(".env", format!("\u{feff}{}", plain.replace('\n', "\r\n")).as_bytes());
    world.sync(&["--resource", "organisms"]).await.expect(0);
    world.write(".env", format!("{plain}NOTE=two words\n").as_bytes());
    let run = world.sync(&[]).await.expect(2);
    assert!(
        run.stderr.contains(".env cannot be read, line 7, column"),
        "{}",
        run.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifest_of_the_cluster_can_be_tried_on_a_laptop() {
    let world = World::new(5).await;
    let manifest = json!({
        "apiVersion": "wedofsheetsync.dev/v1alpha1",
        "kind": "WedofSheetSync",
        "metadata": {"name": "acme", "namespace": "centre-acme"},
        "spec": {
            "schedule": "H 7 * * *",
            "spreadsheetId": world.running.tenants[0].spreadsheet_id,
            "wedof": {"apiKeySecretRef": {"name": "wedof", "key": "api-key"}},
            "google": {"credentialsSecretRef": {"name": "google", "key": "credentials.json"}},
            "resources": [{
                "name": "registrationFolders",
                "tab": "Dossiers",
                "columns": {
                    "include": ["state", "attendee"],
                    "exclude": ["attendee.address"],
                    "labels": {"attendee.lastName": "Nom de famille"},
                    "headers": "french",
                },
            }],
        },
    });
    world.write("acme.json", manifest.to_string().as_bytes());
    world.sync(&["--config", "acme.json"]).await.expect(0);
    let header = &world.values("Dossiers")[0];
    assert_eq!(
        header[..4],
        [
            json!("N° de dossier"),
            json!("Statut"),
            json!("Nom de famille"),
            json!("Prénom")
        ]
    );
    assert_eq!(world.tab(FOLDERS), json!(null));
}

/// What the operator gives the pod of a run.
fn pod(world: &World) -> Vec<(&'static str, String)> {
    let spec = json!({
        "spreadsheetId": world.running.tenants[0].spreadsheet_id,
        "wedof": {"apiKeySecretRef": {"name": "wedof", "key": "api-key"}, "baseUrl": world.running.wedof_url},
        "google": {"credentialsSecretRef": {"name": "google", "key": "credentials.json"}},
        "resources": [{"name": "organisms"}],
        "deletionGuard": {"maxPercent": 50, "minRows": 20},
    });
    let path = |name: &str| world.path(name).to_str().unwrap().to_owned();
    vec![
        ("WEDOF_SHEET_SYNC_CONFIG", spec.to_string()),
        ("WEDOF_API_KEY_PATH", path("api-key")),
        ("GOOGLE_CREDENTIALS_PATH", path("credentials.json")),
        ("WEDOF_ALLOWED_HOSTS", "www.wedof.fr,127.0.0.1".to_owned()),
        ("GOOGLE_TOKEN_HOSTS", "127.0.0.1".to_owned()),
        ("GOOGLE_SHEETS_BASE_URL", world.running.sheets_url.clone()),
        ("LOG_FORMAT", "json".to_owned()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_works_with_what_the_operator_mounts() {
    let world = World::new(1).await;
    std::fs::remove_file(world.path(".env")).unwrap();
    let tenant = &world.running.tenants[0];
    world.write("api-key", format!("{}\n", tenant.api_key).as_bytes());
    world.write(
        "credentials.json",
        format!("\u{feff}{}\r\n", tenant.credentials).as_bytes(),
    );
    let variables = pod(&world);
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let run = world
        .sync_with(&["--no-progress", "--deadline", "60"], &variables)
        .await
        .expect(0);
    assert_eq!(run.report.rows, 1);

    world.write("api-key", b"wrong-key");
    let refused = world.sync_with(&["--no-progress"], &variables).await.expect(2);
    refused.says("refuses the API key of Secret `wedof`, key `api-key` (401)");

    let elsewhere: Vec<_> = variables
        .iter()
        .map(|&(name, value)| {
            (
                name,
                if name == "WEDOF_ALLOWED_HOSTS" {
                    "www.wedof.fr"
                } else {
                    value
                },
            )
        })
        .collect();
    world
        .sync_with(&[], &elsewhere)
        .await
        .expect(2)
        .says("127.0.0.1 is not among the hosts that keys may be sent to");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_without_its_secret_waits_and_names_it() {
    let world = World::new(1).await;
    std::fs::remove_file(world.path(".env")).unwrap();
    let variables = pod(&world);
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let run = world.sync_with(&["--no-progress"], &variables).await.expect(1);
    assert_eq!(run.report.reason.as_deref(), Some("SecretMissing"));
    run.says("Secret `wedof`, key `api-key` is not there after 15 s");
}
