use serde_json::{Value, json};

use super::*;
use crate::operator::watched::Facts;

fn meta(uid: &str, owner: Option<(&str, &str)>) -> Value {
    let owners = owner
        .map(|(kind, uid)| json!([{"apiVersion": "v", "kind": kind, "name": "acme", "uid": uid, "controller": true}]));
    json!({"namespace": "ns", "name": uid, "uid": uid, "ownerReferences": owners})
}

fn cronjob(uid: &str, owner: &str) -> CronJobFacts {
    let mut meta = meta(uid, Some(("WedofSheetSync", owner)));
    meta["name"] = json!("acme");
    CronJobFacts::of(&serde_json::from_value(json!({"metadata": meta})).unwrap())
}

fn job(uid: &str, owner: &str) -> JobFacts {
    let job = json!({"metadata": meta(uid, Some(("CronJob", owner))), "spec": {"template": {}}});
    JobFacts::of(&serde_json::from_value(job).unwrap())
}

fn pod(uid: &str, owner: &str, message: Option<&str>) -> Attempt {
    let state = message.map(|message| json!({"terminated": {"exitCode": 1, "message": message}}));
    let statuses =
        json!([{"name": "sync", "state": state, "image": "", "imageID": "", "ready": false, "restartCount": 0}]);
    let pod = json!({"metadata": meta(uid, Some(("Job", owner))), "status": {"containerStatuses": statuses}});
    Attempt::of(&serde_json::from_value(pod).unwrap())
}

const REPORT: &str = r#"{"version":1,"outcome":"Failed","rows":1,"added":0,"updated":0,"removed":0,"kept":0,
    "wedofRequests":0,"sheetsRequests":0,"resources":[]}"#;

fn key() -> Key {
    Key {
        namespace: "ns".into(),
        name: "acme".into(),
    }
}

/// One that has a place in an order.
fn uuid(digit: &str) -> String {
    format!("{}-0000-4000-8000-000000000000", digit.repeat(8))
}

/// An object with its CronJob and one Job.
fn index() -> Index {
    let mut index = Index::default();
    index.object("object", key(), None, None);
    assert_eq!(index.cronjob(cronjob("cronjob", "object")), Some(key()));
    assert_eq!(index.job(job("job", "cronjob")), Some(key()));
    index
}

fn reports(index: &Index) -> Vec<bool> {
    let jobs = index.jobs_of("object", "ns");
    jobs.iter()
        .flat_map(|(_, attempts)| attempts.iter().map(|attempt| attempt.report.is_some()))
        .collect()
}

#[test]
fn a_report_that_only_the_deletion_carries_is_kept() {
    let mut index = index();
    assert_eq!(index.pod(pod("pod", "job", None)), Some(key()));
    assert_eq!(
        index.pod_gone(Uid::of("pod"), Some(pod("pod", "job", Some(REPORT)))),
        Some(key())
    );
    assert_eq!(reports(&index), [true]);
}

#[test]
fn a_pod_that_is_no_longer_listed_keeps_its_last_report() {
    let mut index = index();
    index.pod(pod("pod", "job", Some(REPORT)));
    assert_eq!(index.pod_gone(Uid::of("pod"), None), Some(key()));
    assert_eq!(reports(&index), [true]);
    let jobs = index.jobs_of("object", "ns");
    assert!(jobs[0].1[0].gone);
}

#[test]
fn a_pod_may_be_seen_before_its_job_and_a_job_before_its_cronjob() {
    let mut index = Index::default();
    assert_eq!(index.pod(pod("pod", "job", Some(REPORT))), None);
    assert_eq!(index.job(job("job", "cronjob")), None);
    index.object("object", key(), None, None);
    assert_eq!(index.cronjob(cronjob("cronjob", "object")), Some(key()));
    assert_eq!(reports(&index), [true]);
}

#[test]
fn a_deleted_job_stays_until_its_end_is_recorded_and_leaves_nothing_behind() {
    let mut index = index();
    index.pod(pod("pod", "job", Some(REPORT)));
    assert_eq!(index.job_gone(Uid::of("job")), Some(key()));
    assert!(index.jobs_of("object", "ns")[0].0.gone);
    index.record(["job"]);
    assert_eq!(index.jobs_of("object", "ns").len(), 0);
    index.pod_gone(Uid::of("pod"), Some(pod("pod", "job", Some(REPORT))));
    index.cronjob_gone(Uid::of("cronjob"));
    index.object_gone(Uid::of("object"));
    assert!(index.jobs.is_empty() && index.attempts.is_empty() && index.jobs_of.is_empty());
    assert!(index.cronjobs.is_empty() && index.cronjobs_of.is_empty() && index.objects.is_empty());
}

#[test]
fn of_a_recorded_job_and_its_pods_nothing_is_kept_or_heard() {
    let mut index = index();
    index.pod(pod("pod", "job", Some(REPORT)));
    index.record(["job"]);
    assert_eq!(index.jobs_of("object", "ns").len(), 0);
    assert_eq!(index.job(job("job", "cronjob")), None);
    assert_eq!(index.pod(pod("pod", "job", Some(REPORT))), None);
    assert_eq!(
        index.pod_gone(Uid::of("pod"), Some(pod("pod", "job", Some(REPORT)))),
        None
    );
    assert!(index.jobs.is_empty() && index.attempts.is_empty() && index.jobs_of.is_empty());
    assert_eq!(index.job_gone(Uid::of("job")), None);
    assert!(index.recorded.is_empty());
}

#[test]
fn a_finished_job_that_the_status_has_already_is_not_kept_but_one_that_it_shows_as_running_is() {
    let at = |second: i64| Timestamp::from_second(second).unwrap();
    let finished = |uid: &str, second: i64| JobFacts {
        end: Some(crate::operator::facts::JobEnd {
            at: at(second),
            complete: true,
            reason: String::new(),
            message: String::new(),
        }),
        ..job(uid, "cronjob")
    };
    let mut index = Index::default();
    let recorded = Recorded {
        until: (at(100), Uid::of(&uuid("b"))),
        running: Some(Uid::of("shown")),
    };
    index.object("object", key(), None, Some(recorded));
    index.cronjob(cronjob("cronjob", "object"));
    for (uid, second) in [("before", 99), (&uuid("b"), 100), (&uuid("a"), 100)] {
        assert_eq!(index.job(finished(uid, second)), None, "{uid}");
    }
    let kept = [
        finished(&uuid("c"), 100),
        finished("shown", 99),
        job("going", "cronjob"),
    ];
    for job in &kept {
        assert_eq!(index.job(job.clone()), Some(key()), "{}", job.uid);
    }
    assert_eq!(index.jobs.len(), kept.len());
}

#[test]
fn children_are_proven_by_uids_and_a_namespace_not_by_names_or_labels() {
    let mut index = index();
    assert_eq!(index.cronjob(cronjob("stranger", "another-object")), None);
    index.job(job("strange-job", "stranger"));
    let elsewhere = JobFacts {
        namespace: "elsewhere".into(),
        ..job("forged", "cronjob")
    };
    assert_eq!(index.job(elsewhere), None);
    let jobs = index.jobs_of("object", "ns");
    assert_eq!(
        jobs.iter().map(|(job, _)| job.uid.as_str()).collect::<Vec<_>>(),
        ["job"]
    );
    assert_eq!(
        index
            .cronjob_of("object", "ns", "acme")
            .map(|cronjob| cronjob.uid.as_str()),
        Some("cronjob")
    );
    assert_eq!(index.cronjob_of("object", "ns", "other"), None);
}

#[test]
fn an_object_hears_when_its_cronjob_is_taken_from_it() {
    let mut index = index();
    let orphan = CronJobFacts {
        owner: None,
        ..cronjob("cronjob", "object")
    };
    assert_eq!(index.cronjob(orphan.clone()), Some(key()));
    assert_eq!(index.cronjob_of("object", "ns", "acme"), None);
    assert_eq!(index.cronjob(orphan), None, "once");
}

#[test]
fn the_successor_of_a_deleted_object_hears_when_the_old_cronjob_is_gone() {
    let mut index = index();
    index.object_gone(Uid::of("object"));
    index.object("successor", key(), None, None);
    assert_eq!(index.cronjob_gone(Uid::of("cronjob")), Some(key()));
}

#[test]
fn of_two_objects_on_one_tab_the_younger_yields_until_the_older_is_gone() {
    let tab = |resource, title| TargetTab { resource, title };
    let add = |index: &mut Index, name: &str, second, title| {
        let key = Key {
            namespace: "ns".into(),
            name: name.into(),
        };
        let target = Target {
            can_run: true,
            age: (second, Uid::of(name)),
            spreadsheet: 5,
            tabs: [
                tab(ResourceName::ALL[second as usize], 1000 + second as u64),
                tab(ResourceName::ALL[10 + second as usize], title),
            ]
            .into(),
        };
        index.object(name, key, Some(target), None)
    };
    let (folders, other, renamed) = (1, 2, 3);
    let mut index = Index::default();
    add(&mut index, "old", 1, folders);
    assert_eq!(
        add(&mut index, "young", 2, folders).len(),
        1,
        "the other one hears of it"
    );
    add(&mut index, "beside", 3, other);
    let conflict = |index: &Index, name| {
        index
            .conflict(name)
            .map(|(other, place, same)| (other.name.clone(), place, same))
    };
    assert_eq!(conflict(&index, "young"), Some(("old".into(), 1, Same::Title)));
    assert_eq!(conflict(&index, "old"), None);
    assert_eq!(conflict(&index, "beside"), None);
    let concerned = index.object_gone(Uid::of("old"));
    assert!(concerned.iter().any(|key| key.name == "young"));
    assert_eq!(conflict(&index, "young"), None);
    assert_eq!(add(&mut index, "young", 2, folders).len(), 0, "nothing has changed");
    assert_eq!(add(&mut index, "young", 2, renamed).len(), 1);
    add(&mut index, "beside", 3, renamed);
    assert_eq!(conflict(&index, "beside"), Some(("young".into(), 1, Same::Title)));
}

#[test]
fn of_two_objects_of_the_same_second_the_lesser_uid_has_the_tab() {
    let mut index = Index::default();
    let [one, two] = ["a", "b"].map(uuid);
    for uid in [&two, &one] {
        let target = Target {
            can_run: true,
            age: (1, Uid::of(uid)),
            spreadsheet: 5,
            tabs: [TargetTab {
                resource: ResourceName::Users,
                title: 7,
            }]
            .into(),
        };
        index.object(uid, key(), Some(target), None);
    }
    assert!(index.conflict(&one).is_none() && index.conflict(&two).is_some());
}

#[test]
fn whatever_the_order_in_which_things_go_nothing_of_them_is_kept() {
    type Step = (&'static str, fn(&mut Index));
    let gone: [Step; 4] = [
        ("object", |index| drop(index.object_gone(Uid::of("object")))),
        ("cronjob", |index| drop(index.cronjob_gone(Uid::of("cronjob")))),
        ("job", |index| drop(index.job_gone(Uid::of("job")))),
        ("pod", |index| {
            drop(index.pod_gone(Uid::of("pod"), Some(pod("pod", "job", None))))
        }),
    ];
    for (first, second, third, fourth) in (0..256).map(|n| (n / 64, n / 16 % 4, n / 4 % 4, n % 4)) {
        let order = [first, second, third, fourth];
        if (0..4).any(|step| !order.contains(&step)) {
            continue;
        }
        let mut index = index();
        index.pod(pod("pod", "job", None));
        for step in order {
            gone[step].1(&mut index);
        }
        let left = format!("{index:?}");
        let names = order.map(|step| gone[step].0);
        assert_eq!(left, format!("{:?}", Index::default()), "after {names:?}");
    }
}

/// A tab is found again by the resource in it: people may rename it.
#[test]
fn one_resource_in_one_spreadsheet_is_one_tab_whatever_its_title() {
    let mut index = Index::default();
    for (second, resource) in [
        (1, ResourceName::Users),
        (2, ResourceName::Users),
        (3, ResourceName::Organisms),
    ] {
        let target = Target {
            can_run: true,
            age: (second, Uid::of(&second.to_string())),
            spreadsheet: 5,
            tabs: [TargetTab {
                resource,
                title: second as u64,
            }]
            .into(),
        };
        index.object(&second.to_string(), key(), Some(target), None);
    }
    assert_eq!(
        index.conflict("2").map(|(_, place, same)| (place, same)),
        Some((0, Same::Resource))
    );
    assert!(index.conflict("3").is_none());
}

/// An object of this age that writes these resources into the spreadsheet.
fn add(index: &mut Index, age: i64, can_run: bool, resources: &[ResourceName]) -> Vec<Key> {
    let tab = |resource: &ResourceName| TargetTab {
        resource: *resource,
        title: *resource as u64,
    };
    let key = Key {
        namespace: "ns".into(),
        name: age.to_string(),
    };
    let target = Target {
        age: (age, Uid::of(&age.to_string())),
        can_run,
        spreadsheet: 5,
        tabs: resources.iter().map(tab).collect(),
    };
    index.object(&age.to_string(), key, Some(target), None)
}

fn waits_for<'a>(index: &'a Index, uid: &str) -> Option<&'a str> {
    index.conflict(uid).map(|(other, ..)| other.name.as_str())
}

#[test]
fn an_object_that_cannot_run_has_no_right_to_a_tab_until_it_can() {
    let mut index = Index::default();
    let tabs = [ResourceName::Users];
    add(&mut index, 1, false, &tabs);
    add(&mut index, 2, true, &tabs);
    assert_eq!(waits_for(&index, "2"), None);
    let concerned = add(&mut index, 1, true, &tabs);
    assert_eq!(concerned.len(), 1, "the other one hears of it");
    assert_eq!((waits_for(&index, "1"), waits_for(&index, "2")), (None, Some("1")));
}

#[test]
fn nobody_waits_for_an_object_that_waits_itself() {
    let (users, organisms, trainings) = (ResourceName::Users, ResourceName::Organisms, ResourceName::Trainings);
    let mut index = Index::default();
    add(&mut index, 1, true, &[users]);
    add(&mut index, 2, true, &[users, organisms]);
    add(&mut index, 3, true, &[organisms, trainings]);
    add(&mut index, 4, true, &[trainings]);
    let waiting = |index: &Index| ["1", "2", "3", "4"].map(|uid| waits_for(index, uid).map(str::to_owned));
    assert_eq!(waiting(&index), [None, Some("1".into()), None, Some("3".into())]);
    // the older has the right again as soon as it can run
    index.object_gone(Uid::of("1"));
    assert_eq!(waiting(&index), [None, None, Some("2".into()), None]);
}
