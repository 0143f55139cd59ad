//! Developer metadata as the API shows and finds it, and data filters.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    a1::{self, Open},
    error::{ApiError, ApiResult},
    model::{DeveloperMetadata, Place, Sheet, Spreadsheet, no_grid},
    ranges::GridRange,
};

/// `DataFilter`: what to read, delete or find.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DataFilter {
    pub developer_metadata_lookup: Option<Lookup>,
    pub a1_range: Option<String>,
    pub grid_range: Option<GridRange>,
}

/// `DeveloperMetadataLookup`: every field that is given must match; an empty one finds everything.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Lookup {
    location_type: Option<String>,
    metadata_location: Option<Location>,
    location_matching_strategy: Option<String>,
    metadata_id: Option<i64>,
    metadata_key: Option<String>,
    metadata_value: Option<String>,
    visibility: Option<String>,
}

/// `DeveloperMetadataLocation` as requests give it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Location {
    #[serde(rename = "locationType")]
    _location_type: Option<String>,
    #[serde(default)]
    spreadsheet: bool,
    sheet_id: Option<i64>,
    dimension_range: Option<DimensionRange>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DimensionRange {
    #[serde(default)]
    pub sheet_id: i64,
    pub dimension: Option<String>,
    pub start_index: Option<usize>,
    pub end_index: Option<usize>,
}

impl DimensionRange {
    pub fn is_rows(&self) -> Result<bool, String> {
        match self.dimension.as_deref() {
            Some("ROWS") => Ok(true),
            Some("COLUMNS") => Ok(false),
            _ => Err("No dimension specified.".into()),
        }
    }
}

impl Location {
    /// Where metadata can be attached: exactly one thing, and no rectangle.
    pub fn place(&self, book: &Spreadsheet) -> Result<Place, String> {
        match (self.spreadsheet, self.sheet_id, &self.dimension_range) {
            (true, None, None) => Ok(Place::Spreadsheet),
            (false, Some(id), None) => book.sheet(id).map(|_| Place::Sheet(id)).ok_or_else(|| no_grid(id)),
            (false, None, Some(range)) => {
                let id = range.sheet_id;
                let sheet = book.sheet(id).ok_or_else(|| no_grid(id))?;
                let (Some(start), Some(end)) = (range.start_index, range.end_index) else {
                    return Err("DimensionRange must represent a single row or column".into());
                };
                if end != start + 1 {
                    return Err("DimensionRange must represent a single row or column".into());
                }
                let rows = range.is_rows()?;
                Open::within(&if rows { rows_of(start) } else { columns_of(start) }, sheet)?;
                Ok(if rows {
                    Place::Row(id, start)
                } else {
                    Place::Column(id, start)
                })
            }
            _ => Err("Exactly one location of developer metadata must be specified.".into()),
        }
    }
}

fn rows_of(at: usize) -> Open {
    Open {
        top: Some(at),
        bottom: Some(at + 1),
        ..Open::default()
    }
}

fn columns_of(at: usize) -> Open {
    Open {
        left: Some(at),
        right: Some(at + 1),
        ..Open::default()
    }
}

impl Lookup {
    pub fn matches(&self, book: &Spreadsheet, place: Place, entry: &DeveloperMetadata) -> bool {
        let Self {
            location_type,
            metadata_location,
            location_matching_strategy,
            metadata_id,
            metadata_key,
            metadata_value,
            visibility,
        } = self;
        let exact = location_matching_strategy.as_deref() != Some("INTERSECTING_LOCATION");
        metadata_id.is_none_or(|id| id == entry.id)
            && metadata_key.as_ref().is_none_or(|key| *key == entry.key)
            && metadata_value
                .as_ref()
                .is_none_or(|value| entry.value.as_ref() == Some(value))
            && visibility
                .as_ref()
                .is_none_or(|visibility| *visibility == entry.visibility)
            && location_type
                .as_deref()
                .is_none_or(|kind| kind == location_type_of(place))
            && metadata_location
                .as_ref()
                .is_none_or(|location| match location.place(book) {
                    Ok(wanted) if exact => wanted == place,
                    Ok(wanted) => intersects(wanted, place),
                    Err(_) => false,
                })
    }
}

/// A row crosses every column of its sheet, a sheet contains its rows, the spreadsheet everything.
fn intersects(wanted: Place, place: Place) -> bool {
    let sheet = |place| match place {
        Place::Spreadsheet => None,
        Place::Sheet(id) | Place::Row(id, _) | Place::Column(id, _) => Some(id),
    };
    match (wanted, place) {
        (Place::Spreadsheet, _) | (_, Place::Spreadsheet) => true,
        (Place::Row(..), Place::Row(..)) | (Place::Column(..), Place::Column(..)) => wanted == place,
        _ => sheet(wanted) == sheet(place),
    }
}

fn location_type_of(place: Place) -> &'static str {
    match place {
        Place::Spreadsheet => "SPREADSHEET",
        Place::Sheet(_) => "SHEET",
        Place::Row(..) => "ROW",
        Place::Column(..) => "COLUMN",
    }
}

impl DeveloperMetadata {
    /// As answers show it, with its place.
    pub fn to_json(&self, place: Place) -> Value {
        let mut location = json!({"locationType": location_type_of(place)});
        let dimension = |id: i64, kind: &str, at: usize| json!({"sheetId": id, "dimension": kind, "startIndex": at, "endIndex": at + 1});
        match place {
            Place::Spreadsheet => location["spreadsheet"] = json!(true),
            Place::Sheet(id) => location["sheetId"] = json!(id),
            Place::Row(id, at) => location["dimensionRange"] = dimension(id, "ROWS", at),
            Place::Column(id, at) => location["dimensionRange"] = dimension(id, "COLUMNS", at),
        }
        let mut shown = json!({
            "metadataId": self.id,
            "metadataKey": self.key,
            "location": location,
            "visibility": self.visibility,
        });
        if let Some(value) = &self.value {
            shown["metadataValue"] = json!(value);
        }
        shown
    }
}

/// The entries that any of the filters finds, each with the filters that found it.
pub fn search(book: &Spreadsheet, filters: &[Value]) -> ApiResult<Value> {
    let parsed = parse_filters(filters)?;
    if parsed.is_empty() {
        return Err(ApiError::invalid("Must specify at least one data filter."));
    }
    let mut matched = Vec::new();
    for (place, entry) in book.all_metadata() {
        let mut found_by = Vec::new();
        for (filter, shown) in parsed.iter().zip(filters) {
            if filter_finds(book, filter, place, entry)? {
                found_by.push(shown.clone());
            }
        }
        if !found_by.is_empty() {
            matched.push(json!({"developerMetadata": entry.to_json(place), "dataFilters": found_by}));
        }
    }
    Ok(if matched.is_empty() {
        json!({})
    } else {
        json!({"matchedDeveloperMetadata": matched})
    })
}

/// Whether a filter finds an entry: a lookup by its fields, a range by the rows, columns and sheet it touches.
pub fn filter_finds(
    book: &Spreadsheet,
    filter: &DataFilter,
    place: Place,
    entry: &DeveloperMetadata,
) -> ApiResult<bool> {
    if let Some(lookup) = &filter.developer_metadata_lookup {
        return Ok(lookup.matches(book, place, entry));
    }
    let (position, open) = range_of_filter(book, filter)?;
    let sheet = &book.sheets[position];
    let rect = open.within(sheet).map_err(ApiError::invalid)?;
    Ok(match place {
        Place::Spreadsheet => false,
        Place::Sheet(id) => id == sheet.id && rect == sheet.grid(),
        Place::Row(id, at) => id == sheet.id && (rect.top..rect.bottom).contains(&at),
        Place::Column(id, at) => id == sheet.id && (rect.left..rect.right).contains(&at),
    })
}

fn range_of_filter(book: &Spreadsheet, filter: &DataFilter) -> ApiResult<(usize, Open)> {
    match (&filter.a1_range, &filter.grid_range) {
        (Some(a1), None) => a1::resolve(book, a1),
        (None, Some(range)) => {
            let position = book.position(range.sheet_id);
            Ok((
                position.ok_or_else(|| ApiError::invalid(no_grid(range.sheet_id)))?,
                range.open(),
            ))
        }
        _ => Err(ApiError::invalid("Must specify exactly one kind of data filter.")),
    }
}

/// The ranges a filter stands for: a lookup gives the row, column or sheet of each entry it finds.
pub fn ranges_of_filter(book: &Spreadsheet, filter: &DataFilter) -> ApiResult<Vec<(usize, Open)>> {
    let Some(lookup) = &filter.developer_metadata_lookup else {
        return Ok(vec![range_of_filter(book, filter)?]);
    };
    let found = book
        .all_metadata()
        .filter(|(place, entry)| lookup.matches(book, *place, entry));
    Ok(found
        .filter_map(|(place, _)| match place {
            Place::Spreadsheet => None,
            Place::Sheet(id) => Some((book.position(id)?, Open::default())),
            Place::Row(id, at) => Some((book.position(id)?, rows_of(at))),
            Place::Column(id, at) => Some((book.position(id)?, columns_of(at))),
        })
        .collect())
}

pub fn parse_filters(filters: &[Value]) -> ApiResult<Vec<DataFilter>> {
    filters
        .iter()
        .enumerate()
        .map(|(at, filter)| {
            serde_json::from_value(filter.clone()).map_err(|error| {
                let field = format!("data_filters[{at}]");
                ApiError::bad_json(&field, format!("Invalid JSON payload received. {error} at '{field}'"))
            })
        })
        .collect()
}

/// One entry by its id, with its place.
pub fn by_id(book: &Spreadsheet, id: i64) -> Option<(Place, &DeveloperMetadata)> {
    book.all_metadata().find(|(_, entry)| entry.id == id)
}

/// Characters of metadata that count against the limit of a sheet (or of the spreadsheet itself).
pub fn size(sheet: Option<&Sheet>, book: &Spreadsheet) -> usize {
    let length = |entry: &DeveloperMetadata| {
        entry.key.chars().count() + entry.value.as_ref().map_or(0, |value| value.chars().count())
    };
    match sheet {
        Some(sheet) => sheet.all_metadata().map(|(_, entry)| length(entry)).sum(),
        None => book.metadata.iter().map(length).sum(),
    }
}
