//! Answers that are lost, late, refused or wrong, and runs that meet.

use std::time::Duration;

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use wedof_sheet_sync::failure::{Mend, reason};

use crate::world::{READ, TITLE, WRITE, World, folder, folders, heavy};

#[rstest]
#[case::reset_after_it_was_applied(json!({"reset": "after"}))]
#[case::reset_before_it_was_applied(json!({"reset": "before"}))]
#[case::cut_body(json!({"cut": 3}))]
#[case::overload_though_applied(json!({"status": 503, "apply": true}))]
#[case::overload(json!({"status": 503}))]
#[case::aborted(json!({"status": 409}))]
#[case::html(json!({"status": 502, "body": "<html>Bad Gateway</html>", "apply": true}))]
#[tokio::test]
async fn a_write_whose_answer_is_lost_is_never_sent_twice(#[case] answer: Value) {
    let mut world = World::new(30).await;
    world.fault(json!({"path": WRITE, "answer": answer})).await;
    let change = world.sync().await.unwrap();
    assert_eq!((change.added, change.updated, change.removed), (30, 0, 0), "{answer}");
    assert_eq!(world.keys(), (1..=30).map(|id| id.to_string()).collect::<Vec<_>>());
    assert_eq!(world.height(), 32);

    world.drop_record("4");
    world.change_name("9", "Dupont");
    world.wish.table.rows.push(folder(31));
    world.fault(json!({"path": WRITE, "answer": answer})).await;
    let change = world.sync().await.unwrap();
    assert_eq!((change.added, change.updated, change.removed), (1, 1, 1), "{answer}");
    assert_eq!(
        world.keys(),
        (1..=31)
            .filter(|id| *id != 4)
            .map(|id| id.to_string())
            .collect::<Vec<_>>()
    );
    assert_eq!(world.row("9")[0], "Dupont");
    assert_eq!(world.height(), 32);
    assert!(!world.sync().await.unwrap().written);
}

#[tokio::test]
async fn a_batch_lost_in_the_middle_of_many_is_made_up_for() {
    let mut world = World::new(0).await;
    world.wish.table = heavy(1..=900);
    world
        .fault(json!({"path": WRITE, "nth": 2, "answer": {"reset": "after"}}))
        .await;
    assert_eq!(world.sync().await.unwrap().added, 900);
    assert_eq!(world.keys(), (1..=900).map(|id| id.to_string()).collect::<Vec<_>>());
    assert_eq!(world.height(), 902);
    assert!(!world.sync().await.unwrap().written);
}

#[tokio::test]
async fn runs_that_meet_leave_one_tab_with_every_record_once() {
    let mut world = World::new(40).await;
    let runs = [(); 3].map(|()| world.sync());
    let changes = futures::future::join_all(runs).await;
    let added: i64 = changes.iter().flatten().map(|change| change.added).sum();
    assert_eq!(added, 40, "{changes:?}");
    assert_eq!(
        world.simulator.state()["sheets"].as_array().unwrap().len(),
        2,
        "the first sheet, and one tab"
    );
    assert_eq!(world.keys(), (1..=40).map(|id| id.to_string()).collect::<Vec<_>>());

    world.wish.table = folders(11..=60);
    world.wish.allow_deletions = true;
    let runs = [(); 3].map(|()| world.sync());
    for change in futures::future::join_all(runs).await {
        if let Err(failure) = change {
            assert_eq!(failure.reason, reason::CONFLICT, "{failure}");
        }
    }
    assert_eq!(world.keys(), (11..=60).map(|id| id.to_string()).collect::<Vec<_>>());
    assert_eq!(world.height(), 52);
    assert!(!world.sync().await.unwrap().written);
}

#[tokio::test]
async fn a_read_is_repeated_after_what_may_pass() {
    let world = World::filled(5).await;
    for answer in [
        json!({"status": 503}),
        json!({"cut": 20}),
        json!({"reset": "after"}),
        json!({"status": 500, "body": "<html>"}),
    ] {
        world.fault(json!({"path": READ, "answer": answer})).await;
        assert!(!world.sync().await.unwrap().written);
    }
}

#[tokio::test]
async fn a_used_up_quota_is_waited_for_and_the_write_goes_out_once() {
    let world = World::new(5).await;
    let headers = json!({"retry-after": "1"});
    let body = json!({"error": {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED"}});
    let answer = json!({"status": 429, "headers": headers, "body": body});
    for path in [WRITE, READ] {
        world.fault(json!({"path": path, "times": 2, "answer": answer})).await;
    }
    let began = std::time::Instant::now();
    let change = world.sync().await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(4));
    assert_eq!(change.added, 5);
    assert!(change.notes.is_empty(), "a refusal is no doubt: {:?}", change.notes);
    assert_eq!(world.keys().len(), 5);
}

#[tokio::test]
async fn a_wait_that_the_deadline_does_not_allow_ends_the_run_at_once() {
    let mut world = World::filled(5).await;
    world.deadline = Some(Duration::from_secs(20));
    world.fault(json!({"path": READ, "answer": {"status": 429}})).await;
    let began = std::time::Instant::now();
    let failure = world.sync().await.unwrap_err();
    assert_eq!((failure.reason, failure.mend), (reason::DEADLINE, Mend::Later));
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn an_answer_that_comes_after_the_deadline_is_not_waited_for() {
    let mut world = World::new(5).await;
    world.deadline = Some(Duration::from_secs(2));
    world.fault(json!({"path": WRITE, "answer": {"delayMs": 6000}})).await;
    let began = std::time::Instant::now();
    let failure = world.sync().await.unwrap_err();
    assert_eq!(failure.reason, reason::DEADLINE, "{failure}");
    assert!(began.elapsed() < Duration::from_secs(4));
    world.deadline = None;
    assert!(!world.sync().await.unwrap().written, "it was applied all the same");
}

#[tokio::test]
async fn a_run_that_is_asked_to_stop_finishes_the_batch_under_way_and_starts_no_other() {
    let mut world = World::new(0).await;
    world.wish.table = heavy(1..=900);
    world.fault(json!({"path": WRITE, "answer": {"delayMs": 1000}})).await;
    let (end, ()) = tokio::join!(world.sync(), async {
        while world.writes() == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        world.stop.cancel();
    });
    let failure = end.unwrap_err();
    assert_eq!((failure.reason, failure.mend), (reason::INTERRUPTED, Mend::Later));
    assert_eq!(world.writes(), 1);
    let done = world.keys().len();
    assert!((100..900).contains(&done), "{done}");
    assert_eq!(
        world.keys(),
        (1..=done).map(|id| id.to_string()).collect::<Vec<_>>(),
        "every row is whole"
    );
    world.stop = Default::default();
    assert_eq!(world.sync().await.unwrap().added, 900 - done as i64);
    assert_eq!(world.keys().len(), 900);
}

#[tokio::test]
async fn a_token_that_stops_working_is_renewed_once() {
    let mut world = World::filled(5).await;
    let client = world.client().await.unwrap();
    let book = client.open(&world.simulator.tenant().spreadsheet_id).await.unwrap();
    world.simulator.google_admin(Method::DELETE, "_tokens", None).await;
    world.change_name("2", "Dupont");
    assert_eq!(
        book.sync_tab(&world.wish.borrow(), &|_, _| ()).await.unwrap().updated,
        1
    );
    assert_eq!(world.row("2")[0], "Dupont");
}

#[tokio::test]
async fn tokens_are_renewed_while_a_run_lasts_longer_than_they() {
    let world = World::filled(5).await;
    world
        .simulator
        .google_admin(Method::PATCH, "_settings", Some(&json!({"tokenLifetimeSeconds": 1})))
        .await;
    let client = world.client().await.unwrap();
    let book = client.open(&world.simulator.tenant().spreadsheet_id).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(!book.sync_tab(&world.wish.borrow(), &|_, _| ()).await.unwrap().written);
}

#[tokio::test]
async fn a_token_answer_that_is_none_is_asked_for_again() {
    let world = World::filled(5).await;
    world
        .fault(json!({"path": "/token", "answer": {"status": 200, "body": {"error": {"message": "?"}}}}))
        .await;
    assert!(!world.sync().await.unwrap().written);
    world
        .fault(json!({"path": "/token", "answer": {"status": 502, "body": "<html>"}}))
        .await;
    assert!(!world.sync().await.unwrap().written);
}

#[rstest]
#[case(4200, "70 min behind")]
#[case(-600, "10 min ahead of")]
#[tokio::test]
async fn a_clock_that_is_wrong_is_told_with_its_minutes(#[case] server_ahead: i64, #[case] told: &str) {
    let world = World::new(1).await;
    let settings = json!({"clockOffsetSeconds": server_ahead});
    world
        .simulator
        .google_admin(Method::PATCH, "_settings", Some(&settings))
        .await;
    let failure = world.sync().await.unwrap_err();
    assert_eq!(failure.reason, reason::CLOCK_SKEW, "{failure}");
    assert!(failure.message.contains(told), "{failure}");
    assert!(world.simulator.running.sheets_requests().total < 6, "no blind retries");
}

#[tokio::test]
async fn a_key_that_google_does_not_know_names_its_place_and_what_to_do() {
    let world = World::new(1).await;
    let body = json!({"error": "invalid_grant", "error_description": "Invalid JWT Signature."});
    world
        .fault(json!({"path": "/token", "times": 9, "answer": {"status": 400, "body": body}}))
        .await;
    let failure = world.sync().await.unwrap_err();
    assert_eq!(
        (failure.reason, failure.mend),
        (reason::GOOGLE_KEY_REFUSED, Mend::Person)
    );
    for part in [
        "Secret `google`, key `credentials.json`",
        "Invalid JWT Signature.",
        "make a new one",
    ] {
        assert!(failure.message.contains(part), "{failure}");
    }
}

#[tokio::test]
async fn a_spreadsheet_that_is_not_there_or_not_shared_is_told_with_the_remedy() {
    let world = World::new(1).await;
    let client = world.client().await.unwrap();
    let failure = client.open("1NoSuchSpreadsheetExistsAnywhere000").await.err().unwrap();
    assert_eq!(
        (failure.reason, failure.mend),
        (reason::SPREADSHEET_NOT_FOUND, Mend::Person)
    );

    let email = world.simulator.tenant().email.clone();
    for sharing in [json!({}), json!({email.clone(): "reader"})] {
        let path = format!("_sheets/{}/sharing", world.simulator.tenant().spreadsheet_id);
        world.simulator.google_admin(Method::PUT, &path, Some(&sharing)).await;
        let failure = world.sync().await.unwrap_err();
        assert_eq!(
            (failure.reason, failure.mend),
            (reason::SPREADSHEET_FORBIDDEN, Mend::Person)
        );
        assert!(failure.message.contains(&email), "{failure}");
    }

    let office = json!({"id": "1OfficeFile00000000000000", "office": true, "sharing": {email: "writer"}});
    world
        .simulator
        .google_admin(Method::POST, "_sheets", Some(&office))
        .await;
    let failure = client.open("1OfficeFile00000000000000").await.err().unwrap();
    assert_eq!(
        (failure.reason, failure.mend),
        (reason::SPREADSHEET_NOT_FOUND, Mend::Person)
    );
    assert!(failure.message.contains("Office file"), "{failure}");
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_tried_again_and_told() {
    let mut world = World::new(1).await;
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    world.simulator.running.sheets_url = format!("http://127.0.0.1:{port}/");
    world.deadline = Some(Duration::from_secs(3));
    let failure = world.sync().await.unwrap_err();
    assert_eq!(failure.mend, Mend::Later, "{failure}");
    assert_eq!(world.tab(TITLE), Value::Null);
}

#[tokio::test]
async fn what_was_written_before_a_failure_is_counted_although_the_run_failed() {
    let world = World::new(5).await;
    let client = world.client().await.unwrap();
    let book = client.open(&world.simulator.tenant().spreadsheet_id).await.unwrap();
    // a new tab is read for the first time after it was written
    world.fault(json!({"path": READ, "answer": {"status": 403}})).await;
    let unfinished = book.sync_tab(&world.wish.borrow(), &|_, _| ()).await.unwrap_err();
    assert_eq!((unfinished.done.added, unfinished.done.written), (5, true));
    assert_eq!(world.keys().len(), 5);
}

#[tokio::test]
async fn filters_of_any_length_are_told_from_others_and_take_no_room() {
    let mut world = World::new(50).await;
    let long = |id: usize| format!("siret={}", "12345678901234,".repeat(3_000 + id));
    world.wish.filters = long(1).leak();
    world.sync().await.unwrap();
    assert!(!world.sync().await.unwrap().written);
    world.wish.filters = long(2).leak();
    world.wish.table = folders(1..=10);
    let failure = world.sync().await.unwrap_err();
    assert!(failure.message.contains("filters changed"), "{failure}");
    world.wish.filters = long(1).leak();
    let failure = world.sync().await.unwrap_err();
    assert!(!failure.message.contains("filters changed"), "{failure}");
}

#[tokio::test]
async fn what_google_refuses_in_every_round_alike_is_for_a_person_and_not_for_the_next_run() {
    let refusal = |message: &str| {
        let body = json!({"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}});
        json!({"status": 400, "body": body})
    };
    let mut world = World::filled(3).await;
    world.change_name("2", "Dupont");
    let always = refusal("Invalid requests[2].updateCells: not on a Tuesday");
    world.fault(json!({"path": WRITE, "times": 3, "answer": always})).await;
    let failure = world.sync().await.unwrap_err();
    assert_eq!((failure.reason, failure.mend), (reason::GOOGLE_ERROR, Mend::Person));
    for part in [TITLE, "not on a Tuesday"] {
        assert!(failure.message.contains(part), "{failure}");
    }

    // somebody who edits is met in other places each time
    world.forget_requests().await;
    for row in [7, 8, 9] {
        let answer = refusal(&format!(
            "Invalid requests[2].updateCells: row {row} is past the grid's end"
        ));
        world
            .fault(json!({"path": WRITE, "nth": row - 6, "answer": answer}))
            .await;
    }
    let failure = world.sync().await.unwrap_err();
    assert_eq!(
        (failure.reason, failure.mend),
        (reason::CONFLICT, Mend::Later),
        "{failure}"
    );
    assert_eq!(world.sync().await.unwrap().updated, 1);
}

#[tokio::test]
async fn who_waits_hears_how_many_rows_are_written_of_how_many() {
    let mut world = World::new(0).await;
    world.wish.table = heavy(1..=900);
    let heard = std::sync::Mutex::new(Vec::new());
    let tell = |done, all| heard.lock().unwrap().push((done, all));
    let client = world.client().await.unwrap();
    let book = client.open(&world.simulator.tenant().spreadsheet_id).await.unwrap();
    book.sync_tab(&world.wish.borrow(), &tell).await.unwrap();
    let written = std::mem::take(&mut *heard.lock().unwrap());
    assert_eq!((written.first(), written.last()), (Some(&(0, 900)), Some(&(900, 900))));
    assert!(written.len() > 3 && written.is_sorted(), "{written:?}");

    world.wish.table.rows.truncate(890);
    world.change_name("7", "Dupont");
    world.wish.table.rows.push(folder(901));
    book.sync_tab(&world.wish.borrow(), &tell).await.unwrap();
    let written = std::mem::take(&mut *heard.lock().unwrap());
    assert_eq!(
        written,
        [(0, 12), (12, 12)],
        "one that comes, one that changes, ten that go"
    );
    book.sync_tab(&world.wish.borrow(), &tell).await.unwrap();
    assert_eq!(*heard.lock().unwrap(), []);
}
