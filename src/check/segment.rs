//! Content of one media segment, whatever its format.

use h264_reader::nal::sps::{ChromaFormat, FrameMbsFlags, SeqParameterSet};
use h264_reader::rbsp::{BitReader, decode_nal};

/// Ticks per second of all presentation and decode times.
pub(super) const CLOCK_HZ: f64 = 90_000.0;
/// Range of the clock: it has 33 bits and wraps.
const CLOCK_RANGE: i64 = 1 << 33;

/// One video frame (an access unit of H.264).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) pts: u64,
    pub(super) dts: u64,
    pub(super) is_idr: bool,
    /// Parameter sets stand in the frame, or in the initialization section.
    pub(super) has_parameter_sets: bool,
    /// Size in bytes.
    pub(super) bytes: usize,
}

/// Format of H.264 video, read from its sequence parameter set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct VideoFormat {
    /// `profile_idc`.
    pub(super) profile: u8,
    /// The constraint flags, as they stand in a codec string.
    pub(super) constraints: u8,
    /// `level_idc`: ten times the level.
    pub(super) level: u8,
    /// Width in pixels.
    pub(super) width: u32,
    /// Height in pixels.
    pub(super) height: u32,
    /// `max_num_ref_frames`.
    pub(super) reference_frames: u32,
    /// Whether frames may be coded as two fields.
    pub(super) has_fields: bool,
    /// `transfer_characteristics` (ITU-T H.273), if stated.
    pub(super) transfer: Option<u8>,
    /// `colour_primaries` and `matrix_coefficients` (ITU-T H.273), if stated.
    pub(super) primaries_and_matrix: Option<(u8, u8)>,
    /// Whether samples use all codes.
    pub(super) has_full_range: bool,
    /// Whether it is 4:2:0 with 8 bits a sample.
    pub(super) is_420_8_bit: bool,
}

impl VideoFormat {
    /// Parses a sequence parameter set; `None` if it is damaged.
    pub(super) fn of(unit: &[u8]) -> Option<Self> {
        let bits = decode_nal(unit).ok()?;
        let set = SeqParameterSet::from_bits(BitReader::new(&bits[..])).ok()?;
        let (width, height) = set.pixel_dimensions().ok()?;
        let (profile, constraints, level) = (*unit.get(1)?, *unit.get(2)?, *unit.get(3)?);
        let signal = set.vui_parameters.as_ref().and_then(|vui| vui.video_signal_type.as_ref());
        let colour = signal.and_then(|signal| signal.colour_description.as_ref());
        Some(Self {
            profile,
            constraints,
            level,
            width,
            height,
            reference_frames: set.max_num_ref_frames,
            has_fields: set.frame_mbs_flags != FrameMbsFlags::Frames,
            transfer: colour.map(|colour| colour.transfer_characteristics),
            primaries_and_matrix: colour
                .map(|colour| (colour.colour_primaries, colour.matrix_coefficients)),
            has_full_range: signal.is_some_and(|signal| signal.video_full_range_flag),
            is_420_8_bit: set.chroma_info.chroma_format == ChromaFormat::YUV420
                && set.chroma_info.bit_depth_luma_minus8 == 0
                && set.chroma_info.bit_depth_chroma_minus8 == 0,
        })
    }

    /// Codec string (RFC 6381).
    pub(super) fn codec(&self) -> String {
        format!("avc1.{:02x}{:02x}{:02x}", self.profile, self.constraints, self.level)
    }
}

/// The AAC frames of a segment together (ISO 14496-3, 1.A.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Audio {
    /// Presentation time of the first frame.
    pub(super) first_pts: u64,
    /// Number of frames.
    pub(super) frames: u64,
    /// Duration in samples per channel.
    pub(super) samples: u64,
    pub(super) sample_rate_hz: u32,
    pub(super) channels: u8,
    /// MPEG-4 audio object type.
    pub(super) object_type: u8,
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
    /// Number of H.264 streams.
    pub(super) video_streams: usize,
    /// Number of AAC streams.
    pub(super) audio_streams: usize,
    pub(super) faults: Vec<Fault>,
}

impl Segment {
    pub(super) fn fault(&mut self, rule: &'static str, text: impl Into<String>) {
        self.faults.push(Fault { rule, text: text.into() });
    }
}

/// Seconds from one time on the clock to another, negative if the second is earlier. The clock may
/// wrap in between.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_wrap, reason = "33 bits")]
pub(super) fn seconds_between(from: u64, to: u64) -> f64 {
    let ticks = (to as i64 - from as i64).rem_euclid(CLOCK_RANGE);
    let ticks = if ticks >= CLOCK_RANGE / 2 { ticks - CLOCK_RANGE } else { ticks };
    ticks as f64 / CLOCK_HZ
}

/// Whether the bytes begin as fragmented MP4 does, and not as a transport stream.
pub(super) fn is_fragmented(bytes: &[u8]) -> bool {
    const FIRST_BOXES: [&[u8]; 7] = [b"styp", b"moof", b"sidx", b"prft", b"emsg", b"ftyp", b"free"];
    bytes.get(4..8).is_some_and(|kind| FIRST_BOXES.contains(&kind))
}
