//! The worker's end of the source socket.
//!
//! A request is an offset (`u64`) and a length (`u32`), the response a length (`u32`) and as many
//! bytes; all integers are big-endian.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::worker::output::ReadCounts;
use crate::worker::protocol::{READ_FAILED, WorkerRequest};

/// Bytes of a request. Demuxers read pieces of a few bytes to some 64 KiB, so that 256 KiB make
/// requests rare and are still answered quickly.
const BLOCK_BYTES: u64 = 256 << 10;
/// Blocks in the cache, 4 MiB in all: demuxers alternate between chunks of audio and video that lie
/// close together.
const CACHED_BLOCKS: usize = 16;

/// Reads the source from the parent process. Clones share one connection and one cache; reads block
/// and exclude each other.
#[derive(Clone, Debug)]
pub(crate) struct Client(Arc<Mutex<Connection>>);

#[derive(Debug)]
struct Connection {
    socket: UnixStream,
    source_bytes: u64,
    /// Block numbers and bytes, the most recently used block at the back.
    cache: VecDeque<(u64, Arc<[u8]>)>,
    /// Bytes that are read in the place of those of the source, by their offset.
    overlays: Vec<(u64, [u8; 4])>,
    counts: ReadCounts,
}

impl Client {
    /// Receives the request from the socket, which serves reads from then on.
    pub(crate) fn connect(
        mut socket: UnixStream,
        counts: ReadCounts,
    ) -> std::io::Result<(Self, WorkerRequest)> {
        let mut len = [0; 4];
        socket.read_exact(&mut len)?;
        let mut json = vec![0; u32::from_be_bytes(len) as usize];
        socket.read_exact(&mut json)?;
        let request: WorkerRequest = serde_json::from_slice(&json)?;
        let source_bytes = request.source_bytes;
        let (cache, overlays) = (VecDeque::new(), Vec::new());
        let connection = Connection { socket, source_bytes, cache, overlays, counts };
        Ok((Self(Arc::new(Mutex::new(connection))), request))
    }

    /// Length of the source.
    pub(crate) fn source_bytes(&self) -> u64 {
        self.0.lock().source_bytes
    }

    /// Lets all readers see these bytes at `offset`, whatever the source has there.
    pub(crate) fn overlay(&self, offset: u64, bytes: [u8; 4]) {
        self.0.lock().overlays.push((offset, bytes));
    }

    /// Reads from `offset` on until `target` is full or the source ends. Returns the number of
    /// bytes.
    ///
    /// # Errors
    /// The parent cannot read the source, or the socket is broken.
    pub(crate) fn read(&self, offset: u64, target: &mut [u8]) -> std::io::Result<usize> {
        let mut connection = self.0.lock();
        let mut filled = 0;
        while filled < target.len() {
            let position = offset + filled as u64;
            if position >= connection.source_bytes {
                break;
            }
            let block = connection.block(position / BLOCK_BYTES)?;
            let skip = usize::try_from(position % BLOCK_BYTES).unwrap_or(usize::MAX);
            let Some(bytes) = block.get(skip..).filter(|bytes| !bytes.is_empty()) else {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            };
            let len = bytes.len().min(target.len() - filled);
            target[filled..filled + len].copy_from_slice(&bytes[..len]);
            filled += len;
        }
        connection.cover(offset, &mut target[..filled]);
        Ok(filled)
    }
}

impl Connection {
    /// Puts the overlays over bytes that begin at `offset`.
    fn cover(&self, offset: u64, target: &mut [u8]) {
        for (place, bytes) in &self.overlays {
            for (at, byte) in (*place..).zip(bytes) {
                let at = at.checked_sub(offset).and_then(|at| usize::try_from(at).ok());
                if let Some(covered) = at.and_then(|at| target.get_mut(at)) {
                    *covered = *byte;
                }
            }
        }
    }

    /// Returns a block from the cache, or requests it.
    fn block(&mut self, number: u64) -> std::io::Result<Arc<[u8]>> {
        if let Some(at) = self.cache.iter().position(|(cached, _)| *cached == number)
            && let Some(entry) = self.cache.remove(at)
        {
            let bytes = Arc::clone(&entry.1);
            self.cache.push_back(entry);
            return Ok(bytes);
        }
        let bytes = self.request(number * BLOCK_BYTES)?;
        if self.cache.len() == CACHED_BLOCKS {
            self.cache.pop_front();
        }
        self.cache.push_back((number, Arc::clone(&bytes)));
        Ok(bytes)
    }

    /// Requests the block at `offset`, which lies within the source.
    fn request(&mut self, offset: u64) -> std::io::Result<Arc<[u8]>> {
        let len = u32::try_from(BLOCK_BYTES.min(self.source_bytes - offset)).unwrap_or(u32::MAX);
        let mut request = [0; 12];
        request[..8].copy_from_slice(&offset.to_be_bytes());
        request[8..].copy_from_slice(&len.to_be_bytes());
        self.socket.write_all(&request)?;
        let mut response = [0; 4];
        self.socket.read_exact(&mut response)?;
        let response_len = u32::from_be_bytes(response);
        if response_len == READ_FAILED || response_len > len {
            return Err(std::io::Error::other("the source could not be read"));
        }
        let mut bytes = vec![0; response_len as usize];
        self.socket.read_exact(&mut bytes)?;
        self.counts.add(bytes.len() as u64);
        Ok(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlays_cover_the_bytes_that_are_read() {
        let (socket, _parent) = UnixStream::pair().unwrap();
        let overlays = vec![(4, *b"skip"), (20, *b"free")];
        let (cache, counts) = (VecDeque::new(), ReadCounts::default());
        let connection = Connection { socket, source_bytes: 30, cache, overlays, counts };
        let read = |range: std::ops::Range<usize>| {
            let mut bytes = b"0123edts890123456789edts56789"[range.clone()].to_vec();
            connection.cover(range.start as u64, &mut bytes);
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(read(0..29), "0123skip890123456789free56789"[..29]);
        assert_eq!([read(0..6), read(6..9), read(8..20)], ["0123sk", "ip8", "890123456789"]);
    }
}
