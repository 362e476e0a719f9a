//! A limited rate of reports.

use std::time::Duration;

/// Reports per second. A worker sends four reports of progress.
const PER_SEC: u64 = 8;
/// Reports at once. The pipe holds some 1,200 reports of progress while a slow bucket stops its reader.
const BURST: u64 = 2_048;

/// Reports that a worker may send: [`BURST`] at once, and [`PER_SEC`] in the long run.
#[derive(Debug)]
pub(super) struct Allowance {
    /// Thousandths of reports.
    left: u64,
    /// Time of the last report, since the start of the worker.
    at: Duration,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { left: BURST * 1000, at: Duration::ZERO }
    }
}

impl Allowance {
    /// Takes one report at this time since the start of the worker. Returns false if none is left.
    pub(super) fn take(&mut self, at: Duration) -> bool {
        let passed = at.saturating_sub(self.at).as_millis();
        let earned = u64::try_from(passed).unwrap_or(u64::MAX).saturating_mul(PER_SEC);
        // A part of a millisecond counts with the next report.
        if passed > 0 {
            self.at = at;
        }
        let left = self.left.saturating_add(earned).min(BURST * 1000);
        self.left = left.saturating_sub(1000);
        left >= 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_reports_per_second_never_end_and_a_flood_does() {
        let mut honest = Allowance::default();
        let times = (0..200_000).map(|n| Duration::from_millis(n * 250));
        assert!(times.clone().all(|at| honest.take(at)));
        // A reader that was stopped for five minutes gets all of them at once.
        let mut late = Allowance::default();
        assert!(times.take(1_200).all(|_| late.take(Duration::from_mins(5))));
        let mut flood = Allowance::default();
        let taken = (0..1_000_000).take_while(|n| flood.take(Duration::from_micros(*n))).count();
        assert!((2_048..2_100).contains(&taken), "{taken}");
    }
}
