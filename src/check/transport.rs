//! MPEG transport streams (ISO 13818-1): packets, and the pictures and sounds in them.

use std::collections::HashMap;

use mpeg2ts::es::StreamType;
use mpeg2ts::ts::{ReadTsPacket, TsPacket, TsPacketReader, TsPayload};

use super::segment::{AAC_RATES, AAC_SAMPLES, Format, Picture, Segment, Sound, seconds_between};

/// The rule of counters and times.
const SEQUENTIAL: &str = "7.2";

/// What goes on from segment to segment.
#[derive(Default)]
pub(super) struct Continuity {
    counters: HashMap<u16, u8>,
    dts: HashMap<u16, u64>,
}

/// An elementary stream that is being gathered.
struct Stream {
    is_video: bool,
    pts: Option<u64>,
    dts: Option<u64>,
    data: Vec<u8>,
}

/// Takes a segment apart. `continuity` is that of the segments before.
pub(super) fn read(bytes: &[u8], continuity: &mut Continuity) -> Segment {
    let mut segment = Segment::default();
    if !bytes.len().is_multiple_of(TsPacket::SIZE) {
        segment.fault(SEQUENTIAL, format!("{} bytes are no whole packets", bytes.len()));
    }
    let mut reader = TsPacketReader::new(bytes);
    let mut streams: HashMap<u16, Stream> = HashMap::new();
    loop {
        match reader.read_ts_packet() {
            Ok(Some(packet)) => segment.packet(packet, &mut streams, continuity),
            Ok(None) => break,
            Err(error) => {
                // Without the places in the library that it went through.
                let text = error.to_string();
                let text = text.split(" (at ").next().unwrap_or_default();
                segment.fault(SEQUENTIAL, format!("no transport stream: {text}"));
                break;
            }
        }
    }
    let mut rest: Vec<_> = streams.into_iter().collect();
    rest.sort_by_key(|(pid, _)| *pid);
    for (pid, stream) in rest {
        segment.end_unit(pid, &stream, continuity);
    }
    segment
}

impl Segment {
    fn packet(
        &mut self,
        packet: TsPacket,
        streams: &mut HashMap<u16, Stream>,
        continuity: &mut Continuity,
    ) {
        let pid = packet.header.pid.as_u16();
        let counter = packet.header.continuity_counter.as_u8();
        let Some(payload) = packet.payload else { return };
        if let Some(last) = continuity.counters.insert(pid, counter)
            && counter != (last + 1) % 16
        {
            self.fault(
                SEQUENTIAL,
                format!("continuity counter of PID {pid} goes from {last} to {counter}"),
            );
        }
        match payload {
            TsPayload::Pmt(table) => {
                for es in table.es_info {
                    let is_video = es.stream_type == StreamType::H264;
                    if !is_video && es.stream_type != StreamType::AdtsAac {
                        self.fault(SEQUENTIAL, format!("stream type {:?}", es.stream_type));
                    }
                    let known = streams.contains_key(&es.elementary_pid.as_u16());
                    if !known {
                        *(if is_video {
                            &mut self.video_streams
                        } else {
                            &mut self.audio_streams
                        }) += 1;
                        let stream = Stream { is_video, pts: None, dts: None, data: Vec::new() };
                        streams.insert(es.elementary_pid.as_u16(), stream);
                    }
                }
            }
            TsPayload::PesStart(pes) => {
                let Some(stream) = streams.get_mut(&pid) else {
                    self.fault(SEQUENTIAL, format!("PID {pid} begins before its table"));
                    return;
                };
                let next = Stream {
                    is_video: stream.is_video,
                    pts: pes.header.pts.map(|time| time.as_u64()),
                    dts: pes.header.dts.or(pes.header.pts).map(|time| time.as_u64()),
                    data: pes.data.to_vec(),
                };
                let ended = std::mem::replace(stream, next);
                self.end_unit(pid, &ended, continuity);
            }
            TsPayload::PesContinuation(more) => {
                if let Some(stream) = streams.get_mut(&pid) {
                    stream.data.extend_from_slice(&more);
                }
            }
            TsPayload::Pat(_) | TsPayload::Section(_) | TsPayload::Null(_) | TsPayload::Raw(_) => {}
        }
    }

    /// A packetized unit is whole.
    fn end_unit(&mut self, pid: u16, stream: &Stream, continuity: &mut Continuity) {
        if stream.data.is_empty() {
            return;
        }
        let (Some(pts), Some(dts)) = (stream.pts, stream.dts) else {
            self.fault(SEQUENTIAL, format!("a unit of PID {pid} has no time"));
            return;
        };
        if let Some(last) = continuity.dts.insert(pid, dts) {
            let step = seconds_between(last, dts);
            if step <= 0.0 || step > 10.0 {
                self.fault(SEQUENTIAL, format!("times of PID {pid} go on by {step:.3} s"));
            }
        }
        if stream.is_video {
            self.picture(pts, dts, &stream.data);
        } else {
            self.sound(pts, &stream.data);
        }
    }

    fn picture(&mut self, pts: u64, dts: u64, data: &[u8]) {
        let (mut is_idr, mut sets) = (false, (false, false));
        for unit in nal_units(data) {
            match unit.first().map(|head| head & 0x1F) {
                Some(5) => is_idr = true,
                Some(7) => {
                    sets.0 = true;
                    self.format = self.format.or_else(|| Format::of(unit));
                }
                Some(8) => sets.1 = true,
                Some(_) | None => {}
            }
        }
        let has_parameter_sets = sets == (true, true);
        let bytes = data.len();
        self.pictures.push(Picture { pts, dts, is_idr, has_parameter_sets, bytes });
    }

    fn sound(&mut self, pts: u64, mut data: &[u8]) {
        let mut sound = self.sound.unwrap_or(Sound { first_pts: pts, ..Sound::default() });
        while let Some(frame) = adts(data) {
            sound.frames += frame.blocks;
            sound.samples += frame.blocks * u64::from(AAC_SAMPLES);
            sound.sample_rate_hz = frame.sample_rate_hz;
            sound.channels = frame.channels;
            sound.object_type = frame.object_type;
            data = data.get(frame.len..).unwrap_or_default();
        }
        if !data.is_empty() {
            self.fault(SEQUENTIAL, "a unit of sound is no whole number of ADTS frames".to_owned());
        }
        self.sound = Some(sound);
    }
}

/// The units of a byte stream (ITU-T H.264, annex B).
pub(super) fn nal_units(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut starts = Vec::new();
    let mut at = 0;
    while at + 3 <= data.len() {
        if data[at..at + 3] == [0, 0, 1] {
            starts.push(at + 3);
            at += 3;
        } else {
            at += 1;
        }
    }
    let ends: Vec<usize> = starts.iter().skip(1).map(|s| s - 3).chain([data.len()]).collect();
    starts.into_iter().zip(ends).map(|(start, end)| {
        let unit = &data[start..end];
        let len = unit.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        &unit[..len]
    })
}

struct Adts {
    len: usize,
    blocks: u64,
    sample_rate_hz: u32,
    channels: u8,
    object_type: u8,
}

/// Reads the header of an ADTS frame (ISO 13818-7, 6.2).
fn adts(data: &[u8]) -> Option<Adts> {
    let head = data.get(..7)?;
    if head[0] != 0xFF || head[1] & 0xF6 != 0xF0 {
        return None;
    }
    let len =
        usize::from(head[3] & 3) << 11 | usize::from(head[4]) << 3 | usize::from(head[5]) >> 5;
    (len >= 7).then_some(Adts {
        len,
        blocks: u64::from(head[6] & 3) + 1,
        sample_rate_hz: *AAC_RATES.get(usize::from(head[2] >> 2 & 0xF))?,
        channels: (head[2] & 1) << 2 | head[3] >> 6,
        object_type: (head[2] >> 6) + 1,
    })
}
