//! Edits of a published stream, under the claim of its video.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::kept::Kept;
use super::stream::{Present, Stream, note_tracks};
use crate::domain::hls::names::OWN_POSTER_PREFIX;
use crate::domain::job::VideoId;
use crate::domain::record::{JobOutcome, JobRecord, OwnPoster};
use crate::domain::text_track::RENDITION_PREFIX;
use crate::domain::video::VideoView;
use crate::domain::view;
use crate::job::adapters::{self, StreamTarget};
use crate::job::board::Ticket;
use crate::job::claim::{Claim, End};
use crate::job::context::Context;
use crate::job::deletion::Deletions;
use crate::job::error::Error;
use crate::job::signals::Signals;
use crate::job::{gate, records};
use crate::publish::Target;
use crate::store::Home;

/// Edits in a row until the stream has what is kept. Somebody adds something meanwhile, or it is enough.
const MOST_EDITS: u32 = 5;

/// State of the additions of a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The stream has what is kept.
    Published,
    /// A job works on the video, or will: its stream gets what is kept.
    Pending,
}

/// Workers that make posters at the same time.
const POSTER_WORKERS: usize = 2;

/// Puts additions into published streams. Clones share its connections.
#[derive(Clone)]
pub struct Additions {
    pub(super) context: Context,
    /// Places of workers that make posters.
    pub(super) posters: Arc<Semaphore>,
}

/// An edit that has its claim.
struct Edit<'a> {
    context: &'a Context,
    id: &'a VideoId,
    home: &'a Home,
    claim: &'a Claim,
    ticket: &'a Ticket,
}

impl Additions {
    /// Additions to the videos that these jobs make.
    #[must_use]
    pub fn of(context: &Context) -> Self {
        let (context, posters) = (context.clone(), Arc::new(Semaphore::new(POSTER_WORKERS)));
        Self { context, posters }
    }

    /// Puts what is kept of a video into its stream, if it has one. `view` is the video as it is shown meanwhile.
    ///
    /// # Errors
    /// If the store fails, or the video is deleted meanwhile.
    pub async fn settle(&self, id: &VideoId, view: &VideoView) -> Result<Settled, Error> {
        let context = &self.context;
        let mut last = None;
        for _ in 0..MOST_EDITS {
            let home = records::home_of(&context.private, &context.homes, id).await?;
            let found = records::job_record_of(home, id).await?;
            let found = found.filter(|(record, _)| record.outcome == JobOutcome::Ready);
            // An edit that changes nothing cannot publish what is kept: a stream without video has no text tracks.
            let Some((record, version)) =
                found.filter(|(_, version)| last.as_ref() != Some(version))
            else {
                return Ok(Settled::Pending);
            };
            last = Some(version);
            if Kept::list(&context.private, id).await?.is_in(&record) {
                return Ok(Settled::Published);
            }
            match Box::pin(self.edit(id, view)).await {
                Ok(()) => {}
                Err(Error::Busy) => return Ok(Settled::Pending),
                Err(error) => return Err(error),
            }
        }
        Ok(Settled::Pending)
    }

    /// Takes the claim, edits the stream and gives the claim back.
    async fn edit(&self, id: &VideoId, view: &VideoView) -> Result<(), Error> {
        let context = &self.context;
        let cancel = CancellationToken::new();
        let ticket = context.board.start(view.clone(), cancel.clone()).ok_or(Error::Busy)?;
        let name = format!("e{}", hex::encode(rand::random::<[u8; 6]>()));
        let is_settled = records::is_settled(context, id).await?;
        let claim =
            Claim::take_for_move(context, id, &name, is_settled, ticket.subscribe()).await?;
        let never = CancellationToken::new();
        let signals = Signals { stop: &never, cancel: &cancel, lost: &never, claim: Some(&claim) };
        let edited = async {
            // A delete writes its tombstone first and then looks for claims, so one of the two finds the other.
            if Deletions::of(context).is_deleted(id).await? {
                return Err(Error::Cancelled);
            }
            let home = records::home_of(&context.private, &context.homes, id).await?;
            Edit { context, id, home, claim: &claim, ticket: &ticket }.run().await
        };
        let edited = signals.guard(Box::pin(edited)).await;
        let released = match &edited {
            Err(Error::ClaimLost) => Ok(()),
            Err(Error::Cancelled) => {
                drop(claim);
                records::withdraw(context, id, &name).await
            }
            Ok(()) | Err(_) => claim.end(End::Done).await,
        };
        if let Err(error) = released {
            tracing::warn!(%id, %error, "failed to release the claim of an edit, it will expire");
        }
        edited
    }
}

impl Edit<'_> {
    async fn run(&self) -> Result<(), Error> {
        let Self { context, id, home, .. } = *self;
        let found = records::job_record_of(home, id).await?;
        let found = found.filter(|(record, _)| record.outcome == JobOutcome::Ready);
        let Some((record, version)) = found else { return Ok(()) };
        let main = match &record.main {
            Some(main) => main.clone(),
            // An earlier release kept no text of it.
            None => adapters::read_main(home, id).await?.ok_or(Error::Busy)?.0,
        };
        let kept = Kept::list(&context.private, id).await?;
        let key = Stream::key_of(&context.encryption, home, &record, &main).await?;
        let opened = Arc::new(StreamTarget::open(home, id).await?);
        let target = Arc::clone(&opened) as Arc<dyn Target>;
        let (folder, private) = (&record.attempt_id, &context.private);
        let stream = Stream { private, home, id, folder, main: &main, key: key.as_ref() };
        let own_poster = record.own_poster.as_ref();
        let present = Present { tracks: &record.text_tracks, own_poster };
        let added = stream.add(&target, &kept, present).await?;
        if added.tracks == record.text_tracks && added.own_poster == record.own_poster {
            return Ok(());
        }
        let report = gate::check_text_tracks(home, id, &added, key.as_ref()).await;
        if let Some(broken) = report.musts().next() {
            let error = Error::NotConformant(broken.clone());
            self.sweep(&record).await?;
            return Err(error);
        }
        self.claim.hold().await?;
        opened.flip(added.main.clone()).await?;
        let mut renditions = record.renditions.clone();
        renditions.retain(|rendition| !rendition.name.starts_with(RENDITION_PREFIX));
        renditions.extend(added.renditions);
        let gone = record.text_tracks.iter().filter(|old| !added.tracks.contains(old));
        let gone = gone.map(|old| format!("{folder}/{}/", old.rendition));
        let is_gone = |old: &&OwnPoster| added.own_poster.as_ref() != Some(*old);
        let gone = gone.chain(own_poster.filter(is_gone).map(|old| old.path.clone()));
        let superseded = records::superseded(context, &record, gone);
        let edited = JobRecord {
            main: Some(added.main),
            text_tracks: added.tracks,
            own_poster: added.own_poster,
            renditions,
            superseded,
            ..record.clone()
        };
        records::put_job_record(home, &edited, Some(&(record, version))).await?;
        context.changes.note(id);
        note_tracks(context, id, &edited.text_tracks).await;
        self.sweep(&edited).await?;
        self.ticket.update(|view| view::finished(view, edited));
        tracing::info!(%id, "the additions of a video are in its stream");
        Ok(())
    }

    /// Removes additions that neither this record names nor viewers still load.
    async fn sweep(&self, record: &JobRecord) -> Result<(), Error> {
        let now = self.context.private.clock().now();
        let below = format!("{}/", self.id);
        let mut keys = Vec::new();
        for begin in [RENDITION_PREFIX, OWN_POSTER_PREFIX] {
            let prefix = format!("{below}{}/{begin}", record.attempt_id);
            keys.extend(self.home.list(&prefix).await?.into_iter().map(|entry| entry.key));
        }
        let shown = records::shown_folders(self.home, self.id).await?;
        keys.retain(|key| {
            key.strip_prefix(&below).is_some_and(|path| record.is_left_over(path, &shown, now))
        });
        self.claim.hold().await?;
        Ok(self.home.delete_immutable(&keys).await?)
    }
}
