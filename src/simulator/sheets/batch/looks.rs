//! How ranges look: alternating colours, conditional formats, borders.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{anchored, arguments, find, no_reply, object, reply, required_mask, writing::normalise_format};
use crate::simulator::sheets::{
    a1::Rect,
    model::{Cell, ConditionalFormat, Editor, Object, Spreadsheet, random_id},
    protect,
    ranges::GridRange,
    view,
};

pub fn add_banding(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    let mut body = object(request, "bandedRange");
    body.entry("bandedRangeId").or_insert_with(|| json!(random_id()));
    let (id, banding) = anchored(book, body)?;
    let shown = view::with_range(id, &banding);
    let bandings = &mut book.sheet_mut(id)?.bandings;
    if bandings.iter().any(|other| other.range.intersects(&banding.range)) {
        return Err(
            "You cannot add alternating background colors to a range that already has alternating background colors."
                .into(),
        );
    }
    bandings.push(banding);
    Ok(reply("addBanding", json!({"bandedRange": shown})))
}

fn banding(book: &Spreadsheet, id: Option<&Value>) -> Result<(i64, usize), String> {
    let id = id.cloned().unwrap_or_else(|| json!(0));
    let is_it = |banding: &crate::simulator::sheets::model::Anchored| banding.body.get("bandedRangeId") == Some(&id);
    find(book, |sheet| &sheet.bandings, is_it).ok_or_else(|| format!("No banded range with id: {id}"))
}

pub fn update_banding(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    let mask = required_mask(request.get("fields").and_then(Value::as_str))?;
    let new = object(request, "bandedRange");
    let (sheet, at) = banding(book, new.get("bandedRangeId"))?;
    let range = match new.get("range") {
        Some(range) if mask.names("range") => Some(arguments::<GridRange>(range.clone())?.within(book)?),
        _ => None,
    };
    let banding = &mut book.sheet_mut(sheet)?.bandings[at];
    let id = banding.body.get("bandedRangeId").cloned();
    mask.merge(&mut banding.body, Some(&new));
    banding.body.remove("range");
    banding.body.insert("bandedRangeId".into(), id.unwrap_or_default());
    banding.range = range.unwrap_or(banding.range);
    Ok(no_reply())
}

pub fn delete_banding(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    let (sheet, at) = banding(book, request.get("bandedRangeId"))?;
    book.sheet_mut(sheet)?.bandings.remove(at);
    Ok(no_reply())
}

/// A rule as a request gives it, and the sheet of its ranges.
fn rule(book: &Spreadsheet, mut body: Object) -> Result<(i64, ConditionalFormat), String> {
    let ranges: Vec<GridRange> = match body.remove("ranges") {
        Some(ranges) => arguments(ranges)?,
        None => Vec::new(),
    };
    let first = ranges.first().ok_or("A conditional format rule needs a range.")?;
    let sheet = first.sheet_id;
    if ranges.iter().any(|range| range.sheet_id != sheet) {
        return Err("All ranges of a conditional format rule must be on one sheet.".into());
    }
    let ranges = ranges
        .iter()
        .map(|range| range.within(book))
        .collect::<Result<_, _>>()?;
    Ok((sheet, ConditionalFormat { ranges, body }))
}

pub fn add_conditional_format_rule(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    let index = index(&request, "index");
    let (id, new) = rule(book, object(request, "rule"))?;
    let formats = &mut book.sheet_mut(id)?.conditional_formats;
    formats.insert(index.min(formats.len()), new);
    Ok(no_reply())
}

fn index(request: &Value, name: &str) -> usize {
    let index = request.get(name).and_then(Value::as_u64).unwrap_or(0);
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// The rule at a place, or Google's refusal.
fn take_rule(book: &mut Spreadsheet, sheet: i64, at: usize) -> Result<ConditionalFormat, String> {
    let formats = &mut book.sheet_mut(sheet)?.conditional_formats;
    match at < formats.len() {
        true => Ok(formats.remove(at)),
        false => Err(format!("No conditional format on sheet: {sheet} at index: {at}")),
    }
}

/// A rule is replaced, or moved to another index.
pub fn update_conditional_format_rule(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    let at = index(&request, "index");
    let sheet = request.get("sheetId").and_then(Value::as_i64).unwrap_or(0);
    let new_index = request.get("newIndex").is_some().then(|| index(&request, "newIndex"));
    let (sheet, new, to) = match new_index {
        Some(to) => (sheet, None, to),
        None => {
            let (sheet, new) = rule(book, object(request, "rule"))?;
            (sheet, Some(new), at)
        }
    };
    let old = take_rule(book, sheet, at)?;
    let shown = |rule: &ConditionalFormat| view::conditional_format(sheet, rule);
    let mut content = json!({"oldRule": shown(&old), "newIndex": to});
    if new_index.is_some() {
        content["oldIndex"] = json!(at);
    }
    let new = new.unwrap_or(old);
    content["newRule"] = shown(&new);
    let formats = &mut book.sheet_mut(sheet)?.conditional_formats;
    formats.insert(to.min(formats.len()), new);
    Ok(reply("updateConditionalFormatRule", content))
}

pub fn delete_conditional_format_rule(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    let sheet = request.get("sheetId").and_then(Value::as_i64).unwrap_or(0);
    let old = take_rule(book, sheet, index(&request, "index"))?;
    let shown = view::conditional_format(sheet, &old);
    Ok(reply("deleteConditionalFormatRule", json!({"rule": shown})))
}

pub fn update_borders(book: &mut Spreadsheet, editor: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Borders {
        range: GridRange,
        top: Option<Value>,
        bottom: Option<Value>,
        left: Option<Value>,
        right: Option<Value>,
        inner_horizontal: Option<Value>,
        inner_vertical: Option<Value>,
    }
    let mut borders: Borders = arguments(request)?;
    let sides = [
        &mut borders.top,
        &mut borders.bottom,
        &mut borders.left,
        &mut borders.right,
        &mut borders.inner_horizontal,
        &mut borders.inner_vertical,
    ];
    for border in sides.into_iter().flatten() {
        normalise_format(border)?;
    }
    let area @ Rect {
        top,
        bottom,
        left,
        right,
    } = borders.range.within(book)?;
    let sheet = book.sheet_mut(borders.range.sheet_id)?;
    protect::check(sheet, editor, &area)?;
    for row in top..bottom {
        for column in left..right {
            let pick = |outer: bool, edge: &Option<Value>, inner: &Option<Value>| {
                if outer { edge.clone() } else { inner.clone() }
            };
            let sides = [
                ("top", pick(row == top, &borders.top, &borders.inner_horizontal)),
                (
                    "bottom",
                    pick(row + 1 == bottom, &borders.bottom, &borders.inner_horizontal),
                ),
                ("left", pick(column == left, &borders.left, &borders.inner_vertical)),
                (
                    "right",
                    pick(column + 1 == right, &borders.right, &borders.inner_vertical),
                ),
            ];
            if sides.iter().any(|(_, border)| border.is_some()) {
                sheet.edit(row, column, |cell| draw(cell, sides));
            }
        }
    }
    Ok(no_reply())
}

/// A side that is not given stays; style NONE removes.
fn draw(cell: &mut Cell, sides: [(&str, Option<Value>); 4]) {
    let mut format = cell.format().cloned().unwrap_or_default();
    let mut drawn = match format.remove("borders") {
        Some(Value::Object(drawn)) => drawn,
        _ => Object::new(),
    };
    for (side, border) in sides {
        match border {
            Some(border) if border["style"] == "NONE" => drawn.remove(side),
            Some(border) => drawn.insert(side.to_owned(), border),
            None => None,
        };
    }
    if !drawn.is_empty() {
        format.insert("borders".into(), Value::Object(drawn));
    }
    cell.set_field(
        "userEnteredFormat",
        (!format.is_empty()).then_some(Value::Object(format)),
    );
}
