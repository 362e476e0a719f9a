//! An HTTP server of a stream's files and its key, for players and for the daemon.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::get;

/// The bearer token of the key endpoint.
pub const TOKEN: &str = "hush-4711";

/// The server. It stops when this is dropped.
pub struct KeyServer {
    pub url: String,
    shared: Arc<Shared>,
    runtime: Option<tokio::runtime::Runtime>,
}

struct Shared {
    folder: PathBuf,
    key: Mutex<Vec<u8>>,
    failures: AtomicU32,
    asked: Mutex<Vec<String>>,
}

impl KeyServer {
    /// `/files/…` serves the files of the folder, `/play/<id>` gives the key to everybody, and
    /// `/keys/<id>` to requests with the token.
    pub fn start(folder: PathBuf, key: &[u8]) -> Self {
        let shared = Arc::new(Shared {
            folder,
            key: Mutex::new(key.to_vec()),
            failures: AtomicU32::new(0),
            asked: Mutex::default(),
        });
        let router = Router::new()
            .route("/files/{*path}", get(file))
            .route("/play/{id}", get(play))
            .route("/keys/{id}", get(key_of))
            .with_state(Arc::clone(&shared));
        let (url, runtime) = super::serve_apart(router);
        Self { url, shared, runtime: Some(runtime) }
    }

    /// Answers the next requests for a key with status 500, this many of them.
    pub fn fail(&self, times: u32) {
        self.shared.failures.store(times, Ordering::SeqCst);
    }

    /// Replaces the key.
    pub fn give(&self, key: &[u8]) {
        *self.shared.key.lock().unwrap() = key.to_vec();
    }

    /// Video ids of all requests with the token, failed ones included.
    pub fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap().clone()
    }
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        // The runtime of an async test must not block on the end of this one.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

type Answer = (StatusCode, Vec<u8>);

async fn play(State(shared): State<Arc<Shared>>) -> Answer {
    (StatusCode::OK, shared.key.lock().unwrap().clone())
}

async fn key_of(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let said = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if said != Some(&format!("Bearer {TOKEN}")) {
        return (StatusCode::UNAUTHORIZED, Vec::new());
    }
    shared.asked.lock().unwrap().push(id);
    let fewer = |left: u32| left.checked_sub(1);
    if shared.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer).is_ok() {
        return (StatusCode::INTERNAL_SERVER_ERROR, Vec::new());
    }
    (StatusCode::OK, shared.key.lock().unwrap().clone())
}

/// Serves a file, or a range of it.
async fn file(
    State(shared): State<Arc<Shared>>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> (StatusCode, [(header::HeaderName, String); 2], Bytes) {
    let none = |status| {
        (
            status,
            [(header::ACCEPT_RANGES, "bytes".into()), (header::VARY, "range".into())],
            Bytes::new(),
        )
    };
    let Ok(bytes) = std::fs::read(shared.folder.join(path)) else {
        return none(StatusCode::NOT_FOUND);
    };
    let (size, bytes) = (bytes.len(), Bytes::from(bytes));
    let range = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let Some((from, to)) = range.and_then(|r| r.strip_prefix("bytes=")?.split_once('-')) else {
        let (status, headers, _) = none(StatusCode::OK);
        return (status, headers, bytes);
    };
    let from: usize = from.parse().unwrap();
    let end = to.parse::<usize>().map_or(size, |last| size.min(last + 1));
    if from >= end {
        return none(StatusCode::RANGE_NOT_SATISFIABLE);
    }
    let content_range = format!("bytes {from}-{}/{size}", end - 1);
    let headers = [(header::ACCEPT_RANGES, "bytes".into()), (header::CONTENT_RANGE, content_range)];
    (StatusCode::PARTIAL_CONTENT, headers, bytes.slice(from..end))
}
