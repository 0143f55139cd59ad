//! The basic filter of a sheet, and filter views.

use serde_json::{Value, json};

use super::{anchored, arguments, find, no_reply, object, reply, required_mask};
use crate::simulator::sheets::{
    model::{Editor, Spreadsheet, random_id},
    ranges::GridRange,
    view,
};

/// One basic filter per sheet: a new one takes the place of the old.
pub fn set_basic(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    let (id, filter) = anchored(book, object(request, "filter"))?;
    book.sheet_mut(id)?.basic_filter = Some(filter);
    Ok(no_reply())
}

pub fn clear_basic(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    let id = request.get("sheetId").and_then(Value::as_i64).unwrap_or(0);
    book.sheet_mut(id)?.basic_filter = None;
    Ok(no_reply())
}

fn place_of(book: &Spreadsheet, id: Option<&Value>) -> Result<(i64, usize), String> {
    let id = id.cloned().unwrap_or_else(|| json!(0));
    find(
        book,
        |sheet| &sheet.filter_views,
        |view| view.body.get("filterViewId") == Some(&id),
    )
    .ok_or_else(|| format!("No filter view with id: {id}"))
}

pub fn add_view(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    let mut body = object(request, "filter");
    body.entry("filterViewId").or_insert_with(|| json!(random_id()));
    if place_of(book, body.get("filterViewId")).is_ok() {
        return Err(format!(
            "A filter view with id {} already exists.",
            body["filterViewId"]
        ));
    }
    let (id, filter) = anchored(book, body)?;
    let shown = view::with_range(id, &filter);
    book.sheet_mut(id)?.filter_views.push(filter);
    Ok(reply("addFilterView", json!({"filter": shown})))
}

pub fn update_view(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    let mask = required_mask(request.get("fields").and_then(Value::as_str))?;
    let new = object(request, "filter");
    let (sheet, at) = place_of(book, new.get("filterViewId"))?;
    let range = match new.get("range") {
        Some(range) if mask.names("range") => Some(arguments::<GridRange>(range.clone())?.within(book)?),
        _ => None,
    };
    let view = &mut book.sheet_mut(sheet)?.filter_views[at];
    let id = view.body.get("filterViewId").cloned();
    mask.merge(&mut view.body, Some(&new));
    view.body.remove("range");
    view.body.insert("filterViewId".into(), id.unwrap_or_default());
    view.range = range.unwrap_or(view.range);
    Ok(no_reply())
}

pub fn delete_view(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    let (sheet, at) = place_of(book, request.get("filterId"))?;
    book.sheet_mut(sheet)?.filter_views.remove(at);
    Ok(no_reply())
}

pub fn duplicate_view(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    let (sheet, at) = place_of(book, request.get("filterId"))?;
    let views = &mut book.sheet_mut(sheet)?.filter_views;
    let mut copy = views[at].clone();
    let title = copy.body.get("title").and_then(Value::as_str).unwrap_or_default();
    let title = format!("Copy of {title}");
    copy.body.insert("title".into(), json!(title));
    copy.body.insert("filterViewId".into(), json!(random_id()));
    let shown = view::with_range(sheet, &copy);
    views.push(copy);
    Ok(reply("duplicateFilterView", json!({"filter": shown})))
}
