//! The switch by which a box stops taking work while it goes on serving: before it is shut down for good.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A drain that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draining {
    /// When it began.
    pub since: Timestamp,
    /// When work that still runs goes back, so that other boxes go on with it.
    pub hand_over_at: Timestamp,
    /// The same by the clock of the process, which nobody sets.
    due: Instant,
}

/// The switch, and the work that it is about. Clones share both.
#[derive(Clone, Debug)]
pub struct Drain {
    state: Arc<watch::Sender<Option<Draining>>>,
    polls: TaskTracker,
    jobs: TaskTracker,
    pulls: TaskTracker,
}

impl Default for Drain {
    fn default() -> Self {
        let state = Arc::new(watch::Sender::new(None));
        let [polls, jobs, pulls] = [(); 3].map(|()| TaskTracker::new());
        Self { state, polls, jobs, pulls }
    }
}

impl Drain {
    /// Begins a drain: nothing new starts, and work that still runs after `grace` goes back. A drain that runs already
    /// keeps its begin and gets this grace from now on.
    pub fn begin(&self, grace: Duration) -> Draining {
        let now = Timestamp::now();
        let since = self.now().map_or(now, |draining| draining.since);
        let hand_over_at = now.checked_add(grace).unwrap_or(Timestamp::MAX);
        let draining = Draining { since, hand_over_at, due: Instant::now() + grace };
        self.state.send_replace(Some(draining));
        draining
    }

    /// Ends the drain: new work starts again. Work that went back does not return by itself.
    pub fn end(&self) {
        self.state.send_replace(None);
    }

    /// The drain that runs now.
    #[must_use]
    pub fn now(&self) -> Option<Draining> {
        *self.state.borrow()
    }

    /// The polls of the queue.
    #[must_use]
    pub fn polls(&self) -> &TaskTracker {
        &self.polls
    }

    /// The jobs of this box, from the reception of their messages on.
    #[must_use]
    pub fn jobs(&self) -> &TaskTracker {
        &self.jobs
    }

    /// The pulls of this box.
    #[must_use]
    pub fn pulls(&self) -> &TaskTracker {
        &self.pulls
    }

    /// Waits for a drain.
    pub async fn begun(&self) {
        // This has a sender.
        drop(self.state.subscribe().wait_for(Option::is_some).await);
    }

    /// Waits until no drain runs.
    pub async fn ended(&self) {
        drop(self.state.subscribe().wait_for(Option::is_none).await);
    }

    /// Runs `work` with a token that is cancelled by `stop`, and when the grace of a drain is over.
    pub async fn hand_over<F: Future<Output = ()>>(
        &self,
        stop: &CancellationToken,
        work: impl FnOnce(CancellationToken) -> F,
    ) {
        let token = stop.child_token();
        let work = work(token.clone());
        tokio::pin!(work);
        tokio::select! {
            () = &mut work => return,
            () = self.due() => token.cancel(),
        }
        work.await;
    }

    /// Waits until the grace of a drain is over.
    async fn due(&self) {
        let mut state = self.state.subscribe();
        loop {
            let draining = *state.borrow_and_update();
            let over = async {
                match draining {
                    Some(draining) => tokio::time::sleep_until(draining.due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = over => return,
                // This has a sender.
                changed = state.changed() => drop(changed),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(30);

    /// Seconds after which work of an hour got its stop, if the drain does this meanwhile.
    async fn stopped_after(drain: &Drain, meanwhile: impl Future<Output = ()>) -> u64 {
        let (began, stop) = (Instant::now(), CancellationToken::new());
        let work = drain.hand_over(&stop, |token| async move {
            drop(tokio::time::timeout(Duration::from_hours(1), token.cancelled()).await);
        });
        tokio::join!(work, meanwhile);
        began.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn work_goes_back_when_the_grace_is_over() {
        let drain = Drain::default();
        let pause = |secs| tokio::time::sleep(Duration::from_secs(secs));
        let later = async {
            pause(100).await;
            drain.begin(GRACE);
        };
        assert_eq!(stopped_after(&drain, later).await, 130);
        let begun = drain.now().unwrap();
        drain.end();
        assert_eq!(drain.now(), None);
        // A drain that ended in time stops nothing, and the last grace counts.
        drain.begin(GRACE);
        let undone = async {
            pause(10).await;
            drain.end();
        };
        assert_eq!(stopped_after(&drain, undone).await, 3600);
        drain.begin(Duration::from_hours(2));
        let sooner = async {
            pause(10).await;
            drain.begin(GRACE);
        };
        assert_eq!(stopped_after(&drain, sooner).await, 40);
        let again = drain.begin(Duration::ZERO);
        assert!(again.since >= begun.since && again.hand_over_at >= again.since);
        assert_eq!(stopped_after(&drain, async {}).await, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_work_without_a_drain() {
        let (drain, stop) = (Drain::default(), CancellationToken::new());
        stop.cancel();
        drain.hand_over(&stop, |token| async move { token.cancelled().await }).await;
        drain.begin(GRACE);
        drain.begun().await;
        drain.end();
        drain.ended().await;
    }
}
