//! The work of a plan → batches of requests, one after the other: each is made when it is to be sent, holds at most
//! [`MAX_BYTES`] and [`MAX_REQUESTS`], and leaves a valid tab. It is cut only between rows: all cells of a row travel
//! together, new rows with their values.

use super::{
    cells::restored,
    layout::Placed,
    requests::{Cells, MAX_BYTES, MAX_REQUESTS, REQUEST_BYTES, Shift, Unit},
    tab::Rect,
    write::{New, Work},
};

/// The order of the requests: old rows keep the index at which they were read until the deletes at the end.
#[derive(Debug, Clone, Copy)]
enum Stage {
    Structure,
    Inserts,
    Rewrites,
    Deletes,
    Closing,
    Done,
}

/// The batches of some work, none of them empty.
#[derive(Debug)]
pub struct Batches<'a> {
    work: &'a Work<'a>,
    stage: Stage,
    /// How much of the stage is in batches already.
    done: usize,
}

impl<'a> Batches<'a> {
    pub fn of(work: &'a Work<'a>) -> Self {
        Self {
            work,
            stage: Stage::Structure,
            done: 0,
        }
    }
}

impl Iterator for Batches<'_> {
    type Item = Unit;

    fn next(&mut self) -> Option<Unit> {
        let work = self.work;
        let mut batch = Unit::default();
        loop {
            let (all, next) = match self.stage {
                Stage::Structure => {
                    batch.append(&work.structure);
                    (0, Stage::Inserts)
                }
                Stage::Inserts => {
                    self.done += insert_rows(work, self.done, &mut batch);
                    (work.new.len(), Stage::Rewrites)
                }
                Stage::Rewrites => {
                    self.done += rewrite_rows(work, self.done, &mut batch);
                    (work.rewritten.len(), Stage::Deletes)
                }
                Stage::Deletes => {
                    self.done += delete_rows(work, self.done, &mut batch);
                    (work.deletes.len(), Stage::Closing)
                }
                Stage::Closing => {
                    batch.append(&work.closing);
                    (0, Stage::Done)
                }
                Stage::Done => return (!batch.is_empty()).then_some(batch),
            };
            if self.done < all {
                return Some(batch);
            }
            self.stage = next;
            self.done = 0;
        }
    }
}

/// Whether so much more fits. A row that is larger than a batch has one of its own.
fn fits(batch: &Unit, is_first: bool, bytes: usize, requests: usize) -> bool {
    (is_first && batch.is_empty())
        || (batch.json.len() + bytes <= MAX_BYTES && batch.requests + requests <= MAX_REQUESTS)
}

/// Inserts as many new rows as fit, from one of them on; how many these are.
fn insert_rows(work: &Work<'_>, from: usize, batch: &mut Unit) -> usize {
    let decided = &work.decided;
    let sheet = decided.tab.sheet_id;
    let (at, inherit) = work.insertion;
    let start = at + from;
    // the first rows of a tab that has none have no record to look like, and whatever stands below may have any look
    let formatted = match decided.rows.last_record() {
        None if decided.tab.mark.is_some() => &*decided.layout.columns,
        _ => &[],
    };
    // neighbouring owned columns are written as one rectangle
    let spans = spans(&decided.layout.columns);
    let around = 1 + spans.len() + decided.rows.filled_down.len() + formatted.len();
    let mut written = vec![Cells::default(); spans.len()];
    let mut beside = Unit::default();
    let mut keys = Vec::new();
    for (row, new) in (start..).zip(work.new.iter().skip(from)) {
        let cells = work.cells_of(new);
        for (written, (first, end)) in written.iter_mut().zip(&spans) {
            written.push(cells.get(*first..*end).unwrap_or_default());
        }
        let also = restore(work, new, row);
        let bytes = written.iter().map(Cells::bytes).sum::<usize>()
            + (around * REQUEST_BYTES + beside.json.len() + also.json.len());
        if !fits(batch, keys.is_empty(), bytes, around + beside.requests + also.requests) {
            written.iter_mut().for_each(Cells::pop);
            break;
        }
        beside.append(&also);
        keys.push(work.key_of(new));
    }
    let count = keys.len();
    if count == 0 {
        return 0;
    }

    batch.rows += count;
    let rows = (start, start + count);
    batch.insert(sheet, "ROWS", start, count, inherit || from > 0);
    batch.shifts.push(Shift::Insert { at: start, keys });
    for column in formatted {
        let columns = (column.index, column.index + 1);
        batch.number_format(sheet, Rect { rows, columns }, column.kind);
    }
    for (cells, (first, end)) in written.iter().zip(spans) {
        let first_column = decided.layout.columns.get(first).map_or(0, |column| column.index);
        let columns = (first_column, first_column + end - first);
        batch.write_cells(sheet, Rect { rows, columns }, cells);
    }
    for (column, source) in work.filled_down(from, rows) {
        batch.fill_down(sheet, column, source, rows);
    }
    batch.append(&beside);
    count
}

/// Counts a new row; one that an earlier round saw comes back with what people wrote beside it.
fn restore(work: &Work<'_>, new: &New, row: usize) -> Unit {
    let mut unit = Unit::default();
    let Some(seen) = new.remembered() else {
        unit.counts.added = 1;
        return unit;
    };
    unit.counts.restored = 1;
    for (number, content) in &seen.people {
        let column = work.people.get(*number).copied().flatten();
        let Some(Some(index)) = column.and_then(|column| work.decided.layout.moved.get(column)) else {
            continue;
        };
        let cell = Rect {
            rows: (row, row + 1),
            columns: (*index, index + 1),
        };
        unit.update_cells(work.decided.tab.sheet_id, cell, &[restored(content)]);
    }
    unit
}

/// Rows under one another that change in the same columns: one request.
struct Rectangle {
    first: usize,
    columns: (usize, usize),
    cells: Cells,
}

/// Writes the changed cells of as many rows as fit, from one of them on; how many these are.
fn rewrite_rows(work: &Work<'_>, from: usize, batch: &mut Unit) -> usize {
    let decided = &work.decided;
    // rectangles that the next row may lengthen
    let mut open: Vec<Rectangle> = Vec::new();
    let close = |open: &mut Vec<Rectangle>, batch: &mut Unit| {
        for Rectangle { first, columns, cells } in open.drain(..) {
            let rows = (first, first + cells.rows());
            batch.write_cells(decided.tab.sheet_id, Rect { rows, columns }, &cells);
        }
    };
    let mut count = 0;
    for &row in work.rewritten.iter().skip(from) {
        let now = if row >= work.insertion.0 {
            row + work.new.len()
        } else {
            row
        };
        let runs = runs(work, row);
        let bytes = |cells: &Cells| cells.bytes() + REQUEST_BYTES;
        let needed = open.iter().map(|open| bytes(&open.cells)).sum::<usize>()
            + runs.iter().map(|(_, cells)| bytes(cells)).sum::<usize>();
        if !fits(batch, open.is_empty(), needed, open.len() + runs.len()) {
            break;
        }
        let lengthens = |(open, (columns, _)): (&Rectangle, &((usize, usize), Cells))| {
            open.first + open.cells.rows() == now && open.columns == *columns
        };
        if open.len() == runs.len() && open.iter().zip(&runs).all(lengthens) {
            for (open, (_, cells)) in open.iter_mut().zip(runs) {
                open.cells.append(&cells);
            }
        } else {
            close(&mut open, batch);
            let rectangle = |(columns, cells)| Rectangle {
                first: now,
                columns,
                cells,
            };
            open.extend(runs.into_iter().map(rectangle));
        }
        if let Some(record) = work.record(row) {
            batch.counts.updated += 1;
            let key = decided.wish.table.key(record).map(str::to_owned);
            if decided.key.and_then(|column| decided.tab.cell(row, column).key()) != key {
                batch.shifts.push(Shift::Key { row: now, key });
            }
        }
        count += 1;
    }
    close(&mut open, batch);
    batch.rows += count;
    count
}

/// Changed cells of a row that stand side by side.
fn runs(work: &Work<'_>, row: usize) -> Vec<((usize, usize), Cells)> {
    let columns = &work.decided.layout.columns;
    let cells = work.rewrite(row);
    let places = cells.iter().filter_map(|(number, _)| Some(columns.get(*number)?.index));
    let values: Vec<_> = cells.iter().map(|(_, cell)| cell.clone()).collect();
    let mut runs = Vec::new();
    let mut rest = values.as_slice();
    for (start, end) in neighbours(places) {
        let (run, after) = rest.split_at(rest.len().min(end - start));
        rest = after;
        runs.push(((start, end), Cells::of(run)));
    }
    runs
}

/// Deletes as many ranges of rows as fit, from one of them on; how many these are.
fn delete_rows(work: &Work<'_>, from: usize, batch: &mut Unit) -> usize {
    let mut ranges = Vec::new();
    for &(start, end) in work.deletes.iter().skip(from) {
        if !fits(batch, true, REQUEST_BYTES, 1) {
            break;
        }
        batch.delete(work.decided.tab.sheet_id, "ROWS", start, end);
        batch.counts.removed += i64::try_from(end - start).unwrap_or(i64::MAX);
        batch.rows += end - start;
        ranges.push((start, end));
    }
    let count = ranges.len();
    batch.shifts.push(Shift::Delete(ranges));
    count
}

/// Runs of owned columns that stand side by side, as half-open ranges of their numbers.
fn spans(columns: &[Placed]) -> Vec<(usize, usize)> {
    let mut number = 0;
    neighbours(columns.iter().map(|column| column.index))
        .into_iter()
        .map(|(start, end)| {
            let first = number;
            number += end - start;
            (first, number)
        })
        .collect()
}

/// Ascending indexes as half-open ranges.
fn neighbours(indexes: impl Iterator<Item = usize>) -> Vec<(usize, usize)> {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for index in indexes {
        match ranges.last_mut() {
            Some((_, end)) if *end == index => *end = index + 1,
            _ => ranges.push((index, index + 1)),
        }
    }
    ranges
}
