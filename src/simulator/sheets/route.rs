//! Which method of the API a request calls. Google puts verbs behind a colon (`ID:batchUpdate`, `A1:append`), so paths
//! are taken apart here and not by a router.

use axum::http::{Method, Uri};

use crate::simulator::{percent_decoded, requests::Quota};

#[derive(Debug, PartialEq)]
pub enum Call {
    Get,
    GetByDataFilter,
    BatchUpdate,
    ValuesGet(String),
    ValuesUpdate(String),
    ValuesAppend(String),
    ValuesClear(String),
    ValuesBatchGet,
    ValuesBatchUpdate,
    ValuesBatchClear,
    ValuesBatchGetByDataFilter,
    ValuesBatchUpdateByDataFilter,
    ValuesBatchClearByDataFilter,
    SearchMetadata,
    GetMetadata(i64),
    /// The sheet that is copied into another spreadsheet.
    CopySheet(i64),
    Create,
}

#[derive(Debug, PartialEq)]
pub struct Route {
    /// Empty for a call that makes one.
    pub spreadsheet: String,
    pub call: Call,
}

impl Route {
    /// `None` = no such path, 404.
    pub fn parse(method: &Method, path: &str) -> Option<Self> {
        let get = method == Method::GET;
        let post = method == Method::POST;
        if path == "/v4/spreadsheets" && post {
            return Some(Self {
                spreadsheet: String::new(),
                call: Call::Create,
            });
        }
        let segments: Vec<&str> = path.strip_prefix("/v4/spreadsheets/")?.split('/').collect();
        let (id, call) = match segments.as_slice() {
            [id] => match id.split_once(':') {
                Some((id, "batchUpdate")) if post => (id, Call::BatchUpdate),
                Some((id, "getByDataFilter")) if post => (id, Call::GetByDataFilter),
                None if get => (*id, Call::Get),
                _ => return None,
            },
            [id, "values:batchGet"] if get => (*id, Call::ValuesBatchGet),
            [id, "values:batchUpdate"] if post => (*id, Call::ValuesBatchUpdate),
            [id, "values:batchClear"] if post => (*id, Call::ValuesBatchClear),
            [id, "values:batchGetByDataFilter"] if post => (*id, Call::ValuesBatchGetByDataFilter),
            [id, "values:batchUpdateByDataFilter"] if post => (*id, Call::ValuesBatchUpdateByDataFilter),
            [id, "values:batchClearByDataFilter"] if post => (*id, Call::ValuesBatchClearByDataFilter),
            [id, "sheets", sheet] if post => match sheet.split_once(':')? {
                (sheet, "copyTo") => (*id, Call::CopySheet(sheet.parse().ok()?)),
                _ => return None,
            },
            [id, "values", range] if get => (*id, Call::ValuesGet(percent_decoded(range))),
            [id, "values", range] if method == Method::PUT => (*id, Call::ValuesUpdate(percent_decoded(range))),
            [id, "values", range] if post => match range.rsplit_once(':')? {
                (range, "append") => (*id, Call::ValuesAppend(percent_decoded(range))),
                (range, "clear") => (*id, Call::ValuesClear(percent_decoded(range))),
                _ => return None,
            },
            [id, "developerMetadata:search"] if post => (*id, Call::SearchMetadata),
            [id, "developerMetadata", entry] if get => (*id, Call::GetMetadata(entry.parse().ok()?)),
            _ => return None,
        };
        Some(Self {
            spreadsheet: percent_decoded(id),
            call,
        })
    }
}

impl Call {
    pub fn writes(&self) -> bool {
        match self {
            Self::BatchUpdate
            | Self::ValuesUpdate(_)
            | Self::ValuesAppend(_)
            | Self::ValuesClear(_)
            | Self::ValuesBatchUpdate
            | Self::ValuesBatchClear
            | Self::ValuesBatchUpdateByDataFilter
            | Self::ValuesBatchClearByDataFilter
            | Self::CopySheet(_)
            | Self::Create => true,
            Self::Get
            | Self::GetByDataFilter
            | Self::ValuesGet(_)
            | Self::ValuesBatchGet
            | Self::ValuesBatchGetByDataFilter
            | Self::SearchMetadata
            | Self::GetMetadata(_) => false,
        }
    }

    /// Google's name of the method in error details.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Get => "GetSpreadsheet",
            Self::GetByDataFilter => "GetSpreadsheetByDataFilter",
            Self::BatchUpdate => "BatchUpdateSpreadsheet",
            Self::ValuesGet(_) => "GetValues",
            Self::ValuesUpdate(_) => "UpdateValues",
            Self::ValuesAppend(_) => "AppendValues",
            Self::ValuesClear(_) => "ClearValues",
            Self::ValuesBatchGet => "BatchGetValues",
            Self::ValuesBatchUpdate => "BatchUpdateValues",
            Self::ValuesBatchClear => "BatchClearValues",
            Self::ValuesBatchGetByDataFilter => "BatchGetValuesByDataFilter",
            Self::ValuesBatchUpdateByDataFilter => "BatchUpdateValuesByDataFilter",
            Self::ValuesBatchClearByDataFilter => "BatchClearValuesByDataFilter",
            Self::CopySheet(_) => "CopySheet",
            Self::Create => "CreateSpreadsheet",
            Self::SearchMetadata => "SearchDeveloperMetadata",
            Self::GetMetadata(_) => "GetDeveloperMetadata",
        }
    }

    /// The method as client libraries call it.
    fn kind(&self) -> &'static str {
        match self {
            Self::Get => "spreadsheets.get",
            Self::GetByDataFilter => "spreadsheets.getByDataFilter",
            Self::BatchUpdate => "spreadsheets.batchUpdate",
            Self::ValuesGet(_) => "values.get",
            Self::ValuesUpdate(_) => "values.update",
            Self::ValuesAppend(_) => "values.append",
            Self::ValuesClear(_) => "values.clear",
            Self::ValuesBatchGet => "values.batchGet",
            Self::ValuesBatchUpdate => "values.batchUpdate",
            Self::ValuesBatchClear => "values.batchClear",
            Self::ValuesBatchGetByDataFilter => "values.batchGetByDataFilter",
            Self::ValuesBatchUpdateByDataFilter => "values.batchUpdateByDataFilter",
            Self::ValuesBatchClearByDataFilter => "values.batchClearByDataFilter",
            Self::CopySheet(_) => "sheets.copyTo",
            Self::Create => "spreadsheets.create",
            Self::SearchMetadata => "developerMetadata.search",
            Self::GetMetadata(_) => "developerMetadata.get",
        }
    }
}

/// How a request is counted: Google's name of the method, and the quota it uses.
pub fn kind(method: &Method, path: &str) -> (String, Quota) {
    match Route::parse(method, path) {
        Some(Route { call, .. }) => {
            let quota = if call.writes() { Quota::Write } else { Quota::Read };
            (call.kind().to_owned(), quota)
        }
        None if path == "/token" => ("token".to_owned(), Quota::None),
        None => ("unknown".to_owned(), Quota::None),
    }
}

/// Query parameters; `ranges` may be given many times.
#[derive(Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    pub fn parse(uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default().as_bytes();
        Self(url::form_urlencoded::parse(query).into_owned().collect())
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn one<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// With a parameter that it lacks.
    pub fn or(mut self, name: &str, value: &str) -> Self {
        if self.one(name).is_none() {
            self.0.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// `true`, `True`, `1` and their opposites.
    pub fn flag(&self, name: &str) -> Option<bool> {
        let value = self.0.iter().find(|(key, _)| key == name)?;
        Some(value.1.eq_ignore_ascii_case("true") || value.1 == "1")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(method: Method, path: &str) -> Option<Call> {
        Route::parse(&method, &format!("/v4/spreadsheets/{path}")).map(|route| route.call)
    }

    #[test]
    fn verbs_behind_a_colon_are_told_from_ranges() {
        assert_eq!(call(Method::GET, "ID"), Some(Call::Get));
        assert_eq!(call(Method::POST, "ID:batchUpdate"), Some(Call::BatchUpdate));
        assert_eq!(
            call(Method::GET, "ID/values/A1:B2"),
            Some(Call::ValuesGet("A1:B2".into()))
        );
        assert_eq!(
            call(Method::POST, "ID/values/A1:B2:append"),
            Some(Call::ValuesAppend("A1:B2".into()))
        );
        assert_eq!(
            call(Method::PUT, "ID/values/a%2Fb%21A1"),
            Some(Call::ValuesUpdate("a/b!A1".into()))
        );
        assert_eq!(
            call(Method::POST, "ID/developerMetadata:search"),
            Some(Call::SearchMetadata)
        );
    }

    #[test]
    fn a_title_with_a_bare_slash_is_no_path() {
        assert_eq!(call(Method::GET, "ID/values/a/b!A1"), None);
        assert_eq!(call(Method::POST, "ID"), None);
    }
}
