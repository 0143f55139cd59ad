//! How wide text is: what autoResizeDimensions makes of it. Widths of Arial's characters, in thousandths of its size.

use std::ops::Range;

use super::{
    eval::Evaluator,
    format::{self, Locale},
    model::{Spreadsheet, no_grid},
};

/// From the space to the tilde.
const ASCII: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, // space to /
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, // 0 to ?
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, // @ to O
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, // P to _
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, // ` to o
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584, // p to ~
];
/// Other letters are about as wide as a small one, emoji and ideographs twice as wide.
const LETTER: u16 = 556;
const WIDE: u16 = 1_100;
/// Pixels of Google's default size, 10 points, as measured on a column that it resized.
const SIZE: f64 = 12.716;
/// Left and right of the text.
const PADDING: f64 = 6.0;

/// Pixels of a text of one font size; the longest line counts.
fn of_text(text: &str, bold: bool, points: f64) -> f64 {
    let of_char = |c: char| match c {
        ' '..='~' => ASCII[c as usize - 0x20],
        c if c >= '\u{2e80}' => WIDE,
        _ => LETTER,
    };
    let line = |line: &str| line.chars().map(|c| f64::from(of_char(c))).sum::<f64>();
    let thousandths = text.lines().map(line).fold(0.0, f64::max);
    thousandths / 1000.0 * SIZE * points / 10.0 * if bold { 1.07 } else { 1.0 }
}

/// The width in pixels that fits each column's texts; 0 = nothing is in it.
pub fn of_columns(book: &Spreadsheet, sheet: i64, columns: Range<usize>) -> Result<Vec<i64>, String> {
    let position = book.position(sheet).ok_or_else(|| no_grid(sheet))?;
    let evaluator = Evaluator::new(book);
    let locale = Locale::of(&book.locale);
    let mut widest = vec![0.0f64; columns.len()];
    for (row, line) in book.sheets[position].rows.iter().enumerate() {
        for (column, width) in columns.clone().zip(&mut widest) {
            let Some(cell) = line.cells.get(column) else {
                break;
            };
            let text = format::shown(&evaluator.cell(position, row, column), cell, locale);
            if text.is_empty() {
                continue;
            }
            let look = cell.format().and_then(|format| format.get("textFormat"));
            let bold = look.is_some_and(|look| look["bold"] == true);
            let points = look.and_then(|look| look["fontSize"].as_f64()).unwrap_or(10.0);
            *width = width.max(of_text(&text, bold, points) + PADDING);
        }
    }
    Ok(widest.into_iter().map(|width| width.round() as i64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_as_wide_as_google_measured_it() {
        let width = |text: &str| (of_text(text, false, 10.0) + PADDING).round();
        assert_eq!(width(&"A".repeat(1024)), 8691.0);
        assert!(width("iiii") < width("mmmm"));
        assert_eq!(width("a\nbbb"), width("bbb"));
        assert!(of_text("Nom", true, 10.0) > of_text("Nom", false, 10.0));
    }
}
