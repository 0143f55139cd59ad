//! What a person sees at the end of a run. Pure but for the terminal's width.

use std::fmt::Write as _;

use console::Style;

use crate::{
    report::{ResourceOutcome, ResourceReport, RunOutcome, RunReport},
    sheets::TabChange,
    sync::{Ended, NOT_TRIED},
    words::{self, counted},
};

/// What a run was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Sync,
    DryRun,
    Preview,
}

/// The end of a run for a person: a line per tab, what is wrong, what a dry run would do, where to look. `width` is the
/// terminal's; colours only if `colours`.
pub fn table(ended: &Ended, place: &str, shown: Shown, width: usize, colours: bool) -> String {
    let Ended { report, changes, .. } = ended;
    let style = |style: Style| style.force_styling(colours);
    let (bold, dim) = (style(Style::new().bold()), style(Style::new().dim()));
    let [good, notice, bad] = [Style::new().green(), Style::new().yellow(), Style::new().red()].map(style);
    let of_outcome = |outcome: ResourceOutcome| match outcome {
        ResourceOutcome::Synced | ResourceOutcome::Unchanged => &good,
        ResourceOutcome::Unavailable => &notice,
        ResourceOutcome::Refused | ResourceOutcome::Failed => &bad,
    };

    let titles = ["TAB", "OUTCOME", "ROWS", "ADDED", "UPDATED", "REMOVED", "KEPT"];
    let (untried, reached): (Vec<&ResourceReport>, Vec<&ResourceReport>) = report
        .resources
        .iter()
        .partition(|resource| resource.message.as_deref() == Some(NOT_TRIED));
    let lines: Vec<[String; 7]> = reached
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
                outcome(resource.outcome, shown),
                rows,
                added,
                updated,
                removed,
                kept,
            ]
        })
        .collect();
    let right = [false, false, true, true, true, true, true];
    let table = words::table(titles, right, &lines, width, &bold);

    let mut text = String::new();
    if let Some(head) = table.first().filter(|_| !lines.is_empty()) {
        let _ = writeln!(text, "{head}");
    }
    // what is wrong with the run as a whole stands at its end
    let whole = report.message.as_ref().filter(|_| report.outcome == RunOutcome::Failed);
    let is_told = |message: &str| whole.is_some_and(|whole| whole.ends_with(message));
    for ((row, cells), resource) in table.iter().skip(1).zip(&lines).zip(&reached) {
        let _ = writeln!(
            text,
            "{}",
            row.replacen(
                &cells[1],
                &of_outcome(resource.outcome).apply_to(&cells[1]).to_string(),
                1
            )
        );
        if let Some(message) = resource.message.as_ref().filter(|message| !is_told(message)) {
            for sentence in message.lines() {
                let _ = writeln!(text, "  {}", dim.apply_to(sentence));
            }
        }
    }
    match (untried.len(), reached.is_empty()) {
        (0, _) | (_, true) => {}
        (more, false) => {
            let _ = writeln!(text, "{} not tried", counted(more, "more resource"));
        }
    }
    if shown == Shown::DryRun {
        for (tab, change) in changes {
            text.push_str(&would(tab, change));
        }
        text.push('\n');
    }
    let end = match (report.outcome, shown) {
        (RunOutcome::Succeeded, Shown::Sync) => good.apply_to("Done"),
        (RunOutcome::Succeeded, Shown::DryRun) => good.apply_to("Nothing was written (dry run)"),
        (RunOutcome::Succeeded, Shown::Preview) => good.apply_to("Nothing was asked of Google (preview)"),
        (RunOutcome::Partial, _) => notice.apply_to("Partly done"),
        (RunOutcome::Failed, _) => bad.apply_to("Failed"),
        (RunOutcome::Running, _) => notice.apply_to("Running"),
    };
    let RunReport {
        rows,
        added,
        updated,
        removed,
        kept,
        wedof_requests,
        sheets_requests,
        ..
    } = report;
    if let Some(message) = whole {
        let _ = writeln!(text, "{end}: {message}");
    }
    let _ = writeln!(
        text,
        "{end}: {}, {added} added, {updated} updated, {removed} removed, {kept} kept\n\
         {} to Wedof, {sheets_requests} to Google\n{place}",
        counted(*rows, "row"),
        counted(*wedof_requests, "request"),
    );
    text
}

fn outcome(outcome: ResourceOutcome, shown: Shown) -> String {
    match (outcome, shown) {
        (ResourceOutcome::Synced, Shown::DryRun) => "Would change".to_owned(),
        (ResourceOutcome::Synced, Shown::Preview) => "Shown".to_owned(),
        (outcome, _) => outcome.as_str().to_owned(),
    }
}

/// What a sync would do to a tab, with the first rows of each kind by the numbers that people see.
fn would(tab: &str, change: &TabChange) -> String {
    let TabChange {
        new_tab,
        added,
        updated,
        removed,
        kept,
        marked,
        returned,
        restored: _,
        columns_added,
        columns_removed,
        examples,
        written,
        unproven: _,
        notes: _,
    } = change;
    let mut text = format!("\n{tab}\n");
    let mut tell = |sign: &str, what: String| {
        let _ = writeln!(text, "  {sign} {what}");
    };
    if *new_tab {
        tell("+", format!("the tab, with {}", counted(columns_added.len(), "column")));
    }
    let rows = [
        ("+", *added, "to add", &examples.added),
        ("~", *updated, "to update", &examples.updated),
        ("-", *removed, "to delete", &examples.removed),
        ("=", *kept, "no longer listed by Wedof, kept", &examples.kept),
        ("~", *marked, "of them to be marked with today's date", &examples.marked),
        (
            "~",
            *returned,
            "whose record is back, to lose its mark",
            &examples.returned,
        ),
    ];
    for (sign, count, what, examples) in rows.into_iter().filter(|(_, count, ..)| *count > 0) {
        tell(
            sign,
            format!("{} {what}{}", counted(count, "row"), listed(count, examples)),
        );
    }
    if !new_tab && !columns_added.is_empty() {
        let count = counted(columns_added.len(), "column");
        tell("+", format!("{count} to add: {}", columns_added.join(", ")));
    }
    if !columns_removed.is_empty() {
        let count = counted(columns_removed.len(), "column");
        tell("-", format!("{count} to delete: {}", columns_removed.join(", ")));
    }
    let told = [*added, *updated, *removed, *kept, *marked, *returned]
        .iter()
        .any(|count| *count > 0);
    match (
        written,
        told || *new_tab || !columns_added.is_empty() || !columns_removed.is_empty(),
    ) {
        (false, false) => tell("=", "nothing to do".to_owned()),
        (true, false) => tell("~", "headers or marks only".to_owned()),
        _ => {}
    }
    text
}

/// `: row 4` or `: rows 2, 3, 4 …`; nothing if no row is known.
fn listed(count: i64, examples: &[usize]) -> String {
    if examples.is_empty() {
        return String::new();
    }
    let numbers: Vec<String> = examples.iter().map(usize::to_string).collect();
    let more = if count > examples.len() as i64 { " …" } else { "" };
    format!(
        " (row{} {}{more})",
        if numbers.len() == 1 { "" } else { "s" },
        numbers.join(", ")
    )
}

/// The columns of the terminal that standard output is; elsewhere as many as every terminal has.
pub fn width() -> usize {
    console::Term::stdout()
        .size_checked()
        .map_or(80, |(_, columns)| columns.into())
}

#[cfg(test)]
mod tests {
    use console::measure_text_width;

    use super::*;
    use crate::{report::ResourceReport, sheets::Examples};

    fn ended() -> Ended {
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
        let report = RunReport {
            outcome: RunOutcome::Partial,
            rows: 250,
            added: 250,
            resources: vec![
                resource("Dossiers d'élèves", ResourceOutcome::Synced, 250, None),
                resource("Nous", ResourceOutcome::Refused, 0, Some("a tab of that name exists")),
            ],
            ..RunReport::running("")
        };
        Ended {
            report,
            code: 2,
            changes: Vec::new(),
        }
    }

    #[test]
    fn the_end_of_a_run_is_a_table_that_can_be_read() {
        let link = "https://docs.google.com/spreadsheets/d/ID/edit";
        insta::assert_snapshot!(table(&ended(), link, Shown::Sync, 80, false), @r"
        TAB                OUTCOME  ROWS  ADDED  UPDATED  REMOVED  KEPT
        Dossiers d'élèves  Synced    250    250        0        0     0
        Nous               Refused     0      0        0        0     0
          a tab of that name exists
        Partly done: 250 rows, 250 added, 0 updated, 0 removed, 0 kept
        0 requests to Wedof, 0 to Google
        https://docs.google.com/spreadsheets/d/ID/edit
        ");
    }

    #[test]
    fn a_table_of_the_largest_numbers_fits_into_80_columns() {
        let mut ended = ended();
        for resource in &mut ended.report.resources {
            resource.tab = "Dossiers d'inscription de tous les stagiaires de 2026".to_owned();
            resource.outcome = ResourceOutcome::Unavailable;
            (
                resource.rows,
                resource.added,
                resource.updated,
                resource.removed,
                resource.kept,
            ) = (100_000, 100_000, 100_000, 100_000, 100_000);
        }
        let text = table(&ended, "", Shown::Sync, 80, false);
        let longest = text.lines().map(measure_text_width).max().unwrap();
        assert!(longest <= 80, "{longest}: {text}");
        assert!(text.contains("Dossiers d'inscri"), "{text}");
    }

    #[test]
    fn a_dry_run_says_per_tab_what_would_change() {
        let mut ended = ended();
        ended.changes = vec![
            (
                "Dossiers".to_owned(),
                TabChange {
                    added: 7,
                    updated: 1,
                    kept: 2,
                    marked: 1,
                    columns_removed: vec!["Notes".to_owned()],
                    examples: Examples {
                        added: vec![251, 252, 253, 254, 255],
                        updated: vec![12],
                        kept: vec![3, 9],
                        marked: vec![9],
                        ..Examples::default()
                    },
                    written: true,
                    ..TabChange::default()
                },
            ),
            (
                "Nous".to_owned(),
                TabChange {
                    new_tab: true,
                    added: 1,
                    columns_added: vec!["SIRET".to_owned(), "Nom".to_owned()],
                    examples: Examples {
                        added: vec![2],
                        ..Examples::default()
                    },
                    written: true,
                    ..TabChange::default()
                },
            ),
            ("Factures".to_owned(), TabChange::default()),
        ];
        insta::assert_snapshot!(table(&ended, "", Shown::DryRun, 80, false), @r"
        TAB                OUTCOME       ROWS  ADDED  UPDATED  REMOVED  KEPT
        Dossiers d'élèves  Would change   250    250        0        0     0
        Nous               Refused          0      0        0        0     0
          a tab of that name exists

        Dossiers
          + 7 rows to add (rows 251, 252, 253, 254, 255 …)
          ~ 1 row to update (row 12)
          = 2 rows no longer listed by Wedof, kept (rows 3, 9)
          ~ 1 row of them to be marked with today's date (row 9)
          - 1 column to delete: Notes

        Nous
          + the tab, with 2 columns
          + 1 row to add (row 2)

        Factures
          = nothing to do

        Partly done: 250 rows, 250 added, 0 updated, 0 removed, 0 kept
        0 requests to Wedof, 0 to Google
        ");
    }

    #[test]
    fn colours_change_nothing_but_colours() {
        let coloured = table(&ended(), "", Shown::Sync, 80, true);
        assert!(coloured.contains("\u{1b}["));
        assert_eq!(
            console::strip_ansi_codes(&coloured),
            table(&ended(), "", Shown::Sync, 80, false)
        );
    }
}
