//! How long to wait before the next attempt.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The pauses between attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Pause after the first failed attempt, in seconds.
    pub first_secs: u64,
    /// The longest pause, in seconds.
    pub max_secs: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self { first_secs: 5, max_secs: 900 }
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
