//! A grid in memory that carries out our requests, from their JSON: small, and written apart from the simulator. Rows
//! and columns have numbers that they never lose, so that a test can tell what became of each.

use std::collections::BTreeSet;

use google_sheets4::api::{SearchDeveloperMetadataResponse, Spreadsheet};
use serde_json::{Value, json};

use crate::{
    sheets::{
        read::Outline,
        tab::{Seen, Tab},
    },
    spec::ResourceName,
    table::Packed,
};

#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    pub id: i64,
    pub key: String,
    pub value: String,
    pub place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Sheet,
    Row(usize),
    Column(usize),
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cell {
    pub value: Seen<'static>,
    pub format: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub number: usize,
    pub cells: Vec<Cell>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Merged {
    pub lines: (usize, usize),
    pub columns: (usize, usize),
}

/// One tab; `id` is none until it exists.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Grid {
    pub id: Option<i64>,
    pub title: String,
    pub lines: Vec<Line>,
    /// Numbers of the columns.
    pub columns: Vec<usize>,
    pub frozen: usize,
    pub marks: Vec<Mark>,
    pub merges: Value,
    /// Merges that move with their cells: numbers of the first and last line and column.
    pub merged: Vec<Merged>,
    /// Numbers of lines with a note of people.
    pub noted: BTreeSet<usize>,
    pub protected: Value,
    numbers: usize,
}

type Done = Result<(), String>;

impl Grid {
    /// A tab that somebody else made.
    pub fn existing(title: &str, rows: usize, columns: usize) -> Self {
        let mut grid = Self {
            id: Some(7),
            title: title.to_owned(),
            ..Self::default()
        };
        grid.columns = (0..columns).map(|_| grid.number()).collect();
        grid.lines = (0..rows).map(|_| grid.line()).collect();
        grid
    }

    fn number(&mut self) -> usize {
        self.numbers += 1;
        self.numbers
    }

    fn line(&mut self) -> Line {
        Line {
            number: self.number(),
            cells: vec![Cell::default(); self.columns.len()],
        }
    }

    pub fn value(&self, row: usize, column: usize) -> &Seen<'static> {
        &self.lines[row].cells[column].value
    }

    pub fn set(&mut self, row: usize, column: usize, value: Seen<'static>) {
        self.lines[row].cells[column].value = value;
    }

    /// Merges a rectangle, given by its last row and column too, unless it meets another or the edge of the frozen rows.
    pub fn merge(&mut self, rows: (usize, usize), columns: (usize, usize)) {
        let cells = || (rows.0..=rows.1).flat_map(|row| (columns.0..=columns.1).map(move |column| (row, column)));
        let crosses = rows.0 < self.frozen && self.frozen <= rows.1;
        if crosses || cells().any(|(row, column)| self.merge_at(row, column).is_some()) {
            return;
        }
        for (row, column) in cells().skip(1) {
            self.set(row, column, Seen::Blank);
        }
        self.merged.push(Merged {
            lines: (self.lines[rows.0].number, self.lines[rows.1].number),
            columns: (self.columns[columns.0], self.columns[columns.1]),
        });
    }

    /// (rows, columns) of a merge, each with its last one; none if a border of it is gone.
    fn borders(&self, merged: &Merged) -> Option<((usize, usize), (usize, usize))> {
        let line = |number: usize| self.lines.iter().position(|line| line.number == number);
        let column = |number: usize| self.columns.iter().position(|column| *column == number);
        Some((
            (line(merged.lines.0)?, line(merged.lines.1)?),
            (column(merged.columns.0)?, column(merged.columns.1)?),
        ))
    }

    /// The top-left cell of the merge that a cell is part of.
    fn merge_at(&self, row: usize, column: usize) -> Option<(usize, usize)> {
        let borders = self.merged.iter().filter_map(|merged| self.borders(merged));
        borders
            .filter(|(rows, columns)| (rows.0..=rows.1).contains(&row) && (columns.0..=columns.1).contains(&column))
            .map(|(rows, columns)| (rows.0, columns.0))
            .next()
    }

    pub fn is_covered(&self, row: usize, column: usize) -> bool {
        self.merge_at(row, column).is_some_and(|first| first != (row, column))
    }

    /// Carries out a batch or nothing of it.
    pub fn batch(&mut self, body: &str) -> Done {
        let body: Value = serde_json::from_str(body).expect("the body is JSON");
        let mut after = self.clone();
        for (at, request) in body["requests"].as_array().expect("requests").iter().enumerate() {
            after
                .request(request)
                .map_err(|error| format!("requests[{at}]: {error}"))?;
        }
        *self = after;
        Ok(())
    }

    fn request(&mut self, request: &Value) -> Done {
        let (kind, arguments) = request
            .as_object()
            .and_then(|kinds| kinds.iter().next())
            .expect("a kind");
        match kind.as_str() {
            "addSheet" => self.add_sheet(&arguments["properties"]),
            "updateSheetProperties" => self.properties(arguments),
            "createDeveloperMetadata" => self.create_mark(&arguments["developerMetadata"]),
            "updateDeveloperMetadata" => {
                let id = &arguments["dataFilters"][0]["developerMetadataLookup"]["metadataId"];
                let value = text(&arguments["developerMetadata"]["metadataValue"]);
                for mark in self.marks.iter_mut().filter(|mark| json!(mark.id) == *id) {
                    mark.value.clone_from(&value);
                }
                Ok(())
            }
            "deleteDeveloperMetadata" => {
                let id = arguments["dataFilter"]["developerMetadataLookup"]["metadataId"].clone();
                self.marks.retain(|mark| json!(mark.id) != id);
                Ok(())
            }
            "insertDimension" => {
                let (rows, start, end) = self.span(&arguments["range"])?;
                self.insert(rows, start, end - start, arguments["inheritFromBefore"] == json!(true))
            }
            "deleteDimension" => {
                let (rows, start, end) = self.span(&arguments["range"])?;
                self.delete(rows, start, end)
            }
            "appendDimension" => {
                self.here(&arguments["sheetId"])?;
                let line = self.line();
                self.lines.push(line);
                Ok(())
            }
            "updateCells" => self.update_cells(arguments),
            "updateDimensionProperties" => {
                let (rows, start, end) = self.span(&arguments["range"])?;
                match arguments["properties"]["pixelSize"].as_i64() {
                    Some(21..) if !rows && end <= self.columns.len() => Ok(()),
                    other => Err(format!("columns {start}-{end} of {other:?} pixels")),
                }
            }
            "repeatCell" => self.repeat_cell(arguments),
            "copyPaste" => self.copy_paste(arguments),
            other => Err(format!("{other} is not known here")),
        }
    }

    fn here(&self, id: &Value) -> Done {
        match self.id {
            Some(own) if json!(own) == *id => Ok(()),
            _ => Err(format!("No grid with id: {id}")),
        }
    }

    fn add_sheet(&mut self, properties: &Value) -> Done {
        if self.id.is_some() {
            return Err("the sheet exists".into());
        }
        let grid = &properties["gridProperties"];
        let mut made = Self::existing(
            properties["title"].as_str().unwrap_or_default(),
            index(&grid["rowCount"]),
            index(&grid["columnCount"]),
        );
        made.id = properties["sheetId"].as_i64();
        made.frozen = index(&grid["frozenRowCount"]);
        if made.frozen >= made.lines.len() {
            return Err("You can't freeze all visible rows on the sheet.".into());
        }
        *self = made;
        Ok(())
    }

    fn properties(&mut self, arguments: &Value) -> Done {
        let properties = &arguments["properties"];
        self.here(&properties["sheetId"])?;
        match arguments["fields"].as_str() {
            Some("title") => self.title = text(&properties["title"]),
            Some("gridProperties.frozenRowCount") => {
                self.frozen = index(&properties["gridProperties"]["frozenRowCount"]);
                if self.frozen >= self.lines.len() {
                    return Err("You can't freeze all visible rows on the sheet.".into());
                }
            }
            other => return Err(format!("mask {other:?}")),
        }
        Ok(())
    }

    fn create_mark(&mut self, mark: &Value) -> Done {
        let id = match mark["metadataId"].as_i64() {
            Some(id) if self.marks.iter().any(|mark| mark.id == id) => return Err(format!("id {id} is in use")),
            Some(id) => id,
            None => i64::try_from(self.number()).unwrap() + 1_000_000,
        };
        let location = &mark["location"];
        let place = match &location["dimensionRange"] {
            Value::Null => {
                self.here(&location["sheetId"])?;
                Place::Sheet
            }
            range => match self.span(range)? {
                (true, start, end) if end == start + 1 && end <= self.lines.len() => Place::Row(start),
                (false, start, end) if end == start + 1 && end <= self.columns.len() => Place::Column(start),
                _ => return Err("DimensionRange must represent a single row or column".into()),
            },
        };
        self.marks.push(Mark {
            id,
            key: text(&mark["metadataKey"]),
            value: text(&mark["metadataValue"]),
            place,
        });
        Ok(())
    }

    /// (rows or columns, start, end)
    fn span(&self, range: &Value) -> Result<(bool, usize, usize), String> {
        self.here(&range["sheetId"])?;
        let (start, end) = (index(&range["startIndex"]), index(&range["endIndex"]));
        if end <= start {
            return Err(format!("empty range {start}-{end}"));
        }
        Ok((range["dimension"] == json!("ROWS"), start, end))
    }

    pub fn insert(&mut self, rows: bool, at: usize, count: usize, inherit: bool) -> Done {
        let size = if rows { self.lines.len() } else { self.columns.len() };
        if at > size || (at == size && !inherit) || (at == 0 && inherit) {
            return Err(format!("cannot insert at {at} of {size}, inheritFromBefore {inherit}"));
        }
        let like = if inherit { at - 1 } else { at };
        let heir = |cell: &Cell| Cell {
            value: Seen::Blank,
            format: cell.format.clone(),
        };
        if rows {
            for _ in 0..count {
                let cells = self.lines[like].cells.iter().map(heir).collect();
                let number = self.number();
                self.lines.insert(at, Line { number, cells });
            }
            self.lines[at..at + count].reverse();
            self.frozen += if at < self.frozen { count } else { 0 };
        } else {
            for _ in 0..count {
                let number = self.number();
                self.columns.insert(at, number);
            }
            for line in &mut self.lines {
                let cell = heir(&line.cells[like]);
                line.cells.splice(at..at, std::iter::repeat_n(cell, count));
            }
        }
        self.shift_marks(rows, |place| Some(if place >= at { place + count } else { place }));
        Ok(())
    }

    pub fn delete(&mut self, rows: bool, start: usize, end: usize) -> Done {
        let size = if rows { self.lines.len() } else { self.columns.len() };
        if end > size {
            return Err(format!("cannot delete {start}-{end} of {size}"));
        }
        if start == 0 && end == size {
            return Err("You can't delete all the rows on the sheet.".into());
        }
        if rows {
            if start <= self.frozen && end == size {
                return Err("Sorry, it is not possible to delete all non-frozen rows.".into());
            }
            self.frozen -= end.min(self.frozen) - start.min(self.frozen);
            self.lines.drain(start..end);
        } else {
            self.columns.drain(start..end);
            for line in &mut self.lines {
                line.cells.drain(start..end);
            }
        }
        self.shift_marks(rows, |place| match place {
            place if place < start => Some(place),
            place if place < end => None,
            place => Some(place - (end - start)),
        });
        Ok(())
    }

    fn shift_marks(&mut self, rows: bool, to: impl Fn(usize) -> Option<usize>) {
        self.marks.retain_mut(|mark| match (&mut mark.place, rows) {
            (Place::Row(at), true) | (Place::Column(at), false) => to(*at).map(|to| *at = to).is_some(),
            _ => true,
        });
    }

    /// Rows in a new order: `order[i]` is the row that comes to stand at `i`. Marks of rows go with them.
    pub fn sort(&mut self, order: &[usize]) {
        self.lines = order.iter().map(|row| self.lines[*row].clone()).collect();
        self.shift_marks(true, |place| order.iter().position(|row| *row == place));
    }

    pub fn move_column(&mut self, from: usize, to: usize) {
        let mut order: Vec<usize> = (0..self.columns.len()).collect();
        let column = order.remove(from);
        order.insert(to, column);
        self.columns = order.iter().map(|column| self.columns[*column]).collect();
        for line in &mut self.lines {
            line.cells = order.iter().map(|column| line.cells[*column].clone()).collect();
        }
        self.shift_marks(false, |place| order.iter().position(|column| *column == place));
    }

    /// (rows, columns), cut at the grid's edge.
    fn area(&self, range: &Value) -> Result<(std::ops::Range<usize>, std::ops::Range<usize>), String> {
        self.here(&range["sheetId"])?;
        let edge = |name: &str, open: usize| range.get(name).map_or(open, index);
        let (top, left) = (edge("startRowIndex", 0), edge("startColumnIndex", 0));
        let (bottom, right) = (
            edge("endRowIndex", self.lines.len()),
            edge("endColumnIndex", self.columns.len()),
        );
        if top >= self.lines.len() || left >= self.columns.len() {
            return Err(format!("Range ({range}) exceeds grid limits"));
        }
        Ok((top..bottom.min(self.lines.len()), left..right.min(self.columns.len())))
    }

    fn update_cells(&mut self, arguments: &Value) -> Done {
        let (rows, columns) = self.area(&arguments["range"])?;
        if arguments["fields"] != json!("userEnteredValue") {
            return Err("another mask than userEnteredValue".into());
        }
        let given = arguments["rows"].as_array().expect("rows");
        if given.len() > rows.len() {
            return Err("more rows than the range has".into());
        }
        for (number, row) in rows.enumerate() {
            let cells = given.get(number).and_then(|row| row["values"].as_array());
            if cells.is_some_and(|cells| cells.len() > columns.len()) {
                return Err("more cells than the range has".into());
            }
            for (number, column) in columns.clone().enumerate() {
                if self.is_covered(row, column) {
                    continue;
                }
                let value = cells
                    .and_then(|cells| cells.get(number))
                    .map_or(&Value::Null, |cell| &cell["userEnteredValue"]);
                self.set(row, column, entered(value)?);
            }
        }
        Ok(())
    }

    fn repeat_cell(&mut self, arguments: &Value) -> Done {
        let (rows, columns) = self.area(&arguments["range"])?;
        let fields = arguments["fields"].as_str().unwrap_or_default();
        for row in rows {
            for column in columns.clone() {
                let cell = &mut self.lines[row].cells[column];
                if fields.contains("userEnteredValue") {
                    cell.value = Seen::Blank;
                }
                if fields.contains("numberFormat") {
                    cell.format = arguments["cell"]["userEnteredFormat"]["numberFormat"]["type"].clone();
                } else if fields.contains("userEnteredFormat") {
                    cell.format = Value::Null;
                }
            }
        }
        Ok(())
    }

    fn copy_paste(&mut self, arguments: &Value) -> Done {
        let (from, columns) = self.area(&arguments["source"])?;
        let (to, _) = self.area(&arguments["destination"])?;
        if arguments["pasteType"] != json!("PASTE_FORMULA") {
            return Err("another paste than of formulas".into());
        }
        let value = self.value(from.start, columns.start).clone();
        for row in to {
            self.set(row, columns.start, value.clone());
        }
        Ok(())
    }

    /// The tab as the program reads it.
    pub fn read(&self, resource: ResourceName, title: &str) -> Option<Tab> {
        let outline = self.outline();
        let mut tab = outline.find(resource, title).expect("a tab that may be read")?;
        let cells = self
            .lines
            .iter()
            .map(|line| Packed::of(line.cells.iter().map(|cell| cell.value.clone().into()).enumerate()))
            .collect();
        tab.fill(cells);
        Some(tab)
    }

    fn shown_merges(&self) -> Vec<Value> {
        let moving = self.merged.iter().filter_map(|merged| self.borders(merged));
        let moving = moving.map(|(rows, columns)| {
            json!({
                "sheetId": self.id, "startRowIndex": rows.0, "endRowIndex": rows.1 + 1,
                "startColumnIndex": columns.0, "endColumnIndex": columns.1 + 1,
            })
        });
        moving
            .chain(self.merges.as_array().cloned().unwrap_or_default())
            .collect()
    }

    pub fn outline(&self) -> Outline {
        let sheets = match self.id {
            None => json!([]),
            Some(id) => json!([{
                "properties": {"sheetId": id, "title": self.title, "sheetType": "GRID", "gridProperties": {
                    "rowCount": self.lines.len(), "columnCount": self.columns.len(), "frozenRowCount": self.frozen,
                }},
                "merges": self.shown_merges(),
                "protectedRanges": self.protected,
            }]),
        };
        let book = json!({"properties": {"title": "Test", "timeZone": "Europe/Paris"}, "sheets": sheets});
        let line = |dimension: &str, at: &usize| {
            json!({"dimensionRange": {
                "sheetId": self.id, "dimension": dimension, "startIndex": at, "endIndex": at + 1,
            }})
        };
        let found: Vec<Value> = self
            .marks
            .iter()
            .map(|mark| {
                let location = match &mark.place {
                    Place::Sheet => json!({"sheetId": self.id}),
                    Place::Row(at) => line("ROWS", at),
                    Place::Column(at) => line("COLUMNS", at),
                };
                json!({"developerMetadata": {
                    "metadataId": mark.id, "metadataKey": mark.key, "metadataValue": mark.value, "location": location,
                }})
            })
            .collect();
        let found = json!({"matchedDeveloperMetadata": found});
        let book: Spreadsheet = serde_json::from_value(book).unwrap();
        let found: SearchDeveloperMetadataResponse = serde_json::from_value(found).unwrap();
        Outline::of(book, found)
    }
}

fn index(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap_or_else(|| panic!("{value} is no index"))).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn entered(value: &Value) -> Result<Seen<'static>, String> {
    let Some((kind, value)) = value.as_object().and_then(|fields| fields.iter().next()) else {
        return Ok(Seen::Blank);
    };
    Ok(match kind.as_str() {
        "numberValue" => Seen::Number(value.as_f64().ok_or("no number")?),
        "boolValue" => Seen::Bool(value.as_bool().ok_or("no boolean")?),
        "stringValue" | "formulaValue" => Seen::Text(value.as_str().ok_or("no text")?.to_owned().into()),
        other => return Err(format!("{other} is no value")),
    })
}
