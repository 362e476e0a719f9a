//! Handlers that resume an upload in parts: which parts are there, and new URLs for the others.

use axum::Json;
use axum::extract::{Path, State};

use super::body::{PartUrls, PartsRequest, StoredPart, UploadStatus};
use super::handlers::{Parts, part_size_bytes, record_of};
use crate::domain::record::UploadRecord;
use crate::http::access::Actor;
use crate::http::error::{Error, Problem};
use crate::http::state::AppState;

/// Most URLs that one request returns.
const MAX_URLS: usize = 1000;

/// Returns the sizes of an upload in parts and the parts that the store has.
#[utoipa::path(get, path = "/v1/uploads/{video_id}/{upload_id}",
    params(("video_id" = String, Path, description = "Id of the video"),
        ("upload_id" = String, Path, description = "Id of the multipart upload")),
    responses((status = 200, body = UploadStatus), (status = 404, body = Problem)))]
pub async fn status(
    State(state): State<AppState>,
    actor: Actor,
    Path((video_id, upload_id)): Path<(String, String)>,
) -> Result<Json<UploadStatus>, Error> {
    let record = record_of(&state, &actor, &video_id).await?;
    let parts = state.private.list_parts(&record.key, &upload_id).await?;
    let parts = parts.into_iter().map(|part| StoredPart {
        number: part.number,
        size_bytes: part.size_bytes,
        etag: part.etag,
    });
    Ok(Json(UploadStatus {
        size_bytes: record.size_bytes,
        part_size_bytes: part_size_of(&state, &record),
        parts: parts.collect(),
    }))
}

/// Signs the PUTs of some parts of an upload again, for an upload that takes longer than URLs are valid.
#[utoipa::path(post, path = "/v1/uploads/{video_id}/{upload_id}/parts", request_body = PartsRequest,
    params(("video_id" = String, Path, description = "Id of the video"),
        ("upload_id" = String, Path, description = "Id of the multipart upload")),
    responses((status = 200, body = PartUrls), (status = 400, body = Problem),
        (status = 404, body = Problem)))]
pub async fn sign(
    State(state): State<AppState>,
    actor: Actor,
    Path((video_id, upload_id)): Path<(String, String)>,
    Json(request): Json<PartsRequest>,
) -> Result<Json<PartUrls>, Error> {
    let record = record_of(&state, &actor, &video_id).await?;
    let (size_bytes, part_size_bytes) = (record.size_bytes, part_size_of(&state, &record));
    let parts = Parts { key: &record.key, upload_id: &upload_id, size_bytes, part_size_bytes };
    let count = parts.count();
    let is_part = |number: &u32| (1..=count).contains(number);
    if request.numbers.is_empty() || request.numbers.len() > MAX_URLS {
        let detail = format!("numbers: must have 1 to {MAX_URLS} entries");
        return Err(Error::Invalid(detail));
    }
    if let Some(number) = request.numbers.iter().find(|number| !is_part(number)) {
        return Err(Error::Invalid(format!(
            "numbers: the upload has parts 1 to {count}, not {number}"
        )));
    }
    Ok(Json(parts.sign(&state, request.numbers).await?))
}

/// Size of a part in bytes, as the upload began with it.
fn part_size_of(state: &AppState, record: &UploadRecord) -> u64 {
    // Records of an earlier release have none.
    record.part_size_bytes.unwrap_or_else(|| part_size_bytes(record.size_bytes, &state.uploads))
}
