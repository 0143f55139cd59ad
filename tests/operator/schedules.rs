//! Schedules, as the API server takes them.

use k8s_openapi::api::batch::v1::CronJob;
use kube::{
    Api,
    api::{DynamicObject, PostParams},
};
use serde_json::json;
use wedof_sheet_sync::{api::WedofSheetSync, schedule::Schedule};

use crate::world::World;

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    schedule: String,
    time_zone: String,
}

/// `CRON_VECTORS` names another file of the same form.
#[tokio::test]
async fn what_the_api_server_takes_for_a_schedule_and_what_it_refuses_is_what_we_do() {
    let world = World::without_operator("op-schedules").await;
    let path = std::env::var("CRON_VECTORS").unwrap_or("tests/fixtures/cron-vectors.json".into());
    let vectors: Vec<Vector> = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let dry_run = PostParams {
        dry_run: true,
        ..Default::default()
    };
    let objects: Api<DynamicObject> = Api::namespaced_with(
        world.client.clone(),
        &world.namespace,
        &kube::core::ApiResource::erase::<WedofSheetSync>(&()),
    );
    let mut wrong = Vec::new();
    for Vector { schedule, time_zone } in vectors {
        let pod = json!({"restartPolicy": "Never", "containers": [{"name": "sync", "image": "i"}]});
        let cronjob = json!({"metadata": {"name": "x"}, "spec": {"schedule": schedule, "timeZone": time_zone,
            "jobTemplate": {"spec": {"template": {"spec": pod}}}}});
        let cronjob: CronJob = serde_json::from_value(cronjob).unwrap();
        let taken = world.api::<CronJob>().create(&dry_run, &cronjob).await;
        let parsed = Schedule::parse(&schedule);
        if taken.is_ok() != parsed.is_ok() {
            wrong.push(format!(
                "`{schedule}`: {parsed:?}, but the API server: {:?}",
                taken.err()
            ));
        } else if taken.is_ok() && !schedule.contains('\t') {
            // nothing that would run is kept out by our own definition (but tabs between fields)
            let manifest = world.manifest("x", json!({"schedule": schedule, "timeZone": time_zone}));
            let refused = objects
                .create(&dry_run, &serde_json::from_value(manifest).unwrap())
                .await
                .err();
            wrong.extend(refused.map(|error| format!("`{schedule}` is refused: {error}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
