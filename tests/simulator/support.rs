//! A running simulator and a client that speaks to it.

use base64::{Engine, engine::GeneralPurpose, engine::general_purpose::URL_SAFE};
use reqwest::{Method, StatusCode};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde_json::{Value, json};
use wedof_sheet_sync::simulator::{Options, Running, Tenant, start};

pub const SCOPE: &str = "https://www.googleapis.com/auth/spreadsheets";

pub struct Simulator {
    pub running: Running,
    pub http: reqwest::Client,
    token: String,
}

/// An answer: status, headers, JSON (null if it is none).
pub struct Reply {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub json: Value,
}

impl Reply {
    /// The message of a Google error.
    pub fn message(&self) -> &str {
        self.json["error"]["message"]
            .as_str()
            .unwrap_or_else(|| panic!("no error: {} {}", self.status, self.json))
    }
}

impl Simulator {
    pub async fn start() -> Self {
        Self::with(Options {
            folders: 12,
            ..Options::default()
        })
        .await
    }

    pub async fn with(options: Options) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let running = start(options).await.unwrap();
        // every request on a connection of its own: a reset of one must not hit another
        let http = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .build()
            .unwrap();
        let mut simulator = Self {
            running,
            http,
            token: String::new(),
        };
        simulator.token = simulator.token_of(0, SCOPE).await;
        simulator
    }

    pub fn tenant(&self) -> &Tenant {
        &self.running.tenants[0]
    }

    pub async fn token_of(&self, tenant: usize, scope: &str) -> String {
        let reply = self
            .ask_token(&assertion(&self.running.tenants[tenant], scope, 0, 3595))
            .await;
        reply.json["access_token"].as_str().unwrap().to_owned()
    }

    pub async fn ask_token(&self, assertion: &str) -> Reply {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", assertion),
        ];
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = self
            .http
            .post(format!("{}token", self.running.sheets_url))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        reply(request).await
    }

    /// A call of the Sheets API by the first tenant's service account; `path` follows `v4/spreadsheets/`.
    pub async fn sheets(&self, method: Method, path: &str, body: Option<&Value>) -> Reply {
        self.sheets_as(&self.token, method, path, body).await
    }

    pub async fn sheets_as(&self, token: &str, method: Method, path: &str, body: Option<&Value>) -> Reply {
        let url = format!("{}v4/spreadsheets/{path}", self.running.sheets_url);
        let mut request = self.http.request(method, url).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(body);
        }
        reply(request).await
    }

    /// A batchUpdate of the tenant's spreadsheet.
    pub async fn batch(&self, requests: Value) -> Reply {
        let path = format!("{}:batchUpdate", self.tenant().spreadsheet_id);
        self.sheets(Method::POST, &path, Some(&json!({"requests": requests})))
            .await
    }

    /// A batchUpdate that must be taken; its replies.
    pub async fn apply(&self, requests: Value) -> Value {
        let reply = self.batch(requests).await;
        assert_eq!(reply.status, 200, "{}", reply.json);
        reply.json["replies"].clone()
    }

    /// A batchUpdate that must be refused; Google's sentence.
    pub async fn refused(&self, requests: Value) -> String {
        let before = self.state();
        let reply = self.batch(requests).await;
        assert_eq!(reply.status, 400, "{}", reply.json);
        assert_eq!(self.state(), before, "a refused batch changed something");
        reply.message().to_owned()
    }

    pub async fn get(&self, path: &str) -> Value {
        let reply = self
            .sheets(Method::GET, &format!("{}{path}", self.tenant().spreadsheet_id), None)
            .await;
        assert_eq!(reply.status, 200, "{}", reply.json);
        reply.json
    }

    /// The owner types values at a place, as a person does in a browser.
    pub async fn types(&self, range: &str, values: Value) {
        let path = format!("_sheets/{}/values/{range}", self.tenant().spreadsheet_id);
        let reply = self
            .google_admin(Method::PUT, &path, Some(&json!({"values": values})))
            .await;
        assert_eq!(reply.status, 200, "{}", reply.json);
    }

    /// The owner changes something that is no value.
    pub async fn owner(&self, requests: Value) -> Value {
        let path = format!("_sheets/{}:batchUpdate", self.tenant().spreadsheet_id);
        let reply = self
            .google_admin(Method::POST, &path, Some(&json!({"requests": requests})))
            .await;
        assert_eq!(reply.status, 200, "{}", reply.json);
        reply.json["replies"].clone()
    }

    pub fn state(&self) -> Value {
        self.running.spreadsheet_json(&self.tenant().spreadsheet_id).unwrap()
    }

    /// The typed values of a sheet of the spreadsheet.
    pub fn values(&self, sheet: usize) -> Value {
        self.state()["sheets"][sheet]["values"].clone()
    }

    pub async fn google_admin(&self, method: Method, path: &str, body: Option<&Value>) -> Reply {
        self.admin(&self.running.sheets_url, method, path, body).await
    }

    pub async fn wedof_admin(&self, method: Method, path: &str, body: Option<&Value>) -> Reply {
        let base = self.running.wedof_url.trim_end_matches("api").to_owned();
        self.admin(&base, method, path, body).await
    }

    async fn admin(&self, base: &str, method: Method, path: &str, body: Option<&Value>) -> Reply {
        let mut request = self.http.request(method, format!("{base}{path}"));
        if let Some(body) = body {
            request = request.json(body);
        }
        reply(request).await
    }

    /// A request of the Wedof API with the first tenant's key.
    pub async fn wedof(&self, path: &str) -> Reply {
        reply(self.wedof_request(path)).await
    }

    pub fn wedof_request(&self, path: &str) -> reqwest::RequestBuilder {
        self.http
            .get(format!("{}/{path}", self.running.wedof_url))
            .header("X-Api-Key", &self.tenant().api_key)
    }
}

pub async fn reply(request: reqwest::RequestBuilder) -> Reply {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let json = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null);
    Reply { status, headers, json }
}

/// A signed assertion as yup-oauth2 writes it: base64url with padding.
pub fn assertion(tenant: &Tenant, scope: &str, made_seconds_ago: i64, life: i64) -> String {
    let key: Value = serde_json::from_str(&tenant.credentials).unwrap();
    let iat = jiff::Timestamp::now().as_second() - made_seconds_ago;
    let claims = json!({
        "iss": key["client_email"],
        "aud": key["token_uri"],
        "scope": scope,
        "iat": iat,
        "exp": iat + life,
    });
    signed(&URL_SAFE, key["private_key"].as_str().unwrap(), &claims)
}

pub fn signed(engine: &GeneralPurpose, pem: &str, claims: &Value) -> String {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
    let key = RsaKeyPair::from_pkcs8(&der).unwrap();
    let header = json!({"alg": "RS256", "typ": "JWT"});
    let text = format!(
        "{}.{}",
        engine.encode(header.to_string()),
        engine.encode(claims.to_string())
    );
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
        .unwrap();
    format!("{text}.{}", engine.encode(signature))
}
