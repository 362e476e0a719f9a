//! Lists videos, page by page.

use axum::Json;
use axum::extract::{Query, State};
use futures_util::{StreamExt, stream};
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
    let mut entries = state.private.list(record::RECORDS_PREFIX).await?;
    entries.sort_by(|a, b| b.last_modified.cmp(&a.last_modified).then_with(|| b.key.cmp(&a.key)));
    let ids: Vec<VideoId> = entries.iter().filter_map(|entry| id_of_record(&entry.key)).collect();
    let (page, next) = page_of(&ids, paging.after.as_deref(), limit);
    let videos: Vec<Result<Option<VideoView>, Error>> = stream::iter(page.to_vec())
        .map(|id| find(&state, id))
        .buffered(CONCURRENT_LOOKUPS)
        .collect()
        .await;
    let mut found = Vec::with_capacity(videos.len());
    for video in videos {
        found.extend(video?);
    }
    Ok(Json(VideoList { videos: found, next }))
}

/// The ids that follow `after` (all, if `None`; none, if it is unknown), at most `limit`, and the
/// `after` of the next page unless this is the last one.
fn page_of<'a>(
    ids: &'a [VideoId],
    after: Option<&str>,
    limit: usize,
) -> (&'a [VideoId], Option<String>) {
    let position = |after| ids.iter().position(|id| id.as_str() == after);
    let start = after.map_or(0, |after| position(after).map_or(ids.len(), |at| at + 1));
    let end = (start + limit).min(ids.len());
    let page = &ids[start..end];
    let next = page.last().filter(|_| end < ids.len()).map(ToString::to_string);
    (page, next)
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
        let ids: Vec<VideoId> =
            (0..5).map(|n| VideoId::of_source("uploads", &n.to_string())).collect();
        let after = |n: usize| Some(ids[n].as_str());
        let table = [
            (None, 2, 0..2, after(1)),
            (after(1), 2, 2..4, after(3)),
            (after(3), 2, 4..5, None),
            (after(2), 2, 3..5, None),
            (after(4), 2, 5..5, None),
            (None, 200, 0..5, None),
            (Some("unknown"), 2, 5..5, None),
        ];
        for (from, limit, expected, next) in table {
            let (page, found) = page_of(&ids, from, limit);
            assert_eq!(page, &ids[expected], "{from:?}");
            assert_eq!(found.as_deref(), next, "{from:?}");
        }
    }
}
