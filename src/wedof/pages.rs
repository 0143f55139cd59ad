//! How a list is read to its end so that nothing is missed while records come and go. Pure: [`Listing`] says which page
//! to fetch next, takes what came, and says at the end whether rows of unlisted records may be deleted.
//!
//! Counting proves nothing: read forwards, one deletion hides another record although the number of records is right.
//! In ascending order of ids a record only moves towards page 1 and new ones come last, so pages are read **from the
//! last to the first**, page 1 once more at the end: a deletion then repeats records and hides none. Page 1, read first
//! of all, gives the total and the server's real page size, hence the last page. Where the total cannot be trusted, the
//! end is found by reading forwards. Where there is no order, one pass forwards shows what is there, and only two that are
//! joined show what is gone: they are made when it matters ([`Complete::again`]).

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use super::catalogue::Order;

/// Most pages of one listing.
pub const MAX_PAGES: u64 = 10_000;
/// A list that contradicts itself is read once more; what is still in doubt then keeps its rows.
const MAX_PASSES: u32 = 2;

/// One page as it came.
#[derive(Debug, Clone)]
pub struct Page<T> {
    pub records: Vec<Listed<T>>,
    /// What the paging headers say, if there are any.
    pub total: Option<u64>,
    pub per_page: Option<u64>,
    pub number: Option<u64>,
}

impl<T> Page<T> {
    /// What stands past the end of a list.
    pub fn past_end() -> Self {
        Self {
            records: Vec::new(),
            total: None,
            per_page: None,
            number: None,
        }
    }
}

/// One record of a page.
#[derive(Debug, Clone)]
pub struct Listed<T> {
    /// None: nothing tells this record from others, so it cannot have a row.
    pub key: Option<String>,
    /// Of two versions of a record, the one updated last counts.
    pub updated: Option<Timestamp>,
    pub record: T,
}

/// Why a listing cannot be completed. No row may be touched after one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Incomplete {
    #[error("Wedof counts {total} records and lists none")]
    Empty { total: u64 },
    #[error("Wedof answers page {page} with the records of another page")]
    Repeated { page: u64 },
    #[error("Wedof answers page {asked} with page {got}")]
    OtherPage { asked: u64, got: u64 },
    #[error("Wedof counts {total} records, but page {page} is empty")]
    Gap { page: u64, total: u64 },
    #[error("the list has more than {MAX_PAGES} pages; narrow it with filters")]
    TooLong,
}

/// A list read to its end.
#[derive(Debug, PartialEq, Eq)]
pub struct Complete<T> {
    /// In the order of the list.
    pub records: Vec<T>,
    /// Records without a key, which are not in `records`.
    pub keyless: u64,
    /// A record that is not here is proven to be gone.
    pub deletions: bool,
    /// It is not, and a thorough reading may prove it.
    pub again: bool,
    /// Says why not, for the report.
    pub note: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    First,
    /// Page 2, because the total equals page 1, which may be full: it could be the page's count.
    Probe,
    /// On to the end.
    Forward(u64),
    /// Down to page 1.
    Back(u64),
    Done,
}

#[derive(Debug)]
struct Entry<T> {
    page: u64,
    updated: Option<Timestamp>,
    record: T,
}

/// A listing under way.
#[derive(Debug)]
pub struct Listing<T> {
    order: Order,
    /// Old records may enter the list in its middle, because a filter decides who is in it.
    filtered: bool,
    /// Where there is no order, a second pass is made whatever the first one saw.
    thorough: bool,
    /// Records per page that are asked for.
    limit: u64,
    step: Step,
    entries: Vec<Entry<T>>,
    by_key: HashMap<String, usize>,
    keyless: HashMap<u64, u64>,
    first_page: Vec<String>,
    previous_page: Vec<String>,
    /// Records of page 1: what the server really gives per page, as soon as there are several pages.
    size: u64,
    /// Records of a full page: one with fewer is the last, if the total does not say otherwise.
    full: u64,
    pass: Pass,
    passes: u32,
    last_page: u64,
    /// The last page was found by reading on to it, not computed from a total.
    end_found: bool,
    /// The highest total.
    most: u64,
    /// No page that had records lacked the total.
    total_given: bool,
}

/// What one pass over the pages saw.
#[derive(Debug, Default)]
struct Pass {
    total: Option<u64>,
    least: u64,
    grew: bool,
    empty_pages: BTreeSet<u64>,
}

impl<T> Listing<T> {
    pub fn new(order: Order, filtered: bool, thorough: bool, limit: u64) -> Self {
        Self {
            order,
            filtered,
            thorough,
            limit,
            step: Step::First,
            entries: Vec::new(),
            by_key: HashMap::new(),
            keyless: HashMap::new(),
            first_page: Vec::new(),
            previous_page: Vec::new(),
            size: 0,
            full: 0,
            pass: Pass::default(),
            passes: 0,
            last_page: 1,
            end_found: false,
            most: 0,
            total_given: true,
        }
    }

    /// The page to fetch now; None when the listing is complete.
    pub fn next_page(&self) -> Option<u64> {
        match self.step {
            Step::First => Some(1),
            Step::Probe => Some(2),
            Step::Forward(page) | Step::Back(page) => Some(page),
            Step::Done => None,
        }
    }

    /// Records seen so far and how many there are, as far as is known.
    pub fn progress(&self) -> (u64, Option<u64>) {
        (self.seen(), self.pass.total)
    }

    /// Takes the page that [`Self::next_page`] named.
    pub fn accept(&mut self, page: Page<T>) -> Result<(), Incomplete> {
        let Some(number) = self.next_page() else {
            return Ok(());
        };
        let Page {
            records,
            total,
            per_page,
            number: told,
        } = page;
        if let Some(got) = told.filter(|&got| got != number && !records.is_empty()) {
            return Err(Incomplete::OtherPage { asked: number, got });
        }
        let count = records.len() as u64;
        self.count_total(total, count);
        let repeated = self.store(number, records);
        if repeated {
            return Err(Incomplete::Repeated { page: number });
        }
        self.full = self.full.max(count);
        if count == 0 {
            self.pass.empty_pages.insert(number);
        }
        self.step = match self.step {
            Step::First => self.after_first(count, total, per_page)?,
            Step::Probe => self.after_forward(2, count)?,
            Step::Forward(page) => self.after_forward(page, count)?,
            Step::Back(1) => self.after_pass()?,
            Step::Back(page) => Step::Back(page - 1),
            Step::Done => Step::Done,
        };
        Ok(())
    }

    /// The complete list; call when [`Self::next_page`] is None.
    pub fn finish(mut self) -> Complete<T> {
        let note = self.doubt();
        let once = self.order == Order::Unknown && self.passes == 1;
        // stable: records of one page stay in its order
        self.entries.sort_by_key(|entry| entry.page);
        Complete {
            keyless: self.keyless.values().sum(),
            records: self.entries.into_iter().map(|entry| entry.record).collect(),
            deletions: note.is_none() && !once,
            again: note.is_none() && once,
            note,
        }
    }

    fn seen(&self) -> u64 {
        self.entries.len() as u64 + self.keyless.values().sum::<u64>()
    }

    fn count_total(&mut self, total: Option<u64>, count: u64) {
        match (total, self.pass.total) {
            (Some(total), before) => {
                self.most = self.most.max(total);
                self.pass.grew |= before.is_some_and(|before| total > before);
                self.pass.least = before.map_or(total, |_| self.pass.least.min(total));
                self.pass.total = Some(total);
            }
            // an answer past the end need not have headers
            (None, _) if count > 0 => self.total_given = false,
            (None, _) => {}
        }
    }

    /// Takes the records in; true if the page repeats page 1 or the page before, as a server does that ignores the
    /// page's number. A record that moved may repeat, a whole page in the same order may not.
    fn store(&mut self, number: u64, records: Vec<Listed<T>>) -> bool {
        let keys: Vec<String> = records.iter().filter_map(|record| record.key.clone()).collect();
        let forward = matches!(self.step, Step::Forward(_) | Step::Probe);
        let repeated =
            number > 1 && !keys.is_empty() && (keys == self.first_page || (forward && keys == self.previous_page));
        if repeated {
            return true;
        }
        self.keyless.insert(number, (records.len() - keys.len()) as u64);
        if number == 1 {
            self.first_page.clone_from(&keys);
        }
        self.previous_page = keys;
        for Listed { key, updated, record } in records {
            let Some(key) = key else { continue };
            let entry = Entry {
                page: number,
                updated,
                record,
            };
            match self.by_key.get(&key) {
                // of equally old versions, or if a time is missing, the one read later
                Some(&at) if updated.is_none() || updated >= self.entries[at].updated => self.entries[at] = entry,
                Some(_) => {}
                None => {
                    self.by_key.insert(key, self.entries.len());
                    self.entries.push(entry);
                }
            }
        }
        false
    }

    fn after_first(&mut self, count: u64, total: Option<u64>, per_page: Option<u64>) -> Result<Step, Incomplete> {
        if count == 0 {
            return match total {
                Some(total) if total > 0 => Err(Incomplete::Empty { total }),
                _ => Ok(Step::Done),
            };
        }
        if self.entries.is_empty() {
            // there is nothing to tell pages apart by, and no record that could have a row
            return Ok(Step::Done);
        }
        self.size = count;
        self.full = per_page
            .filter(|&told| told >= count)
            .map_or(count, |told| told.min(self.limit.max(count)));
        let ended = per_page.is_some() && count < self.full;
        match total.filter(|&total| total >= count) {
            _ if self.order == Order::Unknown => self.after_forward(1, count),
            Some(total) if total == count && ended => Ok(Step::Done),
            Some(total) if total == count => Ok(Step::Probe),
            Some(total) => self.back_from(total.div_ceil(self.size)),
            None if ended => Ok(Step::Done),
            None => Ok(Step::Forward(2)),
        }
    }

    fn after_forward(&mut self, page: u64, count: u64) -> Result<Step, Incomplete> {
        let more_told = self.pass.total.is_some_and(|total| total > self.seen());
        let ended = count == 0 || (count < self.full && !more_told);
        match (ended, self.order) {
            (false, _) if page >= MAX_PAGES => Err(Incomplete::TooLong),
            (false, _) => Ok(Step::Forward(page + 1)),
            (true, Order::ById) => {
                self.end_found = true;
                self.back_from((page - 1).max(1))
            }
            // page 1 alone is one moment: nothing can have moved
            (true, Order::Unknown) if page == 1 => Ok(Step::Done),
            (true, Order::Unknown) => {
                self.previous_page.clear();
                self.passes += 1;
                if self.passes < MAX_PASSES && (self.thorough || self.doubt().is_some()) {
                    return Ok(Step::Forward(1));
                }
                self.settle()
            }
        }
    }

    fn back_from(&mut self, page: u64) -> Result<Step, Incomplete> {
        if page > MAX_PAGES {
            return Err(Incomplete::TooLong);
        }
        self.last_page = self.last_page.max(page);
        Ok(Step::Back(page))
    }

    /// After page 1 was read again: done, unless what was seen says that something may have been missed.
    fn after_pass(&mut self) -> Result<Step, Incomplete> {
        self.passes += 1;
        if self.doubt().is_none() || self.passes >= MAX_PASSES {
            return self.settle();
        }
        let total = self.pass.total;
        self.pass = Pass {
            total,
            least: total.unwrap_or_default(),
            ..Pass::default()
        };
        if self.end_unknown() {
            return Ok(Step::Forward(self.last_page + 1));
        }
        let told = total.unwrap_or_default().div_ceil(self.size.max(1));
        self.back_from(told.max(self.last_page))
    }

    /// The end, unless a whole page is missing.
    fn settle(&self) -> Result<Step, Incomplete> {
        match self.gap() {
            Some(gap) if self.doubt().is_some() => Err(gap),
            _ => Ok(Step::Done),
        }
    }

    /// The last page was computed from a total that turned out wrong.
    fn end_unknown(&self) -> bool {
        !self.end_found && (!self.total_given || self.seen() > self.most)
    }

    /// Why a record that was not seen may exist all the same.
    fn doubt(&self) -> Option<String> {
        let Pass {
            total,
            least,
            grew,
            empty_pages: _,
        } = &self.pass;
        let several = self.passes > 0 && self.order == Order::ById;
        if several && self.end_unknown() {
            return Some("Wedof's count of records contradicts its list; rows of unlisted records are kept".to_owned());
        }
        if total.is_some() && *least > self.seen() {
            return Some(format!(
                "Wedof counts {least} records and lists {}; rows of unlisted records are kept",
                self.seen()
            ));
        }
        if several && self.filtered && *grew {
            return Some(
                "records kept entering the list while it was read; rows of unlisted records are kept".to_owned(),
            );
        }
        None
    }

    /// An empty page where the total says that records are.
    fn gap(&self) -> Option<Incomplete> {
        let total = self.pass.least;
        let last = total.div_ceil(self.full.max(1));
        let page = *self.pass.empty_pages.iter().find(|&&page| page <= last)?;
        Some(Incomplete::Gap { page, total })
    }
}

#[cfg(test)]
#[path = "pages_tests.rs"]
mod tests;
