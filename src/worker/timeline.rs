//! When frames are shown: one timeline for all renditions, a common end, and segments.

pub(crate) mod audio_tail;
pub(crate) mod clean_start;
pub(crate) mod common_end;
pub(crate) mod damage;
pub(crate) mod edited;
pub(crate) mod even_times;
pub(crate) mod frame_grid;
pub(crate) mod segment_event;
pub(crate) mod segmenter;
pub(crate) mod timestamps;
