//! Compares the index with the buckets.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use futures_util::stream::{self, BoxStream, Peekable};
use futures_util::{StreamExt, TryStreamExt};

use super::index::Error;
use super::refresh::{AT_ONCE, Catalog};
use crate::domain::job::VideoId;
use crate::domain::record::{CLAIMS_PREFIX, PULLS_PREFIX, RECORDS_PREFIX};
use crate::domain::tombstone::TOMBSTONES_PREFIX;
use crate::store;

/// Interval of the comparisons.
const EVERY: Duration = Duration::from_hours(24);
/// Pause after one that failed.
const RETRY: Duration = Duration::from_mins(1);
/// Videos that are compared together.
const CHUNK: usize = 500;

/// Prefixes of the records that change with a video: upload record, claim, tombstone, pull. Its completion record changes
/// only while somebody holds its claim.
const PREFIXES: [&str; 4] = [RECORDS_PREFIX, CLAIMS_PREFIX, TOMBSTONES_PREFIX, PULLS_PREFIX];

/// A listing of one prefix: ids in order, with the entity tags of their records.
type Listing = Pin<Box<Peekable<BoxStream<'static, Result<(VideoId, String), store::Error>>>>>;

impl Catalog {
    /// Compares at once, and then every day. Never returns.
    pub(super) async fn compare_daily(&self) {
        loop {
            let pause = match self.compare().await {
                Ok(changed) => {
                    tracing::info!(changed, "compared the catalog with the buckets");
                    EVERY
                }
                Err(error) => {
                    tracing::warn!(%error, "failed to compare the catalog with the buckets");
                    RETRY
                }
            };
            // Or sooner, if rows are found missing.
            drop(tokio::time::timeout(pause, self.0.index.incomplete.notified()).await);
        }
    }

    /// Reads the videos whose records have another version than the index. Lists all records, a chunk at a time.
    /// Returns the number of videos that were read.
    pub(super) async fn compare(&self) -> Result<usize, Error> {
        let mut listings: Vec<Listing> =
            PREFIXES.iter().map(|prefix| self.listing(prefix)).collect();
        let (mut after, mut changed) = (None, 0);
        loop {
            let chunk = next_chunk(&mut listings).await?;
            let is_last = chunk.len() < CHUNK;
            let until = chunk.last_key_value().map(|(id, _)| id.clone()).filter(|_| !is_last);
            changed += self.compare_chunk(chunk, after, until.clone()).await?;
            if is_last {
                break;
            }
            after = until;
        }
        self.0.index.note_comparison().await?;
        Ok(changed)
    }

    /// Compares the videos after `after` up to `until`, which are all that are listed.
    async fn compare_chunk(
        &self,
        listed: BTreeMap<VideoId, String>,
        after: Option<VideoId>,
        until: Option<VideoId>,
    ) -> Result<usize, Error> {
        let mut known = self.0.index.versions(after, until).await?;
        let mut changed: Vec<(VideoId, String)> = Vec::new();
        for (id, version) in listed {
            if known.remove(id.as_str()).as_ref() != Some(&version) {
                changed.push((id, version));
            }
        }
        // Their records are gone.
        let gone = known.into_keys().filter_map(|id| VideoId::parse(&id));
        changed.extend(gone.map(|id| (id, String::new())));
        let count = changed.len();
        stream::iter(changed)
            .for_each_concurrent(AT_ONCE, |(id, version)| async move {
                // One that cannot be read keeps no other from its turn. It is read again at the next comparison.
                if let Err(error) = self.refresh_as(&id, version).await {
                    tracing::warn!(%id, %error, "failed to read a video of the catalog");
                }
            })
            .await;
        Ok(count)
    }

    fn listing(&self, prefix: &'static str) -> Listing {
        let entries = self.0.facts.private.entries(prefix);
        let of_videos = entries.try_filter_map(move |entry| {
            let name = entry.key.strip_prefix(prefix).and_then(|name| name.strip_suffix(".json"));
            let listed = name.and_then(VideoId::parse).map(|id| (id, entry.etag));
            std::future::ready(Ok(listed))
        });
        Box::pin(of_videos.boxed().peekable())
    }
}

/// The next videos of all listings together, with the versions of all their records.
async fn next_chunk(listings: &mut [Listing]) -> Result<BTreeMap<VideoId, String>, store::Error> {
    let mut chunk = BTreeMap::new();
    while chunk.len() < CHUNK {
        let mut next: Option<VideoId> = None;
        for listing in &mut *listings {
            if let Some(Ok((id, _))) = listing.as_mut().peek().await
                && next.as_ref().is_none_or(|next| id < next)
            {
                next = Some(id.clone());
            } else if let Some(Err(_)) = listing.as_mut().peek().await
                && let Some(Err(error)) = listing.next().await
            {
                return Err(error);
            }
        }
        let Some(next) = next else { break };
        let mut version = String::new();
        for listing in &mut *listings {
            let is_of = |found: &Result<(VideoId, String), store::Error>| {
                found.as_ref().is_ok_and(|(id, _)| *id == next)
            };
            if let Some(Ok((_, etag))) = listing.as_mut().next_if(is_of).await {
                version.push_str(&etag);
            }
            version.push('/');
        }
        chunk.insert(next, version);
    }
    Ok(chunk)
}
