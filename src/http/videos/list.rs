//! Lists videos, page by page.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use axum::Json;
use axum::extract::{Query, State};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::find;
use crate::domain::job::VideoId;
use crate::domain::record;
use crate::domain::video::VideoView;
use crate::http::error::Error;
use crate::http::state::AppState;

/// Videos of a list that are looked up concurrently.
const CONCURRENT_LOOKUPS: usize = 8;

/// One page of the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct Paging {
    /// Number of videos, 1 to 200; the default is 50.
    limit: Option<usize>,
    /// `next` of the previous page.
    after: Option<String>,
}

/// One page of videos, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct VideoList {
    /// Videos of this page.
    videos: Vec<VideoView>,
    /// Value of `after` for the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Lists videos, newest first, page by page.
#[utoipa::path(get, path = "/v1/videos", params(Paging),
    responses((status = 200, body = VideoList)))]
pub async fn list(
    State(state): State<AppState>,
    Query(paging): Query<Paging>,
) -> Result<Json<VideoList>, Error> {
    let limit = paging.limit.unwrap_or(50).clamp(1, 200);
    let after = match paging.after.as_deref() {
        None => None,
        Some(after) => match place_of(&state, after).await? {
            None => return Ok(Json(VideoList { videos: Vec::new(), next: None })),
            known => known,
        },
    };
    let mut newest = Newest::new(after, limit);
    let mut entries = state.private.entries(record::RECORDS_PREFIX);
    while let Some(entry) = entries.try_next().await? {
        if let Some(id) = id_of_record(&entry.key) {
            newest.add((entry.last_modified, id));
        }
    }
    let (page, next) = newest.page();
    let videos: Vec<Result<Option<VideoView>, Error>> =
        stream::iter(page).map(|id| find(&state, id)).buffered(CONCURRENT_LOOKUPS).collect().await;
    let mut found = Vec::with_capacity(videos.len());
    for video in videos {
        found.extend(video?);
    }
    Ok(Json(VideoList { videos: found, next }))
}

/// Place of a video in the list, which is in descending order: when its upload was asked for, then its id.
type Place = (Option<Timestamp>, VideoId);

/// Place of the video with this id. `None` if it is unknown.
async fn place_of(state: &AppState, id: &str) -> Result<Option<Place>, Error> {
    let Some(id) = VideoId::parse(id) else { return Ok(None) };
    let head = state.private.find(&record::upload_record_key(&id)).await?;
    Ok(head.map(|head| (head.last_modified, id)))
}

/// The first places that follow one. Holds no more than a page, however many are added.
struct Newest {
    after: Option<Place>,
    limit: usize,
    /// The last of them on top. One more than the page tells that there is a next one.
    kept: BinaryHeap<Reverse<Place>>,
}

impl Newest {
    /// The first `limit` places after `after`, or from the start.
    fn new(after: Option<Place>, limit: usize) -> Self {
        Self { after, limit, kept: BinaryHeap::new() }
    }

    fn add(&mut self, place: Place) {
        if self.after.as_ref().is_some_and(|after| place >= *after) {
            return;
        }
        self.kept.push(Reverse(place));
        if self.kept.len() > self.limit + 1 {
            self.kept.pop();
        }
    }

    /// The ids of the page, and the `after` of the next page unless this is the last one.
    fn page(self) -> (Vec<VideoId>, Option<String>) {
        let is_last = self.kept.len() <= self.limit;
        let places = self.kept.into_sorted_vec().into_iter();
        let page: Vec<VideoId> = places.map(|Reverse((_, id))| id).take(self.limit).collect();
        let next = page.last().filter(|_| !is_last).map(ToString::to_string);
        (page, next)
    }
}

/// Id of the video of an upload record, from the key of the record.
fn id_of_record(key: &str) -> Option<VideoId> {
    VideoId::parse(key.strip_prefix(record::RECORDS_PREFIX)?.strip_suffix(".json")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_and_end() {
        let id = |n: i64| VideoId::of_source("uploads", &n.to_string());
        // Two of each second.
        let place = |n: i64| (Timestamp::from_second(n / 2).ok(), id(n));
        let mut all: Vec<Place> = (0..10).map(place).collect();
        all.sort_by(|a, b| b.cmp(a));
        for limit in [1, 2, 3, 9, 10, 200] {
            let (mut after, mut seen) = (None, Vec::new());
            loop {
                let mut newest = Newest::new(after, limit);
                (0..10).for_each(|n| newest.add(place(n)));
                assert!(newest.kept.len() <= limit + 1);
                let (page, next) = newest.page();
                assert!(page.len() == limit || next.is_none());
                seen.extend(page);
                let Some(next) = next else { break };
                after = all.iter().find(|(_, id)| id.as_str() == next).cloned();
            }
            let expected: Vec<VideoId> = all.iter().map(|(_, id)| id.clone()).collect();
            assert_eq!(seen, expected, "{limit}");
        }
    }
}
