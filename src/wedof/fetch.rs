//! All records of one resource: drives the listing over the client and hands every record on as soon as it is read.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    catalogue::{Key, Resource, Source},
    client::{Answer, Client, Error},
    decode::{self, Decoded},
    pages::{Complete, Listed, Listing, Page},
};
use crate::{
    failure::{Failure, reason},
    table::{Record, key_text},
};

/// Records per page that are asked for: the most that every known client asks for and gets.
pub const PAGE_LIMIT: u64 = 100;

/// What was read of a resource.
#[derive(Debug)]
pub struct Fetched<T> {
    pub records: Vec<T>,
    /// The field that tells these records apart.
    pub key: Key,
    /// A record that is not here is proven to be gone from Wedof.
    pub deletions: bool,
    /// Sentences for the report.
    pub notes: Vec<String>,
}

/// Reads a resource to its end. `read` turns a record into what is kept of it; `progress` hears how many records were
/// seen and how many there are, as far as is known. After an error nothing may be concluded from what was seen.
pub async fn fetch<T>(
    client: &Client,
    resource: &'static Resource,
    query: &[(String, String)],
    mut read: impl FnMut(&Record) -> T,
    mut progress: impl FnMut(u64, Option<u64>),
) -> Result<Fetched<T>, Failure> {
    let name = resource.name;
    let mut warnings = Warnings::default();
    let mut key = None;
    let mut listed = |decoded: Decoded, page: u64, warnings: &mut Warnings| {
        let Decoded { records, mended } = decoded;
        let key = *key.get_or_insert_with(|| choose_key(resource.keys, &records));
        warnings.add(resource, page, key, &records, mended);
        records
            .iter()
            .map(|record| Listed {
                key: record.get(key.field).and_then(key_text),
                updated: record
                    .get("updatedOn")
                    .and_then(Value::as_str)
                    .and_then(|time| time.parse().ok()),
                record: read(record),
            })
            .collect::<Vec<_>>()
    };
    let complete = match resource.source {
        Source::Object => {
            let answer = client
                .get(resource.path, query)
                .await
                .map_err(|error| client.failure(&error, name.as_str()))?;
            let decoded = decode::object(&answer.body).map_err(|error| unreadable(name.as_str(), &answer, &error))?;
            let (with_key, without): (Vec<_>, Vec<_>) = listed(decoded, 1, &mut warnings)
                .into_iter()
                .partition(|listed| listed.key.is_some());
            Complete {
                records: with_key.into_iter().map(|listed| listed.record).collect(),
                keyless: without.len() as u64,
                deletions: true,
                note: None,
            }
        }
        Source::List { order } => {
            let filtered = query.len() > resource.fixed.len();
            let mut listing = Listing::new(order, filtered, PAGE_LIMIT);
            while let Some(number) = listing.next_page() {
                let place = format!("{name}, page {number}");
                let page = match client
                    .get(resource.path, &page_query(query, resource.source, number))
                    .await
                {
                    Ok(answer) => {
                        let decoded =
                            decode::list(&answer.body).map_err(|error| unreadable(&place, &answer, &error))?;
                        let Answer {
                            total, per_page, page, ..
                        } = answer;
                        Page {
                            records: listed(decoded, number, &mut warnings),
                            total,
                            per_page,
                            number: page,
                        }
                    }
                    Err(error) if number > 1 && error.is_not_found() => Page::past_end(),
                    Err(error) => return Err(page_failure(client, &error, &place, listing.progress().0 > 0)),
                };
                listing.accept(page).map_err(|incomplete| {
                    Failure::later(
                        reason::INCOMPLETE_READ,
                        format!("{name}: {incomplete}; the tab was left as it is"),
                    )
                })?;
                let (seen, total) = listing.progress();
                progress(seen, total);
            }
            listing.finish()
        }
    };
    warnings.log(resource);
    let Complete {
        records,
        keyless,
        deletions,
        note,
    } = complete;
    let mut notes = Vec::from_iter(note);
    if keyless > 0 {
        let fields = resource
            .keys
            .iter()
            .map(|key| key.field)
            .collect::<Vec<_>>()
            .join(" or ");
        if records.is_empty() {
            return Err(Failure::person(
                reason::WEDOF_ERROR,
                format!("{name}: none of the {keyless} records has {fields}, by which its row would be found again"),
            ));
        }
        notes.push(format!("{keyless} records without {fields} left out"));
    }
    Ok(Fetched {
        records,
        key: key.unwrap_or(resource.keys[0]),
        deletions,
        notes,
    })
}

fn page_query(query: &[(String, String)], source: Source, page: u64) -> Vec<(String, String)> {
    let mut query = query.to_vec();
    let mut add = |name: &str, value: String| query.push((name.to_owned(), value));
    if let Source::List {
        order: super::catalogue::Order::ById,
    } = source
    {
        add("sort", "id".to_owned());
        add("order", "asc".to_owned());
    }
    add("page", page.to_string());
    add("limit", PAGE_LIMIT.to_string());
    query
}

/// A refusal of the first page is about the resource, one after something was read about this reading of it.
fn page_failure(client: &Client, error: &Error, place: &str, begun: bool) -> Failure {
    let mut failure = client.failure(error, place);
    if begun && [reason::WEDOF_ERROR, reason::WEDOF_UNAVAILABLE].contains(&failure.reason) {
        failure.reason = reason::INCOMPLETE_READ;
        if error.is_unavailable() {
            failure = Failure::later(reason::INCOMPLETE_READ, format!("{place}: Wedof {error}"));
        }
        failure.message.push_str("; the tab was left as it is");
    }
    failure
}

fn unreadable(place: &str, answer: &Answer, error: &decode::Error) -> Failure {
    Failure::later(
        reason::WEDOF_ERROR,
        format!(
            "{place}: Wedof's answer ({}) is {error}; the tab was left as it is. A maintenance page or a proxy answers so",
            answer.content_type
        ),
    )
}

/// The first candidate that most records have.
fn choose_key(candidates: &'static [Key], records: &[Record]) -> Key {
    let having = |key: &Key| {
        records
            .iter()
            .filter(|record| record.get(key.field).and_then(key_text).is_some())
            .count()
    };
    // of equal candidates max_by_key takes the last
    *candidates
        .iter()
        .rev()
        .max_by_key(|key| having(key))
        .unwrap_or(&candidates[0])
}

/// Texts that could be read only in part: by field, the records to look at. Pages are read more than once.
#[derive(Default)]
struct Warnings(BTreeMap<String, BTreeSet<String>>);

impl Warnings {
    fn add(&mut self, resource: &Resource, page: u64, key: Key, records: &[Record], mended: Vec<(usize, String)>) {
        for (index, field) in mended {
            let record = records
                .get(index)
                .and_then(|record| record.get(key.field))
                .and_then(key_text);
            let record = record
                .filter(|_| !resource.key_is_personal)
                .map_or_else(|| format!("{} of page {page}", index + 1), |key| format!("`{key}`"));
            self.0.entry(field).or_default().insert(record);
        }
    }

    fn log(&self, resource: &Resource) {
        for (field, records) in &self.0 {
            let Some(record) = records.first() else { continue };
            let others = match records.len() - 1 {
                0 => String::new(),
                others => format!(" and {others} others"),
            };
            tracing::warn!(
                "{}: record {record}{others}, field {field}: Wedof sends characters that are none; they became U+FFFD",
                resource.name
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::spec::ResourceName;

    #[test]
    fn the_preferred_key_is_taken_unless_another_tells_more_records_apart() {
        let keys = Resource::of(ResourceName::RegistrationFolders).keys;
        let records = |values: &[Value]| {
            values
                .iter()
                .map(|v| v.as_object().unwrap().clone())
                .collect::<Vec<_>>()
        };
        let both = records(&[
            json!({"id": 1, "externalId": "a1"}),
            json!({"id": 2, "externalId": "a2"}),
        ]);
        assert_eq!(choose_key(keys, &both).field, "externalId");
        let mostly_id = records(&[json!({"id": 1, "externalId": "a1"}), json!({"id": 2, "externalId": ""})]);
        assert_eq!(choose_key(keys, &mostly_id).field, "id");
        assert_eq!(choose_key(keys, &[]).field, "externalId");
    }
}
