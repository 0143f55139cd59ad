//! `wedof-sheet-sync simulate`.

use std::{
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

struct Simulate(Child);

impl Drop for Simulate {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn simulate(arguments: &[&str]) -> (Simulate, Value) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_wedof-sheet-sync"))
        .args(["simulate", "--wedof", "127.0.0.1:0", "--sheets", "127.0.0.1:0"])
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    (Simulate(child), serde_json::from_str(&line).unwrap())
}

#[tokio::test]
async fn one_line_of_json_tells_all_that_a_client_needs() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key.json");
    let (_running, line) = simulate(&[
        "--folders",
        "3",
        "--tenants",
        "2",
        "--credentials-out",
        key.to_str().unwrap(),
    ]);
    assert_eq!(line["credentials"], key.to_str().unwrap());
    for (number, name) in ["key.json", "key-1.json"].into_iter().enumerate() {
        let path = folder.path().join(name);
        assert_eq!(line["tenants"][number]["credentials"], path.to_str().unwrap());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let key: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(key["token_uri"], format!("{}token", line["sheets"].as_str().unwrap()));
    }
    let url = format!("{}/registrationFolders", line["wedof"].as_str().unwrap());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http
        .get(url)
        .header("x-api-key", line["apiKey"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["x-total-count"], "3");
}

#[test]
fn another_host_name_can_be_printed_and_written_into_key_files() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key.json");
    let (_running, line) = simulate(&[
        "--folders",
        "0",
        "--public-host",
        "simulator.sim.svc",
        "--credentials-out",
        key.to_str().unwrap(),
    ]);
    assert!(line["wedof"].as_str().unwrap().starts_with("http://simulator.sim.svc:"));
    let written: Value = serde_json::from_slice(&std::fs::read(&key).unwrap()).unwrap();
    assert_eq!(
        written["token_uri"],
        json!(format!("{}token", line["sheets"].as_str().unwrap()))
    );
}

#[test]
fn an_address_in_use_is_named_and_the_exit_code_is_2() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_wedof-sheet-sync"))
        .args(["simulate", "--wedof", &address, "--sheets", "127.0.0.1:0"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains(&address) && error.contains("port 0"), "{error}");
}

#[tokio::test]
async fn googles_quota_is_an_option_with_its_figure_as_the_default() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (_running, line) = simulate(&["--folders", "0", "--quota"]);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}_settings", line["sheets"].as_str().unwrap());
    let settings = crate::support::reply(http.get(url)).await.json;
    assert_eq!(settings["quotaPerMinute"], 60);
}
