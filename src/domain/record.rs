//! What the buckets remember of a video. There is no other database of videos.
//!
//! Private bucket: `records/<id>.json` ([`UploadRecord`]) and `claims/<id>.json`. Public bucket:
//! `<id>/job.json` ([`JobRecord`]). Keys below `records/` and `claims/` are never sources.

use serde::{Deserialize, Serialize};

use super::job::VideoId;
use super::video::{RenditionView, Timings, VideoError};

/// Prefix of the upload records.
pub const RECORDS_PREFIX: &str = "records/";
/// Prefix of the claims.
pub const CLAIMS_PREFIX: &str = "claims/";

/// Key of the upload record of a video, in the private bucket.
#[must_use]
pub fn upload_record_key(id: &VideoId) -> String {
    format!("{RECORDS_PREFIX}{id}.json")
}

/// Key of the claim on a video, in the private bucket.
#[must_use]
pub fn claim_key(id: &VideoId) -> String {
    format!("{CLAIMS_PREFIX}{id}.json")
}

/// Key of the completion record of a video, in the public bucket.
#[must_use]
pub fn job_record_key(id: &VideoId) -> String {
    format!("{id}/job.json")
}

/// Whether a key of the private bucket is one of ours rather than a source.
#[must_use]
pub fn is_internal_key(key: &str) -> bool {
    key.starts_with(RECORDS_PREFIX) || key.starts_with(CLAIMS_PREFIX)
}

/// What is known of a source: written when an upload is asked for, or when a job first meets a
/// source that came another way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadRecord {
    /// The video's id.
    pub id: VideoId,
    /// Key of the source in the private bucket.
    pub key: String,
    /// Name of the file as the uploader gave it.
    pub filename: String,
    /// Size in bytes that was announced or found.
    pub size_bytes: u64,
    /// RFC 3339.
    pub created_at: String,
}

/// How a video ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobOutcome {
    /// The stream is complete.
    Ready,
    /// No stream can be made.
    Failed,
}

/// The completion record, public: it names no private key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobRecord {
    /// The video's id.
    pub id: VideoId,
    /// Name of the file.
    pub filename: String,
    /// How it ended.
    pub outcome: JobOutcome,
    /// Entity tag of the source that was published or refused.
    pub source_etag: String,
    /// Folder below `<id>/` that holds the stream; empty for a failure.
    pub attempt_id: String,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// Backend that encoded.
    pub backend: Option<String>,
    /// Duration in seconds.
    pub duration_secs: Option<f64>,
    /// The renditions with their measured rates.
    pub renditions: Vec<RenditionView>,
    /// When things happened.
    pub timings: Timings,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<VideoError>,
}
