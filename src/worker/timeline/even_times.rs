//! Even times for telecined film: its frames last two and three fields in turns, and are shown for the mean of
//! both.

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use crate::domain::plan::VideoPlan;

/// Moves the frames that arrive at this pad to the nearest multiples of a frame's duration behind the first
/// frame, if the plan wants that.
pub(crate) fn install(pad: &gst::Pad, plan: &VideoPlan) {
    if !plan.evens_times {
        return;
    }
    let (plan, first) = (plan.clone(), Mutex::new(None));
    // Runs on the decoder's streaming thread: changes timestamps.
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(gst::PadProbeData::Buffer(buffer)) = &mut info.data
            && let Some(pts) = buffer.pts()
        {
            let first = *first.lock().get_or_insert(pts);
            if let Some(since) = pts.checked_sub(first) {
                let even_ns = plan.nearest_frame_time_ns(since.nseconds());
                let buffer = buffer.make_mut();
                buffer.set_pts(first + gst::ClockTime::from_nseconds(even_ns));
                buffer.set_duration(gst::ClockTime::from_nseconds(plan.frame_time_ns(1)));
            }
        }
        gst::PadProbeReturn::Ok
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::encode::EncodeConfig;
    use crate::domain::media::Fraction;

    /// Times in milliseconds of frames that pass the pad at these times.
    fn passed(times_ms: &[u64], evens_times: bool) -> Vec<u64> {
        gst::init().unwrap();
        let plan = VideoPlan::grid(Fraction::new(24_000, 1001), &EncodeConfig::default());
        let pad = gst::Pad::builder(gst::PadDirection::Src).build();
        install(&pad, &VideoPlan { evens_times, ..plan });
        let found = Arc::new(Mutex::new(Vec::new()));
        let passed = Arc::clone(&found);
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            passed.lock().push(info.buffer().unwrap().pts().unwrap().mseconds());
            gst::PadProbeReturn::Drop
        });
        pad.set_active(true).unwrap();
        pad.push_event(gst::event::StreamStart::new("film"));
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        pad.push_event(gst::event::Segment::new(&segment));
        for time in times_ms {
            let mut buffer = gst::Buffer::new();
            buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_mseconds(*time));
            pad.push(buffer).unwrap();
        }
        std::mem::take(&mut *found.lock())
    }

    #[test]
    fn frames_of_two_and_three_fields_come_at_even_times() {
        let even = [750, 791, 833, 875, 916, 958];
        assert_eq!(passed(&[750, 800, 833, 883, 917, 967], true), even);
        assert_eq!(passed(&[750, 783, 833, 867, 917, 950], true), even);
        assert_eq!(passed(&[750, 800, 833], false), [750, 800, 833]);
    }
}
