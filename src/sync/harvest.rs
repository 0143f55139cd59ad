//! What other resources take from the folders while these are read: parts that are records of their own, keys of folders
//! whose children are asked for, codes of certifications. Pure.
//!
//! A part is kept once, however many folders have it: the newest folder's version. Each folder remembers which parts it
//! had, so that of a folder that was read twice only the version that counts brings its parts in.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    failure::Failure,
    spec::ResourceName,
    table::{Flattener, Packed, Record, Selection, key_text},
    wedof::{
        catalogue::{CERTIF_INFO, CHILD_KEY, Identity, Key, Part, Resource, text_at},
        fetch::{Seen, keyless_note, name_child},
    },
};

/// Takes out of every folder what is wanted of it.
#[derive(Debug, Default)]
pub struct Harvest<'a> {
    derived: Vec<Derived<'a>>,
    /// Keys of folders and codes of certifications are wanted.
    pub parents: bool,
}

/// A resource that folders have parts of.
#[derive(Debug)]
struct Derived<'a> {
    /// Of the wanted resources.
    index: usize,
    resource: &'static Resource,
    parts: &'static [Part],
    key: Key,
    flattener: Flattener<'a>,
    by_key: HashMap<Box<str>, usize>,
    entries: Vec<(Option<Timestamp>, Packed)>,
}

/// What one version of a folder had.
#[derive(Debug, Clone, Default)]
pub struct Taken {
    /// (derived resource, its entry); no entry: a part without a key.
    parts: Box<[(usize, Option<usize>)]>,
    pub key: Option<Box<str>>,
    pub updated: Option<Timestamp>,
    pub certification: Option<Box<str>>,
}

/// The records that folders have of one resource.
#[derive(Debug)]
pub struct Rows<'a> {
    pub flattener: Flattener<'a>,
    pub key: Key,
    pub rows: Vec<Packed>,
    pub notes: Vec<String>,
}

impl<'a> Harvest<'a> {
    /// Asks for the parts that make up a resource, the `index`th of the wanted ones.
    pub fn want(&mut self, index: usize, resource: &'static Resource, parts: &'static [Part], of: &'a Selection<'a>) {
        let key = match resource.identity {
            Identity::Own([key, ..]) => *key,
            Identity::Own([]) | Identity::Child(_) => CHILD_KEY,
        };
        self.derived.push(Derived {
            index,
            resource,
            parts,
            key,
            flattener: Flattener::new(of),
            by_key: HashMap::new(),
            entries: Vec::new(),
        });
    }

    /// What a folder has.
    pub fn take(&mut self, kind: ResourceName, folder: Seen<'_>) -> Taken {
        let mut parts = Vec::new();
        for (number, derived) in self.derived.iter_mut().enumerate() {
            for part in derived.parts.iter().filter(|part| part.of == kind) {
                for value in items(folder.record.get(part.field)) {
                    parts.push((number, derived.add(part, value, folder)));
                }
            }
        }
        let wanted = |text: Option<String>| text.filter(|_| self.parents).map(String::into_boxed_str);
        Taken {
            parts: parts.into(),
            key: wanted(folder.key.map(str::to_owned)),
            updated: folder.updated,
            certification: wanted(text_at(folder.record, CERTIF_INFO)),
        }
    }

    /// The records of a resource that these folders have, in the order in which folders bring them.
    pub fn rows<'t>(
        &mut self,
        index: usize,
        folders: impl Iterator<Item = &'t Taken>,
    ) -> Result<Option<Rows<'a>>, Failure> {
        let Some(number) = self.derived.iter().position(|derived| derived.index == index) else {
            return Ok(None);
        };
        let (mut order, mut keyless) = (Vec::new(), 0);
        let derived = &mut self.derived[number];
        let mut entries: Vec<_> = std::mem::take(&mut derived.entries).into_iter().map(Some).collect();
        for (_, entry) in folders
            .flat_map(|taken| taken.parts.iter())
            .filter(|(of, _)| *of == number)
        {
            match entry {
                Some(entry) => order.extend(entries.get_mut(*entry).and_then(Option::take)),
                None => keyless += 1,
            }
        }
        let rows: Vec<Packed> = order.into_iter().map(|(_, row)| row).collect();
        let notes = Vec::from_iter(keyless_note(derived.resource, keyless, rows.is_empty())?);
        let spent = Flattener::new(derived.flattener.selection());
        Ok(Some(Rows {
            flattener: std::mem::replace(&mut derived.flattener, spent),
            key: derived.key,
            rows,
            notes,
        }))
    }
}

/// One record or a list of them.
fn items(value: Option<&Value>) -> impl Iterator<Item = &Record> {
    let (one, many) = match value {
        Some(Value::Object(record)) => (Some(record), &[][..]),
        Some(Value::Array(items)) => (None, &items[..]),
        _ => (None, &[][..]),
    };
    one.into_iter().chain(many.iter().filter_map(Value::as_object))
}

impl Derived<'_> {
    /// The entry that a part of a folder is now.
    fn add(&mut self, part: &Part, record: &Record, folder: Seen<'_>) -> Option<usize> {
        let Part {
            renamed,
            dropped,
            parent,
            ..
        } = part;
        let mut own;
        let record = if renamed.is_empty() && dropped.is_empty() && parent.is_none() {
            record
        } else {
            own = Record::new();
            for (name, value) in record.iter().filter(|(name, _)| !dropped.contains(&name.as_str())) {
                let name = renamed
                    .iter()
                    .find(|(from, _)| from == name)
                    .map_or(name.as_str(), |(_, to)| to);
                own.insert(name.to_owned(), value.clone());
            }
            if let (Some(parent), Identity::Child(candidates)) = (parent, self.resource.identity) {
                let key = folder.key?;
                name_child(&mut own, candidates, Some(key));
                own.insert((*parent).to_owned(), key.into());
            }
            &own
        };
        let key = record.get(self.key.field).and_then(key_text)?;
        match self.by_key.get(key.as_str()) {
            Some(&entry) => {
                // of equally old versions, or if a time is missing, the one read later
                let (before, row) = &mut self.entries[entry];
                if folder.updated.is_none() || folder.updated >= *before {
                    (*before, *row) = (folder.updated, self.flattener.row(record));
                }
                Some(entry)
            }
            None => {
                let entry = self.entries.len();
                self.entries.push((folder.updated, self.flattener.row(record)));
                self.by_key.insert(key.into(), entry);
                Some(entry)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        spec::{ColumnsSpec, PersonalData},
        table::Table,
        wedof::catalogue::Way,
    };

    const KINDS: [ResourceName; 2] = [ResourceName::RegistrationFolders, ResourceName::CertificationFolders];

    /// The table of a resource derived from folders, the last version of each folder counting.
    fn derived(name: ResourceName, folders: &[(ResourceName, Value)]) -> Result<Table, String> {
        let resource = Resource::of(name);
        let columns = ColumnsSpec::default();
        let selection = Selection::new(resource, &columns, PersonalData::Include);
        let parts = resource.ways.iter().find_map(|way| match way {
            Way::Folders(parts) => Some(*parts),
            _ => None,
        });
        let mut harvest = Harvest::default();
        harvest.want(0, resource, parts.unwrap(), &selection);
        let mut latest: Vec<(String, Taken)> = Vec::new();
        for (kind, folder) in folders {
            let record = folder.as_object().unwrap();
            let key = key_text(&folder["externalId"]).unwrap();
            let taken = harvest.take(
                *kind,
                Seen {
                    record,
                    key: Some(&key),
                    updated: crate::wedof::fetch::updated(record),
                },
            );
            match latest.iter_mut().find(|(known, _)| *known == key) {
                Some((_, before)) => *before = taken,
                None => latest.push((key, taken)),
            }
        }
        let rows = harvest.rows(0, latest.iter().map(|(_, taken)| taken));
        let Rows {
            flattener, key, rows, ..
        } = rows.map_err(|failure| failure.message)?.unwrap();
        Ok(flattener.table(key, rows).0)
    }

    fn texts(table: &Table, path: &str) -> Vec<String> {
        let column = table.columns.iter().position(|column| column.path == path).unwrap();
        (0..table.len())
            .map(|row| match table.cell(row, column) {
                crate::table::Cell::Text(text) => text.into_owned(),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn an_attendee_is_once_in_the_table_as_the_newest_folder_has_them() {
        let folder = |id: &str, updated: &str, attendee: Value| json!({"externalId": id, "updatedOn": updated, "attendee": attendee});
        let [registration, certification] = KINDS;
        let table = derived(
            ResourceName::Attendees,
            &[
                (
                    registration,
                    folder("1", "2026-02-01T00:00:00Z", json!({"id": 7, "lastName": "new"})),
                ),
                (
                    registration,
                    folder("2", "2026-01-01T00:00:00Z", json!({"id": 7, "lastName": "old"})),
                ),
                (
                    certification,
                    folder("a-1", "2026-01-01T00:00:00Z", json!({"id": 8, "lastName": "b"})),
                ),
                (registration, folder("3", "2026-01-01T00:00:00Z", Value::Null)),
            ],
        )
        .unwrap();
        assert_eq!(texts(&table, "id"), ["7", "8"]);
        assert_eq!(texts(&table, "lastName"), ["new", "b"]);
    }

    #[test]
    fn a_session_takes_its_own_names_and_leaves_what_is_the_folders() {
        let folder = json!({"externalId": "1", "trainingActionInfo": {
            "sessionId": "s-1", "sessionStartDate": "2026-03-01T00:00:00.000Z", "externalId": "action", "title": "Anglais",
            "quitReason": "left", "address": {"city": "Lyon"},
        }});
        let table = derived(ResourceName::Sessions, &[(KINDS[0], folder)]).unwrap();
        let paths: Vec<_> = table.columns.iter().map(|column| column.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "externalId",
                "title",
                "startDate",
                "address.city",
                "trainingActionExternalId"
            ]
        );
        assert_eq!(texts(&table, "externalId"), ["s-1"]);
    }

    #[test]
    fn a_file_that_the_last_version_of_its_folder_lacks_is_gone() {
        let folder = |files: Value| json!({"externalId": "12", "files": files});
        let table = derived(
            ResourceName::RegistrationFolderFiles,
            &[
                (
                    KINDS[0],
                    folder(json!([{"id": 1, "fileName": "a"}, {"id": 2, "fileName": "b"}])),
                ),
                (KINDS[0], folder(json!([{"id": 2, "fileName": "B"}]))),
            ],
        )
        .unwrap();
        assert_eq!(texts(&table, "key"), ["12/2"]);
        assert_eq!(texts(&table, "registrationFolderId"), ["12"]);
        assert_eq!(texts(&table, "fileName"), ["B"]);
    }

    #[test]
    fn parts_that_nothing_tells_apart_are_an_error_that_names_the_field() {
        let folder = json!({"externalId": "1", "attendee": {"lastName": "Durand"}});
        let error = derived(ResourceName::Attendees, &[(KINDS[0], folder)]).unwrap_err();
        assert!(error.contains("none of 1 record has id"), "{error}");
        assert!(!error.contains("Durand"));
    }
}
