//! A tab that another program filled becomes ours only on proof: its header and at least one known key.

use std::collections::HashSet;

use super::{
    TabWish,
    marks::ColumnMark,
    start::folded,
    tab::{OwnedColumn, Tab},
};

/// How many rows from the top are searched for a header: people put banners above it.
const SEARCHED: usize = 20;

/// The header row and the columns that are ours, if the tab proves to hold this resource's records.
pub fn proof(tab: &Tab, wish: &TabWish<'_>) -> Option<(usize, Vec<OwnedColumn>)> {
    let header = header(tab, wish)?;
    let columns = matched(tab, wish, header);
    let key_path = &wish.table.columns[0].path;
    let key = columns.iter().find(|column| column.mark.path == *key_path)?.index;
    let filled = tab.filled(header).count();
    let known: HashSet<&str> = wish.table.keys().flatten().collect();
    let holds_a_record = (0..tab.used_rows()).filter(|row| *row != header).any(|row| {
        tab.cell(row, key)
            .key()
            .is_some_and(|text| known.contains(text.as_str()))
    });
    (columns.len() * 2 >= filled && holds_a_record).then_some((header, columns))
}

/// The first row that has the key's label and a label or path of ours in half of its cells.
fn header(tab: &Tab, wish: &TabWish<'_>) -> Option<usize> {
    let key = wish.table.columns.first()?;
    (0..tab.used_rows().min(SEARCHED)).find(|row| {
        let ours = matched(tab, wish, *row);
        let filled = tab.filled(*row).count();
        ours.iter().any(|column| column.mark.path == key.path) && ours.len() * 2 >= filled
    })
}

/// The first row of a marked tab that has the key's header and those of half of the other columns of ours, as they are
/// wished or were written last.
pub fn header_of_marked(tab: &Tab, wish: &TabWish<'_>) -> Option<usize> {
    let key = &wish.table.columns.first()?.path;
    let is_header = |row: usize, column: &OwnedColumn| {
        let text = tab.cell(row, column.index).label();
        let wished = wish.table.columns.iter().find(|wished| wished.path == column.mark.path);
        text == column.mark.label || text == column.mark.path || wished.is_some_and(|wished| wished.label == text)
    };
    (0..tab.used_rows()).find(|row| {
        let found = tab.columns.iter().filter(|column| is_header(*row, column)).count();
        let has_key = tab
            .columns
            .iter()
            .any(|column| column.mark.path == *key && is_header(*row, column));
        has_key && found * 2 >= tab.columns.len()
    })
}

fn matched(tab: &Tab, wish: &TabWish<'_>, row: usize) -> Vec<OwnedColumn> {
    let mut taken = HashSet::new();
    let ours = tab.filled(row).filter_map(|(index, cell)| {
        let text = cell.label();
        let column = wish
            .table
            .columns
            .iter()
            .find(|column| folded(&column.label) == folded(&text) || column.path == text.trim())?;
        let mark = ColumnMark {
            label: text,
            ..ColumnMark::of(column)
        };
        taken.insert(column.path.as_str()).then_some(OwnedColumn {
            index,
            metadata_id: None,
            mark,
        })
    });
    ours.collect()
}
