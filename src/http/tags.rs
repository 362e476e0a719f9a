//! The tags of all videos.

use axum::Json;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};

use super::error::{Error, Problem};
use super::state::AppState;

/// Most tags of an answer, and how many it has without a wish.
const MOST: usize = 1000;
const DEFAULT: usize = 100;

/// The tags that are wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TagQuery {
    /// Beginning of the tags; upper and lower case differ.
    prefix: Option<String>,
    /// Number of tags, 1 to 1000; the default is 100.
    limit: Option<usize>,
}

/// Tags of videos.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TagList {
    /// Each tag that a video has, once, in order.
    tags: Vec<String>,
}

/// Lists the tags that videos have, in order.
#[utoipa::path(get, path = "/v1/tags", params(TagQuery),
    responses((status = 200, body = TagList), (status = 400, body = Problem)))]
pub async fn list(
    State(state): State<AppState>,
    Query(query): Query<TagQuery>,
) -> Result<Json<TagList>, Error> {
    let limit = query.limit.unwrap_or(DEFAULT);
    if !(1..=MOST).contains(&limit) {
        return Err(Error::Invalid(format!("limit: must be 1 to {MOST}")));
    }
    let tags = state.catalog.tags(query.prefix.unwrap_or_default(), limit).await?;
    Ok(Json(TagList { tags }))
}
