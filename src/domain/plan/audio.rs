//! Audio renditions.

use serde::{Deserialize, Serialize};

use super::audio_pairs::paired;
use super::language;
use super::names::{self, RenditionName};
use crate::domain::encode::EncodeConfig;
use crate::domain::media::AudioStream;

/// Channels of every rendition: Apple's authoring rule 2.3 requires stereo AAC.
const CHANNELS: u32 = 2;
/// Sample rate of every rendition, the usual one of video.
const SAMPLE_RATE_HZ: u32 = 48_000;
/// Duration of an AAC frame of 1024 samples in nanoseconds, rounded up. Audio is cut between frames.
pub(super) const FRAME_NS: u64 = (1024 * 1_000_000_000_u64).div_ceil(SAMPLE_RATE_HZ as u64);

/// One audio rendition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AudioPlan {
    /// Name of the rendition and its folder, such as `audio-en`.
    pub name: String,
    /// Id of the source stream.
    pub stream_id: String,
    /// Id of the source stream of the right channel, if the other one holds the left channel only.
    #[serde(default)]
    pub right_stream_id: Option<String>,
    /// Language (BCP 47); `und` if unknown.
    pub language: String,
    /// Name in the player's menu.
    pub title: String,
    /// Whether players select it if the viewer states no preference.
    pub is_default: bool,
    /// Bit rate of the AAC stream in kbit/s.
    pub bitrate_kbps: u32,
    /// Sample rate in Hz.
    pub sample_rate_hz: u32,
    /// Number of channels.
    pub channels: u32,
    /// Whether the channels of the source are ambisonics.
    #[serde(default)]
    pub is_ambisonic: bool,
}

/// Plans one rendition for each audio stream, or pair of streams for left and right. The default is the first that is enabled, else the first.
pub(super) fn plan_audio(
    streams: &[AudioStream],
    encode: &EncodeConfig,
    notes: &mut Vec<String>,
) -> Vec<AudioPlan> {
    let mut planned: Vec<AudioPlan> = Vec::new();
    let mut default = None;
    for (stream, right) in paired(streams) {
        if stream.channels == 0 || stream.sample_rate_hz == 0 {
            notes.push("audio stream skipped: it has no channels or no sample rate".to_owned());
            continue;
        }
        let language = language::tag(stream.language.as_deref());
        let others = planned.iter().map(|other| (&*other.language, &*other.title));
        let RenditionName { name, title } =
            names::unique(("audio", "Audio"), &language, stream.title.as_deref(), others);
        if !stream.is_disabled || right.is_some_and(|right| !right.is_disabled) {
            default.get_or_insert(planned.len());
        }
        planned.push(AudioPlan {
            name,
            stream_id: stream.stream_id.clone(),
            right_stream_id: right.map(|right| right.stream_id.clone()),
            title,
            language,
            is_default: false,
            bitrate_kbps: encode.audio_bitrate_kbps,
            sample_rate_hz: SAMPLE_RATE_HZ,
            channels: CHANNELS,
            is_ambisonic: stream.is_ambisonic,
        });
    }
    if let Some(audio) = planned.get_mut(default.unwrap_or(0)) {
        audio.is_default = true;
    }
    planned
}
