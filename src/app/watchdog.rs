//! The watchdog of systemd: it is pinged while all parts of the daemon have a heartbeat.
//!
//! Servers, scheduler, housekeeping and the embedded database have one each. S3 and SQS have none: an outage
//! shows in `/readyz`, and a restart, which kills running jobs, would not end it.

use std::time::Duration;

use crate::db::Db;
use crate::heartbeat::{Heart, Heartbeats};

/// Pause between two looks at the database.
const DATABASE_EVERY: Duration = Duration::from_secs(2);
/// Heartbeats come every 1 or 2 s; one that is missing this long is late, whatever the interval.
const LEAST_LIMIT: Duration = Duration::from_secs(5);

/// Calls `ping` as often as a watchdog with this interval needs it, while no part is late by half the interval. It
/// may block: a service manager that is busy has no place for another message.
pub(super) async fn watch(
    hearts: Heartbeats,
    interval: Duration,
    ping: impl Fn() + Clone + Send + 'static,
) {
    let limit = (interval / 2).max(LEAST_LIMIT);
    let mut ticks = tokio::time::interval(interval / 4);
    loop {
        ticks.tick().await;
        let late = hearts.late(limit);
        if late.is_empty() {
            let ping = ping.clone();
            if let Err(error) = tokio::task::spawn_blocking(ping).await {
                tracing::error!(%error, "failed to ping the watchdog");
            }
        } else {
            tracing::error!(?late, "parts of the daemon hang: the watchdog is not pinged");
        }
    }
}

/// Beats while the database answers. An error is an answer, too: a restart does not mend a disk.
pub(super) async fn beat_with(db: Db, heart: Heart) {
    loop {
        let read = db.call(|connection| {
            let count = "SELECT count(*) FROM sqlite_schema";
            connection.query_row(count, [], |row| row.get::<_, i64>(0))
        });
        if let Err(error) = read.await {
            tracing::error!(%error, "failed to read the database");
        }
        heart.beat();
        tokio::time::sleep(DATABASE_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const INTERVAL: Duration = Duration::from_mins(2);

    /// A watchdog on these hearts, and the count of its pings.
    fn watchdog(hearts: &Heartbeats) -> Arc<AtomicU32> {
        let pings = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&pings);
        let ping = move || {
            counter.fetch_add(1, Ordering::SeqCst);
        };
        tokio::spawn(watch(hearts.clone(), INTERVAL, ping));
        pings
    }

    async fn pings_in_an_hour(pings: &AtomicU32) -> u32 {
        let before = pings.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_hours(1)).await;
        pings.load(Ordering::SeqCst) - before
    }

    #[tokio::test(start_paused = true)]
    async fn pings_go_on_through_an_outage_and_stop_when_a_part_hangs() {
        let hearts = Heartbeats::default();
        let pings = watchdog(&hearts);
        // A scheduler whose queue does not answer waits.
        tokio::spawn(hearts.heart("scheduler").during(std::future::pending::<()>()));
        assert!(pings_in_an_hour(&pings).await >= 30, "at least one in each interval");
        let _hangs = hearts.heart("the API");
        tokio::time::sleep(INTERVAL).await;
        assert_eq!(pings_in_an_hour(&pings).await, 0);
    }

    #[tokio::test]
    async fn a_database_that_does_not_answer_has_no_heartbeat() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&dir.path().join("db.sqlite")).unwrap();
        let hearts = Heartbeats::default();
        let beats = tokio::spawn(beat_with(db.clone(), hearts.heart("the database")));
        let short = Duration::from_millis(1);
        // Two beats come.
        for _ in 0..2 {
            while hearts.late(short).is_empty() {
                tokio::time::sleep(short).await;
            }
            while !hearts.late(DATABASE_EVERY).is_empty() {
                tokio::time::sleep(short).await;
            }
        }
        let (release, held) = std::sync::mpsc::channel::<()>();
        let hangs = std::thread::spawn(move || {
            db.blocking(|_| -> rusqlite::Result<()> {
                held.recv().unwrap_or_default();
                Ok(())
            })
        });
        tokio::time::sleep(DATABASE_EVERY * 3).await;
        assert_eq!(hearts.late(DATABASE_EVERY * 2), ["the database"]);
        drop(release);
        hangs.join().unwrap().unwrap();
        beats.abort();
    }
}
