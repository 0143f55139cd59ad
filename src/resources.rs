//! `resources`: what of Wedof can be synced, how each is had, and, with a key, which of it the account can read.

use std::{
    io::{IsTerminal, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use console::{Style, measure_text_width, pad_str};
use serde_json::{Value, json};

use crate::{
    config::{Environment, Overrides, Parts},
    connect,
    failure::{Failure, Mend, reason},
    spec::{ResourceName, ResourceSpec},
    sync::Stop,
    wedof::{
        catalogue::{Accepts, Identity, Resource},
        probe::{Probe, Prober},
    },
    words::counted,
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What would be synced: its filters and tabs are used [default: the file or text in WEDOF_SHEET_SYNC_CONFIG, if any]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A table for people, or JSON
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    Text,
    Json,
}

/// One resource as it is shown.
struct Line {
    spec: ResourceSpec,
    /// Named by the configuration, or one of the default ones.
    wanted: bool,
    /// None: the account was not asked.
    account: Option<Probe>,
}

/// The `resources` command.
pub async fn command(args: Args) -> ExitCode {
    let Args { config, output } = args;
    let overrides = Overrides {
        config,
        without_google: true,
        ..Overrides::default()
    };
    let (lines, failure) = match look(&overrides).await {
        Ok(looked) => looked,
        Err(failure) => (Vec::new(), Some(failure)),
    };
    if !lines.is_empty() || output == Output::Json {
        let text = match output {
            Output::Json => format!(
                "{:#}\n",
                json!({"resources": lines.iter().map(Line::json).collect::<Vec<_>>()})
            ),
            Output::Text => {
                let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
                table(&lines, colours)
            }
        };
        // a closed pipe is no error
        let _ = std::io::stdout().write_all(text.as_bytes());
    }
    match failure {
        None => ExitCode::SUCCESS,
        Some(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

/// The catalogue, and what the account says of it; with the first failure that kept it from saying more.
async fn look(overrides: &Overrides) -> Result<(Vec<Line>, Option<Failure>), Failure> {
    let environment = Environment::load()?;
    let Parts {
        order,
        wedof_base,
        wedof_key,
        network,
        ..
    } = Parts::load(&environment, overrides).await;
    let order = order?;
    let wanted = order.spec.wanted();
    let mut lines: Vec<Line> = ResourceName::ALL
        .into_iter()
        .map(|name| {
            let named = wanted.iter().find(|spec| spec.name == name);
            Line {
                spec: named.cloned().unwrap_or_else(|| ResourceSpec::of(name)),
                wanted: named.is_some(),
                account: None,
            }
        })
        .collect();
    let has_key = ["WEDOF_API_KEY", "WEDOF_API_KEY_PATH"]
        .iter()
        .any(|name| environment.get(name).is_some());
    if !has_key {
        return Ok((lines, None));
    }
    let (base, key, network) = match (wedof_base, wedof_key, network) {
        (Ok(base), Ok(key), Ok(network)) => (base, key, network),
        (Err(failure), ..) | (_, Err(failure), _) | (.., Err(failure)) => return Ok((lines, Some(failure))),
    };
    let stop = Stop::on_signals(None);
    let client = connect::wedof(&order.spec.wedof, &base, &key, order.patience, &network, &stop)?;
    let mut prober = Prober::new(&client, &order.zone).await;
    let mut first = None;
    for line in &mut lines {
        let probe = prober.probe(&line.spec).await;
        if let Probe::Failed(failure) = &probe {
            let failure = stop.told(failure.clone());
            let ends_all = [reason::WEDOF_KEY_REFUSED, reason::INTERRUPTED].contains(&failure.reason);
            if first.is_none() || failure.mend == Mend::Later {
                first = Some(failure);
            }
            if ends_all {
                break;
            }
        }
        line.account = Some(probe);
    }
    Ok((lines, first))
}

impl Line {
    fn resource(&self) -> &'static Resource {
        Resource::of(self.spec.name)
    }

    fn ways(&self) -> Vec<String> {
        self.resource().ways.iter().map(|way| way.describe()).collect()
    }

    /// Fields by which rows are known, the preferred one first.
    fn keys(&self) -> Vec<String> {
        match self.resource().identity {
            Identity::Own(keys) => keys.iter().map(|key| key.field.to_owned()).collect(),
            Identity::Child(fields) => fields.iter().map(|field| format!("parent/{field}")).collect(),
        }
    }

    fn json(&self) -> Value {
        let resource = self.resource();
        let filters: serde_json::Map<String, Value> = resource
            .filters
            .iter()
            .map(|filter| {
                let (several, values) = match filter.accepts {
                    Accepts::Several(values) => (true, Some(values)),
                    Accepts::One(values) => (false, Some(values)),
                    Accepts::AnySeveral | Accepts::Parents => (true, None),
                    Accepts::Any | Accepts::Since | Accepts::Until => (false, None),
                };
                (filter.name.to_owned(), json!({"several": several, "values": values}))
            })
            .collect();
        let account = self.account.as_ref().map(|probe| match probe {
            Probe::Readable { how, total } => json!({"readable": true, "how": how, "total": total}),
            Probe::Unreadable(failure) => json!({"readable": false, "message": failure.message}),
            Probe::Failed(failure) => json!({"readable": null, "message": failure.message}),
        });
        json!({
            "name": self.spec.name,
            "tab": self.spec.title(),
            "wanted": self.wanted,
            "ways": self.ways(),
            "keys": self.keys(),
            "evidence": resource.evidence,
            "filters": filters,
            "account": account,
        })
    }

    fn account(&self) -> String {
        match &self.account {
            None => String::new(),
            Some(Probe::Readable { how, total }) => {
                let total = total.map_or(String::new(), |total| format!(", {}", counted(total, "record")));
                format!("readable: {how}{total}")
            }
            Some(Probe::Unreadable(_)) => "not readable".to_owned(),
            Some(Probe::Failed(_)) => "unknown".to_owned(),
        }
    }
}

/// A line for each resource, what is wrong below it, and the filters at the end.
fn table(lines: &[Line], colours: bool) -> String {
    let style = |style: Style| style.force_styling(colours);
    let (bold, dim) = (style(Style::new().bold()), style(Style::new().dim()));
    let asked = lines.iter().any(|line| line.account.is_some());
    let mut titles = vec!["NAME", "TAB", "ID", "EVIDENCE", "HOW"];
    if asked {
        titles.insert(4, "THIS ACCOUNT");
    }
    let cells: Vec<Vec<String>> = lines
        .iter()
        .map(|line| {
            let resource = line.resource();
            let mark = if line.wanted { "" } else { " *" };
            let mut cells = vec![
                format!("{}{mark}", line.spec.name),
                line.spec.title().to_owned(),
                line.keys().into_iter().next().unwrap_or_default(),
                format!("{:?}", resource.evidence).to_lowercase(),
                line.ways().join(", else "),
            ];
            if asked {
                cells.insert(4, line.account());
            }
            cells
        })
        .collect();
    let width = |column: usize| {
        let of_cells = cells
            .iter()
            .filter_map(|cells| cells.get(column))
            .map(|cell| measure_text_width(cell));
        of_cells
            .chain(titles.get(column).map(|title| title.len()))
            .max()
            .unwrap_or_default()
    };
    let row = |cells: &[&str]| {
        let padded = cells
            .iter()
            .enumerate()
            .map(|(column, cell)| pad_str(cell, width(column), console::Alignment::Left, None));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };

    let mut text = format!("{}\n", bold.apply_to(row(&titles)));
    for (line, cells) in lines.iter().zip(&cells) {
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        text.push_str(&row(&cells));
        text.push('\n');
        if let Some(Probe::Unreadable(failure) | Probe::Failed(failure)) = &line.account {
            text.push_str(&format!("  {}\n", dim.apply_to(&failure.message)));
        }
    }
    if lines.iter().any(|line| !line.wanted) {
        text.push_str("* only if `resources` names it\n");
    }
    text.push_str(&format!("\n{}\n", bold.apply_to("FILTERS")));
    for line in lines.iter().filter(|line| !line.resource().filters.is_empty()) {
        let names: Vec<_> = line.resource().filters.iter().map(|filter| filter.name).collect();
        text.push_str(&format!("{}: {}\n", line.spec.name, names.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: ResourceName, account: Option<Probe>) -> Line {
        Line {
            spec: ResourceSpec::of(name),
            wanted: name != ResourceName::Surveys,
            account,
        }
    }

    #[test]
    fn the_catalogue_is_a_table_that_can_be_read() {
        let lines = [
            line(
                ResourceName::Sessions,
                Some(Probe::Readable {
                    how: "list".into(),
                    total: Some(12),
                }),
            ),
            line(
                ResourceName::Payments,
                Some(Probe::Unreadable(Failure::person(
                    reason::WEDOF_UNAVAILABLE,
                    "payments: why not",
                ))),
            ),
            line(ResourceName::Surveys, None),
        ];
        insta::assert_snapshot!(table(&lines, false), @r"
        NAME       TAB       ID                 EVIDENCE    THIS ACCOUNT                HOW
        sessions   Sessions  externalId         assumed     readable: list, 12 records  list, else from registrationFolders
        payments   Payments  parent/externalId  production  not readable                list, else one request for each folder
          payments: why not
        surveys *  Surveys   id                 vendor                                  list
        * only if `resources` names it

        FILTERS
        payments: type, state
        surveys: certifInfo, state
        ");
    }

    #[test]
    fn every_resource_says_how_it_is_had_and_what_its_filters_take() {
        for name in ResourceName::ALL {
            let json = line(name, None).json();
            assert!(!json["ways"].as_array().unwrap().is_empty(), "{json}");
            assert_eq!(json["account"], Value::Null);
        }
        let folders = line(ResourceName::RegistrationFolders, None).json();
        assert_eq!(
            folders["filters"]["organismType"]["values"],
            json!(["self", "partners"])
        );
        assert_eq!(folders["filters"]["tags"], json!({"several": true, "values": null}));
    }
}
