//! All records of one list or object: drives the listing over the client and hands every record on as soon as it is read.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    catalogue::{CHILD_KEY, Identity, Key, Order, Resource, text_at},
    client::{Answer, Client, Error},
    decode::{self, Decoded},
    pages::{Listed, Listing, Page},
    refusal::Refusal,
};
use crate::{
    failure::{Failure, reason},
    table::{Record, key_text},
    words::counted,
};

/// Records per page that are asked for: the most that every known client asks for and gets.
pub const PAGE_LIMIT: u64 = 100;
/// Most pages of one parent's list.
const MAX_CHILD_PAGES: u64 = 100;

/// One list or object that is asked for.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    pub resource: &'static Resource,
    /// Below the base URL.
    pub path: &'a str,
    /// Beside those of paging and sorting.
    pub query: &'a [(String, String)],
    /// Old records may enter the list in its middle, because a filter decides who is in it.
    pub filtered: bool,
    /// It must be proven which records are gone: a list without an order is read twice.
    pub thorough: bool,
    /// Keys that are personal data may not be used.
    pub private: bool,
    /// The field by which the rows of an earlier run are known: it stays, as long as every record has it.
    pub known_key: Option<&'a str>,
    /// Whose children are asked for: they get these fields, and keys that begin with the parent's.
    pub parent: Option<Parent<'a>>,
}

#[derive(Debug, Clone, Copy)]
pub struct Parent<'a> {
    pub key: &'a str,
    /// A value of `{}` is the parent's key.
    pub fields: &'static [(&'static str, &'static str)],
}

/// A record as it came, with what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    pub record: &'a Record,
    /// None: nothing tells this record from others, so it cannot have a row.
    pub key: Option<&'a str>,
    pub updated: Option<Timestamp>,
}

/// What was read.
#[derive(Debug)]
pub struct Fetched<T> {
    pub records: Vec<T>,
    /// The field that tells these records apart.
    pub key: Key,
    /// A record that is not here is proven to be gone from Wedof.
    pub deletions: bool,
    /// It is not, and asking thoroughly may prove it.
    pub again: bool,
    /// Sentences for the report.
    pub notes: Vec<String>,
}

/// Why a list or object was not read.
#[derive(Debug)]
pub enum Unread {
    /// 400, 403, 404 or 405 to the first request: there may be another way.
    Refused(Refusal),
    /// The run may send no more requests; only for lists of parents, which can wait for the next run.
    OutOfBudget,
    Failed(Failure),
}

impl From<Failure> for Unread {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

fn unread(client: &Client, error: &Error, place: &str) -> Unread {
    match Refusal::of(error) {
        Some(refusal) => Unread::Refused(refusal),
        None => Unread::Failed(client.failure(error, place)),
    }
}

/// Reads one object.
pub async fn object<T>(
    client: &Client,
    ask: &Ask<'_>,
    mut read: impl FnMut(Seen<'_>) -> T,
) -> Result<Fetched<T>, Unread> {
    let mut reader = Reader::new(ask);
    let place = ask.resource.name.as_str();
    let answer = client
        .get(ask.path, ask.query)
        .await
        .map_err(|e| unread(client, &e, place))?;
    let decoded = decode::object(&answer.body).map_err(|error| unreadable(place, &answer, &error))?;
    let listed = reader.listed(decoded, 1, &mut read)?;
    reader.warnings.log(ask.resource);
    let keyless = listed.iter().filter(|listed| listed.key.is_none()).count();
    let records = listed.into_iter().filter(|listed| listed.key.is_some());
    let records = records.map(|listed| listed.record).collect();
    Ok(reader.fetched(records, keyless as u64, true, None)?)
}

/// Reads a list to its end. `read` turns a record into what is kept of it; `progress` hears how many records were seen
/// and how many there are, as far as is known. After an error nothing may be concluded from what was seen.
pub async fn list<T>(
    client: &Client,
    ask: &Ask<'_>,
    order: Order,
    mut read: impl FnMut(Seen<'_>) -> T,
    mut progress: impl FnMut(u64, Option<u64>),
) -> Result<Fetched<T>, Unread> {
    let name = ask.resource.name;
    let mut reader = Reader::new(ask);
    let mut listing = Listing::new(order, ask.filtered, ask.thorough, PAGE_LIMIT);
    while let Some(number) = listing.next_page() {
        let place = format!("{name}, page {number}");
        let page = match client.get(ask.path, &page_query(ask.query, order, number)).await {
            Ok(answer) => {
                let decoded = decode::list(&answer.body).map_err(|error| unreadable(&place, &answer, &error))?;
                let Answer {
                    total, per_page, page, ..
                } = answer;
                Page {
                    records: reader.listed(decoded, number, &mut read)?,
                    total,
                    per_page,
                    number: page,
                }
            }
            Err(error) if number > 1 && error.is_not_found() => Page::past_end(),
            Err(error) if number == 1 && !reader.begun => return Err(unread(client, &error, &place)),
            Err(error) => return Err(later_page(client, &error, &place).into()),
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
    reader.warnings.log(ask.resource);
    let complete = listing.finish();
    let again = complete.again;
    let fetched = reader.fetched(complete.records, complete.keyless, complete.deletions, complete.note)?;
    Ok(Fetched { again, ..fetched })
}

/// What was read of one parent's list.
#[derive(Debug)]
pub struct Children<T> {
    /// With their keys.
    pub records: Vec<(String, T)>,
    pub keyless: u64,
    /// A child that is not here is proven to be gone.
    pub deletions: bool,
}

/// Reads the list of one parent: mostly a page, read forwards; it may not be paged at all.
pub async fn children<T>(
    client: &Client,
    ask: &Ask<'_>,
    mut read: impl FnMut(Seen<'_>) -> T,
) -> Result<Children<T>, Unread> {
    let place = format!("{}, {}", ask.resource.name, ask.path);
    let mut reader = Reader::new(ask);
    let mut children = Children {
        records: Vec::new(),
        keyless: 0,
        deletions: true,
    };
    let (mut before, mut seen) = (Vec::new(), 0);
    for number in 1..=MAX_CHILD_PAGES {
        let answer = match client
            .get(ask.path, &page_query(ask.query, Order::Unknown, number))
            .await
        {
            Ok(answer) => answer,
            Err(error) if number > 1 && error.is_not_found() => break,
            Err(Error::Budget(_)) => return Err(Unread::OutOfBudget),
            Err(error) if number == 1 => return Err(unread(client, &error, &place)),
            Err(error) => return Err(later_page(client, &error, &place).into()),
        };
        let decoded = decode::list(&answer.body).map_err(|error| unreadable(&place, &answer, &error))?;
        let listed = reader.listed(decoded, number, &mut read)?;
        let count = listed.len() as u64;
        let keys: Vec<_> = listed.iter().map(|listed| listed.key.clone()).collect();
        if count == 0 || keys == before {
            break;
        }
        seen += count;
        children.deletions = number == 1;
        for Listed { key, record, .. } in listed {
            match key {
                Some(key) => children.records.push((key, record)),
                None => children.keyless += 1,
            }
        }
        let more = match answer.total {
            Some(total) => seen < total,
            None => count >= answer.per_page.unwrap_or(PAGE_LIMIT),
        };
        if !more {
            break;
        }
        before = keys;
    }
    reader.warnings.log(ask.resource);
    Ok(children)
}

/// What is remembered while the pages of an [`Ask`] come.
struct Reader<'a> {
    ask: &'a Ask<'a>,
    /// A page has come: a refusal is no longer about the list as a whole.
    begun: bool,
    key: Option<Key>,
    warnings: Warnings,
}

impl<'a> Reader<'a> {
    fn new(ask: &'a Ask<'a>) -> Self {
        Self {
            ask,
            begun: false,
            key: None,
            warnings: Warnings::default(),
        }
    }

    fn listed<T>(
        &mut self,
        decoded: Decoded,
        page: u64,
        read: &mut impl FnMut(Seen<'_>) -> T,
    ) -> Result<Vec<Listed<T>>, Failure> {
        self.begun = true;
        let Decoded { mut records, mended } = decoded;
        let key = self.key(&records)?;
        for record in &mut records {
            self.name_parent(record);
        }
        self.warnings.add(page, key, &records, mended);
        let listed = records.iter().map(|record| {
            let key = record.get(key.field).and_then(key_text);
            let updated = time(record, "updatedOn");
            Listed {
                record: read(Seen {
                    record,
                    key: key.as_deref(),
                    updated: updated.max(time(record, "lastUpdate")),
                }),
                key,
                updated,
            }
        });
        Ok(listed.collect())
    }

    /// The key of these and all later records.
    fn key(&mut self, records: &[Record]) -> Result<Key, Failure> {
        let resource = self.ask.resource;
        let key = match (self.key, resource.identity) {
            (Some(key), _) => key,
            (None, Identity::Child(_)) => CHILD_KEY,
            (None, Identity::Own(keys)) => {
                let key = choose_key(keys, self.ask.known_key, records).unwrap_or(CHILD_KEY);
                *self.key.insert(self.private_key(key, keys, records)?)
            }
        };
        Ok(key)
    }

    /// The key, or another that is no personal data if such data is left out. Without one there can be no rows.
    fn private_key(&self, key: Key, keys: &[Key], records: &[Record]) -> Result<Key, Failure> {
        if !(self.ask.private && key.is_personal()) {
            return Ok(key);
        }
        let others: Vec<Key> = keys.iter().copied().filter(|key| !key.is_personal()).collect();
        let other = choose_key(&others, self.ask.known_key, records);
        other
            .filter(|other| records.iter().any(|record| text_at(record, other.field).is_some()))
            .ok_or_else(|| {
                Failure::person(
                    reason::PERSONAL_DATA,
                    format!(
                        "{}: its rows are known by {} only, and personalData is excluded: leave the resource out",
                        self.ask.resource.name, key.field
                    ),
                )
            })
    }

    /// Gives a child its key and its parent.
    fn name_parent(&self, record: &mut Record) {
        let Identity::Child(candidates) = self.ask.resource.identity else {
            return;
        };
        let parent = self.ask.parent;
        name_child(record, candidates, parent.map(|parent| parent.key));
        for (field, value) in parent.map_or(&[][..], |parent| parent.fields) {
            let value = match *value {
                "{}" => parent.map_or("", |parent| parent.key),
                value => value,
            };
            record.insert((*field).to_owned(), value.into());
        }
    }

    fn fetched<T>(
        self,
        records: Vec<T>,
        keyless: u64,
        deletions: bool,
        note: Option<String>,
    ) -> Result<Fetched<T>, Failure> {
        let resource = self.ask.resource;
        let key = match (self.key, resource.identity) {
            (Some(key), _) => key,
            (None, Identity::Own([key, ..])) => *key,
            (None, Identity::Own([]) | Identity::Child(_)) => CHILD_KEY,
        };
        let mut notes = Vec::from_iter(note);
        notes.extend(keyless_note(resource, keyless, records.is_empty())?);
        Ok(Fetched {
            records,
            key,
            deletions,
            again: false,
            notes,
        })
    }
}

/// Why a list that needs the SIRET cannot be asked for without it.
pub const NO_SIRET: &str = "its list needs the account's SIRET, which neither users/me nor organisms/me tells";

/// The SIRET of the account's organism, as the user or the organism itself tells it.
pub async fn own_siret(client: &Client) -> Result<Option<String>, Failure> {
    for (path, field) in [("users/me", "_links.mainOrganism.siret"), ("organisms/me", "siret")] {
        match client.get(path, &[]).await {
            Ok(answer) => {
                let decoded = decode::object(&answer.body).map_err(|error| unreadable(path, &answer, &error))?;
                let siret = decoded.records.first().and_then(|record| text_at(record, field));
                if siret.is_some() {
                    return Ok(siret);
                }
            }
            Err(error) if Refusal::of(&error).is_some() => {}
            Err(error) => return Err(client.failure(&error, path)),
        }
    }
    Ok(None)
}

/// Puts the key of a child into its record: `PARENT/CHILD`.
pub fn name_child(record: &mut Record, candidates: &[&str], parent: Option<&str>) {
    let child = candidates.iter().find_map(|path| text_at(record, path));
    let key = match (parent, child) {
        (Some(parent), Some(child)) => format!("{parent}/{child}").into(),
        (None, Some(child)) => child.into(),
        (_, None) => Value::Null,
    };
    record.insert(CHILD_KEY.field.to_owned(), key);
}

/// What to say of records that cannot have a row; a failure if no record can.
pub fn keyless_note(resource: &Resource, keyless: u64, none_left: bool) -> Result<Option<String>, Failure> {
    let fields = resource.key_names();
    match keyless {
        0 => Ok(None),
        _ if none_left => Err(Failure::person(
            reason::WEDOF_ERROR,
            format!(
                "{}: none of {} has {fields}, by which its row would be found again",
                resource.name,
                counted(keyless, "record")
            ),
        )),
        _ => Ok(Some(format!(
            "{} without {fields} left out",
            counted(keyless, "record")
        ))),
    }
}

/// The later of the times at which Wedof and the source of a record changed it.
pub fn updated(record: &Record) -> Option<Timestamp> {
    time(record, "updatedOn").max(time(record, "lastUpdate"))
}

fn time(record: &Record, field: &str) -> Option<Timestamp> {
    record.get(field)?.as_str()?.parse().ok()
}

fn page_query(query: &[(String, String)], order: Order, page: u64) -> Vec<(String, String)> {
    let mut query = query.to_vec();
    let mut add = |name: &str, value: String| query.push((name.to_owned(), value));
    if order == Order::ById {
        add("sort", "id".to_owned());
        add("order", "asc".to_owned());
    }
    add("page", page.to_string());
    add("limit", PAGE_LIMIT.to_string());
    query
}

/// A refusal of page 1 is about the list, one of a later page about this reading of it.
fn later_page(client: &Client, error: &Error, place: &str) -> Failure {
    let mut failure = client.failure(error, place);
    if [reason::WEDOF_ERROR, reason::WEDOF_UNAVAILABLE].contains(&failure.reason) {
        failure.reason = reason::INCOMPLETE_READ;
        if error.is_unavailable() {
            failure = Failure::later(reason::INCOMPLETE_READ, format!("{place}: Wedof {error}"));
        }
        failure.message.push_str("; the tab was left as it is");
    }
    failure
}

pub(super) fn unreadable(place: &str, answer: &Answer, error: &decode::Error) -> Failure {
    Failure::later(
        reason::WEDOF_ERROR,
        format!(
            "{place}: Wedof's answer ({}) is {error}; the tab was left as it is. A maintenance page or a proxy answers so",
            answer.content_type
        ),
    )
}

/// The known candidate if all records have it, else the first one that most records have.
fn choose_key(candidates: &[Key], known: Option<&str>, records: &[Record]) -> Option<Key> {
    let having = |key: &Key| {
        records
            .iter()
            .filter(|record| record.get(key.field).and_then(key_text).is_some())
            .count()
    };
    let known = candidates.iter().find(|key| Some(key.field) == known);
    if let Some(key) = known.filter(|key| having(key) == records.len()) {
        return Some(*key);
    }
    // of equal candidates max_by_key takes the last
    candidates.iter().rev().max_by_key(|key| having(key)).copied()
}

/// Texts that could be read only in part: by field, the records to look at. Pages are read more than once.
#[derive(Default)]
struct Warnings(BTreeMap<String, BTreeSet<String>>);

impl Warnings {
    fn add(&mut self, page: u64, key: Key, records: &[Record], mended: Vec<(usize, String)>) {
        for (index, field) in mended {
            let record = records
                .get(index)
                .and_then(|record| record.get(key.field))
                .and_then(key_text);
            let record = record
                .filter(|_| !key.is_personal())
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

    fn records(values: &[Value]) -> Vec<Record> {
        values.iter().map(|value| value.as_object().unwrap().clone()).collect()
    }

    #[test]
    fn the_preferred_key_is_taken_unless_another_tells_more_records_apart() {
        let Identity::Own(keys) = Resource::of(ResourceName::RegistrationFolders).identity else {
            panic!("folders have an own key")
        };
        let chosen = |values: &[Value]| choose_key(keys, None, &records(values)).unwrap().field;
        assert_eq!(
            chosen(&[
                json!({"id": 1, "externalId": "a1"}),
                json!({"id": 2, "externalId": "a2"})
            ]),
            "externalId"
        );
        assert_eq!(
            chosen(&[json!({"id": 1, "externalId": "a1"}), json!({"id": 2, "externalId": ""})]),
            "id"
        );
        assert_eq!(chosen(&[]), "externalId");
    }

    #[test]
    fn the_key_of_an_earlier_run_stays_while_every_record_has_it() {
        let Identity::Own(keys) = Resource::of(ResourceName::RegistrationFolders).identity else {
            panic!("folders have an own key")
        };
        let chosen = |known, values: &[Value]| choose_key(keys, Some(known), &records(values)).unwrap().field;
        let both = [
            json!({"id": 1, "externalId": "a1"}),
            json!({"id": 2, "externalId": "a2"}),
        ];
        assert_eq!(chosen("id", &both), "id");
        assert_eq!(chosen("id", &[json!({"externalId": "a1"})]), "externalId");
        assert_eq!(chosen("phone", &both), "externalId", "no candidate");
    }

    #[test]
    fn a_child_is_known_by_its_parent_and_itself() {
        let mut record = records(&[json!({"id": 7, "title": "x"})]).remove(0);
        name_child(&mut record, &["externalId", "id"], Some("1234"));
        assert_eq!(record["key"], "1234/7");
        name_child(&mut record, &["id"], None);
        assert_eq!(record["key"], "7");
        name_child(&mut record, &["externalId"], Some("1234"));
        assert_eq!(record["key"], Value::Null);
    }
}
