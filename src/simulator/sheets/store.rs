//! The spreadsheets that exist, who may use them, and their present state.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use serde::{Deserialize, Serialize};

use super::{
    error::{ApiError, ApiResult},
    model::{Spreadsheet, random_id},
};

/// What a service account may do with a spreadsheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Reader,
    Writer,
}

/// What an ID stands for in Drive. No call works on anything but a spreadsheet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    #[default]
    Spreadsheet,
    /// An uploaded .xlsx.
    Office,
    /// A folder, a PDF.
    Other,
}

#[derive(Debug)]
pub struct Document {
    sharing: RwLock<BTreeMap<String, Role>>,
    kind: RwLock<FileKind>,
    /// Tells this document from one that had its ID before, for caches.
    pub instance: i64,
    state: Mutex<State>,
}

#[derive(Debug, Clone)]
pub struct State {
    pub book: Arc<Spreadsheet>,
    /// Counts the writes that changed it.
    pub revision: u64,
}

impl Document {
    pub fn new(book: Spreadsheet, sharing: BTreeMap<String, Role>) -> Self {
        Self {
            sharing: RwLock::new(sharing),
            kind: RwLock::default(),
            instance: random_id(),
            state: Mutex::new(State {
                book: Arc::new(book),
                revision: 1,
            }),
        }
    }

    pub fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Works on a copy that shares what it does not change; an error leaves everything as it was.
    pub fn write<T>(&self, change: impl FnOnce(&mut Spreadsheet) -> ApiResult<T>) -> ApiResult<(T, Arc<Spreadsheet>)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut copy = Spreadsheet::clone(&state.book);
        let result = change(&mut copy)?;
        state.book = Arc::new(copy);
        state.revision += 1;
        Ok((result, Arc::clone(&state.book)))
    }

    /// Undoes whatever happened since that state.
    pub fn put_back(&self, state: &State) {
        let mut now = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        now.book = Arc::clone(&state.book);
        now.revision += 1;
    }

    pub fn set_sharing(&self, sharing: BTreeMap<String, Role>) {
        *self.sharing.write().unwrap_or_else(PoisonError::into_inner) = sharing;
    }

    pub fn set_kind(&self, kind: FileKind) {
        *self.kind.write().unwrap_or_else(PoisonError::into_inner) = kind;
    }

    pub fn kind(&self) -> FileKind {
        *self.kind.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn sharing(&self) -> BTreeMap<String, Role> {
        self.sharing.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// All spreadsheets, in the order in which they came.
#[derive(Debug, Default)]
pub struct Store(RwLock<Vec<(String, Arc<Document>)>>);

impl Store {
    /// One of the same ID is replaced.
    pub fn insert(&self, document: Document) {
        let id = document.state().book.id.clone();
        let mut documents = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match documents.iter_mut().find(|(other, _)| *other == id) {
            Some((_, old)) => *old = Arc::new(document),
            None => documents.push((id, Arc::new(document))),
        }
    }

    pub fn all(&self) -> Vec<Arc<Document>> {
        let documents = self.0.read().unwrap_or_else(PoisonError::into_inner);
        documents.iter().map(|(_, document)| Arc::clone(document)).collect()
    }

    /// For the owner, who may everything.
    pub fn find(&self, id: &str) -> ApiResult<Arc<Document>> {
        let documents = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let found = documents.iter().find(|(other, _)| other == id);
        found
            .map(|(_, document)| Arc::clone(document))
            .ok_or_else(ApiError::not_found)
    }

    /// For a service account: 404 if there is none, 403 if it is not shared with it (or only to read).
    pub fn open(&self, id: &str, email: &str, write: bool) -> ApiResult<Arc<Document>> {
        let document = self.find(id)?;
        match document.sharing().get(email) {
            Some(Role::Writer) => {}
            Some(Role::Reader) if !write => {}
            _ => return Err(ApiError::forbidden()),
        }
        match document.kind() {
            FileKind::Spreadsheet => Ok(document),
            FileKind::Office => Err(ApiError::office_file()),
            FileKind::Other => Err(ApiError::invalid("Request contains an invalid argument.")),
        }
    }
}
