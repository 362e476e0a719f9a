//! Webhooks: events are posted to endpoints, signed by Standard Webhooks 1.0.
//!
//! All of it is in the private bucket below `outbox/`, so that any box can deliver. One box does at a time
//! (`lease`); one task per endpoint sends the events behind the endpoint's cursor, and tries those again that fail.
//! A box that dies loses nothing: the next one goes on from the cursors, and sends what has no report yet.

mod endpoints;
mod error;
mod lease;
mod queue;
mod reports;
mod send;
pub mod signature;
mod supervisor;
mod worker;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::domain::claim::Claimant;
use crate::domain::declare::{Any, settings};
use crate::domain::webhook::Endpoint;
use crate::events::Events;
use crate::metrics::Metrics;
use crate::outgoing::Outgoing;
use crate::store::Bucket;

pub use self::endpoints::{EndpointChange, NewEndpoint};
pub use self::error::Error;
pub use self::reports::{Page, Paging};

settings! {
    /// Webhooks.
    #[derive(Copy, Eq)]
    pub struct Config {
        /// Whether endpoints may be at private, loopback and link-local addresses. If so, whoever has `manage` can
        /// let the appliance send requests into its own network, and the proxy of the environment is used.
        allow_private: bool = false, Any;
    }
}

/// Endpoints and deliveries. Clones share them.
#[derive(Clone)]
pub struct Webhooks(Arc<Inner>);

struct Inner {
    private: Bucket,
    events: Events,
    outgoing: Outgoing,
    claimant: Claimant,
    metrics: Metrics,
    /// Told when an endpoint has changed on this box.
    changed: Notify,
    /// By key: the endpoints of the last look, with their versions.
    read: Mutex<HashMap<String, (String, Endpoint)>>,
}

impl Webhooks {
    /// The webhooks in this bucket, delivered by this box if it gets the lease.
    #[must_use]
    pub fn new(
        private: &Bucket,
        events: &Events,
        outgoing: Outgoing,
        claimant: &Claimant,
        metrics: &Metrics,
    ) -> Self {
        Self(Arc::new(Inner {
            private: private.clone(),
            events: events.clone(),
            outgoing,
            claimant: claimant.clone(),
            metrics: metrics.clone(),
            changed: Notify::new(),
            read: Mutex::default(),
        }))
    }
}
