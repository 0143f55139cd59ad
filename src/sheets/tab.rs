//! A tab as it was found: its grid, its marks, and what stands in the way of writing.

use serde_json::Value;

use super::marks::{ColumnMark, Revision, TabMark};

/// What a cell holds, as `FORMULA` + `SERIAL_NUMBER` rendering shows it.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Seen {
    #[default]
    Blank,
    Bool(bool),
    Number(f64),
    /// A text that begins with `=` is a formula, or a text that looks like one.
    Text(String),
}

impl Seen {
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(value) => value.as_f64().map_or(Self::Blank, Self::Number),
            Value::String(text) if text.is_empty() => Self::Blank,
            Value::String(text) => Self::Text(text.clone()),
            _ => Self::Blank,
        }
    }

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
            Self::Text(text) => text.clone(),
            other => other.key().unwrap_or_default(),
        }
    }
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

/// How a tab comes to be ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// By its mark.
    Marked,
    /// Its title is the wished one and it is empty.
    Empty,
    /// Its title is the wished one; whether it may be adopted, its header and keys have to prove.
    Unproven,
}

#[derive(Debug, Clone)]
pub struct Tab {
    pub sheet_id: i32,
    pub title: String,
    pub claim: Claim,
    /// Titles of the other tabs.
    pub other_titles: Vec<String>,
    pub row_count: usize,
    pub column_count: usize,
    pub frozen_rows: usize,
    /// Trailing blanks are left out, rows may be shorter than the grid.
    pub cells: Vec<Vec<Seen>>,
    pub mark: Option<(i32, TabMark)>,
    pub revision: Option<Revision>,
    /// Row index and metadata ID.
    pub header: Option<(usize, i32)>,
    /// In the order of their indexes; the first of a path wins.
    pub columns: Vec<OwnedColumn>,
    /// All cells of these but the top-left one are covered.
    pub merges: Vec<Rect>,
    /// Ranges that the account may not edit.
    pub protected: Vec<Rect>,
}

impl Tab {
    pub fn cell(&self, row: usize, column: usize) -> &Seen {
        static BLANK: Seen = Seen::Blank;
        self.cells.get(row).and_then(|row| row.get(column)).unwrap_or(&BLANK)
    }

    pub fn is_covered(&self, row: usize, column: usize) -> bool {
        let covers = |merge: &Rect| merge.contains(row, column) && (merge.rows.0, merge.columns.0) != (row, column);
        self.merges.iter().any(covers)
    }

    /// The last row with content, plus one.
    pub fn used_rows(&self) -> usize {
        self.cells
            .iter()
            .rposition(|row| row.iter().any(|cell| !cell.is_blank()))
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
