//! The trait of all drivers.

use crate::domain::gpu::GpuStatus;

/// A driver that reports the state of its GPUs.
pub trait Driver: Send + Sync {
    /// Asks the driver. Blocks for some milliseconds, or for seconds if the driver is in trouble: run it
    /// where blocking is allowed.
    fn status(&self) -> GpuStatus;
}
