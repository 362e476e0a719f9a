//! Subtitles: collected while the worker encodes, uploaded once all segments of the video are.
//!
//! A subtitle segment covers the same time as a video segment, and a cue may arrive late. An event
//! playlist of subtitles would have to promise for every segment that no cue is missing, so there is
//! none: viewers see subtitles after the flip.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::encryption::{Encryption, encrypt_segment};
use super::error::{Error, Incomplete};
use super::measured::UploadedRendition;
use super::multivariant::StreamPlaylists;
use super::object::{Object, Target};
use crate::domain::hls::key_frames::KeyFrames;
use crate::domain::hls::media_playlist::{self, Header, PlaylistKind};
use crate::domain::hls::names;
use crate::domain::hls::webvtt::{self, Cue, CueBudget};

/// Segments that are uploaded at the same time. They are a few kilobytes each, so latency counts.
const PARALLEL_UPLOADS: usize = 8;

/// The cues of all subtitle renditions.
pub(super) struct Subtitles {
    /// Cues by rendition.
    cues: Vec<Vec<Cue>>,
    budget: CueBudget,
}

impl Subtitles {
    pub(super) fn new(renditions: usize) -> Self {
        Self { cues: vec![Vec::new(); renditions], budget: CueBudget::default() }
    }

    /// Adds a cue. Drops it if the budget is used up; the worker has sent a warning then.
    pub(super) fn add(&mut self, rendition: u16, cue: Cue) -> Result<(), Error> {
        let cues = self.cues.get_mut(usize::from(rendition));
        let cues = cues.ok_or(Incomplete::UnknownSubtitles(rendition))?;
        if self.budget.charge(&cue) {
            cues.push(cue);
        }
        Ok(())
    }

    /// Uploads all segments, then the playlist of each rendition. Segments have the times of those of
    /// `video`.
    pub(super) async fn publish(
        self,
        target: &Arc<dyn Target>,
        playlists: &StreamPlaylists,
        video: &UploadedRendition,
    ) -> Result<(), Error> {
        let durations: Vec<u64> = video.segments.iter().map(|s| s.duration_ns).collect();
        for (plan, cues) in playlists.plan().subtitles.iter().zip(self.cues) {
            let texts = webvtt::segments(&cues, &durations, video.first_pts);
            let (segments, playlist) = objects(playlists, &plan.name, texts, &durations)?;
            let uploads = stream::iter(segments).map(|segment| target.put(segment));
            uploads.buffer_unordered(PARALLEL_UPLOADS).try_collect::<()>().await?;
            target.put(playlist).await?;
        }
        Ok(())
    }
}

/// The segments and the playlist of one rendition. With a key they are encrypted like all other media
/// segments.
fn objects(
    playlists: &StreamPlaylists,
    rendition: &str,
    texts: Vec<String>,
    durations_ns: &[u64],
) -> Result<(Vec<Object>, Object), Error> {
    let mut encryption = playlists.key().cloned().map(Encryption::new);
    let mut segments = Vec::new();
    for (number, text) in (0..).zip(texts) {
        let mut body = Bytes::from(text);
        if let Some(encryption) = &mut encryption {
            let encrypted = encrypt_segment(encryption.key(), &body, KeyFrames::default())
                .map_err(|source| Incomplete::Encrypt { number, source })?;
            encryption.add(&encrypted);
            body = encrypted.segment;
        }
        let key = playlists.layout().key(rendition, &names::subtitle_segment(number));
        let object = Object::immutable(key, body, names::CONTENT_TYPE_WEBVTT);
        segments.push(Object { compressible: encryption.is_none(), ..object });
    }
    let header = Header {
        target_duration_secs: playlists.plan().video.target_duration_secs(),
        key: encryption.as_ref().map(Encryption::segment_tag),
        ..Header::default()
    };
    let kind = PlaylistKind::Vod;
    let text = media_playlist::render(kind, header, durations_ns, names::subtitle_segment);
    let key = playlists.layout().key(rendition, names::INDEX);
    Ok((segments, Object::playlist(key, text, names::CACHE_IMMUTABLE)))
}
