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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::net::SocketAddr;
    use std::process::Command;

    use hyper::service::service_fn;
    use hyper::{Request, Response};
    use tokio::io::AsyncWriteExt;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};

    use super::super::{Limits, PacedBody, serve};
    use super::*;

    /// Longer than every buffer between server and client.
    const LONG_BYTES: usize = 64 << 20;
    const STALL: Duration = Duration::from_millis(200);

    /// A server for one connection at a time that answers with [`LONG_BYTES`] for `/long`, and its certificate.
    async fn server() -> (SocketAddr, CertificateDer<'static>) {
        let dir = tempfile::tempdir().unwrap();
        let [cert, key] = ["cert.pem", "key.pem"].map(|name| dir.path().join(name));
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
        openssl.args(["-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout"]).arg(&key);
        openssl.args(["-addext", "subjectAltName=DNS:localhost", "-out"]).arg(&cert);
        openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
        assert!(openssl.output().unwrap().status.success());
        let cert = CertificateDer::from_pem_file(cert).unwrap();
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        drop(ring::default_provider().install_default());
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![cert.clone()], key).unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let service = service_fn(async |request: Request<PacedBody>| {
            let len = if request.uri().path() == "/long" { LONG_BYTES } else { 1 };
            let body = axum::body::Body::from(vec![0; len]);
            Ok::<_, Infallible>(Response::new(body))
        });
        let listener = Listener::new(socket, Some(Tls::new(Arc::new(config), 0)));
        let limits = Limits { max_connections: 1, stall: STALL };
        tokio::spawn(serve(listener, limits, service, std::future::pending()));
        (address, cert)
    }

    #[tokio::test]
    async fn clients_that_stop_reading_lose_their_place_by_tls_too() {
        let (address, cert) = server().await;
        let mut roots = RootCertStore::empty();
        roots.add(cert).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let connector = TlsConnector::from(Arc::new(config));
        let get = async |path: &str| {
            let stream = TcpStream::connect(address).await.unwrap();
            let name = "localhost".try_into().unwrap();
            let mut stream = connector.connect(name, stream).await.unwrap();
            let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            stream
        };
        let mut stopped = get("/long").await;
        let mut answer = vec![0; 15];
        let second = async { get("/").await.read_exact(&mut answer).await.unwrap() };
        tokio::time::timeout(Duration::from_mins(1), second).await.unwrap();
        assert_eq!(answer, b"HTTP/1.1 200 OK");
        let mut rest = Vec::new();
        // The connection is closed before the long answer is complete.
        drop(stopped.read_to_end(&mut rest).await);
        assert!(rest.len() < LONG_BYTES);
    }
}
