//! The keys that sign playback tokens: those of the boxes, which share a record, and those of apps.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::error::Error;
use crate::domain::play::claims::{Claims, Refusal};
use crate::domain::secret::Secret;
use crate::play::token;
use crate::store::Bucket;

/// Key of the record in the private bucket.
pub const KEYS_RECORD: &str = "records/playback-keys.json";

/// How long a box goes on with the record that it has read. A key that is removed from the record opens nothing
/// after that.
const FRESH_FOR: Duration = Duration::from_mins(1);
/// Shortest time between two reads because of a key that is unknown.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The record: all keys that are accepted. The last one signs.
#[derive(Clone, Serialize, Deserialize)]
struct Record {
    keys: Vec<Key>,
}

/// One key of the record.
#[derive(Clone, Serialize, Deserialize)]
struct Key {
    /// Name in the header `kid` of tokens.
    id: String,
    /// 32 bytes as hex digits.
    secret: String,
    /// RFC 3339.
    created_at: String,
}

impl Key {
    fn random() -> Self {
        Self {
            id: format!("box-{}", hex::encode(rand::random::<[u8; 6]>())),
            secret: hex::encode(rand::random::<[u8; 32]>()),
            created_at: jiff::Timestamp::now().to_string(),
        }
    }

    fn bytes(&self) -> Result<Vec<u8>, Error> {
        hex::decode(&self.secret)
            .ok()
            .filter(|bytes| bytes.len() >= super::MIN_SECRET_BYTES)
            .ok_or_else(|| {
                let reason = format!("the secret of {} is not 64 hex digits", self.id);
                Error::Unreadable { key: KEYS_RECORD.to_owned(), reason }
            })
    }
}

/// Signs and verifies playback tokens.
pub(super) struct Keys {
    private: Bucket,
    /// Names and secrets of apps.
    apps: Secret,
    read: Mutex<Option<(Instant, Record)>>,
}

impl Keys {
    pub(super) fn new(private: Bucket, apps: Secret) -> Self {
        Self { private, apps, read: Mutex::default() }
    }

    /// Signs claims with the newest key of the boxes.
    pub(super) async fn sign(&self, claims: &Claims) -> Result<String, Error> {
        let record = self.record(FRESH_FOR).await?;
        let key = record.keys.last().ok_or_else(|| Error::Unreadable {
            key: KEYS_RECORD.to_owned(),
            reason: "it has no key; delete it, and a new one is made".to_owned(),
        })?;
        Ok(token::sign(claims, &key.id, &key.bytes()?)?)
    }

    /// The claims of a token, if one of the keys has signed it.
    pub(super) async fn verify(&self, text: &str) -> Result<Claims, Error> {
        let id = token::key_id(text)?;
        let apps = self.apps.pairs().unwrap_or_default();
        if let Some((_, secret)) = apps.iter().find(|(name, _)| *name == id) {
            return Ok(token::verify(text, secret.as_bytes())?);
        }
        for fresh_for in [FRESH_FOR, READ_AGAIN_AFTER] {
            let record = self.record(fresh_for).await?;
            if let Some(key) = record.keys.iter().find(|key| key.id == id) {
                return Ok(token::verify(text, &key.bytes()?)?);
            }
        }
        Err(Refusal::UnknownKey.into())
    }

    /// The record, read again if it is older than this.
    async fn record(&self, fresh_for: Duration) -> Result<Record, Error> {
        let mut read = self.read.lock().await;
        if let Some((at, record)) = read.as_ref()
            && at.elapsed() < fresh_for
        {
            return Ok(record.clone());
        }
        let record = self.read_or_create().await?;
        *read = Some((Instant::now(), record.clone()));
        Ok(record)
    }

    /// Reads the record. The first box that needs it creates it.
    async fn read_or_create(&self) -> Result<Record, Error> {
        let made = Record { keys: vec![Key::random()] };
        parse(&self.private.read_or_create_json(KEYS_RECORD, &made).await?.bytes)
    }
}

/// Parses the record. The reason of a failure has nothing of its text.
fn parse(bytes: &[u8]) -> Result<Record, Error> {
    serde_json::from_slice(bytes).map_err(|error| Error::Unreadable {
        key: KEYS_RECORD.to_owned(),
        reason: format!(
            "no JSON of playback keys (line {}, column {})",
            error.line(),
            error.column()
        ),
    })
}
