//! Requests on developer metadata. An id can exist only once in a spreadsheet: that is what makes it a token.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{arguments, reply, required_mask};
use crate::simulator::sheets::{
    metadata::{self, DataFilter, Location},
    model::{DeveloperMetadata, Editor, MAX_METADATA, Place, Spreadsheet, random_id},
};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Entry {
    metadata_id: Option<i64>,
    metadata_key: Option<String>,
    metadata_value: Option<String>,
    location: Option<Location>,
    visibility: Option<String>,
}

pub fn create(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Create {
        #[serde(default)]
        developer_metadata: Entry,
    }
    let Create {
        developer_metadata:
            Entry {
                metadata_id,
                metadata_key,
                metadata_value,
                location,
                visibility,
            },
    } = arguments(request)?;
    let key = metadata_key
        .filter(|key| !key.is_empty())
        .ok_or("A developer metadata key must be specified.")?;
    let visibility = visibility
        .filter(|visibility| matches!(visibility.as_str(), "DOCUMENT" | "PROJECT"))
        .ok_or("A developer metadata visibility must be specified.")?;
    let place = location
        .ok_or("A developer metadata location must be specified.")?
        .place(book)?;
    let id = match metadata_id {
        Some(id) if id <= 0 => return Err("Developer metadata id must be positive.".into()),
        Some(id) if metadata::by_id(book, id).is_some() => {
            return Err(format!("Developer metadata with id {id} already exists."));
        }
        Some(id) => id,
        None => loop {
            let id = random_id();
            if metadata::by_id(book, id).is_none() {
                break id;
            }
        },
    };
    let entry = DeveloperMetadata {
        id,
        key,
        value: metadata_value,
        visibility,
    };
    let shown = entry.to_json(place);
    book.metadata_at(place)?.push(entry);
    check_size(book, place)?;
    Ok(reply("createDeveloperMetadata", json!({"developerMetadata": shown})))
}

fn check_size(book: &Spreadsheet, place: Place) -> Result<(), String> {
    let sheet = match place {
        Place::Spreadsheet => None,
        Place::Sheet(id) | Place::Row(id, _) | Place::Column(id, _) => book.sheet(id),
    };
    if metadata::size(sheet, book) > MAX_METADATA {
        return Err(format!(
            "This action would increase the size of developer metadata above the limit of {MAX_METADATA} characters."
        ));
    }
    Ok(())
}

/// The places and ids of the entries that any of the filters finds.
fn found(book: &Spreadsheet, filters: &[DataFilter]) -> Result<Vec<(Place, i64)>, String> {
    let mut found = Vec::new();
    for (place, entry) in book.all_metadata() {
        for filter in filters {
            if metadata::filter_finds(book, filter, place, entry).map_err(|error| error.message().to_owned())? {
                found.push((place, entry.id));
                break;
            }
        }
    }
    Ok(found)
}

pub fn delete(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Delete {
        data_filter: DataFilter,
    }
    let Delete { data_filter } = arguments(request)?;
    let mut deleted = Vec::new();
    for (place, id) in found(book, &[data_filter])? {
        let entries = book.metadata_at(place)?;
        entries.retain(|entry| {
            if entry.id == id {
                deleted.push(entry.to_json(place));
            }
            entry.id != id
        });
    }
    let content = if deleted.is_empty() {
        json!({})
    } else {
        json!({"deletedDeveloperMetadata": deleted})
    };
    Ok(reply("deleteDeveloperMetadata", content))
}

pub fn update(book: &mut Spreadsheet, _: &Editor, request: Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Update {
        #[serde(default)]
        data_filters: Vec<DataFilter>,
        #[serde(default)]
        developer_metadata: Entry,
        fields: Option<String>,
    }
    let Update {
        data_filters,
        developer_metadata: new,
        fields,
    } = arguments(request)?;
    let mask = required_mask(fields.as_deref())?;
    let to = match (mask.names("location"), new.location) {
        (true, Some(location)) => Some(location.place(book)?),
        _ => None,
    };
    let mut updated = Vec::new();
    for (place, id) in found(book, &data_filters)? {
        let entries = book.metadata_at(place)?;
        let Some(at) = entries.iter().position(|entry| entry.id == id) else {
            continue;
        };
        let mut entry = entries.remove(at);
        if mask.names("metadataKey") {
            entry.key = new.metadata_key.clone().unwrap_or(entry.key);
        }
        if mask.names("metadataValue") {
            entry.value = new.metadata_value.clone();
        }
        if mask.names("visibility") {
            entry.visibility = new.visibility.clone().unwrap_or(entry.visibility);
        }
        let now = to.unwrap_or(place);
        updated.push(entry.to_json(now));
        book.metadata_at(now)?.push(entry);
        check_size(book, now)?;
    }
    let content = if updated.is_empty() {
        json!({})
    } else {
        json!({"developerMetadata": updated})
    };
    Ok(reply("updateDeveloperMetadata", content))
}
