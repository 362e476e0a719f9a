//! Counters, gauges and histograms for Prometheus. All of them are in one table ([`list`]).
//!
//! Events are counted where they happen; the state at a scrape, such as the depth of the queue, is read then
//! and passed to [`Metrics::render`] as [`Sample`]s.

mod config;
mod deliveries;
pub mod gpus;
mod jobs;
pub mod list;
pub mod process;
pub mod qoe;
mod requests;
mod sample;
mod store_calls;
mod text;

use std::sync::Arc;

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

pub use self::config::Config;
pub use self::deliveries::{Deliveries, Pending};
pub use self::jobs::{Jobs, Lease, Renewal, Stage};
use self::list::register;
pub use self::requests::Requests;
pub use self::sample::{Labels, Sample};
pub use self::store_calls::StoreCalls;
pub use self::text::Format;

/// Label of the requests to the embedded store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClientLabels {
    /// `daemon`, or `other` for players and uploaders.
    client: &'static str,
}

/// Label of the layers of the sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LayerLabels {
    layer: String,
}

/// Label of the version.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VersionLabels {
    version: &'static str,
}

/// All metrics. Clones share them.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    /// Jobs.
    pub jobs: Jobs,
    /// Requests to the API and the page.
    pub http: Requests,
    /// Requests to the buckets.
    pub store: StoreCalls,
    /// Webhooks.
    pub webhooks: Deliveries,
    /// Quality of playback.
    pub qoe: qoe::Qoe,
    embedded_requests: Family<ClientLabels, Counter>,
    scrubbed: Gauge,
    damaged: Gauge,
    left_alone: Gauge,
    sandbox: Family<LayerLabels, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let registry_of = &mut registry;
        let version = Family::<VersionLabels, Gauge>::default();
        version.get_or_create(&VersionLabels { version: env!("CARGO_PKG_VERSION") }).set(1);
        register(registry_of, "ladderd_build_info", version);
        let mut gauge = |name| register(registry_of, name, Gauge::default());
        let scrubbed = gauge("ladderd_store_scrubbed_objects");
        let damaged = gauge("ladderd_store_damaged_objects");
        let left_alone = gauge("ladderd_objects_left_alone");
        Self {
            jobs: Jobs::register(&mut registry),
            http: Requests::register(&mut registry),
            store: StoreCalls::register(&mut registry),
            webhooks: Deliveries::register(&mut registry),
            qoe: qoe::Qoe::register(&mut registry),
            embedded_requests: register(
                &mut registry,
                "ladderd_embedded_requests_total",
                Family::default(),
            ),
            sandbox: register(&mut registry, "ladderd_sandbox_enforced", Family::default()),
            scrubbed,
            damaged,
            left_alone,
            registry: Arc::new(registry),
        }
    }
}

impl Metrics {
    /// Counter of the requests to the embedded store by this client: `daemon`, or `other`.
    pub fn embedded_requests(&self, client: &'static str) -> Counter {
        self.embedded_requests.get_or_create_owned(&ClientLabels { client })
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

    /// Sets whether the kernel enforces enough of each layer of the sandbox.
    pub fn set_sandbox<'a>(&self, layers: impl Iterator<Item = (&'a str, bool)>) {
        for (layer, is_enforced) in layers {
            let labels = LayerLabels { layer: layer.to_owned() };
            self.sandbox.get_or_create(&labels).set(is_enforced.into());
        }
    }

    /// Renders all metrics as text, with these samples.
    #[must_use]
    pub fn render(&self, mut samples: Vec<Sample>, format: Format) -> String {
        samples.extend(self.webhooks.samples(Timestamp::now()));
        let mut now = Registry::default();
        now.register_collector(Box::new(sample::Samples(samples)));
        let mut text = String::new();
        let rendered = encode_registry(&mut text, &self.registry)
            .and_then(|()| encode_registry(&mut text, &now))
            .and_then(|()| encode_eof(&mut text));
        // Writing to a string cannot fail.
        if rendered.is_err() {
            text.clear();
        }
        match format {
            Format::OpenMetrics => text,
            Format::Prometheus => text::prometheus(&text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::gpu::{Device, GpuStatus};

    fn shown(status: &GpuStatus) -> Vec<String> {
        let text = Metrics::default().render(gpus::samples(status), Format::OpenMetrics);
        let lines = text.lines().filter(|line| line.starts_with("ladderd_gpu_"));
        lines.map(str::to_owned).collect()
    }

    #[test]
    fn a_gpu_has_samples_of_known_figures_until_it_is_gone() {
        assert_eq!(shown(&GpuStatus::default()), ["ladderd_gpu_available 0"]);
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
        assert_eq!(
            shown(&status(vec![with_figures, without_figures.clone()])),
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
        assert_eq!(
            shown(&status(vec![without_figures])),
            ["ladderd_gpu_available 1", r#"ladderd_gpu_throttled{gpu="1",name="NVIDIA GB10"} 0"#]
        );
        assert_eq!(shown(&GpuStatus::absent("gone")), ["ladderd_gpu_available 0"]);
    }
}
