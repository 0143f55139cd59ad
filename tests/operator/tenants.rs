//! What somebody gains who may edit objects of our kind, and nothing else: each field of the spec and of the metadata, through
//! the real API server, as a user of their own. What lands in the CronJob may differ from that of a plain object only where
//! it says so here.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::{
    authorization::v1::SelfSubjectRulesReview,
    batch::v1::{CronJob, Job},
    core::v1::{ConfigMap, Pod, Secret, ServiceAccount},
};
use kube::{
    Api, Client, Config, ResourceExt,
    api::{ListParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use wedof_sheet_sync::api::WedofSheetSync;

use crate::{
    REQUESTED_AT, json_of,
    setup::Namespaced,
    world::{World, condition, report},
};

const TENANT: &str = "marie@centre.example";

/// Where in a CronJob the author of an object may have a say, by the field of the spec.
const CONFIG: &str = "/spec/jobTemplate/spec/template/spec/containers/0/env/0/value";
const POD: &str = "/spec/jobTemplate/spec/template/spec";

/// A user who may edit our kind in the world's namespace.
async fn tenant(world: &World) -> Client {
    let rules = json!([{
        "apiGroups": ["wedofsheetsync.dev"], "resources": ["wedofsheetsyncs"],
        "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"],
    }]);
    let user = json!({"kind": "User", "name": TENANT, "apiGroup": "rbac.authorization.k8s.io"});
    world.grant("tenant", rules, user).await;
    let mut config = Config::infer().await.unwrap();
    config.auth_info.impersonate = Some(TENANT.to_owned());
    let client = Client::try_from(config).unwrap();
    // roles take a moment to be known
    let known = async || objects(world, &client).list(&ListParams::default()).await.is_ok();
    world.until("the tenant's rights", known).await;
    client
}

fn objects(world: &World, client: &Client) -> Api<WedofSheetSync> {
    Api::namespaced(client.clone(), &world.namespace)
}

/// The tenant applies an object with changes of its spec and metadata, without a run.
async fn apply(world: &World, client: &Client, spec: &Value, metadata: &Value) -> Result<WedofSheetSync, kube::Error> {
    let mut manifest = world.manifest("acme", json!({"runOnCreate": false}));
    merge(&mut manifest["spec"], spec);
    merge(&mut manifest["metadata"], metadata);
    let params = PatchParams::apply("tenant").force();
    objects(world, client)
        .patch("acme", &params, &Patch::Apply(&manifest))
        .await
}

fn merge(into: &mut Value, changes: &Value) {
    match changes {
        Value::Object(changes) => {
            for (key, value) in changes {
                merge(&mut into[key], value);
            }
        }
        value => *into = value.clone(),
    }
}

/// The CronJob once it is made from this generation of the object.
async fn cronjob(world: &World, object: &WedofSheetSync) -> Value {
    let generation = object.metadata.generation.unwrap().to_string();
    let made = |cronjob: &CronJob| {
        let annotations = json_of(&cronjob.spec)["jobTemplate"]["metadata"]["annotations"].clone();
        annotations["wedofsheetsync.dev/generation"] == generation.as_str()
    };
    let mut cronjob = json_of(&world.wait_object("acme", "the CronJob of this spec", made).await);
    // what the API server and every new generation change
    cronjob["metadata"] = json!({
        "labels": cronjob["metadata"]["labels"], "ownerReferences": cronjob["metadata"]["ownerReferences"],
        "annotations": cronjob["metadata"]["annotations"], "finalizers": cronjob["metadata"]["finalizers"],
    });
    cronjob["metadata"]["annotations"]["wedofsheetsync.dev/applied-hash"].take();
    cronjob["spec"]["jobTemplate"]["metadata"]["annotations"]["wedofsheetsync.dev/generation"].take();
    cronjob["status"].take();
    cronjob
}

/// Every leaf of a JSON value by its path.
fn leaves(value: &Value, path: &str, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                leaves(value, &format!("{path}/{}", key.replace('/', "~1")), into);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, value) in items.iter().enumerate() {
                leaves(value, &format!("{path}/{index}"), into);
            }
        }
        Value::Null => {}
        value => {
            into.insert(path.to_owned(), value.clone());
        }
    }
}

/// Paths at which two CronJobs differ.
fn differences(one: &Value, other: &Value) -> BTreeSet<String> {
    let mut all = [BTreeMap::new(), BTreeMap::new()];
    leaves(one, "", &mut all[0]);
    leaves(other, "", &mut all[1]);
    let [one, other] = all;
    let paths = one.keys().chain(other.keys());
    paths
        .filter(|path| one.get(*path) != other.get(*path))
        .cloned()
        .collect()
}

#[tokio::test]
async fn each_field_reaches_one_place_of_the_cronjob_and_is_inert_there() {
    let world = World::start("op-tenant-fields").await;
    let client = tenant(&world).await;
    let plain = apply(&world, &client, &json!({}), &json!({})).await.unwrap();
    let plain = cronjob(&world, &plain).await;
    let all = [
        // texts, none of which means anything to a shell, a kubelet or a spreadsheet's formula
        (
            json!({"resources": [{"name": "organisms", "columns": {"labels": {"siret": "$(HTTPS_PROXY) $$(X) $(WEDOF_API_KEY_PATH) `id` ${PATH} $"}}}]}),
            vec![CONFIG],
        ),
        (
            json!({"resources": [{"name": "organisms", "tab": "=IMPORTDATA(\"$(X)\") \u{202e}\u{1f600}' ; --"}]}),
            vec![CONFIG],
        ),
        (
            json!({"resources": [{"name": "registrationFolders", "filters": {"query": ["$(WEDOF_API_KEY_PATH)&x-api-key=\r\nHost: evil.example"]}}]}),
            vec![CONFIG],
        ),
        (
            json!({"deletionGuard": {"maxPercent": 100, "minRows": 0}, "personalData": "exclude"}),
            vec![CONFIG],
        ),
        (json!({"spreadsheetId": "--report-_-etc-passwd-_--"}), vec![CONFIG]),
        (
            json!({"wedof": {"baseUrl": "https://staging.wedof.fr/api/../..%2f", "requestsPerMinute": 600}}),
            vec![],
        ),
        (
            json!({"wedof": {"baseUrl": "https://staging.wedof.fr/api", "requestsPerMinute": 600}}),
            vec![CONFIG],
        ),
        // times
        (json!({"schedule": "H/10 * * * *"}), vec!["/spec/schedule"]),
        (json!({"timeZone": "Etc/GMT+12"}), vec!["/spec/timeZone", CONFIG]),
        (json!({"suspend": true}), vec!["/spec/suspend"]),
        // references to Secrets: a name and a key, never a path
        (
            json!({"wedof": {"apiKeySecretRef": {"name": "db.password", "key": "..data"}}}),
            vec!["volumes/0/secret", CONFIG],
        ),
        (
            json!({"google": {"credentialsSecretRef": {"name": "tls", "key": "tls.key"}}}),
            vec!["volumes/1/secret", CONFIG],
        ),
        // where and how long
        (
            json!({"job": {"nodeSelector": {"node-role.kubernetes.io/control-plane": ""}}}),
            vec!["nodeSelector"],
        ),
        (
            json!({"job": {"tolerations": [{"operator": "Exists"}]}}),
            vec!["tolerations"],
        ),
        (
            json!({"job": {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
            {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]}}}}}),
            vec!["affinity"],
        ),
        (
            json!({"job": {"resources": {"limits": {"cpu": "100000", "memory": "1Ei", "ephemeral-storage": "1Ei"}}}}),
            vec!["containers/0/resources"],
        ),
        (
            json!({"job": {"activeDeadlineSeconds": 86400, "backoffLimit": 10}}),
            vec![
                "/spec/jobTemplate/spec/activeDeadlineSeconds",
                "/spec/jobTemplate/spec/backoffLimit",
                "activeDeadlineSeconds",
                "containers/0/args/5",
            ],
        ),
        (
            json!({"job": {"startingDeadlineSeconds": 604800, "successfulJobsHistoryLimit": 100, "failedJobsHistoryLimit": 100}}),
            vec![
                "/spec/startingDeadlineSeconds",
                "/spec/successfulJobsHistoryLimit",
                "/spec/failedJobsHistoryLimit",
            ],
        ),
    ];
    for (spec, places) in all {
        let object = match apply(&world, &client, &spec, &json!({})).await {
            Ok(object) => object,
            Err(error) => {
                assert!(places.is_empty() && is_refusal_of(&error, &spec), "{spec}: {error}");
                continue;
            }
        };
        let cronjob = cronjob(&world, &object).await;
        let places: Vec<String> = places
            .iter()
            .map(|place| match place.starts_with('/') {
                true => (*place).to_owned(),
                false => format!("{POD}/{place}"),
            })
            .collect();
        let differ = differences(&plain, &cronjob);
        assert!(!differ.is_empty(), "{spec} has an effect");
        for path in &differ {
            assert!(
                places
                    .iter()
                    .any(|place| path == place || path.starts_with(&format!("{place}/"))),
                "{spec} reaches {path}: {:?} instead of {:?}",
                cronjob.pointer(path),
                plain.pointer(path)
            );
        }
        inert(&cronjob, &object);
    }
}

/// No text of the author is expanded by a kubelet, a path, or more than its own variable can hold.
fn inert(cronjob: &Value, object: &WedofSheetSync) {
    let pod = cronjob.pointer(POD).unwrap();
    let env = pod["containers"][0]["env"].as_array().unwrap();
    for variable in env {
        let value = variable["value"].as_str().unwrap_or_default();
        assert!(!value.replace("$$", "").contains('$'), "{variable}");
        assert_eq!(variable["valueFrom"], Value::Null);
    }
    // what the run reads is what was written
    let config: Value = serde_json::from_str(&env[0]["value"].as_str().unwrap().replace("$$", "$")).unwrap();
    assert_eq!(env[0]["name"], "WEDOF_SHEET_SYNC_CONFIG");
    let written = json_of(&object.spec);
    if !written["resources"].is_null() {
        assert_eq!(config["resources"][0]["tab"], written["resources"][0]["tab"]);
        assert_eq!(config["resources"][0]["columns"], written["resources"][0]["columns"]);
        assert_eq!(config["resources"][0]["filters"], written["resources"][0]["filters"]);
    }
    let mounts: Vec<_> = pod["containers"][0]["volumeMounts"]
        .as_array()
        .unwrap()
        .iter()
        .collect();
    assert!(
        mounts
            .iter()
            .all(|mount| mount["readOnly"] == true && mount["subPath"].is_null())
    );
    for volume in pod["volumes"].as_array().unwrap() {
        let path = volume["secret"]["items"][0]["path"].as_str().unwrap();
        assert!(["api-key", "credentials.json"].contains(&path), "{volume}");
    }
}

#[tokio::test]
async fn the_object_s_own_metadata_reaches_nothing() {
    let world = World::start("op-tenant-metadata").await;
    let client = tenant(&world).await;
    let plain = apply(&world, &client, &json!({}), &json!({})).await.unwrap();
    let plain = cronjob(&world, &plain).await;
    let owner: ConfigMap = world.create(json!({"metadata": {"name": "owner"}})).await;
    let metadata = json!({
        "labels": {"app": "shop", "argocd.argoproj.io/instance": "all", "wedofsheetsync.dev/uid": "another"},
        "annotations": {
            "sidecar.istio.io/inject": "true",
            "container.apparmor.security.beta.kubernetes.io/sync": "unconfined",
            "wedofsheetsync.dev/name": "another",
            "wedofsheetsync.dev/trigger": "Manual",
            "wedofsheetsync.dev/applied-hash": "0",
        },
        "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.uid().unwrap()}],
        "finalizers": ["example.org/hold"],
    });
    // metadata alone raises no generation: with a change of the spec, the CronJob is made anew
    let object = apply(&world, &client, &json!({"schedule": "0 5 29 2 *"}), &metadata)
        .await
        .unwrap();
    let made = cronjob(&world, &object).await;
    assert_eq!(
        differences(&plain, &made),
        BTreeSet::from(["/spec/schedule".to_owned()])
    );
    let release = json!({"metadata": {"finalizers": null}});
    let released = objects(&world, &client)
        .patch("acme", &PatchParams::default(), &Patch::Merge(&release))
        .await;
    released.unwrap();
}

/// Whether it is for this field, and for no other, that the API server refuses.
fn is_refusal_of(error: &kube::Error, changes: &Value) -> bool {
    let mut field = "spec".to_owned();
    let mut value = changes;
    while let Value::Object(fields) = value
        && fields.len() == 1
    {
        let (key, inner) = fields.iter().next().unwrap();
        field = format!("{field}.{key}");
        value = inner;
    }
    matches!(error, kube::Error::Api(status) if status.code == 422 && status.message.contains(&field))
}

fn wedof(base_url: &str) -> Value {
    json!({"wedof": {"baseUrl": base_url}})
}

fn secret(name: &str, key: &str) -> Value {
    json!({"wedof": {"apiKeySecretRef": {"name": name, "key": key}}})
}

/// Refused by the API server, or Stalled for this reason; never a CronJob.
#[tokio::test]
async fn what_would_give_more_is_refused() {
    let world = World::start("op-tenant-refused").await;
    let client = tenant(&world).await;
    let hosts = [
        "https://evil.example/api",
        "https://www.wedof.fr.evil.example/api",
        "https://evil.example/www.wedof.fr",
        "https://www.wedof.fr@evil.example/api",
        "https://www.wedof.fr:443@evil.example/api",
        "https://evil.example#www.wedof.fr",
        "https://evil.example?www.wedof.fr",
        "https://evil.example\\@www.wedof.fr",
        "https://www.wedof.fr%2eevil.example/api",
        "https://www.wedof.fr%00.evil.example/api",
        "https://www.wedof.fr/api?x=$(PATH)",
        "https://www.wedof.fr\n.evil.example/api",
        "https://ｗｗｗ.wedof.fr.evil.example/",
        "https://www.wеdof.fr/api",
        "https://xn--wdof-x4e.fr/api",
        "https://www.wedof.fr:99999/api",
        "https://www.wedof.fr./api",
        "https://169.254.169.254/latest/meta-data",
        "https://2852039166/",
        "https://0xa9fea9fe/",
        "https://[::ffff:169.254.169.254]/",
        "http://169.254.169.254/latest/meta-data",
        "http://metadata.google.internal/",
        "http://kubernetes.default.svc/api",
        "http://kubernetes.default.svc.cluster.local/api",
        "https://kubernetes.default.svc/api",
        "https://localhost/api",
        "https://127.0.0.1/api",
        "http://www.wedof.fr/api",
        "ftp://www.wedof.fr/api",
        "file:///etc/passwd",
        "//www.wedof.fr/api",
        "",
    ];
    let hosts = hosts.map(|host| (wedof(host), "WedofHostNotAllowed"));
    let others = [
        (secret("wedof/../google", "k"), ""),
        (secret("../wedof", "k"), ""),
        (secret("", "k"), ""),
        (secret("$(X)", "k"), ""),
        (secret("wedof", "a/b"), ""),
        (secret("wedof", "../../etc/passwd"), ""),
        (secret("wedof", "$(X)"), ""),
        (secret("wedof", ""), ""),
        (json!({"spreadsheetId": "../../etc/passwd------------"}), ""),
        (json!({"spreadsheetId": "$(WEDOF_API_KEY_PATH)1234567"}), ""),
        (json!({"schedule": "CRON_TZ=UTC * * * * *"}), ""),
        (json!({"schedule": "* * * * * *"}), ""),
        (json!({"schedule": "$(X) * * * *"}), ""),
        (json!({"timeZone": "../../etc/passwd"}), "InvalidTimeZone"),
        (json!({"timeZone": "Local"}), "InvalidTimeZone"),
        (json!({"resources": [{"name": "../users"}]}), ""),
        (json!({"job": {"activeDeadlineSeconds": 1}}), ""),
        (json!({"job": {"activeDeadlineSeconds": 1_000_000_000}}), ""),
        (json!({"job": {"backoffLimit": 1000}}), ""),
        (json!({"job": {"successfulJobsHistoryLimit": 0}}), ""),
        (
            json!({"job": {"resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}}}),
            "CronJobRefused",
        ),
        (
            json!({"job": {"resources": {"limits": {"memory": "-1"}}}}),
            "InvalidSpec",
        ),
    ];
    for (spec, reason) in hosts.into_iter().chain(others) {
        let object = match apply(&world, &client, &spec, &json!({})).await {
            Err(error) => {
                assert!(is_refusal_of(&error, &spec), "{spec}: {error}");
                continue;
            }
            Ok(object) => object,
        };
        let generation = object.metadata.generation;
        let status = world
            .wait("acme", "a look at this generation", |status| {
                status["observedGeneration"].as_i64() == generation
            })
            .await;
        let stalled = condition(&status, "Stalled");
        assert_eq!(stalled["status"], "True", "{spec} is taken: {status:#}");
        assert_eq!(stalled["reason"], reason, "{spec}");
        assert!(world.cronjob("acme").await.is_none(), "{spec} makes a CronJob");
    }
}

#[tokio::test]
async fn fields_that_would_give_more_do_not_exist() {
    let world = World::without_operator("op-tenant-strict").await;
    for (field, value) in [
        ("image", json!("evil.example/image")),
        ("command", json!(["sh"])),
        ("args", json!(["--report", "/etc/passwd"])),
        ("env", json!([{"name": "HTTPS_PROXY", "value": "http://evil.example"}])),
        ("serviceAccountName", json!("default")),
        ("volumes", json!([{"name": "host", "hostPath": {"path": "/"}}])),
        ("podLabels", json!({"app": "shop"})),
        ("podAnnotations", json!({"sidecar.istio.io/inject": "true"})),
        ("priorityClassName", json!("system-node-critical")),
        ("runtimeClassName", json!("other")),
        ("hostNetwork", json!(true)),
        ("securityContext", json!({"privileged": true})),
        ("concurrencyPolicy", json!("Allow")),
    ] {
        for place in ["spec", "spec.job"] {
            let mut manifest = world.manifest("strict", json!({}));
            let spec = &mut manifest["spec"];
            match place {
                "spec" => spec[field] = value.clone(),
                _ => spec["job"][field] = value.clone(),
            }
            let params = PatchParams::apply("tenant").dry_run().validation_strict();
            let patched = world
                .api::<WedofSheetSync>()
                .patch("strict", &params, &Patch::Apply(&manifest))
                .await;
            let error = patched.expect_err(field).to_string();
            assert!(error.contains(&format!("{place}.{field}")), "{error}");
        }
    }
}

#[tokio::test]
async fn the_right_to_edit_our_kind_is_all_that_a_tenant_has() {
    let world = World::without_operator("op-tenant-rights").await;
    let client = tenant(&world).await;
    let review = json!({"spec": {"namespace": world.namespace}});
    let review: SelfSubjectRulesReview = serde_json::from_value(review).unwrap();
    let rules = Api::all(client.clone())
        .create(&PostParams::default(), &review)
        .await
        .unwrap();
    let rules = json_of(&rules.status.unwrap().resource_rules);
    let resources: BTreeSet<&str> = rules
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|rule| rule["resources"].as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .filter(|resource| !resource.starts_with("self"))
        .collect();
    assert_eq!(resources, BTreeSet::from(["wedofsheetsyncs"]));
    async fn refused<K: Namespaced>(world: &World, client: &Client) {
        let api: Api<K> = Api::namespaced(client.clone(), &world.namespace);
        let error = api.list(&ListParams::default()).await.unwrap_err();
        assert!(
            matches!(&error, kube::Error::Api(status) if status.code == 403),
            "{error}"
        );
    }
    refused::<Secret>(&world, &client).await;
    refused::<Pod>(&world, &client).await;
    refused::<Job>(&world, &client).await;
    refused::<CronJob>(&world, &client).await;
    refused::<ServiceAccount>(&world, &client).await;
    // the status is the operator's to write
    apply(&world, &client, &json!({}), &json!({})).await.unwrap();
    let status = json!({"status": {"rows": 4711}});
    let written = objects(&world, &client)
        .patch_status("acme", &PatchParams::default(), &Patch::Merge(&status))
        .await;
    assert!(
        matches!(&written, Err(kube::Error::Api(status)) if status.code == 403),
        "{written:?}"
    );
    let in_spec = objects(&world, &client)
        .patch("acme", &PatchParams::default(), &Patch::Merge(&status))
        .await;
    assert_eq!(json_of(&in_spec.unwrap().status)["rows"], Value::Null);
}

/// Objects that look like the operator's own by every label and annotation.
#[tokio::test]
async fn children_are_believed_by_the_chain_of_their_owners_and_not_by_labels() {
    let world = World::start("op-tenant-children").await;
    world.apply("acme", json!({"runOnCreate": false})).await;
    world.wait_for("acme", "Ready", "True").await;
    let real = world.cronjob("acme").await.unwrap();
    let template = json_of(&real.spec)["jobTemplate"].clone();
    let marks = json!({
        "labels": template["metadata"]["labels"], "annotations": template["metadata"]["annotations"],
    });
    // a Job with all our marks and a wrong owner, and one without an owner
    let other: ConfigMap = world.create(json!({"metadata": {"name": "other"}})).await;
    for (name, owner) in [
        ("orphan", Value::Null),
        (
            "wrong-kind",
            json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "other", "uid": other.uid(), "controller": true}]),
        ),
        (
            "wrong-uid",
            json!([{"apiVersion": "wedofsheetsync.dev/v1alpha1", "kind": "WedofSheetSync", "name": "acme",
            "uid": world.api::<WedofSheetSync>().get("acme").await.unwrap().uid(), "controller": true}]),
        ),
    ] {
        let mut job = json!({"metadata": marks, "spec": template["spec"]});
        merge(&mut job["metadata"], &json!({"name": name, "ownerReferences": owner}));
        world.create::<Job>(job).await;
        world
            .end_pod(name, 0, &report("Succeeded", json!({"rows": 4711})))
            .await;
    }
    // a pod that says it is a run's
    let pod = json!({"metadata": {"name": "liar", "labels": template["metadata"]["labels"]}, "spec": template["spec"]["template"]["spec"]});
    world.create::<Pod>(pod).await;
    // the operator is awake and has seen them all
    world.annotate("acme", REQUESTED_AT, "one").await;
    let going = |status: &Value| status["lastRun"]["syncRequest"] == "one";
    let status = world.wait("acme", "the run asked for", going).await;
    let name = status["lastRun"]["jobName"].as_str().unwrap().to_owned();
    world.end_pod(&name, 0, &report("Succeeded", json!({"rows": 7}))).await;
    let status = world
        .wait("acme", "its own run", |status| {
            status["lastHandledSyncRequest"] == "one"
        })
        .await;
    assert_eq!(
        (&status["rows"], &status["lastRun"]["jobName"]),
        (&json!(7), &json!(name)),
        "{status:#}"
    );
    assert!(!status.to_string().contains("4711"), "{status:#}");
}

#[tokio::test]
async fn a_request_for_a_run_may_hold_anything_and_does_nothing_else() {
    let world = World::start("op-tenant-request").await;
    let client = tenant(&world).await;
    apply(&world, &client, &json!({}), &json!({})).await.unwrap();
    world.wait_for("acme", "Ready", "True").await;
    let ask = async |value: &str| {
        let patch = json!({"metadata": {"annotations": {REQUESTED_AT: value}}});
        objects(&world, &client)
            .patch("acme", &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .unwrap();
    };
    for odd in [
        "\u{1b}[31mred\u{7}\r\n".to_owned(),
        "x".repeat(200_000),
        "\u{202e}$(PATH)\0".replace('\0', "\u{1}"),
    ] {
        ask(&odd).await;
    }
    // a request that can be told is handled, whatever it looks like
    let value = "$(PATH) ../../x \"'; --";
    ask(value).await;
    let jobs = world.jobs(1).await;
    let job = json_of(&jobs[0]);
    assert_eq!(job["metadata"]["annotations"]["wedofsheetsync.dev/sync-request"], value);
    let mut without = job.clone();
    without["metadata"].take();
    assert!(!without.to_string().contains("../../x"), "{without}");
    world
        .end_pod(&jobs[0].name_any(), 0, &report("Succeeded", json!({})))
        .await;
    let status = world
        .wait("acme", "the request", |status| {
            status["lastHandledSyncRequest"] == value
        })
        .await;
    let text = status.to_string();
    assert!(!text.contains("\\u001b") && text.len() < 10_000, "{text}");
    let events = world.events("acme").await;
    assert!(
        events
            .iter()
            .all(|(_, note)| !note.contains('\u{1b}') && note.len() < 1100),
        "{events:?}"
    );
}
