//! `spreadsheets.batchUpdate`: requests in order, each on the state the one before left, all or nothing.
//!
//! One function per kind of request: `(book, editor, arguments) → reply`. An error is Google's sentence without its
//! `Invalid requests[i].kind: ` prefix.

mod arrange;
mod cells;
mod dimensions;
mod metadata;
mod ranges;
mod sheets;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    error::{ApiError, ApiResult},
    mask::Mask,
    model::{Editor, MAX_CELLS, MAX_COLUMNS, Spreadsheet},
    schema,
};

/// Most requests of one batch.
const MAX_REQUESTS: usize = 100_000;

type Handler = fn(&mut Spreadsheet, &Editor, Value) -> Result<Value, String>;

/// Every kind of request that is simulated.
fn handler(kind: &str) -> Option<Handler> {
    Some(match kind {
        "addBanding" => ranges::add_banding,
        "addConditionalFormatRule" => ranges::add_conditional_format_rule,
        "addNamedRange" => ranges::add_named_range,
        "addProtectedRange" => ranges::add_protected_range,
        "addSheet" => sheets::add_sheet,
        "addTable" => ranges::add_table,
        "appendCells" => cells::append_cells,
        "appendDimension" => dimensions::append_dimension,
        "autoResizeDimensions" => dimensions::auto_resize_dimensions,
        "clearBasicFilter" => ranges::clear_basic_filter,
        "copyPaste" => arrange::copy_paste,
        "createDeveloperMetadata" => metadata::create,
        "deleteBanding" => ranges::delete_banding,
        "deleteDeveloperMetadata" => metadata::delete,
        "deleteDimension" => dimensions::delete_dimension,
        "deleteNamedRange" => ranges::delete_named_range,
        "deleteProtectedRange" => ranges::delete_protected_range,
        "deleteSheet" => sheets::delete_sheet,
        "deleteTable" => ranges::delete_table,
        "duplicateSheet" => sheets::duplicate_sheet,
        "insertDimension" => dimensions::insert_dimension,
        "mergeCells" => ranges::merge_cells,
        "moveDimension" => dimensions::move_dimension,
        "repeatCell" => cells::repeat_cell,
        "setBasicFilter" => ranges::set_basic_filter,
        "setDataValidation" => cells::set_data_validation,
        "sortRange" => arrange::sort_range,
        "unmergeCells" => ranges::unmerge_cells,
        "updateCells" => cells::update_cells,
        "updateDeveloperMetadata" => metadata::update,
        "updateDimensionProperties" => dimensions::update_dimension_properties,
        "updateSheetProperties" => sheets::update_sheet_properties,
        "updateSpreadsheetProperties" => sheets::update_spreadsheet_properties,
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

fn parse(at: usize, request: Value) -> ApiResult<(String, Handler, Value)> {
    let path = format!("requests[{at}]");
    let Value::Object(request) = request else {
        return Err(ApiError::bad_json(&path, format!("Invalid value at '{path}'")));
    };
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
        None => Err(ApiError::not_simulated(&format!("the request {kind}"))),
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
