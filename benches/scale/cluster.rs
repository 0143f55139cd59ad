//! What the bench puts into the cluster: the definition, an account with the chart's rights, tenants with their objects,
//! and a node that kwok plays.

use std::{io::Write, path::Path};

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::{
    api::{
        authentication::v1::TokenRequest,
        core::v1::{Namespace, Node, ServiceAccount},
        flowcontrol::v1::FlowSchema,
        rbac::v1::{ClusterRole, ClusterRoleBinding},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Resource,
    api::{Patch, PatchParams, PostParams},
    config::Kubeconfig,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use wedof_sheet_sync::api::{WedofSheetSync, crd};

use crate::{Result, process::Process};

/// Name of everything that belongs to no tenant: the account, its namespace, its flow schema.
pub const ACCOUNT: &str = "wedof-sheet-sync-bench";
/// Requests of the bench itself at the same time.
pub const CONCURRENCY: usize = 16;
/// Objects of one tenant.
const PER_TENANT: usize = 100;
const NODE: &str = "kwok";
/// What a run's pod leaves: a report of three resources.
pub const REPORT: &str = r#"{"version":1,"outcome":"Succeeded","rows":4210,"added":12,"updated":31,"removed":2,"kept":1,"wedofRequests":46,"sheetsRequests":9,"resources":[{"name":"registrationFolders","tab":"Dossiers","outcome":"Synced","rows":3120,"added":10,"updated":28,"removed":2,"kept":1},{"name":"certificationFolders","tab":"Certifications","outcome":"Synced","rows":840,"added":2,"updated":3,"removed":0},{"name":"invoices","tab":"Factures","outcome":"Unchanged","rows":250,"added":0,"updated":0,"removed":0}]}"#;

pub fn user() -> String {
    format!("system:serviceaccount:{ACCOUNT}:{ACCOUNT}")
}

/// Prepares the cluster and writes the kubeconfig of the operator's account.
pub async fn prepare(client: &Client, kubeconfig: &Path) -> Result<()> {
    let definition = crd()?;
    let name = definition.metadata.name.clone().unwrap_or_default();
    apply::<CustomResourceDefinition>(client, &name, &serde_json::to_value(&definition)?).await?;
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let established = kube::runtime::conditions::is_crd_established();
    kube::runtime::wait::await_condition(definitions, &name, established).await?;
    let objects = Api::<WedofSheetSync>::all(client.clone());
    if !objects.list(&Default::default()).await?.items.is_empty() {
        return Err("there are WedofSheetSync objects already: the bench takes a cluster of its own".into());
    }

    let helpers = include_str!("../../charts/wedof-sheet-sync/templates/_helpers.tpl");
    let rules = helpers.split(r#"{{- define "wss.rules" -}}"#).nth(1);
    let rules = rules
        .and_then(|rules| rules.split("{{- end }}").next())
        .ok_or("the chart has no rules")?;
    let rules: Value = serde_saphyr::from_str(rules)?;
    let subject = json!({"kind": "ServiceAccount", "name": ACCOUNT, "namespace": ACCOUNT});
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ACCOUNT});
    apply::<Namespace>(client, ACCOUNT, &json!({})).await?;
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), ACCOUNT);
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT}});
    accounts
        .patch(ACCOUNT, &PatchParams::apply(ACCOUNT), &Patch::Apply(&account))
        .await?;
    apply::<ClusterRole>(client, ACCOUNT, &json!({"rules": rules})).await?;
    apply::<ClusterRoleBinding>(client, ACCOUNT, &json!({"roleRef": role, "subjects": [subject]})).await?;
    // the level is the one that requests of service accounts have anyway: only the counter is new
    let schema = json!({"spec": {
        "priorityLevelConfiguration": {"name": "workload-low"},
        "matchingPrecedence": 900,
        "distinguisherMethod": {"type": "ByUser"},
        "rules": [{
            "subjects": [{"kind": "ServiceAccount", "serviceAccount": {"name": ACCOUNT, "namespace": ACCOUNT}}],
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": true, "namespaces": ["*"]}],
        }],
    }});
    apply::<FlowSchema>(client, ACCOUNT, &schema).await?;
    let node = json!({
        "metadata": {"labels": {"type": "kwok"}, "annotations": {"kwok.x-k8s.io/node": "fake", "node.alpha.kubernetes.io/ttl": "0"}},
        // for the pods of runs alone
        "spec": {"taints": [{"key": "kwok", "effect": "NoSchedule"}]},
    });
    apply::<Node>(client, NODE, &node).await?;

    let day: TokenRequest = serde_json::from_value(json!({"spec": {"audiences": [], "expirationSeconds": 86400}}))?;
    let issued = accounts
        .create_token_request(ACCOUNT, &PostParams::default(), &day)
        .await?;
    let token = issued.status.ok_or("no token was issued")?.token;
    let mut config = Kubeconfig::read()?;
    for user in &mut config.auth_infos {
        user.auth_info = Some(serde_json::from_value(json!({"token": token}))?);
    }
    std::fs::write(kubeconfig, serde_json::to_string(&config)?)?;
    Ok(())
}

/// Applies an object of the cluster.
async fn apply<K>(client: &Client, name: &str, body: &Value) -> Result<()>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    let mut body = body.clone();
    body["apiVersion"] = K::api_version(&()).into();
    body["kind"] = K::kind(&()).into();
    body["metadata"]["name"] = name.into();
    let api: Api<K> = Api::all(client.clone());
    api.patch(name, &PatchParams::apply(ACCOUNT).force(), &Patch::Apply(&body))
        .await?;
    Ok(())
}

/// Where the object of a number is.
pub fn place(number: usize) -> (String, String) {
    (
        format!("tenant-{:03}", number / PER_TENANT),
        format!("centre-{number:05}"),
    )
}

/// Creates that many objects, a hundred in a namespace.
pub async fn create_objects(client: &Client, count: usize) -> Result<()> {
    for number in (0..count).step_by(PER_TENANT) {
        apply::<Namespace>(client, &place(number).0, &json!({})).await?;
    }
    at_once(0..count, |number| async move {
        let (namespace, name) = place(number);
        let object: WedofSheetSync = serde_json::from_value(manifest(number, &namespace, &name))?;
        let api: Api<WedofSheetSync> = Api::namespaced(client.clone(), &namespace);
        api.create(&PostParams::default(), &object).await?;
        Ok(())
    })
    .await
}

/// Does something for each number, [`CONCURRENCY`] at once.
pub async fn at_once<F>(numbers: impl IntoIterator<Item = usize>, act: impl Fn(usize) -> F) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    let mut acts = stream::iter(numbers).map(act).buffer_unordered(CONCURRENCY);
    while acts.try_next().await?.is_some() {}
    Ok(())
}

/// An object as a training centre writes it: three resources with filters, tabs and labels of its own.
fn manifest(number: usize, namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "wedofsheetsync.dev/v1alpha1", "kind": "WedofSheetSync",
        "metadata": {"namespace": namespace, "name": name, "labels": {"app.kubernetes.io/part-of": "tenants"}},
        "spec": {
            // never while this runs
            "schedule": "H 4 29 2 *",
            "runOnCreate": false,
            "spreadsheetId": format!("1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74Og{number:07}"),
            "wedof": {"apiKeySecretRef": {"name": "wedof", "key": "api-key"}},
            "google": {"credentialsSecretRef": {"name": "google", "key": "credentials.json"}},
            "resources": [
                {"name": "registrationFolders", "tab": "Dossiers", "filters": {"state": ["accepted", "inTraining"]},
                 "columns": {"labels": {"attendee.lastName": "Nom", "attendee.firstName": "Prénom"}}, "missingRows": "mark"},
                {"name": "certificationFolders", "tab": "Certifications"},
                {"name": "invoices", "tab": "Factures", "missingRows": "keep"},
            ],
            "deletionGuard": {"maxPercent": 30, "minRows": 50},
            "job": {"nodeSelector": {"type": "kwok"}, "tolerations": [{"key": "kwok", "operator": "Exists"}]},
        },
    })
}

/// Starts kwok, which ends with what is returned.
pub fn start_kwok(folder: &Path) -> Result<Process> {
    let stages = folder.join("stages.yaml");
    std::fs::write(&stages, include_str!("stages.yaml").replace("REPORT", REPORT))?;
    // kwok reads one kubeconfig, and not the way KUBECONFIG may list several
    let kubeconfig = folder.join("admin.kubeconfig");
    let mut file = std::fs::File::options()
        .create_new(true)
        .write(true)
        .open(&kubeconfig)?;
    file.write_all(serde_json::to_string(&Kubeconfig::read()?)?.as_bytes())?;
    let log = std::fs::File::create(folder.join("kwok.log"))?;
    let mut command = tokio::process::Command::new("kwok");
    command
        .arg("--kubeconfig")
        .arg(&kubeconfig)
        .arg("--config")
        .arg(&stages)
        .args([
            "--manage-all-nodes=false",
            "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
        ])
        .args(["--server-address=", "--node-lease-duration-seconds=40"])
        .stdout(log.try_clone()?)
        .stderr(log);
    Process::start(&mut command).map_err(|error| {
        format!(
            "kwok cannot be started: {error}. `tests/cluster/cluster build kwok` builds it, `env` puts it into PATH"
        )
        .into()
    })
}
