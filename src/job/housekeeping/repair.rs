//! Repairs a `main.m3u8` that is missing or names what is gone.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Housekeeping;
use crate::domain::claim::is_alive;
use crate::domain::failure_code::FailureCode;
use crate::domain::hls::names;
use crate::domain::job::VideoId;
use crate::domain::record::{JobOutcome, JobRecord};
use crate::domain::shown::{self, Shown};
use crate::domain::video::VideoError;
use crate::job::error::Error;
use crate::job::records::{self, Versioned};
use crate::job::{adapters, claim};
use crate::store::{Entry, Home, Removal};

/// Sweeps within which each stream is read once whose listing looks whole.
const SWEEPS_PER_CHECK: u64 = 8;

/// Result of a repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repaired {
    /// There was nothing to do, or somebody works on the video.
    Nothing,
    /// `main.m3u8` is written anew.
    Rewritten,
    /// The files are gone, and the completion record says so.
    Marked,
}

impl Housekeeping {
    /// Whether this sweep reads the `main.m3u8` of a video whose listing looks whole.
    pub(super) fn is_due(&self, id: &VideoId) -> bool {
        self.is_turn_of(id.as_str())
    }

    /// Whether this sweep looks closer at what has this name: one of [`SWEEPS_PER_CHECK`] does.
    pub(super) fn is_turn_of(&self, name: &str) -> bool {
        let seconds =
            u64::try_from(self.context.private.clock().now().as_second()).unwrap_or_default();
        let turn = seconds / self.config.sweep_secs.max(1);
        let place: u64 = name.bytes().map(u64::from).sum();
        (turn + place).is_multiple_of(SWEEPS_PER_CHECK)
    }

    /// Repairs the `main.m3u8` of a video with the text in its completion record. If the files of the stream
    /// are gone, the record says so from then on, and the video can be processed again.
    pub(super) async fn repair(&self, id: &VideoId) -> Result<Repaired, Error> {
        let context = &self.context;
        let home = records::home_of(&context.private, &context.homes, id).await?;
        let main = adapters::read_main(home, id).await?;
        let record = records::job_record_of(home, id).await?;
        let Some((record, version)) = record else { return Ok(Repaired::Nothing) };
        if record.outcome == JobOutcome::Failed || self.is_worked_on(id).await? {
            return Ok(Repaired::Nothing);
        }
        // After both were read: what they name is listed, or gone. Conditions of the writes hold off whoever
        // has published meanwhile.
        let listed = home.list(&format!("{id}/")).await?;
        let keys: BTreeSet<&str> = listed.iter().map(|entry| entry.key.as_str()).collect();
        let text = main.as_ref().map(|(text, _)| text.as_str());
        match shown::compare(&record, text, &keys) {
            Shown::Whole => {
                let shown = shown::folders_of(text.unwrap_or_default());
                self.sweep_replaced(home, &record, &shown, &listed).await?;
                Ok(Repaired::Nothing)
            }
            Shown::Damaged(text) => {
                self.rewrite(home, id, text, main.as_ref().map(|(_, etag)| etag.as_str())).await
            }
            Shown::Gone => self.mark(home, id, (record, version)).await,
            Shown::Unknown => {
                tracing::error!(%id, "main.m3u8 is damaged, and its record does not have its text");
                Ok(Repaired::Nothing)
            }
        }
    }

    /// Removes files beside the renditions of a stream that newer ones have replaced, once nobody loads them.
    async fn sweep_replaced(
        &self,
        home: &Home,
        record: &JobRecord,
        shown: &BTreeSet<String>,
        listed: &[Entry],
    ) -> Result<(), Error> {
        let now = self.context.private.clock().now();
        let least_age = Duration::from_secs(self.config.orphan_age_secs);
        let below = format!("{}/", record.id);
        let is_left = |entry: &&Entry| {
            let path = entry.key.strip_prefix(&below);
            let is_left_over = path.is_some_and(|path| record.is_left_over(path, shown, now));
            // An edit may have uploaded it just now.
            is_left_over && self.age(entry.last_modified) >= least_age
        };
        let keys: Vec<String> =
            listed.iter().filter(is_left).map(|entry| entry.key.clone()).collect();
        Ok(home.delete_immutable(&keys).await?)
    }

    async fn is_worked_on(&self, id: &VideoId) -> Result<bool, Error> {
        let renewal = Duration::from_secs(self.context.config.claim_renewal_secs);
        let found = claim::read(&self.context.private, id).await?;
        Ok(found.is_some_and(|(claim, age, _)| is_alive(&claim, age, renewal)))
    }

    async fn rewrite(
        &self,
        home: &Home,
        id: &VideoId,
        text: String,
        seen: Option<&str>,
    ) -> Result<Repaired, Error> {
        let Some(etag) = adapters::show(home, id, text, seen).await? else {
            return Ok(Repaired::Nothing);
        };
        // A delete hides the stream after it has written its tombstone: one of the two removes it.
        if self.deletions.is_in_progress(id).await? {
            let (Removal::Gone | Removal::Changed) =
                home.delete_version(&names::main_key(id), &etag).await?;
            return Ok(Repaired::Nothing);
        }
        tracing::warn!(%id, "main.m3u8 was damaged and is written anew");
        Ok(Repaired::Rewritten)
    }

    async fn mark(&self, home: &Home, id: &VideoId, seen: Versioned) -> Result<Repaired, Error> {
        let code = FailureCode::StreamGone;
        let message = format!("{} {}", code.sentence(), code.advice());
        let record = JobRecord {
            outcome: JobOutcome::Failed,
            attempt_id: String::new(),
            renditions: Vec::new(),
            poster: None,
            storyboard: None,
            chapters: None,
            error: Some(VideoError { code: code.as_str().to_owned(), message }),
            failed_update: None,
            main: None,
            text_tracks: Vec::new(),
            own_poster: None,
            ..seen.0.clone()
        };
        tracing::error!(%id, "the files of a stream are gone");
        match records::put_job_record(home, &record, Some(&seen)).await {
            Ok(_) => Ok(Repaired::Marked),
            Err(Error::ClaimLost) => Ok(Repaired::Nothing),
            Err(error) => Err(error),
        }
    }
}
