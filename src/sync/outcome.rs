//! What became of each resource → report and exit code. Pure.

use crate::{
    failure::{Failure, Mend, reason},
    report::{ResourceOutcome, ResourceReport, RunOutcome, RunReport},
    sheets::TabChange,
    spec::ResourceSpec,
    words::counted,
};

/// How the sync of one resource ended.
#[derive(Debug)]
pub enum End {
    Done {
        rows: i64,
        change: TabChange,
        notes: Vec<String>,
    },
    /// Wedof does not give this account the resource, nobody asked for it by name and no tab depends on it.
    Unavailable(Failure),
    /// With what had been done before it failed.
    Failed(Failure, TabChange),
    /// An earlier failure would have met this one too.
    NotTried,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Requests {
    pub wedof: i64,
    pub sheets: i64,
}

/// All resources of a run, those not yet reached too.
#[derive(Debug)]
pub struct Outcomes<'a> {
    specs: &'a [ResourceSpec],
    /// One for each of `specs`, once it has ended: they end in another order.
    reports: Vec<Option<ResourceReport>>,
    failures: Vec<Failure>,
    unavailable: Vec<Failure>,
    /// Of the tabs that went well, by the index of their resource.
    changes: Vec<(usize, TabChange)>,
}

/// Failures that every other resource would meet too.
const FATAL: [&str; 12] = [
    reason::WEDOF_KEY_REFUSED,
    reason::WEDOF_UNREACHABLE,
    reason::SECRET_MISSING,
    reason::SECRET_INVALID,
    reason::GOOGLE_KEY_REFUSED,
    reason::CLOCK_SKEW,
    reason::PROXY_REFUSED,
    reason::CERTIFICATE_NOT_TRUSTED,
    reason::SPREADSHEET_NOT_FOUND,
    reason::SPREADSHEET_FORBIDDEN,
    reason::DEADLINE,
    reason::INTERRUPTED,
];

/// What is said of a resource that was not reached.
pub const NOT_TRIED: &str = "not tried, since what failed before would have met it too";

impl<'a> Outcomes<'a> {
    pub fn new(specs: &'a [ResourceSpec]) -> Self {
        Self {
            specs,
            reports: vec![None; specs.len()],
            failures: Vec::new(),
            unavailable: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// What was done to the tabs that went well, by their titles, in the order of the resources.
    pub fn into_changes(mut self) -> Vec<(String, TabChange)> {
        self.changes.sort_by_key(|(index, _)| *index);
        let titled = |(index, change): (usize, TabChange)| (self.specs[index].title().to_owned(), change);
        self.changes.into_iter().map(titled).collect()
    }

    /// A failure that makes trying the other resources useless.
    pub fn fatal(&self) -> Option<&Failure> {
        self.failures.iter().find(|failure| FATAL.contains(&failure.reason))
    }

    /// Adds the resource at `index` of the wanted ones; its outcome and a sentence about it.
    pub fn add(&mut self, index: usize, end: End) -> (ResourceOutcome, String) {
        let spec = &self.specs[index];
        let mut report = ResourceReport {
            name: spec.name.to_string(),
            tab: spec.title().to_owned(),
            outcome: ResourceOutcome::Failed,
            rows: 0,
            added: 0,
            updated: 0,
            removed: 0,
            kept: 0,
            message: None,
        };
        match end {
            End::Done { rows, change, notes } => {
                report.outcome = if change.written {
                    ResourceOutcome::Synced
                } else {
                    ResourceOutcome::Unchanged
                };
                report.rows = rows;
                count(&mut report, &change);
                report.message = Some(notes.join("; ")).filter(|notes| !notes.is_empty());
                self.changes.push((index, change));
            }
            End::Unavailable(failure) => {
                report.outcome = ResourceOutcome::Unavailable;
                report.message = Some(about(&report.name, &failure.message));
                self.unavailable.push(failure);
            }
            End::NotTried => {
                report.message = Some(NOT_TRIED.to_owned());
            }
            End::Failed(failure, change) => {
                count(&mut report, &change);
                if [reason::TAB_REFUSED, reason::DELETION_REFUSED].contains(&failure.reason) {
                    report.outcome = ResourceOutcome::Refused;
                }
                report.message = Some(about(&report.name, &failure.message));
                self.failures.push(failure);
            }
        }
        let ResourceReport {
            rows,
            added,
            updated,
            removed,
            ..
        } = report;
        let rows = counted(rows, "row");
        let counts = format!("{rows}, {added} added, {updated} updated, {removed} removed");
        let told = match &report.message {
            None => counts,
            Some(notes) if report.outcome.is_good() => format!("{counts}; {notes}"),
            Some(message) => message.clone(),
        };
        let outcome = report.outcome;
        self.reports[index] = Some(report);
        (outcome, told)
    }

    /// A failure of the run itself and of no resource: nothing can be done for those that were not reached.
    pub fn fail_all(&mut self, failure: &Failure) {
        self.failures.push(failure.clone());
        self.pass_by_the_rest();
    }

    /// The resources that were not reached are said not to have been tried.
    pub fn pass_by_the_rest(&mut self) {
        for index in 0..self.reports.len() {
            if self.reports[index].is_none() {
                self.add(index, End::NotTried);
            }
        }
    }

    fn reports(&self) -> impl Iterator<Item = &ResourceReport> {
        self.reports.iter().flatten()
    }

    /// Those of resources that are unavailable too, if no other could be read: a run without any resource is no success.
    fn failures(&self) -> impl Iterator<Item = &Failure> {
        let all_unavailable = self.done()
            && self
                .reports()
                .all(|report| report.outcome == ResourceOutcome::Unavailable);
        let unavailable = if all_unavailable { &self.unavailable[..] } else { &[] };
        self.failures.iter().chain(unavailable)
    }

    fn done(&self) -> bool {
        self.reports.iter().all(Option::is_some)
    }

    pub fn report(&self, requests: Requests) -> RunReport {
        let sum = |count: fn(&ResourceReport) -> i64| self.reports().map(count).sum();
        let good = self.reports().any(|report| report.outcome.is_good());
        let first = self.failures().next();
        let (outcome, reason, message) = match first {
            _ if !self.done() => {
                let message = format!("{} of {} resources done", self.reports().count(), self.specs.len());
                (RunOutcome::Running, None, Some(message))
            }
            None => (RunOutcome::Succeeded, None, None),
            Some(failure) if good => (
                RunOutcome::Partial,
                Some(reason::PARTIAL),
                Some(failure.message.clone()),
            ),
            Some(failure) => (RunOutcome::Failed, Some(failure.reason), Some(failure.message.clone())),
        };
        RunReport {
            outcome,
            reason: reason.map(str::to_owned),
            message,
            rows: sum(|report| report.rows),
            added: sum(|report| report.added),
            updated: sum(|report| report.updated),
            removed: sum(|report| report.removed),
            kept: sum(|report| report.kept),
            wedof_requests: requests.wedof,
            sheets_requests: requests.sheets,
            resources: self.reports().cloned().collect(),
            ..RunReport::running("")
        }
    }

    /// 0 all well; 1 something may succeed later, for a retry is cheap and does no harm; 2 only a person can help.
    pub fn exit_code(&self) -> u8 {
        self.failures()
            .map(|failure| match failure.mend {
                Mend::Later => 1,
                Mend::Person => 2,
            })
            .min()
            .unwrap_or(0)
    }
}

/// A failure's words where its resource is named already.
fn about(resource: &str, message: &str) -> String {
    let rest = message.strip_prefix(resource);
    let rest = rest.and_then(|rest| rest.strip_prefix(": ").or(rest.strip_prefix(", ")));
    rest.unwrap_or(message).to_owned()
}

fn count(report: &mut ResourceReport, change: &TabChange) {
    let TabChange {
        added,
        updated,
        removed,
        kept,
        new_tab: _,
        unproven: _,
        marked: _,
        returned: _,
        restored: _,
        columns_added: _,
        columns_removed: _,
        examples: _,
        written: _,
        notes: _,
    } = change;
    (report.added, report.updated, report.removed, report.kept) = (*added, *updated, *removed, *kept);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::ResourceName;

    fn specs() -> Vec<ResourceSpec> {
        ResourceName::ALL[..3].iter().copied().map(ResourceSpec::of).collect()
    }

    fn done(added: i64) -> End {
        End::Done {
            rows: 10,
            change: TabChange {
                added,
                kept: 1,
                written: added > 0,
                ..TabChange::default()
            },
            notes: Vec::new(),
        }
    }

    fn unavailable() -> End {
        End::Unavailable(Failure::person(reason::WEDOF_UNAVAILABLE, "403"))
    }

    fn person(reason: &'static str) -> End {
        End::Failed(Failure::person(reason, "a person has to look"), TabChange::default())
    }

    fn later() -> End {
        End::Failed(Failure::later(reason::WEDOF_ERROR, "503"), TabChange::default())
    }

    fn of(ends: [End; 3]) -> (RunReport, u8) {
        let specs = specs();
        let mut outcomes = Outcomes::new(&specs);
        for (index, end) in ends.into_iter().enumerate().rev() {
            outcomes.add(index, end);
        }
        (outcomes.report(Requests { wedof: 7, sheets: 3 }), outcomes.exit_code())
    }

    #[test]
    fn a_run_without_failures_succeeds_and_sums_its_tabs_up() {
        let (report, code) = of([done(10), done(0), unavailable()]);
        assert_eq!((report.outcome, report.reason, code), (RunOutcome::Succeeded, None, 0));
        assert_eq!(
            (report.rows, report.added, report.kept, report.wedof_requests),
            (20, 10, 2, 7)
        );
        let outcomes: Vec<_> = report.resources.iter().map(|resource| resource.outcome).collect();
        use ResourceOutcome::*;
        assert_eq!(outcomes, [Synced, Unchanged, Unavailable]);
    }

    #[test]
    fn a_failure_names_its_resource_once() {
        let specs = specs();
        let mut outcomes = Outcomes::new(&specs);
        for (index, message, told) in [
            (0, "users: Wedof answers 403", "Wedof answers 403"),
            (1, "trainings, page 3: Wedof answers 503", "page 3: Wedof answers 503"),
            (2, "sessionsTab is taken", "sessionsTab is taken"),
        ] {
            assert!(message.starts_with(specs[index].name.as_str()));
            let failure = Failure::later(reason::WEDOF_ERROR, message);
            assert_eq!(outcomes.add(index, End::Failed(failure, TabChange::default())).1, told);
        }
        let report = outcomes.report(Requests::default());
        assert_eq!(
            report.resources[1].message.as_deref(),
            Some("page 3: Wedof answers 503")
        );
        assert_eq!(
            report.message.as_deref(),
            Some("users: Wedof answers 403"),
            "the run's own message has no other place for it"
        );
    }

    #[test]
    fn one_row_is_not_told_as_rows() {
        let specs = specs();
        let one = End::Done {
            rows: 1,
            change: TabChange::default(),
            notes: Vec::new(),
        };
        assert_eq!(
            Outcomes::new(&specs).add(0, one).1,
            "1 row, 0 added, 0 updated, 0 removed"
        );
    }

    #[test]
    fn what_may_pass_decides_the_exit_code_before_what_needs_a_person() {
        let (report, code) = of([done(0), person(reason::DELETION_REFUSED), later()]);
        assert_eq!((report.outcome, code), (RunOutcome::Partial, 1));
        assert_eq!(report.reason.as_deref(), Some(reason::PARTIAL));
        assert_eq!(report.resources[1].outcome, ResourceOutcome::Refused);
        assert_eq!(of([done(0), person(reason::TAB_REFUSED), done(0)]).1, 2);
    }

    #[test]
    fn a_run_that_could_read_nothing_is_no_success() {
        let (report, code) = of([unavailable(), unavailable(), unavailable()]);
        assert_eq!((report.outcome, code), (RunOutcome::Failed, 2));
        assert_eq!(report.reason.as_deref(), Some(reason::WEDOF_UNAVAILABLE));
    }

    #[test]
    fn a_refused_key_ends_the_run_and_every_tab_says_so() {
        let specs = specs();
        let mut outcomes = Outcomes::new(&specs);
        outcomes.add(2, person(reason::TAB_REFUSED));
        assert!(outcomes.fatal().is_none());
        outcomes.add(1, person(reason::WEDOF_KEY_REFUSED));
        let fatal = outcomes.fatal().unwrap().clone();
        assert_eq!(
            outcomes.report(Requests::default()).message.as_deref(),
            Some("2 of 3 resources done")
        );
        outcomes.fail_all(&fatal);
        let report = outcomes.report(Requests::default());
        assert_eq!((report.outcome, report.resources.len()), (RunOutcome::Failed, 3));
        assert_eq!(outcomes.exit_code(), 2);
    }
}
