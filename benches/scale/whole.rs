//! The baseline: what an operator of this kind holds that is made of kube's `reflector`s over the types of `k8s-openapi`,
//! whole objects in stores, and does nothing else. The same four kinds with the same selectors.

use futures::StreamExt;
use k8s_openapi::api::{
    batch::v1::{CronJob, Job},
    core::v1::Pod,
};
use kube::{
    Api, Client, Resource,
    runtime::{WatchStreamExt, reflector, watcher},
};
use serde::de::DeserializeOwned;
use wedof_sheet_sync::api::WedofSheetSync;

use crate::Result;

/// Says `ready` when all stores are filled, and keeps them.
pub async fn hold() -> Result<()> {
    let client = Client::try_default().await?;
    let ours = watcher::Config::default().labels("wedofsheetsync.dev/uid");
    let stores = (
        reflect::<WedofSheetSync>(&client, watcher::Config::default()),
        reflect::<CronJob>(&client, ours.clone()),
        reflect::<Job>(&client, ours.clone()),
        reflect::<Pod>(&client, ours),
    );
    tokio::try_join!(
        stores.0.wait_until_ready(),
        stores.1.wait_until_ready(),
        stores.2.wait_until_ready(),
        stores.3.wait_until_ready()
    )?;
    println!("ready");
    std::future::pending().await
}

fn reflect<K>(client: &Client, config: watcher::Config) -> reflector::Store<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + Sync + 'static,
{
    let (store, writer) = reflector::store();
    let objects = watcher(Api::all(client.clone()), config)
        .default_backoff()
        .reflect(writer);
    tokio::spawn(objects.for_each(|_| std::future::ready(())));
    store
}
