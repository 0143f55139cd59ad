//! All resources of Wedof: which are synced, in which way each is had, and what the command `resources` says of them.

use rstest::rstest;
use serde_json::{Value, json};
use wedof_sheet_sync::{
    report::{ResourceOutcome::*, RunOutcome},
    simulator::Options,
};

use crate::world::{FOLDERS, Run, World};

/// Folders of a data set: id, time of the last change, more fields.
async fn with_folders(folders: &[(&str, &str, Value)]) -> World {
    let folders: Vec<Value> = folders
        .iter()
        .map(|(id, updated, more)| {
            let mut folder = json!({"externalId": id, "state": "accepted", "updatedOn": updated});
            folder
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            folder
        })
        .collect();
    let dataset = tempfile::tempdir().unwrap();
    let write = |name: &str, records: Value| std::fs::write(dataset.path().join(name), records.to_string()).unwrap();
    write("registrationFolders.json", json!(folders));
    write("certificationFolders.json", json!([]));
    World::with(Options {
        folders: 0,
        dataset: Some(dataset.path().to_owned()),
        ..Options::default()
    })
    .await
}

/// Writes a config and syncs with it.
async fn sync(world: &World, config: Value) -> Run {
    world.write("sync.json", config.to_string().as_bytes());
    world
        .sync_with(&["--config", "sync.json"], &[("RETRY_DELAY", "0.01")])
        .await
}

fn requests(world: &World, kind: &str) -> u64 {
    *world.running.wedof_requests().by_kind.get(kind).unwrap_or(&0)
}

/// The column of a path in a tab with paths as headers.
#[track_caller]
fn column(world: &World, tab: &str, path: &str) -> Vec<Value> {
    let values = world.values(tab);
    let at = values[0].iter().position(|label| label == path);
    let at = at.unwrap_or_else(|| panic!("no {path} in {:?}", values[0]));
    let rest = values[1..].iter();
    rest.map(|row| row.get(at).cloned().unwrap_or_default()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_resources_all_eleven_are_synced_and_what_cannot_be_read_is_no_failure() {
    let world = World::new(40).await;
    world.want(None);
    let run = world.sync(&[]).await.expect(0);
    let shown: Vec<_> = run
        .report
        .resources
        .iter()
        .map(|resource| (resource.name.as_str(), resource.tab.as_str(), resource.outcome))
        .collect();
    assert_eq!(
        shown,
        [
            ("users", "Users", Synced),
            ("trainings", "Trainings", Synced),
            ("sessions", "Sessions", Synced),
            ("attendees", "Attendees", Synced),
            ("registrationFolders", "Registration Folders", Synced),
            ("certificationFolders", "Certification Folders", Synced),
            ("organisms", "Organisms", Synced),
            ("activities", "Activities", Unavailable),
            ("evaluations", "Evaluations", Unavailable),
            ("invoices", "Invoices", Unavailable),
            ("payments", "Payments", Unavailable),
        ]
    );
    assert_eq!(run.report.outcome, RunOutcome::Succeeded);
    // in whatever order they were read
    let state = world.state();
    let tabs = state["sheets"].as_array().unwrap().iter();
    let titles: Vec<_> = tabs.skip(1).map(|sheet| &sheet["properties"]["title"]).collect();
    let synced = shown.iter().filter(|(.., outcome)| *outcome == Synced);
    assert_eq!(titles, synced.map(|(_, tab, _)| *tab).collect::<Vec<_>>());
    for (name, says) in [
        (
            "activities",
            "if wedof.requestBudget says how many requests a run may make",
        ),
        ("payments", "its list answers 400 Bad Request"),
        (
            "evaluations",
            "its list answers 404 Not Found: this account cannot read it",
        ),
        ("evaluations", "(surveys have what graduates answered)"),
        ("invoices", "registrationFolders have billId"),
    ] {
        let message = run.of(name).message.clone().unwrap();
        assert!(message.contains(says), "{message}");
    }
    assert_eq!(world.tab("Payments"), Value::Null, "no tab for what was never read");

    world.forget_requests().await;
    let again = world.sync(&[]).await.expect(0);
    assert!(
        again
            .outcomes()
            .iter()
            .all(|outcome| matches!(outcome, Unchanged | Unavailable)),
        "{:?}",
        again.outcomes()
    );
    assert_eq!(world.running.sheets_requests().writes, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_budget_every_resource_that_hangs_on_folders_is_read_too() {
    let world = World::new(30).await;
    let run = sync(
        &world,
        json!({"wedof": {"requestBudget": 1000, "requestsPerMinute": 600}}),
    )
    .await
    .expect(0);
    for name in ["activities", "payments"] {
        assert_eq!(run.of(name).outcome, Synced, "{name}");
        assert!(run.of(name).rows > 0, "{name}");
    }
    let folders = world.folder_ids().await;
    for (key, parent) in world
        .keys("Payments")
        .iter()
        .zip(column(&world, "Payments", "registrationFolderId"))
    {
        let parent = parent.as_str().unwrap();
        assert!(folders.contains(&parent.to_owned()), "{parent}");
        assert!(key.starts_with(&format!("{parent}/")), "{key}");
    }
    assert_eq!(requests(&world, "GET /api/registrationFolders"), 1, "read once for all");
}

#[rstest]
#[case::forbidden(403)]
#[case::a_parameter_is_missing(400)]
#[case::not_found(404)]
#[tokio::test(flavor = "multi_thread")]
async fn attendees_and_sessions_come_from_folders_when_their_lists_are_refused(#[case] status: u16) {
    let world = World::new(150).await;
    world
        .wedof_settings(json!({"refused": {"attendees": status, "sessions": status}}))
        .await;
    world.want(Some(&["attendees", "sessions", "registrationFolders"]));
    let run = world.sync(&[]).await.expect(0);
    assert_eq!(run.outcomes(), [Synced; 3]);
    let message = run.of("attendees").message.clone().unwrap();
    assert!(
        message.contains("from registrationFolders and certificationFolders"),
        "{message}"
    );

    let folders = world.wedof("GET", "registrationFolders", None).await;
    let distinct = |pointer: &str| {
        let values = folders
            .as_array()
            .unwrap()
            .iter()
            .map(|folder| folder.pointer(pointer).unwrap().to_string());
        values
            .map(|value| value.trim_matches('"').to_owned())
            .collect::<std::collections::BTreeSet<_>>()
    };
    let sessions: std::collections::BTreeSet<_> = world.keys("Sessions").into_iter().collect();
    assert_eq!(sessions, distinct("/trainingActionInfo/sessionId"));
    let attendees: std::collections::BTreeSet<_> = world.keys("Attendees").into_iter().collect();
    assert!(attendees.is_superset(&distinct("/attendee/id")));
    assert_eq!(attendees.len(), world.keys("Attendees").len(), "each once");
    assert_eq!(
        requests(&world, "GET /api/registrationFolders"),
        3,
        "two pages and page 1 again, for all that needs them"
    );

    // the way is the same in the next run, and the columns are those of the list
    assert_eq!(world.sync(&[]).await.expect(0).outcomes(), [Unchanged; 3]);
    assert!(column(&world, "Sessions", "startDate").iter().all(Value::is_number));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_derives_from_folders_follows_their_filters_though_they_have_no_tab() {
    let world = World::new(60).await;
    world.wedof_settings(json!({"refused": {"attendees": 403}})).await;
    let config = json!({"resources": [
        {"name": "registrationFolders", "filters": {"state": ["accepted"]}},
        {"name": "certificationFolders", "filters": {"state": ["aborted"]}},
        {"name": "attendees"},
    ]});
    world.write("sync.json", config.to_string().as_bytes());
    let run = world
        .sync(&["--config", "sync.json", "--resource", "attendees"])
        .await
        .expect(0);
    assert_eq!(run.report.resources.len(), 1);
    let folders = world.wedof("GET", "registrationFolders", None).await;
    let certifications = world.wedof("GET", "certificationFolders", None).await;
    let of = |folders: &Value, state: &str| -> Vec<String> {
        let folders = folders
            .as_array()
            .unwrap()
            .iter()
            .filter(|folder| folder["state"] == state);
        folders.map(|folder| folder["attendee"]["id"].to_string()).collect()
    };
    let mut wanted = of(&folders, "accepted");
    wanted.extend(of(&certifications, "aborted"));
    wanted.sort();
    wanted.dedup();
    let mut keys = world.keys("Attendees");
    keys.sort();
    assert_eq!(keys, wanted);
    assert_eq!(world.tab(FOLDERS), Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_that_fail_fail_what_derives_from_them_and_its_tab_stays() {
    let world = World::new(20).await;
    world.wedof_settings(json!({"refused": {"attendees": 403}})).await;
    let config = json!({"resources": [{"name": "attendees"}, {"name": "organisms"}]});
    sync(&world, config.clone()).await.expect(0);
    let keys = world.keys("Attendees");
    world
        .wedof_fault(json!({"path": "/api/registrationFolders", "times": 99, "answer": {"status": 500}}))
        .await;
    let run = sync(&world, config).await.expect(1);
    assert_eq!(run.outcomes(), [Failed, Unchanged]);
    run.says("attendees: comes from registrationFolders, which could not be read: registrationFolders, page 1: Wedof");
    assert_eq!(world.keys("Attendees"), keys);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_becomes_readable_deletes_nothing_in_its_first_run() {
    let attendee = |id: u32| json!({"attendee": {"id": id, "lastName": "x"}});
    let world = with_folders(&[
        ("1", "2026-01-01T00:00:00Z", attendee(11)),
        ("2", "2026-01-02T00:00:00Z", attendee(12)),
    ])
    .await;
    world.wedof_settings(json!({"refused": {"attendees": 403}})).await;
    world.want(Some(&["attendees"]));
    world.sync(&[]).await.expect(0);
    assert_eq!(world.keys("Attendees"), ["11", "12"]);

    world.wedof("DELETE", "attendees/12", None).await;
    world.wedof_settings(json!({"refused": {}})).await;
    let run = world.sync(&[]).await.expect(0);
    assert_eq!((run.report.removed, run.report.kept), (0, 1));
    assert_eq!(world.sync(&[]).await.expect(0).report.removed, 1);
    assert_eq!(world.keys("Attendees"), ["11"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_without_an_order_is_read_again_only_when_rows_would_go() {
    let world = with_trainings(250).await;
    let config = |missing: &str| json!({"resources": [{"name": "trainings", "missingRows": missing}]});
    let mut before = 0;
    let mut asked = || {
        let all = requests(&world, "GET /api/trainings");
        all - std::mem::replace(&mut before, all)
    };
    let run = sync(&world, config("delete")).await.expect(0);
    assert_eq!((run.report.added, asked()), (250, 3));
    sync(&world, config("delete")).await.expect(0);
    assert_eq!(asked(), 3);

    world.wedof("DELETE", "trainings/t-100", None).await;
    let run = sync(&world, config("keep")).await.expect(0);
    assert_eq!((run.report.removed, run.report.kept, asked()), (0, 1, 3));
    world.write("sync.json", config("delete").to_string().as_bytes());
    let run = world.sync(&["--config", "sync.json", "--dry-run"]).await.expect(0);
    assert_eq!((run.report.removed, run.report.kept, asked()), (1, 0, 9));
    let run = sync(&world, config("delete")).await.expect(0);
    assert_eq!((run.report.removed, run.report.kept, asked()), (1, 0, 9));
    assert_eq!(world.keys("Trainings").len(), 249);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guard_judges_a_list_without_an_order_before_anything_is_written() {
    let world = with_trainings(150).await;
    let config = json!({"resources": [{"name": "trainings"}]});
    sync(&world, config.clone()).await.expect(0);
    let before = world.values("Trainings");
    // another account's key: as many records, and none of those that were there
    for number in 0..150 {
        world.wedof("DELETE", &format!("trainings/t-{number:03}"), None).await;
        let other = json!({"externalId": format!("u-{number:03}"), "title": "Espagnol"});
        world.wedof("POST", "trainings", Some(other)).await;
    }
    let run = sync(&world, config).await.expect(2);
    run.says("tab \"Trainings\" holds 150 records and Wedof now lists 150: 150 rows would be removed");
    assert_eq!(world.values("Trainings"), before);
}

/// An account with so many trainings, of which Wedof gives no order.
async fn with_trainings(count: usize) -> World {
    let trainings: Vec<Value> = (0..count)
        .map(|number| json!({"externalId": format!("t-{number:03}"), "title": "Anglais"}))
        .collect();
    let dataset = tempfile::tempdir().unwrap();
    std::fs::write(dataset.path().join("trainings.json"), json!(trainings).to_string()).unwrap();
    World::with(Options {
        folders: 0,
        dataset: Some(dataset.path().to_owned()),
        ..Options::default()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistyped_column_is_told_with_the_right_one_before_any_column_goes() {
    let world = World::new(5).await;
    let config = |columns: Value| json!({"resources": [{"name": "registrationFolders", "columns": columns}]});
    sync(&world, config(json!({}))).await.expect(0);
    let before = world.values(FOLDERS);
    for (columns, says) in [
        (
            json!({"include": ["attendee.lastname"]}),
            "columns.include: no field is like `attendee.lastname`: did you mean `attendee.lastName`?",
        ),
        (
            json!({"exclude": ["atendee"]}),
            "columns.exclude: no field is like `atendee`: did you mean `attendee`?",
        ),
        (
            json!({"labels": {"State": "Statut"}}),
            "columns.labels: no field is like `State`: did you mean `state`?",
        ),
    ] {
        sync(&world, config(columns)).await.expect(2).says(says);
        assert_eq!(world.values(FOLDERS), before);
    }
    let run = sync(&world, config(json!({"exclude": ["metadata.shoeSize"]})))
        .await
        .expect(0);
    let told = run.of("registrationFolders").message.clone().unwrap();
    assert_eq!(told, "columns.exclude: no field is like `metadata.shoeSize`");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_that_only_their_mail_tells_apart_are_no_failure_and_their_tab_is_named() {
    let world = World::new(3).await;
    sync(&world, json!({})).await.expect(0);
    let run = sync(&world, json!({"personalData": "exclude"})).await.expect(0);
    assert_eq!(run.of("users").outcome, Unavailable);
    let told = run.of("users").message.clone().unwrap();
    assert!(told.contains("tab \"Users\" still holds such data"), "{told}");
    let named = json!({"personalData": "exclude", "resources": [{"name": "users"}]});
    sync(&world, named).await.expect(2).says("delete it");
}

#[tokio::test(flavor = "multi_thread")]
async fn wedof_out_of_reach_ends_the_run_after_the_first_resource() {
    let world = World::new(1).await;
    world.write("sync.json", b"{}");
    let run = world
        .sync_with(
            &["--config", "sync.json"],
            &[("RETRY_DELAY", "0.01"), ("WEDOF_BASE_URL", "http://127.0.0.1:9/api")],
        )
        .await
        .expect(1);
    assert_eq!(run.report.reason.as_deref(), Some("WedofUnreachable"));
    assert_eq!(
        run.stdout.matches("nothing of it could be reached").count(),
        1,
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("10 more resources not tried"), "{}", run.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_goes_to_the_folders_changed_last_and_rows_of_the_others_stay() {
    let paid =
        || json!({"billingState": "paid", "amountToInvoice": 1000, "history": {"paidDate": "2026-01-05T00:00:00Z"}});
    let world = with_folders(&[
        ("101", "2026-01-01T00:00:00Z", paid()),
        ("102", "2026-01-02T00:00:00Z", paid()),
        ("103", "2026-01-03T00:00:00Z", paid()),
    ])
    .await;
    let config = |budget: u32| json!({"wedof": {"requestBudget": budget, "requestsPerMinute": 600}, "resources": [{"name": "payments"}]});
    let first = sync(&world, config(100)).await.expect(0);
    assert_eq!(first.report.rows, 6);
    assert_eq!(world.keys("Payments")[0], "103/103-P1", "changed last, asked first");

    // one by one, so that 101 is the last
    for id in ["103", "101"] {
        let change = json!({"billingState": "notBillable"});
        world
            .wedof("PATCH", &format!("registrationFolders/{id}"), Some(change))
            .await;
    }
    // the refused list, the folders, and one folder
    let tight = sync(&world, config(3)).await.expect(0);
    assert_eq!(
        (tight.report.removed, tight.report.kept, tight.report.wedof_requests),
        (2, 0, 3)
    );
    let message = tight.of("payments").message.clone().unwrap();
    assert!(
        message.contains("1 of 3 folders asked, those changed last first"),
        "{message}"
    );
    let left = ["103/103-P1", "103/103-P2", "102/102-P1", "102/102-P2"];
    assert_eq!(world.keys("Payments"), left, "what 103 no longer has is not known yet");

    let enough = sync(&world, config(100)).await.expect(0);
    assert_eq!(enough.report.removed, 2);
    assert_eq!(world.keys("Payments"), ["102/102-P1", "102/102-P2"]);

    // a folder that is gone takes its payments along
    world.wedof("DELETE", "registrationFolders/102", None).await;
    assert_eq!(sync(&world, config(100)).await.expect(0).report.removed, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_folders_get_a_tab_of_their_own_by_expand() {
    let files = |names: &[(u32, &str)]| {
        let files = names
            .iter()
            .map(|(id, name)| json!({"id": id, "fileName": name, "state": "valid"}));
        json!({"files": files.collect::<Vec<_>>()})
    };
    let world = with_folders(&[
        ("201", "2026-01-01T00:00:00Z", files(&[(1, "a.pdf"), (2, "b.pdf")])),
        ("202", "2026-01-02T00:00:00Z", files(&[(1, "c.pdf")])),
    ])
    .await;
    let config = json!({"resources": [{"name": "registrationFolders", "expand": ["files"]}]});
    let run = sync(&world, config.clone()).await.expect(0);
    assert_eq!(run.report.resources[1].name, "registrationFolderFiles");
    assert_eq!(world.keys("Registration Folder Files"), ["201/1", "201/2", "202/1"]);
    assert_eq!(
        column(&world, "Registration Folder Files", "registrationFolderId"),
        ["201", "201", "202"]
    );
    world
        .wedof("PATCH", "registrationFolders/201", Some(files(&[(2, "b.pdf")])))
        .await;
    let run = sync(&world, config).await.expect(0);
    assert_eq!(run.of("registrationFolderFiles").removed, 1);
    assert_eq!(world.keys("Registration Folder Files"), ["201/2", "202/1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn partners_are_read_for_each_certification_of_the_filter_or_of_the_folders() {
    let world = World::new(40).await;
    let folders = world.wedof("GET", "registrationFolders", None).await;
    let code = folders[0]["_links"]["certification"]["certifInfo"].clone();
    let named = json!({"resources": [{"name": "certificationPartners", "filters": {"certifInfo": [code]}}]});
    let run = sync(&world, named).await.expect(0);
    assert!(run.report.rows > 0);
    let codes = column(&world, "Certification Partners", "certifInfo");
    assert!(codes.iter().all(|of| *of == code), "{codes:?}");
    assert_eq!(requests(&world, "GET /api/registrationFolders"), 0);

    let all = sync(&world, json!({"resources": [{"name": "certificationPartners"}]}))
        .await
        .expect(0);
    assert!(
        all.report.rows > run.report.rows,
        "{} {}",
        all.report.rows,
        run.report.rows
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tracking_sheet_has_its_columns_in_french() {
    let world = World::new(20).await;
    let config = json!({"resources": [{"name": "registrationFolders", "columns": {"preset": "suivi", "exclude": ["attendee.gender"]}}]});
    sync(&world, config).await.expect(0);
    let header = world.values(FOLDERS)[0].clone();
    for label in [
        "N° de dossier",
        "Nom",
        "Téléphone",
        "Date de naissance",
        "Formation",
        "Début de session",
        "Durée (h)",
    ] {
        assert!(header.contains(&json!(label)), "{label}: {header:?}");
    }
    assert!(
        !header.contains(&json!("Sexe")) && !header.contains(&json!("Statut")),
        "{header:?}"
    );
    assert_eq!(header[0], json!("N° de dossier"));
    assert!(header.len() <= 15, "{header:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn personal_data_is_left_out_and_columns_of_it_are_removed() {
    let world = World::new(25).await;
    world.wedof_settings(json!({"refused": {"attendees": 403}})).await;
    let resources = json!([{"name": "registrationFolders"}, {"name": "attendees"}, {"name": "organisms"}]);
    sync(&world, json!({"resources": resources})).await.expect(0);
    assert!(world.values(FOLDERS)[0].contains(&json!("attendee.lastName")));

    let run = sync(&world, json!({"resources": resources, "personalData": "exclude"}))
        .await
        .expect(0);
    assert_eq!(run.outcomes(), [Synced; 3]);
    let folders = world.wedof("GET", "registrationFolders", None).await;
    let written = world.state().to_string();
    for folder in folders.as_array().unwrap() {
        for personal in ["email", "phoneNumber"] {
            let personal = folder["attendee"][personal].as_str().unwrap_or("nobody");
            assert!(!written.contains(personal), "{personal}");
        }
    }
    let header = world.values(FOLDERS)[0].clone();
    assert!(
        header.contains(&json!("attendee.id")) && header.contains(&json!("state")),
        "{header:?}"
    );
    let attendees = world.values("Attendees")[0].clone();
    assert_eq!(attendees[0], json!("id"));
    let allowed = [
        "id",
        "degree",
        "degreeTitle",
        "readOnly",
        "cdcCompliant",
        "externalId",
        "address.id",
        "address.idAddress",
    ];
    let said = |label: &&Value| {
        let label = label.as_str().unwrap();
        !allowed.contains(&label) && !label.starts_with("address.")
    };
    assert_eq!(attendees.iter().filter(said).collect::<Vec<_>>(), Vec::<&Value>::new());

    // users are known by their e-mail alone: nothing of them is written
    let users = json!({"resources": [{"name": "users"}, {"name": "organisms"}], "personalData": "exclude"});
    let run = sync(&world, users).await.expect(2);
    run.says("users: its rows are known by email only, and personalData is excluded");
    assert_eq!(world.tab("Users"), Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_filter_is_told_before_anything_is_asked_of_wedof() {
    let world = World::new(2).await;
    let run = sync(
        &world,
        json!({"resources": [
            {"name": "registrationFolders", "filters": {"stat": ["accepted"]}},
            {"name": "surveys", "filters": {"state": ["finnished"]}},
            {"name": "organisms"},
        ]}),
    )
    .await
    .expect(2);
    for says in [
        "filter `stat` does not exist (did you mean `state`?)",
        "(did you mean `finished`?)",
    ] {
        run.says(says);
    }
    assert_eq!(world.running.wedof_requests().total, 0);
    assert_eq!(world.running.sheets_requests().total, 0);
}

/// What `resources` prints, and how it ends.
async fn resources(world: &World, args: &[&str]) -> (Option<i32>, String, String) {
    let output = world.program(&[&["resources"], args].concat()).output().await.unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.code(), stdout, stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_is_listed_without_any_configuration() {
    let world = World::new(1).await;
    std::fs::remove_file(world.path(".env")).unwrap();
    let (code, text, error) = resources(&world, &[]).await;
    assert_eq!(code, Some(0), "{error}");
    for says in [
        "list, else from registrationFolders and certificationFolders",
        "certificationPartners *",
        "surveys: certifInfo, state",
    ] {
        assert!(text.contains(says), "{text}");
    }
    let (_, json, _) = resources(&world, &["--output", "json"]).await;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["resources"].as_array().unwrap().len(), 17);
    assert_eq!(world.running.wedof_requests().total, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_key_it_says_what_the_account_can_read() {
    let world = World::new(12).await;
    world.want(None);
    world
        .wedof_settings(json!({"refused": {"attendees": 403, "users": 403}}))
        .await;
    let (code, json, error) = resources(&world, &["--output", "json"]).await;
    assert_eq!(code, Some(0), "{error}");
    let json: Value = serde_json::from_str(&json).unwrap();
    let account = |name: &str| {
        let all = json["resources"].as_array().unwrap();
        all.iter().find(|resource| resource["name"] == name).unwrap()["account"].clone()
    };
    assert_eq!(
        account("registrationFolders"),
        json!({"readable": true, "how": "list", "total": 12})
    );
    assert_eq!(
        account("attendees")["how"],
        json!("from registrationFolders and certificationFolders")
    );
    assert_eq!(account("users")["how"], json!("object users/me"));
    let invoices = account("invoices");
    assert_eq!(invoices["readable"], json!(false));
    let message = invoices["message"].as_str().unwrap();
    assert!(
        message.contains("is not in Wedof's description of its API"),
        "{message}"
    );
    assert_eq!(requests(&world, "GET /api/invoices"), 0, "not even asked for");

    world.write_env("another-key", "");
    let (code, _, error) = resources(&world, &[]).await;
    assert_eq!(code, Some(2));
    assert!(
        error.contains("refuses the API key of variable WEDOF_API_KEY"),
        "{error}"
    );
}
