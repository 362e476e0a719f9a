//! GStreamer elements of our own, in the manner of gst-plugins-rs.

pub(crate) mod alpha_remover;
pub(crate) mod av1_decoder;
pub(crate) mod range_source;
pub(crate) mod scaler;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod tone_mapper;
pub(crate) mod video_filter;
