//! Processor cores of this process.

/// Number of cores that this process may use, by its affinity and cgroup; 1 if that is unknown.
#[must_use]
pub fn available() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
