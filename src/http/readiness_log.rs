//! Log of changes of the readiness.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use crate::domain::readiness::{News, Readiness, Reported};

/// Logs changes of the readiness instead of each look. Clones share it.
#[derive(Clone, Debug)]
pub struct ReadinessLog {
    since: Instant,
    reported: Arc<Mutex<Reported>>,
}

impl Default for ReadinessLog {
    fn default() -> Self {
        Self { since: Instant::now(), reported: Arc::default() }
    }
}

impl ReadinessLog {
    /// Logs a look, if it found something new or if faults have stayed for a while.
    pub(super) fn look(&self, readiness: &Readiness) {
        let news = self.reported.lock().look(readiness, self.since.elapsed());
        let (ready, faults) = (readiness.ready, readiness.faults());
        match news {
            None => {}
            Some(News::Faulty) => tracing::warn!(ready, faults, "a part of the box does not work"),
            Some(News::StillFaulty) => {
                tracing::warn!(ready, faults, "a part of the box still does not work");
            }
            Some(News::Recovered) => tracing::info!("all parts of the box work again"),
        }
    }
}
