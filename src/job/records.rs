//! What a job writes down: completion records, upload records; and what it clears away.

use super::{Context, Error};
use crate::domain::hls::names;
use crate::domain::job::{JobRequest, VideoId};
use crate::domain::record::{self, JobOutcome, JobRecord, UploadRecord};
use crate::domain::video::{VideoError, VideoView};
use crate::store::{self, Bucket, Head, Precondition};

/// Name of the file that a key stands for.
pub(super) fn filename(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

/// The upload record of a source; written now if it came by another way than our API.
pub(super) async fn upload_record(
    context: &Context,
    request: &JobRequest,
    head: &Head,
) -> Result<UploadRecord, Error> {
    let id = request.video_id();
    let key = record::upload_record_key(&id);
    if let Some(known) = context.private.read_json(&key).await? {
        return Ok(known);
    }
    let filename = filename(&request.key).to_owned();
    let created_at = head.last_modified.unwrap_or_else(jiff::Timestamp::now).to_string();
    let key_of_source = request.key.clone();
    let record =
        UploadRecord { id, key: key_of_source, filename, size_bytes: head.size_bytes, created_at };
    match context.private.put_json(&key, &record, None, Precondition::Absent).await {
        Ok(_) | Err(store::Error::PreconditionFailed { .. }) => Ok(record),
        Err(error) => Err(error.into()),
    }
}

/// Writes the completion record.
pub(super) async fn put_job_record(
    context: &Context,
    record: &JobRecord,
) -> Result<(), store::Error> {
    let key = record::job_record_key(&record.id);
    let cache = Some(names::CACHE_SHORT);
    context.public.put_json(&key, record, cache, Precondition::None).await.map(drop)
}

/// The completion record that a view amounts to.
pub(super) fn job_record(
    id: &VideoId,
    view: &VideoView,
    source_etag: &str,
    attempt_id: &str,
    error: Option<VideoError>,
) -> JobRecord {
    let mut timings = view.timings.clone();
    timings.finished_at = Some(jiff::Timestamp::now().to_string());
    let failed = error.is_some();
    JobRecord {
        id: id.clone(),
        filename: view.filename.clone(),
        outcome: if failed { JobOutcome::Failed } else { JobOutcome::Ready },
        source_etag: source_etag.to_owned(),
        attempt_id: if failed { String::new() } else { attempt_id.to_owned() },
        attempt: view.attempt,
        backend: view.backend.clone(),
        duration_secs: view.duration_secs,
        renditions: if failed { Vec::new() } else { view.renditions.clone() },
        timings,
        error,
    }
}

/// Removes what attempts have left behind, but for the attempt that is whole. `main.m3u8` goes
/// first, unless it shows that one.
pub(super) async fn sweep(
    public: &Bucket,
    id: &VideoId,
    whole: Option<&JobRecord>,
) -> Result<(), store::Error> {
    let kept = whole
        .filter(|record| record.outcome == JobOutcome::Ready)
        .map(|record| format!("{id}/{}/", record.attempt_id));
    let (main, record) = (names::main_key(id), record::job_record_key(id));
    let listed = public.list(&format!("{id}/")).await?;
    if kept.is_none() && listed.iter().any(|entry| entry.key == main) {
        public.delete(&main).await?;
    }
    for entry in listed {
        let is_kept = kept.as_ref().is_some_and(|prefix| entry.key.starts_with(prefix));
        if !is_kept && entry.key != main && entry.key != record {
            public.delete(&entry.key).await?;
        }
    }
    Ok(())
}
