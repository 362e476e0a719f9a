//! The SQLite database of an appliance without AWS. It holds object metadata and the queue, so that
//! one transaction makes an object and its event durable.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::{Connection, Transaction, TransactionBehavior};

/// Name of the database file in the data directory.
pub const FILE: &str = "ladderd.sqlite";

/// Format of the tables. A version that adds tables or columns with defaults keeps it: earlier versions work on with
/// them. Another change raises it, and earlier versions refuse the file then.
const FORMAT: i64 = 1;

/// A database that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite fails.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// A later version wrote it.
    #[error(
        "a later version of ladderd wrote it (format {found}, this one knows {FORMAT}): install that version, or \
         restore a backup"
    )]
    Later {
        /// Its format.
        found: i64,
    },
}

fn check_format(connection: &Connection) -> Result<(), Error> {
    let found = connection.query_row("PRAGMA user_version", (), |row| row.get(0))?;
    if found > FORMAT { Err(Error::Later { found }) } else { Ok(()) }
}

/// The database. Clones share one connection, so statements run one at a time.
#[derive(Clone)]
pub struct Db(Arc<Mutex<Connection>>);

impl Db {
    /// Opens or creates the database, in WAL mode with `synchronous=FULL`: committed transactions
    /// survive a loss of power (<https://www.sqlite.org/pragma.html#pragma_synchronous>).
    ///
    /// # Errors
    /// If the file cannot be opened, is not a database, or was written by a version whose tables this one does not
    /// know.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let connection = Connection::open(path)?;
        check_format(&connection)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        connection.pragma_update(None, "user_version", FORMAT)?;
        Ok(Self::of(connection))
    }

    /// Opens or creates a database of data that can be made anew: a loss of power may take the latest transactions,
    /// and a commit waits for no disk.
    ///
    /// # Errors
    /// If the file cannot be opened or is not a database.
    pub fn open_rebuildable(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        // Deleted rows are gone from the file, too.
        connection.pragma_update(None, "secure_delete", "ON")?;
        Ok(Self::of(connection))
    }

    /// Whether both are the same open database.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// A database without a file.
    ///
    /// # Errors
    /// If there is no memory.
    pub fn in_memory() -> rusqlite::Result<Self> {
        Ok(Self::of(Connection::open_in_memory()?))
    }

    fn of(connection: Connection) -> Self {
        Self(Arc::new(Mutex::new(connection)))
    }

    /// Runs `work` with the connection on a blocking thread.
    ///
    /// # Errors
    /// The error of `work`.
    pub async fn call<T, E>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<rusqlite::Error> + Send + 'static,
    {
        let db = self.clone();
        match tokio::task::spawn_blocking(move || db.blocking(work)).await {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    /// Runs `work` in a write transaction on a blocking thread. The transaction takes the write lock
    /// at its start; it commits if `work` succeeds and rolls back otherwise.
    ///
    /// # Errors
    /// Outside, failures of the transaction itself; inside, the error of `work`.
    pub async fn transaction<T, E>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> rusqlite::Result<Result<T, E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        self.transaction_then(work, |_| {}).await
    }

    /// Like [`Db::transaction`], and then runs `ended` with the result on the same thread. Both run to their
    /// end even if the caller is dropped. `ended` does not run if the commit fails.
    ///
    /// # Errors
    /// Outside, failures of the transaction itself; inside, the error of `work`.
    pub async fn transaction_then<T, E>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
        ended: impl FnOnce(&Result<T, E>) + Send + 'static,
    ) -> rusqlite::Result<Result<T, E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        self.call(move |connection| {
            let behavior = TransactionBehavior::Immediate;
            let transaction = connection.transaction_with_behavior(behavior)?;
            let result = work(&transaction);
            if result.is_ok() {
                transaction.commit()?;
            }
            ended(&result);
            Ok(result)
        })
        .await
    }

    /// Runs `work` with the connection on this thread, which it blocks: for start-up and tests.
    ///
    /// # Errors
    /// The error of `work`.
    pub fn blocking<T, E>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        work(&mut self.0.lock())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_of_a_later_version_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        // The first format had no number.
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE a (b)").unwrap();
        let version = |db: Db| {
            db.blocking(|connection| {
                connection.query_row("PRAGMA user_version", (), |row| row.get::<_, i64>(0))
            })
        };
        assert_eq!(version(Db::open(&path).unwrap()).unwrap(), FORMAT);
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "user_version", FORMAT + 1).unwrap();
        drop(connection);
        let before = std::fs::read(&path).unwrap();
        let error = Db::open(&path).err().unwrap().to_string();
        assert!(error.contains("a later version"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}
