//! How many jobs run at a time, and on which GPU.

use std::fmt;

use super::gpu::{Device, GpuStatus};
use super::ladder::Ladder;

/// What a backend can do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Capacity {
    /// Pixels that its trial encoded in a second, on all rungs together.
    pub pixels_per_sec: f64,
    /// Sessions of an encoder that may be open at a time, where that is limited.
    pub max_sessions: Option<u32>,
}

/// What a job asks for, to be done as fast as it is watched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Pixels in a second, on all rungs together.
    pub pixels_per_sec: f64,
    /// Encoders.
    pub sessions: u32,
}

/// Frames in a second of the job that slots are counted by.
const USUAL_FPS: f64 = 30.0;

impl Cost {
    /// The whole ladder, of a wide picture at 30 frames per second.
    #[must_use]
    pub fn of(ladder: &Ladder) -> Self {
        let pixels = |height: u32| f64::from(height) * f64::from(height) * 16.0 / 9.0;
        let all: f64 = ladder.0.iter().map(|rung| pixels(rung.height)).sum();
        let sessions = u32::try_from(ladder.0.len()).unwrap_or(u32::MAX);
        Self { pixels_per_sec: all * USUAL_FPS, sessions }
    }
}

/// Jobs that a GPU takes at a time: each goes on at the speed at which it is watched or faster, and
/// has a session for each rung. None if a single job asks for more sessions than there are; else at
/// least one, as a slow job is better than none.
#[must_use]
pub fn gpu_slots(capacity: &Capacity, cost: &Cost) -> u32 {
    let by_rate = at_once(capacity.pixels_per_sec, cost).max(1);
    match capacity.max_sessions {
        Some(most) => by_rate.min(most / cost.sessions.max(1)),
        None => by_rate,
    }
}

/// Jobs that the processor takes at a time. One job with all its rungs keeps the cores busy, so a
/// second does not make the first wait only where both go on at the speed at which they are watched;
/// and never more than one for every two cores, as each decodes and scales for itself.
#[must_use]
pub fn cpu_slots(cores: u32, pixels_per_sec: f64, cost: &Cost) -> u32 {
    at_once(pixels_per_sec, cost).clamp(1, (cores / 2).max(1))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
fn at_once(pixels_per_sec: f64, cost: &Cost) -> u32 {
    (pixels_per_sec / cost.pixels_per_sec.max(1.0)).floor().clamp(0.0, 1000.0) as u32
}

/// When a GPU takes no further job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Bytes of memory that must be free. Decoder, scalers and four encoders of a job from 4K take
    /// some hundred MiB: this leaves room for what the driver keeps besides.
    pub min_free_bytes: u64,
    /// How busy encoder or decoder may be, in percent.
    pub max_percent: u32,
    /// Sessions of an encoder that may be open at a time, where that is limited.
    pub max_sessions: Option<u32>,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { min_free_bytes: 1 << 30, max_percent: 95, max_sessions: None }
    }
}

/// Why no job may start on a GPU now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Full {
    /// Too little memory is free.
    Memory {
        /// So much, in bytes.
        free_bytes: u64,
    },
    /// The encoder or the decoder has enough to do.
    Busy {
        /// Which.
        unit: &'static str,
        /// How busy, in percent.
        percent: u32,
    },
    /// It is too hot, or gets too little power.
    Throttled(String),
    /// Other sessions leave too few.
    Sessions {
        /// So many are open.
        open: u32,
        /// So many may be.
        most: u32,
    },
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory { free_bytes } => write!(f, "only {} MiB are free", free_bytes >> 20),
            Self::Busy { unit, percent } => write!(f, "its {unit} is busy ({percent} %)"),
            Self::Throttled(reason) => write!(f, "it is throttled ({reason})"),
            Self::Sessions { open, most } => write!(f, "{open} of {most} sessions are open"),
        }
    }
}

/// Slowdowns that a further job would make worse. A cap of power is no fault: it is how many cards
/// always run.
const OVERLOADED: [&str; 4] =
    ["hw-slowdown", "hw-thermal-slowdown", "hw-power-brake-slowdown", "sw-thermal-slowdown"];

/// Why no job with so many sessions may start on a GPU now; none where it may.
#[must_use]
pub fn full(device: &Device, sessions: u32, thresholds: &Thresholds) -> Option<Full> {
    let free_bytes = device.memory_total_bytes.saturating_sub(device.memory_used_bytes);
    if free_bytes < thresholds.min_free_bytes {
        return Some(Full::Memory { free_bytes });
    }
    for (unit, percent) in
        [("encoder", device.encoder_percent), ("decoder", device.decoder_percent)]
    {
        if let Some(percent) = percent.filter(|percent| *percent >= thresholds.max_percent) {
            return Some(Full::Busy { unit, percent });
        }
    }
    if let Some(reason) =
        device.throttle_reasons.iter().find(|reason| OVERLOADED.contains(&reason.as_str()))
    {
        return Some(Full::Throttled(reason.clone()));
    }
    let (open, most) = (device.encoder_sessions?, thresholds.max_sessions?);
    (open.saturating_add(sessions) > most).then_some(Full::Sessions { open, most })
}

/// A backend on a GPU that has a slot free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// The caller's number of the backend.
    pub at: usize,
    /// Priority of the recipe.
    pub priority: i32,
    /// Number of the GPU for NVML; none for a GPU of another make.
    pub gpu: Option<u32>,
    /// Jobs that it takes.
    pub slots: u32,
    /// Jobs that it has.
    pub running: u32,
    /// Sessions of an encoder that a further job opens.
    pub sessions: u32,
}

/// Which backend takes the next job, by the caller's number: of those with the highest priority that
/// have room, the one with the least to do for its size.
#[must_use]
pub fn pick(loads: &[Load], gpus: &GpuStatus, thresholds: &Thresholds) -> Option<usize> {
    let device = |load: &Load| gpus.devices.iter().find(|device| Some(device.index) == load.gpu);
    let has_room = |load: &&Load| {
        load.running < load.slots
            && device(load).is_none_or(|device| full(device, load.sessions, thresholds).is_none())
    };
    let order = |load: &&Load| {
        let share = u64::from(load.running) * 1_000_000 / u64::from(load.slots.max(1));
        let busy = device(load).and_then(|device| device.encoder_percent).unwrap_or(0);
        (std::cmp::Reverse(load.priority), share, busy, load.at)
    };
    loads.iter().filter(has_room).min_by_key(order).map(|load| load.at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const JOB: Cost = Cost { pixels_per_sec: 100e6, sessions: 4 };

    #[test]
    fn a_gpu_takes_jobs_by_pixels_and_by_sessions() {
        let slots = |pixels_per_sec, max_sessions| {
            gpu_slots(&Capacity { pixels_per_sec, max_sessions }, &JOB)
        };
        let table = [
            (1e9, None, 10),
            (1e9, Some(8), 2),
            (50e6, None, 1),
            (1e9, Some(3), 0),
            (0.0, Some(5), 1),
        ];
        for (pixels, sessions, expected) in table {
            assert_eq!(slots(pixels, sessions), expected, "{pixels} {sessions:?}");
        }
    }

    #[test]
    fn a_processor_takes_more_than_one_job_only_where_both_keep_up() {
        let table = [(2, 1e9, 1), (16, 50e6, 1), (16, 350e6, 3), (4, 1e9, 2), (1, 0.0, 1)];
        for (cores, pixels, expected) in table {
            assert_eq!(cpu_slots(cores, pixels, &JOB), expected, "{cores} {pixels}");
        }
    }

    fn idle(index: u32) -> Device {
        Device {
            index,
            name: "NVIDIA L4".to_owned(),
            memory_total_bytes: 24 << 30,
            memory_used_bytes: 1 << 30,
            encoder_percent: Some(10),
            decoder_percent: Some(5),
            encoder_sessions: Some(0),
            ..Device::default()
        }
    }

    #[test]
    fn a_full_gpu_says_why() {
        let limited = Thresholds { max_sessions: Some(8), ..Thresholds::default() };
        let hot = vec!["sw-power-cap".to_owned(), "hw-thermal-slowdown".to_owned()];
        let table = [
            (idle(0), None),
            (
                Device { memory_used_bytes: (24 << 30) - 1024, ..idle(0) },
                Some("only 0 MiB are free"),
            ),
            (Device { encoder_percent: Some(99), ..idle(0) }, Some("its encoder is busy (99 %)")),
            (Device { decoder_percent: Some(95), ..idle(0) }, Some("its decoder is busy (95 %)")),
            (
                Device { throttle_reasons: hot, ..idle(0) },
                Some("it is throttled (hw-thermal-slowdown)"),
            ),
            (Device { throttle_reasons: vec!["sw-power-cap".to_owned()], ..idle(0) }, None),
            (Device { encoder_sessions: Some(4), ..idle(0) }, None),
            (Device { encoder_sessions: Some(5), ..idle(0) }, Some("5 of 8 sessions are open")),
            (Device { encoder_percent: None, encoder_sessions: None, ..idle(0) }, None),
        ];
        for (device, expected) in table {
            let full = full(&device, 4, &limited).map(|full| full.to_string());
            assert_eq!(full.as_deref(), expected, "{device:?}");
        }
    }

    fn load(at: usize, gpu: u32, running: u32) -> Load {
        Load { at, priority: 100, gpu: Some(gpu), slots: 4, running, sessions: 4 }
    }

    #[test]
    fn the_gpu_with_the_least_to_do_is_taken() {
        let gpus = |devices| GpuStatus { available: true, devices, ..GpuStatus::default() };
        let two = gpus(vec![idle(0), idle(1)]);
        let limits = Thresholds::default();
        assert_eq!(pick(&[load(0, 0, 1), load(1, 1, 0)], &two, &limits), Some(1));
        assert_eq!(pick(&[load(0, 0, 1), load(1, 1, 1)], &two, &limits), Some(0));
        let one_full = gpus(vec![idle(0), Device { encoder_percent: Some(100), ..idle(1) }]);
        assert_eq!(pick(&[load(0, 0, 3), load(1, 1, 0)], &one_full, &limits), Some(0));
        assert_eq!(pick(&[load(0, 0, 4), load(1, 1, 0)], &one_full, &limits), None);
        // A better recipe comes first as long as it has room.
        let worse = Load { priority: 50, ..load(1, 1, 0) };
        assert_eq!(pick(&[worse, load(0, 0, 3)], &two, &limits), Some(0));
        // Where the driver says nothing, its slots alone count.
        assert_eq!(pick(&[load(0, 0, 3)], &GpuStatus::absent("gone"), &limits), Some(0));
    }

    proptest! {
        #[test]
        fn slots_keep_the_limit_of_sessions(pixels in 0.0..1e12, most in 0_u32..64, rungs in 1_u32..12) {
            let cost = Cost { pixels_per_sec: 1e8, sessions: rungs };
            let capacity = Capacity { pixels_per_sec: pixels, max_sessions: Some(most) };
            prop_assert!(gpu_slots(&capacity, &cost) * rungs <= most);
        }

        #[test]
        fn what_is_full_is_never_taken(
            percents in proptest::collection::vec(0_u32..=100, 1..6),
            running in proptest::collection::vec(0_u32..6, 6),
        ) {
            let devices: Vec<Device> = (0..).zip(&percents)
                .map(|(index, percent)| Device { encoder_percent: Some(*percent), ..idle(index) })
                .collect();
            let loads: Vec<Load> = (0..).zip(&devices)
                .map(|(at, device)| load(at, device.index, running[at]))
                .collect();
            let gpus = GpuStatus { available: true, devices, ..GpuStatus::default() };
            if let Some(at) = pick(&loads, &gpus, &Thresholds::default()) {
                prop_assert!(percents[at] < 95 && running[at] < 4);
            }
        }
    }
}
