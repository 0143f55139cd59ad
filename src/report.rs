//! What happened: the report that a run leaves behind (termination message, `--report` file) for the operator.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// Version of the report's shape.
pub const VERSION: u32 = 1;

/// The most bytes a report may have: the kubelet keeps only the last 4,096 of a termination message.
pub const MAX_BYTES: usize = 4096;

/// Characters that say something still.
const SENTENCE: usize = 60;

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

impl ResourceOutcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Synced => "Synced",
            Self::Unchanged => "Unchanged",
            Self::Unavailable => "Unavailable",
            Self::Refused => "Refused",
            Self::Failed => "Failed",
        }
    }

    /// Nothing to worry about: the tab is true to Wedof.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Synced | Self::Unchanged)
    }
}

impl RunReport {
    /// A report of nothing yet.
    pub fn running(message: impl Into<String>) -> Self {
        Self {
            version: VERSION,
            outcome: RunOutcome::Running,
            reason: None,
            message: Some(message.into()),
            rows: 0,
            added: 0,
            updated: 0,
            removed: 0,
            kept: 0,
            wedof_requests: 0,
            sheets_requests: 0,
            resources: Vec::new(),
            truncated: false,
        }
    }

    /// The report of a run that failed before it could do anything.
    pub fn failed(failure: &Failure) -> Self {
        Self {
            outcome: RunOutcome::Failed,
            reason: Some(failure.reason.to_owned()),
            ..Self::running(failure.message.clone())
        }
    }

    /// JSON of at most [`MAX_BYTES`], whatever the report holds. What does not fit goes in this order: messages of what
    /// went well, the length of the others (all alike), resources that went well, resources from the end.
    pub fn to_json(&self) -> String {
        let mut report = self.clone();
        if let Some(json) = fitting(&report) {
            return json;
        }
        report.truncated = true;
        report.reason = report.reason.map(|reason| shorten(&reason, 64));
        for resource in report
            .resources
            .iter_mut()
            .filter(|resource| resource.outcome.is_good())
        {
            resource.message = None;
        }
        // counts of all are in the totals: resources that went well need no line when those that did not need the room
        while fitting(&report.with_messages_of(SENTENCE)).is_none()
            && let Some(good) = report.resources.iter().rposition(|resource| resource.outcome.is_good())
        {
            report.resources.remove(good);
        }
        while fitting(&report.with_messages_of(0)).is_none() && report.resources.pop().is_some() {}
        let longest = (0..=50)
            .rev()
            .find_map(|limit| fitting(&report.with_messages_of(limit * 20)));
        longest.unwrap_or_default()
    }

    fn with_messages_of(&self, limit: usize) -> Self {
        let cut = |message: &Option<String>| {
            message
                .as_deref()
                .map(|message| shorten(message, limit))
                .filter(|m| !m.is_empty())
        };
        let mut report = self.clone();
        report.message = cut(&self.message);
        for resource in &mut report.resources {
            resource.message = cut(&resource.message);
        }
        report
    }
}

fn fitting(report: &RunReport) -> Option<String> {
    serde_json::to_string(report)
        .ok()
        .filter(|json| json.len() <= MAX_BYTES)
}

fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars()
        .take(limit.saturating_sub(1))
        .chain((limit > 0).then_some('…'))
        .collect()
}

/// Where a run leaves its report: replaced in place, so that whatever moment the process ends at, a whole report is there.
#[derive(Debug, Default)]
pub struct ReportFile {
    path: Option<PathBuf>,
    length: usize,
}

impl ReportFile {
    pub fn new(path: Option<PathBuf>) -> Self {
        Self { path, length: 0 }
    }

    /// A report that cannot be written is no reason to stop a sync.
    pub fn write(&mut self, report: &RunReport) {
        if let Some(path) = &self.path
            && let Err(error) = self::replace(path, &report.to_json(), &mut self.length)
        {
            tracing::warn!("cannot write the report to {}: {error}", path.display());
        }
    }
}

/// Overwrites with spaces what was longer before, in one write, and only then cuts them off. The file is not replaced by
/// another: the termination log of a container is a mount.
fn replace(path: &Path, json: &str, length: &mut usize) -> std::io::Result<()> {
    let mut file = File::options().write(true).create(true).truncate(false).open(path)?;
    file.write_all(format!("{json:<width$}", width = *length).as_bytes())?;
    *length = json.len();
    // a pipe has no length
    if file.metadata()?.is_file() {
        file.set_len(json.len() as u64)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn resource(name: &str, outcome: ResourceOutcome, message: Option<String>) -> ResourceReport {
        ResourceReport {
            name: name.to_owned(),
            tab: name.to_owned(),
            outcome,
            rows: 1_234_567,
            added: 1,
            updated: 2,
            removed: 3,
            kept: 4,
            message,
        }
    }

    #[test]
    fn a_report_that_fits_is_written_whole() {
        let report = RunReport {
            resources: vec![resource("organisms", ResourceOutcome::Synced, Some("é".repeat(50)))],
            ..RunReport::running("1 of 3 resources done")
        };
        assert_eq!(serde_json::from_str::<RunReport>(&report.to_json()).unwrap(), report);
    }

    #[test]
    fn messages_of_failures_are_shortened_alike_before_any_resource_is_left_out() {
        let report = RunReport {
            resources: (0..17)
                .map(|n| {
                    let outcome = if n % 2 == 0 {
                        ResourceOutcome::Failed
                    } else {
                        ResourceOutcome::Synced
                    };
                    resource(&format!("resource number {n}"), outcome, Some("à".repeat(400)))
                })
                .collect(),
            ..RunReport::running("")
        };
        let read: RunReport = serde_json::from_str(&report.to_json()).unwrap();
        assert!(read.truncated);
        assert_eq!(read.resources.len(), 17);
        let lengths: std::collections::BTreeSet<_> = read
            .resources
            .iter()
            .map(|r| r.message.as_ref().map(|m| m.chars().count()))
            .collect();
        assert_eq!(lengths.len(), 2, "{lengths:?}");
        assert!(lengths.contains(&None));
    }

    #[test]
    fn a_shorter_report_leaves_nothing_of_a_longer_one() {
        let path = tempfile::tempdir().unwrap().keep().join("termination-log");
        let mut file = ReportFile::new(Some(path.clone()));
        for message in ["a long message, much longer than the next", "short"] {
            let report = RunReport::running(message);
            file.write(&report);
            assert_eq!(std::fs::read_to_string(&path).unwrap(), report.to_json());
        }
    }

    fn outcome() -> impl Strategy<Value = ResourceOutcome> {
        use ResourceOutcome::*;
        prop::sample::select(vec![Synced, Unchanged, Unavailable, Refused, Failed])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn every_report_fits_and_is_valid_json_that_keeps_the_totals(
            message in prop::option::of(".{0,3000}"),
            reason in prop::option::of("\\PC{0,200}"),
            resources in prop::collection::vec((".{0,110}", outcome(), prop::option::of("[\u{1}-\u{7f}é😀\"\\\\]{0,900}")), 0..60),
            rows in any::<i64>(),
        ) {
            let report = RunReport {
                reason,
                rows,
                resources: resources.into_iter().map(|(name, outcome, message)| resource(&name, outcome, message)).collect(),
                message,
                ..RunReport::running("")
            };
            let json = report.to_json();
            prop_assert!(json.len() <= MAX_BYTES, "{} bytes", json.len());
            let read: RunReport = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(read.rows, rows);
            prop_assert_eq!(read.truncated, read != report);
            // a resource that went well is never kept in place of one that did not
            let bad = |report: &RunReport| report.resources.iter().filter(|r| !r.outcome.is_good()).count();
            if bad(&read) < bad(&report) {
                prop_assert!(read.resources.iter().all(|r| !r.outcome.is_good()));
            }
        }
    }
}
