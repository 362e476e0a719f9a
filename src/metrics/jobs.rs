//! Metrics of jobs: outcomes, failures, stages, speed, renewals.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::list::register;
use crate::domain::backlog::Experience;
use crate::domain::failure_code::FailureCode;

/// How attempts end: see `job::Outcome`.
const OUTCOMES: [&str; 5] = ["ready", "failed", "retried", "dead", "nothing-to-do"];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailureLabels {
    code: &'static str,
    fault: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabels {
    stage: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BackendLabels {
    backend: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RenewalLabels {
    lease: &'static str,
    result: &'static str,
}

/// A stage of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Arrival of the source to the first attempt.
    Queue,
    /// Start of the worker to its plan.
    Probe,
    /// Start of the worker to its first segment.
    FirstSegment,
    /// Arrival of the source to a stream that plays.
    Playable,
    /// Start of the worker to its last segment.
    Encode,
    /// Check of the uploaded stream.
    Gate,
    /// Commit, flip, record and events.
    Flip,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Probe => "probe",
            Self::FirstSegment => "first-segment",
            Self::Playable => "playable",
            Self::Encode => "encode",
            Self::Gate => "gate",
            Self::Flip => "flip",
        }
    }
}

/// A lease that a job keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// Of the message in the queue.
    Message,
    /// The claim on the video.
    Claim,
}

/// Result of a renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The lease goes on.
    Ok,
    /// It is tried again.
    Failed,
    /// Somebody else has it.
    Lost,
}

impl Lease {
    fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Claim => "claim",
        }
    }
}

impl Renewal {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Lost => "lost",
        }
    }
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// Metrics of jobs. Clones share them.
#[derive(Clone)]
pub struct Jobs {
    attempts: Family<OutcomeLabels, Counter>,
    failures: Family<FailureLabels, Counter>,
    /// Jobs that run now on this box.
    pub running: Gauge,
    stages: Histograms<StageLabels>,
    speeds: Histograms<BackendLabels>,
    fallbacks: Counter,
    published_bytes: Counter,
    published_segments: Counter,
    encoded_seconds: Counter<f64, AtomicU64>,
    renewals: Family<RenewalLabels, Counter>,
    experience: Arc<Mutex<Experience>>,
}

impl Jobs {
    /// Adds the metrics to a registry.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let stages: Histograms<StageLabels> = Family::new_with_constructor(|| {
            Histogram::new([
                0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0,
            ])
        });
        let speeds: Histograms<BackendLabels> = Family::new_with_constructor(|| {
            Histogram::new([0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0])
        });
        let jobs = Self {
            running: register(registry, "ladderd_jobs_running", Gauge::default()),
            attempts: register(registry, "ladderd_attempts_total", Family::default()),
            failures: register(registry, "ladderd_job_failures_total", Family::default()),
            stages: register(registry, "ladderd_job_stage_duration_seconds", stages),
            speeds: register(registry, "ladderd_encode_realtime_factor", speeds),
            fallbacks: register(registry, "ladderd_backend_fallbacks_total", Counter::default()),
            published_bytes: register(
                registry,
                "ladderd_published_bytes_total",
                Counter::default(),
            ),
            published_segments: register(
                registry,
                "ladderd_published_segments_total",
                Counter::default(),
            ),
            encoded_seconds: register(
                registry,
                "ladderd_encoded_seconds_total",
                Counter::default(),
            ),
            renewals: register(registry, "ladderd_renewals_total", Family::default()),
            experience: Arc::default(),
        };
        for outcome in OUTCOMES {
            drop(jobs.attempts.get_or_create(&OutcomeLabels { outcome }));
        }
        for code in FailureCode::ALL {
            drop(jobs.failures.get_or_create(&failure_labels(*code)));
        }
        for lease in [Lease::Message, Lease::Claim] {
            for result in [Renewal::Ok, Renewal::Failed, Renewal::Lost] {
                drop(jobs.renewals.get_or_create(&renewal_labels(lease, result)));
            }
        }
        jobs
    }

    /// Counts an ended attempt.
    pub fn ended(&self, outcome: &'static str) {
        self.attempts.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// Counts a failed attempt, whether it is tried again or not.
    pub fn failed(&self, code: FailureCode) {
        self.failures.get_or_create(&failure_labels(code)).inc();
    }

    /// Notes how long a stage took.
    pub fn took(&self, stage: Stage, time: Duration) {
        self.stages.get_or_create(&StageLabels { stage: stage.name() }).observe(time.as_secs_f64());
    }

    /// Counts a published segment.
    pub fn published(&self, bytes: usize) {
        self.published_segments.inc();
        self.published_bytes.inc_by(bytes as u64);
    }

    /// Notes a finished encode.
    pub fn encoded(&self, backend: &str, media_secs: f64, took: Duration, source_bytes: u64) {
        let work_secs = took.as_secs_f64();
        self.encoded_seconds.inc_by(media_secs.max(0.0));
        if work_secs > 0.0 {
            let labels = BackendLabels { backend: backend.to_owned() };
            self.speeds.get_or_create(&labels).observe(media_secs / work_secs);
        }
        self.experience.lock().add(media_secs, work_secs, source_bytes);
    }

    /// Counts an encode run that begins on another backend after one failed.
    pub fn fell_back(&self) {
        self.fallbacks.inc();
    }

    /// Counts a renewal.
    pub fn renewed(&self, lease: Lease, result: Renewal) {
        self.renewals.get_or_create(&renewal_labels(lease, result)).inc();
    }

    /// The work of the latest encodes.
    #[must_use]
    pub fn experience(&self) -> Experience {
        *self.experience.lock()
    }
}

fn failure_labels(code: FailureCode) -> FailureLabels {
    FailureLabels { code: code.as_str(), fault: code.fault_of().as_str() }
}

fn renewal_labels(lease: Lease, result: Renewal) -> RenewalLabels {
    RenewalLabels { lease: lease.name(), result: result.name() }
}
