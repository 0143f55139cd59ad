//! Decisions about rows and columns → requests on rows: inserts with their values, changed cells as rectangles, deletes.

use super::{
    TabWish,
    cells::{entered, restored, same},
    fate::Fate,
    layout::{Layout, Placed, Source},
    plan::Context,
    requests::{Counts, Entered, Shift, UNIT_BYTES, Unit},
    rows::{Row, Rows},
    snapshot::Remembered,
    tab::{Rect, Seen, Tab},
};
use crate::table::Cell;

/// A row to insert.
#[derive(Clone, Copy)]
enum New<'a> {
    /// Row `0` of the wished table, and what an earlier round saw beside it.
    Record(usize, Option<&'a Remembered>),
    /// A kept row that an earlier round's deletes hit by mistake.
    Kept(&'a str, &'a Remembered),
}

struct RewrittenRow<'a> {
    row: usize,
    what: Row,
    /// Owned columns by their number, from left to right, with their new value.
    cells: Vec<(usize, Entered<'a>)>,
}

/// Cells of rows as read that change.
pub struct Rewrite<'a> {
    /// From the top.
    rows: Vec<RewrittenRow<'a>>,
    /// Formulas of people among the cells that change.
    pub formulas: usize,
}

impl Rewrite<'_> {
    /// Rows of records among those that change, as read.
    pub fn records(&self) -> impl Iterator<Item = usize> + '_ {
        let is_record = |what: &Row| matches!(what, Row::Record(_) | Row::Double { .. });
        self.rows
            .iter()
            .filter(move |row| is_record(&row.what))
            .map(|row| row.row)
    }

    /// The cells as read; those of columns that are new are left out.
    pub fn cells<'a>(&'a self, layout: &'a Layout) -> impl Iterator<Item = Rect> + 'a {
        self.rows.iter().flat_map(move |RewrittenRow { row, cells, .. }| {
            cells.iter().filter_map(move |(number, _)| {
                let old = layout.columns.get(*number)?.old?;
                Some(Rect {
                    rows: (*row, row + 1),
                    columns: (old, old + 1),
                })
            })
        })
    }
}

pub struct Planner<'a> {
    tab: &'a Tab,
    wish: &'a TabWish<'a>,
    context: &'a Context<'a>,
    rows: &'a Rows,
    layout: &'a Layout,
    fate: &'a Fate,
    header: usize,
    /// The key column as read.
    key: Option<usize>,
    new: Vec<New<'a>>,
}

impl<'a> Planner<'a> {
    #[expect(clippy::too_many_arguments, reason = "all that was decided before, by name")]
    pub fn new(
        tab: &'a Tab,
        wish: &'a TabWish<'a>,
        context: &'a Context<'a>,
        rows: &'a Rows,
        layout: &'a Layout,
        fate: &'a Fate,
        header: usize,
        key: Option<usize>,
    ) -> Self {
        let table = wish.table;
        let mut has_row = vec![false; table.len()];
        let mut keys = std::collections::HashSet::new();
        for (row, what) in rows.iter() {
            match what {
                Row::Record(record) | Row::Double { record, .. } => has_row[record] = true,
                Row::Stale { .. } => keys.extend(key.and_then(|key| tab.cell(row, key).key())),
                Row::Header | Row::People => {}
            }
        }
        let snapshot = context.snapshot;
        let records = (0..table.len())
            .filter(|record| !has_row[*record])
            .map(|record| New::Record(record, table.key(record).and_then(|key| snapshot.of(key))));
        let listed: std::collections::HashSet<&str> = match snapshot.kept().is_empty() {
            true => Default::default(),
            false => table.keys().flatten().collect(),
        };
        let kept = snapshot
            .kept()
            .into_iter()
            .filter(|(key, _)| !keys.contains(*key) && !listed.contains(key))
            .map(|(key, row)| New::Kept(key, row));
        let new = records.chain(kept).collect();
        Self {
            tab,
            wish,
            context,
            rows,
            layout,
            fate,
            header,
            key,
            new,
        }
    }

    /// How many rows are inserted.
    pub fn inserted(&self) -> usize {
        self.new.len()
    }

    /// Rows to delete, as read.
    pub fn deleted(&self) -> &[usize] {
        &self.fate.delete
    }

    /// Where new rows go: (index, whether they look like the row before them).
    pub fn insertion(&self) -> (usize, bool) {
        match self.rows.last_record() {
            None => (self.header + 1, false),
            Some(last) => {
                let totals = last + 1 != self.header && self.tab.filled(last + 1).next().is_some();
                // above the last record, so that closed ranges in a totals row below grow
                if totals { (last, false) } else { (last + 1, true) }
            }
        }
    }

    pub fn units(&self, mut structure: Unit, rewrite: &Rewrite<'_>) -> Vec<Unit> {
        let (at, _) = self.insertion();
        let sheet = self.tab.sheet_id;
        let changes_rows = !self.new.is_empty() || !self.fate.delete.is_empty();
        // always one spare row: the last record may be deleted, and the first insert has something to look like
        let last = self.rows.last_record().unwrap_or(0).max(self.header);
        if changes_rows && last + 1 >= self.tab.row_count {
            structure.append_row(sheet);
        }
        let mut units = vec![structure];
        self.insert_rows(&mut units);
        self.write_cells(at, rewrite, &mut units);
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for &row in self.fate.delete.iter().rev() {
            let row = if row >= at { row + self.new.len() } else { row };
            match runs.last_mut() {
                Some((start, _)) if *start == row + 1 => *start = row,
                _ => runs.push((row, row + 1)),
            }
        }
        for (start, end) in runs {
            let mut unit = Unit::default();
            unit.counts.removed = i64::try_from(end - start).unwrap_or(i64::MAX);
            unit.shifts.push(Shift::Delete { start, end });
            unit.delete(sheet, "ROWS", start, end);
            units.push(unit);
        }
        units
    }

    /// Cells of a new row, one per owned column.
    fn cells_of(&self, new: New<'a>) -> Vec<Entered<'a>> {
        let columns = self.layout.columns.iter();
        match new {
            New::Record(record, _) => {
                let mut row = self.wish.table.row(record);
                let mut cell = |column: &Placed| match column.source {
                    Source::Table(of) => std::mem::replace(&mut row[of], Cell::Blank),
                    Source::Absent | Source::Removed => Cell::Blank,
                };
                columns.map(|column| entered(cell(column), self.context.zone)).collect()
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

    fn key_of_new(&self, new: New<'_>) -> Option<String> {
        match new {
            New::Record(record, _) => self.wish.table.key(record).map(str::to_owned),
            New::Kept(key, _) => Some(key.to_owned()),
        }
    }

    fn insert_rows(&self, units: &mut Vec<Unit>) {
        let sheet = self.tab.sheet_id;
        let (at, inherit) = self.insertion();
        // neighbouring owned columns are written as one rectangle
        let spans = spans(&self.layout.columns);
        let people = self.context.snapshot.columns(self.tab, self.header);
        let mut done = 0;
        while done < self.new.len() {
            let mut unit = Unit::default();
            let mut bytes = 0;
            let mut rows: Vec<Vec<Entered<'_>>> = Vec::new();
            for new in &self.new[done..] {
                let row = self.cells_of(*new);
                bytes += row.iter().map(Entered::bytes).sum::<usize>();
                rows.push(row);
                if bytes > UNIT_BYTES {
                    break;
                }
            }
            let (start, end) = (at + done, at + done + rows.len());
            let these = &self.new[done..done + rows.len()];
            unit.insert(sheet, "ROWS", start, rows.len(), inherit || done > 0);
            unit.shifts.push(Shift::Insert {
                at: start,
                keys: these.iter().map(|new| self.key_of_new(*new)).collect(),
            });
            if self.rows.last_record().is_none() && self.tab.mark.is_some() {
                self.format_first(start, end, &mut unit);
            }
            for span in &spans {
                let first = self.layout.columns[span.0].index;
                let range = Rect {
                    rows: (start, end),
                    columns: (first, first + span.1 - span.0),
                };
                unit.update_cells(sheet, range, rows.iter().map(|row| &row[span.0..span.1]));
            }
            self.fill_down(inherit, done, (start, end), &mut unit);
            for (row, new) in (start..).zip(these) {
                self.restore(*new, row, &people, &mut unit);
            }
            done += rows.len();
            units.push(unit);
        }
    }

    /// The first rows of a tab that has none have no record to look like, and whatever stands below may have any look.
    fn format_first(&self, start: usize, end: usize, unit: &mut Unit) {
        for column in &self.layout.columns {
            let range = Rect {
                rows: (start, end),
                columns: (column.index, column.index + 1),
            };
            unit.number_format(self.tab.sheet_id, range, column.kind);
        }
    }

    /// A column in which people have a formula beside most records has it beside new ones too.
    fn fill_down(&self, inherit: bool, done: usize, to: (usize, usize), unit: &mut Unit) {
        for &column in &self.rows.filled_down {
            let source = self
                .rows
                .iter()
                .rev()
                .find(|(row, what)| matches!(what, Row::Record(_)) && self.tab.cell(*row, column).is_formula());
            let (Some((from, _)), Some(Some(index))) = (source, self.layout.moved.get(column)) else {
                continue;
            };
            // rows inserted so far push the last record down if they stand above it
            let below = !inherit && Some(from) == self.rows.last_record();
            let from = if below { from + done + (to.1 - to.0) } else { from };
            unit.fill_down(self.tab.sheet_id, *index, from, to);
        }
    }

    /// Counts a new row; one that an earlier round saw comes back with what people wrote beside it.
    fn restore(&self, new: New<'_>, row: usize, people: &[Option<usize>], unit: &mut Unit) {
        let (New::Record(_, Some(seen)) | New::Kept(_, seen)) = new else {
            unit.counts.added += 1;
            return;
        };
        unit.counts.restored += 1;
        for (number, content) in &seen.people {
            let column = people.get(*number).copied().flatten();
            let Some(Some(index)) = column.and_then(|column| self.layout.moved.get(column)) else {
                continue;
            };
            let range = Rect {
                rows: (row, row + 1),
                columns: (*index, index + 1),
            };
            unit.update_cells(self.tab.sheet_id, range, std::iter::once(&[restored(content)][..]));
        }
    }

    /// Compares every row of ours with its record.
    pub fn rewrite(&self) -> Rewrite<'a> {
        let mut rows = Vec::new();
        let mut formulas = 0;
        for (row, what) in self.rows.iter() {
            let cells = self.changes(row, what);
            formulas += cells
                .iter()
                .filter_map(|(number, _)| self.layout.columns[*number].old)
                .filter(|old| self.tab.is_formula(row, *old))
                .count();
            if !cells.is_empty() {
                rows.push(RewrittenRow { row, what, cells });
            }
        }
        Rewrite { rows, formulas }
    }

    /// (owned column, new value) of one row, from left to right.
    fn changes(&self, row: usize, what: Row) -> Vec<(usize, Entered<'a>)> {
        let zone = self.context.zone;
        let mut record = match what {
            Row::Record(record) | Row::Double { record, .. } => self.wish.table.row(record),
            Row::Stale { .. } if self.fate.mark.binary_search(&row).is_ok() => Vec::new(),
            Row::Stale { .. } | Row::People | Row::Header => return Vec::new(),
        };
        if self.fate.delete.binary_search(&row).is_ok() {
            return Vec::new();
        }
        let mut changes = Vec::new();
        let seen = self.tab.row(row);
        for (number, column) in self.layout.columns.iter().enumerate() {
            if column.old.is_some_and(|old| self.tab.is_covered(row, old)) {
                continue;
            }
            let wished = match (what, column.source) {
                (Row::Stale { .. }, Source::Removed) => Cell::Day(self.context.today),
                (Row::Stale { .. }, _) => continue,
                (_, Source::Table(of)) => std::mem::replace(&mut record[of], Cell::Blank),
                (_, Source::Absent | Source::Removed) => Cell::Blank,
            };
            if !same(
                &wished,
                column.old.and_then(|old| seen.get(old)).unwrap_or(&Seen::Blank),
                zone,
            ) {
                changes.push((number, entered(wished, zone)));
            }
        }
        changes
    }

    /// Changed cells only: runs in a row, equal runs of neighbouring rows joined to a rectangle.
    fn write_cells(&self, at: usize, rewrite: &Rewrite<'_>, units: &mut Vec<Unit>) {
        let mut writer = Writer {
            sheet: self.tab.sheet_id,
            units,
            unit: Unit::default(),
            open: Vec::new(),
            open_bytes: 0,
        };
        for RewrittenRow { row, what, cells } in &rewrite.rows {
            let now = if *row >= at { row + self.new.len() } else { *row };
            let record = match what {
                Row::Record(record) | Row::Double { record, .. } => Some(*record),
                Row::Header | Row::Stale { .. } | Row::People => None,
            };
            if let Some(record) = record {
                let key = self.wish.table.key(record).map(str::to_owned);
                if self.key.and_then(|column| self.tab.cell(*row, column).key()) != key {
                    writer.unit.shifts.push(Shift::Key { row: now, key });
                }
            }
            let cells = cells
                .iter()
                .map(|(number, cell)| (self.layout.columns[*number].index, cell.clone()));
            writer.row(now, cells, record.is_some());
        }
        writer.finish();
    }
}

/// Runs of owned columns that stand side by side, as half-open ranges of their numbers.
fn spans(columns: &[Placed]) -> Vec<(usize, usize)> {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for (number, column) in columns.iter().enumerate() {
        match spans.last_mut() {
            Some((_, end)) if columns[number - 1].index + 1 == column.index => *end = number + 1,
            _ => spans.push((number, number + 1)),
        }
    }
    spans
}

/// Rows under one another that change in the same columns.
struct Rectangle<'a> {
    first: usize,
    columns: (usize, usize),
    rows: Vec<Vec<Entered<'a>>>,
}

/// Collects changed cells into rectangles, and rectangles into units.
struct Writer<'a> {
    sheet: i32,
    units: &'a mut Vec<Unit>,
    unit: Unit,
    /// Rectangles that the next row may lengthen.
    open: Vec<Rectangle<'a>>,
    /// What they will take as JSON, about.
    open_bytes: usize,
}

impl<'a> Writer<'a> {
    fn row(&mut self, row: usize, cells: impl Iterator<Item = (usize, Entered<'a>)>, is_record: bool) {
        let mut runs: Vec<((usize, usize), Vec<Entered<'a>>)> = Vec::new();
        for (column, cell) in cells {
            match runs.last_mut() {
                Some(((_, end), cells)) if *end == column => {
                    *end = column + 1;
                    cells.push(cell);
                }
                _ => runs.push(((column, column + 1), vec![cell])),
            }
        }
        let lengthens = |(open, (columns, _)): (&Rectangle<'_>, &((usize, usize), Vec<Entered<'_>>))| {
            open.first + open.rows.len() == row && open.columns == *columns
        };
        if self.open.len() != runs.len() || !self.open.iter().zip(&runs).all(lengthens) {
            self.close();
            let open = |(columns, _): &((usize, usize), Vec<Entered<'_>>)| Rectangle {
                first: row,
                columns: *columns,
                rows: Vec::new(),
            };
            self.open = runs.iter().map(open).collect();
        }
        for (open, (_, cells)) in self.open.iter_mut().zip(runs) {
            self.open_bytes += cells.iter().map(Entered::bytes).sum::<usize>();
            open.rows.push(cells);
        }
        self.unit.counts += Counts {
            updated: i64::from(is_record),
            ..Counts::default()
        };
        // all cells of a row travel together: a unit is cut only between rows
        if self.unit.json.len() + self.open_bytes > UNIT_BYTES {
            self.close();
            self.units.push(std::mem::take(&mut self.unit));
        }
    }

    fn close(&mut self) {
        self.open_bytes = 0;
        for Rectangle { first, columns, rows } in self.open.drain(..) {
            let range = Rect {
                rows: (first, first + rows.len()),
                columns,
            };
            self.unit
                .update_cells(self.sheet, range, rows.iter().map(Vec::as_slice));
        }
    }

    fn finish(mut self) {
        self.close();
        self.units.push(self.unit);
    }
}
