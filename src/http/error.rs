//! Errors of the API, sent as `application/problem+json` (RFC 9457). Only this file chooses status
//! codes of errors.

pub(super) mod samples;

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::domain::auth::Scope;
use crate::domain::outcome::Fault;
use crate::domain::play::claims::Refusal;
use crate::domain::readiness::Readiness;
use crate::{auth, catalog, job, play, queue, store};

/// Code of requests that are not valid, whoever refuses them.
const INVALID_REQUEST: &str = "invalid-request";

/// Body of every error response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Problem {
    /// Always `about:blank`; `code` tells errors apart.
    pub r#type: String,
    /// Standard text of the HTTP status.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable code in kebab case.
    pub code: String,
    /// Cause and remedy, in a sentence for people.
    pub detail: String,
}

/// Failure of a handler. Each variant has one status and one code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The video, the upload or the path does not exist (404).
    #[error("{0}")]
    NotFound(String),
    /// The request is for a host that is not this one (421).
    #[error(
        "this server is not known as {0:?}: if it is yours, add the name to http.hosts, or set \
         http.public_url"
    )]
    Misdirected(String),
    /// A page of another origin wants to change something (403).
    #[error(
        "a page of another origin may change nothing here: if it is yours, add its origin to \
         http.cors_origins"
    )]
    CrossOrigin,
    /// The connection goes past the proxy that has the certificate (403).
    #[error(
        "this server is reached by http.public_url alone: its proxy is in http.trusted_proxies, and you are not"
    )]
    PastTheProxy,
    /// The route needs an account, and the request has none (401).
    #[error("this needs a token: send `Authorization: Bearer`, or sign in on the page")]
    NotSignedIn,
    /// The account has not the rights that the route needs (403).
    #[error("this needs the scope {}", .0.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(" or "))]
    Forbidden(&'static [Scope]),
    /// The sender has sent too many requests, and may send another after this time (429).
    #[error("too many requests: wait {} s", .0.as_secs() + 1)]
    TooMany(Duration),
    /// An account or its secret is not valid (400, 401, 404 or 409), or cannot be looked up (503).
    #[error(transparent)]
    Auth(#[from] auth::Error),
    /// The path exists, but not with this method (405).
    #[error("this path does not support this method")]
    MethodNotAllowed,
    /// A field of the request is not valid (400).
    #[error("{0}")]
    Invalid(String),
    /// The state of the video does not allow it (409).
    #[error("{0}")]
    Conflict(String),
    /// It has another version than the one that was seen (412).
    #[error("{0}")]
    Changed(String),
    /// The file or the request body is too large (413).
    #[error("{0}")]
    TooLarge(String),
    /// The disk of the embedded store has too little space for the file (507).
    #[error(
        "size_bytes: the store has space for {free_bytes} bytes, and the file has {size_bytes}: delete videos, or \
         attach a larger disk"
    )]
    NoSpace {
        /// Size of the file.
        size_bytes: u64,
        /// Bytes that uploads may use.
        free_bytes: u64,
    },
    /// The daemon cannot serve this request now (503).
    #[error("{0}")]
    NotReady(String),
    /// Parts of the daemon or its surroundings fail (503).
    #[error("{}", .0.faults())]
    Unready(Box<Readiness>),
    /// The request exceeded `http.request_timeout_secs` (408).
    #[error("the request took too long")]
    Timeout,
    /// The gateway to private streams does not answer (401, 403, 404 or 503).
    #[error(transparent)]
    Play(play::Error),
    /// A call to a bucket failed (400, 404, 409 or 503).
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A call to the queue failed (503).
    #[error(transparent)]
    Queue(#[from] queue::Error),
    /// A bug of ladderd (500).
    #[error("{0}")]
    Internal(String),
}

impl From<play::Error> for Error {
    fn from(error: play::Error) -> Self {
        match error {
            play::Error::Store(error) => Self::Store(error),
            error @ (play::Error::Refused(_)
            | play::Error::NotFound
            | play::Error::NoMasterKey { .. }
            | play::Error::ShortCredentials
            | play::Error::Unreadable { .. }) => Self::Play(error),
        }
    }
}

impl From<catalog::Error> for Error {
    fn from(error: catalog::Error) -> Self {
        match error {
            catalog::Error::Store(error) => Self::Store(error),
            catalog::Error::Delete(error) => error.into(),
            catalog::Error::Index(_) => Self::NotReady(error.to_string()),
        }
    }
}

impl From<job::Error> for Error {
    fn from(error: job::Error) -> Self {
        if let job::Error::Store(error) = error {
            Self::Store(error)
        } else if let job::Error::Queue(error) = error {
            Self::Queue(error)
        } else {
            // Somebody else works on the video.
            Self::Conflict(error.to_string())
        }
    }
}

impl Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_) | Self::Store(store::Error::NotFound { .. }) => StatusCode::NOT_FOUND,
            Self::Play(error) => play_status(error),
            Self::Misdirected(_) => StatusCode::MISDIRECTED_REQUEST,
            Self::CrossOrigin | Self::PastTheProxy | Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotSignedIn => StatusCode::UNAUTHORIZED,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Auth(error) => auth_status(error),
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Invalid(_) | Self::Store(store::Error::Rejected { .. }) => {
                StatusCode::BAD_REQUEST
            }
            Self::Changed(_) => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoSpace { .. } => StatusCode::INSUFFICIENT_STORAGE,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict(_) | Self::Store(store::Error::PreconditionFailed { .. }) => {
                StatusCode::CONFLICT
            }
            Self::NotReady(_)
            | Self::Unready(_)
            | Self::Store(store::Error::Denied { .. } | store::Error::Unavailable { .. })
            | Self::Queue(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::NotFound(_) | Self::Play(play::Error::NotFound) => "not-found",
            Self::Play(play::Error::Refused(refusal)) => refusal.code(),
            Self::Play(play::Error::ShortCredentials) => "short-credentials",
            Self::Play(play::Error::NoMasterKey { .. }) => "no-master-key",
            Self::Misdirected(_) => "wrong-host",
            Self::CrossOrigin => "cross-origin",
            Self::PastTheProxy => "past-the-proxy",
            Self::NotSignedIn => "not-signed-in",
            Self::Forbidden(_) => "forbidden",
            Self::TooMany(_) => "too-many-requests",
            Self::Auth(error) => auth_code(error),
            Self::MethodNotAllowed => "method-not-allowed",
            Self::Invalid(_) => INVALID_REQUEST,
            Self::Conflict(_) => "conflict",
            Self::Changed(_) => "changed",
            Self::TooLarge(_) => "too-large",
            Self::NoSpace { .. } => "insufficient-storage",
            Self::NotReady(_) | Self::Unready(_) => "not-ready",
            Self::Timeout => "timeout",
            Self::Store(error) | Self::Play(play::Error::Store(error)) => error.code().as_str(),
            Self::Queue(error) => error.code().as_str(),
            Self::Internal(_) | Self::Play(play::Error::Unreadable { .. }) => "internal",
        }
    }
}

fn auth_status(error: &auth::Error) -> StatusCode {
    match error {
        auth::Error::InvalidToken
        | auth::Error::InvalidSession
        | auth::Error::InvalidCode
        | auth::Error::InvalidGrant => StatusCode::UNAUTHORIZED,
        auth::Error::NoSuchToken(_) => StatusCode::NOT_FOUND,
        auth::Error::Invalid(_) => StatusCode::BAD_REQUEST,
        auth::Error::InSettings(_) => StatusCode::CONFLICT,
        auth::Error::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn auth_code(error: &auth::Error) -> &str {
    match error {
        auth::Error::InvalidToken => "invalid-token",
        auth::Error::InvalidSession => "invalid-session",
        auth::Error::InvalidCode => "invalid-code",
        auth::Error::InvalidGrant => "invalid-grant",
        auth::Error::NoSuchToken(_) => "not-found",
        auth::Error::Invalid(_) => INVALID_REQUEST,
        auth::Error::InSettings(_) => "conflict",
        auth::Error::Store(error) => error.code().as_str(),
    }
}

fn play_status(error: &play::Error) -> StatusCode {
    match error {
        play::Error::Refused(Refusal::OtherVideo) => StatusCode::FORBIDDEN,
        play::Error::Refused(_) => StatusCode::UNAUTHORIZED,
        play::Error::NotFound | play::Error::NoMasterKey { .. } => StatusCode::NOT_FOUND,
        play::Error::ShortCredentials | play::Error::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        play::Error::Unreadable { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl Error {
    /// The body of the response.
    pub(super) fn problem(&self) -> Problem {
        Problem::new(self.status(), self.code(), self.to_string())
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = self.status();
        // Probes ask for the readiness every few seconds: `readyz` logs its changes.
        if status.is_server_error() && !matches!(self, Self::Unready(_)) {
            tracing::error!(code = self.code(), error = %self, "failed to answer request");
        }
        let (code, detail) = (self.code().to_owned(), self.to_string());
        if let Self::TooMany(wait) = self {
            let mut response = problem(status, &code, detail);
            let secs = HeaderValue::from(wait.as_secs() + 1);
            response.headers_mut().insert(header::RETRY_AFTER, secs);
            return response;
        }
        if let Self::Unready(readiness) = self {
            let problem = Problem::new(status, &code, detail);
            return as_problem(status, Json(UnreadyProblem { problem, readiness: *readiness }));
        }
        problem(status, &code, detail)
    }
}

/// Body of a 503 of `/readyz`: a problem, and the state of each part.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct UnreadyProblem {
    #[serde(flatten)]
    problem: Problem,
    #[serde(flatten)]
    readiness: Readiness,
}

impl Problem {
    /// The body of the answer to an error.
    fn of(error: &Error) -> Self {
        Self::new(error.status(), error.code(), error.to_string())
    }

    fn new(status: StatusCode, code: &str, detail: String) -> Self {
        Self {
            r#type: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail,
        }
    }
}

/// Builds the response of a problem.
fn problem(status: StatusCode, code: &str, detail: String) -> Response {
    as_problem(status, Json(Problem::new(status, code, detail)))
}

fn as_problem(status: StatusCode, body: impl IntoResponse) -> Response {
    let mut response = (status, body).into_response();
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    if status == StatusCode::UNAUTHORIZED {
        let scheme = HeaderValue::from_static("Bearer realm=\"ladderd\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    }
    if matches!(status, StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT) {
        // The rest of the body stays unread, so the client must not reuse the connection.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Middleware: turns plain-text errors of axum and of inner layers (bad JSON, body too large,
/// timeout) into problems.
pub(super) async fn to_problem(response: Response) -> Response {
    const MAX_TEXT_BYTES: usize = 4096;
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_plain = kind.is_none_or(|kind| kind.starts_with(b"text/plain"));
    if !is_plain || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let text = axum::body::to_bytes(response.into_body(), MAX_TEXT_BYTES).await.unwrap_or_default();
    let detail = String::from_utf8_lossy(&text).into_owned();
    let error = match status {
        StatusCode::METHOD_NOT_ALLOWED => Error::MethodNotAllowed,
        StatusCode::REQUEST_TIMEOUT => Error::Timeout,
        StatusCode::PAYLOAD_TOO_LARGE => Error::TooLarge(detail),
        StatusCode::INTERNAL_SERVER_ERROR => Error::Internal("an internal error".to_owned()),
        _ => return problem(status, INVALID_REQUEST, detail),
    };
    error.into_response()
}
