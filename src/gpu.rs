//! The state of NVIDIA GPUs, from the driver's library NVML. A missing driver is a value, not an error.

mod driver;
mod library;
mod reconnect;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

use crate::domain::gpu::GpuStatus;

use self::library::Dynamic;
use self::reconnect::Reconnecting;

pub use self::driver::Driver;

pub use crate::domain::gpu::DEVICE_ORDER;

/// Time limit of an answer: Prometheus waits as long for all metrics by default. The first answer may
/// take seconds, because the driver wakes each card for it; a hung driver never answers.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The driver of this machine, through NVML. The library is loaded at the first call, so the same binary
/// runs on machines without one.
pub struct Nvml(WithTimeout<Reconnecting<Dynamic>>);

impl Default for Nvml {
    fn default() -> Self {
        Self(WithTimeout::new(Reconnecting::new(Dynamic), TIMEOUT))
    }
}

impl Driver for Nvml {
    fn status(&self) -> GpuStatus {
        self.0.status()
    }
}

/// A driver with a time limit. A call into a hung driver may never return and cannot be cancelled: it
/// keeps one thread, and later calls do not wait for it.
struct WithTimeout<D> {
    driver: Arc<D>,
    timeout: Duration,
    /// The answer of a call that took too long.
    late: Mutex<Option<Receiver<GpuStatus>>>,
}

impl<D: Driver + 'static> WithTimeout<D> {
    fn new(driver: D, timeout: Duration) -> Self {
        Self { driver: Arc::new(driver), timeout, late: Mutex::default() }
    }
}

impl<D: Driver + 'static> Driver for WithTimeout<D> {
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
        // The receiver may be gone by then.
        if let Err(error) = thread.spawn(move || drop(tell.send(driver.status()))) {
            return GpuStatus::absent(format!("the NVIDIA driver cannot be asked: {error}"));
        }
        match asked.recv_timeout(self.timeout) {
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

impl<D> WithTimeout<D> {
    fn silent(&self) -> GpuStatus {
        GpuStatus::absent(format!(
            "the NVIDIA driver has not answered for {} s: see the kernel's log for Xid, and whether \
             nvidia-smi answers; if it does not, restart the machine",
            self.timeout.as_secs()
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

    fn slow(timeout: Duration) -> (Sender<()>, WithTimeout<Slow>) {
        let (answer, told) = std::sync::mpsc::channel();
        (answer, WithTimeout::new(Slow(Mutex::new(told)), timeout))
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
        let (answer, driver) = slow(TIMEOUT);
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
