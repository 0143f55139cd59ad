//! `scheduler`: syncs without Kubernetes. One at the start, then one at every time of its [`rule`], until it is told to
//! stop. No failure of a run ends it: the configuration is read anew before each, and what may pass is tried again soon.
//!
//! It waits by the clock on the wall and looks at it every half minute, so that a machine that slept, or a clock that was
//! set, is noticed; time missed is caught up once.

mod health;
mod rule;

use std::{io::IsTerminal, net::SocketAddr, panic::AssertUnwindSafe, path::PathBuf, process::ExitCode, time::Duration};

use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use self::{
    health::{LastRun, Watch, router},
    rule::{Rule, in_words},
};
use crate::{
    config::{Config, Environment, Overrides, Timing},
    failure::{Failure, reason},
    progress::{self, Progress},
    report::{RunOutcome, RunReport},
    summary::{self, Shown},
    sync::{self, Ended, Options, Stop},
    words::counted,
};

const DEFAULT_TIME: &str = "09:00";
/// The clock is read again at least so often.
const LOOK: Duration = Duration::from_secs(30);
/// A run that starts so much later than its time was missed.
const CATCHING_UP: SignedDuration = SignedDuration::from_mins(2);
/// Pauses before further tries of a run that failed for what may pass, as a Job has its backoff.
const PAUSES: [Duration; 3] = [
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(30 * 60),
];

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// What to sync, and when if it is a WedofSheetSync manifest [default: the file or text in WEDOF_SHEET_SYNC_CONFIG,
    /// else eleven resources into GOOGLE_SPREADSHEET_ID]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Time of the daily sync, in the configuration's timeZone, else in TZ, else in Europe/Paris
    /// [default: the manifest's schedule, else SYNC_SCHEDULE, else SYNC_TIME, else 09:00]
    #[arg(long, value_name = "HH:MM", conflicts_with = "schedule")]
    time: Option<String>,
    /// Times as a cron expression of five fields, as in `H 7 * * 1-5`, instead of a daily time
    #[arg(long, value_name = "CRON")]
    schedule: Option<String>,
    /// Serve /healthz (last run, next time; 503 if the last success is too old) and /readyz at this address, such as
    /// 127.0.0.1:8080 [default: HEALTH_ADDRESS, else nothing is served]
    #[arg(long, value_name = "ADDR")]
    health: Option<SocketAddr>,
    /// Log lines instead of progress bars
    #[arg(long)]
    no_progress: bool,
}

/// The `scheduler` command.
pub async fn command(args: Args) -> ExitCode {
    let stop = Stop::on_signals(None);
    match serve(&args, &stop).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

/// A configuration that cannot work ends the start: somebody is there to read why. Later it ends a run only.
async fn serve(args: &Args, stop: &Stop) -> Result<(), Failure> {
    let (environment, _, rule) = load(args).await?;
    let watch = Watch::default();
    if let Some(address) = health_address(args, &environment)? {
        let cannot = |error| {
            Failure::person(
                reason::INVALID_CONFIG,
                format!("health endpoint: cannot listen on {address}: {error}"),
            )
        };
        let listener = TcpListener::bind(address).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        tracing::info!("health endpoint: http://{address}/healthz");
        let routes = router(watch.clone(), Timestamp::now);
        tokio::spawn(async move { axum::serve(listener, routes).await });
    }
    tracing::info!("a sync now, then {rule}");
    run(&SystemClock, &stop.token(), &watch, rule, async || {
        one(args, stop).await
    })
    .await;
    tracing::info!("stopped");
    Ok(())
}

async fn load(args: &Args) -> Result<(Environment, Config, Rule), Failure> {
    let environment = Environment::load()?;
    let overrides = Overrides {
        config: args.config.clone(),
        ..Overrides::default()
    };
    let config = Config::load(&environment, &overrides).await?;
    let rule = rule_of(args, &environment, &config)?;
    Ok((environment, config, rule))
}

/// Flags win; then the config file, whose gaps variables fill.
fn rule_of(args: &Args, environment: &Environment, config: &Config) -> Result<Rule, Failure> {
    let zone = config.zone.clone();
    // without an object's name, the spreadsheet is what tells one scheduler from another
    let timing = |schedule: &str| Timing {
        schedule: schedule.to_owned(),
        seed: config.spec.spreadsheet_id.clone(),
    };
    match (&args.time, &args.schedule, &config.timing) {
        (Some(time), ..) => Rule::daily(time, "--time", zone),
        (None, Some(schedule), _) => Rule::cron(&timing(schedule), "--schedule", zone),
        (None, None, Some(timing)) => Rule::cron(timing, "spec.schedule", zone),
        (None, None, None) => match (environment.get("SYNC_SCHEDULE"), environment.get("SYNC_TIME")) {
            (Some(_), Some(_)) => Err(Failure::person(
                reason::INVALID_CONFIG,
                "SYNC_TIME and SYNC_SCHEDULE are both set: keep the one that says when to sync",
            )),
            (Some(schedule), None) => Rule::cron(&timing(schedule), "SYNC_SCHEDULE", zone),
            (None, time) => Rule::daily(time.unwrap_or(DEFAULT_TIME), "SYNC_TIME", zone),
        },
    }
}

fn health_address(args: &Args, environment: &Environment) -> Result<Option<SocketAddr>, Failure> {
    let parse = |text: &str| {
        text.parse().map_err(|_| {
            Failure::person(
                reason::INVALID_CONFIG,
                format!("HEALTH_ADDRESS: `{text}` is no address with a port, such as 127.0.0.1:8080 or 0.0.0.0:8080"),
            )
        })
    };
    match args.health {
        Some(address) => Ok(Some(address)),
        None => environment.get("HEALTH_ADDRESS").map(parse).transpose(),
    }
}

/// How one run ended, and the times from here on if the configuration could be read.
#[derive(Debug)]
pub struct Ran {
    pub report: RunReport,
    /// The exit code that `sync` would have.
    pub code: u8,
    pub rule: Option<Rule>,
}

impl Ran {
    fn failed(failure: &Failure) -> Self {
        Self {
            report: RunReport::failed(failure),
            code: failure.exit_code(),
            rule: None,
        }
    }
}

async fn one(args: &Args, stop: &Stop) -> Ran {
    let (config, rule) = match load(args).await {
        Ok((_, config, rule)) => (config, rule),
        Err(failure) => return Ran::failed(&failure),
    };
    let progress = Progress::new(!args.no_progress);
    let ended = sync::run(&config, &Options::default(), stop, &progress, |_| {}).await;
    if std::io::stdout().is_terminal() {
        let colours = std::env::var_os("NO_COLOR").is_none();
        let link = sync::link(&config);
        let table = summary::table(&ended, &link, Shown::Sync, summary::width(), colours);
        progress::print(&table);
    }
    let Ended { report, code, .. } = ended;
    Ran {
        report,
        code,
        rule: Some(rule),
    }
}

/// The clock on the wall.
pub trait Clock {
    fn now(&self) -> Timestamp;
    fn sleep(&self, time: Duration) -> impl Future<Output = ()>;
}

pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep(&self, time: Duration) -> impl Future<Output = ()> {
        tokio::time::sleep(time)
    }
}

/// Runs `job` now and at every time of the rule, until `stop` is cancelled; a job under way ends by itself.
pub async fn run(
    clock: &impl Clock,
    stop: &CancellationToken,
    watch: &Watch,
    mut rule: Rule,
    mut job: impl AsyncFnMut() -> Ran,
) {
    let mut tries = 0;
    loop {
        let start = clock.now();
        watch.starts(start, &rule);
        let ran = AssertUnwindSafe(job()).catch_unwind().await;
        let Ran {
            report,
            code,
            rule: new,
        } = ran.unwrap_or_else(|_| {
            let message = "the run ended by a defect of this program: please report it with the lines above";
            Ran::failed(&Failure::later(reason::INTERNAL, message))
        });
        watch.ended(start, clock.now(), &report);
        tell(&report, clock.now().duration_since(start).as_secs());
        if let Some(new) = new.filter(|new| *new != rule) {
            tracing::info!("from now on {new}");
            rule = new;
        }
        if stop.is_cancelled() {
            return;
        }
        // what may pass is tried again, unless its next time comes first
        let pause = PAUSES.get(tries).filter(|_| code == 1);
        let again = pause.map(|pause| clock.now() + *pause);
        tries = if again.is_some() { tries + 1 } else { 0 };
        let mut told = None;
        loop {
            let now = clock.now();
            let due = rule.due(now, start);
            let next = due.into_iter().chain(again).min();
            watch.waits(&rule, next);
            let Some(next) = next else {
                tracing::error!("there is no next time within five years: {rule}");
                return stop.cancelled().await;
            };
            if next <= now {
                if due == Some(next) {
                    tries = 0;
                }
                if now.duration_since(next) > CATCHING_UP {
                    tracing::warn!(
                        "the sync of {} was missed; catching up now",
                        next.to_zoned(rule.zone().clone())
                    );
                }
                break;
            }
            if told.replace(next) != Some(next) {
                let what = if again == Some(next) {
                    "trying again"
                } else {
                    "next sync"
                };
                tracing::info!("{what}: {}", in_words(next, now, rule.zone()));
            }
            let left = Duration::try_from(next.duration_since(now)).unwrap_or(LOOK);
            tokio::select! {
                () = clock.sleep(left.min(LOOK)) => {}
                () = stop.cancelled() => return,
            }
        }
    }
}

fn tell(report: &RunReport, seconds: i64) {
    let RunReport {
        outcome,
        message,
        rows,
        added,
        updated,
        removed,
        ..
    } = report;
    let counts = format!(
        "{}, {added} added, {updated} updated, {removed} removed, in {seconds} s",
        counted(*rows, "row")
    );
    match (outcome, message) {
        (RunOutcome::Succeeded, _) => tracing::info!("sync done: {counts}"),
        (RunOutcome::Partial, Some(message)) => tracing::error!("sync partly done: {counts}; {message}"),
        (_, message) => tracing::error!("sync failed: {}", message.as_deref().unwrap_or("without a message")),
    }
}
