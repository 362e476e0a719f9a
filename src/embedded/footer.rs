//! Footers: every blob ends with a description of what it holds, so that `ladderd store repair` can
//! rebuild the rows of a database that was lost.
//!
//! A blob file is `body footer*`; a footer is JSON, its length (`u32`, big-endian) and [`MAGIC`]. The last
//! footer counts. Readers never see footers: they read as many bytes as the row of the blob says.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use serde::{Deserialize, Serialize};

use super::headers::Headers;

/// Last bytes of a file with a footer.
const MAGIC: &[u8; 8] = b"LDRDBLB1";
/// Longest footer in bytes: a list of 10,000 parts has less than 1 MiB.
const MAX_BYTES: u64 = 4 << 20;

/// The description of a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Footer {
    /// Bucket of the object.
    pub(super) bucket: String,
    /// Key of the object.
    pub(super) key: String,
    /// Bytes of the body, which precede the first footer.
    pub(super) size: u64,
    /// MD5 of the body as hex digits.
    pub(super) md5: String,
    /// Time of the write, in milliseconds since 1970.
    pub(super) written_ms: i64,
    /// Kind of the blob.
    pub(super) holds: Holds,
}

/// Kind of a blob, with what its kind needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Holds {
    /// A whole object.
    Object {
        /// Headers of the object.
        headers: Headers,
    },
    /// A part of a multipart upload.
    Part {
        /// Id of the upload.
        upload: String,
        /// Number of the part.
        number: i32,
    },
    /// The first part of a completed multipart upload.
    FirstPart {
        /// Entity tag of the object.
        etag: String,
        /// Headers of the object.
        headers: Headers,
        /// Names and sizes in bytes of all its blobs, in order.
        blobs: Vec<(String, u64)>,
    },
}

impl Footer {
    /// The bytes that end the file.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        let len = u32::try_from(bytes.len()).unwrap_or_default();
        bytes.extend_from_slice(&len.to_be_bytes());
        bytes.extend_from_slice(MAGIC);
        bytes
    }

    /// Reads the last footer of a file; `None` if it has none.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(super) fn read(file: &mut File) -> io::Result<Option<Self>> {
        let mut tail = [0; 12];
        let len = file.metadata()?.len();
        let Some(tail_at) = len.checked_sub(tail.len() as u64) else { return Ok(None) };
        file.seek(SeekFrom::Start(tail_at))?;
        file.read_exact(&mut tail)?;
        let (json_len, magic) = tail.split_at(4);
        let json_len: u64 = json_len.iter().fold(0, |len, byte| (len << 8) | u64::from(*byte));
        if magic != MAGIC || json_len > MAX_BYTES {
            return Ok(None);
        }
        let Some(json_at) = tail_at.checked_sub(json_len) else { return Ok(None) };
        file.seek(SeekFrom::Start(json_at))?;
        let mut json = Vec::new();
        file.take(json_len).read_to_end(&mut json)?;
        let footer: Option<Self> = serde_json::from_slice(&json).ok();
        Ok(footer.filter(|footer| footer.size <= json_at))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn footer(size: u64, holds: Holds) -> Footer {
        Footer {
            bucket: "public".to_owned(),
            key: "v/main.m3u8".to_owned(),
            size,
            md5: "00".repeat(16),
            written_ms: 1_700_000_000_000,
            holds,
        }
    }

    fn read(bytes: &[u8]) -> Option<Footer> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Footer::read(&mut file).unwrap()
    }

    #[test]
    fn the_last_footer_counts_and_damaged_ones_are_none() {
        let part = footer(4, Holds::Part { upload: "u".to_owned(), number: 1 });
        let first = footer(
            4,
            Holds::FirstPart {
                etag: "e-2".to_owned(),
                headers: Headers::default(),
                blobs: vec![("a".to_owned(), 4), ("b".to_owned(), 5)],
            },
        );
        let one = [b"body", &part.to_bytes()[..]].concat();
        let two = [&one[..], &first.to_bytes()].concat();
        assert_eq!(read(&one), Some(part.clone()));
        assert_eq!(read(&two), Some(first));
        for cut in 1..one.len() {
            assert_eq!(read(&one[..one.len() - cut]), None, "{cut} bytes are missing");
        }
        assert_eq!(read(b""), None);
        // A size that reaches into the footer.
        let lies = footer(5, Holds::Part { upload: "u".to_owned(), number: 1 });
        assert_eq!(read(&[b"body", &lies.to_bytes()[..]].concat()), None);
    }
}
