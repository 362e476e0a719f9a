//! A local folder as the target of `ladderd transcode`.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use tokio::io::AsyncWriteExt;

use super::{Error, Object, Target};
use crate::domain::outcome::FaultClass;

/// The folder.
pub struct Folder(PathBuf);

impl Folder {
    /// Publishes below this folder, which exists.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

#[async_trait]
impl Target for Folder {
    async fn put(&self, object: Object) -> Result<(), Error> {
        let path = self.0.join(&object.key);
        write(&path, &object.body).await.map_err(|error| Error::Target {
            key: path.display().to_string(),
            reason: error.to_string(),
            class: FaultClass::Retryable,
        })
    }
}

/// Writes beside the name and renames: a reader sees the old file or the new one.
async fn write(path: &Path, body: &[u8]) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        tokio::fs::create_dir_all(parent).await?;
    }
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".part");
    let mut file = tokio::fs::File::create(&unfinished).await?;
    file.write_all(body).await?;
    file.sync_all().await?;
    tokio::fs::rename(&unfinished, path).await
}
