//! A spreadsheet as an .xlsx file: values, formats, notes, merges, widths, frozen panes, hidden rows and columns.

use rust_xlsxwriter::{Color, Format, FormatAlign, FormatBorder, Note, Workbook, Worksheet, XlsxError};
use serde_json::Value;

use super::{
    eval::{Effective, Evaluator},
    model::{Cell, Sheet, Spreadsheet},
};

/// Excel's own limits.
const MAX_TEXT: usize = 32_767;
const MAX_TITLE: usize = 31;

pub fn workbook(book: &Spreadsheet) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let evaluator = Evaluator::new(book);
    let mut titles: Vec<String> = Vec::new();
    for (position, sheet) in book.sheets.iter().enumerate() {
        let title = unique_title(&sheet.title, &titles);
        let page = workbook.add_worksheet();
        page.set_name(&title)?;
        titles.push(title);
        page.set_freeze_panes(small(sheet.frozen_rows), narrow(sheet.frozen_columns))?;
        for merge in &sheet.merges {
            let (last, right) = (small(merge.bottom - 1), narrow(merge.right - 1));
            page.merge_range(small(merge.top), narrow(merge.left), last, right, "", &Format::new())?;
        }
        write_cells(page, &evaluator, (position, sheet))?;
        for (at, column) in sheet.columns.iter().enumerate() {
            if let Some(size) = column.pixel_size.and_then(|size| u32::try_from(size).ok()) {
                page.set_column_width_pixels(narrow(at), size)?;
            }
            if column.hidden {
                page.set_column_hidden(narrow(at))?;
            }
        }
        for (at, row) in sheet.rows.iter().enumerate() {
            if row.dimension.as_ref().is_some_and(|own| own.hidden) {
                page.set_row_hidden(small(at))?;
            }
        }
    }
    workbook.save_to_buffer()
}

fn write_cells(
    page: &mut Worksheet,
    evaluator: &Evaluator<'_>,
    (position, sheet): (usize, &Sheet),
) -> Result<(), XlsxError> {
    for (at, row) in sheet.rows.iter().enumerate() {
        for (column, cell) in row.cells.iter().enumerate() {
            let (line, place) = (small(at), narrow(column));
            let format = excel_format(cell);
            if let Some(note) = cell.field("note").and_then(Value::as_str) {
                let note: String = note.chars().take(MAX_TEXT).collect();
                page.insert_note(line, place, &Note::new(note))?;
            }
            match evaluator.cell(position, at, column) {
                Effective::Empty => page.write_blank(line, place, &format)?,
                Effective::Number(number) => page.write_number_with_format(line, place, number, &format)?,
                Effective::Bool(value) => page.write_boolean_with_format(line, place, value, &format)?,
                Effective::Text(text) => {
                    let text: String = text.chars().take(MAX_TEXT).collect();
                    page.write_string_with_format(line, place, text, &format)?
                }
                Effective::Error(fault) => page.write_string_with_format(line, place, fault.shown(), &format)?,
            };
        }
    }
    Ok(())
}

fn excel_format(cell: &Cell) -> Format {
    let mut format = Format::new();
    let Some(given) = cell.format() else {
        return format;
    };
    let given = Value::Object(given.clone());
    let look = &given["textFormat"];
    if look["bold"] == true {
        format = format.set_bold();
    }
    if look["italic"] == true {
        format = format.set_italic();
    }
    if look["strikethrough"] == true {
        format = format.set_font_strikethrough();
    }
    if let Some(size) = look["fontSize"].as_f64() {
        format = format.set_font_size(size);
    }
    if let Some(text) = colour(&look["foregroundColor"]) {
        format = format.set_font_color(text);
    }
    if let Some(background) = colour(&given["backgroundColor"]) {
        format = format.set_background_color(background);
    }
    format = match given["horizontalAlignment"].as_str() {
        Some("LEFT") => format.set_align(FormatAlign::Left),
        Some("CENTER") => format.set_align(FormatAlign::Center),
        Some("RIGHT") => format.set_align(FormatAlign::Right),
        _ => format,
    };
    if given["wrapStrategy"] == "WRAP" {
        format = format.set_text_wrap();
    }
    for (side, draw) in [
        ("top", Format::set_border_top as fn(Format, FormatBorder) -> Format),
        ("bottom", Format::set_border_bottom),
        ("left", Format::set_border_left),
        ("right", Format::set_border_right),
    ] {
        format = match given["borders"][side]["style"].as_str() {
            Some("DASHED") => draw(format, FormatBorder::Dashed),
            Some("DOTTED") => draw(format, FormatBorder::Dotted),
            Some("DOUBLE") => draw(format, FormatBorder::Double),
            Some("SOLID_MEDIUM") => draw(format, FormatBorder::Medium),
            Some("SOLID_THICK") => draw(format, FormatBorder::Thick),
            Some(_) => draw(format, FormatBorder::Thin),
            None => format,
        };
    }
    match cell.number_format() {
        Some(("TEXT", None)) => format.set_num_format("@"),
        Some((_, Some(pattern))) => format.set_num_format(pattern),
        _ => format,
    }
}

/// A colour without channels is black.
fn colour(given: &Value) -> Option<Color> {
    given.as_object()?;
    let channel = |name: &str| (given[name].as_f64().unwrap_or(0.0) * 255.0).round() as u32;
    Some(Color::RGB(
        channel("red") << 16 | channel("green") << 8 | channel("blue"),
    ))
}

/// At most 31 characters, none of `[]:*?/\`, and not twice.
fn unique_title(title: &str, taken: &[String]) -> String {
    let clean: String = title
        .chars()
        .map(|c| if "[]:*?/\\'".contains(c) { ' ' } else { c })
        .collect();
    let cut = |suffix: &str| -> String {
        let kept: String = clean.chars().take(MAX_TITLE - suffix.len()).collect();
        kept.trim_end().to_owned() + suffix
    };
    let is_free = |title: &String| {
        !title.trim().is_empty() && !taken.iter().any(|other| other.to_lowercase() == title.to_lowercase())
    };
    let numbered = (2..).map(|n| cut(&format!(" {n}")));
    std::iter::once(cut(""))
        .chain(numbered)
        .find(is_free)
        .unwrap_or_default()
}

fn small(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn narrow(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}
