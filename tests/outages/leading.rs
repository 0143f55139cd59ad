//! Two replicas, one lease.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::DeleteParams;
use serde_json::json;

use crate::{
    ledger::{bad, good, job_of, told_once},
    proxy::{Fault, is_write},
    replica::Replica,
    world::World,
};

fn options<'a>(world: &'a World, pod: &'a str, seconds: &'a str) -> Vec<&'a str> {
    let namespace = world.namespace.as_str();
    let lease = ["--leader-elect", "--lease-name", "wss", "--lease-duration", seconds];
    let pod = ["--pod-name", pod, "--pod-namespace", namespace];
    lease.into_iter().chain(pod).collect()
}

/// Two replicas; the first leads.
async fn pair(world: &World, lease_seconds: &str) -> (Replica, Replica) {
    let (mut first, mut second) = (world.replica().await, world.replica().await);
    first.start(&world.namespace, &options(world, "first", lease_seconds));
    first.leads().await;
    second.start(&world.namespace, &options(world, "second", lease_seconds));
    second.ready().await;
    (first, second)
}

fn is_about_the_lease(line: &str) -> bool {
    line.contains("/leases")
}

fn writes(replica: &Replica) -> Vec<String> {
    let mut requests = replica.proxy.take_requests();
    requests.retain(|line| is_write(line) && !is_about_the_lease(line));
    requests
}

async fn holder(world: &World) -> Option<String> {
    let lease = world.api::<Lease>().get_opt("wss").await.unwrap();
    lease.and_then(|lease| lease.spec?.holder_identity)
}

#[tokio::test]
async fn one_replica_works_and_the_other_watches_nothing() {
    let world = World::without_operator("out-standby").await;
    let (first, second) = pair(&world, "6").await;
    world.apply("acme", json!({})).await;
    let job = job_of(&world, "acme", 1).await;
    world.end_pod(&job, 0, &good()).await;
    told_once(&world, "acme", &[true]).await;
    let mut asked = second.proxy.take_requests();
    asked.retain(|line| !(line.starts_with("GET ") && line.contains("/leases/wss")));
    assert_eq!(asked, Vec::<String>::new(), "asked by a standby");
    assert_eq!(second.ask("/readyz").await, Some((200, "standing by".into())));
    assert_eq!(second.metric("wedof_sheet_sync_leader").await, Some(0.0));
    assert_eq!(first.metric("wedof_sheet_sync_leader").await, Some(1.0));
    assert_eq!(holder(&world).await.as_deref(), Some("first"));
    println!("leader {} KiB, standby {} KiB", first.memory(), second.memory());
    assert!(second.memory() < first.memory());
}

#[tokio::test]
async fn a_leader_that_is_asked_to_stop_is_succeeded_at_once() {
    let world = World::without_operator("out-handover").await;
    // so long that nothing but giving it back explains a quick succession
    let (mut first, second) = pair(&world, "600").await;
    world.apply("acme", json!({})).await;
    let job = job_of(&world, "acme", 1).await;
    world
        .wait("acme", "the run", |status| status["lastRun"]["outcome"] == "Running")
        .await;
    first.signal("TERM");
    assert_eq!(first.end().await.code(), Some(0));
    let stopped = Instant::now();
    world.end_pod(&job, 2, &bad()).await;
    second.leads().await;
    println!("succeeded after {:?}", stopped.elapsed());
    assert_eq!(holder(&world).await.as_deref(), Some("second"));
    told_once(&world, "acme", &[false]).await;
}

#[tokio::test]
async fn a_leader_frozen_past_its_lease_writes_nothing_when_it_thaws() {
    let world = World::without_operator("out-frozen").await;
    let (mut first, second) = pair(&world, "6").await;
    let names: Vec<String> = (0..10).map(|number| format!("acme-{number}")).collect();
    for name in &names {
        world.apply(name, json!({})).await;
    }
    // with work in its hands
    first.signal("STOP");
    second.leads().await;
    for name in &names {
        let job = job_of(&world, name, 1).await;
        world.end_pod(&job, 2, &bad()).await;
    }
    for name in &names {
        told_once(&world, name, &[false]).await;
    }
    first.proxy.take_requests();
    first.signal("CONT");
    let stands_by = async || first.metric("wedof_sheet_sync_leader").await == Some(0.0);
    first.until("it stands by", stands_by).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(writes(&first), Vec::<String>::new(), "written after the thaw");
    assert!(first.is_running());
    assert_eq!(holder(&world).await.as_deref(), Some("second"));
    for name in &names {
        told_once(&world, name, &[false]).await;
    }
}

#[tokio::test]
async fn a_leader_that_is_cut_off_stops_by_its_own_clock_and_comes_back_as_a_standby() {
    let world = World::without_operator("out-cut-off").await;
    let (mut first, second) = pair(&world, "15").await;
    world.apply("acme", json!({})).await;
    let job = job_of(&world, "acme", 1).await;
    world
        .wait("acme", "the run", |status| status["lastRun"]["outcome"] == "Running")
        .await;
    first.proxy.inject(|_| Some(Fault::Swallow));
    let cut_off = Instant::now();
    let stopped = async || first.metric("wedof_sheet_sync_leader").await == Some(0.0);
    first.until("it leads no longer", stopped).await;
    let failed = r#"wedof_sheet_sync_api_errors_total{action="renew the lease",code="none"}"#;
    assert!(first.metric(failed).await.is_some(), "it is counted");
    assert_eq!(
        second.metric("wedof_sheet_sync_leader").await,
        Some(0.0),
        "nobody leads yet"
    );
    second.leads().await;
    println!("stopped, and was succeeded after {:?}", cut_off.elapsed());
    world.end_pod(&job, 0, &good()).await;
    told_once(&world, "acme", &[true]).await;
    first.proxy.heal();
    first.ready().await;
    assert_eq!(first.ask("/readyz").await, Some((200, "standing by".into())));
    first.proxy.take_requests();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(writes(&first), Vec::<String>::new());
    assert!(first.is_running(), "it was not restarted");
}

#[tokio::test]
async fn a_lease_that_somebody_deletes_or_takes_is_a_lease_lost() {
    let world = World::without_operator("out-lease-taken").await;
    let (first, second) = pair(&world, "6").await;
    world
        .api::<Lease>()
        .delete("wss", &DeleteParams::default())
        .await
        .unwrap();
    let one_leads = async || {
        let first = first.metric("wedof_sheet_sync_leader").await;
        let second = second.metric("wedof_sheet_sync_leader").await;
        assert_ne!((first, second), (Some(1.0), Some(1.0)), "two lead");
        holder(&world).await.is_some() && first.unwrap_or_default() + second.unwrap_or_default() == 1.0
    };
    world.until("another election", one_leads).await;
    let somebody = json!({"spec": {"holderIdentity": "somebody"}});
    let patch = kube::api::Patch::Merge(&somebody);
    let lease = world.api::<Lease>();
    lease.patch("wss", &Default::default(), &patch).await.unwrap();
    let nobody_leads = async || {
        let (first, second) = (
            first.metric("wedof_sheet_sync_leader"),
            second.metric("wedof_sheet_sync_leader"),
        );
        (first.await, second.await) == (Some(0.0), Some(0.0))
    };
    world.until("the leader to give way", nobody_leads).await;
    world.until("the lease to run out", one_leads).await;
}
