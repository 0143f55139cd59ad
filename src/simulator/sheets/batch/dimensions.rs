//! Requests on whole rows and columns.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::{arguments, check_cells, no_reply, required_mask, tables};
use crate::simulator::sheets::{
    formula,
    metadata::DimensionRange,
    model::{Cell, CellValue, Dimension, Editor, MAX_CELLS, Row, Sheet, Spreadsheet, no_grid},
    protect,
    ranges::{Change, Shift},
    widths,
};

/// Which rows or columns of which sheet, with open ends closed.
pub struct Span {
    pub sheet: i64,
    pub rows: bool,
    pub start: usize,
    pub end: usize,
    /// Rows or columns of the grid.
    size: usize,
}

impl Span {
    pub fn of(book: &Spreadsheet, range: &DimensionRange) -> Result<Self, String> {
        let sheet = book.sheet(range.sheet_id).ok_or_else(|| no_grid(range.sheet_id))?;
        let rows = range.is_rows()?;
        let size = if rows { sheet.rows.len() } else { sheet.columns.len() };
        let start = range.start_index.unwrap_or(0);
        let end = range.end_index.unwrap_or(size);
        if end <= start {
            return Err(format!(
                "range.endIndex[{end}] must be greater than range.startIndex[{start}]"
            ));
        }
        Ok(Self {
            sheet: range.sheet_id,
            rows,
            start,
            end,
            size,
        })
    }

    fn what(&self) -> &'static str {
        if self.rows { "row" } else { "column" }
    }

    fn shift(&self, change: Change) -> Shift {
        Shift {
            rows: self.rows,
            change,
        }
    }

    pub fn must_exist(&self) -> Result<(), String> {
        let (what, size) = (self.what(), self.size);
        if self.end > size {
            let at = self.start.max(size);
            return Err(format!(
                "Cannot delete a {what} that doesn't exist. Tried to delete {what} index {at} but there are only {size} {what}s."
            ));
        }
        Ok(())
    }

    pub fn change_each(&self, sheet: &mut Sheet, change: impl Fn(&mut Dimension)) {
        if self.rows {
            for row in &mut sheet.rows[self.start..self.end] {
                change(Arc::make_mut(row).dimension_mut());
            }
        } else {
            sheet.columns[self.start..self.end].iter_mut().for_each(change);
        }
    }
}

pub fn insert_dimension(book: &mut Spreadsheet, editor: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Insert {
        range: DimensionRange,
        #[serde(default)]
        inherit_from_before: bool,
    }
    let Insert {
        range,
        inherit_from_before,
    } = arguments(request)?;
    let span = Span::of(book, &range)?;
    let Span { start, end, size, .. } = span;
    if start > size {
        return Err(format!("range.startIndex is larger than current grid size ({size})"));
    }
    if start == size && !inherit_from_before {
        return Err(format!(
            "range.startIndex must be less than the grid size ({size}) if inheritFromBefore is false."
        ));
    }
    if start == 0 && inherit_from_before {
        return Err("inheritFromBefore cannot be true if inserting at index 0.".into());
    }
    let count = end - start;
    let other = if span.rows {
        book.sheet_mut(span.sheet)?.columns.len()
    } else {
        book.sheet_mut(span.sheet)?.rows.len()
    };
    if count.saturating_mul(other).saturating_add(book.cells()) > MAX_CELLS {
        return Err(super::too_many_cells());
    }
    let shift = span.shift(Change::Insert { at: start, count });
    let sheet = book.sheet_mut(span.sheet)?;
    protect::check_shift(sheet, editor, shift)?;
    let model = if inherit_from_before { start - 1 } else { start };
    let deep = depth_at(sheet, span.rows, start);
    if span.rows {
        let mut row = heir_of_row(&sheet.rows[model]);
        if deep > 0 {
            row.dimension_mut().depth = deep;
        }
        sheet
            .rows
            .splice(start..start, std::iter::repeat_n(Arc::new(row), count));
        if start < sheet.frozen_rows {
            sheet.frozen_rows += count;
        }
    } else {
        let column = Dimension {
            pixel_size: sheet.columns[model].pixel_size,
            depth: deep,
            ..Dimension::default()
        };
        sheet.columns.splice(start..start, std::iter::repeat_n(column, count));
        for row in &mut sheet.rows {
            let heir = heir_of_cell(row.cell(model));
            if start < row.cells.len() || !heir.is_empty() {
                let row = Arc::make_mut(row);
                row.cells.resize(row.cells.len().max(start), Cell::default());
                row.cells.splice(start..start, std::iter::repeat_n(heir, count));
                row.trim();
            }
        }
        if start < sheet.frozen_columns {
            sheet.frozen_columns += count;
        }
    }
    shift.apply_to(sheet, inherit_from_before);
    tables::fill_names(sheet);
    formula::follow_shift(book, span.sheet, shift);
    check_cells(book)?;
    Ok(no_reply())
}

/// In how many groups a row or column is that is inserted between two: in those that both are in.
fn depth_at(sheet: &Sheet, rows: bool, at: usize) -> u8 {
    let depth = |at: usize| match rows {
        true => sheet
            .rows
            .get(at)
            .and_then(|row| row.dimension.as_ref())
            .map_or(0, |own| own.depth),
        false => sheet.columns.get(at).map_or(0, |own| own.depth),
    };
    at.checked_sub(1).map_or(0, |before| depth(before).min(depth(at)))
}

/// An inserted row takes over format and validation, no content; a checkbox arrives unticked.
fn heir_of_row(model: &Row) -> Row {
    let mut row = Row {
        cells: model.cells.iter().map(heir_of_cell).collect(),
        dimension: None,
    };
    if let Some(size) = model.dimension.as_ref().and_then(|dimension| dimension.pixel_size) {
        row.dimension_mut().pixel_size = Some(size);
    }
    row.trim();
    row
}

fn heir_of_cell(model: &Cell) -> Cell {
    let mut cell = Cell::default();
    for field in ["userEnteredFormat", "dataValidation"] {
        if let Some(value) = model.field(field) {
            cell.set_field(field, Some(value.clone()));
        }
    }
    let condition = cell
        .field("dataValidation")
        .and_then(|rule| rule.pointer("/condition/type"));
    if condition.and_then(Value::as_str) == Some("BOOLEAN") {
        cell.value = CellValue::Bool(false);
    }
    cell
}

pub fn delete_dimension(book: &mut Spreadsheet, editor: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Delete {
        range: DimensionRange,
    }
    let Delete { range } = arguments(request)?;
    let span = Span::of(book, &range)?;
    span.must_exist()?;
    let Span { start, end, size, .. } = span;
    if start == 0 && end == size {
        return Err(format!("You can't delete all the {}s on the sheet.", span.what()));
    }
    let shift = span.shift(Change::Delete { start, end });
    let sheet = book.sheet_mut(span.sheet)?;
    let frozen = if span.rows {
        &mut sheet.frozen_rows
    } else {
        &mut sheet.frozen_columns
    };
    if start <= *frozen && end == size {
        return Err(format!(
            "Sorry, it is not possible to delete all non-frozen {}s.",
            span.what()
        ));
    }
    *frozen -= end.min(*frozen) - start.min(*frozen);
    protect::check_shift(sheet, editor, shift)?;
    if span.rows {
        sheet.rows.drain(start..end);
    } else {
        sheet.columns.drain(start..end);
        for row in sheet.rows.iter_mut().filter(|row| row.cells.len() > start) {
            let row = Arc::make_mut(row);
            row.cells.drain(start..end.min(row.cells.len()));
            row.trim();
        }
    }
    shift.apply_to(sheet, false);
    formula::follow_shift(book, span.sheet, shift);
    Ok(no_reply())
}

pub fn move_dimension(book: &mut Spreadsheet, editor: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Move {
        source: DimensionRange,
        #[serde(default)]
        destination_index: usize,
    }
    let Move {
        source,
        destination_index: to,
    } = arguments(request)?;
    let span = Span::of(book, &source)?;
    let Span { start, end, size, .. } = span;
    if end > size || to > size {
        return Err(format!(
            "Cannot move a {} that doesn't exist: there are only {size}.",
            span.what()
        ));
    }
    if (start..end).contains(&to) {
        return Err(format!(
            "destinationIndex[{to}] must be outside the requested range[{start}-{end}]"
        ));
    }
    let shift = span.shift(Change::Move { start, end, to });
    let sheet = book.sheet_mut(span.sheet)?;
    protect::check_shift(sheet, editor, shift)?;
    if span.rows {
        relocate(&mut sheet.rows, start, end, to);
    } else {
        relocate(&mut sheet.columns, start, end, to);
        for row in sheet.rows.iter_mut().filter(|row| row.cells.len() > start.min(to)) {
            let row = Arc::make_mut(row);
            row.cells.resize(size, Cell::default());
            relocate(&mut row.cells, start, end, to);
            row.trim();
        }
    }
    shift.apply_to(sheet, false);
    formula::follow_shift(book, span.sheet, shift);
    Ok(no_reply())
}

fn relocate<T>(items: &mut [T], start: usize, end: usize, to: usize) {
    if to >= end {
        items[start..to].rotate_left(end - start);
    } else {
        items[to..end].rotate_right(end - start);
    }
}

pub fn append_dimension(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Append {
        #[serde(default)]
        sheet_id: i64,
        dimension: Option<String>,
        length: usize,
    }
    let Append {
        sheet_id,
        dimension,
        length,
    } = arguments(request)?;
    let range = DimensionRange {
        sheet_id,
        dimension,
        start_index: None,
        end_index: None,
    };
    let rows = range.is_rows()?;
    let cells = book.cells();
    let sheet = book.sheet_mut(sheet_id)?;
    let other = if rows { sheet.columns.len() } else { sheet.rows.len() };
    if length.saturating_mul(other).saturating_add(cells) > MAX_CELLS {
        return Err(super::too_many_cells());
    }
    if rows {
        sheet.rows.resize(sheet.rows.len() + length, Arc::default());
    } else {
        sheet.columns.resize(sheet.columns.len() + length, Dimension::default());
    }
    check_cells(book)?;
    Ok(no_reply())
}

pub fn update_dimension_properties(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "camelCase", default)]
    struct Properties {
        pixel_size: Option<i64>,
        hidden_by_user: bool,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Update {
        range: DimensionRange,
        #[serde(default)]
        properties: Properties,
        fields: Option<String>,
    }
    let Update {
        range,
        properties,
        fields,
    } = arguments(request)?;
    let mask = required_mask(fields.as_deref())?;
    let span = Span::of(book, &range)?;
    span.must_exist()?;
    span.change_each(book.sheet_mut(span.sheet)?, |dimension| {
        if mask.names("pixelSize") {
            dimension.pixel_size = properties.pixel_size;
        }
        if mask.names("hiddenByUser") {
            dimension.hidden = properties.hidden_by_user;
        }
    });
    Ok(no_reply())
}

/// A column becomes as wide as its widest text; an empty one stays as it is.
pub fn auto_resize_dimensions(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct AutoResize {
        dimensions: DimensionRange,
    }
    let AutoResize { dimensions } = arguments(request)?;
    let span = Span::of(book, &dimensions)?;
    span.must_exist()?;
    let sheet = book.sheet_mut(span.sheet)?;
    if span.rows {
        span.change_each(sheet, |dimension| dimension.pixel_size = None);
        return Ok(no_reply());
    }
    let texts = widths::of_columns(book, span.sheet, span.start..span.end)?;
    let sheet = book.sheet_mut(span.sheet)?;
    for (column, width) in (span.start..span.end).zip(texts) {
        if width > 0 {
            sheet.columns[column].pixel_size = Some(width);
        }
    }
    Ok(no_reply())
}
