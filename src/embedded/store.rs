//! The store: files, rows and events, kept in step.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Transaction;
use s3s::{S3Result, s3_error};
use tokio::sync::Notify;

use super::blobs::{self, Blobs, Piece, Unclaimed};
use super::catalog::{self, NewObject, Object};
use super::conditions::WriteCondition;
use super::error::{Error, internal_error};
use super::event::ObjectCreated;
use super::readers::{Held, Readers};
use super::space::{FreeSpace, Space};
use super::{generation, keys, place};
use crate::db::Db;
use crate::domain::record::is_internal_key;
use crate::domain::turns::Place;

/// Names of the two buckets. The server has no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buckets {
    /// A new object in this bucket makes an event.
    pub private: String,
    /// Everybody may read the objects of this bucket.
    pub public: String,
}

/// Runs inside the transaction that creates an object in the private bucket, with the place of its video
/// among those that wait; an error rolls it back.
type InTransaction =
    Box<dyn Fn(&Transaction<'_>, &ObjectCreated, &Place) -> rusqlite::Result<()> + Send + Sync>;

/// Hooks on the creation of an object in the private bucket.
pub struct OnCreated {
    /// Runs inside the transaction: the object and the rows that this hook writes become durable
    /// together.
    pub in_transaction: InTransaction,
    /// Runs after the commit.
    pub after_commit: Box<dyn Fn() + Send + Sync>,
}

/// The storage of the server. Clones share one database connection.
#[derive(Clone)]
pub struct Store(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) data_dir: PathBuf,
    pub(super) space: Space,
    pub(super) db: Db,
    pub(super) blobs: Blobs,
    pub(super) readers: Readers,
    /// Blobs may have become garbage.
    pub(super) discarded: Notify,
    pub(super) buckets: Buckets,
    on_created: OnCreated,
}

/// Bytes of an object that are about to be read.
pub(super) struct Opened {
    pub(super) object: Object,
    pub(super) range: Range<u64>,
    /// Where the bytes are.
    pub(super) pieces: Vec<Piece>,
    /// Keeps the pieces on disk.
    pub(super) held: Held,
}

impl Store {
    /// Opens the store below `data_dir`. Uploads leave `min_free_bytes` of its disk free.
    ///
    /// # Errors
    /// If the database is missing or older than the files, or if the tables cannot be created.
    pub fn open(
        data_dir: &Path,
        db: Db,
        buckets: Buckets,
        on_created: OnCreated,
        min_free_bytes: u64,
    ) -> Result<Self, Error> {
        let blobs = Blobs::open(data_dir)?;
        for schema in [catalog::SCHEMA, keys::SCHEMA] {
            db.blocking(|connection| connection.execute_batch(schema))?;
        }
        generation::begin(data_dir, &db, &blobs)?;
        let (readers, discarded) = (Readers::default(), Notify::new());
        // Garbage of the last run.
        discarded.notify_one();
        let data_dir = data_dir.to_owned();
        let space = Space::new(data_dir.clone(), min_free_bytes);
        let inner = Inner { data_dir, space, db, blobs, readers, discarded, buckets, on_created };
        Ok(Self(Arc::new(inner)))
    }

    /// Free space of the disk. Blocks the thread for as long as the file system takes.
    ///
    /// # Errors
    /// If the file system does not tell.
    pub fn free_space(&self) -> std::io::Result<FreeSpace> {
        self.0.space.free()
    }

    /// Removes multipart uploads that began longer ago than `older_than`, with their parts. Returns the
    /// number of uploads.
    ///
    /// # Errors
    /// If a statement on the database fails.
    pub async fn reap(&self, older_than: Duration) -> Result<usize, Error> {
        let uploads =
            self.0.db.transaction(move |db| catalog::delete_stale_uploads(db, older_than));
        let uploads = uploads.await??;
        self.0.discarded.notify_one();
        Ok(uploads)
    }

    /// Writes the row of an object in one transaction: runs `before`, checks the precondition,
    /// replaces the object of this key, enqueues the event. Once it is committed, the row owns `blob`.
    pub(super) async fn commit_object(
        &self,
        new: NewObject,
        blob: Option<Unclaimed>,
        precondition: WriteCondition,
        event_name: &'static str,
        before: impl FnOnce(&Transaction<'_>) -> S3Result<()> + Send + 'static,
    ) -> S3Result<()> {
        let makes_event = new.bucket == self.0.buckets.private && !is_internal_key(&new.key);
        let inner = Arc::clone(&self.0);
        let work = move |db: &Transaction<'_>| {
            before(db)?;
            let current = catalog::find(db, &new.bucket, &new.key).map_err(internal_error)?;
            precondition.check(current.as_ref())?;
            let now = Timestamp::now();
            let id = catalog::replace(db, &new, now).map_err(internal_error)?;
            if makes_event {
                let event = ObjectCreated {
                    size_bytes: new.blobs.iter().map(|(_, size)| size).sum(),
                    bucket: new.bucket,
                    key: new.key,
                    etag: new.etag,
                    sequencer: format!("{id:016X}"),
                    event_name,
                    time: now,
                };
                let place = place::of_source(db, &inner.blobs, &event).map_err(internal_error)?;
                (inner.on_created.in_transaction)(db, &event, &place).map_err(internal_error)?;
            }
            Ok(())
        };
        let hook = Arc::clone(&self.0);
        let after_commit = move || {
            if makes_event {
                (hook.on_created.after_commit)();
            }
        };
        self.0.commit(blob, work, after_commit).await
    }
}

impl Inner {
    /// Fails with `NoSuchBucket` unless this is one of the two buckets.
    pub(super) fn check_bucket(&self, bucket: &str) -> S3Result<()> {
        if bucket == self.buckets.private || bucket == self.buckets.public {
            return Ok(());
        }
        Err(s3_error!(NoSuchBucket, "bucket {bucket} does not exist"))
    }

    /// Runs `work` in a write transaction: commits if `work` succeeds, rolls back otherwise.
    pub(super) async fn transaction<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Transaction<'_>) -> S3Result<T> + Send + 'static,
    ) -> S3Result<T> {
        self.commit(None, work, || {}).await
    }

    /// Runs `work` in a write transaction, in which a row comes to name `blob`. Once it is committed, claims
    /// the blob and runs `after_commit`, on the same thread: a client that leaves in the meantime changes
    /// nothing.
    pub(super) async fn commit<T: Send + 'static>(
        self: &Arc<Self>,
        blob: Option<Unclaimed>,
        work: impl FnOnce(&Transaction<'_>) -> S3Result<T> + Send + 'static,
        after_commit: impl FnOnce() + Send + 'static,
    ) -> S3Result<T> {
        let inner = Arc::clone(self);
        let committed = move |result: &S3Result<T>| {
            if result.is_err() {
                return;
            }
            if let Some(blob) = blob {
                blob.claim();
            }
            after_commit();
            inner.discarded.notify_one();
        };
        self.db.transaction_then(work, committed).await.map_err(internal_error)?
    }

    /// Looks up an object and opens the bytes that `choose` wants of it. Fails with `NoSuchKey`, or as `choose`
    /// does.
    pub(super) async fn open_object(
        self: &Arc<Self>,
        bucket: &str,
        key: &str,
        choose: impl FnOnce(&Object) -> S3Result<Range<u64>> + Send + 'static,
    ) -> S3Result<Opened> {
        self.check_bucket(bucket)?;
        let (bucket, key, inner) = (bucket.to_owned(), key.to_owned(), Arc::clone(self));
        let opened = self.db.call(move |db| {
            let Some(object) = catalog::find(db, &bucket, &key)? else {
                return Ok(Err(s3_error!(NoSuchKey, "the key has no object")));
            };
            let range = match choose(&object) {
                Ok(range) => range,
                Err(error) => return Ok(Err(error)),
            };
            let pieces = blobs::pieces_of(&catalog::blobs(db, object.id)?, &range);
            // No other statement can discard the blobs before they are held.
            let held = inner.readers.hold(pieces.iter().map(|piece| piece.name.clone()).collect());
            Ok(Ok(Opened { object, range, pieces, held }))
        });
        let opened: rusqlite::Result<_> = opened.await;
        opened.map_err(internal_error)?
    }

    /// Looks up the row of an object. Fails with `NoSuchKey` if the key has none.
    pub(super) async fn object(&self, bucket: &str, key: &str) -> S3Result<Object> {
        self.check_bucket(bucket)?;
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let found = self.db.call(move |db| catalog::find(db, &bucket, &key)).await;
        found.map_err(internal_error)?.ok_or_else(|| s3_error!(NoSuchKey, "the key has no object"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::catalog::PartRow;
    use crate::embedded::headers::Headers;

    #[tokio::test]
    async fn stale_multipart_uploads_are_removed_with_their_files() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&dir.path().join("db.sqlite")).unwrap();
        let buckets = Buckets { private: "uploads".to_owned(), public: "public".to_owned() };
        let on_created =
            OnCreated { in_transaction: Box::new(|_, _, _| Ok(())), after_commit: Box::new(|| {}) };
        let store = Store::open(dir.path(), db.clone(), buckets, on_created, 0).unwrap();
        let blob = "ab".repeat(16);
        let path = dir.path().join("blobs/ab").join(&blob);
        std::fs::write(&path, "part").unwrap();
        db.blocking(|connection| -> rusqlite::Result<()> {
            let transaction = connection.transaction()?;
            let headers = Headers::default();
            catalog::begin_upload(&transaction, "u", "uploads", "k", &headers)?;
            let part = PartRow {
                number: 1,
                blob,
                size: 4,
                md5: String::new(),
                modified: Timestamp::now(),
            };
            catalog::put_part(&transaction, "u", &part)?;
            transaction.commit()
        })
        .unwrap();
        assert_eq!(
            store.reap(Duration::from_hours(1)).await.unwrap(),
            0,
            "the upload is younger than an hour"
        );
        assert!(path.try_exists().unwrap());
        assert_eq!(store.reap(Duration::ZERO).await.unwrap(), 1);
        assert!(store.collect().await.unwrap().is_complete);
        assert!(!path.try_exists().unwrap());
    }
}
