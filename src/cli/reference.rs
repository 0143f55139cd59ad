//! The command line as Markdown: `docs/cli.md` is made of what `--help` says, so that it cannot differ.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};

const HEAD: &str = "# Command line

<!-- made by `make generate` from the definition of the command line; edits here are lost -->

Exit codes: 0 all well; 1 failed or partly done, a later run may succeed; 2 will fail again until a person changes something.
";

pub fn markdown(mut command: Command) -> String {
    command.build();
    let mut text = HEAD.to_owned();
    for sub in command
        .get_subcommands()
        .filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
    {
        let name = format!("{} {}", command.get_name(), sub.get_name());
        let _ = writeln!(text, "\n## `{name}`\n\n{}.", said(sub.get_about()));
        let arguments = sub.get_arguments().filter(|argument| {
            let everywhere = argument.is_global_set() || ["help", "version"].contains(&argument.get_id().as_str());
            !argument.is_hide_set() && !everywhere
        });
        list(&mut text, arguments);
    }
    text.push_str("\n## Options of every command\n");
    list(
        &mut text,
        command.get_arguments().filter(|argument| argument.is_global_set()),
    );
    text
}

fn list<'a>(text: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    for (number, argument) in arguments.enumerate() {
        if number == 0 {
            text.push_str("\n| option | |\n|---|---|\n");
        }
        let _ = writeln!(text, "| {} | {} |", form(argument), escaped(&meaning(argument)));
    }
}

/// `-n`, `--namespace <NAMESPACE>`
fn form(argument: &Arg) -> String {
    let takes_value = matches!(argument.get_action(), ArgAction::Set | ArgAction::Append);
    let value = match argument.get_value_names() {
        Some([name, ..]) if takes_value => format!("<{name}>"),
        _ => String::new(),
    };
    let short = argument.get_short().map(|short| format!("`-{short}`"));
    let long = match argument.get_long() {
        Some(long) => format!("`--{long} {value}`").replace(" `", "`"),
        None => format!("`{value}`"),
    };
    short.into_iter().chain([long]).collect::<Vec<_>>().join(", ")
}

fn meaning(argument: &Arg) -> String {
    let mut text = said(argument.get_help());
    let values: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    let is_flag = !matches!(argument.get_action(), ArgAction::Set | ArgAction::Append);
    if !values.is_empty() && !is_flag && !argument.is_hide_possible_values_set() {
        let _ = write!(text, "; one of {}", values.join(", "));
    }
    let defaults: Vec<_> = argument
        .get_default_values()
        .iter()
        .map(|value| format!("`{}`", value.to_string_lossy()))
        .collect();
    if !defaults.is_empty() && !is_flag {
        let _ = write!(text, " [default: {}]", defaults.join(", "));
    }
    if let Some(variable) = argument.get_env() {
        let _ = write!(text, " [variable: `{}`]", variable.to_string_lossy());
    }
    text
}

/// Markdown that shows the text as it is.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

fn said(help: Option<&clap::builder::StyledStr>) -> String {
    let text = help.map(ToString::to_string).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_reference_in_docs_is_what_the_program_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cli.md");
        let written = std::fs::read_to_string(path).unwrap();
        assert_eq!(written, markdown(crate::cli::Cli::command()), "run `make generate`");
    }
}
