//! Changes of the visibility of a video: its stream moves to the other home.
//!
//! A move takes the claim, so that no job works on the video meanwhile. It copies the stream to a new folder in
//! the other home, changes the upload record, which is the moment that counts, and deletes the old stream. A move
//! that dies before that moment has left copies that nobody is shown, and one that dies after it an old stream:
//! the sweep removes either, as a stream that is not in the home of its video.

use futures_util::{StreamExt, TryStreamExt};
use tokio_util::sync::CancellationToken;

use super::adapters;
use super::additions::Additions;
use super::board::Ticket;
use super::claim::{Claim, End};
use super::context::Context;
use super::deletion::Deletions;
use super::error::Error;
use super::records::{self, Versioned};
use super::signals::Signals;
use crate::domain::download;
use crate::domain::hls::names;
use crate::domain::job::VideoId;
use crate::domain::play::playlist::{self, Kind};
use crate::domain::record::{self, JobOutcome, JobRecord, UploadRecord};
use crate::domain::video::VideoView;
use crate::domain::visibility::Visibility;
use crate::store::{self, Bucket, Home, Precondition};

/// Copies at the same time.
const CONCURRENT_COPIES: usize = 8;
/// How often the upload record is written anew that others change at the same moment.
const COMMIT_TRIES: u32 = 10;

/// State after a request to change the visibility of a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// The video has this visibility.
    Done,
    /// A job works on the video, or will.
    Busy,
    /// The keys of the stream are for players with a token alone.
    KeysArePrivate,
    /// The video has no upload record.
    Unknown,
}

/// Moves videos between the homes. Clones share its connections.
#[derive(Clone)]
pub struct Moves(Context);

/// How far a move has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The stream is copied, and nobody is shown the copy.
    Copy,
    /// The request that changes the upload record was sent.
    Commit,
}

/// A move that has its claim.
struct Move<'a> {
    id: &'a VideoId,
    claim: &'a Claim,
    /// Folder of the copy.
    folder: &'a str,
    from: &'a Home,
    into: &'a Home,
}

impl Moves {
    /// Moves of the videos that these jobs make.
    #[must_use]
    pub fn of(context: &Context) -> Self {
        Self(context.clone())
    }

    /// Makes a video visible to these viewers. `view` is the video as it is shown meanwhile.
    ///
    /// # Errors
    /// If the store fails, or the video is deleted meanwhile.
    pub async fn change(
        &self,
        id: &VideoId,
        view: VideoView,
        visibility: Visibility,
    ) -> Result<Moved, Error> {
        let (context, cancel) = (&self.0, CancellationToken::new());
        let Some(ticket) = context.board.start(view, cancel.clone()) else {
            return Ok(Moved::Busy);
        };
        let folder = format!("a{}", hex::encode(rand::random::<[u8; 6]>()));
        let is_settled = records::is_settled(context, id).await?;
        let taken =
            Claim::take_for_move(context, id, &folder, is_settled, ticket.subscribe()).await;
        let claim = match taken {
            Ok(claim) => claim,
            Err(Error::Busy) => return Ok(Moved::Busy),
            Err(error) => return Err(error),
        };
        let never = CancellationToken::new();
        let signals = Signals { stop: &never, cancel: &cancel, lost: &never, claim: Some(&claim) };
        let mut step = Step::Copy;
        let moved = self.change_claimed(id, &claim, &folder, visibility, &signals, &mut step).await;
        if let Err(error) = self.end(id, claim, &folder, moved.is_ok(), step, &ticket).await {
            tracing::warn!(%id, %error, "failed to release the claim of a move, it will expire");
        }
        let view = ticket.view();
        drop(ticket);
        // A request that added something during the move found its claim.
        if !matches!(moved, Err(Error::Cancelled))
            && let Err(error) = Box::pin(Additions::of(context).settle(id, &view)).await
        {
            tracing::warn!(%id, %error, "failed to add what was added during a move");
        }
        moved
    }

    async fn change_claimed(
        &self,
        id: &VideoId,
        claim: &Claim,
        folder: &str,
        visibility: Visibility,
        signals: &Signals<'_>,
        step: &mut Step,
    ) -> Result<Moved, Error> {
        let context = &self.0;
        // A delete writes its tombstone first and then looks for claims, so one of the two finds the other.
        if Deletions::of(context).is_deleted(id).await? {
            return Err(Error::Cancelled);
        }
        let key = record::upload_record_key(id);
        let upload = context.private.read_json_version::<UploadRecord>(&key).await?;
        let Some((upload, version)) = upload else { return Ok(Moved::Unknown) };
        let (from, into) = (context.homes.of(upload.visibility), context.homes.of(visibility));
        let this = Move { id, claim, folder, from, into };
        if upload.visibility == visibility {
            // An earlier change may have left the old stream.
            for other in context.homes.all() {
                if other.visibility() != visibility {
                    this.remove(other).await?;
                }
            }
            return Ok(Moved::Done);
        }
        let mut found = records::job_record_of(from, id).await?;
        if let Some((record, _)) = &mut found
            && record.outcome == JobOutcome::Ready
            && record.main.is_none()
        {
            // An earlier release kept no text of it.
            let Some((main, _)) = adapters::read_main(from, id).await? else {
                return Ok(Moved::Busy);
            };
            record.main = Some(main);
        }
        if let Some((record, _)) = &found
            && this.has_private_keys(record).await?
        {
            return Ok(Moved::KeysArePrivate);
        }
        signals.guard(Box::pin(this.copy(found.as_ref()))).await?;
        claim.hold().await?;
        *step = Step::Commit;
        commit(&context.private, &key, (upload, version), visibility).await?;
        tracing::info!(%id, ?visibility, "the visibility of a video is changed");
        // Nothing undoes the change from here on: the sweep removes what a failure leaves.
        if let Err(error) = this.remove(from).await {
            // Who asks for privacy must know that it is not complete. Another request tries once more.
            if visibility == Visibility::Private {
                return Err(error);
            }
            tracing::warn!(%id, %error, "failed to remove the old stream of a moved video, the sweep does");
        }
        Ok(Moved::Done)
    }

    /// Gives the claim back. Removes the copy of a move that failed before it tried to change the upload record;
    /// after that, the request may still arrive, and the sweep removes the copy once it cannot any more.
    async fn end(
        &self,
        id: &VideoId,
        claim: Claim,
        folder: &str,
        is_done: bool,
        step: Step,
        ticket: &Ticket,
    ) -> Result<(), Error> {
        let context = &self.0;
        match (is_done, step) {
            (false, Step::Copy) => {
                drop(claim);
                return records::withdraw(context, id, folder).await;
            }
            (false, Step::Commit) => return Ok(()),
            (true, _) => {}
        }
        let home = records::home_of(&context.private, &context.homes, id).await?;
        ticket.update(|view| {
            view.visibility = home.visibility();
            view.playback_url = context.urls.main(id, home.visibility());
        });
        match records::job_record_of(home, id).await? {
            Some(_) => claim.end(End::Done).await,
            None => claim.remove().await,
        }
    }
}

impl Move<'_> {
    /// Whether the playlists name keys that the gateway serves, which a public stream cannot have.
    async fn has_private_keys(&self, record: &JobRecord) -> Result<bool, store::Error> {
        let Some(main) = record.main.as_deref().filter(|_| record.outcome == JobOutcome::Ready)
        else {
            return Ok(false);
        };
        let mut first = None;
        playlist::rewrite(main, |kind, uri| {
            first = first.take().or((kind == Kind::Playlist).then(|| uri.to_owned()));
            None
        });
        let Some(first) = first else { return Ok(false) };
        let read = self.from.read(&format!("{}/{first}", self.id)).await?;
        let text = read.unzipped().unwrap_or_default();
        let mut found = false;
        playlist::rewrite(&String::from_utf8_lossy(&text), |kind, uri| {
            found |= kind == Kind::Key && uri.starts_with("../key?");
            None
        });
        Ok(found)
    }

    /// Copies the stream and its record to the new home, and shows it there.
    async fn copy(&self, found: Option<&Versioned>) -> Result<(), Error> {
        // An earlier move may have left something.
        self.remove(self.into).await?;
        let Some((record, _)) = found else { return Ok(()) };
        if record.outcome == JobOutcome::Failed {
            return records::put_job_record(self.into, record, None).await.map(drop);
        }
        let old = format!("{}/{}/", self.id, record.attempt_id);
        let copies = self.from.entries(&old).map(|entry| {
            let old = &old;
            async move {
                let key = entry?.key;
                let path = key.strip_prefix(old.as_str()).unwrap_or_default();
                // It is made anew by whoever asks, and may be larger than a copy can be.
                if path.starts_with(download::PREFIX) {
                    return Ok(());
                }
                let to = format!("{}/{}/{path}", self.id, self.folder);
                let visibility = self.into.visibility();
                let cache = |of: &str| names::cache_control_of_copy(visibility, of);
                self.into.copy_from(self.from, &key, &to, cache).await
            }
        });
        let copied: Result<(), store::Error> =
            copies.buffer_unordered(CONCURRENT_COPIES).try_for_each(|()| async { Ok(()) }).await;
        copied?;
        let moved = record.in_folder(self.folder);
        self.claim.hold().await?;
        if let Some(main) = moved.main.clone() {
            adapters::show(self.into, self.id, main, None).await?;
        }
        records::put_job_record(self.into, &moved, None).await?;
        Ok(())
    }

    /// Removes all objects of the video from a home.
    async fn remove(&self, home: &Home) -> Result<(), Error> {
        let listed = home.list(&format!("{}/", self.id)).await?;
        if listed.is_empty() {
            return Ok(());
        }
        self.claim.hold().await?;
        let keys = listed.iter().map(|entry| entry.key.clone()).collect();
        Ok(records::delete_listed(home, &listed, keys).await?)
    }
}

/// Writes the new visibility into the upload record. The claim guards the visibility, and nothing else: metadata may
/// have changed since the record was read.
async fn commit(
    private: &Bucket,
    key: &str,
    (mut upload, mut version): (UploadRecord, String),
    visibility: Visibility,
) -> Result<(), Error> {
    let before = upload.visibility;
    for _ in 0..COMMIT_TRIES {
        let changed = UploadRecord { visibility, ..upload };
        match private.put_json(key, &changed, None, Precondition::Etag(&version)).await {
            Ok(_) => return Ok(()),
            Err(store::Error::PreconditionFailed { .. } | store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let found = private.read_json_version::<UploadRecord>(key).await?;
        match found {
            // An earlier request of ours may have been done without an answer to it.
            Some((found, _)) if found == changed => return Ok(()),
            Some((found, etag)) if found.visibility == before => (upload, version) = (found, etag),
            Some(_) | None => return Err(Error::ClaimLost),
        }
    }
    Err(Error::ClaimLost)
}
