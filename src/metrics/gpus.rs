//! Samples of the GPUs. A GPU that is gone has none, and neither has an unknown figure.

use super::sample::Sample;
use crate::domain::gpu::{Device, GpuStatus};

/// The samples of this state.
#[must_use]
pub fn samples(status: &GpuStatus) -> Vec<Sample> {
    let of_devices = status.devices.iter().flat_map(of_device);
    let available = Sample::flag("ladderd_gpu_available", status.available);
    std::iter::once(available).chain(of_devices).collect()
}

fn of_device(device: &Device) -> Vec<Sample> {
    let has_memory = device.memory_total_bytes > 0;
    let memory = |name, bytes| has_memory.then(|| Sample::whole(name, bytes));
    let ratio = |name, percent: Option<u32>| {
        percent.map(|percent| Sample::float(name, f64::from(percent) / 100.0))
    };
    let whole = |name, figure: Option<u32>| figure.map(|figure| Sample::whole(name, figure.into()));
    let throttled = !device.throttle_reasons.is_empty();
    let found = [
        memory("ladderd_gpu_memory_total_bytes", device.memory_total_bytes),
        memory("ladderd_gpu_memory_used_bytes", device.memory_used_bytes),
        ratio("ladderd_gpu_utilization_ratio", device.utilization_percent),
        ratio("ladderd_gpu_encoder_utilization_ratio", device.encoder_percent),
        ratio("ladderd_gpu_decoder_utilization_ratio", device.decoder_percent),
        whole("ladderd_gpu_encoder_sessions", device.encoder_sessions),
        whole("ladderd_gpu_temperature_celsius", device.temperature_celsius),
        Some(Sample::flag("ladderd_gpu_throttled", throttled)),
    ];
    let named = |sample: Sample| {
        sample.with("gpu", device.index.to_string()).with("name", device.name.clone())
    };
    found.into_iter().flatten().map(named).collect()
}
