//! Coded frames, on their way from a segment into a file.

/// A coded frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) data: Vec<u8>,
    /// Decoding time in ticks of the track.
    pub(super) dts: u64,
    /// Presentation time minus decoding time.
    pub(super) composition: i32,
    pub(super) is_sync: bool,
}
