//! Signatures of many presigned URLs that differ in their keys alone (AWS Signature Version 4).
//!
//! The SDK takes half a thousandth of a second for each URL, and a playlist of a long film has thousands, for each
//! viewer. So the SDK signs the first one, and the others are made after it: their host, parameters and signing
//! key are the same. A signer is only made if it gives the very signature of the SDK.

use ring::hmac;
use sha2::{Digest, Sha256};

/// Signs URLs like one that the SDK has signed.
pub(super) struct Signer {
    /// The URL up to its path.
    origin: String,
    host: String,
    /// The path up to the key.
    prefix: String,
    /// The query before and behind the value of its signature.
    query: (String, String),
    canonical_query: String,
    date: String,
    scope: String,
    key: hmac::Key,
}

impl Signer {
    /// The signer of `url`, which the SDK has signed for `key` with the secret of these credentials. `None` if
    /// another signature comes out.
    pub(super) fn like(url: &str, key: &str, secret: &str) -> Option<Self> {
        let (place, query) = url.split_once('?')?;
        let (scheme, rest) = place.split_once("://")?;
        let (host, path) = rest.split_at(rest.find('/')?);
        let prefix = path.strip_suffix(key).filter(|_| is_plain(key))?;
        let (before, rest) = query.split_once("X-Amz-Signature=")?;
        let (signature, after) = rest.split_at(rest.find('&').unwrap_or(rest.len()));
        let mut parameters: Vec<&str> =
            query.split('&').filter(|part| !part.starts_with("X-Amz-Signature=")).collect();
        parameters.sort_unstable();
        let value = |name: &str| {
            parameters.iter().find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        // Id of the access key, date, region, service, "aws4_request".
        let credential: Vec<&str> = value("X-Amz-Credential")?.split("%2F").collect();
        let scope = credential.get(credential.len().checked_sub(4)?..)?.join("/");
        let signer = Self {
            origin: format!("{scheme}://{host}"),
            host: host.to_owned(),
            prefix: prefix.to_owned(),
            query: (format!("{before}X-Amz-Signature="), after.to_owned()),
            canonical_query: parameters.join("&"),
            date: value("X-Amz-Date")?.to_owned(),
            key: signing_key(secret, &scope),
            scope,
        };
        (value("X-Amz-SignedHeaders")? == "host" && signer.signature(key) == signature)
            .then_some(signer)
    }

    /// The URL of another key. `None` if it has characters that a URL encodes.
    pub(super) fn sign(&self, key: &str) -> Option<String> {
        let (before, after) = &self.query;
        let signature = is_plain(key).then(|| self.signature(key))?;
        Some(format!("{}{}{key}?{before}{signature}{after}", self.origin, self.prefix))
    }

    fn signature(&self, key: &str) -> String {
        let request = format!(
            "GET\n{}{key}\n{}\nhost:{}\n\nhost\nUNSIGNED-PAYLOAD",
            self.prefix, self.canonical_query, self.host
        );
        let request = hex::encode(Sha256::digest(request));
        let text = format!("AWS4-HMAC-SHA256\n{}\n{}\n{request}", self.date, self.scope);
        hex::encode(hmac::sign(&self.key, text.as_bytes()))
    }
}

/// The key for a scope of date, region and service.
fn signing_key(secret: &str, scope: &str) -> hmac::Key {
    let first = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{secret}").as_bytes());
    scope.split('/').fold(first, |key, part| {
        hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref())
    })
}

/// Whether a key has only characters that stand for themselves in a URL.
fn is_plain(key: &str) -> bool {
    key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~/".contains(&b))
}
