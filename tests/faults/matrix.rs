//! Every request × every trouble.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use wedof_sheet_sync::report::RunOutcome;

use crate::{
    stage::{Picture, Scene, Service, Stage},
    trouble::Trouble,
};

/// Cells that are tried at the same time, each in simulators of its own: most of them wait most of the time.
const WORKERS: usize = 6;
/// No run with a trouble lasts longer, however busy the machine is.
const BOUND: Duration = Duration::from_secs(30);

#[derive(Debug, Clone)]
struct Cell {
    service: Service,
    k: usize,
    kind: String,
    /// No request of its kind came before.
    first: bool,
    trouble: Trouble,
}

/// What is wrong with a cell, if anything.
async fn wrong(stage: &Stage, cell: &Cell) -> Option<String> {
    let Cell {
        service,
        k,
        kind,
        first,
        trouble,
    } = cell;
    stage.again().await;
    trouble.order(stage, *service, *k).await;
    let (args, variables) = trouble.setting();
    let began = Instant::now();
    let run = stage.run(args, variables).await;
    let elapsed = began.elapsed();
    let expected = trouble.exit_code(*service, kind, *first);
    if run.code != Some(expected) {
        return Some(format!(
            "exit code {:?} instead of {expected}\n{}",
            run.code, run.stderr
        ));
    }
    if elapsed > BOUND {
        return Some(format!("took {elapsed:?}\n{}", run.stderr));
    }
    let outcome = run.report.outcome;
    let told = match expected {
        0 => outcome == RunOutcome::Succeeded,
        _ => matches!(outcome, RunOutcome::Partial | RunOutcome::Failed) && run.report.message.is_some(),
    };
    if !told {
        return Some(format!("the report says {outcome:?} at exit code {expected}"));
    }
    let picture = stage.picture();
    if let Some(tab) = half_done(stage, &picture) {
        return Some(format!(
            "tab {tab:?} is neither as before nor as it should be\n{}",
            run.stderr
        ));
    }
    if picture == stage.after {
        return None;
    }
    if expected == 0 {
        return Some(format!("a run that succeeded left something undone\n{}", run.stderr));
    }
    stage.world.clear_faults().await;
    let next = stage.run(&[], &[]).await;
    if next.code != Some(0) {
        return Some(format!("the next run ends with {:?}\n{}", next.code, next.stderr));
    }
    (stage.picture() != stage.after).then(|| format!("the next run does not repair it\n{}", next.stderr))
}

/// A tab that is neither as before nor as it should be.
pub fn half_done(stage: &Stage, picture: &Picture) -> Option<String> {
    let Stage { before, after, .. } = stage;
    let titles = picture.keys().chain(before.keys());
    titles
        .filter(|title| {
            let now = picture.get(*title);
            now != before.get(*title) && now != after.get(*title)
        })
        .map(String::clone)
        .next()
}

fn every_cell(stage: &Stage) -> Vec<Cell> {
    let mut cells = Vec::new();
    for service in [Service::Wedof, Service::Google] {
        for (index, kind) in stage.requests(service).iter().enumerate() {
            cells.extend(Trouble::ALL.map(|trouble| Cell {
                service,
                k: index + 1,
                kind: kind.clone(),
                first: !stage.requests(service)[..index].contains(kind),
                trouble,
            }));
        }
    }
    assert_eq!(
        cells.len(),
        (stage.wedof.len() + stage.google.len()) * Trouble::ALL.len()
    );
    cells
}

/// One cell in twelve, so that each request meets two troubles, and each trouble several requests.
fn sample(stage: &Stage) -> Vec<Cell> {
    let cells = every_cell(stage).into_iter().enumerate();
    let chosen = cells.filter(|(number, _)| (number + number / Trouble::ALL.len()).is_multiple_of(12));
    chosen.map(|(_, cell)| cell).collect()
}

async fn try_each(scene: Scene, choose: fn(&Stage) -> Vec<Cell>) {
    let first = Stage::set(scene).await;
    let cells = Arc::new(choose(&first));
    let requests = first.wedof.len() + first.google.len();
    let next = Arc::new(AtomicUsize::new(0));
    let failures = Arc::new(Mutex::new(BTreeMap::new()));
    let began = Instant::now();
    let mut stages = vec![first];
    for _ in 1..WORKERS.min(cells.len().div_ceil(12)) {
        stages.push(Stage::set(scene).await);
    }
    let workers = stages.into_iter().map(|stage| {
        let (cells, next, failures) = (Arc::clone(&cells), Arc::clone(&next), Arc::clone(&failures));
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(cell) = cells.get(number) else { return };
                if let Some(what) = wrong(&stage, cell).await {
                    failures.lock().unwrap().insert(number, what);
                }
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    println!(
        "{scene:?} run: {requests} requests × {} troubles, {} cells tried in {:.0?}",
        Trouble::ALL.len(),
        cells.len(),
        began.elapsed()
    );
    let failures = failures.lock().unwrap();
    let shown: Vec<_> = failures
        .iter()
        .map(|(number, what)| format!("{:?}: {what}", cells[*number]))
        .collect();
    assert!(
        shown.is_empty(),
        "{} of {} cells:\n{}",
        shown.len(),
        cells.len(),
        shown.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn some_troubles_of_each_request_of_a_first_run() {
    try_each(Scene::First, sample).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn some_troubles_of_each_request_of_a_later_run() {
    try_each(Scene::Later, sample).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: `make faults`"]
async fn every_trouble_of_each_request_of_a_first_run() {
    try_each(Scene::First, every_cell).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: `make faults`"]
async fn every_trouble_of_each_request_of_a_later_run() {
    try_each(Scene::Later, every_cell).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_endpoint_that_cannot_answer_now_in_its_own_words_is_asked_again_and_blames_no_key() {
    let stage = Stage::set(Scene::First).await;
    for (status, error) in [
        (500, "internal_failure"),
        (500, "server_error"),
        (503, "temporarily_unavailable"),
        (429, "rate_limit_exceeded"),
    ] {
        for (times, code) in [(1, 0), (99, 1)] {
            stage.again().await;
            let body = json!({"error": error, "error_description": "Backend Error"});
            let answer = json!({"status": status, "body": body});
            stage
                .world
                .google_fault(json!({"path": "/token", "times": times, "answer": answer}))
                .await;
            let run = stage.run(&[], &[]).await.expect(code);
            assert!(!run.stderr.contains("make a new one"), "{}", run.stderr);
        }
    }
}
