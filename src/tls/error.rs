//! Errors of certificates and keys.

use std::path::PathBuf;

use jiff::Timestamp;

/// A certificate or key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file of certificates cannot be read.
    #[error("failed to read certificates: {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        reason: std::io::Error,
    },
    /// The file of the key cannot be read, or others may read it.
    #[error("failed to read tls.key: {0}")]
    Key(std::io::Error),
    /// The file has no certificate.
    #[error("{} has no certificate in PEM form (-----BEGIN CERTIFICATE-----)", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A certificate cannot be parsed.
    #[error("{} has a damaged certificate: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The fault.
        reason: String,
    },
    /// The file has no key.
    #[error(
        "{} has no private key in PEM form without a passphrase (-----BEGIN PRIVATE KEY-----)",
        path.display()
    )]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key do not belong together.
    #[error(
        "{} is not the key of the first certificate in {}: set tls.cert and tls.key to a pair; the server's own \
         certificate comes first",
        key.display(), cert.display()
    )]
    Mismatch {
        /// The file of the certificate.
        cert: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// The key has a kind or size that is not supported.
    #[error("the key in {} cannot be used: {reason}; make an ECDSA (P-256) or RSA (2048) key", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The fault.
        reason: String,
    },
    /// The certificate has expired.
    #[error("the certificate in {} expired at {at}: renew it", path.display())]
    Expired {
        /// The file.
        path: PathBuf,
        /// End of its validity.
        at: Timestamp,
    },
    /// The certificate is not valid yet.
    #[error("the certificate in {} is valid from {at} on: set the clock, or wait", path.display())]
    NotYet {
        /// The file.
        path: PathBuf,
        /// Begin of its validity.
        at: Timestamp,
    },
}
