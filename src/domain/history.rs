//! The last hour of the machine, a sample every ten seconds.

use std::collections::VecDeque;

use serde::Serialize;

use super::gpu::{Device, GpuStatus};

/// Seconds between two samples.
pub const INTERVAL_SECS: u32 = 10;

/// Samples that are kept: those of an hour.
pub const MAX_SAMPLES: usize = 360;

/// Load of the machine at one moment. A value that could not be read is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Time in seconds since 1970.
    pub at_secs: i64,
    /// Busy share of all processor cores since the sample before.
    pub cpu_share: Option<f64>,
    /// Resident memory of the daemon and its workers, in bytes.
    pub memory_bytes: Option<u64>,
    /// Messages that wait.
    pub queue_visible: Option<u64>,
    /// Messages that are leased or wait for their retry.
    pub queue_in_flight: Option<u64>,
    /// Jobs that run on this box.
    pub running_jobs: u64,
    /// Received bytes per second since the sample before.
    pub received_bytes_per_sec: Option<u64>,
    /// Sent bytes per second since the sample before.
    pub sent_bytes_per_sec: Option<u64>,
    /// The GPUs.
    pub gpus: Vec<GpuSample>,
}

/// A GPU at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GpuSample {
    index: u32,
    name: String,
    utilization: Option<f64>,
    memory_used_bytes: Option<u64>,
    memory_total_bytes: u64,
    encoder: Option<f64>,
    decoder: Option<f64>,
}

impl GpuSample {
    /// The GPUs that answer.
    #[must_use]
    pub fn all(status: GpuStatus) -> Vec<Self> {
        status.devices.into_iter().map(Self::of).collect()
    }

    fn of(device: Device) -> Self {
        let share =
            |percent: Option<u32>| percent.map(|percent| f64::from(percent.min(100)) / 100.0);
        // One that shares the machine's memory has none of its own.
        let has_memory = device.memory_total_bytes > 0;
        Self {
            index: device.index,
            utilization: share(device.utilization_percent),
            memory_used_bytes: has_memory.then_some(device.memory_used_bytes),
            memory_total_bytes: device.memory_total_bytes,
            encoder: share(device.encoder_percent),
            decoder: share(device.decoder_percent),
            name: device.name,
        }
    }
}

/// The latest samples.
#[derive(Clone, Debug, Default)]
pub struct History {
    samples: VecDeque<Sample>,
}

impl History {
    /// Adds a sample, and forgets the oldest one beyond [`MAX_SAMPLES`].
    pub fn push(&mut self, sample: Sample) {
        while self.samples.len() >= MAX_SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }

    /// All samples as series, the oldest first.
    #[must_use]
    pub fn view(&self, memory_total_bytes: Option<u64>) -> SystemHistory {
        SystemHistory {
            interval_secs: INTERVAL_SECS,
            times: self.series(|sample| sample.at_secs),
            cpu_share: self.series(|sample| sample.cpu_share.map(thousandths)),
            memory_bytes: self.series(|sample| sample.memory_bytes),
            memory_total_bytes,
            queue_visible: self.series(|sample| sample.queue_visible),
            queue_in_flight: self.series(|sample| sample.queue_in_flight),
            running_jobs: self.series(|sample| sample.running_jobs),
            received_bytes_per_sec: self.series(|sample| sample.received_bytes_per_sec),
            sent_bytes_per_sec: self.series(|sample| sample.sent_bytes_per_sec),
            gpus: self.gpus(),
        }
    }

    fn series<T>(&self, value: impl Fn(&Sample) -> T) -> Vec<T> {
        self.samples.iter().map(value).collect()
    }

    /// The GPUs of any sample, each with a value or `None` for every sample.
    fn gpus(&self) -> Vec<GpuHistory> {
        let mut known: Vec<&GpuSample> = Vec::new();
        // The newest name and size count.
        for gpu in self.samples.iter().rev().flat_map(|sample| &sample.gpus) {
            if !known.iter().any(|other| other.index == gpu.index) {
                known.push(gpu);
            }
        }
        known.sort_by_key(|gpu| gpu.index);
        let of = |gpu: &GpuSample| {
            let found: Vec<Option<&GpuSample>> = self.series_of(gpu.index);
            let shares = |share: fn(&GpuSample) -> Option<f64>| {
                found.iter().map(|sample| sample.and_then(share)).collect()
            };
            GpuHistory {
                index: gpu.index,
                name: gpu.name.clone(),
                utilization: shares(|sample| sample.utilization),
                memory_used_bytes: found
                    .iter()
                    .map(|sample| sample.and_then(|sample| sample.memory_used_bytes))
                    .collect(),
                memory_total_bytes: gpu.memory_total_bytes,
                encoder: shares(|sample| sample.encoder),
                decoder: shares(|sample| sample.decoder),
            }
        };
        known.into_iter().map(of).collect()
    }

    fn series_of(&self, index: u32) -> Vec<Option<&GpuSample>> {
        let samples = self.samples.iter();
        samples.map(|sample| sample.gpus.iter().find(|gpu| gpu.index == index)).collect()
    }
}

/// A share with three decimals.
fn thousandths(share: f64) -> f64 {
    (share * 1000.0).round() / 1000.0
}

/// Load of the machine over the last hour: one value of each series for each of `times`, the oldest first. `null` is a
/// value that could not be read.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SystemHistory {
    /// Seconds between two samples.
    pub interval_secs: u32,
    /// Times of the samples in seconds since 1970.
    pub times: Vec<i64>,
    /// Busy share of all processor cores of the machine since the sample before, 0 to 1; `null` in the first sample.
    pub cpu_share: Vec<Option<f64>>,
    /// Resident memory of the daemon and its workers, in bytes.
    pub memory_bytes: Vec<Option<u64>>,
    /// Memory of the machine in bytes; `null` if Linux does not tell.
    pub memory_total_bytes: Option<u64>,
    /// Messages that wait in the queue.
    pub queue_visible: Vec<Option<u64>>,
    /// Messages that are leased or wait for their retry.
    pub queue_in_flight: Vec<Option<u64>>,
    /// Jobs that run on this box.
    pub running_jobs: Vec<u64>,
    /// Bytes per second that the machine received, without those of its loopback interface.
    pub received_bytes_per_sec: Vec<Option<u64>>,
    /// Bytes per second that the machine sent, likewise.
    pub sent_bytes_per_sec: Vec<Option<u64>>,
    /// The NVIDIA GPUs that answered in any of the samples.
    pub gpus: Vec<GpuHistory>,
}

/// Load of a GPU, a value for each of the times.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct GpuHistory {
    /// Number of the GPU on the PCI bus, from 0.
    pub index: u32,
    /// Name, such as `NVIDIA L4`.
    pub name: String,
    /// Share of the time in which the GPU computed, 0 to 1.
    pub utilization: Vec<Option<f64>>,
    /// Memory in use, in bytes.
    pub memory_used_bytes: Vec<Option<u64>>,
    /// Memory in bytes; 0 for a GPU that shares the machine's memory.
    pub memory_total_bytes: u64,
    /// Utilization of the encoder, 0 to 1.
    pub encoder: Vec<Option<f64>>,
    /// Utilization of the decoder, 0 to 1.
    pub decoder: Vec<Option<f64>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(index: u32, utilization_percent: u32) -> Device {
        Device {
            index,
            name: format!("NVIDIA {index}"),
            utilization_percent: Some(utilization_percent),
            encoder_percent: Some(40),
            memory_total_bytes: u64::from(index) << 30,
            memory_used_bytes: 7,
            ..Device::default()
        }
    }

    fn sample(at_secs: i64, devices: Vec<Device>) -> Sample {
        let gpus = GpuSample::all(GpuStatus { available: true, devices, ..GpuStatus::default() });
        Sample { at_secs, cpu_share: Some(1.0 / 3.0), gpus, ..Sample::default() }
    }

    #[test]
    fn an_hour_is_kept_and_the_oldest_sample_comes_first() {
        let mut history = History::default();
        for at in 0..400 {
            history.push(sample(at, Vec::new()));
        }
        let view = history.view(Some(9));
        assert_eq!((view.times.len(), view.times[0], view.times[359]), (360, 40, 399));
        assert_eq!((view.cpu_share.len(), view.cpu_share[0]), (360, Some(0.333)));
        assert_eq!((view.running_jobs.len(), view.memory_total_bytes), (360, Some(9)));
        assert_eq!(view.gpus, []);
        let secs = i64::from(INTERVAL_SECS) * i64::try_from(MAX_SAMPLES).unwrap();
        assert_eq!(secs, 3600);
    }

    #[test]
    fn a_gpu_that_comes_and_goes_has_a_value_for_each_sample() {
        let mut history = History::default();
        history.push(sample(0, vec![device(1, 50)]));
        history.push(sample(1, Vec::new()));
        history.push(sample(2, vec![device(0, 200), device(1, 7)]));
        let gpus = history.view(None).gpus;
        let indexes: Vec<u32> = gpus.iter().map(|gpu| gpu.index).collect();
        assert_eq!(indexes, [0, 1]);
        // A driver's figure is bounded, and memory that is the machine's is not counted.
        assert_eq!(gpus[0].utilization, [None, None, Some(1.0)]);
        assert_eq!(gpus[0].memory_used_bytes, [None; 3]);
        assert_eq!(gpus[1].utilization, [Some(0.5), None, Some(0.07)]);
        assert_eq!(gpus[1].memory_used_bytes, [Some(7), None, Some(7)]);
        assert_eq!(
            (&gpus[1].encoder, &gpus[1].decoder),
            (&vec![Some(0.4), None, Some(0.4)], &vec![None; 3])
        );
        assert_eq!((gpus[1].name.as_str(), gpus[1].memory_total_bytes), ("NVIDIA 1", 1 << 30));
    }
}
