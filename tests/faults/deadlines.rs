//! SIGTERM and the deadline in every phase of a run: it ends soon, with a report and exit code 1, every tab is whole, and
//! the next run does the rest.

use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::{Value, json};
use wedof_sheet_sync::report::{RunOutcome, RunReport};

use crate::{
    matrix::half_done,
    stage::{Scene, Service, Stage},
    world::{report, terminate},
};

const SOON: Duration = Duration::from_secs(8);
const PAGES: &str = "/api/registrationFolders";
const READ: &str = "*values:batchGetByDataFilter";
const WRITE: &str = "*:batchUpdate";

fn slow() -> Value {
    json!({"delayMs": 600_000})
}

/// Longer than a test lasts, and short enough to be waited for.
fn limited() -> Value {
    json!({"status": 429, "headers": {"retry-after": "600"}})
}

async fn order(stage: &Stage, service: Service, path: &str, nth: usize, answer: Value) {
    let fault = json!({"path": path, "nth": nth, "answer": answer});
    match service {
        Service::Wedof => stage.world.wedof_fault(fault).await,
        Service::Google => stage.world.google_fault(fault).await,
    }
}

async fn whole_and_completed_by_the_next_run(stage: &Stage) {
    assert_eq!(half_done(stage, &stage.picture()), None);
    stage.world.clear_faults().await;
    stage.run(&[], &[]).await.expect(0);
    assert_eq!(stage.picture(), stage.after);
}

#[track_caller]
fn told(report: &RunReport, reason: &str) {
    let first = report.resources.iter().find_map(|resource| resource.message.clone());
    let said = report.reason.as_deref() == Some(reason) || report.outcome == RunOutcome::Partial;
    assert!(said && report.message.is_some(), "{report:?} {first:?}");
    assert_ne!(report.outcome, RunOutcome::Running);
}

#[rstest]
#[case::waiting_for_a_token(Service::Google, "/token", 1, slow())]
#[case::opening_the_spreadsheet(Service::Google, "/v4/", 1, slow())]
#[case::waiting_for_googles_quota(Service::Google, "/v4/", 2, limited())]
#[case::first_page(Service::Wedof, PAGES, 1, slow())]
#[case::later_page(Service::Wedof, PAGES, 3, slow())]
#[case::waiting_as_wedof_asks(Service::Wedof, PAGES, 2, limited())]
#[case::second_resource(Service::Wedof, "/api/organisms", 1, slow())]
#[case::reading_the_tab(Service::Google, READ, 1, slow())]
#[case::before_a_batch(Service::Google, READ, 2, slow())]
#[case::waiting_to_write(Service::Google, WRITE, 1, limited())]
#[case::reading_back(Service::Google, READ, 3, slow())]
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_asked_to_stop_or_late_ends_soon_and_is_completed_by_the_next(
    #[case] service: Service,
    #[case] path: &str,
    #[case] nth: usize,
    #[case] answer: Value,
) {
    let stage = Stage::set(Scene::Later).await;
    stage.again().await;
    order(&stage, service, path, nth, answer.clone()).await;
    let mut child = stage.world.start(&["--config", "sync.yaml"]);
    stage.world.faults_have_hit().await;
    let asked = Instant::now();
    assert_eq!(terminate(&mut child).await, Some(1));
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
    told(&report(&stage.world.path("report.json")).unwrap(), "Interrupted");
    whole_and_completed_by_the_next_run(&stage).await;

    stage.again().await;
    order(&stage, service, path, nth, answer).await;
    let began = Instant::now();
    let run = stage.run(&["--deadline", "2"], &[]).await.expect(1);
    assert!(began.elapsed() < Duration::from_secs(2) + SOON, "{:?}", began.elapsed());
    told(&run.report, "DeadlineExceeded");
    whole_and_completed_by_the_next_run(&stage).await;
}

#[rstest]
#[case::a_first_run(Scene::First)]
#[case::a_later_run(Scene::Later)]
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_under_way_is_finished_and_no_other_is_begun(#[case] scene: Scene) {
    let stage = Stage::set(scene).await;
    stage.again().await;
    stage.world.forget_requests().await;
    order(&stage, Service::Google, WRITE, 1, json!({"delayMs": 2000})).await;
    let mut child = stage.world.start(&["--config", "sync.yaml"]);
    stage.world.faults_have_hit().await;
    assert_eq!(terminate(&mut child).await, Some(1));
    assert_eq!(stage.world.running.sheets_requests().writes, 1);
    let last = report(&stage.world.path("report.json")).unwrap();
    told(&last, "Interrupted");
    assert!(last.added + last.updated > 0, "what was written is counted: {last:?}");
    whole_and_completed_by_the_next_run(&stage).await;
}
