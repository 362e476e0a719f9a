//! The tail of an audio stream: held back for a moment, so that it can be cut at the common end.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use crate::domain::edits::TrackEdits;
use crate::domain::plan::AudioPlan;
use crate::worker::timeline::common_end::CommonEnd;

/// Audio that is held back: the longest that can lie behind the common end. That is half a frame, and
/// a frame lasts one second at most (usually 40 ms).
const HELD_BACK: gst::ClockTime = gst::ClockTime::from_mseconds(600);

/// A shorter hole comes from rounding.
const SHORTEST_GAP: gst::ClockTime = gst::ClockTime::from_mseconds(1);

/// Holds back the last buffers of one audio stream (32-bit float samples, interleaved).
pub(crate) struct AudioTail {
    held: Mutex<Held>,
    plan: AudioPlan,
    edits: Option<TrackEdits>,
    /// Set while this pushes: its own buffers pass the probe.
    is_pushing: AtomicBool,
}

#[derive(Default)]
struct Held {
    has_begun: bool,
    buffers: VecDeque<gst::Buffer>,
    /// End of the last buffer.
    end: gst::ClockTime,
}

/// Something that may be pushed.
enum Ready {
    Samples(gst::Buffer),
    Silence { begin: gst::ClockTime, length_ns: u64 },
}

impl AudioTail {
    /// The tail of a stream of this plan. The edits of its track are applied here.
    pub(crate) fn new(plan: &AudioPlan, edits: Option<TrackEdits>) -> Self {
        let (held, is_pushing) = (Mutex::default(), AtomicBool::new(false));
        Self { held, plan: plan.clone(), edits, is_pushing }
    }

    /// Takes a buffer that is about to pass `pad`, timestamped on the job's timeline, and pushes those
    /// that no longer need to be held back. Silence fills the time before the first buffer, and that which
    /// edits leave empty.
    pub(crate) fn hold(&self, pad: &gst::Pad, buffer: &gst::Buffer) -> gst::PadProbeReturn {
        let Some(pts) = buffer.pts().filter(|_| !self.is_pushing.load(Ordering::Acquire)) else {
            return gst::PadProbeReturn::Ok;
        };
        let ready = {
            let mut held = self.held.lock();
            self.parts(buffer, pts).into_iter().flat_map(|part| held.add(part)).collect::<Vec<_>>()
        };
        self.is_pushing.store(true, Ordering::Release);
        let pushed = ready.into_iter().try_for_each(|ready| match ready {
            Ready::Silence { begin, length_ns } => {
                push_silence(pad, begin, length_ns, &self.plan);
                Ok(())
            }
            Ready::Samples(buffer) => pad.push(buffer).map(drop),
        });
        self.is_pushing.store(false, Ordering::Release);
        // An element that refuses a buffer reports its reason on the bus. `Ok` passes the refusal on.
        if pushed.is_err() { gst::PadProbeReturn::Ok } else { gst::PadProbeReturn::Drop }
    }

    /// The parts of a buffer that are heard, at the times at which they are.
    fn parts(&self, buffer: &gst::Buffer, pts: gst::ClockTime) -> Vec<gst::Buffer> {
        let Some(edits) = &self.edits else { return vec![buffer.clone()] };
        let duration = buffer.duration().unwrap_or(gst::ClockTime::ZERO);
        let parts = edits.parts(pts.nseconds(), duration.nseconds());
        parts
            .filter_map(|part| {
                let (skipped_ns, end_ns) = (part.skipped_ns, part.skipped_ns + part.length_ns);
                self.region(
                    buffer,
                    gst::ClockTime::from_nseconds(part.shown_ns),
                    skipped_ns,
                    end_ns,
                )
            })
            .collect()
    }

    /// Ends the stream: waits for the common end, then pushes the held buffers up to it, and silence
    /// if they are too short. Blocks the streaming thread that calls it.
    pub(crate) fn finish(&self, pad: &gst::Pad, common_end: &CommonEnd) {
        let held = std::mem::take(&mut *self.held.lock());
        if !held.has_begun && pad.current_caps().is_none() {
            // The stream was announced and never came: it is silent.
            begin(pad, &self.plan);
        }
        let end_ns = common_end.wait_as_audio(held.end.nseconds());
        self.is_pushing.store(true, Ordering::Release);
        for buffer in held.buffers {
            let Some(buffer) = self.cut(buffer, end_ns) else { continue };
            if pad.push(buffer).is_err() {
                return;
            }
        }
        push_silence(pad, held.end, end_ns.saturating_sub(held.end.nseconds()), &self.plan);
    }

    /// The part of a buffer before `end_ns`; `None` if nothing is left.
    fn cut(&self, buffer: gst::Buffer, end_ns: u64) -> Option<gst::Buffer> {
        let (pts, duration) = (buffer.pts()?, buffer.duration()?);
        if (pts + duration).nseconds() <= end_ns {
            return Some(buffer);
        }
        self.region(&buffer, pts, 0, end_ns.saturating_sub(pts.nseconds()))
    }

    /// The samples of a buffer from one time since its begin to another, heard at `pts`; `None` if there is none.
    fn region(
        &self,
        buffer: &gst::Buffer,
        pts: gst::ClockTime,
        from_ns: u64,
        to_ns: u64,
    ) -> Option<gst::Buffer> {
        let rate = u64::from(self.plan.sample_rate_hz);
        // To the nearest: times are rounded down, and one sample less of each buffer would add up.
        let sample_at = |ns: u64| (ns.saturating_mul(rate) + 500_000_000) / 1_000_000_000;
        let most = buffer.size() as u64 / bytes_per_sample(&self.plan);
        let (from, to) = (sample_at(from_ns), sample_at(to_ns).min(most));
        let byte_at = |sample: u64| usize::try_from(sample * bytes_per_sample(&self.plan)).ok();
        let bytes = byte_at(from)?..byte_at(to)?;
        if bytes.is_empty() {
            return None;
        }
        let mut part = buffer.copy_region(gst::BufferCopyFlags::all(), bytes).ok()?;
        let region = part.get_mut()?;
        region.set_pts(pts);
        region.set_duration(gst::ClockTime::from_nseconds((to - from) * 1_000_000_000 / rate));
        Some(part)
    }
}

impl Held {
    /// Holds a buffer back. Returns what has been held for long enough, in order.
    fn add(&mut self, buffer: gst::Buffer) -> Vec<Ready> {
        let Some(pts) = buffer.pts() else { return Vec::new() };
        let mut ready = Vec::new();
        let gap = pts.saturating_sub(self.end);
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        if gap > if is_first { gst::ClockTime::ZERO } else { SHORTEST_GAP } {
            ready.extend(self.buffers.drain(..).map(Ready::Samples));
            ready.push(Ready::Silence { begin: self.end, length_ns: gap.nseconds() });
        }
        self.end = pts + buffer.duration().unwrap_or(gst::ClockTime::ZERO);
        self.buffers.push_back(buffer);
        while self.buffers.front().and_then(|b| b.pts()).is_some_and(|p| p + HELD_BACK < pts) {
            ready.extend(self.buffers.pop_front().map(Ready::Samples));
        }
        ready
    }
}

/// Sends the events that begin a stream.
fn begin(pad: &gst::Pad, plan: &AudioPlan) {
    let caps = gst::Caps::builder("audio/x-raw")
        .field("format", "F32LE")
        .field("layout", "interleaved")
        .field("rate", i32::try_from(plan.sample_rate_hz).unwrap_or(i32::MAX))
        .field("channels", i32::try_from(plan.channels).unwrap_or(i32::MAX))
        .field("channel-mask", gst::Bitmask(0x3))
        .build();
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    // An element that refuses an event refuses the silence, too, and reports its reason on the bus.
    pad.push_event(gst::event::StreamStart::new(&plan.stream_id));
    pad.push_event(gst::event::Caps::new(&caps));
    pad.push_event(gst::event::Segment::new(&segment));
}

/// Bytes of one sample of all channels: F32LE has four per channel.
fn bytes_per_sample(plan: &AudioPlan) -> u64 {
    u64::from(plan.channels) * 4
}

/// Pushes `duration_ns` of silence from `pts` on, one second at a time.
fn push_silence(pad: &gst::Pad, mut pts: gst::ClockTime, duration_ns: u64, plan: &AudioPlan) {
    let rate = u64::from(plan.sample_rate_hz);
    let time_of = |samples: u64| gst::ClockTime::from_nseconds(samples * 1_000_000_000 / rate);
    let mut samples = duration_ns * rate / 1_000_000_000;
    while samples > 0 {
        let part = samples.min(rate);
        let bytes = usize::try_from(part * bytes_per_sample(plan)).unwrap_or(0);
        let mut silence = gst::Buffer::from_mut_slice(vec![0_u8; bytes]);
        if let Some(buffer) = silence.get_mut() {
            buffer.set_pts(pts);
            buffer.set_duration(time_of(part));
        }
        // An element that refuses a buffer reports its reason on the bus.
        if pad.push(silence).is_err() {
            return;
        }
        pts += time_of(part);
        samples -= part;
    }
}
