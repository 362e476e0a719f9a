//! The object of the private bucket under the key of a source.

use super::context::Context;
use super::error::Error;
use crate::domain::job::JobRequest;
use crate::domain::message;
use crate::domain::record::JobRecord;
use crate::store::{self, AfterSuccess, Bucket, Head, Removal, Tagged};

/// The source of a job.
pub(super) enum SourceState {
    /// It exists, in this version.
    Present(Head),
    /// It does not exist.
    Absent(SourceAbsent),
}

/// Evidence that a source does not exist. Only [`SourceState::look`] makes one.
pub(super) struct SourceAbsent(());

impl SourceState {
    /// Looks at the source.
    ///
    /// # Errors
    /// If the store fails.
    pub(super) async fn look(private: &Bucket, key: &str) -> Result<Self, store::Error> {
        Ok(private.find(key).await?.map_or(Self::Absent(SourceAbsent(())), Self::Present))
    }
}

/// Evidence that the completion record is of the source's current version. Only
/// [`RecordedVersion::of`] makes one.
pub(super) struct RecordedVersion(JobRecord);

impl RecordedVersion {
    /// The evidence, if the record is of this version of the source.
    pub(super) fn of(record: JobRecord, head: &Head) -> Option<Self> {
        record.covers(&head.etag).then_some(Self(record))
    }

    /// The record.
    pub(super) fn record(&self) -> &JobRecord {
        &self.0
    }
}

/// Treats the source as the settings say. Asks for another job if the source is another version by now,
/// whose own event may be lost.
pub(super) async fn treat_source(
    context: &Context,
    request: &JobRequest,
    head: &Head,
) -> Result<(), Error> {
    let private = &context.private;
    let SourceState::Present(now) = SourceState::look(private, &request.key).await? else {
        return Ok(());
    };
    let is_there = now.etag == head.etag && treat_version(context, &request.key, &now).await?;
    if !is_there {
        tracing::info!("source was replaced, its new version is queued");
        context.enqueue.send(&message::own(private.name(), &request.key)).await?;
    }
    Ok(())
}

/// Treats this version of a source as the settings say. False if there is another one by now.
async fn treat_version(context: &Context, key: &str, version: &Head) -> Result<bool, Error> {
    let private = &context.private;
    Ok(match context.after_success {
        AfterSuccess::Keep => true,
        AfterSuccess::Delete => {
            // The event of a version that came meanwhile is in the queue.
            let (Removal::Gone | Removal::Changed) =
                private.delete_version(key, &version.etag).await?;
            true
        }
        AfterSuccess::Tag => private.tag_done(key, version).await? == Tagged::Done,
    })
}
