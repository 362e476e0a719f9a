//! Counters and gauges for Prometheus.

mod backends;
mod gpus;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::domain::backend::BackendStatus;
use crate::domain::gpu::GpuStatus;
use crate::queue::Depth;

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct EndedLabels {
    /// `ready`, `failed`, `retried`, `dead` or `nothing-to-do`.
    pub outcome: &'static str,
}

/// All that is counted. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    /// Attempts by how they ended.
    pub attempts: Family<EndedLabels, Counter>,
    /// Jobs that run now.
    pub jobs_running: Gauge,
    /// Videos that were begun anew on another backend.
    fallbacks: Counter,
    /// Bytes of segments that were published.
    pub published_bytes: Counter,
    /// Seconds of media that were encoded.
    pub encoded_seconds: Counter<f64, AtomicU64>,
    visible: Gauge,
    in_flight: Gauge,
    dead: Gauge,
    gpus: gpus::Gpus,
    backends: backends::Backends,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("ladderd");
        let attempts = Family::default();
        registry.register("attempts", "Attempts at jobs by how they ended", attempts.clone());
        let gauge = |registry: &mut Registry, name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let jobs_running = gauge(&mut registry, "jobs_running", "Jobs that run now");
        let visible = gauge(&mut registry, "queue_visible", "Messages that wait");
        let in_flight =
            gauge(&mut registry, "queue_in_flight", "Messages that are leased or wait for a retry");
        let dead = gauge(&mut registry, "queue_dead", "Dead letters");
        let gpus = gpus::Gpus::default();
        registry.register_collector(Box::new(gpus.clone()));
        let backends = backends::Backends::default();
        let help = "Whether the backend can be used";
        registry.register("backend_available", help, backends.clone());
        let fallbacks = Counter::default();
        let help = "Videos that were begun anew on another backend, after one failed";
        registry.register("backend_fallbacks", help, fallbacks.clone());
        let published_bytes = Counter::default();
        let help = "Bytes of segments that were published";
        registry.register_with_unit("published", help, Unit::Bytes, published_bytes.clone());
        let encoded_seconds = Counter::default();
        let help = "Media time that was encoded";
        registry.register_with_unit("encoded", help, Unit::Seconds, encoded_seconds.clone());
        Self {
            registry: Arc::new(registry),
            attempts,
            jobs_running,
            fallbacks,
            published_bytes,
            encoded_seconds,
            visible,
            in_flight,
            dead,
            gpus,
            backends,
        }
    }
}

impl Metrics {
    /// Counts an attempt that ended.
    pub fn ended(&self, outcome: &'static str) {
        self.attempts.get_or_create(&EndedLabels { outcome }).inc();
    }

    /// Counts a video that was begun anew on another backend.
    pub fn fell_back(&self) {
        self.fallbacks.inc();
    }

    /// Notes how the GPUs are.
    pub fn gpus(&self, status: GpuStatus) {
        self.gpus.note(status);
    }

    /// Notes which backends can be used.
    pub fn backends(&self, statuses: &[BackendStatus]) {
        backends::note(&self.backends, statuses);
    }

    /// Notes how many messages there are.
    pub fn queue_depth(&self, depth: Depth) {
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.visible.set(signed(depth.visible));
        self.in_flight.set(signed(depth.in_flight));
        self.dead.set(signed(depth.dead));
    }

    /// The text that Prometheus reads.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        if encode(&mut text, &self.registry).is_err() {
            text.clear();
        }
        text
    }
}
