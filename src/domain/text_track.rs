//! Text tracks that users add to a video: subtitles or captions in one language.

pub mod language;
pub mod parse;

use serde::{Deserialize, Serialize};

/// Most text tracks of a video.
pub const MAX_TRACKS: usize = 50;
/// Longest label in characters.
pub const MAX_LABEL_CHARS: usize = 60;
/// Begin of the names of renditions of added tracks: those of the source begin with `subtitles-`.
pub const RENDITION_PREFIX: &str = "track-";

/// Kind of a text track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrackKind {
    /// The speech as text, for viewers who hear it and do not understand its language.
    #[default]
    Subtitles,
    /// Speech, sounds and music as text, for viewers who do not hear them.
    Captions,
}

/// A text track as it was added. It is kept in the private bucket, so that each later stream of the video gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptTrack {
    /// Language (BCP 47).
    pub language: String,
    /// Kind.
    pub kind: TrackKind,
    /// Name in the menu of players.
    pub label: String,
    /// Whether players show it if the viewer states no preference.
    #[serde(default)]
    pub is_default: bool,
    /// The text as it was uploaded: `WebVTT` or `SubRip`.
    pub text: String,
}

/// A text track in a published stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedTrack {
    /// Language (BCP 47).
    pub language: String,
    /// Kind.
    pub kind: TrackKind,
    /// Name in the menu of players.
    pub label: String,
    /// Whether players show it if the viewer states no preference.
    #[serde(default)]
    pub is_default: bool,
    /// Entity tag of the kept track that it was made of.
    pub version: String,
    /// Name of its rendition.
    pub rendition: String,
}

/// Where a text track stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrackState {
    /// The video is being processed, or will be: its stream gets the track then.
    Pending,
    /// Players find it in the stream.
    Ready,
}

/// A text track as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TextTrackView {
    /// Language (BCP 47), such as `en` or `pt-BR`.
    pub language: String,
    /// Kind.
    pub kind: TrackKind,
    /// Name in the menu of players.
    pub label: String,
    /// Whether players show it if the viewer states no preference.
    pub default: bool,
    /// Where it stands.
    pub state: TrackState,
    /// Name of its rendition; absent while it is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rendition: Option<String>,
}

impl KeptTrack {
    /// The track as the API shows it while no stream has it.
    #[must_use]
    pub fn pending(&self) -> TextTrackView {
        TextTrackView {
            language: self.language.clone(),
            kind: self.kind,
            label: self.label.clone(),
            default: self.is_default,
            state: TrackState::Pending,
            rendition: None,
        }
    }

    /// The track in a stream, as a rendition of this name. `version` is the entity tag of the kept track.
    #[must_use]
    pub fn published(&self, version: &str, rendition: String) -> PublishedTrack {
        PublishedTrack {
            language: self.language.clone(),
            kind: self.kind,
            label: self.label.clone(),
            is_default: self.is_default,
            version: version.to_owned(),
            rendition,
        }
    }
}

impl PublishedTrack {
    /// The track as the API shows it.
    #[must_use]
    pub fn view(&self) -> TextTrackView {
        TextTrackView {
            language: self.language.clone(),
            kind: self.kind,
            label: self.label.clone(),
            default: self.is_default,
            state: TrackState::Ready,
            rendition: Some(self.rendition.clone()),
        }
    }
}

/// Name of a rendition of a track in this language. `random` makes it unique: names are used once.
#[must_use]
pub fn rendition_name(language: &str, random: &str) -> String {
    format!("{RENDITION_PREFIX}{language}-{random}")
}

/// The label of a track: the one that was given, or its language.
///
/// # Errors
/// If the label cannot be in a playlist, with the reason.
pub fn label(given: Option<&str>, language: &str) -> Result<String, String> {
    let label = given.map_or("", str::trim);
    if label.is_empty() {
        return Ok(language.to_owned());
    }
    if label.chars().count() > MAX_LABEL_CHARS {
        return Err(format!("label: must have at most {MAX_LABEL_CHARS} characters"));
    }
    if label.chars().any(|c| c.is_control() || c == '"') {
        return Err("label: quotes and control characters cannot be in a playlist".to_owned());
    }
    Ok(label.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_fits_into_a_playlist_and_is_the_language_by_default() {
        assert_eq!(label(None, "en").unwrap(), "en");
        assert_eq!(label(Some("  "), "en").unwrap(), "en");
        assert_eq!(label(Some(" Français (sourds) "), "fr").unwrap(), "Français (sourds)");
        for wrong in ["a\"b", "a\nb", &"x".repeat(61)] {
            assert!(label(Some(wrong), "en").unwrap_err().starts_with("label: "), "{wrong:?}");
        }
    }
}
