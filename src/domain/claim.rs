//! Who may work on a video: the claim object `claims/<id>.json`, and what it means to others.
//!
//! It is written conditionally, and renewed while an attempt runs. Whether a claim is alive only
//! decides whether to wait: that nobody else flips is decided by the condition of the writes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::record::JobRecord;
use super::video::VideoView;
use super::waiting::Waiting;

/// How long a claim counts as alive without being renewed, in multiples of its renewal.
pub const LIFE_IN_RENEWALS: u32 = 6;

/// Where a claim stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimState {
    /// No attempt has run yet; a message is in the queue.
    Queued,
    /// An attempt runs.
    Held,
    /// No attempt runs; the message is in the queue.
    Released,
    /// The completion record is written.
    Done,
    /// The video is being deleted.
    Cancelled,
    /// The video is being moved to the home of another visibility. No job takes the claim as long as it is renewed.
    Moving,
}

/// Work that is left for a stream of which every byte is published: the flip and the record.
/// Written before either, so that whoever comes after a crash ends what was begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Commit {
    /// The completion record.
    pub record: JobRecord,
    /// Text of the flipped `main.m3u8`.
    pub main: String,
}

/// Who takes a claim. A box knows what runs on it, so it need not wait for a claim of its own that an earlier
/// process left. The name alone does not tell: an image may be copied together with its `box-id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimant {
    /// Name of the box: unique in the fleet, and the same after a restart.
    pub box_id: String,
    /// Start of the machine and folder of the data: a copy of the box differs in one of the two.
    pub instance: String,
}

impl Claimant {
    /// Whether the claim was written by this box, in this life of its machine.
    #[must_use]
    pub fn wrote(&self, claim: &ClaimRecord) -> bool {
        claim.box_id == self.box_id && claim.instance == self.instance
    }

    /// Whether another machine wrote the claim under the name of this one.
    #[must_use]
    pub fn is_copied(&self, claim: &ClaimRecord) -> bool {
        claim.box_id == self.box_id && claim.instance != self.instance
    }
}

/// The claim on a video.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimRecord {
    /// Where it stands.
    pub state: ClaimState,
    /// The attempt that wrote it, which is also the attempt's folder.
    pub attempt_id: String,
    /// The box that wrote it.
    pub box_id: String,
    /// The instance of that box; see [`Claimant`].
    #[serde(default)]
    pub instance: String,
    /// Entity tag of the source that is worked on.
    pub source_etag: String,
    /// Ended attempts at this version of the source that counted.
    pub attempts: u32,
    /// Attempts at this version of the source that died together with their daemon.
    #[serde(default)]
    pub deaths: u32,
    /// Counts the writes of an attempt, so that it recognizes its own.
    pub renewal: u64,
    /// View of the running attempt on every box.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<VideoView>,
    /// Work that is left once the stream is whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Box<Commit>>,
    /// The fault of the surroundings that the last attempt at this version of the source ended with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
}

impl ClaimRecord {
    /// A claim that no attempt holds: nothing but its state, and the version of the source.
    #[must_use]
    pub fn without_attempt(state: ClaimState, source_etag: &str) -> Self {
        Self {
            state,
            attempt_id: String::new(),
            box_id: String::new(),
            instance: String::new(),
            source_etag: source_etag.to_owned(),
            attempts: 0,
            deaths: 0,
            renewal: 0,
            view: None,
            commit: None,
            waiting: None,
        }
    }
}

impl ClaimRecord {
    /// The claim once another message for the same version is in the queue, and no attempt runs.
    #[must_use]
    pub fn queued_again(&self) -> Self {
        Self { state: ClaimState::Queued, attempt_id: String::new(), view: None, ..self.clone() }
    }
}

/// Meaning of a claim for a box that wants to work on a version of the source.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It may be taken.
    Free {
        /// Attempts at this version that counted so far.
        attempts: u32,
        /// Attempts at this version that died together with their daemon so far.
        deaths: u32,
        /// Work that an attempt had left when it died.
        unfinished: Option<Box<Commit>>,
        /// The fault of the surroundings that the last attempt at this version ended with.
        waiting: Option<Waiting>,
    },
    /// Another attempt is alive.
    Taken,
}

/// Whether a claim that was last written `age` ago is alive.
#[must_use]
pub fn is_alive(claim: &ClaimRecord, age: Duration, renewal: Duration) -> bool {
    matches!(claim.state, ClaimState::Held | ClaimState::Moving) && age < renewal * LIFE_IN_RENEWALS
}

/// Whether a claim that was last written `age` ago leaves the video to somebody who wants to move it: no job works
/// on it or will. `is_settled`: the completion record covers the source, so that a job that comes ends before it
/// takes the claim, and leaves one as it is that a delete, a retry or a move has left.
#[must_use]
pub fn may_be_moved(
    claim: &ClaimRecord,
    age: Duration,
    renewal: Duration,
    is_settled: bool,
) -> bool {
    match claim.state {
        ClaimState::Done | ClaimState::Moving => !is_alive(claim, age, renewal),
        ClaimState::Held => false,
        ClaimState::Queued | ClaimState::Released | ClaimState::Cancelled => {
            is_settled && age >= renewal * LIFE_IN_RENEWALS
        }
    }
}

/// Judges a claim: `age` since its last write, for a claimant that wants this version of the source and runs no
/// attempt at the video itself.
#[must_use]
pub fn judge(
    claim: &ClaimRecord,
    age: Duration,
    renewal: Duration,
    claimant: &Claimant,
    source_etag: &str,
) -> Verdict {
    if claim.state == ClaimState::Moving && is_alive(claim, age, renewal) {
        return Verdict::Taken;
    }
    let same_version = claim.source_etag == source_etag;
    // A claim of its own is of an attempt that died with an earlier process. An attempt at a version that is
    // no longer there cannot succeed.
    if is_alive(claim, age, renewal) && !claimant.wrote(claim) && same_version {
        return Verdict::Taken;
    }
    let unfinished = match claim.state {
        ClaimState::Queued | ClaimState::Held | ClaimState::Released => claim.commit.clone(),
        ClaimState::Done | ClaimState::Cancelled | ClaimState::Moving => None,
    };
    // An attempt that ends releases its claim.
    let deaths = claim.deaths + u32::from(claim.state == ClaimState::Held);
    Verdict::Free {
        attempts: if same_version { claim.attempts } else { 0 },
        deaths: if same_version { deaths } else { 0 },
        unfinished: unfinished.filter(|_| same_version),
        waiting: claim.waiting.clone().filter(|_| same_version),
    }
}

/// Whether the message for this version of the source is lost, as far as its claim tells, which was written
/// `age` ago. The longest time for which a message may rest between two deliveries is `rest`.
///
/// An attempt renews its claim, and a message comes back after the pause that its last attempt asked for: a
/// claim that nobody has written for longer has no message any more (a redrive, a purge, the end of its
/// retention), or the queue is long.
#[must_use]
pub fn has_lost_message(
    claim: &ClaimRecord,
    age: Duration,
    source_etag: &str,
    rest: Duration,
) -> bool {
    match claim.state {
        // Its record is written, but perhaps of another version.
        ClaimState::Done => claim.source_etag != source_etag && age >= rest,
        ClaimState::Queued | ClaimState::Held | ClaimState::Released | ClaimState::Moving => {
            age >= rest
        }
        ClaimState::Cancelled => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RENEWAL: Duration = Duration::from_secs(5);

    fn claim(state: ClaimState) -> ClaimRecord {
        ClaimRecord {
            state,
            attempt_id: "a1".to_owned(),
            box_id: "one".to_owned(),
            instance: "boot".to_owned(),
            source_etag: "v1".to_owned(),
            attempts: 3,
            deaths: 1,
            renewal: 7,
            view: None,
            commit: None,
            waiting: None,
        }
    }

    #[test]
    fn only_a_living_attempt_of_another_box_at_the_same_version_is_waited_for() {
        use ClaimState::{Cancelled, Done, Held, Moving, Queued, Released};
        let free =
            |attempts, deaths| Verdict::Free { attempts, deaths, unfinished: None, waiting: None };
        let table = [
            (Held, 0, "two", "boot", "v1", Verdict::Taken),
            (Held, 29, "two", "boot", "v1", Verdict::Taken),
            (Held, 30, "two", "boot", "v1", free(3, 2)),
            (Held, 0, "one", "boot", "v1", free(3, 2)),
            // A copy of the box, or the box after a restart of its machine.
            (Held, 0, "one", "other boot", "v1", Verdict::Taken),
            (Held, 30, "one", "other boot", "v1", free(3, 2)),
            (Held, 0, "two", "boot", "v2", free(0, 0)),
            (Released, 0, "two", "boot", "v1", free(3, 1)),
            (Queued, 0, "two", "boot", "v1", free(3, 1)),
            (Done, 0, "two", "boot", "v1", free(3, 1)),
            (Cancelled, 0, "two", "boot", "v1", free(3, 1)),
            (Moving, 0, "two", "boot", "v1", Verdict::Taken),
            (Moving, 29, "one", "boot", "v2", Verdict::Taken),
            (Moving, 30, "two", "boot", "v1", free(3, 1)),
        ];
        for (state, age, box_id, instance, etag, verdict) in table {
            let age = Duration::from_secs(age);
            let claimant = Claimant { box_id: box_id.to_owned(), instance: instance.to_owned() };
            let got = judge(&claim(state), age, RENEWAL, &claimant, etag);
            assert_eq!(got, verdict, "{state:?} {age:?} {claimant:?} {etag}");
        }
    }

    #[test]
    fn a_video_is_moved_while_no_job_works_on_it_or_will() {
        use ClaimState::{Cancelled, Done, Held, Moving, Queued, Released};
        // Age, whether it may be moved before and after its completion record covers the source.
        let table = [
            (Done, 0, true, true),
            (Moving, 29, false, false),
            (Moving, 30, true, true),
            (Held, 0, false, false),
            (Held, 30, false, false),
            (Queued, 29, false, false),
            (Queued, 30, false, true),
            (Released, 30, false, true),
            (Cancelled, 29, false, false),
            (Cancelled, 30, false, true),
        ];
        for (state, age, before, after) in table {
            let may = |is_settled| {
                may_be_moved(&claim(state), Duration::from_secs(age), RENEWAL, is_settled)
            };
            assert_eq!([may(false), may(true)], [before, after], "{state:?} {age}");
        }
    }

    #[test]
    fn a_message_is_lost_once_its_claim_rests_longer_than_a_message_may() {
        use ClaimState::{Cancelled, Done, Held, Queued, Released};
        let table = [
            (Queued, 9, "v1", false),
            (Queued, 10, "v1", true),
            (Held, 9, "v1", false),
            (Held, 10, "v1", true),
            (Released, 9, "v1", false),
            (Released, 10, "v1", true),
            (Done, 10, "v1", false),
            (Done, 9, "v2", false),
            (Done, 10, "v2", true),
            (Cancelled, 10, "v1", false),
        ];
        for (state, age, etag, lost) in table {
            let (age, rest) = (Duration::from_secs(age), Duration::from_secs(10));
            let got = has_lost_message(&claim(state), age, etag, rest);
            assert_eq!(got, lost, "{state:?} {age:?} {etag}");
        }
    }
}
