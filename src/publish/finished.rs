//! The end of a publication: a finished stream, and the proof that viewers see it.

use std::sync::Arc;

use super::error::Error;
use super::object::{Object, Target};
use super::thumbnails::ThumbnailPaths;
use crate::domain::video::RenditionView;

/// A stream whose objects are all written except for the `main.m3u8` that shows it.
#[must_use = "viewers see the stream only after the flip"]
pub struct Finished {
    pub(super) target: Arc<dyn Target>,
    pub(super) main: Object,
    pub(super) renditions: Vec<RenditionView>,
    pub(super) thumbnails: ThumbnailPaths,
    pub(super) chapters: Option<String>,
}

impl Finished {
    /// Paths of poster and storyboard.
    #[must_use]
    pub fn thumbnails(&self) -> &ThumbnailPaths {
        &self.thumbnails
    }

    /// Path of the chapters (`WebVTT`), relative to `main.m3u8`; `None` if there are none.
    #[must_use]
    pub fn chapters(&self) -> Option<&str> {
        self.chapters.as_deref()
    }

    /// The renditions with their measured rates.
    #[must_use]
    pub fn renditions(&self) -> &[RenditionView] {
        &self.renditions
    }

    /// Text of the `main.m3u8` that [`Finished::flip`] writes.
    #[must_use]
    pub fn main(&self) -> String {
        String::from_utf8_lossy(&self.main.body).into_owned()
    }

    /// The same stream with another `main.m3u8` to show it.
    pub fn with_main(self, text: String) -> Self {
        Self { main: Object::multivariant_playlist(self.main.key, text), ..self }
    }

    /// Where the objects of the stream are written.
    #[must_use]
    pub fn target(&self) -> &Arc<dyn Target> {
        &self.target
    }

    /// Points `main.m3u8` to the VOD playlists, in one write.
    ///
    /// # Errors
    /// [`Error::Target`] if the target refuses the write; viewers keep what they saw before.
    pub async fn flip(self) -> Result<Flipped, Error> {
        self.target.put(self.main).await?;
        Ok(Flipped { renditions: self.renditions })
    }
}

/// Proof that `main.m3u8` shows the finished stream. Only [`Finished::flip`] makes one.
#[must_use = "it is the evidence that a job was published"]
pub struct Flipped {
    renditions: Vec<RenditionView>,
}

impl Flipped {
    /// The renditions with their measured rates.
    #[must_use]
    pub fn renditions(&self) -> &[RenditionView] {
        &self.renditions
    }
}
