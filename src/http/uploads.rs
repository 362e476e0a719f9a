//! Where a person asks for a place to upload to.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::AppState;
use super::error::{Error, Problem};
use super::videos;
use crate::domain::declare::settings;
use crate::domain::job::VideoId;
use crate::domain::record::{self, UploadRecord};
use crate::store::{self, CompletedPart, Precondition};

/// The most parts that S3 takes.
const MAX_PARTS: u64 = 10_000;
/// The longest name that is kept, in bytes. Keys may have 1,024.
const MAX_NAME_BYTES: usize = 200;

settings! {
    /// Size and transfer of uploads.
    #[derive(Eq)]
    pub struct Config {
        /// Largest file in bytes that one PUT request uploads. Larger files are uploaded in parts. S3
        /// accepts up to 5 GiB in one PUT.
        single_put_max_bytes: u64 = 100 << 20, 0..=5 << 30;
        /// Bytes of a part. S3 accepts parts of 5 MiB to 5 GiB, and 10,000 of them; parts of very large
        /// files grow accordingly.
        part_size_bytes: u64 = 64 << 20, 5 << 20..=5 << 30;
        /// Seconds for which a presigned URL is valid. S3 accepts 7 days at most.
        url_ttl_secs: u64 = 3600, 60..=604_800;
        /// Largest file in bytes that the API accepts.
        max_size_bytes: u64 = 100 << 30, 1..=5 << 40;
    }
}

/// What is to be uploaded.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadRequest {
    /// Name of the file.
    filename: String,
    /// Its size in bytes.
    size_bytes: u64,
    /// Its media type; `application/octet-stream` unless said otherwise.
    #[serde(default)]
    content_type: Option<String>,
}

/// Where to upload it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct UploadAnswer {
    /// Id that the video will have.
    video_id: String,
    /// How to upload.
    upload: Upload,
    /// Where its state is.
    video_url: String,
    /// Where it will play.
    playback_url: String,
}

/// How to upload: by one request, or in parts.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum Upload {
    /// One request.
    Single {
        /// `PUT`.
        method: &'static str,
        /// Where to.
        url: String,
        /// Headers to send with it.
        headers: BTreeMap<String, String>,
        /// RFC 3339.
        expires_at: String,
    },
    /// Parts, each by a PUT to its URL, then a POST of their entity tags to `complete_url`.
    Multipart {
        /// The store's id of the upload.
        upload_id: String,
        /// Every part but the last has this size.
        part_size_bytes: u64,
        /// The parts.
        parts: Vec<PartUrl>,
        /// POST `{"parts": [{"number", "etag"}]}` here.
        complete_url: String,
        /// DELETE here gives the upload up.
        abort_url: String,
        /// RFC 3339.
        expires_at: String,
    },
}

/// Where one part goes.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PartUrl {
    /// Number of the part, from 1.
    number: u32,
    /// Where to PUT it.
    url: String,
}

/// The parts that were uploaded.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteRequest {
    /// In the order of their numbers.
    parts: Vec<PartTag>,
}

/// One part that was uploaded.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartTag {
    /// Number of the part, from 1.
    number: u32,
    /// `ETag` that the store answered.
    etag: String,
}

/// Asks for a place to upload a video to.
#[utoipa::path(post, path = "/v1/uploads", request_body = UploadRequest,
    responses((status = 201, body = UploadAnswer), (status = 400, body = Problem), (status = 413, body = Problem)))]
pub async fn create(
    State(state): State<AppState>,
    Json(request): Json<UploadRequest>,
) -> Result<impl IntoResponse, Error> {
    check(&request, &state.uploads)?;
    if !state.sources.has_suffix(&safe_name(&request.filename)) {
        let allowed = state.sources.suffixes.join(", ");
        return Err(Error::Invalid(format!("filename: it must end with one of {allowed}")));
    }
    let content_type =
        request.content_type.clone().unwrap_or_else(|| "application/octet-stream".to_owned());
    let prefix = hex::encode(rand::random::<[u8; 8]>());
    let key = format!("{}{prefix}/{}", state.sources.prefix, safe_name(&request.filename));
    let id = VideoId::of_source(state.private.name(), &key);
    let record = UploadRecord {
        id: id.clone(),
        key: key.clone(),
        filename: request.filename.clone(),
        size_bytes: request.size_bytes,
        created_at: Timestamp::now().to_string(),
    };
    let record_key = record::upload_record_key(&id);
    state.private.put_json(&record_key, &record, None, Precondition::Absent).await?;
    let upload = if request.size_bytes <= state.uploads.single_put_max_bytes {
        single(&state, &key, &content_type, request.size_bytes).await?
    } else {
        multipart(&state, &id, &key, &content_type, request.size_bytes).await?
    };
    let video_url = format!("/v1/videos/{id}");
    let answer = UploadAnswer {
        video_id: id.to_string(),
        upload,
        video_url: video_url.clone(),
        playback_url: state.playback_url(&id),
    };
    Ok((StatusCode::CREATED, [(header::LOCATION, video_url)], Json(answer)))
}

fn check(request: &UploadRequest, config: &Config) -> Result<(), Error> {
    let name = request.filename.trim();
    if name.is_empty() || request.filename.len() > 255 {
        return Err(Error::Invalid("filename: 1 to 255 bytes are allowed".to_owned()));
    }
    if request.size_bytes > config.max_size_bytes {
        return Err(Error::TooLarge(format!(
            "size_bytes: {} bytes are more than the {} that are allowed",
            request.size_bytes, config.max_size_bytes
        )));
    }
    let kind = request.content_type.as_deref().unwrap_or("video/mp4");
    let is_kind = |b: u8| b.is_ascii_graphic() || b == b' ';
    if kind.is_empty() || kind.len() > 255 || !kind.bytes().all(is_kind) || !kind.contains('/') {
        return Err(Error::Invalid("content_type: a media type such as video/mp4".to_owned()));
    }
    Ok(())
}

/// The name as a part of a key: what shells, URLs and people all read the same way.
fn safe_name(filename: &str) -> String {
    let base = filename.rsplit(['/', '\\']).next().unwrap_or(filename).trim();
    let mut name = String::new();
    for c in base.chars() {
        let kept = if c.is_alphanumeric() || "._-".contains(c) { c } else { '_' };
        if name.len() + kept.len_utf8() > MAX_NAME_BYTES {
            break;
        }
        name.push(kept);
    }
    let name = name.trim_start_matches('.');
    if name.is_empty() { "video".to_owned() } else { name.to_owned() }
}

async fn single(
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
        expires_at: expires_at(ttl),
    })
}

async fn multipart(
    state: &AppState,
    id: &VideoId,
    key: &str,
    content_type: &str,
    size_bytes: u64,
) -> Result<Upload, Error> {
    const MIB: u64 = 1 << 20;
    let ttl = Duration::from_secs(state.uploads.url_ttl_secs);
    let least = size_bytes.div_ceil(MAX_PARTS).next_multiple_of(MIB);
    let part_size_bytes = state.uploads.part_size_bytes.max(least);
    let upload_id = state.private.create_multipart(key, content_type).await?;
    let mut parts = Vec::new();
    for (number, begin) in
        (1..).zip((0..size_bytes).step_by(usize::try_from(part_size_bytes).unwrap_or(usize::MAX)))
    {
        let size = part_size_bytes.min(size_bytes - begin);
        let signed = state.private.presign_part(key, &upload_id, number, size, ttl).await?;
        parts.push(PartUrl { number: signed.number, url: signed.url });
    }
    let base = format!("/v1/uploads/{id}/{upload_id}");
    Ok(Upload::Multipart {
        upload_id,
        part_size_bytes,
        parts,
        complete_url: format!("{base}/complete"),
        abort_url: base,
        expires_at: expires_at(ttl),
    })
}

fn expires_at(ttl: Duration) -> String {
    let ttl = SignedDuration::try_from(ttl).unwrap_or_default();
    Timestamp::now().checked_add(ttl).unwrap_or(Timestamp::MAX).to_string()
}

/// Makes the object out of its parts.
#[utoipa::path(post, path = "/v1/uploads/{video_id}/{upload_id}/complete", request_body = CompleteRequest,
    params(("video_id" = String, Path, description = "Id of the video"), ("upload_id" = String, Path, description = "Id of the upload")),
    responses((status = 204), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn complete(
    State(state): State<AppState>,
    Path((video_id, upload_id)): Path<(String, String)>,
    Json(request): Json<CompleteRequest>,
) -> Result<StatusCode, Error> {
    let key = key_of(&state, &video_id).await?;
    let parts: Vec<CompletedPart> = request
        .parts
        .into_iter()
        .map(|part| CompletedPart { number: part.number, etag: part.etag })
        .collect();
    state.private.complete_multipart(&key, &upload_id, &parts).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives an upload in parts up.
#[utoipa::path(delete, path = "/v1/uploads/{video_id}/{upload_id}",
    params(("video_id" = String, Path, description = "Id of the video"), ("upload_id" = String, Path, description = "Id of the upload")),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn abort(
    State(state): State<AppState>,
    Path((video_id, upload_id)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    let key = key_of(&state, &video_id).await?;
    match state.private.abort_multipart(&key, &upload_id).await {
        Ok(()) | Err(store::Error::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    if matches!(state.private.head(&key).await, Err(store::Error::NotFound { .. })) {
        let id = videos::parse(&video_id)?;
        state.private.delete(&record::upload_record_key(&id)).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn key_of(state: &AppState, video_id: &str) -> Result<String, Error> {
    let id = videos::parse(video_id)?;
    let record: Option<UploadRecord> =
        state.private.read_json(&record::upload_record_key(&id)).await?;
    let record = record.ok_or_else(|| Error::NotFound(format!("there is no upload {video_id}")))?;
    Ok(record.key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_safe_and_stay_readable() {
        let long = "a".repeat(300);
        let table = [
            ("film.mp4", "film.mp4"),
            ("My Holiday (1).MOV", "My_Holiday__1_.MOV"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\me\\clip.avi", "clip.avi"),
            ("übung ä.mkv", "übung_ä.mkv"),
            ("...", "video"),
            ("", "video"),
            (".hidden", "hidden"),
            ("a\u{0}b\nc", "a_b_c"),
            (long.as_str(), &long[..200]),
        ];
        for (given, expected) in table {
            assert_eq!(safe_name(given), expected, "{given:?}");
        }
    }
}
