//! Poster and storyboard beside a stream.

use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::{Error, Object, Target};
use crate::domain::hls::names::{self, Layout};
use crate::domain::hls::storyboard;
use crate::domain::plan::Plan;

/// A still picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Still {
    /// The one that stands for the video.
    Poster,
    /// A sheet of the storyboard.
    Sheet {
        /// Number of the sheet, from 0.
        number: u32,
        /// Pictures on it.
        tiles: u32,
    },
}

/// Where the pictures of a stream are: paths relative to its `main.m3u8`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StillPaths {
    /// The poster (JPEG).
    pub poster: Option<String>,
    /// The storyboard (`WebVTT`).
    pub storyboard: Option<String>,
}

/// The pictures on their way to the target. Dropping it ends the uploads.
pub(super) struct Stills {
    target: Arc<dyn Target>,
    layout: Layout,
    uploads: JoinSet<Result<(), Error>>,
    paths: StillPaths,
    /// Pictures of the storyboard so far.
    tiles: u32,
}

impl Stills {
    pub(super) fn start(target: Arc<dyn Target>, layout: Layout) -> Self {
        let (uploads, paths) = (JoinSet::new(), StillPaths::default());
        Self { target, layout, uploads, paths, tiles: 0 }
    }

    /// Publishes the poster before this returns, and a sheet by and by: only the storyboard's text,
    /// which comes last, names it.
    pub(super) async fn take(&mut self, still: Still, jpeg: Bytes) -> Result<(), Error> {
        match still {
            Still::Poster => {
                self.target.put(self.jpeg(names::POSTER, jpeg)).await?;
                self.paths.poster = Some(self.layout.beside(names::POSTER));
            }
            Still::Sheet { number, tiles } => {
                self.tiles += tiles;
                let object = self.jpeg(&names::sheet(number), jpeg);
                let target = Arc::clone(&self.target);
                self.uploads.spawn(async move { target.put(object).await });
            }
        }
        Ok(())
    }

    /// What is published so far.
    pub(super) fn paths(&self) -> &StillPaths {
        &self.paths
    }

    /// Waits for the sheets, then publishes the text that names them.
    pub(super) async fn finish(
        mut self,
        plan: &Plan,
        duration_ns: u64,
    ) -> Result<StillPaths, Error> {
        while let Some(upload) = self.uploads.join_next().await {
            upload.map_err(|error| Error::Incomplete(error.to_string()))??;
        }
        if let Some(pictures) = plan.pictures.as_ref().filter(|_| self.tiles > 0) {
            let storyboard = &pictures.storyboard;
            let text = storyboard::render(&plan.video, storyboard, self.tiles, duration_ns);
            self.target
                .put(Object {
                    key: self.layout.key_beside(names::STORYBOARD),
                    body: text.into(),
                    content_type: names::CONTENT_TYPE_WEBVTT,
                    cache_control: names::CACHE_IMMUTABLE,
                    compressible: true,
                })
                .await?;
            self.paths.storyboard = Some(self.layout.beside(names::STORYBOARD));
        }
        Ok(self.paths)
    }

    fn jpeg(&self, name: &str, body: Bytes) -> Object {
        Object {
            key: self.layout.key_beside(name),
            body,
            content_type: names::CONTENT_TYPE_PICTURE,
            cache_control: names::CACHE_IMMUTABLE,
            compressible: false,
        }
    }
}
