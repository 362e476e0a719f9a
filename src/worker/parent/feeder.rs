//! Serves the worker's reads.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use super::error::Error;
use super::misbehaviour::Misbehaviour;
use crate::source::{self, Source};
use crate::worker::protocol::{MAX_READ_BYTES, READ_FAILED};

/// Bytes that a worker may read from one segment to the next, whatever its rendition: the source so many
/// times, and so many bytes more. Demuxers read a badly interleaved file in blocks of which they need a small
/// part.
const READS_OF_SOURCE: u64 = 4;
const MORE_READ_BYTES: u64 = 1 << 30;
/// Bytes that a read counts at least. Workers read blocks of 256 KiB.
const LEAST_READ_BYTES: u64 = 64 << 10;

/// State of the worker's reads.
#[derive(Debug, Default)]
pub(super) struct SourceState {
    /// A read is running, so the worker waits and is not stalled.
    pub(super) reading: bool,
    /// Time at which the last read ended.
    pub(super) last_read: Option<Instant>,
    /// Why the last read failed, if it did.
    pub(super) error: Option<source::Error>,
    /// Bytes read since the last segment.
    spent_bytes: u64,
}

impl SourceState {
    /// A segment was made of what was read.
    pub(super) fn made_progress(&mut self) {
        self.spent_bytes = 0;
    }

    /// Counts a read of a source of this size.
    fn spend(&mut self, len: u32, source_bytes: u64) -> Result<(), Misbehaviour> {
        self.spent_bytes = self.spent_bytes.saturating_add(u64::from(len).max(LEAST_READ_BYTES));
        let most = source_bytes.saturating_mul(READS_OF_SOURCE).saturating_add(MORE_READ_BYTES);
        if self.spent_bytes > most { Err(Misbehaviour::EndlessReads) } else { Ok(()) }
    }
}

/// Why reads are no longer served.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error(transparent)]
    Socket(#[from] std::io::Error),
    #[error(transparent)]
    Misbehaved(#[from] Misbehaviour),
}

/// Sends the worker its request, then answers its reads until the socket closes. Says so if the worker
/// misbehaves.
pub(super) async fn feed(
    mut socket: UnixStream,
    request: Vec<u8>,
    source: Arc<dyn Source>,
    state: Arc<Mutex<SourceState>>,
    verdicts: mpsc::Sender<Error>,
) {
    match serve_reads(&mut socket, &request, source.as_ref(), &state).await {
        Ok(()) => {}
        // The worker's own end has the reason.
        Err(End::Socket(error)) => tracing::debug!(%error, "source socket of a worker closed"),
        // The receiver is gone when the worker has ended.
        Err(End::Misbehaved(misbehaviour)) => drop(verdicts.send(misbehaviour.into()).await),
    }
}

async fn serve_reads(
    socket: &mut UnixStream,
    request: &[u8],
    source: &dyn Source,
    state: &Mutex<SourceState>,
) -> Result<(), End> {
    socket.write_u32(u32::try_from(request.len()).map_err(std::io::Error::other)?).await?;
    socket.write_all(request).await?;
    loop {
        let offset = socket.read_u64().await?;
        let len = socket.read_u32().await?;
        let end = offset.checked_add(u64::from(len));
        if len > MAX_READ_BYTES || end.is_none_or(|end| end > source.size_bytes()) {
            return Err(Misbehaviour::ReadOutside.into());
        }
        {
            let mut state = state.lock();
            state.spend(len, source.size_bytes())?;
            state.reading = true;
        }
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
