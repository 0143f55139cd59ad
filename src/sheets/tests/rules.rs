//! Each rule of columns, marks, batches and limits by itself.

use serde_json::{Value, json};

use super::{Table, World, column, folder, folders, text};
use crate::{
    failure::reason,
    sheets::{
        cells::same,
        layout::REMOVED_PATH,
        marks::{COLUMN, HEADER, REVISION},
        serial,
        tab::Seen,
    },
    table::{Cell, Kind},
};

/// Headers up to the last one, without the blank columns at the right.
fn labels(world: &World) -> Vec<String> {
    let header = world.header();
    let mut labels: Vec<String> = (0..world.grid.columns.len())
        .map(|column| world.grid.value(header, column).label())
        .collect();
    while labels.last().is_some_and(String::is_empty) {
        labels.pop();
    }
    labels
}

/// Adds a column to the table, filled for every record.
fn with_column(table: &mut Table, at: usize, path: &str, kind: Kind, cell: &Cell<'static>) {
    table.columns.insert(at, column(path, kind));
    for row in &mut table.rows {
        row.insert(at, cell.clone());
    }
}

fn requests(world: &World) -> Vec<Value> {
    let plan = world.plan().unwrap();
    plan.batches()
        .flat_map(|unit| serde_json::from_str::<Vec<Value>>(&format!("[{}]", unit.json)).unwrap())
        .collect()
}

#[test]
fn a_new_column_comes_right_of_the_nearest_one_before_it_wherever_people_moved_that() {
    let mut world = World::filled(folders(1..4));
    let name = world.column("name");
    world.grid.move_column(name, 0);
    let people = world.people_column("Suivi");
    assert_eq!(people, 3);
    with_column(&mut world.table, 2, "born", Kind::Day, &Cell::Day(7_000));
    world.sync().unwrap();
    assert_eq!(labels(&world), ["L name", "L born", "L id", "L state", "Suivi"]);
    with_column(&mut world.table, 4, "last", Kind::Plain, &Cell::Text("x".into()));
    world.sync().unwrap();
    assert_eq!(
        labels(&world),
        ["L name", "L born", "L id", "L state", "L last", "Suivi"]
    );
}

#[test]
fn a_new_column_of_many_rows_is_one_request_of_cells_and_inherits_nothing() {
    let mut world = World::filled(folders(1..400));
    with_column(&mut world.table, 1, "tag", Kind::Plain, &Cell::Text("t".into()));
    let cells = requests(&world)
        .iter()
        .filter(|request| request.get("updateCells").is_some())
        .count();
    assert_eq!(cells, 2, "header and values");
    world.sync().unwrap();
    let tag = world.column("tag");
    assert!(
        world
            .grid
            .lines
            .iter()
            .skip(1)
            .all(|line| line.cells[tag].format.is_null()),
        "the id column's TEXT"
    );
}

#[test]
fn headers_that_people_changed_stay_until_the_wish_changes() {
    let mut world = World::filled(folders(1..3));
    let name = world.column("name");
    world.grid.set(0, name, text("Nom de famille"));
    assert!(world.plan().unwrap().is_empty());
    world.table.columns[1].label = "Nom".into();
    world.sync().unwrap();
    assert_eq!(labels(&world)[name], "Nom");
    world.table.columns[1].label = "Name".into();
    world.sync().unwrap();
    assert_eq!(labels(&world)[name], "Name");
    assert!(world.plan().unwrap().is_empty());
}

#[test]
fn a_persons_own_header_stays_theirs_and_ours_says_which_field_it_is() {
    let mut world = World::filled(folders(1..3));
    let own = world.people_column("nom");
    world.table.columns[1].label = "Nom".into();
    world.sync().unwrap();
    let name = world.column("name");
    assert_eq!(
        (labels(&world)[own].as_str(), labels(&world)[name].as_str()),
        ("nom", "Nom (name)")
    );
    assert!(world.plan().unwrap().is_empty());
    world.people_column("Nom (name)");
    assert!(world.plan().unwrap().is_empty(), "ours was there first");
}

#[test]
fn a_change_of_kind_rewrites_the_number_format_once_and_otherwise_peoples_stays() {
    let mut world = World::filled(folders(1..4));
    let name = world.column("name");
    world.grid.lines[2].cells[name].format = json!("CURRENCY");
    assert!(world.plan().unwrap().is_empty());
    world.table.columns[1].kind = Kind::Day;
    for row in &mut world.table.rows {
        row[1] = Cell::Day(7_000);
    }
    world.sync().unwrap();
    assert_eq!(world.grid.lines[2].cells[name].format, "DATE");
    assert!(world.plan().unwrap().is_empty());
}

#[test]
fn a_field_that_no_record_has_today_keeps_its_column_and_an_excluded_one_goes() {
    let mut world = World::filled(folders(1..4));
    world.table.columns.pop();
    for row in &mut world.table.rows {
        row.pop();
    }
    world.sync().unwrap();
    assert_eq!(world.get("2", "state"), &Seen::Blank);
    assert!(world.plan().unwrap().is_empty());
    world.columns.exclude = vec!["state".into(), "id".into()];
    world.sync().unwrap();
    assert_eq!(labels(&world), ["L id", "L name"]);
}

#[test]
fn the_header_is_known_by_its_mark_and_without_it_by_its_texts() {
    let mut world = World::filled(folders(1..4));
    world.grid.insert(true, 0, 1, false).unwrap();
    world.grid.set(0, 0, text("Centre"));
    world.grid.marks.retain(|mark| mark.key != HEADER);
    world.sync().unwrap();
    assert_eq!(world.header(), 1);
    assert!(world.plan().unwrap().is_empty());
    world.grid.frozen = 0;
    world.grid.delete(true, 1, 2).unwrap();
    let failure = world.plan().unwrap_err();
    assert_eq!(failure.reason, reason::TAB_REFUSED);
    assert!(failure.message.contains("header row was deleted"), "{failure}");
}

#[test]
fn of_two_marks_for_one_field_the_left_one_counts_and_the_other_is_taken_away() {
    let mut world = World::filled(folders(1..4));
    let own = world.people_column("Copie");
    let mark = world
        .grid
        .marks
        .iter()
        .find(|mark| mark.value.contains("name"))
        .unwrap()
        .clone();
    world.grid.marks.push(super::grid::Mark {
        id: 77,
        place: super::Place::Column(own),
        ..mark
    });
    world.sync().unwrap();
    assert!(world.grid.marks.iter().all(|mark| mark.id != 77));
    assert_eq!(labels(&world)[own], "Copie");
    assert!(world.plan().unwrap().is_empty());
}

#[test]
fn two_runs_from_one_reading_cannot_both_write() {
    let mut world = World::filled(folders(1..4));
    world.drop_record("2");
    let sheet = world.plan().unwrap().sheet_id();
    let unit = world.plan().unwrap().batches().next().unwrap();
    let first = world.body(&unit, sheet, false);
    let second = world.body(&unit, sheet, false);
    world.grid.batch(&first).unwrap();
    let after = world.grid.clone();
    assert!(world.grid.batch(&second).unwrap_err().starts_with("requests[0]"));
    assert_eq!(world.grid, after);
}

#[test]
fn a_first_batch_that_arrives_late_is_refused_however_much_was_written_since() {
    let mut world = World::new(folders(1..4));
    world.grid = super::Grid::existing("Dossiers", 10, 8);
    let plan = world.plan().unwrap();
    let sheet = plan.sheet_id();
    let unit = plan.batches().next().unwrap();
    let first = world.body(&unit, sheet, false);
    world.grid.batch(&first).unwrap();
    for name in ["Dupont", "Durand", "Petit"] {
        world.table.rows[1][1] = Cell::Text(name.into());
        assert_eq!(world.sync().unwrap().updated, 1);
    }
    let before = world.grid.clone();
    assert!(world.grid.batch(&first).unwrap_err().starts_with("requests[0]"));
    assert_eq!(world.grid, before);
    let revisions = world.grid.marks.iter().filter(|mark| mark.key == REVISION);
    assert_eq!(revisions.count(), 1, "room in the metadata");
}

#[test]
fn a_revision_copied_from_another_tab_is_not_waited_for() {
    let mut world = World::filled(folders(1..4));
    let revision = world.grid.marks.iter().find(|mark| mark.key == REVISION).unwrap();
    let copied = super::grid::Mark {
        id: 78,
        value: "123 7".to_owned(),
        ..revision.clone()
    };
    world.grid.marks.insert(0, copied);
    let read = world.grid.read(super::RESOURCE, "Dossiers").unwrap();
    assert_ne!(read.revision.unwrap().current, 78);
}

#[test]
fn without_a_spare_row_one_is_made_before_anything_is_inserted_or_deleted() {
    let mut world = World::filled(folders(1..4));
    world.grid.delete(true, 4, 5).unwrap();
    assert!(
        world.plan().unwrap().is_empty(),
        "a missing spare row alone is no reason to write"
    );
    world.table.rows.clear();
    assert_eq!(world.sync().unwrap().removed, 3);
    assert_eq!(world.grid.lines.len(), 2);
    world.grid.frozen = 0;
    world.grid.delete(true, 1, 2).unwrap();
    world.table = folders(4..6);
    with_column(&mut world.table, 3, "born", Kind::Day, &Cell::Day(7_000));
    world.sync().unwrap();
    let (row, born) = (world.row("4"), world.column("born"));
    assert_eq!(world.grid.lines[row].cells[born].format, "DATE");
    assert_eq!(world.grid.lines[row].cells[world.column("id")].format, "TEXT");
}

#[test]
fn new_rows_above_a_total_are_filled_down_from_the_record_that_moved() {
    let mut world = World::filled(folders(1..4));
    let own = world.people_column("Longueur");
    for row in 1..=3 {
        world.grid.set(row, own, text(&format!("=LEN(B{row})")));
    }
    world.grid.set(4, 0, text("Total"));
    world.table.rows.extend([folder(4), folder(5)]);
    world.sync().unwrap();
    let keys: Vec<_> = (1..7).filter_map(|row| world.grid.value(row, 0).key()).collect();
    assert_eq!(keys, ["1", "2", "4", "5", "3", "Total"]);
    assert_eq!(
        world.grid.value(world.row("4"), own),
        &text("=LEN(B3)"),
        "as pasted, without references moved"
    );
    assert_eq!(world.grid.value(world.row("3"), own), &text("=LEN(B3)"));
}

#[test]
fn a_row_that_vanished_between_two_rounds_comes_back_with_what_people_wrote() {
    let mut world = World::filled(folders(1..8));
    let own = world.people_column("");
    for key in ["2", "3", "5"] {
        world.type_beside(key, own, &format!("note {key}"));
    }
    world.drop_record("5");
    world.sync().unwrap();
    world.drop_record("7");
    let snapshot = world.plan().unwrap().snapshot;
    // our deletion met an edit: it hit these two and not the row that it meant; and a column was moved
    for key in ["2", "5"] {
        let row = world.row(key);
        world.grid.delete(true, row, row + 1).unwrap();
    }
    let (row, note) = (world.row("3"), text("note 3"));
    let from = (0..world.grid.columns.len()).find(|column| *world.grid.value(row, *column) == note);
    world.grid.move_column(from.unwrap(), 1);
    let plan = world.plan_after(&snapshot).unwrap();
    assert_eq!((plan.change.added, plan.change.removed), (0, 1));
    let restored: i64 = plan.batches().map(|unit| unit.counts.restored).sum();
    assert_eq!(restored, 2);
    world.carry_out(plan);
    for key in ["2", "5"] {
        assert_eq!(world.grid.value(world.row(key), 1), &text(&format!("note {key}")));
    }
    assert_eq!(world.get("5", "name"), &text("name of 5"));
    assert_eq!(
        world.get("5", REMOVED_PATH),
        &Seen::Number(serial::of_day(super::TODAY))
    );
    assert!(world.plan().unwrap().is_empty());
}

#[test]
fn a_new_column_comes_beside_merged_headers_and_not_under_them() {
    let mut world = World::filled(folders(1..4));
    world.grid.merge((0, 0), (1, 2));
    with_column(&mut world.table, 2, "born", Kind::Day, &Cell::Day(7_000));
    world.sync().unwrap();
    assert_eq!(labels(&world), ["L id", "L name", "", "L born"]);
    assert_eq!((world.column("state"), world.column("born")), (2, 3));
    assert!(world.plan().unwrap().is_empty());
}

#[test]
fn new_rows_never_come_under_a_merge() {
    let mut world = World::filled(folders(1..4));
    // the last record's id and the blank row below it
    world.grid.merge((3, 4), (0, 0));
    world.table.rows.extend([folder(4), folder(5)]);
    world.sync().unwrap();
    assert_eq!((world.row("3"), world.row("4"), world.row("5")), (3, 5, 6));
    assert!(world.plan().unwrap().is_empty());
}

#[test]
fn an_id_that_a_merge_covers_is_not_given_back_where_it_cannot_be_seen() {
    let mut world = World::filled(folders(1..5));
    world.grid.merge((2, 3), (0, 0));
    let change = world.sync().unwrap();
    assert_eq!((change.added, change.updated), (1, 0));
    assert_eq!(world.rows_of("3"), [5]);
    world.table.rows[2][1] = Cell::Text("Dupont".into());
    world.sync().unwrap();
    assert_eq!(world.get("3", "name"), &text("Dupont"));
    assert!(world.plan().unwrap().is_empty());
}

#[test]
fn cells_under_a_merge_are_left_out_and_its_first_one_is_written() {
    let mut world = World::filled(folders(1..4));
    world.grid.merges = json!([{
        "sheetId": 4242, "startRowIndex": 1, "endRowIndex": 3, "startColumnIndex": 1, "endColumnIndex": 2,
    }]);
    world.grid.set(2, 1, Seen::Blank);
    assert!(world.plan().unwrap().is_empty());
    world.table.rows[0][1] = Cell::Text("Dupont".into());
    world.table.rows[1][1] = Cell::Text("Durand".into());
    let change = world.sync().unwrap();
    assert_eq!(change.updated, 1);
    assert!(
        change.notes[0].contains("1 cell under merged cells left out"),
        "{:?}",
        change.notes
    );
    assert_eq!(world.get("1", "name"), &text("Dupont"));
    assert_eq!(world.get("2", "name"), &Seen::Blank);
}

#[test]
fn a_protected_sheet_refuses_all_but_its_free_ranges() {
    let mut world = World::filled(folders(1..4));
    let free =
        json!({"sheetId": 4242, "startRowIndex": 0, "endRowIndex": 9, "startColumnIndex": 1, "endColumnIndex": 2});
    world.grid.protected = json!([{"range": {"sheetId": 4242}, "unprotectedRanges": [free]}]);
    world.table.rows[0][1] = Cell::Text("Dupont".into());
    world.sync().unwrap();
    world.table.rows[0][2] = Cell::Text("terminated".into());
    let failure = world.plan().unwrap_err();
    assert_eq!(failure.reason, reason::TAB_REFUSED);
    for part in ["Dossiers", "A1:F5", "sync@example.org"] {
        assert!(failure.message.contains(part), "{failure}");
    }
    world.grid.protected[0]["warningOnly"] = json!(true);
    world.sync().unwrap();
}

#[test]
fn more_columns_than_their_marks_have_room_for_are_refused() {
    let mut world = World::new(folders(1..2));
    for number in 0..248 {
        with_column(
            &mut world.table,
            3,
            &format!("field{number:03}"),
            Kind::Plain,
            &Cell::Bool(true),
        );
    }
    assert!(world.plan().unwrap_err().message.contains("251 columns"));
    world.table.columns.pop();
    world.table.rows[0].pop();
    world.sync().unwrap();
    let characters: usize = world
        .grid
        .marks
        .iter()
        .map(|mark| mark.key.chars().count() + mark.value.chars().count())
        .sum();
    assert!(characters < 30_000, "{characters}");
    assert_eq!(world.grid.marks.iter().filter(|mark| mark.key == COLUMN).count(), 250);
}

#[test]
fn a_tab_that_would_not_fit_is_refused_before_anything_is_written() {
    let mut world = World::filled(folders(1..10));
    world.max_cells = 6 * 11;
    assert!(world.plan().unwrap().is_empty());
    world.table.rows.push(folder(99));
    assert!(world.plan().unwrap_err().message.contains("72 cells"));
    world.drop_record("99");
    world.drop_record("1");
    assert_eq!(
        world.sync().unwrap().removed,
        1,
        "what makes it smaller is never refused"
    );
}

#[test]
fn every_record_of_a_first_fill_shows_what_it_is() {
    let mut table = folders(1..3);
    with_column(&mut table, 1, "seen", Kind::Instant, &Cell::Instant(1_719_394_960_642));
    let world = World::filled(table);
    for record in &world.table.rows {
        let Cell::Text(key) = &record[0] else { panic!() };
        for (wished, cell) in world.table.columns.iter().zip(record) {
            assert!(same(cell, world.get(key, &wished.path), &World::zone()));
        }
    }
    assert_eq!(world.grid.frozen, 1);
    assert_eq!(world.grid.lines.len(), 4);
}
