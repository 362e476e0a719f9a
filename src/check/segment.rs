//! One segment, taken apart, whatever it is: what is in it, when it is shown, what is wrong.

use h264_reader::nal::sps::{FrameMbsFlags, SeqParameterSet};
use h264_reader::rbsp::{BitReader, decode_nal};

use super::fmp4::Fragments;
use super::transport::{self, Continuity};

/// Ticks of the clock in a second, in which all times are told.
pub(super) const CLOCK_HZ: f64 = 90_000.0;
/// The clock has 33 bits.
const CLOCK_RANGE: i64 = 1 << 33;

/// A picture (one access unit).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) pts: u64,
    pub(super) dts: u64,
    pub(super) is_idr: bool,
    /// They are in it, or in what it is read with.
    pub(super) has_parameter_sets: bool,
    /// Its size.
    pub(super) bytes: usize,
}

/// What the parameter sets say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) profile: u8,
    pub(super) constraints: u8,
    pub(super) level: u8,
    pub(super) width: u32,
    pub(super) height: u32,
    /// Pictures that others may refer to.
    pub(super) referred: u32,
    /// Whether pictures may be coded as two fields.
    pub(super) has_fields: bool,
    /// Code of the transfer function (ITU-T H.273), where it is stated.
    pub(super) transfer: Option<u8>,
}

impl Format {
    /// What this sequence parameter set says.
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
            referred: set.max_num_ref_frames,
            has_fields: set.frame_mbs_flags != FrameMbsFlags::Frames,
            transfer: colour.map(|colour| colour.transfer_characteristics),
        })
    }

    /// RFC 6381 name.
    pub(super) fn codec(&self) -> String {
        format!("avc1.{:02x}{:02x}{:02x}", self.profile, self.constraints, self.level)
    }
}

/// Frames of AAC (ISO 14496-3, 1.A.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sound {
    pub(super) first_pts: u64,
    pub(super) frames: u64,
    /// How long they are, in samples of each channel.
    pub(super) samples: u64,
    pub(super) sample_rate_hz: u32,
    pub(super) channels: u8,
    /// MPEG-4 audio object type.
    pub(super) object_type: u8,
}

/// Samples in a frame of AAC-LC.
pub(super) const AAC_SAMPLES: u32 = 1024;
/// Samples in a second by index (ISO 14496-3, table 1.18).
pub(super) const AAC_RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// A rule that a segment breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) rule: &'static str,
    pub(super) text: String,
}

/// One segment, taken apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Segment {
    pub(super) pictures: Vec<Picture>,
    pub(super) format: Option<Format>,
    pub(super) sound: Option<Sound>,
    /// Elementary streams by kind.
    pub(super) video_streams: usize,
    pub(super) audio_streams: usize,
    /// What is wrong with its structure and its times.
    pub(super) faults: Vec<Fault>,
}

impl Segment {
    pub(super) fn fault(&mut self, rule: &'static str, text: impl Into<String>) {
        self.faults.push(Fault { rule, text: text.into() });
    }
}

/// Seconds from one time to another, over the end of the clock's range.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_wrap, reason = "33 bits")]
pub(super) fn seconds_between(from: u64, to: u64) -> f64 {
    let ticks = (to as i64 - from as i64).rem_euclid(CLOCK_RANGE);
    let ticks = if ticks >= CLOCK_RANGE / 2 { ticks - CLOCK_RANGE } else { ticks };
    ticks as f64 / CLOCK_HZ
}

/// Reads the segments of one playlist, one after the other.
#[derive(Default)]
pub(super) struct Reader {
    transport: Continuity,
    fragments: Option<Fragments>,
}

impl Reader {
    /// Takes the initialization section (EXT-X-MAP) that the segments from here on are read with.
    pub(super) fn init(&mut self, section: &[u8]) -> Result<(), String> {
        self.fragments = Some(Fragments::new(section)?);
        Ok(())
    }

    /// Takes a segment apart.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Segment {
        if !is_fragmented(bytes) {
            return transport::read(bytes, &mut self.transport);
        }
        if let Some(fragments) = &mut self.fragments {
            return fragments.read(bytes);
        }
        let mut segment = Segment::default();
        segment.fault("8.20", "it is fragmented MP4, and there is no EXT-X-MAP for it");
        segment
    }
}

/// Reads a range of a segment by itself, with the initialization section that goes before it.
pub(super) fn read_alone(map: &[u8], range: &[u8]) -> Segment {
    if !is_fragmented(range) {
        return transport::read(&[map, range].concat(), &mut Continuity::default());
    }
    match Fragments::new(map) {
        Ok(mut fragments) => fragments.read_beginning(range),
        Err(text) => {
            let mut segment = Segment::default();
            segment.fault("8.20", text);
            segment
        }
    }
}

/// Whether this begins as fragmented MP4 does, and not as a transport stream.
pub(super) fn is_fragmented(bytes: &[u8]) -> bool {
    const FIRST: [&[u8]; 7] = [b"styp", b"moof", b"sidx", b"prft", b"emsg", b"ftyp", b"free"];
    bytes.get(4..8).is_some_and(|kind| FIRST.contains(&kind))
}
