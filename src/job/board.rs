//! The board: what this process knows of the videos it works on, for the API to show.
//!
//! It is a view, never a record: whatever must survive is in the buckets.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::domain::metadata::Metadata;
use crate::domain::trace::Trace;
use crate::domain::video::{VideoState, VideoView};
use crate::tracer::Tracer;

/// The running jobs of this process. Cheap to clone.
#[derive(Clone, Default)]
pub struct Board {
    jobs: Arc<Mutex<HashMap<String, Entry>>>,
    /// By video: those who wait for a job at it.
    waiting: Arc<Mutex<HashMap<String, Arc<Notify>>>>,
}

struct Entry {
    view: watch::Sender<VideoView>,
    cancel: CancellationToken,
    /// The steps of the job, if it notes them.
    tracer: Option<Tracer>,
}

impl Entry {
    /// The view as it is now.
    fn view(&self) -> VideoView {
        let view = self.view.borrow().clone();
        if self.cancel.is_cancelled() {
            return VideoView { state: VideoState::Deleting, playable: false, ..view };
        }
        view
    }
}

impl Board {
    /// Puts a running job on the board. `None` if the video has a job here already.
    #[must_use]
    pub fn start(&self, view: VideoView, cancel: CancellationToken) -> Option<Ticket> {
        let mut jobs = self.jobs.lock();
        if jobs.contains_key(&view.id) {
            return None;
        }
        let id = view.id.clone();
        let view = watch::Sender::new(view);
        jobs.insert(id.clone(), Entry { view: view.clone(), cancel, tracer: None });
        drop(jobs);
        if let Some(waiting) = self.waiting.lock().get(&id) {
            waiting.notify_waiters();
        }
        Some(Ticket { board: self.clone(), id, view })
    }

    /// The view of a video that has a job here.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<VideoView> {
        self.jobs.lock().get(id).map(Entry::view)
    }

    /// The steps so far of a job here.
    #[must_use]
    pub fn trace(&self, id: &str) -> Option<Trace> {
        self.jobs.lock().get(id)?.tracer.as_ref().map(Tracer::trace)
    }

    /// Changes of a video that has a job here; the channel closes when the job leaves the board.
    #[must_use]
    pub fn subscribe(&self, id: &str) -> Option<watch::Receiver<VideoView>> {
        self.jobs.lock().get(id).map(|entry| entry.view.subscribe())
    }

    /// Completes when a job at this video begins here, or has begun.
    pub async fn begun(&self, id: &str) {
        let waiting = Waiting::new(self, id);
        let notified = waiting.begun.notified();
        tokio::pin!(notified);
        // From here on, a job that begins is noticed.
        notified.as_mut().enable();
        if !self.jobs.lock().contains_key(id) {
            notified.await;
        }
    }

    /// Shows changed metadata of a video that has a job here.
    pub fn describe(&self, id: &str, metadata: &Metadata) {
        if let Some(entry) = self.jobs.lock().get(id) {
            entry.view.send_modify(|view| view.metadata = metadata.clone());
        }
    }

    /// All jobs here.
    #[must_use]
    pub fn list(&self) -> Vec<VideoView> {
        self.jobs.lock().values().map(Entry::view).collect()
    }

    /// Number of jobs here.
    #[must_use]
    pub fn count(&self) -> usize {
        self.jobs.lock().len()
    }

    /// Asks the job of this video to stop. False if there is none here.
    #[must_use]
    pub fn cancel(&self, id: &str) -> bool {
        self.jobs.lock().get(id).inspect(|entry| entry.cancel.cancel()).is_some()
    }
}

/// A job's place on the board; it leaves the board when this is dropped.
pub struct Ticket {
    board: Board,
    id: String,
    view: watch::Sender<VideoView>,
}

impl Ticket {
    /// Changes the view and tells all who watch.
    pub fn update(&self, change: impl FnOnce(&mut VideoView)) {
        self.view.send_modify(change);
    }

    /// Shows the steps of the job, too.
    pub fn trace_to(&self, tracer: &Tracer) {
        if let Some(entry) = self.board.jobs.lock().get_mut(&self.id) {
            entry.tracer = Some(tracer.clone());
        }
    }

    /// The view at each change.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<VideoView> {
        self.view.subscribe()
    }

    /// The view as it is now.
    #[must_use]
    pub fn view(&self) -> VideoView {
        self.view.borrow().clone()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.board.jobs.lock().remove(&self.id);
    }
}

/// Somebody who waits for a job.
struct Waiting<'a> {
    board: &'a Board,
    id: &'a str,
    begun: Arc<Notify>,
}

impl<'a> Waiting<'a> {
    fn new(board: &'a Board, id: &'a str) -> Self {
        let begun = Arc::clone(board.waiting.lock().entry(id.to_owned()).or_default());
        Self { board, id, begun }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waiting = self.board.waiting.lock();
        // The map and this one.
        if Arc::strong_count(&self.begun) <= 2 {
            waiting.remove(self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::video::VideoState;

    fn start(board: &Board, id: &str) -> Ticket {
        let view = VideoView::new(id, String::new(), VideoState::Running, String::new());
        board.start(view, CancellationToken::new()).unwrap()
    }

    #[tokio::test]
    async fn a_job_that_begins_wakes_those_who_wait_for_its_video_and_nobody_else() {
        let board = Board::default();
        let wait = |id: &'static str| {
            let board = board.clone();
            tokio::spawn(async move { board.begun(id).await })
        };
        let (first, second, other) = (wait("a"), wait("a"), wait("b"));
        tokio::task::yield_now().await;
        let ticket = start(&board, "a");
        first.await.unwrap();
        second.await.unwrap();
        // It has begun already.
        board.begun("a").await;
        tokio::task::yield_now().await;
        assert!(!other.is_finished());
        drop(ticket);
        assert_eq!(board.waiting.lock().keys().collect::<Vec<_>>(), ["b"]);
        other.abort();
        assert!(other.await.is_err());
        assert!(board.waiting.lock().is_empty());
    }
}
