//! Buckets in the roles that jobs give them: a source, and a target of publishing.

use std::io::{Read, Write};

use async_trait::async_trait;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use tokio::sync::Mutex;

use super::error::Error;
use crate::check::files::{self, Fetched, Files, Served};
use crate::domain::hls::names;
use crate::domain::job::VideoId;
use crate::publish::{self, Object, Target};
use crate::source::{self, Source};
use crate::store::{self, Bucket, Home, Precondition, PutOptions};

/// One version of an object as a source. Every read states the version (`If-Match`).
pub(super) struct ObjectSource {
    pub(super) bucket: Bucket,
    pub(super) key: String,
    pub(super) etag: String,
    pub(super) size_bytes: u64,
}

#[async_trait]
impl Source for ObjectSource {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    async fn read(&self, offset: u64, len: u32) -> Result<Bytes, source::Error> {
        let read = self.bucket.read_range(&self.key, &self.etag, offset, u64::from(len)).await;
        read.map_err(|error| match error {
            store::Error::PreconditionFailed { .. } => source::Error::Changed,
            store::Error::NotFound { .. } => source::Error::Gone { reason: error.to_string() },
            store::Error::Denied { .. } | store::Error::Rejected { .. } => {
                source::Error::Denied { reason: error.to_string() }
            }
            store::Error::Unavailable { .. } => {
                source::Error::Unavailable { reason: error.to_string() }
            }
        })
    }
}

/// The home of a stream as the target of one attempt. The one mutable object, `main.m3u8`, is written
/// over the version that this attempt has seen: an attempt that was overtaken cannot change it.
pub(super) struct StreamTarget {
    home: Home,
    main_key: String,
    main_version: Mutex<Option<String>>,
}

/// Evidence that `main.m3u8` has a committed text. Only [`StreamTarget::flip`] makes one.
pub(super) struct Shown(());

impl StreamTarget {
    /// Looks which version of `main.m3u8` there is.
    pub(super) async fn open(home: &Home, id: &VideoId) -> Result<Self, store::Error> {
        let main_key = names::main_key(id);
        let version = home.find(&main_key).await?.map(|head| head.etag);
        Ok(Self { home: home.clone(), main_key, main_version: Mutex::new(version) })
    }

    /// Writes this text to `main.m3u8`, unless it is there already.
    pub(super) async fn flip(&self, main: String) -> Result<Shown, Error> {
        if !self.shows(main.as_bytes()).await? {
            self.put(Object::multivariant_playlist(self.main_key.clone(), main)).await?;
        }
        Ok(Shown(()))
    }

    async fn shows(&self, main: &[u8]) -> Result<bool, store::Error> {
        let found = self.home.find_whole(&self.main_key).await?;
        Ok(found.is_some_and(|found| gunzip(&found.bytes).is_ok_and(|text| text == main)))
    }
}

#[async_trait]
impl Target for StreamTarget {
    async fn put(&self, object: Object) -> Result<(), publish::Error> {
        let fault = |reason: String, is_lasting| {
            let key = object.key.clone();
            publish::Error::Target { key, reason, is_lasting }
        };
        let (body, options) =
            encoded(&self.home, &object).map_err(|error| fault(error.to_string(), false))?;
        let put = if object.key == self.main_key {
            let mut version = self.main_version.lock().await;
            let put = self.home.replace(&object.key, body, options, version.as_deref()).await;
            put.map(|etag| *version = Some(etag))
        } else {
            self.home.put(&object.key, body, options).await.map(drop)
        };
        put.map_err(|error| fault(error.to_string(), error.is_lasting()))
    }
}

/// The files of an attempt that is published but for its flip, as players will get them.
pub(super) struct Unflipped<'a> {
    pub(super) home: &'a Home,
    pub(super) id: &'a VideoId,
    /// The `main.m3u8` to come.
    pub(super) main: String,
}

#[async_trait]
impl Files for Unflipped<'_> {
    async fn get(&self, path: &str) -> Result<Fetched, files::Error> {
        if path == names::MAIN {
            let served = Served {
                content_type: names::CONTENT_TYPE_PLAYLIST.to_owned(),
                content_encoding: "gzip".to_owned(),
                cache_control: names::CACHE_SHORT.to_owned(),
                redirected_to: None,
            };
            return Ok(Fetched { bytes: self.main.clone().into(), served: Some(served) });
        }
        let read = self.home.read(&format!("{}/{path}", self.id)).await;
        let whole = read.map_err(|error| files::Error::Unreadable(error.to_string()))?;
        let served = Served {
            content_type: whole.content_type,
            content_encoding: whole.content_encoding,
            cache_control: whole.cache_control,
            redirected_to: None,
        };
        Fetched { bytes: whole.bytes, served: Some(served) }.unzipped()
    }
}

/// Text of `main.m3u8`, and its version. `None` if there is none.
pub(super) async fn read_main(
    home: &Home,
    id: &VideoId,
) -> Result<Option<(String, String)>, store::Error> {
    let Some(found) = home.find_whole(&names::main_key(id)).await? else { return Ok(None) };
    let text = gunzip(&found.bytes).unwrap_or_else(|_| found.bytes.to_vec());
    Ok(Some((String::from_utf8_lossy(&text).into_owned(), found.etag)))
}

/// Text of a playlist.
pub(super) async fn read_text(home: &Home, key: &str) -> Result<String, store::Error> {
    let text = home.read(key).await?.unzipped().map_err(|error| store::Error::Rejected {
        operation: "read",
        key: key.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Writes `main.m3u8` over the version that was seen (`None`: there was none). Returns the new version, or
/// `None` if another one is there by now.
pub(super) async fn show(
    home: &Home,
    id: &VideoId,
    main: String,
    seen: Option<&str>,
) -> Result<Option<String>, store::Error> {
    let object = Object::multivariant_playlist(names::main_key(id), main);
    let (body, options) = encoded(home, &object).map_err(|error| store::Error::Rejected {
        operation: "write",
        key: object.key.clone(),
        reason: error.to_string(),
    })?;
    let precondition = seen.map_or(Precondition::Absent, Precondition::Etag);
    match home.put(&object.key, body, PutOptions { precondition, ..options }).await {
        Ok(etag) => Ok(Some(etag)),
        Err(store::Error::PreconditionFailed { .. } | store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Body and headers of an object as they are stored.
fn encoded(home: &Home, object: &Object) -> std::io::Result<(Bytes, PutOptions<'static>)> {
    let body = if object.compressible { gzip(&object.body)? } else { object.body.clone() };
    let options = PutOptions {
        content_type: object.content_type,
        cache_control: Some(names::cache_control(home.visibility(), object.cache_control)),
        content_encoding: object.compressible.then_some("gzip"),
        ..PutOptions::default()
    };
    Ok((body, options))
}

fn gzip(text: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text)?;
    encoder.finish().map(Bytes::from)
}

fn gunzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut text)?;
    Ok(text)
}
