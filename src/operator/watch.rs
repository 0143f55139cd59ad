//! One watch → changes. Watches of several namespaces end up in one index, so a list that is repeated must not replace
//! everything: here it becomes single changes, with what has vanished since the last one among them.

use std::collections::HashSet;

use futures::{Stream, StreamExt};
use kube::{
    Api, Resource,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};
use serde::de::DeserializeOwned;

use super::{metrics::Metrics, uid::Uid};

#[derive(Debug)]
pub enum Change<K> {
    /// An object is new or has changed.
    Applied(K),
    /// An object was deleted; its last state.
    Deleted(K),
    /// An object is no longer listed; its UID.
    Vanished(Uid),
    /// Everything there is has been told.
    Listed,
}

/// Watches for ever, with backoff after errors, which are logged and counted.
pub fn changes<K>(api: Api<K>, config: watcher::Config, metrics: Metrics) -> impl Stream<Item = Change<K>> + Send
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    events(api, config)
        .filter_map(move |event| {
            let event = event.inspect_err(|error| {
                let kind = K::kind(&());
                tracing::warn!(%kind, %error, "a watch failed and is tried again");
                metrics.api_error(&format!("watch {kind}"), code(error));
            });
            std::future::ready(event.ok())
        })
        .scan(Listing::default(), |listing, event| {
            std::future::ready(Some(futures::stream::iter(listing.take(event))))
        })
        .flatten()
}

/// What a watch tells, for ever, with backoff after errors.
pub(crate) fn events<K>(
    api: Api<K>,
    config: watcher::Config,
) -> impl Stream<Item = watcher::Result<Event<K>>> + Send + use<K>
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    // each is followed by another, which lists anew; backoff is that of all together
    futures::stream::repeat_with(move || until_too_old(watcher(api.clone(), config.clone())))
        .flatten()
        .default_backoff()
}

/// The HTTP status, if the API server answered.
fn code(error: &watcher::Error) -> Option<u16> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => Some(status.code),
        _ => None,
    }
}

/// Ends after the refusal of a watch whose version is too old: the watcher itself would ask for that version for ever. (If
/// a watch that is going tells so, it lists anew.)
fn until_too_old<K>(
    events: impl Stream<Item = watcher::Result<Event<K>>> + Send + 'static,
) -> impl Stream<Item = watcher::Result<Event<K>>> + Send {
    futures::stream::unfold(Some(events.boxed()), async |events| {
        let mut events = events?;
        let event = events.next().await?;
        let too_old = match &event {
            Err(watcher::Error::WatchStartFailed(kube::Error::Api(status))) => status.code == 410,
            _ => false,
        };
        Some((event, (!too_old).then_some(events)))
    })
}

#[derive(Debug, Default)]
struct Listing {
    known: HashSet<Uid>,
    listed: HashSet<Uid>,
}

impl Listing {
    fn take<K: Resource>(&mut self, event: Event<K>) -> Vec<Change<K>> {
        let uid = |object: &K| Uid::of(object.meta().uid.as_deref().unwrap_or_default());
        match event {
            Event::Apply(object) => {
                self.known.insert(uid(&object));
                vec![Change::Applied(object)]
            }
            Event::Delete(object) => {
                self.known.remove(&uid(&object));
                vec![Change::Deleted(object)]
            }
            Event::Init => {
                self.listed.clear();
                Vec::new()
            }
            Event::InitApply(object) => {
                self.listed.insert(uid(&object));
                vec![Change::Applied(object)]
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut self.listed);
                let known = std::mem::replace(&mut self.known, listed);
                let vanished = known.difference(&self.known).copied().map(Change::Vanished);
                vanished.chain([Change::Listed]).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::ResourceExt;

    use super::*;

    #[test]
    fn a_repeated_list_tells_what_has_vanished_and_nothing_else_twice() {
        let object = |uid: &str| ConfigMap {
            metadata: kube::core::ObjectMeta {
                uid: Some(uid.into()),
                ..Default::default()
            },
            ..Default::default()
        };
        let mut listing = Listing::default();
        let mut take = |event: Event<ConfigMap>| {
            let changes = listing.take(event);
            let names = changes.into_iter().map(|change| match change {
                Change::Applied(object) => format!("+{}", object.uid().unwrap()),
                Change::Deleted(object) => format!("-{}", object.uid().unwrap()),
                Change::Vanished(uid) if uid == Uid::of("b") => "?b".into(),
                Change::Vanished(uid) => format!("?{uid:?}"),
                Change::Listed => "listed".into(),
            });
            names.collect::<Vec<_>>()
        };
        take(Event::Init);
        assert_eq!(take(Event::InitApply(object("a"))), ["+a"]);
        assert_eq!(take(Event::InitApply(object("b"))), ["+b"]);
        assert_eq!(take(Event::InitDone), ["listed"]);
        assert_eq!(take(Event::Apply(object("c"))), ["+c"]);
        assert_eq!(take(Event::Delete(object("a"))), ["-a"]);
        take(Event::Init);
        take(Event::InitApply(object("c")));
        assert_eq!(take(Event::InitDone), ["?b", "listed"]);
    }
}
