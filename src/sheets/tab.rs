//! A tab as it was found: its grid, its marks, and what stands in the way of writing.

use std::{borrow::Cow, collections::HashSet, sync::Arc};

use serde::de::{Deserialize, Deserializer, Visitor};

use super::marks::{ColumnMark, Revision, TabMark};
use crate::table::{Cell, Packed};

/// What a cell holds, as `FORMULA` + `SERIAL_NUMBER` rendering shows it.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Seen<'a> {
    #[default]
    Blank,
    Bool(bool),
    Number(f64),
    /// A text that begins with `=` is a formula, or a text that looks like one.
    Text(Cow<'a, str>),
}

impl Seen<'_> {
    pub fn is_blank(&self) -> bool {
        matches!(self, Self::Blank)
    }

    pub fn is_formula(&self) -> bool {
        matches!(self, Self::Text(text) if text.starts_with('='))
    }

    /// The text by which keys are compared: a number that people's edits or another tool made of an id is that id.
    pub fn key(&self) -> Option<String> {
        match self {
            Self::Blank | Self::Bool(_) => None,
            Self::Number(number) if number.fract() == 0.0 && number.abs() < 9.0e15 => Some(format!("{number:.0}")),
            Self::Number(number) => Some(number.to_string()),
            Self::Text(text) => {
                let text = text.trim();
                (!text.is_empty()).then(|| text.to_owned())
            }
        }
    }

    /// The text of a header cell.
    pub fn label(&self) -> String {
        match self {
            Self::Text(text) => text.clone().into_owned(),
            other => other.key().unwrap_or_default(),
        }
    }

    pub fn into_owned(self) -> Seen<'static> {
        match self {
            Self::Blank => Seen::Blank,
            Self::Bool(value) => Seen::Bool(value),
            Self::Number(value) => Seen::Number(value),
            Self::Text(text) => Seen::Text(text.into_owned().into()),
        }
    }
}

/// How a cell is packed.
impl<'a> From<Seen<'a>> for Cell<'a> {
    fn from(seen: Seen<'a>) -> Self {
        match seen {
            Seen::Blank => Self::Blank,
            Seen::Bool(value) => Self::Bool(value),
            Seen::Number(value) => Self::Number(value),
            Seen::Text(text) => Self::Text(text),
        }
    }
}

/// And how it is unpacked: days and moments are numbers in a tab.
impl<'a> From<Cell<'a>> for Seen<'a> {
    fn from(cell: Cell<'a>) -> Self {
        match cell {
            Cell::Bool(value) => Self::Bool(value),
            Cell::Number(value) => Self::Number(value),
            Cell::Text(text) => Self::Text(text),
            Cell::Blank | Cell::Day(_) | Cell::Instant(_) => Self::Blank,
        }
    }
}

impl<'de> Deserialize<'de> for Seen<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Value;

        impl<'de> Visitor<'de> for Value {
            type Value = Seen<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the value of a cell")
            }

            fn visit_unit<E>(self) -> Result<Seen<'de>, E> {
                Ok(Seen::Blank)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Seen<'de>, E> {
                Ok(Seen::Bool(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Seen<'de>, E> {
                Ok(Seen::Number(value as f64))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Seen<'de>, E> {
                Ok(Seen::Number(value as f64))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Seen<'de>, E> {
                Ok(Seen::Number(value))
            }

            fn visit_str<E>(self, value: &str) -> Result<Seen<'de>, E> {
                Ok(text(value.to_owned().into()))
            }

            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Seen<'de>, E> {
                Ok(text(value.into()))
            }
        }

        deserializer.deserialize_any(Value)
    }
}

fn text(text: Cow<'_, str>) -> Seen<'_> {
    if text.is_empty() { Seen::Blank } else { Seen::Text(text) }
}

/// Half-open ranges of rows and columns, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rect {
    pub rows: (usize, usize),
    pub columns: (usize, usize),
}

impl Rect {
    pub fn contains(&self, row: usize, column: usize) -> bool {
        self.rows.0 <= row && row < self.rows.1 && self.columns.0 <= column && column < self.columns.1
    }

    pub fn covers(&self, other: &Self) -> bool {
        self.rows.0 <= other.rows.0
            && other.rows.1 <= self.rows.1
            && self.columns.0 <= other.columns.0
            && other.columns.1 <= self.columns.1
    }

    pub fn meets(&self, other: &Self) -> bool {
        self.rows.0 < other.rows.1
            && other.rows.0 < self.rows.1
            && self.columns.0 < other.columns.1
            && other.columns.0 < self.columns.1
    }

    /// As people write it: `B2:C10`.
    pub fn a1(&self) -> String {
        format!(
            "{}{}:{}{}",
            column_letters(self.columns.0),
            self.rows.0 + 1,
            column_letters(self.columns.1.saturating_sub(1)),
            self.rows.1
        )
    }
}

/// 0 → A, 26 → AA.
pub fn column_letters(mut column: usize) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(char::from(b'A' + (column % 26) as u8));
        if column < 26 {
            break;
        }
        column = column / 26 - 1;
    }
    letters.iter().rev().collect()
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedColumn {
    pub index: usize,
    /// None until the mark is written: the column of a tab that is being adopted.
    pub metadata_id: Option<i32>,
    pub mark: ColumnMark,
}

/// A range that the account may not edit, and the parts of it that it may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protected {
    pub range: Rect,
    pub except: Vec<Rect>,
}

/// How a tab comes to be ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Claim {
    /// By its mark.
    #[default]
    Marked,
    /// Its title is the wished one and it is empty.
    Empty,
    /// Its title is the wished one; whether it may be adopted, its header and keys have to prove.
    Unproven,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tab {
    pub sheet_id: i32,
    pub title: String,
    pub claim: Claim,
    /// Titles of the other tabs.
    pub other_titles: Vec<String>,
    pub row_count: usize,
    pub column_count: usize,
    pub frozen_rows: usize,
    /// Shared by copies of the tab: they are most of it.
    pub cells: Arc<[Packed]>,
    /// (row, column) of cells that look like formulas and are texts: a note of Wedof's may begin with `=`.
    pub texts: HashSet<(usize, usize)>,
    /// Rows with a note of people, of those that were looked at for one.
    pub noted: HashSet<usize>,
    pub mark: Option<(i32, TabMark)>,
    pub revision: Option<Revision>,
    /// Row index and metadata ID.
    pub header: Option<(usize, i32)>,
    /// In the order of their indexes; the first of a path wins.
    pub columns: Vec<OwnedColumn>,
    /// Marks of columns that repeat a path further right.
    pub stray_marks: Vec<i32>,
    /// All cells of these but the top-left one are covered.
    pub merges: Vec<Rect>,
    /// Ranges that the account may not edit.
    pub protected: Vec<Protected>,
}

impl Tab {
    /// Takes the rows that were read; an unmarked tab that has none is empty.
    pub fn fill(&mut self, rows: Vec<Packed>) {
        self.cells = rows.into();
        if self.claim == Claim::Unproven && self.used_rows() == 0 {
            self.claim = Claim::Empty;
        }
    }

    /// Whether `now`, whose cells were not read, is this tab.
    pub fn is_same_but_for_cells(&self, now: Self) -> bool {
        let filled = Self {
            cells: Arc::clone(&self.cells),
            texts: self.texts.clone(),
            noted: self.noted.clone(),
            claim: if self.claim == Claim::Empty {
                Claim::Empty
            } else {
                now.claim
            },
            ..now
        };
        *self == filled
    }

    pub fn cell(&self, row: usize, column: usize) -> Seen<'_> {
        self.cells.get(row).map_or(Seen::Blank, |row| row.get(column).into())
    }

    /// The filled cells of a row with their columns, from left to right.
    pub fn filled(&self, row: usize) -> impl Iterator<Item = (usize, Seen<'_>)> {
        let row = self.cells.get(row).into_iter();
        row.flat_map(Packed::cells).map(|(column, cell)| (column, cell.into()))
    }

    /// All cells of a row.
    pub fn row(&self, row: usize) -> Vec<Seen<'_>> {
        let mut cells = vec![Seen::Blank; self.column_count];
        for (column, cell) in self.filled(row) {
            if let Some(place) = cells.get_mut(column) {
                *place = cell;
            }
        }
        cells
    }

    pub fn is_formula(&self, row: usize, column: usize) -> bool {
        self.cell(row, column).is_formula() && !self.texts.contains(&(row, column))
    }

    /// Columns of a row that hold a formula.
    pub fn formulas(&self, row: usize) -> impl Iterator<Item = usize> {
        let formulas = self.filled(row).filter(|(_, cell)| cell.is_formula());
        formulas
            .map(|(column, _)| column)
            .filter(move |column| !self.texts.contains(&(row, *column)))
    }

    /// Cells of ours that look like formulas, in rows that `is_listed` does not know the key of: whether such a row is a
    /// record's that is gone or people's own hangs on what these cells really are.
    pub fn doubtful(&self, key: &str, is_listed: impl Fn(&str) -> bool) -> Vec<(usize, usize)> {
        let Some(key) = self.columns.iter().find(|column| column.mark.path == key) else {
            return Vec::new();
        };
        let rows = (0..self.used_rows()).filter(|row| {
            let text = self.cell(*row, key.index).key();
            text.is_some_and(|text| !is_listed(&text))
        });
        rows.flat_map(|row| self.columns.iter().map(move |column| (row, column.index)))
            .filter(|(row, column)| self.cell(*row, *column).is_formula())
            .collect()
    }

    pub fn is_covered(&self, row: usize, column: usize) -> bool {
        let covers = |merge: &Rect| merge.contains(row, column) && (merge.rows.0, merge.columns.0) != (row, column);
        self.merges.iter().any(covers)
    }

    /// The last row with content, plus one.
    pub fn used_rows(&self) -> usize {
        self.cells
            .iter()
            .rposition(|row| !row.is_blank())
            .map_or(0, |row| row + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_an_id_became_is_still_that_id() {
        assert_eq!(
            Seen::Number(12_345_678_901_234.0).key().as_deref(),
            Some("12345678901234")
        );
        assert_eq!(
            Seen::Text(" 12345678901234 ".into()).key().as_deref(),
            Some("12345678901234")
        );
        assert_eq!(Seen::Text("  ".into()).key(), None);
    }

    #[test]
    fn ranges_are_named_as_people_see_them() {
        assert_eq!(
            Rect {
                rows: (1, 10),
                columns: (1, 3)
            }
            .a1(),
            "B2:C10"
        );
        assert_eq!(column_letters(26 * 27), "AAA");
    }
}
