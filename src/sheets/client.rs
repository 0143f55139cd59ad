//! HTTP to the Sheets API: one request at a time, counted, with time limits; reads are repeated after a failure, a write
//! never is once Google may have seen it.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use google_sheets4::{Sheets, common::to_body};
use http_body_util::BodyExt;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    answer::{self, Answer, MAX_ANSWER},
    auth::{ServiceAccount, TokenError, Tokens},
};
use crate::{
    failure::{Failure, reason},
    network::{
        Connector, Network, base_url,
        trouble::{Trouble, causes},
    },
    patience::{Patience, retry_after},
};

/// Google's limit of all tabs of a spreadsheet together, as it is today.
pub const CELL_LIMIT: usize = 10_000_000;

const GOOGLE: &str = "https://sheets.googleapis.com/";
/// Google compresses answers for programs that call themselves so.
const USER_AGENT: &str = concat!("wedof-sheet-sync/", env!("CARGO_PKG_VERSION"), " (gzip)");
/// Google ends a request after 180 s; giving up earlier would leave writes in doubt.
const TIMEOUT: Duration = Duration::from_secs(200);
/// Google's quotas are counted by the minute and its 429 names no time: as many first waits make a minute.
const QUOTA_PAUSE: u32 = 60;
const MOST_QUOTA_PAUSES: u32 = 15;
/// Characters of Google's own sentence that are told.
const MOST_OF_MESSAGE: usize = 300;
/// Tries of a read.
const TRIES: u32 = 6;
/// A longer wait is none: the run says so and ends.
const MAX_PAUSE: Duration = Duration::from_secs(15 * 60);

/// Why a request did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Google's own refusal: nothing was done.
    #[error("Google answered {status}: {message}")]
    Refused { status: u16, message: String },
    /// No answer, or none that says what was done.
    #[error("{0}")]
    Unclear(String),
    /// The answer to a read is larger than may be held.
    #[error("Google's answer is larger than {} MiB", MAX_ANSWER >> 20)]
    TooLarge,
    /// Not a matter of this request.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// What the client needs to know.
pub struct Settings {
    /// Default: <https://sheets.googleapis.com/>.
    pub base_url: Option<Url>,
    pub account: ServiceAccount,
    /// Where the account's key comes from, for messages: `Secret google, key credentials.json`.
    pub account_place: String,
    /// Stops before the next request.
    pub stop: CancellationToken,
    /// No request begins after it.
    pub deadline: Option<Instant>,
    pub patience: Patience,
    /// The most cells of all tabs of a spreadsheet together.
    pub cell_limit: usize,
    pub network: Network,
}

pub struct Client {
    hub: Sheets<Connector>,
    tokens: Tokens,
    base: Url,
    settings: Settings,
    requests: AtomicI64,
}

impl Client {
    pub async fn new(settings: Settings) -> Result<Self, Failure> {
        let Settings {
            base_url,
            account,
            account_place,
            patience,
            network,
            ..
        } = &settings;
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(network.connector());
        let tokens = account.tokens(network, account_place, *patience).await?;
        let base = checked_base(base_url.as_ref().map_or(GOOGLE, Url::as_str))?;
        let hub = Sheets::new(http, google_sheets4::common::NoToken);
        Ok(Self {
            hub,
            tokens,
            base,
            settings,
            requests: AtomicI64::new(0),
        })
    }

    /// Requests sent to the Sheets API so far, repeated ones included.
    pub fn requests(&self) -> i64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Where the Sheets API is.
    pub fn base(&self) -> &Url {
        &self.base
    }

    pub fn account(&self) -> &str {
        self.settings.account.email()
    }

    pub fn cell_limit(&self) -> usize {
        self.settings.cell_limit
    }

    /// A request that changes nothing: repeated after anything that may pass.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, Error> {
        let body = body.map(|body| Bytes::from(body.to_string()));
        let first = self.settings.patience.retry();
        let mut tries = 0;
        let mut limited = Duration::ZERO;
        let mut refreshed = false;
        loop {
            tries += 1;
            let sent = tokio::select! {
                biased;
                () = self.settings.stop.cancelled() => Err(Sent::Failed(stopped())),
                sent = self.send(method, path, body.clone(), refreshed) => sent,
            };
            let error = match sent {
                Ok(bytes) => match serde_json::from_slice(&bytes) {
                    Ok(value) => return Ok(value),
                    // the error itself may quote a cell
                    Err(error) => Sent::Unclear(format!(
                        "Google's answer is not what was asked for (line {}, column {})",
                        error.line(),
                        error.column()
                    )),
                },
                Err(error) => error,
            };
            match error {
                Sent::Status { status: 401, .. } if !refreshed => refreshed = true,
                Sent::Status {
                    status: 429,
                    retry_after,
                    ..
                } => limited += self.quota(limited, retry_after).await?,
                Sent::Status {
                    status: 409 | 500 | 502 | 503 | 504,
                    retry_after,
                    ..
                } if tries < TRIES => {
                    let wait = retry_after.unwrap_or_else(|| backoff(first, tries));
                    self.pause(wait, retry_after.is_some()).await?;
                }
                Sent::Never(_) | Sent::Unclear(_) if tries < TRIES => self.pause(backoff(first, tries), false).await?,
                error => return Err(error.into()),
            }
        }
    }

    /// A batch of changes, sent at most once: only an answer that says nothing was done (429, 401) or a refused
    /// connection lets it go out again.
    pub(super) async fn write(&self, path: &str, body: Bytes) -> Result<(), Error> {
        let first = self.settings.patience.retry();
        let mut tries = 0;
        let mut limited = Duration::ZERO;
        let mut refreshed = false;
        loop {
            tries += 1;
            match self.send("POST", path, Some(body.clone()), refreshed).await {
                Ok(bytes) => {
                    return match serde_json::from_slice::<Value>(&bytes) {
                        Ok(answer) if answer.get("spreadsheetId").is_some() => Ok(()),
                        _ => Err(Error::Unclear("Google's answer was cut off".into())),
                    };
                }
                Err(Sent::Status { status: 401, .. }) if !refreshed => refreshed = true,
                Err(Sent::Status {
                    status: 429,
                    retry_after,
                    ..
                }) => limited += self.quota(limited, retry_after).await?,
                Err(Sent::Never(_)) if tries < TRIES => self.pause(backoff(first, tries), false).await?,
                Err(Sent::Status { status, message, .. }) if status >= 500 || status == 409 => {
                    return Err(Error::Unclear(format!("Google answered {status} {message}")));
                }
                Err(Sent::TooLarge) => return Err(Error::Unclear(Error::TooLarge.to_string())),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The stop token and the deadline hold before every request and in a read, never in the middle of a write.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.settings.stop.is_cancelled() {
            return Err(stopped());
        }
        if self.remaining().is_some_and(|left| left.is_zero()) {
            return Err(Failure::later(
                reason::DEADLINE,
                "the run's deadline passed while Google was asked",
            ));
        }
        Ok(())
    }

    /// Time left; none = no limit.
    fn remaining(&self) -> Option<Duration> {
        let deadline = self.settings.deadline?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }

    /// Waits for a quota to come back, as long as Google asks or a minute; says how long. A quota that has not come
    /// back after so many minutes does not in this run.
    async fn quota(&self, waited: Duration, asked: Option<Duration>) -> Result<Duration, Failure> {
        let first = self.settings.patience.retry();
        if waited >= first * QUOTA_PAUSE * MOST_QUOTA_PAUSES {
            let message = format!(
                "Google's quota of requests is used up and did not come back in {} s: other programs use it up too, or other \
                 syncs with the same service account",
                waited.as_secs()
            );
            return Err(Failure::later(reason::GOOGLE_ERROR, message));
        }
        let time = asked.unwrap_or_else(|| quota_pause(first));
        self.pause(time, asked.is_some()).await?;
        Ok(time)
    }

    async fn pause(&self, time: Duration, asked: bool) -> Result<(), Failure> {
        if time > MAX_PAUSE || self.remaining().is_some_and(|left| left <= time) {
            let seconds = time.as_secs();
            let message = match asked {
                true => format!("Google asks to wait {seconds} s, longer than this run can"),
                false => {
                    format!("Google cannot answer now, and trying again in {seconds} s is later than this run may last")
                }
            };
            return Err(Failure::later(reason::DEADLINE, message));
        }
        tracing::warn!("Google cannot answer now; trying again in {} s", time.as_secs().max(1));
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.settings.stop.cancelled() => {}
        }
        self.check()
    }

    async fn send(&self, method: &str, path: &str, body: Option<Bytes>, refresh: bool) -> Result<Vec<u8>, Sent> {
        self.check().map_err(Sent::Failed)?;
        let token = tokio::select! {
            biased;
            () = self.settings.stop.cancelled() => return Err(Sent::Failed(stopped())),
            token = self.tokens.get(refresh) => token,
        };
        let token = match token {
            Ok(token) => token,
            Err(error) => return Err(self.token_failure(error).await),
        };
        let url = self
            .base
            .join(path)
            .map_err(|error| Sent::Never(format!("{path}: {error}")))?;
        let request = hyper::Request::builder()
            .method(method)
            .uri(url.as_str())
            .header("authorization", format!("Bearer {token}"))
            .header("user-agent", USER_AGENT)
            .header("accept-encoding", "gzip")
            .header("content-type", "application/json")
            .body(to_body(body))
            .map_err(|error| Sent::Never(error.to_string()))?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        let exchange = async {
            let answer = self.hub.client.request(request).await.map_err(|error| {
                let trouble = self.settings.network.trouble(&self.base, &error);
                match error.is_connect() {
                    true => never(trouble),
                    false => Sent::Unclear(trouble.text),
                }
            })?;
            let (parts, mut body) = answer.into_parts();
            let encoding = parts.headers.get("content-encoding");
            let mut answer = Answer::new(encoding.and_then(|encoding| encoding.to_str().ok()), MAX_ANSWER);
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| Sent::Unclear(causes(&error)))?;
                if let Some(data) = frame.data_ref() {
                    answer.take(data)?;
                }
            }
            let bytes = answer.finish()?;
            Ok::<_, Sent>((parts, bytes))
        };
        let timeout = self.settings.patience.answer(TIMEOUT);
        let limit = self.remaining().map_or(timeout, |left| timeout.min(left));
        let (parts, bytes) = match tokio::time::timeout(limit, exchange).await {
            Ok(exchange) => exchange?,
            Err(_) => {
                return Err(Sent::Unclear(format!(
                    "no answer from Google within {} s",
                    limit.as_secs()
                )));
            }
        };
        if parts.status.is_success() {
            return Ok(bytes);
        }
        let message = serde_json::from_slice::<Value>(&bytes)
            .ok()
            .and_then(|body| Some(told(body.get("error")?.get("message")?.as_str()?)))
            .unwrap_or_else(|| parts.status.canonical_reason().unwrap_or("without a reason").to_owned());
        let retry_after = parts
            .headers
            .get("retry-after")
            .and_then(|value| retry_after(value.to_str().ok()?, Timestamp::now()));
        Err(Sent::Status {
            status: parts.status.as_u16(),
            message,
            retry_after,
        })
    }

    /// Proves that Google gives tokens to the account.
    pub async fn authorize(&self) -> Result<(), Failure> {
        match self.tokens.get(false).await {
            Ok(_) => Ok(()),
            Err(error) => match Error::from(self.token_failure(error).await) {
                Error::Failed(failure) => Err(failure),
                error => Err(Failure::later(reason::GOOGLE_ERROR, error.to_string())),
            },
        }
    }

    /// A refused key against an unreachable endpoint, and a wrong clock against both.
    async fn token_failure(&self, error: TokenError) -> Sent {
        let (error, description) = match error {
            TokenError::Refused { error, description } => (error, description),
            TokenError::Unreachable(mut trouble) => {
                trouble.text = self.no_token(&trouble.text);
                return never(trouble);
            }
            TokenError::Unclear(what) => return Sent::Never(self.no_token(&what)),
        };
        let place = &self.settings.account_place;
        let difference = match description.contains("short-lived") || description.contains("iat") {
            true => self.clock_difference().await.unwrap_or(0),
            false => 0,
        };
        // a token is good for an hour: less than a minute is no reason
        if difference.abs() >= 60 {
            let minutes = (difference as f64 / 60.0).round().abs();
            let direction = if difference > 0 { "ahead of" } else { "behind" };
            return Sent::Failed(Failure::person(
                reason::CLOCK_SKEW,
                format!(
                    "this machine's clock is {minutes} min {direction} Google's, so no token was given: set the clock (NTP)"
                ),
            ));
        }
        let account = self.account();
        let description = description.trim_end_matches('.');
        Sent::Failed(Failure::person(
            reason::GOOGLE_KEY_REFUSED,
            format!(
                "Google refused the key of {account} ({place}): {error}, {description}. The key was deleted or belongs to another account: make a new one and replace it"
            ),
        ))
    }

    fn no_token(&self, why: &str) -> String {
        format!("no token from {}: {why}", self.settings.account.token_uri())
    }

    /// Seconds that the local clock is ahead of the token endpoint's.
    pub async fn clock_difference(&self) -> Option<i64> {
        // refused for what it lacks, with the time of the refusal
        let request = hyper::Request::builder()
            .method("POST")
            .uri(self.settings.account.token_uri().as_str())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(to_body::<Bytes>(None))
            .ok()?;
        let answer = tokio::time::timeout(Duration::from_secs(10), self.hub.client.request(request))
            .await
            .ok()?
            .ok()?;
        let date = answer.headers().get("date")?.to_str().ok()?;
        let theirs = jiff::fmt::rfc2822::parse(date).ok()?.timestamp();
        Some(Timestamp::now().as_second() - theirs.as_second())
    }
}

/// How one attempt ended.
#[derive(Debug)]
enum Sent {
    Status {
        status: u16,
        message: String,
        retry_after: Option<Duration>,
    },
    /// It never left.
    Never(String),
    Unclear(String),
    TooLarge,
    Failed(Failure),
}

impl From<answer::Error> for Sent {
    fn from(error: answer::Error) -> Self {
        match error {
            answer::Error::TooLarge => Self::TooLarge,
            answer::Error::Compression(_) => Self::Unclear(error.to_string()),
        }
    }
}

impl From<Sent> for Error {
    fn from(sent: Sent) -> Self {
        match sent {
            Sent::Status { status, message, .. } => Self::Refused { status, message },
            Sent::Never(message) => Self::Failed(Failure::later(reason::GOOGLE_ERROR, unreachable(&message))),
            Sent::Unclear(message) => Self::Unclear(message),
            Sent::TooLarge => Self::TooLarge,
            Sent::Failed(failure) => Self::Failed(failure),
        }
    }
}

/// A request that never left: sent again, if that may help.
fn never(trouble: Trouble) -> Sent {
    match trouble.may_pass() {
        true => Sent::Never(trouble.text),
        false => Sent::Failed(trouble.failure(reason::GOOGLE_ERROR, unreachable(&trouble.text))),
    }
}

fn unreachable(why: &str) -> String {
    format!("Google cannot be reached: {why}")
}

fn stopped() -> Failure {
    Failure::later(
        reason::INTERRUPTED,
        "the run was asked to stop; what is written is complete up to here",
    )
}

fn checked_base(url: &str) -> Result<Url, Failure> {
    let url = if url.ends_with('/') {
        url.to_owned()
    } else {
        format!("{url}/")
    };
    base_url(&url, None)
        .map_err(|what| Failure::person(reason::INVALID_CONFIG, format!("the address of the Sheets API: {what}")))
}

/// Google's sentence without what it quotes: between double quotes stands what was sent, which may be somebody's name.
pub(super) fn told(message: &str) -> String {
    let parts = message.split('"').enumerate();
    let kept: Vec<&str> = parts
        .map(|(number, part)| if number % 2 == 0 { part } else { "…" })
        .collect();
    kept.join("\"").chars().take(MOST_OF_MESSAGE).collect()
}

fn quota_pause(first: Duration) -> Duration {
    first * QUOTA_PAUSE + first.mul_f64(5.0 * random())
}

/// 1, 2, 4, 8 … times the first wait, with up to one such wait more.
fn backoff(first: Duration, tries: u32) -> Duration {
    first * (1 << tries.saturating_sub(1).min(5)) + first.mul_f64(random())
}

/// From 0 to 1.
fn random() -> f64 {
    f64::from(random_u32()) / f64::from(u32::MAX)
}

pub(super) fn random_u32() -> u32 {
    let mut bytes = [0; 4];
    // without randomness the only loss is jitter; IDs that collide are refused by Google
    let _ = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes);
    u32::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_google_quotes_of_a_request_is_not_told() {
        let message =
            r#"Invalid value at 'data.values' (type.googleapis.com/google.protobuf.ListValue), "Jeanne Durand""#;
        assert_eq!(
            told(message),
            r#"Invalid value at 'data.values' (type.googleapis.com/google.protobuf.ListValue), "…""#
        );
        assert_eq!(
            told("The caller does not have permission"),
            "The caller does not have permission"
        );
        assert_eq!(
            told(r#"cut in the middle of "Jeanne Dur"#),
            r#"cut in the middle of "…"#
        );
    }

    #[test]
    fn http_is_for_this_machine_and_the_cluster_only() {
        for (url, taken) in [
            ("https://sheets.example/", true),
            ("http://127.0.0.1:4020", true),
            ("http://simulator.sim.svc:8081/", true),
            ("http://sheets.example/", false),
            ("http://evil.svc.example/", false),
        ] {
            assert_eq!(checked_base(url).is_ok(), taken, "{url}");
        }
    }

    #[test]
    fn waits_grow_and_differ() {
        assert!((Duration::from_secs(60)..=Duration::from_secs(65)).contains(&quota_pause(Duration::from_secs(1))));
        for (tries, seconds) in [(1, 1), (2, 2), (3, 4), (6, 32), (60, 32)] {
            let wait = backoff(Duration::from_secs(1), tries);
            assert!(
                (Duration::from_secs(seconds)..=Duration::from_secs(seconds + 1)).contains(&wait),
                "{tries}: {wait:?}"
            );
        }
    }
}
