//! Which audio renditions there are.

use super::tracks::{Named, language_tag, name};
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
        let others = planned.iter().map(|other| (&*other.language, &*other.title));
        let Named { name, title } =
            name(("audio", "Audio"), &language, stream.title.as_deref(), others);
        planned.push(AudioPlan {
            name,
            stream_id: stream.stream_id.clone(),
            title,
            language,
            is_default: planned.is_empty(),
            bitrate_kbps: encode.audio_bitrate_kbps,
            sample_rate_hz: SAMPLE_RATE_HZ,
            channels: CHANNELS,
        });
    }
    planned
}
