//! Arguments and results of calls on a bucket: headers and conditions of writes, results of reads.

use std::io::Read;

use bytes::Bytes;
use flate2::read::GzDecoder;
use jiff::Timestamp;

/// Bytes of an object.
pub type Body = Bytes;

/// Condition of a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precondition<'a> {
    /// Always write.
    #[default]
    None,
    /// Write only if the key has no object (`If-None-Match: *`).
    Absent,
    /// Write only over the version with this entity tag, without quotes (`If-Match`).
    Etag(&'a str),
}

/// Headers that the store keeps with an object, and the condition of the write.
#[derive(Clone, Copy, Debug, Default)]
pub struct PutOptions<'a> {
    /// `Content-Type`.
    pub content_type: &'a str,
    /// `Cache-Control`.
    pub cache_control: Option<&'a str>,
    /// `Content-Encoding` of the body, which the caller has already encoded.
    pub content_encoding: Option<&'a str>,
    /// Condition of the write.
    pub precondition: Precondition<'a>,
}

/// Metadata of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Entity tag without quotes.
    pub etag: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Time of the last write, by the clock of the store.
    pub last_modified: Option<Timestamp>,
    /// Id of the version; `None` in a bucket without versioning.
    pub version_id: Option<String>,
}

/// One object of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Key within the bucket.
    pub key: String,
    /// Entity tag without quotes.
    pub etag: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Time of the last write, by the clock of the store.
    pub last_modified: Option<Timestamp>,
}

/// An object that was read in full, with its metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// Bytes of the object, still encoded as `content_encoding` says.
    pub bytes: Bytes,
    /// Entity tag without quotes.
    pub etag: String,
    /// Time of the last write, by the clock of the store.
    pub last_modified: Option<Timestamp>,
    /// `Content-Type`.
    pub content_type: String,
    /// `Content-Encoding`; empty for none.
    pub content_encoding: String,
    /// `Cache-Control`; empty for none.
    pub cache_control: String,
}

impl StoredObject {
    /// The content without its `Content-Encoding`, if that is gzip.
    ///
    /// # Errors
    /// If it is not gzip, although it says so.
    pub fn unzipped(self) -> std::io::Result<Bytes> {
        if self.content_encoding != "gzip" {
            return Ok(self.bytes);
        }
        let mut plain = Vec::new();
        GzDecoder::new(&self.bytes[..]).read_to_end(&mut plain)?;
        Ok(plain.into())
    }
}

/// A time of the SDK, in whole seconds.
pub(super) fn timestamp(time: &aws_sdk_s3::primitives::DateTime) -> Option<Timestamp> {
    Timestamp::from_second(time.secs()).ok()
}
