//! Deadlines for clients that stop in the middle: of a request's body, or of reading a response.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// Bytes of a request's body that have to arrive in the time of a stall. With 60 s, that is 17 bytes per second:
/// the slowest uplinks manage it, and one byte now and then does not.
const LEAST_BYTES: u64 = 1024;

/// Runs out if the other side makes no progress for a while. It runs only while this side waits.
struct Deadline {
    limit: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    fn new(limit: Duration) -> Self {
        Self { limit, sleep: None }
    }

    /// Notes progress.
    fn reset(&mut self) {
        self.sleep = None;
    }

    /// Completes when the deadline runs out, which it does from the first call after a reset.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let limit = self.limit;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        ready!(sleep.as_mut().poll(cx));
        Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "the client made no progress"))
    }
}

/// Body of a request. It fails if too few bytes arrive while somebody waits for them.
pub struct PacedBody {
    body: Incoming,
    /// Bytes since the deadline was reset.
    arrived_bytes: u64,
    deadline: Deadline,
}

impl PacedBody {
    pub(super) fn new(body: Incoming, limit: Duration) -> Self {
        Self { body, arrived_bytes: 0, deadline: Deadline::new(limit) }
    }
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            let bytes = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
            this.arrived_bytes += bytes.map_or(0, |bytes| bytes.len() as u64);
            if this.arrived_bytes >= LEAST_BYTES {
                this.arrived_bytes = 0;
                this.deadline.reset();
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        this.deadline.poll(cx).map(|error| Some(Err(error.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection whose writes fail once the client has taken no byte for a while.
///
/// Reads have no deadline here: an event stream and an upload in the making say nothing for long. The head of a
/// request and its body have their own.
pub(super) struct PacedWrites<T> {
    inner: T,
    deadline: Deadline,
}

impl<T> PacedWrites<T> {
    pub(super) fn new(inner: T, limit: Duration) -> Self {
        Self { inner, deadline: Deadline::new(limit) }
    }

    pub(super) fn get_ref(&self) -> &T {
        &self.inner
    }

    /// The result of a write, or an error in place of waiting for ever.
    fn paced<R>(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        if result.is_ready() {
            self.deadline.reset();
            return result;
        }
        self.deadline.poll(cx).map(Err)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for PacedWrites<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for PacedWrites<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.paced(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write_vectored(cx, buffers);
        self.paced(cx, result)
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
