//! Plans carried out on a grid in memory: what holds for every tab ([`properties`]), each rule by itself ([`rules`]), many
//! rows ([`volume`]).

mod grid;
mod properties;
mod rows;
mod rules;
mod volume;

use std::collections::HashSet;

use jiff::tz::TimeZone;

use self::grid::{Grid, Place};
use super::{
    TabChange, TabWish,
    apply::body,
    marks::{COLUMN, ColumnMark, HEADER, REVISION, Revision},
    plan::{Context, Plan, Prediction, plan},
    requests::Unit,
    serial,
    snapshot::Snapshot,
    tab::Seen,
};
use crate::{
    failure::Failure,
    spec::{ColumnsSpec, DeletionGuard, MissingRows, PersonalData, ResourceName},
    table::{self, Cell, Column, KeyShape, Kind, Packed, Selection},
    wedof::catalogue::Resource,
};

pub const TODAY: i32 = 20_000;
const RESOURCE: ResourceName = ResourceName::RegistrationFolders;

/// A table whose cells a test can change.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell<'static>>>,
    pub key_shape: KeyShape,
}

impl Table {
    fn packed(&self) -> table::Table {
        let pack = |row: &Vec<Cell<'static>>| Packed::of(row.iter().cloned().enumerate());
        let rows = self.rows.iter().map(pack).collect();
        table::Table::new(self.columns.clone(), self.key_shape, rows)
    }
}

/// A tab and what it should be.
#[derive(Debug, Clone)]
pub struct World {
    pub grid: Grid,
    pub table: Table,
    pub title: String,
    pub columns: ColumnsSpec,
    pub missing_rows: MissingRows,
    pub proven: bool,
    pub guard: DeletionGuard,
    pub allow_deletions: bool,
    pub origin: &'static str,
    pub unread_parents: Option<HashSet<String>>,
    pub filters: &'static str,
    pub max_cells: usize,
    /// Revisions that runs make up: counted, so that every run is the same.
    ids: i32,
}

impl World {
    /// No tab yet; no guard, so that a test that is not about it needs few rows.
    pub fn new(table: Table) -> Self {
        Self {
            grid: Grid::default(),
            table,
            title: "Dossiers".into(),
            columns: ColumnsSpec::default(),
            missing_rows: MissingRows::Delete,
            proven: true,
            guard: DeletionGuard {
                max_percent: 100,
                min_rows: 0,
                accept_until: None,
            },
            allow_deletions: false,
            origin: "list",
            unread_parents: None,
            filters: "",
            max_cells: 10_000_000,
            ids: 50_000,
        }
    }

    /// A tab that a run filled with `table`.
    pub fn filled(table: Table) -> Self {
        let mut world = Self::new(table);
        world.sync().unwrap();
        world
    }

    pub fn selection(&self) -> Selection<'_> {
        Selection::new(Resource::of(RESOURCE), &self.columns, PersonalData::Include)
    }

    pub fn zone() -> TimeZone {
        serial::zone("Europe/Paris").unwrap()
    }

    pub fn plan(&self) -> Result<Plan<'static>, Failure> {
        self.plan_after(&Snapshot::default())
    }

    pub fn plan_after(&self, snapshot: &Snapshot) -> Result<Plan<'static>, Failure> {
        let wish = TabWish {
            resource: RESOURCE,
            title: keep(self.title.clone()),
            order: &[RESOURCE],
            table: keep(self.table.packed()),
            columns: keep(Selection::new(
                Resource::of(RESOURCE),
                keep(self.columns.clone()),
                PersonalData::Include,
            )),
            missing_rows: self.missing_rows,
            proven: self.proven,
            again: false,
            guard: self.guard.clone(),
            allow_deletions: self.allow_deletions,
            how_to_accept: "with --allow-deletions",
            origin: self.origin,
            unread_parents: self.unread_parents.clone().map(|unread| keep(unread) as _),
            labels: &[],
            filters: self.filters,
        };
        let zone = Self::zone();
        let context = Context {
            zone: &zone,
            today: TODAY,
            account: "sync@example.org",
            sheet_id: 4242,
            sheet_index: None,
            other_cells: 0,
            max_cells: self.max_cells,
            snapshot,
        };
        let outline = self.grid.outline();
        let mut tab = match outline.find(RESOURCE, &self.title)? {
            Some(_) => self.grid.read(RESOURCE, &self.title),
            None => None,
        };
        let wish = keep(wish);
        let first = plan(tab.as_ref(), &outline.titles(), wish, &context)?;
        let noted: HashSet<usize> = first
            .noteworthy()
            .iter()
            .copied()
            .filter(|row| self.grid.noted.contains(&self.grid.lines[*row].number))
            .collect();
        match &mut tab {
            Some(tab) if !noted.is_empty() => tab.noted = noted,
            _ => return Ok(first),
        }
        plan(tab.as_ref(), &outline.titles(), wish, &context)
    }

    pub fn sync(&mut self) -> Result<TabChange, Failure> {
        let plan = self.plan()?;
        let change = plan.change.clone();
        self.carry_out(plan);
        Ok(change)
    }

    /// Sends the plan's batches and compares what stands after each with its prediction.
    pub fn carry_out(&mut self, plan: Plan<'_>) {
        let mut prediction = plan.prediction.clone();
        let mut new_tab = plan.new_tab;
        for unit in plan.batches() {
            let shifts = unit.shifts.clone();
            let body = self.body(&unit, plan.sheet_id(), new_tab);
            new_tab = false;
            self.grid.batch(&body).unwrap_or_else(|error| panic!("{error}\n{body}"));
            prediction.apply(&shifts);
            assert_eq!(self.shown(&prediction), prediction);
        }
    }

    /// The batch of a unit, with the revision that the tab has now.
    pub fn body(&mut self, unit: &Unit, sheet: i32, new_tab: bool) -> String {
        let now = self.grid.marks.iter().find(|mark| mark.key == REVISION);
        let now = now.map(|mark| Revision::parse(i32::try_from(mark.id).unwrap(), &mark.value, sheet).unwrap());
        self.ids += 1;
        let next = Revision {
            current: now.map_or(self.ids + 1000, |now| now.successor),
            successor: self.ids,
        };
        String::from_utf8(body(unit.json.clone(), sheet, RESOURCE, now, next, new_tab).to_vec()).unwrap()
    }

    /// What stands where the prediction looks.
    fn shown(&self, like: &Prediction) -> Prediction {
        let label = |column: usize| self.grid.value(like.header, column).label();
        Prediction::new(
            like.sheet_id,
            like.header,
            like.key,
            like.labels
                .iter()
                .map(|(column, _)| (*column, label(*column)))
                .collect(),
            (0..self.grid.lines.len())
                .map(|row| self.grid.value(row, like.key).key())
                .collect(),
        )
    }

    /// Owned columns: (index, mark).
    pub fn owned(&self) -> Vec<(usize, ColumnMark)> {
        let mut owned: Vec<_> = self
            .grid
            .marks
            .iter()
            .filter(|mark| mark.key == COLUMN)
            .map(|mark| match mark.place {
                Place::Column(at) => (at, ColumnMark::parse(&mark.value).unwrap()),
                place => panic!("a column's mark on {place:?}"),
            })
            .collect();
        owned.sort_by_key(|(at, _)| *at);
        owned
    }

    pub fn column(&self, path: &str) -> usize {
        self.find_column(path).unwrap_or_else(|| panic!("no column {path}"))
    }

    pub fn find_column(&self, path: &str) -> Option<usize> {
        Some(self.owned().iter().find(|(_, mark)| mark.path == path)?.0)
    }

    pub fn header(&self) -> usize {
        let header = self.grid.marks.iter().find(|mark| mark.key == HEADER);
        match header.map(|mark| mark.place) {
            Some(Place::Row(at)) => at,
            other => panic!("the header's mark is on {other:?}"),
        }
    }

    /// Rows of a key.
    pub fn rows_of(&self, key: &str) -> Vec<usize> {
        let column = self.column("id");
        (0..self.grid.lines.len())
            .filter(|row| self.grid.value(*row, column).key().as_deref() == Some(key))
            .collect()
    }

    pub fn row(&self, key: &str) -> usize {
        match self.rows_of(key)[..] {
            [row] => row,
            ref rows => panic!("{key} is in rows {rows:?}"),
        }
    }

    pub fn get(&self, key: &str, path: &str) -> &Seen<'static> {
        self.grid.value(self.row(key), self.column(path))
    }

    /// People take the first blank column right of ours, or add one; its index.
    pub fn people_column(&mut self, header: &str) -> usize {
        let ours = self.owned().iter().map(|(at, _)| at + 1).max().unwrap_or(0);
        let is_blank = |column: &usize| self.grid.lines.iter().all(|line| line.cells[*column].value.is_blank());
        let at = (ours..self.grid.columns.len()).find(is_blank);
        let at = at.unwrap_or_else(|| {
            let at = self.grid.columns.len();
            self.grid.insert(false, at, 1, true).unwrap();
            at
        });
        self.grid.set(self.header(), at, text(header));
        at
    }

    pub fn type_beside(&mut self, key: &str, column: usize, value: &str) {
        let row = self.row(key);
        self.grid.set(row, column, text(value));
    }

    pub fn drop_record(&mut self, key: &str) {
        self.table.rows.retain(|row| key_of(row) != Some(key));
    }
}

/// A test is short: what a plan borrows may stay for ever.
fn keep<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

pub fn text(text: &str) -> Seen<'static> {
    if text.is_empty() {
        Seen::Blank
    } else {
        Seen::Text(text.to_owned().into())
    }
}

pub fn column(path: &str, kind: Kind) -> Column {
    Column {
        path: path.into(),
        label: format!("L {path}"),
        kind,
    }
}

/// The key of a row, the text of its first cell.
pub fn key_of<'a>(row: &'a [Cell<'static>]) -> Option<&'a str> {
    match row.first() {
        Some(Cell::Text(key)) => Some(key),
        _ => None,
    }
}

/// Records of three columns: id, name and state.
pub fn folders(ids: impl IntoIterator<Item = u32>) -> Table {
    Table {
        columns: vec![
            column("id", Kind::Identifier),
            column("name", Kind::Plain),
            column("state", Kind::Plain),
        ],
        rows: ids.into_iter().map(folder).collect(),
        key_shape: KeyShape::Digits,
    }
}

pub fn folder(id: u32) -> Vec<Cell<'static>> {
    vec![
        Cell::Text(id.to_string().into()),
        Cell::Text(format!("name of {id}").into()),
        Cell::Text("accepted".into()),
    ]
}
