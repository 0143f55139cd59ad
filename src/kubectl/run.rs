//! `run`: asks for a run by an annotation, and follows it to its end.

use std::{pin::pin, process::ExitCode, sync::Arc, time::Duration};

use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use tokio::{sync::mpsc, task::JoinHandle, time::Instant};

use super::{
    Connection,
    cluster::{Cluster, cause_of},
    details,
    follow::{self, News},
    object::Object,
    show::Screen,
    standing::{End, Standing, standing},
    words::{Caller, Trouble},
};
use crate::{api::RunState, progress::print, summary::width};

/// After so long without any reaction of the operator, that is said, and after so long it is given up.
const QUIET: Duration = Duration::from_secs(15);
const DEAF: Duration = Duration::from_secs(60);
/// How long the last lines of a log may take after the end of the run.
const LAST_LINES: Duration = Duration::from_secs(3);
/// As `timeout` does.
const TIMED_OUT: u8 = 124;
const INTERRUPTED: u8 = 130;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The object
    name: String,
    /// Follow the run to its end, with its log; the exit code is the run's: 0 well, 1 a later run may succeed, 2 a person
    /// has to change something
    #[arg(short, long)]
    wait: bool,
    /// How long to wait for the run's end (90s, 15m, 1h30m); then the exit code is 124, and the run goes on
    #[arg(long, value_name = "DURATION", default_value = "2h", value_parser = duration)]
    timeout: Duration,
    #[command(flatten)]
    connection: Connection,
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<SignedDuration>().map_err(|error| error.to_string())?;
    Duration::try_from(parsed).map_err(|_| "a duration is not negative".to_owned())
}

pub async fn command(args: Args, caller: Caller) -> Result<ExitCode, Trouble> {
    let Args {
        name,
        wait,
        timeout,
        connection,
    } = args;
    let cluster = Arc::new(Cluster::connect(&connection).await?);
    let request = Timestamp::now().to_string();
    let object = cluster.ask(&name, &request).await?;
    if !wait {
        return asked(&object, &request, caller);
    }
    let follower = Follower {
        cluster,
        object,
        request,
        screen: Screen::new(),
        pods: None,
        unheard_since: None,
        caller,
    };
    follower.wait(timeout).await
}

/// A run was asked for and is not waited for.
fn asked(object: &Object, request: &str, caller: Caller) -> Result<ExitCode, Trouble> {
    let Object { name, namespace, .. } = object;
    match standing(object, request) {
        Standing::Refused {
            reason,
            message,
            person,
        } => return Err(refused(object, &reason, &message, person)),
        Standing::Queued { job } => print(&format!("A run of {name} is asked for; Job {job} goes first.\n")),
        _ => print(&format!("A run of {name} is asked for.\n")),
    }
    if object.suspend {
        print("Its schedule is suspended; this run starts all the same.\n");
    }
    print(&format!("How it goes: {}\n", caller.hint("status", namespace, name)));
    Ok(ExitCode::SUCCESS)
}

fn refused(object: &Object, reason: &str, message: &str, person: bool) -> Trouble {
    let text = format!(
        "{} cannot run: {reason}: {message}. The request stays: the run starts when that is mended",
        object.name
    );
    match person {
        true => Trouble::person(text),
        false => Trouble::later(text),
    }
}

struct Follower {
    cluster: Arc<Cluster>,
    /// As it was seen last.
    object: Object,
    request: String,
    screen: Screen,
    /// The Job whose pods are followed.
    pods: Option<Pods>,
    /// Since when the operator has not reacted.
    unheard_since: Option<Instant>,
    caller: Caller,
}

struct Pods {
    job: String,
    news: mpsc::Receiver<News>,
    task: JoinHandle<()>,
}

impl Drop for Pods {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Follower {
    async fn wait(mut self, timeout: Duration) -> Result<ExitCode, Trouble> {
        if self.object.suspend {
            self.screen
                .say("The schedule is suspended; this run starts all the same.");
        }
        if let Some(end) = self.step()? {
            return self.end(&end).await;
        }
        let cluster = self.cluster.clone();
        let name = self.object.name.clone();
        let mut objects = pin!(cluster.watch(&name));
        let mut deadline = pin!(tokio::time::sleep(timeout));
        let mut interrupt = pin!(tokio::signal::ctrl_c());
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                Some(seen) = objects.next() => match seen {
                    Ok(Some(object)) => {
                        self.object = Object::of(&object).readable()?;
                        if let Some(end) = self.step()? {
                            return self.end(&end).await;
                        }
                    }
                    Ok(None) => return Err(self.gone()),
                    Err(error) => {
                        let trouble = cause_of(error).map(|error| cluster.trouble("watch", &name, error));
                        match trouble {
                            Some(trouble) if trouble.code == 2 => return Err(trouble),
                            Some(trouble) => self.screen.say(&format!("{trouble}; trying again")),
                            None => {}
                        }
                    }
                },
                Some(news) = next(&mut self.pods) => self.screen.news(news),
                _ = tick.tick() => self.listen()?,
                () = &mut deadline => return Ok(self.leave("The time is up", TIMED_OUT)),
                _ = &mut interrupt => return Ok(self.leave("Interrupted", INTERRUPTED)),
            }
        }
    }

    /// Takes in what the object tells. Gives the end of the run, if it has come.
    fn step(&mut self) -> Result<Option<End>, Trouble> {
        let now = standing(&self.object, &self.request);
        match &now {
            Standing::Unheard { note: None } => {
                self.unheard_since.get_or_insert_with(Instant::now);
            }
            _ => self.unheard_since = None,
        }
        match now {
            Standing::Unheard { note } => {
                if let Some(note) = note {
                    self.screen.say(&format!("Not yet: {note}"));
                }
            }
            Standing::Refused {
                reason,
                message,
                person,
            } => return Err(refused(&self.object, &reason, &message, person)),
            Standing::Queued { job } => self
                .screen
                .say(&format!("Job {job} goes first; this run waits for its end")),
            Standing::Running { job, trouble } => {
                self.follow_pods(job);
                if let Some((reason, message)) = trouble {
                    self.screen.trouble(&reason, &message);
                }
            }
            Standing::Ended(end) => return Ok(Some(*end)),
            Standing::Replaced { by } => {
                self.screen
                    .say("Somebody has asked for another run meanwhile, which takes this one's place: following it");
                self.request = by;
                return self.step();
            }
            Standing::Gone => return Err(self.gone()),
        }
        Ok(None)
    }

    fn follow_pods(&mut self, job: String) {
        if self.pods.as_ref().is_some_and(|pods| pods.job == job) {
            return;
        }
        self.screen.say(&format!("Job {job} is started"));
        let (sender, news) = mpsc::channel(64);
        let (cluster, of) = (self.cluster.clone(), job.clone());
        let task = tokio::spawn(async move { follow::follow(&cluster, &of, sender).await });
        self.pods = Some(Pods { job, news, task });
    }

    /// Looks whether the operator is heard at all.
    fn listen(&mut self) -> Result<(), Trouble> {
        let quiet = self.unheard_since.map(|since| since.elapsed()).unwrap_or_default();
        if quiet >= DEAF {
            return Err(Trouble::later(format!(
                "the operator has not reacted for {} s. Is it running? kubectl get pods --all-namespaces --selector \
                 app.kubernetes.io/name=wedof-sheet-sync,app.kubernetes.io/component=operator. The request stays: the run \
                 starts when the operator does",
                DEAF.as_secs()
            )));
        }
        if quiet >= QUIET {
            self.screen.say("The operator has not reacted yet; waiting");
        }
        Ok(())
    }

    fn gone(&self) -> Trouble {
        Trouble::person(format!("{} was deleted", self.object.name))
    }

    /// Stops following; the run does not stop.
    fn leave(&mut self, why: &str, code: u8) -> ExitCode {
        self.screen.clear();
        let Object { name, namespace, .. } = &self.object;
        let state = match self.pods {
            Some(_) => "the run goes on",
            None => "the run starts without you",
        };
        let text = format!(
            "{why}; {state}. How it goes: {}; its log: {}",
            self.caller.hint("status", namespace, name),
            self.caller.hint("logs --follow", namespace, name)
        );
        self.screen.say(&text);
        ExitCode::from(code)
    }

    /// The run has ended: its last lines, and what came of it.
    async fn end(&mut self, end: &End) -> Result<ExitCode, Trouble> {
        if let Some(pods) = &mut self.pods {
            let until = Instant::now() + LAST_LINES;
            while let Ok(Some(news)) = tokio::time::timeout_at(until, pods.news.recv()).await {
                self.screen.news(news);
            }
        }
        self.screen.clear();
        if !matches!(end.outcome, RunState::Succeeded | RunState::Partial) {
            self.screen.say_unlogged();
        }
        print(&details::end(&self.object, end, width(), console::colors_enabled()));
        Ok(ExitCode::from(end.code()))
    }
}

/// The next news of the pods; for ever nothing if none are followed or no more will come.
async fn next(pods: &mut Option<Pods>) -> Option<News> {
    match pods {
        Some(pods) => match pods.news.recv().await {
            Some(news) => Some(news),
            None => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}
