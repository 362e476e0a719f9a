//! Which audio renditions there are.

use super::{AudioPlan, EncodeConfig};
use crate::domain::media::AudioStream;

/// What every player can play: Apple's authoring rule 2.3 asks for stereo AAC.
const CHANNELS: u32 = 2;
/// The rate that all of video uses.
const SAMPLE_RATE_HZ: u32 = 48_000;
/// Duration of an AAC frame at that rate in nanoseconds, rounded up: sound is cut between frames.
pub(super) const FRAME_NS: u64 = (1024 * 1_000_000_000_u64).div_ceil(SAMPLE_RATE_HZ as u64);

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
            title: title(stream, &language, &planned),
            language,
            is_default: planned.is_empty(),
            bitrate_kbps: encode.audio_bitrate_kbps,
            sample_rate_hz: SAMPLE_RATE_HZ,
            channels: CHANNELS,
        });
    }
    planned
}

/// The BCP 47 tag of a container's language: `und` where it is unknown or malformed. A region
/// (`pt-BR`) is left out: the tag is part of a folder's name.
fn language_tag(code: Option<&str>) -> String {
    let code = code.unwrap_or_default().to_ascii_lowercase();
    let code = code.split(['-', '_']).next().unwrap_or_default();
    let is_tag = (2..=3).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_lowercase());
    let code = if is_tag { code } else { "und" };
    let short = SHORT_TAGS.iter().find(|(_, longs)| longs.contains(&code));
    short.map_or(code, |(short, _)| short).to_owned()
}

/// Where a language has a code of two letters, BCP 47 takes that one (RFC 5646, 2.2.1). The most
/// used of them with their codes in ISO 639-2; any other language keeps the code that it has.
const SHORT_TAGS: [(&str, &[&str]); 40] = [
    ("ar", &["ara"]),
    ("bg", &["bul"]),
    ("bn", &["ben"]),
    ("ca", &["cat"]),
    ("cs", &["cze", "ces"]),
    ("cy", &["wel", "cym"]),
    ("da", &["dan"]),
    ("de", &["ger", "deu"]),
    ("el", &["gre", "ell"]),
    ("en", &["eng"]),
    ("es", &["spa"]),
    ("et", &["est"]),
    ("eu", &["baq", "eus"]),
    ("fa", &["per", "fas"]),
    ("fi", &["fin"]),
    ("fr", &["fre", "fra"]),
    ("he", &["heb"]),
    ("hi", &["hin"]),
    ("hr", &["hrv"]),
    ("hu", &["hun"]),
    ("id", &["ind"]),
    ("is", &["ice", "isl"]),
    ("it", &["ita"]),
    ("ja", &["jpn"]),
    ("ko", &["kor"]),
    ("lt", &["lit"]),
    ("lv", &["lav"]),
    ("nl", &["dut", "nld"]),
    ("no", &["nor"]),
    ("pl", &["pol"]),
    ("pt", &["por"]),
    ("ro", &["rum", "ron"]),
    ("ru", &["rus"]),
    ("sk", &["slo", "slk"]),
    ("sv", &["swe"]),
    ("th", &["tha"]),
    ("tr", &["tur"]),
    ("uk", &["ukr"]),
    ("vi", &["vie"]),
    ("zh", &["chi", "zho"]),
];

/// Name for the player's menu. Names differ within a group (RFC 8216, 4.3.4.1.1).
fn title(stream: &AudioStream, language: &str, planned: &[AudioPlan]) -> String {
    let title = stream.title.as_deref().unwrap_or_default();
    // Neither may stand in a quoted string of a playlist.
    let title: String = title.chars().filter(|c| !c.is_control() && *c != '"').take(60).collect();
    let base = match (title.trim(), language) {
        ("", "und") => "Audio",
        ("", language) => language,
        (title, _) => title,
    };
    let is_free = |name: &String| planned.iter().all(|other| other.title != *name);
    let numbered = (2..).map(|number: u32| format!("{base} ({number})"));
    std::iter::once(base.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}
