//! Rules for the text of a media playlist.

use m3u8_rs::{MediaPlaylist, MediaPlaylistType};

use crate::domain::conformance::Report;

/// Verifies the text of a VOD playlist of segments.
pub(super) fn verify(path: &str, playlist: &MediaPlaylist, report: &mut Report) {
    if playlist.playlist_type != Some(MediaPlaylistType::Vod) {
        report.must("8.6", path, "EXT-X-PLAYLIST-TYPE:VOD is missing");
    }
    if !playlist.end_list {
        report.must("RFC 8216 4.3.3.4", path, "EXT-X-ENDLIST is missing");
    }
    if playlist.segments.is_empty() {
        report.must("RFC 8216 4.3.3", path, "the playlist has no segments");
    }
    let target = playlist.target_duration;
    for segment in &playlist.segments {
        if f64::from(segment.duration).round() > seconds(target) {
            let text = format!(
                "EXTINF of {} s exceeds EXT-X-TARGETDURATION of {target} s",
                segment.duration
            );
            report.must("RFC 8216 4.3.3.1", path, text);
        }
    }
    if target != 6 {
        report.should("7.5", path, format!("EXT-X-TARGETDURATION is {target}, expected 6"));
    }
}

/// `EXT-X-TARGETDURATION` as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "seconds of a segment")]
pub(super) fn seconds(target_duration: u64) -> f64 {
    target_duration as f64
}
