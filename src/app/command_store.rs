//! Store and queue for a command, whether a daemon runs or not.

use std::sync::Arc;

use super::aws;
use super::embedded::{self, Embedded};
use super::endpoint::running;
use super::lock::lock;
use crate::metrics::Metrics;
use crate::queue::embedded::EmbeddedQueue;
use crate::queue::{self, Enqueue, Inspect};
use crate::settings::Settings;
use crate::store::{self, Bucket, Homes};
use crate::tls::Trust;

/// Store and queue, as a command uses them.
pub struct CommandStore {
    /// Bucket of sources and records.
    pub private: Bucket,
    /// Homes of the streams.
    pub homes: Homes,
    /// The queue that messages go to.
    pub enqueue: Arc<dyn Enqueue>,
    /// The queue, for its depth.
    pub inspect: Arc<dyn Inspect>,
    /// Whether the store has other buckets, too.
    has_others: bool,
}

impl CommandStore {
    fn new<Q: Enqueue + Inspect + Clone + 'static>(
        settings: &Settings,
        private: Bucket,
        queue: &Q,
    ) -> Self {
        let public = private.sibling(&settings.store.public_bucket);
        Self {
            homes: Homes::new(&private, &public),
            private,
            enqueue: Arc::new(queue.clone()),
            inspect: Arc::new(queue.clone()),
            has_others: settings.store.kind == store::Kind::S3,
        }
    }

    /// A bucket of the same store.
    ///
    /// # Errors
    /// If the store has no such bucket.
    pub fn bucket(&self, name: &str) -> anyhow::Result<Bucket> {
        if name == self.private.name() {
            return Ok(self.private.clone());
        }
        anyhow::ensure!(
            self.has_others,
            "the embedded store has no bucket {name:?} to import from: its sources are in {:?}. Copy the files \
             there with an S3 client, or let the daemon pull them (POST /v1/videos)",
            self.private.name()
        );
        Ok(self.private.sibling(name))
    }
}

/// Runs a command on store and queue, whether a daemon runs or not.
///
/// # Errors
/// If the store or the queue cannot be reached, and those of `command`.
pub async fn with_store<T>(
    settings: &Settings,
    command: impl AsyncFnOnce(CommandStore) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let opened = async |private, queue: Option<EmbeddedQueue>| {
        let store = match (queue, settings.queue.kind) {
            (Some(queue), _) => CommandStore::new(settings, private, &queue),
            (None, queue::Kind::Sqs) => {
                let queues = aws::queue(settings, &Trust::open(&settings.tls)?).await?;
                CommandStore::new(settings, private, &queues)
            }
            (None, queue::Kind::Embedded) => {
                CommandStore::new(settings, private, &attach(settings)?)
            }
        };
        command(store).await
    };
    with_private(settings, opened).await
}

/// Runs a command on the private bucket, whether a daemon runs or not. It gets the queue, too, where this process has
/// opened it.
///
/// # Errors
/// If the bucket cannot be reached, and those of `command`.
pub(super) async fn with_private<T>(
    settings: &Settings,
    command: impl AsyncFnOnce(Bucket, Option<EmbeddedQueue>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    if settings.store.kind == store::Kind::S3 {
        let trust = Trust::open(&settings.tls)?;
        let buckets = aws::buckets(settings, &trust, &Metrics::default()).await?;
        return command(buckets.private, None).await;
    }
    // Without a daemon, this process serves the store to itself.
    match lock(&settings.data_dir) {
        Ok(_lock) => {
            let Embedded { private, queue, server, .. } = Embedded::for_command(settings).await?;
            server.during(command(private, Some(queue))).await?
        }
        Err(locked) => {
            let store = running(&settings.data_dir).and_then(|endpoint| endpoint.store);
            let private = embedded::private_bucket(settings, store.ok_or(locked)?)?;
            command(private, None).await
        }
    }
}

/// The embedded queue, which a daemon may have open.
fn attach(settings: &Settings) -> anyhow::Result<EmbeddedQueue> {
    Ok(EmbeddedQueue::attach(embedded::database(settings)?)?)
}
