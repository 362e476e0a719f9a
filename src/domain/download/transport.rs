//! Frames of a transport stream of one elementary stream: H.264 or AAC (ISO 13818-1).

use super::sample::Sample;
use super::tables::{Track, avc_entry, mp4a_entry};

const PACKET: usize = 188;
const SYNC: u8 = 0x47;
/// Ticks per second of time stamps.
const CLOCK_HZ: u32 = 90_000;
/// Bits of a time stamp.
const CLOCK_BITS: u64 = 1 << 33;
/// Stream types (ISO 13818-1, table 2-34).
const ADTS: u8 = 0x0F;
const H264: u8 = 0x1B;
/// Samples of an AAC frame.
const AAC_SAMPLES: u64 = 1024;
/// Sampling frequencies by index (ISO 14496-3, table 1.18).
const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];
/// NAL unit types (ITU-T H.264, table 7-1).
const IDR: u8 = 5;
const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;

/// State from segment to segment.
#[derive(Debug, Default)]
pub(super) struct Transport {
    sps: Vec<u8>,
    pps: Vec<u8>,
    audio: Option<Aac>,
    /// Decoding time of the last video frame, in ticks of 90 kHz without wraps.
    last_dts: Option<u64>,
    /// Decoding time of the next AAC frame, in samples.
    next_samples: Option<u64>,
}

/// Facts of an ADTS header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Aac {
    object_type: u8,
    rate_index: u8,
    channels: u8,
}

impl Aac {
    fn rate_hz(self) -> u32 {
        RATES.get(usize::from(self.rate_index)).copied().unwrap_or(48_000)
    }

    /// The `AudioSpecificConfig` (ISO 14496-3, 1.6.2.1).
    fn config(self) -> [u8; 2] {
        let bits = u16::from(self.object_type) << 11
            | u16::from(self.rate_index) << 7
            | u16::from(self.channels) << 3;
        bits.to_be_bytes()
    }
}

/// A packet of the elementary stream.
struct Pes {
    pts: u64,
    dts: u64,
    data: Vec<u8>,
}

impl Transport {
    /// The track of the frames so far. `None` without any.
    pub(super) fn track(&self, size: (u16, u16)) -> Option<Track> {
        if let Some(aac) = self.audio {
            let entry = mp4a_entry(aac.rate_hz(), u16::from(aac.channels), aac.config());
            return Some(Track { timescale: aac.rate_hz(), entry, is_video: false, size });
        }
        let entry = avc_entry(size, &self.sps, &self.pps)?;
        Some(Track { timescale: CLOCK_HZ, entry, is_video: true, size })
    }

    pub(super) fn samples(&mut self, segment: &[u8]) -> Result<Vec<Sample>, &'static str> {
        let (kind, packets) = packets(segment)?;
        let mut samples = Vec::new();
        for pes in packets {
            match kind {
                H264 => samples.push(self.frame(&pes)?),
                _ => self.aac(&pes, &mut samples)?,
            }
        }
        if samples.is_empty() { Err("it has no frame") } else { Ok(samples) }
    }

    /// A video frame with a length before each NAL unit.
    fn frame(&mut self, pes: &Pes) -> Result<Sample, &'static str> {
        let (mut data, mut is_sync) = (Vec::with_capacity(pes.data.len()), false);
        for unit in units(&pes.data) {
            match unit.first().map(|head| head & 0x1F) {
                None | Some(DELIMITER) => {}
                Some(SPS) => self.sps = unit.to_vec(),
                Some(PPS) => self.pps = unit.to_vec(),
                Some(kind) => {
                    is_sync |= kind == IDR;
                    let len = u32::try_from(unit.len()).map_err(|_| "a NAL unit is too long")?;
                    data.extend_from_slice(&len.to_be_bytes());
                    data.extend_from_slice(unit);
                }
            }
        }
        let dts = match self.last_dts {
            None => pes.dts,
            // Without the wraps of its 33 bits.
            Some(last) => last + pes.dts.wrapping_sub(last) % CLOCK_BITS,
        };
        self.last_dts = Some(dts);
        let composition = pes.pts.wrapping_sub(pes.dts) % CLOCK_BITS;
        let composition = i32::try_from(composition).map_err(|_| "a frame has a wrong time")?;
        Ok(Sample { data, dts, composition, is_sync })
    }

    /// The AAC frames of a packet.
    fn aac(&mut self, pes: &Pes, samples: &mut Vec<Sample>) -> Result<(), &'static str> {
        let mut rest = pes.data.as_slice();
        while !rest.is_empty() {
            let (aac, frame, behind) = adts(rest).ok_or("an AAC frame is damaged")?;
            if *self.audio.get_or_insert(aac) != aac {
                return Err("the audio changes its format");
            }
            let begin = || pes.pts * u64::from(aac.rate_hz()) / u64::from(CLOCK_HZ);
            let dts = self.next_samples.unwrap_or_else(begin);
            self.next_samples = Some(dts + AAC_SAMPLES);
            samples.push(Sample { data: frame.to_vec(), dts, composition: 0, is_sync: true });
            rest = behind;
        }
        Ok(())
    }
}

/// Header, content and rest of an ADTS frame.
fn adts(bytes: &[u8]) -> Option<(Aac, &[u8], &[u8])> {
    let [first, second, third, fourth, fifth, sixth, ..] = *bytes else { return None };
    if first != 0xFF || second & 0xF6 != 0xF0 {
        return None;
    }
    let header = if second & 1 == 1 { 7 } else { 9 };
    let len = usize::from(fourth & 3) << 11 | usize::from(fifth) << 3 | usize::from(sixth >> 5);
    let aac = Aac {
        object_type: (third >> 6) + 1,
        rate_index: third >> 2 & 0xF,
        channels: (third & 1) << 2 | fourth >> 6,
    };
    Some((aac, bytes.get(header..len)?, bytes.get(len..)?))
}

/// The NAL units between start codes.
fn units(bytes: &[u8]) -> Vec<&[u8]> {
    let mut starts = Vec::new();
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(find_start) {
        starts.push(at + found);
        at += found + 3;
    }
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    let unit = |(start, end): (&usize, usize)| {
        let unit = bytes.get(start + 3..end).unwrap_or_default();
        // The zero byte of the next start code, and trailing zeros.
        let len = unit.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        &unit[..len]
    };
    starts.iter().zip(ends).map(unit).collect()
}

fn find_start(bytes: &[u8]) -> Option<usize> {
    bytes.windows(3).position(|window| window == [0, 0, 1])
}

/// Type of the elementary stream, and its packets.
fn packets(segment: &[u8]) -> Result<(u8, Vec<Pes>), &'static str> {
    let (mut tables, mut stream) = (None, None);
    let (mut packets, mut open) = (Vec::new(), None::<Vec<u8>>);
    // Zeros may follow.
    let all = segment.chunks_exact(PACKET).take_while(|packet| packet[0] == SYNC);
    for packet in all {
        let pid = u16::from_be_bytes([packet[1] & 0x1F, packet[2]]);
        let starts = packet[1] & 0x40 != 0;
        let skip = if packet[3] & 0x20 == 0 { 4 } else { 5 + usize::from(packet[4]) };
        let payload = if packet[3] & 0x10 == 0 { None } else { packet.get(skip..) };
        let Some(payload) = payload else { continue };
        if pid == 0 {
            tables = tables.or(program_table(payload));
        } else if Some(pid) == tables {
            stream = stream.or(elementary(payload));
        } else if stream.is_some_and(|(_, own)| own == pid) {
            if starts && let Some(done) = open.replace(Vec::new()) {
                packets.push(pes(&done)?);
            }
            if let Some(open) = &mut open {
                open.extend_from_slice(payload);
            }
        }
    }
    if let Some(done) = open {
        packets.push(pes(&done)?);
    }
    let (kind, _) = stream.ok_or("it has neither H.264 nor AAC")?;
    Ok((kind, packets))
}

/// PID of the program map, from a program association section.
fn program_table(payload: &[u8]) -> Option<u16> {
    let section = payload.get(1 + usize::from(*payload.first()?)..)?;
    let entry = section.get(8..12)?;
    Some(u16::from_be_bytes([entry[2] & 0x1F, entry[3]]))
}

/// Type and PID of the first stream of a program map section.
fn elementary(payload: &[u8]) -> Option<(u8, u16)> {
    let section = payload.get(1 + usize::from(*payload.first()?)..)?;
    let info = usize::from(u16::from_be_bytes([section.get(10)? & 0x0F, *section.get(11)?]));
    let entry = section.get(12 + info..17 + info)?;
    let kind = entry[0];
    let pid = u16::from_be_bytes([entry[1] & 0x1F, entry[2]]);
    matches!(kind, ADTS | H264).then_some((kind, pid))
}

/// Parses a packet: its header, then the frame.
fn pes(bytes: &[u8]) -> Result<Pes, &'static str> {
    let damaged = "a packet is damaged";
    let [0, 0, 1, _, _, _, _, flags, header, ..] = *bytes else { return Err(damaged) };
    let stamp = |at: usize| {
        let field = bytes.get(at..at + 5)?;
        let part = |n: usize| u64::from(field[n]);
        Some(
            (part(0) >> 1 & 7) << 30
                | part(1) << 22
                | (part(2) >> 1) << 15
                | part(3) << 7
                | part(4) >> 1,
        )
    };
    let pts = if flags & 0x80 == 0 { None } else { stamp(9) };
    let pts = pts.ok_or("a frame has no time")?;
    let dts = if flags & 0x40 == 0 { pts } else { stamp(14).ok_or(damaged)? };
    let data = bytes.get(9 + usize::from(header)..).ok_or(damaged)?.to_vec();
    Ok(Pes { pts, dts, data })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nal_units_are_between_start_codes() {
        let bytes = [0, 0, 0, 1, 9, 0xF0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x65, 7, 0, 0];
        assert_eq!(units(&bytes), [&[9, 0xF0][..], &[0x67, 1], &[0x65, 7]]);
        assert_eq!(units(&[1, 2, 3]), Vec::<&[u8]>::new());
    }

    #[test]
    fn an_adts_frame_states_its_format_and_length() {
        // AAC LC, 44.1 kHz, stereo, 9 bytes with its header of 7.
        let bytes = [0xFF, 0xF1, 0x50, 0x80, 0x01, 0x3F, 0xFC, 0xAA, 0xBB, 0xFF];
        let (aac, frame, rest) = adts(&bytes).unwrap();
        assert_eq!((aac.object_type, aac.rate_hz(), aac.channels), (2, 44_100, 2));
        assert_eq!((frame, rest), (&[0xAA, 0xBB][..], &[0xFF][..]));
        assert_eq!(aac.config(), [0x12, 0x10]);
        assert_eq!(adts(&bytes[..8]), None);
        assert_eq!(adts(&bytes[1..]), None);
    }

    #[test]
    fn times_do_not_wrap() {
        let mut transport = Transport::default();
        let frame = |pts, dts| Pes { pts, dts, data: vec![0, 0, 1, 0x65, 1] };
        let first = transport.frame(&frame(5, CLOCK_BITS - 3)).unwrap();
        assert_eq!((first.dts, first.composition, first.is_sync), (CLOCK_BITS - 3, 8, true));
        let second = transport.frame(&frame(9, 1)).unwrap();
        assert_eq!((second.dts, second.composition), (CLOCK_BITS + 1, 8));
        assert_eq!(second.data, [0, 0, 0, 2, 0x65, 1]);
    }
}
