//! The steps of a worker, as spans of the trace of its attempt.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::domain::trace::Step;
use crate::tracer::{Tracer, Used};
use crate::worker::protocol::{Reached, monotonic_ns};

/// Notes the steps of one worker. Each begins where the one before it ended; those of a rendition, with the first
/// frame.
pub(super) struct Marks {
    tracer: Tracer,
    started: Instant,
    last: Instant,
    /// The last step.
    before: Totals,
    /// Names of the renditions, in the order of the plan.
    names: Vec<String>,
    /// Time of the first packet of each rendition.
    encoded: HashMap<u16, Instant>,
}

/// Counters of a worker.
#[derive(Clone, Copy, Default)]
struct Totals {
    reads: u64,
    read_bytes: u64,
    cpu_ns: u64,
}

impl Marks {
    /// Notes the steps of a worker that is started now.
    pub(super) fn new(tracer: Tracer) -> Self {
        let now = Instant::now();
        let (before, names, encoded) = (Totals::default(), Vec::new(), HashMap::new());
        Self { tracer, started: now, last: now, before, names, encoded }
    }

    /// Takes the names of the renditions of the plan.
    pub(super) fn planned(&mut self, names: impl Iterator<Item = String>) {
        self.names = names.collect();
    }

    /// Notes a step. The worker may say any time: it counts as one between its start and now.
    pub(super) fn reached(&mut self, reached: Reached) {
        let now = Instant::now();
        let age = Duration::from_nanos(monotonic_ns().saturating_sub(reached.at_ns));
        let at = now.checked_sub(age).unwrap_or(self.started).clamp(self.started, now);
        if let Some(rendition) = reached.rendition {
            if let Some(name) = self.names.get(usize::from(rendition))
                && !self.encoded.contains_key(&rendition)
            {
                self.encoded.insert(rendition, at);
                self.tracer.add(reached.step, Some(name), self.last, at.max(self.last));
            }
            return;
        }
        let at = at.max(self.last);
        let Reached { step, reads, read_bytes, cpu_ns, .. } = reached;
        let used = Used {
            reads: reads.saturating_sub(self.before.reads),
            read_bytes: read_bytes.saturating_sub(self.before.read_bytes),
            cpu: Duration::from_nanos(cpu_ns.saturating_sub(self.before.cpu_ns)),
        };
        self.tracer.add_worker(step, (self.last, at), used);
        (self.last, self.before) = (at, Totals { reads, read_bytes, cpu_ns });
    }

    /// Notes that the first segment of a rendition has arrived.
    pub(super) fn first_segment(&self, rendition: u16) {
        if let Some(name) = self.names.get(usize::from(rendition)) {
            let began = self.encoded.get(&rendition).copied().unwrap_or(self.last);
            self.tracer.add(Step::Segment, Some(name), began, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(step: Step, at_ns: u64) -> Reached {
        Reached { step, rendition: None, at_ns, reads: 0, read_bytes: 0, cpu_ns: 0 }
    }

    #[test]
    fn times_that_a_worker_makes_up_stay_between_its_start_and_now() {
        let tracer = Tracer::begin(None);
        let mut marks = Marks::new(tracer.clone());
        for at_ns in [u64::MAX, 0, monotonic_ns(), 1] {
            marks.reached(reached(Step::Discover, at_ns));
        }
        marks.reached(Reached { rendition: Some(7), ..reached(Step::Encode, 0) });
        let spans = tracer.trace().spans;
        assert_eq!(spans.len(), 4, "a rendition that is not in the plan has no span");
        assert!(spans.iter().all(|span| (0.0..60_000.0).contains(&span.end_ms)), "{spans:?}");
        assert!(spans.iter().all(|span| span.start_ms <= span.end_ms), "{spans:?}");
    }
}
