//! JWTs with HS256.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};

use crate::domain::play::claims::{Claims, Refusal};

/// Signs claims with the key of this id.
///
/// # Errors
/// [`Refusal::Malformed`] if they cannot be written as JSON.
pub(super) fn sign(claims: &Claims, key_id: &str, secret: &[u8]) -> Result<String, Refusal> {
    let header = Header { kid: Some(key_id.to_owned()), ..Header::new(Algorithm::HS256) };
    let key = EncodingKey::from_secret(secret);
    jsonwebtoken::encode(&header, claims, &key).map_err(|_| Refusal::Malformed)
}

/// The id of the key that a token names. Nothing of the token is verified yet.
///
/// # Errors
/// [`Refusal::Malformed`], [`Refusal::Algorithm`], or [`Refusal::UnknownKey`] if it names none.
pub(super) fn key_id(token: &str) -> Result<String, Refusal> {
    let header = jsonwebtoken::decode_header(token).map_err(|error| {
        // An algorithm that the crate does not know, such as "none", fails as JSON.
        let is_unknown = |error: &serde_json::Error| error.to_string().contains("unknown variant");
        if matches!(error.kind(), ErrorKind::Json(error) if is_unknown(error)) {
            Refusal::Algorithm
        } else {
            Refusal::Malformed
        }
    })?;
    if header.alg != Algorithm::HS256 {
        return Err(Refusal::Algorithm);
    }
    header.kid.ok_or(Refusal::UnknownKey)
}

/// Verifies the signature of a token. The claims are not judged.
///
/// # Errors
/// [`Refusal::Signature`], [`Refusal::Algorithm`] or [`Refusal::Malformed`].
pub(super) fn verify(token: &str, secret: &[u8]) -> Result<Claims, Refusal> {
    let mut validation = Validation::new(Algorithm::HS256);
    // `Claims::check` judges the times.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.set_required_spec_claims(&["sub", "exp"]);
    let key = DecodingKey::from_secret(secret);
    let verified = jsonwebtoken::decode::<Claims>(token, &key, &validation);
    verified.map(|token| token.claims).map_err(|error| {
        if matches!(error.kind(), ErrorKind::InvalidSignature) {
            Refusal::Signature
        } else if matches!(error.kind(), ErrorKind::InvalidAlgorithm) {
            Refusal::Algorithm
        } else {
            Refusal::Malformed
        }
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

    use super::*;

    const SECRET: &[u8] = b"a secret of thirty-two bytes ...";

    fn claims() -> Claims {
        Claims { sub: "v".to_owned(), exp: 2000, iat: 1000, viewer: Some("Anna".to_owned()) }
    }

    #[test]
    fn a_signed_token_is_verified_with_its_key_alone() {
        let token = sign(&claims(), "k1", SECRET).unwrap();
        assert_eq!(key_id(&token).unwrap(), "k1");
        assert_eq!(verify(&token, SECRET).unwrap(), claims());
        assert_eq!(verify(&token, b"another").unwrap_err(), Refusal::Signature);
        let (head, signature) = token.rsplit_once('.').unwrap();
        let payload = BASE64.encode(br#"{"sub":"w","exp":2000,"iat":1000}"#);
        let forged = format!("{}.{payload}.{signature}", head.split_once('.').unwrap().0);
        assert_eq!(verify(&forged, SECRET).unwrap_err(), Refusal::Signature);
    }

    #[test]
    fn a_token_of_another_program_is_verified() {
        // The signature is of Python: hmac.new(secret, f"{head}.{payload}", hashlib.sha256).
        let head = BASE64.encode(br#"{"alg":"HS256","kid":"app"}"#);
        let payload = BASE64.encode(br#"{"sub":"v","exp":2000,"iat":1000}"#);
        let token = format!("{head}.{payload}.bMwLsRxcUpqBXpsgMPJHSLXiubStlwLONxX7F83bFlY");
        let expected = Claims { viewer: None, ..claims() };
        assert_eq!(verify(&token, SECRET).unwrap(), expected);
    }

    #[test]
    fn other_tokens_are_refused_with_the_reason() {
        let encoded = |header: &str, payload: &str| {
            format!("{}.{}.c2ln", BASE64.encode(header), BASE64.encode(payload))
        };
        let table = [
            (encoded(r#"{"alg":"none","kid":"k1"}"#, "{}"), Refusal::Algorithm),
            (encoded(r#"{"alg":"RS256","kid":"k1"}"#, "{}"), Refusal::Algorithm),
            (encoded(r#"{"alg":"HS512","kid":"k1"}"#, "{}"), Refusal::Algorithm),
            (encoded(r#"{"alg":"HS256"}"#, "{}"), Refusal::UnknownKey),
            (encoded("no JSON", "{}"), Refusal::Malformed),
            ("a.b.c".to_owned(), Refusal::Malformed),
            (String::new(), Refusal::Malformed),
            ("\"><script>".to_owned(), Refusal::Malformed),
        ];
        for (token, refusal) in table {
            assert_eq!(key_id(&token).unwrap_err(), refusal, "{token}");
        }
        let header = Header::new(Algorithm::HS256);
        for payload in [
            r#"{"sub":"v","exp":2000}"#,
            r#"{"exp":2000,"iat":1}"#,
            r#"{"sub":"v","exp":"x","iat":1}"#,
        ] {
            let payload: serde_json::Value = serde_json::from_str(payload).unwrap();
            let key = EncodingKey::from_secret(SECRET);
            let token = jsonwebtoken::encode(&header, &payload, &key).unwrap();
            assert_eq!(verify(&token, SECRET).unwrap_err(), Refusal::Malformed, "{payload}");
        }
    }
}
