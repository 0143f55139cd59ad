//! Tabs that are made, and tabs that are true already.

use serde_json::{Value, json};
use wedof_sheet_sync::{
    spec::{MissingRows, ResourceName},
    table::Cell,
};

use crate::world::{TITLE, Wish, World, folder, folders, heavy};

#[tokio::test]
async fn a_first_run_makes_the_tab_in_one_batch_and_a_second_writes_nothing() {
    let world = World::new(250).await;
    let change = world.sync().await.unwrap();
    assert_eq!((change.added, change.updated, change.removed), (250, 0, 0));
    assert!(change.written && change.notes.is_empty(), "{change:?}");
    assert_eq!(world.writes(), 1);
    assert_eq!(world.keys().len(), 250);
    assert_eq!(world.values()[0], ["ID", "NAME", "BORN", "SEEN", "PRICE", "PAID"]);
    assert_eq!(world.row("7")[0], "name of 7");

    world.forget_requests().await;
    let change = world.sync().await.unwrap();
    assert_eq!((change.added, change.updated, change.removed), (0, 0, 0));
    assert!(!change.written && change.notes.is_empty(), "{change:?}");
    assert_eq!((world.writes(), world.reads()), (0, 3), "outline, marks, values");
}

#[tokio::test]
async fn a_new_tab_has_room_beside_the_data_a_frozen_bold_header_widths_and_formats_by_kind() {
    let world = World::filled(3).await;
    let fields = "sheets(properties(title,gridProperties),data(rowData(values(note,userEnteredFormat(numberFormat,textFormat.bold,backgroundColor.red)))))";
    let sheets = world
        .simulator
        .get(&format!("?fields={fields}&includeGridData=true"))
        .await;
    let sheet = sheets["sheets"]
        .as_array()
        .unwrap()
        .iter()
        .find(|sheet| sheet["properties"]["title"] == TITLE)
        .unwrap();
    let grid = &sheet["properties"]["gridProperties"];
    assert_eq!(*grid, json!({"rowCount": 5, "columnCount": 9, "frozenRowCount": 1}));
    let rows = sheet["data"][0]["rowData"].as_array().unwrap();
    let header = &rows[0]["values"][0];
    assert!(
        header["note"].as_str().unwrap().contains("wedof-sheet-sync"),
        "{header}"
    );
    for cell in rows[0]["values"].as_array().unwrap() {
        assert_eq!(cell["userEnteredFormat"]["textFormat"]["bold"], true);
        assert!((cell["userEnteredFormat"]["backgroundColor"]["red"].as_f64().unwrap() - 0.9).abs() < 0.01);
    }
    let widths: Vec<i64> = world.tab(TITLE)["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column["width"].as_i64().unwrap())
        .collect();
    assert_eq!(widths.len(), 9);
    assert!(
        widths[3] > widths[2] && widths[2] > widths[0],
        "moment, day, id: {widths:?}"
    );
    assert_eq!(&widths[6..], [100, 100, 100], "those of people are as they come");
    for row in &rows[1..] {
        let format = |column: usize| row["values"][column]["userEnteredFormat"]["numberFormat"]["type"].clone();
        assert_eq!(
            [format(0), format(2), format(3)],
            ["TEXT", "DATE", "DATE_TIME"].map(Value::from)
        );
        assert_eq!(format(1), Value::Null);
        assert_ne!(
            row["values"][0]["userEnteredFormat"]["textFormat"]["bold"], true,
            "data looks like data"
        );
    }
}

#[tokio::test]
async fn several_tabs_that_are_true_cost_one_read_each_beside_the_two_of_the_spreadsheet() {
    let world = World::new(4).await;
    let mut other = Wish::of(folders(5..9));
    other.resource = ResourceName::Organisms;
    other.title = "CPF2024".into();
    world.sync().await.unwrap();
    world.sync_to(&other).await.unwrap();
    world.forget_requests().await;
    let client = world.client().await.unwrap();
    let book = client.open(&world.simulator.tenant().spreadsheet_id).await.unwrap();
    for wish in [&world.wish, &other] {
        assert!(!book.sync_tab(&wish.borrow(), &|_, _| ()).await.unwrap().written);
    }
    assert_eq!((world.writes(), world.reads()), (0, 4));
    assert_eq!(client.requests(), 4);
}

#[tokio::test]
async fn exactly_what_changed_is_written_and_counted() {
    let mut world = World::filled(30).await;
    world.change_name("3", "Dupont");
    world.drop_record("7");
    world.wish.table.rows.push(folder(31));
    let change = world.sync().await.unwrap();
    assert_eq!(
        (change.added, change.updated, change.removed, change.kept),
        (1, 1, 1, 0)
    );
    assert_eq!(world.row("3")[0], "Dupont");
    assert_eq!(world.keys().len(), 30);
    assert_eq!(world.keys().last().unwrap(), "31");
    assert_eq!(world.height(), 32, "header, rows, one to spare");
}

#[tokio::test]
async fn a_tab_of_nothing_is_a_header_and_fills_later() {
    let mut world = World::filled(0).await;
    assert_eq!(world.values().len(), 1);
    world.wish.table = folders(1..=3);
    assert_eq!(world.sync().await.unwrap().added, 3);
    world.wish.table.rows.clear();
    assert_eq!(world.sync().await.unwrap().removed, 3);
    assert_eq!(world.values().len(), 1);
    assert!(!world.sync().await.unwrap().written);
    world.wish.table = folders(4..=5);
    assert_eq!(world.sync().await.unwrap().added, 2);
    assert_eq!(world.keys(), ["4", "5"]);
}

#[tokio::test]
async fn titles_that_look_like_addresses_or_break_paths_are_titles() {
    for title in [
        "CPF2024",
        "A1",
        "R1C1",
        "L'été : 10h30",
        "It's 100 % #1/2? é 😀",
        "TRUE",
    ] {
        let mut world = World::new(3).await;
        world.wish.title = title.into();
        world.sync().await.unwrap();
        world.change_name("2", "changed");
        assert_eq!(world.sync().await.unwrap().updated, 1, "{title}");
        assert_eq!(world.tab(title)["values"][2][1], "changed", "{title}");
    }
}

#[tokio::test]
async fn times_are_the_wall_clock_of_the_spreadsheets_zone_and_days_are_days() {
    let world = World::filled(1).await;
    for (zone, offset) in [("Europe/Paris", 2.0), ("America/Martinique", -4.0), ("GMT-07:00", -7.0)] {
        world
            .simulator
            .owner(json!([{"updateSpreadsheetProperties": {"properties": {"timeZone": zone}, "fields": "timeZone"}}]))
            .await;
        let change = world.sync().await.unwrap();
        assert_eq!(change.updated, 1, "{zone}");
        let row = world.row("1");
        let expected = (1_719_394_960_642.0 + 86_400_123.0 + offset * 3_600_000.0) / 86_400_000.0 + 25_569.0;
        assert!((row[2].as_f64().unwrap() - expected).abs() < 1e-8, "{zone}: {row:?}");
        assert_eq!(row[1], json!(7_001 + 25_569), "a day has no zone");
        assert!(!world.sync().await.unwrap().written, "{zone}");
    }
}

#[tokio::test]
async fn moments_around_the_change_of_clocks_are_those_of_the_wall_and_never_written_twice() {
    let mut world = World::new(0).await;
    let zone = json!({"timeZone": "Europe/Paris", "locale": "fr_FR"});
    world
        .simulator
        .owner(json!([{"updateSpreadsheetProperties": {"properties": zone, "fields": "timeZone,locale"}}]))
        .await;
    // 2026-10-25: the hour from two to three comes twice; 2026-03-29: it does not come at all
    let moments = [
        ("2026-10-25T00:30:00Z", "25/10/2026 02:30"),
        ("2026-10-25T01:30:00Z", "25/10/2026 02:30"),
        ("2026-10-25T02:30:00Z", "25/10/2026 03:30"),
        ("2026-03-29T00:59:00Z", "29/03/2026 01:59"),
        ("2026-03-29T01:00:00Z", "29/03/2026 03:00"),
        ("2026-06-30T22:00:00Z", "01/07/2026 00:00"),
    ];
    world.wish.table.rows = (1..)
        .zip(moments)
        .map(|(id, (moment, _))| {
            let mut row = folder(id);
            row[3] = Cell::Instant(moment.parse::<jiff::Timestamp>().unwrap().as_millisecond());
            row[4] = Cell::Number(1234.5);
            row
        })
        .collect();
    world.sync().await.unwrap();
    let shown = world.tab(TITLE)["shown"].clone();
    for (row, (moment, wall)) in (1..).zip(moments) {
        assert_eq!(shown[row][3], wall, "{moment}");
    }
    assert_eq!(shown[1][4], "1234,5", "a number is shown as the locale has it");
    assert!(!world.sync().await.unwrap().written);
}

#[tokio::test]
async fn a_locale_is_no_difference_and_nothing_is_parsed_by_it() {
    let mut world = World::filled(8).await;
    let locale = json!([{"updateSpreadsheetProperties": {"properties": {"locale": "fr_FR"}, "fields": "locale"}}]);
    world.simulator.owner(locale).await;
    assert!(!world.sync().await.unwrap().written);
    for (key, text) in [("2", "1,5"), ("3", "1.5"), ("4", "12/05/2026")] {
        world.change_name(key, text);
    }
    world.sync().await.unwrap();
    for (key, text) in [("2", "1,5"), ("3", "1.5"), ("4", "12/05/2026")] {
        assert_eq!(world.row(key)[0], text);
    }
    assert!(!world.sync().await.unwrap().written);
}

#[tokio::test]
async fn odd_texts_stay_what_they_are() {
    let mut world = World::new(0).await;
    let odd = [
        "=1+2",
        "07/04/2026",
        "0042",
        "Nan",
        "1e999",
        "TRUE",
        "+33 6 12",
        "'quoted",
        "a\tb\nc",
        "😀",
        "#REF!",
        "2024-01-01",
    ];
    world.wish.table.rows = (1..)
        .zip(odd)
        .map(|(id, text)| {
            let mut row = folder(id);
            row[1] = Cell::Text(text.into());
            row
        })
        .collect();
    world.sync().await.unwrap();
    for (id, text) in (1..).zip(odd) {
        assert_eq!(world.row(&format!("{id}"))[0], text);
    }
    assert!(!world.sync().await.unwrap().written);
}

#[tokio::test]
async fn a_dry_run_says_what_a_run_would_do_and_sends_reads_only() {
    let mut world = World::new(5).await;
    let planned = world.dry_run().await.unwrap();
    assert_eq!((planned.added, planned.written), (5, true));
    assert_eq!(world.tab(TITLE), Value::Null);
    world.sync().await.unwrap();
    world.drop_record("2");
    world.forget_requests().await;
    let planned = world.dry_run().await.unwrap();
    assert_eq!((planned.added, planned.removed), (0, 1));
    assert_eq!(world.writes(), 0);
    assert_eq!(world.sync().await.unwrap(), planned);
}

#[tokio::test]
async fn a_dry_run_names_columns_and_the_first_rows_of_each_kind_as_people_see_them() {
    let mut world = World::filled(20).await;
    world.wish.missing_rows = MissingRows::Mark;
    let all = world.wish.table.clone();
    world.drop_record("2");
    world.sync().await.unwrap();
    world.wish.table = all;
    for key in ["3", "5", "7", "9", "11", "13"] {
        world.change_name(key, "Dupont");
    }
    world.drop_record("20");
    world.wish.table.rows.extend([folder(21), folder(22)]);
    world.wish.columns.exclude = vec!["price".into()];
    for row in &mut world.wish.table.rows {
        row.remove(4);
    }
    world.wish.table.columns.remove(4);
    let planned = world.dry_run().await.unwrap();
    assert_eq!(
        (planned.added, planned.updated, planned.removed, planned.kept),
        (2, 7, 0, 1)
    );
    assert_eq!((planned.marked, planned.returned, planned.new_tab), (1, 1, false));
    assert_eq!(planned.columns_removed, ["PRICE"]);
    let examples = &planned.examples;
    assert_eq!(examples.added, [22, 23]);
    assert_eq!(examples.updated, [3, 4, 6, 8, 10], "the first five");
    assert_eq!((&examples.kept[..], &examples.marked[..]), (&[21][..], &[21][..]));
    assert_eq!((&examples.returned[..], &examples.removed[..]), (&[3][..], &[][..]));
    let done = world.sync().await.unwrap();
    assert_eq!(done, planned);
    assert_eq!(world.values()[21][0], "21", "where the dry run said");

    world.wish.columns = Default::default();
    world.wish.table = folders(1..=22);
    world.wish.missing_rows = MissingRows::Delete;
    world.drop_record("21");
    let planned = world.dry_run().await.unwrap();
    assert_eq!(planned.columns_added, ["PRICE"]);
    assert_eq!(planned.examples.removed, [22]);
    assert!(World::new(1).await.dry_run().await.unwrap().new_tab);
}

#[tokio::test]
async fn what_takes_more_than_one_batch_arrives_whole_and_in_order() {
    let mut world = World::new(0).await;
    world.wish.missing_rows = MissingRows::Keep;
    world.wish.table = heavy(1..=1000);
    let change = world.sync().await.unwrap();
    assert_eq!(change.added, 1000);
    assert!(world.writes() >= 3, "20 MB in {} batches", world.writes());
    let expected: Vec<String> = (1..=1000).map(|id| id.to_string()).collect();
    assert_eq!(world.keys(), expected);
    assert_eq!(world.height(), 1002);
    assert!(!world.sync().await.unwrap().written);
}
