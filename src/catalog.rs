//! The catalog: an index of all videos, for lists and searches. The buckets are the truth; the index is rebuilt
//! from them, in the background, when it is lost, damaged or of another release.
//!
//! A row has the facts that the records state ([`Known`](crate::domain::view::Known)), as they were read last. It is
//! read anew when [`Changes`](crate::changes::Changes) names its video, when the video is due (its upload may have
//! arrived, or its end has come), and when the daily comparison finds another version of its records.

mod compare;
mod expiry;
mod facts;
mod failures;
mod index;
mod list;
mod refresh;
mod schema;
mod summary;
mod tags;
#[cfg(test)]
mod tests;

pub use self::facts::Facts;
pub use self::failures::Failures;
pub use self::index::Error;
pub use self::list::Page;
pub use self::refresh::Catalog;
pub use self::summary::Summary;
