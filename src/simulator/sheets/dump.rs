//! The whole state of a spreadsheet as JSON: for tests to compare and for the page to draw.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use super::{
    a1::{Rect, column_name},
    eval::Evaluator,
    format::{self, Locale},
    model::{CellValue, Editor, Object, Row, Sheet, Spreadsheet, number},
    store::{Role, State},
    view::{self, View},
};

/// Which part of which sheet is wanted with cells; `None` = all of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Window {
    pub sheet: Option<i64>,
    pub rows: Option<(usize, usize)>,
}

/// `{spreadsheetId, revision, sharing, properties, namedRanges, developerMetadata, sheets: [{properties, merges …,
/// usedRows, filledRows, hiddenRows, firstRow, values, shown, notes, formats, validations, columns,
/// developerMetadata}]}`
///
/// `values` are typed as entered, formulas as text; `shown` is what the cells show. Both have the sheet's rows up to
/// the last one that holds anything. `formats` are rectangles of one format, `hiddenRows` runs `[start, end]` of rows that
/// a person or the basic filter hides (left out if there are none). `developerMetadata` of a sheet holds its own entries
/// and those of its rows and columns.
pub fn dump(state: &State, sharing: &BTreeMap<String, Role>, window: Window) -> Value {
    let book = &state.book;
    let view = View {
        mask: Default::default(),
        masked: false,
        include_grid_data: false,
        ranges: Vec::new(),
        editor: &Editor::Owner,
    };
    let mut shown = view.show(book).unwrap_or_default();
    shown["revision"] = json!(state.revision);
    shown["sharing"] = json!(sharing);
    let evaluator = Evaluator::new(book);
    let locale = Locale::of(&book.locale);
    for (position, sheet) in book.sheets.iter().enumerate() {
        let target = &mut shown["sheets"][position];
        let metadata = sheet.all_metadata().map(|(place, entry)| entry.to_json(place));
        target["developerMetadata"] = metadata.collect();
        target["usedRows"] = json!(used_rows(sheet));
        let filled = |row: &Arc<Row>| row.cells.iter().any(|cell| cell.value != CellValue::Empty);
        target["filledRows"] = json!(sheet.rows.iter().filter(|row| filled(row)).count());
        let hidden = hidden_rows(&evaluator, book, position);
        if !hidden.is_empty() {
            target["hiddenRows"] = json!(hidden);
        }
        if window.sheet.is_none_or(|wanted| wanted == sheet.id) {
            cells(target, &evaluator, locale, (position, sheet), window.rows);
        }
    }
    shown
}

fn cells(
    target: &mut Value,
    evaluator: &Evaluator<'_>,
    locale: Locale,
    (position, sheet): (usize, &Sheet),
    rows: Option<(usize, usize)>,
) {
    let used = sheet
        .rows
        .iter()
        .rposition(|row| !row.cells.is_empty())
        .map_or(0, |last| last + 1);
    let (from, to) = rows.unwrap_or((0, used));
    let (from, to) = (from.min(used), to.min(used));
    let mut values = Vec::new();
    let mut texts = Vec::new();
    let mut notes = Object::new();
    let mut validations = Object::new();
    for (at, row) in sheet.rows[from..to].iter().enumerate() {
        let at = from + at;
        let cells = || row.cells.iter().enumerate();
        values.push(cells().map(|(_, cell)| entered(&cell.value)).collect::<Vec<_>>());
        let text = |column| evaluator.cell(position, at, column);
        texts.push(
            cells()
                .map(|(column, cell)| format::shown(&text(column), cell, locale))
                .collect::<Vec<_>>(),
        );
        for (column, cell) in cells() {
            let address = || format!("{}{}", column_name(column), at + 1);
            if let Some(note) = cell.field("note") {
                notes.insert(address(), note.clone());
            }
            if let Some(rule) = cell.field("dataValidation") {
                validations.insert(address(), rule.clone());
            }
        }
    }
    target["firstRow"] = json!(from);
    target["values"] = json!(values);
    target["shown"] = json!(texts);
    target["notes"] = json!(notes);
    target["validations"] = json!(validations);
    target["formats"] = formats(&sheet.rows[from..to], from);
    let hidden = |hidden: bool| if hidden { json!(true) } else { Value::Null };
    target["columns"] = sheet
        .columns
        .iter()
        .map(|column| json!({"width": column.pixel_size.unwrap_or(100), "hidden": hidden(column.hidden)}))
        .collect();
}

/// Runs of rows that nobody sees.
fn hidden_rows(evaluator: &Evaluator<'_>, book: &Spreadsheet, position: usize) -> Vec<[usize; 2]> {
    let filtered = view::filtered_rows(evaluator, book, position);
    let by_user = |row: &Row| row.dimension.as_ref().is_some_and(|own| own.hidden);
    let mut runs: Vec<[usize; 2]> = Vec::new();
    for (at, row) in book.sheets[position].rows.iter().enumerate() {
        if by_user(row) || filtered.contains(&at) {
            match runs.last_mut() {
                Some([_, end]) if *end == at => *end += 1,
                _ => runs.push([at, at + 1]),
            }
        }
    }
    runs
}

/// Rows up to the last one that holds anything.
fn used_rows(sheet: &Sheet) -> usize {
    sheet
        .rows
        .iter()
        .rposition(|row| !row.cells.is_empty())
        .map_or(0, |last| last + 1)
}

fn entered(value: &CellValue) -> Value {
    match value {
        CellValue::Empty => Value::Null,
        CellValue::Number(value) => number(*value),
        CellValue::Bool(value) => json!(value),
        CellValue::Text(text) | CellValue::Formula(text) => json!(text),
    }
}

/// Cells of one format as few rectangles: runs of a row, joined with the equal run of the row above.
fn formats(rows: &[Arc<Row>], first: usize) -> Value {
    let mut done: Vec<(Rect, &Value)> = Vec::new();
    let mut open: Vec<(Rect, &Value)> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let at = first + at;
        let mut runs: Vec<(Rect, &Value)> = Vec::new();
        for (column, cell) in row.cells.iter().enumerate() {
            let Some(format) = cell.field("userEnteredFormat") else {
                continue;
            };
            match runs.last_mut() {
                Some((rect, last)) if rect.right == column && *last == format => rect.right += 1,
                _ => runs.push((
                    Rect {
                        top: at,
                        bottom: at + 1,
                        left: column,
                        right: column + 1,
                    },
                    format,
                )),
            }
        }
        let mut next = Vec::new();
        for (mut rect, format) in runs {
            let above = open
                .iter()
                .position(|(above, other)| (above.left, above.right) == (rect.left, rect.right) && *other == format);
            if let Some(above) = above {
                rect.top = open.swap_remove(above).0.top;
            }
            next.push((rect, format));
        }
        done.append(&mut open);
        open = next;
    }
    done.append(&mut open);
    done.sort_by_key(|(rect, _)| (rect.top, rect.left));
    done.into_iter()
        .map(|(rect, format)| json!({"range": rect.a1(), "format": format}))
        .collect()
}
