//! Decisions about rows and columns → what to write in them. Rows are named here and turned into requests only when their
//! batch is made ([`super::batches`]), so that a plan for a hundred thousand rows is small.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::tz::TimeZone;

use super::{
    TabWish,
    cells::{entered, restored, same},
    fate::Fate,
    layout::{Layout, Placed, Source},
    requests::{Entered, Unit},
    review::fingerprint,
    rows::{Row, Rows},
    snapshot::{Remembered, Snapshot},
    tab::{Rect, Seen, Tab},
};
use crate::table::Cell;

/// A row to insert.
#[derive(Debug)]
pub enum New {
    /// Row `0` of the wished table, and what an earlier round saw beside it.
    Record(usize, Option<Arc<Remembered>>),
    /// A kept row that an earlier round's deletes hit by mistake.
    Kept(Arc<str>, Arc<Remembered>),
}

impl New {
    /// What an earlier round saw of the row.
    pub fn remembered(&self) -> Option<&Remembered> {
        match self {
            Self::Record(_, seen) => seen.as_deref(),
            Self::Kept(_, seen) => Some(seen),
        }
    }
}

/// All that was decided about a tab.
#[derive(Debug)]
pub struct Decisions<'a> {
    pub tab: Tab,
    pub wish: &'a TabWish<'a>,
    pub zone: TimeZone,
    /// Days since 1970-01-01.
    pub today: i32,
    pub rows: Rows,
    pub layout: Layout,
    pub fate: Fate,
    pub header: usize,
    /// The key column as read.
    pub key: Option<usize>,
}

/// What is to be written in a tab.
#[derive(Debug)]
pub struct Work<'a> {
    pub decided: Decisions<'a>,
    /// Comes first: the tab itself, columns, marks.
    pub structure: Unit,
    pub new: Vec<New>,
    /// Where new rows go, and whether they look like the row before them.
    pub insertion: (usize, bool),
    /// Rows as read with cells that change, from the top.
    pub rewritten: Vec<usize>,
    /// Formulas of people among the cells that change.
    pub formulas: usize,
    /// Cells that differ and stay, for Google does not keep their text: row as read and number of the owned column, each
    /// with its fingerprint.
    pub left_alone: HashMap<(usize, usize), u32>,
    /// Rows to delete, once the new ones are in: half-open ranges from the bottom.
    pub deletes: Vec<(usize, usize)>,
    /// Where people's columns are that an earlier round remembers.
    pub people: Vec<Option<usize>>,
    /// Comes last: what the tab's mark tells of the run.
    pub closing: Unit,
}

impl<'a> Work<'a> {
    pub fn new(decided: Decisions<'a>, mut structure: Unit, snapshot: &Snapshot) -> Self {
        let Decisions {
            tab,
            fate,
            rows,
            header,
            ..
        } = &decided;
        let new = new_rows(&decided, snapshot);
        let insertion = insertion(tab, rows, *header);
        // always one spare row: the last record may be deleted, and the first insert has something to look like
        let last = rows.last_record().unwrap_or(0).max(*header);
        if !(new.is_empty() && fate.delete.is_empty()) && last + 1 >= tab.row_count {
            structure.append_row(tab.sheet_id);
        }
        let mut deletes: Vec<(usize, usize)> = Vec::new();
        for &row in fate.delete.iter().rev() {
            let row = if row >= insertion.0 { row + new.len() } else { row };
            match deletes.last_mut() {
                Some((start, _)) if *start == row + 1 => *start = row,
                _ => deletes.push((row, row + 1)),
            }
        }
        let people = snapshot.columns(tab, *header);
        let mut work = Self {
            decided,
            structure,
            new,
            insertion,
            rewritten: Vec::new(),
            formulas: 0,
            left_alone: HashMap::new(),
            deletes,
            people,
            closing: Unit::default(),
        };
        work.compare();
        work
    }

    pub fn is_empty(&self) -> bool {
        self.structure.is_empty()
            && self.new.is_empty()
            && self.rewritten.is_empty()
            && self.deletes.is_empty()
            && self.closing.is_empty()
    }

    /// Rows that come, change or go.
    pub fn rows(&self) -> usize {
        let deleted = self.deletes.iter().map(|(start, end)| end - start);
        self.new.len() + self.rewritten.len() + deleted.sum::<usize>()
    }

    /// Compares every row of ours with its record.
    fn compare(&mut self) {
        let mut rewritten = Vec::new();
        let mut formulas = 0;
        for (row, what) in self.decided.rows.iter() {
            let mut cells = self.changes(row, what);
            let known = self.known_differences(row, &cells);
            if !known.is_empty() {
                cells.retain(|(number, _)| !known.contains_key(&(row, *number)));
                self.left_alone.extend(known);
            }
            if cells.is_empty() {
                continue;
            }
            rewritten.push(row);
            formulas += cells
                .iter()
                .filter_map(|(number, _)| self.decided.layout.columns.get(*number)?.old)
                .filter(|old| self.decided.tab.is_formula(row, *old))
                .count();
        }
        self.rewritten = rewritten;
        self.formulas = formulas;
    }

    /// Those of a row's changes that are known to be in vain.
    fn known_differences(&self, row: usize, cells: &[(usize, Entered<'_>)]) -> HashMap<(usize, usize), u32> {
        let Decisions { tab, layout, wish, .. } = &self.decided;
        let (Some((_, mark)), Some(key)) = (&tab.mark, self.record(row).and_then(|record| wish.table.key(record)))
        else {
            return HashMap::new();
        };
        if mark.differs.is_empty() {
            return HashMap::new();
        }
        let known = |(number, entered): &(usize, Entered<'_>)| {
            let column = layout.columns.get(*number)?;
            let Entered::Text(text) = entered else { return None };
            let fingerprint = fingerprint(key, &column.path, text, &tab.cell(row, column.old?));
            mark.differs
                .contains(&fingerprint)
                .then_some(((row, *number), fingerprint))
        };
        cells.iter().filter_map(known).collect()
    }

    /// The record whose row this is.
    pub fn record(&self, row: usize) -> Option<usize> {
        match self.decided.rows.get(row) {
            Row::Record(record) | Row::Double { record, .. } => Some(record),
            Row::Header | Row::Stale { .. } | Row::Unread | Row::People => None,
        }
    }

    /// (owned column by its number, new value) of a row as read, from left to right.
    pub fn rewrite(&self, row: usize) -> Vec<(usize, Entered<'a>)> {
        let mut cells = self.changes(row, self.decided.rows.get(row));
        if !self.left_alone.is_empty() {
            cells.retain(|(number, _)| !self.left_alone.contains_key(&(row, *number)));
        }
        cells
    }

    /// The cells as read that change; those of columns that are new are left out.
    pub fn written(&self) -> impl Iterator<Item = Rect> {
        self.rewritten.iter().flat_map(move |&row| {
            self.rewrite(row).into_iter().filter_map(move |(number, _)| {
                let old = self.decided.layout.columns.get(number)?.old?;
                Some(Rect {
                    rows: (row, row + 1),
                    columns: (old, old + 1),
                })
            })
        })
    }

    fn changes(&self, row: usize, what: Row) -> Vec<(usize, Entered<'a>)> {
        let Decisions {
            tab,
            wish,
            zone,
            today,
            layout,
            fate,
            ..
        } = &self.decided;
        let mut record = match what {
            Row::Record(record) | Row::Double { record, .. } => wish.table.row(record),
            Row::Stale { .. } if fate.mark.binary_search(&row).is_ok() => Vec::new(),
            Row::Stale { .. } | Row::Unread | Row::People | Row::Header => return Vec::new(),
        };
        if fate.delete.binary_search(&row).is_ok() {
            return Vec::new();
        }
        let mut changes = Vec::new();
        let seen = tab.row(row);
        for (number, column) in layout.columns.iter().enumerate() {
            let wished = match (what, column.source) {
                (Row::Stale { .. }, Source::Removed) => Cell::Day(*today),
                (Row::Stale { .. }, _) => continue,
                (_, Source::Table(of)) => record.get_mut(of).map(std::mem::take).unwrap_or_default(),
                (_, Source::Absent | Source::Removed) => Cell::Blank,
            };
            let seen = column.old.and_then(|old| seen.get(old)).unwrap_or(&Seen::Blank);
            if !same(&wished, seen, zone) && !column.old.is_some_and(|old| tab.is_covered(row, old)) {
                changes.push((number, entered(wished, zone)));
            }
        }
        changes
    }

    /// Cells of a new row, one per owned column.
    pub fn cells_of<'w>(&'w self, new: &'w New) -> Vec<Entered<'w>> {
        let columns = self.decided.layout.columns.iter();
        match new {
            New::Record(record, _) => {
                let mut row = self.decided.wish.table.row(*record);
                let mut cell = |column: &Placed| match column.source {
                    Source::Table(of) => row.get_mut(of).map(std::mem::take).unwrap_or_default(),
                    Source::Absent | Source::Removed => Cell::Blank,
                };
                columns
                    .map(|column| entered(cell(column), &self.decided.zone))
                    .collect()
            }
            New::Kept(_, row) => {
                let cells = row.kept.as_deref().unwrap_or_default();
                let found = |column: &Placed| cells.iter().find(|(path, _)| *path == column.path);
                columns
                    .map(|column| found(column).map_or(Entered::Blank, |(_, seen)| restored(seen)))
                    .collect()
            }
        }
    }

    pub fn key_of(&self, new: &New) -> Option<String> {
        match new {
            New::Record(record, _) => self.decided.wish.table.key(*record).map(str::to_owned),
            New::Kept(key, _) => Some(key.as_ref().to_owned()),
        }
    }

    /// For every column that people filled down: its index, and the row whose formula the new rows `to` get.
    pub fn filled_down(&self, done: usize, to: (usize, usize)) -> impl Iterator<Item = (usize, usize)> {
        let Decisions { tab, rows, layout, .. } = &self.decided;
        let (_, inherit) = self.insertion;
        rows.filled_down.iter().filter_map(move |&column| {
            let is_filled =
                |(row, what): &(usize, Row)| matches!(what, Row::Record(_)) && tab.cell(*row, column).is_formula();
            let (from, _) = rows.iter().rev().find(is_filled)?;
            let index = (*layout.moved.get(column)?)?;
            // rows inserted so far push the last record down if they stand above it
            let below = !inherit && Some(from) == rows.last_record();
            Some((index, if below { from + done + (to.1 - to.0) } else { from }))
        })
    }
}

/// Records without a row, and kept rows that vanished in an earlier round.
fn new_rows(decided: &Decisions<'_>, snapshot: &Snapshot) -> Vec<New> {
    let Decisions {
        tab, wish, rows, key, ..
    } = decided;
    let table = wish.table;
    let mut has_row = vec![false; table.len()];
    let mut stale = HashSet::new();
    for (row, what) in rows.iter() {
        match what {
            Row::Record(record) | Row::Double { record, .. } => {
                if let Some(has_row) = has_row.get_mut(record) {
                    *has_row = true;
                }
            }
            Row::Stale { .. } | Row::Unread => stale.extend(key.and_then(|key| tab.cell(row, key).key())),
            Row::Header | Row::People => {}
        }
    }
    let records = (0..table.len())
        .zip(has_row)
        .filter(|(_, has_row)| !has_row)
        .map(|(record, _)| New::Record(record, table.key(record).and_then(|key| snapshot.of(key))));
    let kept = snapshot.kept();
    let listed: HashSet<&str> = match kept.is_empty() {
        true => HashSet::new(),
        false => table.keys().flatten().collect(),
    };
    let kept = kept
        .into_iter()
        .filter(|(key, _)| !stale.contains(&**key) && !listed.contains(&**key))
        .map(|(key, row)| New::Kept(key, row));
    records.chain(kept).collect()
}

fn insertion(tab: &Tab, rows: &Rows, header: usize) -> (usize, bool) {
    let (mut at, mut inherit) = match rows.last_record() {
        None => (header + 1, false),
        Some(last) => {
            let totals = last + 1 != header && tab.filled(last + 1).next().is_some();
            // above the last record, so that closed ranges in a totals row below grow
            if totals { (last, false) } else { (last + 1, true) }
        }
    };
    // a merge around the place would grow over the new rows and cover their cells
    while let Some(merge) = tab.merges.iter().find(|merge| merge.rows.0 < at && at < merge.rows.1) {
        (at, inherit) = (merge.rows.1, true);
    }
    (at, inherit)
}
