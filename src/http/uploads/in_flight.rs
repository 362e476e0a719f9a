//! Uploads that callers have begun on this box and not ended.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use parking_lot::Mutex;

use crate::catalog::Facts;
use crate::domain::job::VideoId;
use crate::http::error::Error;

/// Uploads that are looked up at the same time.
const CONCURRENT_LOOKS: usize = 16;

/// The uploads of each caller. Clones share them.
#[derive(Clone, Default)]
pub struct InFlight(Arc<Mutex<HashMap<String, Vec<Begun>>>>);

/// An upload that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Begun {
    /// Key of its source.
    key: String,
    /// End of its URLs.
    until: Instant,
}

impl InFlight {
    /// Counts an upload of this sender whose URLs are valid for `ttl`. At the limit, looks whether others have
    /// ended.
    ///
    /// # Errors
    /// [`Error::TooMany`] if the sender has `most` others.
    pub(in crate::http) async fn begin(
        &self,
        facts: &Facts,
        sender: &str,
        key: &str,
        (most, ttl): (usize, Duration),
    ) -> Result<(), Error> {
        if self.add(sender, key, most, ttl).is_ok() {
            return Ok(());
        }
        // The oldest first: one that has ended makes room, and the others can wait for the next look.
        for begun in self.keys_of(sender).chunks(CONCURRENT_LOOKS) {
            let looks =
                begun.iter().map(async |key| Box::pin(has_ended(facts, key)).await.then_some(key));
            let ended: Vec<&String> = join_all(looks).await.into_iter().flatten().collect();
            if ended.is_empty() {
                continue;
            }
            if let Some(uploads) = self.0.lock().get_mut(sender) {
                uploads.retain(|upload| !ended.contains(&&upload.key));
            }
            break;
        }
        self.add(sender, key, most, ttl).map_err(Error::TooMany)
    }

    /// Forgets an upload that was aborted.
    pub(in crate::http) fn end(&self, key: &str) {
        let mut senders = self.0.lock();
        for uploads in senders.values_mut() {
            uploads.retain(|upload| upload.key != key);
        }
        senders.retain(|_, uploads| !uploads.is_empty());
    }

    fn keys_of(&self, sender: &str) -> Vec<String> {
        let senders = self.0.lock();
        let uploads = senders.get(sender).into_iter().flatten();
        uploads.map(|upload| upload.key.clone()).collect()
    }

    /// Counts an upload, or returns the time until the first of the others ends.
    fn add(&self, sender: &str, key: &str, most: usize, ttl: Duration) -> Result<(), Duration> {
        let now = Instant::now();
        let mut senders = self.0.lock();
        for uploads in senders.values_mut() {
            uploads.retain(|upload| upload.until > now);
        }
        senders.retain(|_, uploads| !uploads.is_empty());
        let uploads = senders.entry(sender.to_owned()).or_default();
        if uploads.len() >= most {
            let first = uploads.iter().map(|upload| upload.until).min().unwrap_or(now);
            return Err(first - now);
        }
        uploads.push(Begun { key: key.to_owned(), until: now + ttl });
        Ok(())
    }
}

/// Whether the upload to this key has ended: its source is there, or was and is gone, with the video or after its
/// job. One that cannot be looked up still counts.
async fn has_ended(facts: &Facts, key: &str) -> bool {
    if matches!(facts.private.find(key).await, Ok(Some(_))) {
        return true;
    }
    let id = VideoId::of_source(facts.private.name(), key);
    let known = Box::pin(facts.of(&id)).await;
    known.is_ok_and(|(known, _)| known.job.is_some() || known.tombstone.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_has_so_many_uploads_until_they_end() {
        let in_flight = InFlight::default();
        let ttl = Duration::from_mins(1);
        for key in ["a", "b"] {
            in_flight.add("one", key, 2, ttl).unwrap();
        }
        let wait = in_flight.add("one", "c", 2, ttl).unwrap_err();
        assert!(wait <= ttl && !wait.is_zero());
        in_flight.add("two", "c", 2, ttl).unwrap();
        in_flight.end("a");
        in_flight.add("one", "d", 2, Duration::ZERO).unwrap();
        // The one whose URLs have ended counts no more.
        in_flight.add("one", "e", 2, ttl).unwrap();
        assert_eq!(in_flight.keys_of("one"), ["b", "e"]);
    }
}
