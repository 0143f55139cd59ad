//! The service account: its key file, checked before any call, and tokens for it.

use std::{sync::Arc, time::Duration};

use google_sheets4::yup_oauth2::{
    self, ServiceAccountAuthenticator, ServiceAccountKey,
    authenticator::Authenticator,
    client::CustomHyperClientBuilder,
    error::{AuthErrorCode, SendError},
};
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use url::Url;

use super::client::told;
use crate::{
    failure::{Failure, reason},
    network::{Connector, Network, trouble::Trouble},
    patience::Patience,
};

const SCOPES: [&str; 1] = ["https://www.googleapis.com/auth/spreadsheets"];
/// Where Google's own key files let tokens be fetched.
const GOOGLE_TOKEN_HOSTS: [&str; 3] = ["oauth2.googleapis.com", "accounts.google.com", "www.googleapis.com"];
const TIMEOUT: Duration = Duration::from_secs(30);

/// A service account's key, valid in form. Has no `Debug`: it holds the private key.
#[derive(Clone)]
pub struct ServiceAccount {
    key: ServiceAccountKey,
    token_uri: Url,
}

impl ServiceAccount {
    /// Reads a key file. `place` names it in errors (a path, or Secret and key); `token_hosts` are allowed beside
    /// Google's own for `token_uri`; `None` allows loopback addresses (a simulator on a laptop).
    pub fn from_json(text: &str, place: &str, token_hosts: Option<&[String]>) -> Result<Self, Failure> {
        let invalid = |what: String| {
            Failure::person(
                reason::SECRET_INVALID,
                format!(
                    "{place} {what}; needed is the JSON key of a service account: Google Cloud console > IAM > Service accounts > Keys > Add key > JSON"
                ),
            )
        };
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            return Err(invalid("is empty".into()));
        }
        if text.starts_with("AIza") {
            return Err(invalid("is an API key".into()));
        }
        let value: Value = serde_json::from_str(text).map_err(|error| {
            invalid(format!(
                "is not JSON (line {}, column {})",
                error.line(),
                error.column()
            ))
        })?;
        if value.get("installed").is_some() || value.get("web").is_some() {
            return Err(invalid("is an OAuth client file".into()));
        }
        match value.get("type").and_then(Value::as_str) {
            Some("service_account") => {}
            Some("authorized_user") => return Err(invalid("is an authorized_user file (a person's login)".into())),
            Some("external_account") => return Err(invalid("is an external_account file".into())),
            _ => {
                return Err(invalid(
                    "is JSON of another kind: it has no \"type\": \"service_account\"".into(),
                ));
            }
        }
        for field in ["client_email", "private_key", "token_uri"] {
            if value.get(field).and_then(Value::as_str).is_none_or(str::is_empty) {
                return Err(invalid(format!("has no {field}")));
            }
        }
        let key: ServiceAccountKey =
            serde_json::from_value(value).map_err(|_| invalid("has a field of the wrong type".into()))?;
        let token_uri = check_token_uri(&key.token_uri, token_hosts)
            .map_err(|what| Failure::person(reason::SECRET_INVALID, format!("{place}: {what}")))?;
        Ok(Self { key, token_uri })
    }

    /// Whom the spreadsheet has to be shared with.
    pub fn email(&self) -> &str {
        &self.key.client_email
    }

    /// Where tokens are asked for.
    pub fn token_uri(&self) -> &Url {
        &self.token_uri
    }

    pub(super) async fn tokens(&self, network: &Network, place: &str, patience: Patience) -> Result<Tokens, Failure> {
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(network.connector());
        let client = CustomHyperClientBuilder::from(http);
        let built = ServiceAccountAuthenticator::with_client(self.key.clone(), client)
            .build()
            .await;
        let authenticator = built.map_err(|_| {
            // the error may quote the key
            Failure::person(
                reason::SECRET_INVALID,
                format!("{place}: its private_key cannot be read: make a new JSON key of the service account and put it there"),
            )
        })?;
        Ok(Tokens {
            authenticator: Arc::new(authenticator),
            timeout: patience.answer(TIMEOUT),
            network: network.clone(),
            uri: self.token_uri.clone(),
        })
    }
}

fn check_token_uri(text: &str, token_hosts: Option<&[String]>) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| "token_uri is not a URL".to_owned())?;
    let host = url.host_str().unwrap_or_default();
    let loopback = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    let known = (GOOGLE_TOKEN_HOSTS.contains(&host) && url.scheme() == "https")
        || match token_hosts {
            Some(hosts) => hosts.iter().any(|allowed| allowed == host),
            None => loopback,
        };
    if known {
        Ok(url)
    } else {
        Err(format!(
            "token_uri names the host {host}, which is not Google's and not allowed"
        ))
    }
}

/// Access tokens, renewed before they expire.
#[derive(Clone)]
pub(super) struct Tokens {
    authenticator: Arc<Authenticator<Connector>>,
    timeout: Duration,
    network: Network,
    uri: Url,
}

/// Why no token was had.
#[derive(Debug)]
pub(super) enum TokenError {
    /// Google's words, without anything of the request.
    Refused { error: String, description: String },
    /// The endpoint could not be reached.
    Unreachable(Trouble),
    /// It did not answer as one does.
    Unclear(String),
}

impl Tokens {
    /// A token; `fresh` asks for a new one although the old one should still be good.
    pub async fn get(&self, fresh: bool) -> Result<String, TokenError> {
        let token = async {
            if fresh {
                self.authenticator.force_refreshed_token(&SCOPES).await
            } else {
                self.authenticator.token(&SCOPES).await
            }
        };
        let answer = tokio::time::timeout(self.timeout, token)
            .await
            .map_err(|_| TokenError::Unclear("no answer in time".into()))?;
        match answer {
            Ok(token) => match token.token() {
                Some(text) => Ok(text.to_owned()),
                // an error body that is no OAuth error is cached as a token without text, for ever: never use it
                None if !fresh => Box::pin(self.get(true)).await,
                None => Err(TokenError::Unclear("the answer held no token".into())),
            },
            // such as internal_failure: its own trouble, not the key's
            Err(yup_oauth2::Error::AuthError(error)) if may_pass(&error.error) => Err(TokenError::Unclear(format!(
                "it answers {}",
                told(error.error.as_str())
            ))),
            Err(yup_oauth2::Error::AuthError(error)) => Err(TokenError::Refused {
                error: told(error.error.as_str()),
                description: told(&error.error_description.unwrap_or_default()),
            }),
            Err(yup_oauth2::Error::JSONError(_)) => Err(TokenError::Unclear("the answer was not JSON".into())),
            Err(yup_oauth2::Error::MissingAccessToken) => Err(TokenError::Unclear("the answer held no token".into())),
            Err(yup_oauth2::Error::HttpClientError(SendError::Hyper(error))) => {
                Err(TokenError::Unreachable(self.network.trouble(&self.uri, &error)))
            }
            Err(_) => Err(TokenError::Unclear("the connection failed".into())),
        }
    }
}

/// OAuth's own reasons are about the key and the account, and so are these of Google's.
fn may_pass(code: &AuthErrorCode) -> bool {
    const LASTING: [&str; 4] = [
        "admin_policy_enforced",
        "deleted_client",
        "disabled_client",
        "org_internal",
    ];
    matches!(code, AuthErrorCode::Other(code) if !LASTING.contains(&code.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        match ServiceAccount::from_json(text, "Secret google, key credentials.json", None) {
            Ok(_) => panic!("accepted: {text}"),
            Err(failure) => failure.message,
        }
    }

    #[test]
    fn another_kind_of_key_file_is_named_and_the_right_one_described() {
        for (text, kind) in [
            ("", "is empty"),
            ("AIzaSyExample", "an API key"),
            (r#"{"installed":{"client_id":"x"}}"#, "an OAuth client file"),
            (r#"{"web":{}}"#, "an OAuth client file"),
            (r#"{"type":"authorized_user"}"#, "authorized_user"),
            (
                r#"{"type":"service_account","private_key":"x","token_uri":"https://oauth2.googleapis.com/token"}"#,
                "no client_email",
            ),
            ("{", "not JSON (line 1"),
        ] {
            let message = refused(text);
            assert!(
                message.contains(kind) && message.contains("Secret google, key credentials.json"),
                "{message}"
            );
            assert!(message.contains("service account"), "{message}");
        }
    }

    #[test]
    fn a_token_uri_elsewhere_is_refused_unless_it_is_allowed() {
        let hosts = ["simulator.example.svc".to_owned()];
        assert!(check_token_uri("https://oauth2.googleapis.com/token", Some(&hosts)).is_ok());
        assert!(check_token_uri("http://simulator.example.svc:8081/token", Some(&hosts)).is_ok());
        assert!(check_token_uri("http://127.0.0.1:9/token", None).is_ok());
        assert!(check_token_uri("http://127.0.0.1:9/token", Some(&hosts)).is_err());
        assert!(check_token_uri("https://evil.example/token", None).is_err());
        assert!(
            check_token_uri("http://oauth2.googleapis.com/token", None).is_err(),
            "Google is asked over TLS only"
        );
    }

    #[test]
    fn a_byte_order_mark_before_the_key_file_does_no_harm() {
        let text = "\u{feff}{\"type\":\"service_account\",\"client_email\":\"a@b\",\"private_key\":\"k\",\"token_uri\":\"https://oauth2.googleapis.com/token\"}\r\n";
        assert_eq!(
            ServiceAccount::from_json(text, "x", None)
                .map(|account| account.email().to_owned())
                .unwrap(),
            "a@b"
        );
    }
}
