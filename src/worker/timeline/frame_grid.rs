//! The frame grid: every frame of the output has its place at the constant frame rate.

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use crate::domain::frame_pacing::{FramePacer, Shown};
use crate::domain::plan::VideoPlan;
use crate::worker::timeline::common_end::CommonEnd;

/// Longest duration of a last frame that is believed. Decoders state the interval of the container's rate,
/// which may be that of a film for a film's rate of 1 frame per second or less.
const MAX_LAST_FRAME_NS: u64 = 1_000_000_000;

/// The grid of one video stream. Elements that make constant rates take the nearest frame, so they show
/// frames early: up to half a gap, which is minutes in recordings of slides. This grid never does.
#[derive(Default)]
pub(crate) struct FrameGrid(Mutex<State>);

#[derive(Default)]
struct State {
    pacer: FramePacer<gst::Buffer>,
    /// End of the last frame, in nanoseconds.
    end_ns: u64,
    /// Place of the frame that is being pushed.
    passing: Option<u64>,
}

impl FrameGrid {
    /// Number and time of the place that the current frame has, if it was pushed by this grid. All other
    /// frames go to [`Self::take`].
    pub(crate) fn passing(&self, plan: &VideoPlan) -> Option<(u64, gst::ClockTime)> {
        let number = self.0.lock().passing?;
        Some((number, gst::ClockTime::from_nseconds(plan.frame_time_ns(number))))
    }

    /// Takes a frame that is about to pass `pad` and pushes those that it settles, one for each place. Each
    /// push runs the probe on `pad` once more. The lock is never held meanwhile.
    pub(crate) fn take(
        &self,
        pad: &gst::Pad,
        frame: &gst::Buffer,
        plan: &VideoPlan,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let Some(time) = frame.pts() else { return Ok(gst::FlowSuccess::Ok) };
        let time_ns = time.nseconds();
        let place = plan.due_place(time_ns);
        let off_ns = plan.frame_time_ns(place).abs_diff(time_ns);
        let settled = {
            let mut state = self.0.lock();
            let lasts_ns = frame.duration().map_or(0, gst::ClockTime::nseconds);
            state.end_ns = time_ns + lasts_ns.min(MAX_LAST_FRAME_NS);
            state.pacer.push(frame.clone(), place, off_ns)
        };
        self.push(pad, settled, plan)
    }

    /// Ends the stream: waits for the common end, which is not before the stated end of the container,
    /// and repeats the last frame until then. Blocks the streaming thread that calls it.
    pub(crate) fn finish(&self, pad: &gst::Pad, plan: &VideoPlan, common_end: &CommonEnd) {
        let (needed, end_ns) = {
            let state = self.0.lock();
            (state.pacer.places(), state.end_ns)
        };
        if needed == 0 {
            common_end.wait_as_video(0, |longest_ns| longest_ns);
            return;
        }
        let mut wanted = needed.max(plan.frames_in_ns(end_ns.max(common_end.stated_ns())));
        common_end.wait_as_video(plan.frame_time_ns(wanted), |longest_ns| {
            wanted = wanted.max(plan.frames_in_ns(longest_ns));
            // splitmuxsink does not cut before a last segment of one frame.
            if wanted > 1 && plan.begins_segment(wanted - 1) {
                wanted += 1;
            }
            plan.frame_time_ns(wanted)
        });
        let settled = self.0.lock().pacer.finish(wanted);
        // An element that refuses a frame reports its reason on the bus.
        self.push(pad, settled, plan).ok();
    }

    fn push(
        &self,
        pad: &gst::Pad,
        settled: Vec<Shown<gst::Buffer>>,
        plan: &VideoPlan,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let mut pushed = Ok(gst::FlowSuccess::Ok);
        for Shown { frame, places } in settled {
            for number in places {
                let mut copy = frame.copy();
                let time_ns = plan.frame_time_ns(number);
                if let Some(buffer) = copy.get_mut() {
                    let duration_ns = plan.frame_time_ns(number + 1) - time_ns;
                    buffer.set_pts(gst::ClockTime::from_nseconds(time_ns));
                    buffer.set_duration(gst::ClockTime::from_nseconds(duration_ns));
                }
                self.0.lock().passing = Some(number);
                pushed = pad.push(copy);
                self.0.lock().passing = None;
                pushed?;
            }
        }
        pushed
    }
}
