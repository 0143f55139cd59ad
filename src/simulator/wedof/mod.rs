//! Wedof's API over HTTP: lists with page and limit, filters, error bodies; and `/_wedof`, where a test changes records.

mod dice;
mod query;
mod records;
mod texts;

use std::{
    collections::BTreeMap,
    path::Path as FilePath,
    sync::{Arc, PoisonError, RwLock},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query as UrlQuery, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use self::{query::Listing, records::Organism};
use super::requests::Quota;

/// Header that carries the API key.
const API_KEY: &str = "x-api-key";

/// Lists that an account without the subscription is refused.
const FORBIDDEN: [&str; 5] = ["attendees", "trainings", "sessions", "users", "payments"];

/// One account: its key and its records by resource. The order of a list is the order in which records came.
#[derive(Debug)]
pub struct Account {
    pub api_key: String,
    seed: u64,
    organism: Organism,
    lists: RwLock<BTreeMap<String, Vec<Arc<Record>>>>,
}

/// The records of an account at one moment.
#[derive(Debug)]
pub struct Lists(BTreeMap<String, Vec<Arc<Record>>>);

/// A record and its JSON text, written once.
#[derive(Debug)]
struct Record {
    id: String,
    fields: Value,
}

impl Record {
    fn new(fields: Value) -> Arc<Self> {
        let id = id_of(&fields).unwrap_or_default();
        Arc::new(Self { id, fields })
    }
}

fn id_of(fields: &Value) -> Option<String> {
    ["externalId", "siret", "id", "email"]
        .iter()
        .find_map(|name| match &fields[*name] {
            Value::String(id) => Some(id.clone()),
            Value::Number(id) => Some(id.to_string()),
            _ => None,
        })
}

impl Account {
    pub fn new(api_key: String, seed: u64, folders: usize) -> Self {
        let organism = Organism::new(seed);
        let list = |count: usize, make: fn(u64, u64, &Organism) -> Value| {
            (0..count as u64)
                .map(|number| Record::new(make(seed, number, &organism)))
                .collect()
        };
        let lists = BTreeMap::from([
            (
                "registrationFolders".to_owned(),
                list(folders, records::registration_folder),
            ),
            (
                "certificationFolders".to_owned(),
                list(folders.div_ceil(4), records::certification_folder),
            ),
            ("organisms".to_owned(), vec![Record::new(organism.to_json(seed))]),
        ]);
        Self {
            api_key,
            seed,
            organism,
            lists: RwLock::new(lists),
        }
    }

    /// Every `<resource>.json` of a folder, an array of records, takes the place of the generated ones.
    pub fn load(&self, folder: &FilePath) -> Result<(), String> {
        let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for entry in entries {
            let path = entry.map_err(|error| format!("{}: {error}", folder.display()))?.path();
            let (Some("json"), Some(resource)) = (
                path.extension().and_then(|kind| kind.to_str()),
                path.file_stem().and_then(|name| name.to_str()),
            ) else {
                continue;
            };
            let wrong = |error: String| format!("{}: {error}", path.display());
            let text = std::fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
            let records: Vec<Value> =
                serde_json::from_str(&text).map_err(|error| wrong(format!("must be an array of records: {error}")))?;
            self.change(resource, |list| *list = records.into_iter().map(Record::new).collect());
        }
        Ok(())
    }

    fn list(&self, resource: &str) -> Option<Vec<Arc<Record>>> {
        self.lists
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(resource)
            .cloned()
    }

    fn find(&self, resource: &str, id: &str) -> Option<Arc<Record>> {
        let list = self.list(resource)?;
        list.into_iter()
            .find(|record| record.id == id || (id == "me" && resource == "organisms"))
    }

    /// All records, for [`Self::put_back`].
    pub fn keep(&self) -> Lists {
        Lists(self.lists.read().unwrap_or_else(PoisonError::into_inner).clone())
    }

    pub fn put_back(&self, lists: &Lists) {
        self.lists
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .clone_from(&lists.0);
    }

    fn change<T>(&self, resource: &str, change: impl FnOnce(&mut Vec<Arc<Record>>) -> T) -> T {
        let mut lists = self.lists.write().unwrap_or_else(PoisonError::into_inner);
        change(lists.entry(resource.to_owned()).or_default())
    }
}

/// An answer other than 200, with Wedof's error body.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    detail: &'static str,
    violations: Vec<query::Violation>,
}

impl Refusal {
    fn new(status: StatusCode, detail: &'static str) -> Self {
        Self {
            status,
            detail,
            violations: Vec::new(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let violations = self
            .violations
            .iter()
            .map(|(path, title)| json!({"propertyPath": path, "title": title}));
        let body = json!({"detail": self.detail, "violations": violations.collect::<Vec<_>>()});
        (self.status, Json(body)).into_response()
    }
}

fn not_found() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "Not Found")
}

#[derive(Debug, Clone)]
pub struct Service(pub Arc<Vec<Account>>);

impl Service {
    /// The account of the key, or 401.
    fn account(&self, headers: &HeaderMap) -> Result<&Account, Refusal> {
        let key = headers.get(API_KEY).map(|key| key.as_bytes());
        let account = self.0.iter().find(|account| key == Some(account.api_key.as_bytes()));
        account.ok_or_else(|| Refusal::new(StatusCode::UNAUTHORIZED, "Invalid credentials."))
    }

    fn tenant(&self, number: usize) -> Result<&Account, Refusal> {
        self.0.get(number).ok_or_else(not_found)
    }
}

/// How a request is counted: its method and path, ids left out.
pub fn kind(method: &Method, path: &str) -> (String, Quota) {
    let path = path.trim_end_matches('/');
    let mut segments = path.split('/');
    let shown: Vec<&str> = segments
        .by_ref()
        .take(3)
        .chain(path.split('/').skip(3).map(|segment| {
            if matches!(segment, "me" | "files") {
                segment
            } else {
                "{id}"
            }
        }))
        .collect();
    (format!("{method} {}", shown.join("/")), Quota::None)
}

pub fn router(service: Service) -> Router {
    Router::new()
        .route("/api/{resource}", get(list))
        .route("/api/{resource}/", get(list))
        .route("/api/{resource}/{id}", get(one))
        .route("/api/{resource}/{id}/files", get(files))
        .route("/_wedof/{tenant}/{resource}", get(admin_list).post(admin_add))
        .route(
            "/_wedof/{tenant}/{resource}/{id}",
            // POST too, for `kubectl create --raw`, which knows no PATCH
            get(admin_one)
                .put(admin_put)
                .patch(admin_patch)
                .post(admin_patch)
                .delete(admin_delete),
        )
        .fallback(|| async { not_found() })
        .method_not_allowed_fallback(|| async { Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed") })
        .with_state(service)
}

type Parameters = UrlQuery<Vec<(String, String)>>;

async fn list(
    State(service): State<Service>,
    Path(resource): Path<String>,
    UrlQuery(parameters): Parameters,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let account = service.account(&headers)?;
    let records = account.list(&resource);
    // the directory of all organisms is not for one of them, unless a data set has more than its own
    let private = resource == "organisms" && records.as_ref().is_some_and(|records| records.len() <= 1);
    if private || (records.is_none() && FORBIDDEN.contains(&resource.as_str())) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "Access Denied."));
    }
    let records = records.ok_or_else(not_found)?;
    let listing = Listing::parse(&resource, &parameters).map_err(|violations| Refusal {
        violations,
        ..Refusal::new(StatusCode::BAD_REQUEST, "Validation Failed")
    })?;
    let (total, page) = listing.page(&records, |record| &record.fields);
    let body: Vec<&Value> = page.iter().map(|record| &record.fields).collect();
    let headers = [
        ("x-total-count", total),
        ("x-current-page", listing.page),
        ("x-item-per-page", listing.limit),
    ];
    let mut response = Json(&body).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.into());
    }
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-cache, private"),
    );
    Ok(response)
}

async fn one(
    State(service): State<Service>,
    Path((resource, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let account = service.account(&headers)?;
    if (resource.as_str(), id.as_str()) == ("users", "me") {
        return Ok(Json(records::user(&account.organism)));
    }
    account
        .find(&resource, &id)
        .map(|record| Json(record.fields.clone()))
        .ok_or_else(not_found)
}

async fn files(
    State(service): State<Service>,
    Path((resource, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let record = service.account(&headers)?.find(&resource, &id).ok_or_else(not_found)?;
    record.fields.get("files").cloned().map(Json).ok_or_else(not_found)
}

async fn admin_list(
    State(service): State<Service>,
    Path((tenant, resource)): Path<(usize, String)>,
) -> Result<Json<Value>, Refusal> {
    let records = service.tenant(tenant)?.list(&resource).ok_or_else(not_found)?;
    Ok(Json(records.iter().map(|record| record.fields.clone()).collect()))
}

async fn admin_one(
    State(service): State<Service>,
    Path((tenant, resource, id)): Path<(usize, String, String)>,
) -> Result<Json<Value>, Refusal> {
    let record = service.tenant(tenant)?.find(&resource, &id).ok_or_else(not_found)?;
    Ok(Json(record.fields.clone()))
}

/// A record is added at the end. Folders are completed: `{}` gives a whole new one.
async fn admin_add(
    State(service): State<Service>,
    Path((tenant, resource)): Path<(usize, String)>,
    Json(given): Json<Value>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let account = service.tenant(tenant)?;
    let record = account.change(&resource, |list| {
        let number = list.len() as u64 + 1_000_000;
        let mut fields = match resource.as_str() {
            "registrationFolders" => records::registration_folder(account.seed, number, &account.organism),
            "certificationFolders" => records::certification_folder(account.seed, number, &account.organism),
            _ => json!({}),
        };
        query::merge_patch(&mut fields, &given);
        let record = Record::new(fields);
        list.push(Arc::clone(&record));
        record
    });
    Ok((StatusCode::CREATED, Json(record.fields.clone())))
}

/// The record is this from now on; one that was not there is added.
async fn admin_put(
    State(service): State<Service>,
    Path((tenant, resource, id)): Path<(usize, String, String)>,
    Json(fields): Json<Value>,
) -> Result<Json<Value>, Refusal> {
    let record = Record::new(fields);
    service
        .tenant(tenant)?
        .change(&resource, |list| match list.iter_mut().find(|old| old.id == id) {
            Some(old) => *old = Arc::clone(&record),
            None => list.push(Arc::clone(&record)),
        });
    Ok(Json(record.fields.clone()))
}

/// A JSON merge patch. As in Wedof, the record's times of change move: past those of all others, not to the clock,
/// so that a test has the same result every time. A patch that sets them itself is left alone.
async fn admin_patch(
    State(service): State<Service>,
    Path((tenant, resource, id)): Path<(usize, String, String)>,
    // not axum's Json: `kubectl create --raw` names no content type
    patch: Bytes,
) -> Result<Json<Value>, Refusal> {
    let patch: Value =
        serde_json::from_slice(&patch).map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "The patch is not JSON."))?;
    service.tenant(tenant)?.change(&resource, |list| {
        let at = list
            .iter()
            .position(|record| record.id == id || (id == "me" && resource == "organisms"));
        let at = at.ok_or_else(not_found)?;
        let mut fields = list[at].fields.clone();
        for name in ["lastUpdate", "stateLastUpdate", "updatedOn"] {
            if fields.get(name).is_some() {
                fields[name] = query::later_than_all(list.iter().map(|record| &record.fields[name]));
            }
        }
        query::merge_patch(&mut fields, &patch);
        list[at] = Record::new(fields);
        Ok(Json(list[at].fields.clone()))
    })
}

async fn admin_delete(
    State(service): State<Service>,
    Path((tenant, resource, id)): Path<(usize, String, String)>,
) -> Result<StatusCode, Refusal> {
    service.tenant(tenant)?.change(&resource, |list| {
        let at = list.iter().position(|record| record.id == id).ok_or_else(not_found)?;
        list.remove(at);
        Ok(StatusCode::NO_CONTENT)
    })
}
