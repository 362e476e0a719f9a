//! Certificates: those that the servers show, and those that clients trust.

mod certificate;
mod certified;
mod error;
mod trust;

pub use certificate::Certificate;
pub use error::Error;
pub use trust::Trust;

use crate::domain::declare::{Any, Violation, settings};

settings! {
    /// Encryption of connections.
    #[derive(Eq)]
    pub struct Config {
        /// PEM file with the certificate of this server, and behind it those of the authorities in between
        /// (`fullchain.pem`). With `key`, the API, the page and the embedded store are served by HTTPS only. Renewed
        /// files are taken within seconds, without a restart.
        cert: String = String::new(), Any;
        /// PEM file with the private key of `cert`, without a passphrase. Other users must not have access to it.
        key: String = String::new(), Any;
        /// Seconds for which browsers use no other scheme than HTTPS for the host name (HSTS), also on its other
        /// ports. 0: no such header.
        hsts_secs: u64 = 31_536_000, 0..=63_072_000;
        /// PEM file with authorities that are trusted besides those of the system, when this server connects to S3,
        /// SQS and the endpoint of keys.
        ca: String = String::new(), Any;
    }
    also |config: &Config| match (config.cert.is_empty(), config.key.is_empty()) {
        (false, true) => Some(Violation::new("key", "the key of tls.cert")),
        (true, false) => Some(Violation::new("cert", "the certificate of tls.key")),
        (true, true) | (false, false) => None,
    };
}

impl Config {
    /// Whether API and embedded store are served by HTTPS.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.cert.is_empty()
    }
}
