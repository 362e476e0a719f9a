//! The segments of a published stream in a row, as the source of a worker.

use std::collections::VecDeque;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Mutex;

use crate::domain::download::{Place, RenditionPlaces};
use crate::domain::hls::published::VodPlaylist;
use crate::source::{self, Source};
use crate::store::{self, Entry, Home};

/// Segments that are kept: a worker reads those of video and audio in turn, each in several reads.
const CACHED: usize = 3;

/// A file of the row.
struct Item {
    key: String,
    offset: u64,
    len: u64,
}

/// The segments of a published stream in a row. Zeros follow those whose content is shorter than it was listed.
pub(super) struct Segments {
    home: Home,
    items: Vec<Item>,
    len: u64,
    /// Numbers and contents, the most recently used at the back.
    cache: Mutex<VecDeque<(usize, Bytes)>>,
}

impl Segments {
    /// An empty row of segments in this home.
    pub(super) fn new(home: &Home) -> Self {
        Self { home: home.clone(), items: Vec::new(), len: 0, cache: Mutex::default() }
    }

    /// Adds the segments of a playlist, whose files are `listed` below `below`. Returns their places.
    pub(super) fn add(
        &mut self,
        below: &str,
        playlist: &VodPlaylist,
        listed: &[Entry],
        size: (u16, u16),
    ) -> Result<RenditionPlaces, store::Error> {
        let mut place = |uri: &str| {
            let key = format!("{below}{uri}");
            let entry = listed.iter().find(|entry| entry.key == key);
            let Some(entry) = entry else {
                return Err(store::Error::NotFound { operation: "list", key });
            };
            let place = Place { offset: self.len, len: entry.size_bytes };
            self.items.push(Item { key, offset: place.offset, len: place.len });
            self.len += place.len;
            Ok(place)
        };
        let init = playlist.map.as_deref().map(&mut place).transpose()?;
        let segments = playlist.segments.iter().map(|segment| place(&segment.uri));
        let segments = segments.collect::<Result<_, _>>()?;
        Ok(RenditionPlaces { init, segments, size })
    }

    /// The content of the file with this number.
    async fn content(&self, number: usize, item: &Item) -> Result<Bytes, source::Error> {
        let mut cache = self.cache.lock().await;
        if let Some(at) = cache.iter().position(|(known, _)| *known == number)
            && let Some(found) = cache.remove(at)
        {
            cache.push_back(found.clone());
            return Ok(found.1);
        }
        let read = self.home.read(&item.key).await.map_err(|error| match error {
            store::Error::NotFound { .. } => source::Error::Gone { reason: error.to_string() },
            store::Error::Denied { .. } | store::Error::Rejected { .. } => {
                source::Error::Denied { reason: error.to_string() }
            }
            store::Error::PreconditionFailed { .. } | store::Error::Unavailable { .. } => {
                source::Error::Unavailable { reason: error.to_string() }
            }
        });
        let bytes = read?.bytes;
        cache.push_back((number, bytes.clone()));
        if cache.len() > CACHED {
            cache.pop_front();
        }
        Ok(bytes)
    }
}

#[async_trait]
impl Source for Segments {
    fn size_bytes(&self) -> u64 {
        self.len
    }

    async fn read(&self, offset: u64, len: u32) -> Result<Bytes, source::Error> {
        let end = (offset + u64::from(len)).min(self.len);
        let mut bytes = Vec::new();
        let first = self.items.partition_point(|item| item.offset + item.len <= offset);
        for (number, item) in self.items.iter().enumerate().skip(first) {
            let at = offset + bytes.len() as u64;
            if at >= end {
                break;
            }
            let content = self.content(number, item).await?;
            let index = |at: u64| usize::try_from(at - item.offset).unwrap_or(usize::MAX);
            let (from, to) = (index(at), index(end.min(item.offset + item.len)));
            let part = content.get(from..to.min(content.len())).unwrap_or_default();
            bytes.extend_from_slice(part);
            bytes.resize(bytes.len() + (to - from - part.len()), 0);
        }
        Ok(bytes.into())
    }
}
