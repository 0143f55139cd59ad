//! What a scheduler tells of itself over HTTP: `/healthz` with the last run and the next time, `/readyz`.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{Json, Router, http::StatusCode, routing::get};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::rule::Rule;
use crate::report::{RunOutcome, RunReport};

/// How long after its time a run may still be under way, with its further tries.
const GRACE: SignedDuration = SignedDuration::from_hours(2);

/// What the loop knows, shared with the endpoint.
#[derive(Debug, Clone, Default)]
pub struct Watch(Arc<Mutex<State>>);

#[derive(Debug, Clone, Default)]
struct State {
    rule: Option<Rule>,
    started: Option<Timestamp>,
    running_since: Option<Timestamp>,
    last_run: Option<LastRun>,
    last_success: Option<Timestamp>,
    next_run: Option<Timestamp>,
}

/// The run that ended last.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LastRun {
    pub start_time: Timestamp,
    pub completion_time: Timestamp,
    pub outcome: RunOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    pub rows: i64,
    pub added: i64,
    pub updated: i64,
    pub removed: i64,
}

/// The body of `/healthz`.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    healthy: bool,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    schedule: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    running_since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_run: Option<LastRun>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_success: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_run: Option<Timestamp>,
}

impl Watch {
    pub fn starts(&self, now: Timestamp, rule: &Rule) {
        self.with(|state| {
            state.started.get_or_insert(now);
            state.running_since = Some(now);
            state.rule = Some(rule.clone());
        });
    }

    pub fn ended(&self, start: Timestamp, now: Timestamp, report: &RunReport) {
        let last = LastRun {
            start_time: start,
            completion_time: now,
            outcome: report.outcome,
            reason: report.reason.clone(),
            message: report.message.clone(),
            rows: report.rows,
            added: report.added,
            updated: report.updated,
            removed: report.removed,
        };
        self.with(|state| {
            state.running_since = None;
            if last.outcome == RunOutcome::Succeeded {
                state.last_success = Some(now);
            }
            state.last_run = Some(last);
        });
    }

    pub fn waits(&self, rule: &Rule, next: Option<Timestamp>) {
        self.with(|state| {
            state.rule = Some(rule.clone());
            state.next_run = next;
        });
    }

    pub fn last_run(&self) -> Option<LastRun> {
        self.with(|state| state.last_run.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    /// A scheduler is well as long as its last success is not older than its times explain.
    fn health(self, now: Timestamp) -> Health {
        let Self {
            rule,
            started,
            running_since,
            last_run,
            last_success,
            next_run,
        } = self;
        let since = last_success.or(started).unwrap_or(now);
        let next_should_be = rule.as_ref().and_then(|rule| rule.next_after(since));
        let message = match (&last_run, last_success) {
            (Some(run), None) => Some(format!(
                "no sync has succeeded yet; the last one ended as {:?}",
                run.outcome
            )),
            _ if next_should_be.is_some_and(|next| now > next + GRACE) => {
                Some(format!("no sync has succeeded since {since}"))
            }
            _ => None,
        };
        Health {
            healthy: message.is_none(),
            message,
            schedule: rule.map(|rule| rule.to_string()).unwrap_or_default(),
            running_since,
            last_run,
            last_success,
            next_run,
        }
    }
}

pub fn router(watch: Watch, now: impl Fn() -> Timestamp + Clone + Send + Sync + 'static) -> Router {
    let health = move || {
        let health = watch.with(|state| state.clone()).health(now());
        let status = if health.healthy {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        std::future::ready((status, Json(health)))
    };
    Router::new()
        .route("/healthz", get(health))
        .route("/readyz", get(|| async { "ok" }))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn report(outcome: RunOutcome) -> RunReport {
        RunReport {
            outcome,
            ..RunReport::running("")
        }
    }

    /// A scheduler of 09:00 that was started at noon, after the runs given by their start and outcome.
    fn after(runs: &[(&str, RunOutcome)], now: &str) -> Health {
        let rule = Rule::daily("09:00", "SYNC_TIME", TimeZone::UTC).unwrap();
        let watch = Watch::default();
        watch.starts(at("2026-06-01T12:00:00Z"), &rule);
        for (start, outcome) in runs {
            watch.starts(at(start), &rule);
            watch.ended(at(start), at(start) + SignedDuration::from_mins(1), &report(*outcome));
        }
        watch.with(|state| state.clone()).health(at(now))
    }

    #[test]
    fn it_is_well_while_its_last_success_is_fresh() {
        use RunOutcome::*;
        let first = ("2026-06-01T12:00:00Z", Succeeded);
        assert!(after(&[], "2026-06-01T12:05:00Z").healthy, "the first run is under way");
        assert!(
            after(&[first], "2026-06-02T10:59:00Z").healthy,
            "the next run may take its time"
        );
        assert!(after(&[first, ("2026-06-02T09:00:00Z", Failed)], "2026-06-02T10:00:00Z").healthy);
        let stale = after(&[first, ("2026-06-02T09:00:00Z", Partial)], "2026-06-02T11:01:00Z");
        assert_eq!(
            stale.message.as_deref(),
            Some("no sync has succeeded since 2026-06-01T12:01:00Z")
        );
        assert!(
            !after(&[first], "2026-06-02T11:05:00Z").healthy,
            "a loop that hangs is noticed"
        );
    }

    #[test]
    fn one_that_never_succeeded_is_not_well() {
        let health = after(&[("2026-06-01T12:00:00Z", RunOutcome::Failed)], "2026-06-01T12:05:00Z");
        assert!(!health.healthy && health.message.unwrap().contains("no sync has succeeded yet"));
    }
}
