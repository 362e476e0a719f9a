//! Whose turn it is among the messages that wait: by priority, with a share for the lower ones.
//!
//! Among messages of one priority, the owners take turns; that is the queue's part, because it depends on how a
//! queue can look into itself.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::priority::Priority;

/// Messages of higher priority that are taken in a row while normal ones wait.
const PASSES_OF_NORMAL: u32 = 4;
/// Messages of higher priority that are taken in a row while low ones wait.
const PASSES_OF_LOW: u32 = 9;

/// Place of a video's message among those that wait, as its upload record states it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Its priority.
    #[serde(default)]
    pub priority: Priority,
    /// Account that uploaded the video. Videos without one have one turn together.
    #[serde(default)]
    pub owner: Option<String>,
}

impl Priority {
    /// All priorities, the first one first.
    pub const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Low];

    /// Index in [`Priority::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Self::High => 0,
            Self::Normal => 1,
            Self::Low => 2,
        }
    }
}

/// The turns that messages of lower priority were passed over. No priority waits for ever: while all three wait,
/// every fifth message is one of normal priority at least, and every tenth a low one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turns {
    passed: [u32; 3],
}

impl Turns {
    /// The priorities in the order in which the next message is looked for.
    #[must_use]
    pub fn order(&self) -> [Priority; 3] {
        let is_due = |priority: Priority, passes| self.passed[priority.index()] >= passes;
        let normal = is_due(Priority::Normal, PASSES_OF_NORMAL);
        let low = is_due(Priority::Low, PASSES_OF_LOW);
        match (normal, low) {
            (false, false) => Priority::ALL,
            (true, false) => [Priority::Normal, Priority::High, Priority::Low],
            (false, true) => [Priority::Low, Priority::High, Priority::Normal],
            (true, true) => [Priority::Low, Priority::Normal, Priority::High],
        }
    }

    /// Notes that no message of this priority waits.
    pub fn found_none(&mut self, priority: Priority) {
        self.passed[priority.index()] = 0;
    }

    /// Notes that no message of this priority came within this time. A poll of SQS that does not wait asks some of
    /// its servers alone, so it says nothing: the priority stays due.
    pub fn found_none_within(&mut self, priority: Priority, wait: Duration) {
        if !wait.is_zero() {
            self.found_none(priority);
        }
    }

    /// Notes that a message of this priority was taken.
    pub fn took(&mut self, priority: Priority) {
        self.passed[priority.index()] = 0;
        for lower in &mut self.passed[priority.index() + 1..] {
            *lower = lower.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Takes messages while these priorities have some.
    fn take(turns: &mut Turns, waiting: &[Priority]) -> Priority {
        for priority in turns.order() {
            if waiting.contains(&priority) {
                turns.took(priority);
                return priority;
            }
            turns.found_none(priority);
        }
        unreachable!("a message waits")
    }

    #[test]
    fn higher_ones_come_first_and_lower_ones_have_a_share() {
        let mut turns = Turns::default();
        let taken: Vec<Priority> = (0..100).map(|_| take(&mut turns, &Priority::ALL)).collect();
        let count = |priority| taken.iter().filter(|taken| **taken == priority).count();
        assert_eq!(taken[0], Priority::High);
        assert_eq!(
            (count(Priority::High), count(Priority::Normal), count(Priority::Low)),
            (72, 18, 10)
        );
    }

    #[test]
    fn one_that_has_nothing_keeps_nobody_waiting() {
        let mut turns = Turns::default();
        let normal: Vec<_> = (0..30).map(|_| take(&mut turns, &[Priority::Normal])).collect();
        assert!(normal.iter().all(|taken| *taken == Priority::Normal));
        // A high one that comes while normal ones are taken is the next.
        let both = [Priority::High, Priority::Normal];
        assert_eq!(take(&mut turns, &both), Priority::High);
        assert_eq!(take(&mut turns, &[Priority::Low]), Priority::Low);
    }

    #[test]
    fn a_poll_that_does_not_wait_takes_no_turn_away() {
        let mut turns = Turns::default();
        for _ in 0..PASSES_OF_LOW {
            turns.took(Priority::High);
        }
        turns.found_none_within(Priority::Low, Duration::ZERO);
        assert_eq!(turns.order()[0], Priority::Low);
        turns.found_none_within(Priority::Low, Duration::from_secs(1));
        assert_eq!(turns.order()[0], Priority::Normal);
    }

    #[test]
    fn a_record_states_a_place() {
        let place = |text: &str| serde_json::from_str::<Place>(text).unwrap();
        assert_eq!(place(r#"{"id":"x","size_bytes":7}"#), Place::default());
        let found = place(r#"{"id":"x","owner":"t1","priority":"low"}"#);
        assert_eq!(found, Place { priority: Priority::Low, owner: Some("t1".to_owned()) });
    }

    proptest! {
        #[test]
        fn no_priority_waits_for_more_than_ten_turns(
            rounds in proptest::collection::vec((any::<bool>(), any::<bool>()), 1..200),
            starved in 1_usize..3,
        ) {
            let starved = Priority::ALL[starved];
            let (mut turns, mut waited) = (Turns::default(), 0);
            for (high, normal) in rounds {
                let mut waiting = vec![starved];
                waiting.extend(high.then_some(Priority::High));
                waiting.extend(normal.then_some(Priority::Normal));
                waited = if take(&mut turns, &waiting) == starved { 0 } else { waited + 1 };
                prop_assert!(waited <= PASSES_OF_LOW, "{starved:?} waits");
            }
        }
    }
}
