//! Keys of private streams, derived from a master key: every box computes the same, and none is stored.

use ring::hkdf::{HKDF_SHA256, KeyType, Salt};

use super::error::Error;
use crate::domain::hls::key::{Key, StreamKey};
use crate::domain::secret::Secret;

/// Separates these keys from other uses of the same secret.
const PURPOSE: &[u8] = b"ladderd stream key 1";

/// The master keys by their versions. The last one encrypts.
#[derive(Clone)]
pub(super) struct MasterKeys(Secret);

/// Length of an AES-128 key.
struct Aes128Key;

impl KeyType for Aes128Key {
    fn len(&self) -> usize {
        16
    }
}

impl MasterKeys {
    /// The master keys of the settings.
    ///
    /// # Errors
    /// [`Error::Settings`] if they are no pairs of version and secret.
    pub(super) fn new(secret: &Secret) -> Result<Self, Error> {
        secret.pairs().ok_or(Error::Settings)?;
        Ok(Self(secret.clone()))
    }

    /// The key of an attempt by the newest master key, with the URI that players load from the gateway, relative
    /// to a media playlist. `None` without a master key.
    pub(super) fn newest(&self, video_id: &str, attempt: &str) -> Option<StreamKey> {
        let (version, _) = self.0.pairs()?.pop()?;
        let key = self.derive(version, video_id, attempt)?;
        Some(StreamKey { key, uri: format!("../key?v={version}") })
    }

    /// The key of an attempt by the master key of this version: HKDF-SHA-256 (RFC 5869) of the secret, with
    /// video and attempt as its info. The encode runs of an attempt share its key; their folders differ from
    /// its name behind a dash only.
    pub(super) fn derive(&self, version: &str, video_id: &str, attempt: &str) -> Option<Key> {
        let pairs = self.0.pairs()?;
        let (_, secret) = pairs.iter().find(|(known, _)| *known == version)?;
        let attempt = attempt.split('-').next().unwrap_or(attempt);
        let extracted = Salt::new(HKDF_SHA256, PURPOSE).extract(secret.as_bytes());
        let info = [video_id.as_bytes(), b"/", attempt.as_bytes()];
        let mut key = [0; 16];
        extracted.expand(&info, Aes128Key).ok()?.fill(&mut key).ok()?;
        Some(Key(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> MasterKeys {
        MasterKeys::new(&Secret::new(text.to_owned())).unwrap()
    }

    #[test]
    fn a_key_follows_from_master_key_video_and_attempt() {
        let both = keys("1:first secret,2:second secret");
        let key = |version: &str, id: &str, attempt: &str| both.derive(version, id, attempt);
        let first = key("1", "0a", "a1");
        // Computed by another implementation: Python's hmac, after RFC 5869.
        assert_eq!(
            first.map(|key| hex::encode(key.0)).unwrap(),
            "56541d98ade23710c29aa2c284f42fea"
        );
        assert_eq!(key("1", "0a", "a1-2"), first, "all encode runs of an attempt");
        let others = [key("2", "0a", "a1"), key("1", "0b", "a1"), key("1", "0a", "a2")];
        assert!(others.iter().all(|other| other.is_some() && *other != first));
        assert_eq!(key("3", "0a", "a1"), None);
        let newest = both.newest("0a", "a1").unwrap();
        assert_eq!((Some(newest.key), newest.uri.as_str()), (key("2", "0a", "a1"), "../key?v=2"));
        // Another order, and the old one gone.
        let rotated = keys("2:second secret,3:third secret");
        assert_eq!(rotated.derive("2", "0a", "a1"), key("2", "0a", "a1"));
        assert_eq!(rotated.derive("1", "0a", "a1"), None);
        assert_eq!(keys("").newest("0a", "a1"), None);
    }
}
