//! `ladderdrate`: states another frame rate than the one upstream, in caps of any memory. Frames pass
//! untouched: the frame grid gives them their times.

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;

mod imp;

glib::wrapper! {
    /// Changes the frame rate in caps.
    pub(crate) struct FrameRate(ObjectSubclass<imp::FrameRate>)
        @extends gstreamer_base::BaseTransform, gst::Element, gst::Object;
}

/// Registers the element in this process.
pub(crate) fn register() -> Result<(), glib::BoolError> {
    gst::Element::register(None, "ladderdrate", gst::Rank::NONE, FrameRate::static_type())
}

#[cfg(test)]
mod tests {
    use super::register;
    use crate::worker::elements::testing::run;

    #[test]
    fn frames_pass_with_their_times_under_another_rate() {
        let found = run(
            register,
            "videotestsrc num-buffers=5 ! video/x-raw,format=I420,width=16,height=16,framerate=25/1 \
             ! ladderdrate ! video/x-raw,framerate=7/2 ! fakesink sync=false name=out",
            &["out"],
        );
        let times = found[0].iter().map(|frame| frame.0.unwrap().mseconds());
        assert_eq!(times.collect::<Vec<_>>(), [0, 40, 80, 120, 160]);
    }
}
