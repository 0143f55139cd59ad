use serde_json::{Value, json};

use super::*;
use crate::operator::watched::Facts;
use crate::{
    api::Trigger,
    failure::reason::WEDOF_KEY_REFUSED,
    operator::{facts::Suspended, validate::tests::valid},
    report::ResourceOutcome,
};

pub fn at(time: &str) -> Timestamp {
    format!("2026-11-25T{time}Z").parse().unwrap()
}

pub fn run(uid: &str, state: RunState, ended: Option<&str>) -> Run {
    let failed = matches!(state, RunState::Failed | RunState::Partial);
    Run {
        namespace: "ns".into(),
        job: format!("acme-{uid}"),
        uid: uid.into(),
        resource_version: "1".into(),
        trigger: Trigger::Schedule,
        sync_request: None,
        generation: Some(1),
        state,
        reason: failed.then(|| WEDOF_KEY_REFUSED.into()),
        message: Some(if failed {
            "Secret wedof, key api-key: refused".into()
        } else {
            "250 rows".into()
        }),
        started: Some(at("06:59:00")),
        ended: ended.map(at),
        attempts: 1,
        begun: false,
        exit_code: None,
        counts: Some(Counts {
            rows: 250,
            added: 250,
            ..Counts::default()
        }),
        resources: Vec::new(),
        look_again: None,
        ask_events: false,
        suspended: None,
    }
}

#[test]
fn a_run_that_still_waits_for_its_last_words_is_recorded_before_one_that_ended_later() {
    let mut asked = run("a", RunState::Running, Some("07:00:00"));
    asked.sync_request = Some("now".into());
    let later = run("b", RunState::Succeeded, Some("07:00:03"));
    let waiting = status(&WedofSheetSyncStatus::default(), &[asked.clone(), later.clone()]);
    assert_eq!(waiting.last_recorded_run, None);

    asked.state = RunState::Succeeded;
    let both = status(&waiting, &[asked, later]);
    assert_eq!(both.last_handled_sync_request.as_deref(), Some("now"));
    assert_eq!(both.last_recorded_run.unwrap().job_uid, "b");
}

fn resource(outcome: &str, rows: i64) -> ResourceReport {
    serde_json::from_value(
        json!({"name": "organisms", "tab": "Organisms", "outcome": outcome, "rows": rows, "added": 1,
        "updated": 0, "removed": 0}),
    )
    .unwrap()
}

pub fn status(old: &WedofSheetSyncStatus, runs: &[Run]) -> WedofSheetSyncStatus {
    let (_, recorded) = record(old, runs, None, at("08:00:00"));
    let spec = valid(json!({}));
    conclude(recorded, 1, &Verdict::Ready, Some(&spec), None, &[], at("08:00:00"))
}

fn last_run_succeeded(status: &WedofSheetSyncStatus) -> (&str, &str) {
    let condition = get(status, condition::LAST_RUN_SUCCEEDED).unwrap();
    (&condition.status, &condition.reason)
}

#[test]
fn a_new_object_is_ready_and_no_run_is_known() {
    let new = status(&WedofSheetSyncStatus::default(), &[]);
    let ready = get(&new, condition::READY).unwrap();
    assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("True", "Scheduled"));
    assert_eq!(ready.message, "runs at 0 7 * * * (Europe/Paris)");
    assert_eq!(last_run_succeeded(&new), ("Unknown", "NoRunYet"));
    assert_eq!(
        new.next_schedule_time,
        Some(Time("2026-11-26T06:00:00Z".parse().unwrap()))
    );
    assert!(get(&new, condition::STALLED).is_none());
}

#[test]
fn data_are_fresh_until_the_first_time_of_the_schedule_that_no_success_has_followed() {
    let fresh = |status: &WedofSheetSyncStatus| status.fresh_until.as_ref().map(|time| time.0.to_string());
    let new = status(&WedofSheetSyncStatus::default(), &[]);
    assert_eq!(fresh(&new).as_deref(), Some("2026-11-26T06:00:00Z"), "the first time");

    let on = |old: &WedofSheetSyncStatus, day: &str, suspend: bool, schedule: &str| {
        let spec = valid(json!({"schedule": schedule, "suspend": suspend}));
        let now = format!("2026-{day}T08:00:00Z").parse().unwrap();
        conclude(old.clone(), 1, &Verdict::Ready, Some(&spec), None, &[], now)
    };
    let missed = on(&new, "11-30", false, "0 7 * * *");
    assert_eq!(fresh(&missed), fresh(&new), "what was promised stays");
    let mut done = missed.clone();
    done.last_success_time = Some(Time("2026-12-01T06:01:00Z".parse().unwrap()));
    let done = on(&done, "12-03", false, "0 7 * * *");
    assert_eq!(
        fresh(&done).as_deref(),
        Some("2026-12-02T06:00:00Z"),
        "counted from the success"
    );

    let suspended = on(&done, "12-10", true, "0 7 * * *");
    assert_eq!(fresh(&suspended), None);
    let again = on(&suspended, "12-20", false, "0 7 * * *");
    assert_eq!(
        fresh(&again).as_deref(),
        Some("2026-12-21T06:00:00Z"),
        "nothing for the time before"
    );
    let mut otherwise_worded = again.clone();
    for condition in &mut otherwise_worded.conditions {
        condition.message = "in place".into();
    }
    let later = on(&otherwise_worded, "12-22", false, "0 7 * * *");
    assert_eq!(fresh(&later), fresh(&again), "no promise hangs on words for people");
    let elsewhere = valid(json!({"schedule": "0 7 * * *", "timeZone": "Asia/Tokyo"}));
    let now = "2026-12-22T08:00:00Z".parse().unwrap();
    let elsewhere = conclude(again.clone(), 1, &Verdict::Ready, Some(&elsewhere), None, &[], now);
    assert_eq!(
        fresh(&elsewhere).as_deref(),
        Some("2026-12-22T22:00:00Z"),
        "another zone, another promise"
    );
    let monthly = on(&again, "12-22", false, "0 7 1 * *");
    assert_eq!(
        fresh(&monthly).map(|time| time[..10].to_owned()).as_deref(),
        Some("2027-01-01")
    );
}

#[test]
fn each_finished_run_is_counted_once_and_in_the_order_of_their_ends() {
    let runs = [
        run("c", RunState::Failed, Some("07:30:00")),
        run("a", RunState::Succeeded, Some("07:10:00")),
        run("b", RunState::Failed, Some("07:20:00")),
    ];
    let first = status(&WedofSheetSyncStatus::default(), &runs);
    assert_eq!(first.consecutive_failures, Some(2));
    assert_eq!(first.last_success_time, Some(Time(at("07:10:00"))));
    assert_eq!(first.last_run.as_ref().unwrap().job_uid, "c");
    assert_eq!(last_run_succeeded(&first), ("False", "WedofKeyRefused"));
    assert_eq!(first.rows, Some(250), "of the last good run");
    assert_eq!(status(&first, &runs), first, "at rest nothing changes");
    assert_eq!(status(&first, &runs[1..]), first, "nor when history forgets a run");
}

#[test]
fn a_run_that_was_going_and_that_somebody_suspends_says_so_until_it_goes_on() {
    let going = run("a", RunState::Running, None);
    let shown = status(&WedofSheetSyncStatus::default(), std::slice::from_ref(&going));
    let halted = Run {
        suspended: Some(Suspended::Otherwise),
        reason: Some("JobSuspended".into()),
        ..going.clone()
    };
    let last = |status: &WedofSheetSyncStatus| {
        let last = status.last_run.clone().unwrap();
        (last.job_uid, last.outcome, last.reason)
    };
    let suspended = status(&shown, std::slice::from_ref(&halted));
    assert_eq!(
        last(&suspended),
        ("a".into(), RunState::Running, Some("JobSuspended".into()))
    );
    assert_eq!(
        last(&status(&suspended, &[going])),
        ("a".into(), RunState::Running, None)
    );
    // another run is shown before it, and its end after that
    let runs = [halted, run("b", RunState::Succeeded, Some("07:10:00"))];
    assert_eq!(
        last(&status(&suspended, &runs)),
        ("b".into(), RunState::Succeeded, None)
    );
}

#[test]
fn a_run_that_is_going_is_shown_and_the_last_result_stays() {
    let good = status(
        &WedofSheetSyncStatus::default(),
        &[run("a", RunState::Succeeded, Some("07:10:00"))],
    );
    let going = status(
        &good,
        &[
            run("a", RunState::Succeeded, Some("07:10:00")),
            run("b", RunState::Running, None),
        ],
    );
    let last = going.last_run.as_ref().unwrap();
    assert_eq!(
        (last.outcome, last.job_uid.as_str(), last.added),
        (RunState::Running, "b", None)
    );
    assert_eq!(last_run_succeeded(&going), ("True", "Succeeded"));
    let failed = status(&going, &[run("b", RunState::Failed, Some("07:20:00"))]);
    let condition = get(&failed, condition::LAST_RUN_SUCCEEDED).unwrap();
    assert_eq!(
        condition.last_transition_time,
        Time(at("07:20:00")),
        "times are those of Jobs"
    );
    assert_eq!(condition.message, "Secret wedof, key api-key: refused");
}

#[test]
fn a_request_is_handled_when_its_run_has_ended() {
    let request = |state, ended| Run {
        sync_request: Some("now".into()),
        ..run("a", state, ended)
    };
    let going = status(&WedofSheetSyncStatus::default(), &[request(RunState::Running, None)]);
    assert_eq!(going.last_handled_sync_request, None);
    assert_eq!(going.last_run.as_ref().unwrap().sync_request.as_deref(), Some("now"));
    let done = status(&going, &[request(RunState::Failed, Some("07:10:00"))]);
    assert_eq!(done.last_handled_sync_request.as_deref(), Some("now"));
}

#[test]
fn last_run_succeeded_carries_the_generation_that_its_run_was_made_from() {
    let old = Run {
        generation: Some(3),
        ..run("a", RunState::Succeeded, Some("07:10:00"))
    };
    let (_, recorded) = record(&WedofSheetSyncStatus::default(), &[old], None, at("08:00:00"));
    let new = conclude(
        recorded,
        4,
        &Verdict::Ready,
        Some(&valid(json!({}))),
        None,
        &[],
        at("08:00:00"),
    );
    assert_eq!(
        get(&new, condition::LAST_RUN_SUCCEEDED).unwrap().observed_generation,
        Some(3)
    );
    assert_eq!(get(&new, condition::READY).unwrap().observed_generation, Some(4));
}

#[test]
fn a_run_whose_job_vanished_is_unknown_unless_the_cronjob_knows_of_a_success() {
    let going = status(&WedofSheetSyncStatus::default(), &[run("a", RunState::Running, None)]);
    let unknown = status(&going, &[]);
    assert_eq!(unknown.last_run.as_ref().unwrap().outcome, RunState::Unknown);
    assert_eq!(last_run_succeeded(&unknown), ("Unknown", "Unknown"));
    assert_eq!(status(&unknown, &[]), unknown);

    let cronjob = json!({"metadata": {"name": "acme"}, "status": {"lastSuccessfulTime": "2026-11-25T07:05:00Z"}});
    let cronjob = CronJobFacts::of(&serde_json::from_value(cronjob).unwrap());
    let (_, good) = record(&going, &[], Some(&cronjob), at("08:00:00"));
    assert_eq!(good.last_run.as_ref().unwrap().outcome, RunState::Succeeded);
    assert_eq!(good.last_success_time, Some(Time(at("07:05:00"))));
}

#[test]
fn a_resource_that_failed_keeps_its_rows_and_the_time_of_its_last_good_sync() {
    let with = |uid, state, ended, resource| Run {
        resources: vec![resource],
        ..run(uid, state, Some(ended))
    };
    let good = status(
        &WedofSheetSyncStatus::default(),
        &[with("a", RunState::Succeeded, "07:10:00", resource("Synced", 9))],
    );
    let failed = status(
        &good,
        &[with("b", RunState::Partial, "07:20:00", resource("Failed", 0))],
    );
    let told = &failed.resources[0];
    assert_eq!((told.outcome, told.rows), (ResourceOutcome::Failed, 9));
    assert_eq!(told.last_sync_time, Some(Time(at("07:10:00"))));
    let silent = status(&failed, &[run("c", RunState::Failed, Some("07:30:00"))]);
    let silent = &silent.resources[0];
    assert_eq!(
        (silent.outcome, silent.rows),
        (ResourceOutcome::Failed, 9),
        "a run without a report changes none"
    );
    assert_eq!(
        (told.added, silent.added),
        (1, 0),
        "but what an earlier run did is no news"
    );
}

#[test]
fn stalled_is_there_only_while_the_author_must_act() {
    let problems = [
        Problem {
            reason: reason::INVALID_SCHEDULE,
            message: "spec.schedule: minute `61`".into(),
        },
        Problem {
            reason: reason::INVALID_TIME_ZONE,
            message: "spec.timeZone: `x`".into(),
        },
    ];
    let old = status(&WedofSheetSyncStatus::default(), &[]);
    let stalled = conclude(
        old,
        2,
        &Verdict::Stalled(problems.to_vec()),
        None,
        None,
        &[],
        at("08:30:00"),
    );
    for kind in [condition::READY, condition::STALLED] {
        let condition = get(&stalled, kind).unwrap();
        assert_eq!(condition.reason, "InvalidSchedule");
        assert_eq!(condition.message, "spec.schedule: minute `61`; spec.timeZone: `x`");
    }
    assert_eq!(
        (stalled.next_schedule_time.as_ref(), stalled.effective_schedule.as_ref()),
        (None, None)
    );
    let conflict = Problem {
        reason: reason::TAB_CONFLICT,
        message: "m".into(),
    };
    let conflict = conclude(
        stalled,
        3,
        &Verdict::NotReady(conflict),
        None,
        None,
        &[],
        at("08:31:00"),
    );
    assert!(get(&conflict, condition::STALLED).is_none());
    let ready = get(&conflict, condition::READY).unwrap();
    assert_eq!(
        (ready.status.as_str(), ready.last_transition_time.0),
        ("False", at("08:30:00"))
    );
}

#[test]
fn suspended_is_ready_without_a_next_time() {
    let spec = valid(json!({"suspend": true}));
    let status = conclude(
        WedofSheetSyncStatus::default(),
        1,
        &Verdict::Ready,
        Some(&spec),
        None,
        &["a note".into()],
        at("08:00:00"),
    );
    let ready = get(&status, condition::READY).unwrap();
    assert_eq!(
        (ready.reason.as_str(), ready.message.as_str()),
        ("Suspended", "suspended: no run by schedule; a note")
    );
    assert_eq!(status.next_schedule_time, None);
}

#[test]
fn every_counts_from_the_last_start_or_the_creation() {
    let spec = valid(json!({"schedule": "@every 1h"}));
    let next = |status: Value| {
        let cronjob =
            json!({"metadata": {"name": "acme", "creationTimestamp": "2026-11-25T05:10:00Z"}, "status": status});
        let cronjob = CronJobFacts::of(&serde_json::from_value(cronjob).unwrap());
        next_time(&spec, Some(&cronjob), at("08:00:00"))
    };
    assert_eq!(next(json!({})), Some(at("08:10:00")));
    assert_eq!(
        next(json!({"lastScheduleTime": "2026-11-25T07:40:00Z"})),
        Some(at("08:40:00"))
    );
}

/// In Paris the clocks go from 2 to 3 on 29 March 2026, and from 3 to 2 on 25 October.
#[test]
fn on_nights_when_clocks_change_every_run_is_counted_and_the_next_time_is_right() {
    let next = |schedule: &str, now: &str| {
        let spec = valid(json!({"schedule": schedule}));
        next_time(&spec, None, now.parse().unwrap()).unwrap().to_string()
    };
    for (schedule, now, wanted) in [
        // spring: half past two is left out, seven comes an hour earlier by the sun
        ("30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-30T00:30:00Z"),
        ("0 7 * * *", "2026-03-28T12:00:00Z", "2026-03-29T05:00:00Z"),
        ("0 3 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
        ("0 * * * *", "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"),
        // autumn: half past two comes twice
        ("30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
        ("30 2 * * *", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
        ("30 2 * * *", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"),
        ("0 7 * * *", "2026-10-24T12:00:00Z", "2026-10-25T06:00:00Z"),
        ("0 7 * * *", "2026-10-25T06:00:00Z", "2026-10-26T06:00:00Z"),
    ] {
        assert_eq!(next(schedule, now), wanted, "{schedule} from {now}");
    }

    // two runs at the same reading of the clock are two runs, in their order
    let ended = |uid, state, time: &str| Run {
        ended: Some(time.parse().unwrap()),
        ..run(uid, state, None)
    };
    let first = ended("a", RunState::Failed, "2026-10-25T00:31:00Z");
    let once = status(&WedofSheetSyncStatus::default(), std::slice::from_ref(&first));
    let second = ended("b", RunState::Failed, "2026-10-25T01:31:00Z");
    let twice = status(&once, &[first, second.clone()]);
    assert_eq!(twice.consecutive_failures, Some(2));
    let good = status(
        &twice,
        &[second, ended("c", RunState::Succeeded, "2026-10-26T01:31:00Z")],
    );
    assert_eq!(
        (
            good.consecutive_failures,
            good.last_success_time.unwrap().0.to_string().as_str()
        ),
        (Some(0), "2026-10-26T01:31:00Z")
    );
}

proptest::proptest! {
    /// Whatever happens in whatever order it is seen, looking again at the same facts changes nothing, and a run is counted
    /// no more than once.
    #[test]
    fn the_same_facts_give_the_same_status(ends in proptest::collection::vec((0u8..60, 0u8..4), 0..8)) {
        let runs: Vec<Run> = ends.iter().enumerate().map(|(index, (minute, state))| {
            let ended = format!("07:{minute:02}:00");
            let (state, ended) = match state {
                0 => (RunState::Succeeded, Some(ended.as_str())),
                1 => (RunState::Failed, Some(ended.as_str())),
                2 => (RunState::Partial, Some(ended.as_str())),
                _ => (RunState::Running, None),
            };
            run(&format!("job-{index}"), state, ended)
        }).collect();
        let once = status(&WedofSheetSyncStatus::default(), &runs);
        proptest::prop_assert_eq!(&status(&once, &runs), &once);
        let failed = runs.iter().filter(|run| matches!(run.state, RunState::Failed | RunState::Partial)).count();
        proptest::prop_assert!(once.consecutive_failures.unwrap_or_default() as usize <= failed);
    }
}
