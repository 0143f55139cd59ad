//! Requests on the content of cells.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    arguments, check_cells, no_reply, required_mask, tables,
    writing::{CellMask, Write},
};
use crate::simulator::sheets::{
    a1::Rect,
    formula,
    model::{CellValue, Editor, Object, Row, Spreadsheet, no_grid},
    protect,
    ranges::GridRange,
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Coordinate {
    #[serde(default)]
    pub sheet_id: i64,
    #[serde(default)]
    pub row_index: usize,
    #[serde(default)]
    pub column_index: usize,
}

pub fn update_cells(book: &mut Spreadsheet, editor: &Editor, mut request: Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct UpdateCells {
        fields: Option<String>,
        range: Option<GridRange>,
        start: Option<Coordinate>,
    }
    let rows = rows_of(&mut request)?;
    let UpdateCells { fields, range, start } = arguments(request)?;
    let mask = CellMask::parse(fields.as_deref())?;
    let (sheet_id, area, fills) = match (&range, &start) {
        (Some(range), None) => (range.sheet_id, range.within(book)?, true),
        (None, Some(start)) => (start.sheet_id, area_from(book, start, &rows)?, false),
        _ => return Err("Exactly one of range and start must be set.".into()),
    };
    for (at, row) in rows.iter().enumerate() {
        let beyond = |what: &str, at: usize, last: usize| {
            format!(
                "Attempting to write {what}: {at}, beyond the last requested {what} of: {}",
                last - 1
            )
        };
        if area.left + row.len() > area.right {
            return Err(beyond("column", area.right, area.right));
        }
        if area.top + at >= area.bottom {
            return Err(beyond("row", area.bottom, area.bottom));
        }
    }
    let titles = book.titles();
    let sheet = book.sheet_mut(sheet_id)?;
    protect::check(sheet, editor, &area)?;
    let clear = Write::new(&Object::new(), &mask, &titles)?;
    let has_merges = !sheet.merges.is_empty();
    for row in area.top..area.bottom {
        let given = rows.get(row - area.top).map(Vec::as_slice).unwrap_or_default();
        let filled = sheet.rows[row].cells.len();
        let last = match fills {
            // what the rows do not cover is cleared: only where something is
            true => area.right.min(filled.max(area.left + given.len())),
            false => area.left + given.len(),
        };
        if last <= area.left {
            continue;
        }
        let mut new = Row::clone(&sheet.rows[row]);
        new.cells.reserve_exact(last.saturating_sub(new.cells.len()));
        for column in area.left..last {
            let covered = has_merges && sheet.is_covered(row, column);
            match given.get(column - area.left) {
                Some(data) => Write::new(data, &mask, &titles)?.apply(new.cell_mut(column), covered),
                None => clear.apply(new.cell_mut(column), covered),
            }
            sheet.has_formulas |= matches!(new.cells[column].value, CellValue::Formula(_));
        }
        new.trim();
        sheet.rows[row] = Arc::new(new);
    }
    check_tables(book, sheet_id, &area)
}

/// Column names of tables are looked at when a header row was written to.
fn check_tables(book: &Spreadsheet, sheet: i64, area: &Rect) -> Result<Value, String> {
    if book
        .sheet(sheet)
        .is_some_and(|sheet| tables::has_header_in(sheet, area))
    {
        tables::check_names(book, sheet)?;
    }
    Ok(no_reply())
}

/// The cells of `rows`, taken out of the request: a batch may have a hundred thousand.
fn rows_of(request: &mut Value) -> Result<Vec<Vec<Object>>, String> {
    let Some(rows) = request.as_object_mut().and_then(|request| request.remove("rows")) else {
        return Ok(Vec::new());
    };
    let list = |value: Value| match value {
        Value::Array(items) => Ok(items),
        Value::Null => Ok(Vec::new()),
        _ => Err("Invalid value: a list was expected".to_owned()),
    };
    let cells = |row: Value| match row {
        Value::Object(mut row) => list(row.remove("values").unwrap_or_default()),
        _ => Ok(Vec::new()),
    };
    let cell = |cell: Value| match cell {
        Value::Object(cell) => cell,
        _ => Object::new(),
    };
    list(rows)?
        .into_iter()
        .map(|row| Ok(cells(row)?.into_iter().map(cell).collect()))
        .collect()
}

/// The rectangle that the rows cover from their start on.
fn area_from(book: &Spreadsheet, start: &Coordinate, rows: &[Vec<Object>]) -> Result<Rect, String> {
    let sheet = book.sheet(start.sheet_id).ok_or_else(|| no_grid(start.sheet_id))?;
    let (row, column) = (start.row_index, start.column_index);
    for (name, what, at, size) in [
        ("rowIndex", "row", row, sheet.rows.len()),
        ("columnIndex", "column", column, sheet.columns.len()),
    ] {
        if at >= size {
            return Err(format!(
                "GridCoordinate.{name}[{at}] is after last {what} in grid[{}]",
                size - 1
            ));
        }
    }
    let wide = rows.iter().map(Vec::len).max().unwrap_or(0);
    Ok(Rect {
        top: row,
        bottom: (row + rows.len()).min(sheet.rows.len()),
        left: column,
        right: (column + wide).min(sheet.columns.len()),
    })
}

pub fn repeat_cell(book: &mut Spreadsheet, editor: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct RepeatCell {
        #[serde(default)]
        range: GridRange,
        #[serde(default)]
        cell: Object,
        fields: Option<String>,
    }
    let RepeatCell { range, cell, fields } = arguments(request)?;
    let mask = CellMask::parse(fields.as_deref())?;
    let area = range.within(book)?;
    let write = Write::new(&cell, &mask, &book.titles())?;
    let sheet = book.sheet_mut(range.sheet_id)?;
    protect::check(sheet, editor, &area)?;
    // cells that had the same fields share the new ones: a column of 100,000 keeps one format
    let mut shared: Option<(Extra, Extra)> = None;
    let clears = write.fields.is_empty() && matches!(write.value, None | Some(CellValue::Empty));
    for row in area.top..area.bottom {
        let right = if clears {
            area.right.min(sheet.rows[row].cells.len())
        } else {
            area.right
        };
        if area.left >= right {
            continue;
        }
        let mut new = Row::clone(&sheet.rows[row]);
        for column in area.left..right {
            let covered = sheet.is_covered(row, column);
            let cell = new.cell_mut(column);
            let value = write.value.as_ref().filter(|_| !covered);
            if let Some(value) = value {
                cell.value = match value {
                    CellValue::Formula(formula) => {
                        let (down, along) = ((row - area.top) as isize, (column - area.left) as isize);
                        CellValue::Formula(formula::moved_by(formula, down, along))
                    }
                    value => value.clone(),
                };
                sheet.has_formulas |= matches!(cell.value, CellValue::Formula(_));
            }
            if mask.fields.is_empty() {
                continue;
            }
            cell.extra = match &shared {
                Some((old, new)) if same(old, &cell.extra) => new.clone(),
                _ => {
                    let new = write.merged(cell.extra.as_deref());
                    shared = Some((cell.extra.clone(), new.clone()));
                    new
                }
            };
        }
        new.trim();
        sheet.rows[row] = Arc::new(new);
    }
    check_tables(book, range.sheet_id, &area)
}

/// As a cell keeps its other fields.
type Extra = Option<Arc<Object>>;

fn same(a: &Extra, b: &Extra) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        (None, None) => true,
        _ => false,
    }
}

/// After the last row that holds anything; the grid grows.
pub fn append_cells(book: &mut Spreadsheet, editor: &Editor, request: Value) -> Result<Value, String> {
    let sheet_id = request.get("sheetId").and_then(Value::as_i64).unwrap_or(0);
    let sheet = book.sheet_mut(sheet_id)?;
    let first = sheet
        .rows
        .iter()
        .rposition(|row| !row.cells.is_empty())
        .map_or(0, |last| last + 1);
    let needed = first + request.get("rows").and_then(Value::as_array).map_or(0, Vec::len);
    if sheet.rows.len() < needed {
        sheet.rows.resize(needed, Arc::default());
    }
    check_cells(book)?;
    let start = json!({"sheetId": sheet_id, "rowIndex": first});
    let update = json!({"rows": request.get("rows"), "fields": request.get("fields"), "start": start});
    if first == needed {
        return required_mask(request.get("fields").and_then(Value::as_str)).map(|_| no_reply());
    }
    update_cells(book, editor, update)
}

pub fn set_data_validation(book: &mut Spreadsheet, editor: &Editor, request: Value) -> Result<Value, String> {
    let rule = match request.get("rule") {
        Some(rule) => json!({"dataValidation": rule}),
        None => json!({}),
    };
    let range = request.get("range").cloned().unwrap_or_else(|| json!({}));
    repeat_cell(
        book,
        editor,
        json!({"range": range, "cell": rule, "fields": "dataValidation"}),
    )
}
