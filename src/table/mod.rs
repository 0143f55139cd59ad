//! Records → columns and typed cells. Pure; the same records give the same table in every run.
//!
//! A record is flattened into cells and packed as soon as its page is read ([`flatten`], [`cell`], [`packed`]); when all
//! are read, the columns are put in order and labelled ([`columns`]).

mod cell;
mod columns;
mod flatten;
mod packed;
mod selection;

use std::borrow::Cow;

pub use cell::key_text;
pub use flatten::Flattener;
pub use packed::Packed;
pub use selection::Selection;

/// One JSON object of Wedof.
pub type Record = serde_json::Map<String, serde_json::Value>;

/// What a tab should hold: one row per record, one cell per column, the key in column 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub columns: Vec<Column>,
    pub key_shape: KeyShape,
    rows: Vec<Packed>,
}

impl Table {
    pub fn new(columns: Vec<Column>, key_shape: KeyShape, rows: Vec<Packed>) -> Self {
        Self {
            columns,
            key_shape,
            rows,
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// One cell a column.
    pub fn row(&self, row: usize) -> Vec<Cell<'_>> {
        self.rows
            .get(row)
            .map_or_else(Vec::new, |packed| packed.row(self.columns.len()))
    }

    pub fn rows(&self) -> impl ExactSizeIterator<Item = Vec<Cell<'_>>> {
        self.rows.iter().map(|packed| packed.row(self.columns.len()))
    }

    pub fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        self.rows.get(row).map_or(Cell::Blank, |packed| packed.get(column))
    }

    /// The key of a row, the text of its first cell.
    pub fn key(&self, row: usize) -> Option<&str> {
        self.rows.get(row)?.text(0)
    }

    /// The keys of all rows in their order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = Option<&str>> {
        self.rows.iter().map(|packed| packed.text(0))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Dotted path in the record, unique in the table: `attendee.lastName`.
    pub path: String,
    /// Header text, unique in the table.
    pub label: String,
    pub kind: Kind,
}

/// Decides the number format of a column when it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No number format.
    Plain,
    /// Ids, SIRET, phone numbers, postcodes: format TEXT, or a person's edit would turn them into numbers.
    Identifier,
    /// A calendar day: format DATE.
    Day,
    /// A moment: format DATE_TIME, shown in the spreadsheet's zone.
    Instant,
}

/// A text is borrowed from the JSON or the packed row that it comes from.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Cell<'a> {
    /// null, "" and absent are one.
    #[default]
    Blank,
    Bool(bool),
    /// Always finite.
    Number(f64),
    Text(Cow<'a, str>),
    /// Days since 1970-01-01.
    Day(i32),
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Instant(i64),
}

impl Cell<'_> {
    /// The cell with a text of its own.
    pub fn into_owned(self) -> Cell<'static> {
        match self {
            Self::Blank => Cell::Blank,
            Self::Bool(value) => Cell::Bool(value),
            Self::Number(value) => Cell::Number(value),
            Self::Text(text) => Cell::Text(text.into_owned().into()),
            Self::Day(days) => Cell::Day(days),
            Self::Instant(milliseconds) => Cell::Instant(milliseconds),
        }
    }
}

/// The shape of a resource's ids: a row whose key has another shape belongs to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyShape {
    /// ASCII digits only.
    Digits,
    /// Letters, digits and `-_./`, at least one digit, no space.
    Slug,
    /// Holds an `@`, no space.
    Email,
}

impl KeyShape {
    pub fn matches(self, key: &str) -> bool {
        match self {
            Self::Digits => !key.is_empty() && key.bytes().all(|b| b.is_ascii_digit()),
            Self::Slug => {
                key.bytes().any(|b| b.is_ascii_digit())
                    && key
                        .chars()
                        .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'))
            }
            Self::Email => key.contains('@') && !key.chars().any(char::is_whitespace),
        }
    }
}
