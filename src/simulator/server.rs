//! Starts the two servers and stops them.

use std::{collections::BTreeMap, io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::{Bytes, to_bytes},
    extract::{self, Path, Request},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{
    Options,
    faults::{Fault, Faults},
    net::{Door, Listening, Reset},
    oauth::{self, TokenEndpoint},
    page,
    requests::{Counts, Quota, Requests},
    sheets::{self, Document, Role, Spreadsheet, State, Store},
    tenant::{self, Tenant},
    wedof,
};

/// Largest body that is read; Google states no limit and recommends 2 MB.
const MAX_BODY: usize = 256 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot listen on {address} ({what}): {source}; choose another address or port 0")]
    Bind {
        what: &'static str,
        address: SocketAddr,
        source: io::Error,
    },
    #[error("cannot read the data set: {0}")]
    Dataset(String),
    #[error("cannot make a service account's key: {0}")]
    Key(String),
    #[error("cannot write the key file {}: {source}", path.display())]
    KeyFile { path: PathBuf, source: io::Error },
}

/// Simulators that run until this is dropped.
#[derive(Debug)]
pub struct Running {
    pub wedof: SocketAddr,
    pub sheets: SocketAddr,
    /// `http://…/api`
    pub wedof_url: String,
    /// `http://…/`
    pub sheets_url: String,
    pub tenants: Vec<Tenant>,
    store: Arc<Store>,
    accounts: Arc<Vec<wedof::Account>>,
    wedof_side: Arc<Side>,
    sheets_side: Arc<Side>,
    tasks: Vec<JoinHandle<()>>,
}

/// What all tenants have at one moment: records and spreadsheets.
#[derive(Debug)]
pub struct Moment {
    lists: Vec<wedof::Lists>,
    documents: Vec<(Arc<Document>, State)>,
}

impl Drop for Running {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Running {
    /// The state of a spreadsheet, as `/_sheets/ID.json` shows it; `None` if there is none.
    pub fn spreadsheet_json(&self, id: &str) -> Option<Value> {
        sheets::state_json(&self.store, id)
    }

    /// Everything as it is now, to come back to it.
    pub fn keep(&self) -> Moment {
        let documents = self.store.all().into_iter();
        Moment {
            lists: self.accounts.iter().map(wedof::Account::keep).collect(),
            documents: documents
                .map(|document| {
                    let state = document.state();
                    (document, state)
                })
                .collect(),
        }
    }

    /// Everything as it was then; counts and faults go on.
    pub fn put_back(&self, moment: &Moment) {
        for (account, lists) in self.accounts.iter().zip(&moment.lists) {
            account.put_back(lists);
        }
        for (document, state) in &moment.documents {
            document.put_back(state);
        }
    }

    /// For so long from now on, connections to Wedof are refused; those that are open end with their next request.
    pub fn refuse_wedof(&self, time: Duration) {
        self.wedof_side.door.close(time, None);
    }

    /// The same of the address that the token endpoint and the Sheets API have.
    pub fn refuse_sheets(&self, time: Duration) {
        self.sheets_side.door.close(time, None);
    }

    /// Requests that the Wedof side received, by kind.
    pub fn wedof_requests(&self) -> Counts {
        self.wedof_side.requests.counts()
    }

    /// Requests that the token endpoint and the Sheets API received.
    pub fn sheets_requests(&self) -> Counts {
        self.sheets_side.requests.counts()
    }
}

/// What both addresses have: faults, counts and how requests are named in them.
#[derive(Debug)]
struct Side {
    faults: Faults,
    requests: Requests,
    door: Door,
    kind: fn(&Method, &str) -> (String, Quota),
}

impl Side {
    fn new(kind: fn(&Method, &str) -> (String, Quota), door: Door) -> Arc<Self> {
        Arc::new(Self {
            faults: Faults::default(),
            requests: Requests::default(),
            door,
            kind,
        })
    }

    /// Puts the side's own paths beside a service and its faults in front of it.
    fn around(side: &Arc<Self>, service: Router) -> Router {
        Router::new()
            .route("/_faults", post(order_faults).get(left_faults).delete(clear_faults))
            .route("/_requests", get(counts).delete(clear_counts))
            .with_state(Arc::clone(side))
            .merge(service)
            .layer(middleware::from_fn_with_state(Arc::clone(side), before))
            .layer(axum::extract::DefaultBodyLimit::max(MAX_BODY))
    }
}

/// Counts a request and lets a fault answer it. The page and the paths of `/_` are the simulator's own.
async fn before(extract::State(side): extract::State<Arc<Side>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path == "/" || path.starts_with("/_") {
        return next.run(request).await;
    }
    let (kind, quota) = (side.kind)(request.method(), path);
    let length = request.headers().get(header::CONTENT_LENGTH);
    let bytes = length.and_then(|length| length.to_str().ok()?.parse().ok());
    side.requests.count(kind, quota, bytes.unwrap_or(0));
    side.faults.pass(request, next, &side.door).await
}

async fn order_faults(
    extract::State(side): extract::State<Arc<Side>>,
    Json(order): Json<Value>,
) -> Result<StatusCode, (StatusCode, String)> {
    let list = if order.is_array() { order } else { json!([order]) };
    let faults: Vec<Fault> =
        serde_json::from_value(list).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
    side.faults.order(faults);
    Ok(StatusCode::NO_CONTENT)
}

async fn left_faults(extract::State(side): extract::State<Arc<Side>>) -> Json<Vec<Fault>> {
    Json(side.faults.left())
}

async fn clear_faults(extract::State(side): extract::State<Arc<Side>>) -> StatusCode {
    side.faults.clear();
    StatusCode::NO_CONTENT
}

async fn counts(extract::State(side): extract::State<Arc<Side>>) -> Json<Counts> {
    Json(side.requests.counts())
}

async fn clear_counts(extract::State(side): extract::State<Arc<Side>>) -> StatusCode {
    side.requests.clear();
    StatusCode::NO_CONTENT
}

/// Binds both addresses and serves until the result is dropped. Must be called within a tokio runtime.
pub async fn start(options: Options) -> Result<Running, StartError> {
    let Options {
        wedof: wedof_address,
        sheets: sheets_address,
        folders,
        seed,
        tenants: count,
        dataset,
        quota_per_minute,
        public_host,
    } = options;
    let (wedof_listener, wedof_address) = bind("the Wedof API", wedof_address)?;
    let (sheets_listener, sheets_address) = bind("the Sheets API", sheets_address)?;
    let public = |address: SocketAddr| match &public_host {
        Some(host) => format!("{host}:{}", address.port()),
        None => address.to_string(),
    };
    let sheets_url = format!("http://{}/", public(sheets_address));
    let token_uri = format!("{sheets_url}token");

    let mut tenants = Vec::new();
    let mut service_accounts = Vec::new();
    let mut wedof_accounts = Vec::new();
    let store = Arc::new(Store::default());
    for number in 0..count {
        let seed = seed.wrapping_add(number as u64);
        let uri = token_uri.clone();
        // making a key is a matter of seconds without optimisation
        let made = tokio::task::spawn_blocking(move || tenant::make(seed, number, &uri))
            .await
            .map_err(|error| StartError::Key(error.to_string()))??;
        let tenant = made.tenant;
        let account = wedof::Account::new(tenant.api_key.clone(), seed, folders);
        if let Some(folder) = &dataset {
            account.load(folder).map_err(StartError::Dataset)?;
        }
        wedof_accounts.push(account);
        service_accounts.push(oauth::Account {
            email: tenant.email.clone(),
            public_key: made.public_key,
        });
        let sharing = BTreeMap::from([(tenant.email.clone(), Role::Writer)]);
        let book = Spreadsheet::fresh(tenant.spreadsheet_id.clone(), format!("Wedof {}", number + 1));
        store.insert(Document::new(book, sharing));
        tenants.push(tenant);
    }

    let accounts = Arc::new(wedof_accounts);
    let wedof_side = Side::new(wedof::kind, wedof_listener.door.clone());
    let wedof_router = wedof::router(wedof::Service::new(Arc::clone(&accounts)));
    let sheets_side = Side::new(sheets::kind, sheets_listener.door.clone());
    let service = sheets::Service {
        store: Arc::clone(&store),
        tokens: Arc::new(TokenEndpoint::new(service_accounts, token_uri)),
        pace: Arc::default(),
    };
    service.tokens.set(oauth::Settings {
        quota_per_minute,
        ..oauth::Settings::default()
    });
    let sheets_router = google_router(service, &tenants);
    let tasks = vec![
        serve(wedof_listener, Side::around(&wedof_side, wedof_router)),
        serve(sheets_listener, Side::around(&sheets_side, sheets_router)),
    ];
    Ok(Running {
        wedof: wedof_address,
        sheets: sheets_address,
        wedof_url: format!("http://{}/api", public(wedof_address)),
        sheets_url,
        tenants,
        store,
        accounts,
        wedof_side,
        sheets_side,
        tasks,
    })
}

fn bind(what: &'static str, address: SocketAddr) -> Result<(Listening, SocketAddr), StartError> {
    let listener = Listening::on(address).map_err(|source| StartError::Bind { what, address, source })?;
    let bound = listener.address;
    Ok((listener, bound))
}

fn serve(listener: Listening, router: Router) -> JoinHandle<()> {
    let service = router.into_make_service_with_connect_info::<Reset>();
    tokio::spawn(async move {
        let _ = axum::serve(listener, service).await;
    })
}

/// The token endpoint, the Sheets API, the page and the owner's side door on one address.
fn google_router(service: sheets::Service, tenants: &[Tenant]) -> Router {
    let shown: Vec<Value> = tenants
        .iter()
        .map(|tenant| {
            json!({
                "apiKey": tenant.api_key,
                "spreadsheetId": tenant.spreadsheet_id,
                "email": tenant.email,
                "credentials": tenant.credentials,
            })
        })
        .collect();
    let shown = json!(shown);
    let one = shown.clone();
    Router::new()
        .route("/", get(page::page))
        .route("/token", post(token))
        .fallback(sheets_api)
        .with_state(service.clone())
        .route("/_tenants", get(move || async move { Json(shown) }))
        // one value as plain text, for shell scripts
        .route(
            "/_tenants/{number}/{field}",
            get(move |Path((number, field)): Path<(usize, String)>| async move {
                let text = one
                    .get(number)
                    .and_then(|tenant| tenant.get(&field))
                    .and_then(Value::as_str);
                text.map(str::to_owned).ok_or(StatusCode::NOT_FOUND)
            }),
        )
        .merge(sheets::admin_router(service))
}

async fn token(extract::State(service): extract::State<sheets::Service>, form: Bytes) -> Response {
    service.tokens.answer(&form)
}

async fn sheets_api(extract::State(service): extract::State<sheets::Service>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    match to_bytes(body, MAX_BODY).await {
        Ok(body) => {
            let mut response = service.answer(&parts.method, &parts.uri, &parts.headers, &body);
            if let Ok(date) = HeaderValue::from_str(&oauth::http_date(service.tokens.now())) {
                response.headers_mut().insert(header::DATE, date);
            }
            response
        }
        Err(_) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
    }
}
