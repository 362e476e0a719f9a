//! HLS as text and numbers: names, playlists, rates, codec strings (RFC 8216).

pub mod codecs;
pub mod fragments;
pub mod key;
pub mod key_frames;
pub mod media_playlist;
pub mod multivariant;
pub mod names;
pub mod rates;
pub mod storyboard;
pub mod webvtt;
