//! Merging and unmerging.

use serde::Deserialize;
use serde_json::Value;

use super::{arguments, no_reply};
use crate::simulator::sheets::{
    a1::Rect,
    model::{CellValue, Editor, Spreadsheet},
    protect,
    ranges::GridRange,
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
