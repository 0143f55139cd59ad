//! Every request of these commands, and what its refusal means in words.

use std::time::Duration;

use futures::{AsyncBufRead, Stream, StreamExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, Config,
    api::{ListParams, LogParams, Patch, PatchParams},
    config::{KubeConfigOptions, Kubeconfig},
    core::DynamicObject,
    runtime::watcher,
};
use serde_json::json;

use super::{Connection, follow::made, object::Object, words::Trouble};
use crate::operator::{
    clean,
    names::{CONTAINER, PROGRAM, SYNC_REQUESTED_AT},
    watch,
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The label by which the Job controller marks a Job's pods.
const JOB_NAME: &str = "batch.kubernetes.io/job-name";

pub struct Cluster {
    client: Client,
    address: String,
    pub namespace: String,
}

impl Cluster {
    pub async fn connect(connection: &Connection) -> Result<Self, Trouble> {
        let Connection {
            namespace,
            context,
            kubeconfig,
        } = connection;
        let options = KubeConfigOptions {
            context: context.clone(),
            ..KubeConfigOptions::default()
        };
        let config = match (kubeconfig, context) {
            (Some(file), _) => {
                let read = Kubeconfig::read_from(file)
                    .map_err(|error| Trouble::person(format!("kubeconfig {}: {error}", file.display())))?;
                Config::from_custom_kubeconfig(read, &options)
                    .await
                    .map_err(|error| error.to_string())
            }
            (None, Some(_)) => Config::from_kubeconfig(&options)
                .await
                .map_err(|error| error.to_string()),
            (None, None) => Config::infer().await.map_err(|error| error.to_string()),
        };
        let mut config = config.map_err(|error| {
            Trouble::person(format!(
                "no cluster: {error}. Set KUBECONFIG or give --kubeconfig and --context"
            ))
        })?;
        config.connect_timeout = Some(Duration::from_secs(10));
        // a little more than a watch lasts: whatever says nothing for so long is asked anew
        config.read_timeout = Some(Duration::from_secs(295));
        let namespace = namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let address = config.cluster_url.to_string();
        let client =
            Client::try_from(config).map_err(|error| Trouble::person(format!("the cluster's client: {error}")))?;
        Ok(Self {
            client,
            address,
            namespace,
        })
    }

    fn objects(&self) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, &Object::resource())
    }

    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub async fn get(&self, name: &str) -> Result<Object, Trouble> {
        let object = within(self.objects().get(name)).await;
        let object = object.map_err(|error| self.trouble("get", name, error))?;
        Ok(Object::of(&object))
    }

    pub async fn list(&self, everywhere: bool) -> Result<Vec<Object>, Trouble> {
        let api = if everywhere {
            Api::all_with(self.client.clone(), &Object::resource())
        } else {
            self.objects()
        };
        let objects = within(api.list(&ListParams::default())).await;
        let objects = objects.map_err(|error| match error {
            kube::Error::Api(status) if everywhere && status.code == 403 => Trouble::person(format!(
                "{}. Leave out --all-namespaces, or ask an administrator for the role `view` in all namespaces (a \
                 ClusterRoleBinding)",
                clean(&status.message)
            )),
            error => self.trouble("list", "", error),
        })?;
        Ok(objects.items.iter().map(Object::of).collect())
    }

    /// Asks for a run by the annotation, which needs no right but to patch our kind; gives the object as it is then.
    pub async fn ask(&self, name: &str, request: &str) -> Result<Object, Trouble> {
        let patch = json!({"metadata": {"annotations": {SYNC_REQUESTED_AT: request}}});
        let params = PatchParams {
            field_manager: Some(format!("{PROGRAM}-run")),
            ..PatchParams::default()
        };
        let object = within(self.objects().patch(name, &params, &Patch::Merge(&patch))).await;
        let object = object.map_err(|error| self.trouble("patch", name, error))?;
        Ok(Object::of(&object))
    }

    /// The object whenever it changes; nothing once it is gone.
    pub fn watch(&self, name: &str) -> impl Stream<Item = Result<Option<DynamicObject>, watcher::Error>> + use<> {
        let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
        // the watch's own stream, whose errors are looked at: without the right to watch, none would ever come
        let mut listed = false;
        watch::events(self.objects(), config).filter_map(move |event| {
            let seen = match event {
                Ok(watcher::Event::InitApply(object)) => {
                    listed = true;
                    Some(Ok(Some(object)))
                }
                Ok(watcher::Event::Apply(object)) => Some(Ok(Some(object))),
                Ok(watcher::Event::Delete(_)) => Some(Ok(None)),
                // it went while nobody watched
                Ok(watcher::Event::InitDone) => (!std::mem::take(&mut listed)).then_some(Ok(None)),
                Ok(watcher::Event::Init) => {
                    listed = false;
                    None
                }
                Err(error) => Some(Err(error)),
            };
            std::future::ready(seen)
        })
    }

    /// The pods of a Job whenever one changes.
    pub fn watch_pods(&self, job: &str) -> impl Stream<Item = Result<watcher::Event<Pod>, watcher::Error>> + use<> {
        let config = watcher::Config::default().labels(&format!("{JOB_NAME}={job}"));
        watch::events(self.pods(), config)
    }

    /// The pods of a Job in the order of their creation.
    pub async fn pods_of(&self, job: &str) -> Result<Vec<Pod>, kube::Error> {
        let params = ListParams::default().labels(&format!("{JOB_NAME}={job}"));
        let mut pods = within(self.pods().list(&params)).await?.items;
        pods.sort_by_key(made);
        Ok(pods)
    }

    pub async fn pod(&self, name: &str) -> Result<Option<Pod>, kube::Error> {
        within(self.pods().get_opt(name)).await
    }

    /// A pod's log, each line with its time before it.
    pub async fn log(
        &self,
        pod: &str,
        follow: bool,
        since: Option<Timestamp>,
    ) -> Result<impl AsyncBufRead + use<>, kube::Error> {
        let params = LogParams {
            container: Some(CONTAINER.into()),
            follow,
            since_time: since,
            timestamps: true,
            ..LogParams::default()
        };
        self.pods().log_stream(pod, &params).await
    }

    pub fn trouble(&self, verb: &str, name: &str, error: kube::Error) -> Trouble {
        let namespace = &self.namespace;
        let status = match error {
            kube::Error::Api(status) => status,
            kube::Error::Auth(error) => return Trouble::person(format!("the cluster's credentials: {error}")),
            error => {
                let why = match &error {
                    kube::Error::Service(cause) => causes(cause.as_ref()),
                    error => causes(error),
                };
                return Trouble::later(format!("the cluster at {} does not answer: {why}", self.address));
            }
        };
        let details = status.details.as_ref();
        match status.code {
            404 if details.is_some_and(|details| !details.name.is_empty()) => Trouble::person(format!(
                "there is no WedofSheetSync {name} in namespace {namespace}; `kubectl get wss --all-namespaces` lists all"
            )),
            404 => Trouble::person(
                "this cluster does not know WedofSheetSync: install the chart, or choose another --context",
            ),
            403 => Trouble::person(self.forbidden(&status.message, verb)),
            401 => Trouble::person("the cluster does not accept these credentials: log in again"),
            // a conflict, a version that is too old, too many requests
            408 | 409 | 410 | 429 => Trouble::later(clean(&status.message)),
            400..500 => Trouble::person(clean(&status.message)),
            _ => Trouble::later(clean(&status.message)),
        }
    }

    /// Which role allows what was refused: Kubernetes' own ones have the rights on pods, and the chart adds those on our kind.
    pub fn forbidden(&self, refusal: &str, verb: &str) -> String {
        let namespace = &self.namespace;
        let role = if verb == "patch" { "edit" } else { "view" };
        format!(
            "{}. The role `{role}` allows it (unless the chart has rbac.aggregateRoles=false); an administrator gives it: kubectl \
             create rolebinding NAME --clusterrole={role} --user=YOU --namespace={namespace}",
            clean(refusal)
        )
    }
}

/// An answer, or an error when it takes too long: an API server may accept a connection and say nothing.
async fn within<T>(answer: impl Future<Output = kube::Result<T>>) -> kube::Result<T> {
    let late = |_| kube::Error::Service(format!("no answer within {} s", PATIENCE.as_secs()).into());
    tokio::time::timeout(PATIENCE, answer).await.map_err(late)?
}

/// An error with its causes, each once.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let sentence = error.to_string();
        if !text.contains(&sentence) {
            text.push_str(": ");
            text.push_str(&sentence);
        }
        cause = error.source();
    }
    text
}

/// The API server's refusal for want of a right.
pub fn is_forbidden(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 403)
}

/// The same, of a watch.
pub fn cause_of(error: watcher::Error) -> Option<kube::Error> {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => Some(error),
        watcher::Error::WatchError(status) => Some(kube::Error::Api(status)),
        watcher::Error::NoResourceVersion => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::{
        pin::pin,
        sync::{Arc, Mutex},
    };

    use http::{Request, Response};
    use kube::client::Body;

    use super::*;

    /// A cluster whose API server answers each request, given by its path and query, with a status and a body, or never.
    pub fn cluster(answer: impl Fn(&str) -> Option<(u16, String)> + Send + Sync + 'static) -> Cluster {
        let answer = Arc::new(answer);
        let service = tower::service_fn(move |request: Request<Body>| {
            let answer = answer.clone();
            async move {
                match answer(request.uri().path_and_query().map_or("", |path| path.as_str())) {
                    Some((code, body)) => Response::builder().status(code).body(Body::from(body.into_bytes())),
                    None => std::future::pending().await,
                }
            }
        });
        Cluster {
            client: Client::new(service, "centre"),
            address: "https://cluster".into(),
            namespace: "centre".into(),
        }
    }

    pub fn refusal(code: u16, message: &str) -> String {
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "reason": "", "code": code})
            .to_string()
    }

    pub fn list(items: serde_json::Value) -> String {
        json!({"apiVersion": "wedofsheetsync.dev/v1alpha1", "kind": "WedofSheetSyncList", "metadata": {"resourceVersion": "7"}, "items": items})
            .to_string()
    }

    fn acme() -> serde_json::Value {
        json!({"apiVersion": "wedofsheetsync.dev/v1alpha1", "kind": "WedofSheetSync", "metadata": {"name": "acme", "namespace": "centre"}})
    }

    #[tokio::test]
    async fn what_passes_by_itself_is_told_from_what_a_person_has_to_change() {
        for (status, code) in [
            (408, 1),
            (409, 1),
            (410, 1),
            (429, 1),
            (500, 1),
            (503, 1),
            (401, 2),
            (403, 2),
            (422, 2),
        ] {
            let cluster = cluster(move |_| Some((status, refusal(status, "words"))));
            assert_eq!(cluster.get("acme").await.unwrap_err().code, code, "{status}");
        }
    }

    #[tokio::test]
    async fn a_right_that_is_missing_is_named_with_the_role_that_has_it_and_who_gives_it() {
        let cluster = cluster(|_| Some((403, refusal(403, "you cannot"))));
        let told = [
            cluster.get("acme").await.unwrap_err().message,
            cluster.ask("acme", "now").await.unwrap_err().message,
            cluster.list(true).await.unwrap_err().message,
        ];
        for (told, role) in told.iter().zip(["view", "edit", "view"]) {
            assert!(told.starts_with("you cannot. "), "{told}");
            assert!(told.contains(&format!("role `{role}`")), "{told}");
        }
        assert!(
            told[1].contains("--clusterrole=edit --user=YOU --namespace=centre"),
            "{}",
            told[1]
        );
        assert!(told[2].contains("Leave out --all-namespaces"), "{}", told[2]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_api_server_that_accepts_and_never_answers_is_given_up() {
        let cluster = cluster(|_| None);
        let trouble = cluster.get("acme").await.unwrap_err();
        assert_eq!(trouble.code, 1);
        assert_eq!(
            trouble.message,
            "the cluster at https://cluster does not answer: no answer within 30 s"
        );
        assert!(cluster.list(true).await.is_err() && cluster.ask("acme", "now").await.is_err());
        assert!(cluster.pods_of("job").await.is_err() && cluster.pod("pod").await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_whose_version_is_too_old_lists_anew_and_an_object_that_went_meanwhile_is_missed() {
        let lists = Mutex::new(0);
        let cluster = cluster(move |query| {
            if query.contains("watch=true") {
                return Some((410, refusal(410, "too old resource version")));
            }
            let mut lists = lists.lock().unwrap();
            *lists += 1;
            Some((200, list(if *lists == 1 { json!([acme()]) } else { json!([]) })))
        });
        let mut events = pin!(cluster.watch("acme"));
        assert!(matches!(events.next().await, Some(Ok(Some(_)))));
        assert!(matches!(
            events.next().await,
            Some(Err(watcher::Error::WatchStartFailed(_)))
        ));
        assert!(matches!(events.next().await, Some(Ok(None))));
    }

    #[tokio::test(start_paused = true)]
    async fn watches_of_an_api_server_that_is_away_are_not_asked_for_in_a_hurry() {
        let cluster = cluster(|_| Some((503, refusal(503, "away"))));
        let started = tokio::time::Instant::now();
        let tries = Duration::from_secs(60);
        let (mut objects, mut pods) = (pin!(cluster.watch("acme")), pin!(cluster.watch_pods("job")));
        let mut count = 0;
        while started.elapsed() < tries {
            let _ = tokio::join!(objects.next(), pods.next());
            count += 1;
        }
        assert!(count <= 90, "{count} tries in a minute");
    }
}
