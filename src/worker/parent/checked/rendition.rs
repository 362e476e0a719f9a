//! One rendition as its bytes and segments arrive.

use bytes::{Bytes, BytesMut};

use crate::domain::encode::SegmentFormat;
use crate::domain::hls::codecs;
use crate::domain::limits::Limits;
use crate::domain::plan::{Plan, VideoPlan};
use crate::domain::segment::Segment;
use crate::worker::parent::misbehaviour::Misbehaviour;

/// Bytes of a segment or of a rendition, as a multiple of its bitrate cap. The cap holds over one buffer of
/// the encoder, and a transport stream of few bits has as many bytes of headers.
const CAP_MULTIPLE: u64 = 4;
/// Bytes beyond that: a key frame, and its headers.
const VIDEO_SLACK_BYTES: u64 = 4 << 20;
const AUDIO_SLACK_BYTES: u64 = 1 << 20;
/// Bytes in each frame of a segment, on average, and frames beyond that. Workers send 64 KiB.
const LEAST_FRAME_BYTES: u64 = 4 << 10;
const SLACK_FRAMES: u64 = 16;
/// Time beyond the longest allowed video that a rendition may last, in nanoseconds: the last frame is
/// repeated, or silence is added, up to the common end.
const SLACK_NS: u64 = 60_000_000_000;
/// Segments beyond those of the grid, which rounded times may cause.
const SLACK_SEGMENTS: u64 = 2;

/// Numbers and sizes that the renditions of a plan share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    format: SegmentFormat,
    segment_ns: u64,
    short_segments: u32,
    target_secs: u32,
    longest_ns: u64,
}

impl Bounds {
    pub(super) fn new(plan: &Plan, limits: &Limits) -> Self {
        let VideoPlan { short_segments, .. } = plan.video;
        Self {
            format: plan.segment,
            segment_ns: plan.video.segment_ns().max(1),
            short_segments,
            target_secs: plan.video.target_duration_secs(),
            longest_ns: limits.duration_secs.saturating_mul(1_000_000_000) / 50 * 51 + SLACK_NS,
        }
    }

    /// Latest time of anything in the stream, in nanoseconds.
    pub(super) fn longest_ns(&self) -> u64 {
        self.longest_ns
    }
}

/// A rendition of the plan.
#[derive(Debug)]
pub(super) struct Rendition {
    bounds: Bounds,
    is_video: bool,
    /// Bytes per second at the bitrate cap.
    bytes_per_sec: u64,
    /// Whether the codec string has arrived.
    has_codec: bool,
    /// The initialization section, until the first segment takes it.
    init: Option<Bytes>,
    /// Number of the open segment.
    number: u32,
    /// Bytes of the open segment.
    open: BytesMut,
    /// Frames that these bytes came in.
    frames: u64,
    /// Bytes of all segments.
    total_bytes: u64,
    /// Times of the last segment, in nanoseconds.
    start_ns: u64,
    end_ns: u64,
}

impl Rendition {
    pub(super) fn video(bounds: Bounds, max_bitrate_kbps: u32) -> Self {
        Self::new(bounds, true, max_bitrate_kbps)
    }

    pub(super) fn audio(bounds: Bounds, bitrate_kbps: u32) -> Self {
        Self::new(bounds, false, bitrate_kbps)
    }

    fn new(bounds: Bounds, is_video: bool, kbps: u32) -> Self {
        Self {
            bounds,
            is_video,
            bytes_per_sec: u64::from(kbps) * 125,
            has_codec: false,
            init: None,
            number: 0,
            open: BytesMut::new(),
            frames: 0,
            total_bytes: 0,
            start_ns: 0,
            end_ns: 0,
        }
    }

    /// Whether any byte of a segment has arrived.
    pub(super) fn has_begun(&self) -> bool {
        self.number > 0 || self.frames > 0
    }

    /// Whether bytes have arrived that belong to no complete segment.
    pub(super) fn is_open(&self) -> bool {
        self.frames > 0
    }

    /// End of the last segment in nanoseconds; 0 before the first.
    pub(super) fn end_ns(&self) -> u64 {
        self.end_ns
    }

    /// Bytes of the unfinished segment.
    #[cfg(test)]
    pub(super) fn kept_bytes(&self) -> usize {
        self.open.len() + self.init.as_ref().map_or(0, Bytes::len)
    }

    /// Accepts the codec string, once.
    pub(super) fn codec(&mut self, codec: &str) -> Result<(), Misbehaviour> {
        let is_right = if self.is_video { codecs::is_avc1(codec) } else { codec == codecs::AAC_LC };
        if !is_right {
            return Err(Misbehaviour::Wrong("codec string"));
        }
        if std::mem::replace(&mut self.has_codec, true) {
            return Err(Misbehaviour::TooMuch("codec strings"));
        }
        Ok(())
    }

    /// Accepts the initialization section: once, before the first segment, of CMAF only.
    pub(super) fn init(&mut self, section: Bytes) -> Result<(), Misbehaviour> {
        if self.bounds.format != SegmentFormat::Cmaf || section.is_empty() {
            return Err(Misbehaviour::Wrong("initialization section"));
        }
        if self.has_begun() || self.init.is_some() {
            return Err(Misbehaviour::TooMuch("initialization sections"));
        }
        self.init = Some(section);
        Ok(())
    }

    /// Accepts bytes of the open segment.
    pub(super) fn data(&mut self, number: u32, bytes: &[u8]) -> Result<(), Misbehaviour> {
        self.expect(number)?;
        if self.bounds.format == SegmentFormat::Cmaf && self.number == 0 && self.init.is_none() {
            return Err(Misbehaviour::Wrong("segment without its initialization section"));
        }
        let len = (self.open.len() + bytes.len()) as u64;
        let most = self.at_cap(u64::from(self.bounds.target_secs) * 1_000_000_000);
        self.frames += 1;
        if len > most || self.frames > SLACK_FRAMES + len / LEAST_FRAME_BYTES {
            return Err(Misbehaviour::TooMuch("bytes of a segment"));
        }
        self.open.extend_from_slice(bytes);
        Ok(())
    }

    /// Ends the open segment.
    pub(super) fn segment(
        &mut self,
        index: u16,
        number: u32,
        (start_ns, duration_ns): (u64, u64),
    ) -> Result<Segment, Misbehaviour> {
        self.expect(number)?;
        if self.open.is_empty() {
            return Err(Misbehaviour::Wrong("segment without bytes"));
        }
        let end_ns = start_ns.saturating_add(duration_ns);
        if start_ns < self.start_ns || end_ns < self.end_ns || end_ns > self.bounds.longest_ns {
            return Err(Misbehaviour::Wrong("time of a segment"));
        }
        let grid = start_ns / self.bounds.segment_ns + u64::from(self.bounds.short_segments);
        if u64::from(number) > grid + SLACK_SEGMENTS {
            return Err(Misbehaviour::TooMuch("segments"));
        }
        self.total_bytes += self.open.len() as u64;
        if self.total_bytes > self.at_cap(end_ns) {
            return Err(Misbehaviour::TooMuch("bytes of a rendition"));
        }
        (self.start_ns, self.end_ns, self.frames) = (start_ns, end_ns, 0);
        self.number += 1;
        let bytes = std::mem::take(&mut self.open).freeze();
        let init = self.init.take();
        Ok(Segment { rendition: index, number, start_ns, duration_ns, bytes, init })
    }

    fn expect(&self, found: u32) -> Result<(), Misbehaviour> {
        let expected = self.number;
        if found == expected {
            return Ok(());
        }
        Err(Misbehaviour::Number { what: "a segment", found, expected })
    }

    /// Most bytes of so many nanoseconds.
    fn at_cap(&self, ns: u64) -> u64 {
        let slack = if self.is_video { VIDEO_SLACK_BYTES } else { AUDIO_SLACK_BYTES };
        let per_sec = self.bytes_per_sec.saturating_mul(CAP_MULTIPLE);
        let bytes = u128::from(per_sec) * u128::from(ns) / 1_000_000_000;
        u64::try_from(bytes).unwrap_or(u64::MAX).saturating_add(slack)
    }
}
