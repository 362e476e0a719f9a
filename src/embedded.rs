//! The S3 server that stands in for AWS: protocol by `s3s`, storage of our own.
//!
//! The bytes of objects are immutable files with random names; keys exist only in the database.
//! So no key can leave its bucket, and an object, its conditions and its event are one
//! transaction.

mod access;
mod backend;
mod blobs;
mod catalog;
mod conditions;
pub mod credentials;
mod digest;
mod event;
mod listing;
mod multipart;
mod operations;
mod server;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Transaction;

pub use event::{ObjectCreated, body as event_body};
pub use server::serve;

use self::blobs::Blobs;
use crate::db::Db;
use crate::domain::declare::{Any, Text, settings};

settings! {
    /// The S3 server in this process.
    #[derive(Eq)]
    pub struct Config {
        /// Address and port of the embedded S3 server. Empty: the address of the API with the next
        /// port.
        s3_listen: String = String::new(), Text {
            allowed: "address and port, such as 127.0.0.1:8081, or nothing",
            accepts: |address| address.is_empty() || crate::server::is_address(address),
        };
        /// Seconds after which an incomplete multipart upload is removed.
        multipart_ttl_secs: u64 = 604_800, 60..=90 * 86_400;
        /// Open connections at the same time.
        max_connections: u64 = 512, 1..=65_536;
        /// Origins whose web pages may upload and play (CORS).
        cors_origins: Vec<String> = vec!["*".to_owned()], Any;
    }
}

/// Names of the two buckets. There are no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buckets {
    /// Objects that are created here make events.
    pub private: String,
    /// Anybody may read here.
    pub public: String,
}

/// Called inside the transaction that creates an object in the private bucket.
type InTransaction =
    Box<dyn Fn(&Transaction<'_>, &ObjectCreated) -> rusqlite::Result<()> + Send + Sync>;

/// What happens when an object is created in the private bucket.
pub struct OnCreated {
    /// Part of the transaction: the object and what this writes become durable together.
    pub in_transaction: InTransaction,
    /// After the commit.
    pub after_commit: Box<dyn Fn() + Send + Sync>,
}

/// Why the store cannot be opened or kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database.
    #[error("the store's database: {0}")]
    Database(#[from] rusqlite::Error),
    /// The file system.
    #[error("the store's files: {0}")]
    Files(#[from] std::io::Error),
}

/// The storage. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    db: Db,
    blobs: Blobs,
    buckets: Buckets,
    on_created: OnCreated,
}

impl Store {
    /// Opens the store below `data_dir`. Files that no row names (of uploads that a crash cut
    /// off) are removed.
    ///
    /// # Errors
    /// If the database or the files cannot be used.
    pub fn open(
        data_dir: &Path,
        db: Db,
        buckets: Buckets,
        on_created: OnCreated,
    ) -> Result<Self, Error> {
        let blobs = Blobs::open(data_dir)?;
        let known = db.blocking(|connection| {
            connection.execute_batch(catalog::SCHEMA)?;
            catalog::all_blobs(connection)
        })?;
        let swept = blobs.sweep(&known)?;
        if swept > 0 {
            tracing::info!(files = swept, "removed the files of unfinished uploads");
        }
        Ok(Self(Arc::new(Inner { db, blobs, buckets, on_created })))
    }

    /// Removes multipart uploads that were begun longer ago than `older_than`. Returns how many.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn reap(&self, older_than: Duration) -> Result<usize, Error> {
        let (uploads, blobs) =
            self.0.db.call(move |db| catalog::reap_uploads(db, older_than)).await?;
        self.0.blobs.remove(blobs).await;
        Ok(uploads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn uploads_that_nobody_completes_are_reaped_with_their_files() {
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
            let headers = catalog::Headers::default();
            catalog::begin_upload(&transaction, "u", "uploads", "k", &headers)?;
            let part = catalog::PartRow {
                number: 1,
                blob,
                size: 4,
                md5: String::new(),
                modified: jiff::Timestamp::now(),
            };
            catalog::put_part(&transaction, "u", &part)?;
            transaction.commit()
        })
        .unwrap();
        assert_eq!(store.reap(Duration::from_hours(1)).await.unwrap(), 0, "it is young");
        assert!(path.try_exists().unwrap());
        assert_eq!(store.reap(Duration::ZERO).await.unwrap(), 1);
        assert!(!path.try_exists().unwrap());
    }
}
