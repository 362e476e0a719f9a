//! How long to wait before the next attempt.

use std::time::Duration;

use super::declare::settings;

settings! {
    /// Pauses between attempts.
    #[derive(Copy, Eq)]
    pub struct Policy {
        /// Seconds between the first failed attempt and the second. The pause doubles with each
        /// further failure. SQS accepts 12 hours at most.
        first_secs: u64 = 5, 0..=43_200;
        /// Longest pause in seconds.
        max_secs: u64 = 900, 0..=43_200;
    }
}

/// The pause after `attempt` (from 1) has failed: doubled each time, capped, half of it spread by
/// `jitter` (0 to 1) so that many jobs that failed together do not come back together.
#[must_use]
pub fn delay(attempt: u32, policy: &Policy, jitter: f64) -> Duration {
    let doublings = attempt.saturating_sub(1).min(32);
    let full = policy.first_secs.saturating_mul(1 << doublings).min(policy.max_secs);
    let full = Duration::from_secs(full);
    full.mul_f64(f64::midpoint(1.0, jitter.clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pauses_double_up_to_the_cap() {
        let policy = Policy { first_secs: 5, max_secs: 60 };
        let pauses: Vec<u64> = (0..7).map(|n| delay(n, &policy, 1.0).as_secs()).collect();
        assert_eq!(pauses, [5, 5, 10, 20, 40, 60, 60]);
        assert_eq!(delay(1, &policy, 0.0), Duration::from_millis(2500));
    }

    proptest! {
        #[test]
        fn a_pause_lies_between_half_and_all_of_its_step(attempt in any::<u32>(), jitter in 0.0..1.0) {
            let policy = Policy::default();
            let (pause, full) = (delay(attempt, &policy, jitter), delay(attempt, &policy, 1.0));
            prop_assert!(pause <= full && pause * 2 >= full.saturating_sub(Duration::from_millis(1)));
            prop_assert!(full <= Duration::from_secs(policy.max_secs));
        }
    }
}
