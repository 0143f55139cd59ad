//! One account: its key and its records by resource. The order of a list is the order in which records came.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashSet},
    path::Path,
    sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    query::{Filter, Listing},
    records::{self, Organism, children, parts},
};

/// Of an account with more folders than this, generated records are made anew each time they are read, so that 100,000
/// of them take little memory.
const KEPT: usize = 2_000;

/// A record; a generated one is made when it is read.
#[derive(Debug, Clone)]
pub struct Record {
    pub id: String,
    fields: Fields,
}

#[derive(Debug, Clone)]
enum Fields {
    Given(Arc<Value>),
    Made {
        make: Maker,
        seed: u64,
        number: u64,
        /// Where it is kept once it was made; `None` = not kept.
        kept: Option<OnceLock<Arc<Value>>>,
    },
}

type Maker = fn(u64, u64, &Organism) -> Value;

/// What a list's records are; cheap to clone.
pub type List = Arc<Vec<Record>>;

impl Record {
    pub fn given(fields: Value) -> Self {
        Self {
            id: id_of(&fields).unwrap_or_default(),
            fields: Fields::Given(Arc::new(fields)),
        }
    }

    pub fn fields(&self, organism: &Organism) -> Cow<'_, Value> {
        match &self.fields {
            Fields::Given(fields) => Cow::Borrowed(fields),
            Fields::Made {
                make,
                seed,
                number,
                kept,
            } => {
                let made = || make(*seed, *number, organism);
                match kept {
                    Some(kept) => Cow::Borrowed(kept.get_or_init(|| Arc::new(made()))),
                    None => Cow::Owned(made()),
                }
            }
        }
    }
}

fn id_of(fields: &Value) -> Option<String> {
    ["externalId", "siret", "id", "email"]
        .iter()
        .find_map(|name| match &fields[*name] {
            Value::String(id) => Some(id.clone()),
            Value::Number(id) => Some(id.to_string()),
            _ => None,
        })
}

#[derive(Debug)]
pub struct Account {
    pub api_key: String,
    pub seed: u64,
    pub organism: Organism,
    state: RwLock<Lists>,
}

/// The records of an account at one moment.
#[derive(Debug, Clone, Default)]
pub struct Lists {
    lists: BTreeMap<String, List>,
    /// Lists from a data set or from a test: served at the top level, whatever Wedof does.
    given: BTreeSet<String>,
    /// What was computed from the lists, until one of them changes.
    computed: BTreeMap<String, List>,
    /// Which records a listing has, in its order, by its text.
    orders: BTreeMap<String, Arc<Vec<usize>>>,
    /// Of a list in which records were changed: the last time of change of any record.
    newest: BTreeMap<String, Timestamp>,
}

impl Account {
    pub fn new(api_key: String, seed: u64, folders: usize) -> Self {
        let organism = Organism::new(seed);
        let made = |count: usize, id: fn(u64, u64) -> String, make: Maker| -> List {
            let record = |number| Record {
                id: id(seed, number),
                fields: Fields::Made {
                    make,
                    seed,
                    number,
                    kept: (count <= KEPT).then(OnceLock::new),
                },
            };
            Arc::new((0..count as u64).map(record).collect())
        };
        let given = |records: Vec<Value>| -> List { Arc::new(records.into_iter().map(Record::given).collect()) };
        let folder_id = |seed, number| records::folder::identity(seed, number).1;
        let lists = [
            ("registrationFolders", made(folders, folder_id, records::folder::make)),
            (
                "certificationFolders",
                made(
                    folders.div_ceil(4),
                    records::certification::identity,
                    records::certification::make,
                ),
            ),
            ("organisms", given(vec![organism.to_json(seed)])),
            ("users", given(organism.users(seed))),
        ];
        Self {
            api_key,
            seed,
            organism,
            state: RwLock::new(Lists {
                lists: lists.map(|(name, list)| (name.to_owned(), list)).into(),
                ..Lists::default()
            }),
        }
    }

    /// Every `<resource>.json` of a folder, an array of records, takes the place of the generated ones.
    pub fn load(&self, folder: &Path) -> Result<(), String> {
        let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for entry in entries {
            let path = entry.map_err(|error| format!("{}: {error}", folder.display()))?.path();
            let (Some("json"), Some(resource)) = (
                path.extension().and_then(|kind| kind.to_str()),
                path.file_stem().and_then(|name| name.to_str()),
            ) else {
                continue;
            };
            let wrong = |error: String| format!("{}: {error}", path.display());
            let text = std::fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
            let records: Vec<Value> =
                serde_json::from_str(&text).map_err(|error| wrong(format!("must be an array of records: {error}")))?;
            self.change(resource, |list| {
                *list = records.into_iter().map(Record::given).collect()
            });
        }
        Ok(())
    }

    fn read(&self) -> RwLockReadGuard<'_, Lists> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Lists> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// All records, for [`Self::put_back`].
    pub fn keep(&self) -> Lists {
        self.read().clone()
    }

    pub fn put_back(&self, lists: &Lists) {
        self.write().clone_from(lists);
    }

    /// Whether the list came from a data set or a test.
    pub fn is_given(&self, resource: &str) -> bool {
        self.read().given.contains(resource)
    }

    pub fn given(&self) -> Vec<String> {
        self.read().given.iter().cloned().collect()
    }

    /// The list as it is, or what the folders make of it; `None` if Wedof has no such thing.
    pub fn list(&self, resource: &str) -> Option<List> {
        let state = self.read();
        if let Some(list) = state.lists.get(resource).or_else(|| state.computed.get(resource)) {
            return Some(Arc::clone(list));
        }
        let registration = state.lists.get("registrationFolders").cloned().unwrap_or_default();
        let certification = state.lists.get("certificationFolders").cloned().unwrap_or_default();
        drop(state);
        let mut folders = registration.iter().map(|record| record.fields(&self.organism));
        let mut certified = certification.iter().map(|record| record.fields(&self.organism));
        let computed: Vec<Value> = match resource {
            "attendees" => parts::attendees(&mut folders, &mut certified),
            "sessions" => parts::sessions(&mut folders),
            "trainingActions" => parts::training_actions(&mut folders),
            "trainings" => parts::trainings(&mut folders),
            "payments" => folders.flat_map(|folder| children::payments(&folder)).collect(),
            "workingContracts" => folders
                .filter_map(|folder| children::working_contract(&folder))
                .collect(),
            "surveys" => certified
                .by_ref()
                .filter_map(|folder| children::survey(&folder))
                .collect(),
            _ => return None,
        };
        let list: List = Arc::new(computed.into_iter().map(Record::given).collect());
        self.write().computed.insert(resource.to_owned(), Arc::clone(&list));
        Some(list)
    }

    /// One record by its id, or by another of its names: the number of a certification folder, an attendee's e-mail.
    pub fn find(&self, resource: &str, id: &str) -> Option<Record> {
        let list = self.list(resource)?;
        let at = position(&list, &self.organism, resource, id)?;
        Some(list[at].clone())
    }

    /// Changes a list; what was computed from it is forgotten.
    pub fn change<T>(&self, resource: &str, change: impl FnOnce(&mut Vec<Record>) -> T) -> T {
        let is_stored = self.read().lists.contains_key(resource);
        let base = if is_stored { None } else { self.list(resource) };
        let mut state = self.write();
        let list = state
            .lists
            .entry(resource.to_owned())
            .or_insert_with(|| base.unwrap_or_default());
        let result = change(Arc::make_mut(list));
        let is_long = list.len() > 1;
        // the directory of organisms is not for one of them, unless a data set has more than its own
        if resource != "organisms" || is_long {
            state.given.insert(resource.to_owned());
        }
        state.computed.clear();
        state.orders.clear();
        result
    }

    /// A time of change that is later than that of every record of the list, by a second.
    pub fn next_change(&self, resource: &str) -> Timestamp {
        let known = self.read().newest.get(resource).copied();
        let newest = known.unwrap_or_else(|| {
            let list = self.list(resource).unwrap_or_default();
            let newest = list
                .iter()
                .filter_map(|record| newest_of(&record.fields(&self.organism)));
            newest.max().unwrap_or_default()
        });
        let next = newest + SignedDuration::from_secs(1);
        self.write().newest.insert(resource.to_owned(), next);
        next
    }

    /// A record came with times of its own.
    pub fn note_change(&self, resource: &str, fields: &Value) {
        if let (Some(known), Some(newest)) = (self.write().newest.get_mut(resource), newest_of(fields)) {
            *known = newest.max(*known);
        }
    }

    /// Where the records of a listing are, all pages together. Remembered: a client asks page after page.
    pub fn order(&self, resource: &str, text: &str, list: &List, listing: &Listing) -> Arc<Vec<usize>> {
        let key = format!("{resource}?{text}");
        if let Some(order) = self.read().orders.get(&key) {
            return Arc::clone(order);
        }
        let order = Arc::new(listing.order(list.len(), |at| list[at].fields(&self.organism)));
        self.write().orders.insert(key, Arc::clone(&order));
        order
    }

    /// The texts at a path of all records that a filter lets through.
    pub fn joined(&self, resource: &str, filter: &Filter, path: &str) -> HashSet<String> {
        let list = self.list(resource).unwrap_or_default();
        list.iter()
            .map(|record| record.fields(&self.organism))
            .filter(|fields| filter.matches(fields))
            .filter_map(|fields| fields.pointer(path)?.as_str().map(str::to_owned))
            .collect()
    }

    /// Notes on one folder: a data set's activities that name it, else generated ones.
    pub fn activities(&self, class: &str, id: &str) -> Option<Vec<Value>> {
        let (resource, class) = match class {
            "RegistrationFolder" | "registrationFolders" => ("registrationFolders", "RegistrationFolder"),
            "CertificationFolder" | "certificationFolders" => ("certificationFolders", "CertificationFolder"),
            _ => return None,
        };
        let folder = self.find(resource, id)?;
        if self.is_given("activities") {
            let list = self.list("activities")?;
            let of_folder = |activity: &Value| {
                [
                    "/_links/registrationFolder/externalId",
                    "/_links/certificationFolder/externalId",
                ]
                .iter()
                .any(|path| activity.pointer(path) == Some(&json!(folder.id)))
            };
            let fields = list.iter().map(|record| record.fields(&self.organism));
            return Some(fields.filter(|fields| of_folder(fields)).map(Cow::into_owned).collect());
        }
        let fields = folder.fields(&self.organism);
        Some(children::activities(&fields, class, &self.organism))
    }

    /// Payments of one folder.
    pub fn payments(&self, folder: &str) -> Vec<Value> {
        if self.is_given("payments") {
            let list = self.list("payments").unwrap_or_default();
            let fields = list.iter().map(|record| record.fields(&self.organism));
            let of_folder =
                |payment: &Value| payment.pointer("/_links/registrationFolder/externalId") == Some(&json!(folder));
            return fields.filter(|fields| of_folder(fields)).map(Cow::into_owned).collect();
        }
        match self.find("registrationFolders", folder) {
            Some(record) => children::payments(&record.fields(&self.organism)),
            None => Vec::new(),
        }
    }
}

/// Fields that say when a record changed last.
pub const CHANGED: [&str; 3] = ["lastUpdate", "stateLastUpdate", "updatedOn"];

fn newest_of(fields: &Value) -> Option<Timestamp> {
    let times = CHANGED
        .iter()
        .filter_map(|name| fields.get(*name)?.as_str()?.parse().ok());
    times.max()
}

/// The place of a record that has this id or this other name.
pub fn position(list: &[Record], organism: &Organism, resource: &str, id: &str) -> Option<usize> {
    if id == "me" && resource == "organisms" {
        return (!list.is_empty()).then_some(0);
    }
    let by_id = list.iter().position(|record| record.id == id);
    by_id.or_else(|| match resource {
        "registrationFolders" => None,
        "certificationFolders" => {
            let number = format!("{id}-");
            list.iter().position(|record| record.id.starts_with(&number))
        }
        _ => list.iter().position(|record| {
            let fields = record.fields(organism);
            let email = fields.get("email").and_then(Value::as_str);
            email.is_some_and(|email| email.eq_ignore_ascii_case(id))
                || fields
                    .get("id")
                    .and_then(Value::as_u64)
                    .is_some_and(|number| id.parse() == Ok(number))
        }),
    })
}
