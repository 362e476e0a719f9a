//! What is in the source: streams, frame times and facts that GStreamer does not report.

pub(crate) mod discover;
pub(crate) mod frame_times;
pub(crate) mod matroska;
pub(crate) mod mp4;
