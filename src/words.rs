//! Words that every part of the program uses: numbers with their nouns, tables. Pure.

use std::fmt::Display;

use console::{Alignment, Style, measure_text_width, pad_str, truncate_str};

/// Characters of a long first cell that say which it is.
const SHORTEST: usize = 12;

/// `1 row`, `12 rows`: a number with its noun, whose plural takes an s.
pub fn counted(count: impl Display, noun: &str) -> String {
    let count = count.to_string();
    let ending = if count == "1" { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// The lines of a table, its head first: columns as wide as they must be, those of numbers to the right. Where a line would be
/// longer than `width`, the first column gives way.
pub fn table<const N: usize>(
    titles: [&str; N],
    right: [bool; N],
    rows: &[[String; N]],
    width: usize,
    bold: &Style,
) -> Vec<String> {
    let widest = |column: usize| {
        let cells = rows.iter().map(|row| measure_text_width(&row[column]));
        cells.chain([titles[column].len()]).max().unwrap_or_default()
    };
    let mut widths: [usize; N] = std::array::from_fn(widest);
    if let [first, others @ ..] = &mut widths[..] {
        let others: usize = others.iter().map(|other| other + 2).sum();
        *first = (*first).min(width.saturating_sub(others).max(SHORTEST));
    }
    let line = |cells: [&str; N]| {
        let padded = cells.iter().enumerate().map(|(column, cell)| {
            let alignment = match right[column] {
                true => Alignment::Right,
                false => Alignment::Left,
            };
            let cell = truncate_str(cell, widths[column], "…");
            pad_str(&cell, widths[column], alignment, None).into_owned()
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let head = bold.apply_to(line(titles)).to_string();
    let rows = rows.iter().map(|row| line(row.each_ref().map(String::as_str)));
    std::iter::once(head).chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_as_wide_as_it_must_be_and_its_first_column_gives_way() {
        let rows = [
            ["Dossiers d'élèves".to_owned(), "7".to_owned()],
            ["été".to_owned(), "100".to_owned()],
        ];
        let table = |width| table(["TAB", "ROWS"], [false, true], &rows, width, &Style::new());
        assert_eq!(
            table(80),
            [
                "TAB                ROWS",
                "Dossiers d'élèves     7",
                "été                 100"
            ]
        );
        assert_eq!(
            table(20),
            ["TAB             ROWS", "Dossiers d'él…     7", "été              100"]
        );
        assert_eq!(table(0)[1], "Dossiers d'…     7");
    }

    #[test]
    fn one_is_told_from_many() {
        assert_eq!(
            [0, 1, 2].map(|count| counted(count, "row")),
            ["0 rows", "1 row", "2 rows"]
        );
    }
}
