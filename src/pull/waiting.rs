//! The pulls that no box works at.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::TryStreamExt;
use jiff::Timestamp;

use super::parts::Parts;
use crate::domain::job::VideoId;
use crate::domain::pull::{PullRecord, PullState};
use crate::domain::pull_turns::{PullTurns, Waiting};
use crate::domain::record::PULLS_PREFIX;
use crate::store::{self, Entry, Removal};

/// Time for which a failed pull can be retried. After that, its video is an upload that was abandoned.
const FAILED_KEPT: Duration = Duration::from_hours(24 * 30);

/// The pulls as this box saw them last.
#[derive(Default)]
pub(super) struct Seen {
    /// Records without their secrets, and their entity tags: one that has not changed is not read again.
    records: HashMap<VideoId, (String, PullRecord)>,
    pub(super) turns: PullTurns,
}

/// A pull that could be taken.
pub(super) struct Free {
    pub(super) id: VideoId,
    pub(super) entry: Entry,
    pub(super) waiting: Waiting,
}

impl Seen {
    /// The pulls that no box works at. Those that run here are left out.
    pub(super) async fn free(
        &mut self,
        parts: &Parts,
        running: &HashSet<VideoId>,
    ) -> Result<Vec<Free>, store::Error> {
        let mut free = Vec::new();
        let mut before = std::mem::take(&mut self.records);
        let mut entries = parts.private.entries(PULLS_PREFIX);
        while let Some(entry) = entries.try_next().await? {
            let name = entry.key.strip_prefix(PULLS_PREFIX).and_then(|n| n.strip_suffix(".json"));
            let Some(id) = name.and_then(VideoId::parse) else { continue };
            if running.contains(&id) {
                continue;
            }
            let known = before.remove(&id).filter(|(etag, _)| *etag == entry.etag);
            let (etag, record) = match known {
                Some(known) => known,
                None => match parts.private.read_json_version(&entry.key).await? {
                    Some((record, etag)) => (etag, without_secrets(record)),
                    None => continue,
                },
            };
            let clock = parts.private.clock();
            let age = entry.last_modified.map_or(Duration::ZERO, |at| clock.age(at));
            if record.state == PullState::Failed && age >= FAILED_KEPT {
                // The URL in it is no use to anybody.
                let (Removal::Gone | Removal::Changed) =
                    parts.private.delete_version(&entry.key, &etag).await?;
                continue;
            }
            if record.is_free(age, parts.renewal, &parts.claimant) {
                let since = record.began_at.or(entry.last_modified).unwrap_or(Timestamp::MIN);
                let waiting = Waiting { owner: record.owner.clone(), since };
                free.push(Free { id: id.clone(), entry, waiting });
            }
            self.records.insert(id, (etag, record));
        }
        Ok(free)
    }
}

fn without_secrets(record: PullRecord) -> PullRecord {
    PullRecord { url: String::new(), upload: None, ..record }
}
