//! Makes a video of a file at a URL, which the daemon pulls.

use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::Deserialize;

use super::{existing, external_id};
use crate::domain::event::EventKind;
use crate::domain::metadata::Metadata;
use crate::domain::priority::Priority;
use crate::domain::pull::{self, PullRecord};
use crate::domain::record::{self, UploadRecord};
use crate::domain::video::VideoView;
use crate::domain::visibility::Visibility;
use crate::http::access::Actor;
use crate::http::error::{Error, Problem};
use crate::http::idempotency::Seed;
use crate::http::state::AppState;
use crate::http::uploads::file_name::{issued_key, to_key_segment};
use crate::store::{self, Precondition};

/// Longest URL in bytes.
const MAX_URL_BYTES: usize = 8192;

/// A file at a URL that is to become a video.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PullRequest {
    /// URL of the file, `https` or `http`, up to 8192 bytes, without a user name. Its query may hold a signature: it
    /// is kept until the file is pulled, and shown nowhere.
    #[schema(example = "https://media.example.com/film.mp4")]
    source_url: String,
    /// Name of the file, 1 to 255 bytes; its suffix must be one of `sources.suffixes`. The default is the end of
    /// the path of the URL.
    #[serde(default)]
    filename: Option<String>,
    /// Who may watch the video; the default is `videos.visibility` of the settings.
    #[serde(default)]
    visibility: Option<Visibility>,
    /// Its turn among the videos that wait; the default is `normal`.
    #[serde(default)]
    priority: Option<Priority>,
    /// Description by people and programs.
    #[serde(flatten)]
    metadata: Metadata,
}

/// Makes a video of the file at a URL.
///
/// The daemon pulls the file into the private bucket, and goes on after a restart. The video is `uploading` until
/// the file is there; `pull` tells how far it is. If the file cannot be pulled, the video is `failed`, and a retry
/// pulls it from the start.
#[utoipa::path(post, path = "/v1/videos", request_body = PullRequest,
    responses((status = 202, body = VideoView), (status = 400, body = Problem),
        (status = 409, body = Problem, description = "Another video has the external id")))]
pub async fn create(
    State(state): State<AppState>,
    actor: Actor,
    seed: Option<Extension<Seed>>,
    Json(request): Json<PullRequest>,
) -> Result<impl IntoResponse, Error> {
    if request.source_url.len() > MAX_URL_BYTES {
        return Err(Error::Invalid(format!("source_url: must have at most {MAX_URL_BYTES} bytes")));
    }
    let checked = state.pulls.check(&request.source_url);
    checked.map_err(|refused| Error::Invalid(format!("source_url: {refused}")))?;
    let metadata = request.metadata.tidied();
    metadata.check().map_err(Error::Invalid)?;
    let filename = request.filename.or_else(|| pull::filename_of(&request.source_url));
    let filename = filename.unwrap_or_else(|| "video".to_owned());
    if filename.trim().is_empty() || filename.len() > 255 {
        return Err(Error::Invalid("filename: must have 1 to 255 bytes".to_owned()));
    }
    let name = to_key_segment(&filename);
    if !state.sources.has_suffix(&name) {
        let allowed = state.sources.suffixes.join(", ");
        let detail = format!("filename: must end with one of {allowed}; the URL gives {name:?}");
        return Err(Error::Invalid(detail));
    }
    let is_repeatable = seed.is_some();
    let (key, id) = issued_key(&state, &name, seed.map(|Extension(seed)| seed));
    let record = UploadRecord {
        id: id.clone(),
        key: key.clone(),
        filename,
        // Unknown until its server states it.
        size_bytes: 0,
        part_size_bytes: None,
        is_issued: true,
        owner: actor.caller.owner(),
        visibility: request.visibility.unwrap_or(state.visibility),
        priority: request.priority.unwrap_or_default(),
        metadata,
        fingerprint: None,
        created_at: Timestamp::now().to_string(),
        rest: record::Rest::new(),
    };
    let pull = PullRecord::new(id.clone(), key.clone(), request.source_url);
    let pull = PullRecord { owner: record.owner.clone(), ..pull };
    if let Some(external_id) = &record.metadata.external_id {
        external_id::take(&state.private, external_id, &id).await?;
    }
    let ttl = Duration::from_secs(state.uploads.url_ttl_secs);
    let most = usize::try_from(state.uploads.max_in_flight).unwrap_or(usize::MAX);
    state.in_flight.begin(state.catalog.facts(), &actor.sender(), &key, (most, ttl)).await?;
    let begun = begin(&state, &record, &pull, is_repeatable).await;
    begun.inspect_err(|_| state.in_flight.end(&key))?;
    state.catalog.changed(&id).await;
    actor.audit("pull", id.as_str());
    let headers = [(header::LOCATION, format!("/v1/videos/{id}"))];
    Ok((StatusCode::ACCEPTED, headers, Json(existing(&state, &id).await?)))
}

/// Writes both records. `is_repeatable`: this very request may have died after it had written one.
async fn begin(
    state: &AppState,
    record: &UploadRecord,
    pull: &PullRecord,
    is_repeatable: bool,
) -> Result<(), store::Error> {
    let record_key = record::upload_record_key(&record.id);
    let put = state.private.put_json(&record_key, record, None, Precondition::Absent).await;
    let created_at = match put {
        Ok(_) => &record.created_at,
        Err(store::Error::PreconditionFailed { .. }) if is_repeatable => {
            let known = state.private.read_json::<UploadRecord>(&record_key).await?;
            &known.map_or_else(|| record.created_at.clone(), |known| known.created_at)
        }
        Err(error) => return Err(error),
    };
    // The job records it again if that fails.
    state.events.note(&record.id, EventKind::VideoCreated, created_at).await;
    match state.pulls.begin(pull).await {
        Err(store::Error::PreconditionFailed { .. }) if is_repeatable => Ok(()),
        begun => begun,
    }
}
