//! The object of the private bucket under the key of a source.

use crate::domain::record::JobRecord;
use crate::store::{self, Bucket, Head};

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
