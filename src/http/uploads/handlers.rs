//! Handlers: create, complete, abort.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use jiff::Timestamp;

use super::Config;
use super::body::{CompleteRequest, PartUrl, PartUrls, Upload, UploadAnswer, UploadRequest};
use super::file_name::{issued_key, to_key_segment};
use crate::auth;
use crate::domain::auth::Scope;
use crate::domain::event::EventKind;
use crate::domain::job::VideoId;
use crate::domain::metadata::Preset;
use crate::domain::record::{self, UploadRecord};
use crate::domain::visibility::Visibility;
use crate::http::access::Actor;
use crate::http::error::{Error, Problem};
use crate::http::idempotency::Seed;
use crate::http::state::AppState;
use crate::http::videos::{external_id, parse_id};
use crate::store::{self, CompletedPart, Precondition, Removal};

/// Maximum number of parts of an S3 upload.
const MAX_PARTS: u64 = 10_000;

/// Registers an upload and returns presigned URLs for it.
#[utoipa::path(post, path = "/v1/uploads", request_body = UploadRequest,
    responses((status = 201, body = UploadAnswer), (status = 400, body = Problem),
        (status = 413, body = Problem),
        (status = 507, body = Problem, description = "The embedded store has too little space for the file")))]
pub async fn create(
    State(state): State<AppState>,
    actor: Actor,
    seed: Option<Extension<Seed>>,
    Json(request): Json<UploadRequest>,
) -> Result<impl IntoResponse, Error> {
    let granted = actor.grant.as_ref().map(|grant| grant.record.max_bytes);
    let max_bytes = state.uploads.max_size_bytes.min(granted.unwrap_or(u64::MAX));
    check(&request, max_bytes)?;
    check_space(&state, request.size_bytes).await?;
    let asked = preset(&actor, &request)?;
    let name = to_key_segment(&request.filename);
    if !state.sources.has_suffix(&name) {
        let allowed = state.sources.suffixes.join(", ");
        return Err(Error::Invalid(format!("filename: must end with one of {allowed}")));
    }
    let content_type =
        request.content_type.clone().unwrap_or_else(|| "application/octet-stream".to_owned());
    let is_repeatable = seed.is_some();
    let (key, id) = issued_key(&state, &name, seed.map(|Extension(seed)| seed));
    let record = UploadRecord {
        id: id.clone(),
        key: key.clone(),
        filename: request.filename.clone(),
        size_bytes: request.size_bytes,
        part_size_bytes: Some(part_size_bytes(request.size_bytes, &state.uploads)),
        is_issued: true,
        owner: actor.caller.owner(),
        visibility: asked.visibility.unwrap_or(state.visibility),
        priority: asked.priority,
        metadata: asked.metadata,
        fingerprint: request.fingerprint.clone(),
        created_at: Timestamp::now().to_string(),
        rest: record::Rest::new(),
    };
    if let Some(external_id) = &record.metadata.external_id {
        external_id::take(&state.private, external_id, &id).await?;
    }
    count(&state, &actor, &key).await?;
    let upload = if request.size_bytes <= state.uploads.single_put_max_bytes {
        single_put(&state, &key, &content_type, request.size_bytes).await
    } else {
        multipart(&state, &id, &key, &content_type, request.size_bytes).await
    };
    let registered = async {
        let upload = upload?;
        // The last thing that can fail for a reason of the request: a grant is used up by an upload alone.
        if let Some(grant) = &actor.grant {
            state.access.auth().use_grant(grant, &id).await?;
        }
        let record_key = record::upload_record_key(&id);
        let created_at = &record.created_at;
        match state.private.put_json(&record_key, &record, None, Precondition::Absent).await {
            Ok(_) => Ok::<_, Error>((upload, created_at.clone())),
            // This very request died after it had written the record.
            Err(store::Error::PreconditionFailed { .. }) if is_repeatable => {
                let known = state.private.read_json::<UploadRecord>(&record_key).await?;
                Ok((upload, known.map_or_else(|| created_at.clone(), |known| known.created_at)))
            }
            Err(error) => Err(error.into()),
        }
    };
    let (upload, created_at) = registered.await.inspect_err(|_| state.in_flight.end(&key))?;
    // The job records it again if that fails.
    state.events.note(&id, EventKind::VideoCreated, &created_at).await;
    actor.audit("upload", id.as_str());
    state.catalog.changed(&id).await;
    let video_url = format!("/v1/videos/{id}");
    let answer = UploadAnswer {
        video_id: id.to_string(),
        upload,
        video_url: video_url.clone(),
        playback_url: state.urls.main(&id, record.visibility),
    };
    Ok((StatusCode::CREATED, [(header::LOCATION, video_url)], Json(answer)))
}

/// Properties of the video: those that the request asks for, as far as the grant of the sender allows.
fn preset(actor: &Actor, request: &UploadRequest) -> Result<Preset, Error> {
    let asked = Preset {
        visibility: request.visibility,
        priority: request.priority.unwrap_or_default(),
        metadata: request.metadata.clone().tidied(),
    };
    asked.metadata.check().map_err(Error::Invalid)?;
    Ok(match &actor.grant {
        Some(grant) => grant.record.preset.over(asked),
        None => asked,
    })
}

/// Counts an upload among those of its sender. A grant makes one, and one that is used up makes none.
async fn count(state: &AppState, actor: &Actor, key: &str) -> Result<(), Error> {
    if let Some(grant) = &actor.grant {
        let is_used = grant.record.used_for.is_some();
        return if is_used { Err(auth::Error::InvalidGrant.into()) } else { Ok(()) };
    }
    let ttl = Duration::from_secs(state.uploads.url_ttl_secs);
    let most = usize::try_from(state.uploads.max_in_flight).unwrap_or(usize::MAX);
    state.in_flight.begin(state.catalog.facts(), &actor.sender(), key, (most, ttl)).await
}

/// Checks the request against the limits. Fails with the name of the wrong field.
fn check(request: &UploadRequest, max_bytes: u64) -> Result<(), Error> {
    let name = request.filename.trim();
    if name.is_empty() || request.filename.len() > 255 {
        return Err(Error::Invalid("filename: must have 1 to 255 bytes".to_owned()));
    }
    if request.size_bytes > max_bytes {
        return Err(Error::TooLarge(format!(
            "size_bytes: {} exceeds the limit of {} bytes",
            request.size_bytes, max_bytes
        )));
    }
    if request.fingerprint.as_deref().is_some_and(|text| !record::is_fingerprint(text)) {
        return Err(Error::Invalid(
            "fingerprint: must have 64 hex digits in lower case".to_owned(),
        ));
    }
    let kind = request.content_type.as_deref().unwrap_or("video/mp4");
    let is_allowed = |b: u8| b.is_ascii_graphic() || b == b' ';
    if kind.is_empty() || kind.len() > 255 || !kind.bytes().all(is_allowed) || !kind.contains('/') {
        return Err(Error::Invalid(
            "content_type: must be a media type such as video/mp4".to_owned(),
        ));
    }
    Ok(())
}

/// Fails with [`Error::NoSpace`] if the disk of the embedded store has no space for so many bytes.
async fn check_space(state: &AppState, size_bytes: u64) -> Result<(), Error> {
    let Some(store) = state.embedded_store.clone() else { return Ok(()) };
    let free = tokio::task::spawn_blocking(move || store.free_space()).await;
    let free = free.map_err(|error| Error::Internal(error.to_string()))?;
    let free =
        free.map_err(|error| Error::NotReady(format!("failed to read free space: {error}")))?;
    let free_bytes = free.free_bytes.saturating_sub(free.reserve_bytes);
    if size_bytes > free_bytes { Err(Error::NoSpace { size_bytes, free_bytes }) } else { Ok(()) }
}

/// Signs a single PUT.
async fn single_put(
    state: &AppState,
    key: &str,
    content_type: &str,
    size_bytes: u64,
) -> Result<Upload, Error> {
    let ttl = Duration::from_secs(state.uploads.url_ttl_secs);
    let signed = state.private.presign_put(key, content_type, size_bytes, ttl).await?;
    Ok(Upload::Single {
        method: "PUT",
        url: signed.url,
        headers: signed.headers.into_iter().collect(),
        expires_at: signed.expires_at.to_string(),
    })
}

/// Size of a part in bytes. Parts grow beyond `uploads.part_size_bytes`, in whole MiB, if the file would
/// need more than [`MAX_PARTS`].
pub(super) fn part_size_bytes(size_bytes: u64, config: &Config) -> u64 {
    const MIB: u64 = 1 << 20;
    config.part_size_bytes.max(size_bytes.div_ceil(MAX_PARTS).next_multiple_of(MIB))
}

/// Creates a multipart upload and signs the PUT of each part.
async fn multipart(
    state: &AppState,
    id: &VideoId,
    key: &str,
    content_type: &str,
    size_bytes: u64,
) -> Result<Upload, Error> {
    let part_size_bytes = part_size_bytes(size_bytes, &state.uploads);
    let upload_id = state.private.create_multipart(key, content_type).await?;
    let parts = Parts { key, upload_id: &upload_id, size_bytes, part_size_bytes };
    let PartUrls { parts, expires_at } = parts.sign(state, 1..=parts.count()).await?;
    let base = format!("/v1/uploads/{id}/{upload_id}");
    Ok(Upload::Multipart {
        upload_id,
        part_size_bytes,
        parts,
        complete_url: format!("{base}/complete"),
        abort_url: base,
        expires_at,
    })
}

/// The parts of a multipart upload.
pub(super) struct Parts<'a> {
    /// Key of the source.
    pub(super) key: &'a str,
    pub(super) upload_id: &'a str,
    /// Size of the whole source.
    pub(super) size_bytes: u64,
    /// Size of every part but the last.
    pub(super) part_size_bytes: u64,
}

impl Parts<'_> {
    /// Number of parts, which is that of the last one.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.size_bytes.div_ceil(self.part_size_bytes)).unwrap_or(u32::MAX)
    }

    /// Signs the PUTs of the parts with these numbers, 1 to [`Parts::count`]. They are valid until the first of
    /// them is not.
    pub(super) async fn sign(
        &self,
        state: &AppState,
        numbers: impl IntoIterator<Item = u32>,
    ) -> Result<PartUrls, Error> {
        let ttl = Duration::from_secs(state.uploads.url_ttl_secs);
        let (mut parts, mut expires_at) = (Vec::new(), Timestamp::MAX);
        for number in numbers {
            let offset = u64::from(number - 1) * self.part_size_bytes;
            let size = self.part_size_bytes.min(self.size_bytes - offset);
            let signed =
                state.private.presign_part(self.key, self.upload_id, number, size, ttl).await?;
            expires_at = expires_at.min(signed.expires_at);
            parts.push(PartUrl { number: signed.number, url: signed.url });
        }
        Ok(PartUrls { parts, expires_at: expires_at.to_string() })
    }
}

/// Completes a multipart upload: the parts become the source of the video.
#[utoipa::path(post, path = "/v1/uploads/{video_id}/{upload_id}/complete",
    request_body = CompleteRequest,
    params(("video_id" = String, Path, description = "Id of the video"),
        ("upload_id" = String, Path, description = "Id of the multipart upload")),
    responses((status = 204), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn complete(
    State(state): State<AppState>,
    actor: Actor,
    Path((video_id, upload_id)): Path<(String, String)>,
    Json(request): Json<CompleteRequest>,
) -> Result<StatusCode, Error> {
    let key = record_of(&state, &actor, &video_id).await?.key;
    let parts: Vec<CompletedPart> = request
        .parts
        .into_iter()
        .map(|part| CompletedPart { number: part.number, etag: part.etag })
        .collect();
    state.private.complete_multipart(&key, &upload_id, &parts).await?;
    state.catalog.changed(&parse_id(&video_id)?).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Aborts a multipart upload.
///
/// Removes the video as well, unless its source exists. An unknown `upload_id` is no error.
#[utoipa::path(delete, path = "/v1/uploads/{video_id}/{upload_id}",
    params(("video_id" = String, Path, description = "Id of the video"),
        ("upload_id" = String, Path, description = "Id of the multipart upload")),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn abort(
    State(state): State<AppState>,
    actor: Actor,
    Path((video_id, upload_id)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    let record = record_of(&state, &actor, &video_id).await?;
    let key = record.key;
    state.private.abort_multipart(&key, &upload_id).await?;
    // The URL of a single PUT still works.
    if record.size_bytes > state.uploads.single_put_max_bytes {
        state.in_flight.end(&key);
    }
    actor.audit("upload-abort", &video_id);
    let id = parse_id(&video_id)?;
    // A late upload makes a video of the default visibility, so the record of another one stays: the sweep removes
    // it once no upload can come any more. The source of a finished video may be gone, and its record stays, too.
    if record.visibility == state.visibility
        && matches!(state.private.find(&key).await, Ok(None))
        && !has_job(&state, &id, record.visibility).await?
    {
        let key = record::upload_record_key(&id);
        if let Some((_, etag)) = state.private.read_json_version::<UploadRecord>(&key).await? {
            let (Removal::Gone | Removal::Changed) =
                state.private.delete_version(&key, &etag).await?;
        }
    }
    state.catalog.changed(&id).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether a job has worked on the video.
async fn has_job(state: &AppState, id: &VideoId, visibility: Visibility) -> Result<bool, Error> {
    let claim = state.private.find(&record::claim_key(id)).await?;
    let job = state.homes.of(visibility).find(&record::job_record_key(id)).await?;
    Ok(claim.is_some() || job.is_some())
}

/// The upload record of a video. Fails with [`Error::NotFound`], also for an upload of somebody else, and with
/// [`Error::Conflict`] if the video is being deleted.
pub(super) async fn record_of(
    state: &AppState,
    actor: &Actor,
    video_id: &str,
) -> Result<UploadRecord, Error> {
    let id = parse_id(video_id)?;
    let record: Option<UploadRecord> =
        state.private.read_json(&record::upload_record_key(&id)).await?;
    let record = record.filter(|record| actor.may_use(record, Scope::Manage));
    let record =
        record.ok_or_else(|| Error::NotFound(format!("video {video_id} has no upload")))?;
    let tombstone = state.deletions.tombstone(&id).await?;
    if tombstone.is_some_and(|tombstone| tombstone.is_in_progress()) {
        return Err(Error::Conflict(format!("video {video_id} is deleted")));
    }
    Ok(record)
}
