//! A certificate and its key, read from their files.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::error::Error;
use crate::domain::certificate::{Validity, validity};
use crate::private_file;

/// A certificate with its key, ready to be shown.
pub(super) struct Certified {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) validity: Validity,
}

/// The implementation of the algorithms.
pub(super) fn provider() -> CryptoProvider {
    ring::default_provider()
}

/// Reads and checks a certificate and its key.
///
/// # Errors
/// If a file cannot be read or has none, if the two do not belong together, or if the certificate is not valid now.
pub(super) fn read(cert: &Path, key: &Path) -> Result<Certified, Error> {
    let chain = certificates(cert)?;
    let Some(validity) = chain.first().and_then(|first| validity(first)) else {
        let reason = "it has no validity".to_owned();
        return Err(Error::Damaged { path: cert.to_owned(), reason });
    };
    let pem = private_file::read(key).map_err(Error::Key)?;
    let secret = PrivateKeyDer::from_pem_slice(&pem);
    let secret = secret.map_err(|_| Error::NoKey { path: key.to_owned() })?;
    let pair = CertifiedKey::from_der(chain, secret, &provider()).map_err(|error| {
        if matches!(error, rustls::Error::InconsistentKeys(_)) {
            return Error::Mismatch { cert: cert.to_owned(), key: key.to_owned() };
        }
        if let rustls::Error::InvalidCertificate(reason) = error {
            return Error::Damaged { path: cert.to_owned(), reason: format!("{reason:?}") };
        }
        Error::Unsupported { path: key.to_owned(), reason: error.to_string() }
    })?;
    let now = Timestamp::now();
    if validity.not_after < now {
        return Err(Error::Expired { path: cert.to_owned(), at: validity.not_after });
    }
    if validity.not_before > now {
        return Err(Error::NotYet { path: cert.to_owned(), at: validity.not_before });
    }
    Ok(Certified { key: Arc::new(pair), validity })
}

/// Reads the certificates of a PEM file, of which there is at least one.
///
/// # Errors
/// [`Error::Unreadable`], [`Error::Damaged`] or [`Error::NoCertificate`].
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let pem = std::fs::read(path)
        .map_err(|reason| Error::Unreadable { path: path.to_owned(), reason })?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let chain = chain
        .map_err(|error| Error::Damaged { path: path.to_owned(), reason: error.to_string() })?;
    if chain.is_empty() {
        return Err(Error::NoCertificate { path: path.to_owned() });
    }
    Ok(chain)
}
