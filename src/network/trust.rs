//! Whose certificates are trusted: the system's authorities, else those built in, and those of `WEDOF_SHEET_SYNC_CA`.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::{
    config::Environment,
    failure::{Failure, reason},
    words::counted,
};

/// Path of a file with certificates, or their text.
pub const VARIABLE: &str = "WEDOF_SHEET_SYNC_CA";

pub struct Trust {
    tls: Arc<ClientConfig>,
    additional: Option<Additional>,
}

/// What somebody added.
struct Additional {
    certificates: usize,
    /// None: the variable holds the certificates themselves.
    path: Option<String>,
}

impl Trust {
    pub fn of(environment: &Environment) -> Result<Self, Failure> {
        let mut roots = built_in()?;
        let additional = environment
            .get(VARIABLE)
            .map(|text| add(&mut roots, text))
            .transpose()?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| invalid(format!("TLS cannot be set up: {error}")))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            tls: Arc::new(tls),
            additional,
        })
    }

    pub fn tls(&self) -> Arc<ClientConfig> {
        self.tls.clone()
    }

    pub fn additional(&self) -> Option<String> {
        let Additional { certificates, path } = self.additional.as_ref()?;
        let certificates = counted(*certificates, "certificate");
        Some(match path {
            Some(path) => format!("{certificates} of {path} ({VARIABLE})"),
            None => format!("{certificates} of {VARIABLE}"),
        })
    }
}

fn invalid(message: String) -> Failure {
    Failure::person(reason::INVALID_CONFIG, message)
}

/// The authorities that this system trusts; in an image without any, Mozilla's.
fn built_in() -> Result<RootCertStore, Failure> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        // certificates that somebody chose are not replaced in silence
        let chosen = ["SSL_CERT_FILE", "SSL_CERT_DIR"];
        if let Some(name) = chosen.into_iter().find(|name| std::env::var_os(name).is_some()) {
            let why = found
                .errors
                .first()
                .map(|error| format!(": {error}"))
                .unwrap_or_default();
            return Err(invalid(format!("no certificate can be read from {name}{why}")));
        }
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    Ok(roots)
}

/// Adds what the variable gives.
fn add(roots: &mut RootCertStore, text: &str) -> Result<Additional, Failure> {
    let path = (!text.contains("-----BEGIN")).then(|| text.to_owned());
    let (pem, place) = match &path {
        None => (text.as_bytes().to_vec(), VARIABLE.to_owned()),
        Some(path) => {
            let pem = std::fs::read(path)
                .map_err(|error| invalid(format!("{VARIABLE}: cannot read the file {path}: {error}")))?;
            (pem, format!("{VARIABLE}, file {path}"))
        }
    };
    let certificates = certificates(&pem).map_err(|what| invalid(format!("{place}: {what}")))?;
    let additional = Additional {
        certificates: certificates.len(),
        path,
    };
    roots.add_parsable_certificates(certificates);
    Ok(additional)
}

/// The certificates in a PEM text, each of them readable; at least one. The error quotes nothing.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    const FORM: &str = "needed is PEM text: -----BEGIN CERTIFICATE----- and so on, one after the other";
    let mut certificates = Vec::new();
    for (at, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
        let number = at + 1;
        let certificate = certificate.map_err(|_| format!("certificate number {number} is cut or damaged; {FORM}"))?;
        RootCertStore::empty()
            .add(certificate.clone())
            .map_err(|_| format!("certificate number {number} is none that an authority can have; {FORM}"))?;
        certificates.push(certificate);
    }
    match certificates.is_empty() {
        true if pem.windows(12).any(|text| text == b" PRIVATE KEY") => {
            Err(format!("it holds a private key and no certificate; {FORM}"))
        }
        true => Err(format!("it holds no certificate; {FORM}")),
        false => Ok(certificates),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem() -> String {
        let key = rcgen::KeyPair::generate().unwrap();
        rcgen::CertificateParams::new(vec!["acme.example".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap()
            .pem()
    }

    fn of(text: &str) -> Result<Option<String>, String> {
        let trust = Trust::of(&Environment::from([(VARIABLE, text)]));
        trust.map(|trust| trust.additional()).map_err(|failure| failure.message)
    }

    #[test]
    fn certificates_are_given_by_a_path_or_as_they_are() {
        let (one, two) = (pem(), pem() + &pem());
        assert_eq!(of(&one).unwrap().unwrap(), "1 certificate of WEDOF_SHEET_SYNC_CA");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), two).unwrap();
        let path = file.path().display().to_string();
        assert_eq!(
            of(&path).unwrap().unwrap(),
            format!("2 certificates of {path} (WEDOF_SHEET_SYNC_CA)")
        );
    }

    #[test]
    fn what_is_no_certificate_is_told_with_its_place() {
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let whole = pem();
        let cut = whole.split_at(whole.len() / 2).0;
        for (text, says) in [
            ("/no/such/file.pem", "cannot read the file /no/such/file.pem"),
            (key.as_str(), "a private key and no certificate"),
            (cut, "certificate number 1 is cut or damaged"),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
                "certificate number 1 is none",
            ),
            (
                "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----",
                "certificate number 1 is cut or damaged",
            ),
        ] {
            let error = of(text).unwrap_err();
            assert!(error.starts_with(VARIABLE) && error.contains(says), "{error}");
        }
        assert!(!of(&key).unwrap_err().contains("MC4"), "a key is never quoted");
    }
}
