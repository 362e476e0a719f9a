//! The backends while jobs run: free slots, load, and quarantine.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard, RwLock};
use tokio::sync::{Notify, watch};

use super::Tried;
use super::trials::Trials;
use crate::domain::admission::{self, Capacity, Cost, Load, Thresholds};
use crate::domain::backend::{Backend, BackendState, BackendStatus};
use crate::domain::quarantine::{Quarantine, Quarantined};
use crate::domain::recipe::DeviceKind;
use crate::gpu::Driver;

/// How often a full GPU is asked whether it has room.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Limits of the number of jobs that run at a time.
#[derive(Clone, Debug)]
pub struct Limits {
    /// At most so many, whatever is measured; 0 for no such limit.
    pub max_running: u64,
    /// Encoders that each GPU may run at a time; 0 for no limit.
    pub max_encoder_sessions: u32,
    /// Cost of one job.
    pub cost: Cost,
    /// Cores of the processor.
    pub cores: u32,
    /// How long a backend stays in quarantine before it is tried again. Each further failure
    /// doubles it.
    pub retrial: Duration,
}

/// The backends of this machine. Cheap to clone.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    trials: Trials,
    driver: Arc<dyn Driver>,
    limits: RwLock<Limits>,
    state: Mutex<State>,
    changed: Notify,
    tried: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    statuses: Vec<BackendStatus>,
    entries: Vec<Entry>,
    running: u64,
}

/// A backend that passed its trial at the start.
struct Entry {
    backend: Backend,
    label: String,
    slots: u32,
    running: u32,
    quarantine: Quarantine,
}

impl Pool {
    /// A pool without backends, which gives no slot until [`Pool::open`].
    #[must_use]
    pub fn new(trials: Trials, driver: Arc<dyn Driver>, limits: Limits) -> Self {
        let (state, changed, tried) = (Mutex::default(), Notify::new(), watch::Sender::new(false));
        let limits = RwLock::new(limits);
        Self(Arc::new(Inner { trials, driver, limits, state, changed, tried }))
    }

    /// Takes the backends that were tried: jobs may start. Returns the labels of those that work, best first.
    pub fn open(&self, tried: Tried) -> Vec<String> {
        let limits = self.limits();
        let mut entries: Vec<Entry> =
            tried.backends.into_iter().map(|backend| Entry::new(backend, &limits)).collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.backend.recipe.priority));
        let labels = entries.iter().map(|entry| entry.label.clone()).collect();
        *self.state() = State { statuses: tried.statuses, entries, running: 0 };
        self.0.tried.send_replace(true);
        self.0.changed.notify_waiters();
        labels
    }

    /// Takes other limits, for jobs that start from now on.
    pub fn set_limits(&self, limits: Limits) {
        let mut state = self.state();
        for entry in &mut state.entries {
            entry.slots = slots(&entry.backend, &limits);
        }
        *self.0.limits.write() = limits;
        drop(state);
        self.0.changed.notify_waiters();
    }

    /// The limits that hold now.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.0.limits.read().clone()
    }

    /// How backends are tried.
    #[must_use]
    pub fn trials(&self) -> &Trials {
        &self.0.trials
    }

    /// Whether the backends were tried.
    #[must_use]
    pub fn is_open(&self) -> bool {
        *self.0.tried.borrow()
    }

    /// Waits until the backends were tried.
    pub async fn tried(self) {
        // This has a sender.
        drop(self.0.tried.subscribe().wait_for(|is_tried| *is_tried).await);
    }

    /// Every recipe on every device, as it stands now.
    #[must_use]
    pub fn statuses(&self) -> Vec<BackendStatus> {
        self.state().statuses.clone()
    }

    /// Waits until a job may start, and takes a slot for it.
    pub async fn slot(&self) -> Slot {
        loop {
            let changed = self.0.changed.notified();
            if let Some(slot) = self.try_slot().await {
                return slot;
            }
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    async fn try_slot(&self) -> Option<Slot> {
        let driver = Arc::clone(&self.0.driver);
        // A driver that does not answer is one that says nothing.
        let gpus = tokio::task::spawn_blocking(move || driver.status()).await.unwrap_or_default();
        let limits = &self.limits();
        let mut state = self.state();
        if limits.max_running > 0 && state.running >= limits.max_running {
            return None;
        }
        let thresholds = Thresholds { max_sessions: sessions(limits), ..Thresholds::default() };
        let loads: Vec<Load> = state
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.is_open() && entry.is_gpu() && state.is_first(entry))
            .map(|(at, entry)| Load {
                at,
                priority: entry.backend.recipe.priority,
                gpu: entry.nvidia_index(),
                slots: entry.slots,
                running: entry.running,
                sessions: if entry.backend.recipe.takes_nvenc_sessions() {
                    limits.cost.sessions
                } else {
                    0
                },
            })
            .collect();
        let gpu = admission::pick(&loads, &gpus, &thresholds);
        let gpus_work =
            state.entries.iter().any(|entry| entry.is_gpu() && !entry.quarantine.is_active());
        // If a GPU works, the CPU is for sources that no GPU takes.
        let cpu = || state.entries.iter().position(|entry| !entry.is_gpu() && entry.is_open());
        let at = gpu.or_else(|| if gpus_work { None } else { cpu() })?;
        state.running += 1;
        let entry = state.entries.get_mut(at)?;
        entry.running += 1;
        Some(Slot { pool: self.clone(), label: Mutex::new(entry.label.clone()) })
    }

    /// The backends for a job, best first: the GPU of its slot, then others by priority, without those that
    /// failed the job, full GPUs and quarantined backends.
    #[must_use]
    pub fn candidates(&self, slot: &Slot, failed: &[String]) -> Vec<Backend> {
        let slot = slot.label();
        let state = self.state();
        let usable = state.entries.iter().filter(|entry| {
            let has_room = entry.label == slot || !entry.is_gpu() || entry.running < entry.slots;
            has_room && !entry.quarantine.is_active() && !failed.contains(&entry.label)
        });
        let mut usable: Vec<&Entry> = usable.collect();
        // The slot may be the CPU's, taken before a GPU came back.
        usable.sort_by_key(|entry| !(entry.is_gpu() && entry.label == slot));
        usable.into_iter().map(|entry| entry.backend.clone()).collect()
    }

    /// Tries a backend after it failed in a job. Returns whether it still works; if not, it goes into
    /// quarantine, and if it does, the fault was the video's.
    pub async fn still_works(&self, label: &str) -> bool {
        match self.try_again(label).await {
            Ok(()) => true,
            Err(Quarantined { pause, is_new }) => {
                if is_new {
                    tokio::spawn(self.clone().keep_trying(label.to_owned(), pause));
                }
                false
            }
        }
    }

    /// Tries a quarantined backend after growing pauses until it passes.
    async fn keep_trying(self, label: String, mut pause: Duration) {
        loop {
            tokio::time::sleep(pause).await;
            match self.try_again(&label).await {
                Ok(()) => return,
                Err(still) => pause = still.pause,
            }
        }
    }

    /// Tries a backend and records the result.
    async fn try_again(&self, label: &str) -> Result<(), Quarantined> {
        let recipe = self.state().entry(label).map(|entry| entry.backend.recipe.clone());
        let Some(recipe) = recipe else { return Ok(()) };
        let tried = self.0.trials.encode(&recipe).await;
        let first = self.limits().retrial;
        let mut state = self.state();
        let ended = match tried {
            Ok(_) => {
                if state.release(label) {
                    tracing::info!(backend = label, "released backend from quarantine");
                }
                Ok(())
            }
            Err(error) => {
                let reason = error.to_string();
                let quarantined = state.quarantine(label, &reason, first);
                let pause_secs = quarantined.pause.as_secs();
                tracing::error!(backend = label, reason, pause_secs, "quarantined backend");
                Err(quarantined)
            }
        };
        drop(state);
        self.0.changed.notify_waiters();
        ended
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
    }
}

impl State {
    /// Whether no better recipe works on the same GPU. A GPU that is full for that one is full for this one.
    fn is_first(&self, entry: &Entry) -> bool {
        let mut better = self.entries.iter().take_while(|other| other.label != entry.label);
        !better.any(|other| !other.quarantine.is_active() && other.gpu() == entry.gpu())
    }

    fn entry(&mut self, label: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.label == label)
    }

    /// Records a failed trial.
    fn quarantine(&mut self, label: &str, reason: &str, first: Duration) -> Quarantined {
        self.show(label, BackendState::Quarantined, Some(reason.to_owned()));
        let mut unknown = Quarantine::default();
        self.entry(label).map_or(&mut unknown, |entry| &mut entry.quarantine).fail(first)
    }

    /// Records a passed trial. Returns whether the backend was in quarantine.
    fn release(&mut self, label: &str) -> bool {
        self.show(label, BackendState::Available, None);
        self.entry(label).is_some_and(|entry| entry.quarantine.pass())
    }

    fn show(&mut self, label: &str, state: BackendState, reason: Option<String>) {
        if let Some(status) = self.statuses.iter_mut().find(|status| status.label() == label) {
            (status.state, status.reason) = (state, reason);
        }
    }
}

impl Entry {
    fn new(backend: Backend, limits: &Limits) -> Self {
        let slots = slots(&backend, limits);
        let label = backend.label();
        Self { backend, label, slots, running: 0, quarantine: Quarantine::default() }
    }

    /// Whether another job may start on it.
    fn is_open(&self) -> bool {
        !self.quarantine.is_active() && self.running < self.slots
    }

    fn is_gpu(&self) -> bool {
        self.backend.recipe.device != DeviceKind::Cpu
    }

    /// Which GPU it works on.
    fn gpu(&self) -> (bool, &str) {
        (self.backend.recipe.device == DeviceKind::Cuda, &self.backend.device)
    }

    /// Number of the GPU for NVML: that of the device, as both count by the bus.
    fn nvidia_index(&self) -> Option<u32> {
        if self.backend.recipe.device != DeviceKind::Cuda {
            return None;
        }
        Some(self.backend.device.strip_prefix("device").and_then(|n| n.parse().ok()).unwrap_or(0))
    }
}

/// Jobs that a backend may run at the same time.
fn slots(backend: &Backend, limits: &Limits) -> u32 {
    let capacity = Capacity {
        pixels_per_sec: Some(backend.pixels_per_sec),
        max_sessions: sessions(limits).filter(|_| backend.recipe.takes_nvenc_sessions()),
    };
    match backend.recipe.device {
        DeviceKind::Cpu => admission::cpu_slots(limits.cores, backend.pixels_per_sec, &limits.cost),
        DeviceKind::Cuda | DeviceKind::Va | DeviceKind::Single => {
            admission::gpu_slots(&capacity, &limits.cost)
        }
    }
}

fn sessions(limits: &Limits) -> Option<u32> {
    Some(limits.max_encoder_sessions).filter(|sessions| *sessions > 0)
}

/// A job's slot, which is free again when this is dropped.
pub struct Slot {
    pool: Pool,
    label: Mutex<String>,
}

impl Slot {
    /// The backend that the job runs on: at first, the one that it was admitted for.
    #[must_use]
    pub fn label(&self) -> String {
        self.label.lock().clone()
    }

    /// A job has come for the place. Where the place was taken while no GPU worked, or its own broke
    /// since, it moves to one that works.
    pub fn settle(&self) {
        let label = self.label();
        let better = {
            let state = self.pool.state();
            let mut entries = state.entries.iter();
            let keeps = entries.any(|entry| {
                entry.label == label && entry.is_gpu() && !entry.quarantine.is_active()
            });
            let mut others = state
                .entries
                .iter()
                .filter(|entry| entry.is_gpu() && entry.is_open() && state.is_first(entry));
            others.next().filter(|_| !keeps).map(|entry| entry.label.clone())
        };
        if let Some(better) = better {
            self.moved_to(&better);
        }
    }

    /// The job runs on this backend, whichever it was admitted for.
    pub fn moved_to(&self, label: &str) {
        let mut own = self.label.lock();
        let mut state = self.pool.state();
        if let Some(entry) = state.entry(&own) {
            entry.running = entry.running.saturating_sub(1);
        }
        if let Some(entry) = state.entry(label) {
            entry.running += 1;
        }
        label.clone_into(&mut own);
        drop((own, state));
        self.pool.0.changed.notify_waiters();
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let label = self.label();
        let mut state = self.pool.state();
        state.running = state.running.saturating_sub(1);
        if let Some(entry) = state.entry(&label) {
            entry.running = entry.running.saturating_sub(1);
        }
        drop(state);
        self.pool.0.changed.notify_waiters();
    }
}
