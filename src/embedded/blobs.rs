//! Blobs: immutable files with random names that hold the bytes of objects and parts.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use md5::{Digest, Md5};
use s3s::checksum::ChecksumHasher;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufWriter};
use tokio_util::io::ReaderStream;

/// Size of one read or write.
const PIECE_BYTES: usize = 128 << 10;

/// Longest pause between two pieces of a body. A client that pauses longer is gone, or occupies a
/// connection that others wait for.
const BODY_TIMEOUT: Duration = Duration::from_mins(1);

/// The folder of the blobs, with 256 subfolders named by the first two hex digits.
pub(super) struct Blobs(PathBuf);

/// A blob that is durable, with its size in bytes and its sums.
pub(super) struct Written {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) md5: [u8; 16],
    pub(super) checksums: s3s::dto::Checksum,
}

/// A byte range of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) name: String,
    pub(super) skip: u64,
    pub(super) len: u64,
}

impl Blobs {
    /// Opens the folder and creates missing subfolders.
    pub(super) fn open(data_dir: &Path) -> io::Result<Self> {
        let dir = data_dir.join("blobs");
        for shard in 0..=u8::MAX {
            std::fs::create_dir_all(dir.join(format!("{shard:02x}")))?;
        }
        Ok(Self(dir))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(&name[..2]).join(name)
    }

    /// Writes a stream to a new blob and syncs it to disk. Removes the blob if this fails.
    pub(super) async fn write(
        &self,
        body: impl Stream<Item = Result<Bytes, s3s::StdError>> + Unpin,
        hasher: ChecksumHasher,
    ) -> Result<Written, s3s::StdError> {
        let name = hex::encode(rand::random::<[u8; 16]>());
        let path = self.path(&name);
        let written = fill(&path, body, hasher).await;
        match written {
            Ok((size, md5, checksums)) => Ok(Written { name, size, md5, checksums }),
            Err(error) => {
                self.remove([name]).await;
                Err(error)
            }
        }
    }

    /// Streams the bytes of these pieces, one after the other.
    pub(super) fn read(
        &self,
        pieces: Vec<Piece>,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static {
        let pieces: Vec<_> =
            pieces.into_iter().map(|p| (self.path(&p.name), p.skip, p.len)).collect();
        stream::iter(pieces)
            .then(|(path, skip, len)| async move {
                let mut file = File::open(path).await?;
                file.seek(io::SeekFrom::Start(skip)).await?;
                Ok::<_, io::Error>(ReaderStream::with_capacity(file.take(len), PIECE_BYTES))
            })
            .try_flatten()
    }

    /// Removes blobs that no row names any more. A missing file is no error; other failures are
    /// logged.
    pub(super) async fn remove(&self, names: impl IntoIterator<Item = String>) {
        for name in names {
            if let Err(error) = tokio::fs::remove_file(self.path(&name)).await
                && error.kind() != io::ErrorKind::NotFound
            {
                // The next start removes it.
                tracing::warn!(%error, "failed to remove blob");
            }
        }
    }

    /// Removes every blob that is not in `named`. Returns the number of removed files.
    pub(super) fn sweep(&self, named: &HashSet<String>) -> io::Result<usize> {
        let mut removed = 0;
        for shard in std::fs::read_dir(&self.0)? {
            for file in std::fs::read_dir(shard?.path())? {
                let file = file?;
                if !file.file_name().to_str().is_some_and(|name| named.contains(name)) {
                    std::fs::remove_file(file.path())?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }
}

/// Writes and syncs one file. Returns its size in bytes, MD5 and the wanted checksums.
async fn fill(
    path: &Path,
    mut body: impl Stream<Item = Result<Bytes, s3s::StdError>> + Unpin,
    mut hasher: ChecksumHasher,
) -> Result<(u64, [u8; 16], s3s::dto::Checksum), s3s::StdError> {
    let mut file = BufWriter::with_capacity(PIECE_BYTES, File::create_new(path).await?);
    let mut md5 = Md5::new();
    let mut size = 0;
    while let Some(piece) = tokio::time::timeout(BODY_TIMEOUT, body.next()).await? {
        let piece = piece?;
        md5.update(&piece);
        hasher.update(&piece);
        file.write_all(&piece).await?;
        size += piece.len() as u64;
    }
    file.flush().await?;
    file.get_ref().sync_all().await?;
    if let Some(folder) = path.parent() {
        File::open(folder).await?.sync_all().await?;
    }
    Ok((size, md5.finalize().into(), hasher.finalize()))
}
