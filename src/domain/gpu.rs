//! What is known of the NVIDIA GPUs of this machine.

use serde::{Deserialize, Serialize};

/// Variable of the environment, and its value, with which CUDA counts devices as NVML does: by the
/// PCI bus. Every process that uses a GPU gets it.
pub const DEVICE_ORDER: (&str, &str) = ("CUDA_DEVICE_ORDER", "PCI_BUS_ID");

/// The GPUs of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GpuStatus {
    /// Whether the driver answers.
    pub available: bool,
    /// Why not, and what to do; absent where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Version of the driver, such as `595.58.03`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver_version: Option<String>,
    /// The GPUs, in the order of the PCI bus.
    pub devices: Vec<Device>,
}

impl GpuStatus {
    /// A driver that does not answer.
    #[must_use]
    pub fn absent(reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..Self::default() }
    }
}

/// One GPU. What a card does not tell is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Device {
    /// Number of the device, from 0.
    pub index: u32,
    /// Name, such as `NVIDIA L4`.
    pub name: String,
    /// NVIDIA's name of this very card.
    pub uuid: String,
    /// Memory in bytes.
    pub memory_total_bytes: u64,
    /// Memory in use, in bytes.
    pub memory_used_bytes: u64,
    /// How busy the encoder is, in percent.
    pub encoder_percent: Option<u32>,
    /// How busy the decoder is, in percent.
    pub decoder_percent: Option<u32>,
    /// Sessions of the encoder that are open, those of other programs among them.
    pub encoder_sessions: Option<u32>,
    /// Temperature in degrees Celsius.
    pub temperature_celsius: Option<u32>,
    /// Why its clock is lower than it could be, where that is no choice: `hw-slowdown`,
    /// `hw-thermal-slowdown`, `hw-power-brake-slowdown`, `sw-thermal-slowdown` or `sw-power-cap`.
    pub throttle_reasons: Vec<String>,
}
