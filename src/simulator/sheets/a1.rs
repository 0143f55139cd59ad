//! A1 notation: column letters, quoted titles, and ranges that may be open on any side.

use super::{
    error::{ApiError, ApiResult},
    model::{Sheet, Spreadsheet},
};

/// A rectangle of cells: rows and columns from a start (included) to an end (excluded).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rect {
    pub top: usize,
    pub bottom: usize,
    pub left: usize,
    pub right: usize,
}

impl Rect {
    pub fn cell(row: usize, column: usize) -> Self {
        Self {
            top: row,
            bottom: row + 1,
            left: column,
            right: column + 1,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.top >= self.bottom || self.left >= self.right
    }

    pub fn contains(&self, row: usize, column: usize) -> bool {
        (self.top..self.bottom).contains(&row) && (self.left..self.right).contains(&column)
    }

    pub fn covers(&self, other: &Self) -> bool {
        self.top <= other.top && other.bottom <= self.bottom && self.left <= other.left && other.right <= self.right
    }

    pub fn intersects(&self, other: &Self) -> bool {
        self.top < other.bottom && other.top < self.bottom && self.left < other.right && other.left < self.right
    }

    /// The closed range in A1, without the sheet: `A1:B2`, or `A1` for one cell.
    pub fn a1(&self) -> String {
        Open::from(*self).a1()
    }
}

/// A range as people and requests give it: a missing bound reaches the edge of the grid. Ends are excluded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Open {
    pub top: Option<usize>,
    pub bottom: Option<usize>,
    pub left: Option<usize>,
    pub right: Option<usize>,
}

impl From<Rect> for Open {
    fn from(rect: Rect) -> Self {
        Self {
            top: Some(rect.top),
            bottom: Some(rect.bottom),
            left: Some(rect.left),
            right: Some(rect.right),
        }
    }
}

impl Open {
    /// The part of the range inside a grid. Refused if it starts beyond it; an end beyond it is cut.
    pub fn within(&self, sheet: &Sheet) -> Result<Rect, String> {
        let (rows, columns) = (sheet.rows.len(), sheet.columns.len());
        let rect = self.clipped(rows, columns);
        let empty =
            self.bottom.is_some_and(|bottom| bottom <= rect.top) || self.right.is_some_and(|right| right <= rect.left);
        if !empty && (rect.top >= rows || rect.left >= columns) {
            return Err(format!(
                "Range ({}) exceeds grid limits. Max rows: {rows}, max columns: {columns}",
                self.a1_of(sheet)
            ));
        }
        Ok(rect)
    }

    /// The range with its open sides closed at the edge of a grid of that size.
    pub fn clipped(&self, rows: usize, columns: usize) -> Rect {
        Rect {
            top: self.top.unwrap_or(0),
            bottom: self.bottom.map_or(rows, |bottom| bottom.min(rows)),
            left: self.left.unwrap_or(0),
            right: self.right.map_or(columns, |right| right.min(columns)),
        }
    }

    /// In A1 with the sheet's title: `Sheet1!A1:B`, or the title alone for a whole sheet.
    pub fn a1_of(&self, sheet: &Sheet) -> String {
        let cells = self.a1();
        if cells.is_empty() {
            quoted(&sheet.title)
        } else {
            format!("{}!{cells}", quoted(&sheet.title))
        }
    }

    fn a1(&self) -> String {
        let corner = |column: Option<usize>, row: Option<usize>| {
            let column = column.map(column_name).unwrap_or_default();
            let row = row.map(|row| (row + 1).to_string()).unwrap_or_default();
            column + &row
        };
        // an open end needs no start: A:B, 1:2
        let top = self.top.filter(|top| self.bottom.is_some() || *top > 0);
        let left = self
            .left
            .filter(|left| self.right.is_some() || *left > 0 || top.is_some());
        let first = corner(left, top);
        let last = corner(
            self.right.map(|right| right.saturating_sub(1)),
            self.bottom.map(|bottom| bottom.saturating_sub(1)),
        );
        match (first.is_empty(), last.is_empty()) {
            (_, true) => first,
            (true, false) => last,
            (false, false) if first == last && self.top.is_some() && self.left.is_some() => first,
            (false, false) => format!("{first}:{last}"),
        }
    }
}

/// `0` → `A`, `26` → `AA`.
pub fn column_name(mut index: usize) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(b'A' + (index % 26) as u8);
        if index < 26 {
            break;
        }
        index = index / 26 - 1;
    }
    letters.iter().rev().map(|&letter| char::from(letter)).collect()
}

/// `A` → `0`; up to three letters of either case.
pub fn column_index(letters: &str) -> Option<usize> {
    if letters.is_empty() || letters.len() > 3 || !letters.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    let index = letters.bytes().fold(0, |index, byte| {
        index * 26 + usize::from(byte.to_ascii_uppercase() - b'A') + 1
    });
    Some(index - 1)
}

/// A title as ranges show it: bare if it is ASCII letters, digits, `_` or `.`, starts with no digit and is no address.
pub fn quoted(title: &str) -> String {
    let plain = title
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))
        && !title.starts_with(|c: char| c.is_ascii_digit())
        && !title.is_empty()
        && !matches!(
            Corner::parse(title),
            Some(Corner {
                column: Some(_),
                row: Some(_)
            })
        )
        && r1c1(title).is_none();
    if plain {
        title.to_owned()
    } else {
        format!("'{}'", title.replace('\'', "''"))
    }
}

/// One corner of a range: `B3`, `B` or `3`, dollars ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Corner {
    column: Option<usize>,
    row: Option<usize>,
}

impl Corner {
    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('$').unwrap_or(text);
        let split = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
        let (letters, digits) = text.split_at(split);
        let digits = digits.strip_prefix('$').unwrap_or(digits);
        let column = if letters.is_empty() {
            None
        } else {
            Some(column_index(letters)?)
        };
        let row = if digits.is_empty() {
            None
        } else if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            Some(digits.parse::<usize>().ok()?.checked_sub(1)?)
        } else {
            return None;
        };
        (column.is_some() || row.is_some()).then_some(Self { column, row })
    }
}

/// `R1C1` notation of one cell.
fn r1c1(text: &str) -> Option<Corner> {
    let rest = text.strip_prefix(['R', 'r'])?;
    let (row, column) = rest.split_once(['C', 'c'])?;
    Some(Corner {
        row: Some(row.parse::<usize>().ok()?.checked_sub(1)?),
        column: Some(column.parse::<usize>().ok()?.checked_sub(1)?),
    })
}

/// The cells part of a range: `A1`, `A1:B2`, `A:B`, `2:4`, `B2:C`, `R1C1:R2C2`; corners in any order.
pub fn parse_cells(text: &str) -> Option<Open> {
    let corner = |text: &str| r1c1(text).or_else(|| Corner::parse(text));
    let (first, last) = match text.split_once(':') {
        Some((first, last)) => (corner(first)?, corner(last)?),
        None => {
            let cell = corner(text)?;
            cell.column.and(cell.row)?;
            (cell, cell)
        }
    };
    let ordered = |a: Option<usize>, b: Option<usize>| match (a, b) {
        (Some(a), Some(b)) => (Some(a.min(b)), Some(a.max(b) + 1)),
        // B2:C and A2:4 are open on one side, C:B2 is the same range
        (Some(start), None) | (None, Some(start)) => (Some(start), None),
        (None, None) => (None, None),
    };
    let (top, bottom) = ordered(first.row, last.row);
    let (left, right) = ordered(first.column, last.column);
    Some(Open {
        top,
        bottom,
        left,
        right,
    })
}

/// Where a range text points: a sheet by its position, and the cells asked for.
pub fn resolve(book: &Spreadsheet, text: &str) -> ApiResult<(usize, Open)> {
    let unknown = || ApiError::invalid(format!("Unable to parse range: {text}"));
    let (title, cells) = split_sheet(text);
    if let Some(title) = title {
        let sheet = book.position_by_title(&title).ok_or_else(unknown)?;
        let named = |name| book.named_range(name).filter(|(at, _)| *at == sheet);
        let open = match cells {
            Some(cells) => parse_cells(cells)
                .or_else(|| Some(named(cells)?.1))
                .ok_or_else(unknown)?,
            None => Open::default(),
        };
        return Ok((sheet, open));
    }
    let bare = cells.unwrap_or_default();
    if let Some((sheet, open)) = book.named_range(bare) {
        return Ok((sheet, open));
    }
    if let Some(sheet) = book.position_by_title(bare) {
        return Ok((sheet, Open::default()));
    }
    let open = parse_cells(bare).ok_or_else(unknown)?;
    Ok((book.first_visible(), open))
}

/// `'It''s'!A1` → (title, cells); a quoted text alone is a title, a bare one is left as cells.
fn split_sheet(text: &str) -> (Option<String>, Option<&str>) {
    if let Some(rest) = text.strip_prefix('\'') {
        let mut title = String::new();
        let mut chars = rest.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if c != '\'' {
                title.push(c);
            } else if chars.next_if(|(_, next)| *next == '\'').is_some() {
                title.push('\'');
            } else {
                let after = &rest[at + 1..];
                return match after.strip_prefix('!') {
                    Some(cells) => (Some(title), Some(cells)),
                    None if after.is_empty() => (Some(title), None),
                    None => (None, Some(text)),
                };
            }
        }
        return (None, Some(text));
    }
    match text.rsplit_once('!') {
        Some((title, cells)) => (Some(title.to_owned()), Some(cells)),
        None => (None, Some(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_letters_count_in_base_26_without_a_zero() {
        for (index, name) in [
            (0, "A"),
            (25, "Z"),
            (26, "AA"),
            (701, "ZZ"),
            (702, "AAA"),
            (18_277, "ZZZ"),
        ] {
            assert_eq!(column_name(index), name);
            assert_eq!(column_index(name), Some(index));
        }
        assert_eq!(column_index("AAAA"), None);
    }

    #[test]
    fn titles_that_could_be_read_as_something_else_are_quoted() {
        for bare in ["Sheet1", "Sales2", "Sheet_1", "TRUE", "x.y"] {
            assert_eq!(quoted(bare), bare);
        }
        for (title, shown) in [
            ("A1", "'A1'"),
            ("ABC1234", "'ABC1234'"),
            ("R1C1", "'R1C1'"),
            ("2026", "'2026'"),
            ("a-b", "'a-b'"),
            ("Probe Tab", "'Probe Tab'"),
            ("Été", "'Été'"),
            ("It's", "'It''s'"),
        ] {
            assert_eq!(quoted(title), shown);
        }
    }

    #[test]
    fn ranges_are_read_with_corners_in_any_order_and_open_sides() {
        let shown = |text: &str| parse_cells(text).map(|open| open.a1());
        for (text, a1) in [
            ("A1", "A1"),
            ("D4:A1", "A1:D4"),
            ("$b$3", "B3"),
            ("A:C", "A:C"),
            ("2:4", "2:4"),
            ("A1001:B", "A1001:B"),
            ("AA1:2", "AA1:2"),
            ("R1C1:R2C3", "A1:C2"),
        ] {
            assert_eq!(shown(text).as_deref(), Some(a1), "{text}");
        }
        for text in ["AAAA1", "Table1[Col]", "", "A", "A0", "1"] {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    #[test]
    fn a_sheet_is_split_off_a_range_with_its_quotes() {
        assert_eq!(split_sheet("'It''s'!A1"), (Some("It's".into()), Some("A1")));
        assert_eq!(split_sheet("'CPF2024'"), (Some("CPF2024".into()), None));
        assert_eq!(split_sheet("🌵 tab 1!A:A"), (Some("🌵 tab 1".into()), Some("A:A")));
        assert_eq!(split_sheet("CPF2024"), (None, Some("CPF2024")));
    }
}
