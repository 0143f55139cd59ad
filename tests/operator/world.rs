//! What the tests share: a namespace of its own and an operator process of its own for each test. The operator reaches the
//! API server only through a proxy that counts its requests, with an account that has the chart's rights and no others.
//!
//! No kubelet is needed: runs ask for a node that does not exist, and tests write what a kubelet would have written into
//! their pods' status.

#![allow(
    dead_code,
    reason = "shared by tests/operator, tests/outages and tests/monitoring, which use a part each"
)]

use std::time::{Duration, Instant};

use k8s_openapi::{
    api::{
        batch::v1::{CronJob, Job},
        core::v1::Pod,
        rbac::v1::RoleBinding,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Config, ResourceExt,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams},
    core::NamespaceResourceScope,
};
use serde_json::{Value, json};
use wedof_sheet_sync::api::{WedofSheetSync, crd};

use crate::{
    proxy::is_watch,
    replica::Replica,
    setup::{self, Namespaced, PATIENCE},
};

pub struct World {
    pub client: Client,
    pub namespace: String,
    /// The one operator of tests that need no more.
    pub operator: Replica,
    config: Config,
    token: String,
    /// Further namespaces that the operator watches.
    shared: Vec<String>,
}

impl World {
    /// A fresh namespace of this name, and the operator at work in it.
    pub async fn start(namespace: &str) -> Self {
        let mut world = Self::without_operator(namespace).await;
        world.start_operator();
        world
    }

    pub async fn without_operator(namespace: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = Config::infer().await.expect("KUBECONFIG names a cluster");
        let client = Client::try_from(config.clone()).expect("a client");
        setup::install_definition(&client).await;
        setup::create_namespace(&client, namespace).await;
        let token = setup::operators_account(&client, namespace).await;
        Self {
            client,
            namespace: namespace.to_owned(),
            operator: Replica::new(config.clone(), &token).await,
            config,
            token,
            shared: Vec::new(),
        }
    }

    /// Another operator, with a way of its own to the API server; not started yet.
    pub async fn replica(&self) -> Replica {
        Replica::new(self.config.clone(), &self.token).await
    }

    /// Lets this world's operator handle the objects of another world, too.
    pub async fn share(&mut self, other: &Self) {
        let subject = json!({"kind": "ServiceAccount", "name": "operator", "namespace": self.namespace});
        let binding =
            json!({"metadata": {"name": "shared"}, "roleRef": setup::role("operator"), "subjects": [subject]});
        other.create::<RoleBinding>(binding).await;
        self.shared.push(other.namespace.clone());
    }

    pub fn start_operator(&mut self) {
        self.start_operator_with(&[]);
    }

    /// Starts the operator with variables, as the chart sets them.
    pub fn start_operator_with(&mut self, variables: &[(&str, &str)]) {
        let namespaces: Vec<&str> = self
            .shared
            .iter()
            .chain([&self.namespace])
            .map(String::as_str)
            .collect();
        self.operator.start_with(&namespaces.join(","), &[], variables);
    }

    /// Ends the operator by SIGKILL, as a node that fails would.
    pub fn stop_operator(&mut self) {
        self.operator.kill();
    }

    /// What the operator has asked since the last call: method, path and query. Watches are left out.
    pub fn requests(&self) -> Vec<String> {
        let mut requests = self.operator.proxy.take_requests();
        requests.retain(|line| !is_watch(line));
        requests
    }

    /// A client with the operator's account.
    pub fn operators_client(&self) -> Client {
        let mut config = self.config.clone();
        config.auth_info = kube::config::AuthInfo {
            token: Some(self.token.clone().into()),
            ..Default::default()
        };
        Client::try_from(config).expect("a client")
    }

    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Creates an object of any kind.
    pub async fn create<K: Namespaced>(&self, body: Value) -> K {
        setup::create(&self.client, &self.namespace, body).await
    }

    /// Somebody who may do what these rules say; `subject` is a user or an account.
    pub async fn grant(&self, name: &str, rules: Value, subject: Value) {
        setup::grant(&self.client, &self.namespace, name, rules, subject).await;
    }

    /// An account with the rights that these rules give, and its token.
    pub async fn account(&self, name: &str, rules: Value) -> String {
        setup::account(&self.client, &self.namespace, name, rules).await
    }

    /// A valid manifest with changes of its spec.
    pub fn manifest(&self, name: &str, changes: Value) -> Value {
        let mut spec = json!({
            "schedule": "0 4 29 2 *",
            // a spreadsheet for each object: none is in another's way
            "spreadsheetId": format!("{:-<24.150}", format!("{}-{name}", self.namespace).replace('.', "_")),
            "wedof": {"apiKeySecretRef": {"name": "wedof", "key": "api-key"}},
            "google": {"credentialsSecretRef": {"name": "google", "key": "credentials.json"}},
            "job": {"nodeSelector": {"wedofsheetsync.dev/nowhere": "true"}},
        });
        for (key, value) in changes.as_object().expect("an object") {
            spec[key] = value.clone();
        }
        json!({
            "apiVersion": "wedofsheetsync.dev/v1alpha1", "kind": "WedofSheetSync",
            "metadata": {"name": name, "namespace": self.namespace}, "spec": spec,
        })
    }

    /// Applies an object as a person would.
    pub async fn apply(&self, name: &str, changes: Value) {
        let params = PatchParams::apply("test").force();
        let manifest = self.manifest(name, changes);
        let applied = self
            .api::<WedofSheetSync>()
            .patch(name, &params, &Patch::Apply(&manifest))
            .await;
        applied.expect("the object is accepted");
    }

    pub async fn annotate(&self, name: &str, key: &str, value: &str) {
        let patch = json!({"metadata": {"annotations": {key: value}}});
        let patched = self
            .api::<WedofSheetSync>()
            .patch(name, &PatchParams::default(), &Patch::Merge(&patch))
            .await;
        patched.expect("the object can be annotated");
    }

    pub async fn status(&self, name: &str) -> Value {
        let object = self
            .api::<WedofSheetSync>()
            .get(name)
            .await
            .expect("the object is there");
        serde_json::to_value(object.status).expect("a status is JSON")
    }

    /// Waits until the status is as wanted.
    pub async fn wait(&self, name: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.wait_up_to(PATIENCE, name, what, wanted).await
    }

    /// Waits longer than usual.
    pub async fn wait_up_to(&self, limit: Duration, name: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + limit;
        loop {
            let status = self.status(name).await;
            if wanted(&status) {
                return status;
            }
            assert!(Instant::now() < deadline, "waited in vain for {what}: {status:#}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits for a condition's value and gives the condition.
    pub async fn wait_for(&self, name: &str, kind: &str, value: &str) -> Value {
        let what = format!("{kind} {value}");
        let status = self
            .wait(name, &what, |status| condition(status, kind)["status"] == value)
            .await;
        condition(&status, kind).clone()
    }

    /// Waits until it holds.
    pub async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds().await {
            assert!(Instant::now() < deadline, "waited in vain for {what}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits for an object of any kind to be as wanted.
    pub async fn wait_object<K: Namespaced>(&self, name: &str, what: &str, wanted: impl Fn(&K) -> bool) -> K {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let object = self.api::<K>().get_opt(name).await.expect("it can be read");
            match object {
                Some(object) if wanted(&object) => return object,
                object => assert!(
                    Instant::now() < deadline,
                    "waited in vain for {what} of {name}: {:#}",
                    serde_json::to_value(object).expect("JSON")
                ),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub async fn cronjob(&self, name: &str) -> Option<CronJob> {
        self.api::<CronJob>().get_opt(name).await.expect("CronJobs can be read")
    }

    /// Waits for the number of Jobs and gives them in the order of their creation.
    pub async fn jobs(&self, count: usize) -> Vec<Job> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut jobs = self
                .api::<Job>()
                .list(&ListParams::default())
                .await
                .expect("Jobs can be listed")
                .items;
            if jobs.len() == count {
                jobs.sort_by_key(|job| job.metadata.creation_timestamp.as_ref().map(|time| time.0));
                return jobs;
            }
            assert!(
                Instant::now() < deadline,
                "waited in vain for {count} Jobs: {}",
                jobs.len()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The newest pod of a Job that has not ended.
    pub async fn pod(&self, job: &str) -> String {
        let params = ListParams::default().labels(&format!("batch.kubernetes.io/job-name={job}"));
        let deadline = Instant::now() + PATIENCE;
        loop {
            let pods = self.api::<Pod>().list(&params).await.expect("pods can be listed");
            let phase = |pod: &Pod| pod.status.as_ref().and_then(|status| status.phase.clone());
            let mut pods = pods.items.into_iter();
            if let Some(pod) = pods.find(|pod| phase(pod).as_deref() == Some("Pending")) {
                return pod.name_any();
            }
            assert!(Instant::now() < deadline, "Job {job} gets no pod");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Ends the pod of a Job as a kubelet would tell it.
    pub async fn end_pod(&self, job: &str, exit_code: i32, report: &Value) {
        let message = if report.is_null() {
            String::new()
        } else {
            report.to_string()
        };
        self.end_pod_saying(job, exit_code, &message).await;
    }

    /// Ends the pod of a Job with any text as its last words.
    pub async fn end_pod_saying(&self, job: &str, exit_code: i32, message: &str) {
        let pod = self.pod(job).await;
        let now = jiff_now();
        let (phase, reason) = if exit_code == 0 {
            ("Succeeded", "Completed")
        } else {
            ("Failed", "Error")
        };
        let patch = json!({"status": {
            "phase": phase,
            "containerStatuses": [{
                "name": "sync", "image": "i", "imageID": "i", "ready": false, "restartCount": 0,
                "state": {"terminated": {"exitCode": exit_code, "reason": reason, "message": message, "startedAt": now, "finishedAt": now}},
            }],
        }});
        let patched = self
            .api::<Pod>()
            .patch_status(&pod, &PatchParams::default(), &Patch::Merge(&patch))
            .await;
        patched.expect("a pod's status can be written");
    }

    /// Makes a stored object one that this version cannot read: through another version of the definition, whose rules
    /// are loose and which is served only meanwhile.
    pub async fn store_broken(&self, name: &str) {
        let api: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        let definition = crd().expect("a definition").name_any();
        let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        let loose = json!({"name": "v1loose", "served": true, "storage": false, "schema": {"openAPIV3Schema": schema}});
        let add: Patch<()> = Patch::Json(
            serde_json::from_value(json!([{"op": "add", "path": "/spec/versions/-", "value": loose}]))
                .expect("a patch"),
        );
        api.patch(&definition, &PatchParams::default(), &add)
            .await
            .expect("a loose version is added");
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(
            "wedofsheetsync.dev",
            "v1loose",
            "WedofSheetSync",
        ));
        let objects: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &self.namespace, &resource);
        let broken = json!({"spec": {"resources": [{"name": "students"}]}});
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = objects
            .patch(name, &PatchParams::default(), &Patch::Merge(&broken))
            .await
        {
            assert!(Instant::now() < deadline, "the loose version is not served: {error}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        // else the API server refuses every write of an object with fields of a version that is gone
        let unmanaged = json!({"metadata": {"managedFields": [{}]}});
        let patched = objects
            .patch(name, &PatchParams::default(), &Patch::Merge(&unmanaged))
            .await;
        patched.expect("the owners of its fields are forgotten");
        let found = api.get(&definition).await.expect("the definition is there");
        let index = found
            .spec
            .versions
            .iter()
            .position(|version| version.name == "v1loose")
            .expect("the version is there");
        let remove = json!([{"op": "remove", "path": format!("/spec/versions/{index}")}]);
        let remove: Patch<()> = Patch::Json(serde_json::from_value(remove).expect("a patch"));
        api.patch(&definition, &PatchParams::default(), &remove)
            .await
            .expect("the loose version is removed");
    }

    /// Waits for an object that need not decode.
    pub async fn wait_raw(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let resource = ApiResource::erase::<WedofSheetSync>(&());
        let objects: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &self.namespace, &resource);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let object = objects.get(name).await.expect("the object is there");
            let object = serde_json::to_value(object).expect("JSON");
            if wanted(&object) {
                return object;
            }
            assert!(Instant::now() < deadline, "waited in vain: {object:#}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// A command of kubectl or Helm in this namespace: whether it succeeded, and all that it printed.
    pub async fn command(&self, program: &str, arguments: &[&str]) -> (bool, String) {
        let mut command = tokio::process::Command::new(program);
        command.args(["--namespace", &self.namespace]).args(arguments);
        let output = command.output().await;
        let output = output.unwrap_or_else(|error| panic!("{program} is not in PATH: {error}"));
        let printed = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&printed).into_owned())
    }

    pub async fn kubectl(&self, arguments: &[&str]) -> (bool, String) {
        self.command("kubectl", arguments).await
    }

    /// Reasons and notes of the events about an object, in the order in which they were first seen.
    pub async fn events(&self, name: &str) -> Vec<(String, String)> {
        let events: Api<k8s_openapi::api::events::v1::Event> = self.api();
        let params = ListParams::default().fields(&format!("regarding.name={name},regarding.kind=WedofSheetSync"));
        let mut events = events.list(&params).await.expect("events can be listed").items;
        events.sort_by_key(|event| event.event_time.as_ref().map(|time| time.0));
        let pair = |event: k8s_openapi::api::events::v1::Event| {
            (event.reason.unwrap_or_default(), event.note.unwrap_or_default())
        };
        events.into_iter().map(pair).collect()
    }

    /// Their reasons alone.
    pub async fn reasons(&self, name: &str) -> Vec<String> {
        self.events(name).await.into_iter().map(|(reason, _)| reason).collect()
    }
}

fn jiff_now() -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    k8s_openapi::jiff::Timestamp::from_second(now.as_secs() as i64)
        .expect("a time")
        .to_string()
}

/// Times of creation are whole seconds, and of two of one second either may count as the older: what is created from now
/// on is the younger.
pub async fn next_second() {
    tokio::time::sleep(Duration::from_millis(1100)).await;
}

/// A report of a run, with changes.
pub fn report(outcome: &str, changes: Value) -> Value {
    let mut report = json!({"version": 1, "outcome": outcome, "rows": 250, "added": 0, "updated": 0, "removed": 0, "kept": 0,
        "wedofRequests": 4, "sheetsRequests": 2, "resources": []});
    for (key, value) in changes.as_object().expect("an object") {
        report[key] = value.clone();
    }
    report
}

/// The condition of a type, or null.
pub fn condition<'a>(status: &'a Value, kind: &str) -> &'a Value {
    let mut conditions = status["conditions"].as_array().into_iter().flatten();
    conditions
        .find(|condition| condition["type"] == kind)
        .unwrap_or(&Value::Null)
}
