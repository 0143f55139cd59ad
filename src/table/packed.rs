//! A row as packed bytes: it costs little more than its texts, where a vector of cells costs five times as much.
//!
//! Contract: [`Packed::of`] keeps the cells that are not blank, [`Packed::cells`] gives them back as they were. Texts are
//! borrowed from the bytes, so reading allocates nothing.
//!
//! A cell is one byte (its type, and how many blank columns come before it), then its value: integers as variable-length
//! integers, other numbers as eight bytes, texts as their length and UTF-8.

use std::{borrow::Cow, fmt};

use super::Cell;

const FALSE: u8 = 0;
const TRUE: u8 = 1;
const INTEGER: u8 = 2;
const FLOAT: u8 = 3;
const TEXT: u8 = 4;
const DAY: u8 = 5;
const INSTANT: u8 = 6;

/// The type's part of a cell's first byte; the rest counts skipped columns, all ones meaning that more follow.
const TYPE_BITS: u32 = 3;
const MOST_SKIPPED: usize = (1 << (8 - TYPE_BITS)) - 1;

#[derive(Clone, Default, PartialEq, Eq)]
pub struct Packed(Box<[u8]>);

impl Packed {
    /// Packs cells with their columns, which ascend.
    pub fn of<'a>(cells: impl IntoIterator<Item = (usize, Cell<'a>)>) -> Self {
        let mut bytes = Vec::with_capacity(512);
        let mut next = 0;
        for (column, cell) in cells {
            debug_assert!(column >= next, "columns ascend");
            let mut head = |kind: u8| {
                let skipped = column.saturating_sub(next);
                let told = skipped.min(MOST_SKIPPED);
                bytes.push((told as u8) << TYPE_BITS | kind);
                if told == MOST_SKIPPED {
                    unsigned(&mut bytes, (skipped - told) as u64);
                }
                next = column + 1;
            };
            match cell {
                Cell::Blank => {}
                Cell::Bool(value) => head(if value { TRUE } else { FALSE }),
                Cell::Number(value) => match integer(value) {
                    Some(value) => {
                        head(INTEGER);
                        signed(&mut bytes, value);
                    }
                    None => {
                        head(FLOAT);
                        bytes.extend(value.to_le_bytes());
                    }
                },
                Cell::Text(text) => {
                    head(TEXT);
                    unsigned(&mut bytes, text.len() as u64);
                    bytes.extend(text.as_bytes());
                }
                Cell::Day(days) => {
                    head(DAY);
                    signed(&mut bytes, i64::from(days));
                }
                Cell::Instant(ms) => {
                    head(INSTANT);
                    signed(&mut bytes, ms);
                }
            }
        }
        Self(bytes.as_slice().into())
    }

    /// The filled cells with their columns, from left to right.
    pub fn cells(&self) -> impl Iterator<Item = (usize, Cell<'_>)> {
        self.values().map(|(column, value)| (column, value.cell()))
    }

    pub fn get(&self, column: usize) -> Cell<'_> {
        self.values()
            .take_while(|(at, _)| *at <= column)
            .find(|(at, _)| *at == column)
            .map_or(Cell::Blank, |(_, value)| value.cell())
    }

    /// The text in a column, if it holds one.
    pub fn text(&self, column: usize) -> Option<&str> {
        match self.get(column) {
            Cell::Text(Cow::Borrowed(text)) => Some(text),
            _ => None,
        }
    }

    /// One cell a column.
    pub fn row(&self, width: usize) -> Vec<Cell<'_>> {
        let mut row = vec![Cell::Blank; width];
        for (column, cell) in self.cells() {
            if let Some(place) = row.get_mut(column) {
                *place = cell;
            }
        }
        row
    }

    /// No cell is filled.
    pub fn is_blank(&self) -> bool {
        self.0.is_empty()
    }

    /// Columns up to the last filled cell.
    pub fn width(&self) -> usize {
        self.values().last().map_or(0, |(column, _)| column + 1)
    }

    fn values(&self) -> Values<'_> {
        Values {
            bytes: &self.0,
            next: 0,
        }
    }
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.cells()).finish()
    }
}

/// A value as it is packed: what is passed over is not looked at.
enum Value<'a> {
    Bool(bool),
    Number(f64),
    Text(&'a [u8]),
    Day(i64),
    Instant(i64),
}

impl<'a> Value<'a> {
    fn cell(self) -> Cell<'a> {
        match self {
            Self::Bool(value) => Cell::Bool(value),
            Self::Number(value) => Cell::Number(value),
            Self::Text(text) => Cell::Text(String::from_utf8_lossy(text)),
            Self::Day(days) => Cell::Day(i32::try_from(days).unwrap_or_default()),
            Self::Instant(ms) => Cell::Instant(ms),
        }
    }
}

struct Values<'a> {
    bytes: &'a [u8],
    next: usize,
}

impl<'a> Values<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(taken)
    }

    fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        Some(value)
    }

    fn signed(&mut self) -> Option<i64> {
        let value = self.unsigned()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn size(&mut self) -> Option<usize> {
        usize::try_from(self.unsigned()?).ok()
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = (usize, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let head = *self.take(1)?.first()?;
        let mut skipped = usize::from(head >> TYPE_BITS);
        if skipped == MOST_SKIPPED {
            skipped += self.size()?;
        }
        let column = self.next + skipped;
        self.next = column + 1;
        let value = match head & ((1 << TYPE_BITS) - 1) {
            FALSE => Value::Bool(false),
            TRUE => Value::Bool(true),
            INTEGER => Value::Number(self.signed()? as f64),
            FLOAT => Value::Number(f64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            TEXT => {
                let length = self.size()?;
                Value::Text(self.take(length)?)
            }
            DAY => Value::Day(self.signed()?),
            INSTANT => Value::Instant(self.signed()?),
            _ => return None,
        };
        Some((column, value))
    }
}

/// The number as an integer if that is the same number, to its last bit.
fn integer(number: f64) -> Option<i64> {
    let integer = number as i64;
    // beyond 2^53 an integer is no shorter than a double
    (integer.unsigned_abs() < 1 << 53 && (integer as f64).to_bits() == number.to_bits()).then_some(integer)
}

fn unsigned(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Small numbers of either sign are short.
fn signed(bytes: &mut Vec<u8>, value: i64) {
    unsigned(bytes, (value << 1 ^ value >> 63) as u64);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cell() -> impl Strategy<Value = Cell<'static>> {
        prop_oneof![
            Just(Cell::Blank),
            any::<bool>().prop_map(Cell::Bool),
            any::<f64>().prop_map(Cell::Number),
            any::<i64>().prop_map(|integer| Cell::Number(integer as f64)),
            (-1000_i32..1000).prop_map(|integer| Cell::Number(f64::from(integer))),
            prop::sample::select(vec![0.0, -0.0, 9_007_199_254_740_992.0, f64::MAX, f64::MIN_POSITIVE])
                .prop_map(Cell::Number),
            ".{1,200}".prop_map(|text| Cell::Text(text.into())),
            any::<i32>().prop_map(Cell::Day),
            any::<i64>().prop_map(Cell::Instant),
        ]
    }

    /// Doubles by their bits: -0 is another one than 0.
    fn bits(cell: &Cell<'_>) -> Option<u64> {
        match cell {
            Cell::Number(number) => Some(number.to_bits()),
            _ => None,
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back_unchanged(cells in prop::collection::btree_map(0_usize..300, cell(), 0..60)) {
            let packed = Packed::of(cells.iter().map(|(column, cell)| (*column, cell.clone())));
            let filled: Vec<(usize, Cell<'_>)> =
                cells.iter().filter(|(_, cell)| **cell != Cell::Blank).map(|(column, cell)| (*column, cell.clone())).collect();
            let back: Vec<(usize, Cell<'_>)> = packed.cells().collect();
            prop_assert_eq!(&back, &filled);
            prop_assert!(back.iter().zip(&filled).all(|((_, back), (_, cell))| bits(back) == bits(cell)));
            for column in 0..301 {
                let cell = cells.get(&column).cloned().unwrap_or(Cell::Blank);
                prop_assert_eq!(packed.text(column), match &cell { Cell::Text(text) => Some(&**text), _ => None });
                prop_assert_eq!(packed.get(column), cell);
            }
            prop_assert_eq!(packed.width(), filled.last().map_or(0, |(column, _)| column + 1));
            prop_assert_eq!(packed.is_blank(), filled.is_empty());
            prop_assert_eq!(Packed::of(packed.row(301).into_iter().enumerate()), packed);
        }
    }

    #[test]
    fn a_row_takes_little_more_than_its_texts() {
        let cells = (0..40).map(|column| match column % 4 {
            0 => (column, Cell::Text("inTraining".into())),
            1 => (column, Cell::Number(1290.0)),
            2 => (column, Cell::Day(19_900)),
            _ => (column, Cell::Bool(true)),
        });
        assert_eq!(Packed::of(cells).0.len(), 10 * (12 + 3 + 4 + 1));
    }
}
