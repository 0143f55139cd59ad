//! The listing against a model of the server whose records come and go between two requests.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rstest::rstest;

use super::*;

/// What the server tells of the total.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Total {
    Right,
    Missing,
    Zero,
    /// The number of records on the page.
    OfPage,
    /// So many fewer than there are.
    Short(u64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Past {
    Empty,
    NotFound,
    ServerError,
}

#[derive(Debug, Clone)]
struct Server {
    records: BTreeSet<u32>,
    /// Shown to nobody but counted: pages and totals have them.
    hidden: BTreeSet<u32>,
    cap: u64,
    total: Total,
    per_page: bool,
    past: Past,
    ignores_page: bool,
    requests: u64,
}

impl Server {
    fn of(records: u32) -> Self {
        Self {
            records: (1..=records).map(|id| id * 10).collect(),
            hidden: BTreeSet::new(),
            cap: 100,
            total: Total::Right,
            per_page: true,
            past: Past::Empty,
            ignores_page: false,
            requests: 0,
        }
    }

    fn page(&mut self, number: u64, limit: u64) -> Result<Page<u32>, &'static str> {
        self.requests += 1;
        let size = limit.min(self.cap);
        let number = if self.ignores_page { 1 } else { number };
        let all: Vec<u32> = self.records.iter().copied().collect();
        let start = usize::try_from((number - 1) * size).unwrap().min(all.len());
        let end = usize::try_from(number * size).unwrap().min(all.len());
        if number > 1 && start == end {
            match self.past {
                Past::Empty => {}
                Past::NotFound => return Ok(Page::past_end()),
                Past::ServerError => return Err("500 past the end"),
            }
        }
        let records: Vec<Listed<u32>> = all[start..end]
            .iter()
            .filter(|id| !self.hidden.contains(id))
            .map(|&id| Listed {
                key: Some(id.to_string()),
                updated: None,
                record: id,
            })
            .collect();
        let total = all.len() as u64;
        Ok(Page {
            total: match self.total {
                Total::Right => Some(total),
                Total::Missing => None,
                Total::Zero => Some(0),
                Total::OfPage => Some(records.len() as u64),
                Total::Short(by) => Some(total.saturating_sub(by)),
            },
            per_page: self.per_page.then_some(size),
            number: None,
            records,
        })
    }
}

/// Lists everything; `between` changes the server after each request.
fn list(
    server: &mut Server,
    order: Order,
    filtered: bool,
    limit: u64,
    mut between: impl FnMut(&mut Server),
) -> Result<Complete<u32>, String> {
    let mut listing = Listing::new(order, filtered, true, limit);
    while let Some(number) = listing.next_page() {
        let page = server.page(number, limit)?;
        listing.accept(page).map_err(|incomplete| incomplete.to_string())?;
        assert!(server.requests < 2000, "the listing does not end");
        between(server);
    }
    Ok(listing.finish())
}

fn undisturbed(server: &mut Server) -> Result<Complete<u32>, String> {
    list(server, Order::ById, false, 100, |_| {})
}

#[rstest]
#[case(0, 1)]
#[case(1, 1)]
#[case(99, 1)]
#[case(100, 3)] // page 2 proves that 100 is not the page's count
#[case(101, 3)]
#[case(250, 4)]
#[case(300, 4)]
fn every_record_is_listed_in_order_with_one_request_more_than_there_are_pages(
    #[case] records: u32,
    #[case] requests: u64,
) {
    let mut server = Server::of(records);
    let all: Vec<u32> = server.records.iter().copied().collect();
    let complete = undisturbed(&mut server).unwrap();
    assert_eq!(complete.records, all);
    assert!(complete.deletions);
    assert_eq!(server.requests, requests);
}

#[rstest]
fn the_end_is_found_whatever_the_total_and_the_page_past_the_end_say(
    #[values(Total::Right, Total::Missing, Total::Zero, Total::OfPage, Total::Short(10))] total: Total,
    #[values(Past::Empty, Past::NotFound)] past: Past,
    #[values(50, 100)] cap: u64,
    #[values(true, false)] per_page: bool,
    #[values(1, 50, 99, 130, 200, 250)] records: u32,
) {
    let mut server = Server {
        total,
        past,
        cap,
        per_page,
        ..Server::of(records)
    };
    let complete = undisturbed(&mut server).unwrap();
    assert_eq!(complete.records.len(), records as usize);
    assert!(complete.deletions, "{:?}", complete.note);
}

#[rstest]
#[case(false, 3)]
#[case(true, 6)]
fn without_an_order_only_a_second_pass_proves_that_a_record_is_gone(#[case] thorough: bool, #[case] requests: u64) {
    let mut server = Server::of(250);
    let mut listing = Listing::new(Order::Unknown, false, thorough, 100);
    while let Some(number) = listing.next_page() {
        listing.accept(server.page(number, 100).unwrap()).unwrap();
    }
    let complete = listing.finish();
    assert_eq!((complete.records.len(), server.requests), (250, requests));
    assert_eq!((complete.deletions, complete.again), (thorough, !thorough));
}

#[test]
fn an_error_past_the_end_does_no_harm_if_the_total_is_right() {
    let mut server = Server {
        past: Past::ServerError,
        ..Server::of(200)
    };
    assert_eq!(undisturbed(&mut server).unwrap().records.len(), 200);
}

#[test]
fn a_short_page_in_the_middle_is_not_the_end() {
    let mut server = Server::of(250);
    server.hidden = [1500].into();
    let complete = undisturbed(&mut server).unwrap();
    assert_eq!(complete.records.len(), 249);
    assert!(!complete.deletions);
    assert!(complete.note.unwrap().contains("counts 250 records and lists 249"));
}

#[rstest]
fn a_server_that_ignores_the_page_is_an_error_after_few_requests(
    #[values(Total::Right, Total::Missing, Total::Zero, Total::OfPage)] total: Total,
    #[values(Order::ById, Order::Unknown)] order: Order,
) {
    let mut server = Server {
        ignores_page: true,
        total,
        ..Server::of(250)
    };
    let refused = list(&mut server, order, false, 100, |_| {}).unwrap_err();
    assert!(refused.contains("records of another page"), "{refused}");
    assert_eq!(server.requests, 2);
}

#[test]
fn a_list_that_is_empty_although_records_are_counted_is_an_error() {
    let mut server = Server::of(3);
    server.hidden = server.records.clone();
    assert!(
        undisturbed(&mut server)
            .unwrap_err()
            .contains("counts 3 records and lists none")
    );
}

#[rstest]
fn pages_that_stay_empty_although_the_total_says_otherwise_are_an_error(
    #[values(Order::ById, Order::Unknown)] order: Order,
) {
    let mut server = Server::of(250);
    server.hidden = server.records.iter().copied().skip(100).collect();
    let refused = list(&mut server, order, false, 100, |_| {}).unwrap_err();
    assert!(refused.contains("counts 250 records, but page"), "{refused}");
}

#[test]
fn a_total_beyond_all_pages_is_refused_at_once() {
    let mut listing = Listing::new(Order::ById, false, true, 100);
    let mut page = Server::of(100).page(1, 100).unwrap();
    page.total = Some(1_000_001);
    assert_eq!(listing.accept(page), Err(Incomplete::TooLong));
}

#[test]
fn an_answer_that_calls_itself_another_page_is_an_error() {
    let mut listing = Listing::new(Order::ById, false, true, 100);
    let mut page = Server::of(100).page(1, 100).unwrap();
    page.number = Some(2);
    assert_eq!(listing.accept(page), Err(Incomplete::OtherPage { asked: 1, got: 2 }));
}

#[test]
fn of_two_versions_of_a_record_the_one_updated_last_counts() {
    let version = |record: u32, updated: Option<&str>| Listed {
        key: Some("a".to_owned()),
        updated: updated.map(|time| time.parse().unwrap()),
        record,
    };
    let newest = |first: Listed<u32>, second: Listed<u32>| {
        let mut listing = Listing::new(Order::ById, false, true, 100);
        listing.store(2, vec![first]);
        listing.store(1, vec![second]);
        listing.finish().records
    };
    let (old, new) = (Some("2026-01-01T00:00:00Z"), Some("2026-01-02T00:00:00Z"));
    assert_eq!(newest(version(1, old), version(2, new)), [2]);
    assert_eq!(newest(version(1, new), version(2, old)), [1]);
    assert_eq!(newest(version(1, new), version(2, new)), [2]);
    assert_eq!(newest(version(1, new), version(2, None)), [2]);
}

#[test]
fn records_without_a_key_are_counted_and_left_out() {
    let mut page = Server::of(3).page(1, 100).unwrap();
    page.records[1].key = None;
    let mut listing = Listing::new(Order::ById, false, true, 100);
    listing.accept(page).unwrap();
    let complete = listing.finish();
    assert_eq!(
        (complete.records.len(), complete.keyless, complete.deletions),
        (2, 1, true)
    );
}

#[test]
fn a_list_of_records_without_keys_is_not_read_on_for_ever() {
    let mut page = Server::of(300).page(1, 100).unwrap();
    page.records.iter_mut().for_each(|record| record.key = None);
    page.total = None;
    let mut listing = Listing::new(Order::ById, false, true, 100);
    listing.accept(page).unwrap();
    assert_eq!(listing.next_page(), None);
    let complete = listing.finish();
    assert_eq!((complete.records.len(), complete.keyless), (0, 100));
}

/// What happens on the server between two requests.
#[derive(Debug, Clone)]
enum Change {
    Nothing,
    /// The n-th record goes.
    Delete(prop::sample::Index),
    /// A new record comes, at the end as ids ascend.
    Add,
    /// An old record enters the list because it now passes its filter.
    Enter(u32),
}

fn changes(enter: bool) -> impl Strategy<Value = Vec<Vec<Change>>> {
    let change = prop_oneof![
        4 => Just(Change::Nothing),
        4 => any::<prop::sample::Index>().prop_map(Change::Delete),
        2 => Just(Change::Add),
        if enter { 4 } else { 0 } => (1_u32..400).prop_map(Change::Enter),
    ];
    prop::collection::vec(prop::collection::vec(change, 0..3), 0..40)
}

fn total() -> impl Strategy<Value = Total> {
    prop_oneof![
        6 => Just(Total::Right),
        1 => Just(Total::Missing),
        1 => Just(Total::Zero),
        1 => Just(Total::OfPage),
    ]
}

/// Lists while the changes happen; also the records that were there all the time.
fn disturbed(
    server: &mut Server,
    order: Order,
    filtered: bool,
    limit: u64,
    changes: Vec<Vec<Change>>,
) -> (Result<Complete<u32>, String>, BTreeSet<u32>) {
    let mut stayed = server.records.clone();
    let mut changes = changes.into_iter();
    let result = list(server, order, filtered, limit, |server| {
        for change in changes.next().unwrap_or_default() {
            match change {
                Change::Nothing => {}
                Change::Delete(index) => {
                    if !server.records.is_empty() {
                        let gone = *index.get(&server.records.iter().copied().collect::<Vec<_>>());
                        server.records.remove(&gone);
                    }
                }
                Change::Add => {
                    let next = server.records.last().map_or(10_000, |last| last.max(&10_000) + 1);
                    server.records.insert(next);
                }
                Change::Enter(id) => {
                    server.records.insert(id);
                }
            }
        }
        stayed.retain(|id| server.records.contains(id));
    });
    (result, stayed)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    /// The property that matters: whatever goes and comes, a record that stayed is listed, or no row is deleted.
    #[test]
    fn no_record_that_stayed_is_missing_from_a_complete_list(
        records in 0_u32..40,
        cap in 1_u64..9,
        total in total(),
        per_page in any::<bool>(),
        past in prop_oneof![Just(Past::Empty), Just(Past::NotFound)],
        changes in changes(false),
    ) {
        let mut server = Server { cap, total, per_page, past, ..Server::of(records) };
        let (result, stayed) = disturbed(&mut server, Order::ById, false, 8, changes);
        if let Ok(complete) = result {
            let listed: BTreeSet<u32> = complete.records.iter().copied().collect();
            prop_assert_eq!(listed.len(), complete.records.len(), "a record twice");
            if complete.deletions {
                let missing: Vec<_> = stayed.difference(&listed).collect();
                prop_assert!(missing.is_empty(), "missing {:?}", missing);
            }
        }
    }

    /// With a right total, deletions and additions do not even cost an error or a kept row.
    #[test]
    fn a_list_whose_records_only_go_and_come_last_is_complete_at_the_first_try(
        records in 0_u32..60,
        limit in 3_u64..9,
        changes in changes(false),
    ) {
        let mut server = Server::of(records);
        let (result, stayed) = disturbed(&mut server, Order::ById, false, limit, changes);
        let complete = result.map_err(TestCaseError::fail)?;
        let listed: BTreeSet<u32> = complete.records.iter().copied().collect();
        prop_assert!(stayed.is_subset(&listed));
    }

    /// Records that enter the middle of a filtered list push others on; deletions hide none of that from the total.
    #[test]
    fn a_filtered_list_that_grew_while_it_was_read_deletes_nothing_it_did_not_see(
        records in 0_u32..40,
        limit in 2_u64..9,
        entering in prop::collection::vec(prop::collection::vec((1_u32..400).prop_map(Change::Enter), 0..2), 0..30),
    ) {
        let mut server = Server::of(records);
        let (result, stayed) = disturbed(&mut server, Order::ById, true, limit, entering);
        if let Ok(complete) = result && complete.deletions {
            let listed: BTreeSet<u32> = complete.records.iter().copied().collect();
            prop_assert!(stayed.is_subset(&listed), "missing {:?}", stayed.difference(&listed).collect::<Vec<_>>());
        }
    }

    #[test]
    fn every_listing_ends(
        records in 0_u32..40,
        cap in 1_u64..9,
        total in total(),
        order in prop_oneof![Just(Order::ById), Just(Order::Unknown)],
        ignores_page in any::<bool>(),
        changes in changes(true),
    ) {
        let mut server = Server { cap, total, ignores_page, ..Server::of(records) };
        let _ = disturbed(&mut server, order, true, 8, changes);
    }
}
