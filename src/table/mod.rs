//! Records → columns and typed cells. Pure; the same records give the same table in every run.
//!
//! A record is flattened into cells as soon as its page is read ([`flatten`], [`cell`]); when all are read, the columns
//! are put in order and labelled ([`columns`]).

mod cell;
mod columns;
mod flatten;

pub use cell::key_text;
pub use flatten::{Flattener, Row};

/// One JSON object of Wedof.
pub type Record = serde_json::Map<String, serde_json::Value>;

/// What a tab should hold: one row per record, one cell per column, the key in column 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub columns: Vec<Column>,
    /// Each as long as `columns`.
    pub rows: Vec<Vec<Cell>>,
    pub key_shape: KeyShape,
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

#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// null, "" and absent are one.
    Blank,
    Bool(bool),
    /// Always finite.
    Number(f64),
    Text(Box<str>),
    /// Days since 1970-01-01.
    Day(i32),
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Instant(i64),
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

/// The key of a row, the text of its first cell.
pub fn key_of(row: &[Cell]) -> Option<&str> {
    match row.first() {
        Some(Cell::Text(key)) => Some(key),
        _ => None,
    }
}
