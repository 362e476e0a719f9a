//! Where the files of a stream are read from.

use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use m3u8_rs::Map;

/// A file, and how it was served where it was.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// Its bytes, not compressed.
    pub bytes: Bytes,
    /// Its headers; none for a local file.
    pub served: Option<Served>,
}

/// The headers that rules speak of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// `Content-Type`.
    pub content_type: String,
    /// `Content-Encoding`.
    pub content_encoding: String,
    /// `Cache-Control`.
    pub cache_control: String,
}

/// The files of a stream, by their path relative to the folder of the multivariant playlist.
#[async_trait]
pub trait Files: Send + Sync {
    /// Reads one whole.
    ///
    /// # Errors
    /// What went wrong, for the report.
    async fn get(&self, path: &str) -> Result<Fetched, String>;
}

/// A local folder.
pub struct Folder(pub PathBuf);

#[async_trait]
impl Files for Folder {
    async fn get(&self, path: &str) -> Result<Fetched, String> {
        let read = tokio::fs::read(self.0.join(path)).await;
        let bytes = read.map_err(|error| error.to_string())?.into();
        Ok(Fetched { bytes, served: None })
    }
}

/// A server.
pub struct Http {
    client: reqwest::Client,
    base: Option<reqwest::Url>,
}

impl Http {
    /// Files below the folder of this URL.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new(base: reqwest::Url) -> Result<Self, reqwest::Error> {
        Self::open(Some(base))
    }

    /// Files that are named by whole URLs.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn anywhere() -> Result<Self, reqwest::Error> {
        Self::open(None)
    }

    fn open(base: Option<reqwest::Url>) -> Result<Self, reqwest::Error> {
        // Fails where another provider was installed before, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        // Media is not to be redirected (rule 8.18).
        let policy = reqwest::redirect::Policy::none();
        Ok(Self { client: reqwest::Client::builder().redirect(policy).build()?, base })
    }
}

#[async_trait]
impl Files for Http {
    async fn get(&self, path: &str) -> Result<Fetched, String> {
        let told = |error: &dyn std::error::Error| error.to_string();
        let url = reqwest::Url::options().base_url(self.base.as_ref()).parse(path);
        let url = url.map_err(|error| told(&error))?;
        let request = self.client.get(url).header("accept-encoding", "gzip");
        let answer = request.send().await.map_err(|error| told(&error))?;
        if !answer.status().is_success() {
            return Err(format!("HTTP status {}", answer.status()));
        }
        let header = |name: &str| {
            let value = answer.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let served = Served {
            content_type: header("content-type"),
            content_encoding: header("content-encoding"),
            cache_control: header("cache-control"),
        };
        let bytes = answer.bytes().await.map_err(|error| told(&error))?;
        Fetched { bytes, served: Some(served) }.unzipped()
    }
}

impl Fetched {
    /// The part of the file that an EXT-X-MAP names: all, unless it has a range.
    pub(super) fn part(&self, map: &Map) -> Option<Bytes> {
        let Some(range) = &map.byte_range else { return Some(self.bytes.clone()) };
        let begin = usize::try_from(range.offset.unwrap_or(0)).ok()?;
        let end = begin.checked_add(usize::try_from(range.length).ok()?)?;
        (end <= self.bytes.len()).then(|| self.bytes.slice(begin..end))
    }

    /// The file without its `Content-Encoding`.
    ///
    /// # Errors
    /// If it is no gzip although the header says so.
    pub fn unzipped(self) -> Result<Self, String> {
        if self.served.as_ref().is_none_or(|served| served.content_encoding != "gzip") {
            return Ok(self);
        }
        let mut plain = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&self.bytes[..]), &mut plain)
            .map_err(|error| format!("it is not gzip: {error}"))?;
        Ok(Self { bytes: plain.into(), ..self })
    }
}
