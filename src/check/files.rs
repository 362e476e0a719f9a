//! Files of a stream: in a folder, on a server, or wherever else an implementation of [`Files`] reads.

use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use m3u8_rs::Map;

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
}

/// The files of a stream, by path relative to the folder of the multivariant playlist.
#[async_trait]
pub trait Files: Send + Sync {
    /// Reads a whole file.
    ///
    /// # Errors
    /// [`Error`], which becomes a finding of the report.
    async fn get(&self, path: &str) -> Result<Fetched, Error>;
}

/// Path of a URI that stands in a playlist.
pub(super) fn resolve(playlist: &str, uri: &str) -> String {
    match without_query(playlist).rsplit_once('/') {
        Some((folder, _)) if !uri.contains("://") && !uri.starts_with('/') => {
            format!("{folder}/{uri}")
        }
        Some(_) | None => uri.to_owned(),
    }
}

/// A URI without its query, which may hold a token or a signature.
pub(super) fn without_query(uri: &str) -> &str {
    uri.split_once('?').map_or(uri, |(path, _)| path)
}

/// Files of a local folder.
pub struct Folder(pub PathBuf);

#[async_trait]
impl Files for Folder {
    async fn get(&self, path: &str) -> Result<Fetched, Error> {
        let read = tokio::fs::read(self.0.join(path)).await;
        let bytes = read.map_err(|error| Error::Unreadable(error.to_string()))?.into();
        Ok(Fetched { bytes, served: None })
    }
}

/// Files of a server.
pub struct Http {
    client: reqwest::Client,
    base: Option<reqwest::Url>,
}

impl Http {
    /// Paths are relative to this URL.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new(base: reqwest::Url) -> Result<Self, reqwest::Error> {
        Self::open(Some(base))
    }

    /// Paths are absolute URLs.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn anywhere() -> Result<Self, reqwest::Error> {
        Self::open(None)
    }

    fn open(base: Option<reqwest::Url>) -> Result<Self, reqwest::Error> {
        // Fails if another provider is installed already, which serves as well.
        drop(rustls::crypto::ring::default_provider().install_default());
        // Media must not be redirected (rule 8.18).
        let policy = reqwest::redirect::Policy::none();
        Ok(Self { client: reqwest::Client::builder().redirect(policy).build()?, base })
    }
}

#[async_trait]
impl Files for Http {
    async fn get(&self, path: &str) -> Result<Fetched, Error> {
        // Without the URL, whose query may be a secret.
        let unreadable = |error: reqwest::Error| Error::Unreadable(error.without_url().to_string());
        let url = reqwest::Url::options().base_url(self.base.as_ref()).parse(path);
        let url = url.map_err(|error| Error::Unreadable(error.to_string()))?;
        let request = self.client.get(url).header("accept-encoding", "gzip");
        let response = request.send().await.map_err(unreadable)?;
        if !response.status().is_success() {
            return Err(Error::Status(response.status()));
        }
        let header = |name: &str| {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let served = Served {
            content_type: header("content-type"),
            content_encoding: header("content-encoding"),
            cache_control: header("cache-control"),
        };
        let bytes = response.bytes().await.map_err(unreadable)?;
        Fetched { bytes, served: Some(served) }.unzipped()
    }
}

impl Fetched {
    /// The part of the file that an `EXT-X-MAP` names: all of it without a byte range, `None` if the
    /// range lies outside the file.
    pub(super) fn part(&self, map: &Map) -> Option<Bytes> {
        let Some(range) = &map.byte_range else { return Some(self.bytes.clone()) };
        let begin = usize::try_from(range.offset.unwrap_or(0)).ok()?;
        let end = begin.checked_add(usize::try_from(range.length).ok()?)?;
        (end <= self.bytes.len()).then(|| self.bytes.slice(begin..end))
    }

    /// Undoes the `Content-Encoding`, if it is gzip.
    ///
    /// # Errors
    /// [`Error::NotGzip`].
    pub fn unzipped(self) -> Result<Self, Error> {
        if self.served.as_ref().is_none_or(|served| served.content_encoding != "gzip") {
            return Ok(self);
        }
        let mut plain = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&self.bytes[..]), &mut plain)
            .map_err(|error| Error::NotGzip(error.to_string()))?;
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
        ];
        for (playlist, uri, expected) in table {
            assert_eq!(resolve(playlist, uri), expected, "{playlist} {uri}");
        }
    }
}
