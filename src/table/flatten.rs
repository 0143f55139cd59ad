//! A record → its filled cells by dotted path. Paths are numbered as they appear, so that a row costs as much as it
//! holds.

use std::{borrow::Cow, collections::HashMap};

use serde_json::Value;

use crate::failure::Failure;

use super::{
    Cell, Kind, Packed, Record, Selection,
    cell::{self, Reading},
};

/// A path that some record has.
#[derive(Debug)]
pub(super) struct Path {
    pub path: String,
    pub reading: Reading,
    /// The catalogue's kind; of an unknown path, what its name and its cells tell.
    pub kind: Kind,
    pub known: bool,
    /// Stored, because it becomes a column or may be the key.
    pub stored: bool,
    /// Wanted as a column.
    pub wanted: bool,
    pub days: bool,
    pub instants: bool,
}

/// Flattens the records of one resource and remembers the paths they have.
#[derive(Debug)]
pub struct Flattener<'a> {
    pub(super) selection: &'a Selection<'a>,
    pub(super) paths: Vec<Path>,
    numbers: HashMap<String, usize>,
    keys: Vec<&'static str>,
    /// Texts that were longer than a cell may be.
    pub(super) cuts: usize,
}

impl<'a> Flattener<'a> {
    pub fn new(selection: &'a Selection<'a>) -> Self {
        Self {
            selection,
            paths: Vec::new(),
            numbers: HashMap::new(),
            keys: selection.resource.key_paths(),
            cuts: 0,
        }
    }

    pub fn selection(&self) -> &'a Selection<'a> {
        self.selection
    }

    /// What to say of the choice of columns, once records are known; an error if it looks mistyped.
    pub fn check(&self) -> Result<Vec<String>, Failure> {
        self.selection.check(self.paths.iter().map(|path| path.path.as_str()))
    }

    /// The filled cells of a record, each in the column that has its path's number.
    pub fn row(&mut self, record: &Record) -> Packed {
        let mut cells = Vec::new();
        self.walk(record, &mut String::new(), &mut cells);
        cells.sort_unstable_by_key(|(number, _)| *number);
        Packed::of(cells)
    }

    fn walk<'r>(&mut self, object: &'r Record, path: &mut String, cells: &mut Vec<(usize, Cell<'r>)>) {
        let parent = path.len();
        for (name, value) in object {
            if parent > 0 {
                path.push('.');
            }
            push_escaped(path, name);
            match value {
                Value::Null => {}
                Value::Object(inner) if !self.selection.resource.whole.contains(&path.as_str()) => {
                    self.walk(inner, path, cells);
                }
                _ => self.leaf(value, path, name, cells),
            }
            path.truncate(parent);
        }
    }

    fn leaf<'r>(&mut self, value: &'r Value, path: &str, name: &str, cells: &mut Vec<(usize, Cell<'r>)>) {
        let number = match self.numbers.get(path) {
            Some(number) => *number,
            None => self.add(path, name),
        };
        let entry = &mut self.paths[number];
        if !entry.stored {
            return;
        }
        let cell = match value {
            Value::Array(_) | Value::Object(_) => match self.selection.scrubbed(value) {
                Cow::Borrowed(value) => cell::cell(value, entry.reading, &mut self.cuts),
                Cow::Owned(value) => cell::cell(&value, entry.reading, &mut self.cuts).into_owned(),
            },
            scalar => cell::cell(scalar, entry.reading, &mut self.cuts),
        };
        match cell {
            Cell::Blank => return,
            Cell::Day(_) => entry.days = true,
            Cell::Instant(_) => entry.instants = true,
            Cell::Bool(_) | Cell::Number(_) | Cell::Text(_) => {}
        }
        cells.push((number, cell));
    }

    fn add(&mut self, path: &str, name: &str) -> usize {
        let known = self.selection.known(path).map(|field| field.kind);
        let kind = known.unwrap_or_else(|| cell::guess(name));
        let wanted = self.selection.wants(path);
        let key = self.keys.contains(&path);
        let number = self.paths.len();
        self.paths.push(Path {
            path: path.to_owned(),
            reading: Reading::of(kind),
            kind,
            known: known.is_some(),
            stored: wanted || key,
            wanted,
            days: false,
            instants: false,
        });
        self.numbers.insert(path.to_owned(), number);
        number
    }
}

/// Adds a field's name so that two different ways through a record never give one path: a dot inside a name is escaped.
fn push_escaped(path: &mut String, name: &str) {
    if name.is_empty() {
        path.push_str("\\0");
    }
    for c in name.chars() {
        match c {
            '.' | '\\' => path.extend(['\\', c]),
            c if c.is_control() => path.extend(c.escape_default()),
            c => path.push(c),
        }
    }
}
