//! Uploads whose event was lost.

use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use jiff::Timestamp;

use super::{Housekeeping, age};
use crate::domain::claim::{ClaimRecord, ClaimState};
use crate::domain::job::{JobRequest, VideoId};
use crate::domain::message;
use crate::domain::record::{self, CLAIMS_PREFIX};
use crate::job::error::Error;
use crate::job::{claim, records};
use crate::store::{self, Entry, Precondition, PutOptions};

/// While messages wait, a source without a claim is taken to wait among them for this long.
const BACKLOG_PATIENCE: Duration = Duration::from_hours(6);

impl Housekeeping {
    /// Queues the sources that no message ever brought to a box: a claim shows that one did, and
    /// from then on the queue loses nothing.
    pub(super) async fn reconcile(&self) -> Result<(), Error> {
        let first_start = self.first_start().await?;
        let own = self.own().await?;
        let mut left_alone = 0;
        let grace = Duration::from_secs(self.config.event_grace_secs);
        let backlog = self.inspect.depth().await?.visible > 0;
        let mut sources = self.sources();
        while let Some((id, source)) = sources.try_next().await? {
            let (id, source) = (id.as_str(), &source);
            let waited = age(source.last_modified);
            let seen = own.claims.get(id).is_some_and(|at| *at >= source.last_modified);
            if seen || waited < grace || (backlog && waited < BACKLOG_PATIENCE) {
                continue;
            }
            let is_known = own.claims.contains_key(id) || own.records.contains_key(id);
            let is_older = source.last_modified < first_start;
            if is_older && !is_known && !self.config.adopt_existing {
                left_alone += 1;
                continue;
            }
            tracing::warn!(id, key = source.key, "no event came for this upload: it is queued");
            self.queue(source).await?;
        }
        if left_alone > 0 {
            tracing::info!(
                left_alone,
                "objects are older than the first start; housekeeping.adopt_existing queues them"
            );
        }
        Ok(())
    }

    /// Time of the first start with this private bucket, by the clock of the store.
    pub(super) async fn first_start(&self) -> Result<Option<Timestamp>, Error> {
        let (private, key) = (&self.context.private, format!("{CLAIMS_PREFIX}first-start"));
        if let Err(error) = private.head(&key).await {
            let store::Error::NotFound { .. } = error else { return Err(error.into()) };
            let precondition = Precondition::Absent;
            let options =
                PutOptions { content_type: "text/plain", precondition, ..PutOptions::default() };
            match private.put(&key, Bytes::from(self.context.box_id.clone()), options).await {
                Ok(_) | Err(store::Error::PreconditionFailed { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(private.head(&key).await?.last_modified)
    }

    /// Sends a message for the source, then notes that there is one.
    async fn queue(&self, source: &Entry) -> Result<(), Error> {
        let context = &self.context;
        context.enqueue.send(&message::own(context.private.name(), &source.key)).await?;
        let id = VideoId::of_source(context.private.name(), &source.key);
        let seen = claim::read(&context.private, &id).await?;
        if seen.as_ref().is_some_and(|(claim, _, _)| claim.source_etag == source.etag) {
            return Ok(());
        }
        let note = ClaimRecord::without_attempt(ClaimState::Queued, &context.box_id, &source.etag);
        let condition =
            seen.as_ref().map_or(Precondition::Absent, |(_, _, etag)| Precondition::Etag(etag));
        let key = record::claim_key(&id);
        match context.private.put_json(&key, &note, None, condition).await {
            // Whoever was faster has seen the source, too.
            Ok(_) | Err(store::Error::PreconditionFailed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let request = JobRequest {
            bucket: context.private.name().to_owned(),
            key: source.key.clone(),
            etag: None,
            size_bytes: None,
            sequencer: None,
        };
        let head = store::Head {
            etag: source.etag.clone(),
            size_bytes: source.size_bytes,
            last_modified: source.last_modified,
        };
        records::upload_record(&context.private, &request, &head).await.map(drop)
    }
}
