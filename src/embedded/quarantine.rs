//! Quarantine: files in the folder of the blobs that no row names. They are kept for a while, so that a
//! fault of the database loses nothing.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::blobs::{Blobs, create_private_dir};
use super::catalog;
use super::error::Error;
use super::footer::Footer;
use crate::db::Db;

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

/// Moves every blob that no row names into a new folder below `quarantine`, named by the time in seconds,
/// with a manifest. Returns the number of files.
pub(super) fn move_unnamed(data_dir: &Path, db: &Db, blobs: &Blobs) -> Result<usize, Error> {
    let named = db.blocking(|connection| catalog::all_blobs(connection))?;
    let unnamed = blobs.all()?.into_iter().filter(|(name, _)| !named.contains(name));
    let mut unnamed: Vec<(String, PathBuf)> = unnamed.collect();
    if unnamed.is_empty() {
        return Ok(0);
    }
    unnamed.sort();
    let folder = dir(data_dir).join(Timestamp::now().as_second().to_string());
    create_private_dir(&folder)?;
    let mut entries = Vec::new();
    for (name, from) in unnamed {
        let mut file = File::open(&from)?;
        let (file_bytes, footer) = (file.metadata()?.len(), Footer::read(&mut file)?);
        std::fs::rename(&from, folder.join(&name))?;
        entries.push(Entry { name, file_bytes, footer });
    }
    let manifest = File::create(folder.join(MANIFEST))?;
    serde_json::to_writer_pretty(&manifest, &entries).map_err(io::Error::from)?;
    manifest.sync_all()?;
    Ok(entries.len())
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
