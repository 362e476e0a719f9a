//! Content of one media segment, whatever its format.

use super::codec::{Codec, StreamCodec};
pub(super) use super::video_format::VideoFormat;

/// Ticks per second of all presentation and decode times.
pub(super) const CLOCK_HZ: f64 = 90_000.0;
/// Range of the clock: it has 33 bits and wraps.
const CLOCK_RANGE: i64 = 1 << 33;

/// One video frame (an access unit).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) pts: u64,
    pub(super) dts: u64,
    /// Whether decoding can begin here: an IDR of H.264, or its like in other codecs.
    pub(super) is_idr: bool,
    /// Parameter sets stand in the frame, or in the initialization section.
    pub(super) has_parameter_sets: bool,
    /// Size in bytes.
    pub(super) bytes: usize,
}

/// The audio frames of a segment together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Audio {
    pub(super) codec: Codec,
    /// Presentation time of the first frame.
    pub(super) first_pts: u64,
    /// Number of frames.
    pub(super) frames: u64,
    /// Duration in samples per channel.
    pub(super) samples: u64,
    pub(super) sample_rate_hz: u32,
    /// Channels of the core; 0 if the headers do not tell.
    pub(super) channels: u8,
    /// Samples per channel in a frame.
    pub(super) frame_samples: u32,
}

impl Audio {
    /// Duration of one frame in seconds.
    pub(super) fn frame_secs(&self) -> f64 {
        f64::from(self.frame_samples) / f64::from(self.sample_rate_hz.max(1))
    }

    /// Whether this may be audio with so many channels.
    pub(super) fn may_have_channels(&self, stated: u32) -> bool {
        let may_have_stereo = matches!(self.codec, Codec::Aac(aac) if aac.may_have_stereo);
        self.channels == 0 || u32::from(self.channels) == stated || may_have_stereo && stated == 2
    }
}

/// Samples per channel in a frame of AAC-LC.
pub(super) const AAC_SAMPLES: u32 = 1024;
/// Sample rates in Hz by index (ISO 14496-3, table 1.18).
pub(super) const AAC_RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// A rule that the structure or the times of a segment break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) rule: &'static str,
    pub(super) text: String,
}

/// Content of one media segment.
#[derive(Clone, Debug, Default)]
pub(super) struct Segment {
    /// Video frames in decode order.
    pub(super) frames: Vec<Frame>,
    pub(super) format: Option<VideoFormat>,
    pub(super) audio: Option<Audio>,
    /// Codec of each elementary stream whose codec could be read.
    pub(super) codecs: Vec<StreamCodec>,
    /// Number of video streams.
    pub(super) video_streams: usize,
    /// Number of audio streams.
    pub(super) audio_streams: usize,
    /// Number of streams of timed text.
    pub(super) text_streams: usize,
    pub(super) faults: Vec<Fault>,
    /// Reasons why a part of the segment could not be checked.
    pub(super) not_checked: Vec<String>,
}

/// Faults and reasons that one segment can have: a damaged one breaks the same rule over and over.
const MAX_FAULTS: usize = 64;

impl Segment {
    pub(super) fn fault(&mut self, rule: &'static str, text: impl Into<String>) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(Fault { rule, text: text.into() });
        }
    }

    pub(super) fn not_checked(&mut self, reason: impl Into<String>) {
        let reason = reason.into();
        if self.not_checked.len() < MAX_FAULTS && !self.not_checked.contains(&reason) {
            self.not_checked.push(reason);
        }
    }

    /// Adds a codec; each one counts once.
    pub(super) fn codec(&mut self, codec: StreamCodec) {
        if !self.codecs.contains(&codec) {
            self.codecs.push(codec);
        }
    }
}

/// A time on the clock, which wraps: `ticks` may be negative or have more than 33 bits.
#[expect(clippy::cast_possible_truncation, reason = "33 bits")]
pub(super) fn on_clock(ticks: i128) -> u64 {
    ticks.rem_euclid(i128::from(CLOCK_RANGE)) as u64
}

/// Seconds from one time on the clock to another, negative if the second is earlier. The clock may
/// wrap in between.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_wrap, reason = "33 bits")]
pub(super) fn seconds_between(from: u64, to: u64) -> f64 {
    let ticks = (to as i64).wrapping_sub(from as i64).rem_euclid(CLOCK_RANGE);
    let ticks = if ticks >= CLOCK_RANGE / 2 { ticks - CLOCK_RANGE } else { ticks };
    ticks as f64 / CLOCK_HZ
}

/// Whether the bytes begin as fragmented MP4 does, and not as a transport stream.
pub(super) fn is_fragmented(bytes: &[u8]) -> bool {
    const FIRST_BOXES: [&[u8]; 10] =
        [b"styp", b"moof", b"sidx", b"prft", b"emsg", b"ftyp", b"free", b"moov", b"skip", b"uuid"];
    bytes.get(4..8).is_some_and(|kind| FIRST_BOXES.contains(&kind))
}
