//! The command line: one subcommand per job of the program. Each module owns the arguments of its command.

mod reference;

use std::{ffi::OsString, path::Path, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};
use tokio::runtime::Builder;

use crate::{
    api, check,
    config::Environment,
    demo,
    kubectl::{self, Caller},
    operator, progress, resources, scheduler, simulator, sync, telemetry,
};

#[derive(Debug, Parser)]
#[command(
    version,
    about,
    arg_required_else_help = true,
    after_help = "At a terminal: copy .env.example to .env, fill it in, and run `check`, then `sync --dry-run`, then `sync`.\n\
                  Without any account: `demo`."
)]
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
    Operator(Box<operator::Args>),
    /// Look whether an installed operator is ready, its kind is served and its rights are there: what `helm test` runs
    #[command(hide = true)]
    OperatorCheck(operator::check::Args),
    /// Simulate Wedof and Google in this process, sync once, and show the spreadsheet as a web page
    Demo(demo::Args),
    #[command(flatten)]
    Kubectl(kubectl::Command),
    /// Serve simulators of the Wedof API, of Google's token endpoint and of the Sheets API over HTTP
    Simulate(simulator::Args),
    /// Print the CustomResourceDefinition as YAML
    Crd,
    /// Print completions for a shell, to be put where it looks for them
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print this reference as Markdown
    #[command(hide = true)]
    Reference,
}

/// What the program is when it is named `kubectl-wss`: a plugin of kubectl.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-wss",
    bin_name = "kubectl wss",
    version,
    about = "Runs, status and logs of WedofSheetSync objects",
    arg_required_else_help = true
)]
pub(crate) struct Plugin {
    #[command(flatten)]
    logging: telemetry::Args,
    #[command(subcommand)]
    command: kubectl::Command,
}

/// Parses the command line, runs the command and turns its end into an exit code:
/// 0 all well, 1 failed and may succeed later, 2 will fail again until a person changes something.
pub fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let name = arguments.first().map(Path::new).and_then(Path::file_stem);
    let (parsed, caller) = match name.and_then(|name| name.to_str()) {
        Some("kubectl-wss") => (
            Plugin::try_parse_from(&arguments).map(|plugin| (plugin.logging, Command::Kubectl(plugin.command))),
            Caller::Kubectl,
        ),
        Some("kubectl_complete-wss") => return complete(&arguments),
        _ => (
            Cli::try_parse_from(&arguments).map(|cli| (cli.logging, cli.command)),
            Caller::Program,
        ),
    };
    let (mut logging, command) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            let _ = error.print();
            if let Some(hint) = error.use_stderr().then(|| script_hint(&arguments)).flatten() {
                eprintln!("\n{hint}");
            }
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    if matches!(command, Command::Kubectl(_)) {
        // what goes wrong is told in the error, where it is an error
        logging
            .log_level
            .get_or_insert_with(|| "warn,kube_client=off".to_owned());
    }
    // one that cannot be read is told by the commands that need it
    telemetry::init(&logging, &Environment::load().unwrap_or_default());
    // kube and google-sheets4 use ring too; reqwest has no provider of its own and would panic without one
    let _ = rustls::crypto::ring::default_provider().install_default();
    if !matches!(command, Command::Scheduler(_)) {
        abort_on_panic();
    }
    // the operator waits nearly always, and every thread that allocates has a heap of its own
    let runtime = match command {
        Command::Operator(_) => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    block_on(runtime, async {
        match command {
            Command::Sync(args) => sync::command(args).await,
            Command::Check(args) => check::command(args).await,
            Command::Resources(args) => resources::command(args).await,
            Command::Scheduler(args) => scheduler::command(args).await,
            Command::Operator(args) => operator::command(*args).await,
            Command::OperatorCheck(args) => operator::check::command(args).await,
            Command::Demo(args) => demo::command(args).await,
            Command::Simulate(args) => simulator::command(args).await,
            Command::Kubectl(command) => kubectl::command(command, caller).await,
            Command::Crd => show(api::crd_yaml()),
            Command::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Cli::command(), env!("CARGO_PKG_NAME"), &mut script);
                show(String::from_utf8_lossy(&script).into_owned())
            }
            Command::Reference => show(reference::markdown(Cli::command())),
        }
    })
}

fn block_on(mut runtime: Builder, work: impl Future<Output = ExitCode>) -> ExitCode {
    match runtime.enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => {
            eprintln!("error: cannot start the asynchronous runtime: {error}");
            ExitCode::from(1)
        }
    }
}

/// What kubectl asks when somebody types Tab after `kubectl wss`.
fn complete(arguments: &[OsString]) -> ExitCode {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let words = arguments.iter().skip(1).map(|word| word.to_string_lossy().into_owned());
    let words: Vec<String> = words.collect();
    block_on(Builder::new_multi_thread(), async {
        show(kubectl::complete(&Plugin::command(), &words).await)
    })
}

fn show(text: String) -> ExitCode {
    progress::print(&text);
    ExitCode::SUCCESS
}

/// People come from a Python script whose flags they know.
fn script_hint(arguments: &[OsString]) -> Option<&'static str> {
    let given = |text: &str| arguments.iter().any(|argument| argument == text);
    let mode = |name: &str| (given("--mode") && given(name)) || given(&format!("--mode={name}"));
    let hint = if mode("once") {
        "hint: a sync now is `wedof-sheet-sync sync`"
    } else if mode("scheduler") {
        "hint: a sync now and then daily at SYNC_TIME is `wedof-sheet-sync scheduler`"
    } else if given("--test-connection") {
        "hint: keys, rights and tabs are looked at by `wedof-sheet-sync check`"
    } else if given("--mode") {
        "hint: there are no modes but commands: `wedof-sheet-sync sync` and `wedof-sheet-sync scheduler`"
    } else {
        return None;
    };
    Some(hint)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_of_the_command_line_has_no_contradiction() {
        Cli::command().debug_assert();
        Plugin::command().debug_assert();
    }

    #[test]
    fn the_flags_of_the_script_are_answered_with_the_commands() {
        let hint = |text: &str| script_hint(&text.split(' ').map(OsString::from).collect::<Vec<_>>());
        for (arguments, command) in [
            ("main --mode once", "sync`"),
            ("main --mode=scheduler", "scheduler`"),
            ("main --test-connection", "check`"),
            ("main --mode daily", "commands"),
        ] {
            assert!(
                hint(arguments).is_some_and(|hint| hint.contains(command)),
                "{arguments}"
            );
        }
        assert_eq!(hint("main sync --now"), None);
    }
}
