//! Signatures by Standard Webhooks 1.0: HMAC-SHA-256 of id, time and body.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

/// Header with the id of the event.
pub const ID: &str = "webhook-id";
/// Header with the time of the attempt in seconds since 1970.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// Header with one signature for each secret, with spaces between them.
pub const SIGNATURE: &str = "webhook-signature";

/// Begin of a secret's text.
const PREFIX: &str = "whsec_";

/// The text of a secret of these bytes.
#[must_use]
pub fn secret(bytes: [u8; 32]) -> String {
    format!("{PREFIX}{}", STANDARD.encode(bytes))
}

fn key(secret: &str) -> Option<hmac::Key> {
    let bytes = STANDARD.decode(secret.strip_prefix(PREFIX).unwrap_or(secret)).ok()?;
    Some(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

fn signed(id: &str, timestamp: i64, body: &[u8]) -> Vec<u8> {
    [format!("{id}.{timestamp}.").as_bytes(), body].concat()
}

/// The signatures of a message, one for each secret whose text is one.
#[must_use]
pub fn sign(secrets: &[&str], id: &str, timestamp: i64, body: &[u8]) -> String {
    let message = signed(id, timestamp, body);
    let tag = |secret: &&str| Some(hmac::sign(&key(secret)?, &message));
    let signatures = secrets.iter().filter_map(tag);
    let signatures = signatures.map(|tag| format!("v1,{}", STANDARD.encode(tag)));
    signatures.collect::<Vec<_>>().join(" ")
}

/// Whether one of the signatures is of this message by this secret.
#[must_use]
pub fn verify(secret: &str, id: &str, timestamp: i64, body: &[u8], signatures: &str) -> bool {
    let Some(key) = key(secret) else { return false };
    let message = signed(id, timestamp, body);
    let mut tags = signatures.split(' ').filter_map(|text| text.strip_prefix("v1,"));
    tags.any(|tag| STANDARD.decode(tag).is_ok_and(|tag| hmac::verify(&key, &message, &tag).is_ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification, which other libraries test, too.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    #[test]
    fn the_example_of_the_specification_has_its_signature() {
        let signature = sign(&[SECRET], ID, 1_614_265_330, BODY);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_signature_by_any_valid_secret_is_accepted() {
        let other = secret([7; 32]);
        let signatures = sign(&[SECRET, &other], ID, 7, BODY);
        assert_eq!(signatures.split(' ').count(), 2);
        for secret in [SECRET, &other] {
            assert!(verify(secret, ID, 7, BODY, &signatures));
            assert!(!verify(secret, ID, 8, BODY, &signatures));
            assert!(!verify(secret, "other", 7, BODY, &signatures));
            assert!(!verify(secret, ID, 7, b"{}", &signatures));
        }
        assert!(!verify(&secret([8; 32]), ID, 7, BODY, &signatures));
        assert!(!verify(SECRET, ID, 7, BODY, "v1a,xx v1 v1,!"));
        assert_eq!(sign(&["whsec_!"], ID, 7, BODY), "");
    }
}
