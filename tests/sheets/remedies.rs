//! What a refusal advises works: each is provoked, its advice followed, and the next run goes well.

use serde_json::{Value, json};
use wedof_sheet_sync::{
    failure::{Failure, Mend, reason},
    sheets::inspect::{State, Wanted},
    spec::ResourceName,
};

use crate::world::{TITLE, Wish, World, folder, folders};

const HEADER: [&str; 6] = ["ID", "NAME", "BORN", "SEEN", "PRICE", "PAID"];

/// The failure of a run, which must have written nothing and name what helps.
#[track_caller]
fn says(failure: &Failure, parts: &[&str]) {
    assert_eq!(
        (failure.reason, failure.mend),
        (reason::TAB_REFUSED, Mend::Person),
        "{failure}"
    );
    for part in parts {
        assert!(failure.message.contains(part), "{part}: {failure}");
    }
}

async fn refused(world: &World) -> Failure {
    let before = world.simulator.state();
    let failure = world.sync().await.unwrap_err();
    assert_eq!(world.simulator.state(), before, "a refused run changed something");
    failure
}

/// All records stand under our header, and a second run has nothing to do.
async fn is_whole(world: &World, title: &str) {
    let values = world.tab(title)["values"].clone();
    let values: Vec<Vec<Value>> = serde_json::from_value(values).unwrap();
    assert!(
        values.iter().any(|row| row.iter().take(6).eq(HEADER.iter())),
        "{values:?}"
    );
    for record in &world.wish.table.packed().keys().flatten().collect::<Vec<_>>() {
        let rows = values.iter().filter(|row| row[0] == *record).count();
        assert_eq!(rows, 1, "{record}: {values:?}");
    }
    assert!(!world.sync().await.unwrap().written);
}

/// The owner empties the tab or deletes it, and the next run of five records fills it.
async fn starts_over(world: &World, way: &str) {
    match way {
        "empty" => world.owner_clears(json!({})).await,
        "delete" => world.owner_duplicates_and_deletes().await,
        _ => unreachable!("{way}"),
    }
    assert_eq!(world.sync().await.unwrap().added, 5, "{way}");
    is_whole(world, TITLE).await;
}

impl World {
    async fn owner_deletes(&self, dimension: &str, start: usize, end: usize) {
        let range = json!({"sheetId": self.sheet_id(), "dimension": dimension, "startIndex": start, "endIndex": end});
        self.simulator
            .owner(json!([{"deleteDimension": {"range": range}}]))
            .await;
    }

    async fn owner_clears(&self, range: Value) {
        let mut range = range;
        range["sheetId"] = json!(self.sheet_id());
        self.simulator
            .owner(json!([{"updateCells": {"range": range, "fields": "userEnteredValue"}}]))
            .await;
    }

    async fn owner_unfreezes(&self) {
        let properties = json!({"sheetId": self.sheet_id(), "gridProperties": {"frozenRowCount": 0}});
        self.simulator
            .owner(json!([{"updateSheetProperties": {"properties": properties, "fields": "gridProperties.frozenRowCount"}}]))
            .await;
    }

    async fn owner_renames(&self, sheet: i64, title: &str) {
        let properties = json!({"sheetId": sheet, "title": title});
        self.simulator
            .owner(json!([{"updateSheetProperties": {"properties": properties, "fields": "title"}}]))
            .await;
    }

    /// Keeps what is there under another name, then deletes the tab.
    async fn owner_duplicates_and_deletes(&self) {
        let sheet = self.sheet_id();
        self.simulator
            .owner(json!([
                {"duplicateSheet": {"sourceSheetId": sheet, "newSheetName": "Copie"}},
                {"deleteSheet": {"sheetId": sheet}},
            ]))
            .await;
    }
}

#[tokio::test]
async fn a_tab_that_was_emptied_header_and_all_is_filled_under_its_header_again() {
    let world = World::filled(5).await;
    world.owner_clears(json!({})).await;
    assert_eq!(world.sync().await.unwrap().added, 5);
    assert_eq!(world.values()[0], HEADER);
    is_whole(&world, TITLE).await;
}

#[tokio::test]
async fn a_header_cell_that_was_cleared_is_written_again_and_a_renamed_one_stays() {
    let world = World::filled(3).await;
    world.simulator.types(&format!("{TITLE}!C1"), json!([["Né le"]])).await;
    world
        .owner_clears(json!({"startRowIndex": 0, "endRowIndex": 1, "startColumnIndex": 0, "endColumnIndex": 2}))
        .await;
    assert!(world.sync().await.unwrap().written);
    assert_eq!(world.values()[0], ["ID", "NAME", "Né le", "SEEN", "PRICE", "PAID"]);
    assert!(!world.sync().await.unwrap().written);
}

#[tokio::test]
async fn a_tab_whose_rows_were_all_deleted_is_furnished_anew() {
    let world = World::filled(5).await;
    world.owner_unfreezes().await;
    world.owner_deletes("ROWS", 0, 6).await;
    assert_eq!(world.sync().await.unwrap().added, 5);
    assert_eq!(world.values()[0], HEADER);
    let tab = world.tab(TITLE);
    assert_eq!(tab["properties"]["gridProperties"]["frozenRowCount"], 1);
    assert_eq!(world.height(), 7);
    is_whole(&world, TITLE).await;
}

#[tokio::test]
async fn a_tab_whose_columns_were_all_deleted_is_furnished_anew() {
    let world = World::filled(5).await;
    world.owner_deletes("COLUMNS", 0, 6).await;
    assert_eq!(world.sync().await.unwrap().added, 5);
    is_whole(&world, TITLE).await;
}

#[tokio::test]
async fn a_deleted_header_row_is_mended_by_writing_it_again_or_by_deleting_the_tab() {
    let world = World::filled(5).await;
    world.owner_unfreezes().await;
    world.owner_deletes("ROWS", 0, 1).await;
    says(
        &refused(&world).await,
        &["header row", "Version history", "delete the tab", "duplicate it first"],
    );
    // as the version history would
    let range = json!({"sheetId": world.sheet_id(), "dimension": "ROWS", "startIndex": 0, "endIndex": 1});
    world
        .simulator
        .owner(json!([{"insertDimension": {"range": range}}]))
        .await;
    world.simulator.types(&format!("{TITLE}!A1:F1"), json!([HEADER])).await;
    world.sync().await.unwrap();
    is_whole(&world, TITLE).await;

    world.owner_deletes("ROWS", 0, 1).await;
    refused(&world).await;
    starts_over(&world, "delete").await;
    assert_eq!(world.tab("Copie")["values"][0][0], "1", "what was there is kept");

    world.owner_unfreezes().await;
    world.owner_deletes("ROWS", 0, 1).await;
    refused(&world).await;
    starts_over(&world, "empty").await;
}

#[tokio::test]
async fn lost_ids_are_mended_by_emptying_the_tab_or_by_deleting_it() {
    let world = World::filled(5).await;
    let ids = json!({"startRowIndex": 1, "startColumnIndex": 0, "endColumnIndex": 1});
    for way in ["empty", "delete"] {
        world.owner_clears(ids.clone()).await;
        // a single cleared id is given back; these are not known by their other cells either
        world
            .simulator
            .types(&format!("{TITLE}!B2:B6"), json!([["a"], ["b"], ["c"], ["d"], ["e"]]))
            .await;
        let advice = [
            "5 records",
            "Version history",
            "empty it",
            "delete the tab",
            "duplicate it first",
        ];
        says(&refused(&world).await, &advice);
        starts_over(&world, way).await;
    }
}

#[tokio::test]
async fn a_deleted_id_column_is_mended_by_emptying_the_tab_or_by_deleting_it() {
    let world = World::filled(5).await;
    for way in ["empty", "delete"] {
        world.owner_deletes("COLUMNS", 0, 1).await;
        says(
            &refused(&world).await,
            &[
                "the column of id was deleted",
                "Version history",
                "empty it",
                "delete the tab",
            ],
        );
        starts_over(&world, way).await;
    }
}

#[tokio::test]
async fn a_persons_tab_of_that_name_is_renamed_or_emptied_or_another_title_is_chosen() {
    for way in ["rename", "empty", "tab"] {
        let mut world = World::new(3).await;
        let properties = json!({"sheetId": 55, "title": TITLE});
        world
            .simulator
            .owner(json!([{"addSheet": {"properties": properties}}]))
            .await;
        world.simulator.types(&format!("{TITLE}!A1"), json!([["à moi"]])).await;
        says(&refused(&world).await, &["rename or empty it", "`tab`"]);
        match way {
            "rename" => world.owner_renames(55, "À moi").await,
            "empty" => world.owner_clears(json!({})).await,
            _ => world.wish.title = "Nos dossiers".into(),
        }
        assert_eq!(world.sync().await.unwrap().added, 3, "{way}");
        let title = world.wish.title.clone();
        is_whole(&world, &title).await;
    }
}

#[tokio::test]
async fn a_chart_of_that_name_is_renamed() {
    let world = World::new(3).await;
    let chart = json!({"sheetId": 55, "title": TITLE, "sheetType": "OBJECT"});
    world
        .simulator
        .owner(json!([{"addSheet": {"properties": chart}}]))
        .await;
    let failure = refused(&world).await;
    says(&failure, &["has no cells", "rename", "`tab`"]);
    assert!(!failure.message.contains("empty it"), "{failure}");
    world.owner_renames(55, "Graphique").await;
    world.sync().await.unwrap();
    is_whole(&world, TITLE).await;
}

#[tokio::test]
async fn a_new_title_that_another_tab_has_is_made_free_by_renaming_that_tab() {
    let mut world = World::filled(3).await;
    world.wish.title = "Sheet1".into();
    let failure = refused(&world).await;
    says(&failure, &["Dossiers", "Sheet1", "rename", "`tab`"]);
    assert!(!failure.message.contains("empty"), "{failure}");
    world.owner_renames(0, "Accueil").await;
    world.sync().await.unwrap();
    is_whole(&world, "Sheet1").await;
}

#[tokio::test]
async fn a_title_that_another_resource_fills_gives_way_to_another_one() {
    let world = World::filled(3).await;
    let mut other = Wish::of(folders(1..=3));
    other.resource = ResourceName::Organisms;
    says(
        &world.sync_to(&other).await.unwrap_err(),
        &["registrationFolders", "`tab`"],
    );
    other.title = "Nous".into();
    assert_eq!(world.sync_to(&other).await.unwrap().added, 3);
    is_whole(&world, TITLE).await;
}

#[tokio::test]
async fn a_protected_range_in_the_way_is_lifted() {
    let mut world = World::filled(3).await;
    let id = world.sheet_id();
    let range = json!({"sheetId": id, "startColumnIndex": 1, "endColumnIndex": 2});
    let protect = json!({"protectedRangeId": 9, "range": range, "editors": {"users": []}});
    world
        .simulator
        .owner(json!([{"addProtectedRange": {"protectedRange": protect}}]))
        .await;
    world.change_name("2", "Dupont");
    let email = world.simulator.tenant().email.clone();
    says(&refused(&world).await, &["Protect sheets and ranges", &email]);
    world
        .simulator
        .owner(json!([{"deleteProtectedRange": {"protectedRangeId": 9}}]))
        .await;
    assert_eq!(world.sync().await.unwrap().updated, 1);
    is_whole(&world, TITLE).await;
}

#[tokio::test]
async fn records_of_another_account_go_when_the_tab_is_emptied() {
    let mut world = World::filled(50).await;
    world.wish.table = folders(901..=910);
    let failure = refused_deletion(&world).await;
    assert!(failure.message.contains("empty the tab"), "{failure}");
    world.owner_clears(json!({})).await;
    assert_eq!(world.sync().await.unwrap().added, 10);
    is_whole(&world, TITLE).await;
}

async fn refused_deletion(world: &World) -> Failure {
    let failure = world.sync().await.unwrap_err();
    assert_eq!((failure.reason, failure.mend), (reason::DELETION_REFUSED, Mend::Person));
    failure
}

/// A person cuts the header and a row and pastes each in the other's place: cells move, rows and their marks do not.
async fn owner_swaps_header_with(world: &World, row: usize) {
    let values = world.values();
    world
        .simulator
        .types(&format!("{TITLE}!A1:F1"), json!([values[row]]))
        .await;
    let place = format!("{TITLE}!A{0}:F{0}", row + 1);
    world.simulator.types(&place, json!([values[0]])).await;
}

#[tokio::test]
async fn a_header_whose_cells_were_moved_is_found_by_its_texts_and_marked_again() {
    let mut world = World::filled(5).await;
    owner_swaps_header_with(&world, 4).await;
    assert_eq!(world.values()[4], HEADER);
    world.change_name("4", "Dupont");
    world.wish.table.rows.push(folder(6));
    let change = world.sync().await.unwrap();
    assert_eq!((change.added, change.updated, change.removed), (1, 1, 0), "{change:?}");
    assert_eq!(world.row("4")[0], "Dupont", "in one row only");
    assert!(!world.sync().await.unwrap().written);
    world.drop_record("4");
    assert_eq!(world.sync().await.unwrap().removed, 1);
    assert!(!world.sync().await.unwrap().written);
}

#[tokio::test]
async fn headers_that_people_named_all_anew_stay_where_their_mark_is() {
    let world = World::filled(3).await;
    let names = json!([["N°", "Nom", "Né le", "Vu", "Prix", "Payé"]]);
    world.simulator.types(&format!("{TITLE}!A1:F1"), names.clone()).await;
    assert!(!world.sync().await.unwrap().written);
    owner_swaps_header_with(&world, 2).await;
    says(&refused(&world).await, &["header row", "moved and renamed"]);
    owner_swaps_header_with(&world, 2).await;
    assert!(!world.sync().await.unwrap().written);
    assert_eq!(
        world.values()[0],
        serde_json::from_value::<Vec<Value>>(names[0].clone()).unwrap()
    );
}

/// What `check` finds about the tab.
async fn checked(world: &World) -> Result<State, Failure> {
    let client = world.client().await.unwrap();
    let wanted = Wanted {
        resource: ResourceName::RegistrationFolders,
        title: &world.wish.title,
        keys: vec!["ID".to_owned()],
    };
    let inspection = client
        .inspect(&world.simulator.tenant().spreadsheet_id, &[wanted])
        .await;
    inspection.unwrap().tabs.remove(0)
}

#[tokio::test]
async fn check_refuses_in_the_same_words_what_a_sync_would_refuse() {
    let ids = json!({"startRowIndex": 1, "startColumnIndex": 0, "endColumnIndex": 1});
    for way in ["header", "id column", "ids"] {
        let world = World::filled(5).await;
        checked(&world).await.unwrap();
        match way {
            "header" => {
                world.owner_unfreezes().await;
                world.owner_deletes("ROWS", 0, 1).await;
            }
            "id column" => world.owner_deletes("COLUMNS", 0, 1).await,
            _ => {
                world
                    .simulator
                    .types(&format!("{TITLE}!B2:B6"), json!([["a"], ["b"], ["c"], ["d"], ["e"]]))
                    .await;
                world.owner_clears(ids.clone()).await;
            }
        }
        assert_eq!(checked(&world).await.unwrap_err(), refused(&world).await, "{way}");
        world.owner_clears(json!({})).await;
        checked(&world).await.unwrap();
        world.sync().await.unwrap();
        checked(&world).await.unwrap();
    }
}
