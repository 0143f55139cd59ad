use serde_json::json;

use super::*;
use crate::operator::{
    names::reason,
    runs::Run,
    status::{
        Verdict, conclude, record,
        tests::{at, run, status},
    },
    validate::Problem,
};

fn told(old: &WedofSheetSyncStatus, new: &WedofSheetSyncStatus) -> Vec<(bool, String)> {
    let notices = transitions(old, &[], new).into_iter();
    notices
        .map(|notice| (notice.warning, format!("{}: {}", notice.reason, notice.note)))
        .collect()
}

#[test]
fn a_run_is_told_once_when_it_starts_and_once_when_it_ends() {
    let new = status(&WedofSheetSyncStatus::default(), &[]);
    assert_eq!(told(&WedofSheetSyncStatus::default(), &new), []);
    let going = status(&new, &[run("a", RunState::Running, None)]);
    assert_eq!(
        told(&new, &going),
        [(false, "RunStarted: Job acme-a was started by schedule".into())]
    );
    assert_eq!(told(&going, &going), []);
    let good = status(&going, &[run("a", RunState::Succeeded, Some("07:10:00"))]);
    assert_eq!(told(&going, &good), [(false, "RunSucceeded: 250 rows".into())]);
    assert_eq!(
        transitions(&going, &[], &good)[0].job,
        Some(("acme-a".into(), "a".into()))
    );
    let failed = status(&good, &[run("b", RunState::Failed, Some("07:20:00"))]);
    assert_eq!(
        told(&good, &failed),
        [(
            true,
            "RunFailed: WedofKeyRefused: Secret wedof, key api-key: refused".into()
        )]
    );
}

#[test]
fn of_several_runs_that_are_found_ended_each_is_told() {
    let new = status(&WedofSheetSyncStatus::default(), &[]);
    let runs = [
        run("a", RunState::Succeeded, Some("07:10:00")),
        run("b", RunState::Failed, Some("07:20:00")),
        run("c", RunState::Running, None),
    ];
    let (ends, now) = record(&new, &runs, None, at("08:00:00"));
    let notices = transitions(&new, &ends, &now);
    let told = notices
        .iter()
        .map(|notice| (notice.reason.as_str(), notice.job.as_ref().unwrap().1.as_str()));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [("RunSucceeded", "a"), ("RunFailed", "b"), ("RunStarted", "c")]
    );
}

#[test]
fn a_run_that_goes_on_is_not_told_again_when_another_one_ends() {
    let going = run("a", RunState::Running, None);
    let old = status(&WedofSheetSyncStatus::default(), std::slice::from_ref(&going));
    let runs = [going, run("b", RunState::Unknown, Some("07:10:00"))];
    let (ends, now) = record(&old, &runs, None, at("08:00:00"));
    let notices = transitions(&old, &ends, &now);
    let told: Vec<_> = notices.iter().map(|notice| notice.reason.as_str()).collect();
    assert_eq!(told, ["RunEndUnknown"]);
}

#[test]
fn what_keeps_a_run_from_starting_is_told_when_it_changes() {
    let stuck = |why: &str| Run {
        reason: Some(why.into()),
        ..run("a", RunState::Running, None)
    };
    let new = status(&WedofSheetSyncStatus::default(), &[run("a", RunState::Running, None)]);
    let pulling = status(&new, &[stuck("ImagePullBackOff")]);
    assert_eq!(told(&new, &pulling), [(true, "ImagePullBackOff: 250 rows".into())]);
    assert_eq!(told(&pulling, &status(&pulling, &[stuck("ImagePullBackOff")])), []);
    assert_eq!(told(&pulling, &status(&pulling, &[stuck("OOMKilled")])).len(), 1);
}

#[test]
fn an_invalid_spec_is_told_once_for_each_message() {
    let stalled = |old: &WedofSheetSyncStatus, message: &str| {
        let problem = Problem {
            reason: reason::NEVER_FIRES,
            message: message.into(),
        };
        conclude(
            old.clone(),
            1,
            &Verdict::Stalled(vec![problem]),
            None,
            None,
            &[],
            at("08:00:00"),
        )
    };
    let none = WedofSheetSyncStatus::default();
    let one = stalled(&none, "no date");
    assert_eq!(told(&none, &one), [(true, "Stalled: NeverFires: no date".into())]);
    assert_eq!(told(&one, &stalled(&one, "no date")), []);
    assert_eq!(told(&one, &stalled(&one, "another")).len(), 1);
    let mended = status(&one, &[]);
    assert_eq!(
        told(&one, &mended),
        [(false, "Ready: runs at 0 7 * * * (Europe/Paris)".into())]
    );
    let problem = Problem {
        reason: reason::NAME_TAKEN,
        message: "CronJob acme".into(),
    };
    let taken = conclude(
        none.clone(),
        1,
        &Verdict::NotReady(problem),
        None,
        None,
        &[],
        at("08:00:00"),
    );
    assert_eq!(told(&none, &taken), [(true, "NameTaken: CronJob acme".into())]);
    assert_eq!(json!(taken.observed_generation), json!(1));
}
