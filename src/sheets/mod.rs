//! One tab of a spreadsheet, reconciled: read it, plan the differences, apply them as atomic batches, verify.

mod adopt;
mod answer;
mod apply;
pub mod auth;
mod batches;
mod cells;
mod client;
mod errors;
mod fate;
pub mod inspect;
mod layout;
mod marks;
mod notes;
mod plan;
mod read;
mod requests;
mod review;
mod rows;
pub mod serial;
mod snapshot;
mod start;
mod tab;
mod width;
mod write;

pub use self::{
    apply::Book,
    client::{CELL_LIMIT, Client, Settings},
};
use std::collections::HashSet;

use jiff::civil::Date;

use crate::{
    failure::Failure,
    spec::{DeletionGuard, MissingRows, ResourceName},
    table::{Selection, Table},
};

/// A tab that earlier runs filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// As people named it.
    pub title: String,
    /// The day, in UTC, on which something was written last; runs that found nothing to write leave no trace.
    pub written: Option<Date>,
}

/// What a tab should be after the sync, and what may be done to get there.
#[derive(Debug)]
pub struct TabWish<'a> {
    pub resource: ResourceName,
    pub title: &'a str,
    /// All resources of the run: a new tab stands among the others in this order.
    pub order: &'a [ResourceName],
    pub table: &'a Table,
    /// Columns whose path is not wanted are removed. Other columns of ours that `table` lacks stay.
    pub columns: &'a Selection<'a>,
    pub missing_rows: MissingRows,
    /// A record that is not in `table` is proven to be gone; else its row stays whatever `missing_rows` says.
    pub proven: bool,
    /// It is not, and may be by another reading: if that would make rows go, nothing is written before it, so that the
    /// guard judges the tab as it was.
    pub again: bool,
    pub guard: DeletionGuard,
    /// `--allow-deletions NAME` or `deletionGuard.acceptUntil`: what the guard would refuse is accepted in this run.
    pub allow_deletions: bool,
    /// How a person accepts it: the end of the sentence "If that is right, accept it once …".
    pub how_to_accept: &'a str,
    /// How the records were obtained (`list`, `object` …): rows are not deleted in the run in which it changes.
    pub origin: &'a str,
    /// Parents whose children were not read in this run: rows of theirs, keyed `PARENT/CHILD`, stay as they are.
    pub unread_parents: Option<&'a HashSet<String>>,
    /// Every header that a field may have had from this program: (path, label), in each language.
    pub labels: &'a [(String, String)],
    /// Identifies the filters; lets a refusal say that they changed since the last run.
    pub filters: &'a str,
}

/// A sync of a tab that failed, perhaps after some of its batches had landed: the next run finds those done.
#[derive(Debug, thiserror::Error)]
#[error("{failure}")]
pub struct Unfinished {
    pub failure: Failure,
    pub done: Box<TabChange>,
}

impl From<Failure> for Unfinished {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            done: Box::default(),
        }
    }
}

/// What was done to a tab, or what a dry run would do. No key is in it: keys may be e-mails.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TabChange {
    /// The tab did not exist before.
    pub new_tab: bool,
    pub added: i64,
    pub updated: i64,
    pub removed: i64,
    /// Rows whose record Wedof no longer lists and that stay.
    pub kept: i64,
    /// Rows that would be removed or marked, were it proven that their records are gone. Nothing was written if
    /// [`TabWish::again`].
    pub unproven: i64,
    /// Of the kept ones, those that get the day on which they were found so.
    pub marked: i64,
    /// Rows with such a day whose record Wedof lists again; among the updated ones.
    pub returned: i64,
    /// Rows put back after an edit at the same moment had displaced them.
    pub restored: i64,
    /// Headers of columns.
    pub columns_added: Vec<String>,
    pub columns_removed: Vec<String>,
    pub examples: Examples,
    /// Anything at all was written, be it a header or a mark: the tab was not as it should be.
    pub written: bool,
    /// Sentences for the report's message: rounds, restored rows, merged cells left out …
    pub notes: Vec<String>,
}

/// The first few rows of each kind by the numbers that people see in the tab, the topmost row being 1: as they were read,
/// added ones as they will be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Examples {
    pub added: Vec<usize>,
    pub updated: Vec<usize>,
    pub removed: Vec<usize>,
    pub kept: Vec<usize>,
    pub marked: Vec<usize>,
    pub returned: Vec<usize>,
}

impl Examples {
    /// Most rows of each kind.
    pub const MOST: usize = 5;

    /// The first of `rows`, which are counted from 0.
    fn of(rows: impl IntoIterator<Item = usize>) -> Vec<usize> {
        rows.into_iter().take(Self::MOST).map(|row| row + 1).collect()
    }
}

#[cfg(test)]
mod tests;
