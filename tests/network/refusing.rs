//! Ways that do not lead there, and what is said of them.

use std::collections::BTreeMap;

use rstest::rstest;

use crate::{
    Office, TOKENS, WEDOF,
    authority::Authority,
    proxy::{Manner, Proxy},
    world::Run,
};

#[track_caller]
fn ends(run: &Run, reason: &str, says: &[&str]) {
    assert_eq!(run.report.reason.as_deref(), Some(reason), "{}", run.stderr);
    for text in says {
        run.says(text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_an_unknown_authority_is_told_with_what_to_do() {
    let office = Office::new().await;
    let proxy = office.proxy.url();
    let run = office.preview(&[("HTTPS_PROXY", &proxy)]).await.expect(2);
    let address = format!("(through the proxy {proxy} (HTTPS_PROXY))");
    ends(
        &run,
        "CertificateNotTrusted",
        &[
            "the certificate shown for wedof.test is not trusted",
            &address,
            "in WEDOF_SHEET_SYNC_CA",
        ],
    );

    let other = office.world.write("other.pem", Authority::new().pem().as_bytes());
    let other = other.to_str().unwrap();
    let run = office
        .sync(&[("HTTPS_PROXY", &proxy), ("WEDOF_SHEET_SYNC_CA", other)])
        .await
        .expect(2);
    let none = format!("it is none of the 1 certificate of {other} (WEDOF_SHEET_SYNC_CA) either");
    ends(&run, "CertificateNotTrusted", &[&none]);
}

#[tokio::test(flavor = "multi_thread")]
async fn google_is_believed_no_more_than_wedof() {
    let office = Office::new().await;
    office.write_env(&[
        ("WEDOF_BASE_URL", &office.world.running.wedof_url),
        ("GOOGLE_SHEETS_BASE_URL", "https://sheets.test/"),
        ("GOOGLE_TOKEN_HOSTS", TOKENS),
    ]);
    let proxy = office.proxy.url();
    let run = office.sync(&[("HTTPS_PROXY", &proxy)]).await.expect(2);
    ends(
        &run,
        "CertificateNotTrusted",
        &[
            "Google cannot be reached",
            "https://oauth2.test/token",
            "in WEDOF_SHEET_SYNC_CA",
        ],
    );
    // tokens from this machine, the spreadsheet from elsewhere
    office
        .write_key(&format!("{}token", office.world.running.sheets_url))
        .await;
    office.write_env(&[
        ("WEDOF_BASE_URL", &office.world.running.wedof_url),
        ("GOOGLE_SHEETS_BASE_URL", "https://sheets.test/"),
    ]);
    let run = office.sync(&[("HTTPS_PROXY", &proxy)]).await.expect(2);
    ends(
        &run,
        "CertificateNotTrusted",
        &["the certificate shown for sheets.test is not trusted"],
    );
}

#[rstest]
#[case::expired(true, "expired")]
#[case::for_another_name(false, "not valid for name")]
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_valid_may_be_replaced_and_is_tried_again(#[case] expired: bool, #[case] says: &str) {
    let office = Office::new().await;
    let wedof = office.world.running.wedof;
    let server = match expired {
        true => office.authority.serve_expired(&[WEDOF], wedof).await,
        false => office.authority.serve(&["other.test"], wedof).await,
    };
    let proxy = Proxy::start(BTreeMap::from([(format!("{WEDOF}:443"), server)]), Manner::Open).await;
    let variables = [("HTTPS_PROXY", &*proxy.url()), ("WEDOF_SHEET_SYNC_CA", office.ca())];
    let run = office.preview(&variables).await.expect(1);
    ends(
        &run,
        "WedofUnreachable",
        &["the certificate shown for wedof.test is not valid", says],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_wants_a_login_is_not_asked_again_and_again() {
    let office = Office::with(Manner::Login("Basic bWFyaWU6cw==")).await;
    let ca = ("WEDOF_SHEET_SYNC_CA", office.ca());
    let proxy = office.proxy.url();
    let run = office.preview(&[("HTTPS_PROXY", &proxy), ca]).await.expect(2);
    ends(
        &run,
        "ProxyRefused",
        &[&format!(
            "the proxy {proxy} (HTTPS_PROXY) wants a user and a password (407)"
        )],
    );
    assert!(!run.stderr.contains("trying again"), "{}", run.stderr);

    let wrong = format!("http://marie:wr0ng@{}", office.proxy.address);
    let run = office.preview(&[("HTTPS_PROXY", &wrong), ca]).await.expect(2);
    ends(
        &run,
        "ProxyRefused",
        &["refuses the user and password in HTTPS_PROXY (407)"],
    );
    assert!(!format!("{run:?}").contains("wr0ng"));

    // the same from Google's side
    let wedof = office.world.running.wedof_url.clone();
    office.write_env(&[("WEDOF_BASE_URL", &wedof), ("GOOGLE_TOKEN_HOSTS", TOKENS)]);
    let run = office.sync(&[("HTTPS_PROXY", &proxy), ca]).await.expect(2);
    ends(
        &run,
        "ProxyRefused",
        &["Google cannot be reached", "wants a user and a password (407)"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_cannot_be_reached_or_does_not_connect_may_do_so_later() {
    let office = Office::with(Manner::Refuse("403 Forbidden")).await;
    let proxy = office.proxy.url();
    let ca = ("WEDOF_SHEET_SYNC_CA", office.ca());
    let run = office.preview(&[("HTTPS_PROXY", &proxy), ca]).await.expect(1);
    let refuses = format!("the proxy {proxy} (HTTPS_PROXY) does not connect to wedof.test");
    ends(&run, "WedofUnreachable", &[&refuses]);

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let run = office.preview(&[("HTTPS_PROXY", &gone), ca]).await.expect(1);
    let unreachable = format!("the proxy {gone} (HTTPS_PROXY) cannot be reached: ");
    ends(&run, "WedofUnreachable", &[&unreachable, "refused", "NO_PROXY"]);

    let wedof = office.world.running.wedof_url.clone();
    office.write_env(&[("WEDOF_BASE_URL", &wedof), ("GOOGLE_TOKEN_HOSTS", TOKENS)]);
    let run = office.sync(&[("HTTPS_PROXY", &gone), ca]).await.expect(1);
    ends(
        &run,
        "GoogleError",
        &["no token from https://oauth2.test/token", &unreachable],
    );
    let run = office.sync(&[("HTTPS_PROXY", &proxy), ca]).await.expect(1);
    ends(&run, "GoogleError", &["does not connect to oauth2.test"]);
}

#[rstest]
#[case::scheme("HTTPS_PROXY", "socks5://proxy.test:1080", "not `socks5`")]
#[case::file("WEDOF_SHEET_SYNC_CA", "/no/such.pem", "cannot read the file /no/such.pem")]
#[case::content(
    "WEDOF_SHEET_SYNC_CA",
    "key.json",
    "file key.json: it holds a private key and no certificate"
)]
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_variable_is_named_before_anything_is_sent(
    #[case] variable: &str,
    #[case] value: &str,
    #[case] says: &str,
) {
    let office = Office::new().await;
    let run = office.sync(&[(variable, value)]).await.expect(2);
    ends(&run, "InvalidConfig", &[variable, says]);
    assert_eq!(office.world.running.wedof_requests().total, 0);
}
