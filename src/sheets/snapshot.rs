//! What stood beside records before a round that deletes rows. People may sort or insert while it is sent, and a delete
//! then hits another row: that row comes back in the next round with everything people wrote in it.

use std::{collections::HashMap, sync::Arc};

use super::{
    rows::{Row, Rows},
    tab::{Seen, Tab},
};

/// One row as it was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Remembered {
    /// People's cells: which of their columns, counted from the left, and what it held.
    pub people: Vec<(usize, Seen<'static>)>,
    /// A row whose record Wedof no longer lists: its own cells by path. Nobody else can tell what they were.
    pub kept: Option<Vec<(String, Seen<'static>)>>,
}

#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Headers of people's columns from left to right.
    labels: Vec<String>,
    rows: HashMap<Arc<str>, Arc<Remembered>>,
}

impl Snapshot {
    /// Adds the rows of `tab` that should outlive the round; what an earlier round saw stays as it is.
    pub fn remember(&mut self, tab: &Tab, header: usize, key: usize, rows: &Rows, deleted: &[usize]) {
        let columns = people(tab);
        if self.rows.is_empty() {
            self.labels = columns.iter().map(|column| tab.cell(header, *column).label()).collect();
        }
        for (row, what) in rows.iter() {
            let is_kept = matches!(what, Row::Stale { .. } | Row::Unread);
            if deleted.binary_search(&row).is_ok() || !(is_kept || matches!(what, Row::Record(_))) {
                continue;
            }
            let Some(text) = tab.cell(row, key).key() else { continue };
            let people = columns
                .iter()
                .enumerate()
                .map(|(number, column)| (number, tab.cell(row, *column)))
                .filter(|(_, seen)| !seen.is_blank())
                .map(|(number, seen)| (number, seen.into_owned()))
                .collect();
            let kept = is_kept.then(|| {
                tab.columns
                    .iter()
                    .map(|column| (column.mark.path.clone(), tab.cell(row, column.index).into_owned()))
                    .collect()
            });
            let seen = || Arc::new(Remembered { people, kept });
            self.rows.entry(text.into()).or_insert_with(seen);
        }
    }

    pub fn of(&self, key: &str) -> Option<Arc<Remembered>> {
        self.rows.get(key).cloned()
    }

    /// Rows that were to stay although Wedof does not list them, by key and in its order.
    pub fn kept(&self) -> Vec<(Arc<str>, Arc<Remembered>)> {
        let mut kept: Vec<_> = self
            .rows
            .iter()
            .filter(|(_, row)| row.kept.is_some())
            .map(|(key, row)| (Arc::clone(key), Arc::clone(row)))
            .collect();
        kept.sort_by(|(a, _), (b, _)| a.cmp(b));
        kept
    }

    /// Where people's columns are in `tab` now: in the same order, or, if their number changed, by their headers.
    pub fn columns(&self, tab: &Tab, header: usize) -> Vec<Option<usize>> {
        let now = people(tab);
        if now.len() == self.labels.len() {
            return now.into_iter().map(Some).collect();
        }
        let place = |label: &String| {
            let mut found = now
                .iter()
                .filter(|column| !label.is_empty() && tab.cell(header, **column).label() == *label);
            match (found.next(), found.next()) {
                (Some(column), None) => Some(*column),
                _ => None,
            }
        };
        self.labels.iter().map(place).collect()
    }
}

/// Columns that are not ours.
fn people(tab: &Tab) -> Vec<usize> {
    let mut owned = vec![false; tab.column_count];
    for column in &tab.columns {
        if let Some(owned) = owned.get_mut(column.index) {
            *owned = true;
        }
    }
    (0..owned.len()).filter(|column| !owned[*column]).collect()
}
