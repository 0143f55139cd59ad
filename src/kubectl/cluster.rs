//! Every request of these commands, and what its refusal means in words.

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

use super::{Connection, object::Object, words::Trouble};
use crate::operator::{
    clean,
    names::{CONTAINER, PROGRAM, SYNC_REQUESTED_AT},
};

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
        // a watch may be silent for long, an answer may not
        config.connect_timeout = Some(std::time::Duration::from_secs(10));
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
        let object = self.objects().get(name).await;
        Object::of(&object.map_err(|error| self.trouble("read", name, error))?)
    }

    pub async fn list(&self, everywhere: bool) -> Result<Vec<Object>, Trouble> {
        let api = if everywhere {
            Api::all_with(self.client.clone(), &Object::resource())
        } else {
            self.objects()
        };
        let objects = api.list(&ListParams::default()).await;
        let objects = objects.map_err(|error| self.trouble("list", "", error))?;
        objects.items.iter().map(Object::of).collect()
    }

    /// Asks for a run by the annotation, which needs no right but to patch our kind; gives the object as it is then.
    pub async fn ask(&self, name: &str, request: &str) -> Result<Object, Trouble> {
        let patch = json!({"metadata": {"annotations": {SYNC_REQUESTED_AT: request}}});
        let params = PatchParams {
            field_manager: Some(format!("{PROGRAM}-run")),
            ..PatchParams::default()
        };
        let object = self.objects().patch(name, &params, &Patch::Merge(&patch)).await;
        Object::of(&object.map_err(|error| self.trouble("patch", name, error))?)
    }

    /// The object whenever it changes; nothing once it is gone.
    pub fn watch(&self, name: &str) -> impl Stream<Item = Result<Option<DynamicObject>, watcher::Error>> + use<> {
        let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
        // the watch's own stream, whose errors are looked at: without the right to watch, none would ever come
        let events = watcher::watcher(self.objects(), config);
        events.filter_map(|event| async {
            match event {
                Ok(watcher::Event::Apply(object) | watcher::Event::InitApply(object)) => Some(Ok(Some(object))),
                Ok(watcher::Event::Delete(_)) => Some(Ok(None)),
                Ok(watcher::Event::Init | watcher::Event::InitDone) => None,
                Err(error) => Some(Err(error)),
            }
        })
    }

    /// The pods of a Job whenever one changes.
    pub fn watch_pods(&self, job: &str) -> impl Stream<Item = Result<watcher::Event<Pod>, watcher::Error>> + use<> {
        let config = watcher::Config::default().labels(&format!("{JOB_NAME}={job}"));
        watcher::watcher(self.pods(), config)
    }

    /// The pods of a Job in the order of their creation.
    pub async fn pods_of(&self, job: &str) -> Result<Vec<Pod>, kube::Error> {
        let params = ListParams::default().labels(&format!("{JOB_NAME}={job}"));
        let mut pods = self.pods().list(&params).await?.items;
        pods.sort_by_key(|pod| pod.metadata.creation_timestamp.as_ref().map(|time| time.0));
        Ok(pods)
    }

    pub async fn pod(&self, name: &str) -> Result<Option<Pod>, kube::Error> {
        self.pods().get_opt(name).await
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
            403 => Trouble::person(format!(
                "you may not {verb} wedofsheetsyncs in namespace {namespace} ({}): ask for the right, the chart's role \
                 wedof-sheet-sync-edit has it",
                clean(&status.message)
            )),
            401 => Trouble::person("the cluster does not accept these credentials: log in again"),
            400..500 => Trouble::person(clean(&status.message)),
            _ => Trouble::later(clean(&status.message)),
        }
    }
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
