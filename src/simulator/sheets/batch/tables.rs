//! Google Tables: a range whose first row names its columns. The names are those cells: unique and never empty.

use serde_json::{Value, json};

use super::{anchored, arguments, find, no_reply, object, reply, required_mask};
use crate::simulator::sheets::{
    a1::Rect,
    eval::Evaluator,
    format::{self, Locale},
    model::{Anchored, CellValue, Editor, Object, Sheet, Spreadsheet, random_id},
    ranges::GridRange,
    view,
};

pub fn add(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    let mut body = object(request, "table");
    body.entry("tableId").or_insert_with(|| json!(random_id().to_string()));
    let (id, table) = anchored(book, body)?;
    check_place(book, id, &table, None)?;
    let given = table.body.get("columnProperties").cloned();
    let sheet = book.sheet_mut(id)?;
    let range = table.range;
    sheet.tables.push(table);
    name_columns(sheet, range, given.as_ref());
    check_names(book, id)?;
    let position = book.position(id).unwrap_or_default();
    let table = book.sheets[position].tables.last();
    let shown = table.map(|table| shown(book, position, table)).unwrap_or_default();
    Ok(reply("addTable", json!({"table": shown})))
}

/// A table needs a name of its own and room for itself.
fn check_place(book: &Spreadsheet, sheet: i64, table: &Anchored, own: Option<&Value>) -> Result<(), String> {
    let is_other = |other: &&Anchored| own.is_none_or(|id| other.body.get("tableId") != Some(id));
    for other in book.sheets.iter().flat_map(|sheet| &sheet.tables).filter(is_other) {
        if other.body.get("name").is_some() && other.body.get("name") == table.body.get("name") {
            return Err(format!("A table with the name {} already exists.", table.body["name"]));
        }
    }
    let tables = book
        .sheet(sheet)
        .map(|sheet| sheet.tables.as_slice())
        .unwrap_or_default();
    match tables
        .iter()
        .filter(is_other)
        .any(|other| other.range.intersects(&table.range))
    {
        true => Err("Tables cannot overlap.".into()),
        false => Ok(()),
    }
}

/// Names that were given are written into the first row; a column that has none gets one.
fn name_columns(sheet: &mut Sheet, range: Rect, given: Option<&Value>) {
    let given = given.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for properties in given {
        let at = properties.get("columnIndex").and_then(Value::as_u64).unwrap_or(0);
        let column = range.left.saturating_add(usize::try_from(at).unwrap_or(usize::MAX));
        if let Some(name) = properties.get("columnName").and_then(Value::as_str)
            && column < range.right
        {
            sheet.edit(range.top, column, |cell| cell.value = CellValue::Text(name.into()));
        }
    }
    fill_names(sheet);
}

/// Columns that came into a table get a name.
pub fn fill_names(sheet: &mut Sheet) {
    for at in 0..sheet.tables.len() {
        let Rect { top, left, right, .. } = sheet.tables[at].range;
        let empty = |sheet: &Sheet, column: usize| sheet.cell(top, column).value == CellValue::Empty;
        for column in left..right {
            if empty(sheet, column) && !sheet.is_covered(top, column) {
                let taken = |name: &str| {
                    (left..right)
                        .any(|other| matches!(&sheet.cell(top, other).value, CellValue::Text(text) if **text == *name))
                };
                let free = (column - left + 1..).map(|number| format!("Column {number}"));
                let name = free.into_iter().find(|name| !taken(name)).unwrap_or_default();
                sheet.edit(top, column, |cell| cell.value = CellValue::Text(name.into()));
            }
        }
    }
}

/// Refuses a state in which a table of the sheet has two columns of one name, or one without.
pub fn check_names(book: &Spreadsheet, sheet: i64) -> Result<(), String> {
    let Some(position) = book.position(sheet) else {
        return Ok(());
    };
    for table in &book.sheets[position].tables {
        let names = names(book, position, table);
        for (at, name) in names.iter().enumerate() {
            if name.trim().is_empty() {
                return Err("Table column names cannot be empty.".into());
            }
            if names[..at].iter().any(|other| other.eq_ignore_ascii_case(name)) {
                return Err(format!("Table column names must be unique: \"{name}\"."));
            }
        }
    }
    Ok(())
}

fn names(book: &Spreadsheet, position: usize, table: &Anchored) -> Vec<String> {
    let evaluator = Evaluator::new(book);
    let locale = Locale::of(&book.locale);
    let Rect { top, left, right, .. } = table.range;
    (left..right)
        .map(|column| {
            let cell = book.sheets[position].cell(top, column);
            format::shown(&evaluator.cell(position, top, column), cell, locale)
        })
        .collect()
}

/// With the columns as their header cells name them.
pub fn shown(book: &Spreadsheet, position: usize, table: &Anchored) -> Value {
    let mut shown = view::with_range(book.sheets[position].id, table);
    let given = table.body.get("columnProperties").and_then(Value::as_array);
    let columns = names(book, position, table).into_iter().enumerate().map(|(at, name)| {
        let kept = given.and_then(|given| {
            given
                .iter()
                .find(|properties| properties.get("columnIndex").and_then(Value::as_u64).unwrap_or(0) == at as u64)
        });
        let mut properties = kept.and_then(Value::as_object).cloned().unwrap_or_default();
        if at > 0 {
            properties.insert("columnIndex".into(), json!(at));
        }
        properties.insert("columnName".into(), json!(name));
        Value::Object(properties)
    });
    shown["columnProperties"] = columns.collect();
    shown
}

pub fn update(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    let mask = required_mask(request.get("fields").and_then(Value::as_str))?;
    let new = object(request, "table");
    let (sheet, at) = place_of(book, new.get("tableId"))?;
    let range = match new.get("range") {
        Some(range) if mask.names("range") => Some(arguments::<GridRange>(range.clone())?.within(book)?),
        _ => None,
    };
    let mut table = book.sheet_mut(sheet)?.tables[at].clone();
    let id = table.body.get("tableId").cloned().unwrap_or_default();
    mask.merge(&mut table.body, Some(&new));
    table.body.remove("range");
    table.body.insert("tableId".into(), id.clone());
    table.range = range.unwrap_or(table.range);
    check_place(book, sheet, &table, Some(&id))?;
    let given = new.get("columnProperties").filter(|_| mask.names("columnProperties"));
    let range = table.range;
    let owner = book.sheet_mut(sheet)?;
    owner.tables[at] = table;
    name_columns(owner, range, given);
    check_names(book, sheet)?;
    Ok(no_reply())
}

/// Conditional formats that lie wholly on the table go with it.
pub fn delete(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    let (sheet, at) = place_of(book, request.get("tableId"))?;
    let sheet = book.sheet_mut(sheet)?;
    let table = sheet.tables.remove(at);
    sheet
        .conditional_formats
        .retain(|format| !format.ranges.iter().all(|range| table.range.covers(range)));
    Ok(no_reply())
}

fn place_of(book: &Spreadsheet, id: Option<&Value>) -> Result<(i64, usize), String> {
    let id = id.cloned().unwrap_or_else(|| json!(""));
    let is_it = |table: &Anchored| table.body.get("tableId") == Some(&id);
    find(book, |sheet| &sheet.tables, is_it).ok_or_else(|| format!("No table with id: {id}"))
}

/// Whether a table's header row is touched.
pub fn has_header_in(sheet: &Sheet, area: &Rect) -> bool {
    let header = |table: &Anchored| Rect {
        bottom: table.range.top + 1,
        ..table.range
    };
    sheet.tables.iter().any(|table| header(table).intersects(area))
}

/// Tables of a copied sheet get ids and names of their own.
pub fn rename_copies(book: &Spreadsheet, copies: &mut [Anchored]) {
    let taken: Vec<String> = book
        .sheets
        .iter()
        .flat_map(|sheet| &sheet.tables)
        .filter_map(|table| table.body.get("name")?.as_str().map(str::to_owned))
        .collect();
    for copy in copies {
        let body: &mut Object = &mut copy.body;
        body.insert("tableId".into(), json!(random_id().to_string()));
        let name = body.get("name").and_then(Value::as_str).unwrap_or("Table").to_owned();
        let free = (1..)
            .map(|number| format!("{name}_{number}"))
            .find(|name| !taken.contains(name));
        body.insert("name".into(), json!(free));
    }
}
