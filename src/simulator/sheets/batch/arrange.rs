//! Requests that bring cells elsewhere: copying and sorting.

use std::{cmp::Ordering, sync::Arc};

use serde::Deserialize;
use serde_json::Value;

use super::{arguments, cells::Coordinate, no_reply};
use crate::simulator::sheets::{
    a1::{Open, Rect},
    eval::{Effective, Evaluator},
    formula,
    model::{Cell, CellValue, Editor, Row, Sheet, Spreadsheet, no_grid},
    protect,
    ranges::GridRange,
};

pub fn copy_paste(book: &mut Spreadsheet, editor: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct CopyPaste {
        source: GridRange,
        destination: GridRange,
        paste_type: Option<String>,
        paste_orientation: Option<String>,
    }
    let CopyPaste {
        source,
        destination,
        paste_type,
        paste_orientation,
    } = arguments(request)?;
    let kind = paste_type.as_deref().unwrap_or("PASTE_NORMAL");
    if ![
        "PASTE_NORMAL",
        "PASTE_VALUES",
        "PASTE_FORMAT",
        "PASTE_FORMULA",
        "PASTE_NO_BORDERS",
    ]
    .contains(&kind)
    {
        return Err(format!("the simulator does not know pasteType {kind}"));
    }
    if paste_orientation.is_some_and(|orientation| orientation != "NORMAL") {
        return Err("the simulator knows pasteOrientation NORMAL only".into());
    }
    let from = source.within(book)?;
    let to = destination.within(book)?;
    let (height, width) = (from.bottom - from.top, from.right - from.left);
    // a destination that is a multiple of the source is filled, else the source is pasted once
    let fill = |size: usize, source: usize| {
        if size >= source {
            size - size % source.max(1)
        } else {
            source
        }
    };
    let target = Open {
        top: Some(to.top),
        bottom: Some(to.top + fill(to.bottom - to.top, height)),
        left: Some(to.left),
        right: Some(to.left + fill(to.right - to.left, width)),
    };
    let position = book.position(source.sheet_id).ok_or_else(|| no_grid(source.sheet_id))?;
    let values: Vec<Vec<(Cell, Effective)>> = {
        let evaluator = Evaluator::new(book);
        (from.top..from.bottom)
            .map(|row| {
                let cell = |column| {
                    (
                        book.sheets[position].cell(row, column).clone(),
                        evaluator.cell(position, row, column),
                    )
                };
                (from.left..from.right).map(cell).collect()
            })
            .collect()
    };
    let sheet = book.sheet_mut(destination.sheet_id)?;
    let area = target.within(sheet)?;
    protect::check(sheet, editor, &area)?;
    for row in area.top..area.bottom {
        for column in area.left..area.right {
            let (down, along) = ((row - area.top) % height, (column - area.left) % width);
            let (model, effective) = &values[down][along];
            let by = (
                row as isize - (from.top + down) as isize,
                column as isize - (from.left + along) as isize,
            );
            let covered = sheet.is_covered(row, column);
            sheet.edit(row, column, |cell| paste(cell, model, effective, kind, by, covered));
        }
    }
    Ok(no_reply())
}

fn paste(cell: &mut Cell, model: &Cell, effective: &Effective, kind: &str, by: (isize, isize), covered: bool) {
    if kind != "PASTE_FORMAT" && !covered {
        cell.value = match (&model.value, kind) {
            (CellValue::Formula(_), "PASTE_VALUES") => match effective {
                Effective::Empty => CellValue::Empty,
                Effective::Number(number) => CellValue::Number(*number),
                Effective::Bool(value) => CellValue::Bool(*value),
                Effective::Text(text) => CellValue::Text(text.clone()),
                Effective::Error(fault) => CellValue::Text(fault.shown().into()),
            },
            (CellValue::Formula(formula), _) => CellValue::Formula(formula::moved_by(formula, by.0, by.1)),
            (value, _) => value.clone(),
        };
    }
    match kind {
        "PASTE_NORMAL" | "PASTE_NO_BORDERS" => cell.extra = model.extra.clone(),
        "PASTE_FORMAT" => cell.set_field("userEnteredFormat", model.field("userEnteredFormat").cloned()),
        _ => {}
    }
}

/// Cells go to another place with all that they have; formulas that point at them follow.
pub fn cut_paste(book: &mut Spreadsheet, editor: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct CutPaste {
        source: GridRange,
        destination: Coordinate,
        paste_type: Option<String>,
    }
    let CutPaste {
        source,
        destination,
        paste_type,
    } = arguments(request)?;
    if let Some(kind) = paste_type.filter(|kind| kind != "PASTE_NORMAL") {
        return Err(format!("the simulator does not know pasteType {kind} in cutPaste"));
    }
    let from = source.within(book)?;
    let target = Open {
        top: Some(destination.row_index),
        bottom: Some(destination.row_index + from.bottom - from.top),
        left: Some(destination.column_index),
        right: Some(destination.column_index + from.right - from.left),
    };
    let cells: Vec<Vec<Cell>> = {
        let sheet = book.sheet_mut(source.sheet_id)?;
        protect::check(sheet, editor, &from)?;
        let columns = from.left..from.right;
        let row = |row: usize| columns.clone().map(|column| sheet.cell(row, column).clone()).collect();
        (from.top..from.bottom).map(row).collect()
    };
    let area = target.within(book.sheet_mut(destination.sheet_id)?)?;
    protect::check(book.sheet_mut(destination.sheet_id)?, editor, &area)?;
    let source_sheet = book.sheet_mut(source.sheet_id)?;
    for row in from.top..from.bottom {
        for column in from.left..from.right {
            source_sheet.edit(row, column, |cell| *cell = Cell::default());
        }
    }
    let sheet = book.sheet_mut(destination.sheet_id)?;
    for row in area.top..area.bottom {
        for column in area.left..area.right {
            let cell = cells[row - area.top][column - area.left].clone();
            sheet.edit(row, column, |old| *old = cell);
        }
    }
    let to = (destination.sheet_id, area.top, area.left);
    formula::follow_cut(book, (source.sheet_id, from), to);
    Ok(no_reply())
}

pub fn sort_range(book: &mut Spreadsheet, editor: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Spec {
        #[serde(default)]
        dimension_index: usize,
        sort_order: Option<String>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct SortRange {
        #[serde(default)]
        range: GridRange,
        #[serde(default)]
        sort_specs: Vec<Spec>,
    }
    let SortRange { range, sort_specs } = arguments(request)?;
    let area = range.within(book)?;
    let position = book.position(range.sheet_id).ok_or_else(|| no_grid(range.sheet_id))?;
    protect::check(&book.sheets[position], editor, &area)?;
    if book.sheets[position]
        .merges
        .iter()
        .any(|merge| merge.bottom - merge.top > 1 && merge.intersects(&area))
    {
        return Err("You can't sort a range that contains vertical merges.".into());
    }
    let mut order: Vec<(usize, Vec<Effective>)> = {
        let evaluator = Evaluator::new(book);
        let keys = |row: usize| {
            sort_specs
                .iter()
                .map(|spec| evaluator.cell(position, row, spec.dimension_index))
                .collect()
        };
        (area.top..area.bottom).map(|row| (row, keys(row))).collect()
    };
    order.sort_by(|(_, a), (_, b)| {
        let by_key = sort_specs.iter().zip(a.iter().zip(b)).map(|(spec, (a, b))| {
            let descending = spec.sort_order.as_deref() == Some("DESCENDING");
            compare(a, b, descending)
        });
        by_key
            .into_iter()
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    });
    let sheet = Arc::make_mut(&mut book.sheets[position]);
    // what belongs to a whole row goes with it only if the whole row is sorted
    let whole = area.left == 0 && area.right >= widest(sheet, &area);
    let old: Vec<Arc<Row>> = sheet.rows[area.top..area.bottom].to_vec();
    for (at, (from, _)) in order.iter().enumerate() {
        let to = area.top + at;
        let source = &old[from - area.top];
        let mut new = Row::clone(&old[at]);
        for column in area.left..area.right.min(new.cells.len().max(source.cells.len())) {
            let mut cell = source.cell(column).clone();
            if let CellValue::Formula(formula) = &cell.value {
                cell.value = CellValue::Formula(formula::moved_by(formula, to as isize - *from as isize, 0));
            }
            *new.cell_mut(column) = cell;
        }
        if whole {
            new.dimension = source.dimension.clone();
        }
        new.trim();
        sheet.rows[to] = Arc::new(new);
    }
    Ok(no_reply())
}

fn widest(sheet: &Sheet, area: &Rect) -> usize {
    sheet.rows[area.top..area.bottom]
        .iter()
        .map(|row| row.cells.len())
        .max()
        .unwrap_or(0)
}

/// Numbers, then texts, then booleans, then errors; blanks last in both directions.
fn compare(a: &Effective, b: &Effective, descending: bool) -> Ordering {
    let rank = |value: &Effective| match value {
        Effective::Number(_) => 0,
        Effective::Text(_) => 1,
        Effective::Bool(_) => 2,
        Effective::Error(_) => 3,
        Effective::Empty => 4,
    };
    let blank = (*a == Effective::Empty).cmp(&(*b == Effective::Empty));
    let order = match (a, b) {
        (Effective::Number(a), Effective::Number(b)) => a.total_cmp(b),
        (Effective::Text(a), Effective::Text(b)) => a.to_lowercase().cmp(&b.to_lowercase()),
        (Effective::Bool(a), Effective::Bool(b)) => a.cmp(b),
        _ => rank(a).cmp(&rank(b)),
    };
    blank.then(if descending { order.reverse() } else { order })
}
