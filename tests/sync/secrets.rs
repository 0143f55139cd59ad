//! No key, token or person is ever in an output, however much detail is asked for.

use serde_json::{Value, json};

use crate::world::{Run, World};

/// Everything that must not be told: the keys, and what records say of people.
async fn canaries(world: &World) -> Vec<String> {
    let tenant = &world.running.tenants[0];
    let key: Value = serde_json::from_str(&tenant.credentials).unwrap();
    let pem = key["private_key"].as_str().unwrap();
    let mut canaries = vec![
        tenant.api_key.clone(),
        key["private_key_id"].as_str().unwrap().to_owned(),
    ];
    canaries.extend(pem.lines().filter(|line| line.len() > 40).map(str::to_owned));
    // what signed assertions and access tokens begin with
    canaries.extend(["eyJ".to_owned(), "ya29.".to_owned(), "Bearer ".to_owned()]);
    let folders = world.wedof("GET", "registrationFolders", None).await;
    for folder in folders.as_array().unwrap() {
        let person = &folder["attendee"];
        let names = ["lastName", "email", "phoneNumber"].map(|name| person[name].as_str().unwrap_or_default());
        canaries.extend(names.into_iter().filter(|text| text.len() > 5).map(str::to_owned));
    }
    canaries
}

#[track_caller]
fn silent(run: &Run, canaries: &[String]) {
    for (place, text) in [
        ("stdout", &run.stdout),
        ("stderr", &run.stderr),
        ("report", &run.report.to_json()),
    ] {
        for canary in canaries {
            assert!(!text.contains(canary.as_str()), "{canary} in {place}: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_output_holds_a_secret_or_a_person_at_any_level() {
    let world = World::new(12).await;
    let first = &world.folder_ids().await[0];
    let person =
        json!({"attendee": {"lastName": "Canari-Kessler", "email": "canari@example.org", "phoneNumber": "0699887766"}});
    world
        .wedof("PATCH", &format!("registrationFolders/{first}"), Some(person))
        .await;
    let canaries = canaries(&world).await;
    assert!(canaries.iter().any(|canary| canary == "Canari-Kessler"));
    let trace = [
        (
            "LOG_LEVEL",
            "trace,yup_oauth2=trace,hyper=trace,reqwest=trace,h2=trace,rustls=trace",
        ),
        ("RUST_LOG", "trace"),
    ];

    silent(&world.sync_with(&[], &trace).await.expect(0), &canaries);
    silent(&world.sync_with(&["--dry-run"], &trace).await.expect(0), &canaries);
    silent(
        &world.sync_with(&["--log-format", "json"], &trace).await.expect(0),
        &canaries,
    );

    // errors whose bodies quote people
    let body = json!({"detail": "Canari-Kessler canari@example.org", "violations": [{"propertyPath": "0699887766", "title": "Canari-Kessler"}]});
    for status in [400, 401, 403, 409, 500] {
        world
            .wedof_fault(
                json!({"path": "/api/registrationFolders", "times": 6, "answer": {"status": status, "body": body}}),
            )
            .await;
        let run = world.sync_with(&["--resource", "registrationFolders"], &trace).await;
        assert_ne!(run.code, Some(0));
        silent(&run, &canaries);
        world.clear_faults().await;
    }
    world.google_fault(json!({"path": "/token", "times": 9, "answer": {"status": 400, "body": {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}}})).await;
    silent(&world.sync_with(&[], &trace).await.expect(2), &canaries);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_with_a_name_in_it_is_not_told_when_wedof_cannot_be_reached() {
    let world = World::new(1).await;
    world.write(
        "sync.yaml",
        b"resources: [{name: registrationFolders, filters: {query: [Canari-Kessler]}}]",
    );
    world
        .wedof_fault(json!({"path": "/api/", "times": 99, "answer": {"reset": "before"}}))
        .await;
    let run = world
        .sync_with(&["--config", "sync.yaml"], &[("LOG_LEVEL", "trace")])
        .await
        .expect(1);
    silent(&run, &["Canari-Kessler".to_owned()]);
}
