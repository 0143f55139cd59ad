//! How the simulated Wedof misbehaves, for tests: set over HTTP at `/_settings`, for all tenants.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// `PUT /_settings` sets these (what is left out has its default again), `PATCH` changes those that are given, `GET`
/// shows them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// Most records of a page, whatever limit is asked for, and the number of them if none is asked for.
    pub max_limit: usize,
    /// Every page is page 1.
    pub ignore_page: bool,
    /// By page number: so many records fewer than the limit are on it; the next page begins with them.
    pub short_pages: BTreeMap<usize, usize>,
    /// What `x-total-count` says.
    pub total: Total,
    /// Whether `x-current-page` and `x-item-per-page` are sent.
    pub page_headers: bool,
    /// Refusals by path as the OpenAPI document has it, without `/api/`: `{"attendees": 403}`.
    pub refused: BTreeMap<String, u16>,
    /// Above so many requests of a key in a minute: 429.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// The form of Retry-After on that 429.
    pub retry_after: RetryAfter,
    /// The day that periods such as `currentMonth` are counted from; the real one if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub today: Option<Date>,
}

/// `"true"`, `"missing"`, `"page"` (records of this page), or a number, which is then always said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Total {
    True,
    Missing,
    Page,
    #[serde(untagged)]
    Always(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RetryAfter {
    Seconds,
    Date,
    Missing,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_limit: 100,
            ignore_page: false,
            short_pages: BTreeMap::new(),
            total: Total::True,
            page_headers: true,
            refused: BTreeMap::new(),
            requests_per_minute: None,
            retry_after: RetryAfter::Seconds,
            today: None,
        }
    }
}
