//! `spreadsheets.values`: plain values in and out, with Google's trimming, counting and refusals.

use std::{collections::BTreeSet, sync::Arc};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    a1::{self, Open, Rect, column_name},
    batch::tables,
    error::{ApiError, ApiResult},
    eval::{Effective, Evaluator},
    format::{self, Locale},
    formula, metadata,
    model::{Cell, CellValue, Editor, MAX_CELL_TEXT, Sheet, Spreadsheet, number},
    protect,
};

/// valueRenderOption, dateTimeRenderOption and majorDimension of a read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Render {
    pub values: ValueRender,
    pub dates_as_text: bool,
    pub columns: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum ValueRender {
    #[default]
    Formatted,
    Unformatted,
    Formula,
}

impl Render {
    pub fn parse(values: Option<&str>, dates: Option<&str>, major: Option<&str>) -> ApiResult<Self> {
        let wrong = |field: &str, kind: &str, text: &str| {
            ApiError::bad_json(
                field,
                format!("Invalid value at '{field}' (type.googleapis.com/google.apps.sheets.v4.{kind}), \"{text}\""),
            )
        };
        Ok(Self {
            values: match values {
                None | Some("FORMATTED_VALUE") => ValueRender::Formatted,
                Some("UNFORMATTED_VALUE") => ValueRender::Unformatted,
                Some("FORMULA") => ValueRender::Formula,
                Some(other) => return Err(wrong("value_render_option", "ValueRenderOption", other)),
            },
            dates_as_text: match dates {
                None | Some("SERIAL_NUMBER") => false,
                Some("FORMATTED_STRING") => true,
                Some(other) => return Err(wrong("date_time_render_option", "DateTimeRenderOption", other)),
            },
            columns: is_columns(major)
                .ok_or_else(|| wrong("major_dimension", "Dimension", major.unwrap_or_default()))?,
        })
    }
}

fn is_columns(major: Option<&str>) -> Option<bool> {
    match major {
        None | Some("ROWS" | "DIMENSION_UNSPECIFIED") => Some(false),
        Some("COLUMNS") => Some(true),
        Some(_) => None,
    }
}

/// A `ValueRange`: the rectangle asked for, with trailing blanks left out.
pub fn read(
    evaluator: &Evaluator<'_>,
    book: &Spreadsheet,
    position: usize,
    open: Open,
    render: Render,
) -> ApiResult<Value> {
    let sheet = &book.sheets[position];
    let rect = open.within(sheet).map_err(ApiError::invalid)?;
    let locale = Locale::of(&book.locale);
    let rendered = |row: usize, column: usize| rendered_cell(evaluator, sheet, (position, row, column), render, locale);
    let (outer, inner) = match render.columns {
        false => (rect.top..rect.bottom, rect.left..rect.right),
        true => (rect.left..rect.right, rect.top..rect.bottom),
    };
    let mut lines: Vec<Vec<Value>> = Vec::new();
    let mut used = 0;
    for major in outer {
        let mut line = Vec::new();
        let mut filled = 0;
        for (at, minor) in inner.clone().enumerate() {
            let (row, column) = if render.columns { (minor, major) } else { (major, minor) };
            // rows are stored up to their last cell
            if !render.columns && column >= sheet.rows[row].cells.len() {
                break;
            }
            let value = rendered(row, column);
            if value != "" {
                filled = at + 1;
            }
            line.push(value);
        }
        line.truncate(filled);
        lines.push(line);
        if filled > 0 {
            used = lines.len();
        }
    }
    lines.truncate(used);
    let mut range = json!({
        "range": Open::from(rect).a1_of(sheet),
        "majorDimension": if render.columns { "COLUMNS" } else { "ROWS" },
    });
    if !lines.is_empty() {
        range["values"] = json!(lines);
    }
    Ok(range)
}

fn rendered_cell(
    evaluator: &Evaluator<'_>,
    sheet: &Sheet,
    (position, row, column): (usize, usize, usize),
    render: Render,
    locale: Locale,
) -> Value {
    let cell = sheet.cell(row, column);
    if cell.value == CellValue::Empty {
        return json!("");
    }
    if let (CellValue::Formula(formula), ValueRender::Formula) = (&cell.value, render.values) {
        return json!(formula);
    }
    let value = evaluator.cell(position, row, column);
    match (&value, render.values) {
        (_, ValueRender::Formatted) => json!(format::shown(&value, cell, locale)),
        (Effective::Number(_), ValueRender::Unformatted) if render.dates_as_text && format::is_date(cell) => {
            json!(format::shown(&value, cell, locale))
        }
        (Effective::Number(value), _) => number(*value),
        (Effective::Bool(value), _) => json!(value),
        _ => json!(format::shown(&value, cell, locale)),
    }
}

/// `values:batchGetByDataFilter` and its request.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ByFilter {
    data_filters: Vec<Value>,
    major_dimension: Option<String>,
    value_render_option: Option<String>,
    date_time_render_option: Option<String>,
}

pub fn batch_get_by_data_filter(book: &Spreadsheet, request: &ByFilter) -> ApiResult<Value> {
    let render = Render::parse(
        request.value_render_option.as_deref(),
        request.date_time_render_option.as_deref(),
        request.major_dimension.as_deref(),
    )?;
    if request.data_filters.is_empty() {
        return Err(ApiError::invalid("Must specify at least one data filter."));
    }
    let evaluator = Evaluator::new(book);
    let mut ranges = Vec::new();
    for (filter, shown) in metadata::parse_filters(&request.data_filters)?
        .iter()
        .zip(&request.data_filters)
    {
        for (position, open) in metadata::ranges_of_filter(book, filter)? {
            let values = read(&evaluator, book, position, open, render)?;
            ranges.push(json!({"valueRange": values, "dataFilters": [without_zeros(shown)]}));
        }
    }
    Ok(json!({"spreadsheetId": book.id, "valueRanges": ranges}))
}

/// Zero indexes are left out where a filter is echoed.
fn without_zeros(filter: &Value) -> Value {
    match filter {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| **value != json!(0))
            .map(|(name, value)| (name.clone(), without_zeros(value)))
            .collect(),
        other => other.clone(),
    }
}

/// A body of update and append.
#[derive(Debug, Clone, Default)]
pub struct Body {
    range: Option<String>,
    columns: bool,
    values: Vec<Vec<Value>>,
}

impl Body {
    /// `at` is the place in the request for messages, as `data`.
    pub fn parse(body: &Value, at: &str) -> ApiResult<Self> {
        let list = |field: String, value: &Value| {
            let kind = "type.googleapis.com/google.protobuf.ListValue";
            ApiError::bad_json(&field, format!("Invalid value at '{field}' ({kind}), {value}"))
        };
        let mut parsed = Self::default();
        for (name, value) in body.as_object().into_iter().flatten() {
            match name.as_str() {
                "range" => parsed.range = value.as_str().map(str::to_owned),
                "majorDimension" => {
                    parsed.columns =
                        is_columns(value.as_str()).ok_or_else(|| list(format!("{at}.major_dimension"), value))?;
                }
                "values" => {
                    let field = format!("{at}.values");
                    let rows = value.as_array().ok_or_else(|| list(field.clone(), value))?;
                    for (row_at, row) in rows.iter().enumerate() {
                        let row = row.as_array().ok_or_else(|| list(field.clone(), row))?;
                        for (column, cell) in row.iter().enumerate() {
                            let kind = match cell {
                                Value::Array(_) => "list_value",
                                Value::Object(_) => "struct_value",
                                _ => continue,
                            };
                            let text = format!("Invalid values[{row_at}][{column}]: {kind} {cell}");
                            return Err(ApiError::invalid(text));
                        }
                        parsed.values.push(row.clone());
                    }
                }
                other => {
                    let text = format!(
                        "Invalid JSON payload received. Unknown name \"{other}\" at '{at}': Cannot find field."
                    );
                    return Err(ApiError::bad_json(at, text));
                }
            }
        }
        Ok(parsed)
    }
}

/// valueInputOption.
pub fn is_user_entered(option: Option<&str>) -> ApiResult<bool> {
    match option {
        Some("RAW") => Ok(false),
        Some("USER_ENTERED") => Ok(true),
        _ => Err(ApiError::invalid("'valueInputOption' is required but not specified")),
    }
}

/// What an update touched.
pub struct Updated {
    position: usize,
    rect: Rect,
    rows: BTreeSet<usize>,
    columns: BTreeSet<usize>,
    cells: usize,
}

impl Updated {
    pub fn to_json(&self, book: &Spreadsheet) -> Value {
        let mut shown = json!({
            "spreadsheetId": book.id,
            "updatedRange": Open::from(self.rect).a1_of(&book.sheets[self.position]),
        });
        for (name, count) in [
            ("updatedRows", self.rows.len()),
            ("updatedColumns", self.columns.len()),
            ("updatedCells", self.cells),
        ] {
            if count > 0 {
                shown[name] = json!(count);
            }
        }
        shown
    }
}

/// `values.update`: the array decides the size, the range only where it starts and how far it may reach.
pub fn update(
    book: &mut Spreadsheet,
    editor: &Editor,
    range: &str,
    body: &Body,
    user_entered: bool,
) -> ApiResult<Updated> {
    if let Some(given) = body.range.as_deref().filter(|given| !same_range(book, given, range)) {
        return Err(ApiError::invalid(format!(
            "Request range[{range}] does not match value's range[{given}]"
        )));
    }
    let (position, open) = a1::resolve(book, range)?;
    let rect = open.within(&book.sheets[position]).map_err(ApiError::invalid)?;
    let one_cell = rect.bottom - rect.top == 1 && rect.right - rect.left == 1;
    let limit = if one_cell { book.sheets[position].grid() } else { rect };
    let size = array_size(body);
    let shown = || open.a1_of(&book.sheets[position]);
    if rect.left + size.1 > limit.right {
        let column = column_name(limit.right);
        return Err(beyond(&shown(), "column", &column));
    }
    if rect.top + size.0 > limit.bottom {
        return Err(beyond(&shown(), "row", &(limit.bottom + 1).to_string()));
    }
    write(book, editor, position, (rect.top, rect.left), body, user_entered)
}

fn beyond(range: &str, what: &str, at: &str) -> ApiError {
    ApiError::invalid(format!(
        "Requested writing within range [{range}], but tried writing to {what} [{at}]"
    ))
}

fn same_range(book: &Spreadsheet, a: &str, b: &str) -> bool {
    match (a1::resolve(book, a), a1::resolve(book, b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

/// Rows and columns that the array covers in the grid.
fn array_size(body: &Body) -> (usize, usize) {
    let wide = body.values.iter().map(Vec::len).max().unwrap_or(0);
    if body.columns {
        (wide, body.values.len())
    } else {
        (body.values.len(), wide)
    }
}

fn write(
    book: &mut Spreadsheet,
    editor: &Editor,
    position: usize,
    (top, left): (usize, usize),
    body: &Body,
    user_entered: bool,
) -> ApiResult<Updated> {
    let locale = Locale::of(&book.locale);
    let (rows, columns) = array_size(body);
    let rect = Rect {
        top,
        bottom: top + rows.max(1),
        left,
        right: left + columns.max(1),
    };
    let mut updated = Updated {
        position,
        rect,
        rows: BTreeSet::new(),
        columns: BTreeSet::new(),
        cells: 0,
    };
    protect::check(&book.sheets[position], editor, &rect).map_err(ApiError::invalid)?;
    let titles = book.titles();
    let sheet = Arc::make_mut(&mut book.sheets[position]);
    for (outer, line) in body.values.iter().enumerate() {
        for (inner, value) in line.iter().enumerate() {
            if value.is_null() {
                continue;
            }
            let (row, column) = match body.columns {
                false => (top + outer, left + inner),
                true => (top + inner, left + outer),
            };
            updated.rows.insert(row);
            updated.columns.insert(column);
            updated.cells += 1;
            let (mut value, format) = entered(value, sheet.cell(row, column), user_entered, locale)?;
            if let CellValue::Formula(formula) = &mut value {
                *formula = formula::tidied(formula, &titles);
            }
            if sheet.is_covered(row, column) {
                continue;
            }
            sheet.edit(row, column, |cell| {
                cell.value = value;
                if let Some(format) = format {
                    let mut cell_format = cell.format().cloned().unwrap_or_default();
                    cell_format.insert("numberFormat".into(), format);
                    cell.set_field("userEnteredFormat", Some(Value::Object(cell_format)));
                }
            });
        }
    }
    check_tables(book, position, &rect)?;
    Ok(updated)
}

fn check_tables(book: &Spreadsheet, position: usize, rect: &Rect) -> ApiResult<()> {
    let sheet = &book.sheets[position];
    match tables::has_header_in(sheet, rect) {
        true => tables::check_names(book, sheet.id).map_err(ApiError::invalid),
        false => Ok(()),
    }
}

fn entered(value: &Value, cell: &Cell, user_entered: bool, locale: Locale) -> ApiResult<(CellValue, Option<Value>)> {
    Ok(match value {
        Value::Bool(value) => (CellValue::Bool(*value), None),
        Value::Number(value) => (CellValue::Number(value.as_f64().unwrap_or_default()), None),
        Value::String(text) => {
            if text.encode_utf16().count() > MAX_CELL_TEXT {
                return Err(ApiError::invalid(too_long()));
            }
            match user_entered {
                true => format::user_entered(text, cell, locale),
                false if text.is_empty() => (CellValue::Empty, None),
                false => (CellValue::Text(text.as_str().into()), None),
            }
        }
        _ => (CellValue::Empty, None),
    })
}

pub fn too_long() -> String {
    format!("Your input contains more than the maximum of {MAX_CELL_TEXT} characters in a single cell.")
}

/// `values.clear`: values go, formats, notes and validation stay.
pub fn clear(book: &mut Spreadsheet, editor: &Editor, range: &str) -> ApiResult<Value> {
    let (position, open) = a1::resolve(book, range)?;
    let rect = open.within(&book.sheets[position]).map_err(ApiError::invalid)?;
    protect::check(&book.sheets[position], editor, &rect).map_err(ApiError::invalid)?;
    let sheet = Arc::make_mut(&mut book.sheets[position]);
    for row in &mut sheet.rows[rect.top..rect.bottom] {
        let filled = row.cells.iter().take(rect.right).skip(rect.left);
        if filled.clone().any(|cell| cell.value != CellValue::Empty) {
            let row = Arc::make_mut(row);
            for cell in row.cells.iter_mut().take(rect.right).skip(rect.left) {
                cell.value = CellValue::Empty;
            }
            row.trim();
        }
    }
    check_tables(book, position, &rect)?;
    Ok(json!({"spreadsheetId": book.id, "clearedRange": Open::from(rect).a1_of(&book.sheets[position])}))
}

/// `values.append`: after the block of filled cells that the range touches; the grid grows if it must.
pub fn append(
    book: &mut Spreadsheet,
    editor: &Editor,
    range: &str,
    body: &Body,
    user_entered: bool,
    insert_rows: bool,
) -> ApiResult<Value> {
    let (position, open) = a1::resolve(book, range)?;
    let sheet = &book.sheets[position];
    let rect = open.within(sheet).map_err(ApiError::invalid)?;
    let table = seed_of_table(sheet, &rect).map(|(row, column)| block_around(sheet, row, column));
    let (top, left) = table.map_or((rect.top, rect.left), |table| (table.bottom, table.left));
    let (rows, columns) = array_size(body);
    let sheet = Arc::make_mut(&mut book.sheets[position]);
    if insert_rows && table.is_some() {
        sheet.rows.splice(top..top, std::iter::repeat_n(Arc::default(), rows));
    }
    if sheet.rows.len() < top + rows {
        sheet.rows.resize(top + rows, Arc::default());
    }
    if left + columns > sheet.columns.len() {
        let range = Open::from(rect).a1_of(sheet);
        return Err(beyond(&range, "column", &column_name(sheet.columns.len())));
    }
    super::batch::check_cells(book).map_err(ApiError::invalid)?;
    let updated = write(book, editor, position, (top, left), body, user_entered)?;
    let mut answer = json!({"spreadsheetId": book.id});
    if let Some(table) = table {
        answer["tableRange"] = json!(Open::from(table).a1_of(&book.sheets[position]));
    }
    answer["updates"] = updated.to_json(book);
    Ok(answer)
}

/// A filled cell of the table that a range means: its last block if the range is the whole sheet, else the first
/// filled cell in it.
fn seed_of_table(sheet: &Sheet, rect: &Rect) -> Option<(usize, usize)> {
    let filled = |row: usize| {
        let cells = sheet.rows[row].cells.iter().enumerate();
        cells.filter(|(column, cell)| cell.value != CellValue::Empty && (rect.left..rect.right).contains(column))
    };
    let mut rows = rect.top..rect.bottom;
    if *rect == sheet.grid() {
        rows.rev().find_map(|row| Some((row, filled(row).next_back()?.0)))
    } else {
        rows.find_map(|row| Some((row, filled(row).next()?.0)))
    }
}

/// The rectangle of touching filled cells around one.
fn block_around(sheet: &Sheet, row: usize, column: usize) -> Rect {
    let mut block = Rect {
        top: row,
        bottom: row + 1,
        left: column,
        right: column + 1,
    };
    loop {
        let border = Rect {
            top: block.top.saturating_sub(1),
            bottom: (block.bottom + 1).min(sheet.rows.len()),
            left: block.left.saturating_sub(1),
            right: block.right + 1,
        };
        let mut grown = block;
        for row in border.top..border.bottom {
            for column in border.left..border.right {
                if sheet.cell(row, column).value != CellValue::Empty {
                    grown.top = grown.top.min(row);
                    grown.bottom = grown.bottom.max(row + 1);
                    grown.left = grown.left.min(column);
                    grown.right = grown.right.max(column + 1);
                }
            }
        }
        if grown == block {
            return block;
        }
        block = grown;
    }
}

/// The answer of `values:batchUpdate`: totals, then each range.
pub fn totals(book: &Spreadsheet, updates: &[Updated]) -> Value {
    let sheets: BTreeSet<usize> = updates.iter().map(|updated| updated.position).collect();
    let distinct = |part: fn(&Updated) -> &BTreeSet<usize>| {
        let all = updates
            .iter()
            .flat_map(|updated| part(updated).iter().map(|at| (updated.position, *at)));
        all.collect::<BTreeSet<_>>().len()
    };
    json!({
        "spreadsheetId": book.id,
        "totalUpdatedRows": distinct(|updated| &updated.rows),
        "totalUpdatedColumns": distinct(|updated| &updated.columns),
        "totalUpdatedCells": updates.iter().map(|updated| updated.cells).sum::<usize>(),
        "totalUpdatedSheets": sheets.len(),
        "responses": updates.iter().map(|updated| updated.to_json(book)).collect::<Vec<_>>(),
    })
}
