//! Our own GStreamer elements, in the manner of gst-plugins-rs: each folder has the wrapper type
//! and its registration in `mod.rs`, the subclass in `imp.rs`.

pub(crate) mod alpha_remover;
#[cfg(feature = "rav1d")]
pub(crate) mod av1_decoder;
pub(crate) mod codec_alias;
pub(crate) mod colour_converter;
pub(crate) mod frame_rate;
pub(crate) mod gotomeeting;
mod n_threads;
pub(crate) mod range_source;
pub(crate) mod scaler;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod tone_mapper;
mod video_filter;
