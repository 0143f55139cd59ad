//! What the API server itself says to whoever applies an object.

use kube::{Api, api::PostParams};
use serde_json::{Value, json};
use wedof_sheet_sync::api::WedofSheetSync;

use crate::world::World;

#[tokio::test]
async fn the_rules_of_the_definition_speak_to_people() {
    let world = World::without_operator("op-rules").await;
    let refused = async |changes: Value| {
        let manifest = serde_json::from_value::<kube::core::DynamicObject>(world.manifest("x", changes)).unwrap();
        let api: Api<kube::core::DynamicObject> = Api::namespaced_with(
            world.client.clone(),
            &world.namespace,
            &kube::core::ApiResource::erase::<WedofSheetSync>(&()),
        );
        let created = api
            .create(
                &PostParams {
                    dry_run: true,
                    ..Default::default()
                },
                &manifest,
            )
            .await;
        created
            .err()
            .map(|error| error.to_string())
            .unwrap_or("accepted".into())
    };
    let secret = json!({"name": "wedof", "key": "k"});
    for (changes, says) in [
        (json!({}), "accepted"),
        (json!({"schedule": "@daily"}), "accepted"),
        (json!({"schedule": "H(0-29)/10 H * * MON-FRI"}), "accepted"),
        (
            json!({"schedule": "* * * * * *"}),
            "schedule needs five fields (minute hour day-of-month month day-of-week), found 6",
        ),
        (json!({"schedule": "@fortnightly"}), "schedule knows @yearly"),
        (
            json!({"schedule": "TZ=UTC 0 7 * * *"}),
            "schedule takes no TZ or CRON_TZ: set timeZone",
        ),
        (json!({"schedule": "0 7 * * §"}), "schedule has a field that is none"),
        (json!({"timeZone": "Local"}), "timeZone must be a zone's IANA name"),
        (
            json!({"spreadsheetId": "https://docs.google.com/spreadsheets/d/1BxiMVs0XRA5nFMd/edit"}),
            "spreadsheetId is only the part of the spreadsheet's link between /d/ and /edit, not the link",
        ),
        (
            json!({"spreadsheetId": "15909500171590950017"}),
            "the number of a tab (gid)",
        ),
        (
            json!({"spreadsheetId": "2PACX-1vQx4JZ8kXcD3hY0sRbTn"}),
            "a published copy",
        ),
        (json!({"wedof": {}}), "spec.wedof.apiKeySecretRef: Required value"),
        (
            json!({"google": {}}),
            "spec.google.credentialsSecretRef: Required value",
        ),
        (
            json!({"wedof": {"apiKeySecretRef": secret, "baseUrl": "http://www.wedof.fr/api"}}),
            "http is for Services of the cluster",
        ),
        (
            json!({"wedof": {"apiKeySecretRef": secret, "baseUrl": "https://a@b.fr"}}),
            "no user, query or fragment",
        ),
        (
            json!({"wedof": {"apiKeySecretRef": secret, "baseUrl": "http://simulator.sim.svc:8080/api"}}),
            "accepted",
        ),
        (
            json!({"resources": [{"name": "organisms"}, {"name": "organisms", "tab": "b"}]}),
            "spec.resources[1]: Duplicate value",
        ),
        (
            json!({"resources": [{"name": "organisms", "tab": "registration folders"}, {"name": "registrationFolders"}]}),
            "have the same tab",
        ),
        (
            json!({"resources": [{"name": "students"}]}),
            "Unsupported value: \"students\"",
        ),
        (
            json!({"job": {"activeDeadlineSeconds": 10}}),
            "greater than or equal to 300",
        ),
        (
            json!({"job": {"failedJobsHistoryLimit": 0}}),
            "greater than or equal to 1",
        ),
        (
            json!({"job": {"tolerations": [{"key": 7}]}}),
            "must be of type string: \"integer\"",
        ),
        (
            json!({"job": {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{}]}}}}),
            "topologyKey: Required value",
        ),
        (
            json!({"job": {"startingDeadlineSeconds": 10}}),
            "greater than or equal to 60",
        ),
        (
            json!({"job": {"resources": {"limits": {"cpu": 1, "memory": "1 GB"}}}}),
            "should match",
        ),
    ] {
        let answer = refused(changes.clone()).await;
        assert!(answer.contains(says), "{changes}: {answer}");
    }
}
