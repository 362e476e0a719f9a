//! Facts of the NVIDIA GPUs of this machine.

use serde::{Deserialize, Serialize};

/// A variable of the environment and its value, with which CUDA counts GPUs as [`Device::index`]
/// does: by the PCI bus. Left alone, CUDA puts the fastest first. Every process that uses a GPU by
/// its number gets it.
pub const DEVICE_ORDER: (&str, &str) = ("CUDA_DEVICE_ORDER", "PCI_BUS_ID");

/// The GPUs of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GpuStatus {
    /// Whether the driver answers, and at least one of its GPUs if it has any.
    pub available: bool,
    /// Why not, and what to do. Where the driver answers: which GPU does not; else absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The end of `reason` that says what to do, if the driver does not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// Version of the driver, such as `595.58.03`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_version: Option<String>,
    /// The GPUs that answer, in the order of the PCI bus.
    pub devices: Vec<Device>,
}

impl GpuStatus {
    /// A driver that does not answer.
    #[must_use]
    pub fn absent(reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..Self::default() }
    }

    /// A driver that does not answer, and what to do.
    #[must_use]
    pub fn absent_until(why: &str, remedy: String) -> Self {
        let reason = Some(format!("{why}: {remedy}"));
        Self { reason, remedy: Some(remedy), ..Self::default() }
    }

    /// Why the driver does not answer, without what to do.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        let reason = self.reason.as_deref()?;
        let why = self.remedy.as_ref().and_then(|remedy| reason.strip_suffix(remedy.as_str()));
        Some(why.and_then(|why| why.strip_suffix(": ")).unwrap_or(reason))
    }
}

/// One GPU. What a card does not tell is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Device {
    /// Number of the GPU on the PCI bus, from 0. Those that do not answer are counted.
    pub index: u32,
    /// Name, such as `NVIDIA L4`.
    pub name: String,
    /// NVIDIA's name of this very card, such as `GPU-5a0c…`; empty where it does not tell.
    pub uuid: String,
    /// Memory in bytes; 0 where it does not tell, as a GPU that shares the machine's memory.
    pub memory_total_bytes: u64,
    /// Memory in use by all processes and the driver, in bytes.
    pub memory_used_bytes: u64,
    /// Share of the time in which the GPU computed, in percent of the time of the driver's last sample.
    pub utilization_percent: Option<u32>,
    /// How busy the encoder is, in percent of the time of the driver's last sample.
    pub encoder_percent: Option<u32>,
    /// How busy the decoder is, likewise.
    pub decoder_percent: Option<u32>,
    /// Sessions of the encoder that are open, those of other programs among them.
    pub encoder_sessions: Option<u32>,
    /// Temperature of the chip in degrees Celsius.
    pub temperature_celsius: Option<u32>,
    /// Why its clock is lower than it could be, by the names of [`throttle`]. That nothing runs, or
    /// that somebody has set the clock so, is none.
    pub throttle_reasons: Vec<String>,
}

/// Why the clock of a GPU is low, as `nvidia-smi -q` names it.
pub mod throttle {
    /// Heat, power or the board halve the clock, or worse. A change of clocks may show it shortly.
    pub const HW_SLOWDOWN: &str = "hw-slowdown";
    /// Heat halves the clock, or worse.
    pub const HW_THERMAL: &str = "hw-thermal-slowdown";
    /// The power supply asked for half the clock, or less.
    pub const HW_POWER_BRAKE: &str = "hw-power-brake-slowdown";
    /// The chip or its memory is hotter than it should work at.
    pub const SW_THERMAL: &str = "sw-thermal-slowdown";
    /// The card takes all the power that it may. Many do whenever they are busy.
    pub const SW_POWER_CAP: &str = "sw-power-cap";
    /// Another GPU that it keeps step with is slow.
    pub const SYNC_BOOST: &str = "sync-boost";
}
