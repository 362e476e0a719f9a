//! Buckets in the roles that jobs give them: a source, and a target of publishing.

use std::io::Write;

use async_trait::async_trait;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::domain::outcome::Fault;
use crate::publish::{self, Object, Segment, Target};
use crate::source::{self, Source};
use crate::store::{self, Bucket, PutOptions};
use crate::worker::parent::SegmentBytes;

/// A worker's segment as the publisher takes it.
pub(crate) fn segment(made: SegmentBytes) -> Segment {
    Segment {
        rendition: made.rendition,
        number: made.number,
        duration_ns: made.duration_ns,
        bytes: made.bytes,
    }
}

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
            store::Error::Denied { .. }
            | store::Error::Rejected { .. }
            | store::Error::Unavailable { .. } => {
                source::Error::Unavailable { reason: error.to_string() }
            }
        })
    }
}

/// The public bucket as a target.
pub(super) struct PublicTarget(pub(super) Bucket);

#[async_trait]
impl Target for PublicTarget {
    async fn put(&self, object: Object) -> Result<(), publish::Error> {
        let fault = |reason: String, class| publish::Error::Target {
            key: object.key.clone(),
            reason,
            class,
        };
        let body = if object.compressible {
            gzip(&object.body).map_err(|error| {
                fault(error.to_string(), crate::domain::outcome::FaultClass::Retryable)
            })?
        } else {
            object.body.clone()
        };
        let options = PutOptions {
            content_type: object.content_type,
            cache_control: Some(object.cache_control),
            content_encoding: object.compressible.then_some("gzip"),
            ..PutOptions::default()
        };
        let put = self.0.put(&object.key, body, options).await;
        put.map(drop).map_err(|error| fault(error.to_string(), error.class()))
    }
}

fn gzip(text: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text)?;
    encoder.finish().map(Bytes::from)
}
