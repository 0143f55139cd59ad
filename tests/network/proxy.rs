//! A proxy as organisations have them: it opens tunnels (CONNECT) and passes requests of plain http on, to the few places
//! that it knows.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// How it treats whoever asks.
#[derive(Clone)]
pub enum Manner {
    Open,
    /// Only with this header.
    Login(&'static str),
    /// Answers this to everybody.
    Refuse(&'static str),
}

pub struct Proxy {
    pub address: SocketAddr,
    seen: Arc<Mutex<BTreeSet<String>>>,
}

impl Proxy {
    pub async fn start(routes: BTreeMap<String, SocketAddr>, manner: Manner) -> Self {
        Self::listen(routes, manner, None).await
    }

    /// One that wants TLS for itself, too.
    pub async fn start_with_tls(routes: BTreeMap<String, SocketAddr>, acceptor: TlsAcceptor) -> Self {
        Self::listen(routes, Manner::Open, Some(acceptor)).await
    }

    async fn listen(routes: BTreeMap<String, SocketAddr>, manner: Manner, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
        };
        let seen = proxy.seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (routes, manner, tls, seen) = (routes.clone(), manner.clone(), tls.clone(), seen.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &routes, &manner, &seen).await,
                        Some(tls) => serve(tls.accept(stream).await?, &routes, &manner, &seen).await,
                    }
                });
            }
        });
        proxy
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it was asked to connect to.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().cloned().collect()
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    routes: &BTreeMap<String, SocketAddr>,
    manner: &Manner,
    seen: &Mutex<BTreeSet<String>>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let mut words = text.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let tunnel = method == "CONNECT";
    let place = match tunnel {
        true => target.to_owned(),
        false => {
            let url = url::Url::parse(target).map_err(std::io::Error::other)?;
            format!(
                "{}:{}",
                url.host_str().unwrap_or_default(),
                url.port_or_known_default().unwrap_or(0)
            )
        }
    };
    seen.lock().unwrap().insert(place.clone());
    let refusal = match manner {
        Manner::Open => None,
        Manner::Refuse(status) => Some(*status),
        Manner::Login(login) => (!text
            .to_lowercase()
            .contains(&format!("proxy-authorization: {login}").to_lowercase()))
        .then_some("407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"acme\""),
    };
    let refusal = refusal.or((!routes.contains_key(&place)).then_some("502 Bad Gateway"));
    if let Some(status) = refusal {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return stream.write_all(answer.as_bytes()).await;
    }
    let mut server = TcpStream::connect(routes[&place]).await?;
    match tunnel {
        true => stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?,
        false => server.write_all(&head).await?,
    }
    copy_bidirectional(&mut stream, &mut server).await.map(drop)
}
