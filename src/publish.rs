//! From segments to a stream that plays: while it is being made, and when it is whole.
//!
//! Order, so that no viewer ever sees a broken state: segments, then the event playlist that
//! names them, then (after the first segment of every rendition) `main.m3u8` on the event
//! playlists. At the end the subtitles and the VOD playlists, and one write that flips `main.m3u8` to them.

mod encrypt;
pub mod folder;
mod lane;
mod playlists;
mod stills;
mod subtitles;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;

use self::lane::{Lane, LaneSegment, Published};
use self::playlists::Playlists;
pub use self::playlists::{main_object, views};
use self::stills::Stills;
pub use self::stills::{Still, StillPaths};
use self::subtitles::Subtitles;
use crate::domain::hls::key::StreamKey;
use crate::domain::hls::names::Layout;
use crate::domain::hls::webvtt::Cue;
use crate::domain::outcome::{Fault, FaultClass};
use crate::domain::plan::Plan;
use crate::domain::video::RenditionView;

/// Why publishing failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The target refused or could not be reached.
    #[error("{key} cannot be published: {reason}")]
    Target {
        /// Key of the object.
        key: String,
        /// What the target said.
        reason: String,
        /// Whether a later attempt may succeed.
        class: FaultClass,
    },
    /// The renditions do not belong to the plan, or are not whole.
    #[error("the stream is incomplete: {0}")]
    Incomplete(String),
}

impl Fault for Error {
    fn class(&self) -> FaultClass {
        match self {
            Self::Target { class, .. } => *class,
            Self::Incomplete(_) => FaultClass::Retryable,
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::Target { .. } => "publish-failed",
            Self::Incomplete(_) => "stream-incomplete",
        }
    }
}

/// One object to publish.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Its bytes, not compressed.
    pub body: Bytes,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// `Cache-Control`.
    pub cache_control: &'static str,
    /// Text that the target may compress (`Content-Encoding: gzip`).
    pub compressible: bool,
}

/// Where the stream goes: a bucket or a folder.
#[async_trait]
pub trait Target: Send + Sync {
    /// Writes the object; it is durable when this returns.
    async fn put(&self, object: Object) -> Result<(), Error>;
}

/// A segment, whole.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Index of the rendition: the rungs of the plan, then its audio.
    pub rendition: u16,
    /// Number, from 0, without gaps.
    pub number: u32,
    /// Duration in nanoseconds.
    pub duration_ns: u64,
    /// The segment.
    pub bytes: Bytes,
    /// What the segments of the rendition are read with, beside the first of them; none where each
    /// can be read alone.
    pub init: Option<Bytes>,
}

/// A stream that is being published.
pub struct Publication {
    target: Arc<dyn Target>,
    playlists: Playlists,
    lanes: Vec<Lane>,
    stills: Stills,
    subtitles: Subtitles,
    codecs: Vec<Option<String>>,
    playable: watch::Sender<bool>,
}

impl Publication {
    /// Begins with the plan's renditions and no segments. With a key, the segments
    /// are encrypted.
    #[must_use]
    pub fn start(
        target: Arc<dyn Target>,
        layout: Layout,
        plan: &Plan,
        key: Option<StreamKey>,
    ) -> Self {
        let stills = Stills::start(Arc::clone(&target), layout.clone());
        let playlists = Playlists::new(layout, plan, key);
        let lanes: Vec<_> =
            playlists.lanes().map(|lane| Lane::start(Arc::clone(&target), lane)).collect();
        let codecs = vec![None; lanes.len()];
        let subtitles = Subtitles::new(plan.subtitles.len());
        let playable = watch::Sender::new(false);
        Self { target, playlists, lanes, stills, subtitles, codecs, playable }
    }

    /// Becomes true once `main.m3u8` can be played.
    #[must_use]
    pub fn playable(&self) -> watch::Receiver<bool> {
        self.playable.subscribe()
    }

    /// Notes the codec string of a rendition.
    ///
    /// # Errors
    /// [`Error::Incomplete`] if the plan has no such rendition.
    pub fn codec(&mut self, rendition: u16, codec: String) -> Result<(), Error> {
        let slot = self.codecs.get_mut(usize::from(rendition)).ok_or_else(|| unknown(rendition))?;
        *slot = Some(codec);
        Ok(())
    }

    /// Takes a segment. Waits while the rendition's lane is full: this is what slows a pipeline
    /// down to the speed of its bucket.
    ///
    /// # Errors
    /// Of this segment or of any before it in the lane.
    pub async fn segment(&mut self, segment: Segment) -> Result<(), Error> {
        let lane = self
            .lanes
            .get_mut(usize::from(segment.rendition))
            .ok_or_else(|| unknown(segment.rendition))?;
        let segment = LaneSegment {
            number: segment.number,
            duration_ns: segment.duration_ns,
            bytes: segment.bytes,
            init: segment.init,
        };
        lane.push(segment).await?;
        self.announce().await
    }

    /// Takes a still picture.
    ///
    /// # Errors
    /// If the target refuses.
    pub async fn still(&mut self, still: Still, jpeg: Bytes) -> Result<(), Error> {
        self.stills.take(still, jpeg).await
    }

    /// Takes a subtitle; `rendition` is its index among the subtitles of the plan.
    ///
    /// # Errors
    /// [`Error::Incomplete`] if the plan has no such rendition.
    pub fn cue(&mut self, rendition: u16, cue: Cue) -> Result<(), Error> {
        self.subtitles.take(rendition, cue)
    }

    /// The still pictures that are published so far.
    #[must_use]
    pub fn stills(&self) -> &StillPaths {
        self.stills.paths()
    }

    /// Writes `main.m3u8` on the event playlists, once each of them names a segment.
    ///
    /// # Errors
    /// If the target refuses.
    pub async fn announce(&mut self) -> Result<(), Error> {
        let announced = !self.playlists.is_live() || *self.playable.borrow();
        if announced || !self.lanes.iter().all(|lane| lane.published() > 0) {
            return Ok(());
        }
        let Some(codecs) = self.codecs.iter().cloned().collect::<Option<Vec<_>>>() else {
            return Ok(());
        };
        self.target.put(self.playlists.growing(&codecs)).await?;
        self.playable.send_replace(true);
        Ok(())
    }

    /// Segments published so far, by rendition.
    #[must_use]
    pub fn published(&self) -> Vec<u32> {
        self.lanes.iter().map(Lane::published).collect()
    }

    /// Waits for every segment, closes the event playlists and writes the VOD playlists. The
    /// stream is whole then, and `main.m3u8` does not say so yet.
    ///
    /// # Errors
    /// If anything could not be written, or a rendition has no segment.
    pub async fn finish(mut self) -> Result<Whole, Error> {
        let codecs = self
            .codecs
            .iter()
            .cloned()
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| Error::Incomplete("a rendition never told its codec".to_owned()))?;
        let mut measured = Vec::new();
        for lane in std::mem::take(&mut self.lanes) {
            measured.push(lane.finish().await?);
        }
        let stills = self.stills.finish(self.playlists.plan(), duration_ns(&measured)).await?;
        if let Some(picture) = measured.first() {
            self.subtitles.finish(&self.target, &self.playlists, picture).await?;
        }
        let main = self.playlists.whole(&codecs, &measured)?;
        let renditions = self.playlists.views(&measured);
        Ok(Whole { target: self.target, main, renditions, stills })
    }
}

/// How long the stream lasts: all its renditions do.
fn duration_ns(measured: &[Published]) -> u64 {
    measured.first().map_or(0, |rendition| rendition.segments.iter().map(|s| s.duration_ns).sum())
}

fn unknown(rendition: u16) -> Error {
    Error::Incomplete(format!("rendition {rendition} is not in the plan"))
}

/// A stream of which everything is written but the playlist that shows it.
pub struct Whole {
    target: Arc<dyn Target>,
    main: Object,
    renditions: Vec<RenditionView>,
    stills: StillPaths,
}

impl Whole {
    /// The still pictures.
    #[must_use]
    pub fn stills(&self) -> &StillPaths {
        &self.stills
    }

    /// The renditions with their measured rates.
    #[must_use]
    pub fn renditions(&self) -> &[RenditionView] {
        &self.renditions
    }

    /// Text of the `main.m3u8` that shows the stream.
    #[must_use]
    pub fn main(&self) -> String {
        String::from_utf8_lossy(&self.main.body).into_owned()
    }

    /// Flips `main.m3u8` to the VOD playlists: the one moment in which the stream becomes whole
    /// for everybody.
    ///
    /// # Errors
    /// If the target refuses.
    pub async fn flip(self) -> Result<Flipped, Error> {
        self.target.put(self.main).await?;
        Ok(Flipped { renditions: self.renditions })
    }
}

/// Proof that `main.m3u8` shows the whole stream.
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

#[cfg(test)]
mod tests;
