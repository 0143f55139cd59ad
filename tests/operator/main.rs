//! The operator against a real API server with its controllers (CronJob, Job, garbage, namespaces): `cargo nextest run
//! --test operator` with KUBECONFIG, on a cluster in which no operator is installed. No kubelet is needed, and one does not
//! harm.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod world;

use std::time::{Duration, Instant};

use k8s_openapi::api::{
    batch::v1::{CronJob, Job},
    core::v1::{Namespace, ResourceQuota},
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use wedof_sheet_sync::api::WedofSheetSync;
use world::{World, condition, report};

const REQUESTED_AT: &str = "wedofsheetsync.dev/sync-requested-at";

fn json_of(object: &impl serde::Serialize) -> Value {
    serde_json::to_value(object).unwrap()
}

/// Somebody else changes a CronJob.
async fn edit(world: &World, name: &str, patch: Value) {
    let api = world.api::<CronJob>();
    api.patch(name, &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .unwrap();
}

#[tokio::test]
async fn the_rules_of_the_definition_speak_to_people() {
    let world = World::without_operator("op-rules").await;
    let refused = async |changes: Value| {
        let manifest = serde_json::from_value::<kube::core::DynamicObject>(world.manifest("x", changes)).unwrap();
        let api: Api<kube::core::DynamicObject> = Api::namespaced_with(
            world.client.clone(),
            &world.namespace,
            &kube::core::ApiResource::erase::<WedofSheetSync>(&()),
        );
        let created = api
            .create(
                &PostParams {
                    dry_run: true,
                    ..Default::default()
                },
                &manifest,
            )
            .await;
        created
            .err()
            .map(|error| error.to_string())
            .unwrap_or("accepted".into())
    };
    let secret = json!({"name": "wedof", "key": "k"});
    for (changes, says) in [
        (json!({}), "accepted"),
        (json!({"schedule": "@daily"}), "accepted"),
        (json!({"schedule": "H(0-29)/10 H * * MON-FRI"}), "accepted"),
        (
            json!({"schedule": "* * * * * *"}),
            "schedule needs five fields (minute hour day-of-month month day-of-week), found 6",
        ),
        (json!({"schedule": "@fortnightly"}), "schedule knows @yearly"),
        (
            json!({"schedule": "TZ=UTC 0 7 * * *"}),
            "schedule takes no TZ or CRON_TZ: set timeZone",
        ),
        (json!({"schedule": "0 7 * * §"}), "schedule has a field that is none"),
        (json!({"timeZone": "Local"}), "timeZone must be a zone's IANA name"),
        (
            json!({"spreadsheetId": "https://docs.google.com/spreadsheets/d/1BxiMVs0XRA5nFMd/edit"}),
            "not the link",
        ),
        (
            json!({"spreadsheetId": "15909500171590950017"}),
            "the number of a tab (gid)",
        ),
        (
            json!({"spreadsheetId": "2PACX-1vQx4JZ8kXcD3hY0sRbTn"}),
            "a published copy",
        ),
        (json!({"wedof": {}}), "spec.wedof.apiKeySecretRef: Required value"),
        (
            json!({"google": {}}),
            "spec.google.credentialsSecretRef: Required value",
        ),
        (
            json!({"wedof": {"apiKeySecretRef": secret, "baseUrl": "http://www.wedof.fr/api"}}),
            "http is for Services of the cluster",
        ),
        (
            json!({"wedof": {"apiKeySecretRef": secret, "baseUrl": "https://a@b.fr"}}),
            "no user, query or fragment",
        ),
        (
            json!({"wedof": {"apiKeySecretRef": secret, "baseUrl": "http://simulator.sim.svc:8080/api"}}),
            "accepted",
        ),
        (
            json!({"resources": [{"name": "organisms"}, {"name": "organisms", "tab": "b"}]}),
            "spec.resources[1]: Duplicate value",
        ),
        (
            json!({"resources": [{"name": "organisms", "tab": "registration folders"}, {"name": "registrationFolders"}]}),
            "have the same tab",
        ),
        (
            json!({"resources": [{"name": "students"}]}),
            "Unsupported value: \"students\"",
        ),
        (
            json!({"job": {"activeDeadlineSeconds": 10}}),
            "greater than or equal to 300",
        ),
        (
            json!({"job": {"failedJobsHistoryLimit": 0}}),
            "greater than or equal to 1",
        ),
        (
            json!({"job": {"resources": {"limits": {"cpu": 1, "memory": "1 GB"}}}}),
            "should match",
        ),
    ] {
        let answer = refused(changes.clone()).await;
        assert!(answer.contains(says), "{changes}: {answer}");
    }
}

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
                .contains("container miner")
        })
        .await;
}

#[tokio::test]
async fn a_cronjob_of_somebody_else_is_never_touched() {
    let world = World::without_operator("op-name-taken").await;
    let pod = json!({"restartPolicy": "Never", "containers": [{"name": "backup", "image": "i"}]});
    let backup = json!({"metadata": {"name": "acme"}, "spec": {"schedule": "0 0 * * *",
        "jobTemplate": {"spec": {"template": {"spec": pod}}}}});
    let backup: CronJob = serde_json::from_value(backup).unwrap();
    let before = world
        .api::<CronJob>()
        .create(&PostParams::default(), &backup)
        .await
        .unwrap();
    let mut world = world;
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
    let reasons: Vec<_> = world
        .events("acme")
        .await
        .into_iter()
        .map(|(reason, _)| reason)
        .collect();
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
async fn a_first_run_that_fails_for_good_is_told_with_its_report() {
    let world = World::start("op-first-run").await;
    world.apply("acme", json!({})).await;
    let job = world.jobs(1).await.remove(0);
    assert_eq!(job.annotations()["wedofsheetsync.dev/trigger"], "Create");
    assert_eq!(job.owner_references()[0].kind, "CronJob");
    let active = |cronjob: &CronJob| {
        let active = cronjob.status.as_ref().and_then(|status| status.active.as_ref());
        active.is_some_and(|active| active.iter().any(|active| active.uid == job.uid()))
    };
    world.wait_object("acme", "the Job among the active ones", active).await;
    let running = world
        .wait("acme", "the run", |status| status["lastRun"]["outcome"] == "Running")
        .await;
    assert_eq!(condition(&running, "LastRunSucceeded")["reason"], "NoRunYet");

    let message = "Secret wedof, key api-key: Wedof refuses it; make a new key at Mon compte > Jetons d'API\u{1b}[0m";
    let told = report("Failed", json!({"reason": "WedofKeyRefused", "message": message}));
    world.end_pod(&job.name_any(), 2, &told).await;
    let result = world.wait_for("acme", "LastRunSucceeded", "False").await;
    assert_eq!(result["reason"], "WedofKeyRefused");
    assert_eq!(result["observedGeneration"], 1);
    let shown = result["message"].as_str().unwrap();
    assert!(shown.contains("Jetons d'API") && !shown.contains('\u{1b}'), "{shown}");
    let status = world.status("acme").await;
    let run = &status["lastRun"];
    assert_eq!(
        (&run["outcome"], &run["trigger"], &run["attempts"]),
        (&json!("Failed"), &json!("Create"), &json!(1))
    );
    assert_eq!(run["completionTime"], result["lastTransitionTime"], "the Job's time");
    assert_eq!(status["consecutiveFailures"], 1);
    let reasons: Vec<_> = world
        .events("acme")
        .await
        .into_iter()
        .map(|(reason, _)| reason)
        .collect();
    assert_eq!(reasons, ["CronJobCreated", "RunStarted", "RunFailed"]);
    // nobody but a person can mend it: no other run starts
    tokio::time::sleep(Duration::from_secs(3)).await;
    world.jobs(1).await;
}

#[tokio::test]
async fn numbers_are_summed_over_the_attempts_of_a_run() {
    let world = World::start("op-attempts").await;
    world.apply("acme", json!({})).await;
    let job = world.jobs(1).await.remove(0).name_any();
    let resources = |added: i64| {
        json!([{"name": "organisms", "tab": "Organisms", "outcome": "Synced", "rows": 250,
        "added": added, "updated": 0, "removed": 0}])
    };
    let partial = report(
        "Partial",
        json!({"reason": "WedofError", "message": "no answer", "added": 100, "resources": resources(100)}),
    );
    world.end_pod(&job, 1, &partial).await;
    world
        .wait("acme", "the first attempt", |status| {
            status["lastRun"]["reason"] == "WedofError"
        })
        .await;
    let good = report("Succeeded", json!({"added": 150, "resources": resources(150)}));
    world.end_pod(&job, 0, &good).await;
    world.wait_for("acme", "LastRunSucceeded", "True").await;
    let status = world.status("acme").await;
    let run = &status["lastRun"];
    assert_eq!(
        (&run["rows"], &run["added"], &run["attempts"]),
        (&json!(250), &json!(250), &json!(2))
    );
    assert_eq!(run["message"], "250 rows: 250 added, 0 updated, 0 removed");
    assert_eq!(
        (&status["rows"], &status["resources"][0]["added"]),
        (&json!(250), &json!(250))
    );
    assert_eq!(status["lastSuccessTime"], run["completionTime"]);
}

#[tokio::test]
async fn a_run_asked_for_during_a_run_waits_for_its_end() {
    let world = World::start("op-run-now").await;
    world
        .apply("acme", json!({"runOnCreate": false, "suspend": true}))
        .await;
    world.wait_for("acme", "Ready", "True").await;
    world.annotate("acme", REQUESTED_AT, "first").await;
    let first = world.jobs(1).await.remove(0);
    assert_eq!(first.annotations()["wedofsheetsync.dev/sync-request"], "first");
    world.annotate("acme", REQUESTED_AT, "second").await;
    let says = |status: &Value| {
        condition(status, "Ready")["message"]
            .as_str()
            .unwrap()
            .contains("asked for at second waits")
    };
    world.wait("acme", "that it waits", says).await;
    world.jobs(1).await;

    world
        .end_pod(&first.name_any(), 0, &report("Succeeded", json!({})))
        .await;
    world
        .wait("acme", "the first to be handled", |status| {
            status["lastHandledSyncRequest"] == "first"
        })
        .await;
    let jobs = world.jobs(2).await;
    let second = jobs.iter().find(|job| job.name_any() != first.name_any()).unwrap();
    assert_eq!(second.annotations()["wedofsheetsync.dev/sync-request"], "second");
    let status = world.status("acme").await;
    assert_eq!(
        status["lastHandledSyncRequest"], "first",
        "handled is what has finished"
    );
    world
        .end_pod(&second.name_any(), 0, &report("Succeeded", json!({})))
        .await;
    world
        .wait("acme", "the second to be handled", |status| {
            status["lastHandledSyncRequest"] == "second"
        })
        .await;
}

#[tokio::test]
async fn a_manual_job_counts_as_a_run_and_holds_the_schedule_back() {
    let world = World::start("op-manual").await;
    world.apply("acme", json!({"runOnCreate": false})).await;
    world.wait_for("acme", "Ready", "True").await;
    // as `kubectl create job --from=cronjob/acme` does it
    let cronjob = world.cronjob("acme").await.unwrap();
    let template = cronjob.spec.clone().unwrap().job_template;
    let mut annotations = template.metadata.as_ref().unwrap().annotations.clone().unwrap();
    annotations.insert("cronjob.kubernetes.io/instantiate".into(), "manual".into());
    let owner =
        json!({"apiVersion": "batch/v1", "kind": "CronJob", "name": "acme", "uid": cronjob.uid(), "controller": true});
    let job = json!({
        "metadata": {"name": "by-hand", "labels": template.metadata.unwrap().labels, "annotations": annotations, "ownerReferences": [owner]},
        "spec": template.spec,
    });
    let job: Job = serde_json::from_value(job).unwrap();
    world.api::<Job>().create(&PostParams::default(), &job).await.unwrap();
    let active = |cronjob: &CronJob| {
        cronjob
            .status
            .as_ref()
            .and_then(|status| status.active.as_ref())
            .is_some_and(|active| active.len() == 1)
    };
    world.wait_object("acme", "the Job among the active ones", active).await;
    world
        .end_pod("by-hand", 0, &report("Succeeded", json!({"updated": 3})))
        .await;
    world.wait_for("acme", "LastRunSucceeded", "True").await;
    let status = world.status("acme").await;
    assert_eq!(
        (&status["lastRun"]["trigger"], &status["lastRun"]["updated"]),
        (&json!("Manual"), &json!(3))
    );
}

#[tokio::test]
async fn what_happened_while_the_operator_was_down_is_counted_once() {
    let mut world = World::start("op-down").await;
    world.apply("acme", json!({})).await;
    let job = world.jobs(1).await.remove(0).name_any();
    world
        .wait("acme", "the run", |status| status["lastRun"]["outcome"] == "Running")
        .await;
    world.stop_operator();
    world
        .end_pod(
            &job,
            2,
            &report(
                "Failed",
                json!({"reason": "SpreadsheetForbidden", "message": "share it"}),
            ),
        )
        .await;
    let failed = |job: &Job| {
        json_of(job)["status"]["failed"] == 1 && json_of(job)["status"]["conditions"].to_string().contains("\"Failed\"")
    };
    world.wait_object(&job, "the end", failed).await;
    world.start_operator();
    let result = world.wait_for("acme", "LastRunSucceeded", "False").await;
    assert_eq!(result["reason"], "SpreadsheetForbidden");
    let counted = world.status("acme").await;
    world.stop_operator();
    world.start_operator();
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(world.status("acme").await, counted);
    assert_eq!(counted["consecutiveFailures"], 1);
}

#[tokio::test]
async fn a_run_whose_job_is_deleted_is_not_claimed_to_have_ended_well() {
    let world = World::start("op-job-deleted").await;
    world.apply("acme", json!({})).await;
    let job = world.jobs(1).await.remove(0).name_any();
    world
        .wait("acme", "the run", |status| status["lastRun"]["outcome"] == "Running")
        .await;
    world
        .api::<Job>()
        .delete(&job, &DeleteParams::background())
        .await
        .unwrap();
    let status = world
        .wait("acme", "its end", |status| status["lastRun"]["outcome"] == "Unknown")
        .await;
    assert_eq!(condition(&status, "LastRunSucceeded")["status"], "Unknown");
    assert!(
        status["lastRun"]["message"]
            .as_str()
            .unwrap()
            .contains("deleted before it ended"),
        "{status}"
    );
}

#[tokio::test]
async fn a_job_that_gets_no_pod_says_why() {
    let world = World::without_operator("op-quota").await;
    let quota = json!({"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}});
    let quota: ResourceQuota = serde_json::from_value(quota).unwrap();
    world
        .api::<ResourceQuota>()
        .create(&PostParams::default(), &quota)
        .await
        .unwrap();
    let mut world = world;
    world.start_operator();
    world.apply("acme", json!({})).await;
    let status = world
        .wait("acme", "the cause", |status| {
            status["lastRun"]["reason"] == "FailedCreate"
        })
        .await;
    let message = status["lastRun"]["message"].as_str().unwrap();
    assert!(message.contains("exceeded quota"), "{message}");
    assert_eq!(status["lastRun"]["outcome"], "Running");
}

#[tokio::test]
async fn of_two_objects_on_one_tab_the_younger_waits_and_is_not_stalled() {
    let world = World::start("op-conflict").await;
    world.apply("first", json!({"runOnCreate": false})).await;
    world.wait_for("first", "Ready", "True").await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    world
        .apply(
            "second",
            json!({"runOnCreate": false, "resources": [{"name": "organisms"}]}),
        )
        .await;
    let ready = world.wait_for("second", "Ready", "False").await;
    assert_eq!(ready["reason"], "TabConflict");
    assert!(
        ready["message"]
            .as_str()
            .unwrap()
            .starts_with("WedofSheetSync first fills the tab `organisms`"),
        "{ready}"
    );
    assert_eq!(*condition(&world.status("second").await, "Stalled"), Value::Null);
    assert!(world.cronjob("second").await.is_none());
    world
        .api::<WedofSheetSync>()
        .delete("first", &DeleteParams::background())
        .await
        .unwrap();
    world.wait_for("second", "Ready", "True").await;
}

#[tokio::test]
async fn at_rest_nothing_is_asked_of_the_api_server() {
    let world = World::start("op-rest").await;
    world.apply("acme", json!({})).await;
    let job = world.jobs(1).await.remove(0).name_any();
    world
        .end_pod(&job, 0, &report("Succeeded", json!({"added": 250})))
        .await;
    world.wait_for("acme", "LastRunSucceeded", "True").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    world.requests();
    // looks at the object, at the CronJob, at the Job: none finds anything to do
    world.annotate("acme", "looked-at", "again").await;
    edit(
        &world,
        "acme",
        json!({"metadata": {"annotations": {"somebody": "else"}}}),
    )
    .await;
    let patch = Patch::Merge(json!({"metadata": {"annotations": {"somebody": "else"}}}));
    world
        .api::<Job>()
        .patch(&job, &PatchParams::default(), &patch)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(world.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn an_object_that_does_not_decode_is_told_so_and_stops_no_other() {
    let world = World::without_operator("op-undecodable").await;
    let good = async |name: &str| {
        world
            .apply(
                name,
                json!({"runOnCreate": false, "resources": [{"name": "organisms", "tab": name}]}),
            )
            .await;
    };
    good("acme").await;
    good("broken").await;
    world.store_broken("broken").await;
    let mut world = world;
    world.start_operator();
    world.wait_for("acme", "Ready", "True").await;
    let raw = world
        .wait_raw("broken", |object| {
            condition(&object["status"], "Stalled")["status"] == "True"
        })
        .await;
    let stalled = condition(&raw["status"], "Stalled");
    assert_eq!(stalled["reason"], "InvalidSpec");
    assert!(stalled["message"].as_str().unwrap().contains("students"), "{stalled}");
    assert!(world.cronjob("broken").await.is_none());
}

#[tokio::test]
async fn a_deleted_object_and_a_deleted_namespace_leave_nothing_behind() {
    let world = World::start("op-deleted").await;
    world.apply("acme", json!({})).await;
    let job = world.jobs(1).await.remove(0).name_any();
    world.pod(&job).await;
    world
        .apply(
            "bravo",
            json!({"resources": [{"name": "organisms", "tab": "bravo"}], "runOnCreate": false}),
        )
        .await;
    world
        .api::<WedofSheetSync>()
        .delete("acme", &DeleteParams::background())
        .await
        .unwrap();
    world.jobs(0).await;
    assert!(world.cronjob("acme").await.is_none());

    let namespaces: Api<Namespace> = Api::all(world.client.clone());
    namespaces
        .delete(&world.namespace, &DeleteParams::default())
        .await
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while namespaces.get_opt(&world.namespace).await.unwrap().is_some() {
        assert!(Instant::now() < deadline, "the namespace does not go away");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test]
async fn sigterm_ends_the_operator_cleanly() {
    let mut world = World::start("op-sigterm").await;
    world.apply("acme", json!({"runOnCreate": false})).await;
    world.wait_for("acme", "Ready", "True").await;
    let killed = std::process::Command::new("kill")
        .arg(world.operator_id().to_string())
        .status()
        .unwrap();
    assert!(killed.success());
    let start = Instant::now();
    assert_eq!(world.operator_end().await.code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(5));
}
