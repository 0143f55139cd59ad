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
        serde_saphyr::from_multiple(text).map_err(|error| invalid(origin, error.without_snippet()))?
    };
    let is_manifest = |document: &Value| document.get("kind").is_some() && document.get("apiVersion").is_some();
    if documents.iter().any(is_manifest) {
        return manifest(text, origin, &documents);
    }
    let [document] = &documents[..] else {
        return Err(invalid(
            origin,
            &"it is empty, or holds several documents of which none is a WedofSheetSync",
        ));
    };
    let mut spec: SyncSpec = yaml(text, origin)?;
    if document.get("spreadsheetId").is_none() {
        spreadsheet.clone_into(&mut spec.spreadsheet_id);
    }
    Ok(Source { spec, timing: None })
}

fn manifest(text: &str, origin: &str, documents: &[Value]) -> Result<Source, Failure> {
    let ours = |document: &Value| document["kind"] == "WedofSheetSync";
    let object: WedofSheetSync = match documents.iter().filter(|document| ours(document)).count() {
        0 => return Err(invalid(origin, &"none of its objects is a WedofSheetSync")),
        1 if documents.len() == 1 => yaml(text, origin)?,
        1 => {
            let one = alone(text, ours).ok_or_else(|| invalid(origin, &"its documents cannot be told apart"))?;
            yaml(&one, origin)?
        }
        _ => {
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

/// The text of the one document that is meant, its lines where they were: types come from the text and not from a value,
/// in which an unquoted 0123 is a number already, and errors name line and column.
fn alone(text: &str, meant: impl Fn(&Value) -> bool) -> Option<String> {
    let mut documents = vec![String::new()];
    for (number, line) in text.lines().enumerate() {
        let marker = line.strip_prefix("---");
        if let Some(rest) = marker.filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t'])) {
            documents.push("\n".repeat(number) + rest);
        } else if let Some(document) = documents.last_mut() {
            document.push_str(line);
        }
        documents.last_mut()?.push('\n');
    }
    let is_meant = |document: &String| serde_saphyr::from_str::<Value>(document).is_ok_and(|document| meant(&document));
    documents.into_iter().find(is_meant)
}

fn yaml<T: DeserializeOwned>(text: &str, origin: &str) -> Result<T, Failure> {
    serde_saphyr::from_str(text).map_err(|error| invalid(origin, error.without_snippet()))
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
    fn numbers_and_booleans_may_stand_unquoted_wherever_the_spreadsheet_is_named() {
        let filters =
            "resources: [{name: registrationFolders, filters: {certifInfo: [0112713], cdcExcluded: [true]}}]\n";
        let bare = format!("spreadsheetId: {ID}\n{filters}");
        let manifest = manifest_text().replace(
            "  resources:\n  - {name: organisms, tab: Nous}\n",
            &format!("  {filters}"),
        );
        let among = format!("kind: Secret\napiVersion: v1\n--- # ours\n{manifest}---\nkind: Secret\n");
        for text in [filters, &bare, &manifest, &among] {
            let resources = read(text).unwrap().resources.unwrap();
            assert_eq!(resources[0].filters["certifInfo"], ["0112713"], "{text}");
            assert_eq!(resources[0].filters["cdcExcluded"], ["true"]);
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
            ("wedof: {}\nresources:\n- {nom: organisms}", "line 3"),
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
