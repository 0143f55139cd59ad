//! A registry as text that is written while it is sent: a scrape holds some chunks, whatever the number of objects.

use std::{convert::Infallible, fmt, sync::Arc, time::Duration};

use axum::body::{Body, Bytes};
use futures::stream;
use prometheus_client::{
    encoding::{prometheus_text, text},
    registry::Registry,
};
use tokio::{runtime::Handle, sync::mpsc};

/// Bytes that go out together.
pub const CHUNK: usize = 64 * 1024;
/// How long a reader may let a chunk wait.
const PATIENCE: Duration = Duration::from_secs(10);

/// OpenMetrics for whoever asks for it, as Prometheus does, or for nothing in particular; the older text otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    OpenMetrics,
    Text,
}

impl Format {
    pub fn wanted(accept: Option<&str>) -> Self {
        let accept = accept.unwrap_or_default();
        if accept.contains("text/plain") && !accept.contains("application/openmetrics-text") {
            Self::Text
        } else {
            Self::OpenMetrics
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// The registry's text, made on a thread of its own as fast as it is read.
pub fn stream(registry: Arc<Registry>, format: Format) -> Body {
    let (sender, mut chunks) = mpsc::channel(1);
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        let mut writer = Chunks {
            text: String::with_capacity(CHUNK),
            sender,
            runtime,
        };
        let written = match format {
            Format::OpenMetrics => text::encode(&mut writer, &registry),
            Format::Text => prometheus_text::encode(&mut writer, &registry),
        };
        // fails if the reader has gone
        let _ = written.and_then(|()| writer.send());
    });
    Body::from_stream(stream::poll_fn(move |context| chunks.poll_recv(context)))
}

struct Chunks {
    text: String,
    sender: mpsc::Sender<Result<Bytes, Infallible>>,
    runtime: Handle,
}

impl Chunks {
    fn send(&mut self) -> fmt::Result {
        let chunk = std::mem::replace(&mut self.text, String::with_capacity(CHUNK));
        let sent = self.sender.send_timeout(Ok(chunk.into()), PATIENCE);
        self.runtime.block_on(sent).map_err(|_| fmt::Error)
    }
}

impl fmt::Write for Chunks {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.text.len() + text.len() > CHUNK {
            self.send()?;
        }
        self.text.push_str(text);
        Ok(())
    }
}
