//! Spec → CronJob: what is made, repaired, refused and left alone.

use std::time::Duration;

use k8s_openapi::api::batch::v1::{CronJob, Job};
use kube::{
    ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use wedof_sheet_sync::api::WedofSheetSync;

use crate::edit;
use crate::world::{World, condition};

#[tokio::test]
async fn an_object_becomes_one_cronjob_that_is_kept_as_it_should_be() {
    let world = World::start("op-cronjob").await;
    world.apply("acme", json!({"runOnCreate": false})).await;
    let ready = world.wait_for("acme", "Ready", "True").await;
    assert_eq!(ready["message"], "runs at 0 4 29 2 * (Europe/Paris)");
    let cronjob = world.cronjob("acme").await.unwrap();
    let object = world.api::<WedofSheetSync>().get("acme").await.unwrap();
    assert_eq!(cronjob.owner_references()[0].uid, object.uid().unwrap());
    let managers: Vec<_> = cronjob
        .managed_fields()
        .iter()
        .map(|entry| entry.operation.clone().unwrap())
        .collect();
    assert_eq!(managers, ["Apply"], "created by apply: no field has two owners");
    let creations = world
        .requests()
        .into_iter()
        .filter(|line| line.contains("/cronjobs/acme?"));
    assert_eq!(creations.count(), 1, "one apply");

    edit(
        &world,
        "acme",
        json!({"spec": {"schedule": "0 0 * * *", "suspend": true}}),
    )
    .await;
    let repaired = |cronjob: &CronJob| {
        let spec = cronjob.spec.as_ref().unwrap();
        spec.schedule == "0 4 29 2 *" && spec.suspend == Some(false)
    };
    world.wait_object("acme", "the repair of drift", repaired).await;

    let pod = json!({"spec": {"activeDeadlineSeconds": 1, "containers": [{"name": "sync", "image": "miner"}]}});
    let strategic = json!({"spec": {"jobTemplate": {"spec": {"template": pod}}}});
    let api = world.api::<CronJob>();
    api.patch("acme", &PatchParams::default(), &Patch::Strategic(&strategic))
        .await
        .unwrap();
    let repaired = |cronjob: &CronJob| {
        let job = cronjob.spec.as_ref().unwrap().job_template.spec.as_ref().unwrap();
        let pod = job.template.spec.as_ref().unwrap();
        pod.active_deadline_seconds == Some(3540)
            && pod.containers[0].image.as_deref() == Some("example.invalid/sync:1")
    };
    world.wait_object("acme", "the repair of its pods", repaired).await;

    edit(
        &world,
        "acme",
        json!({"metadata": {"labels": {"wedofsheetsync.dev/uid": null}}}),
    )
    .await;
    let labelled = |cronjob: &CronJob| cronjob.labels().contains_key("wedofsheetsync.dev/uid");
    world.wait_object("acme", "the label", labelled).await;

    let uid = cronjob.uid();
    world
        .api::<CronJob>()
        .delete("acme", &DeleteParams::background())
        .await
        .unwrap();
    world
        .wait_object("acme", "another CronJob", |cronjob: &CronJob| cronjob.uid() != uid)
        .await;

    let container = json!({"name": "miner", "image": "i"});
    let patch = json!([{"op": "add", "path": "/spec/jobTemplate/spec/template/spec/containers/-", "value": container}]);
    let patch: Patch<()> = Patch::Json(serde_json::from_value(patch).unwrap());
    world
        .api::<CronJob>()
        .patch("acme", &PatchParams::default(), &patch)
        .await
        .unwrap();
    world
        .wait("acme", "the foreign container to be told", |status| {
            condition(status, "Ready")["message"]
                .as_str()
                .unwrap()
                .contains("others have set in its CronJob: containers[miner]")
        })
        .await;
}

#[tokio::test]
async fn after_a_restart_only_what_was_changed_meanwhile_is_applied_again() {
    let mut world = World::start("op-cronjob-restart").await;
    for name in ["left", "changed", "replaced"] {
        world.apply(name, json!({"runOnCreate": false})).await;
        world.wait_for(name, "Ready", "True").await;
    }
    world.stop_operator();
    let api = world.api::<CronJob>();
    let later = json!({"spec": {"schedule": "0 0 * * *"}});
    api.patch("changed", &PatchParams::default(), &Patch::Merge(&later))
        .await
        .unwrap();
    // by one with the same owner, annotations and generation
    let mut forged = api.get("replaced").await.unwrap();
    api.delete("replaced", &DeleteParams::default()).await.unwrap();
    forged.metadata.resource_version = None;
    forged.metadata.uid = None;
    forged.metadata.managed_fields = None;
    forged.spec.as_mut().unwrap().schedule = "0 0 * * *".into();
    api.create(&PostParams::default(), &forged).await.unwrap();

    world.requests();
    world.start_operator();
    let repaired = |cronjob: &CronJob| cronjob.spec.as_ref().unwrap().schedule == "0 4 29 2 *";
    for name in ["changed", "replaced"] {
        world.wait_object(name, "the repair of drift", repaired).await;
    }
    // the third is looked at in the same round
    tokio::time::sleep(Duration::from_secs(3)).await;
    let applied: Vec<String> = world
        .requests()
        .into_iter()
        .filter(|line| line.starts_with("PATCH") && line.contains("/cronjobs/"))
        .collect();
    assert_eq!(applied.len(), 2, "{applied:?}");
    assert!(!applied.iter().any(|line| line.contains("/left?")), "{applied:?}");
}

#[tokio::test]
async fn a_cronjob_of_somebody_else_is_never_touched() {
    let mut world = World::without_operator("op-name-taken").await;
    let pod = json!({"restartPolicy": "Never", "containers": [{"name": "backup", "image": "i"}]});
    let backup = json!({"metadata": {"name": "acme"}, "spec": {"schedule": "0 0 * * *",
        "jobTemplate": {"spec": {"template": {"spec": pod}}}}});
    let before: CronJob = world.create(backup).await;
    world.start_operator();
    world.apply("acme", json!({})).await;
    let ready = world.wait_for("acme", "Ready", "False").await;
    assert_eq!(ready["reason"], "NameTaken");
    assert!(
        ready["message"]
            .as_str()
            .unwrap()
            .starts_with("CronJob acme is there already")
    );
    assert_eq!(
        *condition(&world.status("acme").await, "Stalled"),
        Value::Null,
        "not the author's to mend alone"
    );
    assert_eq!(
        world.cronjob("acme").await.unwrap().resource_version(),
        before.resource_version()
    );
    assert_eq!(world.events("acme").await[0].0, "NameTaken");

    world
        .api::<CronJob>()
        .delete("acme", &DeleteParams::background())
        .await
        .unwrap();
    // it is not watched: the next look finds out, and any change of the object is a look
    world.annotate("acme", "looked-at", "again").await;
    world.wait_for("acme", "Ready", "True").await;
}

#[tokio::test]
async fn a_spec_that_is_wrong_creates_nothing_and_one_that_turns_wrong_suspends() {
    let world = World::start("op-invalid").await;
    world.apply("acme", json!({"schedule": "0 0 30 2 *"})).await;
    let stalled = world.wait_for("acme", "Stalled", "True").await;
    assert_eq!(stalled["reason"], "NeverFires");
    assert_eq!(condition(&world.status("acme").await, "Ready")["status"], "False");
    assert!(world.cronjob("acme").await.is_none());

    world.apply("acme", json!({"runOnCreate": false})).await;
    world.wait_for("acme", "Ready", "True").await;
    let uid = world.cronjob("acme").await.unwrap().uid();

    world
        .apply("acme", json!({"timeZone": "europe/paris", "runOnCreate": false}))
        .await;
    let stalled = world.wait_for("acme", "Stalled", "True").await;
    assert!(
        stalled["message"]
            .as_str()
            .unwrap()
            .contains("did you mean Europe/Paris?"),
        "{stalled}"
    );
    let suspended = world.wait_object("acme", "the suspension", |cronjob: &CronJob| {
        cronjob.spec.as_ref().unwrap().suspend == Some(true)
    });
    let suspended = suspended.await;
    assert_eq!(suspended.uid(), uid, "never deleted: its Jobs would go with it");
    assert_eq!(
        suspended.spec.unwrap().time_zone.as_deref(),
        Some("Europe/Paris"),
        "and otherwise left alone"
    );

    world.apply("acme", json!({"runOnCreate": false})).await;
    world.wait_for("acme", "Ready", "True").await;
    world
        .wait_object("acme", "the schedule again", |cronjob: &CronJob| {
            cronjob.spec.as_ref().unwrap().suspend == Some(false)
        })
        .await;
    let reasons = world.reasons("acme").await;
    assert!(
        reasons.contains(&"Stalled".to_owned()) && reasons.contains(&"CronJobCreated".to_owned()),
        "{reasons:?}"
    );
}

#[tokio::test]
async fn what_only_the_api_server_finds_wrong_is_told_in_its_words_and_not_tried_again() {
    let world = World::start("op-refused").await;
    world.apply("acme", json!({"runOnCreate": false})).await;
    world.wait_for("acme", "Ready", "True").await;
    let refused = json!({"runOnCreate": false, "job": {"nodeSelector": {"not a label": "x"}}});
    world.apply("acme", refused).await;
    let stalled = world.wait_for("acme", "Stalled", "True").await;
    assert_eq!(stalled["reason"], "CronJobRefused");
    assert!(
        stalled["message"].as_str().unwrap().contains("not a label"),
        "{stalled}"
    );
    let suspended = |cronjob: &CronJob| cronjob.spec.as_ref().unwrap().suspend == Some(true);
    world.wait_object("acme", "the suspension", suspended).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.requests();
    world.annotate("acme", "looked-at", "again").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(world.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn an_object_of_any_name_gets_a_cronjob_and_runs() {
    let world = World::start("op-names").await;
    for (number, length) in [52usize, 53, 63, 252, 253].into_iter().enumerate() {
        let name: String = "a.b-c.".chars().cycle().take(length - 1).chain(['z']).collect();
        // names that begin alike: the world's own way to give each a spreadsheet would give them one
        let spreadsheet = format!("1SpreadsheetOfName-{number}");
        world.apply(&name, json!({"spreadsheetId": spreadsheet})).await;
        world.wait_for(&name, "Ready", "True").await;
        let run = |status: &Value| status["lastRun"]["outcome"] == "Running";
        let status = world.wait(&name, "its run", run).await;
        let job = status["lastRun"]["jobName"].as_str().unwrap();
        assert!(job.len() <= 63, "{job}");
        world.pod(job).await;
        let cronjob = world.api::<Job>().get(job).await.unwrap().owner_references()[0]
            .name
            .clone();
        assert!(cronjob.len() <= 52 && (length > 52 || cronjob == name), "{cronjob}");
        // as the CronJob controller and kubectl make them
        let (made, printed) = world
            .kubectl(&[
                "create",
                "job",
                &format!("--from=cronjob/{cronjob}"),
                &format!("by-hand-{number}"),
            ])
            .await;
        assert!(made, "{printed}");
    }
}

#[tokio::test]
async fn a_spec_too_long_for_a_run_is_told_so() {
    let world = World::start("op-too-large").await;
    let values = vec!["x".repeat(200); 100];
    let filters: serde_json::Map<String, Value> = (0..6).map(|number| (format!("f{number}"), json!(values))).collect();
    world
        .apply(
            "acme",
            json!({"resources": [{"name": "organisms", "filters": filters}]}),
        )
        .await;
    let stalled = world.wait_for("acme", "Stalled", "True").await;
    assert_eq!(stalled["reason"], "SpecTooLarge");
    assert!(world.cronjob("acme").await.is_none());
}

#[tokio::test]
async fn an_installation_may_let_no_object_choose_nodes() {
    let mut world = World::without_operator("op-placement").await;
    world.start_operator_with(&[("RUN_SETTINGS", r#"{"allowPlacement": false}"#)]);
    world.apply("acme", json!({})).await;
    let stalled = world.wait_for("acme", "Stalled", "True").await;
    assert_eq!(stalled["reason"], "PlacementNotAllowed");
    assert!(
        stalled["message"]
            .as_str()
            .unwrap()
            .starts_with("spec.job.nodeSelector: "),
        "{stalled}"
    );
    world
        .apply("acme", json!({"job": {"backoffLimit": 1}, "runOnCreate": false}))
        .await;
    world.wait_for("acme", "Ready", "True").await;
}

#[tokio::test]
async fn a_schedule_at_an_hour_that_clocks_skip_or_repeat_is_warned_of_also_when_only_the_zone_changes() {
    let world = World::start("op-clock-change").await;
    let at_two = |zone: &str| json!({"runOnCreate": false, "schedule": "30 2 * * *", "timeZone": zone});
    world.apply("acme", at_two("Indian/Reunion")).await;
    world.wait_for("acme", "Ready", "True").await;
    let warned = async || {
        let events = world.events("acme").await.into_iter();
        events
            .filter(|(reason, _)| reason == "ScheduleMeetsClockChange")
            .map(|(_, note)| note)
            .collect::<Vec<_>>()
    };
    assert_eq!(warned().await, Vec::<String>::new(), "its clocks never change");
    world.apply("acme", at_two("Europe/Paris")).await;
    let moved = |status: &Value| condition(status, "Ready")["message"] == "runs at 30 2 * * * (Europe/Paris)";
    world.wait("acme", "the zone", moved).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let notes = warned().await;
    assert!(
        notes.len() == 1 && notes[0].contains("30 2 * * * in Europe/Paris"),
        "{notes:?}"
    );
}
