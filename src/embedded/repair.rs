//! Rebuilds the rows of objects from the footers of their blobs, after a database was lost or replaced by
//! an older copy.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Transaction;

use super::blobs::Blobs;
use super::catalog::{self, Cursor, NewObject};
use super::error::Error;
use super::footer::{Footer, Holds};
use super::generation;
use crate::db::Db;

/// Objects that are looked at in one query.
const PAGE: u32 = 1000;

/// Result of a repair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// Objects that have a row again, as `bucket/key`.
    pub restored: Vec<String>,
    /// Objects whose row was removed, because their files are gone, as `bucket/key`.
    pub gone: Vec<String>,
}

/// Rebuilds the rows of the store below `data_dir`, in which no daemon may run. A file counts if it is
/// newer than the object of its key. Afterwards the store starts again; files that still have no row go
/// to quarantine then.
///
/// # Errors
/// If the files cannot be read, or a statement on the database fails.
pub fn repair(data_dir: &Path, db: &Db) -> Result<Repaired, Error> {
    let blobs = Blobs::open(data_dir)?;
    db.blocking(|connection| connection.execute_batch(catalog::SCHEMA))?;
    let there = blobs.all()?;
    let named = db.blocking(|connection| catalog::all_blobs(connection))?;
    let mut found = Vec::new();
    for (name, path) in there.iter().filter(|(name, _)| !named.contains(*name)) {
        let footer = Footer::read(&mut File::open(path)?)?;
        found.extend(footer.and_then(|footer| object_of(name, footer)));
    }
    found.retain(|(_, object)| object.blobs.iter().all(|(blob, _)| there.contains_key(blob)));
    found.sort_by_key(|(written, _)| *written);
    let repaired = db.blocking(|connection| {
        let transaction = connection.transaction()?;
        let gone = remove_gone(&transaction, &there)?;
        let mut restored = Vec::new();
        for (written, object) in &found {
            let current = catalog::find(&transaction, &object.bucket, &object.key)?;
            if current.is_none_or(|current| current.modified < *written) {
                catalog::replace(&transaction, object, *written)?;
                restored.push(format!("{}/{}", object.bucket, object.key));
            }
        }
        transaction.commit()?;
        restored.sort();
        restored.dedup();
        Ok::<_, rusqlite::Error>(Repaired { restored, gone })
    })?;
    generation::accept(data_dir, db)?;
    Ok(repaired)
}

/// The object that a blob describes, with the time of its write; `None` for a part of an upload.
fn object_of(name: &str, footer: Footer) -> Option<(Timestamp, NewObject)> {
    let (etag, headers, blobs) = match footer.holds {
        Holds::Object { headers } => (footer.md5, headers, vec![(name.to_owned(), footer.size)]),
        Holds::FirstPart { etag, headers, blobs } => (etag, headers, blobs),
        Holds::Part { .. } => return None,
    };
    let written = Timestamp::from_millisecond(footer.written_ms).ok()?;
    let (bucket, key) = (footer.bucket, footer.key);
    Some((written, NewObject { bucket, key, etag, headers, blobs }))
}

/// Removes the rows of objects that lack a blob. Returns these objects.
fn remove_gone(
    db: &Transaction<'_>,
    there: &HashMap<String, PathBuf>,
) -> rusqlite::Result<Vec<String>> {
    let (mut gone, mut cursor) = (Vec::new(), Cursor::default());
    loop {
        let page = cursor.next_page(db, PAGE)?;
        if page.is_empty() {
            return Ok(gone);
        }
        for (bucket, object) in page {
            if !catalog::blobs(db, object.id)?.iter().all(|(blob, _)| there.contains_key(blob)) {
                catalog::delete(db, &bucket, &object.key)?;
                gone.push(format!("{bucket}/{}", object.key));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::embedded::headers::Headers;

    struct Data {
        dir: tempfile::TempDir,
        db: Db,
    }

    impl Data {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let db = Db::open(&dir.path().join("ladderd.sqlite")).unwrap();
            Self { dir, db }
        }

        /// Writes a blob that holds `body`, as of `written_ms`.
        fn blob(&self, name: &str, key: &str, body: &str, written_ms: i64, holds: Holds) {
            let blobs = Blobs::open(self.dir.path()).unwrap();
            let footer = Footer {
                bucket: "public".to_owned(),
                key: key.to_owned(),
                size: body.len() as u64,
                md5: format!("md5 of {body}"),
                written_ms,
                holds,
            };
            let mut file = File::create(blobs.path(name)).unwrap();
            file.write_all(body.as_bytes()).unwrap();
            file.write_all(&footer.to_bytes()).unwrap();
        }

        fn repair(&self) -> Repaired {
            repair(self.dir.path(), &self.db).unwrap()
        }

        fn etag(&self, key: &str) -> Option<String> {
            let found = self.db.blocking(|db| catalog::find(db, "public", key)).unwrap();
            found.map(|object| object.etag)
        }
    }

    fn whole() -> Holds {
        Holds::Object { headers: Headers::default() }
    }

    fn blobs(names: &[&str]) -> Holds {
        let blobs = names.iter().map(|name| ((*name).to_owned(), 1)).collect();
        Holds::FirstPart { etag: "etag-2".to_owned(), headers: Headers::default(), blobs }
    }

    fn part(number: i32) -> Holds {
        Holds::Part { upload: "u".to_owned(), number }
    }

    #[test]
    fn the_newest_blob_of_each_key_becomes_its_object() {
        let data = Data::new();
        data.blob("aa01", "k", "old", 1000, whole());
        data.blob("aa02", "k", "new", 2000, whole());
        data.blob("bb01", "l", "l", 1500, whole());
        let restored = data.repair().restored;
        assert_eq!(restored, ["public/k", "public/l"]);
        assert_eq!(data.etag("k").as_deref(), Some("md5 of new"));
        assert_eq!(data.repair(), Repaired::default(), "the second repair finds nothing");
        // A file that is older than the object of its key changes nothing.
        data.blob("aa03", "k", "older", 500, whole());
        assert_eq!(data.repair(), Repaired::default());
    }

    #[test]
    fn a_multipart_object_needs_all_of_its_parts() {
        let data = Data::new();
        data.blob("aa01", "k", "1", 1000, blobs(&["aa01", "aa02"]));
        assert_eq!(data.repair(), Repaired::default());
        data.blob("aa02", "k", "2", 900, part(2));
        assert_eq!(data.repair().restored, ["public/k"]);
        assert_eq!(data.etag("k").as_deref(), Some("etag-2"));
    }

    #[test]
    fn parts_of_open_uploads_and_foreign_files_become_no_object() {
        let data = Data::new();
        data.blob("aa01", "k", "1", 1000, part(1));
        std::fs::write(data.dir.path().join("blobs/aa/notes.txt"), "not ours").unwrap();
        assert_eq!(data.repair(), Repaired::default());
        assert!(data.dir.path().join("blobs/aa/notes.txt").try_exists().unwrap());
    }

    #[test]
    fn rows_without_files_are_removed_or_replaced() {
        let data = Data::new();
        data.blob("aa01", "k", "k", 1000, whole());
        data.blob("bb01", "l", "l", 1000, whole());
        data.repair();
        std::fs::remove_file(data.dir.path().join("blobs/aa/aa01")).unwrap();
        std::fs::remove_file(data.dir.path().join("blobs/bb/bb01")).unwrap();
        data.blob("aa02", "k", "newer", 2000, whole());
        let repaired = data.repair();
        assert_eq!(repaired.gone, ["public/k", "public/l"]);
        assert_eq!(repaired.restored, ["public/k"]);
    }
}
