//! Reading lists with page and limit.

use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::{Value, json};
use wedof_sheet_sync::report::{ResourceOutcome::*, RunOutcome};

use crate::{
    shared::{FOLDERS_ONLY, LIST, WITH_ORGANISM, account, column, folder, folders, id, ids, serve, serve_page, want},
    world::FOLDERS,
};

fn headers(total: Option<&str>) -> Value {
    json!({"content-type": "application/json", "x-total-count": total})
}

#[tokio::test(flavor = "multi_thread")]
async fn c2_a_page_one_row_short_is_not_the_end_while_the_total_says_more() {
    let all = folders(1..=250);
    let world = account(&all, FOLDERS_ONLY).await;
    serve(
        &world,
        &[&all[..100], &all[100..199], &all[199..]],
        headers(Some("250")),
    )
    .await;
    world.sync(&[]).await.expect(0);
    assert_eq!(world.keys(FOLDERS), ids(1..=250));

    // the row that page 2 lacks is on no page: the others arrive, and its row is not deleted
    world.clear_faults().await;
    serve(
        &world,
        &[&all[..100], &all[100..199], &all[200..]],
        headers(Some("250")),
    )
    .await;
    let run = world.sync(&[]).await.expect(0);
    assert_eq!((run.report.rows, run.report.removed), (249, 0));
    let note = run.report.resources[0].message.clone().unwrap();
    assert!(
        note.contains("Wedof counts 250 records and lists 249; rows of unlisted records are kept"),
        "{note}"
    );
    assert_eq!(world.keys(FOLDERS).len(), 250);
}

#[rstest]
#[case::that_says_so(json!({"x-total-count": "250", "x-item-per-page": "50"}))]
#[case::that_says_nothing_of_it(json!({"x-total-count": "250"}))]
#[case::that_repeats_what_was_asked(json!({"x-total-count": "250", "x-item-per-page": "100"}))]
#[case::without_any_paging_header(json!({}))]
#[tokio::test(flavor = "multi_thread")]
async fn c2_a_server_that_gives_fifty_whatever_is_asked_loses_no_row(#[case] headers: Value) {
    let all = folders(1..=250);
    let world = account(&all, FOLDERS_ONLY).await;
    let pages: Vec<&[Value]> = all.chunks(50).collect();
    serve(&world, &pages, headers).await;
    world.sync(&[]).await.expect(0);
    assert_eq!(world.keys(FOLDERS), ids(1..=250));
}

#[rstest]
#[case::no_total(None)]
#[case::total_of_zero(Some("0"))]
#[case::total_that_counts_the_page(Some("100"))]
#[case::right_total(Some("200"))]
#[case::total_that_is_no_number(Some("null"))]
#[tokio::test(flavor = "multi_thread")]
async fn c4_a_404_after_an_exactly_full_last_page_is_the_end(#[case] total: Option<&str>) {
    let all = folders(1..=200);
    let world = account(&all, FOLDERS_ONLY).await;
    serve_page(&world, 3, json!({"status": 404})).await;
    serve(&world, &[&all[..100], &all[100..]], headers(total)).await;
    let run = world.sync(&[]).await.expect(0);
    assert_eq!(run.report.rows, 200);
    assert_eq!(world.keys(FOLDERS), ids(1..=200));
}

#[tokio::test(flavor = "multi_thread")]
async fn c4_a_500_past_the_end_does_no_harm_when_the_total_tells_the_end_and_is_no_end_when_not() {
    let all = folders(1..=200);
    let world = account(&all, FOLDERS_ONLY).await;
    serve_page(&world, 3, json!({"status": 500})).await;
    serve(&world, &[&all[..100], &all[100..]], headers(Some("200"))).await;
    assert_eq!(world.sync(&[]).await.expect(0).report.rows, 200);

    world.clear_faults().await;
    let state = world.state();
    serve_page(&world, 3, json!({"status": 500})).await;
    serve(&world, &[&all[..100], &all[100..]], headers(None)).await;
    let run = world.sync(&[]).await.expect(1);
    assert_eq!(run.report.reason.as_deref(), Some("IncompleteRead"));
    assert_eq!(world.state(), state);
}

#[tokio::test(flavor = "multi_thread")]
async fn c4_a_404_on_the_first_page_is_an_error_and_no_empty_list() {
    let world = account(&folders(1..=5), FOLDERS_ONLY).await;
    world.sync(&[]).await.expect(0);
    let state = world.state();
    world
        .wedof_fault(json!({"path": LIST, "times": 99, "answer": {"status": 404}}))
        .await;
    let run = world.sync(&[]).await.expect(2);
    assert_eq!(run.outcomes(), [Failed]);
    assert_eq!(world.state(), state);
}

#[rstest]
#[case::with_the_right_total(Some("200"))]
#[case::without_total(None)]
#[tokio::test(flavor = "multi_thread")]
async fn c4_a_server_that_ignores_the_page_is_found_out_and_its_first_page_is_not_taken_for_all(
    #[case] total: Option<&str>,
) {
    let all = folders(1..=200);
    let world = account(&all, FOLDERS_ONLY).await;
    let first = json!(all[..100]).to_string();
    let answer = json!({"status": 200, "headers": headers(total), "body": first});
    world
        .wedof_fault(json!({"path": LIST, "times": 10_000, "answer": answer}))
        .await;
    let run = world.sync(&[]).await.expect(1);
    assert_eq!(run.report.reason.as_deref(), Some("IncompleteRead"));
    run.says("page 2 with the records of another page");
    assert!(world.running.wedof_requests().total <= 3);
    assert_eq!(world.tab(FOLDERS), Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn c4_a_list_of_more_pages_than_any_account_has_is_not_begun() {
    let all = folders(1..=100);
    let world = account(&all, FOLDERS_ONLY).await;
    serve(&world, &[&all[..]], headers(Some("200000000"))).await;
    let run = world.sync(&[]).await.expect(1);
    run.says("more than 10000 pages; narrow it with filters");
    assert_eq!(world.running.wedof_requests().total, 1);
}

#[rstest]
#[case::first_half(r"\ud83d")]
#[case::second_half(r"\ude00")]
#[case::halves_in_the_wrong_order(r"\ude00\ud83d")]
#[tokio::test(flavor = "multi_thread")]
async fn c6_half_an_emoji_on_page_three_becomes_a_replacement_character_and_one_warning(#[case] half: &str) {
    let all = folders(1..=205);
    let world = account(&all, FOLDERS_ONLY).await;
    let mut odd = folder(203);
    odd["comment"] = json!("HALF");
    let mut third = all[200..].to_vec();
    third[2] = odd;
    let body = json!(third).to_string().replace("HALF", &format!("avant {half} après"));
    serve_page(
        &world,
        3,
        json!({"status": 200, "headers": headers(Some("205")), "body": body}),
    )
    .await;

    let run = world.sync(&[]).await.expect(0);
    assert_eq!(world.keys(FOLDERS), ids(1..=205));
    let comments = column(&world.values(FOLDERS), "comment");
    let replaced = "\u{fffd}".repeat(half.matches('u').count());
    assert_eq!(comments[202], format!("avant {replaced} après"));
    let place = format!("record `{}`, field comment", id(203));
    assert_eq!(run.stderr.matches(&place).count(), 1, "{}", run.stderr);
    assert_eq!(run.stderr.matches(" WARN ").count(), 1, "{}", run.stderr);
    // not even worth a second write
    assert_eq!(world.sync(&[]).await.expect(0).outcomes(), [Unchanged]);
}

fn date(in_seconds: i64) -> String {
    let time = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(in_seconds);
    jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&time)
        .unwrap()
}

/// Retry-After, the status with it, and how long the run waits at least and at most.
#[rstest]
#[case::date_ahead(429, || date(3), 2..15)]
#[case::date_past(429, || date(-3600), 0..10)]
#[case::nonsense(429, || "soon".to_owned(), 0..10)]
#[case::empty(429, String::new, 0..10)]
#[case::zero(429, || "0".to_owned(), 0..10)]
#[case::negative(429, || "-5".to_owned(), 0..10)]
#[case::seconds_with_a_503(503, || "2".to_owned(), 2..15)]
#[case::date_with_a_503(503, || date(3), 2..15)]
#[tokio::test(flavor = "multi_thread")]
async fn c8_a_wait_is_kept_in_both_forms_and_nonsense_is_none(
    #[case] status: u16,
    #[case] retry_after: fn() -> String,
    #[case] seconds: std::ops::Range<u64>,
) {
    let world = account(&folders(1..=3), FOLDERS_ONLY).await;
    let beginning = world.running.keep();
    for path in [LIST, "*values:batchGetByDataFilter", "*:batchUpdate"] {
        world.running.put_back(&beginning);
        let answer = json!({"status": status, "headers": {"retry-after": retry_after()}});
        let fault = json!({"path": path, "answer": answer});
        match path {
            LIST => world.wedof_fault(fault).await,
            _ => world.google_fault(fault).await,
        }
        // a limit without a time is one by the minute at Google: sixty first waits
        let began = Instant::now();
        world.sync(&[]).await.expect(0);
        assert_eq!(world.keys(FOLDERS), ids(1..=3));
        // a batch that an overload may have taken is not sent again but looked for at once
        let least = if path == "*:batchUpdate" && status == 503 {
            0
        } else {
            seconds.start
        };
        let waited = began.elapsed().as_secs();
        assert!((least..seconds.end).contains(&waited), "{path}: {waited} s");
    }
}

#[rstest]
#[case::more_than_a_lifetime("99999999999")]
#[case::more_than_a_number("99999999999999999999999999")]
#[case::far_date("Fri, 31 Dec 9999 23:59:59 GMT")]
#[tokio::test(flavor = "multi_thread")]
async fn c8_an_endless_wait_is_reported_and_not_slept(#[case] retry_after: &str) {
    let world = account(&folders(1..=3), FOLDERS_ONLY).await;
    let places: [(&str, &[&str]); 4] = [
        (LIST, &[]),
        (LIST, &["--deadline", "600"]),
        ("/v4/", &[]),
        ("/v4/", &["--deadline", "600"]),
    ];
    for (path, args) in places {
        world.clear_faults().await;
        let answer = json!({"status": 429, "headers": {"retry-after": retry_after}});
        let fault = json!({"path": path, "times": 99, "answer": answer});
        match path {
            LIST => world.wedof_fault(fault).await,
            _ => world.google_fault(fault).await,
        }
        let began = Instant::now();
        let run = world.sync(args).await.expect(1);
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        run.says("asks to wait");
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_a_source_that_fails_never_empties_a_tab() {
    let world = account(&folders(1..=500), WITH_ORGANISM).await;
    world.sync(&[]).await.expect(0);
    let state = world.state();

    let broken = json!({"path": LIST, "page": 2, "times": 99, "answer": {"status": 500}});
    world.wedof_fault(broken).await;
    let run = world.sync(&[]).await.expect(1);
    assert_eq!(
        (run.report.outcome, run.outcomes()),
        (RunOutcome::Partial, vec![Failed, Unchanged])
    );
    assert_eq!(world.state(), state);

    world.clear_faults().await;
    world
        .wedof_fault(json!({"path": "/api/", "times": 99, "answer": {"status": 403}}))
        .await;
    let run = world.sync(&[]).await.expect(2);
    assert_eq!(
        (run.report.outcome, run.outcomes()),
        (RunOutcome::Failed, vec![Failed, Failed])
    );
    assert_eq!(
        world.running.wedof_requests().by_kind["GET /api/organisms/me"],
        3,
        "one 403 does not stop the others"
    );
    assert_eq!(world.state(), state);

    world.clear_faults().await;
    let page = "<!DOCTYPE html><html><body>Maintenance</body></html>";
    world
        .wedof_fault(json!({"path": LIST, "times": 99, "answer": {"status": 200, "body": page}}))
        .await;
    let run = world.sync(&[]).await.expect(1);
    assert_eq!(run.outcomes(), [Failed, Unchanged]);
    run.says("not JSON");
    assert_eq!(world.state(), state);
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_a_truly_empty_list_is_refused_when_the_tab_held_many_rows_and_written_when_that_is_accepted() {
    let world = account(&folders(1..=500), FOLDERS_ONLY).await;
    world.sync(&[]).await.expect(0);
    let state = world.state();
    serve(&world, &[], headers(Some("0"))).await;
    let run = world.sync(&[]).await.expect(2);
    assert_eq!(run.outcomes(), [Refused]);
    for part in ["500", "--allow-deletions registrationFolders"] {
        run.says(part);
    }
    assert_eq!(world.state(), state);

    want(&world, &format!("{FOLDERS_ONLY}deletionGuard: {{maxPercent: 100}}\n"));
    let run = world.sync(&[]).await.expect(0);
    assert_eq!((run.report.rows, run.report.removed), (0, 500));
    assert_eq!(run.outcomes(), [Synced]);
    assert_eq!(world.values(FOLDERS).len(), 1, "the header stays");
    assert!(run.stdout.contains("500"), "{}", run.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_a_small_tab_may_become_empty() {
    let world = account(&folders(1..=5), FOLDERS_ONLY).await;
    world.sync(&[]).await.expect(0);
    serve(&world, &[], headers(Some("0"))).await;
    let run = world.sync(&[]).await.expect(0);
    assert_eq!((run.report.rows, run.report.removed), (0, 5));
    assert_eq!(world.values(FOLDERS).len(), 1);
}
