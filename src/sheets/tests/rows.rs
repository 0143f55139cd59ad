//! Whose a row is, and what becomes of rows whose record is gone.

use super::{Table, World, folder, folders, text};
use crate::{
    failure::reason,
    sheets::{
        layout::{REMOVED_LABEL, REMOVED_PATH},
        serial,
        tab::Seen,
    },
    spec::MissingRows,
    table::{Cell, KeyShape},
};

#[test]
fn a_double_is_removed_unless_somebody_wrote_on_it() {
    let mut world = World::filled(folders(1..4));
    let own = world.people_column("Suivi");
    for at in [2, 4] {
        let cells = world.grid.lines[1].cells.clone();
        world.grid.insert(true, at, 1, true).unwrap();
        world.grid.lines[at].cells = cells;
        let name = world.column("name");
        world.grid.set(at, name, text("old"));
    }
    world.grid.set(4, own, text("à moi"));
    // its record is listed, whatever else is: nothing need be proven
    world.proven = false;
    let change = world.sync().unwrap();
    assert_eq!((change.removed, change.added), (1, 0));
    assert!(change.notes[0].contains("1 row repeating"), "{:?}", change.notes);
    let rows = world.rows_of("1");
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!(world.grid.value(row, world.column("name")), &text("name of 1"));
    }
    assert!(world.plan().unwrap().is_empty());
    world.missing_rows = MissingRows::Keep;
    let cells = world.grid.lines[1].cells.clone();
    world.grid.insert(true, 3, 1, true).unwrap();
    world.grid.lines[3].cells = cells;
    assert_eq!(world.sync().unwrap().removed, 0, "keep never deletes");
}

#[test]
fn a_cleared_id_is_given_back_if_the_rest_is_one_records() {
    let mut world = World::filled(folders(1..5));
    let own = world.people_column("Suivi");
    world.type_beside("3", own, "à moi");
    let (row, id) = (world.row("3"), world.column("id"));
    world.grid.set(row, id, Seen::Blank);
    let change = world.sync().unwrap();
    assert_eq!((change.added, change.updated), (0, 1));
    assert_eq!(world.row("3"), row);

    // two records look like it: nobody knows which it was
    for row in &mut world.table.rows[..2] {
        row[1] = Cell::Text("same".into());
    }
    world.sync().unwrap();
    let row = world.row("1");
    world.grid.set(row, id, Seen::Blank);
    let second = world.row("2");
    world.grid.set(second, id, Seen::Blank);
    assert_eq!(world.sync().unwrap().added, 2);
    assert!(world.grid.value(row, id).is_blank());
}

#[test]
fn an_id_that_became_a_number_is_the_same_record_and_text_again() {
    let mut world = World::filled(folders([7, 12_345_678]));
    let (row, id) = (world.row("12345678"), world.column("id"));
    world.grid.set(row, id, Seen::Number(1.234_567_8e7));
    let change = world.sync().unwrap();
    assert_eq!((change.added, change.updated), (0, 1));
    assert_eq!(world.grid.value(row, id), &text("12345678"));
}

#[test]
fn what_is_no_content_of_people_does_not_keep_a_row() {
    let mut world = World::filled(folders(1..6));
    let checkbox = world.people_column("Fait");
    let formula = world.people_column("Longueur");
    for row in 1..=5 {
        world.grid.set(row, checkbox, Seen::Bool(false));
        world.grid.set(row, formula, text("=LEN(B2)"));
    }
    world.drop_record("2");
    world.drop_record("4");
    let ticked = world.row("4");
    world.grid.set(ticked, checkbox, Seen::Bool(true));
    let change = world.sync().unwrap();
    assert_eq!((change.removed, change.kept), (1, 1));
    assert!(world.rows_of("2").is_empty());
    let header = world.grid.value(world.header(), world.column(REMOVED_PATH));
    assert_eq!(header.label(), REMOVED_LABEL);
}

/// Records keyed `PARENT/CHILD`: two of each parent.
fn children() -> Table {
    let mut table = folders(1..7);
    table.key_shape = KeyShape::Slug;
    for (number, row) in table.rows.iter_mut().enumerate() {
        let parent = ["A", "B-1", "C"][number / 2];
        row[0] = Cell::Text(format!("{parent}/{number}").into());
    }
    table
}

#[rstest::rstest]
#[case(MissingRows::Delete, 2, 0)]
#[case(MissingRows::Mark, 0, 2)]
fn of_children_only_those_go_whose_parent_was_read_or_is_gone(
    #[case] missing_rows: MissingRows,
    #[case] removed: i64,
    #[case] kept: i64,
) {
    let mut world = World::filled(children());
    world.missing_rows = missing_rows;
    world.guard.max_percent = 40;
    for key in ["A/0", "B-1/2", "C/5"] {
        world.drop_record(key);
    }
    let untouched = world.row("B-1/2");
    let before = world.grid.lines[untouched].clone();
    world.unread_parents = Some(["B-1".to_owned(), "another".to_owned()].into());
    let change = world.sync().unwrap();
    assert_eq!((change.removed, change.kept), (removed, kept), "a third of the rows");
    let row = world.row("B-1/2");
    assert_eq!(world.grid.value(row, 1), &before.cells[1].value);
    if let Some(column) = world.find_column(REMOVED_PATH) {
        assert_eq!(world.grid.value(row, column), &Seen::Blank, "not marked");
    }
    assert!(world.plan().unwrap().is_empty(), "a second run has nothing to do");

    world.unread_parents = None;
    let change = world.sync().unwrap();
    assert_eq!(change.removed + change.marked, 1, "now it is known to be gone");
}

#[rstest::rstest]
#[case(MissingRows::Delete, 2)]
#[case(MissingRows::Mark, 2)]
#[case(MissingRows::Keep, 0)]
fn rows_whose_records_may_exist_all_the_same_stay_and_are_counted(
    #[case] missing_rows: MissingRows,
    #[case] unproven: i64,
) {
    let mut world = World::filled(folders(1..9));
    world.missing_rows = missing_rows;
    world.drop_record("2");
    world.drop_record("3");
    world.proven = false;
    let change = world.sync().unwrap();
    assert_eq!(
        (change.removed, change.marked, change.kept, change.unproven),
        (0, 0, 2, unproven)
    );
    world.proven = true;
    let change = world.sync().unwrap();
    assert_eq!((change.removed + change.marked, change.unproven), (unproven, 0));
    world.proven = false;
    assert_eq!(world.sync().unwrap().unproven, 0, "marked rows need no proof");
}

#[test]
fn a_formula_that_only_one_row_has_is_content() {
    let mut world = World::filled(folders(1..6));
    let own = world.people_column("Calcul");
    world.type_beside("2", own, "=1+1");
    world.drop_record("2");
    assert_eq!(world.sync().unwrap().kept, 1);
}

#[test]
fn keep_marks_what_people_wrote_on_leaves_the_rest_and_marks_nothing_that_is_not_proven() {
    let mut world = World::filled(folders(1..9));
    let own = world.people_column("Suivi");
    world.type_beside("2", own, "à rappeler");
    let noted = world.row("3");
    world.grid.noted.insert(world.grid.lines[noted].number);
    for key in ["2", "3", "4"] {
        world.drop_record(key);
    }
    world.missing_rows = MissingRows::Keep;
    world.proven = false;
    let change = world.sync().unwrap();
    assert_eq!(
        (change.kept, change.marked, change.unproven, change.written),
        (3, 0, 2, false)
    );
    world.proven = true;
    let change = world.sync().unwrap();
    assert_eq!((change.removed, change.kept, change.marked), (0, 3, 2));
    let today = Seen::Number(serial::of_day(super::TODAY));
    for (key, day) in [("2", &today), ("3", &today), ("4", &Seen::Blank)] {
        assert_eq!(world.get(key, REMOVED_PATH), day, "{key}");
    }
    assert!(world.plan().unwrap().is_empty(), "the day is written once");
    world.guard.max_percent = 10;
    world.type_beside("4", own + 1, "lui aussi");
    assert_eq!(
        world.plan().unwrap_err().reason,
        reason::DELETION_REFUSED,
        "marks count"
    );
}

#[test]
fn keep_leaves_rows_as_they_are_and_mark_marks_all_with_the_first_day() {
    let mut world = World::filled(folders(1..5));
    world.drop_record("1");
    world.missing_rows = MissingRows::Keep;
    assert_eq!(world.sync().unwrap().kept, 1);
    assert_eq!(world.find_column(REMOVED_PATH), None);
    world.missing_rows = MissingRows::Mark;
    assert_eq!(world.sync().unwrap().kept, 1);
    let (row, marked) = (world.row("1"), world.column(REMOVED_PATH));
    world.grid.set(row, marked, Seen::Number(serial::of_day(19_000)));
    assert!(world.plan().unwrap().is_empty(), "the day is written once");
    assert_eq!(world.grid.lines[row].cells[marked].format, "DATE");
}

#[test]
fn a_row_with_a_formula_in_a_column_of_ours_is_a_persons() {
    let mut world = World::filled(folders(1..4));
    let (id, name) = (world.column("id"), world.column("name"));
    world.grid.insert(true, 2, 1, true).unwrap();
    world.grid.set(2, id, text("2025"));
    world.grid.set(2, name, text("=COUNTA(B2:B9)"));
    let line = world.grid.lines[2].clone();
    world.sync().unwrap();
    assert_eq!(world.grid.lines[2], line);
    let formula = world.row("3");
    world.grid.set(formula, name, text("=1+1"));
    let change = world.sync().unwrap();
    assert!(
        change
            .notes
            .iter()
            .any(|note| note.contains("1 formula in our columns")),
        "{:?}",
        change.notes
    );
    assert_eq!(world.get("3", "name"), &text("name of 3"));
}

#[test]
fn keys_of_every_shape_are_told_from_what_people_type() {
    for (shape, key, stale, own) in [
        (KeyShape::Slug, "CF-2024/17", "AB-9", "à vérifier"),
        (KeyShape::Email, "a@example.org", "b@example.org", "Total 12"),
    ] {
        let mut table = folders(1..2);
        table.key_shape = shape;
        for key in [key, stale] {
            let mut row = folder(5);
            row[0] = Cell::Text(key.into());
            table.rows.push(row);
        }
        let mut world = World::filled(table);
        world.drop_record(stale);
        let end = world.grid.lines.len() - 1;
        world.grid.set(end, world.column("id"), text(own));
        let change = world.sync().unwrap();
        assert_eq!(change.removed, 1, "{stale}");
        assert_eq!(
            (
                world.rows_of(stale).len(),
                world.rows_of(own).len(),
                world.rows_of(key).len()
            ),
            (0, 1, 1)
        );
    }
}

#[test]
fn a_word_with_a_digit_alone_in_its_row_is_a_persons_whatever_the_shape_of_the_ids() {
    for shape in [KeyShape::Slug, KeyShape::Digits] {
        let mut table = folders(1..6);
        table.key_shape = shape;
        let mut world = World::filled(table);
        let (id, own) = (world.column("id"), world.people_column("Suivi"));
        let dividers = ["2025", "2026", "T1-2025", "Q3", "21"];
        for (number, divider) in dividers.iter().enumerate() {
            let at = 1 + 2 * number;
            world.grid.insert(true, at, 1, false).unwrap();
            world.grid.set(at, id, text(divider));
        }
        world.type_beside("Q3", own, "à nous");
        world.drop_record("5");
        for missing_rows in [MissingRows::Delete, MissingRows::Mark, MissingRows::Keep] {
            world.missing_rows = missing_rows;
            let before = dividers.map(|divider| world.grid.lines[world.row(divider)].clone());
            let change = world.sync().unwrap();
            assert_eq!(change.kept, 0, "{shape:?}");
            assert_eq!(
                change.removed,
                i64::from(missing_rows == MissingRows::Delete),
                "{shape:?}"
            );
            assert_eq!(
                before,
                dividers.map(|divider| world.grid.lines[world.row(divider)].clone())
            );
        }
    }
}

#[test]
fn of_a_table_of_ids_alone_those_that_are_gone_are_removed() {
    let mut table = folders(1..6);
    table.columns.truncate(1);
    for row in &mut table.rows {
        row.truncate(1);
    }
    let mut world = World::filled(table);
    let own = world.people_column("Suivi");
    world.type_beside("2", own, "à rappeler");
    world.drop_record("2");
    world.drop_record("3");
    let change = world.sync().unwrap();
    assert_eq!((change.removed, change.kept, change.marked), (1, 1, 1));
    world.drop_record("4");
    assert_eq!(world.sync().unwrap().removed, 1, "the day of another row is no field");
}
