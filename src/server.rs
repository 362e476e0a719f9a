//! HTTP server of the API and of the embedded store: limits open connections, and drains them at
//! shutdown.
//!
//! A connection counts towards the limit from its first bytes on, so silent clients lock nobody out.

use std::error::Error;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::{Body, Incoming};
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Longest time until the first bytes of a connection tell its protocol.
const FIRST_BYTES_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause before another look at first bytes that are not complete.
const FIRST_BYTES_PAUSE: Duration = Duration::from_millis(20);
/// First bytes of HTTP/2 (RFC 9113, section 3.4).
const HTTP2_PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Connections without first bytes that are kept for each one that is served.
const SILENT_PER_SERVED: usize = 4;
/// Longest time in which a client sends the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Interval of pings on a silent HTTP/2 connection, and the longest time until the answer.
const PING_EVERY: Duration = Duration::from_secs(30);
/// Shortest time between two logged failures to accept.
const ACCEPT_LOG_EVERY: Duration = Duration::from_mins(1);
/// How long open requests may continue after shutdown begins.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause after a failed accept. The usual cause is a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `service` on `listener` with at most `max_connections` at a time. Returns after
/// `shutdown` resolves and open requests have ended, at the latest 5 s later (`DRAIN_TIMEOUT`).
pub async fn serve<S, B>(
    listener: TcpListener,
    max_connections: usize,
    service: S,
    shutdown: impl Future<Output = ()>,
) where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let max_connections = max_connections.min(Semaphore::MAX_PERMITS / (SILENT_PER_SERVED + 1));
    let served = Arc::new(Semaphore::new(max_connections));
    let accepted = Arc::new(Semaphore::new(max_connections * (SILENT_PER_SERVED + 1)));
    let (graceful, closing) = (GracefulShutdown::new(), CancellationToken::new());
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let mut http2 = builder.http2();
    http2.timer(TokioTimer::new()).keep_alive_interval(PING_EVERY).keep_alive_timeout(PING_EVERY);
    let mut logged = None::<Instant>;
    tokio::pin!(shutdown);
    loop {
        // Take the place before accepting: further clients wait in the backlog of the socket.
        let next = async {
            let place = Arc::clone(&accepted).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, stream) = tokio::select! {
            next = next => next,
            () = &mut shutdown => break,
        };
        let stream = match stream {
            Ok((stream, _)) => stream,
            Err(error) => {
                if logged.is_none_or(|logged| logged.elapsed() >= ACCEPT_LOG_EVERY) {
                    tracing::error!(%error, "failed to accept connections");
                    logged = Some(Instant::now());
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (builder, service, served) = (builder.clone(), service.clone(), Arc::clone(&served));
        let (watcher, closing) = (graceful.watcher(), closing.clone());
        tokio::spawn(async move {
            let begun = async {
                let begun = tokio::time::timeout(FIRST_BYTES_TIMEOUT, first_bytes(&stream)).await;
                if matches!(begun, Ok(Ok(()))) { served.acquire_owned().await.ok() } else { None }
            };
            let Some(Some(permit)) = closing.run_until_cancelled(begun).await else { return };
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            if let Err(error) = watcher.watch(connection.into_owned()).await {
                tracing::debug!(error, "failed to serve connection");
            }
            drop((permit, place));
        });
    }
    closing.cancel();
    if tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("aborted open requests at shutdown");
    }
}

/// Waits until the first bytes of a connection tell whether it speaks HTTP/1 or HTTP/2.
async fn first_bytes(stream: &TcpStream) -> io::Result<()> {
    let mut seen = [0; HTTP2_PREFACE.len()];
    loop {
        let len = stream.peek(&mut seen).await?;
        if len == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if len == seen.len() || seen[..len] != HTTP2_PREFACE[..len] {
            return Ok(());
        }
        tokio::time::sleep(FIRST_BYTES_PAUSE).await;
    }
}

/// Whether `text` is an IP address with a port.
pub(crate) fn is_address(text: &str) -> bool {
    text.parse::<std::net::SocketAddr>().is_ok()
}
