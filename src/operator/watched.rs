//! What a watch keeps of an object, cut down while it is decoded: a page of a list, or the first events of a watch, never
//! hold whole objects, of which a CronJob is twelve kilobytes of text and several times that decoded.

use std::{borrow::Cow, fmt::Debug};

use kube::{
    Resource,
    core::{NamespaceResourceScope, ObjectMeta},
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

/// What decides about an object of a kind.
pub trait Facts: Clone + Debug + Send + Sync + 'static {
    /// The whole object.
    type Whole: Resource<DynamicType = (), Scope = NamespaceResourceScope> + DeserializeOwned;

    fn of(whole: &Self::Whole) -> Self;
}

/// Facts, and the metadata that a watch itself needs.
#[derive(Debug, Clone)]
pub struct Watched<F> {
    meta: ObjectMeta,
    pub facts: F,
}

impl<'de, F: Facts> Deserialize<'de> for Watched<F> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let whole = F::Whole::deserialize(deserializer)?;
        let meta = whole.meta();
        Ok(Self {
            meta: ObjectMeta {
                uid: meta.uid.clone(),
                resource_version: meta.resource_version.clone(),
                ..ObjectMeta::default()
            },
            facts: F::of(&whole),
        })
    }
}

impl<F: Facts> Resource for Watched<F> {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind(_: &()) -> Cow<'_, str> {
        F::Whole::kind(&())
    }

    fn group(_: &()) -> Cow<'_, str> {
        F::Whole::group(&())
    }

    fn version(_: &()) -> Cow<'_, str> {
        F::Whole::version(&())
    }

    fn plural(_: &()) -> Cow<'_, str> {
        F::Whole::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}
