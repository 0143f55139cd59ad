//! One of our objects as it is kept: the metadata that is used, and spec and status as the text that the API server sent.
//! Decoded, most of them would be five times as long, and they are looked at seldom.

use std::borrow::Cow;

use kube::{
    Resource,
    core::{NamespaceResourceScope, ObjectMeta, error_boundary::InvalidObject},
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::names;
use crate::api::{WedofSheetSync, WedofSheetSyncSpec, WedofSheetSyncStatus};

#[derive(Debug, Clone)]
pub struct Object {
    metadata: ObjectMeta,
    spec: Option<Box<RawValue>>,
    status: Option<Box<RawValue>>,
}

impl Object {
    /// The object, or why this version of the program cannot read it.
    pub fn decode(&self) -> Result<WedofSheetSync, Box<InvalidObject>> {
        let invalid = |error| InvalidObject {
            error,
            metadata: self.metadata.clone(),
        };
        Ok(WedofSheetSync {
            metadata: self.metadata.clone(),
            spec: self.spec().map_err(invalid)?,
            status: self.status().map_err(invalid)?,
        })
    }

    fn spec(&self) -> Result<WedofSheetSyncSpec, String> {
        read(self.spec.as_deref()).map_err(|error| format!("the spec cannot be read: {error}"))
    }

    /// Its status alone, of which more may be readable than of the spec.
    pub fn status(&self) -> Result<Option<WedofSheetSyncStatus>, String> {
        read(self.status.as_deref()).map_err(|error| format!("the status cannot be read: {error}"))
    }
}

fn read<T: DeserializeOwned>(text: Option<&RawValue>) -> serde_json::Result<T> {
    let text = text.map_or("null", RawValue::get);
    // read once more as a value, an error tells no position in a text that nobody has seen
    serde_json::from_str(text).or_else(|_| serde_json::from_value(serde_json::from_str(text)?))
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Whole {
            metadata: ObjectMeta,
            spec: Option<Box<RawValue>>,
            status: Option<Box<RawValue>>,
        }
        let Whole { metadata, spec, status } = Whole::deserialize(deserializer)?;
        Ok(Self {
            metadata: kept(metadata),
            spec,
            status,
        })
    }
}

/// Of the annotations only the request is used: among the others may be the whole object once more.
fn kept(metadata: ObjectMeta) -> ObjectMeta {
    let request = metadata
        .annotations
        .and_then(|mut annotations| annotations.remove_entry(names::SYNC_REQUESTED_AT));
    ObjectMeta {
        name: metadata.name,
        namespace: metadata.namespace,
        uid: metadata.uid,
        generation: metadata.generation,
        resource_version: metadata.resource_version,
        creation_timestamp: metadata.creation_timestamp,
        deletion_timestamp: metadata.deletion_timestamp,
        annotations: request.map(|request| [request].into()),
        ..ObjectMeta::default()
    }
}

impl Resource for Object {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind(_: &()) -> Cow<'_, str> {
        WedofSheetSync::kind(&())
    }

    fn group(_: &()) -> Cow<'_, str> {
        WedofSheetSync::group(&())
    }

    fn version(_: &()) -> Cow<'_, str> {
        WedofSheetSync::version(&())
    }

    fn plural(_: &()) -> Cow<'_, str> {
        WedofSheetSync::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(spec: serde_json::Value) -> Object {
        let object = json!({
            "apiVersion": "wedofsheetsync.dev/v1alpha1", "kind": "WedofSheetSync",
            "metadata": {
                "name": "acme", "namespace": "ns", "uid": "u", "generation": 2, "resourceVersion": "7",
                "labels": {"team": "a"},
                "annotations": {
                    "kubectl.kubernetes.io/last-applied-configuration": spec.to_string(),
                    "wedofsheetsync.dev/sync-requested-at": "now",
                },
                "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}],
            },
            "spec": spec,
            "status": {"observedGeneration": 2},
        });
        // as a watch tells it
        let event = json!({"type": "ADDED", "object": object});
        let text = format!(r#"{{"type":"ADDED","object":{}}}"#, event["object"]);
        match serde_json::from_str(&text) {
            Ok(kube::core::WatchEvent::Added(object)) => object,
            other => panic!("{other:?}"),
        }
    }

    fn spec() -> serde_json::Value {
        json!({
            "schedule": "0 7 * * *",
            "spreadsheetId": "1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms",
            "wedof": {"apiKeySecretRef": {"name": "wedof", "key": "api-key"}},
            "google": {"credentialsSecretRef": {"name": "google", "key": "credentials.json"}},
        })
    }

    #[test]
    fn of_the_metadata_only_what_is_used_is_kept() {
        let meta = object(spec()).metadata;
        let annotations: Vec<_> = meta.annotations.into_iter().flatten().collect();
        assert_eq!(annotations, [(names::SYNC_REQUESTED_AT.into(), "now".into())]);
        assert_eq!((meta.labels, meta.managed_fields), (None, None));
        assert_eq!(
            (meta.generation, meta.resource_version.as_deref()),
            (Some(2), Some("7"))
        );
    }

    #[test]
    fn spec_and_status_are_decoded_when_they_are_looked_at() {
        let object = object(spec());
        let decoded = object.decode().unwrap();
        assert_eq!(decoded.spec.schedule, "0 7 * * *");
        assert_eq!(decoded.status.unwrap().observed_generation, Some(2));
    }

    #[test]
    fn an_object_that_cannot_be_read_is_kept_and_says_why() {
        let mut spec = spec();
        spec["resources"] = json!([{"name": "students"}]);
        let object = object(spec);
        let invalid = object.decode().unwrap_err();
        let says = "the spec cannot be read: unknown variant `students`";
        assert!(invalid.error.starts_with(says), "{}", invalid.error);
        assert!(!invalid.error.contains("column"), "{}", invalid.error);
        assert_eq!(invalid.metadata.name.as_deref(), Some("acme"));
        let status = object.status().unwrap().unwrap();
        assert_eq!(status.observed_generation, Some(2), "its status is another matter");
    }
}
