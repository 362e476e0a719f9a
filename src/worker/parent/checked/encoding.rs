//! The encode of a plan as its output arrives.

use bytes::BytesMut;

use super::rendition::{Bounds, Rendition};
use super::thumbnails::Thumbnails;
use crate::domain::hls::webvtt::{Cue, CueBudget};
use crate::domain::limits::Limits;
use crate::domain::plan::Plan;
use crate::domain::segment::Segment;
use crate::domain::thumbnail::Thumbnail;
use crate::worker::parent::misbehaviour::Misbehaviour;

/// State of an encode.
#[derive(Debug)]
pub(super) struct Encoding {
    bounds: Bounds,
    renditions: Vec<Rendition>,
    thumbnails: Option<Thumbnails>,
    /// Number of subtitle renditions.
    subtitles: u16,
    cues: CueBudget,
    position_ns: u64,
    has_restarted: bool,
}

impl Encoding {
    pub(super) fn new(plan: &Plan, limits: &Limits) -> Self {
        let bounds = Bounds::new(plan, limits);
        let rungs = plan.video.rungs.iter();
        let rungs = rungs.map(|rung| Rendition::video(bounds, rung.max_bitrate_kbps));
        let audio = plan.audio.iter().map(|audio| Rendition::audio(bounds, audio.bitrate_kbps));
        Self {
            bounds,
            renditions: rungs.chain(audio).collect(),
            thumbnails: Thumbnails::new(plan, bounds.longest_ns()),
            subtitles: u16::try_from(plan.subtitles.len()).unwrap_or(u16::MAX),
            cues: CueBudget::default(),
            position_ns: 0,
            has_restarted: false,
        }
    }

    /// Starts again, once, and not after the first byte of a segment.
    pub(super) fn restart(&mut self, plan: &Plan, limits: &Limits) -> Result<(), Misbehaviour> {
        if self.has_restarted || self.renditions.iter().any(Rendition::has_begun) {
            return Err(Misbehaviour::TooMuch("restarts"));
        }
        *self = Self { has_restarted: true, ..Self::new(plan, limits) };
        Ok(())
    }

    pub(super) fn codec(&mut self, index: u16, codec: &str) -> Result<(), Misbehaviour> {
        self.rendition("the codec", index)?.codec(codec)
    }

    pub(super) fn init(&mut self, index: u16, section: BytesMut) -> Result<(), Misbehaviour> {
        self.rendition("the initialization section", index)?.init(section.freeze())
    }

    pub(super) fn data(
        &mut self,
        index: u16,
        number: u32,
        bytes: &[u8],
    ) -> Result<(), Misbehaviour> {
        self.rendition("bytes", index)?.data(number, bytes)
    }

    pub(super) fn segment(
        &mut self,
        index: u16,
        number: u32,
        times_ns: (u64, u64),
    ) -> Result<Segment, Misbehaviour> {
        self.rendition("a segment", index)?.segment(index, number, times_ns)
    }

    pub(super) fn thumbnail(&mut self, kind: Thumbnail, jpeg: &[u8]) -> Result<(), Misbehaviour> {
        let thumbnails = self.thumbnails.as_mut().ok_or(Misbehaviour::Wrong("thumbnail"))?;
        thumbnails.accept(kind, jpeg)
    }

    /// Returns the cue, or `None` if it starts behind the end of the longest video.
    pub(super) fn cue(&mut self, index: u16, cue: Cue) -> Result<Option<Cue>, Misbehaviour> {
        if index >= self.subtitles {
            return Err(Misbehaviour::UnknownRendition { what: "a cue", index });
        }
        if !cue.is_one_cue() {
            return Err(Misbehaviour::Wrong("cue"));
        }
        // The worker has charged the same budget.
        if !self.cues.charge(&cue) {
            return Err(Misbehaviour::TooMuch("cues"));
        }
        let longest_ns = self.bounds.longest_ns();
        let duration_ns = cue.duration_ns.map(|ns| ns.min(longest_ns));
        Ok(Some(Cue { duration_ns, ..cue }).filter(|cue| cue.start_ns <= longest_ns))
    }

    /// The position so far, which never falls.
    pub(super) fn progress(&mut self, position_ns: u64) -> u64 {
        self.position_ns = self.position_ns.max(position_ns.min(self.bounds.longest_ns()));
        self.position_ns
    }

    /// Ends the encode. Returns the end of the longest rendition in nanoseconds.
    pub(super) fn done(&self) -> Result<u64, Misbehaviour> {
        if self.renditions.iter().any(|rendition| rendition.is_open() || !rendition.has_begun()) {
            return Err(Misbehaviour::Wrong("end, before its last segment"));
        }
        Ok(self.renditions.iter().map(Rendition::end_ns).max().unwrap_or(0))
    }

    /// Bytes that are kept of unfinished segments.
    #[cfg(test)]
    pub(super) fn kept_bytes(&self) -> usize {
        self.renditions.iter().map(Rendition::kept_bytes).sum()
    }

    fn rendition(
        &mut self,
        what: &'static str,
        index: u16,
    ) -> Result<&mut Rendition, Misbehaviour> {
        let rendition = self.renditions.get_mut(usize::from(index));
        rendition.ok_or(Misbehaviour::UnknownRendition { what, index })
    }
}

#[cfg(test)]
mod tests;
