//! Requests on what cells say: replacing, trimming, removing doubles.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{arguments, reply};
use crate::simulator::sheets::{
    a1::Rect,
    eval::Evaluator,
    format::{self, Locale},
    metadata::DimensionRange,
    model::{Cell, CellValue, Editor, MAX_CELL_TEXT, Spreadsheet, no_grid},
    protect,
    ranges::GridRange,
    values::too_long,
};

pub fn find_replace(book: &mut Spreadsheet, editor: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields, default)]
    #[derive(Default)]
    struct FindReplace {
        find: String,
        replacement: String,
        match_case: bool,
        match_entire_cell: bool,
        search_by_regex: bool,
        include_formulas: bool,
        range: Option<GridRange>,
        sheet_id: Option<i64>,
        all_sheets: bool,
    }
    let request: FindReplace = arguments(request)?;
    if request.search_by_regex {
        return Err("the simulator knows no regular expressions in findReplace".into());
    }
    if request.find.is_empty() {
        return Err("Must specify text to find.".into());
    }
    let areas: Vec<(usize, Rect)> = match (&request.range, request.sheet_id, request.all_sheets) {
        (Some(range), None, false) => {
            let position = book.position(range.sheet_id).ok_or_else(|| no_grid(range.sheet_id))?;
            vec![(position, range.within(book)?)]
        }
        (None, Some(id), false) => {
            let position = book.position(id).ok_or_else(|| no_grid(id))?;
            vec![(position, book.sheets[position].grid())]
        }
        (None, None, true) => (0..book.sheets.len())
            .map(|position| (position, book.sheets[position].grid()))
            .collect(),
        _ => return Err("Exactly one of range, sheetId and allSheets must be set.".into()),
    };
    let fold = |text: &str| {
        if request.match_case {
            text.to_owned()
        } else {
            text.to_lowercase()
        }
    };
    let wanted = fold(&request.find);
    let locale = Locale::of(&book.locale);
    let mut counts = [0usize; 5];
    for (position, area) in areas {
        let mut changes: Vec<(usize, usize, CellValue)> = Vec::new();
        let mut rows = HashSet::new();
        let evaluator = Evaluator::new(book);
        for row in area.top..area.bottom {
            for column in area.left..area.right.min(book.sheets[position].rows[row].cells.len()) {
                let cell = book.sheets[position].cell(row, column);
                let (text, is_formula) = match &cell.value {
                    CellValue::Empty => continue,
                    CellValue::Formula(_) if !request.include_formulas => continue,
                    CellValue::Formula(formula) => (formula.to_string(), true),
                    _ => (
                        format::shown(&evaluator.cell(position, row, column), cell, locale),
                        false,
                    ),
                };
                let (new, found) = match request.match_entire_cell {
                    true if fold(&text) == wanted => (request.replacement.clone(), 1),
                    true => continue,
                    false => replaced(&text, &wanted, &request.replacement, request.match_case),
                };
                if found == 0 {
                    continue;
                }
                let value = match &cell.value {
                    CellValue::Text(_) => text_value(&new)?,
                    _ => format::user_entered(&new, cell, locale).0,
                };
                counts[usize::from(is_formula)] += 1;
                counts[4] += found;
                rows.insert(row);
                changes.push((row, column, value));
            }
        }
        counts[2] += rows.len();
        counts[3] += usize::from(!changes.is_empty());
        let id = book.sheets[position].id;
        let sheet = book.sheet_mut(id)?;
        for (row, column, value) in changes {
            protect::check(sheet, editor, &Rect::cell(row, column))?;
            sheet.edit(row, column, |cell| cell.value = value);
        }
    }
    let names = [
        "valuesChanged",
        "formulasChanged",
        "rowsChanged",
        "sheetsChanged",
        "occurrencesChanged",
    ];
    let mut content = json!({});
    for (name, count) in names.into_iter().zip(counts).filter(|(_, count)| *count > 0) {
        content[name] = json!(count);
    }
    Ok(reply("findReplace", content))
}

fn text_value(text: &str) -> Result<CellValue, String> {
    match text {
        "" => Ok(CellValue::Empty),
        text if text.encode_utf16().count() > MAX_CELL_TEXT => Err(too_long()),
        text => Ok(CellValue::Text(text.into())),
    }
}

/// The text with every occurrence replaced, and how many there were. `wanted` is folded already.
fn replaced(text: &str, wanted: &str, replacement: &str, match_case: bool) -> (String, usize) {
    let mut new = String::new();
    let mut found = 0;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = match match_case {
            true => rest.starts_with(wanted).then_some(wanted.len()),
            false => folded_prefix(rest, wanted),
        };
        match end {
            Some(end) if end > 0 => {
                new.push_str(replacement);
                found += 1;
                rest = &rest[end..];
            }
            _ => {
                new.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    (new, found)
}

/// How many bytes of the text are the wanted one in whatever case.
fn folded_prefix(text: &str, wanted: &str) -> Option<usize> {
    let mut wanted = wanted.chars();
    for (at, c) in text.char_indices() {
        if wanted.as_str().is_empty() {
            return Some(at);
        }
        for lower in c.to_lowercase() {
            if wanted.next() != Some(lower) {
                return None;
            }
        }
    }
    wanted.as_str().is_empty().then_some(text.len())
}

pub fn trim_whitespace(book: &mut Spreadsheet, editor: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Trim {
        range: GridRange,
    }
    let Trim { range } = arguments(request)?;
    let area = range.within(book)?;
    let sheet = book.sheet_mut(range.sheet_id)?;
    protect::check(sheet, editor, &area)?;
    let mut changed = 0;
    for row in area.top..area.bottom {
        for column in area.left..area.right.min(sheet.rows[row].cells.len()) {
            let CellValue::Text(text) = &sheet.cell(row, column).value else {
                continue;
            };
            let trimmed = text.split_whitespace().collect::<Vec<_>>().join(" ");
            if trimmed.as_str() != &**text {
                let value = text_value(&trimmed)?;
                sheet.edit(row, column, |cell| cell.value = value);
                changed += 1;
            }
        }
    }
    Ok(reply("trimWhitespace", counted("cellsChangedCount", changed)))
}

fn counted(name: &str, count: usize) -> Value {
    let mut content = json!({});
    if count > 0 {
        content[name] = json!(count);
    }
    content
}

/// Rows of a range that say the same as an earlier one go; those below move up, within the range's columns.
pub fn delete_duplicates(book: &mut Spreadsheet, editor: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Deduplicate {
        range: GridRange,
        #[serde(default)]
        comparison_columns: Vec<DimensionRange>,
    }
    let Deduplicate {
        range,
        comparison_columns,
    } = arguments(request)?;
    let area = range.within(book)?;
    let position = book.position(range.sheet_id).ok_or_else(|| no_grid(range.sheet_id))?;
    protect::check(&book.sheets[position], editor, &area)?;
    let compared: Vec<usize> = match comparison_columns.is_empty() {
        true => (area.left..area.right).collect(),
        false => comparison_columns
            .iter()
            .flat_map(|columns| columns.start_index.unwrap_or(area.left)..columns.end_index.unwrap_or(area.right))
            .collect(),
    };
    let locale = Locale::of(&book.locale);
    let mut seen = HashSet::new();
    let kept: Vec<usize> = {
        let evaluator = Evaluator::new(book);
        let text = |row: usize, column: usize| {
            let cell = book.sheets[position].cell(row, column);
            format::shown(&evaluator.cell(position, row, column), cell, locale).to_lowercase()
        };
        let mut key = |row: usize| seen.insert(compared.iter().map(|column| text(row, *column)).collect::<Vec<_>>());
        (area.top..area.bottom).filter(|row| key(*row)).collect()
    };
    let removed = area.bottom - area.top - kept.len();
    if removed > 0 {
        let sheet = book.sheet_mut(range.sheet_id)?;
        for (at, row) in (area.top..area.bottom).enumerate() {
            for column in area.left..area.right {
                let cell = match kept.get(at) {
                    Some(from) => sheet.cell(*from, column).clone(),
                    None => Cell::default(),
                };
                sheet.edit(row, column, |old| *old = cell);
            }
        }
    }
    Ok(reply("deleteDuplicates", counted("duplicatesRemovedCount", removed)))
}
