//! An API server that refuses, forgets and interrupts; a proxy plays it.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use k8s_openapi::api::batch::v1::Job;
use kube::api::DeleteParams;
use rstest::rstest;
use serde_json::json;

use crate::{
    ledger::{at_rest, bad, good, job_of, told_once},
    proxy::{Fault, is_watch, is_write},
    world::World,
};

/// Two runs, the first good and the second bad, while the proxy does what it was told.
async fn two_runs(world: &mut World) {
    world.start_operator();
    world.apply("acme", json!({})).await;
    let job = job_of(world, "acme", 1).await;
    world.end_pod(&job, 0, &good()).await;
    world
        .annotate("acme", "wedofsheetsync.dev/sync-requested-at", "again")
        .await;
    let job = job_of(world, "acme", 2).await;
    world.end_pod(&job, 2, &bad()).await;
    told_once(world, "acme", &[true, false]).await;
}

/// The first two tries of each write go wrong. Not those of events, which are sent once and not worth failing for.
fn twice(fault: Fault) -> impl FnMut(&str) -> Option<Fault> + Send {
    let mut seen = std::collections::HashMap::<String, u32>::new();
    move |line| {
        let count = seen.entry(line.to_owned()).or_default();
        *count += 1;
        (is_write(line) && !line.contains("/events") && *count <= 2).then(|| fault.clone())
    }
}

#[rstest]
#[case::conflict("409", Fault::Refuse(409, None))]
#[case::too_many_requests("429", Fault::Refuse(429, Some(1)))]
#[case::internal_error("500", Fault::Refuse(500, None))]
#[case::unavailable("503", Fault::Refuse(503, None))]
#[case::lost_answers("504", Fault::LoseAnswer)]
#[case::slow("slow", Fault::Delay(Duration::from_secs(2)))]
#[tokio::test]
async fn writes_that_go_wrong_are_tried_again_and_count_once(#[case] name: &str, #[case] fault: Fault) {
    let mut world = World::without_operator(&format!("out-write-{name}")).await;
    world.operator.proxy.inject(twice(fault));
    two_runs(&mut world).await;
    println!("{name}: at rest {} KiB", at_rest(&world.operator).await);
}

#[tokio::test]
async fn an_api_server_that_asks_for_patience_gets_it() {
    let mut world = World::without_operator("out-retry-after").await;
    let tries = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = tries.clone();
    world.operator.proxy.inject(move |line| {
        let ours = line.starts_with("PATCH") && line.contains("/cronjobs/acme?");
        let mut tries = seen.lock().unwrap();
        ours.then(|| tries.push(Instant::now()))?;
        (tries.len() <= 2).then_some(Fault::Refuse(429, Some(4)))
    });
    world.start_operator();
    world.apply("acme", json!({"runOnCreate": false})).await;
    world.wait_for("acme", "Ready", "True").await;
    let tries = tries.lock().unwrap();
    assert!(tries.len() > 2, "two tries are refused, and another follows");
    for pair in tries.windows(2).take(2) {
        let waited = pair[1] - pair[0];
        assert!(waited >= Duration::from_secs(4), "{waited:?}");
    }
}

#[tokio::test]
async fn one_object_whose_writes_fail_says_so_is_tried_seldom_and_stops_no_other() {
    let mut world = World::without_operator("out-one-fails").await;
    let broken = |line: &str| is_write(line) && line.contains("/cronjobs/broken");
    world
        .operator
        .proxy
        .inject(move |line| broken(line).then_some(Fault::Refuse(500, None)));
    world.start_operator();
    world.apply("broken", json!({"runOnCreate": false})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.apply("acme", json!({"runOnCreate": false})).await;
    world.wait_for("acme", "Ready", "True").await;
    tokio::time::sleep(Duration::from_secs(28)).await;
    let tries = world.requests().into_iter().filter(|line| broken(line)).count();
    assert!((1..=5).contains(&tries), "tried {tries} times in half a minute");
    let ready = world.wait_for("broken", "Ready", "False").await;
    assert_eq!(ready["reason"], "ApplyFailed");
    world.operator.proxy.heal();
    world.wait_for("broken", "Ready", "True").await;
}

#[tokio::test]
async fn watches_that_are_cut_again_and_again_lose_nothing_and_cost_little() {
    let mut world = World::without_operator("out-watch-cut").await;
    let proxy = world.operator.proxy.clone();
    let cutting = async {
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            proxy.end_watches();
        }
    };
    let start = Instant::now();
    tokio::select! {
        () = cutting => unreachable!(),
        () = two_runs(&mut world) => {}
    }
    let asked = proxy.take_requests().into_iter().filter(|line| is_watch(line)).count();
    let seconds = start.elapsed().as_secs() as usize;
    println!("{asked} watches in {seconds} s");
    // of its four watches
    assert!(asked > 8, "{asked} watches in {seconds} s: they were not cut");
    assert!(asked <= 4 * (seconds + 2), "{asked} watches in {seconds} s");
}

#[tokio::test]
async fn watches_that_end_at_once_are_not_opened_in_a_hurry() {
    let mut world = World::without_operator("out-watch-empty").await;
    world.start_operator();
    world.apply("acme", json!({"runOnCreate": false})).await;
    world.wait_for("acme", "Ready", "True").await;
    world
        .operator
        .proxy
        .inject(|line| is_watch(line).then_some(Fault::Empty));
    world.operator.proxy.end_watches();
    world.operator.proxy.take_requests();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let asked = world.operator.proxy.take_requests().len();
    println!("{asked} requests in ten seconds of four watches that end at once");
    assert!((8..=100).contains(&asked), "{asked} requests in ten seconds");
    world.operator.proxy.heal();
    world.apply("bravo", json!({"runOnCreate": false})).await;
    world.wait_for("bravo", "Ready", "True").await;
}

#[rstest]
#[case::in_the_watch("watch", Fault::Gone)]
#[case::as_the_answer("answer", Fault::Refuse(410, None))]
#[tokio::test]
async fn after_a_version_that_is_too_old_what_was_missed_is_found(#[case] name: &str, #[case] too_old: Fault) {
    let mut world = World::without_operator(&format!("out-gone-{name}")).await;
    world.start_operator();
    for name in ["stays", "goes"] {
        world.apply(name, json!({})).await;
    }
    let stays = job_of(&world, "stays", 1).await;
    job_of(&world, "goes", 1).await;
    world
        .wait("stays", "the run", |status| status["lastRun"]["outcome"] == "Running")
        .await;
    // nobody tells what happens now
    world
        .operator
        .proxy
        .inject(|line| is_watch(line).then_some(Fault::Refuse(500, None)));
    world.operator.proxy.end_watches();
    let api = world.api::<wedof_sheet_sync::api::WedofSheetSync>();
    api.delete("goes", &DeleteParams::default()).await.unwrap();
    world.end_pod(&stays, 2, &bad()).await;
    let done = |job: &Job| job.status.as_ref().is_some_and(|status| status.failed == Some(1));
    world.wait_object(&stays, "the end", done).await;
    // and then they are told that it is too late to ask; each watch once
    let mut told = HashSet::new();
    world.operator.proxy.inject(move |line| {
        let kind = line.split('?').next().unwrap().to_owned();
        (is_watch(line) && told.insert(kind)).then(|| too_old.clone())
    });
    told_once(&world, "stays", &[false]).await;
    // it was not there any more: another of its name is another object
    world.apply("goes", json!({})).await;
    world.wait_for("goes", "Ready", "True").await;
    println!("{name}: at rest {} KiB", at_rest(&world.operator).await);
}

/// The controllers of Kubernetes see that an object is gone, and the operator does not.
#[tokio::test]
async fn of_an_object_that_is_gone_unseen_nothing_is_made_over_and_over_and_its_successor_gets_no_status_of_it() {
    let mut world = World::without_operator("out-gone-unseen").await;
    world.start_operator();
    for name in ["gone", "followed"] {
        world.apply(name, json!({})).await;
        let job = job_of(&world, name, 1).await;
        world.end_pod(&job, 0, &good()).await;
        told_once(&world, name, &[true]).await;
    }
    let of_objects = |line: &str| is_watch(line) && line.contains("/wedofsheetsyncs?");
    world
        .operator
        .proxy
        .inject(move |line| of_objects(line).then_some(Fault::Refuse(500, None)));
    world.operator.proxy.end_watches();
    let api = world.api::<wedof_sheet_sync::api::WedofSheetSync>();
    for name in ["gone", "followed"] {
        api.delete(name, &DeleteParams::background()).await.unwrap();
    }
    world.jobs(0).await;
    world.apply("followed", json!({"runOnCreate": false})).await;
    world.requests();
    tokio::time::sleep(Duration::from_secs(15)).await;
    let status = api.get("followed").await.unwrap().status.unwrap_or_default();
    assert_eq!((status.rows, status.last_run, status.cron_job), (None, None, None));
    let made = world
        .requests()
        .into_iter()
        .filter(|line| line.contains("/cronjobs/gone?"));
    let made = made.collect::<Vec<_>>();
    assert!(made.len() <= 4, "{made:?}");
    world.operator.proxy.heal();
    let ready = world.wait_for("followed", "Ready", "True").await;
    assert_eq!(ready["reason"], "Scheduled");
    println!("at rest {} KiB", at_rest(&world.operator).await);
}
