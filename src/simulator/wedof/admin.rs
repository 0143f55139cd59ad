//! The side door: records as a test wants them, and how Wedof misbehaves. No key needed.

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use serde_json::{Value, json};

use super::{
    Refusal, Service,
    account::{CHANGED, Record, position},
    not_found, query, records,
    settings::Settings,
};

pub fn router(service: Service) -> Router {
    Router::new()
        .route("/_wedof/{tenant}/{resource}", get(list).post(add))
        .route(
            "/_wedof/{tenant}/{resource}/{id}",
            // POST too, for `kubectl create --raw`, which knows no PATCH
            get(one).put(put).patch(patch).post(patch).delete(delete),
        )
        .route("/_settings", get(settings).put(replace_settings).patch(change_settings))
        .with_state(service)
}

async fn list(
    State(service): State<Service>,
    Path((tenant, resource)): Path<(usize, String)>,
) -> Result<Json<Value>, Refusal> {
    let account = service.tenant(tenant)?;
    let records = account.list(&resource).ok_or_else(not_found)?;
    let fields = records
        .iter()
        .map(|record| record.fields(&account.organism).into_owned());
    Ok(Json(fields.collect()))
}

async fn one(
    State(service): State<Service>,
    Path((tenant, resource, id)): Path<(usize, String, String)>,
) -> Result<Json<Value>, Refusal> {
    let account = service.tenant(tenant)?;
    let record = account.find(&resource, &id).ok_or_else(not_found)?;
    Ok(Json(record.fields(&account.organism).into_owned()))
}

/// A record is added at the end. Folders are completed: `{}` gives a whole new one.
async fn add(
    State(service): State<Service>,
    Path((tenant, resource)): Path<(usize, String)>,
    Json(given): Json<Value>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let account = service.tenant(tenant)?;
    let fields = account.change(&resource, |list| {
        let number = list.len() as u64 + 1_000_000;
        let mut fields = match resource.as_str() {
            "registrationFolders" => records::folder::make(account.seed, number, &account.organism),
            "certificationFolders" => records::certification::make(account.seed, number, &account.organism),
            _ => json!({}),
        };
        query::merge_patch(&mut fields, &given);
        list.push(Record::given(fields.clone()));
        fields
    });
    account.note_change(&resource, &fields);
    Ok((StatusCode::CREATED, Json(fields)))
}

/// The record is this from now on; one that was not there is added.
async fn put(
    State(service): State<Service>,
    Path((tenant, resource, id)): Path<(usize, String, String)>,
    Json(fields): Json<Value>,
) -> Result<Json<Value>, Refusal> {
    let account = service.tenant(tenant)?;
    let record = Record::given(fields.clone());
    account.change(&resource, |list| match list.iter_mut().find(|old| old.id == id) {
        Some(old) => *old = record,
        None => list.push(record),
    });
    account.note_change(&resource, &fields);
    Ok(Json(fields))
}

/// A JSON merge patch. As in Wedof, the record's times of change move: past those of all others, not to the clock,
/// so that a test has the same result every time. A patch that sets them itself is left alone.
async fn patch(
    State(service): State<Service>,
    Path((tenant, resource, id)): Path<(usize, String, String)>,
    // not axum's Json: `kubectl create --raw` names no content type
    patch: Bytes,
) -> Result<Json<Value>, Refusal> {
    let patch: Value =
        serde_json::from_slice(&patch).map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "The patch is not JSON."))?;
    let account = service.tenant(tenant)?;
    let now = account.next_change(&resource);
    let now = json!(now.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string());
    let fields = account.change(&resource, |list| {
        let at = position(list, &account.organism, &resource, &id).ok_or_else(not_found)?;
        let mut fields = list[at].fields(&account.organism).into_owned();
        for name in CHANGED {
            if fields.get(name).is_some() {
                fields[name] = now.clone();
            }
        }
        query::merge_patch(&mut fields, &patch);
        list[at] = Record::given(fields.clone());
        Ok(fields)
    })?;
    account.note_change(&resource, &fields);
    Ok(Json(fields))
}

async fn delete(
    State(service): State<Service>,
    Path((tenant, resource, id)): Path<(usize, String, String)>,
) -> Result<StatusCode, Refusal> {
    service.tenant(tenant)?.change(&resource, |list| {
        let at = list.iter().position(|record| record.id == id).ok_or_else(not_found)?;
        list.remove(at);
        Ok(StatusCode::NO_CONTENT)
    })
}

async fn settings(State(service): State<Service>) -> Json<Settings> {
    Json(service.settings())
}

/// What is left out has its default again.
async fn replace_settings(State(service): State<Service>, Json(settings): Json<Settings>) -> Json<Settings> {
    service.set(settings);
    Json(service.settings())
}

/// What is left out stays as it is.
async fn change_settings(
    State(service): State<Service>,
    Json(patch): Json<Value>,
) -> Result<Json<Settings>, (StatusCode, String)> {
    let bad = |error: serde_json::Error| (StatusCode::BAD_REQUEST, error.to_string());
    let mut settings = serde_json::to_value(service.settings()).map_err(bad)?;
    for (name, value) in patch.as_object().into_iter().flatten() {
        settings[name] = value.clone();
    }
    service.set(serde_json::from_value(settings).map_err(bad)?);
    Ok(Json(service.settings()))
}
