//! Source and target of an attempt, with their requests in its trace.

use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;

use super::adapters::{ObjectSource, StreamTarget};
use crate::domain::hls::names;
use crate::domain::trace::Step;
use crate::publish::{self, Object, Target};
use crate::source::{self, Source};
use crate::tracer::Tracer;

/// A source whose requests to the store are counted.
pub(super) struct TracedSource {
    inner: ObjectSource,
    tracer: Tracer,
}

impl TracedSource {
    pub(super) fn new(inner: ObjectSource, tracer: &Tracer) -> Self {
        Self { inner, tracer: tracer.clone() }
    }
}

#[async_trait]
impl Source for TracedSource {
    fn size_bytes(&self) -> u64 {
        self.inner.size_bytes
    }

    async fn read(&self, offset: u64, len: u32) -> Result<Bytes, source::Error> {
        self.tracer.add_request(u64::from(len));
        self.inner.read(offset, len).await
    }
}

/// A target whose first objects are noted: first segments, event playlists, `main.m3u8`.
pub(super) struct TracedTarget {
    inner: StreamTarget,
    tracer: Tracer,
}

impl TracedTarget {
    pub(super) fn new(inner: StreamTarget, tracer: &Tracer) -> Self {
        Self { inner, tracer: tracer.clone() }
    }
}

#[async_trait]
impl Target for TracedTarget {
    async fn put(&self, object: Object) -> Result<(), publish::Error> {
        let key = object.key.clone();
        let Some((step, rendition)) = step_of(&key) else { return self.inner.put(object).await };
        let began = Instant::now();
        self.inner.put(object).await?;
        if !self.tracer.has(step, rendition) {
            self.tracer.add(step, rendition, began, Instant::now());
        }
        Ok(())
    }
}

/// The step that writes this object, and the rendition that the object is of.
fn step_of(key: &str) -> Option<(Step, Option<&str>)> {
    let mut parts = key.rsplit('/');
    let (file, folder) = (parts.next()?, parts.next()?);
    match file {
        names::MAIN => Some((Step::Main, None)),
        names::EVENT => Some((Step::EventPlaylist, Some(folder))),
        _ if names::is_first_segment(file) => Some((Step::Upload, Some(folder))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_objects_are_steps() {
        let cases = [
            ("id/main.m3u8", Some((Step::Main, None))),
            ("id/a1/1080p/event.m3u8", Some((Step::EventPlaylist, Some("1080p")))),
            ("id/a1/audio-en/seg_00000.ts", Some((Step::Upload, Some("audio-en")))),
            ("id/a1/360p/seg_00000.m4s", Some((Step::Upload, Some("360p")))),
            ("id/a1/360p/seg_00010.m4s", None),
            ("id/a1/360p/index.m3u8", None),
            ("id/a1/poster.jpg", None),
        ];
        for (key, expected) in cases {
            assert_eq!(step_of(key), expected, "{key}");
        }
    }
}
