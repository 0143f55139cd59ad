//! How Wedof says that something is not there for an account, and what is said of a resource that cannot be had at all.

use reqwest::StatusCode;

use super::{catalogue::Resource, client::Error};
use crate::{
    failure::{Failure, reason},
    spec::ResourceSpec,
};

/// 400, 403, 404 or 405 to the first request of a way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub status: StatusCode,
    /// "answers 403 Forbidden"
    pub what: String,
}

impl Refusal {
    /// The refusal that an error is, if it says that nothing can be read at a path.
    pub fn of(error: &Error) -> Option<Self> {
        match error {
            Error::Status { status, .. } if matches!(status.as_u16(), 400 | 403..=405) => Some(Self {
                status: *status,
                what: error.to_string(),
            }),
            _ => None,
        }
    }
}

/// What came of the ways of a resource that led nowhere.
#[derive(Debug, Clone, Default)]
pub struct Refusals {
    clauses: Vec<String>,
    bad_request: bool,
    no_budget: bool,
}

impl Refusals {
    /// A way was refused: "its list" answers …
    pub fn add(&mut self, whose: &str, refusal: &Refusal) {
        self.clauses.push(format!("{whose} {}", refusal.what));
        self.bad_request = refusal.status == StatusCode::BAD_REQUEST;
    }

    /// A way leads nowhere for another reason.
    pub fn add_clause(&mut self, clause: String) {
        self.clauses.push(clause);
    }

    /// A way would need a request for each folder, and no budget allows them.
    pub fn without_budget(&mut self) {
        self.no_budget = true;
    }

    /// The failure of a resource to which no way is left: [`reason::WEDOF_UNAVAILABLE`], unless a filter is at fault.
    pub fn failure(&self, spec: &ResourceSpec) -> Failure {
        let Self {
            clauses,
            bad_request,
            no_budget,
        } = self;
        let (name, clauses) = (spec.name, clauses.join("; "));
        if *bad_request && !no_budget && !spec.filters.is_empty() {
            let message = format!("{name}: {clauses}: check the resource's filters");
            return Failure::person(reason::WEDOF_ERROR, message);
        }
        let advice = match no_budget {
            true => {
                "it can be read folder by folder, one request each, if wedof.requestBudget says how many requests a run \
                 may make"
            }
            false => "this account cannot read it; ask Wedof for access or leave the resource out",
        };
        let instead = Resource::of(name)
            .instead
            .map_or(String::new(), |instead| format!(" ({instead})"));
        Failure::person(
            reason::WEDOF_UNAVAILABLE,
            format!("{name}: {clauses}: {advice}{instead}"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::ResourceName;

    fn refusals(status: u16) -> Refusals {
        let mut refusals = Refusals::default();
        let status = StatusCode::from_u16(status).unwrap();
        let what = format!("answers {status}");
        refusals.add("its list", &Refusal { status, what });
        refusals
    }

    #[test]
    fn what_cannot_be_had_is_said_with_what_to_do_and_where_the_like_is() {
        let failure = refusals(404).failure(&ResourceSpec::of(ResourceName::Invoices));
        assert_eq!(failure.reason, reason::WEDOF_UNAVAILABLE);
        assert_eq!(
            failure.message,
            "invoices: its list answers 404 Not Found: this account cannot read it; ask Wedof for access or leave the \
             resource out (registrationFolders have billId, billNumber, billingState and amount* of each folder)"
        );
    }

    #[test]
    fn a_missing_budget_is_what_is_advised() {
        let mut refusals = refusals(400);
        refusals.without_budget();
        let failure = refusals.failure(&ResourceSpec::of(ResourceName::Activities));
        assert!(failure.message.contains("if wedof.requestBudget says"), "{failure}");
    }

    #[test]
    fn a_bad_request_with_filters_is_the_filters_fault() {
        let mut spec = ResourceSpec::of(ResourceName::Surveys);
        spec.filters.insert("certifInfo".into(), vec!["1".into()]);
        assert_eq!(refusals(400).failure(&spec).reason, reason::WEDOF_ERROR);
        assert_eq!(refusals(403).failure(&spec).reason, reason::WEDOF_UNAVAILABLE);
    }
}
