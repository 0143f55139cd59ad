//! `sync --preview`: what the tabs would be, as an .xlsx file that Excel and LibreOffice open. Rows go to disk as they are
//! written. Excel's limits are kept by cutting and renaming, and told.

use std::{
    borrow::Cow,
    collections::HashSet,
    path::{Path, PathBuf},
};

use jiff::tz::TimeZone;
use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};

use crate::{
    failure::{Failure, reason},
    sheets::serial,
    table::{Cell, Kind, Table},
    words::counted,
};

/// With the header.
const MAX_ROWS: usize = 1_048_576;
/// Of a cell and of a tab's name, in UTF-16 units.
const MAX_TEXT: usize = 32_767;
const MAX_NAME: usize = 31;
/// Ends a text that was cut.
const CUT_MARK: &str = "… [coupé]";
/// 1900-03-01: before it Excel counts one day less, for it believes in a 29 February 1900.
const FIRST_COMMON_DAY: f64 = 61.0;
/// Column widths in characters follow the longest text of the first rows, within bounds.
const SAMPLE: usize = 500;
const WIDTHS: std::ops::RangeInclusive<usize> = 8..=48;

pub struct Preview {
    path: PathBuf,
    workbook: Workbook,
    /// Names of tabs, folded: Excel takes two that differ in case for one.
    names: HashSet<String>,
    /// The place of each tab among the others, in the order in which they were added.
    places: Vec<usize>,
    formats: Formats,
    /// In which moments are shown, for want of a spreadsheet's.
    zone: TimeZone,
}

struct Formats {
    header: Format,
    plain: Format,
    text: Format,
    day: Format,
    instant: Format,
}

impl Formats {
    /// As the tabs in Google Sheets have them.
    fn new() -> Self {
        Self {
            header: Format::new()
                .set_bold()
                .set_background_color("#E6E6E6")
                .set_num_format("@"),
            plain: Format::new(),
            text: Format::new().set_num_format("@"),
            day: Format::new().set_num_format("dd/mm/yyyy"),
            instant: Format::new().set_num_format("dd/mm/yyyy hh:mm"),
        }
    }

    fn of(&self, kind: Kind) -> &Format {
        match kind {
            Kind::Plain => &self.plain,
            Kind::Identifier => &self.text,
            Kind::Day => &self.day,
            Kind::Instant => &self.instant,
        }
    }
}

impl Preview {
    /// Nothing is written yet; a folder that is not there is told before anything is read.
    pub fn new(path: &Path, zone: TimeZone) -> Result<Self, Failure> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if path.is_dir() || folder.is_some_and(|folder| !folder.is_dir()) {
            return Err(cannot(path, "no file can be made there"));
        }
        Ok(Self {
            path: path.to_owned(),
            workbook: Workbook::new(),
            names: HashSet::new(),
            places: Vec::new(),
            formats: Formats::new(),
            zone,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds the tab of a resource, whose place among all of them is `place`. Gives sentences about what Excel has no room
    /// for.
    pub fn add(&mut self, place: usize, title: &str, table: &Table) -> Result<Vec<String>, Failure> {
        let name = sheet_name(title, &self.names);
        self.names.insert(name.to_lowercase());
        self.places.push(place);
        let Self {
            workbook,
            formats,
            zone,
            ..
        } = self;
        let added = workbook.add_worksheet_with_constant_memory();
        let cuts = added.and_then(|sheet| fill(sheet, &name, table, formats, zone));
        let cuts = cuts.map_err(|error| cannot(&self.path, &error.to_string()))?;
        let mut notes = Vec::new();
        if name != title {
            notes.push(format!("its tab in the preview is {name:?}, as Excel allows"));
        }
        if cuts > 0 {
            notes.push(format!(
                "{} cut to the {MAX_TEXT} characters that Excel allows",
                counted(cuts, "text")
            ));
        }
        if table.len() >= MAX_ROWS {
            notes.push(format!("Excel has {MAX_ROWS} rows: the preview ends there"));
        }
        Ok(notes)
    }

    /// Writes the file. False if there is no tab to show, and so no file.
    pub fn save(&mut self) -> Result<bool, Failure> {
        if self.names.is_empty() {
            return Ok(false);
        }
        // tabs are added as they are read, and people expect the order that they asked for
        let sheets = self.workbook.worksheets_mut();
        let mut placed: Vec<(usize, Worksheet)> = self.places.drain(..).zip(sheets.drain(..)).collect();
        placed.sort_by_key(|(place, _)| *place);
        sheets.extend(placed.into_iter().map(|(_, sheet)| sheet));
        let saved = self.workbook.save(&self.path);
        saved.map_err(|error| cannot(&self.path, &error.to_string()))?;
        Ok(true)
    }
}

fn cannot(path: &Path, what: &str) -> Failure {
    Failure::person(
        reason::INVALID_CONFIG,
        format!("--preview: {} cannot be written: {what}", path.display()),
    )
}

/// Fills a sheet and says how many texts were cut.
fn fill(
    sheet: &mut Worksheet,
    name: &str,
    table: &Table,
    formats: &Formats,
    zone: &TimeZone,
) -> Result<usize, XlsxError> {
    sheet.set_name(name)?;
    sheet.set_freeze_panes(1, 0)?;
    for (number, (column, width)) in (0..).zip(table.columns.iter().zip(widths(table))) {
        sheet.set_column_width(number, width as f64)?;
        if column.kind != Kind::Plain {
            sheet.set_column_format(number, formats.of(column.kind))?;
        }
        sheet.write_string_with_format(0, number, &column.label, &formats.header)?;
    }
    let mut cuts = 0;
    for (row, cells) in (1..).zip(table.rows().take(MAX_ROWS - 1)) {
        for (number, (cell, column)) in (0..).zip(cells.into_iter().zip(&table.columns)) {
            let format = formats.of(column.kind);
            match cell {
                Cell::Blank => continue,
                Cell::Bool(value) => sheet.write_boolean_with_format(row, number, value, format)?,
                Cell::Number(value) => sheet.write_number_with_format(row, number, value, format)?,
                Cell::Text(text) => {
                    let (text, was_cut) = cut(&text, MAX_TEXT, CUT_MARK);
                    cuts += usize::from(was_cut);
                    // a text in a column of dates stays a text
                    let format = if format.eq(&formats.plain) {
                        &formats.plain
                    } else {
                        &formats.text
                    };
                    sheet.write_string_with_format(row, number, text, format)?
                }
                Cell::Day(days) => {
                    sheet.write_number_with_format(row, number, excel(serial::of_day(days)), &formats.day)?
                }
                Cell::Instant(ms) => {
                    let serial = excel(serial::of_instant(ms, zone));
                    sheet.write_number_with_format(row, number, serial, &formats.instant)?
                }
            };
        }
    }
    Ok(cuts)
}

/// A serial number of Google's as Excel's.
fn excel(serial: f64) -> f64 {
    if serial < FIRST_COMMON_DAY {
        serial - 1.0
    } else {
        serial
    }
}

fn widths(table: &Table) -> Vec<usize> {
    let mut widths: Vec<usize> = table
        .columns
        .iter()
        .map(|column| column.label.chars().count() + 2)
        .collect();
    for cells in table.rows().take(SAMPLE) {
        for (width, cell) in widths.iter_mut().zip(&cells) {
            let length = match cell {
                Cell::Blank => 0,
                Cell::Bool(_) => 5,
                Cell::Number(number) => number.to_string().len(),
                Cell::Text(text) => text.lines().map(|line| line.chars().count()).max().unwrap_or(0),
                Cell::Day(_) => "dd/mm/yyyy".len(),
                Cell::Instant(_) => "dd/mm/yyyy hh:mm".len(),
            };
            *width = (*width).max(length + 1);
        }
    }
    widths
        .into_iter()
        .map(|width| width.clamp(*WIDTHS.start(), *WIDTHS.end()))
        .collect()
}

/// A title as Excel takes it: without `[]:*?/\` and outer apostrophes, short, not "History", none of `taken`.
fn sheet_name(title: &str, taken: &HashSet<String>) -> String {
    let allowed = title.replace(['[', ']', ':', '*', '?', '/', '\\'], "-");
    let outer = |c: char| c == '\'' || c.is_whitespace();
    let trimmed = allowed.trim_matches(outer);
    let base = match trimmed {
        "" => "-",
        name => name,
    };
    let reserved = |name: &str| name.eq_ignore_ascii_case("history");
    let numbered = (2..).map(|number| {
        let end = format!(" ({number})");
        let (start, _) = cut(base, MAX_NAME - end.len(), "");
        format!("{}{end}", start.trim_end())
    });
    // a cut may leave an apostrophe at the end
    let (short, _) = cut(base, MAX_NAME, "");
    std::iter::once(short.trim_end_matches(outer).to_owned())
        .chain(numbered)
        .find(|name| !reserved(name) && !taken.contains(&name.to_lowercase()))
        .unwrap_or_default()
}

/// A text of at most `limit` UTF-16 units, with a mark if it was cut, on a character's boundary.
fn cut<'a>(text: &'a str, limit: usize, mark: &str) -> (Cow<'a, str>, bool) {
    // a text has at most as many UTF-16 units as bytes
    if text.len() <= limit || text.encode_utf16().count() <= limit {
        return (text.into(), false);
    }
    let mut room = limit.saturating_sub(mark.encode_utf16().count());
    let end = text
        .char_indices()
        .find(|(_, c)| match room.checked_sub(c.len_utf16()) {
            Some(left) => {
                room = left;
                false
            }
            None => true,
        });
    let kept = end.and_then(|(end, _)| text.get(..end)).unwrap_or(text);
    (format!("{kept}{mark}").into(), true)
}

#[cfg(test)]
mod tests {
    use calamine::{Data, Reader, Xlsx, open_workbook};
    use jiff::civil::date;
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::table::{Column, KeyShape, Packed};

    fn table(columns: &[(&str, Kind)], rows: &[&[Cell<'_>]]) -> Table {
        let columns = columns.iter().map(|(label, kind)| Column {
            path: (*label).to_owned(),
            label: (*label).to_owned(),
            kind: *kind,
        });
        let rows = rows.iter().map(|row| Packed::of(row.iter().cloned().enumerate()));
        Table::new(columns.collect(), KeyShape::Slug, rows.collect())
    }

    fn text(text: &str) -> Cell<'_> {
        Cell::Text(text.into())
    }

    /// Writes a preview of these tabs and opens it.
    fn written(tabs: &[(&str, Table)]) -> (Xlsx<std::io::BufReader<std::fs::File>>, Vec<Vec<String>>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("preview.xlsx");
        let mut preview = Preview::new(&path, TimeZone::get("Europe/Paris").unwrap()).unwrap();
        let tabs = tabs.iter().enumerate();
        let notes = tabs.map(|(place, (title, table))| preview.add(place, title, table).unwrap());
        let notes = notes.collect();
        assert!(preview.save().unwrap());
        (open_workbook(&path).unwrap(), notes)
    }

    #[test]
    fn cells_have_the_types_that_the_tab_would_have() {
        let moment = "2024-06-26T09:42:30Z".parse::<jiff::Timestamp>().unwrap();
        let day = |year, month, day| {
            let since = date(year, month, day).duration_since(date(1970, 1, 1));
            Cell::Day((since.as_hours() / 24) as i32)
        };
        let tab = table(
            &[
                ("Id", Kind::Identifier),
                ("Montant", Kind::Plain),
                ("Né le", Kind::Day),
                ("Modifié le", Kind::Instant),
            ],
            &[
                &[
                    text("0123"),
                    Cell::Number(12.5),
                    day(1990, 2, 1),
                    Cell::Instant(moment.as_millisecond()),
                ],
                &[text("=1+1"), Cell::Bool(true), text("vers 1990"), Cell::Blank],
                &[text("2"), Cell::Blank, day(1900, 1, 1), Cell::Blank],
            ],
        );
        let (mut book, notes) = written(&[("Dossiers", tab)]);
        assert_eq!(notes, [Vec::<String>::new()]);
        let sheet = book.worksheet_range("Dossiers").unwrap();
        let cell = |row, column| sheet.get((row, column)).unwrap().clone();
        let date_of = |row, column| match cell(row, column) {
            Data::DateTime(at) => at.to_ymd_hms_milli(),
            other => panic!("no date: {other:?}"),
        };
        assert_eq!(cell(0, 2), Data::String("Né le".to_owned()));
        assert_eq!(cell(1, 0), Data::String("0123".to_owned()));
        assert_eq!(cell(1, 1), Data::Float(12.5));
        assert_eq!(date_of(1, 2), (1990, 2, 1, 0, 0, 0, 0));
        assert_eq!(date_of(1, 3), (2024, 6, 26, 11, 42, 30, 0));
        assert_eq!(cell(2, 0), Data::String("=1+1".to_owned()), "no formula");
        assert_eq!(cell(2, 1), Data::Bool(true));
        assert_eq!(cell(2, 2), Data::String("vers 1990".to_owned()));
        assert_eq!(date_of(3, 2), (1900, 1, 1, 0, 0, 0, 0));
    }

    #[test]
    fn tabs_stand_in_the_order_that_was_asked_for_whenever_they_were_added() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("preview.xlsx");
        let mut preview = Preview::new(&path, TimeZone::UTC).unwrap();
        for (place, title) in [(2, "C"), (0, "A"), (1, "B")] {
            let tab = table(&[("Id", Kind::Identifier)], &[&[text(title)]]);
            preview.add(place, title, &tab).unwrap();
        }
        assert!(preview.save().unwrap());
        let mut book: Xlsx<_> = open_workbook(&path).unwrap();
        assert_eq!(book.sheet_names(), ["A", "B", "C"]);
        for title in ["A", "B", "C"] {
            let sheet = book.worksheet_range(title).unwrap();
            assert_eq!(sheet.get((1, 0)).unwrap(), &Data::String(title.to_owned()));
        }
    }

    #[test]
    fn texts_longer_than_excel_takes_are_cut_and_told() {
        let long = "é".repeat(MAX_TEXT + 1);
        let tab = table(
            &[("Id", Kind::Identifier), ("Notes", Kind::Plain)],
            &[&[text("1"), text(&long)]],
        );
        let (mut book, notes) = written(&[("Dossiers", tab)]);
        assert_eq!(notes[0], ["1 text cut to the 32767 characters that Excel allows"]);
        let sheet = book.worksheet_range("Dossiers").unwrap();
        let kept = sheet.get((1, 1)).unwrap().to_string();
        assert_eq!(kept.chars().count(), MAX_TEXT);
        assert!(kept.ends_with(CUT_MARK));
    }

    #[test]
    fn titles_that_excel_refuses_are_changed_and_stay_apart() {
        let titles = [
            "L'été : 10h30",
            "Dossiers d'inscription des stagiaires CPF",
            "Dossiers d'inscription des stagiaires OPCO",
            "History",
        ];
        let tabs = titles.map(|title| (title, table(&[("Id", Kind::Identifier)], &[&[text("1")]])));
        let (book, notes) = written(&tabs);
        let expected = [
            "L'été - 10h30",
            "Dossiers d'inscription des stag",
            "Dossiers d'inscription des (2)",
            "History (2)",
        ];
        assert_eq!(book.sheet_names(), expected);
        assert_eq!(
            notes[0],
            ["its tab in the preview is \"L'été - 10h30\", as Excel allows"]
        );
    }

    #[rstest]
    #[case("'quoted'", "quoted")]
    #[case("''", "-")]
    #[case(" a/b\\c ", "a-b-c")]
    #[case("[x]:*?", "-x----")]
    fn a_title_loses_what_excel_does_not_allow(#[case] title: &str, #[case] name: &str) {
        assert_eq!(sheet_name(title, &HashSet::new()), name);
    }

    #[test]
    fn a_folder_that_is_not_there_is_told_at_once_and_without_tabs_there_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none/preview.xlsx");
        let refused = Preview::new(&path, TimeZone::UTC).err().unwrap();
        assert!(
            refused.message.contains("none/preview.xlsx cannot be written"),
            "{refused}"
        );
        let path = folder.path().join("preview.xlsx");
        assert!(!Preview::new(&path, TimeZone::UTC).unwrap().save().unwrap());
        assert!(!path.exists());
    }

    proptest! {
        #[test]
        fn every_title_becomes_a_name_that_excel_takes(titles in prop::collection::vec("\\PC{0,40}|['a :/]{0,40}|hist[oO]ry", 1..6)) {
            let mut taken = HashSet::new();
            for title in titles {
                let name = sheet_name(&title, &taken);
                prop_assert!(rust_xlsxwriter::utility::check_sheet_name(&name).is_ok(), "{title:?} → {name:?}");
                prop_assert!(taken.insert(name.to_lowercase()));
            }
        }
    }
}
