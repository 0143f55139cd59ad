//! Text → [`SyncSpec`]: a bare one, or the `spec` of a WedofSheetSync manifest, so that the file applied to a cluster
//! can be tried on a laptop, at the same times.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    api::WedofSheetSync,
    failure::{Failure, reason},
    spec::SyncSpec,
};

/// What a text says.
#[derive(Debug, PartialEq)]
pub struct Source {
    pub spec: SyncSpec,
    pub timing: Option<Timing>,
}

/// The schedule of a manifest, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    pub schedule: String,
    /// What `H` is hashed from: namespace and name.
    pub seed: String,
}

/// Reads YAML or JSON. `spreadsheet` fills in for a bare spec without `spreadsheetId`; `origin` names the text in errors.
pub fn parse(text: &str, origin: &str, spreadsheet: &str) -> Result<Source, Failure> {
    let text = text.trim_start_matches('\u{feff}');
    let documents: Vec<Value> = if text.trim_start().starts_with('{') {
        vec![serde_json::from_str(text).or_else(|_| yaml(text, origin))?]
    } else {
        serde_saphyr::from_multiple(text).map_err(|error| invalid(origin, &error))?
    };
    let is_manifest = |document: &Value| document.get("kind").is_some() && document.get("apiVersion").is_some();
    if documents.iter().any(is_manifest) {
        return manifest(text, origin, documents);
    }
    let [document] = &documents[..] else {
        return Err(invalid(
            origin,
            &"it is empty, or holds several documents of which none is a WedofSheetSync",
        ));
    };
    let spec = match document {
        Value::Object(fields) if !fields.contains_key("spreadsheetId") => {
            let mut fields = fields.clone();
            fields.insert("spreadsheetId".to_owned(), spreadsheet.into());
            typed(Value::Object(fields), origin)?
        }
        // from the text and not from the value: its errors name line and column
        _ => yaml(text, origin)?,
    };
    Ok(Source { spec, timing: None })
}

fn manifest(text: &str, origin: &str, documents: Vec<Value>) -> Result<Source, Failure> {
    let alone = documents.len() == 1;
    let mut ours: Vec<Value> = documents
        .into_iter()
        .filter(|document| document["kind"] == "WedofSheetSync")
        .collect();
    let object: WedofSheetSync = match (ours.pop(), ours.is_empty()) {
        (Some(_), true) if alone => yaml(text, origin)?,
        (Some(object), true) => typed(object, origin)?,
        (None, _) => return Err(invalid(origin, &"none of its objects is a WedofSheetSync")),
        (Some(_), false) => {
            return Err(invalid(
                origin,
                &"it holds several WedofSheetSync objects: give a file with one",
            ));
        }
    };
    Ok(Source {
        spec: SyncSpec::from(&object.spec),
        timing: Some(Timing {
            schedule: object.spec.schedule.clone(),
            // without a namespace kubectl takes the one of its context, by default this one
            seed: format!(
                "{}/{}",
                object.metadata.namespace.as_deref().unwrap_or("default"),
                object.metadata.name.as_deref().unwrap_or_default()
            ),
        }),
    })
}

fn yaml<T: DeserializeOwned>(text: &str, origin: &str) -> Result<T, Failure> {
    serde_saphyr::from_str(text).map_err(|error| invalid(origin, error.without_snippet()))
}

fn typed<T: DeserializeOwned>(value: Value, origin: &str) -> Result<T, Failure> {
    serde_json::from_value(value).map_err(|error| invalid(origin, &error))
}

fn invalid(origin: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::person(reason::INVALID_CONFIG, format!("{origin}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::ResourceName;

    const ID: &str = "1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms";

    fn source(text: &str) -> Result<Source, String> {
        parse(text, "sync.yaml", "fromTheEnvironment").map_err(|failure| failure.message)
    }

    fn read(text: &str) -> Result<SyncSpec, String> {
        source(text).map(|source| source.spec)
    }

    fn manifest_text() -> String {
        format!(
            "apiVersion: wedofsheetsync.dev/v1alpha1\nkind: WedofSheetSync\nmetadata: {{name: acme}}\nspec:\n  schedule: H 7 * * *\n  \
             spreadsheetId: {ID}\n  wedof: {{apiKeySecretRef: {{name: wedof, key: api-key}}}}\n  google: {{credentialsSecretRef: \
             {{name: google, key: credentials.json}}}}\n  resources:\n  - {{name: organisms, tab: Nous}}\n"
        )
    }

    #[test]
    fn a_bare_spec_is_read_as_yaml_or_json() {
        for text in [
            format!("\u{feff}spreadsheetId: {ID}\r\nresources:\r\n- name: organisms\r\n"),
            format!(r#"{{"spreadsheetId": "{ID}", "resources": [{{"name": "organisms"}}]}}"#),
            format!("{{spreadsheetId: {ID}, resources: [{{name: organisms}}]}}"),
        ] {
            let spec = read(&text).unwrap();
            assert_eq!(spec.spreadsheet_id, ID);
            assert_eq!(spec.resources.unwrap()[0].name, ResourceName::Organisms);
        }
    }

    #[test]
    fn a_spec_without_spreadsheet_takes_the_one_of_the_environment() {
        assert_eq!(
            read("resources: [{name: organisms}]").unwrap().spreadsheet_id,
            "fromTheEnvironment"
        );
    }

    #[test]
    fn a_manifest_is_found_among_other_objects() {
        let alone = manifest_text();
        let among = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: acme}}\n---\n{alone}");
        for text in [alone, among] {
            let spec = read(&text).unwrap();
            assert_eq!(spec.spreadsheet_id, ID);
            assert_eq!(spec.resources.unwrap()[0].title(), "Nous");
        }
    }

    #[test]
    fn the_schedule_of_a_manifest_comes_with_what_h_is_hashed_from() {
        let timing = source(&manifest_text()).unwrap().timing.unwrap();
        assert_eq!(
            (timing.schedule.as_str(), timing.seed.as_str()),
            ("H 7 * * *", "default/acme")
        );
        assert_eq!(source("{}").unwrap().timing, None);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let twice = format!("{0}---\n{0}", manifest_text());
        for (text, says) in [
            ("resources: [{name: organism}]\nspreadsheetId: x", "organism"),
            ("spreadsheetId: x\nressources: []", "ressources"),
            ("spreadsheetId: x\nresources: {\n", "line"),
            ("spreadsheetId: x\nwedof: {requestsPerMinute: many}", "line 2"),
            ("apiVersion: v1\nkind: Secret\n", "none of its objects"),
            (&twice, "several WedofSheetSync"),
        ] {
            let error = read(text).unwrap_err();
            assert!(
                error.starts_with("sync.yaml: ") && error.contains(says),
                "{text}: {error}"
            );
        }
    }
}
