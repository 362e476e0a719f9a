//! Whose turn it is among the pulls that wait.

use std::collections::HashMap;

use jiff::Timestamp;

/// A pull that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Account that asked for it. Those without one have one turn together.
    pub owner: Option<String>,
    /// Since when it waits.
    pub since: Timestamp,
}

/// The turns that one box has given.
#[derive(Debug, Default)]
pub struct PullTurns {
    /// Number of the last turn of each owner.
    last: HashMap<Option<String>, u64>,
    count: u64,
}

impl PullTurns {
    /// Index of the pull that is next: of the owner whose last turn is the longest ago, the one that waits longest.
    #[must_use]
    pub fn next<'a>(&self, waiting: impl Iterator<Item = &'a Waiting>) -> Option<usize> {
        let last = |owner| self.last.get(owner).copied().unwrap_or_default();
        let next = waiting.enumerate().min_by_key(|(_, pull)| (last(&pull.owner), pull.since));
        next.map(|(index, _)| index)
    }

    /// Notes that an owner has had a turn.
    pub fn took(&mut self, owner: Option<String>) {
        self.count += 1;
        self.last.insert(owner, self.count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_take_turns_and_each_owners_pulls_keep_their_order() {
        let pull = |owner: &str, second| Waiting {
            owner: (!owner.is_empty()).then(|| owner.to_owned()),
            since: Timestamp::from_second(second).unwrap(),
        };
        let mut waiting = vec![pull("one", 3), pull("one", 1), pull("one", 2), pull("one", 4)];
        waiting.extend([pull("two", 9), pull("", 6), pull("", 5)]);
        let mut turns = PullTurns::default();
        let mut taken = Vec::new();
        while let Some(next) = turns.next(waiting.iter()) {
            let next = waiting.swap_remove(next);
            taken.push(next.since.as_second());
            turns.took(next.owner);
        }
        assert_eq!(taken, [1, 5, 9, 2, 6, 3, 4]);
    }
}
