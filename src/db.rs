//! The one SQLite database of an embedded appliance: object metadata and the queue, so that an
//! object and its event become durable in the same transaction.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::Connection;

/// A shared connection. Cheap to clone.
#[derive(Clone)]
pub struct Db(Arc<Mutex<Connection>>);

impl Db {
    /// Opens or makes the database. WAL with `synchronous=FULL`: what was committed survives a
    /// loss of power (<https://www.sqlite.org/pragma.html#pragma_synchronous>).
    ///
    /// # Errors
    /// If the file cannot be opened or is no database.
    pub fn open(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Runs `work` with the connection on a thread that may block.
    ///
    /// # Errors
    /// What `work` returns.
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

    /// Runs `work` with the connection on this thread: for start-up and for tests.
    ///
    /// # Errors
    /// What `work` returns.
    pub fn blocking<T, E>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        work(&mut self.0.lock())
    }
}
