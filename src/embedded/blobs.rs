//! Blobs: files with random names that hold the bytes of objects and parts.
//!
//! A blob is written in `incoming/` and moved into `blobs/` once it is complete and durable. So a file in
//! `incoming/` belongs to an upload that nobody was told of, and a file in `blobs/` has all its bytes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::ops::Range;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use md5::{Digest, Md5};
use parking_lot::Mutex;
use s3s::checksum::ChecksumHasher;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufWriter};
use tokio_util::io::ReaderStream;

use super::footer::{Footer, Holds};
use super::readers::Held;

/// Size of one read or write.
const PIECE_BYTES: usize = 128 << 10;

/// Longest pause between two pieces of a body. A client that pauses longer is gone, or occupies a
/// connection that others wait for.
const BODY_TIMEOUT: Duration = Duration::from_mins(1);

/// The folders of the blobs.
#[derive(Clone)]
pub(super) struct Blobs {
    /// Complete blobs, in 256 subfolders named by the first two hex digits.
    complete: PathBuf,
    /// Blobs that are being written.
    incoming: PathBuf,
    unclaimed: UnclaimedNames,
}

/// Names of the blobs of this process that no committed row names yet.
type UnclaimedNames = Arc<Mutex<HashSet<String>>>;

/// A blob that is durable, with its size in bytes and its sums.
pub(super) struct Written {
    pub(super) blob: Unclaimed,
    pub(super) size: u64,
    pub(super) md5: [u8; 16],
    pub(super) checksums: s3s::dto::Checksum,
}

/// A file that no row names yet. Dropping it removes the file.
pub(super) struct Unclaimed {
    path: PathBuf,
    name: String,
    is_claimed: bool,
    others: UnclaimedNames,
}

/// A byte range of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) name: String,
    pub(super) skip: u64,
    pub(super) len: u64,
}

/// The object that a body is written for.
pub(super) struct Destination {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) holds: Holds,
}

impl Unclaimed {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Keeps the file: a committed row names it.
    pub(super) fn claim(mut self) {
        self.is_claimed = true;
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        if !self.is_claimed {
            // One that stays is found at the next start.
            drop(std::fs::remove_file(&self.path));
        }
        self.others.lock().remove(&self.name);
    }
}

impl Blobs {
    /// Opens the folders, creates missing ones, and removes what uploads left behind that a crash
    /// interrupted: no client was told that these are stored.
    pub(super) fn open(data_dir: &Path) -> io::Result<Self> {
        let blobs = Self::at(data_dir);
        for shard in 0..=u8::MAX {
            create_private_dir(&blobs.complete.join(format!("{shard:02x}")))?;
        }
        create_private_dir(&blobs.incoming)?;
        let mut removed = 0;
        for file in std::fs::read_dir(&blobs.incoming)? {
            std::fs::remove_file(file?.path())?;
            removed += 1;
        }
        if removed > 0 {
            tracing::info!(files = removed, "removed files of unfinished uploads");
        }
        Ok(blobs)
    }

    /// The folders, without a look at them.
    pub(super) fn at(data_dir: &Path) -> Self {
        Self {
            complete: data_dir.join("blobs"),
            incoming: data_dir.join("incoming"),
            unclaimed: UnclaimedNames::default(),
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.complete.join(name.get(..2).unwrap_or_default()).join(name)
    }

    /// Creates the file of a new blob. The thread that creates it also makes its guard: a caller that is
    /// cancelled meanwhile leaves no file.
    async fn create(&self) -> io::Result<(File, Unclaimed)> {
        let name = hex::encode(rand::random::<[u8; 16]>());
        let path = self.incoming.join(&name);
        let unclaimed = Arc::clone(&self.unclaimed);
        let created = tokio::task::spawn_blocking(move || {
            let file = std::fs::File::create_new(&path)?;
            unclaimed.lock().insert(name.clone());
            Ok::<_, io::Error>((
                file,
                Unclaimed { path, name, is_claimed: false, others: unclaimed },
            ))
        });
        let (file, blob) = created.await??;
        Ok((File::from_std(file), blob))
    }

    /// Writes a stream to a new blob and syncs it to disk.
    pub(super) async fn write(
        &self,
        destination: Destination,
        body: impl Stream<Item = Result<Bytes, s3s::StdError>> + Unpin,
        hasher: ChecksumHasher,
    ) -> Result<Written, s3s::StdError> {
        let (file, mut blob) = self.create().await?;
        let mut file = BufWriter::with_capacity(PIECE_BYTES, file);
        let (size, md5, checksums) = fill(&mut file, body, hasher).await?;
        let footer = Footer {
            bucket: destination.bucket,
            key: destination.key,
            size,
            md5: hex::encode(md5),
            written_ms: jiff::Timestamp::now().as_millisecond(),
            holds: destination.holds,
        };
        file.write_all(&footer.to_bytes()).await?;
        file.flush().await?;
        file.get_ref().sync_all().await?;
        let complete = self.path(blob.name());
        // Not async: no cancellation may come between the move and the note of it.
        std::fs::rename(&blob.path, &complete)?;
        blob.path.clone_from(&complete);
        if let Some(folder) = complete.parent() {
            File::open(folder).await?.sync_all().await?;
        }
        Ok(Written { blob, size, md5, checksums })
    }

    /// Appends another footer to a blob and syncs it.
    pub(super) async fn append(&self, name: &str, footer: &Footer) -> io::Result<()> {
        let mut file = File::options().append(true).open(self.path(name)).await?;
        file.write_all(&footer.to_bytes()).await?;
        file.flush().await?;
        file.sync_all().await
    }

    /// Opens a blob and checks that it has at least `size` bytes.
    ///
    /// # Errors
    /// If the file is missing or shorter.
    pub(super) fn check(&self, piece: &Piece) -> io::Result<()> {
        let found = std::fs::metadata(self.path(&piece.name))?.len();
        let wanted = piece.skip + piece.len;
        if found < wanted {
            let message = format!("blob {} has {found} bytes, not {wanted}", piece.name);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
        Ok(())
    }

    /// Streams the bytes of these pieces, one after the other. They are held until the stream ends.
    pub(super) fn read(
        &self,
        pieces: Vec<Piece>,
        held: Held,
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
            .inspect(move |_| {
                // The guard is part of the stream.
                let _ = &held;
            })
    }

    /// Removes a blob. A missing file is no error.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        match std::fs::remove_file(self.path(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// All complete blobs and other files in their folders, by name.
    pub(super) fn all(&self) -> io::Result<HashMap<String, PathBuf>> {
        let mut files = HashMap::new();
        for shard in self.shards()? {
            files.extend(files_of(&shard)?);
        }
        Ok(files)
    }

    /// The folders that complete blobs are in.
    pub(super) fn shards(&self) -> io::Result<Vec<PathBuf>> {
        let mut shards = Vec::new();
        for shard in std::fs::read_dir(&self.complete)? {
            let shard = shard?;
            if shard.file_type()?.is_dir() {
                shards.push(shard.path());
            }
        }
        Ok(shards)
    }

    /// The files of this folder that belong to no upload of this process, by name. A row names each of them by
    /// the time that this returns, has named it, or never will.
    pub(super) fn settled(&self, shard: &Path) -> io::Result<BTreeMap<String, PathBuf>> {
        // Listed first: what is claimed in between has its row.
        let mut files = files_of(shard)?;
        let unclaimed = self.unclaimed.lock();
        files.retain(|name, _| !unclaimed.contains(name));
        drop(unclaimed);
        Ok(files)
    }
}

/// The files of a folder, by name.
fn files_of(folder: &Path) -> io::Result<BTreeMap<String, PathBuf>> {
    let file = |file: io::Result<std::fs::DirEntry>| {
        file.map(|file| (file.file_name().to_string_lossy().into_owned(), file.path()))
    };
    std::fs::read_dir(folder)?.map(file).collect()
}

/// The pieces of the files (names and sizes in bytes, in order) that make up the byte range.
pub(super) fn pieces_of(blobs: &[(String, u64)], range: &Range<u64>) -> Vec<Piece> {
    let mut start = 0;
    let mut pieces = Vec::new();
    for (name, size) in blobs {
        let end = start + size;
        let (from, to) = (range.start.max(start), range.end.min(end));
        if from < to {
            pieces.push(Piece { name: name.clone(), skip: from - start, len: to - from });
        }
        start = end;
    }
    pieces
}

/// Creates a folder that only this user may enter.
pub(super) fn create_private_dir(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes the body. Returns its size in bytes, MD5 and the wanted checksums.
async fn fill(
    file: &mut BufWriter<File>,
    mut body: impl Stream<Item = Result<Bytes, s3s::StdError>> + Unpin,
    mut hasher: ChecksumHasher,
) -> Result<(u64, [u8; 16], s3s::dto::Checksum), s3s::StdError> {
    let mut md5 = Md5::new();
    let mut size = 0;
    while let Some(piece) = tokio::time::timeout(BODY_TIMEOUT, body.next()).await? {
        let piece = piece?;
        md5.update(&piece);
        hasher.update(&piece);
        file.write_all(&piece).await?;
        size += piece.len() as u64;
    }
    Ok((size, md5.finalize().into(), hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_is_cancelled_while_its_file_is_created_leaves_none() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for _ in 0..100 {
                let mut creation = Box::pin(blobs.create());
                // Polled once, so that the creation has begun; mostly it goes on when its future is gone.
                drop(futures_util::poll!(creation.as_mut()));
            }
        });
        // Waits for the threads that create files.
        drop(runtime);
        assert_eq!(std::fs::read_dir(&blobs.incoming).unwrap().count(), 0);
    }
}
