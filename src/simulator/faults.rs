//! Faults ordered over HTTP: the next matching requests get another answer, a late one, half of one, or none.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::net::{Door, Reset};

/// One order: which requests, and what becomes of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// Any method if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// Start of the path, or with `*` a pattern for all of it. Compared with the path as sent and decoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// Value of the query's `page`; a request without one asks for page 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    page: Option<u64>,
    /// Only from the k-th matching request on, counted from 1 since the order.
    #[serde(default = "one")]
    nth: u64,
    /// How many requests it hits.
    #[serde(default = "one")]
    times: u64,
    answer: Answer,
}

fn one() -> u64 {
    1
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// `null` removes a header of the true answer.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, Option<String>>,
    /// Text as it is; any other JSON is written out.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Value>,
    /// The connection ends after so many bytes of the body, though the headers announced all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    cut: Option<usize>,
    /// The answer comes so much later.
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
    /// The connection is reset before or after the request was applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    reset: Option<When>,
    /// The connection ends with this answer, and for so long others are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    then_refuse_ms: Option<u64>,
    /// Whether the request takes effect. Default: yes if the true answer is needed (only cut, late or with other
    /// headers) or the reset comes after it, no if another answer takes its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    apply: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum When {
    Before,
    After,
}

impl Fault {
    fn matches(&self, method: &Method, uri: &Uri) -> bool {
        let path = uri.path();
        self.method
            .as_ref()
            .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method.as_str()))
            && self
                .path
                .as_ref()
                .is_none_or(|wanted| covers(wanted, path) || covers(wanted, &super::percent_decoded(path)))
            && self.page.is_none_or(|wanted| page(uri) == wanted)
    }
}

fn covers(pattern: &str, path: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = path.strip_prefix(first) else {
        return false;
    };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return true;
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    true
}

fn page(uri: &Uri) -> u64 {
    let query = uri.query().unwrap_or_default().as_bytes();
    let page = url::form_urlencoded::parse(query).find(|(name, _)| name == "page");
    page.and_then(|(_, value)| value.parse().ok()).unwrap_or(1)
}

/// The faults that wait for their requests, oldest first.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub fn order(&self, faults: Vec<Fault>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(faults);
    }

    pub fn left(&self) -> Vec<Fault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The answer of the first fault that hits this request. Every matching one counts it.
    fn take(&self, method: &Method, uri: &Uri) -> Option<Answer> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut hit = None;
        for fault in faults.iter_mut().filter(|fault| fault.matches(method, uri)) {
            if fault.nth > 1 {
                fault.nth -= 1;
            } else if hit.is_none() {
                fault.times = fault.times.saturating_sub(1);
                hit = Some(fault.answer.clone());
            }
        }
        faults.retain(|fault| fault.times > 0);
        hit
    }

    /// Answers a request, with a fault if one was ordered.
    pub async fn pass(&self, request: Request, next: Next, door: &Door) -> Response {
        let Some(answer) = self.take(request.method(), request.uri()) else {
            return next.run(request).await;
        };
        let reset = request
            .extensions()
            .get::<axum::extract::ConnectInfo<Reset>>()
            .map(|info| info.0.clone());
        answer.carry_out(request, next, reset.unwrap_or_default(), door).await
    }
}

impl Answer {
    async fn carry_out(self, request: Request, next: Next, reset: Reset, door: &Door) -> Response {
        let Self {
            status,
            headers,
            body,
            cut,
            delay_ms,
            reset: when,
            then_refuse_ms,
            apply,
        } = self;
        let replaced = status.is_some() || body.is_some();
        let applies = apply.unwrap_or(match when {
            Some(when) => when == When::After,
            None => !replaced,
        });
        let truth = if applies { Some(next.run(request).await) } else { None };
        if let Some(delay) = delay_ms {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        if when.is_some() {
            reset.order();
            return StatusCode::OK.into_response();
        }
        let mut response = match (truth, replaced) {
            (Some(truth), false) => truth,
            _ => replacement(status, body),
        };
        if let Some(time) = then_refuse_ms {
            door.close(Duration::from_millis(time), Some(&reset));
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        for (name, value) in headers {
            let Ok(name) = name.parse::<HeaderName>() else {
                continue;
            };
            match value.map(|value| HeaderValue::from_str(&value)) {
                Some(Ok(value)) => {
                    response.headers_mut().insert(name, value);
                }
                _ => {
                    response.headers_mut().remove(name);
                }
            }
        }
        match cut {
            Some(bytes) => cut_short(response, bytes, reset).await,
            None => response,
        }
    }
}

fn replacement(status: Option<u16>, body: Option<Value>) -> Response {
    let text = match body {
        Some(Value::String(text)) => text,
        Some(json) => json.to_string(),
        None => String::new(),
    };
    let kind = match text.trim_start().chars().next() {
        Some('{' | '[') => "application/json; charset=UTF-8",
        Some('<') => "text/html; charset=UTF-8",
        _ => "text/plain; charset=UTF-8",
    };
    let status = status
        .and_then(|status| StatusCode::from_u16(status).ok())
        .unwrap_or(StatusCode::OK);
    (status, [(header::CONTENT_TYPE, kind)], text).into_response()
}

/// Announces the whole body, sends its beginning and drops the connection.
async fn cut_short(response: Response, bytes: usize, reset: Reset) -> Response {
    let (mut parts, body) = response.into_parts();
    let whole = to_bytes(body, usize::MAX).await.unwrap_or_default();
    parts
        .headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len()));
    let beginning: Bytes = whole.slice(..bytes.min(whole.len()));
    let end = futures::stream::once(async move {
        // what was sent so far reaches the peer first
        tokio::time::sleep(Duration::from_millis(50)).await;
        reset.order();
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted))
    });
    let sent = futures::stream::once(async move { Ok(beginning) });
    Response::from_parts(parts, Body::from_stream(futures::StreamExt::chain(sent, end)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_is_a_prefix_and_with_stars_a_pattern() {
        for (pattern, path, covered) in [
            ("/api/registrationFolders", "/api/registrationFolders", true),
            ("/api/registrationFolders", "/api/registrationFolders/12", true),
            ("/api/registrationFolders", "/api/organisms/me", false),
            (
                "/v4/spreadsheets/*:batchUpdate",
                "/v4/spreadsheets/abc:batchUpdate",
                true,
            ),
            (
                "/v4/spreadsheets/*:batchUpdate",
                "/v4/spreadsheets/abc/values:batchUpdates",
                false,
            ),
            ("*/values/*", "/v4/spreadsheets/abc/values/A1", true),
        ] {
            assert_eq!(covers(pattern, path), covered, "{pattern} {path}");
        }
    }

    #[test]
    fn a_fault_waits_for_its_nth_request_and_wears_out() {
        let faults = Faults::default();
        let order = json!({"method": "GET", "path": "/a", "page": 2, "nth": 2, "times": 2, "answer": {"status": 500}});
        faults.order(vec![serde_json::from_value(order).unwrap()]);
        let hit = |uri: &str| faults.take(&Method::GET, &uri.parse().unwrap()).is_some();
        let hits: Vec<bool> = ["/a?page=2", "/a", "/a?page=2", "/b?page=2", "/a?page=2", "/a?page=2"]
            .map(hit)
            .into();
        assert_eq!(hits, [false, false, true, false, true, false]);
        assert!(faults.left().is_empty());
    }
}
