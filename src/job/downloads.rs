//! Downloads: one MP4 file of a rung and its audio, made of the published segments once somebody asks for it.
//!
//! A file lies in the folder of its attempt, so it goes when the attempt does. It appears as a whole: its parts are
//! invisible until they are joined, and whoever joins them second finds the object there. An encrypted stream has no
//! downloads, because they would show without its key what it hides.

mod segments;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::BytesMut;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use self::segments::Segments;
use super::adapters::read_text;
use super::context::Context;
use super::deletion::Deletions;
use super::error::Error;
use super::follow::WorkerSettings;
use super::records;
use crate::domain::download::{self, Remux};
use crate::domain::hls::names;
use crate::domain::hls::published::{VodPlaylist, audio_of};
use crate::domain::job::VideoId;
use crate::domain::record::{self, JobOutcome, JobRecord, UploadRecord};
use crate::domain::tombstone::Stage;
use crate::domain::visibility::Visibility;
use crate::source::Source;
use crate::store::{self, Home, PartsOptions};
use crate::worker::parent::Output;

/// Files that are made at the same time on this box.
const PLACES: usize = 2;
/// Bytes of a part: 10,000 of them are more than any stream has.
const PART_BYTES: usize = 16 << 20;

/// State of a download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Download {
    /// The file has this key in the home of these streams.
    Ready {
        /// Its key.
        key: String,
        /// Visibility of the streams.
        visibility: Visibility,
    },
    /// It is being made.
    Making,
    /// It could not be made, for this reason. Another request tries again.
    Failed(String),
    /// The video has no stream.
    NotReady,
    /// The stream is encrypted.
    Encrypted,
    /// The stream has no such rung, but these.
    NoRung(Vec<String>),
}

/// A rendition that a download is made of.
struct Rendition {
    /// Where its files are.
    below: String,
    playlist: VodPlaylist,
    /// Width and height in pixels; 0 for audio.
    size: (u16, u16),
}

/// Makes downloads. Clones share what is being made.
#[derive(Clone)]
pub struct Downloads {
    context: Context,
    places: Arc<Semaphore>,
    /// By key: nothing while the file is being made, then the reason if that failed.
    begun: Arc<Mutex<HashMap<String, Option<String>>>>,
}

impl Downloads {
    /// Downloads of the videos that these jobs make.
    #[must_use]
    pub fn of(context: &Context) -> Self {
        let (context, places) = (context.clone(), Arc::new(Semaphore::new(PLACES)));
        Self { context, places, begun: Arc::default() }
    }

    /// Looks for the download of a rung, and begins to make it if there is none.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn get(&self, id: &VideoId, rung: &str) -> Result<Download, Error> {
        let context = &self.context;
        let home = records::home_of(&context.private, &context.homes, id).await?;
        let found = records::job_record_of(home, id).await?;
        let found = found.filter(|(record, _)| record.outcome == JobOutcome::Ready);
        let Some((record, _)) = found else { return Ok(Download::NotReady) };
        let rungs = record.renditions.iter().filter(|rendition| rendition.width.is_some());
        let rungs: Vec<String> = rungs.map(|rendition| rendition.name.clone()).collect();
        if !rungs.iter().any(|known| known == rung) {
            return Ok(Download::NoRung(rungs));
        }
        let renditions = match renditions(home, &record, rung).await {
            Ok(renditions) => renditions,
            Err(
                error @ (store::Error::NotFound { .. }
                | store::Error::Rejected { .. }
                | store::Error::PreconditionFailed { .. }),
            ) => return Ok(Download::Failed(error.to_string())),
            Err(error @ (store::Error::Denied { .. } | store::Error::Unavailable { .. })) => {
                return Err(error.into());
            }
        };
        if renditions.iter().any(|rendition| rendition.playlist.key_uri.is_some()) {
            return Ok(Download::Encrypted);
        }
        let key = format!("{id}/{}/{}", record.attempt_id, download::file_name(rung));
        if home.find(&key).await?.is_some() {
            return Ok(Download::Ready { key, visibility: home.visibility() });
        }
        let mut begun = self.begun.lock();
        match begun.get(&key).cloned() {
            Some(None) => return Ok(Download::Making),
            Some(Some(reason)) => {
                begun.remove(&key);
                return Ok(Download::Failed(reason));
            }
            None => {}
        }
        begun.insert(key.clone(), None);
        drop(begun);
        let (downloads, home, rung) = (self.clone(), home.clone(), rung.to_owned());
        tokio::spawn(async move {
            let made = Box::pin(downloads.make(&home, &record, &rung, &key, &renditions)).await;
            let mut begun = downloads.begun.lock();
            match made {
                Ok(()) => drop(begun.remove(&key)),
                Err(error) => {
                    tracing::warn!(key, %error, "failed to make a download");
                    begun.insert(key, Some(error.to_string()));
                }
            }
        });
        Ok(Download::Making)
    }

    async fn make(
        &self,
        home: &Home,
        record: &JobRecord,
        rung: &str,
        key: &str,
        renditions: &[Rendition],
    ) -> Result<(), Error> {
        let context = &self.context;
        let _place = self.places.acquire().await.map_err(|_| Error::Stopped)?;
        let (segments, remux) = row(home, renditions).await?;
        let upload_key = record::upload_record_key(&record.id);
        let upload = context.private.read_json::<UploadRecord>(&upload_key).await?;
        let title = upload.and_then(|upload| upload.metadata.title);
        let disposition = download::disposition(title.as_deref(), &record.filename, rung);
        let visibility = home.visibility();
        let options = PartsOptions {
            content_type: names::CONTENT_TYPE_INIT,
            content_disposition: &disposition,
            cache_control: names::cache_control(visibility, names::CACHE_IMMUTABLE),
        };
        let upload_id = home.begin_parts(key, options).await?;
        let written = self.write(home, key, &upload_id, segments, remux).await;
        if written.is_err() {
            home.abort_multipart(key, &upload_id).await?;
            return written;
        }
        let is_kept = self.is_kept(home, record).await;
        if !matches!(is_kept, Ok(true)) {
            home.delete_immutable(&[key.to_owned()]).await?;
        }
        is_kept.map(drop)
    }

    /// Whether the files of a stream are still kept: a new stream, a move or a delete may have swept them while a
    /// download was made. Each of them writes what is read here before it lists what it sweeps.
    async fn is_kept(&self, home: &Home, record: &JobRecord) -> Result<bool, Error> {
        let (context, id) = (&self.context, &record.id);
        let tombstone = Deletions::of(context).tombstone(id).await?;
        if tombstone.is_some_and(|tombstone| tombstone.stage != Stage::Lifted) {
            return Ok(false);
        }
        let now = records::home_of(&context.private, &context.homes, id).await?;
        if now.visibility() != home.visibility() {
            return Ok(false);
        }
        let now = records::job_record_of(home, id).await?;
        let folder = format!("{}/", record.attempt_id);
        Ok(now.is_some_and(|(now, _)| {
            now.attempt_id == record.attempt_id
                || now.superseded.iter().any(|old| old.prefix == folder)
        }))
    }

    /// Lets a worker make the file, and writes it as its pieces come.
    async fn write(
        &self,
        home: &Home,
        key: &str,
        upload_id: &str,
        segments: Segments,
        remux: Remux,
    ) -> Result<(), Error> {
        let context = &self.context.current();
        let settings = WorkerSettings {
            program: &context.program,
            ladder: &context.ladder,
            encode: &context.encode,
            limits: &context.limits,
            jobs: &context.config,
            sandbox: context.sandbox,
        };
        let segments: Arc<dyn Source> = Arc::new(segments);
        let mut worker = settings.start_remux(segments, remux)?;
        let (mut parts, mut pending) = (Vec::new(), BytesMut::new());
        let written = async {
            while let Some(output) = worker.next().await? {
                if let Output::Piece(piece) = output {
                    pending.extend_from_slice(&piece);
                }
                if pending.len() >= PART_BYTES {
                    let number = u32::try_from(parts.len()).unwrap_or(u32::MAX) + 1;
                    let body = pending.split().freeze();
                    parts.push(home.put_part(key, upload_id, number, body).await?);
                }
            }
            if !pending.is_empty() || parts.is_empty() {
                let number = u32::try_from(parts.len()).unwrap_or(u32::MAX) + 1;
                parts.push(home.put_part(key, upload_id, number, pending.freeze()).await?);
            }
            match home.complete_multipart(key, upload_id, &parts).await {
                Ok(()) => Ok(()),
                // Another box was faster with the same file.
                Err(store::Error::PreconditionFailed { .. }) => {
                    Ok(home.abort_multipart(key, upload_id).await?)
                }
                Err(error) => Err(Error::from(error)),
            }
        };
        let written = written.await;
        worker.kill().await;
        written
    }
}

/// The rendition of a rung and that of its audio, which a download is made of.
async fn renditions(
    home: &Home,
    record: &JobRecord,
    rung: &str,
) -> Result<Vec<Rendition>, store::Error> {
    let (id, folder) = (&record.id, &record.attempt_id);
    let main = record.main.as_deref().unwrap_or_default();
    let size = record.renditions.iter().find(|rendition| rendition.name == rung);
    let side = |side: Option<u32>| side.and_then(|side| u16::try_from(side).ok()).unwrap_or(0);
    let size = size.map_or((0, 0), |found| (side(found.width), side(found.height)));
    let video = format!("{folder}/{rung}/{}", names::INDEX);
    let audio = audio_of(main).map(|uri| (uri.to_owned(), (0, 0)));
    let mut renditions = Vec::new();
    for (uri, size) in [(video, size)].into_iter().chain(audio) {
        let path = format!("{id}/{uri}");
        let playlist = VodPlaylist::parse(&read_text(home, &path).await?);
        let playlist = playlist.ok_or_else(|| {
            let (operation, reason) = ("read", "it is no VOD playlist".to_owned());
            store::Error::Rejected { operation, key: path.clone(), reason }
        })?;
        let below = path.strip_suffix(names::INDEX).unwrap_or_default().to_owned();
        renditions.push(Rendition { below, playlist, size });
    }
    Ok(renditions)
}

/// The segments of these renditions in a row, and the place of each.
async fn row(home: &Home, renditions: &[Rendition]) -> Result<(Segments, Remux), store::Error> {
    let (mut segments, mut places) = (Segments::new(home), Vec::new());
    for Rendition { below, playlist, size } in renditions {
        let listed = home.list(below).await?;
        places.push(segments.add(below, playlist, &listed, *size)?);
    }
    Ok((segments, Remux { renditions: places }))
}
