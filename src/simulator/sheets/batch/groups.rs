//! Groups of rows and columns. A row knows how many groups it is in; the groups themselves are the runs of rows that are
//! at least so deep, so that they follow whatever moves.

use serde_json::{Value, json};

use super::{arguments, dimensions::Span, no_reply, object, reply, required_mask};
use crate::simulator::sheets::{
    metadata::DimensionRange,
    model::{Dimension, Editor, Object, Sheet, Spreadsheet},
};

/// Google's limit.
const DEEPEST: u8 = 8;

pub struct Group {
    pub start: usize,
    pub end: usize,
    pub depth: u8,
    pub collapsed: bool,
}

/// The groups of a sheet's rows or columns, outer ones first.
pub fn of(sheet: &Sheet, rows: bool) -> Vec<Group> {
    let none = Dimension::default();
    let dimensions: Vec<(u8, u8)> = match rows {
        true => sheet
            .rows
            .iter()
            .map(|row| row.dimension.as_deref().unwrap_or(&none))
            .map(|dimension| (dimension.depth, dimension.collapsed))
            .collect(),
        false => sheet
            .columns
            .iter()
            .map(|column| (column.depth, column.collapsed))
            .collect(),
    };
    let deepest = dimensions.iter().map(|(depth, _)| *depth).max().unwrap_or(0);
    let mut groups = Vec::new();
    for depth in 1..=deepest {
        let mut at = 0;
        while at < dimensions.len() {
            let run = dimensions[at..].iter().take_while(|(deep, _)| *deep >= depth).count();
            if run > 0 {
                groups.push(Group {
                    start: at,
                    end: at + run,
                    depth,
                    collapsed: dimensions[at].1 & (1 << (depth - 1)) != 0,
                });
            }
            at += run.max(1);
        }
    }
    groups.sort_by_key(|group| (group.start, group.depth));
    groups
}

pub fn shown(sheet: &Sheet, rows: bool) -> Vec<Value> {
    let shown = |group: Group| {
        let mut range = json!({"dimension": if rows { "ROWS" } else { "COLUMNS" }, "startIndex": group.start, "endIndex": group.end});
        if sheet.id != 0 {
            range["sheetId"] = json!(sheet.id);
        }
        let mut shown = json!({"range": range, "depth": group.depth});
        if group.collapsed {
            shown["collapsed"] = json!(true);
        }
        shown
    };
    of(sheet, rows).into_iter().map(shown).collect()
}

fn span(book: &Spreadsheet, range: Value) -> Result<Span, String> {
    let range: DimensionRange = arguments(range)?;
    let span = Span::of(book, &range)?;
    span.must_exist()?;
    Ok(span)
}

fn changed(book: &mut Spreadsheet, kind: &str, span: &Span) -> Result<Value, String> {
    let groups = shown(book.sheet_mut(span.sheet)?, span.rows);
    Ok(match groups.is_empty() {
        true => reply(kind, json!({})),
        false => reply(kind, json!({"dimensionGroups": groups})),
    })
}

pub fn add(book: &mut Spreadsheet, _: &Editor, mut request: Value) -> Result<Value, String> {
    let span = span(book, request["range"].take())?;
    let sheet = book.sheet_mut(span.sheet)?;
    let too_deep = of(sheet, span.rows)
        .iter()
        .any(|group| group.depth >= DEEPEST && group.start < span.end && span.start < group.end);
    if too_deep {
        return Err(format!("Cannot have more than {DEEPEST} groups in one place."));
    }
    span.change_each(sheet, |dimension| dimension.depth += 1);
    // from the first group on, Google says where its control is
    let name = if span.rows {
        "rowGroupControlAfter"
    } else {
        "columnGroupControlAfter"
    };
    let grid = sheet
        .other
        .entry("gridProperties")
        .or_insert_with(|| Value::Object(Object::new()));
    if grid.get(name).is_none() {
        grid[name] = json!(true);
    }
    changed(book, "addDimensionGroup", &span)
}

pub fn delete(book: &mut Spreadsheet, _: &Editor, mut request: Value) -> Result<Value, String> {
    let span = span(book, request["range"].take())?;
    let sheet = book.sheet_mut(span.sheet)?;
    if !of(sheet, span.rows)
        .iter()
        .any(|group| group.start < span.end && span.start < group.end)
    {
        return Err("Could not find a group at the specified range.".into());
    }
    span.change_each(sheet, |dimension| {
        dimension.depth = dimension.depth.saturating_sub(1);
        dimension.collapsed &= (1u8 << dimension.depth.min(7)) - 1;
    });
    changed(book, "deleteDimensionGroup", &span)
}

/// `collapsed` of one group; a collapsed one hides its rows or columns.
pub fn update(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    let mask = required_mask(request.get("fields").and_then(Value::as_str))?;
    let mut group = object(request, "dimensionGroup");
    let span = span(book, group.remove("range").unwrap_or_default())?;
    let depth = group.get("depth").and_then(Value::as_u64).unwrap_or(0);
    let sheet = book.sheet_mut(span.sheet)?;
    let found = of(sheet, span.rows)
        .iter()
        .any(|group| (group.start, group.end, u64::from(group.depth)) == (span.start, span.end, depth));
    if !found {
        return Err(format!("No group of depth {depth} at the specified range."));
    }
    if mask.names("collapsed") {
        let collapsed = group.get("collapsed").and_then(Value::as_bool).unwrap_or(false);
        let bit = 1u8 << (depth - 1);
        span.change_each(sheet, |dimension| {
            dimension.hidden = collapsed;
            if collapsed {
                dimension.collapsed |= bit;
            } else {
                dimension.collapsed &= !bit;
            }
        });
    }
    Ok(no_reply())
}
