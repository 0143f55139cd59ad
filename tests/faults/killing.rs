//! SIGKILL at every request in turn, before the service applied it and after.

use std::time::Duration;

use serde_json::json;

use crate::stage::{Scene, Service, Stage};

/// Kills a run at the k-th request to a service; then runs once more.
async fn kill_at(stage: &Stage, service: Service, k: usize, applied: bool) {
    stage.again().await;
    let fault = json!({"path": "/", "nth": k, "answer": {"delayMs": 600_000, "apply": applied}});
    match service {
        Service::Wedof => stage.world.wedof_fault(fault).await,
        Service::Google => stage.world.google_fault(fault).await,
    }
    let mut child = stage.world.start(&["--config", "sync.yaml"]);
    stage.world.faults_have_hit().await;
    // the request is at the simulator; its effect, if it has one, follows at once
    tokio::time::sleep(Duration::from_millis(100)).await;
    child.kill().await.unwrap();
    stage.run(&[], &[]).await.expect(0);
    let place = format!("killed at request {k} to {service:?}, applied: {applied}");
    assert_eq!(stage.picture(), stage.after, "{place}");
    if applied {
        let idle = stage.run(&[], &[]).await.expect(0).report;
        assert_eq!((idle.added, idle.updated, idle.removed), (0, 0, 0), "{place}");
    }
}

async fn kill_at_each(scene: Scene) {
    let stages = [
        Stage::set(scene).await,
        Stage::set(scene).await,
        Stage::set(scene).await,
    ];
    let mut places = Vec::new();
    for service in [Service::Wedof, Service::Google] {
        for (index, kind) in stages[0].requests(service).iter().enumerate() {
            places.push((service, index + 1, false));
            // to the others it is the same
            if kind.ends_with("batchUpdate") {
                places.push((service, index + 1, true));
            }
        }
    }
    println!("{scene:?} run: killed at {} places", places.len());
    let kills = stages.iter().enumerate().map(|(worker, stage)| {
        let mine = places.iter().skip(worker).step_by(stages.len());
        async move {
            for &(service, k, applied) in mine {
                kill_at(stage, service, k, applied).await;
            }
        }
    });
    futures::future::join_all(kills).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_run_killed_at_any_request_is_completed_by_the_next() {
    kill_at_each(Scene::First).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_run_killed_at_any_request_is_completed_by_the_next_and_peoples_cells_stay_with_their_records() {
    kill_at_each(Scene::Later).await;
}
