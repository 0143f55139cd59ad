//! A simulator, a client of the Sheets half, and what a tab should hold.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use wedof_sheet_sync::{
    config::Environment,
    failure::Failure,
    network::Network,
    patience::Patience,
    sheets::{CELL_LIMIT, Client, Settings, TabChange, TabWish, auth::ServiceAccount},
    simulator::Options,
    spec::{ColumnsSpec, DeletionGuard, MissingRows, PersonalData, ResourceName},
    table::{self, Cell, Column, KeyShape, Kind, Packed, Selection},
    wedof::catalogue::Resource,
};

use crate::support::Simulator;

pub const TITLE: &str = "Dossiers";

pub struct World {
    pub simulator: Simulator,
    pub stop: CancellationToken,
    pub deadline: Option<Duration>,
    pub cell_limit: usize,
    pub wish: Wish,
}

/// A table whose cells a test can change.
#[derive(Clone)]
pub struct Table {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell<'static>>>,
    pub key_shape: KeyShape,
}

impl Table {
    pub fn packed(&self) -> table::Table {
        let pack = |row: &Vec<Cell<'static>>| Packed::of(row.iter().cloned().enumerate());
        let rows = self.rows.iter().map(pack).collect();
        table::Table::new(self.columns.clone(), self.key_shape, rows)
    }
}

/// A [`TabWish`] that owns what it names.
#[derive(Clone)]
pub struct Wish {
    pub resource: ResourceName,
    pub title: String,
    pub table: Table,
    pub columns: ColumnsSpec,
    pub missing_rows: MissingRows,
    pub guard: DeletionGuard,
    pub allow_deletions: bool,
    pub origin: &'static str,
    pub filters: &'static str,
    pub unread_parents: Option<HashSet<String>>,
    pub labels: Vec<(String, String)>,
}

impl Wish {
    pub fn of(table: Table) -> Self {
        Self {
            resource: ResourceName::RegistrationFolders,
            title: TITLE.into(),
            table,
            columns: ColumnsSpec::default(),
            missing_rows: MissingRows::default(),
            guard: DeletionGuard::default(),
            allow_deletions: false,
            origin: "list",
            filters: "",
            unread_parents: None,
            labels: Vec::new(),
        }
    }

    pub fn borrow(&self) -> TabWish<'_> {
        TabWish {
            resource: self.resource,
            title: &self.title,
            order: &[],
            // a test is short: what it packs may stay
            table: Box::leak(Box::new(self.table.packed())),
            columns: Box::leak(Box::new(Selection::new(
                Resource::of(self.resource),
                &self.columns,
                PersonalData::Include,
            ))),
            missing_rows: self.missing_rows,
            proven: true,
            again: false,
            guard: self.guard.clone(),
            allow_deletions: self.allow_deletions,
            how_to_accept: "with --allow-deletions registrationFolders",
            origin: self.origin,
            unread_parents: self.unread_parents.as_ref(),
            labels: &self.labels,
            filters: self.filters,
        }
    }
}

impl World {
    pub async fn new(rows: u32) -> Self {
        let simulator = Simulator::with(Options {
            folders: 1,
            ..Options::default()
        })
        .await;
        Self {
            simulator,
            stop: CancellationToken::new(),
            deadline: None,
            cell_limit: CELL_LIMIT,
            wish: Wish::of(folders(1..=rows)),
        }
    }

    /// With the tab already filled.
    pub async fn filled(rows: u32) -> Self {
        let world = Self::new(rows).await;
        world.sync().await.unwrap();
        world
    }

    pub async fn client(&self) -> Result<Client, Failure> {
        let tenant = self.simulator.tenant();
        self.client_with(&tenant.credentials).await
    }

    pub async fn client_with(&self, credentials: &str) -> Result<Client, Failure> {
        let account_place = "Secret `google`, key `credentials.json`".to_owned();
        Client::new(Settings {
            base_url: Some(self.simulator.running.sheets_url.parse().unwrap()),
            account: ServiceAccount::from_json(credentials, &account_place, None)?,
            account_place,
            stop: self.stop.clone(),
            deadline: self.deadline.map(|left| Instant::now() + left),
            patience: Patience::default(),
            cell_limit: self.cell_limit,
            network: Network::of(&Environment::default())?,
        })
        .await
    }

    /// One run of one tab.
    pub async fn sync(&self) -> Result<TabChange, Failure> {
        self.sync_to(&self.wish).await
    }

    pub async fn sync_to(&self, wish: &Wish) -> Result<TabChange, Failure> {
        let client = self.client().await?;
        let book = client.open(&self.simulator.tenant().spreadsheet_id).await?;
        book.sync_tab(&wish.borrow(), &|_, _| ())
            .await
            .map_err(|unfinished| unfinished.failure)
    }

    pub async fn dry_run(&self) -> Result<TabChange, Failure> {
        let client = self.client().await?;
        let book = client.open(&self.simulator.tenant().spreadsheet_id).await?;
        book.plan_tab(&self.wish.borrow()).await
    }

    /// The state of a tab, or null.
    pub fn tab(&self, title: &str) -> Value {
        let state = self.simulator.state();
        let sheets = state["sheets"].as_array().unwrap();
        let tab = sheets.iter().find(|sheet| sheet["properties"]["title"] == title);
        tab.cloned().unwrap_or_default()
    }

    pub fn sheet_id(&self) -> i64 {
        self.tab(TITLE)["properties"]["sheetId"].as_i64().unwrap()
    }

    /// The values of the tab, typed, formulas as their text, down to the last row that holds any.
    pub fn values(&self) -> Vec<Vec<Value>> {
        let values = self.tab(TITLE)["values"].clone();
        let mut values: Vec<Vec<Value>> = serde_json::from_value(values).unwrap();
        while values.last().is_some_and(|row| row.iter().all(Value::is_null)) {
            values.pop();
        }
        values
    }

    /// Rows of the grid.
    pub fn height(&self) -> u64 {
        self.tab(TITLE)["properties"]["gridProperties"]["rowCount"]
            .as_u64()
            .unwrap()
    }

    /// The row of a key, without the key.
    pub fn row(&self, key: &str) -> Vec<Value> {
        let values = self.values();
        let rows: Vec<_> = values.iter().filter(|row| row.first() == Some(&json!(key))).collect();
        assert_eq!(rows.len(), 1, "{key}: {values:?}");
        rows[0][1..].to_vec()
    }

    pub fn keys(&self) -> Vec<String> {
        let keys = self.values().into_iter().skip(1);
        keys.map(|row| row.first().and_then(Value::as_str).unwrap_or_default().to_owned())
            .collect()
    }

    pub fn writes(&self) -> u64 {
        self.simulator.running.sheets_requests().writes
    }

    pub fn reads(&self) -> u64 {
        self.simulator.running.sheets_requests().reads
    }

    pub async fn forget_requests(&self) {
        self.simulator.google_admin(Method::DELETE, "_requests", None).await;
    }

    pub async fn fault(&self, fault: Value) {
        let reply = self.simulator.google_admin(Method::POST, "_faults", Some(&fault)).await;
        assert!(reply.status.is_success(), "{}", reply.json);
    }

    pub fn drop_record(&mut self, key: &str) {
        self.wish.table.rows.retain(|row| row[0] != Cell::Text(key.into()));
    }

    pub fn change_name(&mut self, key: &str, name: &str) {
        let row = self
            .wish
            .table
            .rows
            .iter_mut()
            .find(|row| row[0] == Cell::Text(key.into()));
        row.unwrap()[1] = Cell::Text(name.to_owned().into());
    }
}

/// The path of a batch of changes, as faults name it.
pub const WRITE: &str = "*:batchUpdate";
/// The path of a read of values.
pub const READ: &str = "*values:batchGetByDataFilter";

pub fn folders(ids: impl IntoIterator<Item = u32>) -> Table {
    let column = |path: &str, kind| Column {
        path: path.into(),
        label: path.to_uppercase(),
        kind,
    };
    Table {
        columns: vec![
            column("id", Kind::Identifier),
            column("name", Kind::Plain),
            column("born", Kind::Day),
            column("seen", Kind::Instant),
            column("price", Kind::Plain),
            column("paid", Kind::Plain),
        ],
        rows: ids.into_iter().map(folder).collect(),
        key_shape: KeyShape::Digits,
    }
}

/// Rows so long that some hundreds of them take more than one batch.
pub fn heavy(ids: impl IntoIterator<Item = u32>) -> Table {
    let mut table = folders(ids);
    let long = "x".repeat(20_000);
    for row in &mut table.rows {
        let Cell::Text(id) = &row[0] else { unreachable!() };
        row[1] = Cell::Text(format!("{id}{long}").into());
    }
    table
}

pub fn folder(id: u32) -> Vec<Cell<'static>> {
    vec![
        Cell::Text(id.to_string().into()),
        Cell::Text(format!("name of {id}").into()),
        if id.is_multiple_of(5) {
            Cell::Blank
        } else {
            Cell::Day(7_000 + id as i32)
        },
        Cell::Instant(1_719_394_960_642 + i64::from(id) * 86_400_123),
        Cell::Number(f64::from(id) / 3.0),
        Cell::Bool(id.is_multiple_of(2)),
    ]
}
