//! Readers of blobs: a blob that is being read is not removed.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// Counts the readers of each blob. Clones share the counts.
#[derive(Clone, Default)]
pub(super) struct Readers(Arc<Mutex<HashMap<String, usize>>>);

impl Readers {
    /// Holds these blobs until the guard is dropped. Call it in the transaction that found them, so that
    /// no other can discard them in between.
    pub(super) fn hold(&self, blobs: Vec<String>) -> Held {
        let mut counts = self.0.lock();
        for blob in &blobs {
            *counts.entry(blob.clone()).or_default() += 1;
        }
        Held { readers: self.clone(), blobs }
    }

    /// Whether somebody reads the blob.
    pub(super) fn has(&self, blob: &str) -> bool {
        self.0.lock().contains_key(blob)
    }
}

/// Blobs that are being read.
pub(super) struct Held {
    readers: Readers,
    blobs: Vec<String>,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut counts = self.readers.0.lock();
        for blob in &self.blobs {
            if let Some(count) = counts.get_mut(blob) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(blob);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_held_until_its_last_reader_ends() {
        let readers = Readers::default();
        let blobs = || vec!["a".to_owned(), "b".to_owned()];
        let (first, second) = (readers.hold(blobs()), readers.hold(vec!["a".to_owned()]));
        drop(first);
        assert!(readers.has("a") && !readers.has("b"));
        drop(second);
        assert!(!readers.has("a"));
    }
}
