//! GPU status from NVML.
