//! A spreadsheet as `spreadsheets.get` shows it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    a1::{Open, Rect},
    batch::{groups, tables},
    criteria,
    eval::{Effective, Evaluator},
    format::{self, Locale},
    mask::Mask,
    model::{
        Anchored, Cell, CellValue, ConditionalFormat, Dimension, Editor, NamedRange, Object, Place, Protection, Sheet,
        Spreadsheet, number,
    },
    ranges::grid_range,
};

/// What to show.
pub struct View<'a> {
    pub mask: Mask,
    /// Whether `mask` was given: then it decides alone about grid data.
    pub masked: bool,
    pub include_grid_data: bool,
    /// Only these parts; empty = everything.
    pub ranges: Vec<(usize, Open)>,
    pub editor: &'a Editor,
}

impl View<'_> {
    pub fn show(&self, book: &Spreadsheet) -> Result<Value, String> {
        let mut shown = json!({"spreadsheetId": book.id});
        if self.mask.names("properties") {
            shown["properties"] = properties(book);
        }
        if let Some(mask) = self.mask.of("sheets") {
            let evaluator = Evaluator::new(book);
            let mut sheets = Vec::new();
            for (position, sheet) in book.sheets.iter().enumerate() {
                let ranges: Vec<Open> = self
                    .ranges
                    .iter()
                    .filter(|(at, _)| *at == position)
                    .map(|(_, open)| *open)
                    .collect();
                if self.ranges.is_empty() || !ranges.is_empty() {
                    sheets.push(self.sheet(&evaluator, book, (position, sheet), &ranges, &mask)?);
                }
            }
            shown["sheets"] = json!(sheets);
        }
        if !book.named_ranges.is_empty() {
            shown["namedRanges"] = book.named_ranges.iter().map(named_range).collect();
        }
        if !book.metadata.is_empty() {
            let entries = book.metadata.iter().map(|entry| entry.to_json(Place::Spreadsheet));
            shown["developerMetadata"] = entries.collect();
        }
        shown["spreadsheetUrl"] = json!(format!("https://docs.google.com/spreadsheets/d/{}/edit", book.id));
        Ok(self.mask.project(shown))
    }

    fn sheet(
        &self,
        evaluator: &Evaluator<'_>,
        book: &Spreadsheet,
        (position, sheet): (usize, &Sheet),
        ranges: &[Open],
        mask: &Mask,
    ) -> Result<Value, String> {
        let mut shown = json!({"properties": sheet_properties(sheet, position)});
        let data = mask.of("data").filter(|_| self.masked || self.include_grid_data);
        if let Some(mask) = data {
            let whole = [Open::default()];
            let ranges = if ranges.is_empty() { &whole } else { ranges };
            let blocks: Result<Vec<Value>, String> = ranges
                .iter()
                .map(|open| {
                    Ok(grid_data(
                        evaluator,
                        book,
                        (position, sheet),
                        &open.within(sheet)?,
                        &mask,
                    ))
                })
                .collect();
            shown["data"] = json!(blocks?);
        }
        let rects = |rects: &[Rect]| -> Value {
            rects
                .iter()
                .map(|rect| grid_range(sheet.id, &Open::from(*rect)))
                .collect()
        };
        let anchored = |list: &[Anchored]| -> Value { list.iter().map(|item| with_range(sheet.id, item)).collect() };
        // what the mask leaves out is not made
        let mut list = |name: &str, items: &dyn Fn() -> Value| {
            if mask.names(name) {
                let items = items();
                if items.as_array().is_some_and(|items| !items.is_empty()) {
                    shown[name] = items;
                }
            }
        };
        list("merges", &|| rects(&sheet.merges));
        list("tables", &|| {
            let tables = sheet.tables.iter();
            tables.map(|table| tables::shown(book, position, table)).collect()
        });
        list("filterViews", &|| anchored(&sheet.filter_views));
        list("rowGroups", &|| groups::shown(sheet, true).into());
        list("columnGroups", &|| groups::shown(sheet, false).into());
        list("bandedRanges", &|| anchored(&sheet.bandings));
        list("conditionalFormats", &|| {
            let formats = sheet.conditional_formats.iter();
            formats.map(|format| conditional_format(sheet.id, format)).collect()
        });
        list("protectedRanges", &|| {
            let protections = sheet.protected.iter();
            protections
                .map(|protection| protected_range(sheet, protection, self.editor))
                .collect()
        });
        list("developerMetadata", &|| {
            let entries = sheet.metadata.iter();
            entries.map(|entry| entry.to_json(Place::Sheet(sheet.id))).collect()
        });
        if let Some(filter) = &sheet.basic_filter {
            shown["basicFilter"] = with_range(sheet.id, filter);
        }
        Ok(shown)
    }
}

fn with(body: &Object, name: &str, value: Value) -> Value {
    let mut shown = body.clone();
    shown.insert(name.into(), value);
    Value::Object(shown)
}

pub fn with_range(sheet: i64, anchored: &Anchored) -> Value {
    with(&anchored.body, "range", grid_range(sheet, &Open::from(anchored.range)))
}

pub fn conditional_format(sheet: i64, format: &ConditionalFormat) -> Value {
    let ranges = format.ranges.iter();
    let ranges = ranges.map(|range| grid_range(sheet, &Open::from(*range)));
    with(&format.body, "ranges", ranges.collect())
}

pub fn named_range(named: &NamedRange) -> Value {
    json!({"namedRangeId": named.id, "name": named.name, "range": grid_range(named.sheet, &named.range)})
}

/// A protection as `editor` sees it.
pub fn protected_range(sheet: &Sheet, protection: &Protection, editor: &Editor) -> Value {
    let mut shown = protection.body.clone();
    let mut set = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    set("protectedRangeId", json!(protection.id));
    set("range", grid_range(sheet.id, &protection.range));
    set("editors", json!({"users": protection.editors}));
    if protection.warning_only {
        set("warningOnly", json!(true));
    }
    if protection.allows(editor) {
        set("requestingUserCanEdit", json!(true));
    }
    if !protection.unprotected.is_empty() {
        let ranges = protection.unprotected.iter().map(|open| grid_range(sheet.id, open));
        set("unprotectedRanges", ranges.collect());
    }
    Value::Object(shown)
}

/// As answers show them: false and 0 are left out, but not sheetId and index.
pub fn sheet_properties(sheet: &Sheet, index: usize) -> Value {
    let mut shown = Value::Object(sheet.other.clone());
    shown["sheetId"] = json!(sheet.id);
    shown["title"] = json!(sheet.title);
    shown["index"] = json!(index);
    if sheet.hidden {
        shown["hidden"] = json!(true);
    }
    // a sheet that is one chart has no cells
    if sheet.is_object() {
        return shown;
    }
    shown["sheetType"] = json!("GRID");
    shown["gridProperties"]["rowCount"] = json!(sheet.rows.len());
    shown["gridProperties"]["columnCount"] = json!(sheet.columns.len());
    for (name, count) in [
        ("frozenRowCount", sheet.frozen_rows),
        ("frozenColumnCount", sheet.frozen_columns),
    ] {
        if count > 0 {
            shown["gridProperties"][name] = json!(count);
        }
    }
    shown
}

fn grid_data(
    evaluator: &Evaluator<'_>,
    book: &Spreadsheet,
    (position, sheet): (usize, &Sheet),
    rect: &Rect,
    mask: &Mask,
) -> Value {
    let mut shown = json!({});
    for (name, start) in [("startRow", rect.top), ("startColumn", rect.left)] {
        if start > 0 {
            shown[name] = json!(start);
        }
    }
    if let Some(mask) = mask.of("rowData") {
        let cells = mask.of("values").unwrap_or_else(Mask::all);
        let mut rows: Vec<Value> = Vec::new();
        let mut used = 0;
        for row in rect.top..rect.bottom {
            let width = sheet.rows[row].cells.len().min(rect.right);
            if width <= rect.left {
                rows.push(json!({}));
                continue;
            }
            let values: Vec<Value> = (rect.left..width)
                .map(|column| {
                    cell_data(
                        evaluator,
                        book,
                        sheet.cell(row, column),
                        (position, row, column),
                        &cells,
                    )
                })
                .collect();
            rows.push(json!({"values": values}));
            used = rows.len();
        }
        rows.truncate(used);
        if !rows.is_empty() {
            shown["rowData"] = json!(rows);
        }
    }
    if mask.names("rowMetadata") {
        let filtered = filtered_rows(evaluator, book, position);
        let rows = sheet.rows[rect.top..rect.bottom].iter().enumerate().map(|(at, row)| {
            let place = Place::Row(sheet.id, rect.top + at);
            let mut shown = dimension(row.dimension.as_deref(), place, 21);
            if filtered.contains(&(rect.top + at)) {
                shown["hiddenByFilter"] = json!(true);
            }
            shown
        });
        shown["rowMetadata"] = rows.collect();
    }
    if mask.names("columnMetadata") {
        let columns = sheet.columns[rect.left..rect.right]
            .iter()
            .enumerate()
            .map(|(at, column)| {
                let place = Place::Column(sheet.id, rect.left + at);
                dimension(Some(column), place, 100)
            });
        shown["columnMetadata"] = columns.collect();
    }
    shown
}

/// Rows that the basic filter hides.
pub fn filtered_rows(evaluator: &Evaluator<'_>, book: &Spreadsheet, position: usize) -> BTreeSet<usize> {
    let sheet = &book.sheets[position];
    let Some(filter) = &sheet.basic_filter else {
        return BTreeSet::new();
    };
    let criteria = criteria::of(&filter.body);
    if criteria.is_empty() {
        return BTreeSet::new();
    }
    let locale = Locale::of(&book.locale);
    let hides = |row: usize| {
        criteria.iter().any(|(column, criterion)| {
            let value = evaluator.cell(position, row, *column);
            let text = format::shown(&value, sheet.cell(row, *column), locale);
            criterion.hides(&value, &text)
        })
    };
    (filter.range.top + 1..filter.range.bottom)
        .filter(|row| hides(*row))
        .collect()
}

fn dimension(dimension: Option<&Dimension>, place: Place, default_size: i64) -> Value {
    let Some(Dimension {
        hidden,
        pixel_size,
        metadata,
        depth: _,
        collapsed: _,
    }) = dimension
    else {
        return json!({"pixelSize": default_size});
    };
    let mut shown = json!({"pixelSize": pixel_size.unwrap_or(default_size)});
    if *hidden {
        shown["hiddenByUser"] = json!(true);
    }
    if !metadata.is_empty() {
        shown["developerMetadata"] = metadata.iter().map(|entry| entry.to_json(place)).collect();
    }
    shown
}

fn cell_data(
    evaluator: &Evaluator<'_>,
    book: &Spreadsheet,
    cell: &Cell,
    (position, row, column): (usize, usize, usize),
    mask: &Mask,
) -> Value {
    let mut shown = cell.extra.as_deref().cloned().unwrap_or_default();
    let mut set = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    if cell.value != CellValue::Empty {
        let effective = evaluator.cell(position, row, column);
        if mask.names("userEnteredValue") {
            set("userEnteredValue", user_entered_value(&cell.value));
        }
        if mask.names("effectiveValue") {
            set("effectiveValue", effective_value(&effective));
        }
        if mask.names("formattedValue") {
            set(
                "formattedValue",
                json!(format::shown(&effective, cell, Locale::of(&book.locale))),
            );
        }
    }
    if mask.names("effectiveFormat") {
        let mut effective = default_format();
        overlay(&mut effective, cell.field("userEnteredFormat"));
        set("effectiveFormat", effective);
    }
    Value::Object(shown)
}

fn overlay(target: &mut Value, over: Option<&Value>) {
    match (target, over) {
        (Value::Object(target), Some(Value::Object(over))) => {
            for (name, value) in over {
                overlay(target.entry(name.clone()).or_insert_with(|| json!({})), Some(value));
            }
        }
        (target, Some(value)) => *target = value.clone(),
        (_, None) => {}
    }
}

fn user_entered_value(value: &CellValue) -> Value {
    match value {
        CellValue::Empty => json!({}),
        CellValue::Number(value) => json!({"numberValue": number(*value)}),
        CellValue::Bool(value) => json!({"boolValue": value}),
        CellValue::Text(text) => json!({"stringValue": text}),
        CellValue::Formula(formula) => json!({"formulaValue": formula}),
    }
}

fn effective_value(value: &Effective) -> Value {
    match value {
        Effective::Empty => json!({}),
        Effective::Number(value) => json!({"numberValue": number(*value)}),
        Effective::Bool(value) => json!({"boolValue": value}),
        Effective::Text(text) => json!({"stringValue": text}),
        Effective::Error(fault) => json!({"errorValue": {"type": fault.kind(), "message": fault.shown()}}),
    }
}

fn properties(book: &Spreadsheet) -> Value {
    json!({
        "title": book.title,
        "locale": book.locale,
        "autoRecalc": book.auto_recalc,
        "timeZone": book.time_zone,
        "defaultFormat": default_format(),
        "spreadsheetTheme": {
            "primaryFontFamily": "Arial",
            "themeColors": [
                {"colorType": "TEXT", "color": {"rgbColor": {}}},
                theme("BACKGROUND", 1.0, 1.0, 1.0),
                theme("ACCENT1", 0.25882354, 0.52156866, 0.95686275),
                theme("ACCENT2", 0.91764706, 0.2627451, 0.20784314),
                theme("ACCENT3", 0.9843137, 0.7372549, 0.015686275),
                theme("ACCENT4", 0.20392157, 0.65882355, 0.3254902),
                theme("ACCENT5", 1.0, 0.42745098, 0.003921569),
                theme("ACCENT6", 0.27450982, 0.7411765, 0.7764706),
                theme("LINK", 0.06666667, 0.33333334, 0.8),
            ],
        },
    })
}

fn theme(kind: &str, red: f64, green: f64, blue: f64) -> Value {
    json!({"colorType": kind, "color": {"rgbColor": {"red": number(red), "green": number(green), "blue": number(blue)}}})
}

fn default_format() -> Value {
    json!({
        "backgroundColor": {"red": 1, "green": 1, "blue": 1},
        "padding": {"top": 2, "right": 3, "bottom": 2, "left": 3},
        "verticalAlignment": "BOTTOM",
        "wrapStrategy": "OVERFLOW_CELL",
        "textFormat": {
            "foregroundColor": {},
            "fontFamily": "arial,sans,sans-serif",
            "fontSize": 10,
            "bold": false,
            "italic": false,
            "strikethrough": false,
            "underline": false,
            "foregroundColorStyle": {"rgbColor": {}},
        },
        "backgroundColorStyle": {"rgbColor": {"red": 1, "green": 1, "blue": 1}},
    })
}
