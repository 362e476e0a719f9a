//! Requests to URLs that callers name: webhooks, and sources that are pulled.
//!
//! Such a URL must not lead behind the appliance (`domain::public_address`). The rule is applied to the addresses
//! that a name resolves to, by the resolver of the client itself: the address that was judged is the one that is
//! connected to, so a name that changes in between leads nowhere. Redirects are never followed by the client.

use std::error::Error as _;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, Client, Url, redirect};

use crate::domain::public_address::is_public;
use crate::tls::Trust;

/// Deadline of a connection, its encryption included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a URL or an address is not asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The text is no URL.
    #[error("the URL is not valid: {0}")]
    Invalid(String),
    /// The scheme is neither `https` nor `http`.
    #[error("the URL must begin with https:// or http://, not {0}:")]
    Scheme(String),
    /// The URL holds a user name or a password.
    #[error("the URL must not hold a user name or a password")]
    Credentials,
    /// The URL has no host.
    #[error("the URL must name a host")]
    Host,
    /// The address is not on the public internet.
    #[error("{0} is not an address of the public internet")]
    NotPublic(String),
    /// The name has no address on the public internet. Whether it has another one is not said: callers could list
    /// the names of the network that the appliance is in.
    #[error("its name leads to no address of the public internet")]
    Name,
}

/// A client for URLs of callers. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Outgoing {
    client: Client,
    allows_private: bool,
}

impl Outgoing {
    /// A client that trusts these authorities besides those of the system. `allows_private`: private, loopback and
    /// link-local addresses are asked, too, and the proxy of the environment is used, which resolves names itself.
    ///
    /// # Errors
    /// If the authorities cannot be used.
    pub fn new(trust: &Trust, allows_private: bool) -> Result<Self, reqwest::Error> {
        // Fails if another provider is installed already, which serves as well.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut client = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("ladderd/", env!("CARGO_PKG_VERSION")));
        if !allows_private {
            client = client.no_proxy().dns_resolver(Arc::new(PublicResolver));
        }
        let authorities = trust.authorities().map(Certificate::from_der);
        let authorities = authorities.collect::<Result<Vec<_>, _>>()?;
        if !authorities.is_empty() {
            client = client.tls_certs_merge(authorities);
        }
        Ok(Self { client: client.build()?, allows_private })
    }

    /// Parses a URL that may be asked. A host that is a name is judged when it is resolved.
    ///
    /// # Errors
    /// [`Refused`] says what is wrong with it.
    pub fn check(&self, text: &str) -> Result<Url, Refused> {
        let url = Url::parse(text).map_err(|error| Refused::Invalid(error.to_string()))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(Refused::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Credentials);
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(Refused::Host)?;
        // The resolver does not see addresses.
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>().ok();
        match address.filter(|address| !self.allows_private && !is_public(*address)) {
            Some(address) => Err(Refused::NotPublic(address.to_string())),
            None => Ok(url),
        }
    }

    /// The client. It is for URLs that passed [`Outgoing::check`], each redirect included.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }
}

/// A failed request in one sentence, without its URL, whose query may hold a secret.
#[must_use]
pub fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    text
}

/// Resolves names to public addresses alone.
struct PublicResolver;

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await;
            Ok(public(&host, found)?)
        })
    }
}

/// Those of the addresses of a host that are public. The reason why there are none is for the log alone.
fn public(
    host: &str,
    found: io::Result<impl Iterator<Item = SocketAddr>>,
) -> Result<Addrs, Refused> {
    let found = found.map_err(|error| {
        tracing::info!(host, %error, "failed to resolve a name that a caller gave");
        Refused::Name
    })?;
    let (public, others): (Vec<_>, Vec<_>) = found.partition(|address| is_public(address.ip()));
    if public.is_empty() {
        tracing::info!(host, ?others, "a name that a caller gave has no public address");
        return Err(Refused::Name);
    }
    Ok(Box::new(public.into_iter()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outgoing(allows_private: bool) -> Outgoing {
        Outgoing::new(&Trust::default(), allows_private).unwrap()
    }

    #[test]
    fn urls_of_callers_are_checked() {
        let table = [
            ("https://example.com/hook?a=b", Ok(())),
            ("http://1.1.1.1:8080", Ok(())),
            ("https://[2606:4700::1]/", Ok(())),
            ("ftp://example.com", Err("https:// or http://, not ftp:")),
            ("example.com", Err("the URL is not valid")),
            ("https://", Err("the URL is not valid")),
            ("https://user:password@example.com", Err("must not hold a user name")),
            ("http://127.0.0.1/", Err("127.0.0.1 is not an address of the public internet")),
            ("http://0x7f.1/", Err("127.0.0.1 is not")),
            ("http://2130706433/", Err("127.0.0.1 is not")),
            ("http://[::1]:80/", Err("::1 is not")),
            ("http://[::ffff:10.0.0.1]/", Err("is not an address of the public")),
            ("http://169.254.169.254/latest/meta-data", Err("169.254.169.254 is not")),
        ];
        let outgoing = outgoing(false);
        for (url, expected) in table {
            let found = outgoing.check(url).map(drop).map_err(|refused| refused.to_string());
            match (found, expected) {
                (Ok(()), Ok(())) => {}
                (Err(found), Err(part)) => assert!(found.contains(part), "{url}: {found}"),
                (found, expected) => panic!("{url}: {found:?} {expected:?}"),
            }
        }
        assert!(self::outgoing(true).check("http://127.0.0.1/").is_ok());
        assert!(self::outgoing(true).check("ftp://127.0.0.1/").is_err());
    }

    #[test]
    fn a_host_leads_to_its_public_addresses_alone() {
        let addresses = |texts: &[&str]| {
            texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect::<Vec<_>>()
        };
        let mixed = addresses(&["10.0.0.1", "1.1.1.1", "::1"]);
        let found: Vec<_> = public("host", Ok(mixed.into_iter())).ok().unwrap().collect();
        assert_eq!(found, addresses(&["1.1.1.1"]));
        // A name of this network and one that does not exist look alike.
        let refused = public("host", Ok(addresses(&["10.0.0.1", "::1"]).into_iter())).err();
        assert_eq!(refused, Some(Refused::Name));
        let unknown: io::Result<std::vec::IntoIter<SocketAddr>> = Err(io::Error::other("unknown"));
        assert_eq!(public("host", unknown).err(), Some(Refused::Name));
    }

    #[tokio::test]
    async fn a_name_of_a_private_address_is_not_connected_to() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}/", listener.local_addr().unwrap().port());
        let outgoing = outgoing(false);
        let url = outgoing.check(&url).unwrap();
        let error = describe(outgoing.client().get(url).send().await.unwrap_err());
        assert!(error.contains("its name leads to no address of the public internet"), "{error}");
        assert!(!error.contains("127.0.0.1") && !error.contains("::1"), "{error}");
        let connected = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(connected.is_err(), "it was connected to");
    }
}
