//! Keeps a task for each active endpoint, as long as this box has the lease.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;
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

/// What this box does after a look.
enum Turn {
    /// There is nothing to deliver to.
    Idle,
    /// Another box delivers.
    Standby,
    /// This box delivers.
    Delivers,
}

/// The tasks of the endpoints, by id.
type Tasks = BTreeMap<String, Task>;

/// The task of one endpoint. It ends when this is dropped.
struct Task {
    endpoint: watch::Sender<Endpoint>,
    handle: JoinHandle<()>,
}

impl Drop for Task {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

impl Webhooks {
    /// Delivers events until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let poll = Duration::from_secs(self.0.events.config().poll_secs);
        let mut lease = Lease::new(&self.0.private, &self.0.claimant, poll);
        let mut tasks = Tasks::new();
        let mut swept: Option<Instant> = None;
        let work = async {
            loop {
                let pause = match self.turn(&mut lease, &mut tasks).await {
                    Ok(Turn::Idle) => IDLE,
                    Ok(Turn::Standby) => poll * lease::LIFE_IN_RENEWALS,
                    Ok(Turn::Delivers) => poll,
                    Err(error) => {
                        tracing::warn!(%error, "failed to look after webhooks");
                        poll
                    }
                };
                if swept.is_none_or(|at| at.elapsed() >= SWEEP_EVERY) {
                    swept = Some(Instant::now());
                    match self.sweep().await {
                        Ok(0) => {}
                        Ok(removed) => tracing::info!(removed, "removed old events"),
                        Err(error) => tracing::warn!(%error, "failed to remove old events"),
                    }
                }
                // An error means that the time is over.
                drop(tokio::time::timeout(pause, self.0.changed.notified()).await);
            }
        };
        stop.run_until_cancelled(Box::pin(work)).await;
    }

    /// Starts and ends tasks as the endpoints and the lease are now.
    async fn turn(&self, lease: &mut Lease, tasks: &mut Tasks) -> Result<Turn, Error> {
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
        self.0.metrics.webhooks_paused(paused);
        if active.is_empty() && deleted.is_empty() {
            tasks.clear();
            return Ok(Turn::Idle);
        }
        if !lease.hold().await? {
            tasks.clear();
            return Ok(Turn::Standby);
        }
        for id in deleted {
            // A task that ends may still write: the next turn removes what it has left.
            if tasks.remove(&id).is_some() {
                self.0.changed.notify_one();
            } else {
                self.remove(&id).await?;
            }
        }
        tasks.retain(|id, task| active.contains_key(id) && !task.handle.is_finished());
        for (id, endpoint) in active {
            if let Some(task) = tasks.get(&id) {
                task.endpoint.send_if_modified(|known| {
                    let is_new = *known != endpoint;
                    *known = endpoint;
                    is_new
                });
                continue;
            }
            let (sender, receiver) = watch::channel(endpoint);
            let worker = Worker { webhooks: self.clone(), endpoint: receiver };
            let handle = tokio::spawn(worker.run());
            tasks.insert(id, Task { endpoint: sender, handle });
        }
        Ok(Turn::Delivers)
    }

    /// Removes events and reports that are kept no longer. Returns the number of events.
    async fn sweep(&self) -> Result<usize, Error> {
        for endpoint in self.all().await? {
            self.sweep_reports(&endpoint).await?;
        }
        self.0.events.sweep().await
    }
}
