//! Cues as the segments and the playlist of one subtitle rendition.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::encryption::{Encryption, encrypt_segment};
use super::error::{Error, Incomplete};
use super::object::{Object, Target};
use crate::domain::hls::key::StreamKey;
use crate::domain::hls::key_frames::KeyFrames;
use crate::domain::hls::media_playlist::{self, Header, PlaylistKind};
use crate::domain::hls::names::{self, Layout};
use crate::domain::hls::webvtt::{self, Cue};

/// Segments that are uploaded at the same time. They are a few kilobytes each, so latency counts.
const PARALLEL_UPLOADS: usize = 8;

/// A subtitle rendition of a stream whose video is uploaded.
#[derive(Clone, Copy, Debug)]
pub struct CueTrack<'a> {
    /// Keys of the stream.
    pub layout: &'a Layout,
    /// Name of the rendition.
    pub rendition: &'a str,
    /// Key that the segments of the stream are encrypted with, if they are.
    pub key: Option<&'a StreamKey>,
    /// `EXT-X-TARGETDURATION` of the video in seconds.
    pub target_duration_secs: u32,
    /// Durations of the segments of the video in nanoseconds.
    pub durations_ns: &'a [u64],
    /// Presentation time of the first frame of the video in ticks of 90 kHz.
    pub first_pts: u64,
}

impl CueTrack<'_> {
    /// Uploads all segments, then the playlist. Segments have the times of those of the video.
    ///
    /// # Errors
    /// [`Error::Target`] if an object cannot be written.
    pub async fn publish(&self, target: &Arc<dyn Target>, cues: &[Cue]) -> Result<(), Error> {
        let texts = webvtt::segments(cues, self.durations_ns, self.first_pts);
        let (segments, playlist) = self.objects(texts)?;
        let uploads = stream::iter(segments).map(|segment| target.put(segment));
        uploads.buffer_unordered(PARALLEL_UPLOADS).try_collect::<()>().await?;
        target.put(playlist).await
    }

    /// The segments and the playlist. With a key they are encrypted like all other media segments.
    fn objects(&self, texts: Vec<String>) -> Result<(Vec<Object>, Object), Error> {
        let mut encryption = self.key.cloned().map(Encryption::new);
        let mut segments = Vec::new();
        for (number, text) in (0..).zip(texts) {
            let mut body = Bytes::from(text);
            if let Some(encryption) = &mut encryption {
                let encrypted = encrypt_segment(encryption.key(), &body, KeyFrames::default())
                    .map_err(|source| Incomplete::Encrypt { number, source })?;
                encryption.add(&encrypted);
                body = encrypted.segment;
            }
            let key = self.layout.key(self.rendition, &names::subtitle_segment(number));
            let object = Object::immutable(key, body, names::CONTENT_TYPE_WEBVTT);
            segments.push(Object { compressible: encryption.is_none(), ..object });
        }
        let header = Header {
            target_duration_secs: self.target_duration_secs,
            key: encryption.as_ref().map(Encryption::segment_tag),
            ..Header::default()
        };
        let kind = PlaylistKind::Vod;
        let text = media_playlist::render(kind, header, self.durations_ns, names::subtitle_segment);
        let key = self.layout.key(self.rendition, names::INDEX);
        Ok((segments, Object::playlist(key, text, names::CACHE_IMMUTABLE)))
    }
}
