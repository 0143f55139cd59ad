//! What a person sees of a sync: bars at a terminal, lines of the log elsewhere, and a table at the end.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write},
    sync::OnceLock,
    time::Duration,
};

use console::{Style, measure_text_width, pad_str};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::report::{ResourceOutcome, RunOutcome, RunReport};

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

    /// A resource begins.
    pub fn start(&self, tab: &str) -> Task {
        let bar = self.bars.map(|bars| {
            let bar = bars.add(ProgressBar::no_length().with_prefix(tab.to_owned()));
            bar.set_style(style("{prefix:24!} {spinner} {msg}"));
            bar.set_message("reading Wedof");
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Task {
            bar,
            tab: tab.to_owned(),
        }
    }
}

/// One resource under way.
pub struct Task {
    bar: Option<ProgressBar>,
    tab: String,
}

impl Task {
    pub fn read(&self, records: u64, total: Option<u64>) {
        let Some(bar) = &self.bar else {
            tracing::debug!("{}: {records} records read", self.tab);
            return;
        };
        if let Some(total) = total.filter(|total| *total >= records) {
            if bar.length().is_none() {
                bar.set_style(style("{prefix:24!} {bar:30} {pos:>6}/{len} {msg}"));
            }
            bar.set_length(total);
        }
        bar.set_position(records);
    }

    pub fn write(&self, rows: usize) {
        match &self.bar {
            Some(bar) => {
                bar.set_style(style("{prefix:24!} {spinner} {msg}"));
                bar.set_message(format!("comparing {rows} rows with the tab"));
            }
            None => tracing::info!("{}: read {rows} from Wedof; comparing with the tab", self.tab),
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
            None if outcome.is_good() => tracing::info!("{}: {message}", self.tab),
            None if outcome == ResourceOutcome::Unavailable => tracing::warn!("{}: {message}", self.tab),
            None => tracing::error!("{}: {message}", self.tab),
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
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

/// The end of a run for a person: a line per tab, what is wrong, where to look. Colours only if `colours`.
pub fn table(report: &RunReport, link: &str, dry_run: bool, colours: bool) -> String {
    let style = |style: Style| style.force_styling(colours);
    let (bold, dim) = (style(Style::new().bold()), style(Style::new().dim()));
    let [good, notice, bad] = [Style::new().green(), Style::new().yellow(), Style::new().red()].map(style);
    let of_outcome = |outcome: ResourceOutcome| match outcome {
        ResourceOutcome::Synced | ResourceOutcome::Unchanged => &good,
        ResourceOutcome::Unavailable => &notice,
        ResourceOutcome::Refused | ResourceOutcome::Failed => &bad,
    };

    let titles = ["TAB", "OUTCOME", "ROWS", "ADDED", "UPDATED", "REMOVED", "KEPT"];
    let lines: Vec<[String; 7]> = report
        .resources
        .iter()
        .map(|resource| {
            let counts = [
                resource.rows,
                resource.added,
                resource.updated,
                resource.removed,
                resource.kept,
            ];
            let [rows, added, updated, removed, kept] = counts.map(|count| count.to_string());
            [
                resource.tab.clone(),
                format!("{:?}", resource.outcome),
                rows,
                added,
                updated,
                removed,
                kept,
            ]
        })
        .collect();
    let width = |column: usize| {
        let cells = lines.iter().map(|line| measure_text_width(&line[column]));
        cells.chain([titles[column].len()]).max().unwrap_or_default()
    };
    let line = |cells: [&str; 7]| {
        let padded = cells.iter().enumerate().map(|(column, cell)| {
            let alignment = if column < 2 {
                console::Alignment::Left
            } else {
                console::Alignment::Right
            };
            pad_str(cell, width(column), alignment, None)
        });
        padded.collect::<Vec<_>>().join("  ")
    };

    let mut text = String::new();
    if !lines.is_empty() {
        let _ = writeln!(text, "{}", bold.apply_to(line(titles)));
    }
    for (cells, resource) in lines.iter().zip(&report.resources) {
        let row = line(cells.each_ref().map(String::as_str));
        let _ = writeln!(
            text,
            "{}",
            row.replacen(
                &cells[1],
                &of_outcome(resource.outcome).apply_to(&cells[1]).to_string(),
                1
            )
        );
        if let Some(message) = &resource.message {
            for sentence in message.lines() {
                let _ = writeln!(text, "  {}", dim.apply_to(sentence));
            }
        }
    }
    let end = match (report.outcome, dry_run) {
        (RunOutcome::Succeeded, false) => good.apply_to("Done"),
        (RunOutcome::Succeeded, true) => good.apply_to("Nothing was written (dry run)"),
        (RunOutcome::Partial, _) => notice.apply_to("Partly done"),
        (RunOutcome::Failed, _) => bad.apply_to("Failed"),
        (RunOutcome::Running, _) => notice.apply_to("Running"),
    };
    let _ = writeln!(
        text,
        "{end}: {} rows, {} added, {} updated, {} removed, {} kept; {} requests to Wedof, {} to Google\n{link}",
        report.rows,
        report.added,
        report.updated,
        report.removed,
        report.kept,
        report.wedof_requests,
        report.sheets_requests,
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::ResourceReport;

    fn report() -> RunReport {
        let resource = |tab: &str, outcome, rows, message: Option<&str>| ResourceReport {
            name: "organisms".to_owned(),
            tab: tab.to_owned(),
            outcome,
            rows,
            added: rows,
            updated: 0,
            removed: 0,
            kept: 0,
            message: message.map(str::to_owned),
        };
        RunReport {
            outcome: RunOutcome::Partial,
            rows: 250,
            added: 250,
            resources: vec![
                resource("Dossiers d'élèves", ResourceOutcome::Synced, 250, None),
                resource("Nous", ResourceOutcome::Refused, 0, Some("a tab of that name exists")),
            ],
            ..RunReport::running("")
        }
    }

    #[test]
    fn the_end_of_a_run_is_a_table_that_can_be_read() {
        insta::assert_snapshot!(table(&report(), "https://docs.google.com/spreadsheets/d/ID/edit", false, false), @r"
        TAB                OUTCOME  ROWS  ADDED  UPDATED  REMOVED  KEPT
        Dossiers d'élèves  Synced    250    250        0        0     0
        Nous               Refused     0      0        0        0     0
          a tab of that name exists
        Partly done: 250 rows, 250 added, 0 updated, 0 removed, 0 kept; 0 requests to Wedof, 0 to Google
        https://docs.google.com/spreadsheets/d/ID/edit
        ");
    }

    #[test]
    fn colours_change_nothing_but_colours() {
        let coloured = table(&report(), "", false, true);
        assert!(coloured.contains("\u{1b}["));
        assert_eq!(console::strip_ansi_codes(&coloured), table(&report(), "", false, false));
    }
}
