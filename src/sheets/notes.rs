//! Notes of people on rows that a plan would delete: reading values does not show them, and deleting a row would lose
//! them.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    client::{Client, Error},
    start::NOTE,
};

/// The most ranges that are asked for one by one; more are asked for as one that spans them.
const MOST_RANGES: usize = 200;

const FIELDS: &str = "sheets(data(startRow,rowData(values(note))))";

/// Which of `rows`, which ascend, have a note in any cell. Our own, which moved cells of the header leave behind, is none.
pub async fn noted(client: &Client, spreadsheet: &str, sheet: i32, rows: &[usize]) -> Result<HashSet<usize>, Error> {
    let filters: Vec<Value> = ranges(rows)
        .into_iter()
        .map(|(start, end)| json!({"gridRange": {"sheetId": sheet, "startRowIndex": start, "endRowIndex": end}}))
        .collect();
    let path = format!("v4/spreadsheets/{spreadsheet}:getByDataFilter?fields={FIELDS}&prettyPrint=false");
    let found: Found = client
        .read("POST", &path, Some(json!({"dataFilters": filters})))
        .await?;
    let noted = found.noted();
    Ok(rows.iter().copied().filter(|row| noted.contains(row)).collect())
}

/// Ascending rows as half-open ranges.
fn ranges(rows: &[usize]) -> Vec<(usize, usize)> {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for &row in rows {
        match ranges.last_mut() {
            Some((_, end)) if *end == row => *end = row + 1,
            _ => ranges.push((row, row + 1)),
        }
    }
    match (ranges.first(), ranges.last()) {
        (Some((start, _)), Some((_, end))) if ranges.len() > MOST_RANGES => vec![(*start, *end)],
        _ => ranges,
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Found {
    sheets: Vec<Sheet>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Sheet {
    data: Vec<Grid>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Grid {
    start_row: usize,
    row_data: Vec<Row>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Row {
    values: Vec<Cell>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cell {
    note: Option<String>,
}

impl Found {
    fn noted(&self) -> HashSet<usize> {
        let grids = self.sheets.iter().flat_map(|sheet| &sheet.data);
        let rows = grids.flat_map(|grid| (grid.start_row..).zip(&grid.row_data));
        let is_peoples = |cell: &Cell| cell.note.as_deref().is_some_and(|note| note != NOTE);
        rows.filter(|(_, row)| row.values.iter().any(is_peoples))
            .map(|(row, _)| row)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scattered_rows_are_asked_for_in_runs_and_very_many_as_one() {
        assert_eq!(ranges(&[]), []);
        assert_eq!(ranges(&[2, 3, 4, 9]), [(2, 5), (9, 10)]);
        let many: Vec<usize> = (0..1000).map(|row| row * 2).collect();
        assert_eq!(ranges(&many), [(0, 1999)]);
    }

    #[test]
    fn rows_with_a_note_are_found_wherever_their_range_starts() {
        let found: Found = serde_json::from_value(json!({"sheets": [{}, {"data": [
            {"rowData": [{}, {"values": [{}, {"note": "à rappeler"}]}]},
            {"startRow": 7, "rowData": [{"values": [{"note": "x"}]}, {"values": [{}]}]},
            {"startRow": 20, "rowData": [{"values": [{"note": NOTE}]}]},
        ]}]}))
        .unwrap();
        assert_eq!(found.noted(), HashSet::from([1, 7]));
    }
}
