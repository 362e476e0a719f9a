//! Facts of the video tracks of a Matroska file: whether players show them, orientation, Dolby Vision.

use super::{Elements, TRACK_ENTRY, TRACK_NUMBER, find, integer, read_tracks};
use crate::domain::media::Orientation;
use crate::domain::orientation;
use crate::worker::elements::range_source::Client;
use crate::worker::probe::dolby_vision::DolbyVision;

const FLAG_ENABLED: u32 = 0xB9;
const VIDEO: u32 = 0xE0;
const PROJECTION: u32 = 0x7670;
const PROJECTION_POSE_YAW: u32 = 0x7673;
const PROJECTION_POSE_PITCH: u32 = 0x7674;
const PROJECTION_POSE_ROLL: u32 = 0x7675;
const BLOCK_ADDITION_MAPPING: u32 = 0x41E4;
const BLOCK_ADD_ID_TYPE: u32 = 0x41E7;
const BLOCK_ADD_ID_EXTRA_DATA: u32 = 0x41ED;

/// Facts of a video track.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct VideoTrack {
    /// `TrackNumber`.
    pub(crate) number: u64,
    /// Whether players show it.
    pub(crate) is_enabled: bool,
    /// Turn by the projection; `None` for files that state none, and for views of a sphere.
    pub(crate) orientation: Option<Orientation>,
    /// Dolby Vision.
    pub(crate) dolby_vision: Option<DolbyVision>,
}

/// Returns the video tracks; files of other formats have none.
pub(crate) fn video_tracks(client: &Client) -> Vec<VideoTrack> {
    let tracks = read_tracks(client).unwrap_or_default();
    let entries = Elements(&tracks).filter(|(id, _)| *id == TRACK_ENTRY);
    entries.filter_map(|(_, entry)| video_track(entry)).collect()
}

fn video_track(entry: &[u8]) -> Option<VideoTrack> {
    let video = find(entry, VIDEO)?;
    Some(VideoTrack {
        number: integer(find(entry, TRACK_NUMBER)?),
        is_enabled: find(entry, FLAG_ENABLED).is_none_or(|flag| integer(flag) != 0),
        orientation: find(video, PROJECTION).and_then(turn),
        dolby_vision: Elements(entry)
            .filter(|(id, _)| *id == BLOCK_ADDITION_MAPPING)
            .find_map(|(_, mapping)| dolby_vision(mapping)),
    })
}

/// The turn of a projection. The roll is counter-clockwise; half a turn around the vertical axis mirrors.
fn turn(projection: &[u8]) -> Option<Orientation> {
    let angle = |id| find(projection, id).map_or(Some(0.0), float);
    let (yaw, pitch) = (angle(PROJECTION_POSE_YAW)?, angle(PROJECTION_POSE_PITCH)?);
    let roll = angle(PROJECTION_POSE_ROLL)?;
    let is = |value: f64, wanted: f64| (value - wanted).abs() < 1.0;
    let is_mirrored = is(yaw.abs(), 180.0);
    if !is(pitch, 0.0) || !is_mirrored && !is(yaw, 0.0) {
        return None;
    }
    Some(orientation::of_degrees(-roll, is_mirrored))
}

fn dolby_vision(mapping: &[u8]) -> Option<DolbyVision> {
    let kind = find(mapping, BLOCK_ADD_ID_TYPE).map(integer)?;
    let kinds = [b"dvcC", b"dvvC", b"dvwC"].map(|kind| u64::from(u32::from_be_bytes(*kind)));
    kinds
        .contains(&kind)
        .then(|| find(mapping, BLOCK_ADD_ID_EXTRA_DATA))
        .flatten()
        .and_then(DolbyVision::of_record)
}

/// A number of 4 or 8 bytes; an empty one is 0.
fn float(bytes: &[u8]) -> Option<f64> {
    match bytes.len() {
        0 => Some(0.0),
        4 => Some(f32::from_be_bytes(bytes.try_into().ok()?).into()),
        8 => Some(f64::from_be_bytes(bytes.try_into().ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(id: &[u8], bytes: &[u8]) -> Vec<u8> {
        let len = u8::try_from(bytes.len()).unwrap();
        [id, &[0x40, len], bytes].concat()
    }

    fn entry(projection: &[u8], more: &[u8]) -> Vec<u8> {
        let video = element(&[0xE0], &element(&[0x76, 0x70], projection));
        [element(&[0xD7], &[3]), video, more.to_vec()].concat()
    }

    fn pose(id: u8, degrees: f32) -> Vec<u8> {
        element(&[0x76, id], &degrees.to_be_bytes())
    }

    #[test]
    fn the_roll_of_the_projection_turns_a_track() {
        let wide = element(&[0x76, 0x75], &(-90.0_f64).to_be_bytes());
        let table = [
            (pose(0x75, -90.0), Some(Orientation::Rotate90)),
            (pose(0x75, 90.0), Some(Orientation::Rotate270)),
            (pose(0x75, 180.0), Some(Orientation::Rotate180)),
            ([pose(0x75, -90.0), pose(0x73, 180.0)].concat(), Some(Orientation::FlipRotate90)),
            (pose(0x73, 180.0), Some(Orientation::FlipRotate0)),
            (wide, Some(Orientation::Rotate90)),
            (vec![], Some(Orientation::Upright)),
            // Views of a sphere.
            (pose(0x73, 30.0), None),
            (pose(0x74, -10.0), None),
        ];
        for (projection, expected) in table {
            let track = video_track(&entry(&projection, &[])).unwrap();
            assert_eq!(track.orientation, expected, "{projection:?}");
            assert_eq!((track.number, track.is_enabled, track.dolby_vision), (3, true, None));
        }
    }

    #[test]
    fn dolby_vision_and_the_enabled_flag_are_read() {
        let mapping = |kind: &[u8]| {
            let record = element(&[0x41, 0xED], &[1, 0, 0x0A, 0x0D, 0]);
            element(&[0x41, 0xE4], &[element(&[0x41, 0xE7], kind), record].concat())
        };
        let more = [mapping(&[4]), mapping(b"dvcC"), element(&[0xB9], &[0])].concat();
        let track = video_track(&entry(&[], &more)).unwrap();
        assert_eq!(track.dolby_vision.map(|found| found.profile), Some(5));
        assert!(!track.is_enabled);
        let audio = element(&[0xD7], &[2]);
        assert_eq!(video_track(&audio), None);
    }
}
