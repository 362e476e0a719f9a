//! Quarantine: files in the folder of the blobs that no row names. They are kept for a while, so that a
//! fault of the database loses nothing.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::blobs::create_private_dir;
use super::catalog;
use super::error::Error;
use super::footer::Footer;
use super::store::Store;

/// List of the files that were moved together.
const MANIFEST: &str = "manifest.json";

/// One quarantined file, as the manifest lists it.
#[derive(Serialize)]
struct Entry {
    name: String,
    file_bytes: u64,
    /// Description of its content; absent for files that this program did not write.
    #[serde(skip_serializing_if = "Option::is_none")]
    footer: Option<Footer>,
}

fn dir(data_dir: &Path) -> PathBuf {
    data_dir.join("quarantine")
}

impl Store {
    /// Moves every blob that no row names into a new folder below `quarantine`, named by the time in seconds,
    /// with a manifest. Goes through the folders of the blobs one after the other while the store serves. Returns
    /// the number of files.
    ///
    /// # Errors
    /// If the files cannot be listed or moved, or a statement on the database fails.
    pub async fn quarantine_unnamed(&self) -> Result<usize, Error> {
        let folder = dir(&self.0.data_dir).join(Timestamp::now().as_second().to_string());
        let mut entries = Vec::new();
        for shard in self.0.blobs.shards()? {
            let inner = Arc::clone(&self.0);
            let mut files = on_thread(move || inner.blobs.settled(&shard)).await?;
            let names: Vec<String> = files.keys().cloned().collect();
            let unnamed = self.0.db.call(|db| catalog::unnamed(db, names)).await?;
            files.retain(|name, _| unnamed.contains(name));
            if files.is_empty() {
                continue;
            }
            let target = folder.clone();
            entries.extend(on_thread(move || move_all(files, &target)).await?);
            write_manifest(&folder, &entries)?;
        }
        Ok(entries.len())
    }

    /// Removes quarantined files that were moved longer ago than `older_than`. Returns their number.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub async fn empty_quarantine(&self, older_than: Duration) -> Result<usize, Error> {
        let data_dir = self.0.data_dir.clone();
        let emptied = tokio::task::spawn_blocking(move || empty(&data_dir, older_than));
        Ok(emptied.await.map_err(io::Error::other)??)
    }
}

/// Runs `work` on a thread that may block.
async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await?
}

/// Moves these files into the folder.
fn move_all(files: BTreeMap<String, PathBuf>, folder: &Path) -> io::Result<Vec<Entry>> {
    create_private_dir(folder)?;
    let mut entries = Vec::new();
    for (name, from) in files {
        let mut file = match File::open(&from) {
            // Its row was removed since it was listed, and then the file.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            file => file?,
        };
        let (file_bytes, footer) = (file.metadata()?.len(), Footer::read(&mut file)?);
        std::fs::rename(&from, folder.join(&name))?;
        entries.push(Entry { name, file_bytes, footer });
    }
    Ok(entries)
}

fn write_manifest(folder: &Path, entries: &[Entry]) -> io::Result<()> {
    let manifest = File::create(folder.join(MANIFEST))?;
    serde_json::to_writer_pretty(&manifest, entries)?;
    manifest.sync_all()
}

/// Removes the folders that are older than `older_than`. Returns the number of removed files, manifests
/// not counted.
pub(super) fn empty(data_dir: &Path, older_than: Duration) -> io::Result<usize> {
    let age_secs = i64::try_from(older_than.as_secs()).unwrap_or(i64::MAX);
    let limit = Timestamp::now().as_second().saturating_sub(age_secs);
    let mut removed = 0;
    let folders = match std::fs::read_dir(dir(data_dir)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        folders => folders?,
    };
    for folder in folders {
        let folder = folder?;
        let moved_at: Option<i64> = folder.file_name().to_str().and_then(|name| name.parse().ok());
        if moved_at.is_some_and(|moved_at| moved_at <= limit) {
            removed += std::fs::read_dir(folder.path())?.count().saturating_sub(1);
            std::fs::remove_dir_all(folder.path())?;
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_folders_are_emptied_and_others_stay() {
        let data = tempfile::tempdir().unwrap();
        let now = Timestamp::now().as_second();
        let folder = |secs: i64| dir(data.path()).join(secs.to_string());
        for secs in [now, now - 3600] {
            std::fs::create_dir_all(folder(secs)).unwrap();
            std::fs::write(folder(secs).join("ab"), "blob").unwrap();
            std::fs::write(folder(secs).join(MANIFEST), "[]").unwrap();
        }
        std::fs::create_dir_all(dir(data.path()).join("of somebody else")).unwrap();
        assert_eq!(empty(data.path(), Duration::from_mins(10)).unwrap(), 1);
        assert!(folder(now).try_exists().unwrap() && !folder(now - 3600).try_exists().unwrap());
        assert!(dir(data.path()).join("of somebody else").try_exists().unwrap());
        assert_eq!(empty(&data.path().join("none"), Duration::ZERO).unwrap(), 0);
    }
}
