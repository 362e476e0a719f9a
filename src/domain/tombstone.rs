//! Deleted videos: the tombstone `tombstones/<id>.json` of the private bucket.
//!
//! A delete writes it before it deletes anything, so that every box knows of the delete, can end it after a
//! crash, and lets nothing bring the video back. Whoever works on a delete holds the tombstone: each
//! change is a conditional write over the version that was seen.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::job::VideoId;
use super::visibility::Visibility;

/// Prefix of the tombstones.
pub const TOMBSTONES_PREFIX: &str = "tombstones/";

/// How long a tombstone is kept. A URL that was issued just before the delete is valid for at most 7 days
/// (S3), and the event of an upload by it waits in the queue for at most 14 days (SQS).
pub const KEPT: SignedDuration = SignedDuration::from_hours(22 * 24);

/// Key of the tombstone of a video, in the private bucket.
#[must_use]
pub fn tombstone_key(id: &VideoId) -> String {
    format!("{TOMBSTONES_PREFIX}{id}.json")
}

/// Where a delete stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The stream is not shown any more. The delete can be undone.
    Deleted,
    /// The delete is being undone.
    Restoring,
    /// The objects are being removed.
    Purging,
    /// The objects are gone.
    Purged,
    /// The delete was undone, or the same key was uploaded anew: the tombstone means nothing any more.
    Lifted,
}

/// One version of the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceVersion {
    /// Entity tag without quotes.
    pub etag: String,
    /// Time of the write, by the clock of the store, in whole seconds.
    pub last_modified: Option<Timestamp>,
}

/// The record of a delete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The video's id.
    pub id: VideoId,
    /// Where the delete stands.
    pub stage: Stage,
    /// Name of the file.
    pub filename: String,
    /// Key of the source in the private bucket, if it is known.
    pub key: Option<String>,
    /// Whether `POST /v1/uploads` made the key up: nobody else uses it, so each object that comes under it is
    /// of the deleted video.
    pub is_issued: bool,
    /// Who could watch the video.
    #[serde(default)]
    pub visibility: Visibility,
    /// The source that was there.
    pub source: Option<SourceVersion>,
    /// When the upload was asked for, RFC 3339.
    pub created_at: Option<String>,
    /// When the tombstone was first written, by the clock of the store. The first write cannot know it: it is
    /// the time of that write.
    #[serde(default)]
    pub deleted_at: Option<Timestamp>,
    /// Seconds for which the delete can be undone.
    pub purge_delay_secs: u64,
    /// Random name of the last writer, so that it recognizes its own write.
    pub writer: String,
    /// Counts the writes of that writer.
    pub renewal: u64,
}

/// Meaning of a tombstone for an object under the key of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: the delete was undone or superseded.
    Lifted,
    /// The object is of the deleted video.
    Deleted,
    /// The object was uploaded after the delete: it is a new video.
    New,
    /// The delete is being undone; the answer follows.
    Undecided,
}

impl Tombstone {
    /// Whether the video is deleted and not gone yet.
    #[must_use]
    pub fn is_in_progress(&self) -> bool {
        matches!(self.stage, Stage::Deleted | Stage::Restoring | Stage::Purging)
    }

    /// Until when the delete can be undone.
    #[must_use]
    pub fn purge_after(&self) -> Option<Timestamp> {
        let delay = i64::try_from(self.purge_delay_secs).unwrap_or(i64::MAX);
        self.deleted_at?.checked_add(SignedDuration::from_secs(delay)).ok()
    }

    /// Whether the objects may be removed at this time.
    #[must_use]
    pub fn may_be_purged(&self, now: Timestamp) -> bool {
        self.purge_after().is_some_and(|after| after <= now)
    }

    /// Whether nothing needs the tombstone any more at this time.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        let is_over = |at: Timestamp| at.checked_add(KEPT).is_ok_and(|until| until < now);
        !self.is_in_progress() && self.deleted_at.is_some_and(is_over)
    }

    /// Judges an object under the key of the source.
    #[must_use]
    pub fn judge(&self, object: &SourceVersion) -> Verdict {
        match self.stage {
            Stage::Lifted => return Verdict::Lifted,
            Stage::Restoring => return Verdict::Undecided,
            Stage::Deleted | Stage::Purging | Stage::Purged => {}
        }
        if self.is_issued {
            return Verdict::Deleted;
        }
        // Everything that was there before is gone.
        if self.stage == Stage::Purged {
            return Verdict::New;
        }
        let is_earlier = match (object.last_modified, self.deleted_at) {
            (Some(written), Some(deleted)) if written != deleted => written < deleted,
            // Within one second, only another version is known to be later.
            (Some(_) | None, Some(_) | None) => self.source.as_ref() == Some(object),
        };
        if is_earlier { Verdict::Deleted } else { Verdict::New }
    }

    /// Judges the versions of the key of the source, newest first: what is older than a version of the deleted
    /// video is of it, too, also within the second of the delete.
    #[must_use]
    pub fn judge_all(&self, newest_first: &[SourceVersion]) -> Vec<Verdict> {
        let mut is_older = false;
        let verdicts = newest_first.iter().map(|version| {
            let verdict = if is_older { Verdict::Deleted } else { self.judge(version) };
            is_older |= verdict == Verdict::Deleted;
            verdict
        });
        verdicts.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn version(etag: &str, second: i64) -> SourceVersion {
        SourceVersion { etag: etag.to_owned(), last_modified: Some(at(second)) }
    }

    fn tombstone(stage: Stage, is_issued: bool) -> Tombstone {
        Tombstone {
            id: VideoId::of_source("uploads", "k"),
            stage,
            filename: "film.mp4".to_owned(),
            key: Some("k".to_owned()),
            is_issued,
            visibility: Visibility::Public,
            source: Some(version("v1", -5)),
            created_at: None,
            deleted_at: Some(at(0)),
            purge_delay_secs: 60,
            writer: "one".to_owned(),
            renewal: 0,
        }
    }

    #[test]
    fn a_later_object_is_a_new_video_unless_the_key_was_issued() {
        use Stage::{Deleted, Lifted, Purged, Purging, Restoring};
        let table = [
            (Deleted, false, version("v1", -5), Verdict::Deleted),
            (Purging, false, version("v0", -1), Verdict::Deleted),
            (Deleted, false, version("v1", 1), Verdict::New),
            (Purging, false, version("v2", 0), Verdict::New),
            (Purged, false, version("v1", -5), Verdict::New),
            (Deleted, true, version("v2", 1), Verdict::Deleted),
            (Purging, true, version("v2", 1), Verdict::Deleted),
            (Purged, true, version("v2", 99), Verdict::Deleted),
            (Restoring, true, version("v1", -5), Verdict::Undecided),
            (Lifted, true, version("v1", -5), Verdict::Lifted),
            (Lifted, false, version("v2", 1), Verdict::Lifted),
        ];
        for (stage, is_issued, object, verdict) in table {
            let got = tombstone(stage, is_issued).judge(&object);
            assert_eq!(got, verdict, "{stage:?} issued: {is_issued} {object:?}");
        }
        let in_the_same_second =
            Tombstone { source: Some(version("v1", 0)), ..tombstone(Deleted, false) };
        assert_eq!(in_the_same_second.judge(&version("v1", 0)), Verdict::Deleted);
    }

    #[test]
    fn versions_that_the_deleted_one_replaced_within_its_second_are_deleted() {
        let tombstone =
            Tombstone { source: Some(version("v2", 0)), ..tombstone(Stage::Purging, false) };
        let newest_first = [version("v3", 0), version("v2", 0), version("v1", 0)];
        let verdicts = tombstone.judge_all(&newest_first);
        assert_eq!(verdicts, [Verdict::New, Verdict::Deleted, Verdict::Deleted]);
        let lifted = Tombstone { stage: Stage::Lifted, ..tombstone };
        assert_eq!(lifted.judge_all(&newest_first), [Verdict::Lifted; 3]);
    }

    #[test]
    fn a_tombstone_outlives_the_urls_and_events_of_its_key() {
        let purged = tombstone(Stage::Purged, true);
        let day = 86_400;
        assert!(!purged.is_expired(at(21 * day)) && purged.is_expired(at(23 * day)));
        assert!(!tombstone(Stage::Purging, true).is_expired(at(99 * day)));
        assert!(!purged.may_be_purged(at(59)) && purged.may_be_purged(at(60)));
    }
}
