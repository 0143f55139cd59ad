//! Google's token endpoint for service accounts: a signed assertion in, a bearer token out.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use jiff::Timestamp;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use serde_json::json;

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const UNREASONABLE: &str = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. \
                            Check your iat and exp values in the JWT claim.";
/// Most seconds from iat to exp.
const MAX_LIFE: i64 = 3600;
/// Base64url with or without padding: client libraries write both.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Addresses that Google's own endpoint answers to: some client libraries name one of them whatever the key file says.
const GOOGLES_AUDIENCES: [&str; 3] = [
    "https://oauth2.googleapis.com/token",
    "https://accounts.google.com/o/oauth2/token",
    "https://www.googleapis.com/oauth2/v4/token",
];

/// A service account that may ask for tokens.
#[derive(Debug)]
pub struct Account {
    pub email: String,
    /// PKCS#1 DER of the public key.
    pub public_key: Vec<u8>,
}

/// What can be set while the simulator runs: `PATCH /_settings` changes what is given, `PUT /_settings` gives the rest
/// its default again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// Life of tokens issued from now on.
    pub token_lifetime_seconds: i64,
    /// How far this clock is ahead of the real one; shows in `Date` headers and in the check of assertions.
    pub clock_offset_seconds: i64,
    /// How far ahead of this clock an assertion may claim to be made.
    pub clock_tolerance_seconds: i64,
    /// Reads, and writes, of one account in any minute; above: 429. Google's figure is 60. `null` = no limit.
    pub quota_per_minute: Option<u32>,
    /// Address of this endpoint when something stands in front of it, such as TLS.
    pub audience: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            token_lifetime_seconds: 3599,
            clock_offset_seconds: 0,
            clock_tolerance_seconds: 300,
            quota_per_minute: None,
            audience: None,
        }
    }
}

/// Whom a token speaks for, and what for.
#[derive(Debug, Clone)]
pub struct Grant {
    pub email: String,
    pub scopes: Vec<String>,
    expires: Timestamp,
}

impl Grant {
    /// Whether the scopes reach Sheets, to write or only to read.
    pub fn reaches_sheets(&self, write: bool) -> bool {
        self.scopes
            .iter()
            .any(|scope| match scope.strip_prefix("https://www.googleapis.com/auth/") {
                Some("spreadsheets" | "drive" | "drive.file") => true,
                Some("spreadsheets.readonly" | "drive.readonly") => !write,
                _ => false,
            })
    }
}

/// The endpoint's accounts and the tokens it issued.
#[derive(Debug)]
pub struct TokenEndpoint {
    accounts: Vec<Account>,
    /// Its own address, as key files name it in token_uri: the audience it accepts, beside Google's.
    audience: String,
    tokens: Mutex<HashMap<String, Grant>>,
    settings: Mutex<Settings>,
}

/// An OAuth error body.
#[derive(Debug, PartialEq)]
struct Refusal {
    status: StatusCode,
    error: &'static str,
    description: String,
}

fn refusal(error: &'static str, description: impl Into<String>) -> Refusal {
    Refusal {
        status: StatusCode::BAD_REQUEST,
        error,
        description: description.into(),
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self {
            status,
            error,
            description,
        } = self;
        (status, Json(json!({"error": error, "error_description": description}))).into_response()
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    #[serde(default)]
    scope: String,
    iat: i64,
    exp: i64,
}

impl TokenEndpoint {
    pub fn new(accounts: Vec<Account>, audience: String) -> Self {
        Self {
            accounts,
            audience,
            tokens: Mutex::default(),
            settings: Mutex::default(),
        }
    }

    pub fn settings(&self) -> Settings {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set(&self, settings: Settings) {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    /// Every token issued so far stops working.
    pub fn revoke_all(&self) {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::now() + jiff::SignedDuration::from_secs(self.settings().clock_offset_seconds)
    }

    /// The grant behind a bearer token that is still good.
    pub fn grant(&self, token: &str) -> Option<Grant> {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.get(token).filter(|grant| grant.expires > self.now()).cloned()
    }

    /// Answers a POST of the form.
    pub fn answer(&self, form: &[u8]) -> Response {
        let now = self.now();
        let date = [(header::DATE, http_date(now))];
        match self.issue(form, now) {
            Ok(token) => (date, Json(token)).into_response(),
            Err(refusal) => (date, refusal).into_response(),
        }
    }

    fn issue(&self, form: &[u8], now: Timestamp) -> Result<serde_json::Value, Refusal> {
        let fields: HashMap<_, _> = url::form_urlencoded::parse(form).collect();
        match fields.get("grant_type").map(AsRef::as_ref) {
            Some(JWT_BEARER) => {}
            Some(other) => {
                return Err(refusal(
                    "unsupported_grant_type",
                    format!("Invalid grant_type: {other}"),
                ));
            }
            None => return Err(refusal("invalid_request", "Required parameter is missing: grant_type")),
        }
        let assertion = fields
            .get("assertion")
            .ok_or_else(|| refusal("invalid_request", "Bad Request"))?;
        let Claims { iss, scope, .. } = self.verified(assertion, now)?;
        let lifetime = self.settings().token_lifetime_seconds;
        let token = format!("ya29.simulated.{:032x}", rand::random::<u128>());
        let grant = Grant {
            email: iss,
            scopes: scope.split_whitespace().map(str::to_owned).collect(),
            expires: now + jiff::SignedDuration::from_secs(lifetime),
        };
        self.tokens
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(token.clone(), grant);
        Ok(json!({"access_token": token, "expires_in": lifetime, "token_type": "Bearer"}))
    }

    /// Checks an assertion as Google does: form, account, signature, audience, times, scope.
    fn verified(&self, assertion: &str, now: Timestamp) -> Result<Claims, Refusal> {
        let malformed = || refusal("invalid_grant", "Invalid JWT: Failed to parse the assertion.");
        let mut parts = assertion.rsplitn(2, '.');
        let (signature, signed) = (parts.next().ok_or_else(malformed)?, parts.next().ok_or_else(malformed)?);
        let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
        let decode = |text: &str| BASE64.decode(text).map_err(|_| malformed());
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| malformed())?;
        let claims: Claims = serde_json::from_slice(&decode(claims)?).map_err(|_| malformed())?;
        if header.alg != "RS256" {
            return Err(refusal(
                "invalid_grant",
                format!("Invalid JWT: Unsupported algorithm {}.", header.alg),
            ));
        }
        let account = self.accounts.iter().find(|account| account.email == claims.iss);
        let account = account.ok_or_else(|| refusal("invalid_grant", "Invalid grant: account not found"))?;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &account.public_key)
            .verify(signed.as_bytes(), &decode(signature)?)
            .map_err(|_| refusal("invalid_grant", "Invalid JWT Signature."))?;
        let audience = self.settings().audience.unwrap_or_else(|| self.audience.clone());
        if claims.aud != audience && !GOOGLES_AUDIENCES.contains(&claims.aud.as_str()) {
            let text = format!("Invalid JWT: Failed audience check. The right audience is {audience}");
            return Err(refusal("invalid_grant", text));
        }
        let now = now.as_second();
        let in_time = claims.exp > now
            && claims.exp - claims.iat <= MAX_LIFE
            && claims.iat <= now + self.settings().clock_tolerance_seconds;
        if !in_time {
            return Err(refusal("invalid_grant", UNREASONABLE));
        }
        if claims.scope.trim().is_empty() {
            return Err(refusal(
                "invalid_scope",
                "Invalid OAuth scope or ID token audience provided.",
            ));
        }
        Ok(claims)
    }
}

/// As HTTP headers write instants.
pub fn http_date(now: Timestamp) -> String {
    now.to_zoned(jiff::tz::TimeZone::UTC)
        .strftime("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}
