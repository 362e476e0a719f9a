//! News of videos: which ones have changed, on this box and on the others.
//!
//! [`Changes::note`] tells this box at once. A batch of ids then goes into a small object of the private bucket,
//! `changes/<hour>/<time>-<box>-<n>.json`, which the other boxes find by listing what comes after the last one that
//! they have seen. A change says which video to look at, never what has changed: the records are the truth. One that
//! is lost is found by the daily comparison of the catalog.

mod config;
mod feed;
#[cfg(test)]
mod tests;

pub use self::config::Config;
pub use self::feed::Changes;
