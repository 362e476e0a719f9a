//! Selects a programme of a transport stream, of which `tsdemux` shows one.

use gstreamer as gst;
use gstreamer::prelude::*;

/// Makes all demuxers of transport streams that this bin adds from now on show this programme. Without one,
/// they show the first.
pub(crate) fn select(bin: &gst::Bin, program: Option<u16>) {
    let Some(program) = program else { return };
    // Runs on the thread that adds the element, before it streams.
    bin.connect_deep_element_added(move |_, _, element| {
        if element.factory().is_some_and(|factory| factory.name() == "tsdemux") {
            element.set_property("program-number", i32::from(program));
        }
    });
}
