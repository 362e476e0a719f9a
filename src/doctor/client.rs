//! The client that asks as browsers and players do: without credentials.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Certificate, ClientBuilder, Method, RequestBuilder, redirect};

use crate::domain::doctor::judge::Cors;
use crate::outgoing::describe;
use crate::tls::Trust;

/// Deadline of a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Deadline of a whole answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest body that is read. Those that are asked for have some bytes.
const MAX_BODY_BYTES: usize = 64 << 10;

/// Asks servers that the settings name.
pub(super) struct Client {
    trust: Trust,
    http: Result<reqwest::Client, String>,
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) cors: Cors,
    pub(super) body: Vec<u8>,
}

impl Client {
    /// A client that trusts these authorities and those of the system.
    pub(super) fn new(trust: &Trust) -> Self {
        let http = build(trust, reqwest::Client::builder());
        Self { trust: trust.clone(), http }
    }

    /// A client that reaches this host at this address.
    pub(super) fn at(&self, host: &str, address: SocketAddr) -> Self {
        let builder = reqwest::Client::builder().no_proxy().resolve(host, address);
        Self { trust: self.trust.clone(), http: build(&self.trust, builder) }
    }

    /// A request.
    ///
    /// # Errors
    /// If the client cannot be made.
    pub(super) fn request(&self, method: Method, url: &str) -> Result<RequestBuilder, String> {
        Ok(self.http.as_ref().map_err(Clone::clone)?.request(method, url))
    }

    /// GET of a URL, as a page of `origin` does if that is not empty.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) async fn get(&self, url: &str, origin: &str) -> Result<Answer, String> {
        let request = self.request(Method::GET, url)?;
        send(if origin.is_empty() { request } else { request.header("origin", origin) }).await
    }

    /// The preflight of a request of a page of `origin`.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) async fn preflight(
        &self,
        url: &str,
        origin: &str,
        method: &str,
        headers: &[&str],
    ) -> Result<Cors, String> {
        let request = self
            .request(Method::OPTIONS, url)?
            .header("origin", origin)
            .header("access-control-request-method", method)
            .header("access-control-request-headers", headers.join(","));
        Ok(send(request).await?.cors)
    }
}

fn build(trust: &Trust, builder: ClientBuilder) -> Result<reqwest::Client, String> {
    // Fails if another provider is installed already, which serves as well.
    drop(rustls::crypto::ring::default_provider().install_default());
    let authorities = trust.authorities().map(Certificate::from_der);
    let authorities = authorities.collect::<Result<Vec<_>, _>>().map_err(describe)?;
    let mut builder = builder
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .user_agent(concat!("ladderd-doctor/", env!("CARGO_PKG_VERSION")));
    if !authorities.is_empty() {
        builder = builder.tls_certs_merge(authorities);
    }
    builder.build().map_err(describe)
}

/// Sends a request and reads the beginning of its answer.
///
/// # Errors
/// Why there is no answer.
pub(super) async fn send(request: RequestBuilder) -> Result<Answer, String> {
    let mut answer = request.send().await.map_err(describe)?;
    let status = answer.status().as_u16();
    let cors = cors(status, answer.headers());
    let mut body = Vec::new();
    while body.len() < MAX_BODY_BYTES
        && let Some(chunk) = answer.chunk().await.map_err(describe)?
    {
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, cors, body })
}

fn cors(status: u16, headers: &HeaderMap) -> Cors {
    let text = |name: &'static str| {
        let all = headers.get_all(HeaderName::from_static(name)).iter();
        let all: Vec<&str> = all.filter_map(|value| value.to_str().ok()).collect();
        (!all.is_empty()).then(|| all.join(","))
    };
    Cors {
        status,
        allow_origin: text("access-control-allow-origin"),
        allow_methods: text("access-control-allow-methods"),
        allow_headers: text("access-control-allow-headers"),
        expose_headers: text("access-control-expose-headers"),
    }
}
