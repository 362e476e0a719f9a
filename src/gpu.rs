//! What the NVIDIA driver says of the GPUs. No driver is a value, not an error.

mod kept;
mod library;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

use crate::domain::gpu::GpuStatus;

use self::kept::Kept;
use self::library::Dynamic;

pub use crate::domain::gpu::DEVICE_ORDER;

/// How long the driver may take to answer: as long as Prometheus waits for all our metrics by
/// default. The first answer may take seconds, as the driver wakes each card for it; a sick driver
/// never answers.
const PATIENCE: Duration = Duration::from_secs(10);

/// A driver that tells of its GPUs.
pub trait Driver: Send + Sync {
    /// Asks the driver. Takes some milliseconds, or seconds where it is in trouble; run it where
    /// blocking is allowed.
    fn status(&self) -> GpuStatus;
}

/// The driver of this machine, through its library NVML. It is loaded at the first question, so the
/// same binary runs where there is none.
pub struct Nvml(Patient<Kept<Dynamic>>);

impl Default for Nvml {
    fn default() -> Self {
        Self(Patient::new(Kept::new(Dynamic), PATIENCE))
    }
}

impl Driver for Nvml {
    fn status(&self) -> GpuStatus {
        self.0.status()
    }
}

/// A driver that is not waited for forever. A call into a sick driver may never come back and
/// cannot be broken off: it keeps one thread, and nobody else waits for it.
struct Patient<D> {
    driver: Arc<D>,
    patience: Duration,
    /// The answer that was not waited for.
    late: Mutex<Option<Receiver<GpuStatus>>>,
}

impl<D: Driver + 'static> Patient<D> {
    fn new(driver: D, patience: Duration) -> Self {
        Self { driver: Arc::new(driver), patience, late: Mutex::default() }
    }
}

impl<D: Driver + 'static> Driver for Patient<D> {
    fn status(&self) -> GpuStatus {
        let mut late = self.late.lock();
        if let Some(asked) = late.take()
            && asked.try_recv() == Err(TryRecvError::Empty)
        {
            *late = Some(asked);
            return self.silent();
        }
        let (tell, asked) = sync_channel(1);
        let driver = Arc::clone(&self.driver);
        let thread = thread::Builder::new().name("nvml".to_owned());
        // Nobody may be there any more to be told.
        if let Err(error) = thread.spawn(move || drop(tell.send(driver.status()))) {
            return GpuStatus::absent(format!("the NVIDIA driver cannot be asked: {error}"));
        }
        match asked.recv_timeout(self.patience) {
            Ok(status) => status,
            Err(RecvTimeoutError::Timeout) => {
                *late = Some(asked);
                self.silent()
            }
            Err(RecvTimeoutError::Disconnected) => {
                GpuStatus::absent("the NVIDIA driver was asked, and its library broke down")
            }
        }
    }
}

impl<D> Patient<D> {
    fn silent(&self) -> GpuStatus {
        GpuStatus::absent(format!(
            "the NVIDIA driver has not answered for {} s: see the kernel's log for Xid, and whether \
             nvidia-smi answers; if it does not, restart the machine",
            self.patience.as_secs()
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::Sender;

    use super::*;

    /// Answers once it is told to.
    struct Slow(Mutex<Receiver<()>>);

    impl Driver for Slow {
        fn status(&self) -> GpuStatus {
            self.0.lock().recv().unwrap();
            GpuStatus { available: true, ..GpuStatus::default() }
        }
    }

    fn slow(patience: Duration) -> (Sender<()>, Patient<Slow>) {
        let (answer, told) = std::sync::mpsc::channel();
        (answer, Patient::new(Slow(Mutex::new(told)), patience))
    }

    #[test]
    fn a_driver_that_hangs_is_left_alone_until_it_answers() {
        let (answer, driver) = slow(Duration::from_millis(50));
        let hung = driver.status();
        assert!(hung.reason.unwrap().contains("has not answered"));
        // No second thread waits: one answer is enough for it to be back.
        assert!(!driver.status().available);
        answer.send(()).unwrap();
        let back = (0..100).find(|_| {
            thread::sleep(Duration::from_millis(20));
            // The late answer is not taken for a new one.
            answer.send(()).unwrap();
            driver.status().available
        });
        assert!(back.is_some());
    }

    #[test]
    fn a_driver_that_breaks_down_is_a_value() {
        let (answer, driver) = slow(PATIENCE);
        drop(answer);
        for _ in 0..2 {
            assert!(driver.status().reason.unwrap().contains("broke down"));
        }
    }

    #[test]
    fn the_machine_tells_or_says_why_not() {
        let status = Nvml::default().status();
        assert!(status.available || status.reason.is_some(), "{status:?}");
        assert!(status.available || status.devices.is_empty(), "{status:?}");
    }
}
