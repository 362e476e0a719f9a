//! Videos that wait because their surroundings fail: an archived source, a lost key, a store that denies.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::failure_code::FailureCode;
use super::video::VideoError;

/// A fault of the surroundings that an attempt ended with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hindrance {
    /// Reason.
    pub code: FailureCode,
    /// A sentence for a person.
    pub message: String,
    /// It lasts until somebody acts; others pass by themselves.
    pub is_lasting: bool,
}

/// Why and since when a video waits. Its message is in the queue, and it is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Time of the first of the consecutive faults, by the clock of the store.
    pub since: Timestamp,
    /// The latest fault.
    #[serde(flatten)]
    pub fault: Hindrance,
}

impl Waiting {
    /// The state after a fault at `now`, where the last attempt ended with `earlier`.
    #[must_use]
    pub fn after(earlier: Option<&Self>, fault: Hindrance, now: Timestamp) -> Self {
        let same_kind = earlier.filter(|earlier| earlier.fault.is_lasting == fault.is_lasting);
        Self { since: same_kind.map_or(now, |earlier| earlier.since), fault }
    }

    /// The error that people see meanwhile.
    #[must_use]
    pub fn error(&self) -> VideoError {
        let Hindrance { code, message, .. } = &self.fault;
        let message = format!("{message} {}", code.advice());
        VideoError { code: code.as_str().to_owned(), message }
    }

    /// Whether a fault that lasts has lasted for `most`.
    #[must_use]
    pub fn is_over(&self, now: Timestamp, most: Duration) -> bool {
        let waited = Duration::try_from(now.duration_since(self.since)).unwrap_or_default();
        self.fault.is_lasting && waited >= most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(is_lasting: bool) -> Hindrance {
        let code =
            if is_lasting { FailureCode::StoreDenied } else { FailureCode::StoreUnavailable };
        Hindrance { code, message: "no".to_owned(), is_lasting }
    }

    #[test]
    fn only_consecutive_faults_that_last_add_up() {
        let at = |secs| Timestamp::from_second(secs).unwrap();
        let first = Waiting::after(None, fault(true), at(100));
        assert_eq!(first.since, at(100));
        let second = Waiting::after(Some(&first), fault(true), at(200));
        assert_eq!(second.since, at(100));
        let passing = Waiting::after(Some(&second), fault(false), at(300));
        assert_eq!(passing.since, at(300));
        let third = Waiting::after(Some(&passing), fault(true), at(400));
        assert_eq!(third.since, at(400));
        let most = Duration::from_secs(100);
        let table = [
            (&second, 199, false),
            (&second, 200, true),
            (&second, 0, false),
            (&passing, 9999, false),
        ];
        for (waiting, now, over) in table {
            assert_eq!(waiting.is_over(at(now), most), over, "{waiting:?} at {now}");
        }
    }
}
