//! The program behind a proxy and with a private authority: the real binary, a real proxy that opens tunnels, and the
//! simulators behind TLS. Names end in `.test`, which nothing but the proxy knows: what does not go through it goes nowhere.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod authority;
mod proxy;
mod reaching;
mod refusing;
mod telling;
#[path = "../sync/world.rs"]
#[allow(dead_code, reason = "shared with the tests of the sync")]
mod world;

use std::{collections::BTreeMap, path::PathBuf};

use authority::Authority;
use proxy::{Manner, Proxy};
use world::{Run, World};

pub const WEDOF: &str = "wedof.test";
pub const TOKENS: &str = "oauth2.test";
pub const SHEETS: &str = "sheets.test";

/// An office whose machines reach the internet through a proxy only, which shows certificates of its own.
pub struct Office {
    pub world: World,
    pub authority: Authority,
    pub proxy: Proxy,
    /// The authority's certificate.
    pub ca: PathBuf,
}

impl Office {
    pub async fn new() -> Self {
        Self::with(Manner::Open).await
    }

    pub async fn with(manner: Manner) -> Self {
        let world = World::new(3).await;
        let authority = Authority::new();
        let (wedof, sheets) = (world.running.wedof, world.running.sheets);
        let routes = BTreeMap::from([
            (format!("{WEDOF}:443"), authority.serve(&[WEDOF], wedof).await),
            (format!("{TOKENS}:443"), authority.serve(&[TOKENS], sheets).await),
            (format!("{SHEETS}:443"), authority.serve(&[SHEETS], sheets).await),
            ("simulator.sim.svc:80".to_owned(), wedof),
            ("simulator.sim.svc:8081".to_owned(), sheets),
        ]);
        let proxy = Proxy::start(routes, manner).await;
        let ca = world.write("ca.pem", authority.pem().as_bytes());
        let office = Self {
            world,
            authority,
            proxy,
            ca,
        };
        office.write_key(&format!("https://{TOKENS}/token")).await;
        office.write_env(&[
            ("WEDOF_BASE_URL", &format!("https://{WEDOF}/api")),
            ("GOOGLE_SHEETS_BASE_URL", &format!("https://{SHEETS}/")),
            ("GOOGLE_TOKEN_HOSTS", TOKENS),
        ]);
        office
    }

    /// The key file, with another address for tokens, by which the endpoint knows itself.
    pub async fn write_key(&self, token_uri: &str) {
        let audience = serde_json::json!({"audience": token_uri});
        let (status, _) = self.world.google("PATCH", "_settings", Some(audience)).await;
        assert!((200..300).contains(&status), "{status}");
        let tenant = &self.world.running.tenants[0];
        let mut key: serde_json::Value = serde_json::from_str(&tenant.credentials).unwrap();
        key["token_uri"] = token_uri.into();
        self.world.write("key.json", key.to_string().as_bytes());
    }

    pub fn write_env(&self, variables: &[(&str, &str)]) {
        let tenant = &self.world.running.tenants[0];
        let fixed = [
            ("WEDOF_API_KEY", tenant.api_key.as_str()),
            ("GOOGLE_CREDENTIALS_PATH", "key.json"),
            ("GOOGLE_SPREADSHEET_ID", &tenant.spreadsheet_id),
            ("WEDOF_SHEET_SYNC_CONFIG", "wanted.json"),
        ];
        let lines = fixed
            .iter()
            .chain(variables)
            .map(|(name, value)| format!("{name}='{value}'\n"));
        self.world.write(".env", lines.collect::<String>().as_bytes());
    }

    pub async fn sync(&self, variables: &[(&str, &str)]) -> Run {
        self.world.sync_with(&[], variables).await
    }

    /// A run that asks Wedof alone.
    pub async fn preview(&self, variables: &[(&str, &str)]) -> Run {
        self.world.sync_with(&["--preview", "out.xlsx"], variables).await
    }

    pub fn ca(&self) -> &str {
        self.ca.to_str().unwrap()
    }
}
