//! Sockets of the servers, and the URLs by which they are reached.

use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::net::TcpListener;

use super::urls::host;
use crate::server::{Listener, Tls};
use crate::settings::Settings;
use crate::tls::{self, Certificate};

/// Listens on `address`, an address with a port.
///
/// # Errors
/// If the address is invalid, in use or not permitted.
pub(super) async fn bind(address: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("failed to listen on {address}"))
}

/// The same, if there is an address.
///
/// # Errors
/// As [`bind`].
pub(super) async fn bind_unless_empty(address: &str) -> anyhow::Result<Option<TcpListener>> {
    if address.is_empty() { Ok(None) } else { bind(address).await.map(Some) }
}

/// Encryption and name that API and store share.
#[derive(Clone)]
pub(super) struct Front {
    tls: Option<Tls>,
    certificate: Option<Certificate>,
    /// Host of `http.public_url`, if that is set.
    name: Option<String>,
}

impl Front {
    /// Reads the certificate that the settings name.
    ///
    /// # Errors
    /// If there is one that cannot be used.
    pub(super) fn open(settings: &Settings) -> anyhow::Result<Self> {
        let certificate = Certificate::open(&settings.tls)?;
        let config = certificate.as_ref().map(Certificate::server_config).transpose()?;
        let tls = config.map(|config| Tls::new(config, settings.tls.hsts_secs));
        Ok(Self { tls, certificate, name: host(&settings.http.public_url) })
    }

    /// The socket with its encryption.
    pub(super) fn listener(&self, socket: TcpListener) -> Listener {
        Listener::new(socket, self.tls.clone())
    }

    /// URL of the server at this address.
    pub(super) fn url(&self, address: SocketAddr) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{address}")
    }

    /// URL by which clients reach the server at this address. A certificate is for a name, so the URL has that of
    /// `http.public_url`.
    pub(super) fn outer_url(&self, address: SocketAddr) -> String {
        match (&self.name, &self.certificate) {
            (Some(name), Some(_)) => format!("https://{name}:{}", address.port()),
            _ => self.url(address),
        }
    }

    /// Warns if browsers will refuse the certificate at this URL.
    pub(super) fn check_name(&self, url: &str) {
        let (Some(certificate), Some(host)) = (&self.certificate, host(url)) else { return };
        if url.starts_with("https://") && !certificate.names(host.trim_matches(['[', ']'])) {
            tracing::warn!(
                host,
                "the certificate is not one of the host in the URLs of the store: set http.public_url, or \
                 store.upload_base_url and store.public_base_url"
            );
        }
    }

    /// Shows the certificate that these settings name, if there was one before.
    ///
    /// # Errors
    /// If it cannot be used; the old one stays.
    pub(super) fn replace_certificate(&self, config: &tls::Config) -> Result<(), tls::Error> {
        self.certificate.as_ref().map_or(Ok(()), |certificate| certificate.replace(config))
    }

    /// Takes renewed certificates, as long as it is polled.
    pub(super) async fn renew(self) {
        if let Some(certificate) = self.certificate {
            certificate.renew().await;
        }
    }
}
