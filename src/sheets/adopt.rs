//! A tab that another program filled becomes ours only on proof: its header and at least one known key.

use std::collections::HashSet;

use super::{
    TabWish,
    marks::ColumnMark,
    start::folded,
    tab::{OwnedColumn, Tab},
};
use crate::table::Column;

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
    let ours = columns.len() + parents(tab, wish, header).len();
    (ours * 2 >= filled && holds_a_record).then_some((header, columns))
}

/// What is told of columns that hold whole objects as text: their fields get columns of their own, and these stay, for
/// nobody can tell whether people use them.
pub fn left_behind(tab: &Tab, wish: &TabWish<'_>, header: usize) -> Option<String> {
    let parents = parents(tab, wish, header);
    (!parents.is_empty()).then(|| {
        format!(
            "the columns {} of an earlier program are not updated any more, since each of their fields has a column of its \
             own now: delete them if nobody needs them",
            parents.join(", ")
        )
    })
}

/// Headers that name an object of which we write the fields.
fn parents(tab: &Tab, wish: &TabWish<'_>, row: usize) -> Vec<String> {
    let is_parent = |text: &String| {
        let fields = wish.table.columns.iter();
        let mut rests = fields.filter_map(|column| column.path.strip_prefix(text.trim()));
        !text.trim().is_empty() && rests.any(|rest| rest.starts_with('.'))
    };
    tab.filled(row)
        .map(|(_, cell)| cell.label())
        .filter(is_parent)
        .collect()
}

/// The first row that has the key's label and a label or path of ours in half of its cells.
fn header(tab: &Tab, wish: &TabWish<'_>) -> Option<usize> {
    let key = wish.table.columns.first()?;
    (0..tab.used_rows().min(SEARCHED)).find(|row| {
        let ours = matched(tab, wish, *row);
        let filled = tab.filled(*row).count();
        let known = ours.len() + parents(tab, wish, *row).len();
        ours.iter().any(|column| column.mark.path == key.path) && known * 2 >= filled
    })
}

/// The row of a marked tab that is its header by its texts, as they are wished or were written last: it has the key's and
/// those of half of the columns of ours. The row that bears the mark comes first. `wished` gives the label that a path
/// should have.
pub fn header_of_marked<'w>(tab: &Tab, key: &str, wished: impl Fn(&str) -> Option<&'w str>) -> Option<usize> {
    let key = tab.columns.iter().find(|column| column.mark.path == key)?;
    let marked = tab.header.map(|(row, _)| row);
    marked
        .into_iter()
        .chain(0..tab.used_rows())
        .find(|row| is_header(tab, *row, key, &wished))
}

/// Whether a row of a marked tab has the header texts of `key` and of half of the columns of ours.
fn is_header<'w>(tab: &Tab, row: usize, key: &OwnedColumn, wished: &impl Fn(&str) -> Option<&'w str>) -> bool {
    let is_named = |column: &&OwnedColumn| {
        let text = tab.cell(row, column.index).label();
        let mark = &column.mark;
        text == mark.label || text == mark.path || wished(&mark.path).is_some_and(|label| label == text)
    };
    is_named(&key) && tab.columns.iter().filter(is_named).count() * 2 >= tab.columns.len()
}

fn matched(tab: &Tab, wish: &TabWish<'_>, row: usize) -> Vec<OwnedColumn> {
    let mut taken = HashSet::new();
    let ours = tab.filled(row).filter_map(|(index, cell)| {
        let text = cell.label();
        let named = |column: &&Column| {
            let mut labels = wish.labels.iter().filter(|(path, _)| *path == column.path);
            column.path == text.trim()
                || folded(&column.label) == folded(&text)
                || labels.any(|(_, label)| folded(label) == folded(&text))
        };
        let column = wish.table.columns.iter().find(named)?;
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
