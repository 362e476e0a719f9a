//! An HTTP server of files that are pulled: with and without ranges, and with faults.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use futures_util::stream;
use tokio::sync::watch;

/// Bytes that are sent at a time.
const CHUNK: usize = 64 << 10;

/// A file and how it is served.
#[derive(Clone)]
pub struct Served {
    pub bytes: Bytes,
    pub has_ranges: bool,
    pub etag: Option<&'static str>,
    /// Whether the answer states its length.
    pub states_length: bool,
    /// Most bytes of an answer, which then leaves the size of the file out.
    pub piece: Option<usize>,
    pub encoding: Option<&'static str>,
    pub status: Option<u16>,
    pub redirect: Option<String>,
    /// Offset at which the next answer breaks off, once.
    pub cut_at: Option<usize>,
    /// Offset at which answers wait until the file is released.
    pub hold_at: Option<usize>,
}

impl Served {
    /// A file with ranges and a strong entity tag.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self {
            bytes: bytes.into(),
            has_ranges: true,
            etag: Some("\"v1\""),
            states_length: true,
            piece: None,
            encoding: None,
            status: None,
            redirect: None,
            cut_at: None,
            hold_at: None,
        }
    }
}

/// A request that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub name: String,
    /// Offset that was asked for.
    pub from: usize,
    pub if_range: Option<String>,
}

struct Shared {
    files: Mutex<HashMap<String, Served>>,
    asked: Mutex<Vec<Asked>>,
    /// Whether files that are held go on.
    released: watch::Sender<bool>,
}

/// The server. It stops when the runtime of its test does.
pub struct Origin {
    /// URL of its files, such as `http://127.0.0.1:1234`.
    pub url: String,
    shared: Arc<Shared>,
}

impl Origin {
    pub async fn start() -> Self {
        let shared = Arc::new(Shared {
            files: Mutex::default(),
            asked: Mutex::default(),
            released: watch::Sender::new(false),
        });
        let routes = Router::new().route("/{name}", axum::routing::get(file));
        let routes = routes.with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { url, shared }
    }

    /// Serves a file from now on. Returns its URL.
    pub fn serve(&self, name: &str, file: Served) -> String {
        self.shared.files.lock().unwrap().insert(name.to_owned(), file);
        format!("{}/{name}", self.url)
    }

    /// Lets held files go on.
    pub fn release(&self) {
        self.shared.released.send_replace(true);
    }

    /// The requests for a file so far.
    pub fn asked(&self, name: &str) -> Vec<Asked> {
        let asked = self.shared.asked.lock().unwrap();
        asked.iter().filter(|asked| asked.name == name).cloned().collect()
    }
}

async fn file(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let range = text(header::RANGE).and_then(|range| range.strip_prefix("bytes="));
    let asked_from = range.and_then(|range| range.trim_end_matches('-').parse().ok());
    let if_range = text(header::IF_RANGE).map(str::to_owned);
    let from = asked_from.unwrap_or(0);
    shared.asked.lock().unwrap().push(Asked {
        name: name.clone(),
        from,
        if_range: if_range.clone(),
    });
    let (file, cut_at) = {
        let mut files = shared.files.lock().unwrap();
        let Some(file) = files.get_mut(&name) else { return plain(404) };
        let cut_at = file.cut_at.take();
        (file.clone(), cut_at)
    };
    if let Some(status) = file.status {
        return plain(status);
    }
    let mut answer = Response::builder();
    if let Some(target) = &file.redirect {
        let answer = answer.status(302).header(header::LOCATION, target);
        return answer.body(Body::empty()).unwrap();
    }
    let is_same = if_range.is_none() || if_range.as_deref() == file.etag;
    let size = file.bytes.len();
    let (mut start, mut end) = (0, size);
    if file.has_ranges && asked_from.is_some() && is_same {
        start = from;
        if start >= size {
            let answer =
                answer.status(416).header(header::CONTENT_RANGE, format!("bytes */{size}"));
            return answer.body(Body::empty()).unwrap();
        }
        end = file.piece.map_or(size, |piece| size.min(start + piece));
        let stated = if file.piece.is_some() { "*".to_owned() } else { size.to_string() };
        let range = format!("bytes {start}-{}/{stated}", end - 1);
        answer = answer.status(StatusCode::PARTIAL_CONTENT).header(header::CONTENT_RANGE, range);
    }
    if let Some(etag) = file.etag {
        answer = answer.header(header::ETAG, etag);
    }
    if file.states_length {
        answer = answer.header(header::CONTENT_LENGTH, end - start);
    }
    if let Some(encoding) = file.encoding {
        answer = answer.header(header::CONTENT_ENCODING, encoding);
    }
    let file = Served { bytes: file.bytes.slice(..end), ..file };
    answer.body(Body::from_stream(body(shared, file, start, cut_at))).unwrap()
}

fn plain(status: u16) -> Response {
    Response::builder().status(status).body(Body::empty()).unwrap()
}

/// The bytes from `start` on.
fn body(
    shared: Arc<Shared>,
    file: Served,
    start: usize,
    cut_at: Option<usize>,
) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> + Send {
    stream::unfold(start, move |at| {
        let (shared, file) = (Arc::clone(&shared), file.clone());
        async move {
            if at >= file.bytes.len() {
                return None;
            }
            if cut_at.is_some_and(|cut| at >= cut) {
                return Some((Err(std::io::Error::other("cut off")), file.bytes.len()));
            }
            if file.hold_at.is_some_and(|hold| at >= hold) {
                shared.released.subscribe().wait_for(|released| *released).await.unwrap();
            }
            let end = file.bytes.len().min(at + CHUNK);
            Some((Ok(file.bytes.slice(at..end)), end))
        }
    })
}
