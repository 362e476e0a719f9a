//! Key frames of a segment: the entries of an I-frame playlist.

/// Byte range and time of one key frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFrame {
    /// Offset in the segment, in bytes: of the first packet in a transport stream, of the `moof` box
    /// in fragmented MP4.
    pub offset: u64,
    /// Length in bytes. Includes packets of other streams in between, or the head of the fragment.
    pub len: u64,
    /// Presentation time on the stream's clock, in ticks of 90 kHz.
    pub pts: u64,
}

/// The key frames of one segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFrames {
    /// Length in bytes of the tables (PAT and PMT) that a transport stream begins with. A decoder
    /// needs them to read a frame alone.
    pub tables_len: u64,
    /// The key frames in stream order.
    pub frames: Vec<KeyFrame>,
}

/// Reasons why a segment cannot be searched for key frames.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes are not packets of a transport stream.
    #[error("the transport stream is damaged: {0}")]
    Transport(String),
    /// A frame in a transport stream has no presentation time.
    #[error("a frame has no presentation time")]
    NoPts,
    /// A box of fragmented MP4 ends behind the last byte.
    #[error("the box at byte {0} is cut off")]
    CutOff(usize),
    /// A `moof` or `moov` box does not parse.
    #[error("the {kind} box at byte {at} is damaged: {reason}")]
    Box {
        /// Four-character code of the box.
        kind: &'static str,
        /// Offset of the box in bytes.
        at: usize,
        /// Reason of the parser.
        reason: String,
    },
    /// There is no `moov` box, or it has no track.
    #[error("the initialization section has no track")]
    NoTrack,
    /// A fragment does not state where its frames lie.
    #[error("the fragment at byte {0} does not state the place of its frames")]
    NoPlace(usize),
}
