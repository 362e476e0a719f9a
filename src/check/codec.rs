//! Codecs as values: parsed from `CODECS` attributes (RFC 6381) and from the media, and compared by value.

mod compare;
mod stated;

use std::fmt;

pub(super) use compare::compare;
pub(super) use stated::parse;

/// A codec with the parameters that a player needs before it opens a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    H264 {
        /// `profile_idc`.
        profile: u8,
        /// The constraint flags; `None` in the old form `avc1.66.30`.
        constraints: Option<u8>,
        /// `level_idc`: ten times the level.
        level: u8,
    },
    Hevc(Hevc),
    /// Dolby Vision, with its profile and level.
    DolbyVision {
        profile: u8,
        level: u8,
    },
    Av1 {
        profile: u8,
        /// `seq_level_idx_0`.
        level: u8,
        is_high_tier: bool,
        bit_depth: u8,
    },
    Vp9 {
        profile: u8,
        level: u8,
        bit_depth: u8,
    },
    Aac(Aac),
    /// MPEG-1 or MPEG-2 audio of layer III (or I or II).
    Mp3,
    Ac3,
    EnhancedAc3,
    Flac,
    Opus,
    Alac,
    WebVtt,
    /// TTML in a `stpp` track.
    Ttml,
    /// Anything else: the code of its sample entry.
    Other([u8; 4]),
}

/// HEVC's profile, tier and level (ITU-T H.265, 7.3.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hevc {
    pub(super) profile_space: u8,
    pub(super) profile: u8,
    /// `general_profile_compatibility_flag[i]` is bit 31 - i.
    pub(super) compatibility: u32,
    pub(super) is_high_tier: bool,
    /// `general_level_idc`: thirty times the level.
    pub(super) level: u8,
    /// The 48 bits between the compatibility flags and the level.
    pub(super) constraints: [u8; 6],
}

/// AAC's object type, and the core that tools may extend without saying so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Aac {
    /// MPEG-4 audio object type.
    pub(super) object_type: u8,
    /// Whether the stream may hold spectral band replication that its headers do not signal: the core
    /// has at most 24 kHz.
    pub(super) may_have_sbr: bool,
    /// Whether the stream may hold parametric stereo, too: the core has one channel.
    pub(super) may_have_stereo: bool,
}

/// The codec of one elementary stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StreamCodec {
    /// Codec of the sample entry or of the bitstream.
    pub(super) codec: Codec,
    /// Dolby Vision on top, which may be stated in its place.
    pub(super) enhancement: Option<Codec>,
}

impl From<Codec> for StreamCodec {
    fn from(codec: Codec) -> Self {
        Self { codec, enhancement: None }
    }
}

/// Kind of an elementary stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Video,
    Audio,
    Text,
    Unknown,
}

impl Codec {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::H264 { .. }
            | Self::Hevc(_)
            | Self::DolbyVision { .. }
            | Self::Av1 { .. }
            | Self::Vp9 { .. } => Kind::Video,
            Self::Aac(_)
            | Self::Mp3
            | Self::Ac3
            | Self::EnhancedAc3
            | Self::Flac
            | Self::Opus
            | Self::Alac => Kind::Audio,
            Self::WebVtt | Self::Ttml => Kind::Text,
            Self::Other(_) => Kind::Unknown,
        }
    }
}

/// The form of RFC 6381.
impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::H264 { profile, constraints, level } => {
                write!(f, "avc1.{profile:02x}{:02x}{level:02x}", constraints.unwrap_or(0))
            }
            Self::Hevc(hevc) => hevc.fmt(f),
            Self::DolbyVision { profile, level } => write!(f, "dvh1.{profile:02}.{level:02}"),
            Self::Av1 { profile, level, is_high_tier, bit_depth } => {
                let tier = if *is_high_tier { 'H' } else { 'M' };
                write!(f, "av01.{profile}.{level:02}{tier}.{bit_depth:02}")
            }
            Self::Vp9 { profile, level, bit_depth } => {
                write!(f, "vp09.{profile:02}.{level:02}.{bit_depth:02}")
            }
            Self::Aac(aac) => write!(f, "mp4a.40.{}", aac.object_type),
            Self::Mp3 => f.write_str("mp4a.40.34"),
            Self::Ac3 => f.write_str("ac-3"),
            Self::EnhancedAc3 => f.write_str("ec-3"),
            Self::Flac => f.write_str("fLaC"),
            Self::Opus => f.write_str("Opus"),
            Self::Alac => f.write_str("alac"),
            Self::WebVtt => f.write_str("wvtt"),
            Self::Ttml => f.write_str("stpp.ttml.im1t"),
            Self::Other(code) => f.write_str(&code.escape_ascii().to_string()),
        }
    }
}

impl fmt::Display for Hevc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let space = ["", "A", "B", "C"][usize::from(self.profile_space & 3)];
        let tier = if self.is_high_tier { 'H' } else { 'L' };
        let (profile, flags) = (self.profile, self.compatibility.reverse_bits());
        write!(f, "hvc1.{space}{profile}.{flags:X}.{tier}{}", self.level)?;
        let len = self.constraints.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        self.constraints[..len].iter().try_for_each(|byte| write!(f, ".{byte:X}"))
    }
}
