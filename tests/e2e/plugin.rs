//! `kubectl wss` beside a real kubelet: live progress from the log of a real pod, and the exit codes of real runs.

use std::{
    process::{Child, Command},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    programs::{ended, follow, interrupt, path},
    world::{Centre, World},
};

/// `kubectl wss …` in the namespace of the centre.
fn wss(centre: &Centre, arguments: &[&str]) -> Command {
    let mut command = Command::new("kubectl");
    command
        .arg("wss")
        .args(arguments)
        .args(["--namespace", &centre.namespace])
        .env("PATH", path());
    command
}

#[tokio::test]
async fn a_run_is_followed_live_by_its_pods_log_and_ends_with_its_table_and_code_0() {
    let centre = World::connect().await.centre("e2e-plugin", 12).await;
    // slow enough for somebody to see it going
    let wedof = json!({"requestsPerMinute": 60});
    centre
        .apply("acme", json!({"runOnCreate": false, "wedof": wedof}))
        .await;
    centre
        .wait("acme", "its CronJob", |status| status["observedGeneration"] == 1)
        .await;
    let read = Arc::new(OnceLock::new());
    let reads = read.clone();
    let progress = move |line: &str, _: &Child| {
        if line.contains("Registration Folders: ") && line.contains(" records read") {
            reads.get_or_init(Instant::now);
        }
    };
    let run = follow(wss(&centre, &["run", "acme", "--wait", "--timeout", "3m"]), progress).await;
    let err = &run.err;
    assert_eq!(run.code, 0, "{}\n{err}", run.out);
    let read_at = read.get().unwrap_or_else(|| panic!("no progress: {err}"));
    assert!(
        read_at.elapsed() > Duration::from_secs(1),
        "progress comes while the run is going: {err}"
    );
    assert!(
        err.contains("Job acme-") && err.contains(" is started\nPod acme-"),
        "{err}"
    );
    let mut table = run.out.lines().skip_while(|line| line.is_empty());
    assert!(table.next().is_some_and(|line| line.starts_with("TAB ")), "{}", run.out);
    let folders = table.find(|line| line.starts_with("Registration Folders "));
    let words: Vec<&str> = folders.unwrap_or_default().split_whitespace().collect();
    assert!(words.starts_with(&["Registration", "Folders", "Synced"]), "{}", run.out);
    assert!(!err.contains("TAB"), "the table comes once: {err}");
    assert!(run.out.contains("Succeeded after "), "{}", run.out);
    assert!(run.out.contains(&format!(
        "https://docs.google.com/spreadsheets/d/{}/edit",
        centre.spreadsheet
    )));

    let logs = ended(wss(&centre, &["logs", "acme"])).await;
    assert_eq!(logs.code, 0, "{}", logs.err);
    assert!(
        logs.out.contains("Registration Folders: ") && !logs.out.contains("\"level\""),
        "{}",
        logs.out
    );
    let raw = ended(wss(&centre, &["logs", "acme", "--raw"])).await;
    assert!(raw.out.starts_with("{\"timestamp\":"), "{}", raw.out);
    let status = ended(wss(&centre, &["status", "acme"])).await;
    assert!(status.out.starts_with("e2e-plugin/acme: Succeeded\n"), "{}", status.out);
}

#[tokio::test]
async fn a_key_that_wedof_refuses_ends_with_code_2_and_a_missing_secret_with_code_1() {
    let centre = World::connect()
        .await
        .centre_without_secrets("e2e-plugin-codes", 13)
        .await;
    let spec = json!({"runOnCreate": false, "job": {"backoffLimit": 0}});
    centre.apply("acme", spec).await;
    centre
        .wait("acme", "its CronJob", |status| status["observedGeneration"] == 1)
        .await;
    let missing = ended(wss(&centre, &["run", "acme", "--wait", "--timeout", "3m"])).await;
    assert_eq!(missing.code, 1, "{}\n{}", missing.out, missing.err);
    assert!(missing.out.contains("SecretMissing: "), "{}", missing.out);
    assert!(missing.out.contains("A later run may succeed."), "{}", missing.out);

    centre.create_secrets("not-a-key").await;
    let refused = ended(wss(&centre, &["run", "acme", "--wait", "--timeout", "3m"])).await;
    assert_eq!(refused.code, 2, "{}\n{}", refused.out, refused.err);
    assert!(refused.out.contains("WedofKeyRefused: "), "{}", refused.out);
    assert!(
        refused.out.contains("It will fail again until somebody changes that."),
        "{}",
        refused.out
    );
    assert!(!refused.out.contains("not-a-key") && !refused.err.contains("not-a-key"));
}

#[tokio::test]
async fn neither_a_timeout_nor_ctrl_c_ends_the_run() {
    // without Secrets a run waits for them, long enough to be left
    let centre = World::connect()
        .await
        .centre_without_secrets("e2e-plugin-leave", 14)
        .await;
    centre
        .apply("acme", json!({"runOnCreate": false, "job": {"backoffLimit": 0}}))
        .await;
    centre
        .wait("acme", "its CronJob", |status| status["observedGeneration"] == 1)
        .await;
    let leave = |line: &str, child: &Child| {
        if line.starts_with("Pod ") {
            interrupt(child);
        }
    };
    let left = follow(wss(&centre, &["run", "acme", "--wait"]), leave).await;
    assert_eq!(left.code, 130, "{}", left.err);
    assert!(
        left.err
            .contains("Interrupted; the run goes on. How it goes: kubectl wss status acme"),
        "{}",
        left.err
    );
    assert_eq!(centre.status("acme").await["lastRun"]["outcome"], "Running");

    let late = ended(wss(&centre, &["run", "acme", "--wait", "--timeout", "2s"])).await;
    assert_eq!(late.code, 124, "{}", late.err);
    assert!(
        late.err.contains("goes first; this run waits for its end"),
        "{}",
        late.err
    );
    assert!(
        late.err.contains("The time is up; the run starts without you."),
        "{}",
        late.err
    );
    // the run that was left ends by itself
    centre
        .wait("acme", "its end", |status| {
            status["lastRecordedRun"]["jobUid"].is_string()
        })
        .await;
}
