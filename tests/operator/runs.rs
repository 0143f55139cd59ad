//! Runs → status.

use std::time::Duration;

use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::ResourceQuota;
use kube::{
    ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::world::{World, condition, report};
use crate::{REQUESTED_AT, json_of};

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
    let reasons = world.reasons("acme").await;
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
    world.create::<Job>(job).await;
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
    world.operator.ready().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
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
    assert_eq!(status["lastRun"]["reason"], "JobDeleted");
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
    let mut world = World::without_operator("op-quota").await;
    let quota = json!({"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}});
    world.create::<ResourceQuota>(quota).await;
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

    // its deadline ends it, and is not what was wrong
    let job = status["lastRun"]["jobName"].as_str().unwrap();
    let deadline = Patch::Merge(json!({"spec": {"activeDeadlineSeconds": 61}}));
    world
        .api::<Job>()
        .patch(job, &PatchParams::default(), &deadline)
        .await
        .unwrap();
    let result = world.wait_for("acme", "LastRunSucceeded", "False").await;
    assert_eq!(result["reason"], "FailedCreate");
    assert!(
        result["message"].as_str().unwrap().contains("exceeded quota"),
        "{result}"
    );
}
