//! The records of every wanted resource, each by the first way that Wedof lets this account go.
//!
//! Order: first the lists in whose place folders do if they are refused, so that it is known what has to be taken from
//! folders when these are read, once; then all others as the spec has them; then what derives from folders; then lists
//! of single folders, as far as the request budget goes. Only what is needed is kept of a page when it is read.

mod family;

use std::collections::{HashMap, HashSet, VecDeque};

use super::harvest::{Harvest, Rows, Taken};
use crate::{
    config::Config,
    failure::{Failure, reason},
    spec::{PersonalData, ResourceName, ResourceSpec},
    table::{Flattener, Packed, Selection, Table},
    wedof::{
        catalogue::{FOLDERS, Key, List, Parents, Part, Resource, Way},
        client::Client,
        fetch::{self, Ask, Fetched, Seen, Unread},
        refusal::{Refusal, Refusals},
    },
    words::counted,
};

/// The records of one resource, and what may be concluded from them.
#[derive(Debug)]
pub struct Gathered {
    pub table: Table,
    /// How they were had: rows are not deleted in the run in which it changes.
    pub origin: String,
    /// Identifies the filters that decided.
    pub filters: String,
    /// A record that is not here is proven to be gone from Wedof.
    pub deletions: bool,
    /// It is not, and reading this list thoroughly may prove it.
    pub again: Option<&'static List>,
    /// Parents whose children may exist all the same.
    pub unread: HashSet<String>,
    /// Sentences for the report.
    pub notes: Vec<String>,
}

/// What is read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// What a resource needs no folders for, by its index among the wanted ones.
    Start(usize),
    /// Folders of one kind, with their index if they are wanted for themselves.
    Folders(ResourceName, Option<usize>),
    /// A resource that waited for the folders.
    Finish(usize),
}

impl Step {
    /// The wanted resource that may end with this step.
    pub fn index(self) -> Option<usize> {
        match self {
            Self::Start(index) | Self::Finish(index) => Some(index),
            Self::Folders(_, index) => index,
        }
    }
}

/// How far a resource has come.
#[derive(Debug)]
pub enum Got {
    Records(Gathered),
    /// It needs the folders: ask again when they are read.
    Later,
    /// No way is left.
    Unavailable(Failure),
}

/// Why a way did not lead to records. The next one may, unless this one failed.
enum Dead {
    Refused(String, Refusal),
    Because(String),
    NoBudget,
    Failed(Failure),
}

impl From<Failure> for Dead {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Folders of one kind, once they have been asked for.
#[derive(Debug)]
enum Folders {
    Read { taken: Vec<Taken>, deletions: bool },
    Refused(String),
    Failed(Failure),
}

/// A resource that waits for the folders.
#[derive(Debug)]
struct Waiting {
    index: usize,
    way: usize,
    /// What came of the ways before it.
    refusals: Refusals,
}

/// Reads the wanted resources.
pub struct Gather<'a> {
    client: &'a Client,
    config: &'a Config,
    /// One for each of the wanted resources.
    selections: &'a [Selection<'a>],
    /// By resource: the field by which the rows of its tab are known.
    known_keys: &'a HashMap<String, String>,
    waiting: Vec<Waiting>,
    harvest: Harvest<'a>,
    folders: HashMap<ResourceName, Folders>,
    phase: Phase,
    steps: VecDeque<Step>,
}

/// What the steps that are under way read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Lists whose records folders give if they are refused.
    Doubtful,
    /// All others, folders too.
    Main,
    /// What waited for the folders.
    Rest,
}

impl<'a> Gather<'a> {
    pub fn new(
        client: &'a Client,
        config: &'a Config,
        selections: &'a [Selection<'a>],
        known_keys: &'a HashMap<String, String>,
    ) -> Self {
        let specs = config.resources.iter().enumerate();
        let steps = specs
            .filter(|(_, spec)| may_need_folders(spec.name))
            .map(|(index, _)| Step::Start(index))
            .collect();
        Self {
            client,
            config,
            selections,
            known_keys,
            waiting: Vec::new(),
            harvest: Harvest::default(),
            folders: HashMap::new(),
            phase: Phase::Doubtful,
            steps,
        }
    }

    /// What to read now; none if all is done.
    pub fn next_step(&mut self) -> Option<Step> {
        if self.steps.is_empty() {
            self.steps = match self.phase {
                Phase::Doubtful => self.main_steps(),
                Phase::Main => self.last_steps(),
                Phase::Rest => return None,
            };
            self.phase = match self.phase {
                Phase::Doubtful => Phase::Main,
                Phase::Main | Phase::Rest => Phase::Rest,
            };
            return self.next_step();
        }
        self.steps.pop_front()
    }

    /// Carries a step out.
    pub async fn take(&mut self, step: Step, progress: impl FnMut(u64, Option<u64>)) -> Result<Got, Failure> {
        match step {
            Step::Start(index) => {
                let waiting = Waiting {
                    index,
                    way: 0,
                    refusals: Refusals::default(),
                };
                self.go_on(waiting, progress).await
            }
            Step::Folders(kind, index) => self.read_folders(kind, index, progress).await,
            Step::Finish(index) => match self.waiting.iter().position(|waiting| waiting.index == index) {
                Some(at) => {
                    let waiting = self.waiting.remove(at);
                    self.go_on(waiting, progress).await
                }
                None => Ok(Got::Later),
            },
        }
    }

    /// The other resources in their order, folders among them; then folders that are only waited for.
    fn main_steps(&self) -> VecDeque<Step> {
        let specs = &self.config.resources;
        let needed = |kind| {
            self.waiting.iter().any(|waiting| match self.way(waiting) {
                Some(Way::Folders(parts)) => parts.iter().any(|part| part.of == kind),
                Some(Way::Each(each)) => each.iter().any(|each| match each.parents {
                    Parents::Folders(of) => of == kind,
                    Parents::Certifications { .. } => true,
                }),
                _ => false,
            })
        };
        let wanted = specs
            .iter()
            .enumerate()
            .filter(|(_, spec)| !may_need_folders(spec.name));
        let wanted = wanted.map(|(index, spec)| match FOLDERS.contains(&spec.name) {
            true => Step::Folders(spec.name, Some(index)),
            false => Step::Start(index),
        });
        let others = FOLDERS
            .into_iter()
            .filter(|kind| specs.iter().all(|spec| spec.name != *kind) && needed(*kind))
            .map(|kind| Step::Folders(kind, None));
        wanted.chain(others).collect()
    }

    /// What derives from folders first, then lists of single folders, which share what is left of the budget.
    fn last_steps(&self) -> VecDeque<Step> {
        let mut order: Vec<(bool, usize)> = self
            .waiting
            .iter()
            .map(|waiting| (matches!(self.way(waiting), Some(Way::Each(_))), waiting.index))
            .collect();
        order.sort_unstable();
        order.into_iter().map(|(_, index)| Step::Finish(index)).collect()
    }

    /// Reads folders of one kind, for themselves and for whoever waits for them.
    async fn read_folders(
        &mut self,
        kind: ResourceName,
        index: Option<usize>,
        progress: impl FnMut(u64, Option<u64>),
    ) -> Result<Got, Failure> {
        let spec = self.folder_spec(kind);
        let resource = Resource::of(kind);
        let query = resource.query(&spec, &self.config.zone)?;
        let [Way::List(list)] = resource.ways else {
            return Ok(Got::Later);
        };
        let selections = self.selections;
        let mut flattener = index.map(|index| Flattener::new(&selections[index]));
        let ask = self.ask(resource, list.path, &query, !spec.filters.is_empty());
        let harvest = &mut self.harvest;
        let read = |seen: Seen<'_>| {
            let row = flattener.as_mut().map(|flattener| flattener.row(seen.record));
            (row, harvest.take(kind, seen))
        };
        let read = fetch::list(self.client, &ask, list.order, read, progress).await;
        let (folders, got) = match read {
            Ok(fetched) => {
                let Fetched {
                    records,
                    key,
                    deletions,
                    again: _,
                    notes,
                } = fetched;
                let (rows, taken): (Vec<_>, Vec<_>) = records.into_iter().unzip();
                let got = flattener.map(|flattener| {
                    let rows = rows.into_iter().flatten().collect();
                    let filters = filters(&spec);
                    gathered(flattener, key, rows, "list".to_owned(), filters, deletions, notes)
                });
                let got = got.transpose().map(|got| got.map_or(Got::Later, Got::Records));
                (Folders::Read { taken, deletions }, got)
            }
            Err(Unread::Refused(refusal)) => {
                let mut refusals = Refusals::default();
                refusals.add("its list", &refusal);
                let got = nothing(refusals.failure(&spec));
                (Folders::Refused(refusal.what), got)
            }
            Err(Unread::OutOfBudget) => return Ok(Got::Later),
            Err(Unread::Failed(failure)) => (Folders::Failed(failure.clone()), Err(failure)),
        };
        self.folders.insert(kind, folders);
        got
    }

    fn spec(&self, index: usize) -> &'a ResourceSpec {
        &self.config.resources[index]
    }

    /// The spec of folders, also if they are only read for what derives from them: their filters hold for all of it.
    fn folder_spec(&self, kind: ResourceName) -> ResourceSpec {
        let named = self.config.spec.resources.iter().flatten();
        let mut all = self.config.resources.iter().chain(named);
        all.find(|spec| spec.name == kind)
            .cloned()
            .unwrap_or_else(|| ResourceSpec::of(kind))
    }

    fn way(&self, waiting: &Waiting) -> Option<&'static Way> {
        Resource::of(self.spec(waiting.index).name).ways.get(waiting.way)
    }

    fn ask<'q>(
        &self,
        resource: &'static Resource,
        path: &'q str,
        query: &'q [(String, String)],
        filtered: bool,
    ) -> Ask<'q>
    where
        'a: 'q,
    {
        Ask {
            resource,
            path,
            query,
            filtered,
            thorough: false,
            private: self.config.spec.personal_data == PersonalData::Exclude,
            known_key: self.known_keys.get(resource.name.as_str()).map(String::as_str),
            parent: None,
        }
    }

    async fn go_on(
        &mut self,
        mut waiting: Waiting,
        mut progress: impl FnMut(u64, Option<u64>),
    ) -> Result<Got, Failure> {
        let spec = self.spec(waiting.index);
        let resource = Resource::of(spec.name);
        let query = resource.query(spec, &self.config.zone)?;
        while let Some(way) = self.way(&waiting) {
            if self.phase == Phase::Doubtful && self.needs_folders(way, spec) {
                match way {
                    Way::Folders(parts) => {
                        let selection = &self.selections[waiting.index];
                        self.harvest.want(waiting.index, resource, parts, selection);
                    }
                    _ => self.harvest.parents = true,
                }
                self.waiting.push(waiting);
                return Ok(Got::Later);
            }
            let index = waiting.index;
            let tried = match way {
                Way::List(list) => self.list(index, list, &query, false, &mut progress).await,
                Way::Object { path } => self.object(index, path).await,
                Way::Folders(parts) => self.derive(index, parts),
                Way::Each(each) => self.each(index, each, &query, &mut progress).await,
            };
            match tried {
                Ok(gathered) => return Ok(Got::Records(gathered)),
                Err(Dead::Refused(whose, refusal)) => waiting.refusals.add(&whose, &refusal),
                Err(Dead::Because(clause)) => waiting.refusals.add_clause(clause),
                Err(Dead::NoBudget) => waiting.refusals.without_budget(),
                Err(Dead::Failed(failure)) => return nothing(failure),
            }
            waiting.way += 1;
        }
        nothing(waiting.refusals.failure(spec))
    }

    /// Whether a way begins with the folders. One that the budget forbids does not.
    fn needs_folders(&self, way: &Way, spec: &ResourceSpec) -> bool {
        match way {
            Way::List(_) | Way::Object { .. } => false,
            Way::Folders(_) => true,
            Way::Each(each) => each.iter().any(|each| match each.parents {
                Parents::Folders(_) => self.client.left().is_some(),
                Parents::Certifications { filter } => !spec.filters.contains_key(filter),
            }),
        }
    }

    async fn list(
        &mut self,
        index: usize,
        list: &'static List,
        query: &[(String, String)],
        thorough: bool,
        progress: &mut impl FnMut(u64, Option<u64>),
    ) -> Result<Gathered, Dead> {
        let spec = self.spec(index);
        let List {
            path,
            order,
            fixed: _,
            own_siret,
        } = *list;
        let mut query = query.to_vec();
        query.extend(list.parameters());
        if own_siret {
            let Some(siret) = fetch::own_siret(self.client).await? else {
                return Err(Dead::Because(fetch::NO_SIRET.to_owned()));
            };
            query.push(("siret".to_owned(), siret));
        }
        let ask = Ask {
            thorough,
            ..self.ask(Resource::of(spec.name), path, &query, !spec.filters.is_empty())
        };
        let mut flattener = Flattener::new(&self.selections[index]);
        let read = fetch::list(self.client, &ask, order, |seen| flattener.row(seen.record), progress);
        let fetched = read.await.map_err(|unread| dead(unread, "its list"))?;
        let again = fetched.again.then_some(list);
        Ok(Gathered {
            again,
            ..of_fetched(flattener, fetched, "list", spec)?
        })
    }

    /// Reads a list so that what is not in it is proven to be gone.
    pub async fn list_again(
        &mut self,
        index: usize,
        list: &'static List,
        mut progress: impl FnMut(u64, Option<u64>),
    ) -> Result<Got, Failure> {
        let spec = self.spec(index);
        let query = Resource::of(spec.name).query(spec, &self.config.zone)?;
        match self.list(index, list, &query, true, &mut progress).await {
            Ok(gathered) => Ok(Got::Records(gathered)),
            Err(Dead::Failed(failure)) => Err(failure),
            Err(Dead::Refused(..) | Dead::Because(_) | Dead::NoBudget) => Err(Failure::later(
                reason::INCOMPLETE_READ,
                format!("{}: its list was given once and then refused", spec.name),
            )),
        }
    }

    async fn object(&mut self, index: usize, path: &'static str) -> Result<Gathered, Dead> {
        let spec = self.spec(index);
        let ask = self.ask(Resource::of(spec.name), path, &[], false);
        let mut flattener = Flattener::new(&self.selections[index]);
        let fetched = fetch::object(self.client, &ask, |seen| flattener.row(seen.record)).await;
        let fetched = fetched.map_err(|unread| dead(unread, path))?;
        Ok(of_fetched(flattener, fetched, "object", spec)?)
    }

    /// The kinds of folders that were read of these, for a resource that comes from them. One that failed fails it: what
    /// is not known to be missing must not look so.
    fn sources(
        &self,
        name: ResourceName,
        kinds: impl Iterator<Item = ResourceName>,
    ) -> Result<Vec<ResourceName>, Dead> {
        let (mut read, mut clauses) = (Vec::new(), Vec::new());
        for kind in kinds {
            match self.folders.get(&kind) {
                Some(Folders::Read { .. }) => read.push(kind),
                Some(Folders::Refused(what)) => clauses.push(format!("{kind}, from which it would come, {what}")),
                Some(Folders::Failed(failure)) => {
                    return Err(Dead::Failed(Failure {
                        message: format!(
                            "{name}: comes from {kind}, which could not be read: {}",
                            failure.message
                        ),
                        ..failure.clone()
                    }));
                }
                None => clauses.push(format!("{kind} were not read")),
            }
        }
        match read.is_empty() {
            true => Err(Dead::Because(clauses.join("; "))),
            false => Ok(read),
        }
    }

    /// The filters that decide what comes from folders.
    fn filters_with(&self, spec: &ResourceSpec, kinds: &[ResourceName]) -> String {
        let of_folders = kinds.iter().map(|kind| filters(&self.folder_spec(*kind)));
        let all: Vec<String> = std::iter::once(filters(spec))
            .chain(of_folders)
            .filter(|filters| !filters.is_empty())
            .collect();
        all.join("&")
    }

    fn derive(&mut self, index: usize, parts: &'static [Part]) -> Result<Gathered, Dead> {
        let spec = self.spec(index);
        let kinds = self.sources(spec.name, parts.iter().map(|part| part.of))?;
        let filters = self.filters_with(spec, &kinds);
        let (taken, deletions) = taken(&self.folders, &kinds);
        let taken = taken.into_iter().map(|(_, taken)| taken);
        let Some(Rows {
            flattener,
            key,
            rows,
            mut notes,
        }) = self.harvest.rows(index, taken)?
        else {
            return Err(Dead::Because("nothing was taken from folders".to_owned()));
        };
        let from = join(&kinds);
        if parts.iter().all(|part| part.parent.is_none()) {
            notes.insert(0, format!("from {from}"));
        }
        Ok(gathered(
            flattener,
            key,
            rows,
            format!("from {from}"),
            filters,
            deletions,
            notes,
        )?)
    }
}

/// Whether folders may have to be read for a resource.
fn may_need_folders(name: ResourceName) -> bool {
    let ways = Resource::of(name).ways;
    ways.iter().any(|way| matches!(way, Way::Folders(_) | Way::Each(_)))
}

/// What a failure means for a resource: one that cannot be had at all need not be a failure of the run.
fn nothing(failure: Failure) -> Result<Got, Failure> {
    match failure.reason {
        reason::WEDOF_UNAVAILABLE | reason::PERSONAL_DATA => Ok(Got::Unavailable(failure)),
        _ => Err(failure),
    }
}

fn dead(unread: Unread, whose: &str) -> Dead {
    match unread {
        Unread::Refused(refusal) => Dead::Refused(whose.to_owned(), refusal),
        Unread::OutOfBudget => Dead::Because("the request budget is used up".to_owned()),
        Unread::Failed(failure) => Dead::Failed(failure),
    }
}

/// What was taken of folders of these kinds, and whether what is not there is gone.
fn taken<'t>(
    folders: &'t HashMap<ResourceName, Folders>,
    kinds: &[ResourceName],
) -> (Vec<(ResourceName, &'t Taken)>, bool) {
    let (mut all, mut complete) = (Vec::new(), true);
    for kind in kinds {
        if let Some(Folders::Read { taken, deletions }) = folders.get(kind) {
            all.extend(taken.iter().map(|taken| (*kind, taken)));
            complete &= deletions;
        }
    }
    (all, complete)
}

fn of_fetched(
    flattener: Flattener<'_>,
    fetched: Fetched<Packed>,
    origin: &str,
    spec: &ResourceSpec,
) -> Result<Gathered, Failure> {
    let Fetched {
        records,
        key,
        deletions,
        again: _,
        notes,
    } = fetched;
    gathered(
        flattener,
        key,
        records,
        origin.to_owned(),
        filters(spec),
        deletions,
        notes,
    )
}

fn gathered(
    flattener: Flattener<'_>,
    key: Key,
    rows: Vec<Packed>,
    origin: String,
    filters: String,
    deletions: bool,
    mut notes: Vec<String>,
) -> Result<Gathered, Failure> {
    if !rows.is_empty() {
        notes.extend(flattener.check()?);
    }
    let (table, cuts) = flattener.table(key, rows);
    if cuts > 0 {
        notes.push(format!("{} cut to what a cell can hold", counted(cuts, "text")));
    }
    Ok(Gathered {
        table,
        origin,
        filters,
        deletions,
        again: None,
        unread: HashSet::new(),
        notes,
    })
}

/// The same filters are the same text: names are in their order.
fn filters(spec: &ResourceSpec) -> String {
    let filters = spec.filters.iter();
    let texts: Vec<String> = filters
        .map(|(name, values)| format!("{name}={}", values.join(",")))
        .collect();
    texts.join("&")
}

fn join(names: &[ResourceName]) -> String {
    names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" and ")
}
