//! Headers of audio frames: AAC with ADTS headers, MPEG audio, AC-3 and Enhanced AC-3.

use super::codec::{Aac, Codec};
use super::segment::{AAC_RATES, AAC_SAMPLES, Audio};

/// Header of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) codec: Codec,
    /// Length of the frame in bytes, header included; at least one.
    pub(super) len: usize,
    /// Duration in samples per channel.
    pub(super) samples: u32,
    pub(super) sample_rate_hz: u32,
    /// Channels; 0 if the header does not tell.
    pub(super) channels: u8,
}

/// Formats of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Adts,
    MpegAudio,
    /// AC-3 and Enhanced AC-3, which differ in a field of the header.
    Ac3,
}

impl Framing {
    /// The format of the frame that begins here.
    pub(super) fn of(data: &[u8]) -> Option<Self> {
        let all = [Self::Adts, Self::MpegAudio, Self::Ac3];
        all.into_iter().find(|framing| framing.header(data).is_some())
    }

    /// The frame that begins here; `None` if there is none.
    pub(super) fn header(self, data: &[u8]) -> Option<Header> {
        let header = match self {
            Self::Adts => adts(data),
            Self::MpegAudio => mpeg_audio(data),
            Self::Ac3 => ac3(data),
        };
        header.filter(|header| header.len > 0 && header.sample_rate_hz > 0)
    }
}

/// Bytes in which the header of a frame must stand.
const HEADER_BYTES: usize = 7;

/// Frames of an elementary stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Split {
    /// Begin of each frame and its header.
    pub(super) frames: Vec<(usize, Header)>,
    /// Offsets at which no frame begins though one should, each behind a whole frame.
    pub(super) lost: Vec<usize>,
    /// Bytes of a frame that is cut off at the end.
    pub(super) cut: usize,
}

/// Splits an elementary stream into frames. Searches for the next one where none begins.
pub(super) fn split(framing: Framing, data: &[u8]) -> Split {
    let mut result = Split::default();
    let mut at = 0;
    while at < data.len() {
        let rest = &data[at..];
        if let Some(header) = framing.header(rest) {
            if header.len > rest.len() {
                result.cut = rest.len();
                break;
            }
            result.frames.push((at, header));
            at += header.len;
            continue;
        }
        if rest.len() < HEADER_BYTES {
            result.cut = rest.len();
            break;
        }
        result.lost.push(at);
        // A header alone may be an accident: the next frame must follow it.
        let is_frame = |from: &usize| {
            let from = *from;
            framing.header(&data[from..]).is_some_and(|header| {
                let behind = data.get(from + header.len..).unwrap_or_default();
                behind.is_empty() || framing.header(behind).is_some()
            })
        };
        let Some(next) = (at + 1..data.len()).find(is_frame) else { break };
        at = next;
    }
    result
}

/// The frames together; `None` if there are none.
pub(super) fn sum(frames: &[(usize, Header)], first_pts: u64) -> Option<Audio> {
    let (_, first) = frames.first()?;
    let samples: u64 = frames.iter().map(|(_, header)| u64::from(header.samples)).sum();
    // A frame with an ADTS header may hold several of AAC.
    let is_aac = matches!(first.codec, Codec::Aac(_));
    let frame_samples = if is_aac { AAC_SAMPLES } else { first.samples.max(1) };
    Some(Audio {
        codec: first.codec,
        first_pts,
        frames: samples.div_ceil(u64::from(frame_samples)),
        samples,
        sample_rate_hz: first.sample_rate_hz,
        channels: first.channels,
        frame_samples,
    })
}

/// AAC with the tools that may extend it without a signal (ISO 14496-3, 1.6.5).
pub(super) fn aac(object_type: u8, core_rate_hz: u32, channels: u8) -> Codec {
    let may_have_sbr = core_rate_hz <= 24_000;
    let may_have_stereo = may_have_sbr && channels == 1;
    Codec::Aac(Aac { object_type, may_have_sbr, may_have_stereo })
}

/// ISO 13818-7, 6.2.
fn adts(data: &[u8]) -> Option<Header> {
    let head = data.get(..HEADER_BYTES)?;
    if head[0] != 0xFF || head[1] & 0xF6 != 0xF0 {
        return None;
    }
    let len =
        usize::from(head[3] & 3) << 11 | usize::from(head[4]) << 3 | usize::from(head[5]) >> 5;
    let sample_rate_hz = *AAC_RATES.get(usize::from(head[2] >> 2 & 0xF))?;
    // Seven stands for eight channels.
    let channels = match (head[2] & 1) << 2 | head[3] >> 6 {
        7 => 8,
        channels => channels,
    };
    (len >= HEADER_BYTES).then(|| Header {
        codec: aac((head[2] >> 6) + 1, sample_rate_hz, channels),
        len,
        samples: (u32::from(head[6] & 3) + 1) * AAC_SAMPLES,
        sample_rate_hz,
        channels,
    })
}

/// Bit rates in kbit/s by index for layers I, II and III of MPEG-1, and for layer I and the others of MPEG-2
/// (ISO 11172-3, 2.4.2.3; ISO 13818-3, 2.4.2.3).
const MPEG_RATES: [[u16; 15]; 5] = [
    [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/// ISO 11172-3, 2.4.1.3.
fn mpeg_audio(data: &[u8]) -> Option<Header> {
    let head = data.get(..4)?;
    if head[0] != 0xFF || head[1] & 0xE0 != 0xE0 {
        return None;
    }
    // Version 3 is MPEG-1, 2 is MPEG-2 and 0 is MPEG-2.5. Layer 3 stands for layer I, 1 for layer III.
    let (version, layer) = (head[1] >> 3 & 3, head[1] >> 1 & 3);
    if version == 1 || layer == 0 {
        return None;
    }
    let is_mpeg1 = version == 3;
    let table = match (is_mpeg1, layer) {
        (true, layer) => usize::from(3 - layer),
        (false, 3) => 3,
        (false, _) => 4,
    };
    let kbps = usize::from(*MPEG_RATES[table].get(usize::from(head[2] >> 4))?);
    let rate = *[44_100_u32, 48_000, 32_000].get(usize::from(head[2] >> 2 & 3))?;
    let rate = rate
        >> match version {
            3 => 0,
            2 => 1,
            _ => 2,
        };
    let padding = usize::from(head[2] >> 1 & 1);
    let samples = match (layer, is_mpeg1) {
        (3, _) => 384,
        (1, false) => 576,
        _ => 1152,
    };
    let bytes_per_second = kbps * 1000 / 8;
    let slot = if layer == 3 { 4 } else { 1 };
    let slots = samples * bytes_per_second / slot / usize::try_from(rate).ok()?;
    // A rate of zero is free: its frames have no known length.
    (kbps > 0).then_some(Header {
        codec: Codec::Mp3,
        len: (slots + padding) * slot,
        samples: u32::try_from(samples).ok()?,
        sample_rate_hz: rate,
        channels: if head[3] >> 6 == 3 { 1 } else { 2 },
    })
}

/// Channels by `acmod`, without the low-frequency one (ETSI TS 102 366, table 4.3).
const AC3_CHANNELS: [u8; 8] = [2, 1, 2, 3, 3, 4, 4, 5];
/// Bit rates of AC-3 in kbit/s by half of `frmsizecod` (table 4.13).
const AC3_RATES: [u32; 19] =
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];
/// Sample rates in Hz by `fscod`.
const AC3_SAMPLE_RATES: [u32; 3] = [48_000, 44_100, 32_000];

/// ETSI TS 102 366, 4.3 and E.1.2.
fn ac3(data: &[u8]) -> Option<Header> {
    let head = data.get(..HEADER_BYTES)?;
    if head[..2] != [0x0B, 0x77] {
        return None;
    }
    match head[5] >> 3 {
        0..=10 => ac3_frame(head),
        11..=16 => enhanced_ac3_frame(head),
        _ => None,
    }
}

fn ac3_frame(head: &[u8]) -> Option<Header> {
    let (rate_code, size_code) = (usize::from(head[4] >> 6), u32::from(head[4] & 0x3F));
    let sample_rate_hz = *AC3_SAMPLE_RATES.get(rate_code)?;
    let kbps = *AC3_RATES.get(usize::try_from(size_code / 2).ok()?)?;
    // 1536 samples a frame, in words of 16 bits; only 44.1 kHz needs a remainder.
    let words = kbps * 96_000 / sample_rate_hz;
    let words = words + if rate_code == 1 { size_code & 1 } else { 0 };
    let mode = head[6] >> 5;
    // Fields of two bits stand before the flag of the low-frequency channel.
    let mut skipped = 3;
    skipped += if mode & 1 != 0 && mode != 1 { 2 } else { 0 };
    skipped += if mode & 4 != 0 { 2 } else { 0 };
    skipped += if mode == 2 { 2 } else { 0 };
    let low = head[6] << skipped >> 7;
    Some(Header {
        codec: Codec::Ac3,
        len: usize::try_from(words).ok()? * 2,
        samples: 1536,
        sample_rate_hz,
        channels: AC3_CHANNELS[usize::from(mode)] + low,
    })
}

fn enhanced_ac3_frame(head: &[u8]) -> Option<Header> {
    let len = (usize::from(head[2] & 7) << 8 | usize::from(head[3])) * 2 + 2;
    let (code, second) = (usize::from(head[4] >> 6), usize::from(head[4] >> 4 & 3));
    let (sample_rate_hz, blocks) = match AC3_SAMPLE_RATES.get(code) {
        Some(rate) => (*rate, [1, 2, 3, 6][second]),
        None => (AC3_SAMPLE_RATES.get(second)? / 2, 6),
    };
    let (mode, low) = (usize::from(head[4] >> 1 & 7), head[4] & 1);
    // Dependent substreams, and further independent ones, play together with the first one.
    let is_first = head[2] >> 6 != 1 && head[2] & 0x38 == 0;
    Some(Header {
        codec: Codec::EnhancedAc3,
        len,
        samples: if is_first { blocks * 256 } else { 0 },
        sample_rate_hz,
        channels: AC3_CHANNELS[mode] + low,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(digits: &str) -> Option<Header> {
        let bytes = hex::decode(digits).unwrap();
        Framing::of(&bytes).and_then(|framing| framing.header(&bytes))
    }

    #[test]
    fn headers_of_each_format_are_read() {
        let lc = |rate, channels| aac(2, rate, channels);
        let table = [
            ("fff15080021ffc", Some((lc(44_100, 2), 16, 1024, 44_100, 2))),
            ("fff9584002 1ffd", Some((lc(24_000, 1), 16, 2048, 24_000, 1))),
            ("fffb9064000000", Some((Codec::Mp3, 417, 1152, 44_100, 2))),
            ("fffb92c4000000", Some((Codec::Mp3, 418, 1152, 44_100, 1))),
            ("fff364c4000000", Some((Codec::Mp3, 144, 576, 24_000, 1))),
            ("fffd8404000000", Some((Codec::Mp3, 384, 1152, 48_000, 2))),
            ("ffff1404000000", Some((Codec::Mp3, 32, 384, 48_000, 2))),
            ("fffb0064000000", None),
            ("0b77fd8d1440e1", Some((Codec::Ac3, 768, 1536, 48_000, 6))),
            ("0b770000144042", Some((Codec::Ac3, 768, 1536, 48_000, 2))),
            ("0b770000554042", Some((Codec::Ac3, 836, 1536, 44_100, 2))),
            ("0b7701ff3f8000", Some((Codec::EnhancedAc3, 1024, 1536, 48_000, 6))),
            ("0b7741ff3f8000", Some((Codec::EnhancedAc3, 1024, 0, 48_000, 6))),
            ("0b77ffffffffff", None),
            ("00000000000000", None),
        ];
        for (digits, expected) in table {
            let found = header(&digits.replace(' ', ""));
            let found = found.map(|h| (h.codec, h.len, h.samples, h.sample_rate_hz, h.channels));
            assert_eq!(found, expected, "{digits}");
        }
    }

    #[test]
    fn frames_are_found_again_behind_noise() {
        let frame = hex::decode("fff15080021ffc000000000000000000").unwrap();
        let all = [&frame[..], &frame, &[0xFF, 1, 3], &frame, &frame, &frame[..9]].concat();
        let found = split(Framing::Adts, &all);
        let begins: Vec<usize> = found.frames.iter().map(|(at, _)| *at).collect();
        assert_eq!((begins, found.lost, found.cut), (vec![0, 16, 35, 51], vec![32], 9));
    }

    proptest! {
        #[test]
        fn any_bytes_are_split(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            for framing in [Framing::Adts, Framing::MpegAudio, Framing::Ac3] {
                let found = split(framing, &bytes);
                let len: usize = found.frames.iter().map(|(_, header)| header.len).sum();
                prop_assert!(len + found.cut <= bytes.len());
            }
        }
    }
}
