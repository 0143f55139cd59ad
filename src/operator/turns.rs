//! Never two runs of one object at once: of several that are going, the first goes on and the others are suspended; when
//! none is going any more, the next one goes on. So `kubectl create job --from` waits its turn like every other run. Pure.

use super::runs::Run;

/// What is to be done to Jobs.
#[derive(Debug, Default, PartialEq)]
pub struct Turns<'a> {
    pub suspend: Vec<&'a Run>,
    pub resume: Option<&'a Run>,
    /// Those that wait after that, with what they wait for.
    pub waiting: Vec<(&'a Run, &'a Run)>,
}

pub fn turns(runs: &[Run]) -> Turns<'_> {
    let mut going: Vec<&Run> = runs.iter().filter(|run| run.is_running()).collect();
    let mut waiting: Vec<&Run> = runs.iter().filter(|run| run.waits()).collect();
    going.sort_by_key(|run| run.place());
    waiting.sort_by_key(|run| run.place());
    let Some((first, others)) = going.split_first() else {
        let next = waiting.first().copied();
        return Turns {
            suspend: Vec::new(),
            resume: next,
            waiting: waiting.into_iter().skip(1).zip(next.into_iter().cycle()).collect(),
        };
    };
    let suspend: Vec<&Run> = others.iter().copied().filter(|run| run.ended.is_none()).collect();
    Turns {
        waiting: waiting
            .into_iter()
            .chain(suspend.iter().copied())
            .map(|run| (run, *first))
            .collect(),
        suspend,
        resume: None,
    }
}

/// What waits, and for what, for people.
pub fn notes(turns: &Turns<'_>) -> Vec<String> {
    let note = |(run, first): &(&Run, &Run)| format!("Job {} waits for Job {} to end", run.job, first.job);
    turns.waiting.iter().map(note).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        api::{RunState, WedofSheetSyncStatus},
        operator::{
            facts::Suspended,
            orders::{Decision, decide},
            status::tests::{at, run, status},
            validate::tests::valid,
        },
    };

    fn going(uid: &str, started: &str) -> Run {
        Run {
            started: Some(at(started)),
            ..run(uid, RunState::Running, None)
        }
    }

    fn waiting(uid: &str, started: &str) -> Run {
        Run {
            suspended: Some(Suspended::ToWait),
            ..going(uid, started)
        }
    }

    fn told(runs: &[Run]) -> (Vec<&str>, Option<&str>, Vec<String>) {
        let turns = turns(runs);
        let notes = notes(&turns);
        (
            turns.suspend.iter().map(|run| run.uid.as_str()).collect(),
            turns.resume.map(|run| run.uid.as_str()),
            notes,
        )
    }

    #[test]
    fn of_several_runs_the_first_goes_on_and_the_others_wait() {
        let runs = [
            going("c", "07:02:00"),
            going("a", "07:00:00"),
            going("b", "07:01:00"),
            run("z", RunState::Succeeded, Some("06:00:00")),
        ];
        let notes = [
            "Job acme-b waits for Job acme-a to end",
            "Job acme-c waits for Job acme-a to end",
        ]
        .map(str::to_owned);
        assert_eq!(told(&runs), (vec!["b", "c"], None, notes.to_vec()));
        assert_eq!(
            told(&runs[1..2]),
            (vec![], None, vec![]),
            "alone it has nobody to wait for"
        );
    }

    #[test]
    fn of_two_runs_of_one_second_the_one_that_works_already_goes_on() {
        let begun = Run {
            begun: true,
            ..going("b", "07:00:00")
        };
        let runs = [going("a", "07:00:00"), begun];
        assert_eq!(told(&runs).0, ["a"]);
        let shown = status(&WedofSheetSyncStatus::default(), &runs);
        assert_eq!(shown.last_run.map(|run| run.job_uid).as_deref(), Some("b"));
        let decision = decide(
            "uid",
            Some("now"),
            &valid(json!({})),
            &WedofSheetSyncStatus::default(),
            &runs,
            at("08:00:00"),
        );
        assert!(
            matches!(&decision, Decision::Wait { note: Some(note), .. } if note.ends_with("waits for Job acme-b to end")),
            "{decision:?}"
        );
    }

    #[test]
    fn when_none_is_going_the_next_goes_on_and_only_one() {
        let runs = [
            waiting("c", "07:02:00"),
            waiting("b", "07:01:00"),
            run("a", RunState::Failed, Some("07:03:00")),
        ];
        assert_eq!(
            told(&runs),
            (vec![], Some("b"), vec!["Job acme-c waits for Job acme-b to end".into()])
        );
    }

    #[test]
    fn one_that_has_ended_is_not_stopped_and_the_next_waits_for_its_last_words() {
        let ended = Run {
            ended: Some(at("07:05:00")),
            ..going("b", "07:01:00")
        };
        assert_eq!(told(&[ended.clone(), waiting("c", "07:02:00")]).1, None);
        assert_eq!(told(&[going("a", "07:00:00"), ended]).0, ["a"; 0]);
    }

    #[test]
    fn what_somebody_else_suspended_is_left_alone_and_holds_nothing_back() {
        let theirs = Run {
            suspended: Some(Suspended::Otherwise),
            ..going("a", "07:00:00")
        };
        assert_eq!(told(&[theirs, waiting("b", "07:01:00")]), (vec![], Some("b"), vec![]));
    }
}
