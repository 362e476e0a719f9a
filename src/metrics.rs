//! Counters and gauges, rendered in the `OpenMetrics` text format for Prometheus.

mod backends;
mod gpus;
pub mod qoe;

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

/// Label of the attempts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct EndedLabels {
    /// How the attempt ended: `ready`, `failed`, `retried`, `dead` or `nothing-to-do`.
    pub outcome: &'static str,
}

/// Label of the attempts at deliveries of webhooks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeliveryLabels {
    /// `delivered` or `failed`.
    outcome: &'static str,
}

/// Label of the requests to the embedded store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClientLabels {
    /// `daemon`, or `other` for players and uploaders.
    client: &'static str,
}

/// All counters and gauges. Clones share them.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    /// Ended attempts, by outcome.
    pub attempts: Family<EndedLabels, Counter>,
    /// Jobs that run now on this box.
    pub jobs_running: Gauge,
    /// Encode runs that began on another backend after one failed.
    fallbacks: Counter,
    /// Published bytes of segments.
    pub published_bytes: Counter,
    /// Encoded media time in seconds.
    pub encoded_seconds: Counter<f64, AtomicU64>,
    visible: Gauge,
    in_flight: Gauge,
    dead: Gauge,
    store_requests: Family<ClientLabels, Counter>,
    scrubbed: Gauge,
    damaged: Gauge,
    left_alone: Gauge,
    webhook_attempts: Family<DeliveryLabels, Counter>,
    webhooks_paused: Gauge,
    gpus: gpus::Gpus,
    backends: backends::Backends,
    /// Quality of playback.
    pub qoe: qoe::Qoe,
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
        let scrubbed = gauge(
            &mut registry,
            "store_scrubbed_objects",
            "Stored objects that the last scrub read",
        );
        let damaged = gauge(
            &mut registry,
            "store_damaged_objects",
            "Damaged objects that the last scrub found",
        );
        let help = "Objects that are older than the first start and are not processed";
        let left_alone = gauge(&mut registry, "objects_left_alone", help);
        let store_requests = Family::default();
        let help = "Requests to the embedded store by who sent them";
        registry.register("store_requests", help, store_requests.clone());
        let webhook_attempts = Family::default();
        let help = "Attempts at deliveries of webhooks by how they ended";
        registry.register("webhook_attempts", help, webhook_attempts.clone());
        let webhooks_paused =
            gauge(&mut registry, "webhooks_paused", "Webhooks that get no events now");
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
        let qoe = qoe::Qoe::register(&mut registry);
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
            store_requests,
            scrubbed,
            damaged,
            left_alone,
            webhook_attempts,
            webhooks_paused,
            gpus,
            backends,
            qoe,
        }
    }
}

impl Metrics {
    /// Counts an attempt at a delivery of a webhook, which was `delivered` or `failed`.
    pub fn webhook_attempted(&self, outcome: &'static str) {
        self.webhook_attempts.get_or_create(&DeliveryLabels { outcome }).inc();
    }

    /// Shows how many webhooks are paused.
    pub fn webhooks_paused(&self, count: i64) {
        self.webhooks_paused.set(count);
    }

    /// Counts an ended attempt.
    pub fn ended(&self, outcome: &'static str) {
        self.attempts.get_or_create(&EndedLabels { outcome }).inc();
    }

    /// Counter of the requests to the embedded store by this client: `daemon`, or `other`.
    pub fn store_requests(&self, client: &'static str) -> Counter {
        self.store_requests.get_or_create_owned(&ClientLabels { client })
    }

    /// Counts an encode run that begins on another backend after one failed.
    pub fn fell_back(&self) {
        self.fallbacks.inc();
    }

    /// Sets the state of the GPUs.
    pub fn set_gpus(&self, status: GpuStatus) {
        self.gpus.set(status);
    }

    /// Sets which backends are available.
    pub fn set_backends(&self, statuses: &[BackendStatus]) {
        backends::set(&self.backends, statuses);
    }

    /// Sets the result of a scrub of the embedded store.
    pub fn set_scrub(&self, objects: u64, damaged: usize) {
        self.scrubbed.set(i64::try_from(objects).unwrap_or(i64::MAX));
        self.damaged.set(i64::try_from(damaged).unwrap_or(i64::MAX));
    }

    /// Sets the number of objects that are older than the first start and are left alone.
    pub fn set_left_alone(&self, objects: u64) {
        self.left_alone.set(i64::try_from(objects).unwrap_or(i64::MAX));
    }

    /// The number of objects that are older than the first start and are left alone.
    #[must_use]
    pub fn left_alone(&self) -> u64 {
        u64::try_from(self.left_alone.get()).unwrap_or_default()
    }

    /// Sets the number of messages by state.
    pub fn set_queue_depth(&self, depth: Depth) {
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.visible.set(signed(depth.visible));
        self.in_flight.set(signed(depth.in_flight));
        self.dead.set(signed(depth.dead));
    }

    /// Renders all metrics as text.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::gpu::Device;

    fn samples(metrics: &Metrics) -> Vec<String> {
        let text = metrics.render();
        let lines = text.lines().filter(|line| line.starts_with("ladderd_gpu_"));
        lines.map(str::to_owned).collect()
    }

    #[test]
    fn a_gpu_has_samples_of_known_figures_until_it_is_gone() {
        let metrics = Metrics::default();
        assert_eq!(samples(&metrics), ["ladderd_gpu_available 0"]);
        let with_figures = Device {
            index: 0,
            name: "NVIDIA L4".to_owned(),
            uuid: "GPU-1".to_owned(),
            memory_total_bytes: 24 << 30,
            memory_used_bytes: 1 << 30,
            utilization_percent: Some(75),
            encoder_percent: Some(50),
            decoder_percent: Some(0),
            encoder_sessions: Some(4),
            temperature_celsius: Some(61),
            throttle_reasons: vec!["sw-power-cap".to_owned()],
        };
        let without_figures =
            Device { index: 1, name: "NVIDIA GB10".to_owned(), ..Device::default() };
        let status = |devices| GpuStatus { available: true, devices, ..GpuStatus::default() };
        metrics.set_gpus(status(vec![with_figures, without_figures.clone()]));
        assert_eq!(
            samples(&metrics),
            [
                "ladderd_gpu_available 1",
                r#"ladderd_gpu_memory_total_bytes{gpu="0",name="NVIDIA L4"} 25769803776"#,
                r#"ladderd_gpu_memory_used_bytes{gpu="0",name="NVIDIA L4"} 1073741824"#,
                r#"ladderd_gpu_utilization_ratio{gpu="0",name="NVIDIA L4"} 0.75"#,
                r#"ladderd_gpu_encoder_utilization_ratio{gpu="0",name="NVIDIA L4"} 0.5"#,
                r#"ladderd_gpu_decoder_utilization_ratio{gpu="0",name="NVIDIA L4"} 0.0"#,
                r#"ladderd_gpu_encoder_sessions{gpu="0",name="NVIDIA L4"} 4"#,
                r#"ladderd_gpu_temperature_celsius{gpu="0",name="NVIDIA L4"} 61"#,
                r#"ladderd_gpu_throttled{gpu="0",name="NVIDIA L4"} 1"#,
                r#"ladderd_gpu_throttled{gpu="1",name="NVIDIA GB10"} 0"#,
            ]
        );
        metrics.set_gpus(status(vec![without_figures]));
        assert_eq!(
            samples(&metrics),
            ["ladderd_gpu_available 1", r#"ladderd_gpu_throttled{gpu="1",name="NVIDIA GB10"} 0"#]
        );
        metrics.set_gpus(GpuStatus::absent("gone"));
        assert_eq!(samples(&metrics), ["ladderd_gpu_available 0"]);
    }
}
