//! Cases from the field: what went wrong in other operators that make CronJobs and Jobs. (A6, namespaces that go away, is in
//! tests/outages.)

use std::time::Duration;

use k8s_openapi::api::{
    batch::v1::{CronJob, Job},
    core::v1::{Pod, ResourceQuota},
};
use kube::{
    ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use rstest::rstest;
use serde_json::{Value, json};
use wedof_sheet_sync::api::WedofSheetSync;

use crate::{
    REQUESTED_AT, json_of,
    proxy::is_write,
    world::{World, condition, report},
};

#[rstest]
#[case::thirtieth_of_february("op-a2-february", "0 0 30 2 *")]
#[case::thirty_first_of_april("op-a2-april", "0 0 31 4 *")]
#[tokio::test]
async fn a2_a_date_that_never_comes_is_stalled_and_does_not_loop(#[case] namespace: &str, #[case] schedule: &str) {
    let world = World::start(namespace).await;
    world.apply("acme", json!({"schedule": schedule})).await;
    let stalled = world.wait_for("acme", "Stalled", "True").await;
    assert_eq!(stalled["reason"], "NeverFires");
    let status = world.status("acme").await;
    assert_eq!(condition(&status, "Ready")["status"], "False");
    assert_eq!(status["nextScheduleTime"], Value::Null);
    assert!(world.cronjob("acme").await.is_none());
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.requests();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(
        world.requests(),
        Vec::<String>::new(),
        "asked of a schedule that never fires"
    );
}

#[tokio::test]
async fn a2_a_date_that_comes_every_four_years_is_legal() {
    let world = World::start("op-a2-leap").await;
    world
        .apply("acme", json!({"schedule": "0 0 29 2 *", "runOnCreate": false}))
        .await;
    world.wait_for("acme", "Ready", "True").await;
    let next = world.status("acme").await["nextScheduleTime"].clone();
    // midnight in Paris
    let next = next.as_str().unwrap();
    assert!(next.ends_with("-02-28T23:00:00Z"), "{next}");
    assert!(world.cronjob("acme").await.is_some());
}

#[tokio::test]
async fn a4_where_owners_are_protected_the_chart_s_rights_are_enough() {
    let world = World::start("op-a4").await;
    world.apply("acme", json!({"runOnCreate": false})).await;
    world.wait_for("acme", "Ready", "True").await;
    let cronjob = world.cronjob("acme").await.unwrap();
    let owner = &cronjob.owner_references()[0];
    assert_eq!((owner.controller, owner.block_owner_deletion), (Some(true), None));
    // the server does protect owners: a reference that blocks deletion would have needed another right
    let mut blocking: CronJob = cronjob.clone();
    blocking.metadata = kube::core::ObjectMeta {
        name: Some("blocking".into()),
        owner_references: Some(vec![k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference {
            block_owner_deletion: Some(true),
            ..owner.clone()
        }]),
        ..Default::default()
    };
    let api = kube::Api::<CronJob>::namespaced(world.operators_client(), &world.namespace);
    let refused = api.create(&PostParams::default(), &blocking).await.unwrap_err();
    assert!(
        refused.to_string().contains("cannot set blockOwnerDeletion"),
        "{refused}"
    );
}

/// What the kubelet says of an image that is not there.
async fn image_is_missing(world: &World, pod: &str) {
    let waiting = json!({"reason": "ImagePullBackOff", "message": "Back-off pulling image \"example.invalid/sync:1\""});
    let patch = json!({"status": {
        "phase": "Pending",
        "containerStatuses": [{"name": "sync", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": waiting}}],
    }});
    let pods = world.api::<Pod>();
    pods.patch_status(pod, &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .unwrap();
}

#[tokio::test]
async fn a8_a_run_whose_image_is_not_there_says_so_is_ended_by_its_deadline_and_the_next_has_the_mended_template() {
    let mut world = World::start("op-a8-image").await;
    world.apply("acme", json!({})).await;
    let job = world.jobs(1).await.remove(0).name_any();
    image_is_missing(&world, &world.pod(&job).await).await;
    let deadline = |job: &Job| job.spec.as_ref().and_then(|spec| spec.active_deadline_seconds);
    let made = world.api::<Job>().get(&job).await.unwrap();
    assert!(deadline(&made).is_some(), "no run can be stuck for ever");
    // the image is mended: what runs keeps its template, what comes has the new one
    world.stop_operator();
    world
        .operator
        .start(&world.namespace.clone(), &["--run-image", "example.invalid/sync:2"]);
    let image = |cronjob: &CronJob| json_of(cronjob)["spec"]["jobTemplate"].to_string().contains("sync:2");
    world.wait_object("acme", "the mended template", image).await;
    // it is given two minutes to come by itself
    world
        .wait_up_to(Duration::from_secs(200), "acme", "the cause to be told", |status| {
            status["lastRun"]["reason"] == "ImagePullBackOff"
        })
        .await;
    world.annotate("acme", REQUESTED_AT, "again").await;
    // the deadline, sooner than it would come
    let patch = json!({"spec": {"activeDeadlineSeconds": 1}});
    let jobs = world.api::<Job>();
    jobs.patch(&job, &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .unwrap();
    world
        .wait("acme", "the end to be recorded", |status| {
            status["consecutiveFailures"] == 1
        })
        .await;
    let next = world.jobs(2).await.remove(1);
    assert!(json_of(&next)["spec"]["template"].to_string().contains("sync:2"));
    world
        .end_pod(&next.name_any(), 0, &report("Succeeded", json!({})))
        .await;
    world.wait_for("acme", "LastRunSucceeded", "True").await;
}

#[tokio::test]
async fn a8_b_a_quota_that_demands_limits_gets_them() {
    let mut world = World::without_operator("op-a8-limits").await;
    let hard = json!({"limits.cpu": "4", "limits.memory": "4Gi", "requests.cpu": "4", "requests.memory": "4Gi"});
    let quota = json!({"metadata": {"name": "limits"}, "spec": {"hard": hard}});
    world.create::<ResourceQuota>(quota).await;
    world.start_operator();
    world.apply("acme", json!({})).await;
    let job = world.jobs(1).await.remove(0).name_any();
    world.pod(&job).await;
}

#[tokio::test]
async fn a8_c_a_full_quota_of_jobs_is_told_and_the_run_starts_when_there_is_room() {
    let mut world = World::without_operator("op-a8-jobs").await;
    let quota = json!({"metadata": {"name": "jobs"}, "spec": {"hard": {"count/jobs.batch": "1"}}});
    world.create::<ResourceQuota>(quota).await;
    world.start_operator();
    world.apply("acme", json!({})).await;
    let job = world.jobs(1).await.remove(0).name_any();
    world.end_pod(&job, 0, &report("Succeeded", json!({}))).await;
    world.wait_for("acme", "LastRunSucceeded", "True").await;
    world.annotate("acme", REQUESTED_AT, "again").await;
    let told = |status: &Value| {
        let message = condition(status, "Ready")["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        message.contains("a run cannot be started") && message.contains("exceeded quota: jobs")
    };
    world.wait("acme", "the quota to be told", told).await;
    let tries = |requests: Vec<String>| {
        requests
            .iter()
            .filter(|line| line.starts_with("POST") && line.contains("/jobs"))
            .count()
    };
    world.requests();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let tries = tries(world.requests());
    assert!(tries <= 4, "tried {tries} times in ten seconds");
    world
        .api::<Job>()
        .delete(&job, &DeleteParams::background())
        .await
        .unwrap();
    let again = async || {
        let jobs = world.api::<Job>().list(&ListParams::default()).await.unwrap();
        jobs.items.iter().any(|other| other.name_any() != job)
    };
    world.until("the run that was asked for", again).await;
}

#[tokio::test]
async fn a10_an_object_that_does_not_decode_stops_no_other_and_is_told_once() {
    let mut world = World::without_operator("op-a10").await;
    world.apply("broken", json!({"runOnCreate": false})).await;
    let known = json!({"status": {
        "rows": 7, "lastSuccessTime": "2026-11-25T07:00:00Z",
        "lastRecordedRun": {"completionTime": "2026-11-25T07:00:00Z", "jobUid": "u", "outcome": "Succeeded"},
    }});
    world
        .api::<WedofSheetSync>()
        .patch_status("broken", &PatchParams::default(), &Patch::Merge(&known))
        .await
        .unwrap();
    world.store_broken("broken").await;
    world.start_operator();
    world.apply("acme", json!({"runOnCreate": false})).await;
    world.wait_for("acme", "Ready", "True").await;
    let raw = world
        .wait_raw("broken", |object| {
            condition(&object["status"], "Stalled")["status"] == "True"
        })
        .await;
    let stalled = condition(&raw["status"], "Stalled");
    assert_eq!(stalled["reason"], "InvalidSpec");
    assert!(stalled["message"].as_str().unwrap().contains("students"), "{stalled}");
    for field in ["rows", "lastSuccessTime", "lastRecordedRun"] {
        assert_eq!(raw["status"][field], known["status"][field], "what was known stays");
    }
    assert!(world.cronjob("broken").await.is_none());
    world.operator.ready().await;
    let (_, metrics) = world.operator.ask("/metrics").await.unwrap();
    let stalled = |line: &&str| line.starts_with("wedof_sheet_sync_stalled{") && line.contains("name=\"broken\"");
    assert!(metrics.lines().find(stalled).unwrap().ends_with(" 1"), "{metrics}");
    // another look, and another operator, tell nothing new
    world.stop_operator();
    world.start_operator();
    world.operator.ready().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let told = world.events("broken").await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, "Stalled");
    world.requests();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut asked = world.requests();
    asked.retain(|line| is_write(line));
    assert_eq!(asked, Vec::<String>::new(), "written at rest");
}
