//! What belongs to one tenant: keys and ids that follow from its seed, and its service account.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rsa::{
    PrivateKey,
    pkcs1::EncodeRsaPublicKey,
    pkcs8::{EncodePrivateKey, LineEnding},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::server::StartError;

/// One customer of the simulated services.
#[derive(Clone)]
pub struct Tenant {
    pub api_key: String,
    pub spreadsheet_id: String,
    /// E-mail of the service account.
    pub email: String,
    /// Text of the service account's key file.
    pub credentials: String,
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // a simulated key is no secret, but Debug output of keys is a bad habit
        f.debug_struct("Tenant")
            .field("spreadsheet_id", &self.spreadsheet_id)
            .field("email", &self.email)
            .finish_non_exhaustive()
    }
}

/// A tenant and the public half of its service account's key, as PKCS#1 DER.
pub struct Made {
    pub tenant: Tenant,
    pub public_key: Vec<u8>,
}

pub fn make(seed: u64, number: usize, token_uri: &str) -> Result<Made, StartError> {
    let key = rsa_key(number)?;
    let email = format!("sync-{seed}@simulated.iam.gserviceaccount.example.org");
    let pem = key
        .to_pkcs8_pem(LineEnding::LF)
        .map_err(|error| StartError::Key(error.to_string()))?;
    let public_key = key
        .to_public_key()
        .to_pkcs1_der()
        .map_err(|error| StartError::Key(error.to_string()))?;
    let credentials = json!({
        "type": "service_account",
        "project_id": "simulated",
        "private_key_id": derived(seed, "key id", 40),
        "private_key": pem.as_str(),
        "client_email": email,
        "client_id": format!("1{seed:020}"),
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": token_uri,
        "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
        "universe_domain": "googleapis.com",
    });
    Ok(Made {
        tenant: Tenant {
            api_key: derived(seed, "wedof key", 40),
            spreadsheet_id: format!("1Sim{}", derived(seed, "spreadsheet", 40)),
            email,
            credentials: format!("{credentials:#}\n"),
        },
        public_key: public_key.as_bytes().to_vec(),
    })
}

/// Hexadecimal digits that follow from a seed and a purpose.
fn derived(seed: u64, purpose: &str, length: usize) -> String {
    let hash = Sha256::digest(format!("wedof-sheet-sync simulator {purpose} {seed}"));
    let mut text: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    text.truncate(length);
    text
}

/// The key of the n-th tenant. Made once in a process: making one takes long, and nothing asks for a new one.
fn rsa_key(number: usize) -> Result<Arc<PrivateKey>, StartError> {
    static KEYS: Mutex<Vec<Arc<PrivateKey>>> = Mutex::new(Vec::new());
    let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
    while keys.len() <= number {
        let key = PrivateKey::new(&mut rand::rng(), 2048).map_err(|error| StartError::Key(error.to_string()))?;
        keys.push(Arc::new(key));
    }
    Ok(Arc::clone(&keys[number]))
}

/// `key.json`, `key-1.json`, `key-2.json` …
pub fn numbered(first: &Path, number: usize) -> PathBuf {
    if number == 0 {
        return first.to_owned();
    }
    let stem = first.file_stem().unwrap_or_default().to_string_lossy();
    let kind = first
        .extension()
        .map(|kind| format!(".{}", kind.to_string_lossy()))
        .unwrap_or_default();
    first.with_file_name(format!("{stem}-{number}{kind}"))
}

/// Readable by its owner only, as a key file should be.
pub async fn write_key_file(path: &Path, text: &str) -> Result<(), StartError> {
    let wrong = |source| StartError::KeyFile {
        path: path.to_owned(),
        source,
    };
    let mut options = tokio::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .await
        .map_err(wrong)?;
    file.write_all(text.as_bytes()).await.map_err(wrong)?;
    file.flush().await.map_err(wrong)
}
