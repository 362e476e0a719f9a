//! Serves the worker's reads.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::source::{self, Source};
use crate::worker::protocol::{MAX_READ_BYTES, READ_FAILED};

/// State of the worker's reads.
#[derive(Debug, Default)]
pub(super) struct SourceState {
    /// A read is running, so the worker waits and is not stalled.
    pub(super) reading: bool,
    /// Time at which the last read ended.
    pub(super) last_read: Option<Instant>,
    /// Why the last read failed, if it did.
    pub(super) error: Option<source::Error>,
}

/// Sends the worker its request, then answers its reads until the socket closes.
pub(super) async fn feed(
    mut socket: UnixStream,
    request: Vec<u8>,
    source: Arc<dyn Source>,
    state: Arc<Mutex<SourceState>>,
) {
    if let Err(error) = serve_reads(&mut socket, &request, source.as_ref(), &state).await {
        // The worker's own end has the reason.
        tracing::debug!(%error, "source socket of a worker closed");
    }
}

async fn serve_reads(
    socket: &mut UnixStream,
    request: &[u8],
    source: &dyn Source,
    state: &Mutex<SourceState>,
) -> std::io::Result<()> {
    socket.write_u32(u32::try_from(request.len()).map_err(std::io::Error::other)?).await?;
    socket.write_all(request).await?;
    loop {
        let offset = socket.read_u64().await?;
        let len = socket.read_u32().await?;
        let end = offset.checked_add(u64::from(len));
        if len > MAX_READ_BYTES || end.is_none_or(|end| end > source.size_bytes()) {
            return Err(std::io::Error::other("a read outside of the source"));
        }
        state.lock().reading = true;
        let answer = source.read(offset, len).await;
        {
            let mut state = state.lock();
            state.reading = false;
            state.last_read = Some(Instant::now());
            state.error = answer.as_ref().err().cloned();
        }
        match answer {
            Ok(bytes) => {
                socket
                    .write_u32(u32::try_from(bytes.len()).map_err(std::io::Error::other)?)
                    .await?;
                socket.write_all(&bytes).await?;
            }
            Err(_) => socket.write_u32(READ_FAILED).await?,
        }
    }
}
