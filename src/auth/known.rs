//! Records that a box has read not long ago.

use std::collections::HashMap;
use std::future::Future;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::store;

/// Age of a record at which it is read again.
pub const FRESH: Duration = Duration::from_secs(10);
/// Age up to which a record counts while the store does not answer.
pub const STALE: Duration = Duration::from_secs(25);
/// Longest wait for the store while an older record still counts.
const PATIENCE: Duration = Duration::from_secs(3);
/// Longest wait for the store if there is none. Retries of the SDK would go on for longer than a request lasts.
const LOOKUP: Duration = Duration::from_secs(4);
/// Most records that are kept. Secrets that nobody made leave entries, too.
const MAX_KNOWN: usize = 10_000;

/// The outcome of a read: a record, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen<T>(pub(super) Option<T>);

/// Records by key, each with the time at which it was read; none for a key without a record.
pub(super) struct Known<T>(Mutex<HashMap<String, (Instant, Option<T>)>>);

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<T: Clone> Known<T> {
    /// The record of a key, by `read` unless it was read not long ago.
    ///
    /// # Errors
    /// The error of `read`, if there is nothing that still counts.
    pub(super) async fn get(
        &self,
        key: &str,
        read: impl Future<Output = Result<Option<T>, store::Error>>,
    ) -> Result<Option<T>, store::Error> {
        if let Some(Seen(record)) = self.peek(key, FRESH) {
            return Ok(record);
        }
        let began = Instant::now();
        if let Some(Seen(old)) = self.peek(key, STALE) {
            // Nobody waits for a store that is away while there is something that still counts.
            return match tokio::time::timeout(PATIENCE, read).await {
                Ok(Ok(record)) => Ok(self.set_as_of(began, key, record)),
                Ok(Err(_)) | Err(_) => Ok(old),
            };
        }
        let late = |_| store::Error::Unavailable {
            operation: "look an account up",
            key: key.to_owned(),
            reason: format!("no answer within {} s", LOOKUP.as_secs()),
        };
        let record = tokio::time::timeout(LOOKUP, read).await.map_err(late)??;
        Ok(self.set_as_of(began, key, record))
    }

    /// A record that was read within this time.
    pub(super) fn peek(&self, key: &str, within: Duration) -> Option<Seen<T>> {
        let known = self.0.lock();
        let (read_at, record) = known.get(key)?;
        (read_at.elapsed() < within).then(|| Seen(record.clone()))
    }

    /// Remembers what was written just now.
    pub(super) fn set(&self, key: &str, record: Option<T>) {
        self.set_as_of(Instant::now(), key, record);
    }

    /// Remembers the outcome of a read that began then, unless something later is known. Returns the later one.
    fn set_as_of(&self, began: Instant, key: &str, record: Option<T>) -> Option<T> {
        let mut known = self.0.lock();
        if known.len() >= MAX_KNOWN && !known.contains_key(key) {
            known.clear();
        }
        if let Some((read_at, later)) = known.get(key)
            && *read_at > began
        {
            return later.clone();
        }
        known.insert(key.to_owned(), (began, record.clone()));
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_record_is_read_again_once_it_is_old_and_kept_while_the_store_is_away() {
        let known = Known::<u32>::default();
        let fails = || async {
            let key = "k".to_owned();
            let reason = "no answer".to_owned();
            Err(store::Error::Unavailable { operation: "read", key, reason })
        };
        assert!(known.get("k", fails()).await.is_err());
        assert_eq!(known.get("k", async { Ok(Some(1)) }).await.unwrap(), Some(1));
        assert_eq!(known.get("k", async { Ok(Some(2)) }).await.unwrap(), Some(1));
        let aged =
            |age| known.0.lock().get_mut("k").unwrap().0 = Instant::now().checked_sub(age).unwrap();
        aged(FRESH);
        assert_eq!(known.get("k", fails()).await.unwrap(), Some(1));
        assert_eq!(known.get("k", async { Ok(None) }).await.unwrap(), None);
        aged(STALE);
        assert!(known.get("k", fails()).await.is_err());
    }

    #[tokio::test]
    async fn a_late_read_changes_nothing_that_was_written_since() {
        let known = Known::<u32>::default();
        let read = async {
            known.set("k", Some(2));
            Ok(Some(1))
        };
        assert_eq!(known.get("k", read).await.unwrap(), Some(2));
        assert_eq!(known.peek("k", FRESH), Some(Seen(Some(2))));
    }

    #[test]
    fn made_up_keys_do_not_fill_the_memory() {
        let known = Known::<u32>::default();
        (0..=MAX_KNOWN).for_each(|n| known.set(&n.to_string(), None));
        assert!(known.0.lock().len() <= MAX_KNOWN);
    }
}
