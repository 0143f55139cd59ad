//! Many rows: how batches are cut, and that nothing takes time by the square of their number.

use super::{World, folder, folders, key_of};
use crate::{
    sheets::requests::{MAX_BYTES, MAX_REQUESTS},
    table::Cell,
};

#[test]
fn batches_are_cut_between_rows_by_bytes_and_by_requests() {
    for (length, full) in [(900, MAX_BYTES), (1, MAX_REQUESTS)] {
        let mut world = World::filled(folders(1..24_001));
        for (at, row) in world.table.rows.iter_mut().enumerate().filter(|(at, _)| at % 2 == 0) {
            row[1] = Cell::Text(format!("{at} {}", "x".repeat(length)).into());
        }
        let plan = world.plan().unwrap();
        assert_eq!(plan.change.updated, 12_000);
        let cut: Vec<_> = plan.batches().collect();
        assert_eq!(cut.len(), 2, "{length}");
        for batch in &cut {
            assert!(
                batch.requests <= MAX_REQUESTS && batch.json.len() <= MAX_BYTES,
                "{}",
                batch.requests
            );
        }
        let held = if full == MAX_BYTES {
            cut[0].json.len()
        } else {
            cut[0].requests
        };
        assert!(held * 1000 > full * 999, "a batch is filled: {held} of {full}");
        assert_eq!(cut.iter().map(|batch| batch.counts.updated).sum::<i64>(), 12_000);
    }
}

#[test]
fn a_first_fill_takes_as_few_batches_as_its_bytes_need() {
    let mut world = World::new(folders(1..60_001));
    let plan = world.plan().unwrap();
    let batches: Vec<_> = plan.batches().collect();
    let bytes: usize = batches.iter().map(|batch| batch.json.len()).sum();
    assert!(bytes < batches.len() * MAX_BYTES && bytes * 1000 > (batches.len() - 1) * MAX_BYTES * 999);
    // all rows of a batch are one insertion and one rectangle
    assert!(batches.len() == 2 && batches[1].requests == 2, "{}", batches.len());
    world.carry_out(plan);
    assert_eq!(world.grid.lines.len(), 60_002);
    assert!(world.plan().unwrap().is_empty());
}

#[test]
fn a_row_larger_than_a_batch_has_one_of_its_own() {
    let mut world = World::filled(folders(1..4));
    for at in [0, 2] {
        world.table.rows[at][1] = Cell::Text("é".repeat(MAX_BYTES / 2 + 1).into());
    }
    let mut large = folder(9);
    large[1] = Cell::Text("x".repeat(MAX_BYTES).into());
    world.table.rows.extend([large, folder(10)]);
    let sizes: Vec<usize> = world.plan().unwrap().batches().map(|batch| batch.json.len()).collect();
    assert_eq!(sizes.iter().filter(|bytes| **bytes > MAX_BYTES).count(), 3, "{sizes:?}");
    world.sync().unwrap();
    assert!(world.plan().unwrap().is_empty());
}

#[test]
fn thousands_of_scattered_rows_are_deleted_and_thousands_of_doubles_removed_in_seconds() {
    let begun = std::time::Instant::now();
    let mut world = World::filled(folders(1..20_001));
    let lines = world.grid.lines.clone();
    world.grid.lines.extend(lines.into_iter().skip(1));
    world
        .table
        .rows
        .retain(|row| key_of(row).is_some_and(|key| !key.ends_with('7')));
    let plan = world.plan().unwrap();
    assert_eq!(plan.change.removed, 22_000);
    let mut prediction = plan.prediction.clone();
    for batch in plan.batches() {
        prediction.apply(&batch.shifts);
    }
    let keys: Vec<Option<&str>> = prediction.keys.iter().skip(1).map(Option::as_deref).collect();
    let wished: Vec<Option<&str>> = world.table.rows.iter().map(|row| key_of(row)).collect();
    assert_eq!(keys, wished);
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}
