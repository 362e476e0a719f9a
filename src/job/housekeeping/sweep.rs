//! What failed and superseded attempts, deleted videos and abandoned uploads have left behind.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Housekeeping, Private};
use crate::domain::claim::ClaimState;
use crate::domain::job::VideoId;
use crate::domain::record::{self, CLAIMS_PREFIX, RECORDS_PREFIX};
use crate::job::error::Error;
use crate::job::{claim, records};
use crate::store::{self, Entry};

impl Housekeeping {
    /// Removes what nobody needs and nobody works on.
    pub(super) async fn sweep(&self) -> Result<(), Error> {
        // Public first: what is private when it is listed later was there, or has ended, by then.
        let mut streams: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        for entry in self.context.public.list("").await? {
            let id = entry.key.split('/').next().and_then(VideoId::parse);
            if let Some(id) = id {
                streams.entry(id.to_string()).or_default().push(entry);
            }
        }
        let private = self.private().await?;
        let mut removed = 0;
        for (id, entries) in &streams {
            removed += self.sweep_stream(id, entries, &private).await?;
        }
        removed += self.sweep_private(&private, &streams).await?;
        removed += self.sweep_uploads().await?;
        if removed > 0 {
            tracing::info!(removed, "swept");
        }
        Ok(())
    }

    /// Removes what failed and superseded attempts at a video have left.
    async fn sweep_stream(
        &self,
        id: &str,
        entries: &[Entry],
        private: &Private,
    ) -> Result<usize, Error> {
        let Some(id) = VideoId::parse(id) else { return Ok(0) };
        if looks_whole(&id, entries) && private.records.contains_key(id.as_str()) {
            return Ok(0);
        }
        let orphan_age = Duration::from_secs(self.config.orphan_age_secs);
        let untouched = entries.iter().all(|entry| self.age(entry.last_modified) >= orphan_age);
        let found = claim::read(&self.context.private, &id).await?;
        let alive = found
            .as_ref()
            .is_some_and(|(claim, age, _)| claim.state == ClaimState::Held && *age < orphan_age);
        if !untouched || alive {
            return Ok(0);
        }
        let keys: Vec<String> = entries.iter().map(|entry| entry.key.clone()).collect();
        let record = records::job_record_of(&self.context.public, &id).await?;
        let known =
            private.records.contains_key(id.as_str()) || private.sources.contains_key(id.as_str());
        let dead = match record {
            // A deleted video, of which a last write came late.
            _ if !known => keys,
            Some((record, _)) => record::left_behind(&id, keys, Some(&record)),
            // Its message is in the queue; the next attempt removes what this one has left.
            None => Vec::new(),
        };
        for key in &dead {
            self.context.public.delete(key).await?;
        }
        Ok(dead.len())
    }

    /// Removes claims and records of which neither a source nor a stream is left.
    async fn sweep_private(
        &self,
        private: &Private,
        streams: &BTreeMap<String, Vec<Entry>>,
    ) -> Result<usize, Error> {
        let orphan_age = Duration::from_secs(self.config.orphan_age_secs);
        let upload_ttl = Duration::from_secs(self.config.upload_ttl_secs);
        let is_used = |id: &String| private.sources.contains_key(id) || streams.contains_key(id);
        let mut dead = HashSet::new();
        for (id, at) in private.claims.iter().filter(|(id, _)| !is_used(id)) {
            if self.age(*at) >= orphan_age {
                dead.insert(format!("{CLAIMS_PREFIX}{id}.json"));
            }
        }
        for (id, at) in private.records.iter().filter(|(id, _)| !is_used(id)) {
            if self.age(*at) >= upload_ttl {
                dead.insert(format!("{RECORDS_PREFIX}{id}.json"));
            }
        }
        for key in &dead {
            self.context.private.delete(key).await?;
        }
        Ok(dead.len())
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
            match private.abort_multipart(key, upload_id).await {
                Ok(()) | Err(store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(stale.len())
    }
}

/// Whether the keys are those of one whole stream, or of a failure: the usual case, which needs
/// nothing to be read.
fn looks_whole(id: &VideoId, entries: &[Entry]) -> bool {
    let has = |name: &str| entries.iter().any(|entry| entry.key == format!("{id}/{name}"));
    let folders: HashSet<&str> = entries
        .iter()
        .filter_map(|entry| {
            let (folder, _) = entry.key.strip_prefix(id.as_str())?[1..].split_once('/')?;
            Some(folder)
        })
        .collect();
    match folders.len() {
        0 => has("job.json") && !has("main.m3u8"),
        1 => has("job.json") && has("main.m3u8"),
        _ => false,
    }
}
