//! How tabs, columns and the header row are known again: developer metadata, which travels with them when people sort,
//! move, rename or insert.
//!
//! | key | on | value |
//! |---|---|---|
//! | `wss.tab` | sheet | [`TabMark`] as JSON: resource, own sheet ID, what was written last |
//! | `wss.rev` | sheet | the metadata ID of its successor, the sheet ID, and the day: see [`Revision`] |
//! | `wss.first` | sheet | nothing; its metadata ID is that of [`first_batch`] |
//! | `wss.header` | row | the sheet ID |
//! | `wss.col` | column | kind, path and label as last written, separated by tabs |
//!
//! Values are short: Google allows 30,000 characters a sheet, and a folder can have 145 columns.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::TabWish;
use crate::{
    spec::ResourceName,
    table::{Column, Kind},
};

pub const TAB: &str = "wss.tab";
pub const REVISION: &str = "wss.rev";
pub const FIRST: &str = "wss.first";
pub const HEADER: &str = "wss.header";
pub const COLUMN: &str = "wss.col";

/// What makes a tab ours. A duplicate of the tab has another sheet ID, so a copied mark is not believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TabMark {
    #[serde(rename = "r")]
    pub resource: String,
    #[serde(rename = "s")]
    pub sheet_id: i32,
    /// Title as we wrote it last: a title that differs was changed by people and stays.
    #[serde(rename = "t")]
    pub title: String,
    /// How the records were obtained: rows are not deleted in the run in which it changes.
    #[serde(rename = "o")]
    pub origin: String,
    /// [`fingerprint`] of the filters: values may be long, and how many there may be has no limit.
    #[serde(rename = "f")]
    pub filters: String,
    /// Record rows after the last run.
    #[serde(rename = "n")]
    pub rows: usize,
    /// Path of the field by which records and rows are matched.
    #[serde(rename = "k", default)]
    pub key: String,
    /// Texts that Google does not keep as they are written ([`super::review::fingerprint`]): they are left alone.
    #[serde(rename = "x", default, skip_serializing_if = "Vec::is_empty")]
    pub differs: Vec<u32>,
}

impl TabMark {
    /// What the mark says after this run. It counts the rows from the first batch on: a tab that lost all its keys is told
    /// from one that never had any.
    pub fn of(sheet_id: i32, wish: &TabWish<'_>) -> Self {
        Self {
            resource: wish.resource.as_str().to_owned(),
            sheet_id,
            title: wish.title.to_owned(),
            origin: wish.origin.to_owned(),
            filters: fingerprint(wish.filters),
            rows: wish.table.len(),
            key: wish
                .table
                .columns
                .first()
                .map(|key| key.path.clone())
                .unwrap_or_default(),
            differs: Vec::new(),
        }
    }

    pub fn value(&self) -> String {
        // a struct of texts and numbers always has a JSON form
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The one compare-and-swap of the API: a metadata ID can exist only once. The tab's entry names the ID of its
/// successor; every batch begins by creating the successor, so a repeated or concurrent batch is refused whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision {
    pub current: i32,
    pub successor: i32,
}

impl Revision {
    /// None if it is another sheet's, copied with it, which would wait for the other's successor for ever.
    pub fn parse(current: i32, value: &str, sheet: i32) -> Option<Self> {
        let mut parts = value.split(' ');
        let (successor, of) = (parts.next()?, parts.next()?);
        (of.parse() == Ok(sheet)).then_some(Self {
            current,
            successor: successor.parse().ok()?,
        })
    }

    pub fn value(self, sheet: i32, day: Date) -> String {
        format!("{} {sheet} {day}", self.successor)
    }
}

/// The day on which a revision was written.
pub fn written(revision: &str) -> Option<Date> {
    revision.split(' ').nth(2)?.parse().ok()
}

/// What was last written about a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMark {
    pub path: String,
    pub label: String,
    pub kind: Kind,
}

impl ColumnMark {
    pub fn of(column: &Column) -> Self {
        Self {
            path: column.path.clone(),
            label: column.label.clone(),
            kind: column.kind,
        }
    }

    pub fn parse(value: &str) -> Option<Self> {
        let mut parts = value.splitn(3, '\t');
        let kind = match parts.next()? {
            "p" => Kind::Plain,
            "i" => Kind::Identifier,
            "d" => Kind::Day,
            "t" => Kind::Instant,
            _ => return None,
        };
        let path = parts.next()?.to_owned();
        Some(Self {
            path,
            label: parts.next()?.to_owned(),
            kind,
        })
    }

    pub fn value(&self) -> String {
        let kind = match self.kind {
            Kind::Plain => 'p',
            Kind::Identifier => 'i',
            Kind::Day => 'd',
            Kind::Instant => 't',
        };
        format!("{kind}\t{}\t{}", self.path, self.label)
    }
}

/// The ID that the first batch of a tab creates, and that stays: two runs that take one tab at the same moment have the
/// same, so that only one can, and a batch that arrives late is refused however much was written since.
pub fn first_batch(sheet_id: i32, resource: ResourceName) -> i32 {
    let hash = fnv(resource.as_str().bytes().chain(sheet_id.to_le_bytes()));
    ((hash & 0x7fff_ffff) as i32).max(1)
}

/// Tells a text from another, in eight letters; nothing for none.
pub fn fingerprint(text: &str) -> String {
    match text {
        "" => String::new(),
        text => format!("{:08x}", fnv(text.bytes())),
    }
}

/// FNV-1a, fixed for ever: what it gives is kept in spreadsheets.
pub fn fnv(bytes: impl Iterator<Item = u8>) -> u32 {
    bytes.fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_says_on_which_day_it_was_written_and_one_of_an_earlier_version_does_not() {
        let revision = Revision {
            current: 7,
            successor: 8,
        };
        let value = revision.value(0, Date::constant(2026, 11, 27));
        assert_eq!(Revision::parse(7, &value, 0), Some(revision));
        assert_eq!(written(&value), Some(Date::constant(2026, 11, 27)));
        assert_eq!(Revision::parse(7, "8 0", 0), Some(revision));
        assert_eq!(written("8 0"), None);
    }

    #[test]
    fn a_columns_mark_reads_back_as_written() {
        for kind in [Kind::Plain, Kind::Identifier, Kind::Day, Kind::Instant] {
            let mark = ColumnMark {
                path: "attendee.lastName".into(),
                label: "Nom\tde famille".into(),
                kind,
            };
            assert_eq!(ColumnMark::parse(&mark.value()), Some(mark));
        }
        assert_eq!(ColumnMark::parse("x\ta\tb"), None);
        assert_eq!(ColumnMark::parse("somebody else's"), None);
    }
}
