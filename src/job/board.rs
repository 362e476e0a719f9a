//! The board: what this process knows of the videos it works on, for the API to show.
//!
//! It is a view, never a record: whatever must survive is in the buckets.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::domain::video::VideoView;

/// The running jobs of this process. Cheap to clone.
#[derive(Clone, Default)]
pub struct Board {
    jobs: Arc<Mutex<HashMap<String, Entry>>>,
    begun: watch::Sender<()>,
}

struct Entry {
    view: watch::Sender<VideoView>,
    cancel: CancellationToken,
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
        jobs.insert(id.clone(), Entry { view: view.clone(), cancel });
        drop(jobs);
        self.begun.send_replace(());
        Some(Ticket { board: self.clone(), id, view })
    }

    /// The view of a video that has a job here.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<VideoView> {
        self.jobs.lock().get(id).map(|entry| entry.view.borrow().clone())
    }

    /// Changes of a video that has a job here; the channel closes when the job leaves the board.
    #[must_use]
    pub fn subscribe(&self, id: &str) -> Option<watch::Receiver<VideoView>> {
        self.jobs.lock().get(id).map(|entry| entry.view.subscribe())
    }

    /// Changes whenever a job begins here.
    #[must_use]
    pub fn beginnings(&self) -> watch::Receiver<()> {
        self.begun.subscribe()
    }

    /// All jobs here.
    #[must_use]
    pub fn list(&self) -> Vec<VideoView> {
        self.jobs.lock().values().map(|entry| entry.view.borrow().clone()).collect()
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
