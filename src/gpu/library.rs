//! NVML itself.

use nvml_wrapper::Nvml;
use nvml_wrapper::bitmasks::device::ThrottleReasons;
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use nvml_wrapper::error::NvmlError;

use super::reconnect::{Library, Session, is_over};
use crate::domain::gpu::{Device, throttle};

/// `libnvidia-ml.so.1`, wherever the loader finds it.
pub(super) struct Dynamic;

impl Library for Dynamic {
    type Session = Nvml;

    fn open(&self) -> Result<Nvml, NvmlError> {
        Nvml::init()
    }
}

impl Session for Nvml {
    fn version(&self) -> Result<String, NvmlError> {
        self.sys_driver_version()
    }

    fn count(&self) -> Result<u32, NvmlError> {
        self.device_count()
    }

    fn device(&self, index: u32) -> Result<Device, NvmlError> {
        let card = self.device_by_index(index)?;
        let memory = known(card.memory_info())?;
        let throttled = known(card.current_throttle_reasons())?.map(throttle_reasons);
        Ok(Device {
            index,
            name: known(card.name())?.unwrap_or_else(|| format!("GPU {index}")),
            uuid: known(card.uuid())?.unwrap_or_default(),
            memory_total_bytes: memory.as_ref().map_or(0, |memory| memory.total),
            memory_used_bytes: memory.as_ref().map_or(0, |memory| memory.used),
            utilization_percent: known(card.utilization_rates())?.map(|used| used.gpu),
            encoder_percent: known(card.encoder_utilization())?.map(|used| used.utilization),
            decoder_percent: known(card.decoder_utilization())?.map(|used| used.utilization),
            encoder_sessions: known(card.encoder_stats())?.map(|stats| stats.session_count),
            temperature_celsius: known(card.temperature(TemperatureSensor::Gpu))?,
            throttle_reasons: throttled.unwrap_or_default(),
        })
    }
}

/// A figure; none where the card does not tell it. What ends the session is an error all the same.
fn known<T>(asked: Result<T, NvmlError>) -> Result<Option<T>, NvmlError> {
    match asked {
        Ok(figure) => Ok(Some(figure)),
        Err(error) if is_over(&error) => Err(error),
        Err(_) => Ok(None),
    }
}

/// The reasons that are nobody's choice: a card that idles, or whose clock was set, is not slowed
/// down.
fn throttle_reasons(reasons: ThrottleReasons) -> Vec<String> {
    const NAMED: [(ThrottleReasons, &str); 6] = [
        (ThrottleReasons::HW_SLOWDOWN, throttle::HW_SLOWDOWN),
        (ThrottleReasons::HW_THERMAL_SLOWDOWN, throttle::HW_THERMAL),
        (ThrottleReasons::HW_POWER_BRAKE_SLOWDOWN, throttle::HW_POWER_BRAKE),
        (ThrottleReasons::SW_THERMAL_SLOWDOWN, throttle::SW_THERMAL),
        (ThrottleReasons::SW_POWER_CAP, throttle::SW_POWER_CAP),
        (ThrottleReasons::SYNC_BOOST, throttle::SYNC_BOOST),
    ];
    let there = NAMED.iter().filter(|(reason, _)| reasons.contains(*reason));
    there.map(|(_, name)| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_card_does_not_tell_is_none_and_a_lost_card_is_an_error() {
        assert_eq!(known(Ok(7)).unwrap(), Some(7));
        for untold in [
            NvmlError::NotSupported,
            NvmlError::Unknown,
            NvmlError::NoPermission,
            NvmlError::NoData,
            NvmlError::FailedToLoadSymbol("nvmlDeviceGetMemoryInfo_v2".to_owned()),
        ] {
            assert_eq!(known::<u32>(Err(untold)).unwrap(), None);
        }
        for lost in [NvmlError::GpuLost, NvmlError::Uninitialized, NvmlError::DriverNotLoaded] {
            assert!(known::<u32>(Err(lost)).is_err());
        }
    }

    #[test]
    fn throttling_by_choice_is_none() {
        let chosen = ThrottleReasons::GPU_IDLE
            | ThrottleReasons::APPLICATIONS_CLOCKS_SETTING
            | ThrottleReasons::DISPLAY_CLOCK_SETTING;
        assert!(throttle_reasons(chosen).is_empty());
        assert!(throttle_reasons(ThrottleReasons::NONE).is_empty());
        let hot = chosen | ThrottleReasons::HW_THERMAL_SLOWDOWN | ThrottleReasons::SW_POWER_CAP;
        assert_eq!(throttle_reasons(hot), ["hw-thermal-slowdown", "sw-power-cap"]);
    }
}
