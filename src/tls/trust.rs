//! The authorities that clients trust besides those of the system.

use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use super::Config;
use super::certified::certificates;
use super::error::Error;

/// Authorities of a setting. Clones share nothing: they are few.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    pem: Vec<u8>,
    authorities: Vec<CertificateDer<'static>>,
}

impl Trust {
    /// Reads the authorities that the settings name, if any.
    ///
    /// # Errors
    /// If the file cannot be read, has no certificate, or has one that can be no authority.
    pub fn open(config: &Config) -> Result<Self, Error> {
        if config.ca.is_empty() {
            return Ok(Self::default());
        }
        let path = Path::new(&config.ca);
        let authorities = certificates(path)?;
        let mut roots = RootCertStore::empty();
        for authority in &authorities {
            roots.add(authority.clone()).map_err(|error| Error::Damaged {
                path: path.to_owned(),
                reason: error.to_string(),
            })?;
        }
        let pem = std::fs::read(path)
            .map_err(|reason| Error::Unreadable { path: path.to_owned(), reason })?;
        Ok(Self { pem, authorities })
    }

    /// The text of the file; `None` if the settings name none.
    #[must_use]
    pub fn pem(&self) -> Option<&[u8]> {
        (!self.pem.is_empty()).then_some(&self.pem)
    }

    /// The certificates in DER form.
    pub fn authorities(&self) -> impl Iterator<Item = &[u8]> {
        self.authorities.iter().map(AsRef::as_ref)
    }
}
