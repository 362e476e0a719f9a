//! What the NVIDIA driver says of the GPUs. No driver is a value, not an error.

use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;
use serde::Serialize;

/// The GPUs of this machine.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct GpuStatus {
    /// Whether the driver answers.
    pub available: bool,
    /// Why not; absent where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The GPUs.
    pub devices: Vec<Device>,
}

/// One GPU.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Device {
    /// Name, such as `NVIDIA L4`.
    pub name: String,
    /// Memory in bytes.
    pub memory_total_bytes: u64,
    /// Memory in use, in bytes.
    pub memory_used_bytes: u64,
    /// How busy the encoder is, in percent; absent where there is none.
    pub encoder_percent: Option<u32>,
    /// How busy the decoder is, in percent.
    pub decoder_percent: Option<u32>,
}

/// Asks the driver. Takes some milliseconds; run it where blocking is allowed.
#[must_use]
pub fn status() -> GpuStatus {
    match devices() {
        Ok(devices) => GpuStatus { available: true, reason: None, devices },
        Err(error) => {
            GpuStatus { available: false, reason: Some(error.to_string()), devices: Vec::new() }
        }
    }
}

fn devices() -> Result<Vec<Device>, NvmlError> {
    let nvml = Nvml::init()?;
    (0..nvml.device_count()?)
        .map(|index| {
            let device = nvml.device_by_index(index)?;
            let memory = device.memory_info()?;
            Ok(Device {
                name: device.name()?,
                memory_total_bytes: memory.total,
                memory_used_bytes: memory.used,
                encoder_percent: device.encoder_utilization().ok().map(|u| u.utilization),
                decoder_percent: device.decoder_utilization().ok().map(|u| u.utilization),
            })
        })
        .collect()
}
