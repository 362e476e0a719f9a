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

/// Labels of a GPU's samples.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    gpu: u32,
    name: String,
}

/// The last known state of the GPUs. Samples are made from it on each scrape, so a GPU that is gone
/// has none, and neither has an unknown figure.
#[derive(Clone, Debug, Default)]
pub(super) struct Gpus(Arc<Mutex<GpuStatus>>);

impl Gpus {
    /// Replaces the last known state.
    pub(super) fn set(&self, status: GpuStatus) {
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
        let help = "Share of the time in which the GPU computes, 0 to 1.";
        family.write("gpu_utilization", help, Some(&ratio), |device| {
            device.utilization_percent.map(|percent| f64::from(percent) / 100.0)
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

/// Writes metric families with a sample per GPU.
struct Families<'a, 'b> {
    encoder: &'a mut DescriptorEncoder<'b>,
    devices: &'a [Device],
}

impl Families<'_, '_> {
    /// Writes one metric, with a sample for each GPU whose figure is known.
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
