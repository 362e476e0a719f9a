//! A proxy in front of S3 or SQS. It records requests and injects faults.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// The faults that the proxy injects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultProfile {
    None,
    /// A third of all requests fail: the connection is cut before or after the server has acted, the
    /// status is 500 or 503, or the answer takes 30 s (twice at most).
    Frequent,
    /// The first writes of a claim, as many as this, are refused as with credentials that have expired.
    Expired(u32),
    /// Sources are neither described nor read out, as if the key were lost that they are
    /// encrypted with.
    KeyLost,
    /// The first source that is tagged is replaced right after it.
    ReplacedOnceTagged,
    /// The first `DeleteObjects` is passed; no other is ever answered.
    OneBatch,
    /// Most requests fail with one of S3's errors for all kinds of clients' and servers' faults.
    Storm,
    /// The uploads in parts of a bucket may not be listed, and the clock is an hour ahead.
    Misconfigured,
    /// `If-Match` and `If-None-Match` are removed: some stores ignore them.
    NoConditions,
}

/// A request that the proxy has seen.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    pub path: String,
    /// Status that the client got; none after a cut connection.
    pub status: Option<u16>,
    /// Unzipped body of a request that writes a playlist; empty for all others.
    pub text: String,
}

/// Number of requests that are delayed by [`STALL`].
const STALLS: u32 = 2;
const STALL: Duration = Duration::from_secs(30);

/// Errors of a storm: what S3 answers with faults of clients, and what it answers with its own.
const STORM: [(u16, &str); 9] = [
    (400, "ExpiredToken"),
    (400, "RequestTimeout"),
    (403, "AccessDenied"),
    (403, "RequestTimeTooSkewed"),
    (429, "TooManyRequests"),
    (500, "InternalError"),
    (501, "NotImplemented"),
    (503, "SlowDown"),
    (503, "ServiceUnavailable"),
];

pub struct Proxy {
    pub url: String,
    inner: Arc<Inner>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

struct Inner {
    target: String,
    faults: Mutex<FaultProfile>,
    client: reqwest::Client,
    stalls: AtomicU32,
    refusals: AtomicU32,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Proxy {
    /// Starts a proxy in front of the server at this URL. It stops with the test's runtime.
    pub async fn start(target: &str, faults: FaultProfile) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let inner = Arc::new(Inner {
            target: target.to_owned(),
            faults: Mutex::new(faults),
            client: crate::support::http_client(),
            stalls: AtomicU32::new(0),
            refusals: AtomicU32::new(0),
            seen: Arc::clone(&seen),
        });
        let served = Arc::clone(&inner);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let inner = Arc::clone(&served);
                tokio::spawn(async move {
                    let service = service_fn(|request| pass(Arc::clone(&inner), request));
                    let http = hyper::server::conn::http1::Builder::new();
                    drop(http.serve_connection(TokioIo::new(stream), service).await);
                });
            }
        });
        Self { url, inner, seen }
    }

    /// Injects these faults from now on.
    pub fn set_faults(&self, faults: FaultProfile) {
        *self.inner.faults.lock().unwrap() = faults;
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Number of successful writes of the video's `main.m3u8` that name final playlists.
    pub fn flips(&self, id: &str) -> usize {
        let main = format!("/public/{id}/main.m3u8");
        let is_flip = |seen: &&Seen| {
            seen.method == Method::PUT
                && seen.path.split('?').next() == Some(main.as_str())
                && seen.status == Some(200)
                && seen.text.contains("index.m3u8")
        };
        self.seen().iter().filter(is_flip).count()
    }
}

enum Fault {
    CutBefore,
    CutAfter,
    Stall,
    Status(StatusCode, &'static str),
}

impl Inner {
    fn fault(&self, faults: FaultProfile, request: &hyper::http::request::Parts) -> Option<Fault> {
        if faults == FaultProfile::Storm && rand::random::<f64>() < 0.8 {
            let (status, code) = STORM[rand::random::<u8>() as usize % STORM.len()];
            return Some(Fault::Status(StatusCode::from_u16(status).unwrap(), code));
        }
        if let FaultProfile::Expired(most) = faults
            && request.method == Method::PUT
            && request.uri.path().starts_with("/uploads/claims/")
            && !request.uri.path().contains("probe")
            && self.refusals.fetch_add(1, Ordering::SeqCst) < most
        {
            return Some(Fault::Status(StatusCode::BAD_REQUEST, "ExpiredToken"));
        }
        let query = request.uri.query().unwrap_or_default();
        if faults == FaultProfile::Misconfigured
            && query.split(['&', '=']).any(|part| part == "uploads")
        {
            let is_list = request.method == Method::GET;
            return is_list.then_some(Fault::Status(StatusCode::FORBIDDEN, "AccessDenied"));
        }
        let is_read = request.method == Method::GET || request.method == Method::HEAD;
        if faults == FaultProfile::KeyLost
            && is_read
            && request.uri.path().starts_with("/uploads/in/")
        {
            return Some(Fault::Status(StatusCode::BAD_REQUEST, "KMS.DisabledException"));
        }
        if faults != FaultProfile::Frequent || rand::random::<f64>() > 1.0 / 3.0 {
            return None;
        }
        Some(match rand::random::<u8>() % 20 {
            0..5 => Fault::CutBefore,
            5..8 => Fault::CutAfter,
            8..10 if self.stalls.fetch_add(1, Ordering::SeqCst) < STALLS => Fault::Stall,
            8..14 => Fault::Status(StatusCode::INTERNAL_SERVER_ERROR, "Oops"),
            _ => Fault::Status(StatusCode::SERVICE_UNAVAILABLE, "SlowDown"),
        })
    }

    fn note(&self, parts: &hyper::http::request::Parts, body: &[u8], status: Option<u16>) {
        let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        let text = if path.contains(".m3u8") { unzipped(body) } else { String::new() };
        let method = parts.method.clone();
        self.seen.lock().unwrap().push(Seen { method, path, status, text });
    }
}

fn unzipped(body: &[u8]) -> String {
    let mut text = String::new();
    let read = io::Read::read_to_string(&mut flate2::read::GzDecoder::new(body), &mut text);
    if read.is_ok() { text } else { String::from_utf8_lossy(body).into_owned() }
}

async fn pass(inner: Arc<Inner>, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let (mut parts, body) = request.into_parts();
    let body = axum::body::to_bytes(Body::new(body), usize::MAX).await.map_err(io::Error::other)?;
    let cut = || io::Error::other("cut");
    let faults = *inner.faults.lock().unwrap();
    let is_batch = parts.method == Method::POST
        && parts.uri.query().is_some_and(|query| {
            query.split('&').any(|part| part == "delete" || part == "delete=")
        });
    if faults == FaultProfile::OneBatch
        && is_batch
        && inner.refusals.fetch_add(1, Ordering::SeqCst) > 0
    {
        std::future::pending::<()>().await;
    }
    let fault = inner.fault(faults, &parts);
    match fault {
        Some(Fault::CutBefore) => {
            inner.note(&parts, &body, None);
            return Err(cut());
        }
        Some(Fault::Status(status, code)) => {
            inner.note(&parts, &body, Some(status.as_u16()));
            let text = format!("<Error><Code>{code}</Code><Message>injected</Message></Error>");
            return Ok(Response::builder().status(status).body(Body::from(text)).unwrap());
        }
        Some(Fault::Stall) => tokio::time::sleep(STALL).await,
        Some(Fault::CutAfter) | None => {}
    }
    if faults == FaultProfile::NoConditions {
        parts.headers.remove("if-none-match");
        parts.headers.remove("if-match");
    }
    let mut response = forward(&inner, &parts, body.clone()).await?;
    if matches!(fault, Some(Fault::CutAfter)) {
        inner.note(&parts, &body, None);
        return Err(cut());
    }
    if faults == FaultProfile::Misconfigured {
        let ahead = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
        let date = ahead.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        response.headers_mut().insert("date", HeaderValue::from_str(&date).unwrap());
    }
    inner.note(&parts, &body, Some(response.status().as_u16()));
    let is_tagging =
        parts.method == Method::PUT && parts.uri.query().is_some_and(|q| q.starts_with("tagging"));
    if faults == FaultProfile::ReplacedOnceTagged
        && is_tagging
        && inner.refusals.fetch_add(1, Ordering::SeqCst) == 0
    {
        replace_object(&inner, &parts).await;
    }
    Ok(response)
}

/// Writes the object anew with a free box behind its bytes. The servers look for a signature, not at it.
async fn replace_object(inner: &Inner, parts: &hyper::http::request::Parts) {
    let url = format!("{}{}", inner.target, parts.uri.path());
    let send = async |method: Method, body: Vec<u8>| {
        let request = inner.client.request(method, &url).body(body);
        let signed = request.header("authorization", parts.headers["authorization"].clone());
        let answer = signed.send().await.unwrap().error_for_status().unwrap();
        answer.bytes().await.unwrap().to_vec()
    };
    let mut bytes = send(Method::GET, Vec::new()).await;
    bytes.extend(b"\0\0\0\x08free");
    send(Method::PUT, bytes).await;
}

async fn forward(
    inner: &Inner,
    parts: &hyper::http::request::Parts,
    body: Bytes,
) -> io::Result<Response<Body>> {
    let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let sent = inner
        .client
        .request(parts.method.clone(), format!("{}{path}", inner.target))
        .headers(passed(&parts.headers))
        .body(body)
        .send()
        .await;
    let answer = sent.map_err(io::Error::other)?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status();
    *response.headers_mut() = passed(answer.headers());
    if parts.method != Method::HEAD {
        *response.body_mut() = Body::from(answer.bytes().await.map_err(io::Error::other)?);
    }
    Ok(response)
}

/// The headers without those of one connection.
fn passed(headers: &HeaderMap) -> HeaderMap {
    let is_passed = |name: &HeaderName| {
        !matches!(name.as_str(), "connection" | "transfer-encoding" | "expect" | "keep-alive")
    };
    let copied = |(name, value): (&HeaderName, &HeaderValue)| (name.clone(), value.clone());
    headers.iter().filter(|(name, _)| is_passed(name)).map(copied).collect()
}
