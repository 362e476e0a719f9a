//! Admission: how many jobs run at the same time, and on which GPU, from measured capacity.

use std::cmp::Ordering;
use std::fmt;

use super::gpu::{Device, GpuStatus, throttle};
use super::ladder::Ladder;

/// Capacity of a backend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Capacity {
    /// Pixels per second that its trial encoded, on all rungs together; `None` without a trial.
    pub pixels_per_sec: Option<f64>,
    /// Limit of encoder sessions, if there is one.
    pub max_sessions: Option<u32>,
}

/// Resources that one job needs to encode at playback speed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Pixels per second: those of all rungs, times frames per second.
    pub pixels_per_sec: f64,
    /// Encoder sessions: one per rung.
    pub sessions: u32,
}

/// Frame rate of an assumed job, before a source is known: the default of phones and cameras.
const USUAL_FPS: f64 = 30.0;
/// Slots are never more than `jobs.max_running` may be.
const MOST_SLOTS: f64 = 64.0;

impl Cost {
    /// The whole ladder at 16:9 and 30 frames per second. Slots are taken before the source is known.
    #[must_use]
    pub fn of(ladder: &Ladder) -> Self {
        let pixels = |height: u32| f64::from(height) * f64::from(height) * 16.0 / 9.0;
        let all: f64 = ladder.0.iter().map(|rung| pixels(rung.height)).sum();
        let sessions = u32::try_from(ladder.0.len()).unwrap_or(u32::MAX);
        Self { pixels_per_sec: all * USUAL_FPS, sessions }
    }
}

/// Jobs that a GPU runs at the same time: as many as it encodes at playback speed with one session per
/// rung. At least one, because a slow job is better than none, and one if the speed is unknown; none if
/// a single job needs more sessions than the limit.
#[must_use]
pub fn gpu_slots(capacity: &Capacity, cost: &Cost) -> u32 {
    let by_rate = capacity.pixels_per_sec.map_or(1, |pixels| at_once(pixels, cost).max(1));
    match capacity.max_sessions {
        Some(most) if cost.sessions > 0 => by_rate.min(most / cost.sessions),
        Some(_) | None => by_rate,
    }
}

/// Jobs that the CPU runs at the same time: as many as it encodes at playback speed, at least one and at
/// most one per two cores.
///
/// One job uses all cores. If the machine is slower than playback speed, a second job would only slow down
/// the first. If it is faster, parallel jobs fill the gaps in which one job cannot use all cores (frames
/// are decoded and scaled by fewer threads, and small frames divide badly), and a short video does not wait
/// for a long one. With fewer than two cores per job, even that gains nothing.
#[must_use]
pub fn cpu_slots(cores: u32, pixels_per_sec: f64, cost: &Cost) -> u32 {
    at_once(pixels_per_sec, cost).clamp(1, (cores / 2).max(1))
}

/// Jobs that encode at playback speed.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
fn at_once(pixels_per_sec: f64, cost: &Cost) -> u32 {
    // NaN becomes 0.
    (pixels_per_sec / cost.pixels_per_sec.max(1.0)).floor().clamp(0.0, MOST_SLOTS) as u32
}

/// Thresholds beyond which a GPU takes no further job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Bytes of memory that must be free.
    pub min_free_bytes: u64,
    /// Utilization in percent from which the encoder or decoder counts as busy.
    pub max_percent: u32,
    /// Limit of encoder sessions, if there is one.
    pub max_sessions: Option<u32>,
}

impl Default for Thresholds {
    /// 1 GiB is an estimate of a job from a 4K source, by its frames in NV12 (1.5 bytes per pixel):
    /// some 300 MiB for the process (CUDA's context); 24 frames of 4K in the decoder and its output
    /// queue, 290 MiB; some 40 frames per rung of the default ladder between scaler and encoder
    /// (look-ahead, references, queues), 210 MiB; together 800 MiB, and a quarter as a reserve. At 95 %
    /// a unit is saturated: another job would slow down the running ones.
    fn default() -> Self {
        Self { min_free_bytes: 1 << 30, max_percent: 95, max_sessions: None }
    }
}

/// Why no job may start on a GPU now, shown as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Full {
    /// Too little memory is free.
    Memory {
        /// Free bytes.
        free_bytes: u64,
        /// Bytes that must be free.
        min_bytes: u64,
    },
    /// The encoder or decoder is busy.
    Busy {
        /// `encoder` or `decoder`.
        unit: &'static str,
        /// Utilization in percent.
        percent: u32,
    },
    /// The GPU is throttled.
    Throttled {
        /// Reason, by a name of [`throttle`].
        reason: String,
    },
    /// Too few encoder sessions are left.
    Sessions {
        /// Open sessions.
        open: u32,
        /// Limit of sessions.
        most: u32,
        /// Sessions that a job opens.
        needed: u32,
    },
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory { free_bytes, min_bytes } => {
                let (free, least) = (free_bytes >> 20, min_bytes >> 20);
                write!(f, "only {free} MiB of its memory are free, and a job may take {least} MiB")
            }
            Self::Busy { unit, percent } => {
                write!(f, "its {unit} has enough to do: it is busy for {percent} % of the time")
            }
            Self::Throttled { reason } => write!(f, "it is slowed down ({reason})"),
            Self::Sessions { open, most, needed } => {
                write!(
                    f,
                    "{open} of its {most} encoder sessions are open, and a job opens {needed}"
                )
            }
        }
    }
}

/// Throttle reasons that a further job makes worse. The card's own power cap is not among them: many cards
/// run at it whenever they are busy.
const OVERLOADED: [&str; 4] =
    [throttle::HW_SLOWDOWN, throttle::HW_THERMAL, throttle::HW_POWER_BRAKE, throttle::SW_THERMAL];

/// Why no job with so many sessions may start on a GPU now; `None` if one may. Values that the card does
/// not report are no reason.
#[must_use]
pub fn full(device: &Device, sessions: u32, thresholds: &Thresholds) -> Option<Full> {
    let Thresholds { min_free_bytes: min_bytes, max_percent, max_sessions } = *thresholds;
    let free_bytes = device.memory_total_bytes.saturating_sub(device.memory_used_bytes);
    if device.memory_total_bytes > 0 && free_bytes < min_bytes {
        return Some(Full::Memory { free_bytes, min_bytes });
    }
    let units = [("encoder", device.encoder_percent), ("decoder", device.decoder_percent)];
    for (unit, percent) in units {
        if let Some(percent) = percent.filter(|percent| *percent >= max_percent) {
            return Some(Full::Busy { unit, percent });
        }
    }
    let mut reasons = device.throttle_reasons.iter();
    if let Some(reason) = reasons.find(|reason| OVERLOADED.contains(&reason.as_str())) {
        return Some(Full::Throttled { reason: reason.clone() });
    }
    let (open, most) = (device.encoder_sessions?, max_sessions?);
    let fits = sessions == 0 || open.saturating_add(sessions) <= most;
    (!fits).then_some(Full::Sessions { open, most, needed: sessions })
}

/// A backend on a GPU, and its load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// The caller's number of the backend.
    pub at: usize,
    /// Priority of the recipe; higher is better.
    pub priority: i32,
    /// [`Device::index`] of its GPU; `None` for GPUs of other vendors.
    pub gpu: Option<u32>,
    /// Slots.
    pub slots: u32,
    /// Running jobs.
    pub running: u32,
    /// Encoder sessions that a further job opens; 0 if the CPU encodes.
    pub sessions: u32,
}

/// The backend that takes the next job, by the caller's number; `None` if none has a free slot.
///
/// Among the free backends of the highest priority: the one with the lowest share of used slots, then the
/// one with the least busy encoder, then the first GPU. A GPU that the driver does not report takes no job;
/// if no driver answers, only slots count.
#[must_use]
pub fn pick(loads: &[Load], gpus: &GpuStatus, thresholds: &Thresholds) -> Option<usize> {
    let usable = loads.iter().filter_map(|load| {
        let device = device(load, gpus).ok()?;
        let is_full =
            device.is_some_and(|device| full(device, load.sessions, thresholds).is_some());
        (load.running < load.slots && !is_full).then_some((load, device))
    });
    usable.min_by(|one, other| order(*one, *other)).map(|(load, _)| load.at)
}

/// The driver does not report this GPU.
struct Gone;

fn device<'a>(load: &Load, gpus: &'a GpuStatus) -> Result<Option<&'a Device>, Gone> {
    let Some(index) = load.gpu.filter(|_| gpus.available) else { return Ok(None) };
    gpus.devices.iter().find(|device| device.index == index).map(Some).ok_or(Gone)
}

fn order(one: (&Load, Option<&Device>), other: (&Load, Option<&Device>)) -> Ordering {
    let times = |running: u32, slots: u32| u64::from(running) * u64::from(slots);
    let busy = |device: Option<&Device>| device.and_then(|device| device.encoder_percent);
    let (a, b) = (one.0, other.0);
    b.priority
        .cmp(&a.priority)
        // Both shares on one denominator.
        .then(times(a.running, b.slots).cmp(&times(b.running, a.slots)))
        .then(busy(one.1).unwrap_or(0).cmp(&busy(other.1).unwrap_or(0)))
        .then(a.gpu.cmp(&b.gpu))
        .then(a.at.cmp(&b.at))
}

#[cfg(test)]
mod tests;
