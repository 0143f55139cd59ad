//! What a person sees of a sync under way: bars at a terminal, lines of the log every few seconds elsewhere.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use crate::{report::ResourceOutcome, words::counted};

/// Lines of the log about one resource come at most so often.
const EVERY: Duration = Duration::from_secs(5);

const READ: &str = " records read";

/// The bars of this process, which log lines must not run into.
static BARS: OnceLock<MultiProgress> = OnceLock::new();

/// How a run shows where it is.
pub struct Progress {
    bars: Option<&'static MultiProgress>,
}

impl Progress {
    /// Bars if standard error is a terminal and they are wanted.
    pub fn new(bars: bool) -> Self {
        Self {
            bars: (bars && io::stderr().is_terminal()).then(|| BARS.get_or_init(MultiProgress::new)),
        }
    }

    pub fn has_bars(&self) -> bool {
        self.bars.is_some()
    }

    /// A resource begins.
    pub fn start(&self, tab: &str) -> Task {
        let bar = self.bars.map(|bars| {
            let bar = bars.add(ProgressBar::no_length().with_prefix(tab.to_owned()));
            bar.set_style(style(WAITING));
            bar.set_message("asking Wedof");
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Task {
            bar,
            tab: tab.to_owned(),
            started: Mutex::new(Instant::now()),
            told: Mutex::new(Instant::now()),
        }
    }
}

/// What a line of a log tells of a resource under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step<'a> {
    pub tab: &'a str,
    pub records: u64,
    pub total: Option<u64>,
    /// All of its records are read.
    pub is_all: bool,
}

/// Reads a line that a [`Task`] logged, in another process for instance.
pub fn parse(line: &str) -> Option<Step<'_>> {
    let (head, rest) = line.rsplit_once(READ)?;
    // titles of tabs may hold colons
    let (tab, counts) = head.rsplit_once(": ")?;
    let (records, total) = match counts.split_once(" of ") {
        Some((records, total)) => (records, Some(total.parse().ok()?)),
        None => (counts, None),
    };
    Some(Step {
        tab,
        records: records.parse().ok()?,
        total,
        is_all: rest.is_empty(),
    })
}

/// One resource under way.
pub struct Task {
    bar: Option<ProgressBar>,
    tab: String,
    /// What is counted now.
    started: Mutex<Instant>,
    /// When the last line was logged.
    told: Mutex<Instant>,
}

impl Task {
    /// So many records are read, of so many if that is known.
    pub fn read(&self, records: u64, total: Option<u64>) {
        let total = total.filter(|total| *total >= records);
        let Some(bar) = &self.bar else {
            self.log(Work::Reading, records, total);
            return;
        };
        match total {
            Some(total) => {
                if bar.length().is_none() {
                    bar.set_style(style(COUNTING));
                    bar.set_message("read");
                }
                bar.set_length(total);
            }
            None => bar.set_message(format!("reading Wedof, {records} records")),
        }
        bar.set_position(records);
    }

    /// All records are read; the tab is looked at.
    pub fn compare(&self, rows: usize) {
        match &self.bar {
            Some(bar) => {
                bar.set_style(style(WAITING));
                bar.unset_length();
                bar.set_message(format!("comparing {}", counted(rows, "row")));
            }
            None => tracing::info!("{}: {rows}{READ}", self.tab),
        }
        self.begin();
    }

    /// So many rows of those that change are written.
    pub fn written(&self, rows: usize, all: usize) {
        let (rows, all) = (rows as u64, all as u64);
        if rows == 0 {
            self.begin();
        }
        match &self.bar {
            Some(bar) if rows == 0 => {
                bar.set_style(style(COUNTING));
                bar.set_message("written");
                bar.set_length(all);
                bar.set_position(0);
                bar.reset();
            }
            Some(bar) => bar.set_position(rows),
            None if rows == 0 => {}
            None => self.log(Work::Writing, rows, Some(all)),
        }
    }

    /// Rate and remaining time count from here.
    fn begin(&self) {
        *self.started.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// A line every few seconds.
    fn log(&self, work: Work, done: u64, all: Option<u64>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.elapsed() >= EVERY {
            *told = Instant::now();
            let started = *self.started.lock().unwrap_or_else(PoisonError::into_inner);
            tracing::info!("{}: {}", self.tab, far(work, done, all, started.elapsed()));
        }
    }

    /// The resource goes on later, or was read for others only.
    pub fn put_off(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }

    /// The resource has ended; its bar gives way to the table at the end.
    pub fn done(self, outcome: ResourceOutcome, message: &str) {
        match self.bar {
            Some(bar) => bar.finish_and_clear(),
            None => match outcome {
                ResourceOutcome::Synced | ResourceOutcome::Unchanged => tracing::info!("{}: {message}", self.tab),
                ResourceOutcome::Unavailable => tracing::warn!("{}: {message}", self.tab),
                ResourceOutcome::Refused | ResourceOutcome::Failed => tracing::error!("{}: {message}", self.tab),
            },
        }
    }
}

const WAITING: &str = "{prefix:24!} {spinner} {msg}";
/// 78 columns.
const COUNTING: &str = "{prefix:24!} {bar:10} {pos:>6}/{len:6} {msg:7} {rate:>8} {left}";

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style
        .with_key("rate", |state: &ProgressState, text: &mut dyn std::fmt::Write| {
            if state.pos() > 0 {
                let _ = write!(text, "{:.0}/s", state.per_sec());
            }
        })
        .with_key("left", |state: &ProgressState, text: &mut dyn std::fmt::Write| {
            let _ = write!(text, "{}", left(state.pos(), state.eta()));
        })
}

/// `12s left`; nothing before anything is done, when nobody can tell, and in the last second.
fn left(done: u64, eta: Duration) -> String {
    match done > 0 && eta.as_secs() > 0 {
        true => format!("{:#} left", HumanDuration(eta)),
        false => String::new(),
    }
}

#[derive(Debug, Clone, Copy)]
enum Work {
    Reading,
    Writing,
}

/// How far some work is, in words for the log.
fn far(work: Work, done: u64, all: Option<u64>, elapsed: Duration) -> String {
    let what = match work {
        Work::Reading => READ,
        Work::Writing => " rows written",
    };
    let rate = done as f64 / elapsed.as_secs_f64().max(0.001);
    let of = all.map_or(String::new(), |all| format!(" of {all}"));
    let left = match all {
        Some(all) if done > 0 => {
            let eta = all.saturating_sub(done) as f64 / rate;
            left(done, Duration::from_secs_f64(eta.min(1e9)))
        }
        _ => String::new(),
    };
    let left = if left.is_empty() { left } else { format!(", {left}") };
    format!("{done}{of}{what}, {rate:.0}/s{left}")
}

/// Standard output. A reader who has had enough, `| head` for instance, is no error.
pub fn print(text: &str) {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(stderr(), "error: standard output: {error}");
        }
        _ => {}
    }
}

/// Standard error for log lines: bars step aside while one is written.
pub fn stderr() -> impl Write {
    struct Aside;
    impl Write for Aside {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match BARS.get() {
                Some(bars) => bars.suspend(|| io::stderr().write(bytes)),
                None => io::stderr().write(bytes),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            io::stderr().flush()
        }
    }
    Aside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_log_tells_rate_and_remaining_time_of_reading_and_of_writing() {
        let seconds = Duration::from_secs;
        let far = |work, done, all| far(work, done, all, seconds(10));
        assert_eq!(
            far(Work::Reading, 300, Some(1200)),
            "300 of 1200 records read, 30/s, 30s left"
        );
        assert_eq!(
            far(Work::Writing, 4200, Some(10_500)),
            "4200 of 10500 rows written, 420/s, 15s left"
        );
        assert_eq!(far(Work::Reading, 300, None), "300 records read, 30/s");
    }

    #[test]
    fn before_anything_is_done_and_at_the_end_no_time_is_told() {
        let far = |done| far(Work::Reading, done, Some(10), Duration::from_secs(60));
        assert_eq!(far(0), "0 of 10 records read, 0/s");
        assert_eq!(far(10), "10 of 10 records read, 0/s");
        assert_eq!(left(0, Duration::from_secs(60)), "");
        assert_eq!(left(7, Duration::from_millis(900)), "");
        assert_eq!(left(7, Duration::from_secs(9)), "9s left");
    }

    #[test]
    fn what_is_logged_can_be_read_again() {
        let tab = "L'été : 10h30";
        for (records, total) in [(300, Some(1200)), (300, None), (0, Some(10)), (1200, Some(1200))] {
            let line = format!("{tab}: {}", far(Work::Reading, records, total, Duration::from_secs(10)));
            let step = Step {
                tab,
                records,
                total,
                is_all: false,
            };
            assert_eq!(parse(&line), Some(step), "{line}");
        }
        let all = parse("Dossiers: 250 records read").unwrap();
        assert!(all.is_all && all.records == 250);
        assert_eq!(parse("Dossiers: 250 rows, 3 added"), None);
        assert_eq!(parse("all records read"), None);
        let written = far(Work::Writing, 3, Some(7), Duration::from_secs(1));
        assert_eq!(parse(&format!("{tab}: {written}")), None);
    }
}
