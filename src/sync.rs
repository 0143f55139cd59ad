//! One sync: every resource is read from Wedof to its end, becomes a table, and its tab is brought up to date; what
//! happened becomes a report and an exit code. One resource that fails never stops the others.

mod gather;
mod harvest;
mod outcome;
mod stop;

use std::{
    collections::HashMap,
    io::IsTerminal,
    path::PathBuf,
    process::ExitCode,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::{Span, Timestamp, Unit};

use self::{
    gather::{Gather, Gathered, Got, Step},
    outcome::{End, Outcomes, Requests},
};
pub use self::{outcome::NOT_TRIED, stop::Stop};
use crate::{
    config::{Config, Environment, Overrides},
    connect,
    failure::{Failure, reason},
    preview::Preview,
    progress::{self, Progress, Task},
    report::{ReportFile, RunReport},
    sheets::{self, Book, Filled, TabChange, TabWish, Unfinished},
    spec::{ResourceName, ResourceSpec},
    summary::{self, Shown},
    table::Selection,
    wedof::catalogue::Resource,
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to sync: a SyncSpec or a WedofSheetSync manifest, YAML or JSON [default: the file or text in
    /// WEDOF_SHEET_SYNC_CONFIG, else eleven resources into GOOGLE_SPREADSHEET_ID]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Say what would change and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Write what the tabs would be into this .xlsx file instead of the spreadsheet; needs no access to Google at all
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dry_run", "allow_deletions"])]
    preview: Option<PathBuf>,
    /// Accept once that this resource, named as in --resource, deletes more rows than its guard allows; can be repeated
    #[arg(long, value_name = "NAME", hide_possible_values = true)]
    allow_deletions: Vec<ResourceName>,
    /// Sync this resource only; can be repeated
    #[arg(long, value_name = "NAME")]
    resource: Vec<ResourceName>,
    /// Leave a report of at most 4,096 bytes of JSON in this file; mounted Secrets are waited for
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Log lines instead of progress bars
    #[arg(long)]
    no_progress: bool,
    /// Stop after so many seconds, at the next point where every tab is whole
    #[arg(long, value_name = "SECONDS")]
    deadline: Option<u64>,
}

/// How one sync runs, beside what its configuration says.
#[derive(Debug, Default)]
pub struct Options {
    pub dry_run: bool,
    /// Tabs go into this file; Google is not asked for anything.
    pub preview: Option<PathBuf>,
    pub allow_deletions: Vec<ResourceName>,
}

impl Options {
    /// What the end of the run is told as.
    fn what(&self) -> Shown {
        match self {
            Self { preview: Some(_), .. } => Shown::Preview,
            Self { dry_run: true, .. } => Shown::DryRun,
            Self { .. } => Shown::Sync,
        }
    }
}

/// The `sync` command.
pub async fn command(args: Args) -> ExitCode {
    let Args {
        config,
        dry_run,
        preview,
        allow_deletions,
        resource,
        report,
        no_progress,
        deadline,
    } = args;
    let overrides = Overrides {
        config,
        only: resource,
        in_pod: report.is_some(),
        without_google: preview.is_some(),
    };
    let options = Options {
        dry_run,
        preview,
        allow_deletions,
    };
    let mut file = ReportFile::new(report);
    file.write(&RunReport::running("starting"));
    let stop = Stop::on_signals(deadline.map(|seconds| Instant::now() + Duration::from_secs(seconds)));

    let config = match Environment::load() {
        Ok(environment) => stop.or_failure(Config::load(&environment, &overrides)).await,
        Err(failure) => Err(failure),
    };
    let config = match config.and_then(|config| accepted(config, &options)) {
        Ok(config) => config,
        Err(failure) => {
            file.write(&RunReport::failed(&failure));
            eprintln!("error: {failure}");
            return ExitCode::from(failure.exit_code());
        }
    };
    let progress = Progress::new(!no_progress);
    let ended = run(&config, &options, &stop, &progress, |report| file.write(report)).await;
    let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let place = match &options.preview {
        // of a run that could read nothing there is no file
        Some(path) => match ended.changes.is_empty() {
            true => String::new(),
            false => path.display().to_string(),
        },
        None => link(&config),
    };
    let table = summary::table(&ended, &place, options.what(), summary::width(), colours);
    progress::print(&table);
    ExitCode::from(ended.code)
}

/// A deletion that is accepted of nothing is a slip.
fn accepted(config: Config, options: &Options) -> Result<Config, Failure> {
    let unknown = |name: &&ResourceName| config.resources.iter().all(|spec| spec.name != **name);
    match options.allow_deletions.iter().find(unknown) {
        None => Ok(config),
        Some(name) => Err(Failure::person(
            reason::INVALID_CONFIG,
            format!("--allow-deletions {name}: this run does not sync it"),
        )),
    }
}

/// Where a person sees the spreadsheet.
pub fn link(config: &Config) -> String {
    match config.google.as_ref().and_then(|google| google.sheets_base.as_ref()) {
        Some(simulator) => simulator.to_string(),
        None => format!(
            "https://docs.google.com/spreadsheets/d/{}/edit",
            config.spec.spreadsheet_id
        ),
    }
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub report: RunReport,
    pub code: u8,
    /// What was done to the tabs that went well, or would be in a dry run, by their titles.
    pub changes: Vec<(String, TabChange)>,
}

/// One sync from beginning to end. `written` hears the report after every resource.
pub async fn run(
    config: &Config,
    options: &Options,
    stop: &Stop,
    progress: &Progress,
    mut written: impl FnMut(&RunReport),
) -> Ended {
    let start = Timestamp::now();
    let mut outcomes = Outcomes::new(&config.resources);
    let mut requests = Requests::default();
    let selections: Vec<Selection<'_>> = config.resources.iter().map(|spec| selection(config, spec)).collect();
    let end = async {
        let wedof = connect::wedof(
            &config.spec.wedof,
            &config.wedof_base,
            &config.wedof_key,
            config.patience,
            &config.network,
            stop,
        )?;
        let google = match (&config.google, &options.preview) {
            (Some(google), None) => Some(connect::google(google, config.patience, &config.network, stop).await?),
            _ => None,
        };
        let target = match (&google, &options.preview) {
            (_, Some(path)) => Target::Preview(Box::new(Mutex::new(Preview::new(path, config.zone.clone())?))),
            (Some(google), None) => {
                let book = google.open(&config.spec.spreadsheet_id).await;
                requests.sheets = google.requests();
                Target::Book(book?)
            }
            (None, None) => {
                let message = "nothing says how Google is reached";
                return Err(Failure::person(reason::INVALID_CONFIG, message));
            }
        };
        let sync = Sync {
            config,
            options,
            selections: &selections,
            order: config.resources.iter().map(|spec| spec.name).collect(),
            target,
            start,
        };
        let mut known_keys = HashMap::new();
        if let Target::Book(book) = &sync.target {
            if let Some(zone) = book.unknown_zone() {
                tracing::warn!("the spreadsheet's time zone `{zone}` is unknown; its times are written in UTC");
            }
            known_keys = book.known_keys().await?;
        }
        let mut gather = Gather::new(&wedof, config, &selections, &known_keys);
        while let Some(step) = gather.next_step() {
            if outcomes.fatal().is_some() {
                outcomes.pass_by_the_rest();
                break;
            }
            let task = progress.start(sync.title(step));
            let got = gather.take(step, |seen, total| task.read(seen, total)).await;
            let again = match &got {
                Ok(Got::Records(gathered)) => gathered.again,
                _ => None,
            };
            // folders that nobody wants for themselves have no tab; whoever derives from them says what is wrong
            let Some(index) = step.index() else {
                task.put_off();
                continue;
            };
            let Some(mut end) = sync.end(index, &task, got).await else {
                task.put_off();
                continue;
            };
            // rows would go whose records one reading of the list did not show: nothing was written, a thorough one decides
            if let (Some(list), Ok(End::Done { change, .. })) = (again, &end)
                && change.unproven > 0
                && (options.dry_run || !change.written)
            {
                let got = gather
                    .list_again(index, list, |seen, total| task.read(seen, total))
                    .await;
                end = sync.end(index, &task, got).await.unwrap_or(end);
            }
            let end = end.unwrap_or_else(|Unfinished { failure, done }| End::Failed(stop.told(failure), *done));
            let (outcome, message) = outcomes.add(index, end);
            task.done(outcome, &message);
            requests = Requests {
                wedof: wedof.requests(),
                sheets: google.as_ref().map_or(0, sheets::Client::requests),
            };
            written(&outcomes.report(requests));
        }
        requests.wedof = wedof.requests();
        if let Target::Preview(preview) = &sync.target {
            preview.lock().unwrap_or_else(PoisonError::into_inner).save()?;
        }
        Ok(())
    };
    if let Err(failure) = end.await {
        outcomes.fail_all(&stop.told(failure));
    }
    let report = outcomes.report(requests);
    written(&report);
    Ended {
        report,
        code: outcomes.exit_code(),
        changes: outcomes.into_changes(),
    }
}

/// Which columns a resource gets.
fn selection<'a>(config: &Config, spec: &'a ResourceSpec) -> Selection<'a> {
    Selection::new(Resource::of(spec.name), &spec.columns, config.spec.personal_data)
}

/// What every resource of a run needs.
struct Sync<'a> {
    config: &'a Config,
    options: &'a Options,
    /// One for each of the wanted resources.
    selections: &'a [Selection<'a>],
    /// The wanted resources.
    order: Vec<ResourceName>,
    target: Target<'a>,
    start: Timestamp,
}

/// Where tables go.
enum Target<'a> {
    Book(Book<'a>),
    Preview(Box<Mutex<Preview>>),
}

impl Sync<'_> {
    /// What a person reads while a step is under way.
    fn title(&self, step: Step) -> &str {
        match step {
            Step::Start(index) | Step::Finish(index) | Step::Folders(_, Some(index)) => {
                self.config.resources[index].title()
            }
            Step::Folders(kind, None) => kind.as_str(),
        }
    }

    /// How a resource ended; none if its records come in a later step.
    async fn end(&self, index: usize, task: &Task, got: Result<Got, Failure>) -> Option<Result<End, Unfinished>> {
        let spec = &self.config.resources[index];
        match got {
            Ok(Got::Later) => None,
            Ok(Got::Records(gathered)) => Some(self.write(index, task, gathered).await),
            Ok(Got::Unavailable(failure)) => Some(self.unavailable(spec, failure).await.map_err(Unfinished::from)),
            Err(failure) => Some(Err(failure.into())),
        }
    }

    async fn write(&self, index: usize, task: &Task, gathered: Gathered) -> Result<End, Unfinished> {
        let spec = &self.config.resources[index];
        let Gathered {
            table,
            origin,
            filters,
            deletions,
            again,
            unread,
            mut notes,
        } = gathered;
        task.compare(table.len());
        let rows = i64::try_from(table.len()).unwrap_or(i64::MAX);
        let book = match &self.target {
            Target::Book(book) => book,
            Target::Preview(preview) => {
                let mut preview = preview.lock().unwrap_or_else(PoisonError::into_inner);
                notes.extend(preview.add(index, spec.title(), &table)?);
                let change = TabChange {
                    new_tab: true,
                    added: rows,
                    written: true,
                    ..TabChange::default()
                };
                return Ok(End::Done { rows, change, notes });
            }
        };
        let wish = TabWish {
            resource: spec.name,
            title: spec.title(),
            order: &self.order,
            table: &table,
            columns: &self.selections[index],
            missing_rows: spec.missing_rows,
            proven: deletions,
            again: again.is_some(),
            guard: self.config.spec.deletion_guard.clone(),
            allow_deletions: self.options.allow_deletions.contains(&spec.name)
                || self.config.spec.deletion_guard.accepts(self.start),
            how_to_accept: &how_to_accept(spec.name, self.config.object.as_deref(), self.start),
            origin: &origin,
            unread_parents: Some(&unread),
            labels: &self.selections[index].labels(),
            filters: &filters,
        };
        let change = if self.options.dry_run {
            book.plan_tab(&wish).await?
        } else {
            book.sync_tab(&wish, &|done, all| task.written(done, all)).await?
        };
        notes.extend(change.notes.iter().cloned());
        Ok(End::Done { rows, change, notes })
    }

    /// A resource that nobody asked for by name and that never filled a tab may be missing; one that people rely on may
    /// not go stale in silence.
    async fn unavailable(&self, spec: &ResourceSpec, failure: Failure) -> Result<End, Failure> {
        if let Target::Book(book) = &self.target
            && let Some(Filled { title, written }) = book.tab_of(spec.name).await?
        {
            let personal = failure.reason == reason::PERSONAL_DATA;
            let message = match (personal, written) {
                (true, _) => format!(
                    "{}. Its tab {title:?} still holds such data of an earlier run: delete it",
                    failure.message
                ),
                (false, Some(day)) => format!(
                    "{}; tab {title:?} keeps what earlier runs wrote, the last of it on {day}, and is out of date",
                    failure.message
                ),
                (false, None) => format!(
                    "{}; tab {title:?} keeps what earlier runs wrote and is out of date",
                    failure.message
                ),
            };
            let failure = Failure { message, ..failure };
            return match personal && self.config.by_default {
                true => Ok(End::Unavailable(failure)),
                false => Err(failure),
            };
        }
        match self.config.by_default {
            true => Ok(End::Unavailable(failure)),
            false => Err(failure),
        }
    }
}

/// How a person accepts once what the guard refused, with a command to paste if the run was made by an object.
fn how_to_accept(resource: ResourceName, object: Option<&str>, start: Timestamp) -> String {
    // long enough for the next run of a daily schedule
    let until = start
        .checked_add(Span::new().hours(25))
        .and_then(|until| until.round(Unit::Minute))
        .unwrap_or(start);
    match object.and_then(|object| object.split_once('/')) {
        Some((namespace, name)) => format!(
            "by a moment before which runs may do so: kubectl patch wedofsheetsync {name} -n {namespace} --type merge -p \
             '{{\"spec\":{{\"deletionGuard\":{{\"acceptUntil\":\"{until}\"}}}}}}' (at a terminal: --allow-deletions {resource})"
        ),
        None => format!(
            "with --allow-deletions {resource}, or by a moment before which runs may do so, deletionGuard.acceptUntil: \
             {until}"
        ),
    }
}
