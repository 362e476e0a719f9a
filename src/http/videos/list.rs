//! Lists videos, page by page.

use axum::Json;
use axum::extract::{Query, State};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::catalog::{self, Cursor, Sort};
use crate::domain::failure_code::FailureCode;
use crate::domain::job::VideoId;
use crate::domain::video::{VideoState, VideoView};
use crate::domain::view::{Known, view};
use crate::http::error::Error;
use crate::http::state::AppState;

/// Videos of a page whose jobs on other boxes are looked at, for their progress.
const LIVE: usize = 16;
/// Videos of a page that are looked at concurrently.
const AT_ONCE: usize = 8;

/// The videos of a page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// Number of videos, 1 to 200; the default is 50.
    limit: Option<usize>,
    /// `next` of the previous page.
    cursor: Option<String>,
    /// Words that title, file name, description or tags have. The last one may be the start of a word.
    q: Option<String>,
    /// States, with commas between them, such as `failed,waiting`.
    state: Option<String>,
    /// A tag.
    tag: Option<String>,
    /// Failure code of the error that the videos show, such as `not-media`.
    code: Option<String>,
    /// Id in another system: the one video that has it.
    external_id: Option<String>,
    /// Fingerprint of the file, as the request for the upload named it.
    fingerprint: Option<String>,
    /// Created at this time or later, RFC 3339.
    created_after: Option<String>,
    /// Created before this time, RFC 3339.
    created_before: Option<String>,
    /// Order: `-created` (newest first, the default), `created`, `title` or `-title`. Videos without a title are
    /// sorted by their file names.
    sort: Option<String>,
}

/// One page of videos.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct VideoList {
    /// Videos of this page.
    videos: Vec<VideoView>,
    /// Value of `cursor` for the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// Number of videos on all pages, an estimate: counted for the first page, up to 100000, or 10000 for a search.
    total: u64,
    /// Whether all videos are in the list. It is false while the catalog is made anew.
    is_complete: bool,
}

/// Lists videos, newest first, page by page.
#[utoipa::path(get, path = "/v1/videos", params(Paging),
    responses((status = 200, body = VideoList)))]
pub async fn list(
    State(state): State<AppState>,
    Query(paging): Query<Paging>,
) -> Result<Json<VideoList>, Error> {
    let external_id = paging.external_id.clone();
    let query = query(paging)?;
    if let Some(external_id) = external_id {
        return by_external_id(&state, &external_id).await;
    }
    let page = state.catalog.list(query).await?;
    let shown = live(&state, page.videos).await;
    let videos = shown.into_iter().filter_map(|(id, known)| view(&id, &state.urls, known));
    Ok(Json(VideoList {
        videos: videos.collect(),
        next: page.next.map(|cursor| cursor.to_text()),
        total: page.total,
        is_complete: page.is_complete,
    }))
}

fn query(paging: Paging) -> Result<catalog::Query, Error> {
    let invalid = |parameter: &str, rule: &str| Error::Invalid(format!("{parameter}: {rule}"));
    let limit = paging.limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(invalid("limit", "must be 1 to 200"));
    }
    let sort = match paging.sort.as_deref() {
        None => Sort::default(),
        Some(name) => Sort::parse(name)
            .ok_or_else(|| invalid("sort", "must be -created, created, title or -title"))?,
    };
    let cursor = paging.cursor.as_deref().map(|text| {
        let rule = "must be `next` of a page in the same order";
        Cursor::parse(text, sort).ok_or_else(|| invalid("cursor", rule))
    });
    let time = |parameter: &str, text: Option<String>| {
        let parsed = text.map(|text| text.parse::<Timestamp>());
        parsed
            .transpose()
            .map_err(|_| invalid(parameter, "must be a time such as 2026-01-01T00:00:00Z"))
    };
    let code = paging.code.as_deref().map(|code| {
        let rule = "must be a failure code, such as not-media";
        code.parse::<FailureCode>().map_err(|_| invalid("code", rule))
    });
    let states = paging.state.iter().flat_map(|states| states.split(','));
    let states = states.map(|name| {
        let parsed = serde_json::from_value::<VideoState>(name.trim().into());
        parsed.map_err(|_| {
            let rule = "must be uploading, queued, waiting, running, ready, failed or deleting, or several \
                        with commas between them";
            invalid("state", rule)
        })
    });
    Ok(catalog::Query {
        text: paging.q.filter(|text| !text.trim().is_empty()),
        states: states.collect::<Result<_, _>>()?,
        tag: paging.tag,
        fingerprint: paging.fingerprint,
        code: code.transpose()?,
        created_after: time("created_after", paging.created_after)?,
        created_before: time("created_before", paging.created_before)?,
        sort,
        cursor: cursor.transpose()?,
        limit,
    })
}

/// The page with the progress of its jobs: those of this box are on the board, and those of others in their claims.
async fn live(state: &AppState, videos: Vec<(VideoId, Known)>) -> Vec<(VideoId, Known)> {
    let mut left = LIVE;
    let looks = videos.into_iter().map(|(id, known)| {
        let running = state.board.get(id.as_str());
        let is_elsewhere = running.is_none() && known.elsewhere.is_some() && left > 0;
        left -= usize::from(is_elsewhere);
        async move {
            // The index will do if the store does not answer.
            let known = if is_elsewhere {
                state.catalog.refresh(&id).await.unwrap_or(known)
            } else {
                known
            };
            (id, Known { running, ..known })
        }
    });
    // They borrow the state.
    let looks: Vec<_> = looks.collect();
    stream::iter(looks).buffered(AT_ONCE).collect().await
}

/// The one video with this id in another system.
async fn by_external_id(state: &AppState, external_id: &str) -> Result<Json<VideoList>, Error> {
    let id = super::external_id::find(&state.private, external_id).await?;
    let found = stream::iter(id).then(|id| super::find(state, id));
    let found: Vec<Option<VideoView>> = found.try_collect().await?;
    let has_it = |video: &VideoView| video.metadata.external_id.as_deref() == Some(external_id);
    let videos: Vec<VideoView> = found.into_iter().flatten().filter(has_it).collect();
    let total = u64::try_from(videos.len()).unwrap_or_default();
    Ok(Json(VideoList { videos, next: None, total, is_complete: true }))
}
