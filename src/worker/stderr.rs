//! Standard error of a child: its end is kept, and it is read at a limited rate.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::domain::untrusted;

/// Last bytes that are kept.
const KEPT_BYTES: usize = 8 << 10;
/// Bytes after which a pause follows: at most 16 MiB per second. A debug log of GStreamer is slower, and a
/// child that writes more waits.
const PIECE_BYTES: usize = 16 << 10;
const PAUSE: Duration = Duration::from_millis(1);
/// Bytes that a read counts at least, so that bytes which come one by one cost no more.
const LEAST_BYTES: usize = 1 << 10;

/// The end of a child's standard error. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tail(Arc<Mutex<Vec<u8>>>);

impl Tail {
    /// Reads until the end of the stream, and keeps the last bytes.
    pub(crate) async fn keep(self, mut stderr: impl AsyncRead + Unpin) {
        let (mut piece, mut since_pause) = (vec![0; PIECE_BYTES], 0);
        while let Ok(len @ 1..) = stderr.read(&mut piece).await {
            {
                let mut tail = self.0.lock();
                tail.extend_from_slice(&piece[..len]);
                let excess = tail.len().saturating_sub(KEPT_BYTES);
                tail.drain(..excess);
            }
            since_pause += len.max(LEAST_BYTES);
            if since_pause >= PIECE_BYTES {
                since_pause = 0;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// The text so far, without control characters other than newlines; `none` if there is none.
    pub(crate) fn text(&self) -> String {
        let text = untrusted::lines(&String::from_utf8_lossy(&self.0.lock()), KEPT_BYTES);
        if text.is_empty() { "none".to_owned() } else { text }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    /// Bytes that a child gets rid of in 50 ms. The clock is the runtime's, which stands still while
    /// anything is to be done.
    async fn flood(line: &[u8]) -> (usize, String) {
        let (reader, mut writer) = tokio::io::duplex(64 << 10);
        let tail = Tail::default();
        tokio::spawn(tail.clone().keep(reader));
        let mut written = 0;
        let flood = async {
            while writer.write_all(line).await.is_ok() {
                written += line.len();
            }
        };
        tokio::time::timeout(Duration::from_millis(50), flood).await.unwrap_err();
        (written, tail.text())
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_read_at_a_limited_rate_and_its_end_is_kept() {
        let line = b"2026-01-01 ERROR all is well\x1b[2J\n".repeat(20);
        for line in [&line[..], b"\x07"] {
            let (written, text) = flood(line).await;
            assert!((1..=1 << 20).contains(&written), "{written} bytes in 50 ms");
            assert!(text.len() <= KEPT_BYTES, "{} bytes are kept", text.len());
            assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text}");
        }
    }
}
