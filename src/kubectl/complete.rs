//! Completions for `kubectl wss`: kubectl runs `kubectl_complete-wss` with the words of the command line, the last of
//! which is unfinished, and reads one proposal a line and then a directive.

use std::{path::PathBuf, time::Duration};

use super::{Cluster, Connection};

/// Nobody waits longer for a completion.
const PATIENCE: Duration = Duration::from_secs(3);
/// No names of files.
const DIRECTIVE: &str = ":4";

/// The answer to kubectl. `plugin` is the definition of `kubectl wss`.
pub async fn complete(plugin: &clap::Command, words: &[String]) -> String {
    let (begun, before) = words
        .split_last()
        .map_or(("", words), |(begun, before)| (begun.as_str(), before));
    let proposals = match before.split_first() {
        None => sub_commands(plugin),
        Some(_) if begun.starts_with('-') => flags(plugin, &before[0]),
        Some(_) if before.last().is_some_and(|word| wants_value(word)) => Vec::new(),
        Some((_, options)) => tokio::time::timeout(PATIENCE, names(options)).await.unwrap_or_default(),
    };
    let mut lines: Vec<String> = proposals
        .into_iter()
        .filter(|proposal| proposal.starts_with(begun))
        .collect();
    lines.push(DIRECTIVE.to_owned());
    lines.join("\n") + "\n"
}

fn sub_commands(plugin: &clap::Command) -> Vec<String> {
    let shown = plugin.get_subcommands().filter(|command| !command.is_hide_set());
    shown
        .map(|command| {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            format!("{}\t{about}", command.get_name())
        })
        .collect()
}

fn flags(plugin: &clap::Command, command: &str) -> Vec<String> {
    let command = plugin.find_subcommand(command);
    let arguments = command.into_iter().flat_map(clap::Command::get_arguments);
    arguments
        .filter_map(|argument| Some(format!("--{}", argument.get_long()?)))
        .collect()
}

fn wants_value(word: &str) -> bool {
    matches!(word, "-n" | "--namespace" | "--context" | "--kubeconfig" | "--timeout")
}

/// The objects of the namespace that the words name.
async fn names(words: &[String]) -> Vec<String> {
    let value = |flags: &[&str]| {
        let pairs = words.windows(2).find(|pair| flags.contains(&pair[0].as_str()));
        let joined = words.iter().find_map(|word| {
            let (flag, value) = word.split_once('=')?;
            flags.contains(&flag).then_some(value)
        });
        pairs.map(|pair| pair[1].as_str()).or(joined).map(str::to_owned)
    };
    let connection = Connection {
        namespace: value(&["-n", "--namespace"]),
        context: value(&["--context"]),
        kubeconfig: value(&["--kubeconfig"]).map(PathBuf::from),
    };
    let Ok(cluster) = Cluster::connect(&connection).await else {
        return Vec::new();
    };
    let objects = cluster.list(false).await.unwrap_or_default();
    objects.into_iter().map(|object| object.name).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    async fn proposals(words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        super::complete(&crate::cli::Plugin::command(), &words).await
    }

    #[tokio::test]
    async fn commands_and_flags_are_proposed() {
        assert!(proposals(&["st"]).await.starts_with("status\t"));
        let flags = proposals(&["run", "acme", "--"]).await;
        assert!(flags.contains("--wait\n") && flags.contains("--namespace\n"), "{flags}");
        assert_eq!(proposals(&["run", "--timeout", ""]).await, ":4\n");
    }
}
