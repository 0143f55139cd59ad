//! What Google made of a write, looked at once it is in: whether the formulas that were filled down arrived (a paste may
//! skip rows that a filter hides), and whether texts that had already been written once are kept as they are. Pure but
//! for the reading, which [`super::apply`] does.

use std::collections::BTreeMap;

use super::{
    layout::Source,
    marks::fnv,
    requests::{Entered, Unit},
    tab::{Rect, Seen, column_letters},
    write::Work,
};
use crate::{table::Packed, words::counted};

/// The most texts that are looked at, and that a tab's mark remembers.
pub const MOST_TEXTS: usize = 100;
/// A plan that rewrites more rows than this is a change of many and not the same text again.
const MOST_ROWS: usize = 1000;

/// What to look at, by where it stands once all batches are in.
#[derive(Debug, Default)]
pub struct Review {
    fills: Vec<Fill>,
    texts: Vec<Written>,
}

/// Formulas of people, filled down to new rows.
#[derive(Debug)]
struct Fill {
    column: usize,
    /// The row that they were taken from.
    source: usize,
    rows: (usize, usize),
}

/// A text that was written over one that is almost the same.
#[derive(Debug)]
struct Written {
    row: usize,
    column: usize,
    key: String,
    path: String,
    text: String,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Formulas that have to be written once more.
    pub repairs: Unit,
    /// [`fingerprint`]s of the texts that Google does not keep.
    pub differs: Vec<u32>,
    pub notes: Vec<String>,
}

impl Review {
    pub fn of(work: &Work<'_>) -> Self {
        let deleted_above = |row: usize| -> usize {
            let above = work.deletes.iter().filter(|(_, end)| *end <= row);
            above.map(|(start, end)| end - start).sum()
        };
        let place = |row: usize| row - deleted_above(row);
        let (at, _) = work.insertion;
        let new = (at, at + work.new.len());
        let fills = match work.new.is_empty() {
            true => Vec::new(),
            false => work
                .filled_down(0, new)
                .map(|(column, source)| Fill {
                    column,
                    source: place(source),
                    rows: (place(at), place(at) + work.new.len()),
                })
                .collect(),
        };
        let mut texts = Vec::new();
        for &row in work.rewritten.iter().take(MOST_ROWS) {
            let key = work.record(row).and_then(|record| work.decided.wish.table.key(record));
            let now = if row >= at { row + work.new.len() } else { row };
            for (number, entered) in work.rewrite(row) {
                let column = work.decided.layout.columns.get(number);
                let (Entered::Text(text), Some(key), Some(column)) = (entered, key, column) else {
                    continue;
                };
                let seen = column.old.map_or(Seen::Blank, |old| work.decided.tab.cell(row, old));
                if matches!(column.source, Source::Table(of) if of > 0) && is_almost(&text, &seen) {
                    texts.push(Written {
                        row: place(now),
                        column: column.index,
                        key: key.to_owned(),
                        path: column.path.clone(),
                        text: text.into_owned(),
                    });
                }
            }
            if texts.len() >= MOST_TEXTS {
                texts.truncate(MOST_TEXTS);
                break;
            }
        }
        Self { fills, texts }
    }

    pub fn is_empty(&self) -> bool {
        self.fills.is_empty() && self.texts.is_empty()
    }

    /// What to read.
    pub fn ranges(&self) -> Vec<Rect> {
        let fills = self.fills.iter().map(|fill| Rect {
            rows: fill.rows,
            columns: (fill.column, fill.column + 1),
        });
        let sources = self.fills.iter().map(|fill| Rect {
            rows: (fill.source, fill.source + 1),
            columns: (fill.column, fill.column + 1),
        });
        let texts = self.texts.iter().map(|text| Rect {
            rows: (text.row, text.row + 1),
            columns: (text.column, text.column + 1),
        });
        fills.chain(sources).chain(texts).collect()
    }

    /// `found` holds the rows of each of [`Review::ranges`], without blank ones at their end.
    pub fn findings(&self, sheet: i32, found: &[Vec<Packed>]) -> Findings {
        let mut findings = Findings::default();
        let first = |range: usize| -> Seen<'_> {
            let row = found.get(range).and_then(|rows| rows.first());
            row.map_or(Seen::Blank, |row| row.get(0).into())
        };
        for (number, fill) in self.fills.iter().enumerate() {
            let (start, end) = fill.rows;
            let rows = found.get(number).map(Vec::as_slice).unwrap_or_default();
            let filled = rows.iter().filter(|row| Seen::from(row.get(0)).is_formula()).count();
            let missing = (end - start) - filled.min(end - start);
            if missing == 0 {
                continue;
            }
            match first(self.fills.len() + number) {
                // a formula over a range moves its references from row to row, hidden or not; it begins at its source
                Seen::Text(formula) if formula.starts_with('=') && fill.source + 1 == start => {
                    findings.repairs.repeat_formula(
                        sheet,
                        Rect {
                            rows: (fill.source, end),
                            columns: (fill.column, fill.column + 1),
                        },
                        &formula,
                    );
                }
                _ => findings.notes.push(format!(
                    "{} did not get the formula of column {}: fill it down by hand",
                    counted(missing, "new row"),
                    column_letters(fill.column)
                )),
            }
        }
        let mut by_path: BTreeMap<&str, usize> = BTreeMap::new();
        for (number, text) in self.texts.iter().enumerate() {
            let seen = first(2 * self.fills.len() + number);
            if !matches!(&seen, Seen::Text(seen) if *seen == text.text) {
                *by_path.entry(&text.path).or_default() += 1;
                findings
                    .differs
                    .push(fingerprint(&text.key, &text.path, &text.text, &seen));
            }
        }
        findings
            .notes
            .extend(by_path.into_iter().map(|(path, cells)| differing(path, cells)));
        findings
    }
}

/// What is told of texts that Google does not keep.
pub fn differing(path: &str, cells: usize) -> String {
    format!(
        "{} of {path} left alone, for Google stores another text than Wedof's",
        counted(cells, "cell")
    )
}

/// Tells a text that was written, and what the cell showed afterwards, from any other: nothing personal can be read from
/// it.
pub fn fingerprint(key: &str, path: &str, text: &str, seen: &Seen<'_>) -> u32 {
    let seen = match seen {
        Seen::Blank => String::new(),
        Seen::Bool(value) => format!("b{value}"),
        Seen::Number(value) => format!("n{value}"),
        Seen::Text(text) => format!("t{text}"),
    };
    fnv([key, path, text, &seen]
        .iter()
        .flat_map(|part| part.bytes().chain([0xff])))
}

/// Whether a cell may hold what Google made of a text: the same letters and digits, or something that is no text.
fn is_almost(text: &str, seen: &Seen<'_>) -> bool {
    let letters = |text: &str| -> String {
        let letters = text.chars().filter(|letter| letter.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    match seen {
        Seen::Blank => false,
        Seen::Bool(_) | Seen::Number(_) => true,
        Seen::Text(seen) => letters(text) == letters(seen),
    }
}
