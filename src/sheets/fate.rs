//! What becomes of rows that no record asks for: deleted, kept, or kept and marked; and when a person has to decide.

use super::{
    TabWish, layout,
    marks::fingerprint,
    rows::{Row, Rows},
    start::lost_ids,
    tab::Tab,
};
use crate::{
    failure::{Failure, reason},
    spec::MissingRows,
    words::counted,
};

#[derive(Debug, Default)]
pub struct Fate {
    /// Rows to delete, as read, ascending.
    pub delete: Vec<usize>,
    /// Stale rows that stay; ascending.
    pub kept: Vec<usize>,
    /// Of these, rows whose date is to be written; ascending.
    pub mark: Vec<usize>,
    /// Rows that would have another fate if people left a note on them; ascending.
    pub noteworthy: Vec<usize>,
    /// Rows that stay only because nothing proves that their records are gone.
    pub unproven: usize,
    pub notes: Vec<String>,
}

impl Fate {
    /// `adopting`: the tab becomes ours in this run.
    pub fn decide(tab: &Tab, wish: &TabWish<'_>, rows: &Rows, adopting: bool) -> Result<Self, Failure> {
        let known = tab.mark.as_ref().map(|(_, mark)| mark);
        let count = |is: fn(&Row) -> bool| rows.iter().filter(|(_, row)| is(row)).count();
        let records = count(|row| matches!(row, Row::Record(_)));
        let stale = count(|row| matches!(row, Row::Stale { .. }));
        let unread = count(|row| matches!(row, Row::Unread));
        if let Some(mark) = known
            && mark.rows > 0
            && records + stale + unread == 0
            && rows.any_of_ours(tab, &mark.key)
        {
            return Err(lost_ids(tab, mark));
        }

        let mut fate = Self::default();
        let origin_changed = known.is_some_and(|mark| mark.origin != wish.origin);
        let spared = adopting || origin_changed;
        if spared && stale > 0 {
            let why = if adopting {
                "the tab has just been taken over"
            } else {
                "the way in which its records are obtained has just changed"
            };
            fate.notes.push(format!(
                "{} without a record kept in this run, since {why}",
                counted(stale, "row")
            ));
        }
        let mut losses = 0;
        let mut doubles = 0;
        for (index, row) in rows.iter() {
            match row {
                Row::Header | Row::Record(_) | Row::Unread | Row::People => {}
                Row::Double { written_on, .. } => {
                    doubles += 1;
                    if !written_on && !spared && wish.missing_rows == MissingRows::Delete {
                        // its record is listed and has another row: there is nothing to prove
                        fate.delete.push(index);
                        fate.noteworthy.push(index);
                    }
                }
                Row::Stale { .. } if spared => fate.kept.push(index),
                Row::Stale { written_on } => {
                    let deleted = wish.missing_rows == MissingRows::Delete && !written_on;
                    let unmarked = || !is_marked(tab, index) && !is_mark_covered(tab, index);
                    // what people wrote on is marked whatever is wished
                    let marked = !deleted && (written_on || wish.missing_rows == MissingRows::Mark) && unmarked();
                    let may_go = deleted && (wish.proven || wish.again);
                    if may_go || (wish.missing_rows == MissingRows::Keep && !written_on && unmarked()) {
                        fate.noteworthy.push(index);
                    }
                    let lost = deleted || marked;
                    losses += usize::from(lost && wish.proven);
                    fate.unproven += usize::from(lost && !wish.proven);
                    if deleted && wish.proven {
                        fate.delete.push(index);
                        continue;
                    }
                    fate.kept.push(index);
                    if marked && wish.proven {
                        fate.mark.push(index);
                    }
                }
            }
        }
        if doubles > 0 {
            let left = doubles - fate.delete.iter().filter(|row| rows.is_double(**row)).count();
            fate.notes.push(match left {
                0 => format!("{} repeating an id removed", counted(doubles, "row")),
                left => format!("{} repeating an id of a row above kept", counted(left, "row")),
            });
        }
        guard(tab, wish, losses, records + stale + unread)?;
        Ok(fate)
    }
}

fn removed_column(tab: &Tab) -> Option<usize> {
    let mut columns = tab.columns.iter();
    let column = columns.find(|column| column.mark.path == layout::REMOVED_PATH)?;
    Some(column.index)
}

/// A merge lies over the place of the date: nothing can be shown there.
fn is_mark_covered(tab: &Tab, row: usize) -> bool {
    removed_column(tab).is_some_and(|column| tab.is_covered(row, column))
}

/// Whether a row carries the date since when Wedof no longer lists its record.
pub fn is_marked(tab: &Tab, row: usize) -> bool {
    removed_column(tab).is_some_and(|column| !tab.cell(row, column).is_blank())
}

/// Refuses a run that would delete or mark more than the guard allows.
fn guard(tab: &Tab, wish: &TabWish<'_>, losses: usize, held: usize) -> Result<(), Failure> {
    let max_percent = usize::try_from(wish.guard.max_percent).unwrap_or(0);
    let min_rows = usize::try_from(wish.guard.min_rows).unwrap_or(0);
    let refused = losses > 0 && losses >= min_rows && losses * 100 > max_percent * held;
    if !refused || wish.allow_deletions {
        return Ok(());
    }
    let filters = match &tab.mark {
        Some((_, mark)) if mark.filters != fingerprint(wish.filters) => "; its filters changed since the last run",
        _ => "",
    };
    Err(Failure::person(
        reason::DELETION_REFUSED,
        format!(
            "tab {:?} holds {} and Wedof now lists {}: {} would be removed or marked, more than \
             deletionGuard allows ({max_percent} % from {} on){filters}. If that is right, accept it once \
             {}. If not, look at the filters and at the account of the API key (a copied spreadsheet holds another \
             account's records: empty the tab)",
            tab.title,
            counted(held, "record"),
            wish.table.len(),
            counted(losses, "row"),
            counted(min_rows, "row"),
            wish.how_to_accept,
        ),
    ))
}
