//! A spreadsheet as data. Copy-on-write: a clone shares every sheet and every row until it is written to, so that a
//! batch can work on a copy and be dropped whole, whatever the size of the spreadsheet.
//!
//! Whatever belongs to a row or a column (size, hidden, developer metadata) is stored in it and so travels with it.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::a1::{Open, Rect};

pub type Object = Map<String, Value>;

/// Most cells of all grids together.
pub const MAX_CELLS: usize = 10_000_000;
/// Most columns of one sheet.
pub const MAX_COLUMNS: usize = 18_278;
/// Most UTF-16 units in one cell.
pub const MAX_CELL_TEXT: usize = 50_000;
/// Most characters (keys and values) of developer metadata on one sheet, and on the spreadsheet itself.
pub const MAX_METADATA: usize = 30_000;

#[derive(Debug, Clone)]
pub struct Spreadsheet {
    pub id: String,
    pub title: String,
    pub locale: String,
    pub time_zone: String,
    pub auto_recalc: String,
    /// In the order of the tabs.
    pub sheets: Vec<Arc<Sheet>>,
    pub named_ranges: Vec<NamedRange>,
    pub metadata: Vec<DeveloperMetadata>,
}

#[derive(Debug, Clone)]
pub struct Sheet {
    pub id: i64,
    pub title: String,
    pub hidden: bool,
    pub frozen_rows: usize,
    pub frozen_columns: usize,
    /// Properties that only have to be given back: tabColorStyle, rightToLeft, gridProperties.hideGridlines …
    pub other: Object,
    pub rows: Vec<Arc<Row>>,
    pub columns: Vec<Dimension>,
    pub merges: Vec<Rect>,
    pub basic_filter: Option<Anchored>,
    pub filter_views: Vec<Anchored>,
    pub protected: Vec<Protection>,
    pub tables: Vec<Anchored>,
    pub bandings: Vec<Anchored>,
    pub conditional_formats: Vec<ConditionalFormat>,
    pub metadata: Vec<DeveloperMetadata>,
    /// Whether any cell ever held a formula: without one, nothing has to be rewritten when rows move.
    pub has_formulas: bool,
}

/// A JSON object that belongs to a range, as a basic filter or a table; `range` is kept apart, for it moves.
#[derive(Debug, Clone)]
pub struct Anchored {
    pub range: Rect,
    pub body: Object,
}

#[derive(Debug, Clone)]
pub struct ConditionalFormat {
    pub ranges: Vec<Rect>,
    pub body: Object,
}

#[derive(Debug, Clone)]
pub struct Protection {
    pub id: i64,
    pub range: Open,
    pub unprotected: Vec<Open>,
    pub editors: Vec<String>,
    pub warning_only: bool,
    /// description and whatever else was given
    pub body: Object,
}

#[derive(Debug, Clone)]
pub struct NamedRange {
    pub id: String,
    pub name: String,
    pub sheet: i64,
    pub range: Open,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DeveloperMetadata {
    pub id: i64,
    pub key: String,
    pub value: Option<String>,
    pub visibility: String,
}

/// What a whole row or a whole column carries.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dimension {
    pub hidden: bool,
    pub pixel_size: Option<i64>,
    pub metadata: Vec<DeveloperMetadata>,
    /// In how many groups it is; a group is a run of rows or columns that are at least so deep.
    pub depth: u8,
    /// The groups that are collapsed: bit n for the one of depth n + 1.
    pub collapsed: u8,
}

#[derive(Debug, Clone, Default)]
pub struct Row {
    /// Up to the last cell that holds anything.
    pub cells: Vec<Cell>,
    pub dimension: Option<Box<Dimension>>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cell {
    pub value: CellValue,
    /// The other fields of a CellData that can be written: userEnteredFormat, note, dataValidation …
    pub extra: Option<Arc<Object>>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub enum CellValue {
    #[default]
    Empty,
    Number(f64),
    Bool(bool),
    Text(Box<str>),
    /// With its `=`.
    Formula(Box<str>),
}

/// Who edits. Protection holds for accounts, never for the owner.
#[derive(Debug, Clone)]
pub enum Editor {
    Owner,
    Account(String),
}

impl Cell {
    pub const EMPTY: &'static Self = &Self {
        value: CellValue::Empty,
        extra: None,
    };

    pub fn is_empty(&self) -> bool {
        self.value == CellValue::Empty && self.extra.is_none()
    }

    pub fn field(&self, name: &str) -> Option<&Value> {
        self.extra.as_ref()?.get(name)
    }

    pub fn format(&self) -> Option<&Object> {
        self.field("userEnteredFormat")?.as_object()
    }

    /// The pattern and type of the cell's number format.
    pub fn number_format(&self) -> Option<(&str, Option<&str>)> {
        let format = self.format()?.get("numberFormat")?;
        Some((
            format.get("type")?.as_str()?,
            format.get("pattern").and_then(Value::as_str),
        ))
    }

    pub fn set_field(&mut self, name: &str, value: Option<Value>) {
        let mut fields = self.extra.take().map(Arc::unwrap_or_clone).unwrap_or_default();
        match value {
            Some(value) => fields.insert(name.to_owned(), value),
            None => fields.remove(name),
        };
        self.extra = (!fields.is_empty()).then(|| Arc::new(fields));
    }
}

impl Row {
    pub fn cell(&self, column: usize) -> &Cell {
        self.cells.get(column).unwrap_or(Cell::EMPTY)
    }

    /// The cell to write to. [`Row::trim`] afterwards.
    pub fn cell_mut(&mut self, column: usize) -> &mut Cell {
        if self.cells.len() <= column {
            self.cells.resize(column + 1, Cell::default());
        }
        &mut self.cells[column]
    }

    pub fn trim(&mut self) {
        while self.cells.last().is_some_and(Cell::is_empty) {
            self.cells.pop();
        }
    }

    pub fn dimension_mut(&mut self) -> &mut Dimension {
        self.dimension.get_or_insert_default()
    }
}

impl Sheet {
    pub fn new(id: i64, title: impl Into<String>, rows: usize, columns: usize) -> Self {
        Self {
            id,
            title: title.into(),
            hidden: false,
            frozen_rows: 0,
            frozen_columns: 0,
            other: Object::new(),
            rows: vec![Arc::default(); rows],
            columns: vec![Dimension::default(); columns],
            merges: Vec::new(),
            basic_filter: None,
            filter_views: Vec::new(),
            protected: Vec::new(),
            tables: Vec::new(),
            bandings: Vec::new(),
            conditional_formats: Vec::new(),
            metadata: Vec::new(),
            has_formulas: false,
        }
    }

    /// Whether it is a chart and not a grid.
    pub fn is_object(&self) -> bool {
        self.other.get("sheetType").is_some_and(|kind| kind == "OBJECT")
    }

    pub fn cell(&self, row: usize, column: usize) -> &Cell {
        self.rows.get(row).map_or(Cell::EMPTY, |row| row.cell(column))
    }

    /// Changes one cell that lies in the grid.
    pub fn edit(&mut self, row: usize, column: usize, change: impl FnOnce(&mut Cell)) {
        let row = Arc::make_mut(&mut self.rows[row]);
        let cell = row.cell_mut(column);
        change(cell);
        self.has_formulas |= matches!(cell.value, CellValue::Formula(_));
        row.trim();
    }

    pub fn grid(&self) -> Rect {
        Rect {
            top: 0,
            bottom: self.rows.len(),
            left: 0,
            right: self.columns.len(),
        }
    }

    /// Whether a merge hides this cell: it is merged and not the top-left one.
    pub fn is_covered(&self, row: usize, column: usize) -> bool {
        self.merges
            .iter()
            .any(|merge| merge.contains(row, column) && (row, column) != (merge.top, merge.left))
    }

    /// All developer metadata of the sheet with where it is attached.
    pub fn all_metadata(&self) -> impl Iterator<Item = (Place, &DeveloperMetadata)> {
        let own = self.metadata.iter().map(|entry| (Place::Sheet(self.id), entry));
        let columns = self.columns.iter().enumerate().flat_map(move |(at, column)| {
            let entries = column.metadata.iter();
            entries.map(move |entry| (Place::Column(self.id, at), entry))
        });
        let rows = self.rows.iter().enumerate().flat_map(move |(at, row)| {
            let entries = row.dimension.iter().flat_map(|dimension| &dimension.metadata);
            entries.map(move |entry| (Place::Row(self.id, at), entry))
        });
        own.chain(columns).chain(rows)
    }
}

/// What a piece of developer metadata is attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Spreadsheet,
    Sheet(i64),
    /// Sheet id and index.
    Row(i64, usize),
    Column(i64, usize),
}

impl Spreadsheet {
    /// As Google makes one for a service account: one sheet of 1000 × 26, en_US, GMT.
    pub fn fresh(id: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            locale: "en_US".into(),
            time_zone: "Etc/GMT".into(),
            auto_recalc: "ON_CHANGE".into(),
            sheets: vec![Arc::new(Sheet::new(0, "Sheet1", 1000, 26))],
            named_ranges: Vec::new(),
            metadata: Vec::new(),
        }
    }

    pub fn cells(&self) -> usize {
        self.sheets
            .iter()
            .map(|sheet| sheet.rows.len() * sheet.columns.len())
            .sum()
    }

    pub fn position(&self, id: i64) -> Option<usize> {
        self.sheets.iter().position(|sheet| sheet.id == id)
    }

    pub fn sheet(&self, id: i64) -> Option<&Sheet> {
        Some(&self.sheets[self.position(id)?])
    }

    /// The sheet to write to, or Google's refusal.
    pub fn sheet_mut(&mut self, id: i64) -> Result<&mut Sheet, String> {
        match self.position(id) {
            Some(position) => Ok(Arc::make_mut(&mut self.sheets[position])),
            None => Err(no_grid(id)),
        }
    }

    /// Titles are the same whatever their case.
    pub fn position_by_title(&self, title: &str) -> Option<usize> {
        let folded = title.to_lowercase();
        self.sheets
            .iter()
            .position(|sheet| sheet.title.to_lowercase() == folded)
    }

    /// Of all sheets, as formulas may name them.
    pub fn titles(&self) -> Vec<String> {
        self.sheets.iter().map(|sheet| sheet.title.clone()).collect()
    }

    pub fn first_visible(&self) -> usize {
        self.sheets.iter().position(|sheet| !sheet.hidden).unwrap_or(0)
    }

    pub fn named_range(&self, name: &str) -> Option<(usize, Open)> {
        let named = self
            .named_ranges
            .iter()
            .find(|named| named.name.eq_ignore_ascii_case(name))?;
        Some((self.position(named.sheet)?, named.range))
    }

    pub fn all_metadata(&self) -> impl Iterator<Item = (Place, &DeveloperMetadata)> {
        let own = self.metadata.iter().map(|entry| (Place::Spreadsheet, entry));
        own.chain(self.sheets.iter().flat_map(|sheet| sheet.all_metadata()))
    }

    /// The list that metadata of a place is kept in.
    pub fn metadata_at(&mut self, place: Place) -> Result<&mut Vec<DeveloperMetadata>, String> {
        Ok(match place {
            Place::Spreadsheet => &mut self.metadata,
            Place::Sheet(id) => &mut self.sheet_mut(id)?.metadata,
            Place::Row(id, at) => {
                let row = self
                    .sheet_mut(id)?
                    .rows
                    .get_mut(at)
                    .ok_or_else(|| past_end("row", at))?;
                &mut Arc::make_mut(row).dimension_mut().metadata
            }
            Place::Column(id, at) => {
                let column = self.sheet_mut(id)?.columns.get_mut(at);
                &mut column.ok_or_else(|| past_end("column", at))?.metadata
            }
        })
    }
}

pub fn no_grid(id: i64) -> String {
    format!("No grid with id: {id}")
}

fn past_end(what: &str, at: usize) -> String {
    format!("Location of the metadata is beyond the last {what} of the sheet: {at}")
}

/// A number as the API shows it: whole ones without a point.
pub fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 {
        json!(value as i64)
    } else {
        json!(value)
    }
}

/// A positive random number of 31 bits, as ids of sheets, metadata and ranges are.
pub fn random_id() -> i64 {
    i64::from(rand::random_range(1..=i32::MAX))
}
