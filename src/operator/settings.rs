//! What whoever installs the operator decides about all runs, and no author of an object can: image, addresses, and the
//! parts of a pod that would give an author more rights.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    network::{proxy, trust},
    patience,
};

/// A run has its certificates in a variable, beside its configuration; the kernel takes 128 KiB for one.
const MAX_CERTIFICATES: usize = 64 * 1024;

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
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PodSettings {
    /// Names of Secrets in each object's namespace.
    pub image_pull_secrets: Vec<String>,
    pub pod_labels: BTreeMap<String, String>,
    pub pod_annotations: BTreeMap<String, String>,
    pub priority_class_name: String,
    pub runtime_class_name: String,
    pub proxy: ProxySettings,
    /// PEM text: trusted beside the built-in authorities.
    pub ca_certificates: String,
    /// Whether specs may say on which nodes their runs go.
    pub allow_placement: bool,
    /// In seconds; 0: as fits each service.
    pub http_timeout: f64,
    /// In seconds; 0: one.
    pub retry_delay: f64,
}

/// Proxies of the runs. Empty: none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ProxySettings {
    pub https_proxy: String,
    pub http_proxy: String,
    pub no_proxy: String,
}

impl Default for PodSettings {
    fn default() -> Self {
        Self {
            image_pull_secrets: Vec::new(),
            pod_labels: BTreeMap::new(),
            pod_annotations: BTreeMap::new(),
            priority_class_name: String::new(),
            runtime_class_name: String::new(),
            proxy: ProxySettings::default(),
            ca_certificates: String::new(),
            allow_placement: true,
            http_timeout: 0.0,
            retry_delay: 0.0,
        }
    }
}

impl std::str::FromStr for PodSettings {
    type Err = String;

    /// The error names what is wrong without the values, which may hold what no log should.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let settings: Self = serde_saphyr::from_str(text).map_err(|error| error.without_snippet().to_string())?;
        settings.check()?;
        Ok(settings)
    }
}

impl PodSettings {
    fn check(&self) -> Result<(), String> {
        let ProxySettings {
            https_proxy,
            http_proxy,
            no_proxy: _,
        } = &self.proxy;
        for (field, text) in [("httpsProxy", https_proxy), ("httpProxy", http_proxy)] {
            if !text.is_empty() {
                check_proxy(text).map_err(|what| format!("proxy.{field}: {what}"))?;
            }
        }
        check_certificates(&self.ca_certificates).map_err(|what| format!("caCertificates: {what}"))?;
        for (field, seconds) in [("httpTimeout", self.http_timeout), ("retryDelay", self.retry_delay)] {
            if seconds != 0.0 && !patience::SECONDS.contains(&seconds) {
                return Err(format!(
                    "{field}: {seconds} is no number of seconds between {} and {}; 0 leaves it as it is",
                    patience::SECONDS.start(),
                    patience::SECONDS.end()
                ));
            }
        }
        Ok(())
    }

    /// The variables by which a run learns of them.
    pub fn variables(&self) -> impl Iterator<Item = (&str, String)> {
        let seconds = |seconds: f64| match seconds {
            0.0 => String::new(),
            seconds => seconds.to_string(),
        };
        let ProxySettings {
            https_proxy,
            http_proxy,
            no_proxy,
        } = self.proxy.clone();
        let all = [
            ("HTTPS_PROXY", https_proxy),
            ("HTTP_PROXY", http_proxy),
            ("NO_PROXY", no_proxy),
            (trust::VARIABLE, self.ca_certificates.clone()),
            ("HTTP_TIMEOUT", seconds(self.http_timeout)),
            ("RETRY_DELAY", seconds(self.retry_delay)),
        ];
        all.into_iter().filter(|(_, value)| !value.is_empty())
    }
}

fn check_proxy(text: &str) -> Result<(), String> {
    let address = proxy::address(text)?;
    if proxy::has_login(&address) {
        return Err(
            "everyone who may read pods would see its user and password: take a proxy that knows runs by their address or \
             namespace"
                .to_owned(),
        );
    }
    Ok(())
}

fn check_certificates(pem: &str) -> Result<(), String> {
    if pem.is_empty() {
        return Ok(());
    }
    if pem.contains("PRIVATE KEY-----") {
        return Err(
            "it holds a private key, which everyone who may read pods would see: leave certificates alone".to_owned(),
        );
    }
    if pem.len() > MAX_CERTIFICATES {
        return Err(format!(
            "{} KiB are more than the {} KiB that a run can be given: leave your own authorities' certificates alone, the \
             public ones are built in",
            pem.len().div_ceil(1024),
            MAX_CERTIFICATES / 1024
        ));
    }
    trust::certificates(pem.as_bytes()).map(drop)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

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

    fn certificate() -> String {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
        params.self_signed(&key).unwrap().pem()
    }

    #[test]
    fn a_run_gets_what_is_set_of_proxies_certificates_and_times() {
        let pem = certificate();
        let given = json!({
            "proxy": {"httpsProxy": "http://proxy.acme:3128", "httpProxy": "", "noProxy": ".svc,10.0.0.0/8"},
            "caCertificates": pem, "httpTimeout": 90, "retryDelay": 0.5, "allowPlacement": false,
        });
        let settings: PodSettings = given.to_string().parse().unwrap();
        assert!(!settings.allow_placement && PodSettings::default().allow_placement);
        assert_eq!(
            settings.variables().collect::<Vec<_>>(),
            [
                ("HTTPS_PROXY", "http://proxy.acme:3128".to_owned()),
                ("NO_PROXY", ".svc,10.0.0.0/8".to_owned()),
                ("WEDOF_SHEET_SYNC_CA", pem),
                ("HTTP_TIMEOUT", "90".to_owned()),
                ("RETRY_DELAY", "0.5".to_owned()),
            ]
        );
        assert_eq!(PodSettings::default().variables().count(), 0);
    }

    #[rstest]
    #[case(json!({"proxy": {"httpsProxy": "http://marie:s3cret@proxy.acme:3128"}}), "proxy.httpsProxy: everyone who may read pods")]
    #[case(json!({"proxy": {"httpProxy": "socks5://s3cret:1080"}}), "proxy.httpProxy: a proxy is asked over http or https")]
    #[case(json!({"proxy": {"httpsProxy": "http://s3cret:port"}}), "proxy.httpsProxy: this is no address")]
    #[case(json!({"proxy": {"httpsProxy": ["s3cret"]}}), "")]
    #[case(json!({"proxy": {"ftpProxy": "s3cret"}}), "ftpProxy")]
    #[case(json!({"caCertificates": "s3cret"}), "caCertificates: it holds no certificate")]
    #[case(json!({"caCertificates": "-----BEGIN CERTIFICATE-----\ns3cret\n-----END CERTIFICATE-----"}), "caCertificates: certificate number 1")]
    #[case(json!({"caCertificates": certificate() + "-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----"}), "caCertificates: it holds a private key")]
    #[case(json!({"caCertificates": certificate().repeat(200)}), "KiB are more than the 64 KiB")]
    #[case(json!({"httpTimeout": 9000}), "httpTimeout: 9000 is no number of seconds between 0.001 and 3600")]
    #[case(json!({"retryDelay": -1}), "retryDelay: -1 is no number of seconds")]
    fn what_is_wrong_is_told_without_the_value(#[case] given: Value, #[case] says: &str) {
        let error = given.to_string().parse::<PodSettings>().unwrap_err();
        assert!(error.contains(says), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}
