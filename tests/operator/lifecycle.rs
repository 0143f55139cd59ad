//! At rest, at its end, and with an object that goes away. (Namespaces that go away are in tests/outages.)

use std::time::{Duration, Instant};

use k8s_openapi::api::batch::v1::Job;
use kube::{
    ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::json;
use wedof_sheet_sync::api::WedofSheetSync;

use crate::edit;
use crate::world::{World, report};

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
async fn a_deleted_object_leaves_nothing_behind() {
    let world = World::start("op-deleted").await;
    world.apply("acme", json!({})).await;
    let job = world.jobs(1).await.remove(0).name_any();
    world.pod(&job).await;
    world
        .api::<WedofSheetSync>()
        .delete("acme", &DeleteParams::background())
        .await
        .unwrap();
    world.jobs(0).await;
    assert!(world.cronjob("acme").await.is_none());
}

#[tokio::test]
async fn sigterm_ends_the_operator_cleanly() {
    let mut world = World::start("op-sigterm").await;
    world.apply("acme", json!({"runOnCreate": false})).await;
    world.wait_for("acme", "Ready", "True").await;
    world.operator.signal("TERM");
    let start = Instant::now();
    assert_eq!(world.operator.end().await.code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(5));
}
