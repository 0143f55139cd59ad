//! What the operator, its runs and its tenants may do on a cluster, asked of the API server itself.

use std::collections::BTreeSet;

use k8s_openapi::api::{
    apps::v1::Deployment,
    authorization::v1::{SelfSubjectAccessReview, SelfSubjectRulesReview},
    core::v1::Pod,
};
use kube::{Api, Client, Config, api::PostParams};
use serde_json::{Value, json};
use wedof_sheet_sync::operator::rights::{LEASE, LEASE_CREATE, Right, WATCHED};

use crate::world::World;

const OPERATOR: &str = "system:serviceaccount:wss-system:wedof-sheet-sync";
/// An account to which nobody gave anything.
const ANYBODY: &str = "system:serviceaccount:wss-system:default";

/// A client that speaks as somebody else.
async fn as_user(user: &str) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = Config::infer().await.expect("KUBECONFIG names a cluster");
    config.auth_info.impersonate = Some(user.to_owned());
    config.auth_info.impersonate_groups = Some(
        ["system:serviceaccounts", "system:authenticated"]
            .map(str::to_owned)
            .to_vec(),
    );
    Client::try_from(config).expect("a client")
}

/// Rights as (group, resource, verb).
type Rights = BTreeSet<(String, String, String)>;

fn of(rights: &[Right]) -> Rights {
    rights
        .iter()
        .flat_map(|right| {
            right
                .verbs
                .iter()
                .map(|verb| (right.group.into(), right.resource.into(), (*verb).into()))
        })
        .collect()
}

/// Everything that the API server says the operator may do in a namespace, but for what any other account may, too.
async fn own_rights(namespace: &str) -> Rights {
    let [own, others] = [OPERATOR, ANYBODY].map(async |user| rights(&as_user(user).await, namespace).await);
    let others = others.await;
    own.await.into_iter().filter(|right| !others.contains(right)).collect()
}

async fn rights(client: &Client, namespace: &str) -> Rights {
    let review: SelfSubjectRulesReview =
        serde_json::from_value(json!({"spec": {"namespace": namespace}})).expect("a review");
    let review = Api::all(client.clone()).create(&PostParams::default(), &review).await;
    let status = review.expect("everybody may ask").status.expect("an answer");
    assert!(!status.incomplete, "all of them are told");
    let words = |words: Option<Vec<String>>| words.unwrap_or_default();
    let mut rights = Rights::new();
    for rule in status.resource_rules {
        for group in words(rule.api_groups) {
            for resource in words(rule.resources.clone()) {
                let verbs = rule
                    .verbs
                    .iter()
                    .map(|verb| (group.clone(), resource.clone(), verb.clone()));
                rights.extend(verbs);
            }
        }
    }
    rights
}

#[tokio::test]
async fn the_operator_s_rights_are_those_of_the_table_and_no_others() {
    assert_eq!(own_rights("default").await, of(WATCHED));
    let with_lease = of(&[WATCHED, &[LEASE, LEASE_CREATE]].concat());
    assert_eq!(own_rights("wss-system").await, with_lease);
}

#[tokio::test]
async fn the_operator_may_do_nothing_with_secrets_in_any_namespace() {
    let operator = as_user(OPERATOR).await;
    let verbs = [
        "get",
        "list",
        "watch",
        "create",
        "update",
        "patch",
        "delete",
        "deletecollection",
        "*",
    ];
    for namespace in ["", "default", "wss-system", "kube-system"] {
        for verb in verbs {
            let review = json!({"spec": {"resourceAttributes": {
                "namespace": namespace, "verb": verb, "resource": "secrets", "group": "",
            }}});
            let review: SelfSubjectAccessReview = serde_json::from_value(review).expect("a review");
            let review = Api::all(operator.clone()).create(&PostParams::default(), &review).await;
            let status = review.expect("everybody may ask").status.expect("an answer");
            assert!(!status.allowed, "{verb} secrets in {namespace:?}");
        }
    }
}

#[tokio::test]
async fn the_operator_s_pods_pass_the_restricted_standard_too() {
    let world = World::connect().await;
    // the namespace is only there for its rule
    let centre = world.centre_without_secrets("e2e-restricted", 9).await;
    let deployments: Api<Deployment> = Api::namespaced(world.client.clone(), "wss-system");
    let deployment = deployments.get("wedof-sheet-sync").await.expect("the operator");
    let template = deployment.spec.expect("a spec").template;
    let mut spec = template.spec.expect("a pod");
    spec.service_account_name = None;
    spec.service_account = None;
    let create = async |spec| {
        let pod = Pod {
            metadata: serde_json::from_value(json!({"name": "operator"})).expect("metadata"),
            spec: Some(spec),
            status: None,
        };
        let params = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        centre.pods().create(&params, &pod).await
    };
    create(spec.clone()).await.expect("it passes");
    // the rule is enforced
    spec.security_context = None;
    for container in &mut spec.containers {
        container.security_context = None;
    }
    let refused = create(spec).await.expect_err("a pod that says nothing does not");
    assert!(refused.to_string().contains("restricted"), "{refused}");
}

#[tokio::test]
async fn a_run_checks_the_host_itself_whatever_is_in_its_configuration() {
    let centre = World::connect().await.centre("e2e-second-check", 10).await;
    centre
        .apply("acme", json!({"suspend": true, "resources": [{"name": "organisms"}]}))
        .await;
    centre.wait_until_ready("acme").await;
    let mut job = centre.job_of("acme", "forged").await;
    let env = &mut job["spec"]["template"]["spec"]["containers"][0]["env"][0];
    assert_eq!(env["name"], "WEDOF_SHEET_SYNC_CONFIG");
    let config = env["value"].as_str().expect("the configuration");
    let forged = config.replace("http://simulator.wss-simulator.svc:8080", "https://evil.example");
    assert_ne!(config, forged);
    env["value"] = json!(forged);
    // nobody's: the operator leaves it alone
    job["metadata"] = json!({"name": "forged"});
    centre.create_job(job).await;
    let end = |pod: &Pod| {
        let status = serde_json::to_value(&pod.status).expect("JSON");
        status["containerStatuses"][0]["state"]["terminated"].clone()
    };
    let pod = centre.wait_for_pod("the end of the forged run", |pod| !end(pod).is_null());
    let terminated = end(&pod.await);
    assert_eq!(terminated["exitCode"], 2, "{terminated}");
    let report: Value = serde_json::from_str(terminated["message"].as_str().unwrap_or_default()).expect("a report");
    assert_eq!(report["reason"], "InvalidConfig", "{report}");
    let message = report["message"].as_str().unwrap_or_default();
    assert!(
        message.contains("evil.example is not among the hosts that keys may be sent to"),
        "{message}"
    );
    assert_eq!(report["wedofRequests"], 0);
}
