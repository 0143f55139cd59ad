//! The API server or its store stops, for the whole cluster: nextest lets nothing else run meanwhile (.config/nextest.toml).

use std::{
    process::Command,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    ledger::{at_rest, bad, good, job_of, told_once},
    world::World,
};

fn cluster(order: &str, program: &str) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cluster/cluster");
    let done = Command::new(script).args([order, program]).status();
    assert!(done.expect("the script is there").success(), "{order} {program}");
}

/// Two replicas with runs in every state; then the program stops for a while.
async fn through_an_outage(namespace: &str, program: &str, outage: Duration) {
    let world = World::without_operator(namespace).await;
    let (mut first, mut second) = (world.replica().await, world.replica().await);
    let options = |pod| ["--leader-elect", "--pod-name", pod, "--pod-namespace", namespace];
    first.start(namespace, &options("first"));
    first.leads().await;
    second.start(namespace, &options("second"));
    second.ready().await;
    for name in ["ended-before", "ends-after", "waits"] {
        world.apply(name, json!({})).await;
    }
    let ended_before = job_of(&world, "ended-before", 1).await;
    let ends_after = job_of(&world, "ends-after", 1).await;
    let waits = job_of(&world, "waits", 1).await;
    world.pod(&ends_after).await;
    world
        .annotate("waits", "wedofsheetsync.dev/sync-requested-at", "again")
        .await;
    let before = first.memory();
    first.proxy.take_requests();
    second.proxy.take_requests();
    // whether anybody heard of this end before the outage nobody can tell
    world.end_pod(&ended_before, 2, &bad()).await;
    cluster("stop", program);
    let stopped = Instant::now();
    tokio::time::sleep(outage).await;
    let asked = first.proxy.take_requests().len() + second.proxy.take_requests().len();
    println!("{asked} requests in {:?} without {program}", stopped.elapsed());
    // four watches, a lease for each replica: every few seconds at most
    assert!(asked <= 6 * outage.as_secs() as usize, "{asked} requests");
    assert!(first.is_running() && second.is_running(), "nobody was restarted");
    cluster("start", program);
    let back = Instant::now();
    world.end_pod(&ends_after, 0, &good()).await;
    world.end_pod(&waits, 0, &good()).await;
    let again = job_of(&world, "waits", 2).await;
    world.end_pod(&again, 2, &bad()).await;
    told_once(&world, "ended-before", &[false]).await;
    told_once(&world, "ends-after", &[true]).await;
    told_once(&world, "waits", &[true, false]).await;
    println!("all is told {:?} after {program} came back", back.elapsed());
    let leaders = [&first, &second].map(async |replica| replica.metric("wedof_sheet_sync_leader").await.unwrap());
    let [one, two] = leaders;
    assert_eq!(one.await + two.await, 1.0);
    let after = at_rest(&first).await;
    println!("memory {before} KiB before, {after} KiB after");
    assert!(after < before + before / 2, "memory grows: {before} → {after} KiB");
}

#[tokio::test]
async fn an_api_server_that_is_away_for_a_minute_is_waited_for() {
    through_an_outage("out-apiserver", "apiserver", Duration::from_secs(60)).await;
}

#[tokio::test]
async fn a_store_that_is_away_for_a_while_is_waited_for() {
    through_an_outage("out-etcd", "etcd", Duration::from_secs(25)).await;
}
