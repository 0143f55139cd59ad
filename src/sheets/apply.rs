//! Read, plan, send, verify; at most three rounds.
//!
//! A batch is applied at most once: it begins by creating the metadata ID that the tab's revision names, which can exist
//! only once. After an unclear answer nothing is sent again; the tab is read anew, and its revision tells whether the
//! batch landed.

use std::collections::HashMap;

use bytes::Bytes;
use jiff::{Timestamp, tz::TimeZone};

use super::{
    TabChange, TabWish,
    client::{Client, Error, random_u32},
    marks::{REVISION, Revision, first_revision},
    plan::{Context, Plan, Prediction, Snapshot, plan},
    read::{self, Outline},
    requests::{Unit, batches, on_sheet},
    tab::{Seen, Tab},
};
use crate::{
    failure::{Failure, reason},
    spec::ResourceName,
};

const ROUNDS: usize = 3;

/// A spreadsheet that this client may write.
pub struct Book<'a> {
    client: &'a Client,
    id: String,
    title: String,
    zone: TimeZone,
    unknown_zone: Option<String>,
}

impl Client {
    /// Opens a spreadsheet: proves that it is there and shared, and learns its time zone.
    pub async fn open(&self, spreadsheet: &str) -> Result<Book<'_>, Failure> {
        let outline = read::outline(self, spreadsheet)
            .await
            .map_err(|error| failure(self, &error, "the spreadsheet"))?;
        Ok(Book {
            client: self,
            id: spreadsheet.to_owned(),
            title: outline.title,
            zone: outline.zone,
            unknown_zone: outline.unknown_zone,
        })
    }
}

/// How a write ended, as far as is known.
enum Written {
    Done,
    /// Refused whole, or nobody knows.
    Unsure(String),
}

/// A batch on its way: should its fate be unclear, the revision it creates tells.
struct Pending {
    revision: i32,
    unit: (i64, i64, i64),
}

impl Book<'_> {
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The spreadsheet's zone, if it is one that nobody knows; times are shown in UTC then.
    pub fn unknown_zone(&self) -> Option<&str> {
        self.unknown_zone.as_deref()
    }

    /// Whether an earlier run filled a tab with this resource.
    pub async fn has_tab(&self, resource: ResourceName) -> Result<bool, Failure> {
        let outline = read::outline(self.client, &self.id).await;
        let outline = outline.map_err(|error| failure(self.client, &error, "the spreadsheet"))?;
        Ok(outline.has_tab(resource))
    }

    /// What [`Book::sync_tab`] would do. Sends reads only.
    pub async fn plan_tab(&self, wish: &TabWish<'_>) -> Result<TabChange, Failure> {
        let (tab, titles) = self.read(wish).await?;
        Ok(self.plan(tab.as_ref(), &titles, wish, &Snapshot::new())?.change)
    }

    /// Brings a tab to what is wished: only differences, atomically, verified.
    pub async fn sync_tab(&self, wish: &TabWish<'_>) -> Result<TabChange, Failure> {
        let mut done = TabChange::default();
        let mut snapshot = Snapshot::new();
        let mut pending: Option<Pending> = None;
        let mut why = String::new();
        for round in 0..ROUNDS {
            let (tab, titles) = self.read(wish).await?;
            if let Some(Pending { revision, unit }) = pending.take()
                && tab
                    .as_ref()
                    .and_then(|tab| tab.revision)
                    .is_some_and(|found| found.current == revision)
            {
                count(&mut done, unit);
            }
            let plan = self.plan(tab.as_ref(), &titles, wish, &snapshot)?;
            done.kept = plan.change.kept;
            for note in &plan.change.notes {
                if !done.notes.contains(note) {
                    done.notes.push(note.clone());
                }
            }
            if plan.is_empty() {
                if round > 0 {
                    done.notes.push(format!("{} rounds", round + 1));
                }
                return Ok(done);
            }
            if let Some(tab) = &tab {
                remember(tab, &plan, &mut snapshot);
                if plan.structural && !self.still(tab, &plan).await? {
                    "somebody is editing the tab".clone_into(&mut why);
                    continue;
                }
            }
            let revision = tab.as_ref().and_then(|tab| tab.revision);
            let prediction = plan.prediction.clone();
            match self.send(plan, revision, wish, &mut pending, &mut done).await? {
                Written::Unsure(what) => why = what,
                Written::Done => {
                    let found = read::keys(self.client, &self.id, &prediction).await;
                    let found = found.map_err(|error| failure(self.client, &error, wish.title))?;
                    if found == prediction {
                        if round > 0 {
                            done.notes.push(format!("{} rounds", round + 1));
                        }
                        return Ok(done);
                    }
                    tracing::debug!(tab = wish.title, "the tab is not as predicted; reading it again");
                    "somebody is editing the tab".clone_into(&mut why);
                }
            }
        }
        Err(Failure::later(
            reason::CONFLICT,
            format!(
                "tab {:?}: {why}; {ROUNDS} rounds were not enough, the next run tries again",
                wish.title
            ),
        ))
    }

    async fn read(&self, wish: &TabWish<'_>) -> Result<(Option<Tab>, Vec<String>), Failure> {
        let place = format!("tab {:?}", wish.title);
        let outline: Outline = read::outline(self.client, &self.id)
            .await
            .map_err(|error| failure(self.client, &error, &place))?;
        let mut tab = outline.find(wish.resource, wish.title)?;
        if let Some(tab) = &mut tab {
            read::cells(self.client, &self.id, tab)
                .await
                .map_err(|error| failure(self.client, &error, &place))?;
        }
        Ok((tab, outline.titles()))
    }

    fn plan(
        &self,
        tab: Option<&Tab>,
        titles: &[String],
        wish: &TabWish<'_>,
        snapshot: &Snapshot,
    ) -> Result<Plan, Failure> {
        let today = Timestamp::now().to_zoned(self.zone.clone()).date();
        let context = Context {
            zone: &self.zone,
            today: days_since_epoch(today),
            account: self.client.account(),
            sheet_id: fresh_id(),
            snapshot,
        };
        plan(tab, titles, wish, &context)
    }

    /// Right before rows or columns are inserted or deleted: keys and header stand as they were read.
    async fn still(&self, tab: &Tab, plan: &Plan) -> Result<bool, Failure> {
        let Some(like) = as_read(tab, plan) else {
            return Ok(true);
        };
        let found = read::keys(self.client, &self.id, &like).await;
        let found = found.map_err(|error| failure(self.client, &error, &tab.title))?;
        Ok(found == like)
    }

    async fn send(
        &self,
        plan: Plan,
        revision: Option<Revision>,
        wish: &TabWish<'_>,
        pending: &mut Option<Pending>,
        done: &mut TabChange,
    ) -> Result<Written, Failure> {
        let sheet = plan.sheet_id;
        let mut revision = revision;
        let first = first_revision(sheet, wish.resource.as_str());
        let mut new_tab = plan.new_tab;
        for unit in batches(plan.units) {
            self.client.check()?;
            let mut token = Unit::default();
            let next = Revision {
                current: revision.map_or(first, |revision| revision.successor),
                successor: fresh_id(),
            };
            token.create_mark(
                Some(next.current),
                REVISION,
                &next.successor.to_string(),
                on_sheet(sheet),
            );
            if let Some(revision) = revision {
                token.delete_mark(revision.current);
            }
            // a tab that is made here can carry its mark only after it exists: its addSheet, with an ID of ours, is
            // refused a second time just as well
            let body = if new_tab {
                format!(r#"{{"requests":[{},{}]}}"#, unit.json, token.json)
            } else {
                format!(r#"{{"requests":[{},{}]}}"#, token.json, unit.json)
            };
            new_tab = false;
            let counts = (unit.added, unit.updated, unit.removed);
            *pending = Some(Pending {
                revision: next.current,
                unit: counts,
            });
            let path = format!(
                "v4/spreadsheets/{}:batchUpdate?fields=spreadsheetId&prettyPrint=false",
                self.id
            );
            match self.client.write(&path, Bytes::from(body)).await {
                Ok(()) => {
                    *pending = None;
                    count(done, counts);
                    revision = Some(next);
                }
                Err(Error::Unclear(what)) => {
                    tracing::debug!(tab = wish.title, what, "nobody knows whether the batch was applied");
                    return Ok(Written::Unsure(what));
                }
                Err(Error::Refused { status: 400, message }) if !is_protection(&message) => {
                    // somebody else wrote, or people changed the grid since it was read
                    *pending = None;
                    tracing::debug!(tab = wish.title, message, "the batch was refused");
                    return Ok(Written::Unsure(format!("Google refused the changes: {message}")));
                }
                Err(error) => return Err(failure(self.client, &error, &format!("tab {:?}", wish.title))),
            }
        }
        Ok(Written::Done)
    }
}

fn count(done: &mut TabChange, (added, updated, removed): (i64, i64, i64)) {
    done.added += added;
    done.updated += updated;
    done.removed += removed;
}

fn fresh_id() -> i32 {
    ((random_u32() & 0x7fff_ffff) as i32).max(1)
}

fn days_since_epoch(date: jiff::civil::Date) -> i32 {
    let epoch = jiff::civil::Date::constant(1970, 1, 1);
    epoch.until(date).map_or(0, |span| span.get_days())
}

/// Keys and header as they were read, in the shape in which they are read again.
fn as_read(tab: &Tab, plan: &Plan) -> Option<Prediction> {
    let header = tab.header.map(|(row, _)| row)?;
    let key = tab
        .columns
        .iter()
        .find(|column| column.mark.path == plan.key_path)?
        .index;
    let mut keys: Vec<Option<String>> = (header + 1..tab.used_rows())
        .map(|row| tab.cell(row, key).key())
        .collect();
    while keys.last().is_some_and(Option::is_none) {
        keys.pop();
    }
    let labels = tab
        .columns
        .iter()
        .map(|column| (column.index, tab.cell(header, column.index).label()))
        .collect();
    Some(Prediction {
        sheet_id: tab.sheet_id,
        header,
        key,
        labels,
        keys,
    })
}

/// What people wrote beside each record, until the end of the run: a row that vanishes by mistake comes back with it.
fn remember(tab: &Tab, plan: &Plan, snapshot: &mut Snapshot) {
    let Some(like) = as_read(tab, plan) else { return };
    let owned: Vec<usize> = tab.columns.iter().map(|column| column.index).collect();
    let mut kept: HashMap<String, Vec<(String, usize, Seen)>> = HashMap::new();
    for row in like.header + 1..tab.used_rows() {
        let Some(key) = tab.cell(row, like.key).key() else {
            continue;
        };
        let cells = tab.cells.get(row).map(Vec::as_slice).unwrap_or_default();
        let people: Vec<_> = cells
            .iter()
            .enumerate()
            .filter(|(column, cell)| !cell.is_blank() && !owned.contains(column))
            .map(|(column, cell)| (tab.cell(like.header, column).label(), column, cell.clone()))
            .collect();
        if !people.is_empty() {
            kept.insert(key, people);
        }
    }
    for (key, cells) in kept {
        snapshot.entry(key).or_insert(cells);
    }
}

fn is_protection(message: &str) -> bool {
    message.contains("protected cell or object")
}

/// Google's answers in words that help.
fn failure(client: &Client, error: &Error, place: &str) -> Failure {
    let account = client.account();
    match error {
        Error::Failed(failure) => failure.clone(),
        Error::Unclear(what) => Failure::later(reason::GOOGLE_ERROR, format!("{place}: {what}")),
        Error::Refused { status, message } => match status {
            404 => Failure::person(
                reason::SPREADSHEET_NOT_FOUND,
                "no spreadsheet has that ID: copy it from the link, docs.google.com/spreadsheets/d/ID/edit".to_owned(),
            ),
            403 if message.contains("has not been used") || message.contains("disabled") => Failure::person(
                reason::SPREADSHEET_FORBIDDEN,
                "the Google Sheets API is not enabled in the service account's project: enable it in the Google Cloud console, APIs & Services".to_owned(),
            ),
            403 => Failure::person(
                reason::SPREADSHEET_FORBIDDEN,
                format!("the spreadsheet is not shared with {account} as editor: open it, Share, add that address as Editor (Google: {message})"),
            ),
            400 if message.contains("Office file") || message.contains("not supported for this document") => Failure::person(
                reason::SPREADSHEET_NOT_FOUND,
                "that ID is an Office file (.xlsx) in Drive: open it and choose File > Save as Google Sheets, then use the new ID".to_owned(),
            ),
            400 if is_protection(message) => Failure::person(
                reason::TAB_REFUSED,
                format!("{place} is protected against {account}: let that account edit it, or lift the protection (Google: {message})"),
            ),
            401 => Failure::person(
                reason::GOOGLE_KEY_REFUSED,
                format!("Google does not accept the tokens of {account} (Google: {message})"),
            ),
            429 | 500.. => Failure::later(reason::GOOGLE_ERROR, format!("{place}: Google answered {status}: {message}")),
            _ => Failure::person(reason::GOOGLE_ERROR, format!("{place}: Google answered {status}: {message}")),
        },
    }
}
