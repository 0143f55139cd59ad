//! What is on a cluster before a test begins: our definition, a namespace, accounts with rights.

use std::time::{Duration, Instant};

use k8s_openapi::{
    api::{
        authentication::v1::TokenRequest,
        core::v1::{Namespace, ServiceAccount},
        rbac::v1::{Role, RoleBinding},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams, PostParams},
    core::NamespaceResourceScope,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use wedof_sheet_sync::api::crd;

/// How long anything may take on a slow machine.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// What the API server keeps in a namespace.
pub trait Namespaced:
    kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + DeserializeOwned
    + serde::Serialize
    + std::fmt::Debug
{
}

impl<K> Namespaced for K where
    K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + serde::Serialize
        + std::fmt::Debug
{
}

pub async fn install_definition(client: &Client) {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let wanted = crd().expect("a definition");
    let name = wanted.name_any();
    let is_there = |found: &CustomResourceDefinition| {
        let version = |crd: &CustomResourceDefinition| {
            serde_json::to_value(&crd.spec.versions.first().expect("a version").schema).expect("JSON")
        };
        let conditions = found
            .status
            .iter()
            .flat_map(|status| status.conditions.iter().flatten());
        version(found) == version(&wanted)
            && conditions
                .into_iter()
                .any(|condition| condition.type_ == "Established" && condition.status == "True")
    };
    let deadline = Instant::now() + PATIENCE;
    while !api
        .get_opt(&name)
        .await
        .expect("definitions can be read")
        .is_some_and(|found| is_there(&found))
    {
        assert!(Instant::now() < deadline, "the definition is not established");
        let params = PatchParams::apply("test").force();
        api.patch(&name, &params, &Patch::Apply(&wanted))
            .await
            .expect("the definition is accepted");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

pub async fn create_namespace(client: &Client, name: &str) {
    let api: Api<Namespace> = Api::all(client.clone());
    let deadline = Instant::now() + PATIENCE;
    while api.get_opt(name).await.expect("namespaces can be read").is_some() {
        let _ = api.delete(name, &Default::default()).await;
        assert!(
            Instant::now() < deadline,
            "namespace {name} of an earlier test does not go away"
        );
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let body = json!({"metadata": {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    let body = serde_json::from_value(body).expect("a namespace");
    api.create(&PostParams::default(), &body)
        .await
        .expect("the namespace is created");
}

/// An account with the rights that the chart gives, and its token.
pub async fn operators_account(client: &Client, namespace: &str) -> String {
    let helpers = include_str!("../../charts/wedof-sheet-sync/templates/_helpers.tpl");
    let rules = helpers
        .split(r#"{{- define "wss.rules" -}}"#)
        .nth(1)
        .expect("the chart has rules");
    let rules = rules.split("{{- end }}").next().expect("they end");
    let mut rules: Value = serde_saphyr::from_str(rules).expect("the rules are plain YAML");
    // the chart gives these in the release's namespace only, as it does here
    let lease =
        json!({"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "patch"]});
    rules.as_array_mut().expect("a list").push(lease);
    account(client, namespace, "operator", rules).await
}

pub async fn create<K: Namespaced>(client: &Client, namespace: &str, body: Value) -> K {
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let body: K = serde_json::from_value(body).expect("an object");
    api.create(&PostParams::default(), &body).await.expect("it is created")
}

/// What a binding says of a role of its own namespace.
pub fn role(name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name})
}

pub async fn grant(client: &Client, namespace: &str, name: &str, rules: Value, subject: Value) {
    let meta = json!({"name": name});
    create::<Role>(client, namespace, json!({"metadata": meta, "rules": rules})).await;
    let binding = json!({"metadata": meta, "roleRef": role(name), "subjects": [subject]});
    create::<RoleBinding>(client, namespace, binding).await;
}

pub async fn account(client: &Client, namespace: &str, name: &str, rules: Value) -> String {
    create::<ServiceAccount>(client, namespace, json!({"metadata": {"name": name}})).await;
    let subject = json!({"kind": "ServiceAccount", "name": name, "namespace": namespace});
    grant(client, namespace, name, rules, subject).await;
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let request = TokenRequest::default();
    let issued = accounts
        .create_token_request(name, &PostParams::default(), &request)
        .await;
    issued.expect("a token is issued").status.expect("with a status").token
}
