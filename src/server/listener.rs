//! Sockets, plain and encrypted, and the begin of their connections.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::header::HeaderValue;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use super::pace::PacedWrites;

/// Pause before another look at first bytes that are not complete.
const FIRST_BYTES_PAUSE: Duration = Duration::from_millis(20);
/// First bytes of HTTP/2 (RFC 9113, section 3.4).
pub(super) const HTTP2_PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A socket, and the encryption of its connections.
pub struct Listener {
    pub(super) socket: TcpListener,
    pub(super) tls: Option<Tls>,
}

impl Listener {
    /// A socket whose connections are not encrypted.
    #[must_use]
    pub fn plain(socket: TcpListener) -> Self {
        Self { socket, tls: None }
    }

    /// A socket whose connections are encrypted, if there is `tls`.
    #[must_use]
    pub fn new(socket: TcpListener, tls: Option<Tls>) -> Self {
        Self { socket, tls }
    }
}

/// Encryption of connections.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    /// The header `Strict-Transport-Security` of every response.
    pub(super) hsts: Option<HeaderValue>,
}

impl Tls {
    /// Encryption with this configuration, whose ALPN names HTTP/2. Browsers are told to use nothing else for
    /// `hsts_secs`, unless that is 0.
    #[must_use]
    pub fn new(config: Arc<ServerConfig>, hsts_secs: u64) -> Self {
        let hsts = HeaderValue::from_str(&format!("max-age={hsts_secs}")).ok();
        Self { acceptor: config.into(), hsts: hsts.filter(|_| hsts_secs > 0) }
    }
}

/// A version of HTTP, as far as connections differ.
#[derive(Clone, Copy)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// A connection whose first bytes have come.
pub(super) struct Begun {
    pub(super) protocol: Protocol,
    pub(super) stream: Either<Plain, Encrypted>,
}

type Plain = PacedWrites<TcpStream>;
type Encrypted = Prefixed<TlsStream<Plain>>;

/// Waits until the first bytes of a connection tell its protocol, with `tls` those inside of the encryption: a client
/// that shakes hands and says nothing is a silent one.
pub(super) async fn begin(stream: Plain, tls: Option<&Tls>) -> io::Result<Begun> {
    let Some(tls) = tls else {
        let protocol = first_bytes(stream.get_ref()).await?;
        return Ok(Begun { protocol, stream: Either::Left(stream) });
    };
    let mut stream = tls.acceptor.accept(stream).await?;
    let protocol = match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => Protocol::Http2,
        Some(_) | None => Protocol::Http1,
    };
    let mut first = [0; 1];
    stream.read_exact(&mut first).await?;
    Ok(Begun { protocol, stream: Either::Right(Prefixed { first: Some(first[0]), inner: stream }) })
}

/// Waits until the first bytes of a connection that is not encrypted tell its protocol.
async fn first_bytes(stream: &TcpStream) -> io::Result<Protocol> {
    let mut seen = [0; HTTP2_PREFACE.len()];
    loop {
        let len = stream.peek(&mut seen).await?;
        if len == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if seen[..len] != HTTP2_PREFACE[..len] {
            return Ok(Protocol::Http1);
        }
        if len == seen.len() {
            return Ok(Protocol::Http2);
        }
        tokio::time::sleep(FIRST_BYTES_PAUSE).await;
    }
}

/// A connection whose first byte was read already.
pub(super) struct Prefixed<T> {
    first: Option<u8>,
    inner: T,
}

impl<T: AsyncRead + Unpin> AsyncRead for Prefixed<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() > 0
            && let Some(first) = self.first.take()
        {
            buffer.put_slice(&[first]);
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Prefixed<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
