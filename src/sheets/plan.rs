//! (tab as it is, table as it should be) → requests. Pure: no clock, no randomness, no I/O.
//!
//! Order within the plan: columns, row inserts with their values, cell writes, row deletes from the bottom. Old rows keep
//! the index at which they were read until the deletes at the end.

use std::collections::HashMap;

use jiff::tz::TimeZone;

use super::{
    TabChange, TabWish, adopt,
    cells::{entered, restored, same},
    layout::{self, Layout, Placed, Source},
    marks::{self, HEADER, TAB, TabMark},
    requests::{Entered, UNIT_BYTES, Unit, on_line, on_sheet},
    rows::{Row, Rows},
    serial,
    tab::{Claim, OwnedColumn, Rect, Seen, Tab},
};
use crate::{
    failure::{Failure, reason},
    spec::MissingRows,
    table::{Cell, key_of},
};

/// What planning needs to know beside tab and wish.
pub struct Context<'a> {
    /// The spreadsheet's zone.
    pub zone: &'a TimeZone,
    /// Today in that zone, days since 1970-01-01.
    pub today: i32,
    /// The service account's e-mail: whom a protected range has to let in.
    pub account: &'a str,
    /// Fresh random IDs for a new sheet.
    pub sheet_id: i32,
    /// What people had written beside records, before an earlier round of this run.
    pub snapshot: &'a Snapshot,
}

/// People's cells beside records, by key: (header of the column, its index, content).
pub type Snapshot = HashMap<String, Vec<(String, usize, Seen)>>;

/// What the tab shows after the plan: read back and compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prediction {
    pub sheet_id: i32,
    pub header: usize,
    pub key: usize,
    /// (column, label) of every owned column.
    pub labels: Vec<(usize, String)>,
    /// Keys below the header, from the first row to the last one that has one.
    pub keys: Vec<Option<String>>,
}

#[derive(Debug)]
pub struct Plan {
    pub sheet_id: i32,
    /// Path of the key column.
    pub key_path: String,
    /// The tab does not exist before this plan: its first batch makes it.
    pub new_tab: bool,
    pub units: Vec<Unit>,
    /// The tab's own mark as it should be afterwards; written with the last batch.
    pub mark: TabMark,
    pub mark_id: Option<i32>,
    /// Rows or columns are inserted or deleted.
    pub structural: bool,
    pub prediction: Prediction,
    pub change: TabChange,
}

impl Plan {
    pub fn is_empty(&self) -> bool {
        self.units.iter().all(Unit::is_empty)
    }
}

/// Plans the way from `tab` (none: it does not exist) to `wish`, or says why a person has to decide.
pub fn plan(
    tab: Option<&Tab>,
    other_titles: &[String],
    wish: &TabWish<'_>,
    context: &Context<'_>,
) -> Result<Plan, Failure> {
    let mut structure = Unit::default();
    let prepared = match tab {
        None => create(other_titles, wish, context, &mut structure)?,
        Some(tab) => prepare(tab, wish, &mut structure)?,
    };
    let Prepared {
        tab: seen,
        header,
        adopting,
    } = prepared;
    let sheet = seen.sheet_id;
    let known = seen.mark.as_ref().map(|(_, mark)| mark);

    let key_path = &wish.table.columns[0].path;
    let key_old = seen
        .columns
        .iter()
        .find(|column| column.mark.path == *key_path)
        .map(|column| column.index);
    if let (Some(mark), None) = (known, key_old)
        && mark.rows > 0
    {
        return Err(lost_keys(&seen, mark, &format!("the column of {key_path} was deleted")));
    }
    let owned: Vec<(usize, Option<usize>)> = seen
        .columns
        .iter()
        .map(|column| {
            let of = wish
                .table
                .columns
                .iter()
                .position(|wished| wished.path == column.mark.path);
            (column.index, of)
        })
        .collect();
    let rows = match key_old {
        Some(key) => Rows::of(&seen, wish, header, key, &owned),
        None => Rows {
            first: header + 1,
            rows: Vec::new(),
            filled_down: Vec::new(),
            healed: 0,
        },
    };

    let fate = Fate::decide(&seen, wish, &rows, known, adopting)?;
    let layout = layout::plan(&seen, wish, header, fate.needs_mark_column, &mut structure);
    let mut planner = Planner {
        tab: &seen,
        wish,
        context,
        rows: &rows,
        layout: &layout,
        fate: &fate,
        header,
        written: Vec::new(),
    };
    let mut units = planner.units(structure);
    let structural = layout.inserted + layout.deleted + fate.delete.len() + planner.new_records().len() > 0;
    let written = std::mem::take(&mut planner.written);
    let prediction = planner.prediction();
    let mut change = planner.change(&units);
    refuse_protected(
        &seen,
        structural && !units.iter().all(Unit::is_empty),
        &written,
        context,
    )?;
    change.notes.extend(fate.notes.iter().cloned());

    let mark = tab_mark(sheet, wish);
    let mark_id = seen.mark.as_ref().map(|(id, _)| *id);
    let mark_changed = known.is_none_or(|known| {
        TabMark {
            rows: 0,
            ..known.clone()
        } != TabMark {
            rows: 0,
            ..mark.clone()
        }
    });
    if mark_changed || units.iter().any(|unit| !unit.is_empty()) {
        let mut closing = Unit::default();
        if let Some(id) = mark_id
            && known != Some(&mark)
        {
            closing.update_mark(id, &json_text(&mark));
        }
        units.push(closing);
    }
    Ok(Plan {
        sheet_id: sheet,
        key_path: key_path.clone(),
        new_tab: tab.is_none(),
        units,
        mark,
        mark_id,
        structural,
        prediction,
        change,
    })
}

/// What the tab's mark says after this run. It counts the rows from the first batch on: a tab that lost all its keys is
/// told from one that never had any.
fn tab_mark(sheet_id: i32, wish: &TabWish<'_>) -> TabMark {
    TabMark {
        resource: wish.resource.as_str().to_owned(),
        sheet_id,
        title: wish.title.to_owned(),
        origin: wish.origin.to_owned(),
        filters: wish.filters.to_owned(),
        rows: wish.table.rows.len(),
    }
}

fn json_text(mark: &TabMark) -> String {
    serde_json::to_string(mark).unwrap_or_default()
}

struct Prepared {
    /// The tab as it is once the requests so far have run.
    tab: Tab,
    header: usize,
    adopting: bool,
}

/// A new tab: header, a spare row, and its marks, in one batch with its first rows.
fn create(titles: &[String], wish: &TabWish<'_>, context: &Context<'_>, unit: &mut Unit) -> Result<Prepared, Failure> {
    if titles.iter().any(|title| folded(title) == folded(wish.title)) {
        return Err(taken(wish.title));
    }
    let sheet = context.sheet_id;
    let columns = wish.table.columns.len();
    unit.add_sheet(sheet, wish.title, 2, columns);
    let tab = Tab {
        sheet_id: sheet,
        title: wish.title.to_owned(),
        claim: Claim::Empty,
        other_titles: titles.to_vec(),
        row_count: 2,
        column_count: columns,
        frozen_rows: 1,
        cells: Vec::new(),
        mark: None,
        revision: None,
        header: None,
        columns: Vec::new(),
        merges: Vec::new(),
        protected: Vec::new(),
    };
    Ok(furnish(tab, wish, unit))
}

/// Header and marks for a tab that holds nothing.
fn furnish(mut tab: Tab, wish: &TabWish<'_>, unit: &mut Unit) -> Prepared {
    let sheet = tab.sheet_id;
    if tab.row_count < 2 {
        unit.append_row(sheet);
        tab.row_count += 1;
    }
    let missing = wish.table.columns.len().saturating_sub(tab.column_count);
    if missing > 0 {
        unit.insert(sheet, "COLUMNS", tab.column_count, missing, true);
        tab.column_count += missing;
    }
    let range = Rect {
        rows: (0, 1),
        columns: (0, wish.table.columns.len()),
    };
    let labels: Vec<Entered> = wish
        .table
        .columns
        .iter()
        .map(|column| Entered::Text(column.label.as_str().into()))
        .collect();
    unit.update_cells(sheet, range, std::iter::once(labels.as_slice()));
    unit.header_format(sheet, range);
    unit.note(
        sheet,
        0,
        0,
        "Filled by wedof-sheet-sync. Cells below are replaced by Wedof's values; columns of your own stay.",
    );
    if tab.frozen_rows == 0 {
        unit.freeze_rows(sheet, 1);
        tab.frozen_rows = 1;
    }
    let header: Vec<Seen> = wish
        .table
        .columns
        .iter()
        .map(|column| Seen::Text(column.label.clone()))
        .collect();
    tab.cells = vec![header];
    tab.columns.clear();
    for (index, column) in wish.table.columns.iter().enumerate() {
        let mark = marks::ColumnMark {
            path: column.path.clone(),
            label: column.label.clone(),
            kind: column.kind,
        };
        let data = Rect {
            rows: (1, tab.row_count),
            columns: (index, index + 1),
        };
        if column.kind != crate::table::Kind::Plain {
            unit.number_format(sheet, data, column.kind);
        }
        tab.columns.push(OwnedColumn {
            index,
            metadata_id: None,
            mark,
        });
    }
    mark_tab(&tab, wish, 0, unit);
    Prepared {
        tab,
        header: 0,
        adopting: false,
    }
}

/// The marks that make a tab ours; the columns' own are written with the layout.
fn mark_tab(tab: &Tab, wish: &TabWish<'_>, header: usize, unit: &mut Unit) {
    let mark = tab_mark(tab.sheet_id, wish);
    unit.create_mark(None, TAB, &json_text(&mark), on_sheet(tab.sheet_id));
    unit.create_mark(
        None,
        HEADER,
        &tab.sheet_id.to_string(),
        on_line(tab.sheet_id, "ROWS", header),
    );
}

fn prepare(tab: &Tab, wish: &TabWish<'_>, unit: &mut Unit) -> Result<Prepared, Failure> {
    match tab.claim {
        Claim::Empty => Ok(furnish(tab.clone(), wish, unit)),
        Claim::Unproven => {
            let (header, columns) = adopt::proof(tab, wish).ok_or_else(|| taken(wish.title))?;
            let adopted = Tab {
                columns,
                header: None,
                ..tab.clone()
            };
            mark_tab(&adopted, wish, header, unit);
            Ok(Prepared {
                tab: adopted,
                header,
                adopting: true,
            })
        }
        Claim::Marked => {
            rename(tab, wish, unit)?;
            let header = match tab.header {
                Some((row, _)) => row,
                None => {
                    let row = adopt::header(tab, wish).ok_or_else(|| {
                        Failure::person(
                            reason::TAB_REFUSED,
                            format!(
                                "tab {:?}: its header row was deleted; bring it back by File > Version history, or rename the tab to have a new one made",
                                tab.title
                            ),
                        )
                    })?;
                    unit.create_mark(
                        None,
                        HEADER,
                        &tab.sheet_id.to_string(),
                        on_line(tab.sheet_id, "ROWS", row),
                    );
                    row
                }
            };
            Ok(Prepared {
                tab: tab.clone(),
                header,
                adopting: false,
            })
        }
    }
}

/// The title by three-way merge, as labels: people's renaming stays unless the spec's wish changed.
fn rename(tab: &Tab, wish: &TabWish<'_>, unit: &mut Unit) -> Result<(), Failure> {
    let Some((_, mark)) = &tab.mark else { return Ok(()) };
    if mark.title == wish.title || tab.title == wish.title {
        return Ok(());
    }
    if tab.other_titles.iter().any(|title| folded(title) == folded(wish.title)) {
        return Err(taken(wish.title));
    }
    unit.title(tab.sheet_id, wish.title);
    Ok(())
}

fn taken(title: &str) -> Failure {
    Failure::person(
        reason::TAB_REFUSED,
        format!(
            "tab {title:?} exists and was not made by this program for this resource; rename or empty that tab, or choose another title with `tab`"
        ),
    )
}

fn lost_keys(tab: &Tab, mark: &TabMark, what: &str) -> Failure {
    Failure::person(
        reason::TAB_REFUSED,
        format!(
            "tab {:?} held {} records and {what}: undo that (File > Version history), or rename the tab to have a new one made",
            tab.title, mark.rows
        ),
    )
}

pub fn folded(title: &str) -> String {
    title.to_lowercase()
}

/// What becomes of rows that no record asks for.
struct Fate {
    /// Indexes as read, ascending.
    delete: Vec<usize>,
    /// Stale rows that stay.
    kept: usize,
    /// Of these, rows whose date is to be written.
    mark: Vec<usize>,
    needs_mark_column: bool,
    notes: Vec<String>,
}

impl Fate {
    fn decide(
        tab: &Tab,
        wish: &TabWish<'_>,
        rows: &Rows,
        known: Option<&TabMark>,
        adopting: bool,
    ) -> Result<Self, Failure> {
        let mut notes = Vec::new();
        let records = rows.rows.iter().filter(|row| matches!(row, Row::Record(_))).count();
        let stale = rows.rows.iter().filter(|row| matches!(row, Row::Stale { .. })).count();
        if let Some(mark) = known
            && mark.rows > 0
            && records == 0
            && !wish.table.rows.is_empty()
            && !wish.allow_deletions
        {
            let what = "none of the ids that Wedof lists is in it (a copy of another centre's spreadsheet, or its rows were removed)";
            let mut refusal = lost_keys(tab, mark, what);
            refusal
                .message
                .push_str(&format!("; or accept once with --allow-deletions {}", wish.resource));
            return Err(refusal);
        }
        let origin_changed = known.is_some_and(|mark| mark.origin != wish.origin);
        let spared = adopting || origin_changed;
        if spared && stale > 0 {
            notes.push(format!(
                "{stale} rows without a record stay in this run, since the tab was just taken over"
            ));
        }
        let marked = |row: usize| {
            let column = tab
                .columns
                .iter()
                .find(|column| column.mark.path == layout::REMOVED_PATH);
            column.is_some_and(|column| !tab.cell(row, column.index).is_blank())
        };
        let mut fate = Self {
            delete: Vec::new(),
            kept: 0,
            mark: Vec::new(),
            needs_mark_column: false,
            notes,
        };
        let mut losses = 0;
        let mut doubles = 0;
        for (index, row) in rows.iter() {
            match row {
                Row::Record(_) | Row::People => {}
                Row::Double { written_on, .. } => {
                    doubles += 1;
                    if !written_on && !spared && wish.missing_rows == MissingRows::Delete {
                        fate.delete.push(index);
                    }
                }
                Row::Stale { .. } if spared => fate.kept += 1,
                Row::Stale { written_on } => match wish.missing_rows {
                    MissingRows::Delete if !written_on => {
                        losses += 1;
                        fate.delete.push(index);
                    }
                    MissingRows::Keep => fate.kept += 1,
                    MissingRows::Delete | MissingRows::Mark => {
                        fate.kept += 1;
                        if !marked(index) {
                            losses += 1;
                            fate.mark.push(index);
                        }
                    }
                },
            }
        }
        if doubles > 0 {
            fate.notes
                .push(format!("{doubles} rows held the id of a row above them"));
        }
        fate.needs_mark_column = !fate.mark.is_empty();
        guard(tab, wish, known, losses, records + stale)?;
        Ok(fate)
    }
}

/// Refuses a run that would delete or mark more than the guard allows.
fn guard(tab: &Tab, wish: &TabWish<'_>, known: Option<&TabMark>, losses: usize, held: usize) -> Result<(), Failure> {
    let max_percent = usize::try_from(wish.guard.max_percent).unwrap_or(0);
    let min_rows = usize::try_from(wish.guard.min_rows).unwrap_or(0);
    let refused = losses > 0 && losses >= min_rows && losses * 100 > max_percent * held;
    if !refused || wish.allow_deletions {
        return Ok(());
    }
    let filters = match known {
        Some(mark) if mark.filters != wish.filters => "; the filters changed since the last run",
        _ => "",
    };
    Err(Failure::person(
        reason::DELETION_REFUSED,
        format!(
            "tab {:?} holds {held} records and Wedof now lists {}: {losses} rows would go, more than the deletion guard allows ({max_percent} % and {min_rows} rows){filters}. If that is right, accept it once with --allow-deletions {}, or set deletionGuard.maxPercent",
            tab.title,
            wish.table.rows.len(),
            wish.resource,
        ),
    ))
}

/// Turns decisions into requests.
struct Planner<'a> {
    tab: &'a Tab,
    wish: &'a TabWish<'a>,
    context: &'a Context<'a>,
    rows: &'a Rows,
    layout: &'a Layout,
    fate: &'a Fate,
    header: usize,
    /// Ranges as read that cell writes touch.
    written: Vec<Rect>,
}

impl Planner<'_> {
    /// Records of the table that no row of the tab holds.
    fn new_records(&self) -> Vec<usize> {
        let mut has_row = vec![false; self.wish.table.rows.len()];
        for row in &self.rows.rows {
            if let Row::Record(record) | Row::Double { record, .. } = row {
                has_row[*record] = true;
            }
        }
        (0..has_row.len()).filter(|record| !has_row[*record]).collect()
    }

    /// Where new rows go: (index, whether they look like the row before them).
    fn insertion(&self) -> (usize, bool) {
        match self.rows.last_record() {
            None => (self.header + 1, false),
            Some(last) => {
                let below = self.tab.cells.get(last + 1);
                let totals = below.is_some_and(|row| row.iter().any(|cell| !cell.is_blank()));
                // above the last record, so that closed ranges in a totals row below grow
                if totals { (last, false) } else { (last + 1, true) }
            }
        }
    }

    fn units(&mut self, structure: Unit) -> Vec<Unit> {
        let sheet = self.tab.sheet_id;
        let new = self.new_records();
        let (at, inherit) = self.insertion();
        let mut structure = structure;
        // always one spare row: the last record may be deleted, and the first insert has something to look like
        let last = self.rows.last_record().unwrap_or(self.header);
        if last + 1 >= self.tab.row_count {
            structure.append_row(sheet);
        }
        let mut units = vec![structure];
        self.insert_rows(&new, at, inherit, &mut units);
        self.write_cells(at, new.len(), &mut units);
        let mut runs = Vec::new();
        for &row in self.fate.delete.iter().rev() {
            let row = if row >= at { row + new.len() } else { row };
            match runs.last_mut() {
                Some((start, _)) if *start == row + 1 => *start = row,
                _ => runs.push((row, row + 1)),
            }
        }
        for (start, end) in runs {
            let mut unit = Unit {
                removed: (end - start) as i64,
                ..Unit::default()
            };
            unit.delete(sheet, "ROWS", start, end);
            units.push(unit);
        }
        units
    }

    fn insert_rows(&self, new: &[usize], at: usize, inherit: bool, units: &mut Vec<Unit>) {
        let sheet = self.tab.sheet_id;
        let zone = self.context.zone;
        // neighbouring owned columns are written as one rectangle
        let spans = spans(&self.layout.columns);
        let mut done = 0;
        while done < new.len() {
            let mut unit = Unit::default();
            let mut bytes = 0;
            let mut rows: Vec<Vec<Entered>> = Vec::new();
            for &record in &new[done..] {
                let cells = &self.wish.table.rows[record];
                let row: Vec<Entered> = self
                    .layout
                    .columns
                    .iter()
                    .map(|column| match column.source {
                        Source::Table(of) => entered(&cells[of], zone),
                        Source::Absent | Source::Removed => Entered::Blank,
                    })
                    .collect();
                bytes += row.iter().map(Entered::bytes).sum::<usize>();
                rows.push(row);
                if bytes > UNIT_BYTES {
                    break;
                }
            }
            let (start, end) = (at + done, at + done + rows.len());
            unit.insert(sheet, "ROWS", start, rows.len(), inherit || done > 0);
            for span in &spans {
                let first = self.layout.columns[span.0].index;
                let range = Rect {
                    rows: (start, end),
                    columns: (first, first + span.1 - span.0),
                };
                unit.update_cells(sheet, range, rows.iter().map(|row| &row[span.0..span.1]));
            }
            self.fill_down(at, inherit, new.len(), done, (start, end), &mut unit);
            self.restore(&new[done..done + rows.len()], start, &mut unit);
            unit.added = rows.len() as i64;
            done += rows.len();
            units.push(unit);
        }
    }

    /// A column in which people have a formula beside most records has it beside new ones too.
    fn fill_down(&self, at: usize, inherit: bool, new: usize, done: usize, to: (usize, usize), unit: &mut Unit) {
        let Some(last) = self.rows.last_record() else { return };
        // rows inserted so far push a last record that stands below them
        let from = if inherit { last } else { last + done + (to.1 - to.0) };
        debug_assert!(at + new >= to.1);
        for &column in &self.rows.filled_down {
            if let Some(Some(index)) = self.layout.moved.get(column)
                && self.tab.cell(last, column).is_formula()
            {
                unit.fill_down(self.tab.sheet_id, *index, from, to);
            }
        }
    }

    /// A record's row that vanished between an earlier round's read and its write comes back with people's cells.
    fn restore(&self, records: &[usize], start: usize, unit: &mut Unit) {
        for (offset, &record) in records.iter().enumerate() {
            let Some(cells) = key_of(&self.wish.table.rows[record]).and_then(|key| self.context.snapshot.get(key))
            else {
                continue;
            };
            for (header, column, content) in cells {
                let same_column = self.tab.cell(self.header, *column).label() == *header;
                if let Some(Some(index)) = self.layout.moved.get(*column)
                    && same_column
                {
                    let row = start + offset;
                    let range = Rect {
                        rows: (row, row + 1),
                        columns: (*index, index + 1),
                    };
                    unit.update_cells(self.tab.sheet_id, range, std::iter::once(&[restored(content)][..]));
                }
            }
        }
    }

    /// Changed cells only: runs in a row, equal runs of neighbouring rows joined to a rectangle.
    fn write_cells(&mut self, at: usize, inserted: usize, units: &mut Vec<Unit>) {
        let mut writer = Writer {
            sheet: self.tab.sheet_id,
            units,
            unit: Unit::default(),
            open: Vec::new(),
            open_bytes: 0,
        };
        for (row, what) in self.rows.iter() {
            let changes = self.changes(row, what);
            if changes.is_empty() {
                continue;
            }
            let now = if row >= at { row + inserted } else { row };
            for (column, _) in &changes {
                if let Some(Some(old)) = self.layout.columns.get(*column).map(|placed| placed.old) {
                    self.written.push(Rect {
                        rows: (row, row + 1),
                        columns: (old, old + 1),
                    });
                }
            }
            let is_record = matches!(what, Row::Record(_) | Row::Double { .. });
            let cells = changes
                .into_iter()
                .map(|(column, cell)| (self.layout.columns[column].index, cell))
                .collect();
            writer.row(now, cells, is_record);
        }
        writer.finish();
    }

    /// (owned column, new value) of one row, from left to right.
    fn changes(&self, row: usize, what: Row) -> Vec<(usize, Entered)> {
        let zone = self.context.zone;
        let mut changes = Vec::new();
        for (number, column) in self.layout.columns.iter().enumerate() {
            let seen = column.old.map_or(&Seen::Blank, |old| self.tab.cell(row, old));
            if column.old.is_some_and(|old| self.tab.is_covered(row, old)) {
                continue;
            }
            let wished = match (what, column.source) {
                (Row::Record(record) | Row::Double { record, .. }, Source::Table(of)) => {
                    &self.wish.table.rows[record][of]
                }
                (Row::Record(_) | Row::Double { .. }, Source::Absent | Source::Removed) => &Cell::Blank,
                (Row::Stale { .. }, Source::Removed) if self.fate.mark.binary_search(&row).is_ok() => {
                    changes.push((number, Entered::Number(serial::of_day(self.context.today))));
                    continue;
                }
                (Row::Stale { .. } | Row::People, _) => continue,
            };
            let deleted = self.fate.delete.binary_search(&row).is_ok();
            if !deleted && !same(wished, seen, zone) {
                changes.push((number, entered(wished, zone)));
            }
        }
        changes
    }

    fn prediction(&self) -> Prediction {
        let key = self.layout.key();
        let key_old = self
            .layout
            .columns
            .iter()
            .find(|column| column.index == key)
            .and_then(|column| column.old);
        let table = &self.wish.table.rows;
        let text = |record: usize| key_of(&table[record]).map(str::to_owned);
        let new: Vec<Option<String>> = self.new_records().into_iter().map(text).collect();
        let (at, _) = self.insertion();
        let mut keys = Vec::new();
        let mut put_new = false;
        for (row, what) in self.rows.iter() {
            if row == at {
                keys.extend(new.iter().cloned());
                put_new = true;
            }
            if self.fate.delete.binary_search(&row).is_ok() {
                continue;
            }
            keys.push(match what {
                Row::Record(record) | Row::Double { record, .. } => text(record),
                Row::Stale { .. } | Row::People => key_old.and_then(|column| self.tab.cell(row, column).key()),
            });
        }
        if !put_new {
            keys.extend(new);
        }
        while keys.last().is_some_and(Option::is_none) {
            keys.pop();
        }
        Prediction {
            sheet_id: self.tab.sheet_id,
            header: self.header,
            key,
            labels: self
                .layout
                .columns
                .iter()
                .map(|column| (column.index, column.label.clone()))
                .collect(),
            keys,
        }
    }

    fn change(&self, units: &[Unit]) -> TabChange {
        let mut notes = Vec::new();
        let covered = self
            .rows
            .iter()
            .filter(|(_, what)| matches!(what, Row::Record(_)))
            .flat_map(|(row, _)| {
                self.layout
                    .columns
                    .iter()
                    .filter_map(move |column| Some((row, column.old?)))
            })
            .filter(|(row, column)| self.tab.is_covered(*row, *column))
            .count();
        if covered > 0 {
            notes.push(format!("{covered} cells are covered by merged cells and were left out"));
        }
        if self.rows.healed > 0 {
            notes.push(format!("{} cleared ids were given back", self.rows.healed));
        }
        TabChange {
            added: units.iter().map(|unit| unit.added).sum(),
            updated: units.iter().map(|unit| unit.updated).sum(),
            removed: units.iter().map(|unit| unit.removed).sum(),
            kept: self.fate.kept as i64,
            notes,
        }
    }
}

/// Runs of owned columns that stand side by side, as half-open ranges of their numbers.
fn spans(columns: &[Placed]) -> Vec<(usize, usize)> {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for (number, column) in columns.iter().enumerate() {
        match spans.last_mut() {
            Some((_, end)) if number > 0 && columns[number - 1].index + 1 == column.index => *end = number + 1,
            _ => spans.push((number, number + 1)),
        }
    }
    spans
}

/// Collects changed cells into rectangles, and rectangles into units.
struct Writer<'a> {
    sheet: i32,
    units: &'a mut Vec<Unit>,
    unit: Unit,
    /// Rectangles that the next row may lengthen: (first row, columns, cells of each row).
    open: Vec<(usize, (usize, usize), Vec<Vec<Entered>>)>,
    /// What they will take as JSON, about.
    open_bytes: usize,
}

impl Writer<'_> {
    fn row(&mut self, row: usize, cells: Vec<(usize, Entered)>, is_record: bool) {
        let mut runs: Vec<((usize, usize), Vec<Entered>)> = Vec::new();
        for (column, cell) in cells {
            match runs.last_mut() {
                Some(((_, end), cells)) if *end == column => {
                    *end = column + 1;
                    cells.push(cell);
                }
                _ => runs.push(((column, column + 1), vec![cell])),
            }
        }
        let continues = self.open.len() == runs.len()
            && self
                .open
                .iter()
                .zip(&runs)
                .all(|((first, columns, rows), (run, _))| first + rows.len() == row && columns == run);
        if !continues {
            self.close();
            self.open = runs.iter().map(|(columns, _)| (row, *columns, Vec::new())).collect();
        }
        for ((_, _, rows), (_, cells)) in self.open.iter_mut().zip(runs) {
            self.open_bytes += cells.iter().map(Entered::bytes).sum::<usize>();
            rows.push(cells);
        }
        self.unit.updated += i64::from(is_record);
        // all cells of a row travel together: a unit is cut only between rows
        if self.unit.json.len() + self.open_bytes > UNIT_BYTES {
            self.close();
            self.units.push(std::mem::take(&mut self.unit));
        }
    }

    fn close(&mut self) {
        self.open_bytes = 0;
        for (first, columns, rows) in self.open.drain(..) {
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

/// A protected range that the account may not edit is in the way of cells to write, and of every row or column that is
/// inserted or deleted, since they cross it.
fn refuse_protected(tab: &Tab, structural: bool, written: &[Rect], context: &Context<'_>) -> Result<(), Failure> {
    let in_the_way = |range: &&Rect| structural || written.iter().any(|cells| cells.meets(range));
    match tab.protected.iter().find(in_the_way) {
        None => Ok(()),
        Some(range) => Err(Failure::person(
            reason::TAB_REFUSED,
            format!(
                "tab {:?}: {} is protected against {}; let that account edit it (Data > Protect sheets and ranges), or lift the protection",
                tab.title,
                range.a1(),
                context.account
            ),
        )),
    }
}
