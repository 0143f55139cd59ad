//! What the end-to-end tests share: the cluster, the simulators in it, and a training centre with its namespace,
//! Secrets, Wedof account and spreadsheet. Everything goes through the API server, so it works on any cluster.

use std::time::{Duration, Instant};

use k8s_openapi::api::{
    batch::v1::{CronJob, Job},
    core::v1::{Namespace, Pod, Secret},
};
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

pub const SIMULATOR: &str = "/api/v1/namespaces/wss-simulator/services/simulator";
pub const WEDOF_URL: &str = "http://simulator.wss-simulator.svc:8080/api";

/// How long a run may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(150);

#[derive(Clone)]
pub struct World {
    pub client: Client,
}

impl World {
    pub async fn connect() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::try_default()
            .await
            .expect("KUBECONFIG names a cluster: run tests/e2e/run");
        Self { client }
    }

    /// One request to the simulators through the API server's proxy.
    async fn simulator(&self, port: &str, method: &str, path: &str, body: Option<&Value>) -> String {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{SIMULATOR}:{port}/proxy{path}"))
            .header("content-type", "application/json")
            .body(body.map(|body| body.to_string().into_bytes()).unwrap_or_default())
            .expect("a valid request");
        self.client
            .request_text(request)
            .await
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    pub async fn wedof(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        parse(&self.simulator("wedof", method, path, body).await)
    }

    pub async fn sheets(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        parse(&self.simulator("sheets", method, path, body).await)
    }

    /// A training centre of its own: a fresh namespace that enforces the `restricted` standard, and tenant number
    /// `tenant` of the simulators. Each test takes tenants of its own.
    pub async fn centre(&self, namespace: &str, tenant: usize) -> Centre {
        let centre = self.centre_without_secrets(namespace, tenant).await;
        centre.create_secrets(&centre.api_key).await;
        centre
    }

    pub async fn centre_without_secrets(&self, namespace: &str, tenant: usize) -> Centre {
        let tenants = self.sheets("GET", "/_tenants", None).await;
        let account = tenants
            .get(tenant)
            .unwrap_or_else(|| panic!("the simulators have no tenant {tenant}"));
        let text = |key: &str| {
            account[key]
                .as_str()
                .unwrap_or_else(|| panic!("tenant has no {key}"))
                .to_owned()
        };
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        if namespaces
            .get_opt(namespace)
            .await
            .expect("namespaces can be read")
            .is_some()
        {
            delete_and_wait(&namespaces, namespace).await;
        }
        let body =
            json!({"metadata": {"name": namespace, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
        let body = serde_json::from_value(body).expect("a namespace");
        namespaces
            .create(&PostParams::default(), &body)
            .await
            .expect("the namespace is created");
        Centre {
            world: self.clone(),
            namespace: namespace.to_owned(),
            tenant,
            api_key: text("apiKey"),
            credentials: text("credentials"),
            spreadsheet: text("spreadsheetId"),
        }
    }
}

fn parse(text: &str) -> Value {
    if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(text).unwrap_or_else(|_| json!(text))
    }
}

async fn delete_and_wait<K>(api: &Api<K>, name: &str)
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned + kube::Resource,
{
    let _ = api.delete(name, &DeleteParams::default()).await;
    let deadline = Instant::now() + PATIENCE;
    while api.get_opt(name).await.expect("the object can be read").is_some() {
        assert!(Instant::now() < deadline, "{name} did not go away");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

pub struct Centre {
    pub world: World,
    pub namespace: String,
    pub tenant: usize,
    pub api_key: String,
    pub credentials: String,
    pub spreadsheet: String,
}

impl Centre {
    pub async fn create_secrets(&self, api_key: &str) {
        let secrets: Api<Secret> = Api::namespaced(self.world.client.clone(), &self.namespace);
        for (name, key, value) in [
            ("wedof", "api-key", api_key),
            ("google", "credentials.json", self.credentials.as_str()),
        ] {
            let secret = json!({"metadata": {"name": name}, "stringData": {key: value}});
            let secret = serde_json::from_value(secret).expect("a secret");
            secrets
                .create(&PostParams::default(), &secret)
                .await
                .expect("the secret is created");
        }
    }

    fn objects(&self) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk("wedofsheetsync.dev", "v1alpha1", "WedofSheetSync");
        Api::namespaced_with(
            self.world.client.clone(),
            &self.namespace,
            &ApiResource::from_gvk(&kind),
        )
    }

    pub fn cronjobs(&self) -> Api<CronJob> {
        Api::namespaced(self.world.client.clone(), &self.namespace)
    }

    pub fn jobs(&self) -> Api<Job> {
        Api::namespaced(self.world.client.clone(), &self.namespace)
    }

    pub fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.world.client.clone(), &self.namespace)
    }

    /// A Job as the CronJob of this object would make it, with its owner, but for a name of its own.
    pub async fn job_of(&self, name: &str, job_name: &str) -> Value {
        let cronjob = self.cronjobs().get(name).await.expect("the CronJob is there");
        let uid = cronjob.uid();
        let mut job = serde_json::to_value(cronjob.spec.expect("a spec").job_template).expect("JSON");
        job["metadata"]["name"] = json!(job_name);
        job["metadata"]["ownerReferences"] =
            json!([{"apiVersion": "batch/v1", "kind": "CronJob", "name": name, "uid": uid, "controller": true}]);
        job
    }

    pub async fn create_job(&self, job: Value) {
        let job: Job = serde_json::from_value(job).expect("a Job");
        let created = self.jobs().create(&PostParams::default(), &job).await;
        created.expect("the Job is created");
    }

    /// All pods of the namespace.
    pub async fn all_pods(&self) -> Vec<Pod> {
        let pods = self.pods().list(&ListParams::default()).await;
        pods.expect("pods can be listed").items
    }

    /// Waits for the last pod to go.
    pub async fn wait_for_no_pod(&self) {
        let deadline = Instant::now() + PATIENCE;
        while let [pod, ..] = &self.all_pods().await[..] {
            assert!(Instant::now() < deadline, "{} does not go", pod.name_any());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits for a pod to be as wanted.
    pub async fn wait_for_pod(&self, what: &str, wanted: impl Fn(&Pod) -> bool) -> Pod {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(pod) = self.all_pods().await.into_iter().find(&wanted) {
                return pod;
            }
            assert!(
                Instant::now() < deadline,
                "{}: waited in vain for {what}",
                self.namespace
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Applies an object that syncs this centre's account into its spreadsheet; `changes` are merged into the spec.
    pub async fn apply(&self, name: &str, changes: Value) {
        let mut spec = json!({
            "schedule": "H 3 1 1 *",
            "spreadsheetId": self.spreadsheet,
            "wedof": {"apiKeySecretRef": {"name": "wedof", "key": "api-key"}, "baseUrl": WEDOF_URL, "requestsPerMinute": 600},
            "google": {"credentialsSecretRef": {"name": "google", "key": "credentials.json"}},
        });
        merge(&mut spec, changes);
        let object = json!({
            "apiVersion": "wedofsheetsync.dev/v1alpha1", "kind": "WedofSheetSync",
            "metadata": {"name": name}, "spec": spec,
        });
        let params = PatchParams::apply("e2e").force();
        self.objects()
            .patch(name, &params, &Patch::Apply(&object))
            .await
            .expect("the object is accepted");
    }

    pub async fn delete(&self, name: &str) {
        delete_and_wait(&self.objects(), name).await;
    }

    pub async fn status(&self, name: &str) -> Value {
        self.objects().get(name).await.expect("the object is there").data["status"].clone()
    }

    /// Waits until the status is as wanted; shows the last status if it never is.
    pub async fn wait(&self, name: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.status(name).await;
            if wanted(&status) {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "{}/{name}: waited in vain for {what}; the status is {}",
                self.namespace,
                serde_json::to_string_pretty(&status).unwrap_or_default()
            );
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// Waits for the object to be Ready.
    pub async fn wait_until_ready(&self, name: &str) -> Value {
        self.wait(name, "Ready", |status| condition(status, "Ready")["status"] == "True")
            .await
    }

    /// Waits for the first run to end badly.
    pub async fn wait_for_failure(&self, name: &str) -> Value {
        self.wait(name, "a failed run", |status| {
            condition(status, "LastRunSucceeded")["status"] == "False"
        })
        .await
    }

    /// Waits for the first run to end well.
    pub async fn wait_for_success(&self, name: &str) -> Value {
        self.wait(name, "a good first run", |status| {
            condition(status, "LastRunSucceeded")["status"] == "True"
        })
        .await
    }

    /// Asks for a run by the annotation and waits until it has finished.
    pub async fn run_now(&self, name: &str, request: &str) -> Value {
        let patch = json!({"metadata": {"annotations": {"wedofsheetsync.dev/sync-requested-at": request}}});
        let params = PatchParams::default();
        self.objects()
            .patch(name, &params, &Patch::Merge(&patch))
            .await
            .expect("the object can be annotated");
        self.wait(name, "the run to be handled", |status| {
            status["lastHandledSyncRequest"] == request
        })
        .await
    }

    /// A request to the administration of this centre's simulated Wedof account.
    pub async fn wedof(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        self.world
            .wedof(method, &format!("/_wedof/{}{path}", self.tenant), body)
            .await
    }

    /// A tab of the spreadsheet as rows of text.
    pub async fn tab(&self, title: &str) -> Tab {
        let path = format!("/_sheets/{}/values/{}", self.spreadsheet, title.replace(' ', "%20"));
        let values = self.world.sheets("GET", &path, None).await;
        let rows = values["values"].as_array().cloned().unwrap_or_default();
        let text = |cell: &Value| cell.as_str().map_or_else(|| cell.to_string(), str::to_owned);
        let rows = rows
            .iter()
            .map(|row| row.as_array().into_iter().flatten().map(text).collect())
            .collect();
        Tab { rows }
    }

    pub async fn tab_count(&self) -> usize {
        let state = self
            .world
            .sheets("GET", &format!("/_sheets/{}.json", self.spreadsheet), None)
            .await;
        state["sheets"].as_array().map_or(0, Vec::len)
    }

    /// A person begins a column of their own right of the `used` first ones, where a new tab has room for it.
    pub async fn begin_column(&self, title: &str, used: usize, heading: &str) {
        self.type_into(&format!("{title}!{}1", column_letter(used)), heading)
            .await;
    }

    /// A person types into the spreadsheet.
    pub async fn type_into(&self, range: &str, text: &str) {
        let path = format!("/_sheets/{}/values/{}", self.spreadsheet, range.replace(' ', "%20"));
        self.world
            .sheets("PUT", &path, Some(&json!({"values": [[text]]})))
            .await;
    }

    pub async fn cronjob_names(&self) -> Vec<String> {
        let list = self
            .cronjobs()
            .list(&Default::default())
            .await
            .expect("cronjobs can be listed");
        list.items.iter().map(|cronjob| cronjob.name_any()).collect()
    }
}

fn merge(into: &mut Value, changes: Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) => {
            for (key, value) in changes {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, changes) => *into = changes,
    }
}

/// The condition of a type, or null.
pub fn condition<'a>(status: &'a Value, kind: &str) -> &'a Value {
    let conditions = status["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == kind)
        .unwrap_or(&Value::Null)
}

/// What the last run did, as (rows, added, updated, removed, kept).
pub fn counts(status: &Value) -> (i64, i64, i64, i64, i64) {
    let run = &status["lastRun"];
    let count = |field: &str| run[field].as_i64().unwrap_or(-1);
    (
        count("rows"),
        count("added"),
        count("updated"),
        count("removed"),
        count("kept"),
    )
}

pub struct Tab {
    pub rows: Vec<Vec<String>>,
}

impl Tab {
    pub fn header(&self) -> &[String] {
        self.rows.first().map(Vec::as_slice).unwrap_or_default()
    }

    pub fn column(&self, label: &str) -> usize {
        let found = self.header().iter().position(|header| header == label);
        found.unwrap_or_else(|| panic!("no column {label:?} in {:?}", self.header()))
    }

    pub fn keys(&self) -> Vec<String> {
        let keys = self.rows.iter().skip(1).filter_map(|row| row.first());
        keys.filter(|key| !key.is_empty()).cloned().collect()
    }

    /// The number of the row (from 1, as people count) that holds a key.
    pub fn row_of(&self, key: &str) -> usize {
        let found = self
            .rows
            .iter()
            .position(|row| row.first().is_some_and(|cell| cell == key));
        found.unwrap_or_else(|| panic!("no row {key}")) + 1
    }

    pub fn cell(&self, key: &str, column: usize) -> &str {
        self.rows[self.row_of(key) - 1].get(column).map_or("", String::as_str)
    }
}

/// 0 → A, 26 → AA.
pub fn column_letter(mut index: usize) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(char::from(b'A' + (index % 26) as u8));
        if index < 26 {
            break;
        }
        index = index / 26 - 1;
    }
    letters.iter().rev().collect()
}
