//! Where a plan starts: a tab that does not exist yet, an empty one, one to adopt, or one that is ours.

use super::{
    TabWish, adopt,
    marks::{ColumnMark, HEADER, TAB, TabMark},
    plan::Context,
    requests::{Entered, Unit, on_line, on_sheet},
    tab::{Claim, OwnedColumn, Rect, Tab},
    width,
};
use crate::{
    failure::{Failure, reason},
    table::{Cell, Kind, Packed},
    words::counted,
};

/// On the header of the ids.
pub const NOTE: &str = "Filled by wedof-sheet-sync: what you type in the columns that it fills is replaced by Wedof's values. \
                    Columns that you add stay yours.";

/// Blank columns beside ours in a tab that we make: a status, a date, a remark.
const SPARE_COLUMNS: usize = 3;

/// The tab as it is once the requests so far have run.
pub struct Start {
    pub tab: Tab,
    pub header: usize,
    /// It becomes ours in this run, with rows that another program wrote.
    pub adopting: bool,
    /// Sentences for the report.
    pub notes: Vec<String>,
}

pub fn start(
    tab: Option<&Tab>,
    titles: &[String],
    wish: &TabWish<'_>,
    context: &Context<'_>,
    unit: &mut Unit,
) -> Result<Start, Failure> {
    let Some(tab) = tab else {
        return create(titles, wish, context, unit);
    };
    for stray in &tab.stray_marks {
        unit.delete_mark(*stray);
    }
    match tab.claim {
        Claim::Empty => Ok(furnish(tab.clone(), wish, context, unit)),
        Claim::Unproven => {
            let (header, columns) = adopt::proof(tab, wish).ok_or_else(|| taken(wish.title))?;
            let adopted = Tab {
                columns,
                header: None,
                ..tab.clone()
            };
            mark_tab(&adopted, wish, header, unit);
            Ok(Start {
                tab: adopted,
                header,
                adopting: true,
                notes: adopt::left_behind(tab, wish, header).into_iter().collect(),
            })
        }
        Claim::Marked => {
            rename(tab, wish, unit)?;
            let mut tab = tab.clone();
            let header = header(&mut tab, wish, unit)?;
            Ok(Start {
                tab,
                header,
                adopting: false,
                notes: Vec::new(),
            })
        }
    }
}

/// A new tab: header, a spare row and its marks, in one batch with its first rows.
fn create(titles: &[String], wish: &TabWish<'_>, context: &Context<'_>, unit: &mut Unit) -> Result<Start, Failure> {
    if titles.iter().any(|title| folded(title) == folded(wish.title)) {
        return Err(taken(wish.title));
    }
    let sheet = context.sheet_id;
    let columns = wish.table.columns.len() + spare_columns(wish, context);
    unit.add_sheet(sheet, wish.title, context.sheet_index, 2, columns);
    let tab = Tab {
        sheet_id: sheet,
        title: wish.title.to_owned(),
        claim: Claim::Empty,
        other_titles: titles.to_vec(),
        row_count: 2,
        column_count: columns,
        frozen_rows: 1,
        ..Tab::default()
    };
    Ok(furnish(tab, wish, context, unit))
}

/// Blank columns at the right of a tab that we make: people write beside the data, and a tab that ends with our last
/// column looks as if they could not. Left out where they would not fit.
fn spare_columns(wish: &TabWish<'_>, context: &Context<'_>) -> usize {
    let rows = wish.table.len() + 2;
    let cells = rows.saturating_mul(wish.table.columns.len() + SPARE_COLUMNS);
    match cells.saturating_add(context.other_cells) <= context.max_cells {
        true => SPARE_COLUMNS,
        false => 0,
    }
}

/// Header and marks for a tab that holds nothing.
fn furnish(mut tab: Tab, wish: &TabWish<'_>, context: &Context<'_>, unit: &mut Unit) -> Start {
    let sheet = tab.sheet_id;
    let columns = &wish.table.columns;
    freeze_header(&mut tab, unit);
    if tab.column_count < columns.len() {
        let missing = columns.len() + spare_columns(wish, context) - tab.column_count;
        unit.insert(sheet, "COLUMNS", tab.column_count, missing, true);
        tab.column_count += missing;
    }
    let header = Rect {
        rows: (0, 1),
        columns: (0, columns.len()),
    };
    let labels: Vec<Entered<'_>> = columns
        .iter()
        .map(|column| Entered::Text(column.label.as_str().into()))
        .collect();
    unit.update_cells(sheet, header, &labels);
    unit.header_format(sheet, header);
    unit.note(sheet, 0, 0, NOTE);
    let labels = columns.iter().map(|column| Cell::Text(column.label.as_str().into()));
    tab.fill(vec![Packed::of(labels.enumerate())]);
    tab.columns.clear();
    for (index, column) in columns.iter().enumerate() {
        let data = Rect {
            rows: (1, tab.row_count),
            columns: (index, index + 1),
        };
        if column.kind != Kind::Plain {
            unit.number_format(sheet, data, column.kind);
        }
        tab.columns.push(OwnedColumn {
            index,
            metadata_id: None,
            mark: ColumnMark::of(column),
        });
    }
    let mut from = 0;
    let widths = width::widths(wish.table);
    for alike in widths.chunk_by(|left, right| left == right) {
        let to = from + alike.len();
        unit.column_width(sheet, (from, to), alike.first().copied().unwrap_or_default());
        from = to;
    }
    mark_tab(&tab, wish, 0, unit);
    Start {
        tab,
        header: 0,
        adopting: false,
        notes: Vec::new(),
    }
}

/// The marks that make a tab ours; the columns' own are written with the layout.
fn mark_tab(tab: &Tab, wish: &TabWish<'_>, header: usize, unit: &mut Unit) {
    let mark = TabMark::of(tab.sheet_id, wish);
    unit.create_mark(None, TAB, &mark.value(), on_sheet(tab.sheet_id));
    mark_header(tab, header, unit);
}

fn mark_header(tab: &Tab, header: usize, unit: &mut Unit) {
    let value = tab.sheet_id.to_string();
    unit.create_mark(None, HEADER, &value, on_line(tab.sheet_id, "ROWS", header));
}

/// Finds the header row of a marked tab and marks it again where its mark is lost.
fn header(tab: &mut Tab, wish: &TabWish<'_>, unit: &mut Unit) -> Result<usize, Failure> {
    let columns = &wish.table.columns;
    let label = |path: &str| Some(columns.iter().find(|column| column.path == path)?.label.as_str());
    let is_listed = |text: &str| wish.table.keys().flatten().any(|key| key == text);
    let row = header_row(tab, &columns[0].path, label, is_listed)?;
    match tab.header {
        Some((marked, _)) if marked == row => return Ok(row),
        Some((_, stray)) => unit.delete_mark(stray),
        None if tab.used_rows() == 0 => dress_header(tab, unit),
        None => {}
    }
    mark_header(tab, row, unit);
    Ok(row)
}

/// Where the header of a marked tab is. Cells may be moved without their row's mark: texts say more than the mark, unless
/// people gave the headers names of their own. `label` gives the header that a path should have, `is_listed` says whether
/// a key is a record's.
pub fn header_row<'w>(
    tab: &Tab,
    key: &str,
    label: impl Fn(&str) -> Option<&'w str>,
    is_listed: impl Fn(&str) -> bool,
) -> Result<usize, Failure> {
    let holds_record = |row: usize| {
        let key = tab.columns.iter().find(|column| column.mark.path == key);
        key.and_then(|key| tab.cell(row, key.index).key())
            .is_some_and(|key| is_listed(&key))
    };
    match (adopt::header_of_marked(tab, key, label), tab.header) {
        (Some(found), _) => Ok(found),
        (None, Some((marked, _))) if !holds_record(marked) => Ok(marked),
        (None, None) if tab.used_rows() == 0 => Ok(0),
        (None, _) => Err(refused(format!(
            "tab {:?}: its header row was deleted, or moved and renamed: bring it back (undo, or File > Version history), \
             {ANEW}",
            tab.title
        ))),
    }
}

/// The first row of a tab that lost all of its rows becomes the header: it looks like one.
fn dress_header(tab: &mut Tab, unit: &mut Unit) {
    for column in &tab.columns {
        let cell = Rect {
            rows: (0, 1),
            columns: (column.index, column.index + 1),
        };
        unit.header_format(tab.sheet_id, cell);
    }
    freeze_header(tab, unit);
}

/// Not all rows of a tab can be frozen.
fn freeze_header(tab: &mut Tab, unit: &mut Unit) {
    if tab.row_count < 2 {
        unit.append_row(tab.sheet_id);
        tab.row_count += 1;
    }
    if tab.frozen_rows == 0 {
        unit.freeze_rows(tab.sheet_id, 1);
        tab.frozen_rows = 1;
    }
}

/// The title by three-way merge, as labels: people's renaming stays unless the spec's wish changed.
fn rename(tab: &Tab, wish: &TabWish<'_>, unit: &mut Unit) -> Result<(), Failure> {
    let Some((_, mark)) = &tab.mark else { return Ok(()) };
    if mark.title == wish.title || tab.title == wish.title {
        return Ok(());
    }
    if tab.other_titles.iter().any(|title| folded(title) == folded(wish.title)) {
        return Err(refused(format!(
            "tab {:?} should now be called {:?} and another tab has that name: rename or delete that one, or give the \
             resource another title with `tab`",
            tab.title, wish.title
        )));
    }
    unit.title(tab.sheet_id, wish.title);
    Ok(())
}

fn refused(message: String) -> Failure {
    Failure::person(reason::TAB_REFUSED, message)
}

pub fn taken(title: &str) -> Failure {
    refused(format!(
        "a tab of the name {title:?} exists that this program did not make for this resource, and nothing in it proves \
         that it may be taken over: rename or empty it, or give the resource another title with `tab`"
    ))
}

/// A chart can fill a tab.
pub fn no_cells(title: &str) -> Failure {
    refused(format!(
        "the tab of the name {title:?} has no cells: rename it, or give the resource another title with `tab`"
    ))
}

/// A marked tab is found under any name: renaming it would change nothing.
const ANEW: &str =
    "or empty it or delete the tab to have it filled anew (duplicate it first to keep what people wrote)";

pub fn lost_ids(tab: &Tab, mark: &TabMark) -> Failure {
    lost_keys(tab, mark, "no id is left in its id column")
}

pub fn lost_key_column(tab: &Tab, mark: &TabMark) -> Failure {
    lost_keys(tab, mark, &format!("the column of {} was deleted", mark.key))
}

/// A tab that held records and shows none of them: filling it would put every record beside its own orphan.
pub fn lost_keys(tab: &Tab, mark: &TabMark, what: &str) -> Failure {
    refused(format!(
        "tab {:?} held {} and {what}: undo that (File > Version history), {ANEW}",
        tab.title,
        counted(mark.rows, "record")
    ))
}

/// Titles and headers that differ in case only are one to Google.
pub fn folded(title: &str) -> String {
    title.trim().to_lowercase()
}
