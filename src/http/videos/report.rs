//! The report of how a video was made.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;

use super::{parse_id, unknown};
use crate::domain::conformance::Report;
use crate::domain::record::{FailedUpdate, JobOutcome, JobRecord};
use crate::domain::tombstone::Tombstone;
use crate::domain::video::{BackendFailure, RenditionView, Timings, VideoError};
use crate::domain::warning::SourceWarning;
use crate::http::error::{Error, Problem};
use crate::http::state::AppState;

/// How a video was made, as its last attempt has written it down.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct VideoReport {
    /// Id of the video.
    video_id: String,
    /// How it ended.
    outcome: JobOutcome,
    /// Number of the attempt, from 1.
    attempt: u32,
    /// Backend that encoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    backend: Option<String>,
    /// Backends that failed at it before, in the same attempt.
    backend_failures: Vec<BackendFailure>,
    /// Duration of the video in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_secs: Option<f64>,
    /// The renditions with their measured rates.
    renditions: Vec<RenditionView>,
    /// Faults of the source with which it was published.
    warnings: Vec<SourceWarning>,
    /// When things happened.
    timings: Timings,
    /// Findings and measurements of the check of the stream, from before it was shown as whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    conformance: Option<Report>,
    /// A later version of the source that could not be published; the stream of the earlier one stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_update: Option<FailedUpdate>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<VideoError>,
}

/// Returns how a video was made.
///
/// The report has backends, rates, times, and what the check of the stream found. 404 while no attempt has made the video ready or failed.
#[utoipa::path(get, path = "/v1/videos/{id}/report",
    params(("id" = String, Path, description = "Id of the video")),
    responses((status = 200, body = VideoReport), (status = 404, body = Problem)))]
pub async fn get(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<VideoReport>, Error> {
    let id = parse_id(&id)?;
    let (known, _) = Box::pin(state.catalog.facts().of(&id)).await?;
    if known.tombstone.as_ref().is_some_and(Tombstone::is_in_progress) {
        return Err(unknown(id.as_str()));
    }
    let none = || Error::NotFound(format!("video {id} has no report: no attempt has ended"));
    known.job.map(|job| Json(job.into())).ok_or_else(none)
}

impl From<JobRecord> for VideoReport {
    fn from(job: JobRecord) -> Self {
        Self {
            video_id: job.id.to_string(),
            outcome: job.outcome,
            attempt: job.attempt,
            backend: job.backend,
            backend_failures: job.backend_failures,
            duration_secs: job.duration_secs,
            renditions: job.renditions,
            warnings: job.warnings,
            timings: job.timings,
            conformance: job.conformance,
            failed_update: job.failed_update,
            error: job.error,
        }
    }
}
