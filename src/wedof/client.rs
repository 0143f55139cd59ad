//! Wedof over HTTPS: GET only, paced, within a budget, tried again while that may help. Errors name statuses and our own
//! parameters and never quote a body: it may hold personal data.

use std::{
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
    time::{Duration, Instant},
};

use backon::{ExponentialBuilder, Retryable};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use jiff::Timestamp;
use reqwest::{
    Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER},
    redirect,
};
use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    failure::{Failure, reason},
    network::{
        Network, is_loopback,
        trouble::{Trouble, causes},
    },
    patience::{self, Patience},
};

pub const DEFAULT_BASE: &str = "https://www.wedof.fr/api";
pub const DEFAULT_REQUESTS_PER_MINUTE: u32 = 100;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Without a byte.
const READ_TIMEOUT: Duration = Duration::from_secs(45);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(120);
/// The longest wait that a run without a deadline accepts.
const MAX_WAIT: Duration = Duration::from_secs(3600);
/// A page of 100 folders has about one megabyte.
const MAX_BODY: usize = 64 << 20;
const MAX_ERROR_BODY: usize = 64 << 10;
const MAX_REDIRECTS: usize = 5;
const RETRIES: usize = 5;

pub struct Settings {
    /// From [`base_url`](crate::network::base_url).
    pub base: Url,
    pub key: SecretString,
    /// Where the key comes from, for messages: "Secret `wedof`, key `api-key`".
    pub key_place: String,
    pub requests_per_minute: u32,
    /// Most requests of the run.
    pub budget: Option<i64>,
    pub deadline: Option<Instant>,
    pub cancel: CancellationToken,
    pub patience: Patience,
    pub network: Network,
}

pub struct Client {
    http: reqwest::Client,
    /// None: a simulator that is asked as fast as it answers.
    pace: Option<DefaultDirectRateLimiter>,
    requests: AtomicI64,
    /// Anything has answered, be it with an error.
    answered: AtomicBool,
    base: Url,
    key_place: String,
    budget: Option<i64>,
    deadline: Option<Instant>,
    cancel: CancellationToken,
    patience: Patience,
    network: Network,
}

/// A successful answer and what its paging headers say.
pub struct Answer {
    pub body: Vec<u8>,
    pub content_type: String,
    pub total: Option<u64>,
    pub per_page: Option<u64>,
    pub page: Option<u64>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("refuses the API key")]
    KeyRefused,
    #[error("answers {status}{}{}", refused_parameters(.refused), asked_to_wait(.retry_after))]
    Status {
        status: StatusCode,
        /// Parameters of ours that the answer finds fault with.
        refused: Vec<String>,
        retry_after: Option<Duration>,
    },
    #[error("redirects to {to}, and the key is sent nowhere but to the address it was given for")]
    Redirect { to: String },
    #[error("sends more than {} MiB in one answer", MAX_BODY >> 20)]
    TooLarge,
    #[error("does not answer in time")]
    Timeout,
    #[error("cannot be reached: {0}")]
    Network(Trouble),
    #[error("request budget of {0} is used up")]
    Budget(i64),
    #[error("deadline passed")]
    Deadline,
    #[error("interrupted")]
    Cancelled,
}

fn refused_parameters(refused: &[String]) -> String {
    match refused {
        [] => String::new(),
        names => format!(" and refuses the parameter {}", names.join(", ")),
    }
}

fn asked_to_wait(retry_after: &Option<Duration>) -> String {
    match retry_after {
        Some(wait) => format!(" and asks to wait {} s", wait.as_secs()),
        None => String::new(),
    }
}

impl Error {
    fn may_pass(&self) -> bool {
        match self {
            Self::Status { status, .. } => matches!(status.as_u16(), 429 | 500 | 502 | 503 | 504),
            Self::Timeout => true,
            Self::Network(trouble) => trouble.may_pass(),
            _ => false,
        }
    }

    /// 403, 404 or 405.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Status { status, .. } if matches!(status.as_u16(), 403..=405))
    }

    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Status { status, .. } if *status == StatusCode::NOT_FOUND)
    }
}

impl Client {
    pub fn new(settings: Settings) -> Result<Self, Failure> {
        let Settings {
            base,
            key,
            key_place,
            requests_per_minute,
            budget,
            deadline,
            cancel,
            patience,
            network,
        } = settings;
        let mut key = HeaderValue::from_str(key.expose_secret()).map_err(|_| {
            Failure::person(
                reason::SECRET_INVALID,
                format!("the API key in {key_place} holds a character that no key has: copy it again from Wedof"),
            )
        })?;
        key.set_sensitive(true);
        let headers = HeaderMap::from_iter([
            (HeaderName::from_static("x-api-key"), key),
            (ACCEPT, HeaderValue::from_static("application/json")),
        ]);
        let http = network
            .reqwest()
            .user_agent(concat!("wedof-sheet-sync/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .redirect(redirect::Policy::custom(within_origin))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(patience.answer(READ_TIMEOUT));
        let pace =
            (!patience.is_unpaced() || !is_loopback(&base)).then(|| RateLimiter::direct(pace(requests_per_minute)));
        let http = http.build().map_err(|error| {
            Failure::person(
                reason::INVALID_CONFIG,
                format!("cannot set up HTTPS: {}", causes(&error)),
            )
        })?;
        Ok(Self {
            http,
            pace,
            requests: AtomicI64::new(0),
            answered: AtomicBool::new(false),
            base,
            key_place,
            budget,
            deadline,
            cancel,
            patience,
            network,
        })
    }

    /// Requests sent so far, repeated ones too.
    pub fn requests(&self) -> i64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// How many requests the run may still send; none if there is no budget.
    pub fn left(&self) -> Option<i64> {
        self.budget.map(|budget| (budget - self.requests()).max(0))
    }

    /// One answer, asked for again while that may help and time is left.
    pub async fn get(&self, path: &str, query: &[(String, String)]) -> Result<Answer, Error> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.split('/'));
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let backoff = ExponentialBuilder::default()
            .with_min_delay(self.patience.retry())
            .with_factor(2.0)
            .with_max_times(RETRIES)
            .with_jitter();
        let tries = (|| self.attempt(&url, query))
            .retry(backoff)
            .when(Error::may_pass)
            .adjust(|error, backoff| self.wait(error, backoff?))
            .notify(|error, wait| {
                tracing::warn!("Wedof, {path}: {error}; trying again in {:.1} s", wait.as_secs_f64());
            });
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Error::Cancelled),
            answer = tries => answer,
        }
    }

    /// How long to wait before the next try; None to give up because it would come too late.
    fn wait(&self, error: &Error, backoff: Duration) -> Option<Duration> {
        let wait = match error {
            Error::Status {
                retry_after: Some(asked),
                ..
            } => *asked,
            // a limit is a limit by the minute: hurrying does not help
            Error::Status { status, .. } if *status == StatusCode::TOO_MANY_REQUESTS => backoff * 4,
            _ => backoff,
        };
        (wait < self.remaining()).then_some(wait)
    }

    fn remaining(&self) -> Duration {
        self.deadline
            .map_or(MAX_WAIT, |deadline| deadline.saturating_duration_since(Instant::now()))
    }

    async fn attempt(&self, url: &Url, query: &[(String, String)]) -> Result<Answer, Error> {
        if let Some(budget) = self.budget
            && self.requests() >= budget
        {
            return Err(Error::Budget(budget));
        }
        if let Some(pace) = &self.pace {
            pace.until_ready().await;
        }
        let remaining = self.remaining();
        if remaining.is_zero() {
            return Err(Error::Deadline);
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        // at the deadline the token ends the request; a time limit of its own must not come first and look like a slow server
        let limit = TOTAL_TIMEOUT.min(remaining + Duration::from_secs(1));
        let request = self.http.get(url.clone()).timeout(limit);
        let response = request.send().await.map_err(|error| self.transport(error))?;
        self.answered.store(true, Ordering::Relaxed);
        let status = response.status();
        if status.is_success() {
            let headers = response.headers();
            let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse().ok();
            let (total, per_page, page) = (
                number("x-total-count"),
                number("x-item-per-page"),
                number("x-current-page"),
            );
            let content_type = media_type(headers);
            let body = self.body(response, MAX_BODY).await?;
            return Ok(Answer {
                body,
                content_type,
                total,
                per_page,
                page,
            });
        }
        if status.is_redirection() {
            let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            let to = to
                .and_then(|to| url.join(to).ok())
                .map(|to| to.origin().ascii_serialization());
            return Err(Error::Redirect {
                to: to.unwrap_or_else(|| "an unreadable address".to_owned()),
            });
        }
        if status == StatusCode::UNAUTHORIZED {
            return Err(Error::KeyRefused);
        }
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|value| patience::retry_after(value, Timestamp::now()));
        let body = self.body(response, MAX_ERROR_BODY).await.unwrap_or_default();
        Err(Error::Status {
            status,
            refused: refused(&body, query),
            retry_after,
        })
    }

    async fn body(&self, mut response: Response, most: usize) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.transport(error))? {
            if body.len() + chunk.len() > most {
                return Err(Error::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn transport(&self, error: reqwest::Error) -> Error {
        // one that connects and is slow is there
        if error.is_timeout() && !error.is_connect() {
            return if self.remaining().is_zero() {
                Error::Deadline
            } else {
                Error::Timeout
            };
        }
        // the address holds filter values, which may be somebody's name
        Error::Network(self.network.trouble(&self.base, &error.without_url()))
    }

    /// The error as a failure of a place such as "registrationFolders, page 3".
    pub fn failure(&self, error: &Error, place: &str) -> Failure {
        let Self { base, key_place, .. } = self;
        let host = base.host_str().unwrap_or_default();
        match error {
            Error::KeyRefused => Failure::person(
                reason::WEDOF_KEY_REFUSED,
                format!(
                    "Wedof ({host}) refuses the API key of {key_place} (401): make a new one in Wedof under Mon compte > \
                     Jetons d'API and put it there"
                ),
            ),
            Error::Status { status, .. } if error.is_unavailable() => Failure::person(
                reason::WEDOF_UNAVAILABLE,
                format!(
                    "{place}: Wedof answers {}: this account cannot read it; ask Wedof for access or leave the resource out",
                    status.as_u16()
                ),
            ),
            Error::Budget(budget) => Failure::person(
                reason::WEDOF_ERROR,
                format!(
                    "{place}: the run's budget of {budget} requests is used up: raise wedof.requestBudget or narrow the \
                     filters"
                ),
            ),
            Error::Deadline => Failure::later(
                reason::DEADLINE,
                format!("{place}: the run's deadline passed while reading Wedof"),
            ),
            Error::Cancelled => {
                Failure::later(reason::INTERRUPTED, format!("{place}: interrupted while reading Wedof"))
            }
            Error::Redirect { .. } => Failure::person(
                reason::WEDOF_ERROR,
                format!("{place}: Wedof ({host}) {error}: check wedof.baseUrl"),
            ),
            Error::TooLarge => Failure::person(reason::WEDOF_ERROR, format!("{place}: Wedof ({host}) {error}")),
            Error::Status { status, .. } if status.is_client_error() && !error.may_pass() => Failure::person(
                reason::WEDOF_ERROR,
                format!("{place}: Wedof ({host}) {error}: check the resource's filters"),
            ),
            Error::Network(trouble) if !trouble.may_pass() => {
                let message = format!("{place}: Wedof ({host}) {error}");
                trouble.failure(reason::WEDOF_ERROR, message)
            }
            Error::Network(_) if !self.answered.load(Ordering::Relaxed) => Failure::later(
                reason::WEDOF_UNREACHABLE,
                format!(
                    "{place}: Wedof ({host}) {error}; nothing of it could be reached: check wedof.baseUrl and the network"
                ),
            ),
            Error::Status { .. } | Error::Timeout | Error::Network(_) => {
                Failure::later(reason::WEDOF_ERROR, format!("{place}: Wedof ({host}) {error}"))
            }
        }
    }
}

/// Any minute holds at most `per_minute` requests: a burst, then the rest of them evenly.
fn pace(per_minute: u32) -> Quota {
    let per_minute = per_minute.clamp(1, 600);
    let burst = (per_minute / 10).max(1);
    let evenly = (per_minute - burst).max(1);
    Quota::with_period(Duration::from_secs(60) / evenly)
        .unwrap_or(Quota::per_minute(std::num::NonZeroU32::MIN))
        .allow_burst(std::num::NonZeroU32::new(burst).unwrap_or(std::num::NonZeroU32::MIN))
}

/// Follows a redirect only where the key may go; the last answer stands otherwise.
fn within_origin(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let stays = attempt
        .previous()
        .first()
        .is_some_and(|first| first.origin() == attempt.url().origin());
    if stays && attempt.previous().len() <= MAX_REDIRECTS {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

/// Names of parameters that we sent and that Wedof's answer calls wrong. Nothing else of an error body is safe to show.
fn refused(body: &[u8], query: &[(String, String)]) -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Body {
        violations: Vec<Violation>,
    }
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Violation {
        property_path: String,
    }
    let violations = serde_json::from_slice::<Body>(body)
        .map(|body| body.violations)
        .unwrap_or_default();
    query
        .iter()
        .map(|(name, _)| name)
        .filter(|name| violations.iter().any(|violation| violation.property_path == **name))
        .cloned()
        .collect()
}

fn media_type(headers: &HeaderMap) -> String {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("no type");
    value
        .split(';')
        .next()
        .unwrap_or(value)
        .trim()
        .chars()
        .take(60)
        .collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn of_an_error_body_only_our_own_parameters_are_shown() {
        let body = r#"{"detail":"Jeanne Durand <j@example.org> exists","violations":[
            {"propertyPath":"siret","title":"Jeanne"},{"propertyPath":"Durand","title":""}]}"#;
        let query = [
            ("siret".to_owned(), "1".to_owned()),
            ("page".to_owned(), "1".to_owned()),
        ];
        let error = Error::Status {
            status: StatusCode::BAD_REQUEST,
            refused: refused(body.as_bytes(), &query),
            retry_after: None,
        };
        assert_eq!(
            error.to_string(),
            "answers 400 Bad Request and refuses the parameter siret"
        );
    }

    #[rstest]
    #[case(1)]
    #[case(2)]
    #[case(100)]
    #[case(600)]
    fn no_minute_holds_more_requests_than_the_pace(#[case] per_minute: u32) {
        let quota = pace(per_minute);
        let period = quota.replenish_interval();
        let in_a_minute = quota.burst_size().get() + u32::try_from(59_999 / period.as_millis()).unwrap();
        assert!(in_a_minute <= per_minute, "{in_a_minute}");
    }
}
