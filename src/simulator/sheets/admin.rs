//! The owner's side door: state of a spreadsheet, edits of a person, new spreadsheets, sharing. No token needed.

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query as UrlQuery, State as Shared},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{delete, get},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Request, Service,
    dump::{self, Window},
    error::{ApiError, ApiResult},
    model::{Editor, Spreadsheet},
    route::{Call, Query},
    store::{Document, FileKind, Role, State},
};
use crate::simulator::oauth::Settings;

pub fn router(service: Service) -> Router {
    Router::new()
        .route("/_sheets", get(list).post(create))
        .route("/_sheets/{name}", get(state).post(batch_update))
        .route("/_sheets/{id}/values/{range}", get(show_values).put(update_values))
        .route("/_sheets/{id}/sharing", get(sharing).put(share))
        .route("/_sheets/{id}/kind", get(kind).put(set_kind))
        .route("/_settings", get(settings).put(replace_settings).patch(set))
        .route("/_tokens", delete(revoke))
        .with_state(service)
}

async fn list(Shared(service): Shared<Service>) -> Json<Value> {
    let shown = |document: &Document| {
        let State { book, revision } = document.state();
        json!({"id": book.id, "title": book.title, "revision": revision})
    };
    Json(service.store.all().iter().map(|document| shown(document)).collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct New {
    id: String,
    #[serde(default)]
    title: String,
    /// By e-mail of the service account.
    #[serde(default)]
    sharing: BTreeMap<String, Role>,
    /// An .xlsx that was uploaded and never made a spreadsheet.
    #[serde(default)]
    office: bool,
}

/// A fresh spreadsheet; one of the same ID is replaced.
async fn create(Shared(service): Shared<Service>, Json(new): Json<New>) -> StatusCode {
    let New {
        id,
        title,
        sharing,
        office,
    } = new;
    let document = Document::new(Spreadsheet::fresh(id, title), sharing);
    if office {
        document.set_kind(FileKind::Office);
    }
    service.store.insert(document);
    StatusCode::CREATED
}

#[derive(Deserialize)]
struct Part {
    sheet: Option<i64>,
    from: Option<usize>,
    to: Option<usize>,
}

/// `ID.json` and `ID.xlsx`; an ETag of the revision lets the page ask cheaply whether anything changed.
async fn state(
    Shared(service): Shared<Service>,
    Path(name): Path<String>,
    UrlQuery(part): UrlQuery<Part>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let (id, kind) = name.rsplit_once('.').ok_or_else(ApiError::not_found)?;
    let document = service.store.find(id)?;
    let state = document.state();
    let tag = format!("\"{}-{}\"", document.instance, state.revision);
    if headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == tag.as_bytes())
    {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let window = Window {
        sheet: part.sheet,
        rows: part.from.map(|from| (from, part.to.unwrap_or(usize::MAX))),
    };
    match kind {
        "json" => Ok((
            [(header::ETAG, tag)],
            Json(dump::dump(&state, &document.sharing(), window)),
        )
            .into_response()),
        "xlsx" => {
            let bytes = super::xlsx::workbook(&state.book)
                .map_err(|error| ApiError::invalid(format!("cannot be written as .xlsx: {error}")))?;
            let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
            Ok(([(header::CONTENT_TYPE, kind)], bytes).into_response())
        }
        _ => Err(ApiError::not_found()),
    }
}

async fn batch_update(
    Shared(service): Shared<Service>,
    Path(name): Path<String>,
    body: Bytes,
) -> ApiResult<Json<Value>> {
    let id = name.strip_suffix(":batchUpdate").ok_or_else(ApiError::not_found)?;
    as_owner(&service, id, &Call::BatchUpdate, &Query::default(), &body)
}

/// `valueInputOption` as in values.update; USER_ENTERED if left out, for people type.
async fn update_values(
    Shared(service): Shared<Service>,
    Path((id, range)): Path<(String, String)>,
    uri: axum::http::Uri,
    body: Bytes,
) -> ApiResult<Json<Value>> {
    let query = Query::parse(&uri).or("valueInputOption", "USER_ENTERED");
    as_owner(&service, &id, &Call::ValuesUpdate(range), &query, &body)
}

#[derive(Deserialize)]
struct Shown {
    /// `text`: columns set out for a terminal instead of JSON.
    #[serde(rename = "as")]
    form: Option<String>,
}

/// As values.get.
async fn show_values(
    Shared(service): Shared<Service>,
    Path((id, range)): Path<(String, String)>,
    UrlQuery(shown): UrlQuery<Shown>,
) -> ApiResult<Response> {
    let answer = as_owner(&service, &id, &Call::ValuesGet(range), &Query::default(), &Bytes::new())?;
    if shown.form.as_deref() == Some("text") {
        return Ok(set_out(&answer["values"]).into_response());
    }
    Ok(answer.into_response())
}

/// Rows of values as lines, each column as wide as its widest value but at most 24 characters.
fn set_out(values: &Value) -> String {
    const WIDEST: usize = 24;
    let text = |cell: &Value| {
        let text = cell
            .as_str()
            .map_or_else(|| cell.to_string(), str::to_owned)
            .replace('\n', " ");
        if text.chars().count() <= WIDEST {
            return text;
        }
        text.chars().take(WIDEST - 1).chain(['…']).collect()
    };
    let rows: Vec<Vec<String>> = values
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| row.as_array().into_iter().flatten().map(text).collect())
        .collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut out = String::new();
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        out.push_str(cells.join("  ").trim_end());
        out.push('\n');
    }
    out
}

fn as_owner(service: &Service, id: &str, call: &Call, query: &Query, body: &Bytes) -> ApiResult<Json<Value>> {
    let document = service.store.find(id)?;
    Request::parse(call, query, body)?
        .carry_out(&document, &Editor::Owner)
        .map(Json)
}

async fn sharing(Shared(service): Shared<Service>, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    Ok(Json(json!(service.store.find(&id)?.sharing())))
}

async fn share(
    Shared(service): Shared<Service>,
    Path(id): Path<String>,
    Json(sharing): Json<BTreeMap<String, Role>>,
) -> ApiResult<StatusCode> {
    service.store.find(&id)?.set_sharing(sharing);
    Ok(StatusCode::NO_CONTENT)
}

async fn kind(Shared(service): Shared<Service>, Path(id): Path<String>) -> ApiResult<Json<FileKind>> {
    Ok(Json(service.store.find(&id)?.kind()))
}

async fn set_kind(
    Shared(service): Shared<Service>,
    Path(id): Path<String>,
    Json(kind): Json<FileKind>,
) -> ApiResult<StatusCode> {
    service.store.find(&id)?.set_kind(kind);
    Ok(StatusCode::NO_CONTENT)
}

/// What is left out has its default again.
async fn replace_settings(Shared(service): Shared<Service>, Json(settings): Json<Settings>) -> Json<Settings> {
    service.tokens.set(settings);
    Json(service.tokens.settings())
}

async fn settings(Shared(service): Shared<Service>) -> Json<Settings> {
    Json(service.tokens.settings())
}

/// Fields that are left out stay as they are.
async fn set(
    Shared(service): Shared<Service>,
    Json(patch): Json<Value>,
) -> Result<Json<Settings>, (StatusCode, String)> {
    let bad = |error: serde_json::Error| (StatusCode::BAD_REQUEST, error.to_string());
    let mut settings = serde_json::to_value(service.tokens.settings()).map_err(bad)?;
    for (name, value) in patch.as_object().into_iter().flatten() {
        settings[name] = value.clone();
    }
    service.tokens.set(serde_json::from_value(settings).map_err(bad)?);
    Ok(Json(service.tokens.settings()))
}

/// Every token stops working.
async fn revoke(Shared(service): Shared<Service>) -> StatusCode {
    service.tokens.revoke_all();
    StatusCode::NO_CONTENT
}
