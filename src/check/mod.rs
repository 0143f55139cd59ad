//! `check`: every connection and right that a sync needs, looked at without changing anything. One error does not hide
//! the others: whatever does not depend on it is looked at all the same.

mod findings;

use std::{io::IsTerminal, path::PathBuf, process::ExitCode};

use clap::ValueEnum;
use jiff::{Timestamp, tz::TimeZone};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use url::Url;

use self::findings::Finding;
use crate::{
    config::{Credential, Environment, Google, Order, Overrides, Parts},
    connect,
    failure::{Failure, reason},
    network::{Network, proxy::Route},
    patience::Patience,
    progress,
    sheets::{
        Client,
        auth::ServiceAccount,
        inspect::{Inspection, Wanted},
    },
    spec::{ResourceSpec, WedofSpec},
    sync::Stop,
    table::Selection,
    wedof::{
        catalogue::Resource,
        probe::{Probe, Prober},
    },
    words::counted,
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What would be synced: a SyncSpec or a WedofSheetSync manifest, YAML or JSON [default: the file or text in
    /// WEDOF_SHEET_SYNC_CONFIG, else eleven resources into GOOGLE_SPREADSHEET_ID]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A list for people, or JSON whose ids and levels stay the same from version to version
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Output::Text)]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

/// The `check` command.
pub async fn command(args: Args) -> ExitCode {
    let Args { config, output } = args;
    let overrides = Overrides {
        config,
        ..Overrides::default()
    };
    let findings = check(&overrides).await;
    let code = findings::exit_code(&findings);
    match output {
        Output::Json => {
            let json = json!({"exitCode": code, "findings": findings});
            progress::print(&format!("{json:#}\n"));
        }
        Output::Text => {
            let terminal = std::io::stdout().is_terminal();
            let colours = terminal && std::env::var_os("NO_COLOR").is_none();
            let width = console::Term::stdout()
                .size_checked()
                .map_or(100, |(_, columns)| columns.into());
            progress::print(&findings::list(&findings, terminal, colours, width));
        }
    }
    ExitCode::from(code)
}

async fn check(overrides: &Overrides) -> Vec<Finding> {
    let mut findings = Vec::new();
    let environment = match Environment::load() {
        Ok(environment) => {
            findings.push(match environment.file() {
                Some(file) => Finding::ok("config.env", format!("variables from {}", file.display())),
                None => Finding::ok("config.env", "variables from the environment; no .env in this folder"),
            });
            environment
        }
        Err(failure) => {
            findings.push(Finding::error("config.env", &failure));
            Environment::of_process()
        }
    };
    let Parts {
        order,
        spreadsheet,
        wedof_base,
        wedof_key,
        google,
        network,
    } = Parts::load(&environment, overrides).await;
    let order = kept(&mut findings, "config.spec", order, |order| {
        let names: Vec<_> = order.resources.iter().map(|resource| resource.name.as_str()).collect();
        format!("to sync: {}", names.join(", "))
    });
    if let Some(order) = &order {
        findings.extend(check_columns(order));
    }
    let spreadsheet = kept(&mut findings, "config.spreadsheet", spreadsheet, |id| {
        format!("spreadsheet {id}")
    });
    let base = kept(&mut findings, "config.wedof", wedof_base, |base| {
        format!("Wedof at {base}")
    });
    let wedof_key = kept(&mut findings, "config.wedofKey", wedof_key, |key| {
        format!("Wedof's key from {}", key.place)
    });
    let google = kept(&mut findings, "config.googleKey", google, |google| {
        format!("Google's key from {}", google.key.place)
    });

    let network = match network {
        Ok(network) => network,
        Err(failure) => {
            findings.push(Finding::error("config.network", &failure));
            findings.push(Finding::skipped("wedof.key", "Wedof was not asked"));
            findings.push(Finding::skipped("google.key", "Google was not asked"));
            return findings;
        }
    };
    if let Some(added) = network.additional_trust() {
        let message = format!("trusted beside the authorities of this system: {added}");
        findings.push(Finding::ok("config.trust", message));
    }
    let order = order.as_ref();
    let (of_wedof, of_google) = tokio::join!(
        check_wedof(order, base, wedof_key, &network),
        check_google(order, google, spreadsheet, &network)
    );
    findings.extend(of_wedof);
    findings.extend(of_google);
    findings
}

/// Whether an address is reached through a proxy; nothing if there is none anywhere.
fn route(id: &'static str, network: &Network, what: &str, url: &Url) -> Option<Finding> {
    network.has_proxies().then(|| {
        let host = url.host_str().unwrap_or_default();
        Finding::ok(
            id,
            match network.route(url) {
                Route::Direct => format!("{what} ({host}) is reached without a proxy"),
                Route::Through(proxy) => format!("{what} ({host}) is reached through the proxy {proxy}"),
            },
        )
    })
}

/// Notes what a part is, or why it is none.
fn kept<T>(
    findings: &mut Vec<Finding>,
    id: &'static str,
    part: Result<T, Failure>,
    told: impl FnOnce(&T) -> String,
) -> Option<T> {
    findings.push(match &part {
        Ok(part) => Finding::ok(id, told(part)),
        Err(failure) => Finding::error(id, failure),
    });
    part.ok()
}

/// Names of fields that the catalogue does not have. Wedof may send such a field all the same, so that only a sync, which has
/// the records, refuses what is a slip then too.
fn check_columns(order: &Order) -> Vec<Finding> {
    const ID: &str = "config.columns";
    let mut findings = Vec::new();
    for spec in &order.resources {
        let selection = Selection::new(Resource::of(spec.name), &spec.columns, order.spec.personal_data);
        findings.extend(selection.unknown(std::iter::empty()).iter().map(|unknown| {
            let finding = match unknown.near {
                Some(_) => Finding::warning(ID, format!("{unknown} A sync refuses a slip")),
                None => Finding::ok(
                    ID,
                    format!("{unknown} that is known here; it counts where Wedof sends one"),
                ),
            };
            finding.of(spec.name)
        }));
    }
    findings
}

async fn check_wedof(
    order: Option<&Order>,
    base: Option<Url>,
    key: Option<Credential>,
    network: &Network,
) -> Vec<Finding> {
    const KEY: &str = "wedof.key";
    let (Some(base), Some(key)) = (base, key) else {
        return vec![Finding::skipped(KEY, "Wedof was not asked: address or key are missing")];
    };
    let defaults = WedofSpec::default();
    let spec = order.map_or(&defaults, |order| &order.spec.wedof);
    let patience = order.map_or_else(Patience::default, |order| order.patience);
    let client = match connect::wedof(spec, &base, &key, patience, network, &Stop::default()) {
        Ok(client) => client,
        Err(failure) => return vec![Finding::error(KEY, &failure)],
    };
    let mut findings = Vec::from_iter(route("wedof.route", network, "Wedof", &base));
    match client.get("organisms/me", &[]).await {
        Ok(answer) => {
            let name = serde_json::from_slice::<Value>(&answer.body).ok();
            let name = name
                .as_ref()
                .and_then(|organism| organism["name"].as_str())
                .map(one_line);
            findings.push(Finding::ok(
                KEY,
                match name.filter(|name| !name.is_empty()) {
                    Some(name) => format!("the key is accepted; it is of {name}"),
                    None => "the key is accepted".to_owned(),
                },
            ));
        }
        // a key without the right to read this is a key all the same
        Err(error) if error.is_unavailable() => findings.push(Finding::ok(KEY, "the key is accepted")),
        Err(error) => {
            findings.push(Finding::error(KEY, &client.failure(&error, "the own organism")));
            findings.push(Finding::skipped("wedof.resource", "resources were not asked for"));
            return findings;
        }
    }
    let Some(order) = order else { return findings };
    let mut prober = Prober::new(&client, &order.zone).await;
    for resource in &order.resources {
        findings.push(check_resource(&mut prober, order, resource).await.of(resource.name));
    }
    findings
}

/// Whether the account can read a resource, by one record of it.
async fn check_resource(prober: &mut Prober<'_>, order: &Order, spec: &ResourceSpec) -> Finding {
    const ID: &str = "wedof.resource";
    match prober.probe(spec).await {
        Probe::Readable { how, total } => {
            let how = match how.split(' ').next() {
                Some("list" | "object") => String::new(),
                _ => format!(", {how}"),
            };
            let total = total.map_or(String::new(), |total| format!(", {}", counted(total, "record")));
            Finding::ok(ID, format!("can be read{how}{total}"))
        }
        Probe::Unreadable(failure) if order.by_default && failure.reason == reason::WEDOF_UNAVAILABLE => {
            Finding::warning(ID, format!("{}; it is left out until then", failure.message))
        }
        Probe::Unreadable(failure) | Probe::Failed(failure) => Finding::error(ID, &failure),
    }
}

async fn check_google(
    order: Option<&Order>,
    google: Option<Google>,
    spreadsheet: Option<String>,
    network: &Network,
) -> Vec<Finding> {
    const KEY: &str = "google.key";
    let Some(google) = google else {
        return vec![Finding::skipped(KEY, "Google was not asked: there is no key")];
    };
    let mut findings = Vec::new();
    let key = &google.key;
    // whatever kind of file it is, is known before anything is sent
    let account = ServiceAccount::from_json(key.secret.expose_secret(), &key.place, google.token_hosts.as_deref());
    let account = kept(&mut findings, KEY, account, |account| {
        format!("the key of the service account {}", account.email())
    });
    let Some(account) = account else {
        findings.push(Finding::skipped("google.token", "no token was asked for"));
        return findings;
    };
    let patience = order.map_or_else(Patience::default, |order| order.patience);
    let client = match connect::google(&google, patience, network, &Stop::default()).await {
        Ok(client) => client,
        Err(failure) => {
            findings.push(Finding::error("google.token", &failure));
            return findings;
        }
    };
    findings.extend(route(
        "google.route",
        network,
        "the token endpoint",
        account.token_uri(),
    ));
    findings.extend(route("google.route", network, "the Sheets API", client.base()));
    let token = client.authorize().await;
    let token = kept(&mut findings, "google.token", token, |()| {
        "Google gives tokens for it".to_owned()
    });
    if let Some(difference) = client.clock_difference().await {
        findings.push(findings::clock(difference));
    }
    let (Some(()), Some(id)) = (token, spreadsheet) else {
        findings.push(Finding::skipped(
            "spreadsheet.found",
            "the spreadsheet was not looked at",
        ));
        return findings;
    };
    check_spreadsheet(&client, &id, order, &mut findings).await;
    findings
}

async fn check_spreadsheet(client: &Client, id: &str, order: Option<&Order>, findings: &mut Vec<Finding>) {
    let resources = order.map_or(&[][..], |order| &order.resources);
    let wanted: Vec<Wanted<'_>> = resources.iter().map(wanted).collect();
    let inspection = client.inspect(id, &wanted).await;
    let Some(inspection) = kept(findings, "spreadsheet.found", inspection, |it| {
        format!("{:?} is found", it.title)
    }) else {
        findings.push(Finding::skipped("tab", "tabs were not looked at"));
        return;
    };
    let Inspection {
        title: _,
        locale,
        time_zone,
        known_zone,
        cells,
        tabs,
    } = inspection;
    let account = client.account();
    kept(findings, "spreadsheet.write", client.prove_writable(id).await, |()| {
        format!("{account} may write to it")
    });
    findings.push(Finding::ok("spreadsheet.locale", format!("its locale is {locale}")));
    let utc = TimeZone::UTC;
    let zone = order.map_or(&utc, |order| &order.zone);
    findings.push(findings::zone(&time_zone, known_zone, zone, Timestamp::now()));
    findings.push(findings::cells(cells, client.cell_limit()));
    for (resource, state) in resources.iter().zip(&tabs) {
        findings.extend(findings::tab(resource.name.as_str(), resource.title(), state, account));
    }
}

/// What the header of a resource's key column may be.
fn wanted(resource: &ResourceSpec) -> Wanted<'_> {
    let catalogue = Resource::of(resource.name);
    let fields = catalogue.fields(&[]);
    let keys = catalogue.key_paths().into_iter().flat_map(|key| {
        let known = fields.iter().find(|(path, _)| path == key).map(|(_, field)| field);
        [
            Some(key.to_owned()),
            known.map(|field| field.french.to_owned()),
            known.map(|field| field.english.to_owned()),
            resource.columns.labels.get(key).cloned(),
        ]
    });
    Wanted {
        resource: resource.name,
        title: resource.title(),
        keys: keys.flatten().collect(),
    }
}

/// What a service says of itself, as one short line.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    line.chars().take(100).collect()
}
