//! Whose row is it? Every row but the header is a record's, a stale record's, a double or people's own, wherever it
//! stands: people sort the header away and put banners above it.

use std::collections::{HashMap, HashSet};

use jiff::tz::TimeZone;

use super::{
    TabWish,
    cells::same,
    layout::REMOVED_PATH,
    tab::{Seen, Tab},
};

/// Most rows with a cleared id that are looked up: each is compared with every record.
const MOST_CLEARED: usize = 100;

/// What a row of the tab is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    Header,
    /// Row `0` of the wished table.
    Record(usize),
    /// The same record's a second time, further down.
    Double {
        record: usize,
        written_on: bool,
    },
    /// A record that Wedof no longer lists: an id of the right shape, and something in another column of ours.
    Stale {
        written_on: bool,
    },
    /// A record whose parent's children were not read in this run: left as it is.
    Unread,
    /// Not ours: never written, never deleted.
    People,
}

/// The rows of a tab, and what follows from looking at all of them.
#[derive(Debug, Default)]
pub struct Rows {
    rows: Vec<Row>,
    /// Columns (as read) that hold a formula of people in most record rows: new rows get it too.
    pub filled_down: Vec<usize>,
    /// Rows whose cleared id is given back.
    pub healed: usize,
}

impl Rows {
    /// Sorts out the rows of `tab`; `key` is the key column, `owned` pairs columns as read with columns of the table.
    pub fn of(
        tab: &Tab,
        wish: &TabWish<'_>,
        header: usize,
        key: usize,
        owned: &[(usize, Option<usize>)],
        zone: &TimeZone,
    ) -> Self {
        let table = wish.table;
        let by_key: HashMap<&str, usize> = table
            .keys()
            .enumerate()
            .filter_map(|(index, key)| Some((key?, index)))
            .collect();
        let is_owned: HashSet<usize> = owned.iter().map(|(column, _)| *column).collect();
        let fields: Vec<usize> = tab
            .columns
            .iter()
            .filter(|column| column.index != key && column.mark.path != REMOVED_PATH)
            .map(|column| column.index)
            .collect();
        // a word with a digit alone in its row, such as the year of a divider, is no record's id
        let is_filled =
            |row: usize| fields.is_empty() || fields.iter().any(|column| !tab.cell(row, *column).is_blank());

        let mut seen = HashSet::new();
        let mut rows: Vec<Row> = (0..tab.used_rows().max(header + 1))
            .map(|row| {
                if row == header {
                    return Row::Header;
                }
                let Some(text) = tab.cell(row, key).key() else {
                    return Row::People;
                };
                match by_key.get(text.as_str()) {
                    Some(&record) if seen.insert(record) => Row::Record(record),
                    Some(&record) => Row::Double {
                        record,
                        written_on: false,
                    },
                    None if wish.is_unread(&text) => Row::Unread,
                    None => {
                        let has_formula = || tab.formulas(row).any(|column| is_owned.contains(&column));
                        if table.key_shape.matches(&text) && is_filled(row) && !has_formula() {
                            Row::Stale { written_on: false }
                        } else {
                            Row::People
                        }
                    }
                }
            })
            .collect();

        let healed = heal(tab, wish, key, owned, zone, &mut rows, &mut seen);
        let filled_down = filled_down(tab, &rows, &is_owned);
        for (index, row) in rows.iter_mut().enumerate() {
            let written = || {
                tab.noted.contains(&index)
                    || tab.filled(index).any(|(column, cell)| {
                        let formula_of_all = cell.is_formula() && filled_down.contains(&column);
                        !is_owned.contains(&column) && !cell.is_blank_or_unticked() && !formula_of_all
                    })
            };
            match row {
                Row::Double { written_on, .. } | Row::Stale { written_on } => *written_on = written(),
                Row::Header | Row::Record(_) | Row::Unread | Row::People => {}
            }
        }
        Self {
            rows,
            filled_down,
            healed,
        }
    }

    /// A tab without a key column: its header, and rows that say nothing.
    pub fn without_keys(tab: &Tab, header: usize) -> Self {
        let rows = (0..tab.used_rows().max(header + 1))
            .map(|row| if row == header { Row::Header } else { Row::People })
            .collect();
        Self {
            rows,
            ..Self::default()
        }
    }

    pub fn get(&self, row: usize) -> Row {
        self.rows.get(row).copied().unwrap_or(Row::People)
    }

    /// Each row with its index in the tab.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (usize, Row)> + '_ {
        self.rows.iter().copied().enumerate()
    }

    /// The last row that is a record's, stale or not.
    pub fn last_record(&self) -> Option<usize> {
        self.rows
            .iter()
            .rposition(|row| !matches!(row, Row::People | Row::Header))
    }

    pub fn is_double(&self, row: usize) -> bool {
        matches!(self.rows.get(row), Some(Row::Double { .. }))
    }

    /// Whether any row but the header has something in a column of ours beside that of the field `key`: a record's
    /// cells, with its id or without.
    pub fn any_of_ours(&self, tab: &Tab, key: &str) -> bool {
        let fields = || tab.columns.iter().filter(|column| column.mark.path != key);
        let mut rows = self.iter().filter(|(_, row)| *row != Row::Header);
        rows.any(|(row, _)| fields().any(|column| !tab.cell(row, column.index).is_blank()))
    }
}

/// One cleared id: a row whose other owned cells equal exactly one unmatched record is that record's row.
fn heal(
    tab: &Tab,
    wish: &TabWish<'_>,
    key: usize,
    owned: &[(usize, Option<usize>)],
    zone: &TimeZone,
    rows: &mut [Row],
    seen: &mut HashSet<usize>,
) -> usize {
    let mut healed = 0;
    let compared: Vec<(usize, usize)> = owned
        .iter()
        .filter_map(|(column, of)| Some((*column, (*of)?)))
        .filter(|(column, _)| *column != key)
        .collect();
    let cleared: Vec<usize> = (0..rows.len())
        .filter(|row| {
            rows[*row] == Row::People
                && tab.cell(*row, key).is_blank()
                && !tab.is_covered(*row, key)
                && compared.iter().any(|(column, _)| !tab.cell(*row, *column).is_blank())
        })
        .take(MOST_CLEARED)
        .collect();
    for row in cleared {
        let cells = tab.row(row);
        let equal = |record: usize| {
            compared.iter().all(|(column, of)| {
                let seen = cells.get(*column).unwrap_or(&Seen::Blank);
                same(&wish.table.cell(record, *of), seen, zone)
            })
        };
        let mut matches = (0..wish.table.len()).filter(|record| !seen.contains(record) && equal(*record));
        if let (Some(record), None) = (matches.next(), matches.next()) {
            seen.insert(record);
            rows[row] = Row::Record(record);
            healed += 1;
        }
    }
    healed
}

fn filled_down(tab: &Tab, rows: &[Row], owned: &HashSet<usize>) -> Vec<usize> {
    let mut records = 0;
    let mut formulas = vec![0; tab.column_count];
    for (row, _) in rows.iter().enumerate().filter(|(_, row)| matches!(row, Row::Record(_))) {
        records += 1;
        for (column, cell) in tab.filled(row) {
            if cell.is_formula()
                && let Some(count) = formulas.get_mut(column)
            {
                *count += 1;
            }
        }
    }
    (0..formulas.len())
        .filter(|column| !owned.contains(column) && formulas[*column] * 2 > records)
        .collect()
}

impl TabWish<'_> {
    /// Whether a key, `PARENT/CHILD`, is that of a child of a parent whose children were not read.
    fn is_unread(&self, key: &str) -> bool {
        self.unread_parents.is_some_and(|unread| {
            // either half may hold a slash of its own
            key.match_indices('/').any(|(at, _)| unread.contains(&key[..at]))
        })
    }
}

impl Seen<'_> {
    /// A checkbox that nobody ticked is no content.
    fn is_blank_or_unticked(&self) -> bool {
        matches!(self, Self::Blank | Self::Bool(false))
    }
}
