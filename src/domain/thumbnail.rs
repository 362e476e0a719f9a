//! Thumbnails of a video: the poster, and the sheets of the storyboard.

use serde::{Deserialize, Serialize};

/// Kind and place of one JPEG beside the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "thumbnail", rename_all = "kebab-case")]
pub enum Thumbnail {
    /// The frame that represents the video in lists and before playback.
    Poster,
    /// One sheet of the storyboard: small frames side by side in rows.
    StoryboardSheet {
        /// Number of the sheet, from 0.
        number: u32,
        /// Frames on this sheet.
        tiles: u32,
    },
}
