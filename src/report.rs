//! What happened: the report that a run leaves behind (termination message, `--report` file) for the operator.

use serde::{Deserialize, Serialize};

/// Version of the report's shape.
pub const VERSION: u32 = 1;

/// The most bytes a report may have: the kubelet keeps only the last 4,096 of a termination message.
pub const MAX_BYTES: usize = 4096;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunReport {
    pub version: u32,
    pub outcome: RunOutcome,
    /// One of [`crate::failure::reason`] unless all went well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// One or two sentences for a person; of the first failure, or "3 of 11 resources done" while running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Records that Wedof lists now, all tabs together (kept, marked and people's rows are not counted).
    pub rows: i64,
    pub added: i64,
    pub updated: i64,
    pub removed: i64,
    /// Rows kept although Wedof no longer lists their record.
    pub kept: i64,
    pub wedof_requests: i64,
    pub sheets_requests: i64,
    pub resources: Vec<ResourceReport>,
    /// Messages or resources were left out to stay within [`MAX_BYTES`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunOutcome {
    Running,
    Succeeded,
    Partial,
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceReport {
    pub name: String,
    pub tab: String,
    pub outcome: ResourceOutcome,
    pub rows: i64,
    pub added: i64,
    pub updated: i64,
    pub removed: i64,
    #[serde(default)]
    pub kept: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub enum ResourceOutcome {
    /// Written.
    Synced,
    /// Compared; nothing to write.
    Unchanged,
    /// The account cannot read it (403, 404, 405).
    Unavailable,
    /// Nothing was written because a person has to decide.
    Refused,
    Failed,
}
