//! Probes of the way from the store over the queue to a box.
//!
//! A probe is an empty object whose key ends with a slash: such a key is a folder and never a source, in all
//! releases. The box that receives its message writes an echo, which starts no job either.

use crate::domain::record::CLAIMS_PREFIX;

/// Begin of the names of all objects that `ladderd doctor` writes.
const NAME: &str = "doctor-";
/// Hex digits of a nonce.
const NONCE_LEN: usize = 16;

/// Key of the probe with this nonce below the prefix of the sources.
#[must_use]
pub fn key(prefix: &str, nonce: &str) -> String {
    format!("{prefix}{NAME}{nonce}/")
}

/// Nonce of the probe with this key; `None` if it is the key of something else.
#[must_use]
pub fn nonce(key: &str) -> Option<&str> {
    let nonce = &key.strip_suffix('/')?[key.rfind(NAME)? + NAME.len()..];
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (nonce.len() == NONCE_LEN && nonce.bytes().all(is_digit)).then_some(nonce)
}

/// Key of the echo that the box writes which has received the probe.
#[must_use]
pub fn echo_key(nonce: &str) -> String {
    format!("{CLAIMS_PREFIX}{NAME}{nonce}.json")
}

/// Prefix of the other objects of an examination in the private bucket.
#[must_use]
pub fn private_prefix(nonce: &str) -> String {
    format!("{CLAIMS_PREFIX}{NAME}{nonce}/")
}

/// Prefix of its objects in the public bucket.
#[must_use]
pub fn public_prefix(nonce: &str) -> String {
    format!("{NAME}{nonce}/")
}

/// Whether a key in either bucket is that of an object of an examination, which nobody else writes.
#[must_use]
pub fn is_own(key: &str) -> bool {
    let of_claims = key.strip_prefix(CLAIMS_PREFIX).unwrap_or(key);
    let Some(rest) = of_claims.strip_prefix(NAME) else { return nonce(key).is_some() };
    let (digits, behind) = rest.split_at_checked(NONCE_LEN).unwrap_or_default();
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    !digits.is_empty()
        && digits.bytes().all(is_digit)
        && (behind.starts_with('/') || behind == ".json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::record::is_internal_key;
    use crate::domain::sources::SourceFilter;

    #[test]
    fn probes_are_known_and_are_never_sources() {
        let nonce = "0123456789abcdef";
        for prefix in ["", "in/", "in", "IN/a b/"] {
            let probe = key(prefix, nonce);
            assert_eq!(super::nonce(&probe), Some(nonce));
            let filter = SourceFilter { prefix: prefix.to_owned(), ..SourceFilter::default() };
            assert!(filter.accept(&probe).is_err(), "{probe}");
        }
        for other in [
            "in/film.mp4",
            "in/doctor-0123456789abcdef",
            "doctor-/",
            "doctor-0123456789ABCDEF/",
            "doctor-0123456789abcdef0/",
            "doctor-0123456789abcde\u{e4}/",
            "/",
            "",
        ] {
            assert_eq!(super::nonce(other), None, "{other}");
        }
        for own in [echo_key(nonce), private_prefix(nonce)] {
            assert!(is_internal_key(&own), "{own}");
        }
        for own in [echo_key(nonce), private_prefix(nonce), public_prefix(nonce), key("in/", nonce)]
        {
            assert!(is_own(&own), "{own}");
        }
        for other in [
            "doctor-who.mp4",
            "doctor-who/0123456789.mp4",
            "in/doctor-0123456789abcdef.mp4",
            "claims/x.json",
            "doctor-",
            "",
        ] {
            assert!(!is_own(other), "{other}");
        }
    }
}
