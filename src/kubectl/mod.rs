//! `run`, `status` and `logs`: what people do with objects on a cluster, and `kubectl wss` when the program is named
//! `kubectl-wss`. They need no more than rights on our kind; with the right to read pods and their logs they tell more.
//!
//! `cluster` asks, `standing` and `line` understand, `show`, `list` and `details` tell. The first and `show` do I/O alone.

mod cluster;
mod complete;
mod details;
mod follow;
mod line;
mod list;
mod logs;
mod object;
mod run;
mod show;
#[cfg(test)]
mod snapshots;
mod standing;
mod words;

use std::{path::PathBuf, process::ExitCode};

use self::{cluster::Cluster, words::Trouble};
pub use self::{complete::complete, words::Caller};
use crate::{progress, summary};

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Ask the operator for a run of a WedofSheetSync now and, with --wait, follow it
    Run(run::Args),
    /// Tell how WedofSheetSync objects on the cluster are doing
    Status(StatusArgs),
    /// Print what the last run of a WedofSheetSync logged
    Logs(logs::Args),
}

/// Which cluster and namespace; as kubectl takes them.
#[derive(Debug, clap::Args)]
pub struct Connection {
    /// Namespace [default: that of the context]
    #[arg(short, long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// Context of the kubeconfig [default: its current one]
    #[arg(long, value_name = "CONTEXT")]
    pub context: Option<String>,
    /// Kubeconfig file [default: KUBECONFIG, else ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// The object to tell all about; all of the namespace in a table if left out
    name: Option<String>,
    /// Objects of all namespaces
    #[arg(short = 'A', long, conflicts_with_all = ["name", "namespace"])]
    all_namespaces: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Runs one of the commands. Exit codes: 0 all well, 1 may be well later, 2 a person has to change something; of `run --wait`
/// those of the run, 124 when its time was up, 130 after Ctrl-C.
pub async fn command(command: Command, caller: Caller) -> ExitCode {
    let done = match command {
        Command::Run(args) => run::command(args, caller).await,
        Command::Status(args) => status(args, caller).await,
        Command::Logs(args) => logs::command(args, caller).await,
    };
    done.unwrap_or_else(|trouble| {
        eprintln!("error: {trouble}");
        ExitCode::from(trouble.code)
    })
}

async fn status(args: StatusArgs, caller: Caller) -> Result<ExitCode, Trouble> {
    let StatusArgs {
        name,
        all_namespaces,
        connection,
    } = args;
    let cluster = Cluster::connect(&connection).await?;
    let now = jiff::Timestamp::now();
    let colours = console::colors_enabled();
    let text = match name {
        Some(name) => details::text(&cluster.get(&name).await?, caller, now, summary::width(), colours),
        None => {
            let objects = cluster.list(all_namespaces).await?;
            if objects.is_empty() {
                let place = match all_namespaces {
                    true => "any namespace".to_owned(),
                    false => format!("namespace {}", cluster.namespace),
                };
                eprintln!("There is no WedofSheetSync in {place}.");
            }
            list::text(&objects, all_namespaces, now, colours)
        }
    };
    progress::print(&text);
    Ok(ExitCode::SUCCESS)
}
