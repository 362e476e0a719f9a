//! Upload of one rendition: its segments in order, and its event playlist after each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::encryption;
use super::error::{Error, Incomplete};
use super::measured::{Measured, UploadedRendition};
use super::object::Target;
use super::rendition_playlists::RenditionPlaylists;
use crate::domain::hls::key_frames::{self, KeyFrames};
use crate::domain::segment::Segment;

/// Segments that may wait for upload behind the one that is being uploaded. Two keep the connection
/// busy; four rungs and one audio rendition then hold some 30 MB at most.
const WAITING_SEGMENTS: usize = 2;

/// The upload task of one rendition. Dropping it aborts the upload.
pub(super) struct RenditionUploader {
    sender: mpsc::Sender<Segment>,
    /// `None` once its result was taken.
    task: Option<JoinHandle<Result<UploadedRendition, Error>>>,
    /// Segments that are uploaded and named by the event playlist.
    published: Arc<AtomicU32>,
}

impl RenditionUploader {
    /// Spawns the task with an empty queue.
    pub(super) fn start(target: Arc<dyn Target>, playlists: RenditionPlaylists) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_SEGMENTS);
        let published = Arc::<AtomicU32>::default();
        let upload = Upload { target, playlists, measured: Vec::new() };
        let task = tokio::spawn(upload.run(receiver, Arc::clone(&published)));
        Self { sender, task: Some(task), published }
    }

    /// Segments that are uploaded and named by the event playlist.
    pub(super) fn published(&self) -> u32 {
        self.published.load(Ordering::Acquire)
    }

    /// Queues a segment; waits while the queue is full.
    ///
    /// # Errors
    /// The error that ended the task.
    pub(super) async fn push(&mut self, segment: Segment) -> Result<(), Error> {
        if self.sender.send(segment).await.is_ok() {
            return Ok(());
        }
        match self.result().await {
            Err(error) => Err(error),
            Ok(_) => Err(Incomplete::Task("no segment was expected".to_owned()).into()),
        }
    }

    /// Waits until all segments and the final playlists are uploaded.
    ///
    /// # Errors
    /// The error that ended the task.
    pub(super) async fn finish(mut self) -> Result<UploadedRendition, Error> {
        // The task ends when the last sender is dropped.
        self.sender = mpsc::channel(1).0;
        self.result().await
    }

    async fn result(&mut self) -> Result<UploadedRendition, Error> {
        let Some(task) = self.task.take() else {
            return Err(Incomplete::Task("it failed before".to_owned()).into());
        };
        task.await.map_err(|error| Incomplete::Task(error.to_string()))?
    }
}

impl Drop for RenditionUploader {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// State of the upload task.
struct Upload {
    target: Arc<dyn Target>,
    playlists: RenditionPlaylists,
    measured: Vec<Measured>,
}

impl Upload {
    async fn run(
        mut self,
        mut segments: mpsc::Receiver<Segment>,
        published: Arc<AtomicU32>,
    ) -> Result<UploadedRendition, Error> {
        while let Some(segment) = segments.recv().await {
            self.segment(segment).await?;
            published.fetch_add(1, Ordering::AcqRel);
        }
        if self.measured.is_empty() {
            return Err(Incomplete::NoSegment.into());
        }
        for object in self.playlists.final_playlists() {
            self.target.put(object).await?;
        }
        let iframes = self.playlists.measured_iframes();
        let first_pts = self.playlists.first_pts();
        Ok(UploadedRendition { segments: self.measured, iframes, first_pts })
    }

    /// Uploads a segment, then the event playlist that names it.
    async fn segment(&mut self, segment: Segment) -> Result<(), Error> {
        let Segment { number, duration_ns, mut bytes, init, .. } = segment;
        let expected = u32::try_from(self.measured.len()).unwrap_or(u32::MAX);
        if number != expected {
            return Err(Incomplete::OutOfOrder { found: number, expected }.into());
        }
        if let Some(init) = init {
            self.target.put(self.playlists.set_init(init)).await?;
        }
        let mut key_frames = KeyFrames::default();
        if self.playlists.has_iframes() {
            let (plain, init) = (bytes.clone(), self.playlists.init());
            let found = blocking(move || key_frames::find(init.as_deref(), &plain)).await?;
            key_frames = found.map_err(|source| Incomplete::KeyFrames { number, source })?;
        }
        if let Some(key) = self.playlists.key() {
            let encrypted =
                blocking(move || encryption::encrypt_segment(&key, &bytes, key_frames)).await?;
            let encrypted = encrypted.map_err(|source| Incomplete::Encrypt { number, source })?;
            if let Some(iframes) = self.playlists.add_encrypted(number, &encrypted) {
                self.target.put(iframes).await?;
            }
            (bytes, key_frames) = (encrypted.segment, encrypted.key_frames);
        }
        self.measured.push(Measured { bytes: bytes.len() as u64, duration_ns });
        if self.playlists.has_iframes() {
            self.playlists.add_key_frames(number, key_frames);
        }
        self.target.put(self.playlists.segment(number, bytes)).await?;
        if let Some(playlist) = self.playlists.add_segment(duration_ns) {
            self.target.put(playlist).await?;
        }
        Ok(())
    }
}

/// Runs work of some milliseconds off the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|error| Incomplete::Task(error.to_string()))?)
}
