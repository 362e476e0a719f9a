//! The URI handler of `ladderdrangesrc`, by which the discoverer finds the element.

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::subclass::prelude::*;

use super::imp::RangeSrc;

const SCHEME: &str = "ladderd-source";
/// The only URI. It names no file: the process has one source.
pub(super) const URI: &str = "ladderd-source://source";

impl URIHandlerImpl for RangeSrc {
    const URI_TYPE: gst::URIType = gst::URIType::Src;

    fn protocols() -> &'static [&'static str] {
        &[SCHEME]
    }

    fn uri(&self) -> Option<String> {
        Some(URI.to_owned())
    }

    fn set_uri(&self, _uri: &str) -> Result<(), glib::Error> {
        Ok(())
    }
}
