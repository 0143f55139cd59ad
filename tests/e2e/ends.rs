//! Ends of runs that only a real kubelet makes. Runs without their Secrets wait a quarter of a minute for them, which is time
//! enough to do something to them. Each test syncs a resource of its own: two objects on one tab would be a conflict.

use std::time::{Duration, Instant};

use k8s_openapi::api::{
    batch::v1::{CronJob, Job},
    core::v1::Pod,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, EvictParams, ListParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::world::{Centre, World, condition};

const TENANT: usize = 18;

fn spec(resource: &str) -> Value {
    json!({"resources": [{"name": resource}]})
}

fn pods(centre: &Centre) -> Api<Pod> {
    Api::namespaced(centre.world.client.clone(), &centre.namespace)
}

fn jobs(centre: &Centre) -> Api<Job> {
    Api::namespaced(centre.world.client.clone(), &centre.namespace)
}

/// A centre without Secrets, its object applied, and the name of the pod whose container runs and waits for them.
async fn waiting_for_its_secret(namespace: &str, changes: Value) -> (Centre, String) {
    let centre = World::connect().await.centre_without_secrets(namespace, TENANT).await;
    centre.apply("acme", changes).await;
    let running = |pod: &Pod| pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Running");
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let all = pods(&centre)
            .list(&ListParams::default())
            .await
            .expect("pods can be listed");
        if let Some(pod) = all.items.iter().find(|pod| running(pod)) {
            return (centre, pod.name_any());
        }
        assert!(Instant::now() < deadline, "no pod runs");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn reason_of_the_run(centre: &Centre, reason: &str) -> Value {
    centre
        .wait("acme", reason, |status| status["lastRun"]["reason"] == reason)
        .await
}

#[tokio::test]
async fn a_run_that_is_evicted_is_told_so_and_done_again_without_counting() {
    let (centre, pod) = waiting_for_its_secret("e2e-evicted", spec("organisms")).await;
    pods(&centre)
        .evict(&pod, &EvictParams::default())
        .await
        .expect("it can be evicted");
    let status = reason_of_the_run(&centre, "Evicted").await;
    let message = status["lastRun"]["message"].as_str().unwrap_or_default();
    assert!(
        message.contains(&pod) && message.contains("(attempt 1 of 4 follows)"),
        "{message}"
    );
    // only now, or the pod could be done before it is evicted
    centre.create_secrets(&centre.api_key).await;
    let status = centre.wait_for_success("acme").await;
    assert!(status["lastRun"]["attempts"].as_i64() >= Some(2), "{status}");
    assert_eq!(status["rows"], 1, "{status}");
}

#[tokio::test]
async fn a_run_whose_pod_is_deleted_is_told_so_and_the_next_attempt_follows() {
    let (centre, pod) = waiting_for_its_secret("e2e-pod-deleted", spec("users")).await;
    pods(&centre)
        .delete(&pod, &DeleteParams::default())
        .await
        .expect("it can be deleted");
    let status = reason_of_the_run(&centre, "PodDeleted").await;
    let message = status["lastRun"]["message"].as_str().unwrap_or_default();
    assert!(
        message.starts_with(&format!("pod {pod} was deleted while it ran")),
        "{message}"
    );
    centre.create_secrets(&centre.api_key).await;
    centre.wait_for_success("acme").await;
}

#[tokio::test]
async fn a_run_that_does_not_end_in_time_is_told_so_although_its_pod_is_deleted() {
    let (centre, _) = waiting_for_its_secret("e2e-deadline", spec("trainings")).await;
    let status = centre.status("acme").await;
    let job = status["lastRun"]["jobName"].as_str().expect("a run is going");
    // the least that a spec may ask for is five minutes
    let deadline = Patch::Merge(json!({"spec": {"activeDeadlineSeconds": 1}}));
    jobs(&centre)
        .patch(job, &PatchParams::default(), &deadline)
        .await
        .expect("the Job can be changed");
    let failed = |status: &Value| condition(status, "LastRunSucceeded")["status"] == "False";
    let status = centre.wait("acme", "its end", failed).await;
    assert_eq!(status["lastRun"]["reason"], "DeadlineExceeded", "{status}");
    let left = pods(&centre)
        .list(&ListParams::default())
        .await
        .expect("pods can be listed");
    assert!(left.items.is_empty(), "nothing is left that could be read now");
}

#[tokio::test]
async fn a_run_that_uses_too_much_memory_is_told_so() {
    let centre = World::connect().await.centre("e2e-oom", TENANT + 1).await;
    let limited = json!({"job": {"backoffLimit": 0, "resources": {"limits": {"memory": "6Mi"}}}});
    centre.apply("acme", limited).await;
    let failed = |status: &Value| condition(status, "LastRunSucceeded")["status"] == "False";
    let status = centre.wait("acme", "its end", failed).await;
    let result = condition(&status, "LastRunSucceeded");
    assert_eq!(result["reason"], "OOMKilled", "{status}");
    let message = result["message"].as_str().unwrap_or_default();
    assert!(message.contains("spec.job.resources.limits.memory"), "{message}");
}

#[tokio::test]
async fn an_image_that_cannot_be_pulled_is_told_also_when_the_pods_deadline_has_ended_the_run() {
    let centre = World::connect().await.centre("e2e-image", TENANT).await;
    let mut changes = spec("sessions");
    changes["runOnCreate"] = json!(false);
    centre.apply("acme", changes).await;
    let ready = |status: &Value| condition(status, "Ready")["status"] == "True";
    centre.wait("acme", "Ready", ready).await;

    // as the CronJob would make it, but for the image
    let cronjob: CronJob = centre.cronjobs().get("acme").await.expect("the CronJob is there");
    let mut job = json!({"metadata": {"name": "by-hand"}});
    let template = serde_json::to_value(cronjob.spec.as_ref().map(|spec| &spec.job_template)).expect("JSON");
    job["spec"] = template["spec"].clone();
    job["spec"]["backoffLimit"] = json!(0);
    for (field, value) in [
        ("image", "registry.invalid/none:1"),
        ("imagePullPolicy", "IfNotPresent"),
    ] {
        job["spec"]["template"]["spec"]["containers"][0][field] = json!(value);
    }
    job["metadata"]["labels"] = template["metadata"]["labels"].clone();
    job["metadata"]["ownerReferences"] = json!([{"apiVersion": "batch/v1", "kind": "CronJob", "name": "acme",
        "uid": cronjob.uid(), "controller": true}]);
    let job: Job = serde_json::from_value(job).expect("a Job");
    jobs(&centre)
        .create(&PostParams::default(), &job)
        .await
        .expect("the Job is created");

    let waits =
        |pod: &Pod| serde_json::to_value(&pod.status).is_ok_and(|status| status.to_string().contains("ImagePull"));
    let deadline = Instant::now() + Duration::from_secs(120);
    let pod = loop {
        let all = pods(&centre)
            .list(&ListParams::default())
            .await
            .expect("pods can be listed");
        if let Some(pod) = all.items.iter().find(|pod| waits(pod)) {
            break pod.name_any();
        }
        assert!(Instant::now() < deadline, "no pod tries to pull its image");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let end = Patch::Merge(json!({"spec": {"activeDeadlineSeconds": 1}}));
    pods(&centre)
        .patch(&pod, &PatchParams::default(), &end)
        .await
        .expect("a pod's deadline can be shortened");
    let failed = |status: &Value| condition(status, "LastRunSucceeded")["status"] == "False";
    let status = centre.wait("acme", "its end", failed).await;
    let result = condition(&status, "LastRunSucceeded");
    assert_eq!(result["reason"], "ImagePullBackOff", "{status}");
    let message = result["message"].as_str().unwrap_or_default();
    assert!(message.contains("registry.invalid/none:1"), "{message}");
}

#[tokio::test]
async fn the_pods_of_two_runs_of_one_object_never_run_at_once() {
    let (centre, _) = waiting_for_its_secret("e2e-turns", spec("certificationFolders")).await;
    centre.create_secrets(&centre.api_key).await;
    let cronjob: CronJob = centre.cronjobs().get("acme").await.expect("the CronJob is there");
    let template = cronjob
        .spec
        .map(|spec| serde_json::to_value(spec.job_template).expect("JSON"));
    let mut job = template.expect("it has a spec");
    job["metadata"]["name"] = json!("by-hand");
    job["metadata"]["ownerReferences"] = json!([{"apiVersion": "batch/v1", "kind": "CronJob", "name": "acme",
        "uid": cronjob.metadata.uid, "controller": true}]);
    let job: Job = serde_json::from_value(job).expect("a Job");
    jobs(&centre)
        .create(&PostParams::default(), &job)
        .await
        .expect("the Job is created");
    let done =
        |status: &Value| status["lastRun"]["jobName"] == "by-hand" && status["lastRun"]["outcome"] == "Succeeded";
    let status = centre.wait("acme", "the second run", done).await;
    assert_eq!(
        status["lastRun"]["attempts"], 1,
        "no pod of it was begun before its turn: {status}"
    );

    let all = pods(&centre)
        .list(&ListParams::default())
        .await
        .expect("pods can be listed");
    let times = |pod: &Pod| {
        let status = pod.status.as_ref()?.container_statuses.as_ref()?.first()?;
        let ended = status.state.as_ref()?.terminated.as_ref()?;
        Some((ended.started_at.as_ref()?.0, ended.finished_at.as_ref()?.0))
    };
    let mut spans: Vec<_> = all.items.iter().filter_map(times).collect();
    spans.sort();
    assert!(spans.len() >= 2, "{spans:?}");
    assert!(
        spans.windows(2).all(|two| two[0].1 <= two[1].0),
        "one after the other: {spans:?}"
    );
}
