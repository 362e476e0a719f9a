//! Fragmented MP4 (ISO 14496-12; CMAF, ISO 23000-19): fragments, and the frames in them.

mod boxes;
mod entry;
mod track;

#[cfg(test)]
mod tests;

use self::boxes::{Boxes, Fields, STRUCTURE, find};
use self::entry::{Content, Entry};
use self::track::{Fragment, Sample, Track};
use super::codec::{Codec, StreamCodec};
use super::hevc;
use super::segment::{Audio, Frame, Segment};

/// Flag `sample_is_non_sync_sample` (ISO 14496-12, 8.8.3.1).
const NON_SYNC_SAMPLE: u32 = 0x1_0000;
/// Size that samples have on average, at least.
const LEAST_BYTES: usize = 4;
/// Samples that a segment may have beyond that.
const MANY_EMPTY: usize = 1000;

/// Reads the segments of one rendition in order.
pub(super) struct Fragments {
    tracks: Vec<Track>,
}

/// Reasons why an initialization section cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InitError {
    #[error("the initialization section is damaged: {0}")]
    Damaged(String),
    #[error("the initialization section has no moov box")]
    NoMoov,
}

/// Audio of one track in a segment.
#[derive(Clone, Copy)]
struct Sum {
    audio: Audio,
    /// Presented duration in ticks.
    ticks: u64,
}

/// Bytes of a segment while they are read.
struct Reading<'a> {
    bytes: &'a [u8],
    /// Whether the bytes may end within a fragment, behind one of its samples.
    is_cut: bool,
    /// End of the last sample.
    end: usize,
    /// Samples that the bytes may still have: a damaged run states thousands of millions.
    samples_left: usize,
    segment: Segment,
}

impl Fragments {
    /// Parses the initialization section.
    pub(super) fn new(section: &[u8]) -> Result<Self, InitError> {
        let mut moov = None;
        for found in Boxes::new(section) {
            match found {
                Ok(found) if found.kind == *b"moov" => moov = moov.or(Some(found.body)),
                Err((at, _)) if moov.is_none() => {
                    return Err(InitError::Damaged(format!("the box at byte {at} is cut off")));
                }
                Ok(_) | Err(_) => {}
            }
        }
        let moov = moov.ok_or(InitError::NoMoov)?;
        let mut tracks = Vec::new();
        for trak in Boxes::new(moov).flatten().filter(|found| found.kind == *b"trak") {
            let track = Track::new(trak.body, moov);
            let damaged = || InitError::Damaged(format!("the trak box at byte {}", trak.at));
            tracks.push(track.ok_or_else(damaged)?);
        }
        if tracks.is_empty() {
            return Err(InitError::Damaged("it has no track".to_owned()));
        }
        Ok(Self { tracks })
    }

    /// Expects times that do not continue those before (`EXT-X-DISCONTINUITY`).
    pub(super) fn reset(&mut self) {
        for track in &mut self.tracks {
            track.next = None;
        }
    }

    /// Reads a whole segment.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Segment {
        self.segment(bytes, false)
    }

    /// Reads the beginning of a fragment: all samples up to the end of the bytes.
    pub(super) fn read_beginning(&mut self, bytes: &[u8]) -> Segment {
        self.segment(bytes, true)
    }

    fn segment(&mut self, bytes: &[u8], is_cut: bool) -> Segment {
        let samples_left = bytes.len() / LEAST_BYTES + MANY_EMPTY;
        let mut reading =
            Reading { bytes, is_cut, end: 0, samples_left, segment: Segment::default() };
        let (mut has_fragment, mut is_damaged) = (false, false);
        for found in Boxes::new(bytes) {
            match found {
                Ok(found) if found.kind == *b"moof" => {
                    has_fragment = true;
                    self.fragment(found.body, found.at, &mut reading);
                }
                Ok(_) => {}
                Err((_, kind)) if is_cut && kind == *b"mdat" => {}
                Err((at, _)) => {
                    is_damaged = true;
                    reading.segment.fault(STRUCTURE, format!("the box at byte {at} is cut off"));
                }
            }
        }
        if is_cut && has_fragment && reading.end != bytes.len() {
            let more = bytes.len().saturating_sub(reading.end);
            reading.segment.fault("6.1", format!("{more} bytes follow the last whole sample"));
        }
        if !has_fragment && !is_damaged {
            reading.segment.fault(STRUCTURE, "the segment has no moof box");
        }
        let mut segment = reading.segment;
        for track in &self.tracks {
            add_track(track, &mut segment);
        }
        segment
    }

    fn fragment(&mut self, moof: &[u8], at: usize, reading: &mut Reading<'_>) {
        let mut end = None;
        for traf in Boxes::new(moof).flatten().filter(|found| found.kind == *b"traf") {
            let id = find(traf.body, b"tfhd").and_then(|body| Fields(body.get(4..)?).word());
            let Some(id) = id else {
                let text = format!("a track fragment in the moof box at byte {at} has no header");
                reading.segment.fault(STRUCTURE, text);
                continue;
            };
            let Some(track) = self.tracks.iter_mut().find(|track| track.id == id) else {
                let text = format!("track {id} is missing in the initialization section");
                reading.segment.fault(STRUCTURE, text);
                continue;
            };
            let fragment = track.fragment(traf.body, (at, end), &mut reading.segment);
            let Some(fragment) = fragment else { continue };
            let before = std::mem::take(&mut reading.end);
            reading.samples(track, &fragment);
            end = Some(reading.end);
            reading.end = reading.end.max(before);
        }
    }
}

impl Reading<'_> {
    /// Reads the samples of one track fragment.
    fn samples(&mut self, track: &mut Track, fragment: &Fragment<'_>) {
        let (entry, id) = (track.entry(fragment), track.id);
        let mut sum: Option<Sum> = None;
        let mut is_whole = true;
        let next = fragment.samples(|sample| {
            let until = sample.at.saturating_add(sample.size);
            let data = self.bytes.get(sample.at..until);
            let Some((data, left)) = data.zip(self.samples_left.checked_sub(1)) else {
                is_whole = false;
                return false;
            };
            (self.end, self.samples_left) = (until, left);
            match &entry.content {
                Content::Video { .. } => self.frame(track, &entry, sample, data),
                Content::Audio(format) => {
                    let (first_pts, ticks) = track.presentation(sample);
                    let begin = Sum { audio: Audio { first_pts, ..*format }, ticks: 0 };
                    // A sample before the first edit is decoded and not presented.
                    let sum = match &mut sum {
                        Some(sum) if sum.ticks > 0 => sum,
                        other => other.insert(begin),
                    };
                    sum.ticks += ticks;
                    sum.audio.frames += u64::from(ticks > 0);
                }
                Content::Text(_) | Content::Other(_) => {}
            }
            true
        });
        if !is_whole && !self.is_cut {
            self.segment.fault(STRUCTURE, format!("a sample of track {id} is cut off"));
        }
        track.next = Some(next);
        if let Some(Sum { audio, ticks }) = sum {
            let samples = track.audio_samples(ticks, audio.sample_rate_hz);
            let begin = Audio { frames: 0, ..audio };
            let all = self.segment.audio.get_or_insert(begin);
            // A second audio stream is a finding of its own.
            if all.codec == audio.codec {
                all.samples = all.samples.saturating_add(samples);
                all.frames += audio.frames;
            }
        }
    }

    fn frame(&mut self, track: &Track, entry: &Entry, sample: &Sample, data: &[u8]) {
        let Content::Video { stream, format, has_parameter_sets, length_bytes } = entry.content
        else {
            return;
        };
        let is_sync = sample.flags & NON_SYNC_SAMPLE == 0;
        let format = self.segment.format.or(format);
        self.segment.format = format;
        let base = format.map_or(stream.codec, |format| format.codec);
        let mut sets = has_parameter_sets;
        let is_idr = match (units(base, data, length_bytes), base) {
            (Some(units), codec) => {
                sets |= units.has_sets;
                if units.is_idr != is_sync {
                    let text = format!("sync samples of track {} are not the IDRs", track.id);
                    self.segment.fault("7.4", text);
                }
                if !units.is_sound {
                    let text = format!("a sample of track {} is not {}", track.id, name(codec));
                    self.segment.fault("1.2", text);
                }
                units.is_idr
            }
            // Other codecs have no units whose types are read: the container tells.
            (None, _) => is_sync,
        };
        self.segment.frames.push(Frame {
            pts: track.presentation_time(sample),
            dts: track.decode_time(sample),
            is_idr,
            has_parameter_sets: sets,
            bytes: data.len(),
        });
    }
}

/// The NAL units of a frame.
struct Units {
    is_idr: bool,
    has_sets: bool,
    /// Whether the lengths add up.
    is_sound: bool,
}

fn name(codec: Codec) -> &'static str {
    if matches!(codec, Codec::Hevc(_)) { "HEVC" } else { "H.264" }
}

/// Reads the types of NAL units, each behind its length. `None` if the codec has no such units.
fn units(codec: Codec, mut data: &[u8], length_bytes: Option<usize>) -> Option<Units> {
    let is_hevc = matches!(codec, Codec::Hevc(_));
    if !is_hevc && !matches!(codec, Codec::H264 { .. }) {
        return None;
    }
    let length_bytes = length_bytes?;
    let mut units = Units { is_idr: false, has_sets: false, is_sound: true };
    let (mut kinds, sets): (Vec<u8>, &[u8]) =
        (Vec::new(), if is_hevc { &hevc::PARAMETER_SETS } else { &[7, 8] });
    while !data.is_empty() {
        let unit = data.split_at_checked(length_bytes).and_then(|(length, behind)| {
            let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            behind.split_at_checked(length)
        });
        let Some((unit, behind)) = unit else {
            units.is_sound = false;
            break;
        };
        data = behind;
        // An empty unit carries nothing.
        let Some(first) = unit.first() else { continue };
        let kind = if is_hevc { hevc::unit_type(*first) } else { first & 0x1F };
        units.is_idr |= if is_hevc { hevc::is_random_access(kind) } else { kind == 5 };
        if sets.contains(&kind) && !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    units.has_sets = kinds.len() == sets.len();
    Some(units)
}

/// Adds a track to the facts of a segment.
fn add_track(track: &Track, segment: &mut Segment) {
    match track.first_entry().content {
        Content::Video { .. } => segment.video_streams += 1,
        Content::Audio(_) => segment.audio_streams += 1,
        Content::Text(_) => segment.text_streams += 1,
        Content::Other(codec) => {
            segment.not_checked(format!("the samples of track {} are {codec}", track.id));
        }
    }
    for entry in track.entries() {
        segment.codec(match entry.content {
            Content::Video { stream, .. } => stream,
            other @ (Content::Audio(_) | Content::Text(_) | Content::Other(_)) => {
                StreamCodec::from(track::codec(&other))
            }
        });
        if let Some(scheme) = entry.scheme {
            let scheme = scheme.escape_ascii();
            segment
                .not_checked(format!("the samples of track {} are encrypted ({scheme})", track.id));
        }
    }
    if track.has_edits() {
        let text = format!("track {} has more than one edit: only the first one counts", track.id);
        segment.not_checked(text);
    }
}
