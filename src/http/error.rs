//! Every error of the API, as `application/problem+json` (RFC 9457). The only place of status
//! codes.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::domain::outcome::Fault;
use crate::{queue, store};

/// The body of an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Problem {
    /// Always `about:blank`: `code` tells errors apart.
    pub r#type: String,
    /// What the status means.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable kebab-case code.
    pub code: String,
    /// What is wrong, and what to do.
    pub detail: String,
}

/// What a handler can fail with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// The path has other methods.
    #[error("this path does not take this method")]
    Method,
    /// The request is wrong.
    #[error("{0}")]
    Invalid(String),
    /// What is to be uploaded is too large.
    #[error("{0}")]
    TooLarge(String),
    /// Something that is needed does not answer.
    #[error("{0}")]
    NotReady(String),
    /// It took too long.
    #[error("the request took too long")]
    Timeout,
    /// A bucket.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The queue.
    #[error(transparent)]
    Queue(#[from] queue::Error),
    /// A fault of ours.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_) | Self::Store(store::Error::NotFound { .. }) => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Invalid(_) | Self::Store(store::Error::Rejected { .. }) => {
                StatusCode::BAD_REQUEST
            }
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Store(store::Error::PreconditionFailed { .. }) => StatusCode::CONFLICT,
            Self::NotReady(_)
            | Self::Store(store::Error::Denied { .. } | store::Error::Unavailable { .. })
            | Self::Queue(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::NotFound(_) => "not-found",
            Self::Method => "method-not-allowed",
            Self::Invalid(_) => "invalid-request",
            Self::TooLarge(_) => "too-large",
            Self::NotReady(_) => "not-ready",
            Self::Timeout => "timeout",
            Self::Store(error) => error.code(),
            Self::Queue(error) => error.code(),
            Self::Internal(_) => "internal",
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            tracing::error!(code = self.code(), error = %self, "the request failed");
        }
        problem(status, self.code(), self.to_string())
    }
}

/// A problem as a response.
pub(super) fn problem(status: StatusCode, code: &str, detail: String) -> Response {
    let body = Problem {
        r#type: "about:blank".to_owned(),
        title: status.canonical_reason().unwrap_or("Error").to_owned(),
        status: status.as_u16(),
        code: code.to_owned(),
        detail,
    };
    let mut response = (status, Json(body)).into_response();
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    if matches!(status, StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT) {
        // The rest of the body is never read: the client must not use the connection again.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Gives answers of layers below us (bad JSON, body too large, timeouts) the same form.
pub(super) async fn unify(response: Response) -> Response {
    const MAX_TEXT_BYTES: usize = 4096;
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_plain = kind.is_none_or(|kind| kind.starts_with(b"text/plain"));
    if !is_plain || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let text = axum::body::to_bytes(response.into_body(), MAX_TEXT_BYTES).await.unwrap_or_default();
    let detail = String::from_utf8_lossy(&text).into_owned();
    let known = match status {
        StatusCode::METHOD_NOT_ALLOWED => Error::Method,
        StatusCode::REQUEST_TIMEOUT => Error::Timeout,
        StatusCode::PAYLOAD_TOO_LARGE => Error::TooLarge(detail),
        StatusCode::INTERNAL_SERVER_ERROR => Error::Internal("an internal error".to_owned()),
        _ => return problem(status, "invalid-request", detail),
    };
    known.into_response()
}
