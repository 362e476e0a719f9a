//! The store: files, rows and events, kept in step.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Transaction;
use s3s::{S3Result, s3_error};

use super::blobs::Blobs;
use super::catalog::{self, NewObject, Object};
use super::conditions::WriteCondition;
use super::error::{Error, internal_error};
use super::event::ObjectCreated;
use crate::db::Db;
use crate::domain::record::is_internal_key;

/// Names of the two buckets. The server has no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buckets {
    /// A new object in this bucket makes an event.
    pub private: String,
    /// Everybody may read the objects of this bucket.
    pub public: String,
}

/// Runs inside the transaction that creates an object in the private bucket; an error rolls it
/// back.
type InTransaction =
    Box<dyn Fn(&Transaction<'_>, &ObjectCreated) -> rusqlite::Result<()> + Send + Sync>;

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
    pub(super) db: Db,
    pub(super) blobs: Blobs,
    pub(super) buckets: Buckets,
    on_created: OnCreated,
}

impl Store {
    /// Opens the store below `data_dir`, and removes files that no row names: those of uploads that
    /// a crash interrupted.
    ///
    /// # Errors
    /// If the tables cannot be created or the files cannot be listed.
    pub fn open(
        data_dir: &Path,
        db: Db,
        buckets: Buckets,
        on_created: OnCreated,
    ) -> Result<Self, Error> {
        let blobs = Blobs::open(data_dir)?;
        let named = db.blocking(|connection| {
            connection.execute_batch(catalog::SCHEMA)?;
            catalog::all_blobs(connection)
        })?;
        let removed = blobs.sweep(&named)?;
        if removed > 0 {
            tracing::info!(files = removed, "removed files of unfinished uploads");
        }
        Ok(Self(Arc::new(Inner { db, blobs, buckets, on_created })))
    }

    /// Removes multipart uploads that began longer ago than `older_than`, with the files of their
    /// parts. Returns the number of uploads.
    ///
    /// # Errors
    /// If a statement on the database fails.
    pub async fn reap(&self, older_than: Duration) -> Result<usize, Error> {
        let (uploads, blobs) = self
            .0
            .db
            .transaction(move |db| catalog::delete_stale_uploads(db, older_than))
            .await??;
        self.0.blobs.remove(blobs).await;
        Ok(uploads)
    }

    /// Writes the row of an object in one transaction: runs `before`, checks the precondition,
    /// replaces the object of this key, enqueues the event. Then removes the files of the object
    /// that was replaced.
    pub(super) async fn commit_object(
        &self,
        new: NewObject,
        precondition: WriteCondition,
        event_name: &'static str,
        before: impl FnOnce(&Transaction<'_>) -> S3Result<()> + Send + 'static,
    ) -> S3Result<()> {
        let inner = Arc::clone(&self.0);
        let makes_event = new.bucket == inner.buckets.private && !is_internal_key(&new.key);
        let hook = Arc::clone(&inner);
        let orphans = inner
            .transaction(move |db| {
                before(db)?;
                let current = catalog::find(db, &new.bucket, &new.key).map_err(internal_error)?;
                precondition.check(current.as_ref())?;
                let now = Timestamp::now();
                let (id, orphans) = catalog::replace(db, &new, now).map_err(internal_error)?;
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
                    (hook.on_created.in_transaction)(db, &event).map_err(internal_error)?;
                }
                Ok(orphans)
            })
            .await?;
        if makes_event {
            (self.0.on_created.after_commit)();
        }
        self.0.blobs.remove(orphans).await;
        Ok(())
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
        &self,
        work: impl FnOnce(&Transaction<'_>) -> S3Result<T> + Send + 'static,
    ) -> S3Result<T> {
        self.db.transaction(work).await.map_err(internal_error)?
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
    use crate::embedded::catalog::{Headers, PartRow};

    #[tokio::test]
    async fn stale_multipart_uploads_are_removed_with_their_files() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&dir.path().join("db.sqlite")).unwrap();
        let buckets = Buckets { private: "uploads".to_owned(), public: "public".to_owned() };
        let on_created =
            OnCreated { in_transaction: Box::new(|_, _| Ok(())), after_commit: Box::new(|| {}) };
        let store = Store::open(dir.path(), db.clone(), buckets, on_created).unwrap();
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
        assert!(!path.try_exists().unwrap());
    }
}
