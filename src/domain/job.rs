//! The job that a message asks for.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The id of a video: 20 lowercase hex digits derived from bucket and key of its source, so that
/// the same object is the same video however it got there, on every box.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VideoId(String);

impl VideoId {
    /// The id of the video whose source is this object.
    #[must_use]
    pub fn of_source(bucket: &str, key: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(bucket.as_bytes());
        hash.update(b"/");
        hash.update(key.as_bytes());
        Self(hex::encode(&hash.finalize()[..10]))
    }

    /// The id that a caller names, if it has the form of one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_id = text.len() == 20
            && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        is_id.then(|| Self(text.to_owned()))
    }

    /// The text of the id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for VideoId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One object to publish, as the message names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRequest {
    /// The private bucket.
    pub bucket: String,
    /// Key of the source, decoded.
    pub key: String,
    /// Entity tag without quotes, where the message has one.
    pub etag: Option<String>,
    /// Size in bytes, where the message has one.
    pub size_bytes: Option<u64>,
    /// Orders events of the same key (compare as hex, longer is later), where the message has one.
    pub sequencer: Option<String>,
    /// Time at which the object was stored, where the message has one.
    #[serde(default)]
    pub stored_at: Option<Timestamp>,
}

impl JobRequest {
    /// The id of the video that the request makes.
    #[must_use]
    pub fn video_id(&self) -> VideoId {
        VideoId::of_source(&self.bucket, &self.key)
    }
}
