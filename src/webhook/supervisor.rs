//! Keeps a task for each active endpoint, as long as this box has the lease.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Webhooks;
use super::lease::{self, Lease};
use super::worker::Worker;
use crate::domain::webhook::{Endpoint, EndpointState};
use crate::store::Error;

/// Pause between two looks of a box that delivers nothing: a request costs money.
const IDLE: Duration = Duration::from_secs(30);
/// Interval of the removal of what is kept no longer.
const SWEEP_EVERY: Duration = Duration::from_hours(1);
/// Time from the start to the first one.
const FIRST_SWEEP: Duration = Duration::from_mins(10);

/// Task of this box after a look.
enum Turn {
    /// There is nothing to do.
    Idle,
    /// Another box delivers.
    Standby,
    /// This box delivers.
    Delivers,
}

/// A task that ends when this is dropped.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Tasks of this box while it has the lease.
struct Team {
    /// The tasks of the endpoints, by id.
    workers: BTreeMap<String, (watch::Sender<Endpoint>, Task)>,
    /// Removes what is of no use any more.
    cleaner: Option<Task>,
    /// When old events are removed next, unless another box does it.
    next_sweep: Instant,
}

impl Team {
    /// Without work. The first sweep is no part of the start.
    fn new() -> Self {
        let next_sweep = Instant::now() + FIRST_SWEEP;
        Self { workers: BTreeMap::new(), cleaner: None, next_sweep }
    }

    /// Ends all tasks.
    fn stop(&mut self) {
        self.workers.clear();
        self.cleaner = None;
    }

    fn is_cleaning(&self) -> bool {
        self.cleaner.as_ref().is_some_and(|task| !task.0.is_finished())
    }

    fn is_sweep_due(&self) -> bool {
        Instant::now() >= self.next_sweep
    }
}

impl Webhooks {
    /// Delivers events until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let poll = Duration::from_secs(self.0.events.config().poll_secs);
        let mut lease = Lease::new(&self.0.private, &self.0.claimant, poll);
        let mut team = Team::new();
        let work = async {
            loop {
                let until = lease.until();
                let turn = self.turn(&mut lease, &mut team);
                let turned = match until {
                    Some(until) => tokio::time::timeout_at(until, turn).await,
                    None => Ok(turn.await),
                };
                let pause = match turned {
                    Ok(Ok(Turn::Idle)) => IDLE,
                    Ok(Ok(Turn::Standby)) => poll * lease::LIFE_IN_RENEWALS,
                    Ok(Ok(Turn::Delivers)) => poll,
                    Ok(Err(error)) => {
                        tracing::warn!(%error, "failed to look after webhooks");
                        poll
                    }
                    Err(_) => {
                        tracing::warn!("the lease of webhooks ends: another box may deliver");
                        poll
                    }
                };
                if lease.until().is_none_or(|until| until <= Instant::now()) {
                    lease.give_up();
                    team.stop();
                }
                let end = lease.until().map_or(pause, |until| until.duration_since(Instant::now()));
                // An error means that the time is over.
                drop(tokio::time::timeout(pause.min(end), self.0.changed.notified()).await);
            }
        };
        stop.run_until_cancelled(Box::pin(work)).await;
    }

    /// Starts and ends tasks as the endpoints and the lease are now.
    async fn turn(&self, lease: &mut Lease, team: &mut Team) -> Result<Turn, Error> {
        let (mut active, mut deleted, mut paused) = (BTreeMap::new(), Vec::new(), 0);
        for endpoint in self.all().await? {
            match endpoint.state {
                EndpointState::Active => {
                    active.insert(endpoint.id.clone(), endpoint);
                }
                EndpointState::Paused => paused += 1,
                EndpointState::Deleted => deleted.push(endpoint.id),
            }
        }
        self.0.metrics.webhooks.paused(paused);
        // A task that ends may still write: the next turn removes what it has left.
        let (ending, deleted): (Vec<_>, Vec<_>) =
            deleted.into_iter().partition(|id| team.workers.contains_key(id));
        if !ending.is_empty() {
            self.0.changed.notify_one();
        }
        team.workers.retain(|id, (_, task)| active.contains_key(id) && !task.0.is_finished());
        let has_work = !(active.is_empty() && deleted.is_empty() && ending.is_empty());
        if !has_work && !team.is_sweep_due() && !team.is_cleaning() {
            lease.give_up();
            return Ok(Turn::Idle);
        }
        if !lease.hold().await? {
            // The box that has it sweeps.
            team.next_sweep = Instant::now() + SWEEP_EVERY;
            return Ok(if has_work { Turn::Standby } else { Turn::Idle });
        }
        if !team.is_cleaning() && (!deleted.is_empty() || team.is_sweep_due()) {
            let is_sweep_due = team.is_sweep_due();
            if is_sweep_due {
                team.next_sweep = Instant::now() + SWEEP_EVERY;
            }
            let cleaner = self.clone().clean(deleted, is_sweep_due);
            team.cleaner = Some(Task(tokio::spawn(cleaner)));
        }
        for (id, endpoint) in active {
            if let Some((known, _)) = team.workers.get(&id) {
                known.send_if_modified(|known| {
                    let is_new = *known != endpoint;
                    *known = endpoint;
                    is_new
                });
                continue;
            }
            let (sender, receiver) = watch::channel(endpoint);
            let worker = Worker::new(self.clone(), receiver);
            team.workers.insert(id, (sender, Task(tokio::spawn(worker.run()))));
        }
        Ok(Turn::Delivers)
    }

    /// Removes what deleted endpoints have left, and, if `is_sweep_due`, what is kept no longer.
    async fn clean(self, deleted: Vec<String>, is_sweep_due: bool) {
        for id in deleted {
            if let Err(error) = self.remove(&id).await {
                tracing::warn!(webhook = id, %error, "failed to remove a webhook, it is tried again");
            }
        }
        if is_sweep_due {
            match self.sweep().await {
                Ok(0) => {}
                Ok(removed) => tracing::info!(removed, "removed old events"),
                Err(error) => tracing::warn!(%error, "failed to remove old events"),
            }
        }
    }

    /// Removes events and reports that are kept no longer. Returns the number of events.
    async fn sweep(&self) -> Result<usize, Error> {
        for endpoint in self.all().await? {
            self.sweep_reports(&endpoint).await?;
        }
        self.0.events.sweep().await
    }
}
