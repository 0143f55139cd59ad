//! Wedof refuses, fails, lies or is slow: no tab is touched on half a truth, and every end is told as what it is.

use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::{Value, json};
use wedof_sheet_sync::report::{ResourceOutcome::*, RunOutcome};

use crate::world::{FOLDERS, World};

const LIST: &str = "/api/registrationFolders";

/// A world whose tabs are filled, and a state to compare with.
async fn filled(folders: usize) -> (World, Value) {
    let world = World::new(folders).await;
    world.sync(&[]).await.expect(0);
    let state = world.state();
    (world, state)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_ends_the_run_at_once_and_says_what_to_do() {
    let world = World::new(3).await;
    world.write_env("another-key", "");
    let run = world.sync(&[]).await.expect(2);
    assert_eq!(run.report.reason.as_deref(), Some("WedofKeyRefused"));
    run.says("variable WEDOF_API_KEY (401): make a new one in Wedof under Mon compte > Jetons d'API");
    assert_eq!(run.outcomes(), [Failed; 3]);
    assert_eq!(world.running.wedof_requests().total, 1);
    assert_eq!(world.running.sheets_requests().writes, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_on_a_later_page_leaves_the_tab_as_it_was_and_the_others_are_synced() {
    let (world, state) = filled(250).await;
    world
        .wedof(
            "PATCH",
            &format!("registrationFolders/{}", world.folder_ids().await[0]),
            Some(json!({"billingState": "paid"})),
        )
        .await;
    world
        .wedof_fault(json!({"path": LIST, "page": 2, "times": 100, "answer": {"status": 500, "body": "oops"}}))
        .await;
    let run = world.sync(&[]).await.expect(1);
    assert_eq!(
        (run.report.outcome, run.outcomes()),
        (RunOutcome::Partial, vec![Failed, Unchanged, Unchanged])
    );
    run.says(
        "registrationFolders, page 2: Wedof (127.0.0.1) answers 500 Internal Server Error; the tab was left as it is",
    );
    assert_eq!(world.state(), state);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_passes_is_not_even_noticed() {
    let world = World::new(250).await;
    for (page, answer) in [
        (1, json!({"status": 503, "headers": {"retry-after": "1"}})),
        (2, json!({"cut": 1000})),
        (3, json!({"reset": "after"})),
    ] {
        world
            .wedof_fault(json!({"path": LIST, "page": page, "answer": answer}))
            .await;
    }
    let run = world.sync(&["--resource", "registrationFolders"]).await.expect(0);
    assert_eq!(run.report.rows, 250);
    assert_eq!(run.report.wedof_requests, 7);
}

#[rstest]
#[case::html(json!({"status": 200, "headers": {"content-type": "text/html"}, "body": "<html>Jeanne Durand</html>"}), 1, "(text/html) is not JSON")]
#[case::an_object(json!({"status": 200, "body": {"detail": "Jeanne Durand"}}), 1, "an object where a list was expected")]
#[case::a_bad_request(json!({"status": 400, "body": {"detail": "Jeanne Durand", "violations": [{"propertyPath": "limit", "title": "Jeanne Durand"}]}}), 2, "answers 400 Bad Request and refuses the parameter limit")]
#[case::another_site(json!({"status": 302, "headers": {"location": "https://evil.example/api?who=Durand"}}), 2, "redirects to https://evil.example")]
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_another_kind_touches_nothing_and_is_not_quoted(
    #[case] answer: Value,
    #[case] code: i32,
    #[case] says: &str,
) {
    let (world, state) = filled(30).await;
    world
        .wedof_fault(json!({"path": LIST, "times": 100, "answer": answer}))
        .await;
    let run = world.sync(&[]).await.expect(code);
    run.says(says);
    assert_eq!(run.outcomes(), [Failed, Unchanged, Unchanged]);
    assert_eq!(world.state(), state);
    let told = format!("{}{}{}", run.stdout, run.stderr, run.report.to_json());
    assert!(!told.contains("Durand"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_account_may_not_read_is_unavailable_unless_somebody_relies_on_it() {
    let world = World::new(12).await;
    let forbidden =
        json!({"path": "/api/certificationFolders", "times": 100, "answer": {"status": 403, "body": {"detail": "no"}}});
    world.wedof_fault(forbidden.clone()).await;
    world.want(None);
    let by_default = world.sync(&[]).await.expect(0);
    assert_eq!(by_default.of("certificationFolders").outcome, Unavailable);
    assert_eq!(
        world.tab("Certification Folders"),
        Value::Null,
        "no tab for what was never read"
    );

    world.write(
        "sync.yaml",
        b"resources: [{name: certificationFolders}, {name: organisms}]",
    );
    let by_name = world.sync(&["--config", "sync.yaml"]).await.expect(2);
    assert_eq!(by_name.outcomes(), [Failed, Unchanged]);

    world.clear_faults().await;
    world.sync(&[]).await.expect(0);
    world.wedof_fault(forbidden).await;
    let stale = world.sync(&[]).await.expect(2);
    assert_eq!(stale.of("certificationFolders").outcome, Failed);
    assert_eq!(stale.of("registrationFolders").outcome, Unchanged);
    stale.says("keeps what earlier runs wrote, the last of it on 20");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_may_read_nothing_is_a_failure() {
    let world = World::new(3).await;
    world.want(None);
    world
        .wedof_fault(json!({"path": "/api/", "times": 100, "answer": {"status": 403}}))
        .await;
    let run = world.sync(&[]).await.expect(2);
    assert_eq!(
        (run.report.outcome, run.outcomes()),
        (RunOutcome::Failed, vec![Unavailable; 11])
    );
}

#[rstest]
#[case::nonsense("soon", 0..20)]
#[case::empty("", 0..20)]
#[case::past("Wed, 21 Oct 2015 07:28:00 GMT", 0..20)]
#[case::seconds("2", 2..20)]
#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_wedof_asks_for_is_kept(#[case] retry_after: &str, #[case] seconds: std::ops::Range<u64>) {
    let world = World::new(3).await;
    world
        .wedof_fault(json!({"path": LIST, "answer": {"status": 429, "headers": {"retry-after": retry_after}}}))
        .await;
    let started = Instant::now();
    world.sync(&["--resource", "registrationFolders"]).await.expect(0);
    assert!(
        seconds.contains(&started.elapsed().as_secs()),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_until_a_date_is_kept() {
    let world = World::new(3).await;
    let date = (jiff::Timestamp::now() + Duration::from_secs(4)).to_zoned(jiff::tz::TimeZone::UTC);
    let date = jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&date.timestamp())
        .unwrap();
    world
        .wedof_fault(json!({"path": LIST, "answer": {"status": 429, "headers": {"retry-after": date}}}))
        .await;
    let started = Instant::now();
    world.sync(&["--resource", "registrationFolders"]).await.expect(0);
    assert!(
        started.elapsed() > Duration::from_millis(2500),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_beyond_the_deadline_is_reported_instead_of_slept() {
    let world = World::new(3).await;
    world
        .wedof_fault(json!({"path": LIST, "answer": {"status": 429, "headers": {"retry-after": "99999999999"}}}))
        .await;
    let started = Instant::now();
    let run = world
        .sync(&["--resource", "registrationFolders", "--deadline", "60"])
        .await
        .expect(1);
    run.says("asks to wait 99999999999 s");
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_emoji_costs_one_warning_and_no_row() {
    let world = World::new(3).await;
    let body = r#"[{"externalId":"1","notes":"a\ud83d"},{"externalId":"2","notes":"b","amountTtc":1e999}]"#;
    world.wedof_fault(json!({"path": LIST, "times": 9, "answer": {"status": 200, "headers": {"content-type": "application/json", "x-total-count": "2"}, "body": body}})).await;
    // a second page that is empty proves the end
    world
        .wedof_fault(json!({"path": LIST, "page": 2, "times": 9, "answer": {"status": 404}}))
        .await;
    let run = world.sync(&["--resource", "registrationFolders"]).await;
    assert_eq!(
        run.code,
        Some(1),
        "a server that repeats page 1 is no list: {}",
        run.stderr
    );

    world.clear_faults().await;
    world
        .wedof_fault(json!({"path": LIST, "page": 2, "times": 9, "answer": {"status": 404}}))
        .await;
    world.wedof_fault(json!({"path": LIST, "page": 1, "times": 9, "answer": {"status": 200, "headers": {"content-type": "application/json", "x-total-count": "2"}, "body": body}})).await;
    let run = world.sync(&["--resource", "registrationFolders"]).await.expect(0);
    assert_eq!(
        run.stderr.matches("record `1`, field notes").count(),
        1,
        "{}",
        run.stderr
    );
    let values = world.values(FOLDERS);
    assert!(values[1].contains(&json!("a\u{fffd}")), "{values:?}");
    assert!(values[2].contains(&json!("1e999")), "{values:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_of_requests_is_kept() {
    let world = World::new(250).await;
    world.write("sync.yaml", b"wedof: {requestBudget: 2}");
    let run = world.sync(&["--config", "sync.yaml"]).await.expect(2);
    run.says("budget of 2 requests is used up");
    assert_eq!(world.running.wedof_requests().total, 2);
    assert_eq!(world.tab(FOLDERS), Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_does_not_exist_is_refused_before_any_request() {
    let world = World::new(3).await;
    world.write(
        "sync.yaml",
        b"resources: [{name: registrationFolders, filters: {stat: [accepted]}}]",
    );
    let run = world.sync(&["--config", "sync.yaml"]).await.expect(2);
    run.says("filter `stat` does not exist (did you mean `state`?); there are query, state,");
    assert_eq!(world.running.wedof_requests().total, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_choose_the_records() {
    let world = World::new(60).await;
    world.write(
        "sync.yaml",
        b"resources: [{name: registrationFolders, filters: {state: [accepted, inTraining]}}]",
    );
    world.sync(&["--config", "sync.yaml"]).await.expect(0);
    let folders = world.wedof("GET", "registrationFolders", None).await;
    let wanted: Vec<_> = folders
        .as_array()
        .unwrap()
        .iter()
        .filter(|folder| ["accepted", "inTraining"].contains(&folder["state"].as_str().unwrap()))
        .map(|folder| folder["externalId"].as_str().unwrap().to_owned())
        .collect();
    assert!(!wanted.is_empty());
    assert_eq!(world.keys(FOLDERS), wanted);
}
