//! A local folder as target of `ladderd transcode`.

use std::path::{Component, Path, PathBuf};

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
        if !is_below(&object.key) {
            let reason = "it lies outside of the folder".to_owned();
            return Err(Error::Target { key: object.key, reason, is_lasting: true });
        }
        let path = self.0.join(&object.key);
        let key = path.display().to_string();
        write(path, object.body).await.map_err(|error| Error::Target {
            key,
            reason: error.to_string(),
            is_lasting: false,
        })
    }
}

/// Whether the key names a file below the folder, whatever is in it.
fn is_below(key: &str) -> bool {
    let is_name = |component| matches!(component, Component::Normal(_));
    !key.is_empty() && Path::new(key).components().all(is_name)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_written_outside_of_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        std::fs::create_dir(&out).unwrap();
        let folder = Folder::new(&out);
        let put = |key: &str| folder.put(Object::immutable(key.to_owned(), Bytes::new(), "x"));
        let absolute = dir.path().join("evil").display().to_string();
        for key in ["../evil", "a/../../evil", &absolute, "", "..", "./../evil"] {
            assert!(put(key).await.is_err(), "{key:?}");
        }
        put("1080p/seg_00000.ts").await.unwrap();
        let names = std::fs::read_dir(dir.path()).unwrap().flatten().map(|entry| entry.file_name());
        assert_eq!(names.collect::<Vec<_>>(), ["out"]);
    }
}
