//! Never two runs of one object at once.

use k8s_openapi::api::{
    batch::v1::{CronJob, Job},
    core::v1::Pod,
};
use kube::{ResourceExt, api::ListParams};
use serde_json::{Value, json};

use crate::{
    proxy::Fault,
    world::{World, condition, next_second, report},
};

fn is_suspended(job: &Job) -> bool {
    job.spec.as_ref().unwrap().suspend == Some(true)
}

/// A Job made by hand, which waits for the run that is going, whose Job this gives.
async fn by_hand_during_a_run(world: &World) -> String {
    let first = world.jobs(1).await.remove(0).name_any();
    world.pod(&first).await;
    next_second().await;
    create_job(world, "by-hand").await;
    world.wait_object("by-hand", "it to wait", is_suspended).await;
    first
}

async fn create_job(world: &World, name: &str) {
    let (made, printed) = world.kubectl(&["create", "job", "--from=cronjob/acme", name]).await;
    assert!(made, "{printed}");
}

#[tokio::test]
async fn a_job_made_by_hand_during_a_run_waits_its_turn_and_says_so() {
    let world = World::start("op-turns").await;
    world.apply("acme", json!({})).await;
    let first = by_hand_during_a_run(&world).await;
    let both_active = |cronjob: &CronJob| {
        let status = cronjob.status.as_ref();
        status
            .and_then(|status| status.active.as_ref())
            .is_some_and(|active| active.len() == 2)
    };
    world
        .wait_object("acme", "the schedule to wait for both", both_active)
        .await;
    let says = |status: &Value| {
        let wanted = format!("Job by-hand waits for Job {first} to end");
        condition(status, "Ready")["message"]
            .as_str()
            .unwrap()
            .ends_with(&wanted)
    };
    let status = world.wait("acme", "that it waits", says).await;
    assert_eq!(status["lastRun"]["jobName"], first, "what is going is shown");
    let pods = ListParams::default().labels("batch.kubernetes.io/job-name=by-hand");
    let no_pod = async || world.api::<Pod>().list(&pods).await.unwrap().items.is_empty();
    world.until("its pod to go, if it had one already", no_pod).await;
    // that pod would count as an attempt if the Job went on within a second of its making: times are whole seconds
    for _ in 0..2 {
        next_second().await;
    }

    world.end_pod(&first, 0, &report("Succeeded", json!({}))).await;
    world
        .wait_object("by-hand", "its turn", |job: &Job| !is_suspended(job))
        .await;
    world
        .end_pod("by-hand", 0, &report("Succeeded", json!({"updated": 3})))
        .await;
    let status = world
        .wait("acme", "its end", |status| status["lastRun"]["updated"] == 3)
        .await;
    assert_eq!(
        (&status["lastRun"]["trigger"], &status["lastRun"]["attempts"]),
        (&json!("Manual"), &json!(1))
    );
    let ready = condition(&status, "Ready")["message"].as_str().unwrap();
    assert!(!ready.contains("waits"), "{ready}");
}

#[tokio::test]
async fn the_end_of_a_run_is_told_although_the_next_cannot_go_on() {
    let world = World::start("op-turns-refused").await;
    world.apply("acme", json!({})).await;
    let first = by_hand_during_a_run(&world).await;
    let refuse = |line: &str| {
        let of_job = line.starts_with("PATCH ") && line.contains("/jobs/by-hand");
        of_job.then_some(Fault::Refuse(403, None))
    };
    world.operator.proxy.inject(refuse);
    world
        .end_pod(&first, 0, &report("Succeeded", json!({"added": 3})))
        .await;
    world
        .wait("acme", "the end of the first", |status| status["lastRun"]["added"] == 3)
        .await;
    let refusal = r#"wedof_sheet_sync_api_errors_total{action="let a Job wait or go on",code="403"}"#;
    let counted = async || world.operator.ask("/metrics").await.unwrap().1.contains(refusal);
    world.until("the refusal to be counted", counted).await;
    world.operator.proxy.heal();
    world
        .wait_object("by-hand", "its turn", |job: &Job| !is_suspended(job))
        .await;
}

#[tokio::test]
async fn a_run_that_somebody_suspends_says_so_and_goes_on_by_the_command_that_it_names() {
    let world = World::start("op-turns-halted").await;
    world.apply("acme", json!({})).await;
    let job = world.jobs(1).await.remove(0).name_any();
    world.pod(&job).await;
    let (patched, printed) = world
        .kubectl(&["patch", "job", &job, "--patch", r#"{"spec":{"suspend":true}}"#])
        .await;
    assert!(patched, "{printed}");
    let status = world
        .wait("acme", "the suspension to be told", |status| {
            status["lastRun"]["reason"] == "JobSuspended"
        })
        .await;
    assert_eq!(status["lastRun"]["outcome"], "Running");
    let message = status["lastRun"]["message"].as_str().unwrap();
    // a pod of before is told from one of after by whole seconds
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    let (_, command) = message.split_once("kubectl ").unwrap();
    let command: Vec<&str> = command.split(' ').map(|word| word.trim_matches('\'')).collect();
    let (patched, printed) = world.kubectl(&command).await;
    assert!(patched, "{printed}");
    world
        .wait("acme", "it to go on", |status| status["lastRun"]["reason"].is_null())
        .await;
    world.pod(&job).await;
    world.end_pod(&job, 0, &report("Succeeded", json!({"added": 3}))).await;
    world
        .wait("acme", "its report", |status| status["lastRun"]["added"] == 3)
        .await;
}

#[tokio::test]
async fn of_runs_that_began_while_the_operator_was_down_one_goes_on() {
    let mut world = World::start("op-turns-down").await;
    world
        .apply("acme", json!({"runOnCreate": false, "suspend": true}))
        .await;
    world.wait_for("acme", "Ready", "True").await;
    world.stop_operator();
    for name in ["one", "two", "three"] {
        create_job(&world, name).await;
        world.pod(name).await;
        next_second().await;
    }
    world.start_operator();
    world.wait_object("two", "it to wait", is_suspended).await;
    world.wait_object("three", "it to wait", is_suspended).await;
    for (name, next) in [("one", Some("two")), ("two", Some("three")), ("three", None)] {
        let job = world
            .wait_object(name, "its turn", |job: &Job| !is_suspended(job))
            .await;
        assert!(!job.annotations().contains_key("wedofsheetsync.dev/waits-its-turn"));
        if let Some(next) = next {
            assert!(
                is_suspended(&world.api::<Job>().get(next).await.unwrap()),
                "{next} before {name} has ended"
            );
        }
        world.end_pod(name, 0, &report("Succeeded", json!({}))).await;
    }
    let all = |status: &Value| status["lastRun"]["jobName"] == "three" && status["lastRun"]["outcome"] == "Succeeded";
    world.wait("acme", "all three", all).await;
}
