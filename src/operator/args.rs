//! What the operator is told when it starts.

use std::{collections::BTreeMap, net::SocketAddr};

use super::{names, settings::Settings, validate::Policy};

/// Options of `operator`. Everything can come from the environment, as the chart does it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Image of the runs, as a rule the operator's own
    #[arg(long, env = "RUN_IMAGE")]
    pub run_image: String,
    /// Pull policy of the image of the runs: Always, IfNotPresent or Never
    #[arg(long, env = "RUN_IMAGE_PULL_POLICY")]
    pub run_image_pull_policy: Option<String>,
    /// Settings of all runs as JSON or YAML: imagePullSecrets (names), podLabels, podAnnotations, priorityClassName,
    /// runtimeClassName, proxy (httpsProxy, httpProxy, noProxy), caCertificates (PEM), allowPlacement, httpTimeout,
    /// retryDelay
    #[arg(long, env = "RUN_SETTINGS", default_value = "{}", value_name = "JSON")]
    pub run_settings: String,
    /// Namespaces whose objects are handled, separated by commas; none: all
    #[arg(long, env = "WATCH_NAMESPACES", value_delimiter = ',')]
    pub namespaces: Vec<String>,
    /// Hosts that `spec.wedof.baseUrl` may name, separated by commas; a key is never sent anywhere else
    #[arg(
        long,
        env = "WEDOF_ALLOWED_HOSTS",
        value_delimiter = ',',
        default_value = "www.wedof.fr,staging.wedof.fr"
    )]
    pub wedof_allowed_hosts: Vec<String>,
    /// Address of the Sheets API for all runs; Google's own if left out
    #[arg(long, env = "GOOGLE_SHEETS_BASE_URL")]
    pub google_sheets_base_url: Option<String>,
    /// Hosts besides Google's own that a key file's `token_uri` may name, separated by commas
    #[arg(long, env = "GOOGLE_TOKEN_HOSTS", value_delimiter = ',')]
    pub google_token_hosts: Vec<String>,
    /// Pattern, with `*`, of the names of Secrets that specs may use; any if left out
    #[arg(long, env = "SECRET_NAME_PATTERN", value_name = "PATTERN")]
    pub secret_name_pattern: Option<String>,
    /// Address of /healthz, /readyz and /metrics
    #[arg(long, env = "HEALTH_ADDR", default_value = "0.0.0.0:8080")]
    pub health_addr: SocketAddr,
    /// Name of this process in events and in the lease
    #[arg(long, env = "POD_NAME", hide = true)]
    pub pod_name: Option<String>,
    /// Of several replicas let one work and the others stand by
    #[arg(long, env = "LEADER_ELECT", value_parser = clap::builder::FalseyValueParser::new())]
    pub leader_elect: bool,
    /// Name of the Lease by which replicas agree on who works
    #[arg(long, env = "LEASE_NAME", default_value = names::PROGRAM, value_name = "NAME")]
    pub lease_name: String,
    /// Seconds after which a leader that is not heard of is succeeded
    #[arg(long, env = "LEASE_DURATION", default_value_t = 30, value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(3..=3600))]
    pub lease_duration: u64,
    /// Namespace of the lease
    #[arg(long, env = "POD_NAMESPACE", hide = true)]
    pub pod_namespace: Option<String>,
}

impl Args {
    /// What holds for all runs. The error names what is wrong with `--run-settings`.
    pub fn settings(&self) -> Result<Settings, String> {
        let log = ["LOG_FORMAT", "LOG_LEVEL"].into_iter();
        Ok(Settings {
            image: self.run_image.clone(),
            image_pull_policy: not_empty(&self.run_image_pull_policy),
            pod: self.run_settings.parse()?,
            wedof_hosts: items(&self.wedof_allowed_hosts),
            token_hosts: items(&self.google_token_hosts),
            sheets_base_url: not_empty(&self.google_sheets_base_url),
            log: log
                .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)))
                .collect::<BTreeMap<_, _>>(),
        })
    }

    /// What specs may say.
    pub fn policy(&self, settings: &Settings) -> Policy {
        Policy {
            wedof_hosts: settings.wedof_hosts.clone(),
            secret_names: not_empty(&self.secret_name_pattern),
            allow_placement: settings.pod.allow_placement,
        }
    }

    /// The namespaces whose objects are handled; none: all.
    pub fn scope(&self) -> Vec<String> {
        items(&self.namespaces)
    }
}

/// Texts from the environment may be empty.
pub fn not_empty(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.is_empty())
}

/// Lists from the environment may be empty texts.
pub fn items(list: &[String]) -> Vec<String> {
    let trimmed = list.iter().map(|item| item.trim().to_owned());
    trimmed.filter(|item| !item.is_empty()).collect()
}
