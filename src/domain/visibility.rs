//! Who may watch a video.

use serde::{Deserialize, Serialize};

use super::declare::{OneOf, settings};

/// Who may watch a video, and with that the home of its stream.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Visibility {
    /// Everybody. The stream is in the public bucket.
    #[default]
    Public,
    /// Holders of a playback token. The stream is in the private bucket, below `streams/`.
    Private,
}

settings! {
    /// Videos that say nothing else about themselves.
    #[derive(Copy, Eq)]
    pub struct Config {
        /// Visibility of videos that are uploaded without one: "public" (the stream is in the public bucket)
        /// or "private" (it is in the private bucket, and players need a playback token).
        visibility: Visibility = Visibility::Public, OneOf;
    }
}
