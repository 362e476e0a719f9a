//! The failures of all videos, by code.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;

use super::error::Error;
use super::state::AppState;
use crate::catalog::Failures;
use crate::domain::failure_code::FailureCode;

/// Failures of all videos.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FailureList {
    /// Failures by code, the most frequent first.
    failures: Vec<FailureView>,
}

/// The videos that show an error with one code: they failed, wait for another attempt, or are ready and could not be
/// replaced by their latest upload.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FailureView {
    /// Stable kebab-case code. `GET /v1/videos?code=` lists its videos.
    code: String,
    /// Number of videos.
    count: u64,
    /// A sentence that says what happened.
    meaning: &'static str,
    /// Step that mends it.
    advice: &'static str,
    /// Who can mend it: `source` is the uploader, `surroundings` the operator, `ladderd` its authors.
    fault: &'static str,
    /// When the latest of the videos failed, RFC 3339; absent while all of them wait for another attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_at: Option<String>,
    /// Ids of the latest videos, five at most.
    video_ids: Vec<String>,
}

impl From<Failures> for FailureView {
    fn from(failures: Failures) -> Self {
        let (meaning, advice, fault) = match failures.code.parse::<FailureCode>() {
            Ok(code) => (code.sentence(), code.advice(), code.fault_of().as_str()),
            Err(_) => (
                "A newer release of ladderd on another box has this code.",
                "Update this box.",
                "surroundings",
            ),
        };
        let latest_at = failures.latest_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok());
        Self {
            code: failures.code,
            count: failures.count,
            meaning,
            advice,
            fault,
            latest_at: latest_at.map(|at| at.to_string()),
            video_ids: failures.video_ids.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Counts the failures of all videos by their code, from the catalog.
#[utoipa::path(get, path = "/v1/failures", responses((status = 200, body = FailureList)))]
pub async fn list(State(state): State<AppState>) -> Result<Json<FailureList>, Error> {
    let failures = state.catalog.failures().await?;
    Ok(Json(FailureList { failures: failures.into_iter().map(FailureView::from).collect() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_newer_releases_are_counted_too() {
        let of = |code: &str| {
            FailureView::from(Failures {
                code: code.to_owned(),
                count: 2,
                latest_ms: Some(0),
                video_ids: Vec::new(),
            })
        };
        let known = of("not-media");
        assert_eq!((known.meaning, known.fault), (FailureCode::NotMedia.sentence(), "source"));
        assert_eq!(known.latest_at.as_deref(), Some("1970-01-01T00:00:00Z"));
        let unknown = of("from-the-future");
        assert_eq!((unknown.code.as_str(), unknown.count), ("from-the-future", 2));
        assert!(unknown.meaning.contains("newer release"));
    }
}
