//! Namespaces that go away (case A6).

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, api::DeleteParams};
use serde_json::json;

use crate::{ledger::job_of, proxy::is_write, world::World};

async fn with_a_running_job(world: &World) {
    world.apply("acme", json!({})).await;
    let job = job_of(world, "acme", 1).await;
    world.pod(&job).await;
    world
        .wait("acme", "the run", |status| status["lastRun"]["outcome"] == "Running")
        .await;
}

async fn delete_namespace(world: &World) -> Duration {
    let namespaces: Api<Namespace> = Api::all(world.client.clone());
    let start = Instant::now();
    namespaces
        .delete(&world.namespace, &DeleteParams::default())
        .await
        .unwrap();
    let gone = async || namespaces.get_opt(&world.namespace).await.unwrap().is_none();
    world.until("the namespace to go away", gone).await;
    start.elapsed()
}

fn writes(world: &World) -> Vec<String> {
    let mut requests = world.requests();
    requests.retain(|line| is_write(line));
    requests
}

#[tokio::test]
async fn a6_a_namespace_deleted_in_the_middle_of_a_run_goes_away() {
    let mut home = World::without_operator("out-ns-operator").await;
    let world = World::without_operator("out-ns-middle").await;
    home.share(&world).await;
    home.start_operator();
    with_a_running_job(&world).await;
    home.requests();
    println!("gone after {:?}", delete_namespace(&world).await);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let asked = writes(&home);
    // what it may try while things vanish one by one; refusals are not repeated in a hurry
    assert!(asked.len() <= 8, "{asked:#?}");
    assert!(home.operator.is_running());
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(home.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn a6_a_namespace_goes_away_with_no_operator_there() {
    let mut world = World::start("out-ns-absent").await;
    with_a_running_job(&world).await;
    world.stop_operator();
    println!("gone after {:?}", delete_namespace(&world).await);
}

#[tokio::test]
async fn a6_a_namespace_goes_away_with_the_operator_in_it() {
    let mut world = World::without_operator("out-ns-inside").await;
    // its account and its lease go with the namespace
    let namespace = world.namespace.clone();
    let options = ["--leader-elect", "--pod-name", "inside", "--pod-namespace", &namespace];
    world.operator.start(&namespace, &options);
    with_a_running_job(&world).await;
    world.requests();
    println!("gone after {:?}", delete_namespace(&world).await);
    world.requests();
    let start = Instant::now();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let asked = world.requests();
    println!("{} requests in {:?} afterwards", asked.len(), start.elapsed());
    assert!(asked.len() <= 40, "{asked:#?}");
    assert!(world.operator.is_running());
}
