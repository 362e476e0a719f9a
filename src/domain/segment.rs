//! A finished media segment on its way from the worker to the public bucket.

use bytes::Bytes;

/// One finished segment of an encoded rendition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Index of the rendition in the plan: the rungs first, then the audio renditions.
    pub rendition: u16,
    /// Number within the rendition, from 0 and without gaps.
    pub number: u32,
    /// Running time of the first frame, in nanoseconds.
    pub start_ns: u64,
    /// Duration in nanoseconds.
    pub duration_ns: u64,
    /// Content, not encrypted: an MPEG transport stream or CMAF fragments.
    pub bytes: Bytes,
    /// Initialization section that this segment and all later ones of the rendition need. Present on
    /// the first segment of a CMAF rendition, absent otherwise.
    pub init: Option<Bytes>,
}
