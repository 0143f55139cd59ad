//! The pods of one Job, followed from the first to the last: what keeps them from starting, and what they log.

use std::{collections::HashSet, pin::pin, time::Duration};

use futures::{AsyncBufReadExt, StreamExt, TryStreamExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::{ResourceExt, runtime::watcher::Event};
use tokio::sync::mpsc;

use super::cluster::{Cluster, cause_of, is_forbidden};
use crate::operator::{clean, names::CONTAINER};

/// Between two tries after an error.
const AGAIN: Duration = Duration::from_secs(2);

/// Something to be told.
#[derive(Debug, PartialEq)]
pub enum News {
    /// A pod's log begins.
    Attempt {
        number: usize,
        pod: String,
    },
    /// A pod cannot start: reason and message.
    Stuck(String, String),
    Line(String),
    /// The rights of this account end here; what cannot be read.
    NoRight(&'static str),
}

/// Tells of the Job's pods, one after the other, until nobody listens any more, or the rights end.
pub async fn follow(cluster: &Cluster, job: &str, news: mpsc::Sender<News>) {
    let mut events = pin!(cluster.watch_pods(job));
    let mut told = Told::default();
    let mut listed = Vec::new();
    while let Some(event) = events.next().await {
        let pods = match event {
            Ok(Event::Apply(pod)) => vec![pod],
            Ok(Event::InitApply(pod)) => {
                listed.push(pod);
                continue;
            }
            // lists are in the order of names
            Ok(Event::InitDone) => {
                let mut pods = std::mem::take(&mut listed);
                pods.sort_by_key(made);
                pods
            }
            Ok(Event::Init) => {
                listed.clear();
                continue;
            }
            Ok(Event::Delete(_)) => continue,
            Err(error) => {
                if cause_of(error).is_some_and(|error| is_forbidden(&error)) {
                    let _ = news.send(News::NoRight("pods")).await;
                    return;
                }
                tokio::time::sleep(AGAIN).await;
                continue;
            }
        };
        for pod in pods {
            if told.tell(cluster, &pod, &news).await.is_err() {
                return;
            }
        }
    }
}

/// What was told of a Job's pods already.
#[derive(Default)]
struct Told {
    read: HashSet<Option<String>>,
    stuck: Option<String>,
}

impl Told {
    /// What keeps a pod from starting, or its log to its end.
    async fn tell(&mut self, cluster: &Cluster, pod: &Pod, news: &mpsc::Sender<News>) -> Result<(), Over> {
        if let Some((reason, message)) = why_waiting(pod)
            && self.stuck.as_ref() != Some(&reason)
        {
            self.stuck = Some(reason.clone());
            news.send(News::Stuck(reason, message)).await.map_err(|_| Over)?;
        }
        if !has_started(pod) || !self.read.insert(pod.uid()) {
            return Ok(());
        }
        self.stuck = None;
        let attempt = News::Attempt {
            number: self.read.len(),
            pod: pod.name_any(),
        };
        news.send(attempt).await.map_err(|_| Over)?;
        read_log(cluster, &pod.name_any(), news).await
    }
}

/// When a pod was made, by which attempts are in order.
pub fn made(pod: &Pod) -> Option<Timestamp> {
    pod.metadata.creation_timestamp.as_ref().map(|time| time.0)
}

/// The rights or the listener have ended.
struct Over;

/// Sends a pod's log until its container has ended. A connection that breaks is made anew where it broke.
async fn read_log(cluster: &Cluster, pod: &str, news: &mpsc::Sender<News>) -> Result<(), Over> {
    let mut last = None;
    loop {
        match cluster.log(pod, true, last).await {
            Ok(log) => {
                let mut lines = log.lines();
                while let Ok(Some(line)) = lines.try_next().await {
                    let (at, text) = split(&line);
                    // what was read before the connection broke comes again
                    if at.is_some() && at <= last {
                        continue;
                    }
                    last = at.or(last);
                    news.send(News::Line(text.to_owned())).await.map_err(|_| Over)?;
                }
            }
            Err(error) if is_forbidden(&error) => {
                let _ = news.send(News::NoRight("pods/log")).await;
                return Err(Over);
            }
            Err(_) => {}
        }
        match cluster.pod(pod).await {
            Ok(Some(pod)) if !has_ended(&pod) => tokio::time::sleep(AGAIN).await,
            Ok(_) => return Ok(()),
            Err(_) => tokio::time::sleep(AGAIN).await,
        }
        if news.is_closed() {
            return Err(Over);
        }
    }
}

/// A line and its time, which the kubelet puts before it.
pub fn split(line: &str) -> (Option<Timestamp>, &str) {
    match line.split_once(' ') {
        Some((at, text)) => match at.parse() {
            Ok(at) => (Some(at), text),
            Err(_) => (None, line),
        },
        None => match line.parse() {
            Ok(at) => (Some(at), ""),
            Err(_) => (None, line),
        },
    }
}

fn container(pod: &Pod) -> Option<&ContainerStatus> {
    let mut statuses = pod
        .status
        .iter()
        .flat_map(|status| status.container_statuses.iter().flatten());
    statuses.find(|status| status.name == CONTAINER)
}

/// Its container runs or ran, so that there is a log.
pub fn has_started(pod: &Pod) -> bool {
    let state = container(pod).and_then(|container| container.state.as_ref());
    state.is_some_and(|state| state.running.is_some() || state.terminated.is_some())
}

fn has_ended(pod: &Pod) -> bool {
    let state = container(pod).and_then(|container| container.state.as_ref());
    state.is_some_and(|state| state.terminated.is_some())
}

/// What keeps a pod from starting: of its container, else of the scheduler.
fn why_waiting(pod: &Pod) -> Option<(String, String)> {
    if let Some(container) = container(pod) {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        let reason = waiting.reason.clone()?;
        let message = waiting.message.as_deref().map(clean).unwrap_or_default();
        let is_normal = matches!(reason.as_str(), "ContainerCreating" | "PodInitializing");
        return (!is_normal).then_some((reason, message));
    }
    let mut conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let scheduled = conditions.find(|condition| condition.type_ == "PodScheduled" && condition.status == "False")?;
    let message = scheduled.message.as_deref().map(clean).unwrap_or_default();
    Some((scheduled.reason.clone()?, message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(status: serde_json::Value) -> Pod {
        serde_json::from_value(json!({"metadata": {"name": "p"}, "status": status})).unwrap()
    }

    fn with_state(state: serde_json::Value) -> Pod {
        let status = |name: &str, state| json!({"name": name, "image": "i", "imageID": "", "ready": false, "restartCount": 0, "state": state});
        pod(json!({"containerStatuses": [status("sidecar", json!({"running": {}})), status("sync", state)]}))
    }

    #[test]
    fn what_keeps_a_pod_from_starting_is_read_from_its_own_container() {
        let pulling = with_state(json!({"waiting": {"reason": "ErrImagePull", "message": "not\nfound"}}));
        assert_eq!(why_waiting(&pulling), Some(("ErrImagePull".into(), "not found".into())));
        assert!(!has_started(&pulling));
        assert_eq!(
            why_waiting(&with_state(json!({"waiting": {"reason": "ContainerCreating"}}))),
            None
        );
        let ended = with_state(json!({"terminated": {"exitCode": 0}}));
        assert!(has_started(&ended) && has_ended(&ended));
        assert!(has_started(&with_state(json!({"running": {}}))));
    }

    #[test]
    fn a_pod_that_no_node_takes_says_so() {
        let condition =
            json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"});
        let pending = pod(json!({"conditions": [condition]}));
        assert_eq!(
            why_waiting(&pending),
            Some(("Unschedulable".into(), "0/1 nodes".into()))
        );
    }

    #[test]
    fn the_kubelet_s_time_is_taken_off_a_line() {
        let (at, text) = split("2026-11-27T07:00:12.123456789Z a line");
        assert_eq!((at.is_some(), text), (true, "a line"));
        assert_eq!(split("no time here"), (None, "no time here"));
    }
}
