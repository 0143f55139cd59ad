//! What the program reads from `.env` and says to people who come from elsewhere.

use std::process::Stdio;

use crate::world::{FOLDERS, World};

#[tokio::test(flavor = "multi_thread")]
async fn an_env_file_in_any_of_its_forms_is_all_that_once_and_check_need() {
    let world = World::new(3).await;
    let tenant = &world.running.tenants[0];
    let (key, id) = (&tenant.api_key, &tenant.spreadsheet_id);
    let key_file = world.path("la clé.json");
    std::fs::write(&key_file, format!("\u{feff}{}\r\n", tenant.credentials)).unwrap();
    let text = format!(
        "\u{feff}# comme l'exemple\r\nexport WEDOF_API_KEY=\"{key}\"\r\n  GOOGLE_SPREADSHEET_ID = \
         https://docs.google.com/spreadsheets/d/{id}/edit#gid=0  \r\n\r\nGOOGLE_CREDENTIALS_PATH='{}'\r\n\
         SYNC_TIME=\r\nLOG_FORMAT=json\r\nWEDOF_BASE_URL={}\r\nGOOGLE_SHEETS_BASE_URL={}",
        key_file.display(),
        world.running.wedof_url,
        world.running.sheets_url,
    );
    world.write(".env", text.as_bytes());
    let run = world.sync(&["--resource", "registrationFolders"]).await.expect(0);
    assert_eq!(world.values(FOLDERS).len(), 4);
    let line: serde_json::Value = serde_json::from_str(run.stderr.lines().next().unwrap()).unwrap();
    assert_eq!(line["level"], "INFO", "LOG_FORMAT of .env counts too: {}", run.stderr);
    let check = world.program(&["check"]).output().await.unwrap();
    let stdout = String::from_utf8(check.stdout).unwrap();
    assert!(stdout.contains("was filled by an earlier sync"), "{stdout}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_env_file_that_cannot_be_read_stops_every_command_with_line_and_column() {
    let world = World::new(1).await;
    world.write(
        ".env",
        b"WEDOF_API_KEY=k\nGOOGLE_CREDENTIALS_PATH=/home/marie/my key.json\n",
    );
    for command in ["sync", "scheduler", "check"] {
        let output = world.program(&[command]).output().await.unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(".env cannot be read, line 2, column "), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_wins_over_the_env_file_and_the_usual_filter_of_logs_is_heard() {
    let world = World::new(1).await;
    world.write_env("wrong-key", "");
    let key = world.running.tenants[0].api_key.clone();
    let variables = [("WEDOF_API_KEY", key.as_str()), ("RUST_LOG", "warn")];
    let run = world
        .sync_with(&["--resource", "organisms"], &variables)
        .await
        .expect(0);
    assert_eq!(run.stderr, "", "nothing to warn of");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_know_the_flags_of_the_script_learn_the_commands() {
    let world = World::new(1).await;
    for (arguments, hint) in [
        (&["--mode", "once"][..], "`wedof-sheet-sync sync`"),
        (&["--mode", "scheduler"], "`wedof-sheet-sync scheduler`"),
        (&["--test-connection"], "`wedof-sheet-sync check`"),
    ] {
        let output = world.program(arguments).output().await.unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("hint: ") && stderr.contains(hint), "{stderr}");
    }
    let completions = world.program(&["completions", "zsh"]).output().await.unwrap();
    assert!(String::from_utf8(completions.stdout).unwrap().contains("scheduler"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_has_had_enough_of_the_output_changes_nothing() {
    let world = World::new(3).await;
    for args in [
        &["check"][..],
        &["check", "--output", "json"],
        &["sync", "--resource", "organisms"],
        &["resources"],
        &["crd"],
    ] {
        let mut child = world.program(args).stdout(Stdio::piped()).spawn().unwrap();
        // as `| true` does
        drop(child.stdout.take());
        let output = child.wait_with_output().await.unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {stderr}");
        assert!(!stderr.contains("panicked"), "{args:?}: {stderr}");
    }
}
