//! Google's error bodies: `{"error": {code, message, status, details?}}`, indented, with a line feed at the end.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// An answer other than 200.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    code: StatusCode,
    status: &'static str,
    message: String,
    details: Option<Value>,
}

pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    fn new(code: StatusCode, status: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            status,
            message: message.into(),
            details: None,
        }
    }

    /// 400 INVALID_ARGUMENT: what the request asks for cannot be done.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", message)
    }

    /// 400 with the violation listed in `details`, as for JSON that does not fit the message type.
    pub fn bad_json(field: &str, description: impl Into<String>) -> Self {
        let description = description.into();
        Self::invalid(description.clone()).with_violation(field, &description)
    }

    /// 400 for a `fields` parameter that names an unknown path: the cause is only in `details`.
    pub fn bad_fields(path: &str) -> Self {
        Self::invalid("Request contains an invalid argument.").with_violation(
            path,
            &format!("Error expanding 'fields' parameter. Cannot find matching fields for path '{path}'."),
        )
    }

    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "Requested entity was not found.")
    }

    pub fn forbidden() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "PERMISSION_DENIED",
            "The caller does not have permission",
        )
    }

    /// An uploaded .xlsx has an ID like a spreadsheet and is none.
    pub fn office_file() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "FAILED_PRECONDITION",
            "This operation is not supported for this document. The document must not be an Office file.",
        )
    }

    /// More reads or writes (`Read`, `Write`) than an account may have in a minute.
    pub fn quota(kind: &str, limit: u32) -> Self {
        let mut error = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "RESOURCE_EXHAUSTED",
            format!(
                "Quota exceeded for quota metric '{kind} requests' and limit '{kind} requests per minute per user' of \
                 service 'sheets.googleapis.com' for consumer 'project_number:123456789012'."
            ),
        );
        error.details = Some(json!([
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "RATE_LIMIT_EXCEEDED",
                "domain": "googleapis.com",
                "metadata": {
                    "quota_limit": format!("{kind}RequestsPerMinutePerUser"),
                    "quota_limit_value": limit.to_string(),
                    "quota_location": "global",
                    "quota_metric": format!("sheets.googleapis.com/{}_requests", kind.to_lowercase()),
                    "service": "sheets.googleapis.com",
                    "consumer": "projects/123456789012",
                },
            },
            {
                "@type": "type.googleapis.com/google.rpc.Help",
                "links": [{
                    "description": "Request a higher quota limit.",
                    "url": "https://cloud.google.com/docs/quota#requesting_higher_quota",
                }],
            },
        ]));
        error
    }

    /// No Authorization header at all.
    pub fn unregistered() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "PERMISSION_DENIED",
            "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or \
             other form of API consumer identity to call this API.",
        )
    }

    /// A token that was never issued, was revoked or has expired.
    pub fn unauthenticated() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "UNAUTHENTICATED",
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other \
             valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        )
    }

    /// A token whose scopes do not cover `method`, as `GetSpreadsheet`.
    pub fn scope_insufficient(method: &str) -> Self {
        let mut error = Self::new(
            StatusCode::FORBIDDEN,
            "PERMISSION_DENIED",
            "Request had insufficient authentication scopes.",
        );
        error.details = Some(json!([{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            "domain": "googleapis.com",
            "metadata": {
                "service": "sheets.googleapis.com",
                "method": format!("google.apps.sheets.v4.SpreadsheetsService.{method}"),
            },
        }]));
        error
    }

    /// Something Google can do and this simulator cannot: said plainly, never imitated halfway.
    pub fn not_simulated(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            "UNIMPLEMENTED",
            format!("the simulator does not know {what}"),
        )
    }

    pub fn message(&self) -> &str {
        &self.message
    }

    fn with_violation(mut self, field: &str, description: &str) -> Self {
        self.details = Some(json!([{
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{"field": field, "description": description}],
        }]));
        self
    }

    fn body(&self) -> Value {
        let mut error = json!({"code": self.code.as_u16(), "message": self.message, "status": self.status});
        if let Some(details) = &self.details {
            error["details"] = details.clone();
        }
        json!({"error": error})
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (
            self.code,
            [(header::CONTENT_TYPE, "application/json; charset=UTF-8")],
            format!("{:#}\n", self.body()),
        )
            .into_response()
    }
}
