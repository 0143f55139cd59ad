//! Tabs that are read in blocks of rows.

use std::{collections::BTreeSet, time::Duration};

use serde_json::json;

use crate::world::{READ, World, folder};

const ROWS: u32 = 10_050;

/// A tab of two blocks and two columns.
async fn filled() -> World {
    let mut world = World::new(ROWS).await;
    world.wish.table.columns.truncate(2);
    world.wish.table.rows.iter_mut().for_each(|row| row.truncate(2));
    assert_eq!(world.sync().await.unwrap().added, i64::from(ROWS));
    world
}

#[tokio::test]
async fn rows_that_people_move_from_one_block_to_another_while_they_are_read_are_noticed() {
    let mut world = filled().await;
    world.forget_requests().await;
    assert!(!world.sync().await.unwrap().written);
    // the spreadsheet, its marks, and two blocks
    assert_eq!((world.reads(), world.writes()), (4, 0));

    world.drop_record("5");
    world.wish.table.rows.push(folder(ROWS + 1)[..2].to_vec());
    world
        .fault(json!({"path": READ, "nth": 2, "answer": {"delayMs": 1500}}))
        .await;
    let (change, ()) = tokio::join!(world.sync(), async {
        // the first block is read, the second is not: rows of both change places
        while world.reads() < 8 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let source = json!({"sheetId": world.sheet_id(), "dimension": "ROWS", "startIndex": 1, "endIndex": 21});
        let moved = json!([{"moveDimension": {"source": source, "destinationIndex": ROWS}}]);
        world.simulator.owner(moved).await;
    });
    let change = change.unwrap();
    assert_eq!((change.added, change.removed), (1, 1), "{change:?}");
    let keys = world.keys();
    let each: BTreeSet<u32> = keys.iter().map(|key| key.parse().unwrap()).collect();
    assert_eq!(keys.len(), each.len(), "no row is there twice");
    assert_eq!(each, (1..=ROWS + 1).filter(|id| *id != 5).collect());
    assert!(!world.sync().await.unwrap().written);
}
