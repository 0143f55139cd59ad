//! Whose row is it? Every row below the header is a record's, a stale record's, a double or people's own.

use std::collections::{HashMap, HashSet};

use super::{
    TabWish,
    tab::{Seen, Tab},
};
use crate::table::{Cell, key_of};

/// What a row of the tab is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// Row `0` of the wished table.
    Record(usize),
    /// The same record's a second time, further down.
    Double { record: usize, written_on: bool },
    /// A record that Wedof no longer lists.
    Stale { written_on: bool },
    /// Not ours: never written, never deleted.
    People,
}

/// The rows below the header, and what follows from looking at all of them.
#[derive(Debug)]
pub struct Rows {
    /// Index of the first row below the header.
    pub first: usize,
    pub rows: Vec<Row>,
    /// Columns (as read) that hold a formula of people in most record rows: new rows get it too.
    pub filled_down: Vec<usize>,
    /// Rows whose cleared id is given back.
    pub healed: usize,
}

impl Rows {
    /// Sorts out the rows of `tab`; `key` is the key column, `owned` pairs columns as read with columns of the table.
    pub fn of(tab: &Tab, wish: &TabWish<'_>, header: usize, key: usize, owned: &[(usize, Option<usize>)]) -> Self {
        let first = header + 1;
        let table = wish.table;
        let by_key: HashMap<&str, usize> = table
            .rows
            .iter()
            .enumerate()
            .filter_map(|(index, row)| Some((key_of(row)?, index)))
            .collect();
        let is_owned: HashSet<usize> = owned.iter().map(|(column, _)| *column).collect();

        let mut seen = HashSet::new();
        let mut rows: Vec<Row> = (first..tab.used_rows())
            .map(|row| match tab.cell(row, key).key() {
                Some(text) => match by_key.get(text.as_str()) {
                    Some(&record) if seen.insert(record) => Row::Record(record),
                    Some(&record) => Row::Double {
                        record,
                        written_on: false,
                    },
                    None => {
                        let formula = owned.iter().any(|(column, _)| tab.cell(row, *column).is_formula());
                        let stale = table.key_shape.matches(&text) && !formula;
                        if stale {
                            Row::Stale { written_on: false }
                        } else {
                            Row::People
                        }
                    }
                },
                None => Row::People,
            })
            .collect();

        let healed = heal(tab, wish, first, key, owned, &mut rows, &mut seen);
        let filled_down = filled_down(tab, first, &rows, &is_owned);
        for (offset, row) in rows.iter_mut().enumerate() {
            let written = || {
                let cells = tab.cells.get(first + offset).map(Vec::as_slice).unwrap_or_default();
                cells.iter().enumerate().any(|(column, cell)| {
                    let formula_of_all = cell.is_formula() && filled_down.contains(&column);
                    !is_owned.contains(&column) && !matches!(cell, Seen::Blank | Seen::Bool(false)) && !formula_of_all
                })
            };
            match row {
                Row::Double { written_on, .. } | Row::Stale { written_on } => *written_on = written(),
                Row::Record(_) | Row::People => {}
            }
        }
        Self {
            first,
            rows,
            filled_down,
            healed,
        }
    }

    /// Each row with its index in the tab.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Row)> + '_ {
        self.rows
            .iter()
            .enumerate()
            .map(|(offset, row)| (self.first + offset, *row))
    }

    /// The last row that is a record's, stale or not.
    pub fn last_record(&self) -> Option<usize> {
        self.rows
            .iter()
            .rposition(|row| !matches!(row, Row::People))
            .map(|offset| self.first + offset)
    }
}

/// One cleared id: a row whose other owned cells equal exactly one unmatched record is that record's row.
fn heal(
    tab: &Tab,
    wish: &TabWish<'_>,
    first: usize,
    key: usize,
    owned: &[(usize, Option<usize>)],
    rows: &mut [Row],
    seen: &mut HashSet<usize>,
) -> usize {
    let mut healed = 0;
    let compared: Vec<(usize, usize)> = owned
        .iter()
        .filter_map(|(column, of)| Some((*column, (*of)?)))
        .filter(|(column, _)| *column != key)
        .collect();
    let cleared: Vec<usize> = (0..rows.len())
        .filter(|offset| {
            let row = first + offset;
            rows[*offset] == Row::People
                && tab.cell(row, key).is_blank()
                && compared.iter().any(|(column, _)| !tab.cell(row, *column).is_blank())
        })
        .take(100)
        .collect();
    for offset in cleared {
        let equal = |record: &Vec<Cell>| {
            compared
                .iter()
                .all(|(column, of)| looks_like(&record[*of], tab.cell(first + offset, *column)))
        };
        let table = &wish.table.rows;
        let mut matches = (0..table.len()).filter(|record| !seen.contains(record) && equal(&table[*record]));
        if let (Some(record), None) = (matches.next(), matches.next()) {
            seen.insert(record);
            rows[offset] = Row::Record(record);
            healed += 1;
        }
    }
    healed
}

/// Equality for recognising a row; times are left out, since their zone is not known here.
fn looks_like(wished: &Cell, seen: &Seen) -> bool {
    match (wished, seen) {
        (Cell::Blank, seen) => seen.is_blank(),
        (Cell::Bool(wished), Seen::Bool(seen)) => wished == seen,
        (Cell::Number(wished), Seen::Number(seen)) => super::cells::same_number(*wished, *seen),
        (Cell::Text(wished), Seen::Text(seen)) => **wished == **seen,
        (Cell::Day(_) | Cell::Instant(_), Seen::Number(_)) => true,
        _ => false,
    }
}

fn filled_down(tab: &Tab, first: usize, rows: &[Row], owned: &HashSet<usize>) -> Vec<usize> {
    let records: Vec<usize> = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| matches!(row, Row::Record(_)))
        .map(|(offset, _)| first + offset)
        .collect();
    let formulas = |column: usize| {
        records
            .iter()
            .filter(|row| tab.cell(**row, column).is_formula())
            .count()
    };
    let width = tab.cells.iter().map(Vec::len).max().unwrap_or(0);
    (0..width)
        .filter(|column| !owned.contains(column) && formulas(*column) * 2 > records.len())
        .collect()
}
