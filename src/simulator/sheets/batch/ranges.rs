//! Requests on what lies over ranges: merges, filters, protections, names, bands, tables, conditional formats.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{arguments, no_reply, reply};
use crate::simulator::sheets::{
    a1::Rect,
    model::{
        Anchored, CellValue, ConditionalFormat, Editor, NamedRange, Object, Protection, Sheet, Spreadsheet, no_grid,
        random_id,
    },
    protect,
    ranges::GridRange,
    view,
};

pub fn merge_cells(book: &mut Spreadsheet, editor: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Merge {
        range: GridRange,
        merge_type: Option<String>,
    }
    let Merge { range, merge_type } = arguments(request)?;
    let area = range.within(book)?;
    let sheet = book.sheet_mut(range.sheet_id)?;
    protect::check(sheet, editor, &area)?;
    let merges: Vec<Rect> = match merge_type.as_deref() {
        None | Some("MERGE_ALL") => vec![area],
        Some("MERGE_ROWS") => (area.top..area.bottom)
            .map(|row| Rect {
                top: row,
                bottom: row + 1,
                ..area
            })
            .collect(),
        Some("MERGE_COLUMNS") => (area.left..area.right)
            .map(|left| Rect {
                left,
                right: left + 1,
                ..area
            })
            .collect(),
        Some(other) => return Err(format!("Unknown mergeType: {other}")),
    };
    for merge in &merges {
        for (what, start, end, frozen) in [
            ("rows", merge.top, merge.bottom, sheet.frozen_rows),
            ("columns", merge.left, merge.right, sheet.frozen_columns),
        ] {
            if start < frozen && frozen < end {
                return Err(format!("You can't merge frozen and non-frozen {what}"));
            }
        }
    }
    check_whole_merges(&sheet.merges, &area)?;
    sheet.merges.retain(|merge| !area.covers(merge));
    for merge in merges {
        if merge.bottom - merge.top == 1 && merge.right - merge.left == 1 {
            continue;
        }
        for row in merge.top..merge.bottom {
            for column in merge.left..merge.right.min(sheet.rows[row].cells.len()) {
                if (row, column) != (merge.top, merge.left) {
                    sheet.edit(row, column, |cell| cell.value = CellValue::Empty);
                }
            }
        }
        sheet.merges.push(merge);
    }
    Ok(no_reply())
}

fn check_whole_merges(merges: &[Rect], area: &Rect) -> Result<(), String> {
    match merges.iter().any(|merge| merge.intersects(area) && !area.covers(merge)) {
        true => Err("You must select all cells in a merged range to merge or unmerge them.".into()),
        false => Ok(()),
    }
}

pub fn unmerge_cells(book: &mut Spreadsheet, editor: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Unmerge {
        range: GridRange,
    }
    let Unmerge { range } = arguments(request)?;
    let area = range.within(book)?;
    let sheet = book.sheet_mut(range.sheet_id)?;
    protect::check(sheet, editor, &area)?;
    check_whole_merges(&sheet.merges, &area)?;
    sheet.merges.retain(|merge| !area.covers(merge));
    Ok(no_reply())
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

fn object(mut request: Value, field: &str) -> Object {
    match request.get_mut(field).map(Value::take) {
        Some(Value::Object(object)) => object,
        _ => Object::new(),
    }
}

/// One basic filter per sheet: a new one takes the place of the old.
pub fn set_basic_filter(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    let (id, filter) = anchored(book, object(request, "filter"))?;
    book.sheet_mut(id)?.basic_filter = Some(filter);
    Ok(no_reply())
}

pub fn clear_basic_filter(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    let id = request.get("sheetId").and_then(Value::as_i64).unwrap_or(0);
    book.sheet_mut(id)?.basic_filter = None;
    Ok(no_reply())
}

pub fn add_protected_range(book: &mut Spreadsheet, editor: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "camelCase", default)]
    struct Editors {
        users: Vec<String>,
    }
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "camelCase", default)]
    struct Given {
        protected_range_id: Option<i64>,
        range: GridRange,
        unprotected_ranges: Vec<GridRange>,
        warning_only: bool,
        editors: Editors,
        #[serde(flatten)]
        body: Object,
    }
    let Given {
        protected_range_id,
        range,
        unprotected_ranges,
        warning_only,
        editors: Editors { users: mut editors },
        mut body,
    } = arguments(Value::Object(object(request, "protectedRange")))?;
    range.within(book)?;
    body.remove("requestingUserCanEdit");
    if let Editor::Account(email) = editor
        && !editors.contains(email)
    {
        editors.push(email.clone());
    }
    let id = protected_range_id.unwrap_or_else(random_id);
    let sheet = book.sheet_mut(range.sheet_id)?;
    let protection = Protection {
        id,
        range: range.open(),
        unprotected: unprotected_ranges.iter().map(GridRange::open).collect(),
        editors,
        warning_only,
        body,
    };
    let mut shown = view::protected_range(sheet, &protection, editor);
    // the reply shows nobody, a later get does
    shown["editors"] = json!({});
    sheet.protected.push(protection);
    Ok(reply("addProtectedRange", json!({"protectedRange": shown})))
}

pub fn delete_protected_range(book: &mut Spreadsheet, editor: &Editor, request: Value) -> Result<Value, String> {
    let id = request.get("protectedRangeId").and_then(Value::as_i64).unwrap_or(0);
    let of = |sheet: &Sheet| {
        sheet
            .protected
            .iter()
            .position(|protection| protection.id == id)
            .map(|at| (sheet.id, at))
    };
    let (sheet, at) = book
        .sheets
        .iter()
        .find_map(|sheet| of(sheet))
        .ok_or_else(|| format!("No protected range with ID: {id}"))?;
    let protected = &mut book.sheet_mut(sheet)?.protected;
    protect::check_protection(&protected[at], editor)?;
    protected.remove(at);
    Ok(no_reply())
}

pub fn add_named_range(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Given {
        named_range_id: Option<String>,
        name: String,
        #[serde(default)]
        range: GridRange,
    }
    let Given {
        named_range_id,
        name,
        range,
    } = arguments(Value::Object(object(request, "namedRange")))?;
    range.within(book)?;
    if book
        .named_ranges
        .iter()
        .any(|named| named.name.eq_ignore_ascii_case(&name))
    {
        return Err(format!("A named range with the name \"{name}\" already exists."));
    }
    let named = NamedRange {
        id: named_range_id.unwrap_or_else(|| random_id().to_string()),
        name,
        sheet: range.sheet_id,
        range: range.open(),
    };
    let shown = view::named_range(&named);
    book.named_ranges.push(named);
    Ok(reply("addNamedRange", json!({"namedRange": shown})))
}

pub fn delete_named_range(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    let id = request.get("namedRangeId").and_then(Value::as_str).unwrap_or_default();
    let at = book.named_ranges.iter().position(|named| named.id == id);
    book.named_ranges
        .remove(at.ok_or_else(|| format!("No named range with id: {id}"))?);
    Ok(no_reply())
}

pub fn add_banding(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    let mut body = object(request, "bandedRange");
    body.entry("bandedRangeId").or_insert_with(|| json!(random_id()));
    let shown = body.clone();
    let (id, banding) = anchored(book, body)?;
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

pub fn delete_banding(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    remove(
        book,
        "bandedRangeId",
        &request,
        |sheet| &mut sheet.bandings,
        |sheet| &sheet.bandings,
    )
}

pub fn add_table(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    let mut body = object(request, "table");
    body.entry("tableId").or_insert_with(|| json!(random_id().to_string()));
    let shown = body.clone();
    let (id, table) = anchored(book, body)?;
    let tables = &mut book.sheet_mut(id)?.tables;
    if tables.iter().any(|other| other.range.intersects(&table.range)) {
        return Err("Tables cannot overlap.".into());
    }
    tables.push(table);
    Ok(reply("addTable", json!({"table": shown})))
}

pub fn delete_table(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    remove(
        book,
        "tableId",
        &request,
        |sheet| &mut sheet.tables,
        |sheet| &sheet.tables,
    )
}

/// Removes the object whose id field equals the request's.
fn remove(
    book: &mut Spreadsheet,
    id_field: &str,
    request: &Value,
    list: impl Fn(&mut Sheet) -> &mut Vec<Anchored>,
    seen: impl Fn(&Sheet) -> &Vec<Anchored>,
) -> Result<Value, String> {
    let id = &request[id_field];
    let is_it = |item: &Anchored| item.body.get(id_field) == Some(id);
    let sheet = book
        .sheets
        .iter()
        .find(|sheet| seen(sheet).iter().any(is_it))
        .map(|sheet| sheet.id);
    let sheet = sheet.ok_or_else(|| format!("No object with {id_field}: {id}"))?;
    list(book.sheet_mut(sheet)?).retain(|item| !is_it(item));
    Ok(no_reply())
}

pub fn add_conditional_format_rule(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    let index = request.get("index").and_then(Value::as_u64).unwrap_or(0);
    let mut body = object(request, "rule");
    let ranges: Vec<GridRange> = match body.remove("ranges") {
        Some(ranges) => arguments(ranges)?,
        None => Vec::new(),
    };
    let id = ranges
        .first()
        .ok_or("A conditional format rule needs a range.")?
        .sheet_id;
    let rects = ranges
        .iter()
        .map(|range| range.within(book))
        .collect::<Result<_, _>>()?;
    if book.sheet(id).is_none() {
        return Err(no_grid(id));
    }
    let formats = &mut book.sheet_mut(id)?.conditional_formats;
    let at = usize::try_from(index).unwrap_or(usize::MAX).min(formats.len());
    formats.insert(at, ConditionalFormat { ranges: rects, body });
    Ok(no_reply())
}
