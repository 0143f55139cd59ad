//! The Sheets API v4 over HTTP, and the owner's side door that needs no token:
//! - `/_sheets` (GET: all; POST: a new one), `/_sheets/ID.json[?sheet&from&to]` (state), `/_sheets/ID.xlsx`;
//! - `POST /_sheets/ID:batchUpdate` and `/_sheets/ID/values/RANGE` (GET, PUT): a person edits, protections do not hold;
//!   locale and time zone are set by its `updateSpreadsheetProperties`;
//! - `/_sheets/ID/sharing` (GET, PUT `{"EMAIL": "writer" | "reader"}`);
//! - `/_sheets/ID/kind` (GET, PUT `"spreadsheet" | "office" | "other"`): what the ID stands for.

mod a1;
mod admin;
mod batch;
mod criteria;
mod dump;
mod error;
mod eval;
mod format;
mod formula;
mod mask;
mod metadata;
mod model;
mod protect;
mod ranges;
mod route;
mod schema;
mod store;
mod values;
mod view;
mod widths;
mod xlsx;

use std::sync::Arc;

use axum::{
    body::Bytes,
    http::{HeaderMap, Method, Uri, header},
    response::{IntoResponse, Response},
};
use google_sheets4::api;
use serde_json::{Value, json};

pub use self::{
    admin::router as admin_router,
    model::Spreadsheet,
    route::kind,
    store::{Document, Role, State, Store},
};
use self::{
    error::{ApiError, ApiResult},
    mask::Mask,
    model::Editor,
    route::{Call, Query, Route},
    values::Render,
    view::View,
};
use super::{oauth::TokenEndpoint, requests::Pace};

impl Service {
    /// Answers one request of the API.
    pub fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Response {
        let query = Query::parse(uri);
        let reply = Route::parse(method, uri.path())
            .ok_or_else(ApiError::not_found)
            .and_then(|route| {
                let email = authenticate(&self.tokens, headers, &route.call)?;
                self.check_quota(&email, &route.call)?;
                let request = Request::parse(&route.call, &query, body)?;
                match &route.call {
                    Call::Create => return request.create(&self.store, &email),
                    Call::CopySheet(sheet) => {
                        return request.copy_sheet(&self.store, (&route.spreadsheet, *sheet), &email);
                    }
                    _ => {}
                }
                let document = self.store.open(&route.spreadsheet, &email, route.call.writes())?;
                request.carry_out(&document, &Editor::Account(email))
            });
        match reply {
            Ok(reply) => show(&reply, &query),
            Err(error) => error.into_response(),
        }
    }

    fn check_quota(&self, email: &str, call: &Call) -> ApiResult<()> {
        let Some(limit) = self.tokens.settings().quota_per_minute else {
            return Ok(());
        };
        let kind = if call.writes() { "Write" } else { "Read" };
        let taken = self.pace.take(&format!("{kind} {email}"), limit);
        taken.map_err(|_| ApiError::quota(kind, limit))
    }
}

/// JSON as Google writes it: indented unless `prettyPrint=false`.
fn show(reply: &Value, query: &Query) -> Response {
    let text = match query.flag("prettyPrint").unwrap_or(true) {
        true => format!("{reply:#}\n"),
        false => reply.to_string(),
    };
    ([(header::CONTENT_TYPE, "application/json; charset=UTF-8")], text).into_response()
}

/// The account behind the bearer token, if its scopes cover the call.
fn authenticate(tokens: &TokenEndpoint, headers: &HeaderMap, call: &Call) -> ApiResult<String> {
    let header = headers.get(header::AUTHORIZATION).ok_or_else(ApiError::unregistered)?;
    let token = header.to_str().ok().and_then(|header| header.strip_prefix("Bearer "));
    let grant = token
        .and_then(|token| tokens.grant(token))
        .ok_or_else(ApiError::unauthenticated)?;
    // a search is a read that Google lets only writers do
    let write = call.writes()
        || matches!(
            call,
            Call::SearchMetadata | Call::GetByDataFilter | Call::ValuesBatchGetByDataFilter
        );
    if grant.reaches_sheets(write) {
        Ok(grant.email)
    } else {
        Err(ApiError::scope_insufficient(call.method()))
    }
}

/// A call with its parameters, its shape checked.
struct Request<'a> {
    call: &'a Call,
    query: &'a Query,
    body: Value,
    mask: Option<Mask>,
}

impl<'a> Request<'a> {
    fn parse(call: &'a Call, query: &'a Query, body: &Bytes) -> ApiResult<Self> {
        let body = if body.is_empty() {
            json!({})
        } else {
            serde_json::from_slice(body)
                .map_err(|error| ApiError::invalid(format!("Invalid JSON payload received. {error}")))?
        };
        let mask = match query.one("fields") {
            None | Some("") => None,
            Some(text) => {
                let mask = Mask::parse(text).map_err(|rest| ApiError::bad_fields(&rest))?;
                check_mask(call, &mask)?;
                Some(mask)
            }
        };
        Ok(Self {
            call,
            query,
            body,
            mask,
        })
    }

    fn carry_out(mut self, document: &Document, editor: &Editor) -> ApiResult<Value> {
        let State { book, .. } = document.state();
        let reply = match self.call {
            // masked while it is built: a whole grid is never made to be thrown away
            Call::Get | Call::GetByDataFilter => return self.get(&book, editor),
            Call::BatchUpdate => self.batch_update(document, editor),
            Call::ValuesGet(range) => {
                let (position, open) = a1::resolve(&book, range)?;
                values::read(&eval::Evaluator::new(&book), &book, position, open, self.render()?)
            }
            Call::ValuesBatchGet => self.values_batch_get(&book),
            Call::ValuesBatchGetByDataFilter => {
                let request = from_body(std::mem::take(&mut self.body))?;
                values::batch_get_by_data_filter(&book, &request)
            }
            Call::ValuesUpdate(range) => {
                let body = values::Body::parse(&self.body, "data")?;
                let user_entered = values::is_user_entered(self.query.one("valueInputOption"))?;
                let (updated, book) =
                    document.write(|book| values::update(book, editor, range, &body, user_entered))?;
                Ok(updated.to_json(&book))
            }
            Call::ValuesAppend(range) => {
                let body = values::Body::parse(&self.body, "data")?;
                let user_entered = values::is_user_entered(self.query.one("valueInputOption"))?;
                let insert = self.query.one("insertDataOption") == Some("INSERT_ROWS");
                Ok(document
                    .write(|book| values::append(book, editor, range, &body, user_entered, insert))?
                    .0)
            }
            Call::ValuesClear(range) => Ok(document.write(|book| values::clear(book, editor, range))?.0),
            Call::ValuesBatchUpdate => self.values_batch_update(document, editor),
            Call::ValuesBatchClear => self.values_batch_clear(document, editor),
            Call::ValuesBatchUpdateByDataFilter => self.values_update_by_filter(document, editor),
            Call::ValuesBatchClearByDataFilter => self.values_clear_by_filter(document, editor),
            // they are calls of the store
            Call::Create | Call::CopySheet(_) => Err(ApiError::not_found()),
            Call::SearchMetadata => metadata::search(&book, list(&self.body, "dataFilters")),
            Call::GetMetadata(id) => match metadata::by_id(&book, *id) {
                Some((place, entry)) => Ok(entry.to_json(place)),
                None => Err(ApiError::not_found()),
            },
        }?;
        Ok(self.masked(reply))
    }

    fn render(&self) -> ApiResult<Render> {
        Render::parse(
            self.query.one("valueRenderOption"),
            self.query.one("dateTimeRenderOption"),
            self.query.one("majorDimension"),
        )
    }

    fn get(&self, book: &Spreadsheet, editor: &Editor) -> ApiResult<Value> {
        let mut ranges = Vec::new();
        for range in self.query.all("ranges") {
            ranges.push(a1::resolve(book, range)?);
        }
        for filter in metadata::parse_filters(list(&self.body, "dataFilters"))? {
            ranges.extend(metadata::ranges_of_filter(book, &filter)?);
        }
        let in_body = self.body.get("includeGridData").and_then(Value::as_bool);
        let view = View {
            masked: self.mask.is_some(),
            mask: self.mask.clone().unwrap_or_default(),
            include_grid_data: in_body.or(self.query.flag("includeGridData")).unwrap_or(false),
            ranges,
            editor,
        };
        view.show(book).map_err(ApiError::invalid)
    }

    fn batch_update(&mut self, document: &Document, editor: &Editor) -> ApiResult<Value> {
        let Value::Object(body) = &mut self.body else {
            return Err(ApiError::invalid("Invalid JSON payload received. Unexpected token."));
        };
        let requests = match body.remove("requests") {
            Some(Value::Array(requests)) => requests,
            None | Some(Value::Null) => Vec::new(),
            Some(_) => return Err(ApiError::bad_json("requests", "Invalid value at 'requests'")),
        };
        let known = [
            "includeSpreadsheetInResponse",
            "responseRanges",
            "responseIncludeGridData",
        ];
        if let Some(name) = body.keys().find(|name| !known.contains(&name.as_str())) {
            let text = format!("Invalid JSON payload received. Unknown name \"{name}\": Cannot find field.");
            return Err(ApiError::bad_json("", text));
        }
        let flag = |name: &str| body.get(name).and_then(Value::as_bool).unwrap_or(false);
        let (replies, book) = document.write(|book| batch::apply(book, editor, requests))?;
        let mut reply = json!({"spreadsheetId": book.id, "replies": replies});
        if flag("includeSpreadsheetInResponse") {
            let ranges = body
                .get("responseRanges")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            let ranges = ranges.filter_map(Value::as_str).map(|range| a1::resolve(&book, range));
            let updated = self.mask.as_ref().and_then(|mask| mask.of("updatedSpreadsheet"));
            let view = View {
                masked: updated.is_some(),
                mask: updated.unwrap_or_default(),
                include_grid_data: flag("responseIncludeGridData"),
                ranges: ranges.collect::<ApiResult<_>>()?,
                editor,
            };
            reply["updatedSpreadsheet"] = view.show(&book).map_err(ApiError::invalid)?;
        }
        Ok(reply)
    }

    fn values_batch_get(&self, book: &Spreadsheet) -> ApiResult<Value> {
        let render = self.render()?;
        let evaluator = eval::Evaluator::new(book);
        let mut ranges = Vec::new();
        for range in self.query.all("ranges") {
            let (position, open) = a1::resolve(book, range)?;
            ranges.push(values::read(&evaluator, book, position, open, render)?);
        }
        Ok(json!({"spreadsheetId": book.id, "valueRanges": ranges}))
    }

    fn values_batch_update(&self, document: &Document, editor: &Editor) -> ApiResult<Value> {
        let user_entered = values::is_user_entered(self.body.get("valueInputOption").and_then(Value::as_str))?;
        let data = list(&self.body, "data");
        let (updates, book) = document.write(|book| {
            let mut updates = Vec::new();
            for (at, data) in data.iter().enumerate() {
                let body = values::Body::parse(data, &format!("data[{at}]"))?;
                let range = data.get("range").and_then(Value::as_str).unwrap_or_default();
                updates.push(values::update(book, editor, range, &body, user_entered)?);
            }
            Ok(updates)
        })?;
        Ok(values::totals(&book, &updates))
    }

    /// The A1 ranges that a data filter stands for.
    fn a1_of_filter(book: &Spreadsheet, filter: &Value) -> ApiResult<Vec<String>> {
        let mut ranges = Vec::new();
        for filter in metadata::parse_filters(std::slice::from_ref(filter))? {
            for (position, open) in metadata::ranges_of_filter(book, &filter)? {
                let sheet = &book.sheets[position];
                let rect = open.within(sheet).map_err(ApiError::invalid)?;
                ranges.push(a1::Open::from(rect).a1_of(sheet));
            }
        }
        Ok(ranges)
    }

    fn values_update_by_filter(&self, document: &Document, editor: &Editor) -> ApiResult<Value> {
        let user_entered = values::is_user_entered(self.body.get("valueInputOption").and_then(Value::as_str))?;
        let data = list(&self.body, "data");
        let (updates, book) = document.write(|book| {
            let mut updates = Vec::new();
            for (at, data) in data.iter().enumerate() {
                let filter = &data["dataFilter"];
                let mut data = data.clone();
                if let Value::Object(data) = &mut data {
                    data.remove("dataFilter");
                }
                let body = values::Body::parse(&data, &format!("data[{at}]"))?;
                for range in Self::a1_of_filter(book, filter)? {
                    let updated = values::update(book, editor, &range, &body, user_entered)?;
                    updates.push((updated, filter.clone()));
                }
            }
            Ok(updates)
        })?;
        let (updates, filters): (Vec<_>, Vec<_>) = updates.into_iter().unzip();
        let mut totals = values::totals(&book, &updates);
        for (response, filter) in totals["responses"].as_array_mut().into_iter().flatten().zip(filters) {
            response["dataFilter"] = filter;
        }
        Ok(totals)
    }

    fn values_clear_by_filter(&self, document: &Document, editor: &Editor) -> ApiResult<Value> {
        let filters = list(&self.body, "dataFilters");
        let (cleared, book) = document.write(|book| {
            let mut cleared = Vec::new();
            for filter in filters {
                for range in Self::a1_of_filter(book, filter)? {
                    cleared.push(values::clear(book, editor, &range)?["clearedRange"].take());
                }
            }
            Ok(cleared)
        })?;
        Ok(json!({"spreadsheetId": book.id, "clearedRanges": cleared}))
    }

    /// A new spreadsheet is its maker's; sheets that are given take the place of the first one.
    fn create(&self, store: &Store, email: &str) -> ApiResult<Value> {
        let id = format!("1New{:032x}{:08x}", rand::random::<u128>(), rand::random::<u32>());
        let title = self.body.pointer("/properties/title").and_then(Value::as_str);
        let mut book = Spreadsheet::fresh(id, title.unwrap_or("Untitled spreadsheet"));
        let editor = Editor::Account(email.to_owned());
        let mut requests = Vec::new();
        if let Some(properties) = self.body.get("properties") {
            let given = ["locale", "timeZone", "autoRecalc"];
            let fields: Vec<&str> = given
                .into_iter()
                .filter(|name| properties.get(name).is_some())
                .collect();
            if !fields.is_empty() {
                requests.push(
                    json!({"updateSpreadsheetProperties": {"properties": properties, "fields": fields.join(",")}}),
                );
            }
        }
        let sheets = list(&self.body, "sheets");
        if !sheets.is_empty() {
            // out of the way of ids and titles that are given
            let first = std::sync::Arc::make_mut(&mut book.sheets[0]);
            (first.id, first.title) = (-1, "\u{0}".into());
            requests.extend(
                sheets
                    .iter()
                    .map(|sheet| json!({"addSheet": {"properties": sheet["properties"]}})),
            );
        }
        if !requests.is_empty() {
            batch::apply(&mut book, &editor, requests)?;
        }
        book.sheets.retain(|sheet| sheet.id >= 0);
        let shown = View {
            mask: Mask::all(),
            masked: false,
            include_grid_data: false,
            ranges: Vec::new(),
            editor: &editor,
        }
        .show(&book)
        .map_err(ApiError::invalid)?;
        store.insert(Document::new(book, [(email.to_owned(), Role::Writer)].into()));
        Ok(self.masked(shown))
    }

    fn copy_sheet(&self, store: &Store, (id, sheet): (&str, i64), email: &str) -> ApiResult<Value> {
        let source = store.open(id, email, false)?;
        let target = self.body.get("destinationSpreadsheetId").and_then(Value::as_str);
        let target = store.open(target.unwrap_or_default(), email, true)?;
        let State { book, .. } = source.state();
        let original = book
            .sheet(sheet)
            .ok_or_else(|| ApiError::invalid(model::no_grid(sheet)))?;
        let (properties, _) = target.write(|book| batch::copy_in(book, original).map_err(ApiError::invalid))?;
        Ok(self.masked(properties))
    }

    fn masked(&self, reply: Value) -> Value {
        match &self.mask {
            Some(mask) => mask.project(reply),
            None => reply,
        }
    }

    fn values_batch_clear(&self, document: &Document, editor: &Editor) -> ApiResult<Value> {
        let ranges = list(&self.body, "ranges");
        let (cleared, book) = document.write(|book| {
            let clear = |range: &Value| values::clear(book, editor, range.as_str().unwrap_or_default());
            let cleared: Vec<Value> = ranges.iter().map(clear).collect::<ApiResult<_>>()?;
            Ok(cleared
                .iter()
                .map(|cleared| cleared["clearedRange"].clone())
                .collect::<Vec<_>>())
        })?;
        Ok(json!({"spreadsheetId": book.id, "clearedRanges": cleared}))
    }
}

/// The items of a list in a body; none if it is not there.
fn list<'a>(body: &'a Value, name: &str) -> &'a [Value] {
    body.get(name)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

fn from_body<T: serde::de::DeserializeOwned>(body: Value) -> ApiResult<T> {
    serde_json::from_value(body).map_err(|error| ApiError::invalid(format!("Invalid JSON payload received. {error}")))
}

/// Refuses a mask that names what the call's answer cannot have.
fn check_mask(call: &Call, mask: &Mask) -> ApiResult<()> {
    match call {
        Call::Get | Call::GetByDataFilter => schema::check_mask::<api::Spreadsheet>(mask),
        Call::BatchUpdate => schema::check_mask::<api::BatchUpdateSpreadsheetResponse>(mask),
        Call::ValuesGet(_) => schema::check_mask::<api::ValueRange>(mask),
        Call::ValuesBatchGet => schema::check_mask::<api::BatchGetValuesResponse>(mask),
        Call::ValuesBatchGetByDataFilter => schema::check_mask::<api::BatchGetValuesByDataFilterResponse>(mask),
        Call::ValuesUpdate(_) => schema::check_mask::<api::UpdateValuesResponse>(mask),
        Call::ValuesAppend(_) => schema::check_mask::<api::AppendValuesResponse>(mask),
        Call::ValuesClear(_) => schema::check_mask::<api::ClearValuesResponse>(mask),
        Call::ValuesBatchUpdate => schema::check_mask::<api::BatchUpdateValuesResponse>(mask),
        Call::ValuesBatchClear => schema::check_mask::<api::BatchClearValuesResponse>(mask),
        Call::ValuesBatchUpdateByDataFilter => schema::check_mask::<api::BatchUpdateValuesByDataFilterResponse>(mask),
        Call::ValuesBatchClearByDataFilter => schema::check_mask::<api::BatchClearValuesByDataFilterResponse>(mask),
        Call::CopySheet(_) => schema::check_mask::<api::SheetProperties>(mask),
        Call::Create => schema::check_mask::<api::Spreadsheet>(mask),
        Call::SearchMetadata => schema::check_mask::<api::SearchDeveloperMetadataResponse>(mask),
        Call::GetMetadata(_) => schema::check_mask::<api::DeveloperMetadata>(mask),
    }
}

/// The shared parts of the simulator that the routes need.
#[derive(Debug, Clone)]
pub struct Service {
    pub store: Arc<Store>,
    pub tokens: Arc<TokenEndpoint>,
    pub pace: Arc<Pace>,
}

/// The state of a spreadsheet as `/_sheets/ID.json` shows it.
pub fn state_json(store: &Store, id: &str) -> Option<Value> {
    let document = store.find(id).ok()?;
    Some(dump::dump(
        &document.state(),
        &document.sharing(),
        dump::Window::default(),
    ))
}
