//! The videos that event streams watch: one task per video, however many watch it.
//!
//! The first watcher of a video starts its task and the last one ends it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, watch};
use tokio::time::Instant;

use crate::domain::job::VideoId;
use crate::domain::video::VideoView;
use crate::domain::watching::Budget;
use crate::http::error::Error;

/// Event streams at the same time. Fewer than the API has connections: the rest of it stays reachable.
const MAX_STREAMS: usize = 3072;
/// First looks at the same time: many pages that come back at once must not crowd out players.
const MAX_FIRST_LOOKS: usize = 16;
/// Shortest time between two logged failures of looks.
const LOG_EVERY: Duration = Duration::from_mins(1);

/// A video, as its watchers see it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Sight {
    /// Nobody has looked yet.
    Unseen,
    /// The video.
    Video(Box<VideoView>),
    /// There is no such video, or it was deleted.
    Unknown,
    /// The first look failed, for this reason.
    Failed(String),
}

/// The watched videos. Clones share them.
#[derive(Clone)]
pub struct Watches(Arc<Inner>);

struct Inner {
    videos: Mutex<HashMap<VideoId, watch::Sender<Sight>>>,
    streams: Arc<Semaphore>,
    of_senders: Mutex<HashMap<String, usize>>,
    first_looks: Semaphore,
    start: Instant,
    budget: Mutex<Budget>,
    logged: Mutex<Option<Instant>>,
}

/// The place of one event stream among those of its sender, until it is dropped.
pub(in crate::http) struct OwnPlace {
    watches: Watches,
    sender: String,
}

impl Drop for OwnPlace {
    fn drop(&mut self) {
        let mut senders = self.watches.0.of_senders.lock();
        if let Some(taken) = senders.get_mut(&self.sender) {
            *taken -= 1;
            if *taken == 0 {
                senders.remove(&self.sender);
            }
        }
    }
}

impl Default for Watches {
    fn default() -> Self {
        Self(Arc::new(Inner {
            videos: Mutex::default(),
            streams: Arc::new(Semaphore::new(MAX_STREAMS)),
            of_senders: Mutex::default(),
            first_looks: Semaphore::new(MAX_FIRST_LOOKS),
            start: Instant::now(),
            budget: Mutex::default(),
            logged: Mutex::default(),
        }))
    }
}

impl Watches {
    /// Takes the place of one event stream. `None` if all are taken.
    pub(in crate::http) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.streams).try_acquire_owned().ok()
    }

    /// Takes the place of one event stream of this sender. `None` if it has `most` of them.
    pub(in crate::http) fn place_of(&self, sender: &str, most: usize) -> Option<OwnPlace> {
        let mut senders = self.0.of_senders.lock();
        let taken = senders.entry(sender.to_owned()).or_default();
        if *taken >= most {
            return None;
        }
        *taken += 1;
        Some(OwnPlace { watches: self.clone(), sender: sender.to_owned() })
    }

    /// Watches a video. `start` gets its entry if nobody watches it yet, and shows it from then on.
    pub(super) fn watch(
        &self,
        id: &VideoId,
        start: impl FnOnce(Watched),
    ) -> watch::Receiver<Sight> {
        let mut videos = self.0.videos.lock();
        if let Some(sender) = videos.get(id) {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(Sight::Unseen);
        videos.insert(id.clone(), sender.clone());
        drop(videos);
        start(Watched { watches: self.clone(), id: id.clone(), sender });
        receiver
    }

    /// Waits for the place of a first look.
    pub(super) async fn first_look(&self) -> Option<SemaphorePermit<'_>> {
        self.0.first_looks.acquire().await.ok()
    }

    /// Waits for the turn of so many requests.
    pub(super) async fn turn(&self, requests: u32) {
        tokio::time::sleep_until(self.charge(requests)).await;
    }

    /// Takes so many requests out of the budget without waiting for their turn: later looks wait longer.
    pub(super) fn charge(&self, requests: u32) -> Instant {
        let now = self.0.start.elapsed();
        self.0.start + self.0.budget.lock().reserve(now, requests)
    }

    /// Logs failures, but not each: an outage of the store fails the looks at all videos.
    pub(super) fn warn(&self, id: &VideoId, error: &Error) {
        let mut logged = self.0.logged.lock();
        if logged.is_none_or(|at| at.elapsed() >= LOG_EVERY) {
            tracing::warn!(video.id = %id, %error, "failed to look up a watched video");
            *logged = Some(Instant::now());
        }
    }
}

/// The entry of a video among the watched ones. It is removed when this is dropped.
pub(super) struct Watched {
    pub(super) watches: Watches,
    pub(super) id: VideoId,
    sender: watch::Sender<Sight>,
}

impl Watched {
    /// Shows the video. Returns whether it had changed.
    pub(super) fn show(&self, sight: Sight) -> bool {
        self.sender.send_if_modified(|shown| {
            let is_new = *shown != sight;
            *shown = sight;
            is_new
        })
    }

    /// Completes when nobody watches any more. From then on, the next watcher starts anew.
    pub(super) async fn is_left(&self) {
        loop {
            self.sender.closed().await;
            let mut videos = self.watches.0.videos.lock();
            if self.sender.receiver_count() == 0 {
                videos.remove(&self.id);
                return;
            }
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut videos = self.watches.0.videos.lock();
        if videos.get(&self.id).is_some_and(|sender| sender.same_channel(&self.sender)) {
            videos.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_video_has_one_entry_for_all_its_watchers_until_the_last_one_leaves() {
        let (watches, id) = (Watches::default(), VideoId::of_source("uploads", "k"));
        let mut entries = Vec::new();
        let first = watches.watch(&id, |watched| entries.push(watched));
        let second = watches.watch(&id, |watched| entries.push(watched));
        assert_eq!(entries.len(), 1);
        let watched = entries.remove(0);
        assert!(watched.show(Sight::Unknown) && !watched.show(Sight::Unknown));
        drop(first);
        let left = tokio::spawn(async move { watched.is_left().await });
        tokio::task::yield_now().await;
        assert!(!left.is_finished(), "one still watches");
        assert_eq!(*second.borrow(), Sight::Unknown);
        drop(second);
        left.await.unwrap();
        let _third = watches.watch(&id, |watched| entries.push(watched));
        assert_eq!(entries.len(), 1, "the next watcher starts anew");
        entries.clear();
        assert!(watches.0.videos.lock().is_empty(), "an entry that ends is removed");
    }

    #[tokio::test]
    async fn places_for_event_streams_end_and_are_free_again() {
        let watches = Watches::default();
        let mut places: Vec<_> = std::iter::from_fn(|| watches.place()).collect();
        assert_eq!(places.len(), MAX_STREAMS);
        drop(places.pop());
        assert!(watches.place().is_some());
    }
}
