//! Subtitle renditions.

use serde::{Deserialize, Serialize};

use super::language;
use super::names::{self, RenditionName};
use crate::domain::media::{SubtitleStream, SubtitleText};

/// One subtitle rendition. None is the default: players show subtitles on request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubtitlePlan {
    /// Name of the rendition and its folder, such as `subtitles-en`.
    pub name: String,
    /// Id of the source stream.
    pub stream_id: String,
    /// Format of the text.
    pub text: SubtitleText,
    /// Language (BCP 47); `und` if unknown.
    pub language: String,
    /// Name in the player's menu.
    pub title: String,
}

/// Plans one rendition for each subtitle stream of text, and adds a note for every other stream.
pub(super) fn plan_subtitles(
    streams: &[SubtitleStream],
    notes: &mut Vec<String>,
) -> Vec<SubtitlePlan> {
    let mut planned: Vec<SubtitlePlan> = Vec::new();
    for stream in streams {
        let language = language::tag(stream.language.as_deref());
        let Some(text) = stream.text.filter(|_| !stream.stream_id.is_empty()) else {
            notes.push(skipped(stream, &language));
            continue;
        };
        let others = planned.iter().map(|other| (&*other.language, &*other.title));
        let RenditionName { name, title } =
            names::unique(("subtitles", "Subtitles"), &language, stream.title.as_deref(), others);
        let stream_id = stream.stream_id.clone();
        planned.push(SubtitlePlan { name, stream_id, text, language, title });
    }
    planned
}

fn skipped(stream: &SubtitleStream, language: &str) -> String {
    let codec = &stream.codec;
    let reason = if codec.starts_with("subpicture/") {
        "holds bitmaps, not text"
    } else {
        "is not a supported text format"
    };
    format!("subtitle stream ({language}) skipped: {codec} {reason}")
}
