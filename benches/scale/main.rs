//! Memory, requests, processor and times of the operator with thousands of objects, on a real API server with its
//! controllers, where kwok plays the node on which runs run.
//!
//! `make bench-scale` starts a cluster, measures 1,000 and 5,000 objects and stops it. On a cluster of one's own, without
//! any of our objects: `cargo bench --bench scale -- 1000`. It fails if the operator holds more than [`MOST_MEMORY`] with
//! 5,000 objects, or asks anything but watches of the API server at rest.

mod cluster;
mod operator;
mod process;
mod requests;
mod runs;
mod whole;

use std::{
    error::Error,
    path::Path,
    process::{ExitCode, Stdio},
    time::{Duration, Instant},
};

use kube::Client;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use self::{
    operator::{Operator, Reconciliations},
    process::{Memory, Process},
    requests::Counter,
    runs::Observer,
};

/// Asks this program to be the baseline.
const BASELINE: &str = "whole-objects";
/// What 5,000 objects with their CronJobs may take, pages of the program's file included.
const MOST_MEMORY: u64 = 40_000_000;
/// How long rest is watched: once around every watch, which the client renews after 290 seconds, takes too long.
const REST: Duration = Duration::from_secs(60);
/// After this time without a request the operator is at rest.
const QUIET: Duration = Duration::from_secs(5);
/// How long anything may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(1800);
/// Runs that Kubernetes' controllers and kwok carry out, all at once.
const RUNS: usize = 200;
/// Such runs one after the other, as on any day: one a second are 86,400 a day, 17 of each of 5,000 objects.
const IN_TURN: usize = 60;
const PAUSE: Duration = Duration::from_secs(1);

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    // what cargo adds
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("error: TLS is set up twice");
    }
    let done = match arguments.first().map(String::as_str) {
        Some(BASELINE) => whole::hold().await,
        Some(count) => match count.parse() {
            Ok(count) => measure(count).await,
            Err(_) => Err(format!("`{count}` is no number of objects").into()),
        },
        None => measure(1000).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(count: usize) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let kubeconfig = folder.path().join("operator.kubeconfig");
    let log = std::env::temp_dir().join(format!("wedof-sheet-sync-bench-scale-{count}.log"));
    let client = Client::try_default().await?;
    cluster::prepare(&client, &kubeconfig).await?;
    let kwok = cluster::start_kwok(folder.path())?;
    let begun = Instant::now();
    cluster::create_objects(&client, count).await?;
    println!(
        "{count} objects, created in {:.0} s; the operator's log: {}",
        begun.elapsed().as_secs_f64(),
        log.display()
    );
    let mut table = Table::new(&client).await?;

    // nothing is there but the objects: every CronJob is created, every status written
    let observer = Observer::start(&client);
    let operator = Operator::start(&kubeconfig, &log)?;
    let listed = operator.ready().await;
    observer.all_ready(count, PATIENCE).await?;
    table.times("start, no CronJobs", listed, operator.process.started.elapsed());
    table
        .phase("start, no CronJobs", &operator, &Reconciliations::default())
        .await?;

    let rest = table.rest("rest", &operator).await?;
    operator.process.stop().await?;

    // everything is there
    let operator = start_warm(&mut table, "start, all there", &kubeconfig, &log, count).await?;
    let held = operator.process.memory()?;

    let before = operator.reconciliations().await?;
    let mut runs = RUNS.min(count);
    let begun = Instant::now();
    runs::ask(&client, 0..runs).await?;
    observer.all_told(runs, PATIENCE).await?;
    table.delays("runs at once", &observer, begun);
    table.phase("runs at once", &operator, &before).await?;

    let before = operator.reconciliations().await?;
    let begun = Instant::now();
    let in_turn = runs..(runs + IN_TURN).min(count);
    runs += in_turn.len();
    let writes = runs::ask_in_turn(&client, in_turn, PAUSE).await?;
    observer.all_told(runs, PATIENCE).await?;
    table.quantiles("runs in turn: one write of this bench to the API server", &writes);
    table.delays("runs in turn", &observer, begun);
    table.phase("runs in turn", &operator, &before).await?;

    // every object has a finished run, as after the first day
    let before = operator.reconciliations().await?;
    runs::finish(&client, count, 1).await?;
    observer.all_told(runs + count, PATIENCE).await?;
    table.phase("a finished run each", &operator, &before).await?;
    let rest_with_runs = table.rest("rest, a run each", &operator).await?;
    operator.process.stop().await?;

    let operator = start_warm(&mut table, "start, a run each", &kubeconfig, &log, count).await?;
    operator.process.stop().await?;
    baseline(&mut table, &kubeconfig).await?;
    kwok.stop().await?;

    let mut broken = Vec::new();
    if count <= 5000 && held.resident > MOST_MEMORY {
        broken.push(format!("{count} objects take {} bytes", held.resident));
    }
    for asked in [rest, rest_with_runs] {
        if asked > 0 {
            broken.push(format!("{asked} requests at rest that are no watches"));
        }
    }
    match broken.is_empty() {
        true => Ok(()),
        false => Err(broken.join("; ").into()),
    }
}

/// Starts the operator where nothing is to be done, and waits until it has looked at everything.
async fn start_warm(table: &mut Table, what: &str, kubeconfig: &Path, log: &Path, count: usize) -> Result<Operator> {
    let operator = Operator::start(kubeconfig, log)?;
    let listed = operator.ready().await;
    while operator.reconciliations().await?.count < count as u64 {
        // each question makes the operator write the metrics of all objects
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    table.times(what, listed, operator.process.started.elapsed());
    tokio::time::sleep(QUIET).await;
    table.phase(what, &operator, &Reconciliations::default()).await?;
    Ok(operator)
}

/// The baseline in the same cluster at the same moment.
async fn baseline(table: &mut Table, kubeconfig: &Path) -> Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg(BASELINE)
        .env("KUBECONFIG", kubeconfig)
        .stdout(Stdio::piped());
    let mut process = Process::start(&mut command)?;
    let output = process.output().ok_or("no output")?;
    let line = BufReader::new(output).lines().next_line().await?;
    if line.as_deref() != Some("ready") {
        return Err("the baseline did not start".into());
    }
    tokio::time::sleep(QUIET).await;
    let memory = process.memory()?;
    table.memory("whole objects in reflectors", memory);
    table.counter.take().await?;
    process.stop().await?;
    Ok(())
}

/// What is printed, line by line as it is measured.
struct Table {
    counter: Counter,
}

impl Table {
    async fn new(client: &Client) -> Result<Self> {
        let counter = Counter::new(client.clone()).await?;
        Ok(Self { counter })
    }

    fn times(&self, what: &str, listed: Duration, reconciled: Duration) {
        let [listed, reconciled] = [listed, reconciled].map(|time| time.as_secs_f64());
        println!("{what}: all listed after {listed:.2} s, all reconciled after {reconciled:.2} s");
    }

    fn memory(&self, what: &str, memory: Memory) {
        let Memory { resident, own, peak } = memory;
        let [resident, own, peak] = [resident, own, peak].map(|bytes| bytes as f64 / 1e6);
        println!("{what}: {resident:.1} MB resident, {own:.1} MB of it own, {peak:.1} MB at most");
    }

    /// What a phase took, from the last call on.
    async fn phase(&mut self, what: &str, operator: &Operator, before: &Reconciliations) -> Result<()> {
        self.memory(what, operator.process.memory()?);
        println!("{what}: requests {}", self.counter.take().await?);
        let done = operator.reconciliations().await?.since(before);
        let quantile = |share| match done.quantile(share) {
            Some(bound) => format!("≤ {bound:?}"),
            None => "unknown".into(),
        };
        println!(
            "{what}: {} reconciliations, {} with errors, p50 {}, p99 {}; processor {:.2} s since its start",
            done.count,
            done.errors,
            quantile(0.5),
            quantile(0.99),
            operator.process.cpu()?.as_secs_f64(),
        );
        operator.process.forget_peak()?;
        Ok(())
    }

    /// Waits until the operator is at rest and watches it; gives the requests that are no watches.
    async fn rest(&mut self, what: &str, operator: &Operator) -> Result<u64> {
        let begun = Instant::now();
        loop {
            tokio::time::sleep(QUIET).await;
            let asked = self.counter.take().await?;
            if asked.beside_watches() == 0 {
                break;
            }
            println!("{what}: not yet, {asked}");
            if begun.elapsed() > PATIENCE {
                return Err("the operator does not come to rest".into());
            }
        }
        operator.process.forget_peak()?;
        let (before, cpu) = (operator.reconciliations().await?, operator.process.cpu()?);
        tokio::time::sleep(REST).await;
        let cpu = operator.process.cpu()? - cpu;
        let asked = self.counter.take().await?;
        let done = operator.reconciliations().await?.since(&before);
        self.memory(what, operator.process.memory()?);
        println!(
            "{what}: in {REST:?} {:.2} s of processor ({:.2} %), {} reconciliations, requests {asked}",
            cpu.as_secs_f64(),
            100.0 * cpu.as_secs_f64() / REST.as_secs_f64(),
            done.count,
        );
        Ok(asked.beside_watches())
    }

    fn delays(&self, what: &str, observer: &Observer, begun: Instant) {
        let (jobs, pods) = observer.delays(begun);
        for (end, delays) in [("the Job's end", jobs), ("the pod's end", pods)] {
            self.quantiles(&format!("{what}: from {end} to the status"), &delays);
        }
    }

    /// Of times in order.
    fn quantiles(&self, what: &str, times: &[Duration]) {
        let at = |share: f64| {
            let index = (times.len() as f64 * share).ceil() as usize;
            let time = times.get(index.saturating_sub(1)).copied();
            time.unwrap_or_default().as_secs_f64()
        };
        println!(
            "{what} p50 {:.3} s, p99 {:.3} s, at most {:.3} s (of {})",
            at(0.5),
            at(0.99),
            at(1.0),
            times.len()
        );
    }
}
