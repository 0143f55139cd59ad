//! Keys from files and mounted Secrets: trimmed, checked to be possible, never shown.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::{
    failure::{Failure, reason},
    spec::{SecretKeyRef, trim},
};

/// Secrets are mounted `optional`: a pod may start before the kubelet has seen the Secret.
pub(super) const SECRET_PATIENCE: Duration = Duration::from_secs(15);

/// A secret and where it comes from, for messages.
pub struct Credential {
    pub secret: SecretString,
    /// "Secret `wedof`, key `api-key`", "variable WEDOF_API_KEY" …
    pub place: String,
}

/// Until when files that are not there are waited for.
pub(super) fn patience(in_pod: bool) -> Instant {
    Instant::now() + if in_pod { SECRET_PATIENCE } else { Duration::ZERO }
}

/// A key file, waited for if Secrets may come late.
pub(super) async fn read_secret(
    path: &str,
    reference: Option<&SecretKeyRef>,
    until: Instant,
) -> Result<Credential, Failure> {
    let place = match reference {
        Some(SecretKeyRef { name, key }) => format!("Secret `{name}`, key `{key}`"),
        None => format!("file {path}"),
    };
    let bytes = loop {
        match tokio::fs::read(path).await {
            Ok(bytes) => break bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if Instant::now() >= until {
                    return Err(not_there(&place, reference));
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            Err(error) => {
                return Err(Failure::person(
                    reason::SECRET_INVALID,
                    format!("{place} cannot be read: {}", error.kind()),
                ));
            }
        }
    };
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::person(reason::SECRET_INVALID, format!("{place} is not text in UTF-8")))?;
    match trim(&text) {
        "" => Err(Failure::person(
            reason::SECRET_INVALID,
            format!("{place} is empty: put the key there"),
        )),
        text => Ok(Credential {
            secret: text.to_owned().into(),
            place,
        }),
    }
}

fn not_there(place: &str, reference: Option<&SecretKeyRef>) -> Failure {
    match reference {
        // the next attempt is a fresh pod, which sees a Secret made meanwhile
        Some(SecretKeyRef { name, key }) => Failure::later(
            reason::SECRET_MISSING,
            format!(
                "{place} is not there after {} s: make the Secret in this namespace (kubectl create secret generic {name} \
                 --from-file={key}=FILE); the next attempt will see it",
                SECRET_PATIENCE.as_secs()
            ),
        ),
        None => Failure::person(reason::SECRET_MISSING, format!("{place} is not there: check the path")),
    }
}

/// A key is one word: white space or control characters inside mean that something else was copied along.
pub(super) fn one_word(credential: Credential) -> Result<Credential, Failure> {
    let odd = |c: char| c.is_whitespace() || !c.is_ascii_graphic();
    if credential.secret.expose_secret().contains(odd) {
        return Err(Failure::person(
            reason::SECRET_INVALID,
            format!(
                "{} holds white space, control characters or accents inside the API key: copy the key again, alone",
                credential.place
            ),
        ));
    }
    Ok(credential)
}
