//! Named ranges.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{arguments, no_reply, object, reply, required_mask};
use crate::simulator::sheets::{
    a1,
    model::{Editor, NamedRange, Spreadsheet, random_id},
    ranges::GridRange,
    view,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Given {
    named_range_id: Option<String>,
    name: Option<String>,
    #[serde(default)]
    range: GridRange,
}

/// Letters, digits and underscores, no digit first, nothing that is a cell, and no other range's name.
fn check_name(book: &Spreadsheet, name: &str, own_id: &str) -> Result<(), String> {
    let plain = !name.is_empty()
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'))
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if !plain || a1::parse_cells(name).is_some() {
        return Err(format!("The name \"{name}\" is not a valid name for a named range."));
    }
    let taken = |named: &NamedRange| named.id != own_id && named.name.eq_ignore_ascii_case(name);
    match book.named_ranges.iter().any(taken) {
        true => Err(format!("A named range with the name \"{name}\" already exists.")),
        false => Ok(()),
    }
}

pub fn add(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    let Given {
        named_range_id,
        name,
        range,
    } = arguments(Value::Object(object(request, "namedRange")))?;
    range.within(book)?;
    let name = name.unwrap_or_default();
    check_name(book, &name, "")?;
    let id = named_range_id.unwrap_or_else(|| random_id().to_string());
    if book.named_ranges.iter().any(|named| named.id == id) {
        return Err(format!("A named range with id {id} already exists."));
    }
    let named = NamedRange {
        id,
        name,
        sheet: range.sheet_id,
        range: range.open(),
    };
    let shown = view::named_range(&named);
    book.named_ranges.push(named);
    Ok(reply("addNamedRange", json!({"namedRange": shown})))
}

pub fn update(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    let mask = required_mask(request.get("fields").and_then(Value::as_str))?;
    let Given {
        named_range_id,
        name,
        range,
    } = arguments(Value::Object(object(request, "namedRange")))?;
    let at = place_of(book, named_range_id.as_deref().unwrap_or_default())?;
    if mask.names("name") {
        let name = name.unwrap_or_default();
        check_name(book, &name, &book.named_ranges[at].id)?;
        book.named_ranges[at].name = name;
    }
    if mask.names("range") {
        range.within(book)?;
        book.named_ranges[at].sheet = range.sheet_id;
        book.named_ranges[at].range = range.open();
    }
    Ok(no_reply())
}

pub fn delete(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    let id = request.get("namedRangeId").and_then(Value::as_str).unwrap_or_default();
    let at = place_of(book, id)?;
    book.named_ranges.remove(at);
    Ok(no_reply())
}

fn place_of(book: &Spreadsheet, id: &str) -> Result<usize, String> {
    let at = book.named_ranges.iter().position(|named| named.id == id);
    at.ok_or_else(|| format!("No named range with id: {id}"))
}
