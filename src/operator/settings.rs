//! What whoever installs the operator decides about all runs, and no author of an object can: image, addresses, and the
//! parts of a pod that would give an author more rights.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Settings of the runs' pods and containers.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub image: String,
    pub image_pull_policy: Option<String>,
    pub pod: PodSettings,
    /// Hosts that keys may be sent to.
    pub wedof_hosts: Vec<String>,
    /// Hosts besides Google's that the `token_uri` of a key file may name.
    pub token_hosts: Vec<String>,
    /// Address of the Sheets API; none: Google's own.
    pub sheets_base_url: Option<String>,
    /// `LOG_FORMAT` and `LOG_LEVEL`, as the operator has them.
    pub log: BTreeMap<String, String>,
}

/// The chart's values `run.*`, as JSON or YAML.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PodSettings {
    /// Names of Secrets in each object's namespace.
    pub image_pull_secrets: Vec<String>,
    pub pod_labels: BTreeMap<String, String>,
    pub pod_annotations: BTreeMap<String, String>,
    pub priority_class_name: String,
    pub runtime_class_name: String,
    /// Whether specs may choose nodes: nodeSelector, tolerations, affinity.
    pub allow_placement: bool,
}

impl Default for PodSettings {
    fn default() -> Self {
        Self {
            image_pull_secrets: Vec::new(),
            pod_labels: BTreeMap::new(),
            pod_annotations: BTreeMap::new(),
            priority_class_name: String::new(),
            runtime_class_name: String::new(),
            allow_placement: true,
        }
    }
}

impl std::str::FromStr for PodSettings {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        serde_saphyr::from_str(text).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chart_s_values_are_read_and_a_misspelt_one_is_refused() {
        let given = r#"{"imagePullSecrets":["registry"],"podAnnotations":{},"podLabels":{"egress":"wedof"},"priorityClassName":"","runtimeClassName":""}"#;
        let settings: PodSettings = given.parse().unwrap();
        assert_eq!(settings.image_pull_secrets, ["registry"]);
        assert!(settings.allow_placement, "unless the chart says otherwise");
        assert!(!r#"{"allowPlacement": false}"#.parse::<PodSettings>().unwrap().allow_placement);
        assert_eq!("".parse(), Ok(PodSettings::default()));
        let error = "podLables: {}".parse::<PodSettings>().unwrap_err();
        assert!(error.contains("podLables"), "{error}");
    }
}
