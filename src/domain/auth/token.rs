//! Tokens, upload grants and sign-in codes: random texts of which the appliance keeps a hash alone.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Scope;
use crate::domain::job::VideoId;
use crate::domain::metadata::Preset;

/// Prefix of all keys of accounts in the private bucket.
pub const AUTH_PREFIX: &str = "auth/";
/// Prefix of the records of tokens.
pub const TOKENS_PREFIX: &str = "auth/tokens/";
/// Prefix of the records of sign-in codes.
pub const CODES_PREFIX: &str = "auth/codes/";
/// Prefix of the records of grants.
pub const GRANTS_PREFIX: &str = "auth/grants/";

/// Hex digits of an id: 64 bits of the hash.
const ID_LEN: usize = 16;
/// Longest name of a token in bytes.
pub const MAX_NAME_LEN: usize = 100;

/// Purpose of a secret text. Its prefix tells programs that look for leaked secrets what they have found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A token.
    Token,
    /// A grant for one upload.
    Grant,
    /// A code that signs in once.
    Code,
}

impl Kind {
    /// The first characters.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Token => "ldr_",
            Self::Grant => "ldg_",
            Self::Code => "ldc_",
        }
    }

    /// Key of the record of the secret with this id, in the private bucket.
    #[must_use]
    pub fn key(self, id: &SecretId) -> String {
        let prefix = match self {
            Self::Token => TOKENS_PREFIX,
            Self::Grant => GRANTS_PREFIX,
            Self::Code => CODES_PREFIX,
        };
        format!("{prefix}{id}.json")
    }
}

/// Public name of a secret: the first 16 hex digits of its SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretId(String);

impl SecretId {
    /// An id as people write it. `None` if it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_id =
            text.len() == ID_LEN && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        is_id.then(|| Self(text.to_owned()))
    }

    /// The text of the id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// SHA-256 of a secret text. Two hashes are compared in constant time.
#[derive(Clone, Debug, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hash([u8; 32]);

impl Hash {
    /// The hash of a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// A hash of 64 hex digits. `None` if it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok().map(|()| Self(bytes))
    }

    /// The id of the secret.
    #[must_use]
    pub fn id(&self) -> SecretId {
        let mut text = hex::encode(self.0);
        text.truncate(ID_LEN);
        SecretId(text)
    }
}

impl PartialEq for Hash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl TryFrom<String> for Hash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("a hash has 64 hex digits")
    }
}

impl From<Hash> for String {
    fn from(hash: Hash) -> Self {
        hex::encode(hash.0)
    }
}

/// The text of a new secret, from 256 random bits.
#[must_use]
pub fn text(kind: Kind, random: [u8; 32]) -> String {
    format!("{}{}", kind.prefix(), hex::encode(random))
}

/// The hash of a secret of this kind. `None` if the text is no such secret, so that nothing needs to be looked up.
#[must_use]
pub fn parse(kind: Kind, text: &str) -> Option<Hash> {
    let digits = text.strip_prefix(kind.prefix())?;
    let is_secret =
        digits.len() == 64 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    is_secret.then(|| Hash::of(text))
}

/// Origin of a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Somebody made it.
    #[default]
    Made,
    /// The appliance made it for sign-in links. Nobody knows its text.
    Unknown,
}

/// The record of a token, `auth/tokens/<id>.json` in the private bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRecord {
    /// Its public id.
    pub id: SecretId,
    /// Name for people.
    pub name: String,
    /// Rights that it gives.
    pub scopes: Vec<Scope>,
    /// Hash of its text.
    pub sha256: Hash,
    /// When it was made.
    pub created_at: Timestamp,
    /// End of its validity, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// How it came to be.
    #[serde(default)]
    pub origin: Origin,
}

impl TokenRecord {
    /// Whether it gives its rights at this time.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|expires| now < expires)
    }
}

/// Moments in the life of a token that change often, `auth/uses/<id>.json` and `auth/sign-outs/<id>.json`: apart from
/// its record, so that nobody undoes a revocation by writing one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// When it happened last.
    pub at: Timestamp,
}

/// Key of the last use of a token.
#[must_use]
pub fn use_key(id: &SecretId) -> String {
    format!("{AUTH_PREFIX}uses/{id}.json")
}

/// Key of the moment at which all sessions of a token ended.
#[must_use]
pub fn sign_out_key(id: &SecretId) -> String {
    format!("{AUTH_PREFIX}sign-outs/{id}.json")
}

/// The record of a code that signs in once, `auth/codes/<id>.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeRecord {
    /// Hash of its text.
    pub sha256: Hash,
    /// The token whose rights the session has.
    pub token: SecretId,
    /// End of its validity.
    pub expires_at: Timestamp,
    /// When it was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
    /// Random name of who used it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_by: Option<String>,
}

/// The record of a grant for one upload, `auth/grants/<id>.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRecord {
    /// Hash of its text.
    pub sha256: Hash,
    /// Largest file in bytes.
    pub max_bytes: u64,
    /// End of its validity.
    pub expires_at: Timestamp,
    /// Origin of the page that may use it from a browser; none for any program and no page of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_origin: Option<String>,
    /// Owner of the upload: who asked for the grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Metadata of the upload that is made with it.
    #[serde(default)]
    pub preset: Preset,
    /// The upload that was made with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_for: Option<VideoId>,
}

/// Checks the name of a token.
///
/// # Errors
/// The rule that it breaks.
pub fn check_name(name: &str) -> Result<(), String> {
    let is_fine = !name.trim().is_empty()
        && name.len() <= MAX_NAME_LEN
        && !name.chars().any(char::is_control);
    if is_fine { Ok(()) } else { Err(format!("name: must have 1 to {MAX_NAME_LEN} bytes")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_recognized_by_their_prefix_and_length() {
        let token = text(Kind::Token, [0xab; 32]);
        assert_eq!(token, format!("ldr_{}", "ab".repeat(32)));
        let hash = parse(Kind::Token, &token).unwrap();
        assert_eq!(hash, Hash::of(&token));
        assert_eq!(Kind::Token.key(&hash.id()), format!("auth/tokens/{}.json", hash.id()));
        assert_eq!(SecretId::parse(hash.id().as_str()), Some(hash.id()));
        let wrong = [
            String::new(),
            "ldr_".to_owned(),
            token.replace("ldr_", "ldg_"),
            token.to_uppercase(),
            format!("{token}0"),
            token[..token.len() - 1].to_owned(),
        ];
        for text in wrong {
            assert_eq!(parse(Kind::Token, &text), None, "{text}");
        }
        for id in ["", "..", "0123456789abcde", "0123456789ABCDEF", "../../../../etc"] {
            assert_eq!(SecretId::parse(id), None, "{id}");
        }
    }

    #[test]
    fn a_token_ends_when_it_expires_or_is_revoked() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let hash = Hash::of("x");
        let token = TokenRecord {
            id: hash.id(),
            name: "ci".to_owned(),
            scopes: vec![Scope::Upload],
            sha256: hash,
            created_at: at(0),
            expires_at: Some(at(10)),
            revoked_at: None,
            origin: Origin::Made,
        };
        assert!(token.is_valid(at(9)) && !token.is_valid(at(10)));
        let revoked = TokenRecord { revoked_at: Some(at(3)), ..token.clone() };
        assert!(!revoked.is_valid(at(4)));
        assert!(TokenRecord { expires_at: None, ..token }.is_valid(at(1_000_000)));
    }

    #[test]
    fn names_are_short_and_printable() {
        assert!(check_name("ci of the shop").is_ok());
        for name in ["", "  ", "a\nb", &"x".repeat(101)] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }
}
