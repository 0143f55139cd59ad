//! The operator dies, again and again.

use std::time::Duration;

use serde_json::json;

use crate::{
    ledger::{at_rest, bad, good, job_of, told_once},
    replica::Replica,
    world::World,
};

const OBJECTS: usize = 50;

#[tokio::test]
async fn killed_every_few_seconds_it_records_each_of_a_hundred_runs_once() {
    let world = World::without_operator("out-killed").await;
    let mut replica = world.replica().await;
    let namespace = world.namespace.clone();
    let names: Vec<String> = (0..OBJECTS).map(|number| format!("acme-{number}")).collect();
    let mut kills = 0;
    let killing = async {
        let options = ["--leader-elect", "--pod-name", "only", "--pod-namespace", &namespace];
        loop {
            replica.start(&namespace, &options);
            // never at the same point of its work
            tokio::time::sleep(Duration::from_millis(4500 + 613 * (kills % 5))).await;
            replica.kill();
            kills += 1;
        }
    };
    let running = async {
        for name in &names {
            world.apply(name, json!({})).await;
        }
        for (number, name) in names.iter().enumerate() {
            let job = job_of(&world, name, 1).await;
            let (code, report) = if number % 2 == 0 { (0, good()) } else { (2, bad()) };
            world.end_pod(&job, code, &report).await;
        }
        for name in &names {
            world
                .annotate(name, "wedofsheetsync.dev/sync-requested-at", "again")
                .await;
        }
        for name in &names {
            let job = job_of(&world, name, 2).await;
            world.end_pod(&job, 2, &bad()).await;
        }
    };
    tokio::select! {
        () = killing => unreachable!(),
        () = running => {}
    }
    replica.kill();
    replica.start(
        &namespace,
        &["--leader-elect", "--pod-name", "only", "--pod-namespace", &namespace],
    );
    for (number, name) in names.iter().enumerate() {
        told_once(&world, name, &[number % 2 == 0, false]).await;
    }
    println!("killed {kills} times; at rest {} KiB", at_rest(&replica).await);
    assert!(kills > 3);
    memory_stays(&world, &mut replica, &names).await;
}

/// Objects that come and go leave nothing in memory.
async fn memory_stays(world: &World, replica: &mut Replica, names: &[String]) {
    let mut seen = Vec::new();
    for round in 0..4 {
        for name in names {
            let object = world.api::<wedof_sheet_sync::api::WedofSheetSync>();
            object.delete(name, &Default::default()).await.unwrap();
        }
        world.jobs(0).await;
        for name in names {
            world.apply(name, json!({})).await;
        }
        world.jobs(names.len()).await;
        seen.push(at_rest(replica).await);
        println!("round {round}: {} KiB", seen[round]);
    }
    assert!(seen[3] < seen[1] + seen[1] / 10, "memory grows: {seen:?}");
}
