//! Sizes and durations of what is published, for the rates of the multivariant playlist.

/// Size and duration of one media segment, or of one entry of an I-frame playlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measured {
    /// Size as players load it, encryption padding included.
    pub(super) bytes: u64,
    pub(super) duration_ns: u64,
}

/// Everything that was uploaded of one rendition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct UploadedRendition {
    pub(super) segments: Vec<Measured>,
    /// The key frames, each with the time until the next one; empty for audio.
    pub(super) iframes: Vec<Measured>,
    /// Presentation time of the first key frame in ticks of 90 kHz; 0 for audio.
    pub(super) first_pts: u64,
}

impl UploadedRendition {
    pub(super) fn duration_ns(&self) -> u64 {
        self.segments.iter().map(|segment| segment.duration_ns).sum()
    }

    pub(super) fn segment_count(&self) -> u32 {
        u32::try_from(self.segments.len()).unwrap_or(u32::MAX)
    }
}
