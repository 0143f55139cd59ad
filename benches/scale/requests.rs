//! What the API server says of the operator's requests: its own counter of a flow schema that matches the operator's
//! account and nobody else, and by verb and resource its audit log, where there is one (`WSS_AUDIT_LOG`).

use std::{
    collections::BTreeMap,
    io::{Read, Seek, SeekFrom},
};

use kube::Client;
use serde_json::Value;

use crate::{Result, cluster};

#[derive(Debug, Clone, Default)]
pub struct Requests {
    pub total: u64,
    /// How many the API server refused as too many (429).
    pub rejected: u64,
    /// Whether there is an audit log.
    audited: bool,
    /// "verb resource" → how often, by the audit log.
    pub kinds: BTreeMap<String, u64>,
}

pub struct Counter {
    client: Client,
    audit: Option<std::fs::File>,
    last: (u64, u64),
}

impl Counter {
    /// Counts from now on.
    pub async fn new(client: Client) -> Result<Self> {
        let audit = match std::env::var("WSS_AUDIT_LOG") {
            Ok(path) => {
                let mut file = std::fs::File::open(path)?;
                file.seek(SeekFrom::End(0))?;
                Some(file)
            }
            Err(_) => None,
        };
        let mut counter = Self {
            client,
            audit,
            last: (0, 0),
        };
        counter.take().await?;
        Ok(counter)
    }

    /// Those since the last call.
    pub async fn take(&mut self) -> Result<Requests> {
        let request = http::Request::get("/metrics").body(Vec::new())?;
        let text = self.client.request_text(request).await?;
        let own = format!("flow_schema=\"{}\"", cluster::ACCOUNT);
        let count = |name: &str| -> u64 {
            let lines = text
                .lines()
                .filter(|line| line.starts_with(name) && line.contains(&own));
            lines
                .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
                .sum::<f64>() as u64
        };
        let now = (
            count("apiserver_flowcontrol_dispatched_requests_total{"),
            count("apiserver_flowcontrol_rejected_requests_total{"),
        );
        let before = std::mem::replace(&mut self.last, now);
        Ok(Requests {
            total: now.0 - before.0,
            rejected: now.1 - before.1,
            audited: self.audit.is_some(),
            kinds: self.kinds()?,
        })
    }

    fn kinds(&mut self) -> Result<BTreeMap<String, u64>> {
        let mut kinds = BTreeMap::new();
        let Some(file) = &mut self.audit else {
            return Ok(kinds);
        };
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        // a line that is still being written is read with the next ones
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        file.seek(SeekFrom::Current(whole as i64 - text.len() as i64))?;
        let user = cluster::user();
        for line in text[..whole].lines().filter(|line| line.contains(&user)) {
            let Ok(event) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            // a watch is told twice: when it begins and when it ends
            let watch = event["verb"] == "watch";
            if event["user"]["username"] != user.as_str() || (watch && event["stage"] != "ResponseStarted") {
                continue;
            }
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let object = &event["objectRef"];
            let mut kind = format!("{} {}", text(&event["verb"]), text(&object["resource"]));
            if let Some(subresource) = object["subresource"].as_str() {
                kind = format!("{kind}/{subresource}");
            }
            *kinds.entry(kind).or_default() += 1;
        }
        Ok(kinds)
    }
}

impl Requests {
    /// Requests that are no renewal of a watch: what "nothing at rest" means. The API server's counter does not tell them
    /// apart, its audit log does.
    pub fn beside_watches(&self) -> u64 {
        match self.audited {
            true => {
                let others = self.kinds.iter().filter(|(kind, _)| !kind.starts_with("watch "));
                others.map(|(_, count)| count).sum()
            }
            false => self.total,
        }
    }
}

impl std::fmt::Display for Requests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.total)?;
        let kinds: Vec<_> = self
            .kinds
            .iter()
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        if !kinds.is_empty() {
            write!(f, " ({})", kinds.join(", "))?;
        }
        if self.rejected > 0 {
            write!(f, ", {} refused as too many", self.rejected)?;
        }
        Ok(())
    }
}
