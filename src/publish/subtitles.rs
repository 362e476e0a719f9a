//! Subtitles on their way to the target: once the picture is whole, as they are cut where it is.
//!
//! Until then nobody sees them. A growing playlist of them would have to say of every segment that
//! no cue will come any more, and nothing that is left out before the flip breaks a rule (RFC 8216,
//! 6.2.1 speaks of playlists that are there).

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::encrypt::{self, Encryption};
use super::lane::Published;
use super::playlists::{Playlists, playlist_object};
use super::{Error, Object, Target};
use crate::domain::hls::key_frames::KeyFrames;
use crate::domain::hls::media_playlist::{self, Header, Kind};
use crate::domain::hls::names;
use crate::domain::hls::webvtt::{self, Cue, Room};

/// Segments that are written at the same time: they are small, and there are as many as of the
/// picture.
const AT_THE_SAME_TIME: usize = 8;

/// The cues of a stream.
pub(super) struct Subtitles {
    /// Of each rendition.
    cues: Vec<Vec<Cue>>,
    room: Room,
}

impl Subtitles {
    /// For so many renditions.
    pub(super) fn new(renditions: usize) -> Self {
        Self { cues: vec![Vec::new(); renditions], room: Room::default() }
    }

    /// Takes a cue; leaves it out where there is no room. The worker has warned of that.
    pub(super) fn take(&mut self, rendition: u16, cue: Cue) -> Result<(), Error> {
        let unknown = || Error::Incomplete(format!("subtitles {rendition} are not in the plan"));
        let cues = self.cues.get_mut(usize::from(rendition)).ok_or_else(unknown)?;
        if self.room.take(&cue) {
            cues.push(cue);
        }
        Ok(())
    }

    /// Writes every segment, then every playlist, along the segments of the picture.
    pub(super) async fn finish(
        self,
        target: &Arc<dyn Target>,
        playlists: &Playlists,
        picture: &Published,
    ) -> Result<(), Error> {
        let durations: Vec<u64> = picture.segments.iter().map(|s| s.duration_ns).collect();
        for (plan, cues) in playlists.plan().subtitles.iter().zip(self.cues) {
            let texts = webvtt::segments(&cues, &durations, picture.first_pts);
            let (segments, playlist) = objects(playlists, &plan.name, texts, &durations)?;
            let written = stream::iter(segments).map(|segment| target.put(segment));
            written.buffer_unordered(AT_THE_SAME_TIME).try_collect::<()>().await?;
            target.put(playlist).await?;
        }
        Ok(())
    }
}

/// The segments of a rendition, and its playlist. They are media segments like all others: where
/// there is a key, they are encrypted, and their playlist says so.
fn objects(
    playlists: &Playlists,
    rendition: &str,
    texts: Vec<String>,
    durations: &[u64],
) -> Result<(Vec<Object>, Object), Error> {
    let mut encryption = playlists.key().map(Encryption::new);
    let mut segments = Vec::new();
    for (number, text) in (0..).zip(texts) {
        let mut body = Bytes::from(text);
        if let Some(encryption) = &mut encryption {
            let sealed = encrypt::seal(&encryption.key(), &body, KeyFrames::default())
                .map_err(Error::Incomplete)?;
            encryption.note(&sealed);
            body = sealed.segment;
        }
        segments.push(Object {
            key: playlists.layout().key(rendition, &names::subtitles(number)),
            body,
            content_type: names::CONTENT_TYPE_WEBVTT,
            cache_control: names::CACHE_IMMUTABLE,
            compressible: encryption.is_none(),
        });
    }
    let target_duration_secs = playlists.plan().video.target_duration_secs();
    let header = Header { target_duration_secs, ..Header::default() };
    let text = media_playlist::render(Kind::Whole, header, durations, names::subtitles);
    let text = encryption.map_or(text.clone(), |encryption| encryption.of_segments(&text));
    let key = playlists.layout().key(rendition, names::INDEX);
    Ok((segments, playlist_object(key, text, names::CACHE_IMMUTABLE)))
}
