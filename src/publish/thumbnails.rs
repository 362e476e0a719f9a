//! Upload of the poster and the storyboard.

use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::error::{Error, Incomplete};
use super::object::{Object, Target};
use crate::domain::hls::names::{self, Layout};
use crate::domain::hls::storyboard;
use crate::domain::plan::Plan;
use crate::domain::thumbnail::Thumbnail;

/// Sheets that are uploaded at the same time. Behind a slow bucket, the next one waits.
const PARALLEL_UPLOADS: usize = 4;

/// Paths of published thumbnails, relative to `main.m3u8`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThumbnailPaths {
    /// The poster (JPEG).
    pub poster: Option<String>,
    /// The storyboard (`WebVTT`).
    pub storyboard: Option<String>,
}

/// Thumbnails on their way to the target. Dropping it aborts the uploads.
pub(super) struct Thumbnails {
    target: Arc<dyn Target>,
    layout: Layout,
    uploads: JoinSet<Result<(), Error>>,
    paths: ThumbnailPaths,
    /// Frames on all sheets so far.
    tiles: u32,
}

impl Thumbnails {
    pub(super) fn start(target: Arc<dyn Target>, layout: Layout) -> Self {
        let (uploads, paths) = (JoinSet::new(), ThumbnailPaths::default());
        Self { target, layout, uploads, paths, tiles: 0 }
    }

    /// Uploads a poster before it returns. Uploads a sheet in the background: only the `WebVTT` of
    /// the storyboard names it, and that comes last. Waits while [`PARALLEL_UPLOADS`] sheets are on their way.
    pub(super) async fn publish(&mut self, thumbnail: Thumbnail, jpeg: Bytes) -> Result<(), Error> {
        match thumbnail {
            Thumbnail::Poster => {
                self.target.put(self.jpeg(names::POSTER, jpeg)).await?;
                self.paths.poster = Some(self.layout.uri_of_stream_file(names::POSTER));
            }
            Thumbnail::StoryboardSheet { number, tiles } => {
                if self.uploads.len() >= PARALLEL_UPLOADS {
                    self.wait_for_upload().await?;
                }
                self.tiles += tiles;
                let object = self.jpeg(&names::storyboard_sheet(number), jpeg);
                let target = Arc::clone(&self.target);
                self.uploads.spawn(async move { target.put(object).await });
            }
        }
        Ok(())
    }

    /// Paths of what is published so far.
    pub(super) fn paths(&self) -> &ThumbnailPaths {
        &self.paths
    }

    /// Waits for the sheets, then publishes the `WebVTT` that names them.
    pub(super) async fn finish(
        mut self,
        plan: &Plan,
        duration_ns: u64,
    ) -> Result<ThumbnailPaths, Error> {
        while self.wait_for_upload().await? {}
        if let Some(thumbnails) = plan.thumbnails.as_ref().filter(|_| self.tiles > 0) {
            let storyboard = &thumbnails.storyboard;
            let text = storyboard::render(&plan.video, storyboard, self.tiles, duration_ns);
            let key = self.layout.key_of_stream_file(names::STORYBOARD);
            let object = Object::immutable(key, text.into(), names::CONTENT_TYPE_WEBVTT);
            self.target.put(Object { compressible: true, ..object }).await?;
            self.paths.storyboard = Some(self.layout.uri_of_stream_file(names::STORYBOARD));
        }
        Ok(self.paths)
    }

    /// Waits for the end of an upload. Returns false if none is on its way.
    async fn wait_for_upload(&mut self) -> Result<bool, Error> {
        let Some(upload) = self.uploads.join_next().await else { return Ok(false) };
        upload.map_err(|error| Incomplete::Task(error.to_string()))??;
        Ok(true)
    }

    fn jpeg(&self, name: &str, body: Bytes) -> Object {
        Object::immutable(self.layout.key_of_stream_file(name), body, names::CONTENT_TYPE_JPEG)
    }
}
