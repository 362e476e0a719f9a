//! Bodies of requests and responses.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::metadata::Metadata;
use crate::domain::priority::Priority;
use crate::domain::visibility::Visibility;

/// File that the client wants to upload.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadRequest {
    /// Name of the file, 1 to 255 bytes; its suffix must be one of `sources.suffixes`.
    pub(super) filename: String,
    /// Size of the file in bytes.
    pub(super) size_bytes: u64,
    /// Media type of the file; the default is `application/octet-stream`.
    #[serde(default)]
    pub(super) content_type: Option<String>,
    /// Who may watch the video; the default is `videos.visibility` of the settings.
    #[serde(default)]
    pub(super) visibility: Option<Visibility>,
    /// Its turn among the videos that wait; the default is `normal`.
    #[serde(default)]
    pub(super) priority: Option<Priority>,
    /// A name that the client makes from the content of the file, 64 hex digits in lower case, by which it finds the
    /// video again (`GET /v1/videos?fingerprint=`). It is never interpreted.
    #[serde(default)]
    #[schema(min_length = 64, max_length = 64, pattern = "^[0-9a-f]{64}$")]
    pub(super) fingerprint: Option<String>,
    /// Description by people and programs.
    #[serde(flatten)]
    pub(super) metadata: Metadata,
}

/// How to upload the file, and where its video will be.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct UploadAnswer {
    /// Id of the video.
    pub(super) video_id: String,
    /// Requests that upload the file.
    pub(super) upload: Upload,
    /// Path of the video in this API.
    pub(super) video_url: String,
    /// URL of the multivariant playlist, once the video is playable. That of a private video needs a playback
    /// token.
    pub(super) playback_url: String,
}

/// Requests that upload a file: a single PUT, or one PUT per part.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum Upload {
    /// A single PUT.
    Single {
        /// HTTP method, always `PUT`.
        method: &'static str,
        /// Presigned URL.
        url: String,
        /// Headers that the request must have, because the URL signs them.
        headers: BTreeMap<String, String>,
        /// Time at which the URLs expire, in RFC 3339.
        expires_at: String,
    },
    /// A PUT of each part to its URL, then a POST of the entity tags to `complete_url`.
    Multipart {
        /// Id of the multipart upload in the store.
        upload_id: String,
        /// Size of every part but the last, in bytes.
        part_size_bytes: u64,
        /// URLs of the parts, in order.
        parts: Vec<PartUrl>,
        /// Path that completes the upload: POST `{"parts": [{"number", "etag"}]}`.
        complete_url: String,
        /// Path that aborts the upload: DELETE.
        abort_url: String,
        /// Time at which the URLs expire, in RFC 3339.
        expires_at: String,
    },
}

/// URL of one part.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PartUrl {
    /// Number of the part, from 1.
    pub(super) number: u32,
    /// Presigned URL of the PUT.
    pub(super) url: String,
}

/// An upload in parts that is not complete.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct UploadStatus {
    /// Size of the file in bytes.
    pub(super) size_bytes: u64,
    /// Size of every part but the last, in bytes.
    pub(super) part_size_bytes: u64,
    /// Parts that the store has, ordered by number.
    pub(super) parts: Vec<StoredPart>,
}

/// A part that the store has.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct StoredPart {
    /// Number of the part, from 1.
    pub(super) number: u32,
    /// Its size in bytes.
    pub(super) size_bytes: u64,
    /// Its entity tag, for the completion.
    pub(super) etag: String,
}

/// Parts for which the client wants new URLs.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartsRequest {
    /// Numbers of the parts, 1 to 1000 of them.
    pub(super) numbers: Vec<u32>,
}

/// New URLs of parts.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PartUrls {
    /// URLs of the parts, in the order of the request.
    pub(super) parts: Vec<PartUrl>,
    /// Time at which the URLs expire, in RFC 3339.
    pub(super) expires_at: String,
}

/// Parts that the client has uploaded.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteRequest {
    /// All parts, ordered by number.
    pub(super) parts: Vec<PartTag>,
}

/// One uploaded part.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartTag {
    /// Number of the part, from 1.
    pub(super) number: u32,
    /// `ETag` header of the store's answer to the PUT.
    pub(super) etag: String,
}
