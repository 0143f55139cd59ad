//! Lists of single parents: folders, as far as the request budget goes, or certifications.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::{Dead, Gather, Gathered, filters, gathered, join, taken};
use crate::{
    failure::Failure,
    spec::ResourceSpec,
    table::{Flattener, Packed, Selection},
    wedof::{
        catalogue::{CHILD_KEY, Each, FOLDERS, Order, Parents, Resource, Way},
        fetch::{self, Ask, Children, Parent, Seen, Unread},
    },
    words::counted,
};

/// Lists of folders that are refused one after the other until the rest is not asked any more.
const MOST_REFUSED: usize = 3;

impl Gather<'_> {
    /// Asks for the children of one parent after the other.
    pub(super) async fn each(
        &mut self,
        index: usize,
        each: &'static [Each],
        query: &[(String, String)],
        progress: &mut impl FnMut(u64, Option<u64>),
    ) -> Result<Gathered, Dead> {
        let spec = self.spec(index);
        let family = self.family(spec, each)?;
        let share = self.share(&family);
        let mut children = ChildRows::new(&self.selections[index]);
        let (mut asked, mut refused, mut last) = (0, 0, None);
        let before = self.client.requests();
        for (number, parent) in family.parents.iter().enumerate() {
            progress(number as u64, Some(family.parents.len() as u64));
            if share.is_some_and(|share| self.client.requests() - before >= share) {
                break;
            }
            match self.children_of(spec, parent, query, &mut children).await {
                Ok(complete) => {
                    asked += 1;
                    if complete {
                        children.read.insert(parent.key.to_string());
                    }
                }
                Err(Unread::Refused(refusal)) => {
                    refused += 1;
                    last = Some(refusal);
                    if asked == 0 && refused >= MOST_REFUSED {
                        break;
                    }
                }
                Err(Unread::OutOfBudget) => break,
                Err(Unread::Failed(failure)) => return Err(Dead::Failed(failure)),
            }
        }
        if let (0, Some(refusal)) = (asked, last) {
            return Err(Dead::Refused(
                format!("the lists of {}", counted(refused, family.what)),
                refusal,
            ));
        }
        Ok(children.gathered(spec, family, asked, refused)?)
    }

    /// The parents whose children make up a resource, the most recently changed first.
    fn family(&self, spec: &ResourceSpec, each: &'static [Each]) -> Result<Family, Dead> {
        let name = spec.name;
        let mut parents = Vec::new();
        let [first, ..] = each else {
            return Err(Dead::Because("it has no parents".to_owned()));
        };
        let given = match first.parents {
            Parents::Certifications { filter } => spec.filters.get(filter),
            Parents::Folders(_) if self.client.left().is_none() => return Err(Dead::NoBudget),
            Parents::Folders(_) => None,
        };
        if let Some(codes) = given {
            parents.extend(codes.iter().map(|code| AParent::of(code, None, first)));
            return Ok(Family {
                parents,
                what: "certification",
                origin: "each certification".to_owned(),
                filters: filters(spec),
                deletions: true,
            });
        }
        let of_codes = matches!(first.parents, Parents::Certifications { .. });
        let kinds = match of_codes {
            true => self.sources(name, FOLDERS.into_iter())?,
            false => {
                let kinds = each.iter().filter_map(|each| match each.parents {
                    Parents::Folders(kind) => Some(kind),
                    Parents::Certifications { .. } => None,
                });
                self.sources(name, kinds)?
            }
        };
        let (taken, deletions) = taken(&self.folders, &kinds);
        let mut seen = HashSet::new();
        for (kind, taken) in taken {
            let each = each
                .iter()
                .find(|each| of_codes || each.parents == Parents::Folders(kind));
            let key = if of_codes { &taken.certification } else { &taken.key };
            if let (Some(each), Some(key)) = (each, key)
                && (!of_codes || seen.insert(key.clone()))
            {
                parents.push(AParent::of(key, taken.updated, each));
            }
        }
        // stable: equally old ones stay in the order of their list
        parents.sort_by_key(|parent| std::cmp::Reverse(parent.updated));
        let (what, origin) = match of_codes {
            true => ("certification", "each certification".to_owned()),
            false => ("folder", format!("each of {}", join(&kinds))),
        };
        Ok(Family {
            parents,
            what,
            origin,
            filters: self.filters_with(spec, &kinds),
            deletions,
        })
    }

    /// How many requests a resource may make for single folders: what is left is divided among those that wait too.
    fn share(&self, family: &Family) -> Option<i64> {
        if family.what != "folder" {
            return None;
        }
        let others = self
            .waiting
            .iter()
            .filter(|waiting| matches!(self.way(waiting), Some(Way::Each(_))))
            .count();
        let others = i64::try_from(others).unwrap_or(i64::MAX).saturating_add(1);
        self.client.left().map(|left| left / others)
    }

    /// Reads the children of one parent; whether those that are not there are proven to be gone.
    async fn children_of(
        &self,
        spec: &ResourceSpec,
        parent: &AParent,
        query: &[(String, String)],
        into: &mut ChildRows<'_>,
    ) -> Result<bool, Unread> {
        let Each {
            parents,
            path,
            parameter,
            fields,
        } = *parent.each;
        let path = path.replace("{}", &parent.key);
        let mut query = query.to_vec();
        query.extend(parameter.map(|name| (name.to_owned(), parent.key.to_string())));
        let ask = Ask {
            thorough: true,
            parent: Some(Parent {
                key: &parent.key,
                fields,
            }),
            ..self.ask(Resource::of(spec.name), &path, &query, !spec.filters.is_empty())
        };
        let flattener = &mut into.flattener;
        let read = |seen: Seen<'_>| flattener.row(seen.record);
        let Children {
            records,
            keyless,
            deletions,
        } = match parents {
            Parents::Folders(_) => fetch::children(self.client, &ask, read).await?,
            Parents::Certifications { .. } => {
                let mut keyed = Vec::new();
                let fetched = fetch::list(
                    self.client,
                    &ask,
                    Order::Unknown,
                    |seen| (seen.key.map(str::to_owned), flattener.row(seen.record)),
                    |_, _| {},
                )
                .await?;
                for (key, row) in fetched.records {
                    keyed.extend(key.map(|key| (key, row)));
                }
                Children {
                    records: keyed,
                    keyless: 0,
                    deletions: fetched.deletions,
                }
            }
        };
        into.keyless += keyless;
        for (key, row) in records {
            into.add(key, row);
        }
        Ok(deletions)
    }
}

/// One parent, and where its children are.
struct AParent {
    key: Box<str>,
    updated: Option<Timestamp>,
    each: &'static Each,
}

impl AParent {
    fn of(key: &str, updated: Option<Timestamp>, each: &'static Each) -> Self {
        Self {
            key: key.into(),
            updated,
            each,
        }
    }
}

/// The parents of the children that make up a resource.
struct Family {
    parents: Vec<AParent>,
    /// What a parent is, for messages.
    what: &'static str,
    origin: String,
    filters: String,
    /// A parent that is not here is proven to be gone, and its children with it.
    deletions: bool,
}

/// Children of several parents as they come.
struct ChildRows<'a> {
    flattener: Flattener<'a>,
    rows: Vec<Packed>,
    by_key: HashMap<String, usize>,
    /// Parents all of whose children are here.
    read: HashSet<String>,
    keyless: u64,
}

impl<'a> ChildRows<'a> {
    fn new(selection: &'a Selection<'a>) -> Self {
        Self {
            flattener: Flattener::new(selection),
            rows: Vec::new(),
            by_key: HashMap::new(),
            read: HashSet::new(),
            keyless: 0,
        }
    }

    fn add(&mut self, key: String, row: Packed) {
        let next = self.rows.len();
        match *self.by_key.entry(key).or_insert(next) {
            at if at == next => self.rows.push(row),
            at => self.rows[at] = row,
        }
    }

    fn gathered(self, spec: &ResourceSpec, family: Family, asked: usize, refused: usize) -> Result<Gathered, Failure> {
        let Self {
            flattener,
            rows,
            read,
            keyless,
            by_key: _,
        } = self;
        let Family {
            parents,
            what,
            origin,
            filters,
            deletions,
        } = family;
        let mut notes = Vec::from_iter(fetch::keyless_note(Resource::of(spec.name), keyless, rows.is_empty())?);
        if asked + refused < parents.len() {
            notes.push(format!(
                "{asked} of {} asked, those changed last first; rows of the others stay as they are until \
                 wedof.requestBudget allows more",
                counted(parents.len(), what)
            ));
        }
        if refused > 0 {
            notes.push(format!(
                "{} without a list to read: their rows stay as they are",
                counted(refused, what)
            ));
        }
        let unread = parents
            .iter()
            .map(|parent| parent.key.to_string())
            .filter(|key| !read.contains(key))
            .collect();
        let gathered = gathered(flattener, CHILD_KEY, rows, origin, filters, deletions, notes)?;
        Ok(Gathered { unread, ..gathered })
    }
}
