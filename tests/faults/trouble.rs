//! What may happen to a request, and how the run has to end then.

use std::time::Duration;

use serde_json::{Value, json};

use crate::stage::{Service, Stage};

/// A time that no retry outlasts.
const FOR_EVER: u64 = 1_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    Refused,
    ResetBefore,
    ResetAfter,
    Cut,
    /// 429 with this Retry-After.
    Limit(RetryAfter),
    Status(u16),
    /// 503 with Retry-After: 1.
    Busy,
    Html,
    /// No answer in time; the request is applied or not.
    Stall {
        applied: bool,
    },
    /// This one and all that follow.
    Always(Lasting),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RetryAfter {
    None,
    Seconds,
    DateAhead,
    DatePast,
    Nonsense,
    Huge,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lasting {
    Refused,
    Status(u16),
    Html,
    Stall,
    Limit,
}

impl Trouble {
    pub const ALL: [Self; 24] = [
        Self::Refused,
        Self::ResetBefore,
        Self::ResetAfter,
        Self::Cut,
        Self::Limit(RetryAfter::None),
        Self::Limit(RetryAfter::Seconds),
        Self::Limit(RetryAfter::DateAhead),
        Self::Limit(RetryAfter::DatePast),
        Self::Limit(RetryAfter::Nonsense),
        Self::Limit(RetryAfter::Huge),
        Self::Status(500),
        Self::Status(503),
        Self::Busy,
        Self::Html,
        Self::Stall { applied: false },
        Self::Stall { applied: true },
        Self::Always(Lasting::Refused),
        Self::Always(Lasting::Status(503)),
        Self::Always(Lasting::Status(401)),
        Self::Always(Lasting::Status(403)),
        Self::Always(Lasting::Html),
        Self::Always(Lasting::Stall),
        Self::Always(Lasting::Limit),
        Self::Always(Lasting::Status(404)),
    ];

    /// Orders it for the k-th request to a service.
    pub async fn order(self, stage: &Stage, service: Service, k: usize) {
        let world = &stage.world;
        let (times, answer) = match self {
            Self::Refused => return refuse(stage, service, k, 200).await,
            Self::Always(Lasting::Refused) => return refuse(stage, service, k, 600_000).await,
            Self::ResetBefore => (1, json!({"reset": "before"})),
            Self::ResetAfter => (1, json!({"reset": "after"})),
            Self::Cut => (1, json!({"cut": 3})),
            Self::Limit(when) => (1, with_retry_after(error(429), when.text())),
            Self::Busy => (1, with_retry_after(error(503), RetryAfter::Seconds.text())),
            Self::Status(status) => (1, error(status)),
            Self::Html => (1, html()),
            Self::Stall { applied } => (1, json!({"delayMs": 600_000, "apply": applied})),
            Self::Always(Lasting::Status(status)) => {
                let fault = |path, nth| json!({"path": path, "nth": nth, "times": FOR_EVER, "answer": error(status)});
                return match service {
                    Service::Wedof => world.wedof_fault(fault("/", k)).await,
                    // the first request is for the token, which goes on being given
                    Service::Google if k > 1 && status < 500 => world.google_fault(fault("/v4/", k - 1)).await,
                    Service::Google => world.google_fault(fault("/", k)).await,
                };
            }
            Self::Always(Lasting::Html) => (FOR_EVER, html()),
            Self::Always(Lasting::Stall) => (FOR_EVER, json!({"delayMs": 600_000, "apply": false})),
            Self::Always(Lasting::Limit) => (FOR_EVER, error(429)),
        };
        let fault = json!({"path": "/", "nth": k, "times": times, "answer": answer});
        match service {
            Service::Wedof => world.wedof_fault(fault).await,
            Service::Google => world.google_fault(fault).await,
        }
    }

    /// Further arguments and variables of the run.
    pub fn setting(self) -> (&'static [&'static str], &'static [(&'static str, &'static str)]) {
        match self {
            Self::Refused => (&[], &[("RETRY_DELAY", "0.05")]),
            Self::Stall { .. } => (&[], &[("HTTP_TIMEOUT", "1")]),
            Self::Always(Lasting::Stall) => (&[], &[("HTTP_TIMEOUT", "0.3")]),
            // Google's limit passes with the minute, so a run waits for it as long as it may
            Self::Always(Lasting::Limit) => (&["--deadline", "3"], &[]),
            _ => (&[], &[]),
        }
    }

    /// How a run ends whose request of this kind, the first or a later one, meets it: 0 if trying again mends it, 1 if a later run may succeed, 2 if
    /// a person has to do something.
    pub fn exit_code(self, service: Service, kind: &str, first: bool) -> i32 {
        match (self, service) {
            // the endpoint's answer is read for a token alone: what it asks to wait is not seen
            (Self::Limit(RetryAfter::Huge), _) if kind == "token" => 0,
            (Self::Limit(RetryAfter::Huge), _) => 1,
            // a page that is no list is not asked for again: a maintenance takes longer than a run
            (Self::Html, Service::Wedof) => 1,
            // access that is lost in the middle of a list is about this reading of it; the next run tells what remains
            (Self::Always(Lasting::Status(403 | 404)), Service::Wedof) if !first => 1,
            (Self::Always(Lasting::Status(401..=404)), _) if kind != "token" => 2,
            (Self::Always(_), _) => 1,
            _ => 0,
        }
    }
}

impl RetryAfter {
    fn text(self) -> Option<String> {
        let date = |time| {
            jiff::fmt::rfc2822::DateTimePrinter::new()
                .timestamp_to_rfc9110_string(&time)
                .unwrap()
        };
        match self {
            Self::None => None,
            Self::Seconds => Some("1".to_owned()),
            Self::DateAhead => Some(date(jiff::Timestamp::now() + Duration::from_secs(2))),
            Self::DatePast => Some(date(jiff::Timestamp::now() - Duration::from_secs(3600))),
            Self::Nonsense => Some("soon".to_owned()),
            Self::Huge => Some("99999999999".to_owned()),
        }
    }
}

/// The request before ends its connection, so that this one needs another.
async fn refuse(stage: &Stage, service: Service, k: usize, time: u64) {
    let world = &stage.world;
    let answer = json!({"nth": k.saturating_sub(1), "answer": {"thenRefuseMs": time}});
    let duration = Duration::from_millis(time);
    match (service, k) {
        (Service::Wedof, 1) => world.running.refuse_wedof(duration),
        (Service::Google, 1) => world.running.refuse_sheets(duration),
        (Service::Wedof, _) => world.wedof_fault(answer).await,
        (Service::Google, _) => world.google_fault(answer).await,
    }
}

fn error(status: u16) -> Value {
    json!({"status": status, "body": {"error": {"code": status, "message": "Not now.", "status": "X"}, "detail": "Not now."}})
}

fn html() -> Value {
    json!({"status": 200, "body": "<html><body>Maintenance</body></html>"})
}

fn with_retry_after(mut answer: Value, text: Option<String>) -> Value {
    if let Some(text) = text {
        answer["headers"] = json!({"retry-after": text});
    }
    answer
}
