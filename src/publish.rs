//! Publishing: uploads segments, playlists, thumbnails and subtitles while the worker encodes.
//!
//! Invariant: an object is written before any playlist that names it, so no viewer sees a broken
//! state. Segments come first, then the event playlist that names them. After the first segment of
//! every rendition, `main.m3u8` points to the event playlists. At the end come subtitles, chapters and VOD
//! playlists, and [`Finished::flip`] points `main.m3u8` to the VOD playlists in one write.

mod chapters;
mod cue_track;
mod encryption;
mod error;
mod finished;
pub mod folder;
mod measured;
mod multivariant;
mod object;
mod publication;
mod rendition_playlists;
mod rendition_uploader;
mod subtitles;
mod thumbnails;

pub use self::cue_track::CueTrack;
pub use self::encryption::{OutsideSegment, decrypt_segment};
pub use self::error::{Error, Incomplete};
pub use self::finished::{Finished, Flipped};
pub use self::multivariant::planned_renditions;
pub use self::object::{Object, Target};
pub use self::publication::Publication;
pub use self::thumbnails::ThumbnailPaths;

#[cfg(test)]
mod tests;
