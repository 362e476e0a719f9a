//! Which subtitle renditions there are.

use serde::{Deserialize, Serialize};

use super::tracks::{Named, language_tag, name};
use crate::domain::media::{SubtitleStream, SubtitleText};

/// One subtitle rendition. A player shows it when it is asked for: none is the default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubtitlePlan {
    /// Name of the rendition and of its folder, such as `subtitles-en`.
    pub name: String,
    /// The stream that is read.
    pub stream_id: String,
    /// How its text is read.
    pub text: SubtitleText,
    /// BCP 47 tag; `und` where unknown.
    pub language: String,
    /// Name for the player's menu.
    pub title: String,
}

/// One rendition for each subtitle stream of text; a note for each that is none.
pub(super) fn plan_subtitles(
    streams: &[SubtitleStream],
    notes: &mut Vec<String>,
) -> Vec<SubtitlePlan> {
    let mut planned: Vec<SubtitlePlan> = Vec::new();
    for stream in streams {
        let language = language_tag(stream.language.as_deref());
        let Some(text) = stream.text.filter(|_| !stream.stream_id.is_empty()) else {
            notes.push(left_out(stream, &language));
            continue;
        };
        let others = planned.iter().map(|other| (&*other.language, &*other.title));
        let Named { name, title } =
            name(("subtitles", "Subtitles"), &language, stream.title.as_deref(), others);
        let stream_id = stream.stream_id.clone();
        planned.push(SubtitlePlan { name, stream_id, text, language, title });
    }
    planned
}

fn left_out(stream: &SubtitleStream, language: &str) -> String {
    let codec = &stream.codec;
    let why = if codec.starts_with("subpicture/") { "pictures, not text" } else { "no known text" };
    format!("a subtitle track ({language}) is left out: {codec} is {why}")
}
