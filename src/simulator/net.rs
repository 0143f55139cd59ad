//! A listener whose connections can be reset for real, so that the peer sees RST and not an orderly end, and which can
//! refuse connections for a while.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

/// Resets the connection that a request came on, at its next read or write.
#[derive(Debug, Clone, Default)]
pub struct Reset(Arc<AtomicBool>);

impl Reset {
    pub fn order(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Lets connections in, or refuses them for a while.
#[derive(Debug, Clone)]
pub struct Door(Arc<Inside>);

#[derive(Debug)]
struct Inside {
    closed_until: watch::Sender<Instant>,
    connections: Mutex<Vec<Weak<AtomicBool>>>,
}

impl Door {
    /// Connections that are open end with their next request, but for the one that goes on with an answer.
    pub fn close(&self, time: Duration, answering: Option<&Reset>) {
        let Inside {
            closed_until,
            connections,
        } = &*self.0;
        closed_until.send_replace(Instant::now() + time);
        let connections = std::mem::take(&mut *connections.lock().unwrap_or_else(PoisonError::into_inner));
        for reset in connections.iter().filter_map(Weak::upgrade).map(Reset) {
            if answering.is_none_or(|answering| !Arc::ptr_eq(&answering.0, &reset.0)) {
                reset.order();
            }
        }
    }

    fn entered(&self, reset: &Reset) {
        let mut connections = self.0.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.retain(|connection| connection.strong_count() > 0);
        connections.push(Arc::downgrade(&reset.0));
    }
}

#[derive(Debug)]
pub struct Listening {
    pub address: SocketAddr,
    pub door: Door,
    closed_until: watch::Receiver<Instant>,
    listener: Option<TcpListener>,
    /// Keeps a port that the system chose while nobody listens on it.
    reserve: Option<TcpSocket>,
}

impl Listening {
    pub fn on(mut address: SocketAddr) -> io::Result<Self> {
        let mut reserve = None;
        if address.port() == 0 {
            let socket = socket(address, true)?;
            address = socket.local_addr()?;
            reserve = Some(socket);
        }
        let (sender, closed_until) = watch::channel(Instant::now());
        Ok(Self {
            address,
            door: Door(Arc::new(Inside {
                closed_until: sender,
                connections: Mutex::default(),
            })),
            closed_until,
            listener: Some(socket(address, reserve.is_some())?.listen(1024)?),
            reserve,
        })
    }

    /// Nobody listens until the door opens: what knocks meanwhile is refused.
    async fn stay_closed(&mut self, until: Instant) {
        self.listener = None;
        tokio::select! {
            () = sleep_until(until) => {}
            _ = self.closed_until.changed() => return,
        }
        loop {
            match socket(self.address, self.reserve.is_some()).and_then(|socket| socket.listen(1024)) {
                Ok(listener) => return self.listener = Some(listener),
                Err(_) => sleep(Duration::from_millis(10)).await,
            }
        }
    }
}

fn socket(address: SocketAddr, shared: bool) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(shared)?;
    socket.bind(address)?;
    Ok(socket)
}

impl Listener for Listening {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let until = *self.closed_until.borrow_and_update();
            // another time set while it is closed, be it none, counts from then on
            let open = self.listener.as_mut().filter(|_| until <= Instant::now());
            let Some(listener) = open else {
                self.stay_closed(until).await;
                continue;
            };
            let (stream, peer) = tokio::select! {
                biased;
                _ = self.closed_until.changed() => continue,
                accepted = Listener::accept(listener) => accepted,
            };
            // it came in while the door was closing
            if *self.closed_until.borrow() > Instant::now() {
                let _ = stream.set_zero_linger();
                continue;
            }
            // an answer of two small writes would wait for a delayed ACK
            let _ = stream.set_nodelay(true);
            let reset = Reset::default();
            self.door.entered(&reset);
            return (Connection { stream, reset }, peer);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Connected<IncomingStream<'_, Listening>> for Reset {
    fn connect_info(stream: IncomingStream<'_, Listening>) -> Self {
        stream.io().reset.clone()
    }
}

#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    reset: Reset,
}

impl Connection {
    /// Fails once a reset was ordered; closing the socket then sends RST, for it does not linger.
    fn check(&self) -> io::Result<()> {
        if self.reset.0.load(Ordering::Acquire) {
            self.stream.set_zero_linger()?;
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
