//! A source that is a local file: for `ladderd transcode` and `ladderd plan`.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Error, Source};

/// An open file.
pub struct LocalFile {
    file: Arc<File>,
    size_bytes: u64,
}

impl LocalFile {
    /// Opens the file.
    ///
    /// # Errors
    /// If it cannot be opened or is no regular file.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(std::io::Error::other("not a regular file"));
        }
        Ok(Self { file: Arc::new(file), size_bytes: metadata.len() })
    }
}

#[async_trait]
impl Source for LocalFile {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    async fn read(&self, offset: u64, len: u32) -> Result<Bytes, Error> {
        let file = Arc::clone(&self.file);
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = vec![0; len as usize];
            file.read_exact_at(&mut bytes, offset).map(|()| Bytes::from(bytes))
        });
        read.await
            .map_err(std::io::Error::other)
            .and_then(|result| result)
            .map_err(|error| Error::Unavailable { reason: error.to_string() })
    }
}
