//! GridRange as JSON, and how ranges move when rows or columns are inserted, deleted or moved.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    a1::{Open, Rect},
    model::{Anchored, Sheet, Spreadsheet, no_grid},
};

/// `GridRange` of a request: missing sheetId is sheet 0, missing bounds are open.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GridRange {
    #[serde(default)]
    pub sheet_id: i64,
    start_row_index: Option<usize>,
    end_row_index: Option<usize>,
    start_column_index: Option<usize>,
    end_column_index: Option<usize>,
}

impl GridRange {
    pub fn open(&self) -> Open {
        Open {
            top: self.start_row_index,
            bottom: self.end_row_index,
            left: self.start_column_index,
            right: self.end_column_index,
        }
    }

    /// The cells that it stands for in the spreadsheet as it is.
    pub fn within(&self, book: &Spreadsheet) -> Result<Rect, String> {
        self.open()
            .within(book.sheet(self.sheet_id).ok_or_else(|| no_grid(self.sheet_id))?)
    }
}

/// As answers show a range: sheetId 0 and open bounds are left out, a start of 0 is shown.
pub fn grid_range(sheet: i64, open: &Open) -> Value {
    let mut range = json!({});
    let bounds = [
        ("startRowIndex", open.top),
        ("endRowIndex", open.bottom),
        ("startColumnIndex", open.left),
        ("endColumnIndex", open.right),
    ];
    if sheet != 0 {
        range["sheetId"] = json!(sheet);
    }
    for (name, bound) in bounds {
        if let Some(bound) = bound {
            range[name] = json!(bound);
        }
    }
    range
}

/// A change of the order or number of a sheet's rows or columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    pub rows: bool,
    pub change: Change,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Insert {
        at: usize,
        count: usize,
    },
    Delete {
        start: usize,
        end: usize,
    },
    /// `start..end` is taken out and put before what stood at `to`.
    Move {
        start: usize,
        end: usize,
        to: usize,
    },
}

impl Change {
    /// Where an index is afterwards; `None` if it was deleted.
    pub fn index(&self, index: usize) -> Option<usize> {
        match *self {
            Self::Insert { at, count } if index >= at => Some(index + count),
            Self::Delete { start, end } if (start..end).contains(&index) => None,
            Self::Delete { start, end } if index >= end => Some(index - (end - start)),
            Self::Move { start, end, to } => Some(moved(index, start, end, to)),
            Self::Insert { .. } | Self::Delete { .. } => Some(index),
        }
    }

    /// Where a range of indexes (end excluded) is afterwards; `None` if nothing of it is left. An insert inside
    /// widens it; one at its end only if `grows`.
    pub fn range(&self, start: usize, end: usize, grows: bool) -> Option<(usize, usize)> {
        match *self {
            Self::Insert { at, count } if grows && at == end && start < end => Some((start, end + count)),
            Self::Insert { .. } => {
                let last = end.checked_sub(1)?;
                Some((self.index(start)?, self.index(last)? + 1))
            }
            Self::Delete { start: from, end: to } => {
                let before = |index: usize| index - (to.min(index) - from.min(index));
                let (start, end) = (before(start), before(end));
                (start < end).then_some((start, end))
            }
            Self::Move { .. } => {
                let (first, last) = (self.index(start)?, self.index(end.checked_sub(1)?)?);
                Some(if first <= last { (first, last + 1) } else { (start, end) })
            }
        }
    }
}

fn moved(index: usize, start: usize, end: usize, to: usize) -> usize {
    let count = end - start;
    if (start..end).contains(&index) {
        if to > start {
            index + to - end
        } else {
            index - start + to
        }
    } else if to > start && (end..to).contains(&index) {
        index - count
    } else if to <= start && (to..start).contains(&index) {
        index + count
    } else {
        index
    }
}

impl Shift {
    pub fn rect(&self, rect: &Rect, grows: bool) -> Option<Rect> {
        let mut rect = *rect;
        let (start, end) = match self.rows {
            true => (&mut rect.top, &mut rect.bottom),
            false => (&mut rect.left, &mut rect.right),
        };
        (*start, *end) = self.change.range(*start, *end, grows)?;
        Some(rect)
    }

    /// Open sides stay open.
    pub fn open(&self, open: &Open, grows: bool) -> Option<Open> {
        let mut open = *open;
        let (start, end) = match self.rows {
            true => (&mut open.top, &mut open.bottom),
            false => (&mut open.left, &mut open.right),
        };
        match (*start, *end) {
            (None, None) => {}
            (Some(from), None) => *start = Some(self.change.index(from).unwrap_or(from)),
            (from, Some(to)) => {
                let (from_now, to_now) = self.change.range(from.unwrap_or(0), to, grows)?;
                *start = from.map(|_| from_now);
                *end = Some(to_now);
            }
        }
        Some(open)
    }

    /// Everything on a sheet that has a range follows. `inherits` is the insert's inheritFromBefore: tables, filters,
    /// bands, conditional formats and protections that end where rows are inserted take those in.
    pub fn apply_to(&self, sheet: &mut Sheet, inherits: bool) {
        let Sheet {
            merges,
            basic_filter,
            filter_views,
            protected,
            tables,
            bandings,
            conditional_formats,
            ..
        } = sheet;
        *merges = merges
            .iter()
            .filter_map(|merge| self.rect(merge, false))
            .filter(|merge| merge.bottom - merge.top > 1 || merge.right - merge.left > 1)
            .collect();
        let keep = |anchored: &mut Anchored| match self.rect(&anchored.range, inherits) {
            Some(range) => {
                anchored.range = range;
                true
            }
            None => false,
        };
        basic_filter.take_if(|filter| !keep(filter));
        filter_views.retain_mut(keep);
        tables.retain_mut(keep);
        bandings.retain_mut(keep);
        for format in conditional_formats.iter_mut() {
            format.ranges = format
                .ranges
                .iter()
                .filter_map(|range| self.rect(range, inherits))
                .collect();
        }
        conditional_formats.retain(|format| !format.ranges.is_empty());
        protected.retain_mut(|protection| {
            protection.unprotected = protection
                .unprotected
                .iter()
                .filter_map(|open| self.open(open, inherits))
                .collect();
            match self.open(&protection.range, inherits) {
                Some(range) => {
                    protection.range = range;
                    true
                }
                None => false,
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_insert_inside_a_range_widens_it_and_one_at_its_end_only_if_it_grows() {
        let insert = |at| Change::Insert { at, count: 2 };
        assert_eq!(insert(3).range(2, 5, false), Some((2, 7)));
        assert_eq!(insert(5).range(2, 5, false), Some((2, 5)));
        assert_eq!(insert(5).range(2, 5, true), Some((2, 7)));
        assert_eq!(insert(2).range(2, 5, true), Some((4, 7)));
    }

    #[test]
    fn a_delete_cuts_a_range_and_removes_one_it_covers() {
        let delete = Change::Delete { start: 2, end: 5 };
        assert_eq!(delete.range(0, 3, false), Some((0, 2)));
        assert_eq!(delete.range(4, 8, false), Some((2, 5)));
        assert_eq!(delete.range(2, 5, false), None);
        assert_eq!(delete.range(1, 9, false), Some((1, 6)));
    }

    proptest! {
        #[test]
        fn moving_is_what_taking_out_and_putting_in_again_does(len in 1usize..12, a in 0usize..12, b in 0usize..12, to in 0usize..13) {
            let (start, end) = (a.min(b).min(len - 1), a.max(b).min(len - 1) + 1);
            let to = to.min(len);
            prop_assume!(to <= start || to >= end);
            let mut items: Vec<usize> = (0..len).collect();
            let taken: Vec<usize> = items.drain(start..end).collect();
            let at = if to > start { to - (end - start) } else { to };
            items.splice(at..at, taken);
            let change = Change::Move { start, end, to };
            for index in 0..len {
                prop_assert_eq!(items[change.index(index).unwrap()], index);
            }
        }
    }
}
