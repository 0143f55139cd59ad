//! Requests on whole sheets and on the spreadsheet's own properties.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    arguments, check_cells, no_reply, reply, required_mask, tables, too_many_cells, writing::normalise_format,
};
use crate::simulator::sheets::{
    a1::Rect,
    formula,
    mask::Mask,
    model::{Dimension, Editor, MAX_CELLS, Object, Sheet, Spreadsheet, no_grid, random_id},
    protect, view,
};

/// Most characters of a title.
const MAX_TITLE: usize = 100;
const HIDES_ALL: &str = "You can't hide all the sheets in a document.";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Properties {
    sheet_id: Option<i64>,
    title: Option<String>,
    index: Option<usize>,
    hidden: Option<bool>,
    grid_properties: GridProperties,
    #[serde(flatten)]
    other: Object,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct GridProperties {
    row_count: Option<i64>,
    column_count: Option<i64>,
    frozen_row_count: Option<i64>,
    frozen_column_count: Option<i64>,
    #[serde(flatten)]
    other: Object,
}

pub fn add_sheet(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct AddSheet {
        #[serde(default)]
        properties: Properties,
    }
    let AddSheet { properties } = arguments(request)?;
    let id = free_id(book, properties.sheet_id)?;
    let title = match properties.title {
        Some(title) => title,
        None => (1..)
            .map(|n| format!("Sheet{n}"))
            .find(|title| book.position_by_title(title).is_none())
            .unwrap_or_default(),
    };
    check_title(book, &title)?;
    let grid = properties.grid_properties;
    let rows = count(grid.row_count, "rows")?.unwrap_or(1000);
    let columns = count(grid.column_count, "columns")?.unwrap_or(26);
    if rows.saturating_mul(columns) > MAX_CELLS {
        return Err(too_many_cells());
    }
    let mut sheet = Sheet::new(id, title, rows, columns);
    sheet.hidden = properties.hidden.unwrap_or(false);
    let mut other = Value::Object(properties.other);
    normalise_format(&mut other)?;
    if let Value::Object(other) = other {
        sheet.other = other;
    }
    match sheet.other.get("sheetType").and_then(Value::as_str) {
        // as a chart makes one that is moved to a sheet of its own
        Some("OBJECT") => (sheet.rows, sheet.columns) = (Vec::new(), Vec::new()),
        _ => {
            sheet.other.remove("sheetType");
        }
    }
    sheet.other.retain(|_, value| !is_nothing(value));
    if !grid.other.is_empty() {
        sheet.other.insert("gridProperties".into(), Value::Object(grid.other));
    }
    if !sheet.is_object() {
        freeze(&mut sheet, true, grid.frozen_row_count)?;
        freeze(&mut sheet, false, grid.frozen_column_count)?;
    }
    let index = properties.index.unwrap_or(book.sheets.len()).min(book.sheets.len());
    book.sheets.insert(index, Arc::new(sheet));
    check_cells(book)?;
    Ok(reply(
        "addSheet",
        json!({"properties": view::sheet_properties(&book.sheets[index], index)}),
    ))
}

fn free_id(book: &Spreadsheet, wanted: Option<i64>) -> Result<i64, String> {
    match wanted {
        Some(id) if id < 0 => Err("Sheet id must be non-negative.".into()),
        Some(id) if book.position(id).is_some() => Err(format!("Sheet with id {id} already exists")),
        Some(id) => Ok(id),
        None => loop {
            let id = random_id();
            if book.position(id).is_none() {
                return Ok(id);
            }
        },
    }
}

fn check_title(book: &Spreadsheet, title: &str) -> Result<(), String> {
    if title.chars().count() > MAX_TITLE {
        return Err(format!("The sheet name cannot be greater than {MAX_TITLE} characters."));
    }
    if title.is_empty() {
        return Err("The sheet name cannot be empty.".into());
    }
    if book.position_by_title(title).is_some() {
        return Err(format!(
            "A sheet with the name \"{title}\" already exists. Please enter another name."
        ));
    }
    Ok(())
}

fn count(count: Option<i64>, what: &str) -> Result<Option<usize>, String> {
    match count {
        None => Ok(None),
        Some(count) => match usize::try_from(count) {
            Ok(0) | Err(_) => Err(format!("You can't delete all the {what} on the sheet.")),
            Ok(count) => Ok(Some(count)),
        },
    }
}

fn freeze(sheet: &mut Sheet, rows: bool, frozen: Option<i64>) -> Result<(), String> {
    let frozen = usize::try_from(frozen.unwrap_or(0)).map_err(|_| "Frozen counts must be non-negative.")?;
    let (what, size, target) = match rows {
        true => ("rows", sheet.rows.len(), &mut sheet.frozen_rows),
        false => ("columns", sheet.columns.len(), &mut sheet.frozen_columns),
    };
    if frozen >= size {
        return Err(format!("You can't freeze all visible {what} on the sheet."));
    }
    *target = frozen;
    Ok(())
}

pub fn delete_sheet(book: &mut Spreadsheet, editor: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct DeleteSheet {
        #[serde(default)]
        sheet_id: i64,
    }
    let DeleteSheet { sheet_id } = arguments(request)?;
    let position = book.position(sheet_id).ok_or_else(|| no_grid(sheet_id))?;
    if book.sheets.len() == 1 {
        return Err("You can't remove all the sheets in a document.".into());
    }
    if !book.sheets.iter().any(|sheet| sheet.id != sheet_id && !sheet.hidden) {
        return Err("You can't remove all the visible sheets in a document.".into());
    }
    protect::check_sheet(&book.sheets[position], editor)?;
    let removed = book.sheets.remove(position);
    book.named_ranges.retain(|named| named.sheet != sheet_id);
    formula::follow_title(book, &removed.title, None);
    Ok(no_reply())
}

/// A copy gets ids of its own.
pub fn make_own(book: &Spreadsheet, copy: &mut Sheet, id: Option<i64>) -> Result<(), String> {
    copy.id = free_id(book, id)?;
    // ids are of one place only; whether Google copies metadata under new ids is not known, so it does not here
    copy.metadata.clear();
    for column in &mut copy.columns {
        column.metadata.clear();
    }
    for row in &mut copy.rows {
        if row
            .dimension
            .as_ref()
            .is_some_and(|dimension| !dimension.metadata.is_empty())
        {
            Arc::make_mut(row).dimension_mut().metadata.clear();
        }
    }
    for protection in &mut copy.protected {
        protection.id = random_id();
    }
    for (list, id) in [
        (&mut copy.filter_views, "filterViewId"),
        (&mut copy.bandings, "bandedRangeId"),
    ] {
        for item in list {
            item.body.insert(id.into(), json!(random_id()));
        }
    }
    tables::rename_copies(book, &mut copy.tables);
    Ok(())
}

pub fn duplicate_sheet(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct DuplicateSheet {
        #[serde(default)]
        source_sheet_id: i64,
        insert_sheet_index: Option<usize>,
        new_sheet_id: Option<i64>,
        new_sheet_name: Option<String>,
    }
    let DuplicateSheet {
        source_sheet_id,
        insert_sheet_index,
        new_sheet_id,
        new_sheet_name,
    } = arguments(request)?;
    let mut copy = book
        .sheet(source_sheet_id)
        .ok_or_else(|| no_grid(source_sheet_id))?
        .clone();
    make_own(book, &mut copy, new_sheet_id)?;
    copy.title = new_sheet_name.unwrap_or_else(|| format!("Copy of {}", copy.title));
    check_title(book, &copy.title)?;
    let index = insert_sheet_index.unwrap_or(0).min(book.sheets.len());
    book.sheets.insert(index, Arc::new(copy));
    check_cells(book)?;
    Ok(reply(
        "duplicateSheet",
        json!({"properties": view::sheet_properties(&book.sheets[index], index)}),
    ))
}

pub fn update_sheet_properties(book: &mut Spreadsheet, editor: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Update {
        #[serde(default)]
        properties: Properties,
        fields: Option<String>,
    }
    let Update { properties, fields } = arguments(request)?;
    let mask = required_mask(fields.as_deref())?;
    let id = properties.sheet_id.unwrap_or(0);
    let position = book.position(id).ok_or_else(|| no_grid(id))?;
    protect::check_sheet(&book.sheets[position], editor)?;
    if mask.names("title") {
        rename(book, position, properties.title.unwrap_or_default())?;
    }
    if let Some(mask) = mask.of("gridProperties") {
        update_grid(book, position, &properties.grid_properties, &mask)?;
    }
    if mask.names("hidden") {
        let hidden = properties.hidden.unwrap_or(false);
        if hidden && !book.sheets.iter().any(|sheet| sheet.id != id && !sheet.hidden) {
            return Err(HIDES_ALL.into());
        }
        book.sheet_mut(id)?.hidden = hidden;
    }
    let mask = mask.with_twins();
    let mut other = Value::Object(properties.other);
    normalise_format(&mut other)?;
    for name in ["tabColor", "tabColorStyle", "rightToLeft"] {
        if mask.names(name) {
            let sheet = book.sheet_mut(id)?;
            match other.get(name).filter(|value| !is_nothing(value)) {
                Some(value) => sheet.other.insert(name.into(), value.clone()),
                None => sheet.other.remove(name),
            };
        }
    }
    if mask.names("index") {
        // counted before the move: its own place and the one behind it change nothing
        let to = properties.index.unwrap_or(0).min(book.sheets.len());
        let sheet = book.sheets.remove(position);
        book.sheets.insert(if to > position { to - 1 } else { to }, sheet);
    }
    Ok(no_reply())
}

/// An empty object, or `false`.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(value) => !value,
        _ => false,
    }
}

fn rename(book: &mut Spreadsheet, position: usize, title: String) -> Result<(), String> {
    let old = book.sheets[position].title.clone();
    if old == title {
        return Ok(());
    }
    if old.to_lowercase() != title.to_lowercase() {
        check_title(book, &title)?;
    }
    formula::follow_title(book, &old, Some(&title));
    Arc::make_mut(&mut book.sheets[position]).title = title;
    Ok(())
}

/// In Google's order: the row count is applied first, and every count is checked against the old frozen ones.
fn update_grid(book: &mut Spreadsheet, position: usize, grid: &GridProperties, mask: &Mask) -> Result<(), String> {
    let GridProperties {
        row_count,
        column_count,
        frozen_row_count,
        frozen_column_count,
        other,
    } = grid;
    let others: usize = book.cells() - book.sheets[position].rows.len() * book.sheets[position].columns.len();
    let sheet = Arc::make_mut(&mut book.sheets[position]);
    if mask.names("rowCount") {
        let rows = count(Some(row_count.unwrap_or(0)), "rows")?.unwrap_or(1);
        if rows <= sheet.frozen_rows {
            return Err("Sorry, it is not possible to delete all non-frozen rows.".into());
        }
        if rows > sheet.rows.len() && others + rows.saturating_mul(sheet.columns.len()) > MAX_CELLS {
            return Err(too_many_cells());
        }
        sheet.rows.resize(rows, Arc::default());
    }
    if mask.names("columnCount") {
        let columns = count(Some(column_count.unwrap_or(0)), "columns")?.unwrap_or(1);
        if columns <= sheet.frozen_columns {
            return Err("Sorry, it is not possible to delete all non-frozen columns.".into());
        }
        if columns > sheet.columns.len() && others + columns.saturating_mul(sheet.rows.len()) > MAX_CELLS {
            return Err(too_many_cells());
        }
        if columns < sheet.columns.len() {
            for row in sheet.rows.iter_mut().filter(|row| row.cells.len() > columns) {
                let row = Arc::make_mut(row);
                row.cells.truncate(columns);
                row.trim();
            }
        }
        sheet.columns.resize(columns, Dimension::default());
    }
    cut_ranges(sheet);
    if mask.names("frozenRowCount") {
        freeze(sheet, true, *frozen_row_count)?;
    }
    if mask.names("frozenColumnCount") {
        freeze(sheet, false, *frozen_column_count)?;
    }
    for name in ["hideGridlines", "rowGroupControlAfter", "columnGroupControlAfter"] {
        if mask.names(name) {
            let mut shown = match sheet.other.remove("gridProperties") {
                Some(Value::Object(shown)) => shown,
                _ => Object::new(),
            };
            match other.get(name) {
                Some(value) if *value != json!(false) => shown.insert(name.into(), value.clone()),
                _ => shown.remove(name),
            };
            if !shown.is_empty() {
                sheet.other.insert("gridProperties".into(), Value::Object(shown));
            }
        }
    }
    check_cells(book)
}

/// What reached beyond a grid that shrank ends at its edge.
fn cut_ranges(sheet: &mut Sheet) {
    let grid = sheet.grid();
    let cut = |rect: &mut Rect| {
        rect.bottom = rect.bottom.min(grid.bottom);
        rect.right = rect.right.min(grid.right);
        !rect.is_empty()
    };
    sheet.merges.retain_mut(cut);
    sheet.tables.retain_mut(|table| cut(&mut table.range));
    sheet.filter_views.retain_mut(|view| cut(&mut view.range));
    sheet.bandings.retain_mut(|banding| cut(&mut banding.range));
    sheet.basic_filter.take_if(|filter| !cut(&mut filter.range));
    for format in &mut sheet.conditional_formats {
        format.ranges.retain_mut(cut);
    }
    sheet.conditional_formats.retain(|format| !format.ranges.is_empty());
}

pub fn update_spreadsheet_properties(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Update {
        #[serde(default)]
        properties: Object,
        fields: Option<String>,
    }
    let Update { properties, fields } = arguments(request)?;
    let mask = required_mask(fields.as_deref())?;
    for name in ["title", "locale", "timeZone", "autoRecalc"] {
        if !mask.names(name) {
            continue;
        }
        let value = properties.get(name).and_then(Value::as_str).unwrap_or_default();
        let known = match name {
            "locale" => value.len() >= 2 && value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'),
            "timeZone" => value.starts_with("GMT") || jiff::tz::TimeZone::get(value).is_ok(),
            _ => !value.is_empty(),
        };
        if !known {
            return Err(format!("Invalid {name}: {value}"));
        }
        let target = match name {
            "title" => &mut book.title,
            "locale" => &mut book.locale,
            "timeZone" => &mut book.time_zone,
            _ => &mut book.auto_recalc,
        };
        *target = value.to_owned();
    }
    Ok(no_reply())
}
