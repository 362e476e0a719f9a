//! Metrics of webhooks: attempts, and what waits to be delivered.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::list::register;
use super::sample::Sample;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    /// `delivered` or `failed`.
    outcome: &'static str,
}

/// Deliveries of one webhook that are not made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Number of deliveries.
    pub count: usize,
    /// Time of the oldest event among them.
    pub oldest: Option<Timestamp>,
}

/// Webhooks. Clones share the metrics.
#[derive(Clone)]
pub struct Deliveries {
    attempts: Family<Labels, Counter>,
    times: Histogram,
    paused: Gauge,
    /// By webhook.
    pending: Arc<Mutex<HashMap<String, Pending>>>,
}

impl Deliveries {
    /// Adds the metrics to a registry.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let times = Histogram::new([0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0]);
        let deliveries = Self {
            attempts: register(registry, "ladderd_webhook_attempts_total", Family::default()),
            times: register(registry, "ladderd_webhook_attempt_duration_seconds", times),
            paused: register(registry, "ladderd_webhooks_paused", Gauge::default()),
            pending: Arc::default(),
        };
        for outcome in ["delivered", "failed"] {
            drop(deliveries.attempts.get_or_create(&Labels { outcome }));
        }
        deliveries
    }

    /// Counts an attempt.
    pub fn attempted(&self, is_delivered: bool, took: Duration) {
        let outcome = if is_delivered { "delivered" } else { "failed" };
        self.attempts.get_or_create(&Labels { outcome }).inc();
        self.times.observe(took.as_secs_f64());
    }

    /// Shows how many webhooks are paused.
    pub fn paused(&self, count: i64) {
        self.paused.set(count);
    }

    /// Shows what waits for a webhook.
    pub fn waits(&self, webhook: &str, pending: Pending) {
        let mut all = self.pending.lock();
        if pending.count == 0 {
            all.remove(webhook);
        } else {
            all.insert(webhook.to_owned(), pending);
        }
    }

    /// Number and age of all that waits.
    pub(super) fn samples(&self, now: Timestamp) -> Vec<Sample> {
        let all = self.pending.lock();
        let count: usize = all.values().map(|pending| pending.count).sum();
        let oldest = all.values().filter_map(|pending| pending.oldest).min();
        drop(all);
        let age = oldest.map_or(0.0, |at| now.duration_since(at).as_secs_f64().max(0.0));
        vec![
            Sample::whole("ladderd_webhook_pending_deliveries", count as u64),
            Sample::float("ladderd_webhook_oldest_pending_age_seconds", age),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_all_webhooks_is_summed_until_it_is_delivered() {
        let deliveries = Deliveries::register(&mut Registry::default());
        let at = |second| Timestamp::from_second(second).unwrap();
        let shown = |count, age| {
            [
                Sample::whole("ladderd_webhook_pending_deliveries", count),
                Sample::float("ladderd_webhook_oldest_pending_age_seconds", age),
            ]
        };
        assert_eq!(deliveries.samples(at(100)), shown(0, 0.0));
        deliveries.waits("a", Pending { count: 2, oldest: Some(at(90)) });
        deliveries.waits("b", Pending { count: 1, oldest: Some(at(40)) });
        assert_eq!(deliveries.samples(at(100)), shown(3, 60.0));
        deliveries.waits("b", Pending::default());
        assert_eq!(deliveries.samples(at(100)), shown(2, 10.0));
        // The clock of the store is ahead.
        assert_eq!(deliveries.samples(at(80)), shown(2, 0.0));
    }
}
