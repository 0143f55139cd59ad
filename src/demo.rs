//! `demo`: a simulated Wedof and a simulated Google in this process, a first sync, a change in Wedof and a second one,
//! and the spreadsheet as a web page. Nothing to set up, nothing leaves the machine.

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
    time::Instant,
};

use jiff::tz::TimeZone;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    config::{Config, Credential, Environment, Google},
    network::{Network, base_url},
    progress::Progress,
    report::RunReport,
    sheets::CELL_LIMIT,
    simulator::{self, Running},
    spec::{SyncSpec, WedofSpec},
    summary::{self, Shown},
    sync::{self, Options, Stop},
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Registration folders of the simulated account
    #[arg(long, value_name = "N", default_value_t = 250, value_parser = clap::value_parser!(u32).range(2..=20_000))]
    folders: u32,
    /// End after the syncs instead of showing the page
    #[arg(long)]
    once: bool,
}

type Trouble = Box<dyn std::error::Error>;

/// The `demo` command.
pub async fn command(args: Args) -> ExitCode {
    match show(args).await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn show(args: Args) -> Result<u8, Trouble> {
    let Args { folders, once } = args;
    let started = Instant::now();
    let running = simulator::start(simulator::Options {
        folders: folders as usize,
        ..simulator::Options::default()
    })
    .await?;
    let config = config(&running)?;
    let page = running.sheets_url.clone();
    say(&format!(
        "Wedof and Google are simulated in this process. First sync of {folders} folders:\n"
    ));
    let mut code = one_sync(&config, &page).await.1;

    let folder = change_wedof(&running).await?;
    say(&format!(
        "\nIn Wedof, folder {folder} is paid now, another was deleted and a new one came in. Second sync:\n"
    ));
    let (second, worst) = one_sync(&config, &page).await;
    code = code.max(worst);
    let [updated, added, removed] = [second.updated, second.added, second.removed];
    say(&format!(
        "\nOnly the differences were written: {updated} row updated, {added} added, {removed} removed ({:.1} s in all).",
        started.elapsed().as_secs_f64()
    ));
    if once || code != 0 {
        return Ok(code);
    }
    say(&format!("\nThe spreadsheet: {page}\nCtrl-C ends the demo."));
    Stop::on_signals(None).token().cancelled().await;
    Ok(0)
}

/// Text for a person; a closed pipe is no error of the demo.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

async fn one_sync(config: &Config, page: &str) -> (RunReport, u8) {
    let progress = Progress::new(true);
    let ended = sync::run(config, &Options::default(), &Stop::default(), &progress, |_| {}).await;
    let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let table = summary::table(&ended, page, Shown::Sync, summary::width(), colours);
    // the page's address comes once, at the end
    say(table.trim_end().trim_end_matches(page).trim_end());
    (ended.report, ended.code)
}

fn config(running: &Running) -> Result<Config, Trouble> {
    let [tenant, ..] = &running.tenants[..] else {
        return Err("the simulators have no tenant".into());
    };
    let spec = SyncSpec {
        spreadsheet_id: tenant.spreadsheet_id.clone(),
        time_zone: None,
        wedof: WedofSpec {
            requests_per_minute: Some(600),
            ..WedofSpec::default()
        },
        google: Default::default(),
        resources: None,
        personal_data: Default::default(),
        deletion_guard: Default::default(),
    };
    let credential = |secret: &str| Credential {
        secret: secret.to_owned().into(),
        place: "the simulators".to_owned(),
    };
    Ok(Config {
        zone: TimeZone::get("Europe/Paris")?,
        resources: spec.wanted(),
        spec,
        by_default: true,
        wedof_base: base_url(&running.wedof_url, None)?,
        wedof_key: credential(&tenant.api_key),
        google: Some(Google {
            key: credential(&tenant.credentials),
            token_hosts: None,
            sheets_base: Some(base_url(&running.sheets_url, None)?),
            cell_limit: CELL_LIMIT,
        }),
        timing: None,
        patience: Default::default(),
        network: Network::of(&Environment::default())?,
        object: None,
    })
}

/// One folder is paid, one goes and one comes, as a day in a training centre has it. Gives the paid one's id.
async fn change_wedof(running: &Running) -> Result<String, Trouble> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let folders = format!("http://{}/_wedof/0/registrationFolders", running.wedof);
    let send = async |method: Method, url: String, body: Option<Value>| -> Result<Vec<u8>, Trouble> {
        let mut request = http.request(method, url);
        if let Some(body) = body {
            request = request.json(&body);
        }
        Ok(request.send().await?.error_for_status()?.bytes().await?.to_vec())
    };
    let all: Vec<Value> = serde_json::from_slice(&send(Method::GET, folders.clone(), None).await?)?;
    let id = |folder: &Value| {
        folder["externalId"]
            .as_str()
            .map(str::to_owned)
            .ok_or("a folder without id")
    };
    let ([.., gone], [paid, ..]) = (&all[..], &all[..]) else {
        return Err("the simulated account has no folders".into());
    };
    let (gone_id, paid_id) = (id(gone)?, id(paid)?);
    // a value that the folder did not have, whatever its seed
    let amount = paid["amountToInvoice"].as_f64().unwrap_or_default() + 100.0;
    let change = json!({"billingState": "paid", "amountToInvoice": amount, "notes": "Payé"});
    send(Method::PATCH, format!("{folders}/{paid_id}"), Some(change)).await?;
    let mut new = gone.clone();
    new["externalId"] = "99999999999999".into();
    new["state"] = "notProcessed".into();
    send(Method::DELETE, format!("{folders}/{gone_id}"), None).await?;
    send(Method::POST, folders, Some(new)).await?;
    Ok(paid_id)
}
