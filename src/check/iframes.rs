//! I-frame playlists: byte ranges that are one picture each.
//!
//! Those of a stream in the clear lie in its segments. A part of an encrypted segment cannot be
//! read alone, so there the pictures are encrypted each by itself, in files of their own: they are
//! read with the playlist, and compared with the segments once those are.

use std::collections::HashMap;

use bytes::Bytes;

use super::decrypt::{Decryption, Lock};
use super::files::Files;
use super::keys::Keys;
use super::media::{self, Rendition};
use super::segment::{Format, Picture, Segment, read_alone, seconds_between};
use super::{media_playlist, rates, resolve};
use crate::domain::conformance::Report;

/// One I-frame playlist.
pub(super) struct IFrames {
    /// As the multivariant playlist refers to it.
    pub(super) uri: String,
    path: String,
    target_secs: f64,
    /// Ranges by the segment that they lie in.
    ranges: HashMap<String, Vec<Range>>,
    /// Pictures that were encrypted by themselves, until they are found in a segment.
    apart: Vec<(usize, Alone)>,
    /// The initialization section, which the ranges lack.
    map: Bytes,
    /// What was found: when each picture is shown, and its size.
    found: Vec<(usize, u64)>,
    sizes: Vec<(u64, f64)>,
    format: Option<Format>,
}

struct Range {
    number: usize,
    offset: usize,
    len: usize,
}

/// A picture, read without its segment.
#[derive(Clone, Copy)]
struct Alone {
    picture: Picture,
    format: Option<Format>,
}

impl IFrames {
    /// Reads the playlist.
    pub(super) async fn read(
        files: &dyn Files,
        keys: &Keys,
        main: &str,
        uri: &str,
        report: &mut Report,
    ) -> Option<Self> {
        let (path, parsed) = media_playlist(files, main, uri, report).await?;
        if !parsed.i_frames_only {
            report.must("6.8", &path, "there is no EXT-X-I-FRAMES-ONLY");
        }
        if !parsed.end_list {
            report.must("RFC 8216 4.3.3.4", &path, "there is no EXT-X-ENDLIST");
        }
        let mut playlist = Self {
            uri: uri.to_owned(),
            path: path.clone(),
            target_secs: f64::from(u32::try_from(parsed.target_duration).unwrap_or(u32::MAX)),
            ranges: HashMap::new(),
            apart: Vec::new(),
            map: Bytes::new(),
            found: Vec::new(),
            sizes: Vec::new(),
            format: None,
        };
        let mut decryption = Decryption::new(files, keys, &path, &parsed);
        let mut file = (String::new(), None);
        for (number, segment) in parsed.segments.iter().enumerate() {
            let lock = decryption.next(segment, report).await;
            if let Some(map) = &segment.map {
                let place = resolve(&path, &map.uri);
                let section = files.get(&place).await.ok();
                match section.and_then(|fetched| fetched.part(map)) {
                    Some(cut) => playlist.map = cut,
                    None => report.must("6.1", &path, "its EXT-X-MAP cannot be read"),
                }
            }
            let Some(range) = &segment.byte_range else {
                report.must("6.8", &path, format!("picture {number} has no EXT-X-BYTERANGE"));
                continue;
            };
            playlist.sizes.push((range.length, f64::from(segment.duration)));
            let usize = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
            let (offset, len) = (usize(range.offset.unwrap_or(0)), usize(range.length));
            let place = resolve(&path, &segment.uri);
            if lock.is_encrypted() {
                if file.0 != place {
                    let pictures = media::media(files, &place, report).await;
                    file = (place.clone(), pictures.map(|fetched| fetched.bytes));
                }
                let range = Range { number, offset, len };
                playlist.take_apart(&place, file.1.as_ref(), &range, lock, report);
                continue;
            }
            playlist.ranges.entry(place).or_default().push(Range { number, offset, len });
        }
        if decryption.has_locks() && playlist.apart.is_empty() && playlist.ranges.is_empty() {
            // It was told why there is nothing to judge.
            return None;
        }
        Some(playlist)
    }

    /// Opens a picture that is encrypted by itself.
    fn take_apart(
        &mut self,
        place: &str,
        file: Option<&Bytes>,
        range: &Range,
        lock: Lock,
        report: &mut Report,
    ) {
        let Some(file) = file else { return };
        let number = range.number;
        let Some(part) = slice(file, (range.offset as u64, range.len as u64)) else {
            report.must("6.1", &self.path, format!("picture {number} lies outside its file"));
            return;
        };
        let Some(plain) = lock.open(place, &file.slice_ref(part), report) else { return };
        match self.alone(&plain) {
            Some(alone) => self.apart.push((number, alone)),
            None => self.not_one(number, report),
        }
    }

    /// The picture, if the part is one whole IDR.
    fn alone(&self, part: &[u8]) -> Option<Alone> {
        let read = read_alone(&self.map, part);
        let picture = *read.pictures.first().filter(|p| p.is_idr && p.has_parameter_sets)?;
        let is_whole = !read.faults.iter().any(|fault| fault.rule == "6.1");
        (read.pictures.len() == 1 && is_whole).then_some(Alone { picture, format: read.format })
    }

    fn not_one(&self, number: usize, report: &mut Report) {
        let text = format!("the range of picture {number} is not one whole IDR");
        report.must("6.1", &self.path, text);
    }

    fn found(&mut self, number: usize, alone: Alone) {
        self.found.push((number, alone.picture.pts));
        self.format = self.format.or(alone.format);
    }

    /// Looks at the ranges that lie in this segment, and for pictures that are in it.
    pub(super) fn take(&mut self, place: &str, bytes: &[u8], whole: &Segment, report: &mut Report) {
        for range in self.ranges.remove(place).unwrap_or_default() {
            let number = range.number;
            let Some(part) = slice(bytes, (range.offset as u64, range.len as u64)) else {
                report.must(
                    "6.1",
                    &self.path,
                    format!("picture {number} lies outside its segment"),
                );
                continue;
            };
            match self.alone(part).filter(|alone| alone.is_in(whole)) {
                Some(alone) => self.found(number, alone),
                None => self.not_one(number, report),
            }
        }
        let (here, apart) = self.apart.drain(..).partition(|(_, alone)| alone.is_in(whole));
        self.apart = apart;
        let here: Vec<_> = here;
        for (number, alone) in here {
            self.found(number, alone);
        }
    }

    /// Judges the whole, once all segments were looked at.
    pub(super) fn judge(&self, renditions: &[Rendition], report: &mut Report) {
        for place in self.ranges.keys() {
            report.must("6.1", &self.path, format!("{place} is in no other playlist"));
        }
        for (number, _) in &self.apart {
            report.must("6.1", &self.path, format!("picture {number} is in no other playlist"));
        }
        let of_video = renditions.iter().find(|r| r.format.is_some());
        let Some((video, first)) = of_video.and_then(|v| Some((v, *v.begins.first()?))) else {
            return;
        };
        let mut at = 0.0;
        let mut found = self.found.iter().copied().collect::<HashMap<_, _>>();
        for (number, (_, secs)) in self.sizes.iter().enumerate() {
            if let Some(pts) = found.remove(&number) {
                let real = seconds_between(first, pts);
                if (real - at).abs() > video.frame_secs + 0.002 {
                    let text =
                        format!("picture {number} is shown at {real:.3} s and not {at:.3} s");
                    report.must("8.1", &self.path, text);
                }
            }
            at += secs;
        }
        if (at - video.duration_secs()).abs() > video.frame_secs + 0.002 {
            let text = format!("it lasts {at:.3} s, {} {:.3} s", video.uri, video.duration_secs());
            report.must("8.3", &self.path, text);
        }
    }

    /// Peak and average in bit/s.
    pub(super) fn rates(&self) -> (f64, f64) {
        rates::measure(&self.sizes, self.target_secs)
    }

    pub(super) fn format(&self) -> Option<Format> {
        self.format
    }
}

impl Alone {
    /// Whether the segment has the same picture.
    fn is_in(&self, segment: &Segment) -> bool {
        let same = |p: &Picture| p.pts == self.picture.pts && p.bytes == self.picture.bytes;
        segment.pictures.iter().any(same)
    }
}

fn slice(bytes: &[u8], (offset, len): (u64, u64)) -> Option<&[u8]> {
    let offset = usize::try_from(offset).ok()?;
    bytes.get(offset..offset.checked_add(usize::try_from(len).ok()?)?)
}
