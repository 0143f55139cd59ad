//! Two runs to disturb, the first into an empty spreadsheet and a later one with changes of every kind, each with what
//! it makes when nobody disturbs it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wedof_sheet_sync::simulator::{Moment, Options};

use crate::world::{FOLDERS, Run, World};

/// Three pages of ten.
const RECORDS: usize = 25;
const SPEC: &[u8] = b"wedof: {requestsPerMinute: 600}\nresources: [{name: registrationFolders}, {name: organisms}]\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scene {
    First,
    /// Records changed, went and came; people have a column, a totals row, a note and a filter in the tab.
    Later,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    Wedof,
    Google,
}

/// Tabs by their title, without what is drawn by lot.
pub type Picture = BTreeMap<String, Value>;

pub struct Stage {
    pub world: World,
    pub before: Picture,
    pub after: Picture,
    beginning: Moment,
    /// Kinds of the requests of an undisturbed run, in their order.
    pub wedof: Vec<String>,
    pub google: Vec<String>,
}

impl Stage {
    pub async fn set(scene: Scene) -> Self {
        let dataset = tempfile::tempdir().unwrap();
        let folders: Vec<_> = (1..=RECORDS).map(folder).collect();
        let path = dataset.path().join("registrationFolders.json");
        std::fs::write(path, json!(folders).to_string()).unwrap();
        let world = World::with(Options {
            folders: 1,
            dataset: Some(dataset.path().to_owned()),
            ..Options::default()
        })
        .await;
        world.wedof_settings(json!({"maxLimit": 10})).await;
        world.write("sync.yaml", SPEC);
        if scene == Scene::Later {
            world.sync(&["--config", "sync.yaml"]).await.expect(0);
            live_in(&world).await;
        }
        world.forget_requests().await;
        let (beginning, before) = (world.running.keep(), picture(&world));
        let run = world.sync(&["--config", "sync.yaml"]).await.expect(0);
        let expected = match scene {
            Scene::First => (26, 0, 0, 0),
            Scene::Later => (1, 3, 1, 1),
        };
        let report = &run.report;
        assert_eq!(
            (report.added, report.updated, report.removed, report.kept),
            expected,
            "{scene:?}"
        );
        Self {
            after: picture(&world),
            before,
            beginning,
            wedof: world.running.wedof_requests().latest.into(),
            google: world.running.sheets_requests().latest.into(),
            world,
        }
    }

    pub fn requests(&self, service: Service) -> &[String] {
        match service {
            Service::Wedof => &self.wedof,
            Service::Google => &self.google,
        }
    }

    /// Everything as before the run, and nothing in its way.
    pub async fn again(&self) {
        self.world.clear_faults().await;
        self.world.running.put_back(&self.beginning);
    }

    pub async fn run(&self, args: &[&str], variables: &[(&str, &str)]) -> Run {
        let variables = [&[("RETRY_DELAY", "0.01")], variables].concat();
        self.world
            .sync_with(&[&["--config", "sync.yaml"], args].concat(), &variables)
            .await
    }

    pub fn picture(&self) -> Picture {
        picture(&self.world)
    }
}

fn folder(number: usize) -> Value {
    json!({
        "externalId": format!("{number:014}"),
        "state": "accepted",
        "lastUpdate": "2026-11-01T10:00:00.000Z",
        "attendee": {"lastName": format!("Nom {number}"), "email": format!("a{number}@example.org")},
        "amountTtc": number as f64 * 1.5,
    })
}

async fn live_in(world: &World) {
    let key = |number: usize| format!("registrationFolders/{number:014}");
    let mut notes = vec![""; RECORDS + 1];
    (notes[0], notes[3], notes[10], notes[RECORDS]) = ("Suivi", "appelé", "à rappeler", "fini");
    world.add_column(FOLDERS, &notes).await;
    let tab = world.tab(FOLDERS);
    let sheet = &tab["properties"]["sheetId"];
    let text = |text: &str| json!({"userEnteredValue": {"stringValue": text}, "note": "d'une personne"});
    let sum = json!({"userEnteredValue": {"formulaValue": "=COUNTA(B2:B26)"}});
    world
        .edit(json!([
            {"appendDimension": {"sheetId": sheet, "dimension": "ROWS", "length": 2}},
            {"updateCells": {
                "start": {"sheetId": sheet, "rowIndex": RECORDS + 1, "columnIndex": 0},
                "rows": [{"values": [text("Total"), sum]}],
                "fields": "userEnteredValue,note",
            }},
            {"setBasicFilter": {"filter": {
                "range": {"sheetId": sheet, "startRowIndex": 0, "endRowIndex": RECORDS + 1},
                "criteria": {"1": {"hiddenValues": ["terminated"]}},
            }}},
        ]))
        .await;
    world
        .wedof("PATCH", &key(2), Some(json!({"state": "terminated"})))
        .await;
    world
        .wedof(
            "PATCH",
            &key(RECORDS),
            Some(json!({"amountTtc": 4711, "attendee": {"lastName": "Autre"}})),
        )
        .await;
    world.wedof("DELETE", &key(15), None).await;
    world.wedof("DELETE", &key(10), None).await;
    world.wedof("POST", "registrationFolders", Some(folder(777))).await;
    world
        .wedof("PATCH", "organisms/me", Some(json!({"name": "Nouveau nom"})))
        .await;
}

fn picture(world: &World) -> Picture {
    let state = world.state();
    let sheets = state["sheets"].as_array().unwrap().iter();
    sheets
        .map(|sheet| {
            let mut sheet = sheet.clone();
            let mut marks: Vec<String> = sheet["developerMetadata"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|mark| mark["metadataKey"].to_string())
                .collect();
            marks.sort();
            sheet["developerMetadata"] = json!(marks);
            without_ids(&mut sheet);
            // a tab that was made later stands behind
            sheet["properties"]["index"].take();
            (sheet["properties"]["title"].as_str().unwrap().to_owned(), sheet)
        })
        .collect()
}

fn without_ids(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("sheetId");
            fields.values_mut().for_each(without_ids);
        }
        Value::Array(items) => items.iter_mut().for_each(without_ids),
        _ => {}
    }
}
