//! Removes the remains of failed and superseded attempts, deleted videos and abandoned uploads.

use std::time::Duration;

use futures_util::TryStreamExt;
use jiff::{SignedDuration, Timestamp};

use super::repair::Repaired;
use super::{Housekeeping, Own};
use crate::domain::claim::ClaimState;
use crate::domain::id_map::{IdMap, IdMapBuilder};
use crate::domain::idempotency;
use crate::domain::job::VideoId;
use crate::domain::record::{
    self, CLAIMS_PREFIX, IDEMPOTENCY_PREFIX, RECORDS_PREFIX, UploadRecord,
};
use crate::domain::stream_shape::StreamShape;
use crate::domain::tombstone;
use crate::domain::visibility::Visibility;
use crate::job::error::Error;
use crate::job::{claim, records};
use crate::store::{self, Home, Removal};

/// The contents of both buckets, in little memory: a listing may have millions of objects.
pub(super) struct Found {
    /// By home and id: whether the stream looks whole.
    streams: Vec<(Home, IdMap<bool>)>,
    /// The sources.
    sources: IdMap<()>,
    own: Own,
}

impl Found {
    /// Whether the video was uploaded, and not deleted, when it was listed.
    fn is_known(&self, id: &VideoId) -> bool {
        self.own.records.contains_key(id.as_str()) || self.sources.contains_key(id.as_str())
    }

    /// Whether a source or a stream of the video is there.
    fn is_used(&self, id: &VideoId) -> bool {
        self.sources.contains_key(id.as_str()) || self.homes_of(id) > 0
    }

    /// Whether what a user added to the video may still be wanted: it was uploaded, or a delete of it can be undone.
    pub(super) fn needs_additions(&self, id: &VideoId) -> bool {
        self.is_known(id) || self.is_used(id) || self.own.tombstones.contains_key(id.as_str())
    }

    /// Number of homes that have objects of the video.
    fn homes_of(&self, id: &VideoId) -> usize {
        self.streams.iter().filter(|(_, streams)| streams.contains_key(id.as_str())).count()
    }
}

/// Whether somebody writes to the stream of a claim in this state, or died at it.
fn is_active(state: ClaimState) -> bool {
    matches!(state, ClaimState::Held | ClaimState::Moving)
}

impl Housekeeping {
    /// Removes what nobody needs and nobody works on.
    pub(super) async fn sweep(&self) -> Result<(), Error> {
        let found = self.find_all().await?;
        let mut removed = 0;
        for (home, streams) in &found.streams {
            for (id, looks_whole) in streams.iter() {
                if found.own.tombstones.contains_key(id.as_str())
                    && self.deletions.is_in_progress(&id).await?
                {
                    continue;
                }
                let is_known = found.own.records.contains_key(id.as_str());
                let looks_well = *looks_whole && is_known && found.homes_of(&id) == 1;
                match Box::pin(self.look_after(home, &id, looks_well, &found)).await {
                    Ok(count) => removed += count,
                    // One record that cannot be read keeps no other video from being swept.
                    Err(Error::Store(error @ store::Error::Rejected { .. })) => {
                        tracing::warn!(%id, %error, "failed to sweep a video");
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        removed += self.sweep_private(&found).await?;
        removed += self.sweep_uploads().await?;
        removed += self.context.changes.sweep(&self.context.private).await?;
        removed += self.sweep_answers().await?;
        removed += self.sweep_additions(&found).await?;
        removed += self.sweep_external_ids().await?;
        if removed > 0 {
            tracing::info!(removed, "swept");
        }
        Ok(())
    }

    /// Removes answers to requests with an idempotency key that are kept no longer.
    async fn sweep_answers(&self) -> Result<usize, Error> {
        let private = &self.context.private;
        let mut entries = private.entries(IDEMPOTENCY_PREFIX);
        let mut removed = 0;
        while let Some(entry) = entries.try_next().await? {
            if self.age(entry.last_modified) >= idempotency::KEPT {
                removed += self.remove_entry(&entry).await?;
            }
        }
        Ok(removed)
    }

    /// Sweeps a stream, or repairs one that looks well, now and then. Returns the number of removed objects.
    async fn look_after(
        &self,
        home: &Home,
        id: &VideoId,
        looks_well: bool,
        found: &Found,
    ) -> Result<usize, Error> {
        if !looks_well {
            return self.sweep_stream(home, id, found).await;
        }
        if !self.is_due(id) {
            return Ok(0);
        }
        let context = &self.context;
        let own = records::home_of(&context.private, &context.homes, id).await?;
        if own.visibility() != home.visibility() {
            return self.sweep_stream(home, id, found).await;
        }
        self.repair(id).await?;
        Ok(0)
    }

    /// Lists both buckets.
    async fn find_all(&self) -> Result<Found, Error> {
        // Streams first: what is listed of a video later was there, or has ended, by then.
        let mut streams = Vec::new();
        for home in self.context.homes.all() {
            streams.push((home.clone(), Self::streams(home).await?));
        }
        let own = self.own().await?;
        let mut sources = IdMapBuilder::default();
        let mut listed = self.sources();
        while let Some((id, _)) = listed.try_next().await? {
            sources.insert(&id, ());
        }
        Ok(Found { streams, sources: sources.build(), own })
    }

    /// Lists the streams of a home: whether each looks whole. A listing is in key order, so the objects
    /// of a video follow each other.
    async fn streams(home: &Home) -> Result<IdMap<bool>, Error> {
        let mut streams = IdMapBuilder::default();
        let mut note = |ended: Option<(VideoId, StreamShape)>| {
            if let Some((id, shape)) = ended {
                streams.insert(&id, shape.is_whole());
            }
        };
        let mut current = None;
        let mut entries = home.entries("");
        while let Some(entry) = entries.try_next().await? {
            let Some((id, path)) = entry.key.split_once('/') else { continue };
            let Some(id) = VideoId::parse(id) else { continue };
            let mut next = match current.take() {
                Some((current, shape)) if current == id => shape,
                ended => {
                    note(ended);
                    StreamShape::default()
                }
            };
            next.add(path);
            current = Some((id, next));
        }
        note(current);
        Ok(streams.build())
    }

    /// Removes what failed and superseded attempts at a video have left.
    async fn sweep_stream(&self, home: &Home, id: &VideoId, found: &Found) -> Result<usize, Error> {
        let context = &self.context;
        let entries = home.list(&format!("{id}/")).await?;
        let orphan_age = Duration::from_secs(self.config.orphan_age_secs);
        let untouched = entries.iter().all(|entry| self.age(entry.last_modified) >= orphan_age);
        let claim = claim::read(&self.context.private, id).await?;
        let alive = claim
            .as_ref()
            .is_some_and(|(claim, age, _)| is_active(claim.state) && *age < orphan_age);
        if !untouched || alive {
            return Ok(0);
        }
        let own = records::home_of(&context.private, &context.homes, id).await?;
        let is_own = own.visibility() == home.visibility();
        let is_listed = found.own.records.contains_key(id.as_str());
        if is_own && is_listed && self.repair(id).await? == Repaired::Marked {
            return Ok(0);
        }
        let keys: Vec<String> = entries.iter().map(|entry| entry.key.clone()).collect();
        let record = records::job_record_of(home, id).await?;
        let dead = match record {
            // A deleted video, of which a last write came late.
            _ if !self.is_known(id, found).await? => keys,
            // A change of the visibility was given up here, or has left this.
            _ if !is_own => keys,
            Some((record, _)) => {
                let shown = records::shown_folders(home, id).await?;
                let now = context.private.clock().now();
                record::left_behind(id, keys, Some(&record), &shown, now)
            }
            // Its message is in the queue; the next attempt removes what this one has left.
            None => Vec::new(),
        };
        let count = dead.len();
        records::delete_listed(home, &entries, dead).await?;
        Ok(count)
    }

    /// Whether the video was uploaded, and not deleted: when it was listed, or since.
    async fn is_known(&self, id: &VideoId, found: &Found) -> Result<bool, Error> {
        if found.is_known(id) {
            return Ok(true);
        }
        // A job writes the record before it publishes anything.
        Ok(self.context.private.find(&record::upload_record_key(id)).await?.is_some())
    }

    /// Removes claims and records of which neither a source nor a stream is left.
    async fn sweep_private(&self, found: &Found) -> Result<usize, Error> {
        let orphan_age = Duration::from_secs(self.config.orphan_age_secs);
        let upload_ttl = Duration::from_secs(self.config.upload_ttl_secs);
        let kinds = [
            (CLAIMS_PREFIX, &found.own.claims, orphan_age),
            (RECORDS_PREFIX, &found.own.records, upload_ttl),
        ];
        let mut removed = 0;
        for (prefix, times, least_age) in kinds {
            for (id, at) in times.iter() {
                let is_old = !found.is_used(&id) && self.age(*at) >= least_age;
                if is_old && (prefix == CLAIMS_PREFIX || self.is_useless(&id, *at).await?) {
                    self.delete_unless_written(&format!("{prefix}{id}.json")).await?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }

    /// Whether nothing needs the upload record of a video, written then, that had no source when it was listed. A
    /// late upload makes a video of the default visibility: the record of another one stays until none can come.
    async fn is_useless(&self, id: &VideoId, at: Option<Timestamp>) -> Result<bool, Error> {
        let private = &self.context.private;
        let key = record::upload_record_key(id);
        let Some(record) = private.read_json::<UploadRecord>(&key).await? else {
            return Ok(true);
        };
        if record.visibility != self.context.visibility {
            let kept = Duration::try_from(tombstone::KEPT).unwrap_or(Duration::MAX);
            if self.age(at) < kept {
                return Ok(false);
            }
        }
        // A source that is pulled may wait for long, and a failed pull can be retried.
        let is_pulled = private.find(&record::pull_key(id)).await?.is_some();
        Ok(!is_pulled && private.find(&record.key).await?.is_none())
    }

    /// Deletes an object of the private bucket in the version that it has now, if that is old.
    async fn delete_unless_written(&self, key: &str) -> Result<(), Error> {
        let Some(head) = self.context.private.find(key).await? else { return Ok(()) };
        if self.age(head.last_modified) >= Duration::from_secs(self.config.orphan_age_secs) {
            let (Removal::Gone | Removal::Changed) =
                self.context.private.delete_version(key, &head.etag).await?;
        }
        Ok(())
    }

    /// Gives up multipart uploads that were begun long ago.
    async fn sweep_uploads(&self) -> Result<usize, Error> {
        let private = &self.context.private;
        let ttl = SignedDuration::from_secs(
            i64::try_from(self.config.upload_ttl_secs).unwrap_or(i64::MAX),
        );
        let until = private.clock().now().checked_sub(ttl).unwrap_or(Timestamp::MIN);
        let stale = match private.stale_multiparts(until).await {
            Ok(stale) => stale,
            // The embedded store has a reaper of its own and no such listing.
            Err(store::Error::Rejected { .. }) => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        for (key, upload_id) in &stale {
            private.abort_multipart(key, upload_id).await?;
        }
        // Others may upload to the public bucket, too.
        let public = self.context.homes.of(Visibility::Public);
        let mut begun = match public.stale_multiparts(until).await {
            Ok(begun) => begun,
            // They cost some storage, and no more.
            Err(store::Error::Rejected { .. } | store::Error::Denied { .. }) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        begun.retain(|(key, _)| record::is_immutable_key(key));
        for (key, upload_id) in &begun {
            public.abort_multipart(key, upload_id).await?;
        }
        Ok(stale.len() + begun.len())
    }
}
