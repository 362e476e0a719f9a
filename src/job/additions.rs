//! Additions of users to their videos: text tracks, and a poster of their own choice.
//!
//! They are kept below `additions/` in the private bucket, so that each stream of the video gets them: the one that
//! is published, by an edit under the claim of the video, and every later one before its flip. An edit uploads new
//! renditions beside the stream, lets the gate check them, flips `main.m3u8` once and writes the completion record.
//! A user writes an addition first and then looks for a claim; a job gives its claim back first and then looks for
//! additions. So one of the two finds the other.

mod edit;
mod kept;
mod poster;
mod stream;

pub use self::edit::{Additions, Settled};
pub use self::kept::Kept;
pub(super) use self::stream::{Added, add_to_finished, note_tracks};
