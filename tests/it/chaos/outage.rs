//! Announced outages: for how long players may be answered with an error.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Time after an outage within which everything must be reachable again. On two busy cores a daemon
/// needs some seconds to answer after it was stopped for a minute.
const GRACE: Duration = Duration::from_secs(20);

struct State {
    active: usize,
    ended: Option<Instant>,
}

/// The outages of one run. Clones share them.
#[derive(Clone)]
pub struct Outages(Arc<Mutex<State>>);

/// An outage that ends when this is dropped.
pub struct Outage(Outages);

impl Drop for Outage {
    fn drop(&mut self) {
        let mut state = self.0.0.lock().unwrap();
        state.active -= 1;
        state.ended = Some(Instant::now());
    }
}

impl Outages {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(State { active: 0, ended: None })))
    }

    pub fn begin(&self) -> Outage {
        self.0.lock().unwrap().active += 1;
        Outage(self.clone())
    }

    /// Whether something that does not work since this moment may still not work.
    pub fn excuse(&self, since: Instant) -> bool {
        let state = self.0.lock().unwrap();
        let since = state.ended.map_or(since, |ended| ended.max(since));
        state.active > 0 || since.elapsed() < GRACE
    }
}
