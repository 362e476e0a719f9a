//! Gauges of the GPUs.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeGaugeValue, EncodeLabelSet, EncodeMetric,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use crate::domain::gpu::{Device, GpuStatus};

/// Which GPU.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    gpu: u32,
    name: String,
}

/// What was last known of the GPUs. The samples are made of it when they are read: so one that is
/// gone has none, and neither has a figure that is not known.
#[derive(Clone, Debug, Default)]
pub(super) struct Gpus(Arc<Mutex<GpuStatus>>);

impl Gpus {
    pub(super) fn note(&self, status: GpuStatus) {
        *self.0.lock() = status;
    }
}

impl Collector for Gpus {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let status = self.0.lock().clone();
        let available = ConstGauge::new(i64::from(status.available));
        let help = "Whether the NVIDIA driver answers.";
        available.encode(encoder.encode_descriptor(
            "gpu_available",
            help,
            None,
            MetricType::Gauge,
        )?)?;
        let mut family = Families { encoder: &mut encoder, devices: &status.devices };
        let ratio = Unit::Other("ratio".to_owned());
        let help = "Memory of the GPU.";
        family.write("gpu_memory_total", help, Some(&Unit::Bytes), |device| {
            Some(device.memory_total_bytes).filter(|total| *total > 0)
        })?;
        let help = "Memory of the GPU in use.";
        family.write("gpu_memory_used", help, Some(&Unit::Bytes), |device| {
            Some(device.memory_used_bytes).filter(|_| device.memory_total_bytes > 0)
        })?;
        let help = "How busy the encoder of the GPU is, 0 to 1.";
        family.write("gpu_encoder_utilization", help, Some(&ratio), |device| {
            device.encoder_percent.map(|percent| f64::from(percent) / 100.0)
        })?;
        let help = "How busy the decoder of the GPU is, 0 to 1.";
        family.write("gpu_decoder_utilization", help, Some(&ratio), |device| {
            device.decoder_percent.map(|percent| f64::from(percent) / 100.0)
        })?;
        let help = "Open sessions of the encoder, those of other programs among them.";
        family.write("gpu_encoder_sessions", help, None, |device| device.encoder_sessions)?;
        let help = "Temperature of the GPU.";
        family.write("gpu_temperature", help, Some(&Unit::Celsius), |device| {
            device.temperature_celsius
        })?;
        let help = "Whether heat, power or another GPU holds the clock of the GPU down.";
        family.write("gpu_throttled", help, None, |device| {
            Some(u32::from(!device.throttle_reasons.is_empty()))
        })
    }
}

struct Families<'a, 'b> {
    encoder: &'a mut DescriptorEncoder<'b>,
    devices: &'a [Device],
}

impl Families<'_, '_> {
    /// One figure of every GPU that tells it.
    fn write<V: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        figure: impl Fn(&Device) -> Option<V>,
    ) -> fmt::Result {
        let gauge = MetricType::Gauge;
        let mut family = self.encoder.encode_descriptor(name, help, unit, gauge)?;
        for device in self.devices {
            if let Some(value) = figure(device) {
                let labels = Labels { gpu: device.index, name: device.name.clone() };
                ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    fn samples(metrics: &Metrics) -> Vec<String> {
        let text = metrics.render();
        let lines = text.lines().filter(|line| line.starts_with("ladderd_gpu_"));
        lines.map(str::to_owned).collect()
    }

    #[test]
    fn a_gpu_has_what_it_tells_until_it_is_gone() {
        let metrics = Metrics::default();
        assert_eq!(samples(&metrics), ["ladderd_gpu_available 0"]);
        let telling = Device {
            index: 0,
            name: "NVIDIA L4".to_owned(),
            uuid: "GPU-1".to_owned(),
            memory_total_bytes: 24 << 30,
            memory_used_bytes: 1 << 30,
            encoder_percent: Some(50),
            decoder_percent: Some(0),
            encoder_sessions: Some(4),
            temperature_celsius: Some(61),
            throttle_reasons: vec!["sw-power-cap".to_owned()],
        };
        let silent = Device { index: 1, name: "NVIDIA GB10".to_owned(), ..Device::default() };
        let status = |devices| GpuStatus { available: true, devices, ..GpuStatus::default() };
        metrics.gpus(status(vec![telling, silent.clone()]));
        assert_eq!(
            samples(&metrics),
            [
                "ladderd_gpu_available 1",
                r#"ladderd_gpu_memory_total_bytes{gpu="0",name="NVIDIA L4"} 25769803776"#,
                r#"ladderd_gpu_memory_used_bytes{gpu="0",name="NVIDIA L4"} 1073741824"#,
                r#"ladderd_gpu_encoder_utilization_ratio{gpu="0",name="NVIDIA L4"} 0.5"#,
                r#"ladderd_gpu_decoder_utilization_ratio{gpu="0",name="NVIDIA L4"} 0.0"#,
                r#"ladderd_gpu_encoder_sessions{gpu="0",name="NVIDIA L4"} 4"#,
                r#"ladderd_gpu_temperature_celsius{gpu="0",name="NVIDIA L4"} 61"#,
                r#"ladderd_gpu_throttled{gpu="0",name="NVIDIA L4"} 1"#,
                r#"ladderd_gpu_throttled{gpu="1",name="NVIDIA GB10"} 0"#,
            ]
        );
        metrics.gpus(status(vec![silent]));
        assert_eq!(
            samples(&metrics),
            ["ladderd_gpu_available 1", r#"ladderd_gpu_throttled{gpu="1",name="NVIDIA GB10"} 0"#]
        );
        metrics.gpus(GpuStatus::absent("gone"));
        assert_eq!(samples(&metrics), ["ladderd_gpu_available 0"]);
    }
}
