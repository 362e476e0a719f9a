//! The pipeline of a job: its parts, how they are linked, and what it says on its bus.

pub(crate) mod audio;
pub(crate) mod builder;
pub(crate) mod bus;
pub(crate) mod cmaf_sink;
pub(crate) mod complete;
pub(crate) mod element;
pub(crate) mod heads;
pub(crate) mod hls_sink;
pub(crate) mod ladder;
pub(crate) mod limit_probe;
pub(crate) mod pipeline;
pub(crate) mod segment_sink;
pub(crate) mod skipped;
pub(crate) mod source_caps;
pub(crate) mod source_end;
pub(crate) mod standstill;
pub(crate) mod subtitles;
pub(crate) mod thumbnails;
pub(crate) mod video;
