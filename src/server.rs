//! HTTP server of the API and of the embedded store: limits open connections, and drains them at
//! shutdown.
//!
//! A connection counts towards the limit from its first bytes on, so silent clients lock nobody out. Every wait
//! for a client has a deadline: for first bytes, the head of a request, progress of its body, and progress of
//! the response.

mod activity;
mod listener;
mod pace;

use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hyper::body::{Body, Incoming};
use hyper::header::{DATE, HeaderValue, STRICT_TRANSPORT_SECURITY};
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::TcpStream;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use self::activity::{Activity, TakenBody};
use self::listener::{Begun, Protocol, begin};
pub use self::listener::{Listener, Tls};
pub use self::pace::PacedBody;
use self::pace::PacedWrites;

/// Longest time until the first bytes of a connection tell its protocol, the handshake of TLS included.
const FIRST_BYTES_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections without first bytes that are kept for each one that is served.
const SILENT_PER_SERVED: usize = 4;
/// Most connections without first bytes that are kept. They last 10 s.
const MAX_SILENT: usize = 4096;
/// Longest time in which a client sends the head of a request, and between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest time in which a client sends no kilobyte of a body that is waited for, takes no byte of a response, or
/// has no request on an HTTP/2 connection. Event streams send a line every 15 s, which an idle reader takes.
const STALL_TIMEOUT: Duration = Duration::from_mins(1);
/// Interval of pings on a silent HTTP/2 connection, and the longest time until the answer.
const PING_EVERY: Duration = Duration::from_secs(30);
/// Shortest time between two logged failures to accept.
const ACCEPT_LOG_EVERY: Duration = Duration::from_mins(1);
/// How long open requests may continue after shutdown begins.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause after a failed accept. The usual cause is a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Limits of a server.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at the same time.
    pub max_connections: usize,
    /// Longest time without progress of a body.
    pub stall: Duration,
}

impl Limits {
    /// At most so many connections, with the usual deadlines.
    #[must_use]
    pub fn connections(max_connections: usize) -> Self {
        Self { max_connections, stall: STALL_TIMEOUT }
    }
}

/// The ends of a connection, which each of its requests has as an extension.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// Address of the other side: of a proxy, if there is one.
    pub peer: SocketAddr,
    /// Address at which this side was reached.
    pub local: SocketAddr,
}

impl Ends {
    /// The ends of this connection; none if it is gone.
    fn of(stream: &TcpStream) -> Option<Self> {
        let canonical =
            |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
        let (peer, local) = (stream.peer_addr().ok()?, stream.local_addr().ok()?);
        Some(Self { peer: canonical(peer), local: canonical(local) })
    }
}

/// Sockets that a server may hold with this limit of connections, those without first bytes included.
#[must_use]
pub fn max_sockets(max_connections: usize) -> usize {
    let silent = max_connections.saturating_mul(SILENT_PER_SERVED).min(MAX_SILENT);
    max_connections.saturating_add(silent)
}

/// Serves `service` on `listener` within the limits. Returns after `shutdown` resolves and open requests
/// have ended, at the latest 5 s later (`DRAIN_TIMEOUT`).
pub async fn serve<S, B>(
    listener: Listener,
    limits: Limits,
    service: S,
    shutdown: impl Future<Output = ()>,
) where
    S: Service<Request<PacedBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let sockets = max_sockets(limits.max_connections).min(Semaphore::MAX_PERMITS);
    let accepted = Arc::new(Semaphore::new(sockets));
    let graceful = GracefulShutdown::new();
    let server = Server::new(service, limits, listener.tls);
    let mut logged = None::<Instant>;
    tokio::pin!(shutdown);
    loop {
        // Take the place before accepting: further clients wait in the backlog of the socket.
        let next = async {
            let place = Arc::clone(&accepted).acquire_owned().await;
            (place, listener.socket.accept().await)
        };
        let (place, stream) = tokio::select! {
            next = next => next,
            () = &mut shutdown => break,
        };
        let stream = match stream {
            Ok((stream, _)) => {
                // Head and body of a small answer are two writes: Nagle's algorithm would hold the second one back
                // until the client's delayed acknowledgement of the first, for 40 ms. A failure costs that time alone.
                drop(stream.set_nodelay(true));
                stream
            }
            Err(error) => {
                if logged.is_none_or(|logged| logged.elapsed() >= ACCEPT_LOG_EVERY) {
                    tracing::error!(%error, "failed to accept connections");
                    logged = Some(Instant::now());
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        tokio::spawn(server.clone().handle(stream, graceful.watcher(), place));
    }
    server.closing.cancel();
    if tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("aborted open requests at shutdown");
    }
}

/// State that all connections share.
#[derive(Clone)]
struct Server<S> {
    builder: auto::Builder<TokioExecutor>,
    service: S,
    limits: Limits,
    tls: Option<Tls>,
    served: Arc<Semaphore>,
    closing: CancellationToken,
}

impl<S> Server<S> {
    fn new(service: S, limits: Limits, tls: Option<Tls>) -> Self {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
        let mut http2 = builder.http2();
        http2.timer(TokioTimer::new());
        http2.keep_alive_interval(PING_EVERY).keep_alive_timeout(PING_EVERY);
        let served = Arc::new(Semaphore::new(limits.max_connections.min(Semaphore::MAX_PERMITS)));
        Self { builder, service, limits, tls, served, closing: CancellationToken::new() }
    }

    /// Serves a connection, which holds `_place` among the accepted ones until it ends.
    async fn handle<B>(self, stream: TcpStream, watcher: Watcher, _place: Place)
    where
        S: Service<Request<PacedBody>, Response = Response<B>> + Send + Sync + 'static,
        S::Future: Send,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let Some(ends) = Ends::of(&stream) else { return };
        let stall = self.limits.stall;
        let begun = async {
            let begun = begin(PacedWrites::new(stream, stall), self.tls.as_ref());
            let begun = tokio::time::timeout(FIRST_BYTES_TIMEOUT, begun).await;
            Some((begun.ok()?.ok()?, self.served.acquire().await.ok()?))
        };
        let begun = self.closing.run_until_cancelled(begun).await;
        let Some(Some((Begun { protocol, stream }, _permit))) = begun else { return };
        let (service, hsts) = (self.service, self.tls.and_then(|tls| tls.hsts));
        let (builder, activity) = match protocol {
            Protocol::Http1 => (self.builder.http1_only(), None),
            Protocol::Http2 => (self.builder.http2_only(), Some(Activity::new())),
        };
        let is_over = async {
            match &activity {
                Some(activity) => activity.is_over(stall).await,
                None => std::future::pending().await,
            }
        };
        let of_connection = activity.clone();
        let paced = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ends);
            let (open, hsts) = (of_connection.as_ref().map(Activity::request), hsts.clone());
            let response = service.call(request.map(|body| PacedBody::new(body, stall)));
            async move {
                let mut response: Response<B> = response.await?;
                if let Some(date) = date() {
                    response.headers_mut().insert(DATE, date);
                }
                if let Some(hsts) = hsts {
                    response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, hsts);
                }
                Ok::<_, S::Error>(response.map(|body| TakenBody::new(body, open)))
            }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), paced).into_owned();
        tokio::select! {
            ended = watcher.watch(connection) => {
                if let Err(error) = ended {
                    tracing::debug!(error, "failed to serve connection");
                }
            }
            () = is_over => {}
        }
    }
}

/// The time as a header. Hyper keeps the one that it adds until a later second: after the clock was set back by an
/// hour it would be wrong for that hour, and clients that adjust their clock by it could sign nothing.
fn date() -> Option<HeaderValue> {
    HeaderValue::from_str(&httpdate::fmt_http_date(SystemTime::now())).ok()
}

/// A place among the accepted connections.
type Place = Result<OwnedSemaphorePermit, AcquireError>;

/// Whether `text` is an IP address with a port.
pub(crate) fn is_address(text: &str) -> bool {
    text.parse::<SocketAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::Bytes;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::listener::HTTP2_PREFACE;
    use super::*;

    /// Longer than every buffer between server and client.
    const LONG_BYTES: usize = 64 << 20;

    /// A server for one connection at a time: reads the body, then answers a GET with [`LONG_BYTES`].
    async fn server(stall: Duration) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = service_fn(async |request: Request<PacedBody>| {
            let is_get = request.method() == hyper::Method::GET;
            let body = axum::body::Body::new(request.into_body());
            let read = axum::body::to_bytes(body, usize::MAX).await;
            let status = if read.is_ok() { 200 } else { 408 };
            let long = if is_get { LONG_BYTES } else { 0 };
            let body = axum::body::Body::from(Bytes::from(vec![0; long]));
            Ok::<_, Infallible>(Response::builder().status(status).body(body).unwrap())
        });
        let limits = Limits { max_connections: 1, stall };
        tokio::spawn(serve(Listener::plain(listener), limits, service, std::future::pending()));
        address
    }

    async fn open(address: SocketAddr, sent: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(sent).await.unwrap();
        stream
    }

    /// Sends an empty PUT, which needs the only place. Returns the first line of the answer.
    async fn put(address: SocketAddr) -> String {
        let head = b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let mut answer = String::new();
        open(address, head).await.read_to_string(&mut answer).await.unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn clients_that_stop_sending_or_reading_lose_their_place() {
        let address = server(Duration::from_millis(200)).await;
        let stops_sending = b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 9999\r\n\r\nabc";
        let stops_reading = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
        // HTTP/2: settings with a window of 0 bytes, then a GET of `/` of the host x. Pings would be answered.
        let settings = [&HTTP2_PREFACE[..], b"\0\0\x06\x04\0\0\0\0\0", b"\0\x04\0\0\0\0"].concat();
        let get = b"\0\0\x06\x01\x05\0\0\0\x01\x82\x86\x84\x41\x01x";
        let opens_no_window = [&settings[..], get].concat();
        for stops in [&stops_sending[..], stops_reading, &settings, &opens_no_window] {
            let mut stopped = open(address, stops).await;
            let answer = tokio::time::timeout(Duration::from_mins(1), put(address)).await;
            assert_eq!(answer.unwrap(), "HTTP/1.1 200 OK");
            let mut rest = Vec::new();
            // The connection is closed before the long answer is complete.
            drop(stopped.read_to_end(&mut rest).await);
            assert!(rest.len() < LONG_BYTES);
        }
    }

    #[tokio::test]
    async fn a_client_by_ipv4_has_such_an_address_on_a_socket_of_ipv6() {
        let socket = TcpListener::bind("[::]:0").await.unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], socket.local_addr().unwrap().port()));
        let client = TcpStream::connect(address).await.unwrap();
        let ends = Ends::of(&socket.accept().await.unwrap().0).unwrap();
        assert_eq!((ends.local, ends.peer), (address, client.local_addr().unwrap()));
    }

    #[tokio::test]
    async fn a_slow_upload_that_goes_on_is_served() {
        let stall = Duration::from_secs(2);
        let address = server(stall).await;
        let head =
            b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 12288\r\nconnection: close\r\n\r\n";
        let mut stream = open(address, head).await;
        for _ in 0..12 {
            tokio::time::sleep(stall / 8).await;
            stream.write_all(&[0; 1024]).await.unwrap();
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    }
}
