//! The way to Wedof and Google: through a proxy or not, and whose certificates are trusted. One set of rules for both
//! clients, from the variables that every program knows (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`) and
//! `WEDOF_SHEET_SYNC_CA`.

mod address;
mod connector;
pub mod proxy;
pub mod trouble;
pub mod trust;

use std::sync::Arc;

use rustls::ClientConfig;
use url::Url;

pub use self::{
    address::{base_url, is_loopback},
    connector::Connector,
};
use self::{
    proxy::{Proxies, Route},
    trouble::Trouble,
    trust::Trust,
};
use crate::{config::Environment, failure::Failure};

/// How addresses are reached. Cheap to copy.
#[derive(Clone)]
pub struct Network {
    proxies: Arc<Proxies>,
    trust: Arc<Trust>,
}

impl Network {
    pub fn of(environment: &Environment) -> Result<Self, Failure> {
        Ok(Self {
            proxies: Arc::new(Proxies::of(environment)?),
            trust: Arc::new(Trust::of(environment)?),
        })
    }

    /// What stands between this machine and an address.
    pub fn route(&self, url: &Url) -> Route<'_> {
        self.proxies.route(url)
    }

    /// A proxy is set.
    pub fn has_proxies(&self) -> bool {
        self.proxies.are_set()
    }

    /// Certificates trusted beside the built-in ones, for people: how many, and where they come from.
    pub fn additional_trust(&self) -> Option<String> {
        self.trust.additional()
    }

    /// Rules for a reqwest client.
    pub fn reqwest(&self) -> reqwest::ClientBuilder {
        let mut tls = ClientConfig::clone(&self.trust.tls());
        // reqwest leaves this to whoever brings a configuration
        tls.alpn_protocols = vec!["h2".into(), "http/1.1".into()];
        let proxies = self.proxies.clone();
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .proxy(reqwest::Proxy::custom(move |url| match proxies.route(url) {
                Route::Direct => None,
                Route::Through(proxy) => Some(proxy.address().clone()),
            }))
    }

    /// Rules for a client of hyper.
    pub fn connector(&self) -> Connector {
        connector::connector(self.proxies.clone(), self.trust.tls())
    }

    /// What an error of either client on the way to an address means.
    pub fn trouble(&self, url: &Url, error: &(dyn std::error::Error + 'static)) -> Trouble {
        trouble::explain(url, self.route(url), &self.trust, error)
    }
}
