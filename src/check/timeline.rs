//! The timeline of the video, against which I-frame playlists and subtitles are verified.

/// Measured times of one video rendition.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeline<'a> {
    /// URI of its media playlist, for messages.
    pub(super) uri: &'a str,
    /// Presentation time of the first frame in ticks of 90 kHz; `None` if the first segment could not be read, or if
    /// timestamps begin anew at a discontinuity.
    pub(super) first_pts: Option<u64>,
    /// Duration of one frame in seconds.
    pub(super) frame_secs: f64,
    /// Duration of all segments in seconds; `None` if segments could not be read, or if more are to come.
    pub(super) duration_secs: Option<f64>,
}
