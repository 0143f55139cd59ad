//! What must hold after every outage.

use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use kube::{ResourceExt, api::ListParams};
use serde_json::{Value, json};

use crate::{
    proxy::is_watch,
    replica::Replica,
    world::{World, report},
};

/// The report of a run that went well.
pub fn good() -> Value {
    report("Succeeded", json!({"added": 7}))
}

/// The report of a run that nobody but a person can mend.
pub fn bad() -> Value {
    report(
        "Failed",
        json!({"reason": "WedofKeyRefused", "message": "make a new key"}),
    )
}

/// The Jobs of one object, oldest first.
pub async fn jobs_of(world: &World, name: &str) -> Vec<Job> {
    let jobs = world.api::<Job>().list(&ListParams::default()).await.unwrap();
    let mut jobs: Vec<Job> = jobs.items;
    jobs.retain(|job| job.owner_references().iter().any(|owner| owner.name == name));
    jobs.sort_by_key(|job| job.creation_timestamp().map(|time| time.0));
    jobs
}

/// Waits for the Job that makes it so many.
pub async fn job_of(world: &World, name: &str, count: usize) -> String {
    world
        .until(&format!("{count} Jobs of {name}"), async || {
            jobs_of(world, name).await.len() >= count
        })
        .await;
    jobs_of(world, name).await[count - 1].name_any()
}

/// The runs of an object, in order, each told once: no other Jobs, no other events, and the status of the last.
pub async fn told_once(world: &World, name: &str, succeeded: &[bool]) {
    let failures = succeeded.iter().rev().take_while(|good| !**good).count();
    let last = jobs_of(world, name).await.last().expect("a Job").uid();
    let status = world
        .wait(name, "the last run to be recorded", |status| {
            status["lastRun"]["jobUid"].as_str() == last.as_deref() && status["lastRun"]["outcome"] != "Running"
        })
        .await;
    assert_eq!(status["consecutiveFailures"], failures, "{name}: {status:#}");
    let outcome = if failures == 0 { "Succeeded" } else { "Failed" };
    assert_eq!(status["lastRun"]["outcome"], outcome, "{name}: {status:#}");
    assert_eq!(jobs_of(world, name).await.len(), succeeded.len(), "Jobs of {name}");
    let count = async |reason: &str| {
        let events = world.events(name).await;
        events.iter().filter(|(told, _)| told == reason).count()
    };
    let good = succeeded.iter().filter(|good| **good).count();
    for (reason, times) in [
        ("RunSucceeded", good),
        ("RunFailed", succeeded.len() - good),
        ("RunEndUnknown", 0),
    ] {
        world
            .until(&format!("{times} events {reason} of {name}"), async || {
                count(reason).await == times
            })
            .await;
    }
    // of a run that had ended when it was seen first nobody tells that it started
    assert!(count("RunStarted").await <= succeeded.len(), "RunStarted of {name}");
}

/// An operator at rest asks nothing. Gives its memory in KiB.
pub async fn at_rest(replica: &Replica) -> u64 {
    tokio::time::sleep(Duration::from_secs(3)).await;
    replica.proxy.take_requests();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut requests = replica.proxy.take_requests();
    requests.retain(|line| !line.contains("/leases/") && !is_watch(line));
    assert_eq!(requests, Vec::<String>::new(), "asked at rest");
    replica.memory()
}
