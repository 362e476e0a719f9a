//! Elementary streams: the bytes of their PES packets, and the frames in them.

use super::super::audio_frames::{self, Framing};
use super::super::codec::StreamCodec;
use super::super::segment::{Frame, Segment, seconds_between};
use super::access_units::{self, AccessUnit};
use super::packet::{PesHeader, SEQUENTIAL};
use super::tables::Format;

/// Longest step between decode times, in seconds.
const MAX_STEP_SECS: f64 = 10.0;
/// Duration of a frame in ticks, where the stream states none.
const FRAME_TICKS: u64 = 3003;

/// One elementary stream of a segment.
pub(super) struct Elementary {
    format: Format,
    data: Vec<u8>,
    marks: Vec<Mark>,
    /// Whether a PES packet has begun: bytes before it belong to the segment before.
    has_begun: bool,
    /// Whether the next times do not continue those before.
    has_break: bool,
}

/// Times of a PES packet: those of the first frame that begins in it.
#[derive(Clone, Copy)]
struct Mark {
    /// Offset of its payload in the stream.
    at: usize,
    pts: Option<u64>,
    dts: Option<u64>,
    /// Whether the times do not continue those before.
    is_new: bool,
}

impl Elementary {
    pub(super) fn new(format: Format) -> Self {
        Self { format, data: Vec::new(), marks: Vec::new(), has_begun: false, has_break: false }
    }

    /// Whether the frames of this format are read.
    pub(super) fn is_read(&self) -> bool {
        matches!(self.format, Format::H264 | Format::Hevc | Format::Audio(_))
    }

    /// Begins a PES packet.
    pub(super) fn begin(&mut self, header: &PesHeader<'_>) {
        if self.is_read() {
            self.has_begun = true;
            let is_new = std::mem::take(&mut self.has_break);
            self.marks.push(Mark { at: self.data.len(), pts: header.pts, dts: header.dts, is_new });
            self.data.extend_from_slice(header.data);
        }
    }

    /// Expects times that do not continue those before.
    pub(super) fn break_times(&mut self) {
        self.has_break = true;
    }

    /// Continues a PES packet.
    pub(super) fn add(&mut self, payload: &[u8]) {
        if self.has_begun {
            self.data.extend_from_slice(payload);
        }
    }

    /// Reads the frames into the segment. `last` is the decode time of the PES packet before, if the times
    /// must continue. Returns that of the last one.
    pub(super) fn finish(&self, pid: u16, last: Option<u64>, segment: &mut Segment) -> Option<u64> {
        let mut last = last;
        for (dts, is_new) in self.marks.iter().filter_map(|mark| Some((mark.dts?, mark.is_new))) {
            if let Some(last) = last.filter(|_| !is_new) {
                let step = seconds_between(last, dts);
                if step <= 0.0 || step > MAX_STEP_SECS {
                    let text = format!("decode times of PID {pid} advance by {step:.3} s");
                    segment.fault(SEQUENTIAL, text);
                }
            }
            last = Some(dts);
        }
        if self.marks.iter().all(|mark| mark.pts.is_none()) && !self.marks.is_empty() {
            segment.fault(SEQUENTIAL, format!("no PES packet of PID {pid} has a PTS"));
            return last;
        }
        match self.format {
            Format::H264 => self.video(pid, false, segment),
            Format::Hevc => self.video(pid, true, segment),
            Format::Audio(framing) => self.audio(pid, framing, segment),
            Format::Metadata | Format::Ignored | Format::Unknown(_) => {}
        }
        last
    }

    fn video(&self, pid: u16, is_hevc: bool, segment: &mut Segment) {
        let found = access_units::split(is_hevc, &self.data);
        segment.format = segment.format.or(found.format);
        if let Some(format) = found.format {
            segment.codec(StreamCodec::from(format.codec));
        }
        let has_fields = found.format.or(segment.format).is_some_and(|format| format.has_fields);
        let units = self.timed(&found.units, has_fields);
        let estimated = units.iter().filter(|(_, times)| times.is_none()).count();
        if estimated > 0 {
            let text =
                format!("the times of {estimated} frames of PID {pid}, which share a PES packet");
            segment.not_checked(text);
        }
        let times = interpolated(&units);
        for ((unit, _), (pts, dts)) in units.iter().zip(times) {
            segment.frames.push(Frame {
                pts,
                dts,
                is_idr: unit.is_idr,
                has_parameter_sets: unit.has_parameter_sets,
                bytes: unit.bytes,
            });
        }
    }

    /// The frames with the times of the PES packet in which each is the first one to begin. A field without
    /// times belongs to the frame before it.
    fn timed(
        &self,
        units: &[AccessUnit],
        has_fields: bool,
    ) -> Vec<(AccessUnit, Option<(u64, u64)>)> {
        let mut marks = self.marks.iter().peekable();
        let mut timed: Vec<(AccessUnit, Option<(u64, u64)>)> = Vec::new();
        for unit in units {
            let mut mark = None;
            // A zero byte in front of a start code may stand in the packet before.
            while let Some(next) = marks.next_if(|mark| mark.at <= unit.at + 1) {
                mark = Some(next);
            }
            let times = mark.and_then(|mark| Some((mark.pts?, mark.dts?)));
            match timed.last_mut() {
                Some((frame, _)) if has_fields && times.is_none() => {
                    frame.bytes += unit.bytes;
                    frame.is_idr |= unit.is_idr;
                }
                _ => timed.push((*unit, times)),
            }
        }
        timed
    }

    fn audio(&self, pid: u16, framing: Framing, segment: &mut Segment) {
        let found = audio_frames::split(framing, &self.data);
        if let Some(at) = found.lost.first() {
            let text = format!("no audio frame of PID {pid} begins at its byte {at}");
            segment.fault(SEQUENTIAL, text);
        }
        if found.cut > 0 {
            let text = format!("the last audio frame of PID {pid} is cut off");
            segment.fault(SEQUENTIAL, text);
        }
        let Some((first, _)) = found.frames.first() else {
            if !self.data.is_empty() {
                segment.not_checked(format!("PID {pid} has no audio frame that can be read"));
            }
            return;
        };
        let mark = self.marks.iter().rfind(|mark| mark.at <= *first).and_then(|mark| mark.pts);
        let Some(pts) = mark.or_else(|| self.marks.iter().find_map(|mark| mark.pts)) else {
            return;
        };
        let Some(audio) = audio_frames::sum(&found.frames, pts) else { return };
        segment.codec(audio.codec.into());
        segment.audio = segment.audio.or(Some(audio));
    }
}

/// Presentation and decode times of all frames: between two known ones, frames last equally long.
fn interpolated(units: &[(AccessUnit, Option<(u64, u64)>)]) -> Vec<(u64, u64)> {
    const RANGE: u64 = 1 << 33;
    let known: Vec<(usize, (u64, u64))> =
        units.iter().enumerate().filter_map(|(at, (_, times))| Some((at, (*times)?))).collect();
    let (mut next, mut step) = (0, FRAME_TICKS);
    let mut times = Vec::with_capacity(units.len());
    for at in 0..units.len() {
        while known.get(next).is_some_and(|(known, _)| *known <= at) {
            next += 1;
        }
        let later = known.get(next);
        let Some((from, (pts, dts))) = next.checked_sub(1).and_then(|last| known.get(last)) else {
            // Before the first known time.
            let (until, (pts, dts)) = later.copied().unwrap_or_default();
            let back = step * (until - at.min(until)) as u64 % RANGE;
            times.push(((pts + RANGE - back) % RANGE, (dts + RANGE - back) % RANGE));
            continue;
        };
        if let Some((until, (_, end))) = later {
            let ticks = (end + RANGE - dts % RANGE) % RANGE;
            step = if ticks < RANGE / 2 { ticks / (until - from) as u64 } else { FRAME_TICKS };
        }
        let ahead = step * (at - from) as u64 % RANGE;
        times.push(((pts + ahead) % RANGE, (dts + ahead) % RANGE));
    }
    times
}
