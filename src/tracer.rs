//! Notes when the steps of an attempt begin and end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::domain::trace::{MAX_SPANS, Span, Step, Trace, Work};

/// Requests to the store that are kept: the first ones, which are those before the first segment.
const MAX_REQUESTS: usize = 1_024;

/// Cost of a step of the worker, as the worker says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    /// Reads of the source.
    pub reads: u64,
    /// Bytes of these.
    pub read_bytes: u64,
    /// Processor time.
    pub cpu: Duration,
}

/// The trace of one attempt as it grows. Clones share it.
#[derive(Clone, Debug)]
pub struct Tracer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    received: Instant,
    /// How long the source had been stored by then.
    waited: Duration,
    spans: Mutex<Vec<Span>>,
    /// Ranged requests to the store: when each began, and its bytes.
    requests: Mutex<Vec<(Instant, u64)>>,
}

impl Tracer {
    /// The trace of a message that is received now, whose source has been stored for this time.
    #[must_use]
    pub fn begin(waited: Option<Duration>) -> Self {
        let tracer = Self(Arc::new(Inner {
            received: Instant::now(),
            waited: waited.unwrap_or_default(),
            spans: Mutex::default(),
            requests: Mutex::default(),
        }));
        if waited.is_some() {
            let span = Span {
                step: Step::Queue,
                rendition: None,
                start_ms: 0.0,
                end_ms: millis(tracer.0.waited),
                work: None,
            };
            tracer.0.spans.lock().push(span);
        }
        tracer
    }

    /// Begins a step, which ends when the guard is dropped.
    #[must_use]
    pub fn step(&self, step: Step) -> Running {
        Running { tracer: self.clone(), step, began: Instant::now() }
    }

    /// Runs `work` as this step.
    pub fn during<T>(&self, step: Step, work: impl Future<Output = T>) -> impl Future<Output = T> {
        // Steps are large, and callers have several.
        let work = Box::pin(work);
        async move {
            let _running = self.step(step);
            work.await
        }
    }

    /// Adds a step that has ended.
    pub fn add(&self, step: Step, rendition: Option<&str>, began: Instant, ended: Instant) {
        self.push(step, rendition, (began, ended), None);
    }

    /// Adds a step of the worker that has ended.
    pub fn add_worker(&self, step: Step, times: (Instant, Instant), used: Used) {
        let work = Work {
            reads: used.reads,
            read_bytes: used.read_bytes,
            cpu_ms: millis(used.cpu),
            ..Work::default()
        };
        self.push(step, None, times, Some(work));
    }

    /// Adds a request to the store for so many bytes of the source, which begins now.
    pub fn add_request(&self, bytes: u64) {
        let mut requests = self.0.requests.lock();
        if requests.len() < MAX_REQUESTS {
            requests.push((Instant::now(), bytes));
        }
    }

    /// Whether this step was noted for this rendition.
    #[must_use]
    pub fn has(&self, step: Step, rendition: Option<&str>) -> bool {
        let spans = self.0.spans.lock();
        spans.iter().any(|span| span.step == step && span.rendition.as_deref() == rendition)
    }

    /// The steps so far.
    #[must_use]
    pub fn trace(&self) -> Trace {
        let mut spans = self.0.spans.lock().clone();
        for (at, bytes) in &*self.0.requests.lock() {
            let at_ms = self.millis_at(*at);
            // Steps of the worker follow each other.
            let span = spans
                .iter_mut()
                .find(|span| span.work.is_some() && (span.start_ms..span.end_ms).contains(&at_ms));
            if let Some(work) = span.and_then(|span| span.work.as_mut()) {
                work.requests += 1;
                work.request_bytes += bytes;
            }
        }
        spans.sort_by(|a, b| a.start_ms.total_cmp(&b.start_ms));
        Trace { spans }
    }

    fn push(
        &self,
        step: Step,
        rendition: Option<&str>,
        (began, ended): (Instant, Instant),
        work: Option<Work>,
    ) {
        let mut spans = self.0.spans.lock();
        if spans.len() < MAX_SPANS {
            let (start_ms, end_ms) = (self.millis_at(began), self.millis_at(ended));
            let rendition = rendition.map(str::to_owned);
            spans.push(Span { step, rendition, start_ms, end_ms, work });
        }
    }

    /// Milliseconds since the source was stored, to a hundredth.
    fn millis_at(&self, at: Instant) -> f64 {
        millis(self.0.waited + at.saturating_duration_since(self.0.received))
    }
}

/// A step that runs.
#[derive(Debug)]
pub struct Running {
    tracer: Tracer,
    step: Step,
    began: Instant,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tracer.add(self.step, None, self.began, Instant::now());
    }
}

fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 100_000.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_count_for_the_step_of_the_worker_in_which_they_began() {
        let tracer = Tracer::begin(Some(Duration::from_millis(20)));
        let began = Instant::now();
        tracer.add_request(7);
        let ended = Instant::now() + Duration::from_millis(5);
        let used = Used { reads: 2, read_bytes: 100, cpu: Duration::from_millis(3) };
        tracer.add_worker(Step::Discover, (began, ended), used);
        let later = ended + Duration::from_millis(5);
        tracer.add_worker(Step::FrameTimes, (ended, later), Used::default());
        let spans = tracer.trace().spans;
        let steps: Vec<_> = spans.iter().map(|span| span.step).collect();
        assert_eq!(steps, [Step::Queue, Step::Discover, Step::FrameTimes]);
        let counted =
            Work { reads: 2, read_bytes: 100, requests: 1, request_bytes: 7, cpu_ms: 3.0 };
        assert_eq!(spans[1].work, Some(counted));
        assert_eq!(spans[2].work, Some(Work::default()));
        assert!(spans[1].start_ms >= 20.0);
    }

    #[test]
    fn a_trace_is_bounded() {
        let tracer = Tracer::begin(None);
        for _ in 0..1_000 {
            drop(tracer.step(Step::Claim));
        }
        assert_eq!(tracer.trace().spans.len(), MAX_SPANS);
    }
}
