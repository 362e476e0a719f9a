//! When frames are shown: one timeline for all renditions, a common end, and segments.

pub(crate) mod common_end;
pub(crate) mod segment_event;
pub(crate) mod segmenter;
