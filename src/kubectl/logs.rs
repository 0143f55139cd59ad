//! `logs`: what the last run logged, by its newest pod.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use futures::{AsyncBufReadExt, TryStreamExt};
use jiff::tz::TimeZone;
use kube::ResourceExt;

use super::{
    Connection,
    cluster::{Cluster, is_forbidden},
    follow::{has_started, split},
    line::Line,
    object::Object,
    words::{Caller, Trouble},
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The object
    name: String,
    /// Go on until the run ends
    #[arg(short, long)]
    follow: bool,
    /// Lines as the run wrote them, JSON for instance
    #[arg(long)]
    raw: bool,
    #[command(flatten)]
    connection: Connection,
}

pub async fn command(args: Args, caller: Caller) -> Result<ExitCode, Trouble> {
    let cluster = Cluster::connect(&args.connection).await?;
    let object = cluster.get(&args.name).await?;
    let Some(run) = &object.status.last_run else {
        return Err(Trouble::later(format!(
            "{} has had no run yet; {} starts one",
            object.name,
            caller.hint("run", &object.namespace, &object.name)
        )));
    };
    let pods = cluster.pods_of(&run.job_name).await;
    let pods = pods.map_err(|error| refused(&cluster, "list pods", error))?;
    let started = pods.iter().filter(|pod| has_started(pod)).count();
    let Some(pod) = pods.iter().rev().find(|pod| has_started(pod)) else {
        return Err(Trouble::later(gone(&object, &run.job_name, !pods.is_empty())));
    };
    if started > 1 {
        eprintln!("attempt {started} of Job {}, pod {}", run.job_name, pod.name_any());
    }
    let log = cluster.log(&pod.name_any(), args.follow, None).await;
    let mut lines = log.map_err(|error| refused(&cluster, "read pods/log", error))?.lines();
    let zone = TimeZone::system();
    let mut out = io::stdout().lock();
    while let Ok(Some(line)) = lines.try_next().await {
        let (_, text) = split(&line);
        let written = match args.raw {
            true => writeln!(out, "{text}"),
            false => writeln!(out, "{}", Line::of(text).text(&zone)),
        };
        // `| head` has had enough
        if written.and_then(|()| out.flush()).is_err() {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Why there is no log.
fn gone(object: &Object, job: &str, waiting: bool) -> String {
    if waiting {
        let run = object.status.last_run.as_ref();
        let why = run.and_then(|run| Some(format!(": {}", run.message.as_ref()?)));
        return format!("the pod of Job {job} has not started{}", why.unwrap_or_default());
    }
    let told = object.status.last_run.as_ref().and_then(|run| run.message.as_ref());
    let told = told.map(|message| format!("; the run ended with: {message}"));
    format!(
        "the pods of Job {job} are gone, and their log with them{}",
        told.unwrap_or_default()
    )
}

fn refused(cluster: &Cluster, what: &str, error: kube::Error) -> Trouble {
    if is_forbidden(&error) {
        return Trouble::person(format!(
            "you may not {what} in namespace {}: ask for that right (the role `view` has it)",
            cluster.namespace
        ));
    }
    Trouble::later(format!("cannot {what}: {error}"))
}
