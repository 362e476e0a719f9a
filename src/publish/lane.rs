//! One rendition's way to the target: its segments in order, its event playlist behind each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::playlists::LanePlaylists;
use super::{Error, Target, encrypt};
use crate::domain::hls::key_frames::{self, KeyFrames};

/// Whole segments that wait for their upload, beside the one that is on its way. Two keep the
/// connection busy; four rungs and a sound hold some 30 MB at most.
const WAITING_SEGMENTS: usize = 2;

/// A segment on its way.
pub(super) struct LaneSegment {
    pub(super) number: u32,
    pub(super) duration_ns: u64,
    pub(super) bytes: Bytes,
    /// What this segment and those behind it are read with.
    pub(super) init: Option<Bytes>,
}

/// What a lane has published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Published {
    pub(super) segments: Vec<Measured>,
    /// Its key frames, each with the time until the next one; none for sound.
    pub(super) pictures: Vec<Measured>,
    /// When the first of them is shown, in ticks of the stream's 90 kHz clock.
    pub(super) first_pts: u64,
}

/// Size and duration of a published segment, or of a picture in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measured {
    pub(super) bytes: u64,
    pub(super) duration_ns: u64,
}

/// The lane. Dropping it ends the uploads.
pub(super) struct Lane {
    sender: mpsc::Sender<LaneSegment>,
    task: Option<JoinHandle<Result<Published, Error>>>,
    published: Arc<AtomicU32>,
}

impl Lane {
    /// Starts an empty lane.
    pub(super) fn start(target: Arc<dyn Target>, playlists: LanePlaylists) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_SEGMENTS);
        let published = Arc::<AtomicU32>::default();
        let task = tokio::spawn(upload(target, playlists, receiver, Arc::clone(&published)));
        Self { sender, task: Some(task), published }
    }

    /// Segments that the event playlist names.
    pub(super) fn published(&self) -> u32 {
        self.published.load(Ordering::Acquire)
    }

    /// Waits for room, then queues the segment.
    pub(super) async fn push(&mut self, segment: LaneSegment) -> Result<(), Error> {
        if self.sender.send(segment).await.is_ok() {
            return Ok(());
        }
        match self.outcome().await {
            Err(error) => Err(error),
            Ok(_) => Err(Error::Incomplete("a lane ended before its segments".to_owned())),
        }
    }

    /// Waits until all is published, the final playlists included.
    pub(super) async fn finish(mut self) -> Result<Published, Error> {
        // The task ends with the last sender.
        self.sender = mpsc::channel(1).0;
        self.outcome().await
    }

    async fn outcome(&mut self) -> Result<Published, Error> {
        let Some(task) = self.task.take() else {
            return Err(Error::Incomplete("a lane has failed before".to_owned()));
        };
        match task.await {
            Ok(result) => result,
            Err(error) => Err(Error::Incomplete(format!("a lane broke down: {error}"))),
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn upload(
    target: Arc<dyn Target>,
    mut playlists: LanePlaylists,
    mut segments: mpsc::Receiver<LaneSegment>,
    published: Arc<AtomicU32>,
) -> Result<Published, Error> {
    let mut measured = Vec::new();
    while let Some(segment) = segments.recv().await {
        if usize::try_from(segment.number).ok() != Some(measured.len()) {
            return Err(Error::Incomplete(format!(
                "segment {} came where {} was due",
                segment.number,
                measured.len()
            )));
        }
        if let Some(init) = segment.init {
            target.put(playlists.init(init)).await?;
        }
        let (number, mut bytes) = (segment.number, segment.bytes);
        let mut found = KeyFrames::default();
        if playlists.has_pictures() {
            let (plain, init) = (bytes.clone(), playlists.init_section());
            let find = move || key_frames::find(init.as_deref(), &plain);
            found = blocking(number, find).await?;
        }
        if let Some(key) = playlists.key() {
            let sealed = blocking(number, move || encrypt::seal(&key, &bytes, found)).await?;
            if let Some(pictures) = playlists.sealed(number, &sealed) {
                target.put(pictures).await?;
            }
            (bytes, found) = (sealed.segment, sealed.found);
        }
        // What is measured is what players load: padding included.
        measured.push(Measured { bytes: bytes.len() as u64, duration_ns: segment.duration_ns });
        if playlists.has_pictures() {
            playlists.pictures(number, found);
        }
        target.put(playlists.segment(number, bytes)).await?;
        if let Some(playlist) = playlists.grown(segment.duration_ns) {
            target.put(playlist).await?;
        }
        published.fetch_add(1, Ordering::AcqRel);
    }
    if measured.is_empty() {
        return Err(Error::Incomplete("a rendition has no segment".to_owned()));
    }
    for object in playlists.closed() {
        target.put(object).await?;
    }
    let (pictures, first_pts) = (playlists.measured_pictures(), playlists.first_pts());
    Ok(Published { segments: measured, pictures, first_pts })
}

/// Runs what takes a while with a segment where nothing waits for it.
async fn blocking<T: Send + 'static>(
    number: u32,
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| Error::Incomplete(error.to_string()))?;
    done.map_err(|error| Error::Incomplete(format!("segment {number}: {error}")))
}
