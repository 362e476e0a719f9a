//! Posters, made by a worker: from an image that somebody uploaded, or from a frame of the published stream.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::edit::Additions;
use super::stream::Stream;
use crate::domain::hls::published::{VodPlaylist, poster_video};
use crate::domain::job::VideoId;
use crate::domain::record::JobOutcome;
use crate::domain::still::Still;
use crate::domain::thumbnail::Thumbnail;
use crate::encryption;
use crate::job::adapters::read_text;
use crate::job::error::Error;
use crate::job::follow::WorkerSettings;
use crate::job::records;
use crate::publish::decrypt_segment;
use crate::source::{self, Source};
use crate::worker::parent::Output;

/// Longest run of a worker that makes a poster.
const LONGEST: Duration = Duration::from_mins(1);

/// Bytes in memory as the source of a worker.
struct InMemory(Bytes);

#[async_trait]
impl Source for InMemory {
    fn size_bytes(&self) -> u64 {
        self.0.len() as u64
    }

    async fn read(&self, offset: u64, len: u32) -> Result<Bytes, source::Error> {
        let end = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(self.0.len());
        Ok(self.0.slice(end(offset)..end(offset.saturating_add(u64::from(len)))))
    }
}

impl Additions {
    /// The poster (JPEG) of an image.
    ///
    /// # Errors
    /// If no worker can read it.
    pub async fn image(&self, image: Bytes) -> Result<Bytes, Error> {
        self.still(image, Still { offset_ns: 0 }).await
    }

    /// The poster (JPEG) of the frame that is shown at this time of a published stream. `None` if it has none.
    ///
    /// # Errors
    /// If a segment cannot be read, or no worker can decode it.
    pub async fn frame(&self, id: &VideoId, at: Duration) -> Result<Option<Bytes>, Error> {
        let context = &self.context;
        let home = records::home_of(&context.private, &context.homes, id).await?;
        let found = records::job_record_of(home, id).await?;
        let found = found.filter(|(record, _)| record.outcome == JobOutcome::Ready);
        let Some((record, _)) = found else { return Ok(None) };
        let main = record.main.as_deref().unwrap_or_default();
        let Some(video) = poster_video(main) else { return Ok(None) };
        let key = format!("{id}/{video}");
        let playlist = VodPlaylist::parse(&read_text(home, &key).await?).unwrap_or_default();
        let at_ns = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
        let Some((segment, offset_ns)) = playlist.at(at_ns) else { return Ok(None) };
        let (folder, _) = key.rsplit_once('/').unwrap_or_default();
        let mut bytes = home.read(&format!("{folder}/{}", segment.uri)).await?.bytes;
        if let Some(iv) = &segment.iv {
            let key = Stream::key_of(&context.encryption, home, &record, main).await?;
            let plain = key.and_then(|key| decrypt_segment(&key.key, iv, &bytes));
            bytes = plain.ok_or(encryption::Error::Settings)?.into();
        }
        if let Some(map) = &playlist.map {
            let init = home.read(&format!("{folder}/{map}")).await?.bytes;
            bytes = [init, bytes].concat().into();
        }
        self.still(bytes, Still { offset_ns }).await.map(Some)
    }

    /// Lets a worker make the poster of these bytes.
    async fn still(&self, bytes: Bytes, still: Still) -> Result<Bytes, Error> {
        let context = &self.context.current();
        // Images of strangers take no more than this many workers.
        let _place = self.posters.acquire().await.map_err(|_| Error::Stopped)?;
        let settings = WorkerSettings {
            program: &context.program,
            ladder: &context.ladder,
            encode: &context.encode,
            limits: &context.limits,
            jobs: &context.config,
            sandbox: context.sandbox,
        };
        let mut worker = settings.start_still(Arc::new(InMemory(bytes)), still)?;
        let poster = tokio::time::timeout(LONGEST, async {
            let mut poster = None;
            while let Some(output) = worker.next().await? {
                if let Output::Thumbnail(Thumbnail::Poster, jpeg) = output {
                    poster = Some(jpeg);
                }
            }
            poster.ok_or(Error::Unfinished)
        });
        let poster = poster.await;
        worker.kill().await;
        poster.unwrap_or(Err(Error::TooSlow { limit_secs: LONGEST.as_secs() }))
    }
}
