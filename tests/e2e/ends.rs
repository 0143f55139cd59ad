//! Ends of runs that only a real kubelet makes. Runs without their Secrets wait a quarter of a minute for them, which is time
//! enough to do something to them. Each test syncs a resource of its own: two objects on one tab would be a conflict.

use k8s_openapi::api::core::v1::Pod;
use kube::{
    ResourceExt,
    api::{DeleteParams, EvictParams, Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::world::{Centre, World, condition};

const TENANT: usize = 18;

fn spec(resource: &str) -> Value {
    json!({"resources": [{"name": resource}]})
}

/// A centre without Secrets, its object applied, and the name of the pod whose container runs and waits for them.
async fn waiting_for_its_secret(namespace: &str, changes: Value) -> (Centre, String) {
    let centre = World::connect().await.centre_without_secrets(namespace, TENANT).await;
    centre.apply("acme", changes).await;
    let running = |pod: &Pod| pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Running");
    let pod = centre.wait_for_pod("a pod that runs", running).await.name_any();
    (centre, pod)
}

async fn reason_of_the_run(centre: &Centre, reason: &str) -> Value {
    centre
        .wait("acme", reason, |status| status["lastRun"]["reason"] == reason)
        .await
}

#[tokio::test]
async fn a_run_that_is_evicted_is_told_so_and_done_again_without_counting() {
    let (centre, pod) = waiting_for_its_secret("e2e-evicted", spec("organisms")).await;
    centre
        .pods()
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
    centre
        .pods()
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
    let going = |status: &Value| status["lastRun"]["jobName"].is_string();
    let status = centre.wait("acme", "the run", going).await;
    let job = status["lastRun"]["jobName"].as_str().expect("a name");
    // the least that a spec may ask for is five minutes
    let deadline = Patch::Merge(json!({"spec": {"activeDeadlineSeconds": 1}}));
    centre
        .jobs()
        .patch(job, &PatchParams::default(), &deadline)
        .await
        .expect("the Job can be changed");
    let status = centre.wait_for_failure("acme").await;
    assert_eq!(status["lastRun"]["reason"], "DeadlineExceeded", "{status}");
    // nothing is left that could be read now
    centre.wait_for_no_pod().await;
    let told = centre.status("acme").await;
    assert_eq!(told["lastRun"]["reason"], "DeadlineExceeded", "{told}");
}

#[tokio::test]
async fn a_run_that_uses_too_much_memory_is_told_so() {
    let centre = World::connect().await.centre("e2e-oom", TENANT + 1).await;
    let limited = json!({"job": {"backoffLimit": 0, "resources": {"limits": {"memory": "6Mi"}}}});
    centre.apply("acme", limited).await;
    let status = centre.wait_for_failure("acme").await;
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
    centre.wait_until_ready("acme").await;

    let mut job = centre.job_of("acme", "by-hand").await;
    job["spec"]["backoffLimit"] = json!(0);
    for (field, value) in [
        ("image", "registry.invalid/none:1"),
        ("imagePullPolicy", "IfNotPresent"),
    ] {
        job["spec"]["template"]["spec"]["containers"][0][field] = json!(value);
    }
    centre.create_job(job).await;

    let waits =
        |pod: &Pod| serde_json::to_value(&pod.status).is_ok_and(|status| status.to_string().contains("ImagePull"));
    let pod = centre.wait_for_pod("a pod that cannot pull its image", waits).await;
    let end = Patch::Merge(json!({"spec": {"activeDeadlineSeconds": 1}}));
    centre
        .pods()
        .patch(&pod.name_any(), &PatchParams::default(), &end)
        .await
        .expect("a pod's deadline can be shortened");
    let status = centre.wait_for_failure("acme").await;
    let result = condition(&status, "LastRunSucceeded");
    assert_eq!(result["reason"], "ImagePullBackOff", "{status}");
    let message = result["message"].as_str().unwrap_or_default();
    assert!(message.contains("registry.invalid/none:1"), "{message}");
}

#[tokio::test]
async fn the_pods_of_two_runs_of_one_object_never_run_at_once() {
    let (centre, _) = waiting_for_its_secret("e2e-turns", spec("certificationFolders")).await;
    centre.create_secrets(&centre.api_key).await;
    let job = centre.job_of("acme", "by-hand").await;
    centre.create_job(job).await;
    let done =
        |status: &Value| status["lastRun"]["jobName"] == "by-hand" && status["lastRun"]["outcome"] == "Succeeded";
    let status = centre.wait("acme", "the second run", done).await;
    assert_eq!(
        status["lastRun"]["attempts"], 1,
        "no pod of it was begun before its turn: {status}"
    );

    let all = centre.all_pods().await;
    let times = |pod: &Pod| {
        let status = pod.status.as_ref()?.container_statuses.as_ref()?.first()?;
        let ended = status.state.as_ref()?.terminated.as_ref()?;
        Some((ended.started_at.as_ref()?.0, ended.finished_at.as_ref()?.0))
    };
    let mut spans: Vec<_> = all.iter().filter_map(times).collect();
    spans.sort();
    assert!(spans.len() >= 2, "{spans:?}");
    assert!(
        spans.windows(2).all(|two| two[0].1 <= two[1].0),
        "one after the other: {spans:?}"
    );
}
