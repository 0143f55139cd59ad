//! The clients of Wedof and of Google, as a configuration describes them. Nothing is sent yet.

use secrecy::ExposeSecret;
use url::Url;

use crate::{
    config::{Credential, Google},
    failure::Failure,
    network::Network,
    patience::Patience,
    sheets::{self, auth::ServiceAccount},
    spec::WedofSpec,
    sync::Stop,
    wedof::{self, client::DEFAULT_REQUESTS_PER_MINUTE},
};

pub fn wedof(
    spec: &WedofSpec,
    base: &Url,
    key: &Credential,
    patience: Patience,
    network: &Network,
    stop: &Stop,
) -> Result<wedof::client::Client, Failure> {
    wedof::client::Client::new(wedof::client::Settings {
        base: base.clone(),
        key: key.secret.clone(),
        key_place: key.place.clone(),
        requests_per_minute: spec
            .requests_per_minute
            .map_or(DEFAULT_REQUESTS_PER_MINUTE, i32::unsigned_abs),
        budget: spec.request_budget.map(i64::from),
        deadline: stop.deadline(),
        cancel: stop.token(),
        patience,
        network: network.clone(),
    })
}

pub async fn google(
    google: &Google,
    patience: Patience,
    network: &Network,
    stop: &Stop,
) -> Result<sheets::Client, Failure> {
    let Google {
        key,
        token_hosts,
        sheets_base,
        cell_limit,
    } = google;
    let account = ServiceAccount::from_json(key.secret.expose_secret(), &key.place, token_hosts.as_deref())?;
    sheets::Client::new(sheets::Settings {
        base_url: sheets_base.clone(),
        account,
        account_place: key.place.clone(),
        stop: stop.token(),
        deadline: stop.deadline(),
        patience,
        cell_limit: *cell_limit,
        network: network.clone(),
    })
    .await
}
