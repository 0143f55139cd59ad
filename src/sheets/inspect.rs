//! A spreadsheet looked at for `check`: what is there, what would be in the way of a sync, whether it may be written.
//! Nothing is changed.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    client::{Client, Error},
    errors::{failure, is_protection},
    read,
    rows::Rows,
    start::{folded, header_row, lost_ids, lost_key_column, taken},
    tab::{Claim, Rect, Tab},
};
use crate::{failure::Failure, spec::ResourceName};

/// Rows from the top in which a header is looked for.
const TOP: usize = 20;

#[derive(Debug)]
pub struct Inspection {
    pub title: String,
    pub locale: String,
    pub time_zone: String,
    /// Its name means a zone to us; else times are written in UTC.
    pub known_zone: bool,
    /// Of all grids together.
    pub cells: usize,
    /// In the order of the wishes; an error is a refusal.
    pub tabs: Vec<Result<State, Failure>>,
}

/// What a sync would find for a resource.
#[derive(Debug, PartialEq, Eq)]
pub enum State {
    /// No tab; it will be made.
    New,
    /// A tab of the wished title without content; it will be filled.
    Empty,
    /// Filled by an earlier run.
    Ours { title: String, barriers: Vec<Barrier> },
    /// Filled by somebody else with a header like ours: taken over if a row has the key of a record.
    Similar { barriers: Vec<Barrier> },
}

/// A range that the account may not edit.
#[derive(Debug, PartialEq, Eq)]
pub struct Barrier {
    /// `B2:C10`.
    pub range: String,
    /// It holds cells that a sync writes; else it is in the way only of rows and columns that come and go.
    pub ours: bool,
}

/// A tab that a sync would fill.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    pub resource: ResourceName,
    pub title: &'a str,
    /// Header texts that the key column may have.
    pub keys: Vec<String>,
}

impl Client {
    /// Looks at a spreadsheet. Sends reads only.
    pub async fn inspect(&self, spreadsheet: &str, wanted: &[Wanted<'_>]) -> Result<Inspection, Failure> {
        let told = |error: &Error| failure(self, error, "the spreadsheet");
        let outline = read::outline(self, spreadsheet).await.map_err(|error| told(&error))?;
        let mut tabs = Vec::with_capacity(wanted.len());
        for wish in wanted {
            tabs.push(match outline.find(wish.resource, wish.title) {
                Err(refusal) => Err(refusal),
                Ok(None) => Ok(State::New),
                Ok(Some(tab)) if tab.claim == Claim::Marked => self.ours(spreadsheet, tab).await,
                Ok(Some(tab)) => match top(self, spreadsheet, tab.sheet_id).await {
                    Ok(rows) => unproven(&tab, &rows, wish),
                    Err(error) => Err(told(&error)),
                },
            });
        }
        Ok(Inspection {
            known_zone: outline.unknown_zone.is_none(),
            cells: outline.cells_without(None),
            title: outline.title,
            locale: outline.locale,
            time_zone: outline.time_zone,
            tabs,
        })
    }

    /// A tab of ours, or why a sync would refuse it whatever the records are.
    async fn ours(&self, spreadsheet: &str, mut tab: Tab) -> Result<State, Failure> {
        let place = format!("tab {:?}", tab.title);
        let told = |error: Error| failure(self, &error, &place);
        if let Some((_, mark)) = tab.mark.clone() {
            let key = tab.columns.iter().find(|column| column.mark.path == mark.key);
            let key = key.map(|column| column.index);
            // a tab is large, its id column is not
            let ids = match key {
                None => Vec::new(),
                Some(key) => {
                    let column = Rect {
                        rows: (0, tab.row_count),
                        columns: (key, key + 1),
                    };
                    let found = read::ranges(self, spreadsheet, tab.sheet_id, &[column]).await;
                    found.map_err(told)?.pop().unwrap_or_default()
                }
            };
            let has_ids = |header: usize| {
                let mut others = ids.iter().enumerate().filter(|(row, _)| *row != header);
                others.any(|(_, id)| !id.is_blank())
            };
            if !tab.header.is_some_and(|(header, _)| has_ids(header)) {
                read::cells(self, spreadsheet, &mut tab).await.map_err(told)?;
                let header = header_row(&tab, &mark.key, |_| None, |_| false)?;
                if mark.rows > 0 && !has_ids(header) && Rows::without_keys(&tab, header).any_of_ours(&tab, &mark.key) {
                    return Err(match key {
                        Some(_) => lost_ids(&tab, &mark),
                        None => lost_key_column(&tab, &mark),
                    });
                }
            }
        }
        Ok(State::Ours {
            barriers: barriers(&tab),
            title: tab.title,
        })
    }

    /// Proves the right to write by a change of nothing: cells of an empty range get a value.
    pub async fn prove_writable(&self, spreadsheet: &str) -> Result<(), Failure> {
        let place = "the spreadsheet";
        let outline = read::outline(self, spreadsheet)
            .await
            .map_err(|error| failure(self, &error, place))?;
        let Some(sheet) = outline.any_grid() else {
            return Ok(());
        };
        let nothing = json!({
            "sheetId": sheet, "startRowIndex": 0, "endRowIndex": 0, "startColumnIndex": 0, "endColumnIndex": 0,
        });
        let body = json!({"requests": [{"repeatCell": {"range": nothing, "cell": {}, "fields": "userEnteredValue"}}]});
        let path = format!("v4/spreadsheets/{spreadsheet}:batchUpdate?fields=spreadsheetId&prettyPrint=false");
        match self.write(&path, Bytes::from(body.to_string())).await {
            Ok(()) => Ok(()),
            // a protection is asked about only of those who may write elsewhere
            Err(Error::Refused { message, .. }) if is_protection(&message) => Ok(()),
            Err(error) => Err(failure(self, &error, place)),
        }
    }
}

/// The texts of the first rows.
async fn top(client: &Client, spreadsheet: &str, sheet: i32) -> Result<Vec<Vec<String>>, Error> {
    let range = json!({"sheetId": sheet, "startRowIndex": 0, "endRowIndex": TOP});
    let body = json!({"dataFilters": [{"gridRange": range}], "majorDimension": "ROWS"});
    let path = format!("v4/spreadsheets/{spreadsheet}/values:batchGetByDataFilter?prettyPrint=false");
    let answer: Value = client.read("POST", &path, Some(body)).await?;
    let rows = answer["valueRanges"][0]["valueRange"]["values"].as_array();
    let texts = |row: &Value| {
        let cells = row.as_array().into_iter().flatten();
        cells.map(|cell| cell.as_str().unwrap_or_default().to_owned()).collect()
    };
    Ok(rows.into_iter().flatten().map(texts).collect())
}

/// A tab of the wished title that bears no mark. Its records are not known here, so a header like ours is no proof yet.
fn unproven(tab: &Tab, rows: &[Vec<String>], wish: &Wanted<'_>) -> Result<State, Failure> {
    let mut filled = rows.iter().flatten().filter(|text| !text.trim().is_empty()).peekable();
    if filled.peek().is_none() {
        return Ok(State::Empty);
    }
    let is_key = |text: &String| wish.keys.iter().any(|key| folded(key) == folded(text));
    if filled.any(is_key) {
        Ok(State::Similar {
            barriers: barriers(tab),
        })
    } else {
        Err(taken(wish.title))
    }
}

fn barriers(tab: &Tab) -> Vec<Barrier> {
    let header = tab.header.map_or(0, |(row, _)| row);
    // of a tab that bears no marks yet, any column may become ours
    let ours = |range: &Rect| {
        tab.columns.is_empty()
            || tab.columns.iter().any(|column| {
                range.meets(&Rect {
                    rows: (header, tab.row_count),
                    columns: (column.index, column.index + 1),
                })
            })
    };
    let outside = |range: &Rect| range.rows.1 <= header + 1 && !ours(range);
    let barrier = |protected: &super::tab::Protected| Barrier {
        range: protected.range.a1(),
        ours: ours(&protected.range) && !protected.except.iter().any(|free| free.covers(&protected.range)),
    };
    let protected = tab.protected.iter().filter(|protected| !outside(&protected.range));
    protected.map(barrier).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        failure::reason,
        sheets::{
            marks::ColumnMark,
            tab::{OwnedColumn, Protected},
        },
        table::Kind,
    };

    fn wanted() -> Wanted<'static> {
        Wanted {
            resource: ResourceName::RegistrationFolders,
            title: "Dossiers",
            keys: vec!["externalId".to_owned(), "N° de dossier".to_owned()],
        }
    }

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        let row = |row: &&[&str]| row.iter().map(|text| (*text).to_owned()).collect();
        rows.iter().map(row).collect()
    }

    #[test]
    fn a_tab_of_that_title_is_empty_like_ours_or_somebody_elses() {
        let of = |cells: &[&[&str]]| unproven(&Tab::default(), &rows(cells), &wanted());
        assert_eq!(of(&[]), Ok(State::Empty));
        assert_eq!(of(&[&["", " "]]), Ok(State::Empty));
        let similar = State::Similar { barriers: Vec::new() };
        assert_eq!(of(&[&["Suivi 2026"], &["Nom", "n° de dossier"]]), Ok(similar));
        assert_eq!(of(&[&["Date", "Total"]]).unwrap_err().reason, reason::TAB_REFUSED);
    }

    #[test]
    fn a_protected_range_is_in_the_way_of_cells_or_of_rows_that_come_and_go() {
        let column = |index| OwnedColumn {
            index,
            metadata_id: None,
            mark: ColumnMark {
                path: format!("p{index}"),
                label: String::new(),
                kind: Kind::Plain,
            },
        };
        let protected = |rows, columns| Protected {
            range: Rect { rows, columns },
            except: Vec::new(),
        };
        let tab = Tab {
            row_count: 100,
            column_count: 10,
            columns: vec![column(0), column(1)],
            protected: vec![
                protected((1, 100), (1, 3)),
                protected((5, 9), (4, 6)),
                protected((0, 1), (4, 6)),
            ],
            ..Tab::default()
        };
        let barrier = |range: &str, ours| Barrier {
            range: range.to_owned(),
            ours,
        };
        assert_eq!(barriers(&tab), [barrier("B2:C100", true), barrier("E6:F9", false)]);
    }
}
