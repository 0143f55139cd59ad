//! Ways that lead there.

use std::collections::BTreeMap;

use crate::{
    Office, SHEETS, TOKENS, WEDOF,
    proxy::{Manner, Proxy},
    world::FOLDERS,
};

#[tokio::test(flavor = "multi_thread")]
async fn through_a_proxy_that_inspects_tls_everything_goes_through_it_and_is_trusted_by_one_certificate() {
    let office = Office::new().await;
    let variables = [
        ("HTTPS_PROXY", &*office.proxy.url()),
        ("WEDOF_SHEET_SYNC_CA", office.ca()),
    ];
    let run = office.sync(&variables).await.expect(0);
    assert_eq!((run.report.rows, office.world.keys(FOLDERS).len()), (5, 3));
    assert_eq!(
        office.proxy.seen(),
        [format!("{TOKENS}:443"), format!("{SHEETS}:443"), format!("{WEDOF}:443")]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lower_case_names_the_file_of_variables_and_certificates_in_the_variable_do_as_well() {
    let office = Office::new().await;
    let env = std::fs::read_to_string(office.world.path(".env")).unwrap();
    let more = format!(
        "https_proxy={}\nWEDOF_SHEET_SYNC_CA='{}'\n",
        office.proxy.address,
        office.authority.pem()
    );
    office.world.write(".env", (env + &more).as_bytes());
    office.sync(&[]).await.expect(0);
    assert_eq!(office.proxy.seen().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_sent_to_the_proxy_and_shown_nowhere() {
    // marie:s3:cret/ü
    let office = Office::with(Manner::Login("Basic bWFyaWU6czM6Y3JldC/DvA==")).await;
    let address = office.proxy.address;
    let variables = [
        ("HTTPS_PROXY", format!("http://marie:s3:cret%2F%C3%BC@{address}")),
        ("WEDOF_SHEET_SYNC_CA", office.ca().to_owned()),
        (
            "LOG_LEVEL",
            "trace,hyper=trace,hyper_util=trace,reqwest=trace,rustls=trace".to_owned(),
        ),
        ("RUST_LOG", "trace".to_owned()),
    ];
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let run = office.sync(&variables).await.expect(0);
    let all = format!("{}{}{:?}", run.stdout, run.stderr, run.report);
    assert!(all.contains("Registration Folders"), "{all}");
    for secret in ["s3:cret", "cret%2F", "bWFyaWU6"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_may_want_tls_for_itself() {
    let office = Office::new().await;
    let routes = BTreeMap::from([
        (
            format!("{WEDOF}:443"),
            office.authority.serve(&[WEDOF], office.world.running.wedof).await,
        ),
        (
            format!("{TOKENS}:443"),
            office.authority.serve(&[TOKENS], office.world.running.sheets).await,
        ),
        (
            format!("{SHEETS}:443"),
            office.authority.serve(&[SHEETS], office.world.running.sheets).await,
        ),
    ]);
    let proxy = Proxy::start_with_tls(routes, office.authority.acceptor_for("localhost")).await;
    let url = format!("https://localhost:{}", proxy.address.port());
    let variables = [("ALL_PROXY", &*url), ("WEDOF_SHEET_SYNC_CA", office.ca())];
    office.sync(&variables).await.expect(0);
    assert_eq!(proxy.seen().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn this_machine_s_services_are_reached_without_the_proxy_over_tls_too() {
    let office = Office::new().await;
    let (wedof, sheets) = (office.world.running.wedof, office.world.running.sheets);
    let local = async |to| {
        format!(
            "https://localhost:{}",
            office.authority.serve(&["localhost"], to).await.port()
        )
    };
    let (wedof, sheets) = (local(wedof).await, local(sheets).await);
    office.write_key(&format!("{sheets}/token")).await;
    office.write_env(&[
        ("WEDOF_BASE_URL", &format!("{wedof}/api")),
        ("GOOGLE_SHEETS_BASE_URL", &sheets),
    ]);
    let variables = [
        ("HTTPS_PROXY", &*office.proxy.url()),
        ("WEDOF_SHEET_SYNC_CA", office.ca()),
    ];
    office.sync(&variables).await.expect(0);
    assert_eq!(office.proxy.seen(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn services_of_the_cluster_go_through_a_proxy_for_http_unless_they_are_excepted() {
    let office = Office::new().await;
    office.write_key("http://simulator.sim.svc:8081/token").await;
    office.write_env(&[
        ("WEDOF_BASE_URL", "http://simulator.sim.svc/api"),
        ("GOOGLE_SHEETS_BASE_URL", "http://simulator.sim.svc:8081/"),
        ("GOOGLE_TOKEN_HOSTS", "simulator.sim.svc"),
    ]);
    let proxy = office.proxy.url();
    office.sync(&[("HTTP_PROXY", &proxy)]).await.expect(0);
    assert_eq!(office.proxy.seen(), ["simulator.sim.svc:80", "simulator.sim.svc:8081"]);
    for no_proxy in ["localhost,.svc", "simulator.sim.svc", "*"] {
        let run = office
            .sync(&[("HTTP_PROXY", &proxy), ("NO_PROXY", no_proxy)])
            .await
            .expect(1);
        run.says("dns error");
        assert!(!run.stderr.contains("proxy"), "{}", run.stderr);
    }
}
