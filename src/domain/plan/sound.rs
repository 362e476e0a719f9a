//! Which audio renditions there are.

use super::{AudioPlan, EncodeConfig};
use crate::domain::media::AudioStream;

/// What every player can play: Apple's authoring rule 2.3 asks for stereo AAC.
const CHANNELS: u32 = 2;
/// The rate that all of video uses.
const SAMPLE_RATE_HZ: u32 = 48_000;

/// One rendition for each audio stream, the first as the default.
pub(super) fn plan_audio(
    streams: &[AudioStream],
    encode: &EncodeConfig,
    notes: &mut Vec<String>,
) -> Vec<AudioPlan> {
    let mut planned: Vec<AudioPlan> = Vec::new();
    for stream in streams {
        if stream.channels == 0 || stream.sample_rate_hz == 0 {
            notes.push("an audio stream without channels is left out".to_owned());
            continue;
        }
        let language = language_tag(stream.language.as_deref());
        let same = planned.iter().filter(|other| other.language == language).count();
        let suffix = if same == 0 { String::new() } else { format!("-{}", same + 1) };
        planned.push(AudioPlan {
            name: format!("audio-{language}{suffix}"),
            stream_id: stream.stream_id.clone(),
            title: title(stream, &language, same),
            language,
            is_default: planned.is_empty(),
            bitrate_kbps: encode.audio_bitrate_kbps,
            sample_rate_hz: SAMPLE_RATE_HZ,
            channels: CHANNELS,
        });
    }
    planned
}

/// The BCP 47 tag of a container's language: `und` where it is unknown or malformed.
fn language_tag(code: Option<&str>) -> String {
    let code = code.unwrap_or_default().to_ascii_lowercase();
    let is_tag = (2..=3).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_lowercase());
    if is_tag { code } else { "und".to_owned() }
}

/// Name for the player's menu. Names must differ within a group (RFC 8216, 4.3.4.1.1).
fn title(stream: &AudioStream, language: &str, same: usize) -> String {
    let title = stream.title.as_deref().unwrap_or_default();
    // Neither may stand in a quoted string of a playlist.
    let title: String = title.chars().filter(|c| !c.is_control() && *c != '"').take(60).collect();
    let base = match (title.trim(), language) {
        ("", "und") => "Audio".to_owned(),
        ("", language) => language.to_owned(),
        (title, _) => title.to_owned(),
    };
    if same == 0 { base } else { format!("{base} ({})", same + 1) }
}
