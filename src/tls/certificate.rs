//! The certificate that the servers show. Its files are looked at again and again.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parking_lot::RwLock;
use rustls::pki_types::ServerName;
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::Config;
use super::certified::{self, Certified, provider};
use super::error::Error;

/// Interval at which the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A certificate that ends sooner is reported.
const ENDS_SOON: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Interval of these reports.
const REPORT_EVERY: Duration = Duration::from_hours(24);

/// The certificate of this server. Clones share it.
#[derive(Clone)]
pub struct Certificate(Arc<Shown>);

struct Shown {
    files: RwLock<Files>,
    now: RwLock<Certified>,
}

/// The files of a certificate.
#[derive(Clone, Debug)]
struct Files {
    cert: PathBuf,
    key: PathBuf,
}

impl Files {
    fn of(config: &Config) -> Self {
        Self { cert: PathBuf::from(&config.cert), key: PathBuf::from(&config.key) }
    }

    fn read(&self) -> Result<Certified, Error> {
        certified::read(&self.cert, &self.key)
    }
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shown").field("files", &self.files).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.now.read().key))
    }
}

impl Certificate {
    /// Reads the certificate that the settings name; `None` if they name none.
    ///
    /// # Errors
    /// If certificate or key cannot be read, do not belong together, or are not valid now.
    pub fn open(config: &Config) -> Result<Option<Self>, Error> {
        if !config.is_on() {
            return Ok(None);
        }
        let files = Files::of(config);
        let now = RwLock::new(files.read()?);
        Ok(Some(Self(Arc::new(Shown { files: RwLock::new(files), now }))))
    }

    /// Shows the certificate in the files of these settings from then on. Connections that are open stay open.
    ///
    /// # Errors
    /// As [`Certificate::open`]; nothing changes then.
    pub fn replace(&self, config: &Config) -> Result<(), Error> {
        let files = Files::of(config);
        let read = files.read()?;
        *self.0.files.write() = files;
        *self.0.now.write() = read;
        Ok(())
    }

    /// The settings of a server that shows the certificate: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1.
    ///
    /// # Errors
    /// If the versions do not fit the algorithms.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, rustls::Error> {
        let builder = ServerConfig::builder_with_provider(Arc::new(provider()));
        let builder = builder.with_protocol_versions(&[&TLS13, &TLS12])?;
        let resolver = Arc::<Shown>::clone(&self.0);
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// End of its validity.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.0.now.read().validity.not_after
    }

    /// Whether the certificate is one of this host: a name, or an address without brackets.
    #[must_use]
    pub fn names(&self, host: &str) -> bool {
        let now = self.0.now.read();
        let Ok(name) = ServerName::try_from(host) else { return false };
        let parsed = now.key.end_entity_cert().and_then(ParsedCertificate::try_from);
        parsed.is_ok_and(|parsed| rustls::client::verify_server_name(&parsed, &name).is_ok())
    }

    /// Shows renewed files from then on, as long as it is polled. Connections that are open stay open. Files that
    /// cannot be used change nothing, and are reported.
    pub async fn renew(self) {
        let mut fault = None::<String>;
        let mut shown = self.digest().await;
        let mut before = shown;
        let mut reported = None::<Instant>;
        let mut looks = tokio::time::interval(LOOK_EVERY);
        loop {
            looks.tick().await;
            if reported.is_none_or(|reported| reported.elapsed() >= REPORT_EVERY) {
                self.report_end();
                reported = Some(Instant::now());
            }
            let found = self.digest().await;
            // Two files are not replaced at once: wait until both rest.
            let rests = std::mem::replace(&mut before, found) == found;
            if !rests || (found == shown && fault.is_none()) {
                continue;
            }
            let renewed = self.clone();
            match tokio::task::spawn_blocking(move || renewed.read_again()).await {
                Ok(Ok(())) => {
                    let until = self.0.now.read().validity.not_after;
                    tracing::info!(%until, "renewed the certificate");
                    (shown, fault, reported) = (found, None, None);
                }
                Ok(Err(error)) => {
                    let error = error.to_string();
                    if fault.as_ref() != Some(&error) {
                        tracing::error!(
                            error,
                            "failed to renew the certificate, the old one stays"
                        );
                    }
                    fault = Some(error);
                }
                Err(error) => tracing::error!(%error, "failed to renew the certificate"),
            }
        }
    }

    fn read_again(&self) -> Result<(), Error> {
        let read = self.files().read()?;
        *self.0.now.write() = read;
        Ok(())
    }

    fn files(&self) -> Files {
        self.0.files.read().clone()
    }

    /// Reports a certificate that ends soon.
    fn report_end(&self) {
        let until = self.0.now.read().validity.not_after;
        if until.duration_since(Timestamp::now()) < ENDS_SOON {
            let files = self.files();
            let cert = files.cert.display();
            tracing::warn!(%cert, %until, "the certificate ends soon: renew it");
        }
    }

    /// Hash of both files; of nothing for a file that cannot be read.
    async fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let files = self.files();
        for path in [&files.cert, &files.key] {
            let bytes = tokio::fs::read(path).await.unwrap_or_default();
            hash.update(bytes.len().to_le_bytes());
            hash.update(bytes);
        }
        hash.finalize().into()
    }
}
