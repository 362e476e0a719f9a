//! Gauges of the GPUs and the backends.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::domain::backend::BackendStatus;
use crate::domain::gpu::GpuStatus;

/// Which GPU.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GpuLabels {
    gpu: u32,
    name: String,
}

/// Which backend.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BackendLabels {
    backend: String,
    state: &'static str,
}

type Real = Gauge<f64, AtomicU64>;

/// What was last known of each GPU. What is not known has no sample.
#[derive(Clone, Default)]
pub(super) struct Gauges {
    available: Gauge,
    memory_total: Family<GpuLabels, Gauge>,
    memory_used: Family<GpuLabels, Gauge>,
    encoder: Family<GpuLabels, Real>,
    decoder: Family<GpuLabels, Real>,
    sessions: Family<GpuLabels, Gauge>,
    temperature: Family<GpuLabels, Gauge>,
    throttled: Family<GpuLabels, Gauge>,
    backends: Family<BackendLabels, Gauge>,
}

impl Gauges {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let own = Self::default();
        let help = "Whether the NVIDIA driver answers";
        registry.register("gpu_available", help, own.available.clone());
        let help = "Memory of the GPU";
        let bytes = Unit::Bytes;
        registry.register_with_unit("gpu_memory_total", help, bytes, own.memory_total.clone());
        let help = "Memory of the GPU in use";
        let bytes = Unit::Bytes;
        registry.register_with_unit("gpu_memory_used", help, bytes, own.memory_used.clone());
        let help = "How busy the encoder of the GPU is, 0 to 1";
        let ratio = Unit::Ratios;
        registry.register_with_unit("gpu_encoder_busy", help, ratio, own.encoder.clone());
        let help = "How busy the decoder of the GPU is, 0 to 1";
        let ratio = Unit::Ratios;
        registry.register_with_unit("gpu_decoder_busy", help, ratio, own.decoder.clone());
        let help = "Open sessions of the encoder, those of other programs among them";
        registry.register("gpu_encoder_sessions", help, own.sessions.clone());
        let celsius = Unit::Celsius;
        let help = "Temperature of the GPU";
        registry.register_with_unit("gpu_temperature", help, celsius, own.temperature.clone());
        let help = "Whether the GPU is slowed down against its will";
        registry.register("gpu_throttled", help, own.throttled.clone());
        let help = "Backends, each with its state";
        registry.register("backend", help, own.backends.clone());
        own
    }

    pub(super) fn note(&self, status: &GpuStatus) {
        self.available.set(i64::from(status.available));
        // A card that is gone has no samples any more.
        self.memory_total.clear();
        self.memory_used.clear();
        self.encoder.clear();
        self.decoder.clear();
        self.sessions.clear();
        self.temperature.clear();
        self.throttled.clear();
        for device in &status.devices {
            let labels = GpuLabels { gpu: device.index, name: device.name.clone() };
            let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
            let whole = |family: &Family<GpuLabels, Gauge>, value: i64| {
                family.get_or_create(&labels).set(value);
            };
            whole(&self.memory_total, signed(device.memory_total_bytes));
            whole(&self.memory_used, signed(device.memory_used_bytes));
            whole(&self.throttled, i64::from(!device.throttle_reasons.is_empty()));
            for (family, percent) in
                [(&self.encoder, device.encoder_percent), (&self.decoder, device.decoder_percent)]
            {
                if let Some(percent) = percent {
                    family.get_or_create(&labels).set(f64::from(percent) / 100.0);
                }
            }
            for (family, value) in [
                (&self.sessions, device.encoder_sessions),
                (&self.temperature, device.temperature_celsius),
            ] {
                if let Some(value) = value {
                    whole(family, i64::from(value));
                }
            }
        }
    }

    pub(super) fn note_backends(&self, statuses: &[BackendStatus]) {
        self.backends.clear();
        for status in statuses {
            let labels = BackendLabels { backend: status.label(), state: status.state.as_str() };
            self.backends.get_or_create(&labels).set(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::gpu::Device;
    use crate::metrics::Metrics;

    #[test]
    fn a_card_has_what_it_tells_until_it_is_gone() {
        let metrics = Metrics::default();
        let card = Device {
            index: 1,
            name: "NVIDIA L4".to_owned(),
            memory_total_bytes: 24 << 30,
            encoder_percent: Some(50),
            throttle_reasons: vec!["sw-power-cap".to_owned()],
            ..Device::default()
        };
        metrics.gpus(&GpuStatus { available: true, devices: vec![card], ..GpuStatus::default() });
        let text = metrics.render();
        for line in [
            "ladderd_gpu_available 1",
            "ladderd_gpu_memory_total_bytes{gpu=\"1\",name=\"NVIDIA L4\"} 25769803776",
            "ladderd_gpu_encoder_busy_ratios{gpu=\"1\",name=\"NVIDIA L4\"} 0.5",
            "ladderd_gpu_throttled{gpu=\"1\",name=\"NVIDIA L4\"} 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert!(!text.contains("gpu_decoder_busy_ratios{"), "{text}");
        metrics.gpus(&GpuStatus::absent("gone"));
        let text = metrics.render();
        assert!(
            text.contains("ladderd_gpu_available 0") && !text.contains("name=\"NVIDIA"),
            "{text}"
        );
    }
}
