//! (tab as it is, table as it should be) → requests. Pure: no clock, no randomness, no I/O.
//!
//! Order within the plan: columns, row inserts with their values, cell writes, row deletes from the bottom. Old rows keep
//! the index at which they were read until the deletes at the end.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::{
    Examples, TabChange, TabWish,
    batches::Batches,
    fate::{self, Fate},
    layout,
    marks::TabMark,
    requests::{Shift, Unit},
    review::{Review, differing},
    rows::{Row, Rows},
    snapshot::Snapshot,
    start::{Start, lost_key_column, lost_keys, start},
    tab::{Protected, Rect, Seen, Tab},
    write::{Decisions, Work},
};
use crate::{
    failure::{Failure, reason},
    table::{Cell, Table},
    words::counted,
};

/// Most columns of ours in a tab: their marks have to fit into the 30,000 characters that Google allows a sheet.
const MOST_COLUMNS: usize = 250;

/// What planning needs to know beside tab and wish.
pub struct Context<'a> {
    /// The spreadsheet's zone.
    pub zone: &'a TimeZone,
    /// Today in that zone, days since 1970-01-01.
    pub today: i32,
    /// The service account's e-mail: whom a protected range has to let in.
    pub account: &'a str,
    /// A fresh random ID, for a new sheet.
    pub sheet_id: i32,
    /// Where a new sheet stands among the others; none: last.
    pub sheet_index: Option<usize>,
    /// Cells of the spreadsheet's other tabs, and the most that Google allows all of them together.
    pub other_cells: usize,
    pub max_cells: usize,
    /// What an earlier round of this run saw.
    pub snapshot: &'a Snapshot,
}

/// What the tab shows, now or after a batch: read back and compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prediction {
    pub sheet_id: i32,
    /// Row of the header.
    pub header: usize,
    /// The key column.
    pub key: usize,
    /// (column, label) of every owned column.
    pub labels: Vec<(usize, String)>,
    /// The key column from the first row to the last one that has something in it.
    pub keys: Vec<Option<String>>,
}

impl Prediction {
    pub fn new(
        sheet_id: i32,
        header: usize,
        key: usize,
        labels: Vec<(usize, String)>,
        keys: Vec<Option<String>>,
    ) -> Self {
        let mut prediction = Self {
            sheet_id,
            header,
            key,
            labels,
            keys,
        };
        prediction.trim();
        prediction
    }

    pub fn apply(&mut self, shifts: &[Shift]) {
        for shift in shifts {
            match shift {
                Shift::Insert { at, keys } => {
                    self.reach(*at);
                    self.keys.splice(at..at, keys.iter().cloned());
                    if *at <= self.header {
                        self.header += keys.len();
                    }
                }
                Shift::Key { row, key } => {
                    self.reach(row + 1);
                    self.keys[*row].clone_from(key);
                }
                Shift::Delete(ranges) => self.delete(ranges),
            }
        }
        self.trim();
    }

    /// All ranges in one pass: thousands of scattered rows may go at once.
    fn delete(&mut self, ranges: &[(usize, usize)]) {
        let mut from_top = ranges.iter().rev().peekable();
        let mut row = 0;
        self.keys.retain(|_| {
            while from_top.next_if(|(_, end)| *end <= row).is_some() {}
            let deleted = from_top.peek().is_some_and(|(start, _)| *start <= row);
            row += 1;
            !deleted
        });
        let above = ranges.iter().filter(|(_, end)| *end <= self.header);
        self.header -= above.map(|(start, end)| end - start).sum::<usize>();
    }

    /// How many keys stand elsewhere than another look at the same tab shows.
    pub fn displaced(&self, other: &Self) -> usize {
        let rows = self.keys.len().max(other.keys.len());
        (0..rows)
            .filter(|row| self.keys.get(*row) != other.keys.get(*row))
            .count()
    }

    fn reach(&mut self, rows: usize) {
        if self.keys.len() < rows {
            self.keys.resize(rows, None);
        }
    }

    fn trim(&mut self) {
        while self.keys.last().is_some_and(Option::is_none) {
            self.keys.pop();
        }
    }
}

#[derive(Debug)]
pub struct Plan<'a> {
    /// The tab does not exist before this plan: its first batch makes it.
    pub new_tab: bool,
    /// Keys and header as read, if the tab has them: what has to stand still until rows or columns are inserted or
    /// deleted.
    pub as_read: Option<Prediction>,
    /// After the requests on columns, before those on rows: each batch's shifts lead on from here.
    pub prediction: Prediction,
    pub change: TabChange,
    /// What a later round has to know about this one.
    pub snapshot: Snapshot,
    /// What to look at once all is written.
    pub review: Review,
    /// The tab's mark as it will be, if the tab has one already.
    pub mark: Option<(i32, TabMark)>,
    work: Work<'a>,
}

impl Plan<'_> {
    pub fn sheet_id(&self) -> i32 {
        self.work.decided.tab.sheet_id
    }

    pub fn is_empty(&self) -> bool {
        self.work.is_empty()
    }

    /// Rows that come, change or go.
    pub fn rows(&self) -> usize {
        self.work.rows()
    }

    /// Rows as read that would have another fate if people left a note on them.
    pub fn noteworthy(&self) -> &[usize] {
        &self.work.decided.fate.noteworthy
    }

    /// The requests, each batch made when it is asked for.
    pub fn batches(&self) -> Batches<'_> {
        Batches::of(&self.work)
    }
}

/// Plans the way from `tab` (none: it does not exist) to `wish`, or says why a person has to decide. `titles` are those of
/// all tabs.
pub fn plan<'a>(
    tab: Option<&Tab>,
    titles: &[String],
    wish: &'a TabWish<'a>,
    context: &Context<'_>,
) -> Result<Plan<'a>, Failure> {
    let mut structure = Unit::default();
    let Start {
        tab: seen,
        header,
        adopting,
        notes,
    } = start(tab, titles, wish, context, &mut structure)?;
    let known = seen.mark.clone();
    let key_path = &wish.table.columns[0].path;
    let key = seen
        .columns
        .iter()
        .find(|column| column.mark.path == *key_path)
        .map(|column| column.index);
    let rows = match key {
        Some(key) => Rows::of(&seen, wish, header, key, &owned(&seen, wish), context.zone),
        None => Rows::without_keys(&seen, header),
    };
    if let (None, Some((_, mark))) = (key, &known)
        && mark.rows > 0
        && rows.any_of_ours(&seen, &mark.key)
    {
        return Err(match &mark.key {
            known if known == key_path => lost_key_column(&seen, mark),
            known => {
                let what = format!("they were known by their {known}, while Wedof's records now have only {key_path}");
                lost_keys(&seen, mark, &what)
            }
        });
    }

    let mut fate = Fate::decide(&seen, wish, &rows, adopting)?;
    fate.notes.extend(notes);
    let layout = layout::plan(&seen, wish, header, !fate.mark.is_empty(), &mut structure);
    if layout.columns.len() > MOST_COLUMNS {
        return Err(too_many_columns(&seen, layout.columns.len()));
    }
    let decided = Decisions {
        tab: seen,
        wish,
        zone: context.zone.clone(),
        today: context.today,
        rows,
        layout,
        fate,
        header,
        key,
    };
    let mut work = Work::new(decided, structure, context.snapshot);
    check_cells(&work, context)?;
    refuse_protected(&work, context)?;

    let mut mark = TabMark::of(work.decided.tab.sheet_id, wish);
    mark.differs = work.left_alone.values().copied().collect();
    mark.differs.sort_unstable();
    let review = Review::of(&work);
    let marked = known.as_ref().map(|(id, _)| (*id, mark.clone()));
    if let Some((id, known)) = known {
        // the number of rows alone is not worth a write, nor what need not be remembered any more
        let counted = TabMark {
            rows: mark.rows,
            differs: mark.differs.clone(),
            ..known.clone()
        };
        if known != mark && (counted != mark || !work.is_empty()) {
            work.closing.update_mark(id, &mark.value());
        }
    }

    let Decisions {
        tab: seen,
        layout,
        rows,
        fate,
        ..
    } = &work.decided;
    let keys_of = |tab: &Tab| -> Vec<Option<String>> {
        let key_of = |row: usize| key.and_then(|key| tab.cell(row, key).key());
        (0..tab.used_rows()).map(key_of).collect()
    };
    let as_read = tab.zip(key).map(|(tab, key)| {
        let label = |column: usize| tab.cell(header, column).label();
        let columns = seen.columns.iter().map(|column| column.index);
        let labels = columns.map(|column| (column, label(column))).collect();
        Prediction::new(tab.sheet_id, header, key, labels, keys_of(tab))
    });
    let labels: Vec<(usize, String)> = layout
        .columns
        .iter()
        .map(|column| (column.index, column.label.clone()))
        .collect();
    let mut prediction = Prediction::new(seen.sheet_id, header, layout.key(), labels, keys_of(seen));
    prediction.apply(&[Shift::Key {
        row: header,
        key: Seen::Text(layout.key_label().into()).key(),
    }]);

    let mut snapshot = context.snapshot.clone();
    if let Some(key) = key
        && !fate.delete.is_empty()
    {
        snapshot.remember(seen, header, key, rows, &fate.delete);
    }
    Ok(Plan {
        new_tab: tab.is_none(),
        as_read,
        prediction,
        change: TabChange {
            new_tab: tab.is_none(),
            columns_added: match tab {
                None => wish.table.columns.iter().map(|column| column.label.clone()).collect(),
                Some(_) => work.decided.layout.added.clone(),
            },
            ..change(&work)
        },
        snapshot,
        review,
        mark: marked,
        work,
    })
}

/// Owned columns as read, each with its column of the table.
fn owned(tab: &Tab, wish: &TabWish<'_>) -> Vec<(usize, Option<usize>)> {
    let of = |path: &str| wish.table.columns.iter().position(|wished| wished.path == path);
    tab.columns
        .iter()
        .map(|column| (column.index, of(&column.mark.path)))
        .collect()
}

fn change(work: &Work<'_>) -> TabChange {
    let Decisions {
        tab,
        rows,
        layout,
        fate,
        ..
    } = &work.decided;
    let mut notes = fate.notes.clone();
    let records = rows.iter().filter(|(_, what)| matches!(what, Row::Record(_)));
    let covered = match tab.merges.is_empty() {
        true => 0,
        false => records
            .flat_map(|(row, _)| layout.columns.iter().filter_map(move |column| Some((row, column.old?))))
            .filter(|(row, column)| tab.is_covered(*row, *column))
            .count(),
    };
    for (columns, what) in [(layout.inserted.len(), "added"), (layout.deleted.len(), "removed")] {
        if columns > 0 {
            notes.push(format!("{} {what}", counted(columns, "column")));
        }
    }
    if covered > 0 {
        notes.push(format!("{} under merged cells left out", counted(covered, "cell")));
    }
    if rows.healed > 0 {
        notes.push(format!(
            "{} whose id was cleared got it back",
            counted(rows.healed, "row")
        ));
    }
    if work.formulas > 0 {
        notes.push(format!(
            "{} in our columns replaced by Wedof's values",
            counted(work.formulas, "formula")
        ));
    }
    let mut left_alone: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, number) in work.left_alone.keys() {
        let path = layout.columns.get(*number).map(|column| column.path.as_str());
        *left_alone.entry(path.unwrap_or_default()).or_default() += 1;
    }
    notes.extend(left_alone.into_iter().map(|(path, cells)| differing(path, cells)));
    let count = |rows: usize| i64::try_from(rows).unwrap_or(i64::MAX);
    let returned = |(row, what): (usize, Row)| {
        (matches!(what, Row::Record(_) | Row::Double { .. }) && fate::is_marked(tab, row)).then_some(row)
    };
    let updated = || work.rewritten.iter().copied().filter(|row| work.record(*row).is_some());
    let restored = work.new.iter().filter(|new| new.remembered().is_some()).count();
    let (at, _) = work.insertion;
    let at = at - fate.delete.partition_point(|row| *row < at);
    TabChange {
        new_tab: false,
        added: count(work.new.len() - restored),
        updated: count(updated().count()),
        removed: count(fate.delete.len()),
        kept: count(fate.kept.len()),
        unproven: count(fate.unproven),
        marked: count(fate.mark.len()),
        returned: count(rows.iter().filter_map(returned).count()),
        restored: count(restored),
        columns_added: layout.added.clone(),
        columns_removed: layout.removed.clone(),
        examples: Examples {
            added: Examples::of(at..at + work.new.len()),
            updated: Examples::of(updated()),
            removed: Examples::of(fate.delete.iter().copied()),
            kept: Examples::of(fate.kept.iter().copied()),
            marked: Examples::of(fate.mark.iter().copied()),
            returned: Examples::of(rows.iter().filter_map(returned)),
        },
        written: !work.is_empty(),
        notes,
    }
}

fn too_many_columns(tab: &Tab, columns: usize) -> Failure {
    Failure::person(
        reason::TAB_REFUSED,
        format!(
            "tab {:?} would have {columns} columns of ours and {MOST_COLUMNS} is the most: choose with columns.include or \
             columns.exclude",
            tab.title
        ),
    )
}

/// Google refuses cells beyond its limit only when most of the work is done: better to know before.
fn check_cells(work: &Work<'_>, context: &Context<'_>) -> Result<(), Failure> {
    let Decisions { tab, layout, .. } = &work.decided;
    let inserted = work.new.len();
    let columns = tab.column_count + layout.inserted.len() - layout.deleted.len();
    let rows = tab.row_count + inserted;
    let cells = rows.saturating_mul(columns).saturating_add(context.other_cells);
    if cells <= context.max_cells || inserted + layout.inserted.len() == 0 {
        return Ok(());
    }
    let room = context.max_cells.saturating_sub(context.other_cells) / rows;
    let advice = match columns.saturating_sub(room) {
        over if over < layout.columns.len() => format!(
            "leave {} or more out with columns.exclude, such as the least filled ones, {}, or",
            counted(over, "column"),
            least_filled(work.decided.wish.table, over.min(3)).join(", ")
        ),
        _ => "remove tabs or rows that nobody needs, or".to_owned(),
    };
    Err(Failure::person(
        reason::TAB_REFUSED,
        format!(
            "tab {:?} with {rows} rows and {columns} columns would bring the spreadsheet to {cells} cells and {} is the \
             most: {advice} give the resource a spreadsheet of its own",
            tab.title, context.max_cells
        ),
    ))
}

/// Paths of the columns that the fewest records fill, but not the key's.
fn least_filled(table: &Table, most: usize) -> Vec<&str> {
    let mut filled = vec![0_usize; table.columns.len()];
    for row in table.rows() {
        for (count, cell) in filled.iter_mut().zip(&row) {
            *count += usize::from(*cell != Cell::Blank);
        }
    }
    let mut columns: Vec<(usize, &str)> = filled
        .into_iter()
        .zip(table.columns.iter().map(|column| column.path.as_str()))
        .skip(1)
        .collect();
    columns.sort_by_key(|(count, _)| *count);
    columns.into_iter().take(most).map(|(_, path)| path).collect()
}

/// A protected range that the account may not edit is in the way of cells to write in it, of rows and columns to insert
/// inside it, and of rows and columns to delete that it has a part in.
fn refuse_protected(work: &Work<'_>, context: &Context<'_>) -> Result<(), Failure> {
    let Decisions {
        tab,
        layout,
        fate,
        header,
        ..
    } = &work.decided;
    let headers = || {
        layout.relabelled.iter().map(|column| Rect {
            rows: (*header, header + 1),
            columns: (*column, column + 1),
        })
    };
    let (insertion, _) = work.insertion;
    let inside = |(start, end): (usize, usize), at: usize| start < at && at < end;
    let in_the_way = |protected: &&Protected| {
        let Rect { rows, columns } = protected.range;
        let hits =
            |cells: Rect| cells.meets(&protected.range) && !protected.except.iter().any(|free| free.covers(&cells));
        (!work.new.is_empty() && inside(rows, insertion))
            || layout.inserted.iter().any(|at| inside(columns, *at))
            || fate.delete.iter().any(|row| rows.0 <= *row && *row < rows.1)
            || layout
                .deleted
                .iter()
                .any(|column| columns.0 <= *column && *column < columns.1)
            || work.written().chain(headers()).any(hits)
    };
    match tab.protected.iter().find(in_the_way) {
        None => Ok(()),
        Some(protected) => Err(Failure::person(
            reason::TAB_REFUSED,
            format!(
                "tab {:?}: {} is protected against {}: let that account edit it (Data > Protect sheets and ranges), or \
                 lift the protection",
                tab.title,
                protected.range.a1(),
                context.account
            ),
        )),
    }
}
