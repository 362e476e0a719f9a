//! Sample entries (ISO 14496-12, 8.5.2): the codec of a track and its parameters.

use h264_reader::rbsp::{BitRead, BitReader, BitReaderError};

use super::super::audio_frames::aac;
use super::super::codec::{Codec, Kind, StreamCodec};
use super::super::hevc;
use super::super::segment::{AAC_RATES, AAC_SAMPLES, Audio, VideoFormat};
use super::boxes::{Box4, Fields, find, find_path};

/// Content of the samples of one sample entry.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    Video {
        stream: StreamCodec,
        format: Option<VideoFormat>,
        /// Parameter sets stand in the entry.
        has_parameter_sets: bool,
        /// Size of the length before each NAL unit; `None` if samples have none.
        length_bytes: Option<usize>,
    },
    /// Without times.
    Audio(Audio),
    Text(Codec),
    Other(Codec),
}

/// A sample entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) content: Content,
    /// Scheme of its encryption, such as `cbcs`.
    pub(super) scheme: Option<[u8; 4]>,
}

/// Bytes of a visual sample entry before its boxes, and of one for audio.
const VISUAL_BYTES: usize = 78;
const AUDIO_BYTES: usize = 28;

impl Entry {
    pub(super) fn new(entry: &Box4<'_>) -> Self {
        let kind = |bytes| protection(entry.body.get(bytes..).unwrap_or_default());
        let (kind, scheme) = match &entry.kind {
            b"encv" => kind(VISUAL_BYTES),
            b"enca" => kind(AUDIO_BYTES),
            _ => (Some(entry.kind), None),
        };
        let kind = kind.unwrap_or(entry.kind);
        let content = content(kind, entry.body).unwrap_or(Content::Other(Codec::Other(kind)));
        Self { content, scheme }
    }
}

/// The kind of the entry before its encryption, and the scheme.
fn protection(boxes: &[u8]) -> (Option<[u8; 4]>, Option<[u8; 4]>) {
    let sinf = find(boxes, b"sinf").unwrap_or_default();
    let kind = find(sinf, b"frma").and_then(|body| body.try_into().ok());
    let scheme = find(sinf, b"schm").and_then(|body| body.get(4..8)?.try_into().ok());
    (kind, Some(scheme.unwrap_or(*b"cenc")))
}

fn content(kind: [u8; 4], body: &[u8]) -> Option<Content> {
    match &kind {
        b"wvtt" => return Some(Content::Text(Codec::WebVtt)),
        b"stpp" => return Some(Content::Text(Codec::Ttml)),
        b"avc1" | b"avc3" | b"dvav" | b"dva1" | b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" | b"av01"
        | b"dav1" | b"vp09" => return video(kind, body),
        _ => {}
    }
    audio(kind, body).filter(|audio| audio.codec.kind() == Kind::Audio).map(Content::Audio)
}

fn video(kind: [u8; 4], body: &[u8]) -> Option<Content> {
    let (head, boxes) = body.split_at_checked(VISUAL_BYTES)?;
    let (width, height) =
        (u32::from(Fields(&head[24..]).half()?), u32::from(Fields(&head[26..]).half()?));
    let (mut has_parameter_sets, mut length_bytes) = (true, None);
    let mut format = match &kind {
        b"avc1" | b"avc3" | b"dvav" | b"dva1" => {
            let record = AvcRecord::parse(find(boxes, b"avcC")?)?;
            (has_parameter_sets, length_bytes) = (record.is_complete, Some(record.length_bytes));
            record.sequence_set.and_then(VideoFormat::of).unwrap_or_else(|| {
                let codec = Codec::H264 {
                    profile: record.codec[0],
                    constraints: Some(record.codec[1]),
                    level: record.codec[2],
                };
                VideoFormat::sized(codec, width, height)
            })
        }
        b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" => {
            let record = HevcRecord::parse(find(boxes, b"hvcC")?)?;
            (has_parameter_sets, length_bytes) = (record.is_complete, Some(record.length_bytes));
            let set = record.sequence_set.and_then(hevc::format);
            set.unwrap_or_else(|| VideoFormat::sized(Codec::Hevc(record.codec), width, height))
        }
        b"av01" | b"dav1" => VideoFormat::sized(av1(find(boxes, b"av1C")?)?, width, height),
        _ => VideoFormat::sized(vp9(find(boxes, b"vpcC")?)?, width, height),
    };
    add_boxes(&mut format, boxes);
    let enhancement = find(boxes, b"dvvC").or_else(|| find(boxes, b"dvcC"));
    let enhancement = enhancement.or_else(|| find(boxes, b"dvwC")).and_then(dolby_vision);
    // Without a base that others can play, Dolby Vision is the codec.
    let codec = match &kind {
        b"dvh1" | b"dvhe" | b"dva1" | b"dvav" | b"dav1" => enhancement.unwrap_or(format.codec),
        _ => format.codec,
    };
    let stream = StreamCodec { codec, enhancement };
    Some(Content::Video { stream, format: Some(format), has_parameter_sets, length_bytes })
}

/// The shape of the pixels and the colours, where the bitstream does not state them.
fn add_boxes(format: &mut VideoFormat, boxes: &[u8]) {
    if let Some(body) = find(boxes, b"pasp")
        && let (Some(width), Some(height)) =
            (Fields(body).word(), Fields(body.get(4..).unwrap_or_default()).word())
        && width > 0
        && height > 0
    {
        format.pixel_aspect = (width, height);
    }
    if let Some(body) = find(boxes, b"colr").and_then(|body| body.strip_prefix(b"nclx"))
        && let [_, primaries, _, transfer, _, matrix, ..] = *body
    {
        format.transfer = format.transfer.or(Some(transfer));
        format.primaries_and_matrix = format.primaries_and_matrix.or(Some((primaries, matrix)));
    }
}

/// A decoder configuration record of H.264 or HEVC.
struct Record<'a, T> {
    codec: T,
    sequence_set: Option<&'a [u8]>,
    is_complete: bool,
    length_bytes: usize,
}
type AvcRecord<'a> = Record<'a, [u8; 3]>;
type HevcRecord<'a> = Record<'a, super::super::codec::Hevc>;

impl<'a> AvcRecord<'a> {
    /// ISO 14496-15, 5.3.3.1.
    fn parse(body: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(body);
        fields.byte()?;
        let codec = fields.take(3)?.try_into().ok()?;
        let length_bytes = usize::from(fields.byte()? & 3) + 1;
        let (mut sequence_set, mut counts) = (None, [0; 2]);
        for (kind, mask) in [0x1F, 0xFF].into_iter().enumerate() {
            counts[kind] = fields.byte()? & mask;
            for _ in 0..counts[kind] {
                let len = fields.half()?;
                let set = fields.take(usize::from(len))?;
                sequence_set = sequence_set.or(Some(set));
            }
        }
        let is_complete = counts[0] > 0 && counts[1] > 0;
        let sequence_set = sequence_set.filter(|_| counts[0] > 0);
        Some(Self { codec, sequence_set, is_complete, length_bytes })
    }
}

impl<'a> HevcRecord<'a> {
    /// ISO 14496-15, 8.3.3.1.
    fn parse(body: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(body);
        fields.byte()?;
        let profile = fields.byte()?;
        let codec = super::super::codec::Hevc {
            profile_space: profile >> 6,
            is_high_tier: profile & 0x20 != 0,
            profile: profile & 0x1F,
            compatibility: fields.word()?,
            constraints: fields.take(6)?.try_into().ok()?,
            level: fields.byte()?,
        };
        fields.take(8)?;
        let length_bytes = usize::from(fields.byte()? & 3) + 1;
        let (mut sequence_set, mut kinds) = (None, Vec::new());
        for _ in 0..fields.byte()? {
            let kind = fields.byte()? & 0x3F;
            for _ in 0..fields.half()? {
                let len = fields.half()?;
                let set = fields.take(usize::from(len))?;
                if kind == hevc::SEQUENCE_SET {
                    sequence_set = sequence_set.or(Some(set));
                }
                kinds.push(kind);
            }
        }
        let is_complete = hevc::PARAMETER_SETS.iter().all(|kind| kinds.contains(kind));
        Some(Self { codec, sequence_set, is_complete, length_bytes })
    }
}

/// AV1 Codec ISO Media File Format Binding, 2.3.3.
fn av1(body: &[u8]) -> Option<Codec> {
    let [_, profile, flags, ..] = *body else { return None };
    let bit_depth = match (flags & 0x40 != 0, flags & 0x20 != 0) {
        (false, _) => 8,
        (true, false) => 10,
        (true, true) => 12,
    };
    let is_high_tier = flags & 0x80 != 0;
    Some(Codec::Av1 { profile: profile >> 5, level: profile & 0x1F, is_high_tier, bit_depth })
}

/// VP Codec ISO Media File Format Binding.
fn vp9(body: &[u8]) -> Option<Codec> {
    let [_, _, _, _, profile, level, depth, ..] = *body else { return None };
    Some(Codec::Vp9 { profile, level, bit_depth: depth >> 4 })
}

/// Dolby Vision Streams Within the ISO Base Media File Format, 3.2.
fn dolby_vision(body: &[u8]) -> Option<Codec> {
    let bits = Fields(body.get(2..)?).half()?;
    let [profile, level] = [bits >> 9, bits >> 3 & 0x3F].map(u8::try_from);
    Some(Codec::DolbyVision { profile: profile.ok()?, level: level.ok()? })
}

fn audio(kind: [u8; 4], body: &[u8]) -> Option<Audio> {
    let (head, boxes) = body.split_at_checked(AUDIO_BYTES)?;
    let mut fields = Fields(&head[16..]);
    let channels = u8::try_from(fields.half()?).unwrap_or(0);
    fields.take(6)?;
    let sample_rate_hz = fields.word()? >> 16;
    let of = |codec, frame_samples| Audio {
        codec,
        first_pts: 0,
        frames: 0,
        samples: 0,
        sample_rate_hz,
        channels,
        frame_samples,
    };
    Some(match &kind {
        b"mp4a" => return mp4a(boxes, of(Codec::Mp3, 1152)),
        b".mp3" => of(Codec::Mp3, 1152),
        b"ac-3" => Audio { channels: dac3(boxes).unwrap_or(channels), ..of(Codec::Ac3, 1536) },
        // The number of channels stands in several substreams.
        b"ec-3" => Audio { channels: 0, ..of(Codec::EnhancedAc3, 1536) },
        b"fLaC" => flac(boxes, of(Codec::Flac, 4096)),
        b"Opus" => Audio { sample_rate_hz: 48_000, ..of(Codec::Opus, 960) },
        b"alac" => of(Codec::Alac, 4096),
        _ => return None,
    })
}

/// Channels by the fields `acmod` and `lfeon` (ETSI TS 102 366, F.4).
fn dac3(boxes: &[u8]) -> Option<u8> {
    let bits = Fields(find(boxes, b"dac3")?).number(3)?;
    let mode = usize::try_from(bits >> 11 & 7).ok()?;
    Some([2, 1, 2, 3, 3, 4, 4, 5][mode] + u8::from(bits >> 10 & 1 != 0))
}

/// The rate in the `STREAMINFO` block, for those beyond the 16 bits of a sample entry.
fn flac(boxes: &[u8], audio: Audio) -> Audio {
    let block = find(boxes, b"dfLa").and_then(|body| body.get(8..));
    let largest = block.and_then(|block| Fields(block.get(2..)?).half()).filter(|n| *n > 0);
    let rate = block.and_then(|block| Fields(block.get(10..)?).number(3)).map(|bits| bits >> 4);
    let rate = rate.and_then(|rate| u32::try_from(rate).ok()).filter(|rate| *rate > 0);
    Audio {
        sample_rate_hz: rate.unwrap_or(audio.sample_rate_hz),
        frame_samples: largest.map_or(audio.frame_samples, u32::from),
        ..audio
    }
}

/// The elementary stream descriptor (ISO 14496-1, 7.2.6.5), beside the box or below `wave` of `QuickTime`.
fn mp4a(boxes: &[u8], plain: Audio) -> Option<Audio> {
    let body = find(boxes, b"esds").or_else(|| find_path(boxes, &[b"wave", b"esds"]))?;
    let stream = descriptor(body.get(4..)?, 3)?;
    let flags = *stream.get(2)?;
    let mut fields = Fields(stream.get(3..)?);
    if flags & 0x80 != 0 {
        fields.take(2)?;
    }
    if flags & 0x40 != 0 {
        let len = fields.byte()?;
        fields.take(usize::from(len))?;
    }
    if flags & 0x20 != 0 {
        fields.take(2)?;
    }
    let config = descriptor(fields.0, 4)?;
    match *config.first()? {
        0x40 | 0x66..=0x68 => {
            let specific = descriptor(config.get(13..)?, 5).unwrap_or_default();
            audio_specific(specific, plain).ok().flatten()
        }
        0x69 | 0x6B => Some(plain),
        0xA5 => Some(Audio { codec: Codec::Ac3, frame_samples: 1536, ..plain }),
        0xA6 => {
            Some(Audio { codec: Codec::EnhancedAc3, channels: 0, frame_samples: 1536, ..plain })
        }
        _ => None,
    }
}

/// Body of the first descriptor with this tag.
fn descriptor(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let mut fields = Fields(bytes);
    while let Some(found) = fields.byte() {
        let mut len = 0;
        for _ in 0..4 {
            let byte = fields.byte()?;
            len = len << 7 | usize::from(byte & 0x7F);
            if byte & 0x80 == 0 {
                break;
            }
        }
        let body = fields.take(len.min(fields.0.len()))?;
        if found == tag {
            return Some(body);
        }
    }
    None
}

/// `AudioSpecificConfig` (ISO 14496-3, 1.6.2.1).
fn audio_specific(config: &[u8], plain: Audio) -> Result<Option<Audio>, BitReaderError> {
    let mut bits = BitReader::new(config);
    let object_type = |bits: &mut BitReader<&[u8]>| {
        Ok::<u8, BitReaderError>(match bits.read::<5, u8>("audioObjectType")? {
            31 => 32 + bits.read::<6, u8>("audioObjectTypeExt")?,
            object => object,
        })
    };
    let rate = |bits: &mut BitReader<&[u8]>| {
        let index = bits.read::<4, u8>("samplingFrequencyIndex")?;
        Ok::<u32, BitReaderError>(match AAC_RATES.get(usize::from(index)) {
            Some(rate) => *rate,
            None if index == 15 => bits.read::<24, u32>("samplingFrequency")?,
            None => 0,
        })
    };
    let first = object_type(&mut bits)?;
    let mut sample_rate_hz = rate(&mut bits)?;
    let channels = match bits.read::<4, u8>("channelConfiguration")? {
        7 | 12 | 14 => 8,
        11 => 7,
        channels => channels,
    };
    if sample_rate_hz == 0 {
        return Ok(None);
    }
    let codec = match first {
        32..=34 => Codec::Mp3,
        _ => aac(first, sample_rate_hz, channels),
    };
    let mut frame_samples = AAC_SAMPLES;
    let mut channels = channels;
    if matches!(first, 5 | 29) {
        // The rate before the extension is that of the core.
        sample_rate_hz = rate(&mut bits)?.max(sample_rate_hz);
        frame_samples *= 2;
        channels = if first == 29 && channels == 1 { 2 } else { channels };
    }
    Ok(Some(Audio { codec, sample_rate_hz, channels, frame_samples, ..plain }))
}
