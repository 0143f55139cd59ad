//! Which column stands where, before and after: ours found by their marks, new ones inserted, excluded ones deleted.

use super::{
    TabWish,
    marks::{COLUMN, ColumnMark},
    requests::{Entered, Unit, on_line},
    start::folded,
    tab::{Claim, Rect, Tab},
    width,
};
use crate::table::Kind;

/// Path of the column that says since when Wedof no longer lists a record.
pub const REMOVED_PATH: &str = "~removed";
pub const REMOVED_LABEL: &str = "Retiré de Wedof le";

/// What an owned column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Column of the wished table.
    Table(usize),
    /// A field that no record has today: blank in every record's row.
    Absent,
    /// The day on which a record's row was found stale.
    Removed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    pub path: String,
    pub kind: Kind,
    pub source: Source,
    /// Index once the structure requests have run.
    pub index: usize,
    /// Index as read; none if it is new.
    pub old: Option<usize>,
    /// Header text once the structure requests have run.
    pub label: String,
}

#[derive(Debug)]
pub struct Layout {
    /// Owned columns from left to right.
    pub columns: Vec<Placed>,
    /// Index as read → index afterwards; none for a deleted column.
    pub moved: Vec<Option<usize>>,
    /// Where columns are inserted: each before the column that had this index.
    pub inserted: Vec<usize>,
    /// Columns to delete, as read.
    pub deleted: Vec<usize>,
    /// Headers of the inserted columns, and of the deleted ones as people see them.
    pub added: Vec<String>,
    pub removed: Vec<String>,
    /// Header cells to write, as read.
    pub relabelled: Vec<usize>,
}

impl Layout {
    fn key_column(&self) -> Option<&Placed> {
        self.columns.iter().find(|column| column.source == Source::Table(0))
    }

    pub fn key(&self) -> usize {
        self.key_column().map_or(0, |column| column.index)
    }

    pub fn key_label(&self) -> &str {
        self.key_column().map_or("", |column| &column.label)
    }
}

struct Slot {
    old: Option<usize>,
    owned: Option<(Source, ColumnMark, Option<i32>)>,
}

/// Plans the columns of `tab`, whose header is row `header`, and writes the requests into `unit`. `with_removed` asks for
/// the column [`REMOVED_LABEL`].
pub fn plan(tab: &Tab, wish: &TabWish<'_>, header: usize, with_removed: bool, unit: &mut Unit) -> Layout {
    let sheet = tab.sheet_id;
    let mut slots: Vec<Slot> = (0..tab.column_count)
        .map(|old| Slot {
            old: Some(old),
            owned: None,
        })
        .collect();
    let mut excluded = Vec::new();
    for column in &tab.columns {
        let position = wish
            .table
            .columns
            .iter()
            .position(|wished| wished.path == column.mark.path);
        let source = match position {
            Some(position) => Source::Table(position),
            None if column.mark.path == REMOVED_PATH => Source::Removed,
            None if wish.columns.wants(&column.mark.path) => Source::Absent,
            None => {
                excluded.push(column.index);
                continue;
            }
        };
        if let Some(slot) = slots.get_mut(column.index) {
            slot.owned = Some((source, column.mark.clone(), column.metadata_id));
        }
    }

    // new columns, each right of the nearest owned column before it in the table's order
    let mut wished: Vec<(Source, ColumnMark)> = wish
        .table
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| (Source::Table(index), ColumnMark::of(column)))
        .collect();
    if with_removed {
        let mark = ColumnMark {
            path: REMOVED_PATH.into(),
            label: REMOVED_LABEL.into(),
            kind: Kind::Day,
        };
        wished.push((Source::Removed, mark));
    }
    let mut after = None;
    for (source, mark) in wished {
        let found = slots
            .iter()
            .position(|slot| slot.owned.as_ref().is_some_and(|(owned, ..)| *owned == source));
        after = Some(found.unwrap_or_else(|| {
            let position = match (after, source) {
                (_, Source::Removed) => slots
                    .iter()
                    .rposition(|slot| slot.owned.is_some())
                    .map_or(0, |last| last + 1),
                (Some(after), _) => after + 1,
                (None, _) => 0,
            };
            let position = beside_merge(tab, header, &slots, position);
            slots.insert(
                position,
                Slot {
                    old: None,
                    owned: Some((source, mark, None)),
                },
            );
            position
        }));
    }

    insert_columns(&slots, sheet, unit);
    let mut relabelled = Vec::new();
    let labels = label_columns(tab, wish, header, &slots, &mut relabelled, unit);

    // excluded ones from right to left; then every index is final
    let is_excluded = |slot: &Slot| slot.old.is_some_and(|old| excluded.contains(&old));
    for index in (0..slots.len()).rev().filter(|index| is_excluded(&slots[*index])) {
        unit.delete(sheet, "COLUMNS", index, index + 1);
    }
    let place = |index: usize| slots[..index].iter().filter(|slot| slot.old.is_some()).count();
    let mut layout = Layout {
        columns: Vec::new(),
        moved: vec![None; tab.column_count],
        inserted: (0..slots.len())
            .filter(|index| slots[*index].old.is_none())
            .map(place)
            .collect(),
        deleted: excluded.clone(),
        added: Vec::new(),
        removed: Vec::new(),
        relabelled,
    };
    for (slot, label) in slots.iter().zip(&labels) {
        if slot.old.is_none() {
            layout.added.push(label.clone());
        } else if is_excluded(slot) {
            layout.removed.push(label.clone());
        }
    }
    let kept = slots.iter().zip(labels).filter(|(slot, _)| !is_excluded(slot));
    for (index, (slot, label)) in kept.enumerate() {
        if let Some(old) = slot.old {
            layout.moved[old] = Some(index);
        }
        if let Some((source, mark, _)) = &slot.owned {
            let kind = match source {
                Source::Table(of) => wish.table.columns[*of].kind,
                Source::Absent | Source::Removed => mark.kind,
            };
            layout.columns.push(Placed {
                path: mark.path.clone(),
                kind,
                source: *source,
                index,
                old: slot.old,
                label,
            });
        }
    }
    layout
}

/// A place from `position` on where no merge of header cells would grow over a new column and cover its header.
fn beside_merge(tab: &Tab, header: usize, slots: &[Slot], position: usize) -> usize {
    let before = slots.iter().take(position).rev().find_map(|slot| slot.old);
    let after = slots.iter().skip(position).find_map(|slot| slot.old);
    let around = |merge: &&Rect| {
        (merge.rows.0..merge.rows.1).contains(&header)
            && before.is_some_and(|before| merge.columns.0 <= before)
            && after.is_some_and(|after| after < merge.columns.1)
    };
    let in_merge = |end: usize| slots.iter().rposition(|slot| slot.old.is_some_and(|old| old < end));
    let merge = tab.merges.iter().find(around);
    merge
        .and_then(|merge| in_merge(merge.columns.1))
        .map_or(position, |last| last + 1)
}

/// Groups of new neighbours from left to right: what stands left of each is in its final place.
fn insert_columns(slots: &[Slot], sheet: i32, unit: &mut Unit) {
    let mut index = 0;
    while index < slots.len() {
        let count = slots[index..].iter().take_while(|slot| slot.old.is_none()).count();
        if count > 0 {
            unit.insert(sheet, "COLUMNS", index, count, index > 0);
        }
        index += count.max(1);
    }
}

/// Header texts by three-way merge: last written, wished, found. People's renaming stays unless the wish itself changed.
fn label_columns(
    tab: &Tab,
    wish: &TabWish<'_>,
    header: usize,
    slots: &[Slot],
    relabelled: &mut Vec<usize>,
    unit: &mut Unit,
) -> Vec<String> {
    let sheet = tab.sheet_id;
    let widths = match slots.iter().any(|slot| slot.old.is_none()) {
        true => width::widths(wish.table),
        false => Vec::new(),
    };
    let mut labels: Vec<String> = slots
        .iter()
        .map(|slot| slot.old.map_or(String::new(), |old| tab.cell(header, old).label()))
        .collect();
    for (index, slot) in slots.iter().enumerate() {
        let Some((source, mark, metadata_id)) = &slot.owned else {
            continue;
        };
        let (wished, kind) = match source {
            Source::Table(column) => {
                let column = &wish.table.columns[*column];
                (column.label.as_str(), column.kind)
            }
            Source::Absent | Source::Removed => (mark.label.as_str(), mark.kind),
        };
        let found = labels[index].clone();
        let is_new = slot.old.is_none();
        let column = Rect {
            rows: (0, tab.row_count),
            columns: (index, index + 1),
        };
        let header_cell = Rect {
            rows: (header, header + 1),
            ..column
        };
        if is_new {
            // never the header itself: in a Google Table it is a name, which may at no moment be empty
            for rows in [(0, header), (header + 1, tab.row_count)] {
                if rows.0 < rows.1 {
                    unit.blank(sheet, Rect { rows, ..column });
                }
            }
            if kind != Kind::Plain {
                unit.number_format(sheet, column, kind);
            }
            unit.header_format(sheet, header_cell);
            let width = match source {
                Source::Table(of) => widths.get(*of).copied(),
                Source::Absent | Source::Removed => None,
            };
            let width = width.unwrap_or_else(|| width::of_column(wished, kind, Vec::new()));
            unit.column_width(sheet, (index, index + 1), width);
        }
        let is_covered = slot.old.is_some_and(|old| tab.is_covered(header, old));
        // nobody renames a column to nothing: a blank header was cleared, with its column or with the whole tab
        let is_due = is_new || found.trim().is_empty() || (mark.label != wished && found != wished);
        if is_due && !is_covered {
            let label = unused(wished, &mark.path, &labels, index);
            if label != found {
                let cell = [Entered::Text(label.as_str().into())];
                unit.update_cells(sheet, header_cell, &cell);
                relabelled.extend(slot.old);
                labels[index] = label;
            }
        }
        // the mark keeps what the spec wished, not what people made of it
        let now = ColumnMark {
            path: mark.path.clone(),
            label: wished.to_owned(),
            kind,
        };
        let data = |unit: &mut Unit| {
            if header + 1 < tab.row_count {
                let rows = (header + 1, tab.row_count);
                unit.number_format(sheet, Rect { rows, ..column }, kind);
            }
        };
        match metadata_id {
            None => {
                unit.create_mark(None, COLUMN, &now.value(), on_line(sheet, "COLUMNS", index));
                // a column of another program: its times become serial numbers, which have to be shown as times
                if !is_new && tab.claim == Claim::Unproven && matches!(kind, Kind::Day | Kind::Instant) {
                    data(unit);
                }
            }
            Some(id) if now != *mark => {
                unit.update_mark(*id, &now.value());
                if kind != mark.kind {
                    data(unit);
                }
            }
            Some(_) => {}
        }
    }
    labels
}

/// A header that no other column has: a person's own "Nom" stays theirs, ours says which field it is.
fn unused(label: &str, path: &str, labels: &[String], except: usize) -> String {
    let taken = |text: &str| {
        labels
            .iter()
            .enumerate()
            .any(|(index, other)| index != except && folded(other) == folded(text))
    };
    std::iter::once(label.to_owned())
        .chain(std::iter::once(format!("{label} ({path})")))
        .chain((2..).map(|number| format!("{label} ({path}) {number}")))
        .find(|candidate| !taken(candidate))
        .unwrap_or_else(|| label.to_owned())
}
