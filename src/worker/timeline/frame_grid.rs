//! The frame grid: every frame of the output has its place at the constant frame rate.

use std::ops::Range;

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use crate::domain::plan::VideoPlan;
use crate::worker::timeline::common_end::CommonEnd;

/// The grid of one video stream, and the last frame that was placed on it.
#[derive(Default)]
pub(crate) struct FrameGrid(Mutex<Placed>);

#[derive(Default)]
struct Placed {
    /// Frames placed so far, which is the number of the next place.
    count: u64,
    last: Option<gst::Buffer>,
}

impl FrameGrid {
    /// Gives a frame that is about to pass `pad` the next place of the grid. Returns the number of that
    /// place and its time, or `None` for a frame that is earlier than the next place.
    ///
    /// Places between the last frame and this one are filled with copies of the last frame (before the
    /// first frame: with copies of it). Pushing a copy runs the probe on `pad`, and so this function, once
    /// more: the copy takes its place there. The lock is therefore never held while frames are pushed.
    ///
    /// `videorate` keeps a grid of its own until its input starts a new segment: GStreamer 1.22 then
    /// repeats frames, 1.26 goes on at the new time and leaves a hole.
    pub(crate) fn place(
        &self,
        pad: &gst::Pad,
        frame: &mut gst::Buffer,
        plan: &VideoPlan,
    ) -> Option<(u64, gst::ClockTime)> {
        let time_ns = frame.pts()?.nseconds();
        let frame_ns = plan.frame_time_ns(1);
        let (next, last) = {
            let placed = self.0.lock();
            (placed.count, placed.last.clone())
        };
        let next_ns = plan.frame_time_ns(next);
        if time_ns + frame_ns / 2 < next_ns {
            return None;
        }
        // More than half a frame, so that a time between two places always goes to the same one.
        if time_ns > next_ns + frame_ns * 3 / 5 {
            let missing = next..plan.frames_in_ns(time_ns);
            repeat(pad, last.as_ref().unwrap_or(frame), missing, plan);
        }
        let mut placed = self.0.lock();
        let number = placed.count;
        let time = gst::ClockTime::from_nseconds(plan.frame_time_ns(number));
        frame.make_mut().set_pts(time);
        placed.count += 1;
        placed.last = Some(frame.clone());
        Some((number, time))
    }

    /// Ends the stream: waits for the common end, which is not before the stated end of the container,
    /// and repeats the last frame until then. Blocks the streaming thread that calls it.
    pub(crate) fn finish(&self, pad: &gst::Pad, plan: &VideoPlan, common_end: &CommonEnd) {
        let (count, last) = {
            let mut placed = self.0.lock();
            (placed.count, placed.last.take())
        };
        let Some(last) = last else {
            common_end.wait_as_video(0, |longest_ns| longest_ns);
            return;
        };
        let mut wanted = count;
        // A smaller difference is the rounding of `videorate`.
        let stated_ns = common_end.stated_ns();
        if stated_ns > plan.frame_time_ns(count + 2) {
            wanted = plan.frames_in_ns(stated_ns);
        }
        common_end.wait_as_video(plan.frame_time_ns(wanted), |longest_ns| {
            wanted = wanted.max(plan.frames_in_ns(longest_ns));
            plan.frame_time_ns(wanted)
        });
        repeat(pad, &last, count..wanted, plan);
    }
}

/// Pushes copies of a frame at these places of the grid. An element that refuses one reports its reason
/// on the bus.
fn repeat(pad: &gst::Pad, frame: &gst::Buffer, places: Range<u64>, plan: &VideoPlan) {
    for number in places {
        let mut copy = frame.copy();
        let time_ns = plan.frame_time_ns(number);
        if let Some(buffer) = copy.get_mut() {
            let duration_ns = plan.frame_time_ns(number + 1) - time_ns;
            buffer.set_pts(gst::ClockTime::from_nseconds(time_ns));
            buffer.set_duration(gst::ClockTime::from_nseconds(duration_ns));
        }
        if pad.push(copy).is_err() {
            return;
        }
    }
}
