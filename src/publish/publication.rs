//! A stream that is being published.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;

use super::chapters;
use super::error::{Error, Incomplete};
use super::finished::Finished;
use super::measured::UploadedRendition;
use super::multivariant::StreamPlaylists;
use super::object::Target;
use super::rendition_uploader::RenditionUploader;
use super::subtitles::Subtitles;
use super::thumbnails::{ThumbnailPaths, Thumbnails};
use crate::domain::hls::key::StreamKey;
use crate::domain::hls::names::Layout;
use crate::domain::hls::webvtt::Cue;
use crate::domain::plan::Plan;
use crate::domain::segment::Segment;
use crate::domain::thumbnail::Thumbnail;

/// A stream that is being published. Dropping it aborts the uploads.
pub struct Publication {
    target: Arc<dyn Target>,
    playlists: StreamPlaylists,
    uploaders: Vec<RenditionUploader>,
    thumbnails: Thumbnails,
    subtitles: Subtitles,
    /// Codec string of each encoded rendition, once its encoder has reported it.
    codecs: Vec<Option<String>>,
    playable: watch::Sender<bool>,
}

impl Publication {
    /// Starts to publish the renditions of a plan. With a key, segments and subtitles are encrypted.
    #[must_use]
    pub fn start(
        target: Arc<dyn Target>,
        layout: Layout,
        plan: &Plan,
        key: Option<StreamKey>,
    ) -> Self {
        let thumbnails = Thumbnails::start(Arc::clone(&target), layout.clone());
        let playlists = StreamPlaylists::new(layout, plan, key);
        let uploaders: Vec<_> = playlists
            .renditions()
            .map(|rendition| RenditionUploader::start(Arc::clone(&target), rendition))
            .collect();
        let codecs = vec![None; uploaders.len()];
        let subtitles = Subtitles::new(plan.subtitles.len());
        let playable = watch::Sender::new(false);
        Self { target, playlists, uploaders, thumbnails, subtitles, codecs, playable }
    }

    /// Turns true once players can play `main.m3u8`.
    #[must_use]
    pub fn playable(&self) -> watch::Receiver<bool> {
        self.playable.subscribe()
    }

    /// Records the RFC 6381 codec string of a rendition.
    ///
    /// # Errors
    /// [`Incomplete::UnknownRendition`].
    pub fn set_codec(&mut self, rendition: u16, codec: String) -> Result<(), Error> {
        let slot = self.codecs.get_mut(usize::from(rendition));
        *slot.ok_or(Incomplete::UnknownRendition(rendition))? = Some(codec);
        Ok(())
    }

    /// Queues a segment for upload. Waits while the queue of the rendition is full: this slows the
    /// pipeline down to the speed of the bucket.
    ///
    /// # Errors
    /// [`Incomplete::UnknownRendition`], or the error of this or an earlier segment of the rendition.
    pub async fn add_segment(&mut self, segment: Segment) -> Result<(), Error> {
        let rendition = segment.rendition;
        let uploader = self.uploaders.get_mut(usize::from(rendition));
        uploader.ok_or(Incomplete::UnknownRendition(rendition))?.push(segment).await?;
        self.announce().await
    }

    /// Publishes a thumbnail. A poster is durable when this returns, a sheet of the storyboard when
    /// [`Publication::finish`] returns.
    ///
    /// # Errors
    /// [`Error::Target`].
    pub async fn add_thumbnail(&mut self, thumbnail: Thumbnail, jpeg: Bytes) -> Result<(), Error> {
        self.thumbnails.publish(thumbnail, jpeg).await
    }

    /// Adds a cue; `rendition` is its index among the subtitles of the plan.
    ///
    /// # Errors
    /// [`Incomplete::UnknownSubtitles`].
    pub fn add_cue(&mut self, rendition: u16, cue: Cue) -> Result<(), Error> {
        self.subtitles.add(rendition, cue)
    }

    /// Paths of the thumbnails that are published so far.
    #[must_use]
    pub fn thumbnails(&self) -> &ThumbnailPaths {
        self.thumbnails.paths()
    }

    /// Writes `main.m3u8` with the event playlists, once, as soon as each of them names a segment and
    /// all codec strings are known. Does nothing before that, after that, and if the layout is not
    /// live.
    ///
    /// # Errors
    /// [`Error::Target`].
    pub async fn announce(&mut self) -> Result<(), Error> {
        let is_announced = !self.playlists.is_live() || *self.playable.borrow();
        if is_announced || !self.uploaders.iter().all(|uploader| uploader.published() > 0) {
            return Ok(());
        }
        let Some(codecs) = self.codecs() else { return Ok(()) };
        self.target.put(self.playlists.event_main(&codecs)).await?;
        self.playable.send_replace(true);
        Ok(())
    }

    /// Segments that are published so far, by rendition.
    #[must_use]
    pub fn published(&self) -> Vec<u32> {
        self.uploaders.iter().map(RenditionUploader::published).collect()
    }

    /// Waits for all uploads, ends the event playlists and writes the VOD playlists, the subtitles,
    /// the storyboard and the chapters. `main.m3u8` does not change.
    ///
    /// # Errors
    /// [`Error::Target`] if an object cannot be written, [`Error::Incomplete`] if a rendition has no
    /// segment or no codec string.
    pub async fn finish(mut self) -> Result<Finished, Error> {
        let codecs = self.codecs().ok_or(Incomplete::NoCodec)?;
        let mut uploaded = Vec::new();
        for uploader in std::mem::take(&mut self.uploaders) {
            uploaded.push(uploader.finish().await?);
        }
        // All renditions end together: the first one stands for the stream.
        let first = uploaded.first();
        let duration_ns = first.map_or(0, UploadedRendition::duration_ns);
        let thumbnails = self.thumbnails.finish(self.playlists.plan(), duration_ns).await?;
        let chapters = chapters::publish(&self.target, &self.playlists, duration_ns).await?;
        if let Some(first) = first {
            self.subtitles.publish(&self.target, &self.playlists, first).await?;
        }
        let main = self.playlists.vod_main(&codecs, &uploaded)?;
        let renditions = self.playlists.measured_renditions(&uploaded);
        Ok(Finished { target: self.target, main, renditions, thumbnails, chapters })
    }

    /// The codec strings of all renditions, once all are known.
    fn codecs(&self) -> Option<Vec<String>> {
        self.codecs.iter().cloned().collect()
    }
}
