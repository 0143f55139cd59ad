//! Wedof's API over HTTP: lists with page and limit, filters, error bodies; every path of `served::SERVED`, which
//! `/api/doc.json` lists too.
//!
//! Beside it, without a key: `/_wedof/{tenant}/{resource}[/{id}]`, where a test adds, changes and removes records
//! (GET, POST, PUT, PATCH, DELETE), and `/_settings` ([`settings::Settings`]: GET, PUT, PATCH), where it lets Wedof
//! misbehave. A list that a test or a data set has put in is served at the top level, also where Wedof would refuse.

mod account;
mod admin;
mod dice;
mod period;
mod query;
mod records;
mod rules;
mod served;
mod settings;
mod texts;

use std::sync::{Arc, PoisonError, RwLock};

use axum::{
    Json, Router,
    extract::{Path, Query as UrlQuery, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

pub use self::account::{Account, Lists};
use self::{
    served::{Answer, Ask},
    settings::{RetryAfter, Settings, Total},
};
use super::{
    oauth::http_date,
    requests::{Pace, Quota},
};

/// Header that carries the API key.
const API_KEY: &str = "x-api-key";

/// An answer other than 200, with Wedof's error body.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    detail: &'static str,
    violations: Vec<query::Violation>,
    retry_after: Option<String>,
}

impl Refusal {
    fn new(status: StatusCode, detail: &'static str) -> Self {
        Self {
            status,
            detail,
            violations: Vec::new(),
            retry_after: None,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self {
            status,
            detail,
            violations,
            retry_after,
        } = self;
        let violations = violations
            .iter()
            .map(|(path, title)| json!({"propertyPath": path, "title": title}));
        let body = json!({"detail": detail, "violations": violations.collect::<Vec<_>>()});
        let mut response = (status, Json(body)).into_response();
        if let Some(value) = retry_after.and_then(|value| HeaderValue::from_str(&value).ok()) {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        response
    }
}

fn not_found() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "Not Found")
}

#[derive(Debug, Clone)]
pub struct Service {
    accounts: Arc<Vec<Account>>,
    settings: Arc<RwLock<Settings>>,
    pace: Arc<Pace>,
}

impl Service {
    pub fn new(accounts: Arc<Vec<Account>>) -> Self {
        Self {
            accounts,
            settings: Arc::default(),
            pace: Arc::default(),
        }
    }

    /// The account of the key, or 401.
    fn account(&self, headers: &HeaderMap) -> Result<&Account, Refusal> {
        let key = headers.get(API_KEY).map(|key| key.as_bytes());
        let account = self
            .accounts
            .iter()
            .find(|account| key == Some(account.api_key.as_bytes()));
        account.ok_or_else(|| Refusal::new(StatusCode::UNAUTHORIZED, "Invalid credentials."))
    }

    fn tenant(&self, number: usize) -> Result<&Account, Refusal> {
        self.accounts.get(number).ok_or_else(not_found)
    }

    fn settings(&self) -> Settings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, settings: Settings) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    fn answer(&self, path: &str, parameters: &[(String, String)], headers: &HeaderMap) -> Result<Response, Refusal> {
        let account = self.account(headers)?;
        let settings = self.settings();
        self.check_pace(account, &settings)?;
        let path = path.trim_end_matches('/');
        let found = served::find(path);
        let pattern = found.as_ref().map_or(path, |(served, _)| served.pattern);
        if let Some(status) = settings.refused.get(pattern) {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::FORBIDDEN);
            return Err(Refusal::new(status, "Access Denied."));
        }
        let mut segments = path.split('/');
        let resource = segments.next().unwrap_or_default();
        let mut ask = Ask {
            account,
            resource,
            ids: Vec::new(),
            parameters,
            settings: &settings,
        };
        let given = account.is_given(resource).then(|| account.list(resource)).flatten();
        let narrowed = resource == "payments" && parameters.iter().any(|(name, _)| name == "registrationFolderId");
        let answer = match (given, segments.next(), segments.next(), found) {
            (Some(list), None, ..) if !narrowed => ask.page_of(resource, &list)?,
            (_, _, _, Some((served, ids))) => {
                ask.ids = ids;
                served.answer(&ask)?
            }
            (Some(_), Some(id), None, None) => {
                let record = account.find(resource, id).ok_or_else(not_found)?;
                Answer::One(record.fields(&account.organism).into_owned())
            }
            _ => return Err(not_found()),
        };
        Ok(show(answer, &settings))
    }

    fn check_pace(&self, account: &Account, settings: &Settings) -> Result<(), Refusal> {
        let Some(limit) = settings.requests_per_minute else {
            return Ok(());
        };
        let Err(wait) = self.pace.take(&account.api_key, limit) else {
            return Ok(());
        };
        let seconds = wait.as_secs() as i64 + 1;
        let retry_after = match settings.retry_after {
            RetryAfter::Seconds => Some(seconds.to_string()),
            RetryAfter::Date => Some(http_date(
                jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds),
            )),
            RetryAfter::Missing => None,
        };
        Err(Refusal {
            retry_after,
            ..Refusal::new(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests")
        })
    }
}

fn show(answer: Answer, settings: &Settings) -> Response {
    let mut response = match answer {
        Answer::One(record) => Json(record).into_response(),
        Answer::All(records) => Json(records).into_response(),
        Answer::Page {
            records,
            total,
            page,
            limit,
        } => {
            let on_page = records.len();
            let mut response = Json(records).into_response();
            let total = match settings.total {
                Total::True => Some(total),
                Total::Missing => None,
                Total::Page => Some(on_page),
                Total::Always(number) => Some(number),
            };
            let paging = settings.page_headers;
            for (name, value) in [
                ("x-total-count", total),
                ("x-current-page", paging.then_some(page)),
                ("x-item-per-page", paging.then_some(limit)),
            ] {
                if let Some(value) = value {
                    response.headers_mut().insert(name, value.into());
                }
            }
            response
        }
    };
    let private = HeaderValue::from_static("no-cache, private");
    response.headers_mut().insert(header::CACHE_CONTROL, private);
    response
}

/// How a request is counted: its method and path, ids left out.
pub fn kind(method: &Method, path: &str) -> (String, Quota) {
    let path = path.trim_end_matches('/');
    let pattern = path.strip_prefix("/api/").and_then(served::find);
    let pattern = pattern.map_or("", |(served, _)| served.pattern);
    let mut known = pattern.split('/');
    let segments = path.split('/').enumerate().map(|(at, segment)| {
        let is_fixed = at < 2 || known.next() == Some(segment) || at == 2;
        if is_fixed { segment } else { "{id}" }
    });
    (
        format!("{method} {}", segments.collect::<Vec<_>>().join("/")),
        Quota::None,
    )
}

pub fn router(service: Service) -> Router {
    Router::new()
        .route("/api/doc.json", get(openapi))
        .route("/api/{*path}", get(api))
        .fallback(|| async { not_found() })
        .method_not_allowed_fallback(|| async { Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed") })
        .with_state(service.clone())
        .merge(admin::router(service))
}

async fn api(
    State(service): State<Service>,
    Path(path): Path<String>,
    UrlQuery(parameters): UrlQuery<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    service.answer(&path, &parameters, &headers)
}

/// Public, as Wedof's own is.
async fn openapi(State(service): State<Service>) -> Json<Value> {
    Json(served::openapi(service.accounts.first()))
}
