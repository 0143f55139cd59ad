//! The way of scripts, for comparison: read all pages forwards, clear the tab, write every value in one go. A process of
//! its own, so that its memory can be measured like ours.

use std::{collections::BTreeMap, error::Error, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

pub async fn clear_and_write() -> Result<(), Box<dyn Error>> {
    let get = |name: &str| std::env::var(name);
    let wedof = get("WEDOF_BASE_URL")?;
    let api_key = get("WEDOF_API_KEY")?;
    let sheets = get("GOOGLE_SHEETS_BASE_URL")?;
    let spreadsheet = get("GOOGLE_SPREADSHEET_ID")?;
    let credentials = get("GOOGLE_CREDENTIALS_PATH")?;
    let http = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(180))
        .build()?;
    let token = token(&http, &std::fs::read_to_string(credentials)?).await?;
    let mut records = Vec::new();
    for page in 1.. {
        let answer = http
            .get(format!("{wedof}/registrationFolders"))
            .query(&[("page", page), ("limit", 100)])
            .header("x-api-key", &api_key)
            .send()
            .await?
            .error_for_status()?;
        let found: Vec<Value> = answer.json().await?;
        let is_last = found.len() < 100;
        records.extend(found);
        if is_last {
            break;
        }
    }

    let flat: Vec<BTreeMap<String, Value>> = records.iter().map(flatten).collect();
    let mut columns: Vec<&String> = flat.iter().flat_map(BTreeMap::keys).collect();
    columns.sort();
    columns.dedup();
    let mut values = vec![json!(columns)];
    values.extend(
        flat.iter()
            .map(|record| columns.iter().map(|column| record.get(*column).cloned()).collect()),
    );

    let book = format!("{sheets}v4/spreadsheets/{spreadsheet}");
    let post = |url: String, body: Value| http.post(url).bearer_auth(&token).json(&body).send();
    let grid = json!({"rowCount": values.len(), "columnCount": columns.len()});
    let grow = json!({"updateSheetProperties": {
        "properties": {"sheetId": 0, "gridProperties": grid},
        "fields": "gridProperties.rowCount,gridProperties.columnCount",
    }});
    post(format!("{book}:batchUpdate"), json!({"requests": [grow]}))
        .await?
        .error_for_status()?;
    post(format!("{book}/values/Sheet1:clear"), json!({}))
        .await?
        .error_for_status()?;
    http.put(format!("{book}/values/Sheet1!A1"))
        .query(&[("valueInputOption", "RAW")])
        .bearer_auth(&token)
        .json(&json!({"values": values}))
        .send()
        .await?
        .error_for_status()?;
    Ok(())
}

/// An access token for the account of a key file.
async fn token(http: &reqwest::Client, credentials: &str) -> Result<String, Box<dyn Error>> {
    let key: Value = serde_json::from_str(credentials)?;
    let text = |name: &str| key[name].as_str().unwrap_or_default();
    let now = jiff::Timestamp::now().as_second();
    let claims = json!({
        "iss": text("client_email"),
        "aud": text("token_uri"),
        "scope": "https://www.googleapis.com/auth/spreadsheets",
        "iat": now,
        "exp": now + 3595,
    });
    let header = json!({"alg": "RS256", "typ": "JWT"});
    let signed = [header, claims]
        .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()))
        .join(".");
    let pem: String = text("private_key")
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    let der = base64::engine::general_purpose::STANDARD.decode(pem)?;
    let pair = RsaKeyPair::from_pkcs8(&der).map_err(|error| error.to_string())?;
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(
        &RSA_PKCS1_SHA256,
        &ring::rand::SystemRandom::new(),
        signed.as_bytes(),
        &mut signature,
    )
    .map_err(|_| "the key cannot sign")?;
    let assertion = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
        .append_pair("assertion", &assertion)
        .finish();
    let request = http
        .post(text("token_uri"))
        .header("content-type", "application/x-www-form-urlencoded");
    let answer: Value = request.body(form).send().await?.error_for_status()?.json().await?;
    Ok(answer["access_token"].as_str().ok_or("no token")?.to_owned())
}

fn flatten(record: &Value) -> BTreeMap<String, Value> {
    fn walk(value: &Value, path: &str, flat: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let path = if path.is_empty() {
                        name.clone()
                    } else {
                        format!("{path}.{name}")
                    };
                    walk(value, &path, flat);
                }
            }
            other => {
                flat.insert(path.to_owned(), other.clone());
            }
        }
    }
    let mut flat = BTreeMap::new();
    walk(record, "", &mut flat);
    flat
}
