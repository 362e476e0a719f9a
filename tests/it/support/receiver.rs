//! A receiver of webhooks, whose paths answer in different ways.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde_json::Value;

use super::appliance::TIMEOUT;

/// A request that came.
#[derive(Clone)]
pub struct Received {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub fn id(&self) -> String {
        self.header("webhook-id").to_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// The server. It stops when this is dropped.
pub struct Receiver {
    pub url: String,
    shared: Arc<Shared>,
    runtime: Option<tokio::runtime::Runtime>,
}

#[derive(Default)]
struct Shared {
    received: Mutex<Vec<Received>>,
    hangs: AtomicBool,
}

impl Receiver {
    /// Starts it. `/ok…` accepts, `/once` fails the first time, `/gone` answers 410, `/redirect` leads to
    /// `/ok/redirected`, `/busy` asks for an hour, and `/hang` does not answer as long as it is told to hang.
    pub fn start() -> Self {
        let shared = Arc::new(Shared::default());
        shared.hangs.store(true, Ordering::SeqCst);
        let router = Router::new().route("/{*path}", any(receive)).with_state(Arc::clone(&shared));
        let (url, runtime) = super::serve_apart(router);
        Self { url, shared, runtime: Some(runtime) }
    }

    /// Lets `/hang` accept from now on.
    pub fn unhang(&self) {
        self.shared.hangs.store(false, Ordering::SeqCst);
    }

    /// The requests to a path.
    pub fn received(&self, path: &str) -> Vec<Received> {
        let all = self.shared.received.lock().unwrap();
        all.iter().filter(|received| received.path == path).cloned().collect()
    }

    /// The requests to a path by the ids of their events.
    pub fn by_id(&self, path: &str) -> BTreeMap<String, Vec<Received>> {
        let mut found: BTreeMap<String, Vec<Received>> = BTreeMap::new();
        for received in self.received(path) {
            found.entry(received.id()).or_default().push(received);
        }
        found
    }

    /// Waits until a path has got so many requests.
    pub async fn wait_for(&self, path: &str, count: usize) -> Vec<Received> {
        let waited = tokio::time::timeout(TIMEOUT, async {
            loop {
                let received = self.received(path);
                if received.len() >= count {
                    return received;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        let got = || self.received(path).iter().map(Received::json).collect::<Vec<_>>();
        waited.await.unwrap_or_else(|_| panic!("{path} did not get {count}: {:#?}", got()))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // The runtime of an async test must not block on the end of this one.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn receive(
    State(shared): State<Arc<Shared>>,
    Path(path): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = format!("/{path}");
    let received = Received { path: path.clone(), headers, body: body.to_vec() };
    let is_first = {
        let mut all = shared.received.lock().unwrap();
        all.push(received);
        all.iter().filter(|received| received.path == path).count() == 1
    };
    match path.as_str() {
        "/once" if is_first => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        "/gone" => StatusCode::GONE.into_response(),
        "/redirect" => (StatusCode::FOUND, [(header::LOCATION, "/ok/redirected")]).into_response(),
        "/busy" => (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "3600")]).into_response(),
        "/hang" if shared.hangs.load(Ordering::SeqCst) => std::future::pending().await,
        _ => StatusCode::NO_CONTENT.into_response(),
    }
}
