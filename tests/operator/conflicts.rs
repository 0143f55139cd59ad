//! Two objects, one tab.

use std::time::Duration;

use kube::api::DeleteParams;
use serde_json::{Value, json};
use wedof_sheet_sync::api::WedofSheetSync;

use crate::world::{World, condition};

#[tokio::test]
async fn of_two_objects_on_one_tab_the_younger_waits_and_is_not_stalled() {
    let world = World::start("op-conflict").await;
    world.apply("first", json!({"runOnCreate": false})).await;
    world.wait_for("first", "Ready", "True").await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    world
        .apply(
            "second",
            json!({"runOnCreate": false, "resources": [{"name": "organisms"}]}),
        )
        .await;
    let ready = world.wait_for("second", "Ready", "False").await;
    assert_eq!(ready["reason"], "TabConflict");
    assert!(
        ready["message"]
            .as_str()
            .unwrap()
            .starts_with("WedofSheetSync first fills the tab `organisms`"),
        "{ready}"
    );
    assert_eq!(*condition(&world.status("second").await, "Stalled"), Value::Null);
    assert!(world.cronjob("second").await.is_none());
    world
        .api::<WedofSheetSync>()
        .delete("first", &DeleteParams::background())
        .await
        .unwrap();
    world.wait_for("second", "Ready", "True").await;
}
