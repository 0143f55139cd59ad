//! A record → its filled cells by dotted path. Paths are numbered as they appear, so that a row costs as much as it
//! holds.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    Cell, Kind, Packed, Record,
    cell::{self, Reading},
};
use crate::{spec::ColumnsSpec, wedof::catalogue::Resource};

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
    pub(super) resource: &'static Resource,
    pub(super) columns: &'a ColumnsSpec,
    pub(super) paths: Vec<Path>,
    numbers: HashMap<String, usize>,
    known: HashMap<String, Kind>,
    /// Texts that were longer than a cell may be.
    pub(super) cuts: usize,
}

impl<'a> Flattener<'a> {
    pub fn new(resource: &'static Resource, columns: &'a ColumnsSpec) -> Self {
        Self {
            resource,
            columns,
            paths: Vec::new(),
            numbers: HashMap::new(),
            known: resource
                .fields()
                .into_iter()
                .map(|(path, field)| (path, field.kind))
                .collect(),
            cuts: 0,
        }
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
                Value::Object(inner) if !self.resource.whole.contains(&path.as_str()) => {
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
        let cell = cell::cell(value, entry.reading, &mut self.cuts);
        match cell {
            Cell::Blank => return,
            Cell::Day(_) => entry.days = true,
            Cell::Instant(_) => entry.instants = true,
            Cell::Bool(_) | Cell::Number(_) | Cell::Text(_) => {}
        }
        cells.push((number, cell));
    }

    fn add(&mut self, path: &str, name: &str) -> usize {
        let known = self.known.get(path).copied();
        let kind = known.unwrap_or_else(|| cell::guess(name));
        // a link alone says nothing that a person reads; one asked for by `include` is a column like any other
        let bare_link = self.columns.include.is_empty() && path.starts_with("_links.") && path.ends_with(".href");
        let wanted = self.columns.wants(path) && !bare_link;
        let key = self.resource.keys.iter().any(|key| key.field == path);
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
