//! Read, plan, send, verify; at most three rounds.
//!
//! A batch is applied at most once: it begins by creating the metadata ID that the tab's revision names, which can exist
//! only once. After an unclear answer nothing is sent again; the tab is read anew, and its revision tells whether the
//! batch landed.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{
    Filled, TabChange, TabWish, Unfinished,
    client::{Client, Error, random_u32},
    errors::{failure, is_protection},
    marks::{FIRST, REVISION, Revision, first_batch},
    notes,
    plan::{Context, Plan, Prediction, plan},
    read::{self, Outline},
    requests::{Counts, Unit, on_sheet},
    review::{Findings, MOST_TEXTS},
    snapshot::Snapshot,
    tab::Tab,
};
use crate::{
    failure::{Failure, reason},
    spec::ResourceName,
    words::counted,
};

const ROUNDS: usize = 3;
/// Hears how many rows are written, of how many.
pub type Told<'t> = &'t (dyn Fn(usize, usize) + Sync);

/// An outline is believed for so long before something is written by it; comparing may use an older one.
const FRESH: Duration = Duration::from_secs(3);

/// A spreadsheet that this client may write.
pub struct Book<'a> {
    client: &'a Client,
    id: String,
    title: String,
    unknown_zone: Option<String>,
    /// As it was found last, and when; none once something was written.
    outline: Mutex<Option<(Arc<Outline>, Instant)>>,
}

impl Client {
    /// Opens a spreadsheet: proves that it is there and shared, and learns its time zone and tabs.
    pub async fn open(&self, spreadsheet: &str) -> Result<Book<'_>, Failure> {
        let outline = read::outline(self, spreadsheet)
            .await
            .map_err(|error| failure(self, &error, "the spreadsheet"))?;
        Ok(Book {
            client: self,
            id: spreadsheet.to_owned(),
            title: outline.title.clone(),
            unknown_zone: outline.unknown_zone.clone(),
            outline: Mutex::new(Some((Arc::new(outline), Instant::now()))),
        })
    }
}

/// A tab as it was read.
struct Read {
    tab: Option<Tab>,
    outline: Arc<Outline>,
    /// When the outline was.
    at: Instant,
}

/// How a write ended, as far as is known.
enum Written {
    Done,
    /// Nobody knows, or people moved what was written.
    Unsure(String),
    Refused(Refusal),
}

/// A batch that Google refused whole: somebody else wrote, people changed the grid since it was read, or an earlier try
/// landed. The same one again, although nobody else wrote, is none of these.
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    revision: Option<Revision>,
    message: String,
}

/// What a run did to a tab so far.
struct Progress<'t> {
    /// Hears how many rows are written, of how many.
    told: Told<'t>,
    counts: Counts,
    /// A batch on its way: should its fate be unclear, the revision that it creates tells.
    pending: Option<(i32, Counts)>,
    /// Nobody knows of a batch of an earlier round whether it was applied, or will be.
    unclear: bool,
    written: bool,
    /// What the first plan said that came to be written: later ones see its work as done.
    first: Option<TabChange>,
    /// Rows that stood elsewhere than they should.
    displaced: usize,
    /// Of what was looked at after writing.
    notes: Vec<String>,
}

/// Where the writing of a plan stands.
struct Sending<'p, 't> {
    sheet: i32,
    revision: Option<Revision>,
    /// The next batch makes the tab.
    new_tab: bool,
    prediction: Prediction,
    progress: &'p mut Progress<'t>,
}

impl<'t> Progress<'t> {
    fn new(told: Told<'t>) -> Self {
        Self {
            told,
            counts: Counts::default(),
            pending: None,
            unclear: false,
            written: false,
            first: None,
            displaced: 0,
            notes: Vec::new(),
        }
    }

    fn landed(&mut self) {
        if let Some((_, counts)) = self.pending.take() {
            self.counts += counts;
            self.written = true;
        }
    }
}

impl Book<'_> {
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The spreadsheet's zone, if it is one that nobody knows; times are shown in UTC then.
    pub fn unknown_zone(&self) -> Option<&str> {
        self.unknown_zone.as_deref()
    }

    /// By the names of resources that have a tab: the field by which its rows are known.
    pub async fn known_keys(&self) -> Result<HashMap<String, String>, Failure> {
        let (outline, _) = self.outline(None, "the spreadsheet").await?;
        Ok(outline.known_keys())
    }

    /// The tab that an earlier run filled with this resource.
    pub async fn tab_of(&self, resource: ResourceName) -> Result<Option<Filled>, Failure> {
        let (outline, _) = self.outline(None, "the spreadsheet").await?;
        Ok(outline.tab_of(resource))
    }

    /// What [`Book::sync_tab`] would do. Sends reads only.
    pub async fn plan_tab(&self, wish: &TabWish<'_>) -> Result<TabChange, Failure> {
        let mut read = self.read(wish, None).await?;
        Ok(self.plan(&mut read, wish, &Snapshot::default()).await?.change)
    }

    /// Brings a tab to what is wished: only differences, atomically, verified. `told` hears of each batch.
    pub async fn sync_tab(&self, wish: &TabWish<'_>, told: Told<'_>) -> Result<TabChange, Unfinished> {
        let mut progress = Progress::new(told);
        let result = self.rounds(wish, &mut progress).await;
        result.map_err(|failure| Unfinished {
            failure,
            done: Box::new(done(TabChange::default(), &progress, 0)),
        })
    }

    async fn rounds(&self, wish: &TabWish<'_>, progress: &mut Progress<'_>) -> Result<TabChange, Failure> {
        let mut snapshot = Snapshot::default();
        let mut why = String::new();
        let mut refusals = Vec::new();
        for round in 0..ROUNDS {
            let mut read = self.read(wish, (round > 0).then_some(FRESH)).await?;
            if let Some((revision, _)) = progress.pending {
                match read.tab.as_ref().and_then(|tab| tab.revision) {
                    Some(found) if found.current == revision => progress.landed(),
                    _ => progress.pending = None,
                }
            }
            let mut plan = self.plan(&mut read, wish, &snapshot).await?;
            if !plan.is_empty() && read.at.elapsed() > FRESH {
                // enough to see that nothing changed, not to write by: columns may have been moved since
                if !self.stands(&read, &plan, wish).await? {
                    drop((plan, read));
                    read = self.read(wish, Some(FRESH)).await?;
                    plan = self.plan(&mut read, wish, &snapshot).await?;
                }
            }
            let waits = wish.again && plan.change.unproven > 0 && !progress.written;
            if plan.is_empty() || waits {
                return Ok(done(plan.change, progress, round));
            }
            snapshot = std::mem::take(&mut plan.snapshot);
            if !self.still(&plan, wish, progress).await? {
                "somebody is editing the tab".clone_into(&mut why);
                continue;
            }
            let change = plan.change.clone();
            if !progress.written {
                progress.first = Some(change.clone());
            }
            let revision = read.tab.as_ref().and_then(|tab| tab.revision);
            match self.send(plan, revision, wish, progress).await? {
                Written::Done => return Ok(done(change, progress, round)),
                Written::Unsure(what) => why = what,
                Written::Refused(refusal) => {
                    why = format!("Google refused the changes: {}", refusal.message);
                    refusals.push(refusal);
                }
            }
        }
        if refusals.len() == ROUNDS && refusals.windows(2).all(|pair| pair[0] == pair[1]) {
            return Err(Failure::person(
                reason::GOOGLE_ERROR,
                format!(
                    "tab {:?}: {why} (each of {ROUNDS} times, so trying again would not help)",
                    wish.title
                ),
            ));
        }
        Err(Failure::later(
            reason::CONFLICT,
            format!(
                "tab {:?}: {why}; {ROUNDS} rounds were not enough, the next run tries again",
                wish.title
            ),
        ))
    }

    /// The spreadsheet without its cells, not older than `age` if that is asked for.
    async fn outline(&self, age: Option<Duration>, place: &str) -> Result<(Arc<Outline>, Instant), Failure> {
        let known = self.outline.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((outline, at)) = known
            && age.is_none_or(|age| at.elapsed() <= age)
        {
            return Ok((outline, at));
        }
        let at = Instant::now();
        let outline = read::outline(self.client, &self.id)
            .await
            .map_err(|error| failure(self.client, &error, place))?;
        let outline = Arc::new(outline);
        *self.outline.lock().unwrap_or_else(PoisonError::into_inner) = Some((Arc::clone(&outline), at));
        Ok((outline, at))
    }

    fn forget_outline(&self) {
        *self.outline.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn read(&self, wish: &TabWish<'_>, mut age: Option<Duration>) -> Result<Read, Failure> {
        let place = format!("tab {:?}", wish.title);
        loop {
            let (outline, at) = self.outline(age, &place).await?;
            let mut tab = outline.find(wish.resource, wish.title)?;
            let cells = match &mut tab {
                Some(tab) => self.cells(tab, wish).await,
                None => Ok(()),
            };
            match cells {
                Ok(()) => return Ok(Read { tab, outline, at }),
                // the tab was deleted since the outline was read
                Err(Error::Refused { status: 400, .. }) if at.elapsed() > FRESH => age = Some(FRESH),
                Err(error) => return Err(failure(self.client, &error, &place)),
            }
        }
    }

    /// Whether all but the cells is as it was read. They need not be read again then: the keys will be.
    async fn stands(&self, read: &Read, plan: &Plan<'_>, wish: &TabWish<'_>) -> Result<bool, Failure> {
        let (now, _) = self.outline(Some(FRESH), &format!("tab {:?}", wish.title)).await?;
        let same = match (&read.tab, now.find(wish.resource, wish.title)?) {
            (None, None) => true,
            (Some(tab), Some(now)) => plan.as_read.is_some() && tab.is_same_but_for_cells(now),
            _ => false,
        };
        Ok(same && now.titles() == read.outline.titles() && now.zone == read.outline.zone)
    }

    async fn cells(&self, tab: &mut Tab, wish: &TabWish<'_>) -> Result<(), Error> {
        read::cells(self.client, &self.id, tab).await?;
        let listed: HashSet<&str> = wish.table.keys().flatten().collect();
        let doubtful = tab.doubtful(&wish.table.columns[0].path, |key| listed.contains(key));
        read::texts(self.client, &self.id, tab, &doubtful).await
    }

    /// A plan that deletes rows, or leaves them unmarked, is made again once it is known which of them have notes.
    async fn plan<'a>(&self, read: &mut Read, wish: &'a TabWish<'a>, snapshot: &Snapshot) -> Result<Plan<'a>, Failure> {
        let plan = self.plan_once(read, wish, snapshot)?;
        let Some(tab) = read.tab.as_mut().filter(|_| !plan.noteworthy().is_empty()) else {
            return Ok(plan);
        };
        let noted = notes::noted(self.client, &self.id, tab.sheet_id, plan.noteworthy()).await;
        tab.noted = noted.map_err(|error| failure(self.client, &error, &format!("tab {:?}", wish.title)))?;
        match tab.noted.is_empty() {
            true => Ok(plan),
            false => self.plan_once(read, wish, snapshot),
        }
    }

    fn plan_once<'a>(&self, read: &Read, wish: &'a TabWish<'a>, snapshot: &Snapshot) -> Result<Plan<'a>, Failure> {
        let Read { tab, outline, .. } = read;
        let today = Timestamp::now().to_zoned(outline.zone.clone()).date();
        let context = Context {
            zone: &outline.zone,
            today: days_since_epoch(today),
            account: self.client.account(),
            sheet_id: fresh_id(),
            sheet_index: outline.place(wish.resource, wish.order),
            other_cells: outline.cells_without(tab.as_ref().map(|tab| tab.sheet_id)),
            max_cells: self.client.cell_limit(),
            snapshot,
        };
        plan(tab.as_ref(), &outline.titles(), wish, &context)
    }

    /// Right before a batch, which goes by indexes: keys and header stand as they were read.
    async fn still(&self, plan: &Plan<'_>, wish: &TabWish<'_>, progress: &mut Progress<'_>) -> Result<bool, Failure> {
        let Some(as_read) = &plan.as_read else {
            return Ok(true);
        };
        let found = read::keys(self.client, &self.id, as_read).await;
        let found = found.map_err(|error| failure(self.client, &error, wish.title))?;
        let still = found == *as_read;
        if !still {
            progress.displaced += as_read.displaced(&found);
            self.forget_outline();
        }
        Ok(still)
    }

    /// Sends the batches of a plan, each only if the one before stands as predicted, and looks at what became of them.
    async fn send(
        &self,
        plan: Plan<'_>,
        revision: Option<Revision>,
        wish: &TabWish<'_>,
        progress: &mut Progress<'_>,
    ) -> Result<Written, Failure> {
        let told = progress.told;
        let mut sending = Sending {
            sheet: plan.sheet_id(),
            revision,
            new_tab: plan.new_tab,
            prediction: plan.prediction.clone(),
            progress,
        };
        let all = plan.rows();
        let mut done = 0;
        told(done, all);
        for unit in plan.batches() {
            let rows = unit.rows;
            match self.batch(unit, &mut sending, wish).await? {
                Written::Done => done += rows,
                unsure => return Ok(unsure),
            }
            told(done, all);
        }
        self.review(&plan, &mut sending, wish).await
    }

    async fn batch(
        &self,
        mut unit: Unit,
        sending: &mut Sending<'_, '_>,
        wish: &TabWish<'_>,
    ) -> Result<Written, Failure> {
        let place = format!("tab {:?}", wish.title);
        let Sending {
            sheet,
            revision,
            new_tab,
            prediction,
            progress,
        } = sending;
        self.client.check()?;
        let next = Revision {
            current: revision.map_or_else(fresh_id, |now| now.successor),
            successor: fresh_id(),
        };
        let requests = std::mem::take(&mut unit.json);
        let is_new = std::mem::take(new_tab);
        let body = body(requests, *sheet, wish.resource, *revision, next, is_new);
        progress.pending = Some((next.current, unit.counts));
        self.forget_outline();
        let path = format!(
            "v4/spreadsheets/{}:batchUpdate?fields=spreadsheetId&prettyPrint=false",
            self.id
        );
        match self.client.write(&path, body).await {
            Ok(()) => progress.landed(),
            Err(Error::Unclear(what)) => {
                tracing::debug!(tab = wish.title, what, "nobody knows whether the batch was applied");
                progress.unclear = true;
                return Ok(Written::Unsure(what));
            }
            Err(Error::Refused { status: 400, message }) if !is_protection(&message) => {
                tracing::debug!(tab = wish.title, message, "the batch was refused");
                if !progress.unclear {
                    progress.pending = None;
                }
                return Ok(Written::Refused(Refusal {
                    revision: *revision,
                    // a new tab has another ID in each round
                    message: match is_new {
                        true => message.replace(&sheet.to_string(), "…"),
                        false => message,
                    },
                }));
            }
            Err(error) => return Err(failure(self.client, &error, &place)),
        }
        *revision = Some(next);
        prediction.apply(&unit.shifts);
        let found = read::keys(self.client, &self.id, prediction).await;
        let found = found.map_err(|error| failure(self.client, &error, &place))?;
        if found != *prediction {
            progress.displaced += prediction.displaced(&found);
            tracing::debug!(tab = wish.title, "the tab is not as predicted; reading it again");
            return Ok(Written::Unsure("somebody is editing the tab".to_owned()));
        }
        Ok(Written::Done)
    }

    /// Formulas that did not arrive are written once more; texts that Google does not keep are remembered.
    async fn review(
        &self,
        plan: &Plan<'_>,
        sending: &mut Sending<'_, '_>,
        wish: &TabWish<'_>,
    ) -> Result<Written, Failure> {
        if plan.review.is_empty() {
            return Ok(Written::Done);
        }
        let found = match read::ranges(self.client, &self.id, sending.sheet, &plan.review.ranges()).await {
            Ok(found) => found,
            Err(Error::Refused { status: 400, .. }) => {
                return Ok(Written::Unsure("somebody is editing the tab".to_owned()));
            }
            Err(error) => return Err(failure(self.client, &error, &format!("tab {:?}", wish.title))),
        };
        let Findings {
            mut repairs,
            differs,
            notes,
        } = plan.review.findings(sending.sheet, &found);
        sending.progress.notes.extend(notes);
        if let (Some((id, mark)), false) = (&plan.mark, differs.is_empty()) {
            let mut mark = mark.clone();
            mark.differs.extend(differs);
            mark.differs.sort_unstable();
            mark.differs.truncate(MOST_TEXTS);
            repairs.update_mark(*id, &mark.value());
        }
        match repairs.is_empty() {
            true => Ok(Written::Done),
            false => self.batch(repairs, sending, wish).await,
        }
    }
}

/// A batch that can be applied once: it creates a metadata ID that can exist once.
pub fn body(
    requests: String,
    sheet: i32,
    resource: ResourceName,
    revision: Option<Revision>,
    next: Revision,
    new_tab: bool,
) -> Bytes {
    let mut token = Unit::default();
    if revision.is_none() {
        let first = first_batch(sheet, resource);
        token.create_mark(Some(first), FIRST, "", on_sheet(sheet));
    }
    token.create_mark(
        Some(next.current),
        REVISION,
        &next.value(sheet, today()),
        on_sheet(sheet),
    );
    if let Some(revision) = revision {
        token.delete_mark(revision.current);
    }
    // a tab that is made here can carry its mark only after it exists: its addSheet, with an ID of ours and a title that
    // can exist only once, is refused a second time just as well
    let (first, second) = if new_tab {
        (requests, token.json)
    } else {
        (token.json, requests)
    };
    Bytes::from(format!(r#"{{"requests":[{first},{second}]}}"#))
}

/// What a run did, with what the last plan says about the tab as it is now.
fn done(plan: TabChange, progress: &Progress<'_>, round: usize) -> TabChange {
    let Counts {
        added,
        updated,
        removed,
        restored,
    } = progress.counts;
    let first = progress.first.clone().filter(|_| progress.written).unwrap_or_default();
    let mut notes = plan.notes;
    notes.extend(progress.notes.iter().cloned());
    if restored > 0 {
        notes.push(format!(
            "{} put back that an edit at the same moment had displaced",
            counted(restored, "row")
        ));
    }
    if round > 0 {
        let why = match progress.displaced {
            0 => "since an answer was lost or somebody else wrote".to_owned(),
            rows => format!(
                "since the tab changed while it was written: {} stood elsewhere than expected",
                counted(rows, "row")
            ),
        };
        notes.push(format!("{} rounds, {why}", round + 1));
    }
    TabChange {
        added,
        updated,
        removed,
        restored,
        kept: plan.kept,
        unproven: plan.unproven,
        written: progress.written,
        notes,
        ..first
    }
}

fn fresh_id() -> i32 {
    ((random_u32() & 0x7fff_ffff) as i32).max(1)
}

/// In UTC, whatever the spreadsheet's zone: for people who look at how old a tab is.
fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

fn days_since_epoch(date: Date) -> i32 {
    Date::constant(1970, 1, 1).until(date).map_or(0, |span| span.get_days())
}
