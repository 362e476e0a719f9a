//! The last hour of this box: a task samples processor, memory, network, queue, jobs and GPUs.
//!
//! A sample costs some reads below `/proc`, a count of the queue and a question to the GPU driver. The samples are in
//! memory and end with the process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::domain::gpu::GpuStatus;
use crate::domain::history::{GpuSample, History, INTERVAL_SECS, Sample, SystemHistory};
use crate::domain::machine::{CpuTimes, Traffic, memory_total_bytes, resident_bytes};
use crate::gpu;
use crate::job::board::Board;
use crate::queue::Inspect;

/// Time limit of a count of the queue: SQS is asked again and again while it fails.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(5);

/// Samples this box. Clones share the samples.
#[derive(Clone)]
pub struct Recorder(Arc<Inner>);

struct Inner {
    board: Board,
    queue: Arc<dyn Inspect>,
    driver: Arc<dyn gpu::Driver>,
    recorded: Mutex<Recorded>,
}

/// The samples, and the counters of the latest one.
#[derive(Default)]
struct Recorded {
    history: History,
    memory_total_bytes: Option<u64>,
    last: Option<Counters>,
}

/// Counters of the machine at one moment.
struct Counters {
    at: Instant,
    cpu: Option<CpuTimes>,
    traffic: Option<Traffic>,
    memory_bytes: Option<u64>,
    memory_total_bytes: Option<u64>,
}

impl Recorder {
    /// Samples the jobs of this board, this queue, the GPUs of this driver and the machine.
    #[must_use]
    pub fn new(board: &Board, queue: &Arc<dyn Inspect>, driver: &Arc<dyn gpu::Driver>) -> Self {
        let (board, queue, driver) = (board.clone(), Arc::clone(queue), Arc::clone(driver));
        Self(Arc::new(Inner { board, queue, driver, recorded: Mutex::default() }))
    }

    /// The samples so far.
    #[must_use]
    pub fn view(&self) -> SystemHistory {
        let recorded = self.0.recorded.lock();
        recorded.history.view(recorded.memory_total_bytes)
    }

    /// Samples at once, and then every ten seconds until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut ticks = interval(Duration::from_secs(INTERVAL_SECS.into()));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let work = async {
            loop {
                ticks.tick().await;
                self.sample().await;
            }
        };
        stop.run_until_cancelled(work).await;
    }

    /// Takes one sample.
    async fn sample(&self) {
        let at_secs = Timestamp::now().as_second();
        let driver = Arc::clone(&self.0.driver);
        let (counters, gpus, depth) = tokio::join!(
            spawn_blocking(Counters::read),
            spawn_blocking(move || driver.status()),
            timeout(QUEUE_TIMEOUT, self.0.queue.depth()),
        );
        let gpus = gpus.unwrap_or_else(|error| GpuStatus::absent(error.to_string()));
        let depth = depth.ok().and_then(Result::ok);
        // A thread that panicked has read nothing.
        let Ok(counters) = counters else { return };
        let running_jobs = u64::try_from(self.0.board.count()).unwrap_or_default();
        let mut recorded = self.0.recorded.lock();
        let last = recorded.last.as_ref();
        let [received_bytes_per_sec, sent_bytes_per_sec] =
            last.map_or([None; 2], |last| counters.rates_since(last));
        let sample = Sample {
            at_secs,
            cpu_share: last.and_then(|last| counters.cpu?.share_since(last.cpu?)),
            memory_bytes: counters.memory_bytes,
            queue_visible: depth.map(|depth| depth.visible),
            queue_in_flight: depth.map(|depth| depth.in_flight),
            running_jobs,
            received_bytes_per_sec,
            sent_bytes_per_sec,
            gpus: GpuSample::all(gpus),
        };
        recorded.history.push(sample);
        recorded.memory_total_bytes = counters.memory_total_bytes;
        recorded.last = Some(counters);
    }
}

impl Counters {
    fn read() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let is_hardware = |name: &str| std::fs::exists(format!("/sys/class/net/{name}/device"));
        let traffic = std::fs::read_to_string("/proc/self/net/dev").ok();
        Self {
            at: Instant::now(),
            cpu: CpuTimes::parse(&read("/proc/stat")),
            traffic: traffic
                .and_then(|text| Traffic::parse(&text, |name| is_hardware(name).unwrap_or(false))),
            memory_bytes: resident_with_children(),
            memory_total_bytes: memory_total_bytes(&read("/proc/meminfo")),
        }
    }

    fn rates_since(&self, earlier: &Self) -> [Option<u64>; 2] {
        let secs = self.at.duration_since(earlier.at).as_secs_f64();
        let (Some(now), Some(before)) = (self.traffic, earlier.traffic) else { return [None; 2] };
        now.rates_since(before, secs)
    }
}

/// Resident memory of this process and of its children, the workers and trials, in bytes.
fn resident_with_children() -> Option<u64> {
    let mut sum = resident_bytes(&std::fs::read_to_string("/proc/self/status").ok()?)?;
    // A child belongs to the thread that started it.
    for thread in std::fs::read_dir("/proc/self/task").ok()?.flatten() {
        // The thread may have ended.
        let children = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        for pid in children.split_whitespace() {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
            let bytes = status.ok().and_then(|status| resident_bytes(&status));
            sum = sum.saturating_add(bytes.unwrap_or_default());
        }
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;
    use crate::db::Db;
    use crate::domain::gpu::Device;
    use crate::queue::Enqueue;
    use crate::queue::embedded::EmbeddedQueue;

    /// A driver of one busy card.
    struct Card;

    impl gpu::Driver for Card {
        fn status(&self) -> GpuStatus {
            let card = Device {
                name: "NVIDIA L4".to_owned(),
                utilization_percent: Some(75),
                encoder_percent: Some(50),
                memory_total_bytes: 8,
                memory_used_bytes: 2,
                ..Device::default()
            };
            GpuStatus { available: true, devices: vec![card], ..GpuStatus::default() }
        }
    }

    #[tokio::test]
    async fn a_sample_has_the_machine_the_queue_and_the_gpus() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&dir.path().join("db.sqlite")).unwrap();
        let queue = EmbeddedQueue::open(db, Duration::from_secs(1)).unwrap();
        queue.send("x").await.unwrap();
        let (inspect, driver): (Arc<dyn Inspect>, Arc<dyn gpu::Driver>) =
            (Arc::new(queue), Arc::new(Card));
        let recorder = Recorder::new(&Board::default(), &inspect, &driver);
        recorder.sample().await;
        // Ticks of the processor are 10 ms long.
        tokio::time::sleep(Duration::from_millis(50)).await;
        recorder.sample().await;
        let view = recorder.view();
        assert_eq!((view.times.len(), view.queue_visible), (2, vec![Some(1); 2]));
        let [first, second] = view.cpu_share[..] else { panic!("{:?}", view.cpu_share) };
        assert_eq!(first, None, "nothing to compare with");
        assert!(second.is_some_and(|share| (0.0..=1.0).contains(&share)), "{second:?}");
        assert_eq!(view.received_bytes_per_sec[0], None);
        assert!(view.received_bytes_per_sec[1].is_some() && view.sent_bytes_per_sec[1].is_some());
        let total = view.memory_total_bytes.unwrap();
        assert!(view.memory_bytes.iter().all(|bytes| bytes.is_some_and(|b| b > 0 && b < total)));
        assert_eq!(view.gpus[0].utilization, [Some(0.75); 2]);
        assert_eq!(view.gpus[0].memory_used_bytes, [Some(2); 2]);
    }

    #[test]
    fn the_memory_of_children_is_counted() {
        // Python has a table of 64 MiB.
        let script = "table = bytearray(64 << 20); print(flush=True); input()";
        let mut child = Command::new("python3")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = [0];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut line).unwrap();
        let with_child = resident_with_children().unwrap();
        drop(child.stdin.take());
        child.wait().unwrap();
        let without = resident_with_children().unwrap();
        assert!(with_child >= without + (48 << 20), "{with_child} and {without}");
    }
}
