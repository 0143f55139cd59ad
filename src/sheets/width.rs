//! How wide a new column is made: once, so that its header and most of its cells can be read. No request tells widths, so
//! they are guessed from the letters of the default font, Arial 10.

use crate::table::{Cell, Kind, Table};

/// How many records are looked at.
const SAMPLE: usize = 200;
const NARROWEST: f64 = 70.0;
/// A header is shown in full up to here, cells up to there: a long text is read in the formula bar.
const WIDEST_HEADER: f64 = 420.0;
const WIDEST_CELLS: f64 = 280.0;
/// Padding, and in a header the arrow of a filter.
const PADDING: f64 = 16.0;
const ARROW: f64 = 20.0;
/// Bold letters against plain ones.
const BOLD: f64 = 1.15;

/// Pixels of each column of `table`, in steps of ten so that neighbours are often alike.
pub fn widths(table: &Table) -> Vec<i32> {
    let mut cells: Vec<Vec<f64>> = vec![Vec::new(); table.columns.len()];
    for row in table.rows().take(SAMPLE) {
        for (widths, cell) in cells.iter_mut().zip(&row) {
            widths.extend(of_cell(cell));
        }
    }
    table
        .columns
        .iter()
        .zip(cells)
        .map(|(column, cells)| of_column(&column.label, column.kind, cells))
        .collect()
}

/// Pixels of a column by its header, its kind and the widths of its cells.
pub fn of_column(label: &str, kind: Kind, mut cells: Vec<f64>) -> i32 {
    let header = (of_text(label) * BOLD + PADDING + ARROW).min(WIDEST_HEADER);
    let least = match kind {
        Kind::Plain | Kind::Identifier => NARROWEST,
        Kind::Day => of_text("31/12/2026") + PADDING,
        Kind::Instant => of_text("31/12/2026 23:59") + PADDING,
    };
    // nine of ten cells: one long text in a column of short ones is no reason
    cells.sort_by(f64::total_cmp);
    let most = cells.get((cells.len() * 9).div_ceil(10).saturating_sub(1));
    let cells = most.map_or(0.0, |width| (width + PADDING).min(WIDEST_CELLS));
    (header.max(least).max(cells) / 10.0).ceil() as i32 * 10
}

fn of_cell(cell: &Cell<'_>) -> Option<f64> {
    match cell {
        Cell::Blank | Cell::Day(_) | Cell::Instant(_) => None,
        Cell::Bool(_) => Some(of_text("FALSE")),
        Cell::Number(number) => Some(of_text(&format!("{number:.2}"))),
        Cell::Text(text) => text.lines().map(of_text).reduce(f64::max),
    }
}

fn of_text(text: &str) -> f64 {
    let of_letter = |letter: char| match letter {
        'i' | 'j' | 'l' | '\'' | '|' => 3.0,
        ' ' | '.' | ',' | ':' | ';' | '!' | '/' | '\\' | '(' | ')' | '[' | ']' | 'f' | 't' | 'I' | '-' | 'r' => 4.2,
        'm' | 'M' | 'W' | '@' | '%' => 11.0,
        'w' | 'A'..='Z' => 9.0,
        letter if (letter as u32) < 0x3000 => 7.2,
        // ideographs and emoji are as wide as high
        _ => 13.4,
    };
    // no cell needs more letters than fit into the widest column
    text.chars().take(120).map(of_letter).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<f64> {
        texts.iter().map(|text| of_text(text)).collect()
    }

    #[test]
    fn a_header_is_never_cut_and_a_day_fits() {
        let path = "trainingActionInfo.sessionStartDate";
        let width = f64::from(of_column(path, Kind::Day, Vec::new()));
        assert!(width >= of_text(path) * BOLD + PADDING && width < 330.0, "{width}");
        assert_eq!(of_column("id", Kind::Plain, Vec::new()), 70);
        let day = of_column("le", Kind::Day, Vec::new());
        assert!((80..=110).contains(&day), "{day}");
        let moment = of_column("le", Kind::Instant, Vec::new());
        assert!((110..=150).contains(&moment), "{moment}");
    }

    #[test]
    fn a_column_is_as_wide_as_most_of_its_cells_and_never_too_wide() {
        let mut cells = texts(&["prenom.nom@example.org"; 19]);
        cells.push(of_text(&"x".repeat(5_000)));
        let width = of_column("mail", Kind::Plain, cells);
        assert!((150..=200).contains(&width), "{width}");
        let long = "Une remarque de plusieurs phrases. ".repeat(20);
        assert_eq!(of_column("notes", Kind::Plain, texts(&[long.as_str(); 9])), 280);
        assert_eq!(of_column(&"titre ".repeat(60), Kind::Plain, Vec::new()), 420);
    }
}
