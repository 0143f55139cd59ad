//! Whatever people did to a tab: the plan makes it true, touches nothing of theirs, and a second one is empty.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Grid, Place, TODAY, Table, World, column, key_of, text};
use crate::{
    sheets::{cells::same, layout::REMOVED_PATH, serial, tab::Seen},
    spec::{ColumnsSpec, MissingRows},
    table::{Cell, KeyShape, Kind},
};

/// What a person does; numbers are taken modulo what there is.
#[derive(Debug, Clone)]
enum Edit {
    AddColumn {
        at: usize,
    },
    FillColumn {
        column: usize,
    },
    MoveColumn {
        from: usize,
        to: usize,
    },
    DeleteColumn {
        column: usize,
    },
    Note {
        row: usize,
        column: usize,
        text: &'static str,
    },
    InsertRow {
        at: usize,
        key: &'static str,
        note: bool,
    },
    DeleteRow {
        row: usize,
    },
    CopyRow {
        row: usize,
        to: usize,
    },
    Sort {
        seed: usize,
        header_too: bool,
    },
    ClearKey {
        row: usize,
    },
    NumberKey {
        row: usize,
    },
    TypeOver {
        row: usize,
        column: usize,
        text: &'static str,
    },
    Rename {
        column: usize,
    },
    Unfreeze,
    CutSpareRows,
    Banner,
    /// A note on some cell of a row.
    NoteOnRow {
        row: usize,
    },
    Merge {
        row: usize,
        column: usize,
        down: bool,
    },
}

fn edit() -> impl Strategy<Value = Edit> {
    let n = || 0_usize..1000;
    let note = || prop::sample::select(vec!["à rappeler", "=B2&\"!\"", "12"]);
    let key = prop::sample::select(vec![
        "",
        "Total",
        "--- 2025 ---",
        "à vérifier",
        "=COUNTA(A2:A9)",
        "99",
        "3",
    ]);
    prop_oneof![
        2 => n().prop_map(|at| Edit::AddColumn { at }),
        1 => n().prop_map(|column| Edit::FillColumn { column }),
        2 => (n(), n()).prop_map(|(from, to)| Edit::MoveColumn { from, to }),
        1 => n().prop_map(|column| Edit::DeleteColumn { column }),
        4 => (n(), n(), note()).prop_map(|(row, column, text)| Edit::Note { row, column, text }),
        2 => (n(), key, any::<bool>()).prop_map(|(at, key, note)| Edit::InsertRow { at, key, note }),
        1 => n().prop_map(|row| Edit::DeleteRow { row }),
        1 => (n(), n()).prop_map(|(row, to)| Edit::CopyRow { row, to }),
        2 => (n(), any::<bool>()).prop_map(|(seed, header_too)| Edit::Sort { seed, header_too }),
        1 => n().prop_map(|row| Edit::ClearKey { row }),
        1 => n().prop_map(|row| Edit::NumberKey { row }),
        2 => (n(), n(), note()).prop_map(|(row, column, text)| Edit::TypeOver { row, column, text }),
        1 => n().prop_map(|column| Edit::Rename { column }),
        1 => Just(Edit::Unfreeze),
        1 => Just(Edit::CutSpareRows),
        1 => Just(Edit::Banner),
        2 => n().prop_map(|row| Edit::NoteOnRow { row }),
        2 => (n(), n(), any::<bool>()).prop_map(|(row, column, down)| Edit::Merge { row, column, down }),
    ]
}

impl Edit {
    fn carry_out(&self, world: &mut World) {
        let owned: Vec<usize> = world.owned().iter().map(|(at, _)| *at).collect();
        let header = world.header();
        let key = world.column("id");
        let grid = &mut world.grid;
        let (height, width) = (grid.lines.len(), grid.columns.len());
        let people: Vec<usize> = (0..width).filter(|column| !owned.contains(column)).collect();
        let below = |row: usize| (row % height != header).then_some(row % height);
        match *self {
            Self::AddColumn { at } => {
                let at = 1 + at % width;
                grid.insert(false, at, 1, true).unwrap();
                grid.set(header, at, text("Suivi"));
            }
            Self::FillColumn { column } if !people.is_empty() => {
                let column = people[column % people.len()];
                for row in (0..height).filter(|row| *row != header) {
                    if !grid.value(row, key).is_blank() {
                        grid.set(row, column, text(&format!("=LEN(B{row})")));
                    }
                }
            }
            Self::MoveColumn { from, to } => {
                // Sheets moves no part of a merge
                grid.merged.clear();
                grid.move_column(from % width, to % width);
            }
            Self::DeleteColumn { column } => {
                let column = column % width;
                if column != key {
                    grid.delete(false, column, column + 1).unwrap();
                }
            }
            Self::Note {
                row,
                column,
                text: note,
            } if !people.is_empty() => {
                if let Some(row) = below(row) {
                    grid.set(row, people[column % people.len()], text(note));
                }
            }
            Self::InsertRow { at, key: typed, note } => {
                let at = 1 + at % height;
                grid.insert(true, at, 1, true).unwrap();
                grid.set(at, key, text(typed));
                if let (true, [first, ..]) = (note, &people[..]) {
                    grid.set(at, *first, text("à moi"));
                }
            }
            Self::DeleteRow { row } if height > 2 + grid.frozen => {
                if let Some(row) = below(row).filter(|row| *row >= grid.frozen) {
                    grid.delete(true, row, row + 1).unwrap();
                }
            }
            Self::CopyRow { row, to } => {
                if let Some(row) = below(row) {
                    let cells = grid.lines[row].cells.clone();
                    let to = 1 + to % height;
                    grid.insert(true, to, 1, true).unwrap();
                    grid.lines[to].cells = cells;
                }
            }
            Self::Sort { seed, header_too } => {
                // nor does it sort rows that are merged
                grid.merged.clear();
                let mut order: Vec<usize> = (0..height).collect();
                let from = if header_too { 0 } else { header + 1 };
                let rotated = height - from;
                if rotated > 1 {
                    order[from..].rotate_left(seed % rotated);
                    order[from..].swap(0, seed % rotated);
                }
                grid.sort(&order);
            }
            Self::ClearKey { row } => {
                if let Some(row) = below(row) {
                    grid.set(row, key, Seen::Blank);
                }
            }
            Self::NumberKey { row } => {
                if let Some(row) = below(row)
                    && let Some(Ok(number)) = grid.value(row, key).key().map(|key| key.parse())
                {
                    grid.set(row, key, Seen::Number(number));
                }
            }
            Self::TypeOver {
                row,
                column,
                text: typed,
            } => {
                let column = owned[column % owned.len()];
                if let Some(row) = below(row).filter(|_| column != key) {
                    grid.set(row, column, text(typed));
                }
            }
            Self::Rename { column } => grid.set(header, column % width, text("Mon titre")),
            Self::Unfreeze => grid.frozen = 0,
            Self::CutSpareRows => {
                let is_blank = |row: usize| grid.lines[row].cells.iter().all(|cell| cell.value.is_blank());
                let used = (0..height).rposition(|row| !is_blank(row)).map_or(0, |row| row + 1);
                if used < height && used > grid.frozen {
                    grid.delete(true, used, height).unwrap();
                }
            }
            Self::Banner => {
                grid.insert(true, 0, 1, false).unwrap();
                grid.set(0, 0, text("Centre de formation"));
            }
            Self::NoteOnRow { row } => {
                let number = grid.lines[row % height].number;
                grid.noted.insert(number);
            }
            Self::Merge { row, column, down } => {
                let (row, column) = (row % height, column % width);
                let (below, right) = if down { (row + 1, column) } else { (row, column + 1) };
                if below < height && right < width {
                    grid.merge((row, below), (column, right));
                }
            }
            Self::FillColumn { .. } | Self::Note { .. } | Self::DeleteRow { .. } => {}
        }
    }
}

/// A table of some ids, with some of the columns; cells follow from the id and a version.
fn table() -> impl Strategy<Value = Table> {
    let ids = prop::collection::btree_map(1_u32..14, 0_u32..3, 0..10);
    (ids, prop::bits::u8::masked(0b1_1111)).prop_map(|(records, chosen)| {
        let all = [
            ("name", Kind::Plain),
            ("born", Kind::Day),
            ("seen", Kind::Instant),
            ("price", Kind::Plain),
            ("paid", Kind::Plain),
        ];
        let chosen: Vec<_> = (0..all.len())
            .filter(|number| chosen & (1 << number) != 0)
            .map(|number| all[number])
            .collect();
        let mut columns = vec![column("id", Kind::Identifier)];
        columns.extend(chosen.iter().map(|(path, kind)| column(path, *kind)));
        let cell = |path: &str, id: u32, version: u32| match (path, (id + version) % 4) {
            (_, 0) => Cell::Blank,
            ("born", _) => Cell::Day(7_000 + (id + version) as i32),
            ("seen", _) => Cell::Instant(1_719_394_960_642 + i64::from(id * 7 + version) * 86_400_001),
            ("price", _) => Cell::Number(f64::from(id) / 3.0 + f64::from(version)),
            ("paid", _) => Cell::Bool(version > 0),
            _ => Cell::Text(format!("n{id}.{version}").into()),
        };
        let rows = records
            .iter()
            .map(|(id, version)| {
                let mut row = vec![Cell::Text(id.to_string().into())];
                row.extend(chosen.iter().map(|(path, _)| cell(path, *id, *version)));
                row
            })
            .collect();
        Table {
            columns,
            rows,
            key_shape: KeyShape::Digits,
        }
    })
}

/// Cells of people, by the numbers of row and column.
fn peoples(world: &World) -> BTreeMap<(usize, usize), Seen<'static>> {
    let owned: BTreeSet<usize> = world.owned().iter().map(|(at, _)| *at).collect();
    cells(&world.grid, |column| !owned.contains(&column))
}

fn cells(grid: &Grid, wanted: impl Fn(usize) -> bool) -> BTreeMap<(usize, usize), Seen<'static>> {
    let mut cells = BTreeMap::new();
    for line in &grid.lines {
        for (column, cell) in line.cells.iter().enumerate().filter(|(column, _)| wanted(*column)) {
            cells.insert((line.number, grid.columns[column]), cell.value.clone());
        }
    }
    cells
}

/// What a row is, told from the rules and not from the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kin {
    Header,
    Listed,
    Stale { content: bool },
    Peoples,
}

fn kin(world: &World, row: usize) -> Kin {
    let owned: Vec<usize> = world.owned().iter().map(|(at, _)| *at).collect();
    if row == world.header() {
        return Kin::Header;
    }
    let Some(key) = world.grid.value(row, world.column("id")).key() else {
        return Kin::Peoples;
    };
    if world.table.rows.iter().any(|record| key_of(record) == Some(&key)) {
        return Kin::Listed;
    }
    let formula = owned.iter().any(|column| world.grid.value(row, *column).is_formula());
    let day = world.find_column(REMOVED_PATH);
    let mut fields = owned
        .iter()
        .filter(|column| **column != world.column("id") && Some(**column) != day)
        .peekable();
    let alone = fields.peek().is_some() && fields.all(|column| world.grid.value(row, *column).is_blank());
    if !key.bytes().all(|b| b.is_ascii_digit()) || formula || alone {
        return Kin::Peoples;
    }
    let content = (0..world.grid.columns.len())
        .filter(|column| !owned.contains(column))
        .map(|column| world.grid.value(row, column))
        .any(|seen| !seen.is_blank() && *seen != Seen::Bool(false) && !seen.is_formula());
    let noted = world.grid.noted.contains(&world.grid.lines[row].number);
    let content = content || noted;
    Kin::Stale { content }
}

/// Whether a cell lay under a merge before the plan was carried out.
fn was_covered(before: &World, after: &World, row: usize, column: usize) -> bool {
    let (line, number) = (after.grid.lines[row].number, after.grid.columns[column]);
    let row = before.grid.lines.iter().position(|before| before.number == line);
    let column = before.grid.columns.iter().position(|before| *before == number);
    row.zip(column)
        .is_some_and(|(row, column)| before.grid.is_covered(row, column))
}

proptest! {
    #[test]
    fn whatever_people_did_the_plan_makes_the_tab_true_and_touches_nothing_of_theirs(
        first in table(),
        second in table(),
        edits in prop::collection::vec(edit(), 0..10),
        missing in prop::sample::select(vec![MissingRows::Delete, MissingRows::Delete, MissingRows::Keep, MissingRows::Mark]),
        proven in prop::sample::select(vec![true, true, false]),
        relabels in any::<bool>(),
    ) {
        let mut world = World::filled(first);
        prop_assert!(world.plan().unwrap().is_empty(), "filling a tab needs one run");
        for edit in &edits {
            edit.carry_out(&mut world);
        }
        world.table = second;
        (world.missing_rows, world.proven) = (missing, proven);
        if relabels {
            for column in &mut world.table.columns {
                column.label = format!("M {}", column.path);
            }
        }
        let before = world.clone();
        let kins: Vec<(usize, Kin)> =
            (0..before.grid.lines.len()).map(|row| (before.grid.lines[row].number, kin(&before, row))).collect();
        let change = match world.sync() {
            Ok(change) => change,
            Err(failure) => {
                // only a tab that shows none of its records may be refused, and then nothing is written
                prop_assert_eq!(failure.reason, crate::failure::reason::TAB_REFUSED);
                let is_ours = |kin: &Kin| matches!(kin, Kin::Listed | Kin::Stale { .. });
                prop_assert!(!kins.iter().any(|(_, kin)| is_ours(kin)), "{}", failure.message);
                prop_assert_eq!(&world.grid, &before.grid);
                return Ok(());
            }
        };

        // every record is there, and each of its rows shows it
        let zone = World::zone();
        for record in &world.table.rows {
            let rows = world.rows_of(key_of(record).unwrap());
            prop_assert!(!rows.is_empty(), "a record without row");
            for row in rows {
                for (wished, cell) in world.table.columns.iter().zip(record) {
                    let column = world.column(&wished.path);
                    if world.grid.is_covered(row, column) || was_covered(&before, &world, row, column) {
                        continue;
                    }
                    let seen = world.grid.value(row, world.column(&wished.path));
                    prop_assert!(same(cell, seen, &zone), "{} row {row}: {cell:?} {seen:?}", wished.path);
                }
            }
        }

        // rows that went, and rows that stay
        let left: BTreeSet<usize> = world.grid.lines.iter().map(|line| line.number).collect();
        let mut removed = 0;
        for (row, (number, kin)) in kins.iter().enumerate() {
            let gone = !left.contains(number);
            removed += i64::from(gone);
            match kin {
                Kin::Header | Kin::Peoples => prop_assert!(!gone, "row {row} of people was deleted"),
                Kin::Stale { content } => {
                    if *content || missing != MissingRows::Delete || !proven {
                        prop_assert!(!gone, "row {row} had content, or nothing is to be deleted");
                    }
                    if !gone && (*content || missing != MissingRows::Keep) && proven {
                        let now = world.grid.lines.iter().position(|line| line.number == *number).unwrap();
                        let marked = world.grid.value(now, world.column(REMOVED_PATH));
                        let covered = world.grid.is_covered(now, world.column(REMOVED_PATH));
                        prop_assert!(covered || *marked == Seen::Number(serial::of_day(TODAY)), "{:?}", marked);
                    }
                }
                // a double of a row that stays
                Kin::Listed if gone => {
                    let key = before.grid.value(row, before.column("id")).key().unwrap();
                    prop_assert!(before.rows_of(&key).len() > world.rows_of(&key).len());
                }
                Kin::Listed => {}
            }
        }
        prop_assert_eq!(removed, change.removed);
        let known: BTreeSet<usize> = before.grid.lines.iter().map(|line| line.number).collect();
        let appended = world.grid.lines.iter().filter(|line| !known.contains(&line.number)).count() as i64;
        prop_assert!((change.added..=change.added + 1).contains(&appended), "{} added, {appended} new", change.added);

        // people's cells stay with their row and column
        let now = cells(&world.grid, |_| true);
        for (place, value) in peoples(&before) {
            if left.contains(&place.0) {
                prop_assert_eq!(now.get(&place), Some(&value), "{:?}", place);
            }
        }
        // and their rows stay as they are, but for a cleared id that comes back
        let columns: BTreeSet<usize> = world.grid.columns.iter().copied().collect();
        for ((row, column), value) in cells(&before.grid, |_| true) {
            let is_peoples = kins.iter().any(|(number, kin)| *number == row && *kin == Kin::Peoples);
            let healed = {
                let at = before.grid.lines.iter().position(|line| line.number == row).unwrap();
                before.grid.value(at, before.column("id")).is_blank()
                    && world.grid.lines.iter().any(|line| line.number == row && !line.cells[world.column("id")].value.is_blank())
            };
            if is_peoples && !healed && columns.contains(&column) {
                prop_assert_eq!(now.get(&(row, column)), Some(&value));
            }
        }

        if relabels {
            for wished in &world.table.columns {
                let (header, column) = (world.header(), world.column(&wished.path));
                let label = world.grid.value(header, column).label();
                prop_assert!(label.starts_with(&wished.label) || world.grid.is_covered(header, column), "{label}");
            }
        }

        // each column once, and only those that the spec excludes are gone
        let owned = world.owned();
        for wished in &world.table.columns {
            prop_assert_eq!(owned.iter().filter(|(_, mark)| mark.path == wished.path).count(), 1);
        }
        for (_, mark) in before.owned() {
            prop_assert!(world.find_column(&mark.path).is_some(), "{} is gone", mark.path);
        }

        if !before.grid.merged.is_empty() {
            // a merge that ended with a row of it leaves cells to the next run
            world.sync().unwrap();
        }
        let again = world.plan().unwrap();
        prop_assert!(again.is_empty(), "a second plan: {:?}", again);
        prop_assert!(!again.change.written);
    }

    #[test]
    fn a_batch_is_applied_at_most_once(first in table(), second in table()) {
        let mut world = World::filled(first);
        world.table = second;
        let plan = world.plan().unwrap();
        let sheet = plan.sheet_id();
        for unit in plan.batches() {
            let body = world.body(&unit, sheet, false);
            world.grid.batch(&body).unwrap();
            let after = world.grid.clone();
            prop_assert!(world.grid.batch(&body).unwrap_err().starts_with("requests[0]"));
            prop_assert_eq!(&world.grid, &after);
        }
        prop_assert!(world.plan().unwrap().is_empty());
    }

    #[test]
    fn excluded_columns_go_and_come_back_without_touching_others(table in table(), at in 0_usize..9) {
        let mut world = World::filled(table.clone());
        Edit::AddColumn { at }.carry_out(&mut world);
        let people = peoples(&world);
        world.columns = ColumnsSpec { exclude: vec!["name".into(), "price".into()], ..ColumnsSpec::default() };
        let kept: Vec<usize> = (0..table.columns.len()).filter(|of| *of == 0 || world.selection().wants(&table.columns[*of].path)).collect();
        world.table.columns = kept.iter().map(|of| table.columns[*of].clone()).collect();
        for (row, old) in world.table.rows.iter_mut().zip(&table.rows) {
            *row = kept.iter().map(|of| old[*of].clone()).collect();
        }
        world.sync().unwrap();
        prop_assert_eq!(world.find_column("name"), None);
        prop_assert_eq!(peoples(&world), people.clone());
        world.columns = ColumnsSpec::default();
        world.table = table;
        world.sync().unwrap();
        prop_assert_eq!(peoples(&world), people);
        prop_assert!(world.plan().unwrap().is_empty());
        let row_marks = world.grid.marks.iter().filter(|mark| matches!(mark.place, Place::Row(_))).count();
        prop_assert_eq!(row_marks, 1);
    }
}
