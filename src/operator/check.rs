//! `operator-check`, which `helm test` runs: whether an installed operator works, seen from a pod with its account. Asks
//! the operator for its readiness and the API server for the kind and for each right; nothing is changed.

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use backon::{ConstantBuilder, Retryable};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::{Api, Client, Resource, api::PostParams};

use super::{
    StartError,
    args::items,
    rights::{LEASE, LEASE_CREATE, Right, WATCHED},
};
use crate::{api::WedofSheetSync, network::trouble::causes, progress};

/// An operator that has just been installed is asked so often, until it is ready.
const TRIES: usize = 60;
const PAUSE: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(5);
/// Questions to the API server at a time.
const QUESTIONS: usize = 8;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Address of the operator's /readyz, without that path; not asked if left out
    #[arg(long, env = "OPERATOR_URL", value_name = "URL")]
    url: Option<String>,
    /// Namespaces whose objects are handled, separated by commas; none: all
    #[arg(long, env = "WATCH_NAMESPACES", value_delimiter = ',')]
    namespaces: Vec<String>,
    /// Name of the Lease by which operators agree who works
    #[arg(long, env = "LEASE_NAME")]
    lease_name: Option<String>,
    /// Namespace of the operator and its Lease
    #[arg(long, env = "POD_NAMESPACE")]
    namespace: Option<String>,
}

/// Exit code 1: something is wrong, and said.
pub async fn command(args: Args) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for finding in check(args).await {
        match finding {
            Ok(good) => progress::print(&format!("ok: {good}\n")),
            Err(wrong) => {
                progress::print(&format!("error: {wrong}\n"));
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

/// What is well, or what is wrong and what to do.
type Finding = Result<String, String>;

async fn check(args: Args) -> Vec<Finding> {
    let Args {
        url,
        namespaces,
        lease_name,
        namespace,
    } = args;
    let mut findings = Vec::new();
    if let Some(url) = url.filter(|url| !url.is_empty()) {
        findings.push(readiness(&url, TRIES).await);
    }
    let client = match client().await {
        Ok(client) => client,
        Err(error) => {
            findings.push(Err(error.to_string()));
            return findings;
        }
    };
    findings.push(definition(&client).await);

    let namespaces = items(&namespaces);
    let scopes = match namespaces.as_slice() {
        [] => vec![None],
        some => some.iter().map(|namespace| Some(namespace.as_str())).collect(),
    };
    for scope in scopes {
        let questions: Vec<_> = WATCHED.iter().flat_map(|right| questions(right, scope, None)).collect();
        findings.push(rights(&client, scope, questions).await);
    }
    if let (Some(lease), Some(namespace)) = (lease_name, namespace) {
        let scope = Some(namespace.as_str());
        let create = questions(&LEASE_CREATE, scope, None);
        let questions = create.chain(questions(&LEASE, scope, Some(&lease))).collect();
        findings.push(rights(&client, scope, questions).await);
    }
    findings
}

async fn client() -> Result<Client, StartError> {
    Ok(Client::try_from(kube::Config::infer().await?)?)
}

/// Asks until the operator is ready, or the tries are used up.
async fn readiness(url: &str, tries: usize) -> Finding {
    let url = format!("{}/readyz", url.trim_end_matches('/'));
    let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build();
    let client = client.map_err(|error| error.to_string())?;
    let ask = || async {
        let answer = client.get(&url).send().await?.error_for_status()?;
        Ok::<_, reqwest::Error>(answer.status())
    };
    let wait = ConstantBuilder::default().with_delay(PAUSE).with_max_times(tries);
    match ask.retry(wait).await {
        Ok(_) => Ok(format!("the operator is ready ({url})")),
        Err(error) => Err(format!(
            "the operator is not ready: {}. Look at its log, and whether a NetworkPolicy is in the way",
            causes(&error)
        )),
    }
}

/// Whether the API server serves our kind in our version.
async fn definition(client: &Client) -> Finding {
    let version = WedofSheetSync::api_version(&());
    let kind = WedofSheetSync::kind(&());
    let missing =
        "install the chart with crds.enabled=true, or apply the definition that `wedof-sheet-sync crd` prints";
    match client.list_api_group_resources(&version).await {
        Ok(list) if list.resources.iter().any(|resource| resource.kind == kind) => {
            Ok(format!("the API server serves {kind} ({version})"))
        }
        Ok(_) => Err(format!("the API server serves {version} without {kind}: {missing}")),
        Err(kube::Error::Api(status)) if status.code == 404 => {
            Err(format!("the API server does not serve {version}: {missing}"))
        }
        Err(error) => Err(format!(
            "the API server cannot be asked what it serves: {}",
            causes(&error)
        )),
    }
}

/// May this account do that?
fn questions(
    right: &Right,
    namespace: Option<&str>,
    name: Option<&str>,
) -> impl Iterator<Item = ResourceAttributes> + use<> {
    let Right { group, resource, verbs } = *right;
    let (resource, subresource) = match resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
        None => (resource, None),
    };
    let question = ResourceAttributes {
        group: Some(group.to_owned()),
        resource: Some(resource.to_owned()),
        subresource,
        namespace: namespace.map(str::to_owned),
        name: name.map(str::to_owned),
        ..ResourceAttributes::default()
    };
    verbs.iter().map(move |verb| ResourceAttributes {
        verb: Some((*verb).to_owned()),
        ..question.clone()
    })
}

async fn rights(client: &Client, scope: Option<&str>, questions: Vec<ResourceAttributes>) -> Finding {
    let place = scope.map_or("on the whole cluster".to_owned(), |namespace| {
        format!("in namespace {namespace}")
    });
    let count = questions.len();
    let refused: Result<Vec<_>, _> = stream::iter(questions)
        .map(|question| may(client, question))
        .buffered(QUESTIONS)
        .try_filter_map(|refused| async { Ok(refused) })
        .try_collect()
        .await;
    match refused {
        Ok(refused) if refused.is_empty() => Ok(format!("the operator has its {count} rights {place}")),
        Ok(refused) => Err(format!(
            "the operator lacks rights {place}: {}. Install the chart with rbac.create=true, or grant them",
            described(&refused)
        )),
        Err(error) => Err(format!("rights cannot be asked for: {}", causes(&error))),
    }
}

/// The question itself if the answer is no.
async fn may(client: &Client, question: ResourceAttributes) -> Result<Option<ResourceAttributes>, kube::Error> {
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(question.clone()),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let api = Api::<SelfSubjectAccessReview>::all(client.clone());
    let answer = api.create(&PostParams::default(), &review).await?;
    let allowed = answer.status.is_some_and(|status| status.allowed);
    Ok((!allowed).then_some(question))
}

/// `cronjobs.batch (create, patch), pods (get)`
fn described(refused: &[ResourceAttributes]) -> String {
    let mut by_resource: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for question in refused {
        let part = |part: &Option<String>, separator: &str| match part.as_deref() {
            None | Some("") => String::new(),
            Some(text) => format!("{separator}{text}"),
        };
        let resource = [
            part(&question.resource, ""),
            part(&question.subresource, "/"),
            part(&question.group, "."),
        ]
        .concat();
        let verbs = by_resource.entry(resource).or_default();
        verbs.extend(question.verb.as_deref());
    }
    let resources = by_resource
        .iter()
        .map(|(resource, verbs)| format!("{resource} ({})", verbs.join(", ")));
    resources.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_rights_are_told_by_resource_as_a_role_names_them() {
        let refused: Vec<_> = [&WATCHED[3], &WATCHED[5], &LEASE]
            .into_iter()
            .flat_map(|right| questions(right, Some("centre"), None))
            .collect();
        assert_eq!(
            described(&refused),
            "cronjobs/status.batch (patch), leases.coordination.k8s.io (get, patch), pods (list, watch)"
        );
    }

    #[tokio::test]
    async fn an_operator_that_cannot_be_reached_is_told_with_its_address_and_the_cause() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let error = readiness("http://127.0.0.1:1/", 0).await.unwrap_err();
        assert!(error.contains("http://127.0.0.1:1/readyz"), "{error}");
        assert!(error.contains("refused"), "{error}");
    }
}
