//! Reads a remote source in large blocks, keeps some, and fetches the next ones before they are
//! asked for. Memory is bounded by the number of blocks that are kept.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};

use super::{Error, Source};

/// One ranged GET. With four on their way and 50 ms to the first byte, 80 MB/s.
const BLOCK_BYTES: u64 = 1 << 20;
/// Blocks that are fetched before they are asked for.
const AHEAD: u64 = 4;
/// Blocks that are kept, those on their way included: 12 MiB. A demuxer goes back and forth
/// between the audio and the video of badly interleaved files.
const KEPT: usize = 12;

type Fetch = Shared<BoxFuture<'static, Result<Bytes, Error>>>;

/// A source behind a cache.
pub struct ReadAhead {
    inner: Arc<dyn Source>,
    /// Block number and its bytes or the fetch of them, the most recently used at the back.
    blocks: Mutex<VecDeque<(u64, Fetch)>>,
}

impl ReadAhead {
    /// Reads `inner` in blocks.
    #[must_use]
    pub fn new(inner: Arc<dyn Source>) -> Self {
        Self { inner, blocks: Mutex::default() }
    }

    async fn block(&self, number: u64) -> Result<Bytes, Error> {
        let fetch = self.take_block(number);
        let result = fetch.await;
        if result.is_err() {
            // The next read asks the store again.
            self.blocks.lock().retain(|(kept, _)| *kept != number);
        }
        result
    }

    /// The fetch of this block, begun now unless it was before; and of those behind it, where the
    /// source is being read from front to back.
    fn take_block(&self, number: u64) -> Fetch {
        let mut blocks = self.blocks.lock();
        let sequential =
            number == 0 || blocks.iter().any(|(kept, _)| *kept + 1 == number || *kept == number);
        let last = self.size_bytes().saturating_sub(1) / BLOCK_BYTES;
        if sequential {
            for ahead in (number + 1..=(number + AHEAD).min(last)).rev() {
                if !blocks.iter().any(|(kept, _)| *kept == ahead) {
                    let fetch = self.fetch(ahead);
                    // It runs whether or not somebody waits for it.
                    tokio::spawn(fetch.clone());
                    keep(&mut blocks, ahead, fetch);
                }
            }
        }
        let at = blocks.iter().position(|(kept, _)| *kept == number);
        let fetch = match at.and_then(|at| blocks.remove(at)) {
            Some((_, fetch)) => fetch,
            None => self.fetch(number),
        };
        keep(&mut blocks, number, fetch.clone());
        fetch
    }

    fn fetch(&self, number: u64) -> Fetch {
        let inner = Arc::clone(&self.inner);
        let offset = number * BLOCK_BYTES;
        let len = BLOCK_BYTES.min(self.size_bytes() - offset);
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        async move { inner.read(offset, len).await }.boxed().shared()
    }
}

fn keep(blocks: &mut VecDeque<(u64, Fetch)>, number: u64, fetch: Fetch) {
    if blocks.len() >= KEPT {
        blocks.pop_front();
    }
    blocks.push_back((number, fetch));
}

#[async_trait]
impl Source for ReadAhead {
    fn size_bytes(&self) -> u64 {
        self.inner.size_bytes()
    }

    async fn read(&self, offset: u64, len: u32) -> Result<Bytes, Error> {
        let end = offset + u64::from(len);
        let mut position = offset;
        let mut gathered = BytesMut::new();
        while position < end {
            let block = self.block(position / BLOCK_BYTES).await?;
            let skip = usize::try_from(position % BLOCK_BYTES).unwrap_or(usize::MAX);
            let wanted = usize::try_from(end - position).unwrap_or(usize::MAX);
            let Some(rest) = block.get(skip..).filter(|rest| !rest.is_empty()) else {
                return Err(Error::Unavailable { reason: "a range came back short".to_owned() });
            };
            let part = &rest[..rest.len().min(wanted)];
            if part.len() == len as usize {
                return Ok(block.slice_ref(part));
            }
            gathered.extend_from_slice(part);
            position += part.len() as u64;
        }
        Ok(gathered.freeze())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::*;

    /// A source whose byte at `i` is known, and which counts its reads and fails on demand.
    struct Pattern {
        size: u64,
        reads: AtomicU32,
        fail: AtomicU32,
    }

    fn byte(at: u64) -> u8 {
        u8::try_from((at / 1021 + at) % 251).unwrap()
    }

    #[async_trait]
    impl Source for Pattern {
        fn size_bytes(&self) -> u64 {
            self.size
        }

        async fn read(&self, offset: u64, len: u32) -> Result<Bytes, Error> {
            self.reads.fetch_add(1, Ordering::SeqCst);
            if self.fail.load(Ordering::SeqCst) > 0 {
                self.fail.fetch_sub(1, Ordering::SeqCst);
                return Err(Error::Unavailable { reason: "told to".to_owned() });
            }
            assert!(offset + u64::from(len) <= self.size, "a read past the end");
            Ok((offset..offset + u64::from(len)).map(byte).collect())
        }
    }

    fn pattern(size: u64) -> Arc<Pattern> {
        Arc::new(Pattern { size, reads: AtomicU32::new(0), fail: AtomicU32::new(0) })
    }

    #[tokio::test]
    async fn every_range_is_the_sources_own_bytes() {
        let size = 5 * BLOCK_BYTES + 77;
        let cached = ReadAhead::new(pattern(size));
        let ranges = [
            (0, 1),
            (0, 3 << 19),
            (BLOCK_BYTES - 1, 2),
            (size - 77, 77),
            (size - 1, 1),
            (3 * BLOCK_BYTES + 5, 2 << 20),
            (7, 1000),
        ];
        for (offset, len) in ranges {
            let got = cached.read(offset, len).await.unwrap();
            let expected: Vec<u8> = (offset..offset + u64::from(len)).map(byte).collect();
            assert_eq!(got, expected, "{len} bytes at {offset}");
        }
    }

    #[tokio::test]
    async fn reading_from_front_to_back_fetches_each_block_once() {
        let inner = pattern(20 * BLOCK_BYTES);
        let cached = ReadAhead::new(Arc::clone(&inner) as Arc<dyn Source>);
        for offset in (0..20 * BLOCK_BYTES).step_by(1 << 18) {
            cached.read(offset, 1 << 18).await.unwrap();
        }
        assert_eq!(inner.reads.load(Ordering::SeqCst), 20);
        assert!(cached.blocks.lock().len() <= KEPT);
    }

    /// A store behind a link: each request waits for its first byte, and all share the rate.
    struct Link {
        size: u64,
        free_at: tokio::sync::Mutex<tokio::time::Instant>,
    }

    const FIRST_BYTE: Duration = Duration::from_millis(50);
    const LINK_BYTES_PER_SEC: u32 = 200_000_000 / 8;

    #[async_trait]
    impl Source for Link {
        fn size_bytes(&self) -> u64 {
            self.size
        }

        async fn read(&self, _offset: u64, len: u32) -> Result<Bytes, Error> {
            tokio::time::sleep(FIRST_BYTE).await;
            let mut free_at = self.free_at.lock().await;
            *free_at = (*free_at).max(tokio::time::Instant::now())
                + Duration::from_secs(1) * len / LINK_BYTES_PER_SEC;
            let done = *free_at;
            drop(free_at);
            tokio::time::sleep_until(done).await;
            Ok(Bytes::from(vec![0; len as usize]))
        }
    }

    /// Who reads from front to back never waits for a first byte but the first. The clock is the
    /// runtime's, which stands still while anything is to be done.
    #[tokio::test(start_paused = true)]
    async fn a_link_of_200_mbit_and_50_ms_is_kept_full() {
        let began = tokio::time::Instant::now();
        let size = 64 << 20;
        let inner = Link { size, free_at: tokio::sync::Mutex::new(began) };
        let cached = ReadAhead::new(Arc::new(inner));
        for offset in (0..size).step_by(1 << 18) {
            cached.read(offset, 1 << 18).await.unwrap();
        }
        let least = Duration::from_secs(size) / LINK_BYTES_PER_SEC;
        let waited = began.elapsed().saturating_sub(least);
        assert!(waited < FIRST_BYTE * 2, "{waited:?} beside {least:?}");
    }

    #[tokio::test]
    async fn a_failed_block_is_fetched_again() {
        let inner = pattern(10);
        inner.fail.store(1, Ordering::SeqCst);
        let cached = ReadAhead::new(Arc::clone(&inner) as Arc<dyn Source>);
        assert!(cached.read(0, 10).await.is_err());
        assert_eq!(cached.read(0, 10).await.unwrap().len(), 10);
    }
}
