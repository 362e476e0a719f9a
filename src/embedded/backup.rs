//! Copies of a store: a backup while the daemon runs, and the way back.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::blobs::{Blobs, create_private_dir};
use super::error::Error;
use super::{catalog, credentials, generation};
use crate::db::{self, Db};

/// Snapshots of the database that are taken at most. Each later one needs only the blobs of what was stored
/// since the one before.
const MOST_SNAPSHOTS: u32 = 20;
/// Pause before another try at a database that is busy.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// Result of a backup or a restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Number of blobs.
    pub blobs: usize,
}

/// Copies the store below `data_dir` to the folder `to`, which must be empty or missing. A daemon may run:
/// the copy is the state at one moment. Blobs are hard links where `to` is on the same file system.
///
/// # Errors
/// If `to` is not empty, or database or blobs cannot be copied.
pub fn backup(data_dir: &Path, to: &Path) -> Result<Copied, Error> {
    create_private_dir(to)?;
    if std::fs::read_dir(to)?.next().is_some() {
        return Err(Error::NotEmpty(to.display().to_string()));
    }
    let (from, target) = (Blobs::at(data_dir), Blobs::open(to)?);
    // The first pass links what is there; a blob that is discarded meanwhile is not needed.
    for name in from.all()?.into_keys() {
        transfer(&from, &target, &name)?;
    }
    for _ in 0..MOST_SNAPSHOTS {
        let database = to.join(db::FILE);
        snapshot(&data_dir.join(db::FILE), &database)?;
        let named = named_in(&database)?;
        let there = target.all()?;
        let missing = named.iter().filter(|name| !there.contains_key(*name));
        let mut is_complete = true;
        for name in missing {
            is_complete &= transfer(&from, &target, name)?;
        }
        if is_complete {
            for (name, path) in target.all()? {
                if !named.contains(&name) {
                    std::fs::remove_file(path)?;
                }
            }
            copy_if_there(&data_dir.join(credentials::FILE), &to.join(credentials::FILE))?;
            return Ok(Copied { blobs: named.len() });
        }
    }
    Err(Error::NoSnapshot(MOST_SNAPSHOTS))
}

/// Copies a backup to `data_dir`, which must have neither a database nor blobs.
///
/// # Errors
/// If `data_dir` has some, or the backup is incomplete.
pub fn restore(from: &Path, data_dir: &Path) -> Result<Copied, Error> {
    let (source, database) = (Blobs::at(from), from.join(db::FILE));
    let named = named_in(&database)?;
    let there = source.all()?;
    if let Some(missing) = named.iter().find(|name| !there.contains_key(*name)) {
        return Err(Error::IncompleteBackup(missing.clone()));
    }
    let target = Blobs::open(data_dir)?;
    let restored = data_dir.join(db::FILE);
    if restored.try_exists()? || !target.all()?.is_empty() {
        return Err(Error::NotEmpty(data_dir.display().to_string()));
    }
    for name in &named {
        transfer(&source, &target, name)?;
    }
    copy_if_there(&from.join(credentials::FILE), &data_dir.join(credentials::FILE))?;
    std::fs::copy(&database, &restored)?;
    generation::accept(data_dir, &Db::open(&restored)?)?;
    Ok(Copied { blobs: named.len() })
}

/// Copies the database as of now, with SQLite's online backup.
fn snapshot(from: &Path, to: &Path) -> rusqlite::Result<()> {
    let from = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut to = Connection::open(to)?;
    let backup = Backup::new(&from, &mut to)?;
    // All pages in one step: with WAL, writers continue while one snapshot is read.
    while !matches!(backup.step(-1)?, StepResult::Done) {
        std::thread::sleep(BUSY_PAUSE);
    }
    Ok(())
}

/// The blobs that the objects and parts of a database name.
fn named_in(database: &Path) -> Result<HashSet<String>, Error> {
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    Ok(catalog::named_blobs(&connection)?)
}

/// Links a blob, or copies it to another file system. `false` if it is gone.
fn transfer(from: &Blobs, to: &Blobs, name: &str) -> io::Result<bool> {
    let (from, to) = (from.path(name), to.path(name));
    match std::fs::hard_link(&from, &to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            std::fs::copy(&from, &to)?;
            std::fs::File::open(&to)?.sync_all()?;
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

fn copy_if_there(from: &Path, to: &Path) -> io::Result<()> {
    if from.try_exists()? {
        std::fs::copy(from, to)?;
    }
    Ok(())
}
