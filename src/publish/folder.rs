//! A local folder as target of `ladderd transcode`.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;

use super::error::Error;
use super::object::{Object, Target};
use crate::durable;

/// Target that writes files below a folder.
pub struct Folder(PathBuf);

impl Folder {
    /// The folder must exist.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

#[async_trait]
impl Target for Folder {
    async fn put(&self, object: Object) -> Result<(), Error> {
        let path = self.0.join(&object.key);
        let key = path.display().to_string();
        write(path, object.body).await.map_err(|error| Error::Target {
            key,
            reason: error.to_string(),
            is_lasting: false,
        })
    }
}

/// Replaces a file as a whole. Runs in one blocking task: cancellation cannot leave half a file.
async fn write(path: PathBuf, body: Bytes) -> std::io::Result<()> {
    tokio::task::spawn_blocking(move || {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        durable::replace(&path, 0o666, &body)
    })
    .await?
}
