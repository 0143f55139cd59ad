//! Formulas as text: finding their references and rewriting them when rows, columns or sheets move.

use super::{
    a1::{Rect, column_index, column_name, quoted},
    model::{Cell, CellValue, Row, Sheet, Spreadsheet},
    ranges::{Change, Shift},
};
use std::sync::Arc;

/// A piece of a formula.
#[derive(Debug, Clone, PartialEq)]
pub enum Token<'a> {
    Number(f64),
    Text(String),
    /// A function, TRUE, FALSE or a named range.
    Name(&'a str),
    Reference(Reference),
    /// Operators, parentheses and separators: `+ - * / ^ & = < > <= >= <> % ( ) , ;` and whatever else stands there.
    Symbol(&'a str),
    Space,
}

/// `A1`, `$B$2:C`, `'Other tab'!A:A`.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// Title as written, without quotes.
    pub sheet: Option<String>,
    pub first: Corner,
    pub last: Option<Corner>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Corner {
    pub column: Option<Part>,
    pub row: Option<Part>,
}

/// One index of a corner; `fixed` = it has a dollar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    pub index: usize,
    pub fixed: bool,
}

/// Splits a formula (without its `=`) into tokens with their text.
pub fn tokens(formula: &str) -> Vec<(Token<'_>, &str)> {
    let mut tokens = Vec::new();
    let mut rest = formula;
    while let Some(first) = rest.chars().next() {
        let (token, length) = next_token(rest, first);
        let (text, after) = rest.split_at(length);
        tokens.push((token, text));
        rest = after;
    }
    tokens
}

fn next_token(rest: &str, first: char) -> (Token<'_>, usize) {
    if first.is_whitespace() {
        let length = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        return (Token::Space, length);
    }
    if first == '"' {
        return text_token(rest);
    }
    if let Some((reference, length)) = reference(rest) {
        return (Token::Reference(reference), length);
    }
    if first.is_ascii_digit() || first == '.' {
        let length = number_length(rest);
        if let Ok(number) = rest[..length].parse() {
            return (Token::Number(number), length);
        }
    }
    if first.is_alphabetic() || first == '_' {
        let length = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
        return (Token::Name(&rest[..length]), length);
    }
    let two = ["<=", ">=", "<>"].iter().find(|symbol| rest.starts_with(**symbol));
    let length = two.map_or(first.len_utf8(), |symbol| symbol.len());
    (Token::Symbol(&rest[..length]), length)
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.')
}

fn text_token(rest: &str) -> (Token<'_>, usize) {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != '"' {
            text.push(c);
        } else if chars.next_if(|(_, next)| *next == '"').is_some() {
            text.push('"');
        } else {
            return (Token::Text(text), at + 1);
        }
    }
    (Token::Text(text), rest.len())
}

fn number_length(rest: &str) -> usize {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let mut length = digits(rest);
    if rest[length..].starts_with('.') {
        length += 1 + digits(&rest[length + 1..]);
    }
    if let Some(exponent) = rest[length..].strip_prefix(['e', 'E']) {
        let sign = usize::from(exponent.starts_with(['+', '-']));
        let count = digits(&exponent[sign..]);
        if count > 0 {
            length += 1 + sign + count;
        }
    }
    length
}

/// A reference at the start of the text, if there is one and no name or function goes on behind it.
fn reference(text: &str) -> Option<(Reference, usize)> {
    let (sheet, prefix) = sheet_prefix(text);
    let body = &text[prefix..];
    let (first, first_length) = corner(body)?;
    let whole = first.column.is_some() && first.row.is_some();
    let (last, length) = match body[first_length..].strip_prefix(':').and_then(corner) {
        Some((last, last_length)) if goes_with(first, last) => (Some(last), first_length + 1 + last_length),
        _ if whole => (None, first_length),
        _ => return None,
    };
    let next = body[length..].chars().next();
    if next.is_some_and(|c| is_name(c) || c == '(' || c == '!') {
        return None;
    }
    Some((Reference { sheet, first, last }, prefix + length))
}

/// `A1:B2`, `A2:B`, `A:B`, `1:2` are ranges; `A:2` is none.
fn goes_with(first: Corner, last: Corner) -> bool {
    let whole = |corner: Corner| corner.column.is_some() && corner.row.is_some();
    whole(first) || whole(last) || first.column.is_some() == last.column.is_some()
}

fn sheet_prefix(text: &str) -> (Option<String>, usize) {
    if let Some(quoted) = text.strip_prefix('\'') {
        let mut title = String::new();
        let mut chars = quoted.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if c != '\'' {
                title.push(c);
            } else if chars.next_if(|(_, next)| *next == '\'').is_some() {
                title.push('\'');
            } else if quoted[at + 1..].starts_with('!') {
                return (Some(title), at + 3);
            } else {
                break;
            }
        }
        return (None, 0);
    }
    let length = text.find(|c: char| !is_name(c)).unwrap_or(text.len());
    if length > 0 && text[length..].starts_with('!') {
        (Some(text[..length].to_owned()), length + 1)
    } else {
        (None, 0)
    }
}

fn corner(text: &str) -> Option<(Corner, usize)> {
    let mut length = 0;
    let mut part = |is_part: fn(char) -> bool| {
        let rest = &text[length..];
        let fixed = rest.starts_with('$');
        let body = &rest[usize::from(fixed)..];
        let end = body.find(|c| !is_part(c)).unwrap_or(body.len());
        if end == 0 {
            return None;
        }
        length += usize::from(fixed) + end;
        Some((&body[..end], fixed))
    };
    let letters = part(|c| c.is_ascii_alphabetic());
    let digits = part(|c| c.is_ascii_digit());
    let column = match letters {
        Some((letters, fixed)) => Some(Part {
            index: column_index(letters)?,
            fixed,
        }),
        None => None,
    };
    let row = match digits {
        Some((digits, fixed)) => Some(Part {
            index: digits.parse::<usize>().ok()?.checked_sub(1)?,
            fixed,
        }),
        None => None,
    };
    (column.is_some() || row.is_some()).then_some((Corner { column, row }, length))
}

impl std::fmt::Display for Corner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dollar = |part: Part| if part.fixed { "$" } else { "" };
        if let Some(column) = self.column {
            write!(f, "{}{}", dollar(column), column_name(column.index))?;
        }
        if let Some(row) = self.row {
            write!(f, "{}{}", dollar(row), row.index + 1)?;
        }
        Ok(())
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(sheet) = &self.sheet {
            write!(f, "{}!", quoted(sheet))?;
        }
        write!(f, "{}", self.first)?;
        match self.last {
            Some(last) => write!(f, ":{last}"),
            None => Ok(()),
        }
    }
}

/// What becomes of a reference.
enum Fate {
    Stays,
    Becomes(Reference),
    /// What it pointed at is gone.
    Lost,
}

/// The formula with its references rewritten; `None` if none changed.
fn rewrite(formula: &str, fate: impl Fn(&Reference) -> Fate) -> Option<String> {
    let body = formula.strip_prefix('=')?;
    let mut changed = false;
    let mut text = String::with_capacity(formula.len() + 4);
    text.push('=');
    for (token, written) in tokens(body) {
        let fate = match &token {
            Token::Reference(reference) => fate(reference),
            _ => Fate::Stays,
        };
        match fate {
            Fate::Stays => text.push_str(written),
            Fate::Becomes(reference) => {
                changed = true;
                text.push_str(&reference.to_string());
            }
            Fate::Lost => {
                changed = true;
                text.push_str("#REF!");
            }
        }
    }
    changed.then_some(text)
}

/// Where a reference points after rows or columns of the sheet it points at moved.
fn shifted(reference: &Reference, shift: Shift) -> Fate {
    let mut new = reference.clone();
    let part = |corner: Corner| if shift.rows { corner.row } else { corner.column };
    let set = |corner: &mut Corner, index: usize| {
        let part = if shift.rows {
            &mut corner.row
        } else {
            &mut corner.column
        };
        if let Some(part) = part {
            part.index = index;
        }
    };
    match (part(reference.first), reference.last.map(part)) {
        (Some(first), Some(Some(last))) => {
            let (low, high) = (first.index.min(last.index), first.index.max(last.index));
            let Some((start, end)) = shift.change.range(low, high + 1, false) else {
                return Fate::Lost;
            };
            set(&mut new.first, start);
            if let Some(last) = &mut new.last {
                set(last, end - 1);
            }
        }
        // one cell, or a range open towards the end: only its start can move
        (Some(first), last) => match (shift.change.index(first.index), shift.change, last) {
            (Some(index), ..) => set(&mut new.first, index),
            (None, Change::Delete { start, .. }, Some(None)) => set(&mut new.first, start),
            (None, ..) => return Fate::Lost,
        },
        (None, _) => {}
    }
    if new == *reference {
        Fate::Stays
    } else {
        Fate::Becomes(new)
    }
}

/// Rewrites every formula of the spreadsheet that points at the sheet whose rows or columns moved.
pub fn follow_shift(book: &mut Spreadsheet, moved: i64, shift: Shift) {
    let title = match book.sheet(moved) {
        Some(sheet) => sheet.title.to_lowercase(),
        None => return,
    };
    for_each_formula(book, |sheet, formula| {
        rewrite(formula, |reference| {
            let points_there = match &reference.sheet {
                Some(named) => named.to_lowercase() == title,
                None => sheet == moved,
            };
            if points_there {
                shifted(reference, shift)
            } else {
                Fate::Stays
            }
        })
    });
    for named in &mut book.named_ranges {
        if named.sheet == moved {
            named.range = shift.open(&named.range, false).unwrap_or(named.range);
        }
    }
}

/// A sheet has another title, or none any more.
pub fn follow_title(book: &mut Spreadsheet, old: &str, new: Option<&str>) {
    let old = old.to_lowercase();
    for_each_formula(book, |_, formula| {
        rewrite(formula, |reference| match &reference.sheet {
            Some(named) if named.to_lowercase() == old => match new {
                Some(new) => Fate::Becomes(Reference {
                    sheet: Some(new.to_owned()),
                    ..reference.clone()
                }),
                None => Fate::Lost,
            },
            _ => Fate::Stays,
        })
    });
}

/// The formula as Google keeps it: titles as they are written on the tabs, cells in capitals, a range of one cell as
/// that cell.
pub fn tidied(formula: &str, titles: &[String]) -> Box<str> {
    let rewritten = rewrite(formula, |reference| {
        let sheet = reference.sheet.as_ref().map(|named| {
            let folded = named.to_lowercase();
            let known = titles.iter().find(|title| title.to_lowercase() == folded);
            known.unwrap_or(named).clone()
        });
        let is_cell = reference.first.column.is_some() && reference.first.row.is_some();
        Fate::Becomes(Reference {
            sheet,
            first: reference.first,
            last: reference.last.filter(|last| !is_cell || *last != reference.first),
        })
    });
    rewritten.unwrap_or_else(|| formula.to_owned()).into()
}

/// Cells were cut out and pasted elsewhere: what pointed at them, or at ranges among them, points there.
pub fn follow_cut(book: &mut Spreadsheet, (from, source): (i64, Rect), (to, top, left): (i64, usize, usize)) {
    let title = |id| book.sheet(id).map(|sheet| sheet.title.clone()).unwrap_or_default();
    let (from_title, to_title) = (title(from), title(to));
    let folded = from_title.to_lowercase();
    for_each_formula(book, |sheet, formula| {
        rewrite(formula, |reference| {
            let points_there = match &reference.sheet {
                Some(named) => named.to_lowercase() == folded,
                None => sheet == from,
            };
            let moved = |corner: Corner| {
                let (column, row) = (corner.column?, corner.row?);
                let index = |part: Part, start: usize, to: usize| Part {
                    index: part.index - start + to,
                    ..part
                };
                source.contains(row.index, column.index).then(|| Corner {
                    column: Some(index(column, source.left, left)),
                    row: Some(index(row, source.top, top)),
                })
            };
            match (points_there, moved(reference.first), reference.last.map(moved)) {
                (true, Some(first), None | Some(Some(_))) => Fate::Becomes(Reference {
                    sheet: (reference.sheet.is_some() || sheet != to).then(|| to_title.clone()),
                    first,
                    last: reference.last.and_then(moved),
                }),
                _ => Fate::Stays,
            }
        })
    });
}

/// The formula as it is pasted elsewhere: relative references move along.
pub fn moved_by(formula: &str, rows: isize, columns: isize) -> Box<str> {
    let step = |part: Option<Part>, by: isize| match part {
        Some(Part { index, fixed: false }) => index
            .checked_add_signed(by)
            .map(|index| Some(Part { index, fixed: false })),
        other => Some(other),
    };
    let corner = |corner: Corner| {
        Some(Corner {
            column: step(corner.column, columns)?,
            row: step(corner.row, rows)?,
        })
    };
    let rewritten = rewrite(formula, |reference| {
        let last = match reference.last.map(corner) {
            Some(None) => return Fate::Lost,
            Some(last) => last,
            None => None,
        };
        match corner(reference.first) {
            Some(first) => Fate::Becomes(Reference {
                sheet: reference.sheet.clone(),
                first,
                last,
            }),
            None => Fate::Lost,
        }
    });
    rewritten.unwrap_or_else(|| formula.to_owned()).into()
}

/// Offers every formula with its sheet's id; only rows whose formula changes are copied.
fn for_each_formula(book: &mut Spreadsheet, change: impl Fn(i64, &str) -> Option<String>) {
    for sheet in &mut book.sheets {
        if !sheet.has_formulas {
            continue;
        }
        let id = sheet.id;
        let changes: Vec<(usize, Row)> = sheet
            .rows
            .iter()
            .enumerate()
            .filter_map(|(at, row)| Some((at, changed_row(row, |formula| change(id, formula))?)))
            .collect();
        if !changes.is_empty() {
            let sheet: &mut Sheet = Arc::make_mut(sheet);
            for (at, row) in changes {
                sheet.rows[at] = Arc::new(row);
            }
        }
    }
}

fn changed_row(row: &Row, change: impl Fn(&str) -> Option<String>) -> Option<Row> {
    let mut changed: Option<Row> = None;
    for (at, cell) in row.cells.iter().enumerate() {
        let Cell {
            value: CellValue::Formula(formula),
            ..
        } = cell
        else {
            continue;
        };
        if let Some(new) = change(formula) {
            changed.get_or_insert_with(|| row.clone()).cells[at].value = CellValue::Formula(new.into());
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(formula: &str, rows: bool, change: Change) -> String {
        let shift = Shift { rows, change };
        rewrite(formula, |reference| shifted(reference, shift)).unwrap_or_else(|| formula.to_owned())
    }

    #[test]
    fn references_follow_inserted_rows_and_texts_and_functions_do_not() {
        let insert = Change::Insert { at: 2, count: 3 };
        for (before, expected) in [
            ("=A2+A3", "=A2+A6"),
            ("=SUM(F2:F251)", "=SUM(F2:F254)"),
            ("=SUM(F1:F2)", "=SUM(F1:F2)"),
            ("=$A$3&\"A3\"", "=$A$6&\"A3\""),
            ("=LOG10(A9)", "=LOG10(A12)"),
            ("=A3:A", "=A6:A"),
            ("=SUM(A:A)+3:3", "=SUM(A:A)+6:6"),
            ("=ABC1234X+Q1_2026", "=ABC1234X+Q1_2026"),
            ("='My tab'!B7", "='My tab'!B10"),
        ] {
            assert_eq!(after(before, true, insert), expected);
        }
    }

    #[test]
    fn references_to_deleted_rows_are_lost_and_ranges_shrink() {
        let delete = Change::Delete { start: 2, end: 5 };
        for (before, expected) in [
            ("=A4", "=#REF!"),
            ("=A6", "=A3"),
            ("=SUM(A1:A10)", "=SUM(A1:A7)"),
            ("=SUM(A3:A5)", "=SUM(#REF!)"),
            ("=SUM(A4:A)", "=SUM(A3:A)"),
        ] {
            assert_eq!(after(before, true, delete), expected);
        }
    }

    #[test]
    fn columns_move_like_rows() {
        let delete = Change::Delete { start: 0, end: 1 };
        assert_eq!(after("=B1+$C$2", false, delete), "=A1+$B$2");
        assert_eq!(after("=SUM(A:C)", false, delete), "=SUM(A:B)");
    }

    #[test]
    fn a_formula_is_kept_with_titles_and_cells_as_they_are_written() {
        let titles = ["Sales".to_owned(), "L'été".to_owned()];
        for (typed, kept) in [
            ("=sum( sales!a3:a3 )", "=sum( Sales!A3 )"),
            ("='l''été'!$b$2+nowhere!c1", "='L''été'!$B$2+nowhere!C1"),
            ("=SUM(A:A)+2:2", "=SUM(A:A)+2:2"),
            ("=\"a1\"", "=\"a1\""),
        ] {
            assert_eq!(&*tidied(typed, &titles), kept);
        }
    }

    #[test]
    fn a_pasted_formula_takes_its_relative_references_along() {
        assert_eq!(&*moved_by("=B2*$C$1+B$3", 2, 1), "=C4*$C$1+C$3");
        assert_eq!(&*moved_by("=A1", -1, 0), "=#REF!");
    }
}
