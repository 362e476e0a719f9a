//! What the NVIDIA driver says of the GPUs. No driver is a value, not an error.

use std::sync::{Mutex, PoisonError};

use nvml_wrapper::Nvml;
use nvml_wrapper::bitmasks::device::ThrottleReasons;
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use nvml_wrapper::error::NvmlError;

use crate::domain::gpu::{Device, GpuStatus};

/// A driver that tells of its GPUs.
pub trait Driver: Send + Sync {
    /// Asks the driver. Takes some milliseconds; run it where blocking is allowed.
    fn status(&self) -> GpuStatus;
}

/// A way into the driver's library.
trait Library: Send + Sync {
    /// Opens it.
    fn open(&self) -> Result<Box<dyn Session>, String>;
}

/// The driver's library while it is open.
trait Session: Send {
    /// Asks for all GPUs. What fails for one is the failure of all: the session is of no use then.
    fn read(&self) -> Result<(String, Vec<Device>), String>;
}

/// A driver whose library is opened once and anew after a failure: it is of no use any more once the
/// driver was loaded anew or a card was lost.
struct Kept<L> {
    library: L,
    session: Mutex<Option<Box<dyn Session>>>,
}

impl<L: Library> Driver for Kept<L> {
    fn status(&self) -> GpuStatus {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Ok(read)) = session.as_ref().map(|session| session.read()) {
            return present(read);
        }
        *session = None;
        let opened = self.library.open().and_then(|opened| Ok((opened.read()?, opened)));
        match opened {
            Ok((read, opened)) => {
                *session = Some(opened);
                present(read)
            }
            Err(reason) => GpuStatus::absent(reason),
        }
    }
}

fn present((version, devices): (String, Vec<Device>)) -> GpuStatus {
    GpuStatus { available: true, reason: None, driver_version: Some(version), devices }
}

/// The driver of this machine, loaded at the first question.
#[must_use]
pub fn driver() -> impl Driver {
    Kept { library: RealLibrary, session: Mutex::new(None) }
}

struct RealLibrary;

impl Library for RealLibrary {
    fn open(&self) -> Result<Box<dyn Session>, String> {
        match Nvml::init() {
            Ok(nvml) => Ok(Box::new(nvml)),
            Err(error) => Err(told(&error)),
        }
    }
}

impl Session for Nvml {
    fn read(&self) -> Result<(String, Vec<Device>), String> {
        let read = || {
            let count = self.device_count()?;
            let devices = (0..count).map(|index| device(self, index)).collect::<Result<_, _>>()?;
            Ok((self.sys_driver_version()?, devices))
        };
        read().map_err(|error: NvmlError| told(&error))
    }
}

fn device(nvml: &Nvml, index: u32) -> Result<Device, NvmlError> {
    let device = nvml.device_by_index(index)?;
    let memory = device.memory_info()?;
    let throttled = device.current_throttle_reasons().map(throttle_reasons);
    Ok(Device {
        index,
        name: device.name()?,
        uuid: device.uuid()?,
        memory_total_bytes: memory.total,
        memory_used_bytes: memory.used,
        encoder_percent: device.encoder_utilization().ok().map(|used| used.utilization),
        decoder_percent: device.decoder_utilization().ok().map(|used| used.utilization),
        encoder_sessions: device.encoder_stats().ok().map(|stats| stats.session_count),
        temperature_celsius: device.temperature(TemperatureSensor::Gpu).ok(),
        throttle_reasons: throttled.unwrap_or_default(),
    })
}

/// The reasons that are no choice of anybody's.
fn throttle_reasons(reasons: ThrottleReasons) -> Vec<String> {
    const NAMED: [(ThrottleReasons, &str); 5] = [
        (ThrottleReasons::HW_SLOWDOWN, "hw-slowdown"),
        (ThrottleReasons::HW_THERMAL_SLOWDOWN, "hw-thermal-slowdown"),
        (ThrottleReasons::HW_POWER_BRAKE_SLOWDOWN, "hw-power-brake-slowdown"),
        (ThrottleReasons::SW_THERMAL_SLOWDOWN, "sw-thermal-slowdown"),
        (ThrottleReasons::SW_POWER_CAP, "sw-power-cap"),
    ];
    let there = NAMED.iter().filter(|(reason, _)| reasons.contains(*reason));
    there.map(|(_, name)| (*name).to_owned()).collect()
}

/// What a failure means, and what to do.
#[expect(clippy::wildcard_enum_match_arm, reason = "an enum of NVML, which grows")]
fn told(error: &NvmlError) -> String {
    let advice = match error {
        NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound => {
            return "the library of the NVIDIA driver (libnvidia-ml.so.1) is not installed"
                .to_owned();
        }
        NvmlError::DriverNotLoaded => "load the kernel module nvidia, or restart the machine",
        NvmlError::LibRmVersionMismatch => {
            "the driver was updated while it was loaded: restart the machine"
        }
        NvmlError::NoPermission => "let the user into the group of /dev/nvidia*",
        NvmlError::GpuLost => "the card has fallen off the bus: restart the machine",
        NvmlError::ResetRequired => "reset the card (nvidia-smi --gpu-reset)",
        _ => "see the kernel's log and nvidia-smi",
    };
    format!("the NVIDIA driver does not answer: {error}; {advice}")
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Arc;

    use super::*;

    type Read = Result<(String, Vec<Device>), String>;

    /// A library that opens, and sessions that read, as this says.
    #[derive(Clone, Default)]
    struct Fake {
        opens: Arc<Mutex<VecDeque<Result<(), String>>>>,
        reads: Arc<Mutex<VecDeque<Read>>>,
    }

    impl Library for Fake {
        fn open(&self) -> Result<Box<dyn Session>, String> {
            let opened = self.opens.lock().unwrap().pop_front().unwrap();
            opened.map(|()| Box::new(self.clone()) as Box<dyn Session>)
        }
    }

    impl Session for Fake {
        fn read(&self) -> Read {
            self.reads.lock().unwrap().pop_front().unwrap()
        }
    }

    fn statuses<const N: usize>(opens: Vec<Result<(), &str>>, reads: Vec<Read>) -> [GpuStatus; N] {
        let opens = opens.into_iter().map(|open| open.map_err(str::to_owned)).collect();
        let fake =
            Fake { opens: Arc::new(Mutex::new(opens)), reads: Arc::new(Mutex::new(reads.into())) };
        let kept = Kept { library: fake.clone(), session: Mutex::new(None) };
        let statuses = std::array::from_fn(|_| kept.status());
        assert!(fake.opens.lock().unwrap().is_empty() && fake.reads.lock().unwrap().is_empty());
        statuses
    }

    #[expect(clippy::unnecessary_wraps, reason = "it stands beside failures")]
    fn two_cards() -> Read {
        let card = |index, name: &str| Device { index, name: name.to_owned(), ..Device::default() };
        Ok(("595.58.03".to_owned(), vec![card(0, "NVIDIA L4"), card(1, "NVIDIA T4")]))
    }

    #[test]
    fn the_library_is_opened_once() {
        let [first, second] = statuses(vec![Ok(())], vec![two_cards(), two_cards()]);
        assert!(first.available);
        assert_eq!(first.driver_version.as_deref(), Some("595.58.03"));
        assert_eq!(first.devices.len(), 2);
        assert_eq!(first, second);
    }

    #[test]
    fn an_absent_library_is_a_value_and_may_come_later() {
        let [first, second] = statuses(vec![Err("not installed"), Ok(())], vec![two_cards()]);
        assert_eq!(first, GpuStatus::absent("not installed"));
        assert!(second.available);
    }

    #[test]
    fn a_driver_that_was_loaded_anew_is_found_again() {
        let uninitialized = || Err("Uninitialized".to_owned());
        // Its old session fails; a new one cannot be opened yet, then it can.
        let [first, second, third] = statuses(
            vec![Ok(()), Err("Failed to initialize"), Ok(())],
            vec![two_cards(), uninitialized(), two_cards()],
        );
        assert!(first.available && third.available);
        assert_eq!(second, GpuStatus::absent("Failed to initialize"));
        // A new one works at once.
        let [_, again] =
            statuses(vec![Ok(()), Ok(())], vec![two_cards(), uninitialized(), two_cards()]);
        assert!(again.available);
    }

    #[test]
    fn throttling_by_choice_is_none() {
        let reasons = ThrottleReasons::GPU_IDLE | ThrottleReasons::APPLICATIONS_CLOCKS_SETTING;
        assert!(throttle_reasons(reasons).is_empty());
        let reasons = reasons | ThrottleReasons::HW_THERMAL_SLOWDOWN;
        assert_eq!(throttle_reasons(reasons), ["hw-thermal-slowdown"]);
    }

    #[test]
    fn failures_say_what_to_do() {
        for (error, advice) in [
            (NvmlError::LibRmVersionMismatch, "restart the machine"),
            (NvmlError::DriverNotLoaded, "kernel module"),
            (NvmlError::LibraryNotFound, "libnvidia-ml.so.1"),
            (NvmlError::Unknown, "nvidia-smi"),
        ] {
            assert!(told(&error).contains(advice), "{error}");
        }
    }
}
