//! Uploads whose event or message was lost.

use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use jiff::Timestamp;

use super::Housekeeping;
use crate::domain::claim::{ClaimRecord, ClaimState, has_lost_message};
use crate::domain::id_map::IdMapBuilder;
use crate::domain::job::{JobRequest, VideoId};
use crate::domain::message;
use crate::domain::record::{self, CLAIMS_PREFIX};
use crate::domain::tombstone::SourceVersion;
use crate::job::error::Error;
use crate::job::{claim, records};
use crate::store::{self, Entry, Precondition, PutOptions};

/// While messages wait, a source without a claim is taken to wait among them for this long.
const BACKLOG_PATIENCE: Duration = Duration::from_hours(6);

/// The part of an upload that is lost.
#[derive(Clone, Copy, Debug)]
enum Lost {
    /// No box has ever seen it.
    Event,
    /// A box has claimed it, and its message is gone.
    Message,
}

impl Housekeeping {
    /// Queues the sources that no message will bring to a box: its event was lost, or the message was, which the
    /// claim tells.
    pub(super) async fn reconcile(&self) -> Result<(), Error> {
        let first_start = self.first_start().await?;
        let own = self.own().await?;
        let mut left_alone = 0;
        let grace = Duration::from_secs(self.config.event_grace_secs);
        let backlog = self.inspect.depth().await?.visible > 0;
        let rest = self.longest_rest();
        let mut settled = self.settled.lock().await;
        let mut still_settled = IdMapBuilder::default();
        let mut sources = self.sources();
        while let Some((id, source)) = sources.try_next().await? {
            let source = &source;
            let waited = self.age(source.last_modified);
            if waited < grace {
                continue;
            }
            let claimed_at = own.claims.get(id.as_str()).copied().flatten();
            let (lost, waited) = match claimed_at.filter(|at| Some(*at) >= source.last_modified) {
                None => (Lost::Event, waited),
                Some(at) => {
                    let rested = self.age(Some(at));
                    if rested < rest {
                        continue;
                    }
                    let is_settled = settled.get(id.as_str()) == Some(&at);
                    if is_settled || !self.message_is_lost(&id, source, rest).await? {
                        still_settled.insert(&id, at);
                        continue;
                    }
                    (Lost::Message, rested)
                }
            };
            if backlog && waited < BACKLOG_PATIENCE {
                continue;
            }
            let is_known =
                own.claims.contains_key(id.as_str()) || own.records.contains_key(id.as_str());
            let is_older = source.last_modified < first_start;
            if is_older && !is_known && !self.config.adopt_existing {
                left_alone += 1;
                continue;
            }
            if own.tombstones.contains_key(id.as_str())
                && !self.outlives_delete(&id, source).await?
            {
                continue;
            }
            tracing::warn!(%id, key = source.key, ?lost, "this upload has no message: it is queued");
            self.queue(source).await?;
        }
        *settled = still_settled.build();
        self.context.metrics.set_left_alone(left_alone);
        if left_alone > 0 {
            tracing::info!(
                left_alone,
                "objects are older than the first start; housekeeping.adopt_existing queues them"
            );
        }
        Ok(())
    }

    /// Whether the message for a source is lost, as its claim and its completion record tell. The longest time for
    /// which a message may rest is `rest`.
    async fn message_is_lost(
        &self,
        id: &VideoId,
        source: &Entry,
        rest: Duration,
    ) -> Result<bool, Error> {
        let context = &self.context;
        let claim = claim::read(&context.private, id).await?;
        let is_lost = |(claim, age, _): &(ClaimRecord, Duration, String)| {
            has_lost_message(claim, *age, &source.etag, rest)
        };
        if !claim.as_ref().is_some_and(is_lost) {
            return Ok(false);
        }
        let home = records::home_of(&context.private, &context.homes, id).await?;
        let recorded = records::job_record_of(home, id).await?;
        Ok(!recorded.is_some_and(|(record, _)| record.covers(&source.etag)))
    }

    /// Longest time for which a message may rest between two deliveries, with a margin for the delivery itself.
    fn longest_rest(&self) -> Duration {
        let queue = &self.context.queue_config;
        let pause = queue.retry.max_secs.max(queue.lease_secs);
        let grace = self.config.event_grace_secs;
        Duration::from_secs(pause.saturating_add(queue.lease_secs).saturating_add(grace))
    }

    /// Time of the first start with this private bucket, by the clock of the store.
    pub(super) async fn first_start(&self) -> Result<Option<Timestamp>, Error> {
        let (private, key) = (&self.context.private, format!("{CLAIMS_PREFIX}first-start"));
        if private.find(&key).await?.is_none() {
            let precondition = Precondition::Absent;
            let options =
                PutOptions { content_type: "text/plain", precondition, ..PutOptions::default() };
            match private
                .put(&key, Bytes::from(self.context.claimant.box_id.clone()), options)
                .await
            {
                Ok(_) | Err(store::Error::PreconditionFailed { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(private.head(&key).await?.last_modified)
    }

    /// Whether the source is not of a deleted video.
    async fn outlives_delete(&self, id: &VideoId, source: &Entry) -> Result<bool, Error> {
        let (etag, last_modified) = (source.etag.clone(), source.last_modified);
        let version = SourceVersion { etag, last_modified };
        self.deletions.may_be_queued(id, &version).await
    }

    /// Sends a message for the source, then notes that there is one.
    async fn queue(&self, source: &Entry) -> Result<(), Error> {
        let context = &self.context;
        context.enqueue.send(&message::own(context.private.name(), &source.key)).await?;
        let id = VideoId::of_source(context.private.name(), &source.key);
        let seen = claim::read(&context.private, &id).await?;
        let same_version =
            seen.as_ref().map(|(claim, _, _)| claim).filter(|c| c.source_etag == source.etag);
        let note = ClaimRecord::without_attempt(ClaimState::Queued, &source.etag);
        let note = same_version.map_or(note, ClaimRecord::queued_again);
        let condition =
            seen.as_ref().map_or(Precondition::Absent, |(_, _, etag)| Precondition::Etag(etag));
        let key = record::claim_key(&id);
        match context.private.put_json(&key, &note, None, condition).await {
            // A faster box has seen the source, too.
            Ok(_) | Err(store::Error::PreconditionFailed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let request = JobRequest {
            bucket: context.private.name().to_owned(),
            key: source.key.clone(),
            etag: None,
            size_bytes: None,
            sequencer: None,
            stored_at: None,
        };
        let head = store::Head {
            etag: source.etag.clone(),
            size_bytes: source.size_bytes,
            last_modified: source.last_modified,
            version_id: None,
        };
        let visibility = context.visibility;
        records::upload_record(&context.private, &request, &head, visibility).await.map(drop)
    }
}
