//! Sources that cannot be published.

use crate::domain::failure_code::FailureCode;
use crate::domain::outcome::Fault;

/// Reasons why a source cannot be published. The texts are for the person who uploaded it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The source has neither video nor audio that can be played.
    #[error("The file has no video: it holds {found}. Upload a file with a video stream.")]
    NoVideo {
        /// Content of the source instead.
        found: String,
    },
    /// The source has video, but no decoder is installed for it.
    #[error(
        "The file's video cannot be decoded here ({formats}). Convert it to MP4 with H.264 video \
         and upload that."
    )]
    Undecodable {
        /// Names of the formats.
        formats: String,
    },
    /// The frames are smaller than an encoder takes.
    #[error(
        "The video is {width} x {height} pixels, which is too small to encode: the minimum is \
         2 x 2."
    )]
    PictureTooSmall {
        /// Width of the upright frame in pixels.
        width: u32,
        /// Height of the upright frame in pixels.
        height: u32,
    },
}

impl Fault for Error {
    fn code(&self) -> FailureCode {
        match self {
            Self::NoVideo { .. } => FailureCode::NoVideo,
            Self::Undecodable { .. } => FailureCode::Undecodable,
            Self::PictureTooSmall { .. } => FailureCode::PictureTooSmall,
        }
    }
}
