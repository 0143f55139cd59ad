//! The command line: one subcommand per job of the program. Each module owns the arguments of its command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{api, check, demo, operator, resources, scheduler, simulator, sync, telemetry};

#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    logging: telemetry::Args,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring the tabs of a spreadsheet up to date with a Wedof account, once
    Sync(sync::Args),
    /// Look at every connection and right that a sync needs; nothing is changed
    Check(check::Args),
    /// List what of Wedof can be synced and, with a key, what the account can read
    Resources(resources::Args),
    /// Sync now and then daily (SYNC_TIME, else 09:00) or by a cron expression, until it is stopped
    Scheduler(scheduler::Args),
    /// Run the Kubernetes controller: WedofSheetSync objects become CronJobs, their runs become status
    Operator(operator::Args),
    /// Simulate Wedof and Google in this process, sync once, and show the spreadsheet as a web page
    Demo(demo::Args),
    /// Serve simulators of the Wedof API, of Google's token endpoint and of the Sheets API over HTTP
    Simulate(simulator::Args),
    /// Print the CustomResourceDefinition as YAML
    Crd,
}

/// Parses the command line, runs the command and turns its end into an exit code:
/// 0 all well, 1 failed and may succeed later, 2 will fail again until a person changes something.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    telemetry::init(&cli.logging);
    // kube and google-sheets4 use ring too; reqwest has no provider of its own and would panic without one
    let _ = rustls::crypto::ring::default_provider().install_default();
    if let Command::Crd = cli.command {
        print!("{}", api::crd_yaml());
        return ExitCode::SUCCESS;
    }
    if !matches!(cli.command, Command::Scheduler(_)) {
        abort_on_panic();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start the asynchronous runtime: {error}");
            return ExitCode::from(1);
        }
    };
    runtime.block_on(async {
        match cli.command {
            Command::Sync(args) => sync::command(args).await,
            Command::Check(args) => check::command(args).await,
            Command::Resources(args) => resources::command(args).await,
            Command::Scheduler(args) => scheduler::command(args).await,
            Command::Operator(args) => operator::command(args).await,
            Command::Demo(args) => demo::command(args).await,
            Command::Simulate(args) => simulator::command(args).await,
            Command::Crd => ExitCode::SUCCESS,
        }
    })
}

/// Half a program is worse than none: a task that panics must not leave the others behind. The scheduler alone outlives a
/// run that panics.
fn abort_on_panic() {
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        told(panic);
        std::process::abort();
    }));
}
