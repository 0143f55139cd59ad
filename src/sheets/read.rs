//! The tab as it is: metadata first, then values, both by sheet ID, so that a title such as `CPF2024` is never taken for
//! an address.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use google_sheets4::api::{DeveloperMetadata, SearchDeveloperMetadataResponse, Sheet, Spreadsheet};
use jiff::tz::TimeZone;
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde_json::{Value, json};

use super::{
    Filled,
    client::{Client, Error},
    marks::{self, ColumnMark, Revision, TabMark},
    plan::Prediction,
    serial,
    start::{folded, no_cells},
    tab::{Claim, OwnedColumn, Protected, Rect, Seen, Tab},
};
use crate::{
    failure::{Failure, reason},
    spec::ResourceName,
    table::{Cell, Packed},
};

const FIELDS: &str = "spreadsheetId,properties(title,locale,timeZone),sheets(properties(sheetId,title,sheetType,gridProperties(rowCount,columnCount,frozenRowCount)),merges,protectedRanges(range,unprotectedRanges,requestingUserCanEdit,warningOnly))";

/// Most rows that one read asks for: 5 MB of usual values.
const BLOCK_ROWS: usize = 10_000;

/// The spreadsheet without its cells.
#[derive(Debug)]
pub struct Outline {
    pub title: String,
    pub locale: String,
    /// The name of the zone, as the spreadsheet has it.
    pub time_zone: String,
    pub zone: TimeZone,
    /// Set if the spreadsheet's own zone could not be understood.
    pub unknown_zone: Option<String>,
    sheets: Vec<Sheet>,
    metadata: Vec<DeveloperMetadata>,
}

pub async fn outline(client: &Client, spreadsheet: &str) -> Result<Outline, Error> {
    let path = format!("v4/spreadsheets/{spreadsheet}?fields={FIELDS}&prettyPrint=false");
    let book: Spreadsheet = client.read("GET", &path, None).await?;
    let keys = [marks::TAB, marks::REVISION, marks::HEADER, marks::COLUMN];
    let filters: Vec<Value> = keys
        .iter()
        .map(|key| json!({"developerMetadataLookup": {"metadataKey": key}}))
        .collect();
    let path = format!("v4/spreadsheets/{spreadsheet}/developerMetadata:search?prettyPrint=false");
    let found: SearchDeveloperMetadataResponse = client
        .read("POST", &path, Some(json!({"dataFilters": filters})))
        .await?;
    Ok(Outline::of(book, found))
}

impl Outline {
    pub fn of(book: Spreadsheet, found: SearchDeveloperMetadataResponse) -> Self {
        let properties = book.properties.unwrap_or_default();
        let name = properties.time_zone.unwrap_or_default();
        let zone = serial::zone(&name);
        Self {
            title: properties.title.unwrap_or_default(),
            locale: properties.locale.unwrap_or_default(),
            unknown_zone: zone.is_none().then(|| name.clone()),
            time_zone: name,
            zone: zone.unwrap_or(TimeZone::UTC),
            sheets: book.sheets.unwrap_or_default(),
            metadata: found
                .matched_developer_metadata
                .unwrap_or_default()
                .into_iter()
                .filter_map(|matched| matched.developer_metadata)
                .collect(),
        }
    }

    pub fn titles(&self) -> Vec<String> {
        self.sheets
            .iter()
            .filter_map(|sheet| sheet.properties.as_ref()?.title.clone())
            .collect()
    }

    /// A tab that has cells.
    pub fn any_grid(&self) -> Option<i32> {
        let has_cells = |sheet: &&Sheet| sheet.properties.as_ref().is_some_and(|it| it.grid_properties.is_some());
        self.sheets.iter().find(has_cells).map(sheet_id)
    }

    /// Cells of the grids, all but one.
    pub fn cells_without(&self, sheet: Option<i32>) -> usize {
        let size = |count: Option<i32>| usize::try_from(count.unwrap_or(0)).unwrap_or(0);
        let grid = |other: &&Sheet| Some(sheet_id(other)) != sheet;
        self.sheets
            .iter()
            .filter(grid)
            .filter_map(|other| other.properties.as_ref()?.grid_properties.as_ref())
            .map(|grid| size(grid.row_count) * size(grid.column_count))
            .sum()
    }

    /// By the names of resources that have a tab: the field by which its rows are known.
    pub fn known_keys(&self) -> HashMap<String, String> {
        let marks = self.sheets.iter().filter_map(|sheet| self.tab_mark(sheet_id(sheet)));
        marks.map(|(_, mark)| (mark.resource, mark.key)).collect()
    }

    /// The tab that an earlier run filled with this resource.
    pub fn tab_of(&self, resource: ResourceName) -> Option<Filled> {
        let sheet = self.marked(resource)?;
        let id = sheet_id(sheet);
        // a tab that was duplicated carries that of the other one, too
        let own = |entry: &(i32, &str)| Revision::parse(entry.0, entry.1, id).is_some();
        let mut revisions = self
            .entries(marks::REVISION, id)
            .map(|(current, value, _)| (current, value));
        Some(Filled {
            title: sheet.properties.as_ref()?.title.clone()?,
            written: revisions.find(own).and_then(|(_, value)| marks::written(value)),
        })
    }

    fn marked(&self, resource: ResourceName) -> Option<&Sheet> {
        self.sheets.iter().find(|sheet| {
            self.tab_mark(sheet_id(sheet))
                .is_some_and(|(_, mark)| mark.resource == resource.as_str())
        })
    }

    /// Where a new tab of a resource stands: right of those that come before it in `order`, left of those that come
    /// after it; none if there are no such tabs.
    pub fn place(&self, resource: ResourceName, order: &[ResourceName]) -> Option<usize> {
        let rank = |name: &str| order.iter().position(|other| other.as_str() == name);
        let own = rank(resource.as_str())?;
        let ranks = self.sheets.iter().map(|sheet| {
            let (_, mark) = self.tab_mark(sheet_id(sheet))?;
            rank(&mark.resource)
        });
        let ranks: Vec<Option<usize>> = ranks.collect();
        let before = ranks.iter().rposition(|other| other.is_some_and(|other| other < own));
        before
            .map(|index| index + 1)
            .or_else(|| ranks.iter().position(|other| other.is_some_and(|other| other > own)))
    }

    /// The tab of a resource, without its cells: the one that is marked, else the one of that title.
    pub fn find(&self, resource: ResourceName, title: &str) -> Result<Option<Tab>, Failure> {
        if let Some(sheet) = self.marked(resource) {
            return Ok(Some(self.tab(sheet, Claim::Marked)));
        }
        let titled = |sheet: &&Sheet| {
            let properties = sheet.properties.as_ref();
            properties
                .and_then(|properties| properties.title.as_ref())
                .is_some_and(|other| folded(other) == folded(title))
        };
        let Some(sheet) = self.sheets.iter().find(titled) else {
            return Ok(None);
        };
        if let Some((_, mark)) = self.tab_mark(sheet_id(sheet)) {
            let message = format!(
                "tab {title:?} already holds {}; choose another title with `tab`",
                mark.resource
            );
            return Err(Failure::person(reason::TAB_REFUSED, message));
        }
        // a chart has a tab too
        let kind = sheet
            .properties
            .as_ref()
            .and_then(|properties| properties.sheet_type.as_deref());
        if kind.is_some_and(|kind| kind != "GRID") {
            return Err(no_cells(title));
        }
        Ok(Some(self.tab(sheet, Claim::Unproven)))
    }

    fn entries<'a>(&'a self, key: &'a str, sheet: i32) -> impl Iterator<Item = (i32, &'a str, &'a DeveloperMetadata)> {
        self.metadata.iter().filter_map(move |entry| {
            let location = entry.location.as_ref()?;
            let range = location.dimension_range.as_ref();
            let on = match range {
                Some(range) => range.sheet_id.unwrap_or(0),
                None => location.sheet_id.unwrap_or(0),
            };
            let is_it = entry.metadata_key.as_deref() == Some(key) && on == sheet;
            is_it.then(|| {
                (
                    entry.metadata_id.unwrap_or(0),
                    entry.metadata_value.as_deref().unwrap_or_default(),
                    entry,
                )
            })
        })
    }

    /// The mark of a tab; one that names another sheet is a copy and says nothing.
    fn tab_mark(&self, sheet: i32) -> Option<(i32, TabMark)> {
        let mut marks = self
            .entries(marks::TAB, sheet)
            .filter_map(|(id, value, _)| Some((id, serde_json::from_str::<TabMark>(value).ok()?)));
        marks.find(|(_, mark)| mark.sheet_id == sheet)
    }

    fn tab(&self, sheet: &Sheet, claim: Claim) -> Tab {
        let id = sheet_id(sheet);
        let properties = sheet.properties.clone().unwrap_or_default();
        let grid = properties.grid_properties.unwrap_or_default();
        let size = |count: Option<i32>| usize::try_from(count.unwrap_or(0)).unwrap_or(0);
        let (row_count, column_count) = (size(grid.row_count), size(grid.column_count));
        let title = properties.title.unwrap_or_default();
        let rect = |range: &google_sheets4::api::GridRange| {
            let edge = |edge: Option<i32>, open: usize| edge.map_or(open, |edge| size(Some(edge)));
            Rect {
                rows: (edge(range.start_row_index, 0), edge(range.end_row_index, row_count)),
                columns: (
                    edge(range.start_column_index, 0),
                    edge(range.end_column_index, column_count),
                ),
            }
        };
        let whole = Rect {
            rows: (0, row_count),
            columns: (0, column_count),
        };
        let ours = claim == Claim::Marked;
        let mut revisions = self.entries(marks::REVISION, id);
        let revision = revisions.find_map(|(current, value, _)| Revision::parse(current, value, id));
        let line = |entry: &DeveloperMetadata| {
            let range = entry.location.as_ref()?.dimension_range.as_ref()?;
            Some(size(Some(range.start_index.unwrap_or(0))))
        };
        let header = self
            .entries(marks::HEADER, id)
            .filter(|(_, value, _)| *value == id.to_string())
            .find_map(|(metadata, _, entry)| Some((line(entry)?, metadata)));
        let mut columns: Vec<OwnedColumn> = self
            .entries(marks::COLUMN, id)
            .filter_map(|(metadata, value, entry)| {
                let mark = ColumnMark::parse(value)?;
                Some(OwnedColumn {
                    index: line(entry)?,
                    metadata_id: Some(metadata),
                    mark,
                })
            })
            .collect();
        columns.sort_by_key(|column| column.index);
        let mut paths = std::collections::HashSet::new();
        let (columns, strays): (Vec<_>, Vec<_>) = columns
            .into_iter()
            .partition(|column| paths.insert(column.mark.path.clone()));
        Tab {
            sheet_id: id,
            other_titles: self.titles().into_iter().filter(|other| *other != title).collect(),
            title,
            claim,
            row_count,
            column_count,
            frozen_rows: size(grid.frozen_row_count),
            cells: Arc::default(),
            texts: HashSet::new(),
            noted: HashSet::new(),
            mark: self.tab_mark(id).filter(|_| ours),
            revision: revision.filter(|_| ours),
            header: header.filter(|_| ours),
            columns: if ours { columns } else { Vec::new() },
            stray_marks: strays
                .iter()
                .filter_map(|column| column.metadata_id)
                .filter(|_| ours)
                .collect(),
            merges: sheet.merges.iter().flatten().map(rect).collect(),
            protected: sheet
                .protected_ranges
                .iter()
                .flatten()
                .filter(|range| {
                    !range.requesting_user_can_edit.unwrap_or(false) && !range.warning_only.unwrap_or(false)
                })
                .map(|protected| Protected {
                    range: protected.range.as_ref().map_or(whole, rect),
                    except: protected.unprotected_ranges.iter().flatten().map(rect).collect(),
                })
                .collect(),
        }
    }
}

fn sheet_id(sheet: &Sheet) -> i32 {
    sheet
        .properties
        .as_ref()
        .and_then(|properties| properties.sheet_id)
        .unwrap_or(0)
}

/// Fills in the cells: formulas as text, times as serial numbers. A large tab is read in blocks of rows, so that no answer
/// is large; what people move from one block to another meanwhile shows in the keys, which are read again before anything
/// is written.
pub async fn cells(client: &Client, spreadsheet: &str, tab: &mut Tab) -> Result<(), Error> {
    let mut rows: Vec<Packed> = Vec::new();
    let mut block = BLOCK_ROWS;
    loop {
        let (start, end) = (rows.len(), rows.len() + block);
        let mut range = json!({"sheetId": tab.sheet_id});
        if start > 0 {
            range["startRowIndex"] = json!(start);
        }
        // rows that people added since the grid was measured belong to the last block
        let is_last = end >= tab.row_count;
        if !is_last {
            range["endRowIndex"] = json!(end);
        }
        match values(client, spreadsheet, &[range], "FORMULA").await {
            Ok(mut values) => rows.extend(values.pop().unwrap_or_default()),
            Err(Error::TooLarge) if block > 1 => {
                block /= 2;
                continue;
            }
            // rows were deleted since the grid was measured
            Err(Error::Refused { status: 400, .. }) if start > 0 => break,
            Err(error) => return Err(error),
        }
        if is_last {
            break;
        }
        rows.resize(end, Packed::default());
    }
    while rows.last().is_some_and(Packed::is_blank) {
        rows.pop();
    }
    tab.fill(rows);
    Ok(())
}

/// Tells texts that begin with `=` from formulas: a text is its own value. One more read, of the columns concerned.
pub async fn texts(
    client: &Client,
    spreadsheet: &str,
    tab: &mut Tab,
    doubtful: &[(usize, usize)],
) -> Result<(), Error> {
    let columns: BTreeSet<usize> = doubtful.iter().map(|(_, column)| *column).collect();
    for column in columns {
        let ranges = [json!({"sheetId": tab.sheet_id, "startColumnIndex": column, "endColumnIndex": column + 1})];
        let values = values(client, spreadsheet, &ranges, "UNFORMATTED_VALUE")
            .await?
            .pop()
            .unwrap_or_default();
        for (row, _) in doubtful.iter().filter(|(_, of)| *of == column) {
            if values
                .get(*row)
                .is_some_and(|cells| Seen::from(cells.get(0)) == tab.cell(*row, column))
            {
                tab.texts.insert((*row, column));
            }
        }
    }
    Ok(())
}

/// The rows of some ranges, each from its own first column, without blank rows at their end.
pub async fn ranges(
    client: &Client,
    spreadsheet: &str,
    sheet: i32,
    ranges: &[Rect],
) -> Result<Vec<Vec<Packed>>, Error> {
    let ranges: Vec<Value> = ranges
        .iter()
        .map(|Rect { rows, columns }| {
            json!({
                "sheetId": sheet, "startRowIndex": rows.0, "endRowIndex": rows.1,
                "startColumnIndex": columns.0, "endColumnIndex": columns.1,
            })
        })
        .collect();
    values(client, spreadsheet, &ranges, "FORMULA").await
}

/// Header labels and keys as they stand now, in the shape of a prediction.
pub async fn keys(client: &Client, spreadsheet: &str, like: &Prediction) -> Result<Prediction, Error> {
    let Prediction {
        sheet_id,
        header,
        key,
        labels,
        keys: _,
    } = like;
    let ranges = [
        json!({"sheetId": sheet_id, "startRowIndex": header, "endRowIndex": header + 1}),
        json!({"sheetId": sheet_id, "startColumnIndex": key, "endColumnIndex": key + 1}),
    ];
    let mut values = match values(client, spreadsheet, &ranges, "FORMULA").await {
        Ok(values) => values,
        // rows or columns were deleted meanwhile, so that one of the two is past the grid's end
        Err(Error::Refused { status: 400, .. }) => Vec::new(),
        Err(error) => return Err(error),
    };
    let column = values.pop().unwrap_or_default();
    let top = values.pop().unwrap_or_default().into_iter().next().unwrap_or_default();
    let label = |index: &usize| Seen::from(top.get(*index)).label();
    Ok(Prediction::new(
        *sheet_id,
        *header,
        *key,
        labels.iter().map(|(index, _)| (*index, label(index))).collect(),
        column.iter().map(|row| Seen::from(row.get(0)).key()).collect(),
    ))
}

/// The part of `BatchGetValuesByDataFilterResponse` that is read: straight into packed rows, without a tree of JSON between.
#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Found {
    value_ranges: Vec<Matched>,
}

#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Matched {
    value_range: Values,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Values {
    values: Vec<Line>,
}

struct Line(Packed);

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Cells;

        impl<'de> Visitor<'de> for Cells {
            type Value = Line;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the values of a row")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut cells: A) -> Result<Line, A::Error> {
                let mut failed = None;
                let cells = std::iter::from_fn(|| match cells.next_element::<Seen<'_>>() {
                    Ok(cell) => cell.map(Cell::from),
                    Err(error) => {
                        failed = Some(error);
                        None
                    }
                });
                let row = Packed::of(cells.enumerate());
                failed.map_or(Ok(Line(row)), Err)
            }
        }

        deserializer.deserialize_seq(Cells)
    }
}

async fn values(client: &Client, spreadsheet: &str, ranges: &[Value], render: &str) -> Result<Vec<Vec<Packed>>, Error> {
    let filters: Vec<Value> = ranges.iter().map(|range| json!({"gridRange": range})).collect();
    let body = json!({
        "dataFilters": filters, "majorDimension": "ROWS",
        "valueRenderOption": render, "dateTimeRenderOption": "SERIAL_NUMBER",
    });
    let path = format!("v4/spreadsheets/{spreadsheet}/values:batchGetByDataFilter?prettyPrint=false");
    let found: Found = client.read("POST", &path, Some(body)).await?;
    Ok(found
        .value_ranges
        .into_iter()
        .map(|matched| matched.value_range.values.into_iter().map(|Line(row)| row).collect())
        .collect())
}
