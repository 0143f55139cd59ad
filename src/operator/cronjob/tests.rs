use serde_json::{Value, json};

use super::*;
use crate::operator::{settings::ProxySettings, validate::tests::valid};

const OWNER: Owner<'static> = Owner {
    namespace: "centre-acme",
    name: "acme",
    uid: "6b7c1b0e-5b1f-4b44-9a27-3d1a1c1e4f00",
    generation: 3,
};

fn settings() -> Settings {
    Settings {
        image: "ghcr.io/example/wedof-sheet-sync:0.1.0".into(),
        image_pull_policy: Some("IfNotPresent".into()),
        pod: PodSettings::default(),
        wedof_hosts: vec!["www.wedof.fr".into(), "staging.wedof.fr".into()],
        token_hosts: Vec::new(),
        sheets_base_url: None,
        log: BTreeMap::from([("LOG_FORMAT".into(), "json".into())]),
    }
}

fn built(changes: Value) -> Value {
    serde_json::to_value(build(OWNER, &valid(changes), &settings())).unwrap()
}

fn pod(cronjob: &Value) -> &Value {
    &cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]
}

#[test]
fn a_minimal_object_becomes_this_cronjob() {
    insta::assert_yaml_snapshot!(built(json!({"schedule": "H 7 * * *"})));
}

#[test]
fn every_setting_of_the_job_and_of_the_operator_arrives() {
    let job = json!({
        "activeDeadlineSeconds": 600, "backoffLimit": 1, "startingDeadlineSeconds": 60,
        "successfulJobsHistoryLimit": 5, "failedJobsHistoryLimit": 1,
        "resources": {"requests": {"cpu": 1}, "limits": {"memory": "1Gi", "ephemeral-storage": "1Gi"}},
        "nodeSelector": {"pool": "batch"},
        "tolerations": [{"key": "batch", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}},
    });
    let settings = Settings {
        pod: PodSettings {
            image_pull_secrets: vec!["registry".into()],
            pod_labels: BTreeMap::from([
                ("egress".into(), "wedof".into()),
                (names::LABEL_UID.into(), "another".into()),
            ]),
            pod_annotations: BTreeMap::from([("sidecar.istio.io/inject".into(), "false".into())]),
            priority_class_name: "batch".into(),
            runtime_class_name: "gvisor".into(),
            ..PodSettings::default()
        },
        sheets_base_url: Some("http://simulator.sim.svc:8081/".into()),
        token_hosts: vec!["simulator.sim.svc".into()],
        ..settings()
    };
    let cronjob = build(OWNER, &valid(json!({"job": job, "suspend": true})), &settings);
    let mut cronjob = serde_json::to_value(cronjob).unwrap();
    // told by the other snapshot
    cronjob["metadata"].take();
    cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]["volumes"].take();
    insta::assert_yaml_snapshot!(cronjob);
}

#[test]
fn every_field_of_what_to_sync_arrives_in_the_run() {
    let wanted = json!({
        "spreadsheetId": "1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms",
        "timeZone": "Indian/Reunion",
        "wedof": {"apiKeySecretRef": {"name": "w", "key": "k"}, "baseUrl": "https://www.wedof.fr/api",
            "requestsPerMinute": 7, "requestBudget": 8},
        "google": {"credentialsSecretRef": {"name": "g", "key": "c"}},
        "resources": [{"name": "registrationFolders", "tab": "Dossiers à $5", "filters": {"state": ["accepted"]},
            "expand": ["files"], "missingRows": "mark",
            "columns": {"preset": "suivi", "include": ["a"], "exclude": ["b"], "labels": {"c": "d"}, "headers": "english"}}],
        "personalData": "exclude",
        "deletionGuard": {"maxPercent": 9, "minRows": 10, "acceptUntil": "2026-12-01T12:00:00Z"},
    });
    let cronjob = built(wanted.clone());
    let config = pod(&cronjob)["containers"][0]["env"][0]["value"].as_str().unwrap();
    let received: Value = serde_json::from_str(&config.replace("$$", "$")).unwrap();
    assert_eq!(received, wanted);
}

#[test]
fn what_the_kubelet_would_expand_is_inert() {
    let labels = json!({"attendee.lastName": "$(HTTPS_PROXY) costs $5 $$"});
    let cronjob = built(json!({"resources": [{"name": "organisms", "columns": {"labels": labels}}]}));
    let config = pod(&cronjob)["containers"][0]["env"][0]["value"].as_str().unwrap();
    assert!(config.contains("$$(HTTPS_PROXY) costs $$5 $$$$"), "{config}");
    assert!(!config.replace("$$", "").contains('$'), "no single $ is left");
}

#[test]
fn proxies_certificates_and_times_of_the_operator_reach_its_runs() {
    let settings = Settings {
        pod: PodSettings {
            proxy: ProxySettings {
                https_proxy: "http://proxy.acme:3128".into(),
                no_proxy: "$(POD_IP)".into(),
                ..ProxySettings::default()
            },
            ca_certificates: "a certificate".into(),
            http_timeout: 90.0,
            ..PodSettings::default()
        },
        ..settings()
    };
    let cronjob = build(OWNER, &valid(json!({})), &settings);
    let cronjob = serde_json::to_value(cronjob).unwrap();
    let env = pod(&cronjob)["containers"][0]["env"].as_array().unwrap();
    for (name, value) in [
        ("HTTPS_PROXY", "http://proxy.acme:3128"),
        ("NO_PROXY", "$$(POD_IP)"),
        ("WEDOF_SHEET_SYNC_CA", "a certificate"),
        ("HTTP_TIMEOUT", "90"),
    ] {
        assert!(
            env.contains(&json!({"name": name, "value": value})),
            "{name} in {env:?}"
        );
    }
    for name in ["HTTP_PROXY", "RETRY_DELAY"] {
        assert!(env.iter().all(|variable| variable["name"] != name), "{name} in {env:?}");
    }
}

#[test]
fn a_secret_key_of_the_tenant_never_becomes_a_path() {
    let wedof = json!({"apiKeySecretRef": {"name": "wedof", "key": "..data"}});
    let cronjob = built(json!({"wedof": wedof}));
    let secret = &pod(&cronjob)["volumes"][0]["secret"];
    assert_eq!(secret["items"], json!([{"key": "..data", "path": "api-key"}]));
    assert_eq!(
        (&secret["optional"], &secret["defaultMode"]),
        (&json!(true), &json!(0o444))
    );
}

#[test]
fn one_of_request_and_limit_is_both() {
    let cronjob = built(json!({"job": {"resources": {"requests": {"memory": "2Gi"}, "limits": {"cpu": "10m"}}}}));
    assert_eq!(
        pod(&cronjob)["containers"][0]["resources"],
        json!({"requests": {"cpu": "10m", "memory": "2Gi"}, "limits": {"cpu": "10m", "memory": "2Gi"}})
    );
}

#[test]
fn the_hash_follows_the_content_and_the_generation() {
    let hash = |owner, changes| applied_hash(&build(owner, &valid(changes), &settings()).metadata).map(str::to_owned);
    let first = hash(OWNER, json!({}));
    assert_eq!(first, hash(OWNER, json!({})));
    assert_ne!(first, hash(OWNER, json!({"suspend": true})));
    assert_ne!(first, hash(Owner { generation: 4, ..OWNER }, json!({})));
}

#[test]
fn long_names_are_cut_with_a_hash_that_tells_them_apart() {
    assert_eq!(name("acme"), "acme");
    assert_eq!(name(&"a".repeat(52)), "a".repeat(52));
    let (one, two) = (format!("{}.one", "a".repeat(60)), format!("{}.two", "a".repeat(60)));
    assert_ne!(name(&one), name(&two));
    let dots = format!("{}.-{}", "a".repeat(39), "b".repeat(100));
    for object in [one, two, dots] {
        let name = name(&object);
        assert!(name.len() <= 52, "{name}");
        assert!(!name.contains(".-") && !name.contains("--"), "{name}");
    }
}

#[test]
fn a_job_is_named_by_what_it_is_for_and_owned_by_the_cronjob() {
    let order = Order {
        trigger: Trigger::Request,
        key: "2026-01-01T00:00:00Z".into(),
        request: Some("2026-01-01T00:00:00Z".into()),
    };
    let cronjob = build(OWNER, &valid(json!({})), &settings());
    let job = job(&cronjob, "cronjob-uid", &order);
    let meta = job.metadata;
    let name = meta.name.unwrap();
    assert_eq!(name, job_name("acme", &order));
    assert_ne!(
        name,
        job_name(
            "acme",
            &Order {
                trigger: Trigger::Create,
                ..order.clone()
            }
        )
    );
    assert!(job_name(&"a".repeat(52), &order).len() <= 63);
    let owner = &meta.owner_references.unwrap()[0];
    assert_eq!(
        (owner.kind.as_str(), owner.uid.as_str(), owner.controller),
        ("CronJob", "cronjob-uid", Some(true))
    );
    assert_eq!(owner.block_owner_deletion, None);
    assert_eq!(
        serde_json::to_value(meta.annotations).unwrap(),
        json!({
            "wedofsheetsync.dev/generation": "3", "wedofsheetsync.dev/name": "acme",
            "wedofsheetsync.dev/trigger": "Request", "wedofsheetsync.dev/sync-request": "2026-01-01T00:00:00Z",
        })
    );
    assert_eq!(job.spec, cronjob.spec.unwrap().job_template.spec);
}
