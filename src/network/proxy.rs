//! Proxies by the usual variables. Whoever sets them by hand may give a user and a password in the address; they are sent
//! to the proxy and shown nowhere.

use std::fmt;

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use super::is_loopback;
use crate::{
    config::Environment,
    failure::{Failure, reason},
};

/// Which proxy is asked for which address.
pub struct Proxies {
    https: Option<Proxy>,
    http: Option<Proxy>,
    /// Knows which hosts are excepted; its proxies stand for ours.
    matcher: Matcher,
}

/// A proxy and the variable that names it.
#[derive(Clone)]
pub struct Proxy {
    variable: &'static str,
    address: Url,
}

/// What stands between this machine and an address.
#[derive(Clone, Copy)]
pub enum Route<'a> {
    Direct,
    Through(&'a Proxy),
}

impl Proxies {
    pub fn of(environment: &Environment) -> Result<Self, Failure> {
        let [https, http, all] = [
            ["HTTPS_PROXY", "https_proxy"],
            ["HTTP_PROXY", "http_proxy"],
            ["ALL_PROXY", "all_proxy"],
        ]
        .map(|names| Proxy::of(environment, names));
        let all = all?;
        let (https, http) = (https?.or_else(|| all.clone()), http?.or(all));
        let except = ["NO_PROXY", "no_proxy"].iter().find_map(|name| environment.get(name));
        let uri = |proxy: &Option<Proxy>| {
            proxy
                .as_ref()
                .map(|proxy| proxy.address.to_string())
                .unwrap_or_default()
        };
        let matcher = Matcher::builder()
            .https(uri(&https))
            .http(uri(&http))
            .no(except.unwrap_or_default())
            .build();
        Ok(Self { https, http, matcher })
    }

    pub fn are_set(&self) -> bool {
        self.https.is_some() || self.http.is_some()
    }

    /// This machine's own addresses are never asked of a proxy, which would take them for its own.
    pub fn route(&self, url: &Url) -> Route<'_> {
        let proxy = match url.scheme() {
            "https" => &self.https,
            _ => &self.http,
        };
        let asked = || self.matcher.intercept(&url.as_str().parse().ok()?);
        match proxy {
            Some(proxy) if !is_loopback(url) && asked().is_some() => Route::Through(proxy),
            _ => Route::Direct,
        }
    }
}

impl Proxy {
    fn of(environment: &Environment, names: [&'static str; 2]) -> Result<Option<Self>, Failure> {
        let Some((variable, text)) = names.into_iter().find_map(|name| Some((name, environment.get(name)?))) else {
            return Ok(None);
        };
        match address(text) {
            Ok(address) => Ok(Some(Self { variable, address })),
            Err(what) => Err(Failure::person(reason::INVALID_CONFIG, format!("{variable}: {what}"))),
        }
    }

    /// With user and password, if there are any.
    pub fn address(&self) -> &Url {
        &self.address
    }

    pub fn has_login(&self) -> bool {
        has_login(&self.address)
    }

    pub fn variable(&self) -> &'static str {
        self.variable
    }
}

/// For people: without user and password, with the variable to change.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.address.origin().ascii_serialization(), self.variable)
    }
}

pub fn has_login(address: &Url) -> bool {
    !address.username().is_empty() || address.password().is_some()
}

/// A proxy's address, `proxy.example:3128` or with http:// or https:// before it. What is wrong is told without the
/// address, which may hold a password.
pub fn address(text: &str) -> Result<Url, String> {
    const FORM: &str = "a proxy's address is like http://proxy.example:3128";
    let text = match text.contains("://") {
        true => text.to_owned(),
        false => format!("http://{text}"),
    };
    let url = Url::parse(&text).map_err(|error| format!("this is no address ({error}); {FORM}"))?;
    match url.scheme() {
        "http" | "https" => {}
        scheme => return Err(format!("a proxy is asked over http or https, not `{scheme}`; {FORM}")),
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(format!("the address names no host; {FORM}"));
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err(format!("nothing may follow the port; {FORM}"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn route(variables: &[(&str, &str)], url: &str) -> Option<String> {
        let mut environment = Environment::default();
        for variable in variables {
            environment.extend(Environment::from([*variable]));
        }
        let proxies = Proxies::of(&environment).unwrap();
        match proxies.route(&url.parse().unwrap()) {
            Route::Direct => None,
            Route::Through(proxy) => Some(proxy.to_string()),
        }
    }

    const WEDOF: &str = "https://www.wedof.fr/api";

    #[rstest]
    #[case(&[], None)]
    #[case(&[("HTTPS_PROXY", "http://p.acme:3128")], Some("http://p.acme:3128 (HTTPS_PROXY)"))]
    #[case(&[("https_proxy", "p.acme:3128")], Some("http://p.acme:3128 (https_proxy)"))]
    #[case(&[("HTTPS_PROXY", "https://marie:s3cret@p.acme/")], Some("https://p.acme (HTTPS_PROXY)"))]
    #[case(&[("ALL_PROXY", "http://all.acme:1")], Some("http://all.acme:1 (ALL_PROXY)"))]
    #[case(&[("ALL_PROXY", "http://all.acme:1"), ("HTTPS_PROXY", "http://p.acme:2")], Some("http://p.acme:2 (HTTPS_PROXY)"))]
    #[case(&[("HTTP_PROXY", "http://p.acme:3128")], None)]
    #[case(&[("HTTPS_PROXY", "http://p.acme:3128"), ("NO_PROXY", "intern.acme, .wedof.fr")], None)]
    #[case(&[("HTTPS_PROXY", "http://p.acme:3128"), ("no_proxy", "wedof.fr")], None)]
    #[case(&[("HTTPS_PROXY", "http://p.acme:3128"), ("NO_PROXY", "*")], None)]
    #[case(&[("HTTPS_PROXY", "http://p.acme:3128"), ("NO_PROXY", "notwedof.fr")], Some("http://p.acme:3128 (HTTPS_PROXY)"))]
    fn the_usual_variables_decide(#[case] variables: &[(&str, &str)], #[case] through: Option<&str>) {
        assert_eq!(route(variables, WEDOF).as_deref(), through);
    }

    #[rstest]
    #[case("http://127.0.0.1:4010/api", false)]
    #[case("http://[::1]:4010/api", false)]
    #[case("https://localhost/api", false)]
    #[case("http://simulator.sim.svc:8080/api", false)]
    #[case("http://simulator.sim.svc.cluster.local:8080/api", true)]
    #[case("https://10.1.2.3/api", false)]
    #[case("https://11.1.2.3/api", true)]
    fn this_machine_is_never_asked_of_a_proxy_and_the_cluster_not_if_it_is_excepted(
        #[case] url: &str,
        #[case] through: bool,
    ) {
        let variables = [("ALL_PROXY", "http://p.acme:3128"), ("NO_PROXY", ".svc,10.0.0.0/8")];
        assert_eq!(route(&variables, url).is_some(), through);
    }

    #[rstest]
    #[case("socks5://p.acme:1080", "not `socks5`")]
    #[case("http://", "no address")]
    #[case("http://p.acme:99999", "invalid port number")]
    #[case("http://marie:s3cret@p.acme:3128/pac.js", "nothing may follow the port")]
    #[case("http://marie:s3cret@p acme:3128", "no address")]
    fn what_is_no_proxy_s_address_is_told_and_never_quoted(#[case] text: &str, #[case] says: &str) {
        let failure = Proxies::of(&Environment::from([("HTTPS_PROXY", text)])).err().unwrap();
        assert_eq!((failure.reason, failure.exit_code()), (reason::INVALID_CONFIG, 2));
        assert!(failure.message.starts_with("HTTPS_PROXY: "), "{failure}");
        assert!(failure.message.contains(says), "{failure}");
        assert!(!failure.message.contains("s3cret"), "{failure}");
    }
}
