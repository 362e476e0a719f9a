//! The checks of `ladderd doctor`: their effects. `domain::doctor` decides what their results mean.
//!
//! The running daemon executes them, so that they meet the rights, limits and credentials of the service. Without a
//! daemon, the command does. One examination runs at a time; who asks meanwhile gets its report.

mod buckets;
mod client;
mod cors;
mod data_dir;
mod devices;
mod encoding;
mod machine;
mod network;
mod notification;
mod queues;
mod service;
mod subject;
mod webhooks;

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use parking_lot::Mutex;

use self::client::Client;
pub use self::subject::{Config, Queues, Running, Stores, Subject};
use crate::domain::doctor::{Finding, Report, sorted, worst};

/// Executes all checks. Writes objects of its own into both buckets and removes them.
pub async fn examine(subject: &Subject) -> Report {
    let (began, began_at) = (Instant::now(), Timestamp::now());
    let client = Client::new(&subject.trust);
    // Trials use all cores: what is timed comes before them.
    let machine = machine::examine(subject).await;
    let (encoding, store, network) = tokio::join!(
        encoding::examine(subject),
        of_store_and_queue(subject, &client),
        network::examine(subject, &client),
    );
    let findings = [service::examine(subject), machine, encoding, store, network].concat();
    let findings = sorted(findings);
    Report {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: service::host_name(),
        by: subject.examiner(),
        began_at: format!("{began_at:.0}"),
        took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        worst: worst(&findings),
        findings,
    }
}

/// Store and queue, one after the other: the queue tells why an event did not come.
async fn of_store_and_queue(subject: &Subject, client: &Client) -> Vec<Finding> {
    let mut found = buckets::examine(subject, client).await;
    let (queues, seen) = queues::examine(subject).await;
    found.extend(queues);
    found.extend(Box::pin(notification::examine(subject, &seen)).await);
    found.extend(webhooks::examine(subject).await);
    found
}

/// The latest examination.
#[derive(Clone, Debug, Default)]
pub struct Latest {
    /// Whether one runs.
    pub is_running: bool,
    /// Report of the latest one that has ended.
    pub report: Option<Report>,
}

/// Examines a running daemon, once at a time. Clones share the examination.
#[derive(Clone)]
pub struct Doctor(Arc<Inner>);

struct Inner {
    subject: Subject,
    latest: Mutex<Latest>,
}

impl Doctor {
    /// Examines this.
    #[must_use]
    pub fn new(subject: Subject) -> Self {
        Self(Arc::new(Inner { subject, latest: Mutex::default() }))
    }

    /// Starts an examination, unless one runs.
    pub fn start(&self) {
        if std::mem::replace(&mut self.0.latest.lock().is_running, true) {
            return;
        }
        let inner = Arc::clone(&self.0);
        tokio::spawn(async move {
            let ended = Ended(&inner);
            let report = Box::pin(examine(&inner.subject)).await;
            inner.latest.lock().report = Some(report);
            drop(ended);
        });
    }

    /// The latest examination.
    #[must_use]
    pub fn latest(&self) -> Latest {
        self.0.latest.lock().clone()
    }
}

/// Notes the end of an examination, also if it panics.
struct Ended<'a>(&'a Inner);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.latest.lock().is_running = false;
    }
}
