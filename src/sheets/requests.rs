//! Requests of a batch as JSON text, one function a kind. Text, not the crate's types: a `CellData` takes 2,960 bytes in
//! memory, and most of a body is cells.

use std::{borrow::Cow, fmt::Write};

use serde_json::json;

use super::tab::Rect;
use crate::table::Kind;

/// The most bytes of requests in one batch; Google names no limit and recommends small bodies.
pub const MAX_BYTES: usize = 8_000_000;
/// The most requests in one batch; Google's own limit is 100,000.
pub const MAX_REQUESTS: usize = 10_000;
/// What a request takes beside its cells, at most.
pub const REQUEST_BYTES: usize = 300;

/// A cell's new value: what `userEnteredValue` takes.
#[derive(Debug, Clone, PartialEq)]
pub enum Entered<'a> {
    Blank,
    Bool(bool),
    Number(f64),
    Text(Cow<'a, str>),
    Formula(Cow<'a, str>),
}

impl Entered<'_> {
    fn write(&self, out: &mut String) {
        let written = match self {
            Self::Blank => return out.push_str("{}"),
            Self::Bool(value) => write!(out, r#"{{"userEnteredValue":{{"boolValue":{value}"#),
            // shorter than the same number with a fraction of zero
            Self::Number(value) if value.fract() == 0.0 && value.abs() < 1e15 => {
                write!(out, r#"{{"userEnteredValue":{{"numberValue":{}"#, *value as i64)
            }
            Self::Number(value) => write!(out, r#"{{"userEnteredValue":{{"numberValue":{}"#, json!(value)),
            Self::Text(value) => {
                out.push_str(r#"{"userEnteredValue":{"stringValue":"#);
                quote(value, out)
            }
            Self::Formula(value) => {
                out.push_str(r#"{"userEnteredValue":{"formulaValue":"#);
                quote(value, out)
            }
        };
        // writing to a String cannot fail
        debug_assert!(written.is_ok());
        out.push_str("}}");
    }
}

fn quote(text: &str, out: &mut String) -> std::fmt::Result {
    if text.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        return write!(out, "{}", json!(text));
    }
    out.push('"');
    out.push_str(text);
    out.push('"');
    Ok(())
}

/// Rows of cells as JSON, in the making.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cells {
    json: String,
    rows: usize,
    /// Where the last row begins.
    last: usize,
}

impl Cells {
    pub fn of(row: &[Entered<'_>]) -> Self {
        let mut cells = Self::default();
        cells.push(row);
        cells
    }

    pub fn push(&mut self, row: &[Entered<'_>]) {
        self.next();
        self.json.push_str(r#"{"values":["#);
        for (number, cell) in row.iter().enumerate() {
            if number > 0 {
                self.json.push(',');
            }
            cell.write(&mut self.json);
        }
        self.json.push_str("]}");
        self.rows += 1;
    }

    /// Takes the last row away again.
    pub fn pop(&mut self) {
        self.json.truncate(self.last);
        self.rows = self.rows.saturating_sub(1);
    }

    pub fn append(&mut self, below: &Self) {
        self.next();
        self.json.push_str(&below.json);
        self.rows += below.rows;
    }

    fn next(&mut self) {
        self.last = self.json.len();
        if self.rows > 0 {
            self.json.push(',');
        }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn bytes(&self) -> usize {
        self.json.len()
    }
}

/// What a request does to the sequence of rows and their keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shift {
    Insert {
        at: usize,
        keys: Vec<Option<String>>,
    },
    Key {
        row: usize,
        key: Option<String>,
    },
    /// Ranges from the bottom to the top.
    Delete(Vec<(usize, usize)>),
}

/// Rows that a unit touches, by what happens to them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub added: i64,
    pub updated: i64,
    pub removed: i64,
    /// Put back after they vanished in an earlier round.
    pub restored: i64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        let Self {
            added,
            updated,
            removed,
            restored,
        } = other;
        self.added += added;
        self.updated += updated;
        self.removed += removed;
        self.restored += restored;
    }
}

/// Requests that belong together: one is never sent without the others, nor before those of the units before it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Unit {
    /// Requests, separated by commas.
    pub json: String,
    pub requests: usize,
    /// In the order of the requests.
    pub shifts: Vec<Shift>,
    pub counts: Counts,
    /// Of all kinds, for who waits for them.
    pub rows: usize,
}

impl Unit {
    pub fn is_empty(&self) -> bool {
        self.requests == 0
    }

    pub fn push(&mut self, request: impl std::fmt::Display) {
        if self.requests > 0 {
            self.json.push(',');
        }
        let _ = write!(self.json, "{request}");
        self.requests += 1;
    }

    /// New values for the cells of one row; formats, notes and validation of the cells stay.
    pub fn update_cells(&mut self, sheet: i32, range: Rect, row: &[Entered<'_>]) {
        self.write_cells(sheet, range, &Cells::of(row));
    }

    /// New values for a rectangle.
    pub fn write_cells(&mut self, sheet: i32, range: Rect, cells: &Cells) {
        self.push(format_args!(
            r#"{{"updateCells":{{"rows":[{}],"fields":"userEnteredValue","range":{}}}}}"#,
            cells.json,
            grid(sheet, range)
        ));
    }

    /// Adds all of another unit.
    pub fn append(&mut self, other: &Self) {
        let Self {
            json,
            requests,
            shifts,
            counts,
            rows,
        } = other;
        if *requests > 0 {
            self.push(json);
            self.requests += requests - 1;
        }
        self.shifts.extend_from_slice(shifts);
        self.counts += *counts;
        self.rows += rows;
    }

    pub fn insert(&mut self, sheet: i32, dimension: &str, start: usize, count: usize, inherit_from_before: bool) {
        self.push(json!({"insertDimension": {
            "range": {"sheetId": sheet, "dimension": dimension, "startIndex": start, "endIndex": start + count},
            "inheritFromBefore": inherit_from_before,
        }}));
    }

    pub fn delete(&mut self, sheet: i32, dimension: &str, start: usize, end: usize) {
        self.push(json!({"deleteDimension": {
            "range": {"sheetId": sheet, "dimension": dimension, "startIndex": start, "endIndex": end},
        }}));
    }

    pub fn append_row(&mut self, sheet: i32) {
        self.push(json!({"appendDimension": {"sheetId": sheet, "dimension": "ROWS", "length": 1}}));
    }

    /// A developer metadata entry, with an ID of ours or one that Google chooses.
    pub fn create_mark(&mut self, id: Option<i32>, key: &str, value: &str, location: serde_json::Value) {
        let mut mark = json!({
            "metadataKey": key, "metadataValue": value, "location": location, "visibility": "DOCUMENT",
        });
        if let Some(id) = id {
            mark["metadataId"] = json!(id);
        }
        self.push(json!({"createDeveloperMetadata": {"developerMetadata": mark}}));
    }

    pub fn update_mark(&mut self, id: i32, value: &str) {
        self.push(json!({"updateDeveloperMetadata": {
            "dataFilters": [{"developerMetadataLookup": {"metadataId": id}}],
            "developerMetadata": {"metadataValue": value},
            "fields": "metadataValue",
        }}));
    }

    pub fn delete_mark(&mut self, id: i32) {
        self.push(json!({"deleteDeveloperMetadata": {
            "dataFilter": {"developerMetadataLookup": {"metadataId": id}},
        }}));
    }

    /// The look of a header that we make: bold on grey.
    pub fn header_format(&mut self, sheet: i32, range: Rect) {
        self.push(json!({"repeatCell": {
            "range": grid(sheet, range),
            "cell": {"userEnteredFormat": {
                "textFormat": {"bold": true},
                "backgroundColor": {"red": 0.9, "green": 0.9, "blue": 0.9},
                "numberFormat": {"type": "TEXT"},
            }},
            "fields": "userEnteredFormat(textFormat.bold,backgroundColor,numberFormat)",
        }}));
    }

    /// The number format of a column's data cells; `Plain` has none.
    pub fn number_format(&mut self, sheet: i32, range: Rect, kind: Kind) {
        let format = match kind {
            Kind::Plain => json!({}),
            Kind::Identifier => json!({"numberFormat": {"type": "TEXT"}}),
            Kind::Day => json!({"numberFormat": {"type": "DATE", "pattern": "dd/mm/yyyy"}}),
            Kind::Instant => json!({"numberFormat": {"type": "DATE_TIME", "pattern": "dd/mm/yyyy hh:mm"}}),
        };
        self.push(json!({"repeatCell": {
            "range": grid(sheet, range),
            "cell": {"userEnteredFormat": format},
            "fields": "userEnteredFormat.numberFormat",
        }}));
    }

    /// Takes away what an inserted column inherited: looks, validation, and the FALSE with which a checkbox arrives.
    pub fn blank(&mut self, sheet: i32, range: Rect) {
        self.push(json!({"repeatCell": {
            "range": grid(sheet, range), "cell": {}, "fields": "userEnteredValue,userEnteredFormat,dataValidation",
        }}));
    }

    /// A formula for every cell of a range, its references moved with each row.
    pub fn repeat_formula(&mut self, sheet: i32, range: Rect, formula: &str) {
        self.push(json!({"repeatCell": {
            "range": grid(sheet, range),
            "cell": {"userEnteredValue": {"formulaValue": formula}},
            "fields": "userEnteredValue",
        }}));
    }

    pub fn column_width(&mut self, sheet: i32, columns: (usize, usize), pixels: i32) {
        self.push(json!({"updateDimensionProperties": {
            "range": {"sheetId": sheet, "dimension": "COLUMNS", "startIndex": columns.0, "endIndex": columns.1},
            "properties": {"pixelSize": pixels},
            "fields": "pixelSize",
        }}));
    }

    pub fn note(&mut self, sheet: i32, row: usize, column: usize, text: &str) {
        self.push(json!({"repeatCell": {
            "range": grid(sheet, Rect { rows: (row, row + 1), columns: (column, column + 1) }),
            "cell": {"note": text},
            "fields": "note",
        }}));
    }

    pub fn title(&mut self, sheet: i32, title: &str) {
        self.push(json!({"updateSheetProperties": {
            "properties": {"sheetId": sheet, "title": title}, "fields": "title",
        }}));
    }

    pub fn freeze_rows(&mut self, sheet: i32, rows: usize) {
        self.push(json!({"updateSheetProperties": {
            "properties": {"sheetId": sheet, "gridProperties": {"frozenRowCount": rows}},
            "fields": "gridProperties.frozenRowCount",
        }}));
    }

    pub fn add_sheet(&mut self, sheet: i32, title: &str, index: Option<usize>, rows: usize, columns: usize) {
        let mut properties = json!({
            "sheetId": sheet, "title": title,
            "gridProperties": {"rowCount": rows, "columnCount": columns, "frozenRowCount": 1},
        });
        if let Some(index) = index {
            properties["index"] = index.into();
        }
        self.push(json!({"addSheet": {"properties": properties}}));
    }

    /// Copies the formulas of one row into others, as filling down does.
    pub fn fill_down(&mut self, sheet: i32, column: usize, from: usize, to: (usize, usize)) {
        let columns = (column, column + 1);
        self.push(json!({"copyPaste": {
            "source": grid(sheet, Rect { rows: (from, from + 1), columns }),
            "destination": grid(sheet, Rect { rows: to, columns }),
            "pasteType": "PASTE_FORMULA",
            "pasteOrientation": "NORMAL",
        }}));
    }
}

pub fn on_sheet(sheet: i32) -> serde_json::Value {
    json!({"sheetId": sheet})
}

pub fn on_line(sheet: i32, dimension: &str, index: usize) -> serde_json::Value {
    json!({"dimensionRange": {
        "sheetId": sheet, "dimension": dimension, "startIndex": index, "endIndex": index + 1,
    }})
}

fn grid(sheet: i32, range: Rect) -> serde_json::Value {
    json!({
        "sheetId": sheet,
        "startRowIndex": range.rows.0, "endRowIndex": range.rows.1,
        "startColumnIndex": range.columns.0, "endColumnIndex": range.columns.1,
    })
}
