//! MPEG transport streams (ISO 13818-1): packets, and the H.264 and AAC in them.

use std::collections::HashMap;

use mpeg2ts::es::StreamType;
use mpeg2ts::ts::payload::{Pes, Pmt};
use mpeg2ts::ts::{ReadTsPacket, TsPacket, TsPacketReader, TsPayload};

use super::segment::{AAC_RATES, AAC_SAMPLES, Audio, Frame, Segment, VideoFormat, seconds_between};

/// Rule for continuity counters and times.
const SEQUENTIAL: &str = "7.2";

/// Counters and times that continue from segment to segment, by PID.
#[derive(Default)]
pub(super) struct Continuity {
    counters: HashMap<u16, u8>,
    dts: HashMap<u16, u64>,
}

/// An elementary stream, and its PES packet so far.
struct Stream {
    is_video: bool,
    pts: Option<u64>,
    dts: Option<u64>,
    data: Vec<u8>,
}

/// Reads a segment. `continuity` is the state behind the segments before it.
pub(super) fn read(bytes: &[u8], continuity: &mut Continuity) -> Segment {
    let mut demuxer = Demuxer { segment: Segment::default(), streams: HashMap::new(), continuity };
    if !bytes.len().is_multiple_of(TsPacket::SIZE) {
        let text = format!("{} bytes are not a whole number of packets", bytes.len());
        demuxer.segment.fault(SEQUENTIAL, text);
    }
    let mut reader = TsPacketReader::new(bytes);
    loop {
        match reader.read_ts_packet() {
            Ok(Some(packet)) => demuxer.packet(packet),
            Ok(None) => break,
            Err(error) => {
                // The parser appends a trace of its source lines.
                let text = error.to_string();
                let text = text.split(" (at ").next().unwrap_or_default();
                demuxer
                    .segment
                    .fault(SEQUENTIAL, format!("the transport stream is damaged: {text}"));
                break;
            }
        }
    }
    demuxer.finish()
}

struct Demuxer<'a> {
    segment: Segment,
    streams: HashMap<u16, Stream>,
    continuity: &'a mut Continuity,
}

impl Demuxer<'_> {
    fn packet(&mut self, packet: TsPacket) {
        let pid = packet.header.pid.as_u16();
        let counter = packet.header.continuity_counter.as_u8();
        let Some(payload) = packet.payload else { return };
        if let Some(last) = self.continuity.counters.insert(pid, counter)
            && counter != (last + 1) % 16
        {
            let text = format!("continuity counter of PID {pid} jumps from {last} to {counter}");
            self.segment.fault(SEQUENTIAL, text);
        }
        match payload {
            TsPayload::Pmt(table) => self.program_map(&table),
            TsPayload::PesStart(pes) => self.begin_pes(pid, &pes),
            TsPayload::PesContinuation(more) => {
                if let Some(stream) = self.streams.get_mut(&pid) {
                    stream.data.extend_from_slice(&more);
                }
            }
            TsPayload::Pat(_) | TsPayload::Section(_) | TsPayload::Null(_) | TsPayload::Raw(_) => {}
        }
    }

    fn program_map(&mut self, table: &Pmt) {
        for es in &table.es_info {
            let is_video = es.stream_type == StreamType::H264;
            if !is_video && es.stream_type != StreamType::AdtsAac {
                let text = format!("stream type {:?} is neither H.264 nor AAC", es.stream_type);
                self.segment.fault(SEQUENTIAL, text);
            }
            let pid = es.elementary_pid.as_u16();
            if self.streams.contains_key(&pid) {
                continue;
            }
            let count = if is_video {
                &mut self.segment.video_streams
            } else {
                &mut self.segment.audio_streams
            };
            *count += 1;
            let stream = Stream { is_video, pts: None, dts: None, data: Vec::new() };
            self.streams.insert(pid, stream);
        }
    }

    fn begin_pes(&mut self, pid: u16, pes: &Pes) {
        let Some(stream) = self.streams.get_mut(&pid) else {
            self.segment.fault(SEQUENTIAL, format!("PID {pid} begins before its PMT"));
            return;
        };
        let next = Stream {
            is_video: stream.is_video,
            pts: pes.header.pts.map(|time| time.as_u64()),
            dts: pes.header.dts.or(pes.header.pts).map(|time| time.as_u64()),
            data: pes.data.to_vec(),
        };
        let ended = std::mem::replace(stream, next);
        self.end_pes(pid, &ended);
    }

    fn end_pes(&mut self, pid: u16, stream: &Stream) {
        if stream.data.is_empty() {
            return;
        }
        let (Some(pts), Some(dts)) = (stream.pts, stream.dts) else {
            self.segment.fault(SEQUENTIAL, format!("a PES packet of PID {pid} has no PTS"));
            return;
        };
        if let Some(last) = self.continuity.dts.insert(pid, dts) {
            let step = seconds_between(last, dts);
            if step <= 0.0 || step > 10.0 {
                let text = format!("decode times of PID {pid} advance by {step:.3} s");
                self.segment.fault(SEQUENTIAL, text);
            }
        }
        if stream.is_video {
            self.frame(pts, dts, &stream.data);
        } else {
            self.audio(pts, &stream.data);
        }
    }

    fn frame(&mut self, pts: u64, dts: u64, data: &[u8]) {
        let (mut is_idr, mut sets) = (false, (false, false));
        for unit in nal_units(data) {
            match unit.first().map(|head| head & 0x1F) {
                Some(5) => is_idr = true,
                Some(7) => {
                    sets.0 = true;
                    let format = self.segment.format.or_else(|| VideoFormat::of(unit));
                    self.segment.format = format;
                }
                Some(8) => sets.1 = true,
                Some(_) | None => {}
            }
        }
        let has_parameter_sets = sets == (true, true);
        self.segment.frames.push(Frame { pts, dts, is_idr, has_parameter_sets, bytes: data.len() });
    }

    fn audio(&mut self, pts: u64, mut data: &[u8]) {
        let first = Audio { first_pts: pts, ..Audio::default() };
        let mut audio = self.segment.audio.unwrap_or(first);
        while let Some(frame) = adts(data) {
            audio.frames += frame.blocks;
            audio.samples += frame.blocks * u64::from(AAC_SAMPLES);
            audio.sample_rate_hz = frame.sample_rate_hz;
            audio.channels = frame.channels;
            audio.object_type = frame.object_type;
            data = data.get(frame.len..).unwrap_or_default();
        }
        if !data.is_empty() {
            let text = "a PES packet of audio is not a whole number of ADTS frames";
            self.segment.fault(SEQUENTIAL, text);
        }
        self.segment.audio = Some(audio);
    }

    /// Ends all streams, by rising PID.
    fn finish(mut self) -> Segment {
        let mut rest: Vec<_> = std::mem::take(&mut self.streams).into_iter().collect();
        rest.sort_by_key(|(pid, _)| *pid);
        for (pid, stream) in rest {
            self.end_pes(pid, &stream);
        }
        self.segment
    }
}

/// The NAL units of a byte stream (ITU-T H.264, annex B).
fn nal_units(data: &[u8]) -> impl Iterator<Item = &[u8]> {
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

/// Header of an ADTS frame.
struct Adts {
    /// Length of the frame in bytes, header included.
    len: usize,
    /// Raw data blocks, of [`AAC_SAMPLES`] samples each.
    blocks: u64,
    sample_rate_hz: u32,
    channels: u8,
    object_type: u8,
}

/// Parses the header of an ADTS frame (ISO 13818-7, 6.2); `None` if there is none.
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
