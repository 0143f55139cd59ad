//! What a person sees of a sync under way: bars at a terminal, lines of the log every few seconds elsewhere.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use crate::report::ResourceOutcome;

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
            started: Instant::now(),
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
    started: Instant,
    /// When the last line was logged.
    told: Mutex<Instant>,
}

impl Task {
    /// So many records are read, of so many if that is known.
    pub fn read(&self, records: u64, total: Option<u64>) {
        let total = total.filter(|total| *total >= records);
        let Some(bar) = &self.bar else {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.elapsed() >= EVERY {
                *told = Instant::now();
                tracing::info!("{}: {}", self.tab, far(records, total, self.started.elapsed()));
            }
            return;
        };
        match total {
            Some(total) => {
                if bar.length().is_none() {
                    bar.set_style(style(READING));
                }
                bar.set_length(total);
            }
            None => bar.set_message(format!("reading Wedof, {records} records")),
        }
        bar.set_position(records);
    }

    pub fn write(&self, rows: usize) {
        match &self.bar {
            Some(bar) => {
                bar.set_style(style(WRITING));
                bar.set_message(format!("{rows} rows: comparing, writing"));
                bar.reset_elapsed();
            }
            None => tracing::info!("{}: {rows}{READ}", self.tab),
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
const READING: &str = "{prefix:24!} {bar:16} {pos:>6}/{len:6} {rate:>8} {left}";
const WRITING: &str = "{prefix:24!} {spinner} {msg}, {elapsed}";

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style
        .with_key("rate", |state: &ProgressState, text: &mut dyn std::fmt::Write| {
            let _ = write!(text, "{:.0}/s", state.per_sec());
        })
        .with_key("left", |state: &ProgressState, text: &mut dyn std::fmt::Write| {
            let _ = write!(text, "{:#} left", HumanDuration(state.eta()));
        })
}

/// How far a reading is, in words for the log.
fn far(records: u64, total: Option<u64>, elapsed: Duration) -> String {
    let rate = records as f64 / elapsed.as_secs_f64().max(0.001);
    match total {
        Some(total) if rate > 0.0 => {
            let left = Duration::from_secs_f64(((total - records) as f64 / rate).min(1e9));
            format!(
                "{records} of {total}{READ}, {rate:.0}/s, {:#} left",
                HumanDuration(left)
            )
        }
        _ => format!("{records}{READ}, {rate:.0}/s"),
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
    fn a_line_of_the_log_tells_rate_and_remaining_time() {
        let seconds = Duration::from_secs;
        assert_eq!(
            far(300, Some(1200), seconds(10)),
            "300 of 1200 records read, 30/s, 30s left"
        );
        assert_eq!(far(300, None, seconds(10)), "300 records read, 30/s");
        assert_eq!(far(0, Some(10), seconds(0)), "0 records read, 0/s");
    }

    #[test]
    fn what_is_logged_can_be_read_again() {
        let tab = "L'été : 10h30";
        for (records, total) in [(300, Some(1200)), (300, None)] {
            let line = format!("{tab}: {}", far(records, total, Duration::from_secs(10)));
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
    }
}
