//! Connections for hyper's client: direct, or through the tunnel that a proxy opens (CONNECT).

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hyper::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::{
    client::{
        legacy::connect::{HttpConnector, proxy::Tunnel},
        proxy::matcher::Matcher,
    },
    rt::TokioIo,
};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower::Service;
use url::Url;

use super::proxy::{Proxies, Route};

pub type Connector = HttpsConnector<Way>;

type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;
type Error = Box<dyn std::error::Error + Send + Sync>;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) fn connector(proxies: Arc<Proxies>, tls: Arc<ClientConfig>) -> Connector {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let way = Way {
        proxies,
        tcp: tcp.clone(),
        proxy: HttpsConnector::from((tcp, tls.clone())),
    };
    HttpsConnector::from((way, tls))
}

/// The bytes' way to an address. TLS with the address itself comes on top.
#[derive(Clone)]
pub struct Way {
    proxies: Arc<Proxies>,
    tcp: HttpConnector,
    /// A proxy may want TLS for itself.
    proxy: HttpsConnector<HttpConnector>,
}

impl Service<Uri> for Way {
    type Response = Stream;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        match self.tunnel(&to) {
            Ok(Some(mut tunnel)) => Box::pin(async move { Ok(tunnel.call(to_with_port(to)?).await?) }),
            Ok(None) => {
                let connecting = self.tcp.call(to);
                Box::pin(async move { Ok(MaybeHttpsStream::Http(connecting.await?)) })
            }
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}

impl Way {
    /// None: the address is reached directly.
    fn tunnel(&self, to: &Uri) -> Result<Option<Tunnel<HttpsConnector<HttpConnector>>>, Error> {
        let Route::Through(proxy) = self.proxies.route(&Url::parse(&to.to_string())?) else {
            return Ok(None);
        };
        // splits user and password off and makes the header of them
        let proxy = Matcher::builder()
            .all(proxy.address().to_string())
            .build()
            .intercept(to);
        let proxy = proxy.ok_or("the proxy's address cannot be used")?;
        let tunnel = Tunnel::new(proxy.uri().clone(), self.proxy.clone());
        Ok(Some(match proxy.basic_auth() {
            Some(login) => tunnel.with_auth(login.clone()),
            None => tunnel,
        }))
    }
}

/// A tunnel takes 443 for the port of an address without one.
fn to_with_port(to: Uri) -> Result<Uri, hyper::http::Error> {
    match (to.scheme_str(), to.port(), to.host()) {
        (Some("http"), None, Some(host)) => Uri::builder()
            .scheme("http")
            .authority(format!("{host}:80"))
            .path_and_query("/")
            .build(),
        _ => Ok(to),
    }
}
