//! Grants: each makes one upload, for browsers of people without an account.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::metadata::{Metadata, Preset};
use crate::domain::priority::Priority;
use crate::domain::visibility::Visibility;
use crate::http::access::Actor;
use crate::http::error::{Error, Problem};
use crate::http::same_origin::is_origin;
use crate::http::state::AppState;

/// Longest time for which a grant is valid, in seconds: a week, as for presigned URLs.
const MAX_SECS: u32 = 604_800;

/// Longest origin in bytes: the longest name of a host (RFC 1035), its scheme and port.
const MAX_ORIGIN_LEN: usize = 270;

/// A grant to be made.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantRequest {
    /// Largest file in bytes; the default is `uploads.max_size_bytes`.
    #[serde(default)]
    max_bytes: Option<u64>,
    /// Seconds for which it is valid, 1 to 604800; the default is 3600.
    #[serde(default)]
    expires_in: Option<u32>,
    /// Origin of the page that may use it, such as `https://app.example.com`. Without a value, no page of another
    /// origin may.
    #[serde(default)]
    allowed_origin: Option<String>,
    /// Who may watch the video; the default is up to the upload.
    #[serde(default)]
    visibility: Option<Visibility>,
    /// Turn of the video among those that wait; the default is `normal`.
    #[serde(default)]
    priority: Priority,
    /// Metadata of the video. An upload may add a title, a description and tags where these are absent.
    #[serde(flatten)]
    metadata: Metadata,
}

/// A grant, for `Authorization: Bearer` of `POST /v1/uploads` and of what follows for that upload.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct GrantAnswer {
    /// Its text, which is shown once.
    grant: String,
    /// End of its validity, RFC 3339.
    expires_at: String,
    /// Path at which it makes an upload.
    upload_url: &'static str,
}

/// Makes a grant for one upload: a page that has it can make that upload, and nothing else.
#[utoipa::path(post, path = "/v1/upload-grants", request_body = GrantRequest,
    responses((status = 201, body = GrantAnswer), (status = 400, body = Problem)))]
pub async fn create(
    State(state): State<AppState>,
    actor: Actor,
    Json(request): Json<GrantRequest>,
) -> Result<impl IntoResponse, Error> {
    let secs = request.expires_in.unwrap_or(3600);
    if !(1..=MAX_SECS).contains(&secs) {
        return Err(Error::Invalid(format!("expires_in: must be 1 to {MAX_SECS} seconds")));
    }
    let allowed = state.uploads.max_size_bytes;
    let max_bytes = request.max_bytes.unwrap_or(allowed);
    if !(1..=allowed).contains(&max_bytes) {
        return Err(Error::Invalid(format!("max_bytes: must be 1 to {allowed}")));
    }
    let is_wrong = |origin: &str| origin.len() > MAX_ORIGIN_LEN || !is_origin(origin);
    if request.allowed_origin.as_deref().is_some_and(is_wrong) {
        let detail = "allowed_origin: must be an origin such as https://app.example.com";
        return Err(Error::Invalid(detail.to_owned()));
    }
    let metadata = request.metadata.tidied();
    metadata.check().map_err(Error::Invalid)?;
    let preset = Preset { visibility: request.visibility, priority: request.priority, metadata };
    let expires_at = Timestamp::now() + SignedDuration::from_secs(i64::from(secs));
    let (origin, owner) = (request.allowed_origin, actor.caller.owner());
    let auth = state.access.auth();
    let (grant, id) = auth.create_grant(max_bytes, expires_at, origin, (owner, preset)).await?;
    actor.audit("upload-grant", id.as_str());
    let expires_at = expires_at.to_string();
    let answer = GrantAnswer { grant, expires_at, upload_url: "/v1/uploads" };
    let headers = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::CREATED, headers, Json(answer)))
}
