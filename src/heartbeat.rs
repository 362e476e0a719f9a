//! Heartbeats: which parts of the daemon still run.
//!
//! A part that waits for something, however long, has a heartbeat; one that hangs in a call or a lock has none.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Interval of the beats of a part.
const BEAT_EVERY: Duration = Duration::from_secs(1);

/// The heartbeats of all parts. Clones share them.
#[derive(Clone, Default)]
pub struct Heartbeats(Arc<Mutex<Vec<Arc<Pulse>>>>);

struct Pulse {
    name: &'static str,
    last: Mutex<Instant>,
}

/// The heart of one part, which counts until this is dropped.
pub struct Heart {
    all: Heartbeats,
    pulse: Arc<Pulse>,
}

impl Heartbeats {
    /// The heart of a part with this name. Its first beat is now.
    #[must_use]
    pub fn heart(&self, name: &'static str) -> Heart {
        let pulse = Arc::new(Pulse { name, last: Mutex::new(Instant::now()) });
        self.0.lock().push(Arc::clone(&pulse));
        Heart { all: self.clone(), pulse }
    }

    /// Every part, with the time since its last beat.
    #[must_use]
    pub fn ages(&self) -> Vec<(&'static str, Duration)> {
        self.0.lock().iter().map(|pulse| (pulse.name, pulse.last.lock().elapsed())).collect()
    }

    /// The parts whose last beat is longer ago than this.
    #[must_use]
    pub fn late(&self, limit: Duration) -> Vec<&'static str> {
        let late = self.ages().into_iter().filter(|(_, age)| *age > limit);
        late.map(|(name, _)| name).collect()
    }
}

impl Heart {
    /// Notes that the part runs.
    pub fn beat(&self) {
        *self.pulse.last.lock() = Instant::now();
    }

    /// Beats as long as `work` runs or waits. A call in it that does not return stops the beats.
    pub async fn during<T>(self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        let mut beats = tokio::time::interval(BEAT_EVERY);
        loop {
            tokio::select! {
                result = &mut work => return result,
                _ = beats.tick() => self.beat(),
            }
        }
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        // A part that panics has not ended: it is missed.
        if std::thread::panicking() {
            return;
        }
        self.all.0.lock().retain(|pulse| !Arc::ptr_eq(pulse, &self.pulse));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_part_that_waits_has_a_heartbeat_and_one_that_hangs_has_none() {
        let hearts = Heartbeats::default();
        let waits = tokio::spawn(hearts.heart("waits").during(std::future::pending::<()>()));
        let hangs = hearts.heart("hangs");
        tokio::time::sleep(LIMIT * 2).await;
        assert_eq!(hearts.late(LIMIT), ["hangs"]);
        hangs.beat();
        assert!(hearts.late(LIMIT).is_empty());
        // A part that ends, as at shutdown, is not missed.
        waits.abort();
        assert!(waits.await.is_err());
        drop(hangs);
        tokio::time::sleep(LIMIT * 2).await;
        assert!(hearts.ages().is_empty());
        assert_eq!(hearts.heart("ends").during(async { 7 }).await, 7);
        let panics = hearts.heart("panics").during(async { panic!("no memory") });
        assert!(tokio::spawn(panics).await.is_err());
        tokio::time::sleep(LIMIT * 2).await;
        assert_eq!(hearts.late(LIMIT), ["panics"]);
    }
}
