//! Sends the bytes of a file to the store: by one PUT, or in parts, several at a time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use anyhow::{Context as _, anyhow};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::ProgressBar;
use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::api::Api;
use super::state::Begun;
use crate::cli::exit::{self, Exit};

/// Parts that are sent at the same time.
const PARALLEL: usize = 4;
/// URLs that are asked for at once: they are used before they expire.
const BATCH: usize = 32;
/// Bytes that are read at once.
const CHUNK: usize = 256 * 1024;

/// A file to be sent.
pub(super) struct Outgoing<'a> {
    pub(super) api: &'a Api,
    pub(super) file: &'a Path,
    pub(super) bar: &'a ProgressBar,
}

impl Outgoing<'_> {
    /// Sends the file, or what is missing of it. [`Exit::NotFound`] if the upload has ended.
    pub(super) async fn send(&self, begun: &Begun, size: u64) -> Result<(), exit::Error> {
        match begun.upload["upload_id"].as_str() {
            Some(upload_id) => self.in_parts(&begun.video_id, upload_id).await,
            None => self.whole(&begun.upload, size).await,
        }
    }

    /// Sends the whole file by the request that the appliance has signed.
    async fn whole(&self, upload: &Value, size: u64) -> Result<(), exit::Error> {
        let mut headers = HeaderMap::new();
        for (name, value) in upload["headers"].as_object().into_iter().flatten() {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(anyhow::Error::from)?;
            let value = HeaderValue::from_str(value.as_str().unwrap_or_default());
            headers.insert(name, value.map_err(anyhow::Error::from)?);
        }
        let url = upload["url"].as_str().unwrap_or_default();
        match self.put(url, headers, 0, size).await {
            // An earlier try was heard, but not its answer.
            Err(Refused::Status(StatusCode::PRECONDITION_FAILED)) => Ok(()),
            sent => Ok(sent.map(drop)?),
        }
    }

    /// Sends the parts that are missing, and joins all.
    async fn in_parts(&self, video_id: &str, upload_id: &str) -> Result<(), exit::Error> {
        let path = format!("/v1/uploads/{video_id}/{upload_id}");
        let status = self.api.get(&path).await?;
        let number = |value: &Value| value.as_u64().unwrap_or_default();
        let (size, part_size) =
            (number(&status["size_bytes"]), number(&status["part_size_bytes"]).max(1));
        let mut tags: BTreeMap<u64, String> = BTreeMap::new();
        for part in status["parts"].as_array().into_iter().flatten() {
            tags.insert(
                number(&part["number"]),
                part["etag"].as_str().unwrap_or_default().to_owned(),
            );
            self.bar.inc(number(&part["size_bytes"]));
        }
        let count = size.div_ceil(part_size).max(1);
        let missing: Vec<u64> = (1..=count).filter(|number| !tags.contains_key(number)).collect();
        for batch in missing.chunks(BATCH) {
            let body = json!({ "numbers": batch });
            let signed = self.api.send(Method::POST, &format!("{path}/parts"), Some(&body)).await?;
            let parts = signed["parts"].as_array().cloned().unwrap_or_default();
            let sent = stream::iter(&parts).map(async |part| {
                let at = number(&part["number"]);
                let offset = at.saturating_sub(1) * part_size;
                let url = part["url"].as_str().unwrap_or_default();
                let len = part_size.min(size.saturating_sub(offset));
                Ok::<_, exit::Error>((at, self.put(url, HeaderMap::new(), offset, len).await?))
            });
            let sent: Vec<(u64, String)> = sent.buffer_unordered(PARALLEL).try_collect().await?;
            tags.extend(sent);
        }
        let parts: Vec<Value> =
            tags.iter().map(|(number, etag)| json!({ "number": number, "etag": etag })).collect();
        let body = json!({ "parts": parts });
        self.api.send(Method::POST, &format!("{path}/complete"), Some(&body)).await?;
        Ok(())
    }

    /// PUTs a piece of the file. Returns its entity tag.
    async fn put(
        &self,
        url: &str,
        mut headers: HeaderMap,
        offset: u64,
        len: u64,
    ) -> Result<String, Refused> {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(len));
        let sent = Arc::new(AtomicU64::new(0));
        let body = async || {
            self.bar.dec(sent.swap(0, Relaxed));
            let mut file = tokio::fs::File::open(self.file).await?;
            file.seek(std::io::SeekFrom::Start(offset)).await?;
            let (bar, sent) = (self.bar.clone(), Arc::clone(&sent));
            let bytes = ReaderStream::with_capacity(file.take(len), CHUNK);
            Ok(Body::wrap_stream(bytes.inspect_ok(move |bytes| {
                sent.fetch_add(bytes.len() as u64, Relaxed);
                bar.inc(bytes.len() as u64);
            })))
        };
        let answer = self.api.put(url, &headers, body).await?;
        if !answer.status().is_success() {
            return Err(Refused::Status(answer.status()));
        }
        let etag = answer.headers().get("etag").and_then(|etag| etag.to_str().ok());
        Ok(etag.unwrap_or_default().to_owned())
    }
}

/// Why a piece was not taken.
enum Refused {
    /// The store's answer.
    Status(StatusCode),
    /// No answer.
    Error(exit::Error),
}

impl From<exit::Error> for Refused {
    fn from(error: exit::Error) -> Self {
        Self::Error(error)
    }
}

impl From<Refused> for exit::Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Error(error) => error,
            Refused::Status(status) => {
                let reason = anyhow!("the store refused the upload: {status}");
                let exit = match status {
                    // The URL has expired.
                    StatusCode::FORBIDDEN => Exit::NotFound,
                    status if status.is_server_error() => Exit::Unreachable,
                    _ => Exit::Failed,
                };
                Self { exit, reason }
            }
        }
    }
}

/// Size of a file in bytes.
pub(super) fn size_of(file: &Path) -> anyhow::Result<u64> {
    let shown = || format!("failed to read {}", file.display());
    let metadata = file.metadata().with_context(shown)?;
    anyhow::ensure!(metadata.is_file(), "{} is no file", file.display());
    Ok(metadata.len())
}
