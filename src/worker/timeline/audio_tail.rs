//! The tail of an audio stream: held back for a moment, so that it can be cut at the common end.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use crate::domain::plan::AudioPlan;
use crate::worker::timeline::common_end::CommonEnd;

/// Audio that is held back: the longest that can lie behind the common end. That is half a frame, and
/// a frame lasts one second at most (usually 40 ms).
const HELD_BACK: gst::ClockTime = gst::ClockTime::from_mseconds(600);

/// Holds back the last buffers of one audio stream (32-bit float samples, interleaved).
pub(crate) struct AudioTail {
    held: Mutex<Held>,
    plan: AudioPlan,
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

impl AudioTail {
    /// The tail of a stream of this plan.
    pub(crate) fn new(plan: &AudioPlan) -> Self {
        Self { held: Mutex::default(), plan: plan.clone(), is_pushing: AtomicBool::new(false) }
    }

    /// Takes a buffer that is about to pass `pad`, timestamped on the job's timeline, and pushes those
    /// that no longer need to be held back. Silence fills the time before the first buffer.
    pub(crate) fn hold(&self, pad: &gst::Pad, buffer: &gst::Buffer) -> gst::PadProbeReturn {
        let Some(pts) = buffer.pts().filter(|_| !self.is_pushing.load(Ordering::Acquire)) else {
            return gst::PadProbeReturn::Ok;
        };
        let (is_first, ready) = {
            let mut held = self.held.lock();
            held.buffers.push_back(buffer.clone());
            held.end = pts + buffer.duration().unwrap_or(gst::ClockTime::ZERO);
            let mut ready = Vec::new();
            while held.buffers.front().and_then(|b| b.pts()).is_some_and(|p| p + HELD_BACK < pts) {
                ready.extend(held.buffers.pop_front());
            }
            (!std::mem::replace(&mut held.has_begun, true), ready)
        };
        self.is_pushing.store(true, Ordering::Release);
        if is_first {
            push_silence(pad, gst::ClockTime::ZERO, pts.nseconds(), &self.plan);
        }
        let pushed = ready.into_iter().try_for_each(|buffer| pad.push(buffer).map(drop));
        self.is_pushing.store(false, Ordering::Release);
        // An element that refuses a buffer reports its reason on the bus. `Ok` passes the refusal on.
        if pushed.is_err() { gst::PadProbeReturn::Ok } else { gst::PadProbeReturn::Drop }
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
        let rate = u64::from(self.plan.sample_rate_hz);
        let samples = end_ns.saturating_sub(pts.nseconds()) * rate / 1_000_000_000;
        let bytes = usize::try_from(samples * bytes_per_sample(&self.plan)).unwrap_or(0);
        let mut part = buffer.copy_region(gst::BufferCopyFlags::all(), 0..bytes).ok()?;
        part.get_mut()?.set_duration(gst::ClockTime::from_nseconds(samples * 1_000_000_000 / rate));
        (bytes > 0).then_some(part)
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
