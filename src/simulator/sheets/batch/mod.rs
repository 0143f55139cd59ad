//! `spreadsheets.batchUpdate`: requests in order, each on the state the one before left, all or nothing.
//!
//! One function per kind of request: `(book, editor, arguments) → reply`. An error is Google's sentence without its
//! `Invalid requests[i].kind: ` prefix.

mod arrange;
mod cells;
mod dimensions;
mod filters;
pub mod groups;
mod looks;
mod merges;
mod metadata;
mod names;
mod protections;
mod sheets;
pub mod tables;
mod text;
mod writing;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    error::{ApiError, ApiResult},
    mask::Mask,
    model::{Anchored, Editor, MAX_CELLS, MAX_COLUMNS, Object, Sheet, Spreadsheet},
    ranges::GridRange,
    schema, view,
};

/// Most requests of one batch.
const MAX_REQUESTS: usize = 100_000;

type Handler = fn(&mut Spreadsheet, &Editor, Value) -> Result<Value, String>;

/// Every kind of request that is simulated.
fn handler(kind: &str) -> Option<Handler> {
    Some(match kind {
        "addBanding" => looks::add_banding,
        "addConditionalFormatRule" => looks::add_conditional_format_rule,
        "addDimensionGroup" => groups::add,
        "addFilterView" => filters::add_view,
        "addNamedRange" => names::add,
        "addProtectedRange" => protections::add,
        "addSheet" => sheets::add_sheet,
        "addTable" => tables::add,
        "appendCells" => cells::append_cells,
        "appendDimension" => dimensions::append_dimension,
        "autoResizeDimensions" => dimensions::auto_resize_dimensions,
        "clearBasicFilter" => filters::clear_basic,
        "copyPaste" => arrange::copy_paste,
        "createDeveloperMetadata" => metadata::create,
        "cutPaste" => arrange::cut_paste,
        "deleteBanding" => looks::delete_banding,
        "deleteConditionalFormatRule" => looks::delete_conditional_format_rule,
        "deleteDeveloperMetadata" => metadata::delete,
        "deleteDimension" => dimensions::delete_dimension,
        "deleteDimensionGroup" => groups::delete,
        "deleteDuplicates" => text::delete_duplicates,
        "deleteFilterView" => filters::delete_view,
        "deleteNamedRange" => names::delete,
        "deleteProtectedRange" => protections::delete,
        "deleteSheet" => sheets::delete_sheet,
        "deleteTable" => tables::delete,
        "duplicateFilterView" => filters::duplicate_view,
        "duplicateSheet" => sheets::duplicate_sheet,
        "findReplace" => text::find_replace,
        "insertDimension" => dimensions::insert_dimension,
        "mergeCells" => merges::merge_cells,
        "moveDimension" => dimensions::move_dimension,
        "repeatCell" => cells::repeat_cell,
        "setBasicFilter" => filters::set_basic,
        "setDataValidation" => cells::set_data_validation,
        "sortRange" => arrange::sort_range,
        "trimWhitespace" => text::trim_whitespace,
        "unmergeCells" => merges::unmerge_cells,
        "updateBanding" => looks::update_banding,
        "updateBorders" => looks::update_borders,
        "updateCells" => cells::update_cells,
        "updateConditionalFormatRule" => looks::update_conditional_format_rule,
        "updateDeveloperMetadata" => metadata::update,
        "updateDimensionGroup" => groups::update,
        "updateDimensionProperties" => dimensions::update_dimension_properties,
        "updateFilterView" => filters::update_view,
        "updateNamedRange" => names::update,
        "updateProtectedRange" => protections::update,
        "updateSheetProperties" => sheets::update_sheet_properties,
        "updateSpreadsheetProperties" => sheets::update_spreadsheet_properties,
        "updateTable" => tables::update,
        _ => return None,
    })
}

/// Applies the requests to the copy that it was given and returns their replies. After an error the copy is to be
/// dropped.
pub fn apply(book: &mut Spreadsheet, editor: &Editor, requests: Vec<Value>) -> ApiResult<Vec<Value>> {
    if requests.is_empty() {
        return Err(ApiError::invalid("Must specify at least one request."));
    }
    if requests.len() > MAX_REQUESTS {
        return Err(ApiError::invalid("Cannot exceed 100000 requests in a single batch"));
    }
    // the shape of all is looked at before any is carried out
    let parsed: Vec<(String, Handler, Value)> = requests
        .into_iter()
        .enumerate()
        .map(|(at, request)| parse(at, request))
        .collect::<ApiResult<_>>()?;
    let mut replies = Vec::with_capacity(parsed.len());
    for (at, (kind, handler, arguments)) in parsed.into_iter().enumerate() {
        let reply = handler(book, editor, arguments);
        replies.push(reply.map_err(|error| ApiError::invalid(format!("Invalid requests[{at}].{kind}: {error}")))?);
    }
    Ok(replies)
}

/// A copy of a sheet of another spreadsheet; its properties there.
pub fn copy_in(book: &mut Spreadsheet, original: &Sheet) -> Result<Value, String> {
    let mut copy = original.clone();
    copy.title = std::iter::once(format!("Copy of {}", copy.title))
        .chain((1..).map(|number| format!("Copy of {} {number}", copy.title)))
        .find(|title| book.position_by_title(title).is_none())
        .unwrap_or_default();
    sheets::make_own(book, &mut copy, None)?;
    let index = book.sheets.len();
    book.sheets.push(std::sync::Arc::new(copy));
    check_cells(book)?;
    Ok(view::sheet_properties(&book.sheets[index], index))
}

fn parse(at: usize, request: Value) -> ApiResult<(String, Handler, Value)> {
    let path = format!("requests[{at}]");
    let Value::Object(mut request) = request else {
        return Err(ApiError::bad_json(&path, format!("Invalid value at '{path}'")));
    };
    request.values_mut().for_each(drop_nulls);
    schema::check_request(&request, &path)?;
    let mut kinds = request.into_iter();
    let Some((kind, arguments)) = kinds.next() else {
        return Err(ApiError::invalid(format!("Invalid {path}: No request set.")));
    };
    if kinds.next().is_some() {
        return Err(ApiError::bad_json(
            &path,
            format!("Invalid value at '{path}' (oneof), more than one kind is set"),
        ));
    }
    match handler(&kind) {
        Some(handler) => Ok((kind, handler, arguments)),
        // Google pastes into visible rows only: with a filter on, a program would write into other people's rows
        None if kind == "pasteData" => Err(ApiError::not_simulated(
            "the request pasteData, which skips rows that a filter hides; use updateCells",
        )),
        None => Err(ApiError::not_simulated(&format!("the request {kind}"))),
    }
}

/// A field that is null is a field that is not given.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// The arguments of a request as their type.
fn arguments<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| format!("Invalid value: {error}"))
}

/// A `fields` mask of a request: at least one field, written as a mask.
fn required_mask(fields: Option<&str>) -> Result<Mask, String> {
    match fields {
        None | Some("") => {
            Err("At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)".into())
        }
        Some(fields) => Mask::parse(fields).map_err(|rest| format!("Invalid field mask near '{rest}'")),
    }
}

/// The object in a field of a request.
fn object(mut request: Value, field: &str) -> Object {
    match request.get_mut(field).map(Value::take) {
        Some(Value::Object(object)) => object,
        _ => Object::new(),
    }
}

/// An object with a `range`: the range apart, in the grid as it is.
fn anchored(book: &Spreadsheet, mut body: Object) -> Result<(i64, Anchored), String> {
    let range: GridRange = match body.remove("range") {
        Some(range) => arguments(range)?,
        None => GridRange::default(),
    };
    let rect = range.within(book)?;
    Ok((range.sheet_id, Anchored { range: rect, body }))
}

/// The id of the sheet that has an item, and its place in the sheet's list.
fn find<T>(book: &Spreadsheet, list: impl Fn(&Sheet) -> &Vec<T>, is_it: impl Fn(&T) -> bool) -> Option<(i64, usize)> {
    book.sheets
        .iter()
        .find_map(|sheet| Some((sheet.id, list(sheet).iter().position(&is_it)?)))
}

fn reply(kind: &str, content: Value) -> Value {
    let mut reply = json!({});
    reply[kind] = content;
    reply
}

fn no_reply() -> Value {
    json!({})
}

/// The limits of the grids: cells of the spreadsheet, columns of a sheet.
pub fn check_cells(book: &Spreadsheet) -> Result<(), String> {
    if book.sheets.iter().any(|sheet| sheet.columns.len() > MAX_COLUMNS) {
        return Err(format!(
            "This action would increase the number of columns in the sheet above the limit of {MAX_COLUMNS} columns"
        ));
    }
    if book.cells() > MAX_CELLS {
        return Err(too_many_cells());
    }
    Ok(())
}

fn too_many_cells() -> String {
    format!("This action would increase the number of cells in the workbook above the limit of {MAX_CELLS} cells.")
}
