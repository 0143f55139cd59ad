//! Notice → event of the API server.
//!
//! An event is sent before the status that it tells of is written, and its name says what it tells: whoever dies between
//! the two, or is asked to try again, sends the same event again, and the API server has it already.

use jiff::Timestamp;
use k8s_openapi::{
    api::{core::v1::ObjectReference, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client,
    api::PostParams,
    core::{ObjectMeta, Resource},
};
use sha2::{Digest, Sha256};

use super::{
    events::Notice,
    metrics::Metrics,
    names,
    send::{code, is_namespace_terminating},
};
use crate::api::WedofSheetSync;

/// The API server's limit for the text of an event, in bytes.
const MAX_NOTE: usize = 1024;
/// What is taken of an object's name for that of an event, in bytes.
const MAX_NAME: usize = 200;

/// Sends events in the name of this replica.
pub struct Publisher {
    client: Client,
    instance: String,
    metrics: Metrics,
}

impl Publisher {
    pub fn new(client: Client, pod: Option<&str>, metrics: Metrics) -> Self {
        let instance = pod.filter(|pod| !pod.is_empty()).unwrap_or(names::PROGRAM);
        Self {
            client,
            instance: instance.to_owned(),
            metrics,
        }
    }

    /// Sends a notice about an object. An event that cannot be sent is not worth failing for: it is logged and
    /// counted.
    pub async fn publish(&self, object: &ObjectMeta, notice: &Notice) {
        let api: Api<Event> = match &object.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::default_namespaced(self.client.clone()),
        };
        let event = event(object, notice, &self.instance, Timestamp::now());
        match api.create(&PostParams::default(), &event).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 409 => {
                tracing::debug!(reason = notice.reason, "an event was published already");
            }
            Err(error) if is_namespace_terminating(&error) => {
                tracing::debug!(reason = notice.reason, "no event: the namespace is terminating");
            }
            Err(error) => {
                tracing::warn!(%error, reason = notice.reason, "an event was not published");
                self.metrics.api_error("publish an event", code(&error));
            }
        }
    }
}

fn event(object: &ObjectMeta, notice: &Notice, instance: &str, now: Timestamp) -> Event {
    let Notice {
        warning,
        reason,
        note,
        job,
    } = notice;
    let mut note = note.clone();
    if note.len() > MAX_NOTE {
        note.truncate(note.floor_char_boundary(MAX_NOTE - '…'.len_utf8()));
        note.push('…');
    }
    Event {
        metadata: ObjectMeta {
            name: Some(name(object, notice)),
            namespace: object.namespace.clone(),
            ..ObjectMeta::default()
        },
        type_: Some(if *warning { "Warning" } else { "Normal" }.into()),
        reason: Some(reason.clone()),
        action: Some(reason.clone()),
        note: Some(note),
        regarding: Some(ObjectReference {
            api_version: Some(WedofSheetSync::api_version(&()).into_owned()),
            kind: Some(WedofSheetSync::kind(&()).into_owned()),
            namespace: object.namespace.clone(),
            name: object.name.clone(),
            uid: object.uid.clone(),
            ..ObjectReference::default()
        }),
        related: job.as_ref().map(|(name, uid)| ObjectReference {
            api_version: Some("batch/v1".into()),
            kind: Some("Job".into()),
            namespace: object.namespace.clone(),
            name: Some(name.clone()),
            uid: Some(uid.clone()),
            ..ObjectReference::default()
        }),
        event_time: Some(MicroTime(now)),
        reporting_controller: Some(names::PROGRAM.into()),
        reporting_instance: Some(instance.to_owned()),
        ..Event::default()
    }
}

/// What is told of a run is told once; anything else once of each version of the object.
fn name(object: &ObjectMeta, notice: &Notice) -> String {
    let uid = object.uid.as_deref().unwrap_or_default();
    let about = match &notice.job {
        Some((_, job)) => format!("{uid}\0{job}\0{}", notice.reason),
        None => {
            let version = object.resource_version.as_deref().unwrap_or_default();
            format!("{uid}\0{version}\0{}\0{}", notice.reason, notice.note)
        }
    };
    let digest = Sha256::digest(about.as_bytes());
    let digits: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let mut start = object.name.clone().unwrap_or_default();
    start.truncate(MAX_NAME);
    format!("{}.{digits}", start.trim_end_matches(['-', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(version: &str) -> ObjectMeta {
        ObjectMeta {
            name: Some("acme".into()),
            namespace: Some("centre".into()),
            uid: Some("u-1".into()),
            resource_version: Some(version.into()),
            ..ObjectMeta::default()
        }
    }

    fn notice(reason: &str, job: Option<&str>) -> Notice {
        Notice {
            warning: true,
            reason: reason.into(),
            note: "é".repeat(800),
            job: job.map(|uid| ("acme-1".into(), uid.into())),
        }
    }

    #[test]
    fn the_end_of_a_run_has_one_name_whenever_it_is_told() {
        let once = name(&object("1"), &notice("RunFailed", Some("j-1")));
        assert_eq!(once, name(&object("2"), &notice("RunFailed", Some("j-1"))));
        assert_ne!(once, name(&object("1"), &notice("RunFailed", Some("j-2"))));
        assert_ne!(once, name(&object("1"), &notice("RunStarted", Some("j-1"))));
        assert!(once.starts_with("acme.") && once.len() == "acme.".len() + 16, "{once}");
    }

    #[test]
    fn anything_else_may_be_told_again_of_another_version_of_the_object() {
        let once = name(&object("1"), &notice("TabConflict", None));
        assert_eq!(once, name(&object("1"), &notice("TabConflict", None)));
        assert_ne!(once, name(&object("2"), &notice("TabConflict", None)));
    }

    #[test]
    fn names_and_texts_fit_into_what_the_api_server_takes() {
        let long = ObjectMeta {
            name: Some("a".repeat(253)),
            ..object("1")
        };
        let event = event(&long, &notice("RunFailed", None), "pod", Timestamp::UNIX_EPOCH);
        assert!(event.metadata.name.unwrap().len() <= 253);
        assert!(event.note.unwrap().len() <= MAX_NOTE);
    }
}
