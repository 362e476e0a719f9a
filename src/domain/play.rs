//! Playback of private streams: who may watch, under which URLs, and for how long.

pub mod claims;
pub mod link_life;
pub mod playlist;
pub mod target;
pub mod tiles;
