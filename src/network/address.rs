//! Which addresses a key may be sent to. Pure.

use url::{Host, Url};

/// A base address that a key may be sent to: https, or http where nobody else listens (this machine, the cluster's own
/// network); on one of the `allowed` hosts if there is such a list. The error says what is wrong.
pub fn base_url(text: &str, allowed: Option<&[String]>) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("`{text}` is no address ({error})"))?;
    let Some(host) = url.host_str() else {
        return Err(format!("`{text}` names no host"));
    };
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(format!(
            "the address of {host} may have a path, but no user, query or fragment"
        ));
    }
    let in_cluster = host.ends_with(".svc") || host.ends_with(".svc.cluster.local");
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) || in_cluster => {}
        "http" => {
            return Err(format!(
                "http to {host} would send the key readable by others: use https"
            ));
        }
        scheme => return Err(format!("`{scheme}` is no scheme for an API: use https")),
    }
    if let Some(allowed) = allowed
        && !allowed.iter().any(|name| name.eq_ignore_ascii_case(host))
    {
        return Err(format!(
            "{host} is not among the hosts that keys may be sent to ({}); whoever installed the operator can add it",
            allowed.join(", ")
        ));
    }
    Ok(url)
}

pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://www.wedof.fr/api", None, None)]
    #[case("http://127.0.0.1:4010/api", None, None)]
    #[case("http://[::1]:4010/api", None, None)]
    #[case("http://localhost:4010/", None, None)]
    #[case("http://wedof.sim.svc/api", None, None)]
    #[case("http://wedof.sim.svc.cluster.local:80/api", None, None)]
    #[case("https://STAGING.wedof.fr/api", Some("staging.wedof.fr"), None)]
    #[case("http://www.wedof.fr/api", None, Some("use https"))]
    #[case("http://127.0.0.1.example.org/api", None, Some("use https"))]
    #[case("http://svc/api", None, Some("use https"))]
    #[case("ftp://www.wedof.fr/api", None, Some("no scheme"))]
    #[case("www.wedof.fr/api", None, Some("no address"))]
    #[case("https://user@www.wedof.fr/api", None, Some("no user"))]
    #[case("https://www.wedof.fr/api?x=1", None, Some("no user"))]
    #[case("https://evil.example/api", Some("www.wedof.fr"), Some("not among the hosts"))]
    #[case("http://127.0.0.1:4010/api", Some("www.wedof.fr"), Some("not among the hosts"))]
    fn a_key_is_sent_only_where_it_is_safe(
        #[case] text: &str,
        #[case] allowed: Option<&str>,
        #[case] refused: Option<&str>,
    ) {
        let allowed = allowed.map(|host| vec![host.to_owned()]);
        match (base_url(text, allowed.as_deref()), refused) {
            (Ok(_), None) => {}
            (Err(error), Some(says)) => assert!(error.contains(says), "{text}: {error}"),
            (got, _) => panic!("{text}: {got:?}"),
        }
    }
}
