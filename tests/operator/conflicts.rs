//! Two objects, one tab.

use k8s_openapi::api::batch::v1::CronJob;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use wedof_sheet_sync::api::WedofSheetSync;

use crate::world::{World, condition, next_second};

const SPREADSHEET: &str = "1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms";

#[tokio::test]
async fn of_two_objects_on_one_tab_the_younger_waits_and_is_not_stalled() {
    let world = World::start("op-conflict").await;
    world
        .apply("first", json!({"runOnCreate": false, "spreadsheetId": SPREADSHEET}))
        .await;
    world.wait_for("first", "Ready", "True").await;
    next_second().await;
    world
        .apply(
            "second",
            json!({"runOnCreate": false, "spreadsheetId": SPREADSHEET, "resources": [{"name": "organisms"}]}),
        )
        .await;
    let ready = world.wait_for("second", "Ready", "False").await;
    assert_eq!(ready["reason"], "TabConflict");
    assert!(
        ready["message"]
            .as_str()
            .unwrap()
            .starts_with("WedofSheetSync first fills the tab `Organisms`"),
        "{ready}"
    );
    assert_eq!(*condition(&world.status("second").await, "Stalled"), Value::Null);
    assert!(world.cronjob("second").await.is_none());
    // one that is on its way out counts no more, however long that takes
    let objects = world.api::<WedofSheetSync>();
    let hold = |finalizers: Value| Patch::Merge(json!({"metadata": {"finalizers": finalizers}}));
    let params = PatchParams::default();
    objects
        .patch("first", &params, &hold(json!(["example.com/hold"])))
        .await
        .unwrap();
    objects.delete("first", &DeleteParams::background()).await.unwrap();
    world.wait_for("second", "Ready", "True").await;
    objects.patch("first", &params, &hold(Value::Null)).await.unwrap();
}

#[tokio::test]
async fn an_older_object_that_cannot_run_holds_no_tab_and_takes_it_back_when_it_can() {
    let world = World::start("op-conflict-stalled").await;
    let spreadsheet = format!("{SPREADSHEET}-stalled");
    // no date ever matches
    world
        .apply(
            "first",
            json!({"runOnCreate": false, "spreadsheetId": spreadsheet, "schedule": "0 4 30 2 *"}),
        )
        .await;
    world.wait_for("first", "Stalled", "True").await;
    next_second().await;
    let valid = json!({"runOnCreate": false, "spreadsheetId": spreadsheet});
    world.apply("second", valid.clone()).await;
    world.wait_for("second", "Ready", "True").await;
    world.apply("first", valid).await;
    world.wait_for("first", "Ready", "True").await;
    let ready = world.wait_for("second", "Ready", "False").await;
    assert_eq!(ready["reason"], "TabConflict");
}

#[tokio::test]
async fn a_tab_is_the_same_in_upper_and_lower_case_and_is_free_when_the_older_object_writes_elsewhere() {
    let world = World::start("op-conflict-case").await;
    let tab = |resource: &str, title: &str| json!({"runOnCreate": false, "spreadsheetId": format!("{SPREADSHEET}-case"), "resources": [{"name": resource, "tab": title}]});
    world.apply("first", tab("users", "Élèves Straße")).await;
    world.wait_for("first", "Ready", "True").await;
    next_second().await;
    world.apply("second", tab("organisms", "ÉLÈVES STRASSE")).await;
    let ready = world.wait_for("second", "Ready", "False").await;
    assert!(
        ready["message"]
            .as_str()
            .unwrap()
            .contains("fills the tab `ÉLÈVES STRASSE`"),
        "{ready}"
    );
    world.apply("first", tab("users", "Autres")).await;
    world.wait_for("second", "Ready", "True").await;
    assert!(world.cronjob("second").await.is_some());
}

#[tokio::test]
async fn an_object_that_gets_into_a_conflict_is_suspended_and_goes_on_by_itself() {
    let world = World::start("op-conflict-late").await;
    // a spreadsheet has one tab for each resource, whatever its title
    let tab = |resource: &str, title: &str| json!({"runOnCreate": false, "spreadsheetId": format!("{SPREADSHEET}-late"), "resources": [{"name": resource, "tab": title}]});
    world.apply("first", tab("users", "A")).await;
    world.wait_for("first", "Ready", "True").await;
    next_second().await;
    world.apply("second", tab("organisms", "B")).await;
    world.wait_for("second", "Ready", "True").await;
    world.apply("first", tab("organisms", "C")).await;
    let ready = world.wait_for("second", "Ready", "False").await;
    assert!(
        ready["message"]
            .as_str()
            .unwrap()
            .starts_with("WedofSheetSync first syncs organisms into this spreadsheet"),
        "{ready}"
    );
    let suspended = |wanted| move |cronjob: &CronJob| cronjob.spec.as_ref().unwrap().suspend == Some(wanted);
    world.wait_object("second", "its suspension", suspended(true)).await;
    assert_eq!(
        condition(&world.status("first").await, "Ready")["status"],
        "True",
        "the older one has the right"
    );
    world.apply("first", tab("users", "A")).await;
    world
        .wait_object("second", "its schedule again", suspended(false))
        .await;
}

#[tokio::test]
async fn of_an_object_in_another_namespace_the_name_is_not_told() {
    let other = World::without_operator("op-conflict-a").await;
    let mut world = World::without_operator("op-conflict-b").await;
    world.share(&other).await;
    world.start_operator();
    let same = json!({"runOnCreate": false, "spreadsheetId": format!("{SPREADSHEET}-else")});
    other.apply("secret-name", same.clone()).await;
    other.wait_for("secret-name", "Ready", "True").await;
    next_second().await;
    world.apply("acme", same).await;
    let ready = world.wait_for("acme", "Ready", "False").await;
    assert_eq!(ready["reason"], "TabConflict");
    let message = ready["message"].as_str().unwrap();
    assert!(
        message.starts_with("an object of another namespace fills the tab `Users`"),
        "{message}"
    );
    let all = world.status("acme").await.to_string();
    assert!(!all.contains("secret-name") && !all.contains("op-conflict-a"), "{all}");
    other
        .api::<WedofSheetSync>()
        .delete("secret-name", &DeleteParams::background())
        .await
        .unwrap();
    world.wait_for("acme", "Ready", "True").await;
}
