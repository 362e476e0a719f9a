//! Files of a stream: in a folder, on a server, or wherever else an implementation of [`Files`] reads.

mod http;

use std::io::SeekFrom;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

pub use self::http::Http;

/// Largest file, or part of one, that is read. A segment of 6 s has fewer bytes at 340 Mbit/s.
const MAX_FILE_BYTES: u64 = 256 << 20;
/// Largest content of a compressed file: playlists alone are compressed.
const MAX_UNZIPPED_BYTES: u64 = 32 << 20;

/// A file, and the headers that it was served with.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// Content, not compressed.
    pub bytes: Bytes,
    /// Headers; `None` for a local file.
    pub served: Option<Served>,
}

/// The headers that rules apply to. A missing header is an empty text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// `Content-Type`.
    pub content_type: String,
    /// `Content-Encoding`.
    pub content_encoding: String,
    /// `Cache-Control`.
    pub cache_control: String,
    /// The URL that redirects led to; `None` without a redirect.
    pub redirected_to: Option<String>,
}

/// Reasons why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file system, the network or the store reports this.
    #[error("{0}")]
    Unreadable(String),
    /// The server answers with a status other than success.
    #[error("HTTP status {0}")]
    Status(reqwest::StatusCode),
    /// `Content-Encoding` is gzip and the content is not.
    #[error("the content is not gzip: {0}")]
    NotGzip(String),
    /// The range is not a part of the file.
    #[error("bytes {0} to {1} are no part of the file")]
    OutOfRange(u64, u64),
    /// The file is larger than this check reads.
    #[error("it is larger than {} MiB, the limit of this check", .0 >> 20)]
    TooLarge(u64),
    /// The URI leads out of the folder that is checked.
    #[error("the URI leads out of the folder: check the stream by its URL")]
    Elsewhere,
}

impl Error {
    /// Whether nothing is known about the file, so that no rule is broken for certain.
    pub(super) const fn is_unchecked(&self) -> bool {
        matches!(self, Self::TooLarge(_) | Self::Elsewhere)
    }
}

/// The files of a stream, by path relative to the folder of the multivariant playlist.
#[async_trait]
pub trait Files: Send + Sync {
    /// Reads a whole file.
    ///
    /// # Errors
    /// [`Error`], which becomes a finding of the report.
    async fn get(&self, path: &str) -> Result<Fetched, Error>;

    /// Reads a part of a file. This body reads the whole file; an implementation overrides it if it can read a part
    /// alone.
    ///
    /// # Errors
    /// [`Error`], [`Error::OutOfRange`] for a range that is not a part of the file.
    async fn get_range(&self, path: &str, offset: u64, length: u64) -> Result<Fetched, Error> {
        self.get(path).await?.cut(offset, length)
    }
}

/// Path of a URI that stands in a playlist.
pub(super) fn resolve(playlist: &str, uri: &str) -> String {
    if has_scheme(uri) {
        return uri.to_owned();
    }
    if has_scheme(playlist)
        && let Ok(url) = reqwest::Url::parse(playlist)
        && let Ok(joined) = url.join(uri)
    {
        return joined.to_string();
    }
    match without_query(playlist).rsplit_once('/') {
        Some((folder, _)) if !uri.starts_with('/') => format!("{folder}/{uri}"),
        Some(_) | None => uri.to_owned(),
    }
}

/// Whether the URI is absolute.
fn has_scheme(uri: &str) -> bool {
    let scheme = uri.split_once(':').map(|(scheme, _)| scheme);
    let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    scheme.is_some_and(|scheme| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(is_legal)
    })
}

/// A URI without its query, which may hold a token or a signature.
pub(super) fn without_query(uri: &str) -> &str {
    uri.split_once('?').map_or(uri, |(path, _)| path)
}

/// The query of a URI.
pub(super) fn query(uri: &str) -> &str {
    uri.split_once('?').map_or("", |(_, query)| query)
}

/// Files of a local folder.
pub struct Folder(pub PathBuf);

impl Folder {
    /// Path of the file that a relative URI names.
    fn path(&self, uri: &str) -> Result<PathBuf, Error> {
        if has_scheme(uri) || uri.starts_with('/') {
            return Err(Error::Elsewhere);
        }
        let plain = without_query(uri).split('#').next().unwrap_or_default();
        let literal = self.0.join(plain);
        if plain.contains('%') && !literal.try_exists().unwrap_or(true) {
            return Ok(self.0.join(percent_decoded(plain)));
        }
        Ok(literal)
    }
}

/// Replaces `%20` and its like.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let code = more.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = code.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = code.filter(|_| *first == b'%') {
            bytes.push(byte);
            rest = &more[2..];
        } else {
            bytes.push(*first);
            rest = more;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[async_trait]
impl Files for Folder {
    async fn get(&self, path: &str) -> Result<Fetched, Error> {
        let bytes = read(&self.path(path)?, None).await?;
        Ok(Fetched { bytes, served: None })
    }

    async fn get_range(&self, path: &str, offset: u64, length: u64) -> Result<Fetched, Error> {
        let bytes = read(&self.path(path)?, Some((offset, length))).await?;
        Ok(Fetched { bytes, served: None })
    }
}

async fn read(path: &Path, range: Option<(u64, u64)>) -> Result<Bytes, Error> {
    let unreadable = |error: std::io::Error| Error::Unreadable(error.to_string());
    let mut file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let size = file.metadata().await.map_err(unreadable)?.len();
    let (offset, length) = range.unwrap_or((0, size));
    let end = offset.saturating_add(length);
    if end > size {
        return Err(Error::OutOfRange(offset, end));
    }
    if length > MAX_FILE_BYTES {
        return Err(Error::TooLarge(MAX_FILE_BYTES));
    }
    file.seek(SeekFrom::Start(offset)).await.map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).await.map_err(unreadable)?;
    Ok(bytes.into())
}

impl Fetched {
    /// A part of the file.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn cut(self, offset: u64, length: u64) -> Result<Self, Error> {
        let end = offset.saturating_add(length);
        let error = Error::OutOfRange(offset, end);
        let range = usize::try_from(offset).ok().zip(usize::try_from(end).ok());
        let (from, to) = range.filter(|(_, to)| *to <= self.bytes.len()).ok_or(error)?;
        Ok(Self { bytes: self.bytes.slice(from..to), ..self })
    }

    /// Undoes the `Content-Encoding`, if it is gzip.
    ///
    /// # Errors
    /// [`Error::NotGzip`], [`Error::TooLarge`].
    pub fn unzipped(self) -> Result<Self, Error> {
        let is_gzip = |served: &Served| served.content_encoding.eq_ignore_ascii_case("gzip");
        if !self.served.as_ref().is_some_and(is_gzip) {
            return Ok(self);
        }
        let mut plain = Vec::new();
        let decoder = flate2::read::GzDecoder::new(&self.bytes[..]);
        // A small file may expand to gigabytes.
        let mut limited = std::io::Read::take(decoder, MAX_UNZIPPED_BYTES + 1);
        std::io::Read::read_to_end(&mut limited, &mut plain)
            .map_err(|error| Error::NotGzip(error.to_string()))?;
        if plain.len() as u64 > MAX_UNZIPPED_BYTES {
            return Err(Error::TooLarge(MAX_UNZIPPED_BYTES));
        }
        Ok(Self { bytes: plain.into(), ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_relative_to_the_path_of_their_playlist() {
        let table = [
            ("main.m3u8", "a/i.m3u8", "a/i.m3u8"),
            ("main.m3u8?token=a/b", "a/i.m3u8?token=a/b", "a/i.m3u8?token=a/b"),
            ("a/i.m3u8?token=x", "../key?v=1&token=x", "a/../key?v=1&token=x"),
            ("a/i.m3u8?token=x", "https://s3.example/s.ts?y=z", "https://s3.example/s.ts?y=z"),
            ("a/i.m3u8", "/s.ts", "/s.ts"),
            ("https://h.example/a/i.m3u8?t=1", "/s.ts", "https://h.example/s.ts"),
            ("https://h.example/a/i.m3u8?t=1", "../s.ts", "https://h.example/s.ts"),
            ("a/i.m3u8", "data:text/plain;base64,AA==", "data:text/plain;base64,AA=="),
        ];
        for (playlist, uri, expected) in table {
            assert_eq!(resolve(playlist, uri), expected, "{playlist} {uri}");
        }
    }

    #[tokio::test]
    async fn parts_of_local_files_are_read_alone_and_queries_are_no_part_of_their_names() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a b.ts"), b"0123456789").unwrap();
        let folder = Folder(dir.path().to_owned());
        let part = folder.get_range("a%20b.ts?x=1", 3, 4).await.unwrap();
        assert_eq!(&part.bytes[..], b"3456");
        assert_eq!(folder.get("a b.ts").await.unwrap().bytes.len(), 10);
        let outside = folder.get_range("a b.ts", 8, 4).await.unwrap_err();
        assert_eq!(outside, Error::OutOfRange(8, 12));
        for uri in ["https://h.example/a.ts", "/etc/hostname"] {
            assert_eq!(folder.get(uri).await.unwrap_err(), Error::Elsewhere, "{uri}");
        }
    }

    #[test]
    fn a_small_file_that_expands_without_end_is_refused() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::copy(&mut std::io::Read::take(std::io::repeat(0), 40 << 20), &mut encoder)
            .unwrap();
        let served = Served { content_encoding: "GZIP".to_owned(), ..Served::default() };
        let bytes = encoder.finish().unwrap().into();
        let unzipped = Fetched { bytes, served: Some(served) }.unzipped();
        assert_eq!(unzipped.unwrap_err(), Error::TooLarge(MAX_UNZIPPED_BYTES));
    }
}
