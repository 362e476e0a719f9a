//! The probe: streams of the source, measured frame times, and facts that GStreamer does not
//! report.

pub(crate) mod audio_facts;
mod chapters;
pub(crate) mod discover;
mod dolby_vision;
pub(crate) mod file_kind;
pub(crate) mod frame_times;
mod matroska;
pub(crate) mod mp4;
mod reported;
mod statements;
mod track_limit;
mod track_number;
mod video_facts;
