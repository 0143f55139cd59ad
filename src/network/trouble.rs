//! What it means that a connection came to nothing: which of proxy, certificate and address is to blame, and what to do.

use std::{error::Error, io};

use hyper_util::client::legacy::connect::{HttpConnector, proxy::Tunnel};
use rustls::CertificateError;
use tower::Service;
use url::Url;

use super::{proxy::Route, trust::Trust, trust::VARIABLE};
use crate::failure::{Failure, reason};

/// Either client's own name for what went wrong between it and a proxy.
type TunnelError<C> = <Tunnel<C> as Service<hyper::Uri>>::Error;

/// Why an address was not reached, as the rest of "Wedof cannot be reached: …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub text: String,
    /// The reason of something that only a person can change; None if it may pass.
    lasting: Option<&'static str>,
}

impl Trouble {
    pub fn may_pass(&self) -> bool {
        self.lasting.is_none()
    }

    /// The failure that it makes, of this reason if it may pass.
    pub fn failure(&self, reason: &'static str, message: String) -> Failure {
        match self.lasting {
            Some(reason) => Failure::person(reason, message),
            None => Failure::later(reason, message),
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

pub(super) fn explain(url: &Url, route: Route<'_>, trust: &Trust, error: &(dyn Error + 'static)) -> Trouble {
    let host = url.host_str().unwrap_or_default();
    if let Some(certificate) = find(error, |error| match error {
        rustls::Error::InvalidCertificate(error) => Some(error.clone()),
        _ => None,
    }) {
        return untrusted(host, route, trust, &certificate);
    }
    let Route::Through(proxy) = route else {
        return may_pass(causes(error));
    };
    let refusal = find(error, |error: &TunnelError<HttpConnector>| {
        Some(match error {
            TunnelError::<HttpConnector>::ProxyAuthRequired => Refusal::Login,
            TunnelError::<HttpConnector>::ConnectFailed(_) => Refusal::Unreachable,
            _ => Refusal::Other,
        })
    });
    let variable = proxy.variable();
    match refusal {
        Some(Refusal::Login) if proxy.has_login() => Trouble {
            text: format!("the proxy {proxy} refuses the user and password in {variable} (407): correct them there"),
            lasting: Some(reason::PROXY_REFUSED),
        },
        Some(Refusal::Login) => Trouble {
            text: format!(
                "the proxy {proxy} wants a user and a password (407): at a terminal they can be given in {variable}, as in \
                 http://user:password@proxy.example:3128; on a cluster ask for a proxy that knows its pods by their address"
            ),
            lasting: Some(reason::PROXY_REFUSED),
        },
        Some(Refusal::Unreachable) => may_pass(format!(
            "the proxy {proxy} cannot be reached: {}; check {variable}, or name {host} in NO_PROXY to go without",
            last_cause(error)
        )),
        Some(Refusal::Other) => may_pass(format!(
            "the proxy {proxy} does not connect to {host}: its rules must allow it, or NO_PROXY must name it"
        )),
        None => may_pass(format!("{} (through the proxy {proxy})", causes(error))),
    }
}

enum Refusal {
    Login,
    Unreachable,
    Other,
}

fn may_pass(text: String) -> Trouble {
    Trouble { text, lasting: None }
}

fn untrusted(host: &str, route: Route<'_>, trust: &Trust, error: &CertificateError) -> Trouble {
    let through = match route {
        Route::Direct => String::new(),
        Route::Through(proxy) => format!(" (through the proxy {proxy})"),
    };
    // the latter: an authority that bears the name of one known here and has another key
    let unknown = matches!(error, CertificateError::UnknownIssuer | CertificateError::BadSignature);
    if !unknown {
        return Trouble {
            text: format!("the certificate shown for {host} is not valid: {error}{through}"),
            // a certificate is renewed, a clock is set
            lasting: None,
        };
    }
    let known = match trust.additional() {
        None => "if your organisation inspects TLS".to_owned(),
        Some(additional) => format!("it is none of the {additional} either; if that is not the right one"),
    };
    Trouble {
        text: format!(
            "the certificate shown for {host} is not trusted: nobody here knows who issued it{through}; {known}, put the \
             certificate of its authority (PEM, or a file's path) in {VARIABLE}"
        ),
        lasting: Some(reason::CERTIFICATE_NOT_TRUSTED),
    }
}

/// The first error of a type in a chain. Errors of input and output hide the one that they were made of from `source`.
fn find<E: Error + 'static, T>(error: &(dyn Error + 'static), read: impl Fn(&E) -> Option<T>) -> Option<T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>().and_then(&read) {
            return Some(found);
        }
        next = inner(error);
    }
    None
}

fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

/// An error with its causes; a client's own text says little.
pub fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn last_cause(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}
