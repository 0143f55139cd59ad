//! What `check` tells of proxies and certificates.

use serde_json::Value;

use crate::{Office, proxy::Manner};

async fn check(office: &Office, code: i32, variables: &[(&str, &str)]) -> Vec<String> {
    let mut command = office.world.program(&["check", "--output", "json"]);
    let output = command.envs(variables.iter().copied()).output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
    let json: Value = serde_json::from_str(&text).unwrap();
    let findings = json["findings"].as_array().unwrap().iter();
    let line = |finding: &Value| {
        let [id, level, message] = ["id", "level", "message"].map(|field| finding[field].as_str().unwrap().to_owned());
        format!("{level} {id}: {message}")
    };
    findings.map(line).collect()
}

#[track_caller]
fn has(lines: &[String], line: &str) {
    assert!(
        lines.iter().any(|known| known.starts_with(line)),
        "{line}\nin {lines:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_each_service_and_the_certificates_are_told_without_the_login() {
    let office = Office::with(Manner::Login("Basic bWFyaWU6czNjcmV0")).await;
    let address = office.proxy.address;
    let variables = [
        ("HTTPS_PROXY", format!("http://marie:s3cret@{address}")),
        ("NO_PROXY", "localhost".to_owned()),
        ("WEDOF_SHEET_SYNC_CA", office.ca().to_owned()),
    ];
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let lines = check(&office, 0, &variables).await;
    let proxy = format!("the proxy http://{address} (HTTPS_PROXY)");
    has(
        &lines,
        &format!("ok wedof.route: Wedof (wedof.test) is reached through {proxy}"),
    );
    has(
        &lines,
        &format!("ok google.route: the token endpoint (oauth2.test) is reached through {proxy}"),
    );
    has(
        &lines,
        &format!("ok google.route: the Sheets API (sheets.test) is reached through {proxy}"),
    );
    has(
        &lines,
        &format!(
            "ok config.trust: trusted beside the authorities of this system: 1 certificate of {} (WEDOF_SHEET_SYNC_CA)",
            office.ca()
        ),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn services_without_a_proxy_are_told_only_where_there_is_one() {
    let office = Office::new().await;
    let lines = check(&office, 1, &[]).await;
    assert!(lines.iter().all(|line| !line.contains("proxy")), "{lines:#?}");
    let wedof = office.world.running.wedof_url.clone();
    office.write_env(&[("WEDOF_BASE_URL", &wedof), ("GOOGLE_TOKEN_HOSTS", "oauth2.test")]);
    let lines = check(&office, 2, &[("HTTPS_PROXY", &office.proxy.url())]).await;
    has(&lines, "ok wedof.route: Wedof (127.0.0.1) is reached without a proxy");
    has(
        &lines,
        "error google.token: Google cannot be reached: no token from https://oauth2.test/token: the certificate",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_variable_is_one_error_beside_the_others() {
    let office = Office::new().await;
    let lines = check(&office, 2, &[("HTTPS_PROXY", "http://marie:s3cret@proxy.test:3128/x")]).await;
    has(&lines, "error config.network: HTTPS_PROXY: nothing may follow the port");
    has(&lines, "ok config.spreadsheet: ");
    has(&lines, "skipped wedof.key: ");
}
