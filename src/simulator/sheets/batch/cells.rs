//! Requests on the content of cells.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{arguments, check_cells, no_reply, required_mask};
use crate::simulator::sheets::{
    a1::Rect,
    formula,
    mask::Mask,
    model::{Cell, CellValue, Editor, MAX_CELL_TEXT, Object, Row, Spreadsheet, no_grid},
    protect,
    ranges::GridRange,
    values::too_long,
};

/// Fields of a CellData that can be written, besides userEnteredValue.
const WRITABLE: [&str; 6] = [
    "userEnteredFormat",
    "note",
    "dataValidation",
    "textFormatRuns",
    "pivotTable",
    "chipRuns",
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RowData {
    values: Vec<Object>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Coordinate {
    #[serde(default)]
    sheet_id: i64,
    #[serde(default)]
    row_index: usize,
    #[serde(default)]
    column_index: usize,
}

/// What of a cell a request writes.
struct CellMask {
    value: bool,
    /// The other fields that it names, each with the part that is meant.
    fields: Vec<(&'static str, Mask)>,
}

impl CellMask {
    fn parse(fields: Option<&str>) -> Result<Self, String> {
        let mask = required_mask(fields)?.with_twins();
        Ok(Self {
            value: mask.names("userEnteredValue"),
            fields: WRITABLE
                .into_iter()
                .filter_map(|field| Some((field, mask.of(field)?)))
                .collect(),
        })
    }
}

/// A CellData ready to be written under a mask.
struct Write<'m> {
    mask: &'m CellMask,
    /// `None` = the value is not masked.
    value: Option<CellValue>,
    fields: Object,
}

impl<'m> Write<'m> {
    fn new(data: &Object, mask: &'m CellMask) -> Result<Self, String> {
        let value = match mask.value {
            true => Some(user_entered_value(data.get("userEnteredValue"))?),
            false => None,
        };
        let mut fields = Object::new();
        for (field, _) in &mask.fields {
            // an empty note is no note
            if let Some(value) = data.get(*field).filter(|value| **value != json!("")) {
                fields.insert((*field).to_owned(), value.clone());
            }
        }
        if let Some(format) = fields.get_mut("userEnteredFormat") {
            normalise_format(format)?;
        }
        Ok(Self { mask, value, fields })
    }

    /// `covered` = under a merge: the value is not kept.
    fn apply(&self, cell: &mut Cell, covered: bool) {
        if let Some(value) = self.value.as_ref().filter(|_| !covered) {
            cell.value = value.clone();
        }
        if !self.mask.fields.is_empty() && (cell.extra.is_some() || !self.fields.is_empty()) {
            cell.extra = self.merged(cell.extra.as_deref());
        }
    }

    fn merged(&self, old: Option<&Object>) -> Option<Arc<Object>> {
        let mut fields = old.cloned().unwrap_or_default();
        for (field, mask) in &self.mask.fields {
            let new = self.fields.get(*field);
            if mask.is_all() {
                match new {
                    Some(new) => fields.insert((*field).to_owned(), new.clone()),
                    None => fields.remove(*field),
                };
                continue;
            }
            let mut inner = match fields.remove(*field) {
                Some(Value::Object(inner)) => inner,
                _ => Object::new(),
            };
            mask.merge(&mut inner, new.and_then(Value::as_object));
            if !inner.is_empty() {
                fields.insert((*field).to_owned(), Value::Object(inner));
            }
        }
        (!fields.is_empty()).then(|| Arc::new(fields))
    }
}

fn user_entered_value(value: Option<&Value>) -> Result<CellValue, String> {
    let Some(fields) = value.and_then(Value::as_object) else {
        return Ok(CellValue::Empty);
    };
    if fields.len() > 1 {
        return Err("userEnteredValue must have exactly one value".into());
    }
    let text = |value: &Value| {
        let text = value.as_str().unwrap_or_default();
        match text.encode_utf16().count() > MAX_CELL_TEXT {
            true => Err(too_long()),
            false => Ok(text.into()),
        }
    };
    Ok(match fields.iter().next() {
        None => CellValue::Empty,
        Some((kind, value)) => match kind.as_str() {
            "numberValue" => CellValue::Number(value.as_f64().ok_or("numberValue is no number")?),
            "boolValue" => CellValue::Bool(value.as_bool().ok_or("boolValue is no boolean")?),
            // text is inert: "=1" stays the text =1
            "stringValue" => match text(value)? {
                empty if empty == Box::from("") => CellValue::Empty,
                text => CellValue::Text(text),
            },
            "formulaValue" => {
                let formula = text(value)?;
                if !formula.starts_with('=') {
                    return Err("formulaValue must start with '='".into());
                }
                CellValue::Formula(formula)
            }
            other => return Err(format!("{other} cannot be written")),
        },
    })
}

/// Number formats need a type; colours are kept in 8 bits and have a twin named …ColorStyle.
fn normalise_format(format: &mut Value) -> Result<(), String> {
    let Value::Object(fields) = format else {
        return Ok(());
    };
    if fields
        .get("numberFormat")
        .is_some_and(|format| format.get("type").and_then(Value::as_str).is_none())
    {
        return Err("NumberFormat.type must be set".into());
    }
    let mut twins = Object::new();
    for (name, value) in fields.iter_mut() {
        if name.ends_with("Color") {
            quantise(value);
            twins.insert(format!("{name}Style"), json!({"rgbColor": value}));
        } else if let (Some(plain), Some(colour)) = (name.strip_suffix("Style"), value.get_mut("rgbColor")) {
            quantise(colour);
            twins.insert(plain.to_owned(), colour.clone());
        } else if value.is_object() {
            normalise_format(value)?;
        }
    }
    for (name, twin) in twins {
        fields.entry(name).or_insert(twin);
    }
    Ok(())
}

fn quantise(colour: &mut Value) {
    let Value::Object(channels) = colour else {
        return;
    };
    for channel in channels.values_mut() {
        let byte = (channel.as_f64().unwrap_or_default().clamp(0.0, 1.0) * 255.0).floor();
        // shown as a 32-bit float: 0.49803922, not all the digits of a double
        let shown = (byte as f32 / 255.0).to_string();
        *channel = if byte == 255.0 {
            json!(1)
        } else {
            json!(shown.parse::<f64>().unwrap_or_default())
        };
    }
    channels.retain(|_, channel| *channel != json!(0.0));
}

pub fn update_cells(book: &mut Spreadsheet, editor: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct UpdateCells {
        #[serde(default)]
        rows: Vec<RowData>,
        fields: Option<String>,
        range: Option<GridRange>,
        start: Option<Coordinate>,
    }
    let UpdateCells {
        rows,
        fields,
        range,
        start,
    } = arguments(request)?;
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
        if area.left + row.values.len() > area.right {
            return Err(beyond("column", area.right, area.right));
        }
        if area.top + at >= area.bottom {
            return Err(beyond("row", area.bottom, area.bottom));
        }
    }
    let sheet = book.sheet_mut(sheet_id)?;
    protect::check(sheet, editor, &area)?;
    let clear = Write::new(&Object::new(), &mask)?;
    let has_merges = !sheet.merges.is_empty();
    for row in area.top..area.bottom {
        let given = rows
            .get(row - area.top)
            .map(|row| row.values.as_slice())
            .unwrap_or_default();
        let filled = sheet.rows[row].cells.len();
        let last = match fills {
            // what the rows do not cover is cleared: only where something is
            true => area.right.min(filled.max(area.left + given.len())),
            false => area.left + given.len(),
        };
        let mut new = Row::clone(&sheet.rows[row]);
        for column in area.left..last {
            let covered = has_merges && sheet.is_covered(row, column);
            match given.get(column - area.left) {
                Some(data) => Write::new(data, &mask)?.apply(new.cell_mut(column), covered),
                None => clear.apply(new.cell_mut(column), covered),
            }
            sheet.has_formulas |= matches!(new.cells[column].value, CellValue::Formula(_));
        }
        new.trim();
        sheet.rows[row] = Arc::new(new);
    }
    Ok(no_reply())
}

/// The rectangle that the rows cover from their start on.
fn area_from(book: &Spreadsheet, start: &Coordinate, rows: &[RowData]) -> Result<Rect, String> {
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
    let wide = rows.iter().map(|row| row.values.len()).max().unwrap_or(0);
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
    let write = Write::new(&cell, &mask)?;
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
    Ok(no_reply())
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
