//! Protected ranges.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{arguments, find, no_reply, object, reply, required_mask};
use crate::simulator::sheets::{
    model::{Editor, Object, Protection, Spreadsheet, random_id},
    protect,
    ranges::GridRange,
    view,
};

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Editors {
    users: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Given {
    protected_range_id: Option<i64>,
    range: Option<GridRange>,
    named_range_id: Option<String>,
    unprotected_ranges: Vec<GridRange>,
    warning_only: bool,
    editors: Editors,
    #[serde(flatten)]
    body: Object,
}

impl Given {
    fn of(request: Value) -> Result<Self, String> {
        let mut given: Self = arguments(Value::Object(object(request, "protectedRange")))?;
        given.body.remove("requestingUserCanEdit");
        Ok(given)
    }

    /// The sheet and the range: given, or that of a named range.
    fn place(&self, book: &Spreadsheet) -> Result<(i64, crate::simulator::sheets::a1::Open), String> {
        if let Some(id) = &self.named_range_id {
            let named = book.named_ranges.iter().find(|named| named.id == *id);
            let named = named.ok_or_else(|| format!("No named range with id: {id}"))?;
            return Ok((named.sheet, named.range));
        }
        let range = self.range.clone().unwrap_or_default();
        range.within(book)?;
        Ok((range.sheet_id, range.open()))
    }
}

/// Who adds a protection can edit what it covers.
fn with_self(mut editors: Vec<String>, editor: &Editor) -> Vec<String> {
    if let Editor::Account(email) = editor
        && !editors.contains(email)
    {
        editors.push(email.clone());
    }
    editors
}

pub fn add(book: &mut Spreadsheet, editor: &Editor, request: Value) -> Result<Value, String> {
    let given = Given::of(request)?;
    let (sheet_id, range) = given.place(book)?;
    let id = given.protected_range_id.unwrap_or_else(random_id);
    if place_of(book, id).is_ok() {
        return Err(format!("A protected range with id {id} already exists."));
    }
    let sheet = book.sheet_mut(sheet_id)?;
    let protection = Protection {
        id,
        range,
        unprotected: given.unprotected_ranges.iter().map(GridRange::open).collect(),
        editors: with_self(given.editors.users, editor),
        warning_only: given.warning_only,
        body: given.body,
    };
    let mut shown = view::protected_range(sheet, &protection, editor);
    // the reply shows nobody, a later get does
    shown["editors"] = json!({});
    sheet.protected.push(protection);
    Ok(reply("addProtectedRange", json!({"protectedRange": shown})))
}

pub fn update(book: &mut Spreadsheet, editor: &Editor, request: Value) -> Result<Value, String> {
    let mask = required_mask(request.get("fields").and_then(Value::as_str))?;
    let given = Given::of(request)?;
    let (sheet, at) = place_of(book, given.protected_range_id.unwrap_or(0))?;
    let moved = if mask.names("range") {
        Some(given.place(book)?)
    } else {
        None
    };
    let protection = &mut book.sheet_mut(sheet)?.protected[at];
    protect::check_protection(protection, editor)?;
    if mask.names("warningOnly") {
        protection.warning_only = given.warning_only;
    }
    if mask.names("editors") {
        protection.editors = with_self(given.editors.users, editor);
    }
    if mask.names("unprotectedRanges") {
        protection.unprotected = given.unprotected_ranges.iter().map(GridRange::open).collect();
    }
    if mask.names("description") {
        match given.body.get("description") {
            Some(text) => protection.body.insert("description".into(), text.clone()),
            None => protection.body.remove("description"),
        };
    }
    if let Some((to, range)) = moved {
        protection.range = range;
        if to != sheet {
            let protection = book.sheet_mut(sheet)?.protected.remove(at);
            book.sheet_mut(to)?.protected.push(protection);
        }
    }
    Ok(no_reply())
}

pub fn delete(book: &mut Spreadsheet, editor: &Editor, request: Value) -> Result<Value, String> {
    let id = request.get("protectedRangeId").and_then(Value::as_i64).unwrap_or(0);
    let (sheet, at) = place_of(book, id)?;
    let protected = &mut book.sheet_mut(sheet)?.protected;
    protect::check_protection(&protected[at], editor)?;
    protected.remove(at);
    Ok(no_reply())
}

fn place_of(book: &Spreadsheet, id: i64) -> Result<(i64, usize), String> {
    find(book, |sheet| &sheet.protected, |protection| protection.id == id)
        .ok_or_else(|| format!("No protected range with ID: {id}"))
}
