//! Settings of the news of videos.

use crate::domain::declare::settings;

settings! {
    /// News of changed videos among the boxes that share two buckets.
    #[derive(Copy, Eq)]
    pub struct Config {
        /// Seconds between two looks for changes of other boxes, each of which is one request to list objects.
        /// A box with the embedded store is alone and never looks.
        poll_secs: u64 = 5, 1..=3600;
        /// Seconds for which changes are kept for boxes that were away.
        keep_secs: u64 = 86_400, 3600..=30 * 86_400;
    }
}
