//! HLS as text and numbers: playlists, names, rates, key frames, codec strings (RFC 8216).

pub mod chapters;
pub mod codecs;
pub mod fragments;
pub mod key;
mod key_frame;
pub mod key_frames;
pub mod media_playlist;
pub mod multivariant;
pub mod names;
pub mod published;
pub mod rates;
pub mod storyboard;
mod text;
pub mod text_tracks;
mod transport_stream;
pub mod webvtt;
