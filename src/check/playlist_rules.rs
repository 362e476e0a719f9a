//! Rules for the text of a media playlist.

use super::origin::Origin;
use super::playlist::{MediaPlaylist, PlaylistType};
use crate::domain::conformance::{Place, Report};

/// Verifies the text of a playlist of segments.
pub(super) fn verify(path: &str, playlist: &MediaPlaylist, origin: Origin, report: &mut Report) {
    verify_type(path, playlist, origin, report);
    if playlist.segments.is_empty() && (playlist.end_list || origin == Origin::Own) {
        report.must("RFC 8216 4.3.3", path, "the playlist has no segments");
    }
    let target = target_secs(playlist);
    for segment in playlist.segments.iter().filter(|_| playlist.target_duration.is_some()) {
        if segment.duration.round() > target {
            let text = format!(
                "EXTINF of {} s exceeds EXT-X-TARGETDURATION of {target} s",
                segment.duration
            );
            report.must("RFC 8216 4.3.3.1", Place::line(path, segment.line), text);
        }
    }
    if playlist.target_duration.is_some_and(|target| target != 6) {
        report.should("7.5", path, format!("EXT-X-TARGETDURATION is {target}, expected 6"));
    }
}

/// A playlist that grows has no end; one that is complete states its type.
fn verify_type(path: &str, playlist: &MediaPlaylist, origin: Origin, report: &mut Report) {
    let is_vod = playlist.playlist_type == Some(PlaylistType::Vod);
    let is_event = playlist.playlist_type == Some(PlaylistType::Event);
    let is_own = origin == Origin::Own;
    if !is_vod && (is_own || playlist.end_list && !is_event) {
        report.must("8.6", path, "EXT-X-PLAYLIST-TYPE:VOD is missing");
    }
    if !playlist.end_list && (is_own || is_vod) {
        report.must("RFC 8216 4.3.3.4", path, "EXT-X-ENDLIST is missing");
    }
}

/// `EXT-X-TARGETDURATION` in seconds; 0 if it cannot be read.
#[expect(clippy::cast_precision_loss, reason = "seconds of a segment")]
pub(super) fn target_secs(playlist: &MediaPlaylist) -> f64 {
    playlist.target_duration.unwrap_or(0) as f64
}
