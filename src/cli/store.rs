//! `ladderd store`: care of the embedded store's files.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;

use super::exit::{self, Exit};
use super::output::{print, say};
use crate::app;
use crate::db::{self, Db};
use crate::embedded;

/// Commands for the embedded store.
#[derive(Debug, Subcommand)]
pub(super) enum StoreCommand {
    /// Read every stored object and compare its bytes with its entity tag. A daemon may run.
    ///
    /// Exits with 0 if all are sound, and with 1 if one is damaged.
    Scrub,
    /// Rebuild the rows of the database from the stored files, after it was lost or replaced by an older
    /// copy. The daemon must be stopped.
    Repair,
    /// Copy the store to an empty folder, as it is at one moment. A daemon may run. Files are hard links
    /// where the folder is on the same file system.
    Backup {
        /// Folder of the copy, created if it is missing.
        to: PathBuf,
    },
    /// Copy a backup into the data directory, which must have no store. The daemon must be stopped.
    Restore {
        /// Folder of the backup.
        from: PathBuf,
    },
}

/// Runs a command on the store in this data directory.
pub(super) fn run(data_dir: &Path, command: &StoreCommand) -> Result<Exit, exit::Error> {
    match command {
        StoreCommand::Scrub => scrub(data_dir),
        StoreCommand::Repair => repair(data_dir),
        StoreCommand::Backup { to } => {
            existing(data_dir)?;
            let copied = embedded::backup(data_dir, to).context("failed to back the store up")?;
            say(&format!("copied {} files to {}", copied.blobs, to.display()));
            Ok(Exit::Ok)
        }
        StoreCommand::Restore { from } => {
            let _lock = app::lock(data_dir)?;
            let copied =
                embedded::restore(from, data_dir).context("failed to restore the store")?;
            say(&format!("restored {} files to {}", copied.blobs, data_dir.display()));
            Ok(Exit::Ok)
        }
    }
}

fn scrub(data_dir: &Path) -> Result<Exit, exit::Error> {
    let scrubbed = embedded::scrub(data_dir, &existing(data_dir)?);
    let scrubbed = scrubbed.context("failed to read the store")?;
    for (object, fault) in &scrubbed.damaged {
        print(&format!("{object}: {fault}\n"))?;
    }
    let damaged = scrubbed.damaged.len();
    say(&format!("read {} objects, {} bytes; {damaged} damaged", scrubbed.objects, scrubbed.bytes));
    Ok(if damaged == 0 { Exit::Ok } else { Exit::Failed })
}

fn repair(data_dir: &Path) -> Result<Exit, exit::Error> {
    if !data_dir.join("blobs").is_dir() {
        return Err(anyhow::anyhow!("{} holds no store", data_dir.display()).into());
    }
    let _lock = app::lock(data_dir)?;
    let db = Db::open(&data_dir.join(db::FILE)).context("failed to open the database")?;
    let repaired = embedded::repair(data_dir, &db).context("failed to repair the store")?;
    for object in &repaired.restored {
        print(&format!("restored {object}\n"))?;
    }
    for object in &repaired.gone {
        print(&format!("gone {object}\n"))?;
    }
    say(&format!(
        "restored {} objects; removed the rows of {} objects whose files are gone",
        repaired.restored.len(),
        repaired.gone.len()
    ));
    Ok(Exit::Ok)
}

/// The database of a store that exists.
fn existing(data_dir: &Path) -> anyhow::Result<Db> {
    let path = data_dir.join(db::FILE);
    anyhow::ensure!(path.is_file(), "{} holds no store", data_dir.display());
    Db::open(&path).context("failed to open the database")
}
