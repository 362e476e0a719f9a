//! Keeps the driver's library open, and opens it again after a failure.

use parking_lot::Mutex;

use nvml_wrapper::error::NvmlError;

use super::driver::Driver;
use crate::domain::gpu::{Device, GpuStatus};

/// The driver's library.
pub(super) trait Library: Send + Sync {
    /// The open library. It is closed when this is dropped.
    type Session: Session;

    /// Opens it.
    fn open(&self) -> Result<Self::Session, NvmlError>;
}

/// The driver's library while it is open.
pub(super) trait Session: Send {
    /// Version of the driver.
    fn version(&self) -> Result<String, NvmlError>;

    /// Number of GPUs, including those that do not answer.
    fn count(&self) -> Result<u32, NvmlError>;

    /// State of one GPU.
    fn device(&self, index: u32) -> Result<Device, NvmlError>;
}

/// A driver whose library stays open between calls, because opening takes far longer than a call. After a
/// failure it is opened again at once: a session is useless once the driver was reloaded.
pub(super) struct Reconnecting<L: Library> {
    library: L,
    session: Mutex<Option<L::Session>>,
}

impl<L: Library> Reconnecting<L> {
    pub(super) fn new(library: L) -> Self {
        Self { library, session: Mutex::new(None) }
    }
}

impl<L: Library> Driver for Reconnecting<L> {
    fn status(&self) -> GpuStatus {
        let mut open = self.session.lock();
        if let Some(session) = open.take()
            && let Ok(read) = Read::from(&session)
            && read.faults.is_empty()
        {
            *open = Some(session);
            return read.status();
        }
        // The old session, if there was one, is closed by now.
        let opened = self.library.open().and_then(|session| Ok((Read::from(&session)?, session)));
        match opened {
            Ok((read, session)) => {
                *open = Some(session).filter(|_| read.faults.is_empty());
                read.status()
            }
            Err(error) => {
                let (why, remedy) = told("the NVIDIA driver", &error);
                GpuStatus::absent_until(&why, remedy)
            }
        }
    }
}

/// Report of a session.
struct Read {
    version: Option<String>,
    devices: Vec<Device>,
    /// GPUs that do not answer, in words. One that is lost must not hide the others.
    faults: Vec<String>,
    /// GPUs that are not ours, in words.
    forbidden: Vec<String>,
}

impl Read {
    fn from(session: &impl Session) -> Result<Self, NvmlError> {
        let (mut devices, mut faults, mut forbidden) = (Vec::new(), Vec::new(), Vec::new());
        for index in 0..session.count()? {
            let told = |error| {
                let (why, remedy) = told(&format!("GPU {index}"), &error);
                format!("{why}: {remedy}")
            };
            match session.device(index) {
                Ok(device) => devices.push(device),
                // NVML counts GPUs that a container may not use.
                Err(NvmlError::NoPermission) => forbidden.push(told(NvmlError::NoPermission)),
                Err(error) => faults.push(told(error)),
            }
        }
        Ok(Self { version: session.version().ok(), devices, faults, forbidden })
    }

    fn status(self) -> GpuStatus {
        let Self { version, devices, mut faults, forbidden } = self;
        if devices.is_empty() {
            faults.extend(forbidden);
        }
        GpuStatus {
            available: !devices.is_empty() || faults.is_empty(),
            reason: Some(faults.join("; and ")).filter(|reason| !reason.is_empty()),
            remedy: None,
            driver_version: version,
            devices,
        }
    }
}

/// Whether no question to this card can succeed any more, in this session at least. An unknown
/// error is none of these: some cards give it for figures that they lack.
pub(super) fn is_over(error: &NvmlError) -> bool {
    matches!(
        error,
        NvmlError::Uninitialized
            | NvmlError::GpuLost
            | NvmlError::ResetRequired
            | NvmlError::DriverNotLoaded
            | NvmlError::LibRmVersionMismatch
    )
}

/// Reason why somebody does not answer, and the step that follows.
#[expect(clippy::wildcard_enum_match_arm, reason = "an enum of NVML, which grows")]
fn told(who: &str, error: &NvmlError) -> (String, String) {
    let advice = match error {
        NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound => {
            let library = "the library of the NVIDIA driver (libnvidia-ml.so.1)";
            let remedy = "if there is an NVIDIA GPU, install its driver, or let it into the container \
                          (NVIDIA_DRIVER_CAPABILITIES=compute,video,utility)";
            return (format!("{library} cannot be loaded ({error})"), remedy.to_owned());
        }
        NvmlError::FailedToLoadSymbol(_) | NvmlError::FunctionNotFound => {
            "the driver is too old: update it"
        }
        NvmlError::DriverNotLoaded => {
            "load the kernel module nvidia; after an update of the kernel, build it anew"
        }
        NvmlError::LibRmVersionMismatch => {
            "the driver was updated while it was loaded: restart the machine"
        }
        NvmlError::NoPermission => {
            "let ladderd use /dev/nvidia* (groups of its user, DeviceAllow of its service, devices of \
             its container)"
        }
        NvmlError::OperatingSystem => "see DeviceAllow of the service or devices of the container",
        NvmlError::GpuLost => {
            "it has fallen off the bus: restart the machine; if that comes again, look at its power, \
             its heat and its seat"
        }
        NvmlError::ResetRequired => {
            "stop what uses it, ladderd too, and reset it (nvidia-smi --gpu-reset)"
        }
        NvmlError::InsufficientPower => "attach its power cables",
        _ => "see the kernel's log and whether nvidia-smi answers",
    };
    (format!("{who} does not answer ({error})"), advice.to_owned())
}

#[cfg(test)]
mod tests;
