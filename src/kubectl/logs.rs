//! `logs`: what the last run logged, by its newest pod; followed, by all its pods until it ends.

use std::{
    io::{self, Write},
    pin::pin,
    process::ExitCode,
    time::Duration,
};

use futures::{AsyncBufReadExt, StreamExt, TryStreamExt};
use jiff::tz::TimeZone;
use kube::ResourceExt;
use tokio::{sync::mpsc, time::Instant};

use super::{
    Connection,
    cluster::{Cluster, cause_of, is_forbidden},
    follow::{self, News, has_started, split},
    line::Line,
    object::Object,
    words::{Caller, Trouble},
};

/// How long nothing may come after the end of the run, until its log is taken to be complete.
const LAST_LINES: Duration = Duration::from_secs(3);

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The object
    name: String,
    /// Go on until the run ends, from one attempt's pod to the next
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
    let object = cluster.get(&args.name).await?.readable()?;
    let Some(run) = &object.status.last_run else {
        return Err(Trouble::later(format!(
            "{} has had no run yet; {} starts one",
            object.name,
            caller.hint("run", &object.namespace, &object.name)
        )));
    };
    let mut printer = Printer {
        out: io::stdout().lock(),
        raw: args.raw,
        zone: TimeZone::system(),
    };
    let done = match object.running() {
        Some(run) if args.follow => until_its_end(&cluster, &object.name, &run.job_name, &mut printer).await,
        _ => newest(&cluster, &object, &run.job_name, &mut printer).await,
    };
    match done {
        Ok(()) | Err(Stop::Enough) => Ok(ExitCode::SUCCESS),
        Err(Stop::Trouble(trouble)) => Err(trouble),
    }
}

/// Why no more lines are printed.
#[derive(Debug)]
enum Stop {
    /// The reader has had enough, `| head` for instance.
    Enough,
    Trouble(Trouble),
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

struct Printer<W> {
    out: W,
    raw: bool,
    zone: TimeZone,
}

impl<W: Write> Printer<W> {
    fn line(&mut self, text: &str) -> Result<(), Stop> {
        let written = match self.raw {
            true => writeln!(self.out, "{text}"),
            false => writeln!(self.out, "{}", Line::of(text).text(&self.zone)),
        };
        written.and_then(|()| self.out.flush()).map_err(|_| Stop::Enough)
    }
}

/// The log of the newest pod, as far as it is written.
async fn newest(cluster: &Cluster, object: &Object, job: &str, printer: &mut Printer<impl Write>) -> Result<(), Stop> {
    let pods = cluster.pods_of(job).await;
    let pods = pods.map_err(|error| refused(cluster, "list pods", error))?;
    let started = pods.iter().filter(|pod| has_started(pod)).count();
    let Some(pod) = pods.iter().rev().find(|pod| has_started(pod)) else {
        return Err(Trouble::later(gone(object, job, !pods.is_empty())).into());
    };
    if started > 1 {
        eprintln!("attempt {started} of Job {job}, pod {}", pod.name_any());
    }
    let log = cluster.log(&pod.name_any(), false, None).await;
    let mut lines = log.map_err(|error| refused(cluster, "read pods/log", error))?.lines();
    let broken = |error| Trouble::later(format!("the log of pod {} broke off: {error}", pod.name_any()));
    while let Some(line) = lines.try_next().await.map_err(broken)? {
        printer.line(split(&line).1)?;
    }
    Ok(())
}

/// The logs of all pods of the run that is going, until it has ended.
async fn until_its_end(
    cluster: &Cluster,
    name: &str,
    job: &str,
    printer: &mut Printer<impl Write>,
) -> Result<(), Stop> {
    let (sender, mut news) = mpsc::channel(64);
    let mut pods = pin!(follow::follow(cluster, job, sender));
    let mut objects = pin!(cluster.watch(name));
    // once the run has ended: until when something has to come
    let mut patience = None;
    loop {
        let end = async {
            match patience {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(told) = news.recv() => {
                tell(cluster, told, printer)?;
                patience = patience.map(|_| Instant::now() + LAST_LINES);
            }
            () = &mut pods, if !news.is_closed() => {}
            Some(seen) = objects.next(), if patience.is_none() => match seen {
                Ok(Some(object)) if goes_on(&Object::of(&object).readable()?, job) => {}
                Ok(_) => patience = Some(Instant::now() + LAST_LINES),
                Err(error) => match cause_of(error).map(|error| cluster.trouble("watch", name, error)) {
                    Some(trouble) if trouble.code == 2 => return Err(trouble.into()),
                    _ => {}
                },
            },
            () = end => return Ok(()),
        }
    }
}

fn goes_on(object: &Object, job: &str) -> bool {
    object.running().is_some_and(|run| run.job_name == job)
}

fn tell(cluster: &Cluster, news: News, printer: &mut Printer<impl Write>) -> Result<(), Stop> {
    match news {
        News::Line(text) => printer.line(&text)?,
        News::Attempt { number: 1, .. } => {}
        News::Attempt { number, pod } => eprintln!("attempt {number}: pod {pod}"),
        News::Stuck(reason, message) => eprintln!("{reason}: its pod cannot start: {message}"),
        News::NoRight(what) => return Err(no_right(cluster, &format!("read {what}")).into()),
    }
    Ok(())
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
        return no_right(cluster, what);
    }
    Trouble::later(format!("cannot {what}: {error}"))
}

fn no_right(cluster: &Cluster, what: &str) -> Trouble {
    Trouble::person(cluster.forbidden(&format!("you may not {what} in namespace {}", cluster.namespace), "get"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::kubectl::cluster::tests::{cluster as answering, list, refusal};

    fn acme(outcome: &str) -> Value {
        json!({
            "apiVersion": "wedofsheetsync.dev/v1alpha1", "kind": "WedofSheetSync",
            "metadata": {"name": "acme", "namespace": "centre", "resourceVersion": "8"},
            "status": {"lastRun": {
                "jobName": "acme-1", "jobUid": "u", "trigger": "Schedule", "startTime": "2026-11-27T07:00:00Z", "outcome": outcome,
            }},
        })
    }

    fn pod(name: &str, made: &str) -> Value {
        let state = json!({"terminated": {"exitCode": 1}});
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "uid": name, "creationTimestamp": made},
            "status": {"containerStatuses": [
                {"name": "sync", "image": "i", "imageID": "", "ready": false, "restartCount": 0, "state": state},
            ]},
        })
    }

    /// A run of two attempts, whose pods are listed by name, the later one first.
    fn cluster(ends: bool) -> Cluster {
        let attempts = [pod("a", "2026-11-27T07:01:00Z"), pod("b", "2026-11-27T07:00:00Z")];
        answering(move |request| {
            let watch = request.contains("watch=true");
            let answer = match request.split('?').next().unwrap_or_default() {
                path if path.ends_with("/wedofsheetsyncs") && !watch => list(json!([acme("Running")])),
                path if path.ends_with("/wedofsheetsyncs") && ends => {
                    json!({"type": "MODIFIED", "object": acme("Succeeded")}).to_string() + "\n"
                }
                path if path.ends_with("/pods") && !watch => {
                    json!({"apiVersion": "v1", "kind": "PodList", "metadata": {"resourceVersion": "7"}, "items": attempts})
                        .to_string()
                }
                path if path.ends_with("/a/log") => "2026-11-27T07:01:01Z the second\n".to_owned(),
                path if path.ends_with("/b/log") => "2026-11-27T07:00:01Z the first\n".to_owned(),
                path if path.ends_with("/pods/a") => attempts[0].to_string(),
                path if path.ends_with("/pods/b") => attempts[1].to_string(),
                _ => return None,
            };
            Some((200, answer))
        })
    }

    fn printer() -> Printer<Vec<u8>> {
        Printer {
            out: Vec::new(),
            raw: true,
            zone: TimeZone::UTC,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_is_followed_over_the_pods_of_its_attempts_until_it_has_ended() {
        let mut printer = printer();
        until_its_end(&cluster(true), "acme", "acme-1", &mut printer)
            .await
            .unwrap();
        assert_eq!(String::from_utf8(printer.out).unwrap(), "the first\nthe second\n");
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_its_pods_is_not_the_end_of_a_run() {
        let (cluster, mut printer) = (cluster(false), printer());
        let followed = until_its_end(&cluster, "acme", "acme-1", &mut printer);
        assert!(tokio::time::timeout(Duration::from_secs(600), followed).await.is_err());
        assert_eq!(String::from_utf8(printer.out).unwrap(), "the first\nthe second\n");
    }

    #[tokio::test(start_paused = true)]
    async fn who_may_not_read_pods_is_told_whom_to_ask() {
        let cluster = answering(|request| match request.contains("/pods") {
            true => Some((403, refusal(403, "forbidden"))),
            false => Some((200, list(json!([acme("Running")])))),
        });
        let Err(Stop::Trouble(trouble)) = until_its_end(&cluster, "acme", "acme-1", &mut printer()).await else {
            panic!("it cannot be followed")
        };
        assert_eq!(trouble.code, 2);
        assert!(
            trouble
                .message
                .starts_with("you may not read pods in namespace centre. The role `view` allows it"),
            "{trouble}"
        );
    }
}
