//! How many jobs run at a time, and on which GPU: by what was measured, not by what was guessed.

use std::cmp::Ordering;
use std::fmt;

use super::gpu::{Device, GpuStatus, throttle};
use super::ladder::Ladder;

/// What a backend can do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Capacity {
    /// Pixels that its trial encoded in a second, on all rungs together; none where there was no
    /// trial.
    pub pixels_per_sec: Option<f64>,
    /// Sessions of an encoder that may be open at a time, where that is limited.
    pub max_sessions: Option<u32>,
}

/// What one job must be given to go on as fast as it is watched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Pixels in a second: those of all rungs, times frames per second.
    pub pixels_per_sec: f64,
    /// Sessions of an encoder: one for each rung.
    pub sessions: u32,
}

/// Frames per second of the job that is counted with before any is known: what phones and cameras
/// make unless told otherwise.
const USUAL_FPS: f64 = 30.0;
/// Slots are never more than `jobs.max_running` may be.
const MOST_SLOTS: f64 = 64.0;

impl Cost {
    /// The whole ladder at 16:9 and 30 frames per second. Slots are taken before it is known which
    /// video comes.
    #[must_use]
    pub fn of(ladder: &Ladder) -> Self {
        let pixels = |height: u32| f64::from(height) * f64::from(height) * 16.0 / 9.0;
        let all: f64 = ladder.0.iter().map(|rung| pixels(rung.height)).sum();
        let sessions = u32::try_from(ladder.0.len()).unwrap_or(u32::MAX);
        Self { pixels_per_sec: all * USUAL_FPS, sessions }
    }
}

/// Jobs that a GPU takes at a time: so many that each goes on at the speed at which it is watched,
/// and that each rung has a session. At least one, as a slow job is better than none, and one where
/// the speed is not known; but none if a single job needs more sessions than there are.
#[must_use]
pub fn gpu_slots(capacity: &Capacity, cost: &Cost) -> u32 {
    let by_rate = capacity.pixels_per_sec.map_or(1, |pixels| at_once(pixels, cost).max(1));
    match capacity.max_sessions {
        Some(most) if cost.sessions > 0 => by_rate.min(most / cost.sessions),
        Some(_) | None => by_rate,
    }
}

/// Jobs that the processor takes at a time: as many as it can do at the speed at which they are
/// watched, but at least one and at most one for every two cores.
///
/// One job spreads over all cores: each rung has an encoder with a thread for each core. Where the
/// machine is not faster than one job is watched, a second job would only make the first slower, and
/// both would be ready when the second is ready anyhow. Where it is, jobs side by side fill the
/// gaps in which one cannot use all cores (a picture is decoded and scaled by fewer, and small
/// pictures divide badly), and a short video need not wait for a long one. Below two cores for each
/// job even that is no use: what each decodes and scales by itself fills one.
#[must_use]
pub fn cpu_slots(cores: u32, pixels_per_sec: f64, cost: &Cost) -> u32 {
    at_once(pixels_per_sec, cost).clamp(1, (cores / 2).max(1))
}

/// Jobs that go on as fast as they are watched.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
fn at_once(pixels_per_sec: f64, cost: &Cost) -> u32 {
    // What is not a number becomes 0.
    (pixels_per_sec / cost.pixels_per_sec.max(1.0)).floor().clamp(0.0, MOST_SLOTS) as u32
}

/// From where on a GPU takes no further job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Bytes of memory that must be free.
    pub min_free_bytes: u64,
    /// Percent from which on encoder or decoder have enough to do.
    pub max_percent: u32,
    /// Sessions of an encoder that may be open at a time, where that is limited.
    pub max_sessions: Option<u32>,
}

impl Default for Thresholds {
    /// 1 GiB is reckoned, not measured: what a job from 4K takes at most, by its pictures in NV12
    /// (1.5 bytes for each pixel). The process itself some 300 MiB (CUDA's context); the decoder and
    /// what leaves it 24 pictures of 4K, 290 MiB; the four rungs of the usual ladder, each with some
    /// 40 pictures between scaler and encoder (look-ahead, references, what waits), 210 MiB;
    /// together 800 MiB, and a quarter for what was forgotten. A unit that is busy for 95 % of the time
    /// has nothing left to give: what it gives to another job, those that run lose.
    fn default() -> Self {
        Self { min_free_bytes: 1 << 30, max_percent: 95, max_sessions: None }
    }
}

/// Why no job may start on a GPU now. It is shown as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Full {
    /// Too little memory is free.
    Memory {
        /// So much is, in bytes.
        free_bytes: u64,
        /// So much must be, in bytes.
        min_bytes: u64,
    },
    /// Encoder or decoder have enough to do.
    Busy {
        /// `encoder` or `decoder`.
        unit: &'static str,
        /// How busy it is, in percent.
        percent: u32,
    },
    /// It is slowed down, and more to do would make that worse.
    Throttled {
        /// Why, by a name of [`throttle`].
        reason: String,
    },
    /// Other sessions leave too few.
    Sessions {
        /// So many are open.
        open: u32,
        /// So many may be.
        most: u32,
        /// So many does a job open.
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

/// Slowdowns that a further job makes worse. The card's own cap of power is none: that is how many
/// cards run whenever they are busy.
const OVERLOADED: [&str; 4] =
    [throttle::HW_SLOWDOWN, throttle::HW_THERMAL, throttle::HW_POWER_BRAKE, throttle::SW_THERMAL];

/// Why no job with so many sessions may start on a GPU now; none where one may. What the card does
/// not tell is no reason.
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

/// A backend on a GPU, and what it has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// The caller's number of the backend.
    pub at: usize,
    /// Priority of the recipe: the higher, the better.
    pub priority: i32,
    /// [`Device::index`] of its GPU; none for a GPU of another make.
    pub gpu: Option<u32>,
    /// Jobs that it takes.
    pub slots: u32,
    /// Jobs that it has.
    pub running: u32,
    /// Sessions of an encoder that a further job opens: none where the processor encodes.
    pub sessions: u32,
}

/// Which backend takes the next job, by the caller's number; none where none has room.
///
/// Of those of the highest priority that have room: the one with the fewest jobs for its slots, then
/// the one whose encoder is the least busy, then the first GPU. A GPU that the driver does not tell
/// of takes nothing; where no driver answers, its slots alone count.
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

/// The GPU is not among those that the driver tells of.
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
