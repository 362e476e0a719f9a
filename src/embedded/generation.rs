//! Notices a database that is missing or older than the files.
//!
//! Each start increases a number, the generation, in the database and then in a file beside the blobs. A
//! database that was lost or restored from a copy has a smaller one than the file.

use std::io;
use std::path::{Path, PathBuf};

use super::blobs::Blobs;
use super::catalog;
use super::error::Error;
use crate::db::Db;
use crate::durable;

/// Name of the file, in the folder of the blobs.
const FILE: &str = "generation";

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("blobs").join(FILE)
}

/// Generation of the files; 0 if none was written yet.
fn of_files(data_dir: &Path) -> io::Result<i64> {
    match std::fs::read_to_string(path(data_dir)) {
        Ok(text) => text.trim().parse().map_err(|_| {
            let shown = path(data_dir).display().to_string();
            io::Error::new(io::ErrorKind::InvalidData, format!("{shown} holds no number"))
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// Begins the next generation.
///
/// # Errors
/// [`Error::OlderDatabase`] if the files are of a later generation than the database, or if a database
/// without objects meets blobs.
pub(super) fn begin(data_dir: &Path, db: &Db, blobs: &Blobs) -> Result<(), Error> {
    let of_db = db.blocking(|connection| catalog::generation(connection))?;
    let of_files = of_files(data_dir)?;
    let is_older = of_files > of_db;
    // Before the first generation was written.
    let is_lost = of_db == 0 && {
        let named = db.blocking(|connection| catalog::all_blobs(connection))?;
        named.is_empty() && !blobs.all()?.is_empty()
    };
    if is_older || is_lost {
        return Err(Error::OlderDatabase(data_dir.display().to_string()));
    }
    set(data_dir, db, of_db + 1)
}

/// Makes database and files agree, after the rows were rebuilt from the files.
pub(super) fn accept(data_dir: &Path, db: &Db) -> Result<(), Error> {
    let of_db = db.blocking(|connection| catalog::generation(connection))?;
    set(data_dir, db, of_db.max(of_files(data_dir)?) + 1)
}

fn set(data_dir: &Path, db: &Db, generation: i64) -> Result<(), Error> {
    db.blocking(|connection| catalog::set_generation(connection, generation))?;
    Ok(durable::replace(&path(data_dir), 0o600, format!("{generation}\n").as_bytes())?)
}
