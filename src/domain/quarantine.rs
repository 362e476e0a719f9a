//! Quarantine of a backend whose trials fail: a state machine without a clock.

use std::time::Duration;

/// Longest pause between two trials of a quarantined backend.
pub const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// Largest exponent of the doubling: beyond it, every pause is [`LONGEST_PAUSE`] anyway.
const MAX_DOUBLINGS: u32 = 16;

/// State of one backend: its failed trials in a row. It is in quarantine unless that is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quarantine {
    failures: u32,
}

/// Consequence of a failed trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Time until the next trial.
    pub pause: Duration,
    /// The backend was available before.
    pub is_new: bool,
}

impl Quarantine {
    /// Whether the backend is in quarantine.
    #[must_use]
    pub fn is_active(self) -> bool {
        self.failures > 0
    }

    /// Records a failed trial. The first pause is `first`; each further failure in a row doubles it, up to
    /// [`LONGEST_PAUSE`].
    pub fn fail(&mut self, first: Duration) -> Quarantined {
        let factor = 2_u32.saturating_pow(self.failures.min(MAX_DOUBLINGS));
        let pause = first.saturating_mul(factor).min(LONGEST_PAUSE);
        let is_new = !self.is_active();
        self.failures = self.failures.saturating_add(1);
        Quarantined { pause, is_new }
    }

    /// Records a passed trial. Returns whether the backend was in quarantine.
    pub fn pass(&mut self) -> bool {
        let was_active = self.is_active();
        *self = Self::default();
        was_active
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_in_a_row_doubles_the_pause_up_to_an_hour() {
        let mut quarantine = Quarantine::default();
        let table = [60, 120, 240, 480, 960, 1920, 3600, 3600];
        for (number, secs) in table.into_iter().enumerate() {
            let expected = Quarantined { pause: Duration::from_secs(secs), is_new: number == 0 };
            assert_eq!(quarantine.fail(Duration::from_mins(1)), expected, "failure {number}");
            assert!(quarantine.is_active());
        }
        assert!(quarantine.pass(), "it was in quarantine");
        assert!(!quarantine.is_active());
        assert!(!quarantine.pass(), "it was not any more");
        let first = Quarantined { pause: Duration::from_mins(1), is_new: true };
        assert_eq!(quarantine.fail(Duration::from_mins(1)), first, "it begins again");
    }

    #[test]
    fn no_setting_overflows() {
        let mut quarantine = Quarantine::default();
        for _ in 0..100 {
            assert_eq!(quarantine.fail(Duration::MAX).pause, LONGEST_PAUSE);
        }
    }
}
