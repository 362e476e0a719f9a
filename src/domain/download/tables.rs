//! Sample tables of a file, and the boxes that hold them (ISO 14496-12, ISO 14496-14, ISO 14496-15).

use super::sample::Sample;

/// Ticks per second of the movie.
const MOVIE_HZ: u32 = 90_000;
/// Frames per second that a single frame is shown for.
const LONE_FRAME_FPS: u32 = 25;
/// Version 1 of a box, without flags: times have 64 bits.
const LONG_TIMES: [u8; 4] = [1, 0, 0, 0];
/// Version 0 of a box, without flags.
const PLAIN: [u8; 4] = [0; 4];
/// The unity matrix.
const MATRIX: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];

/// Facts of a track that all its frames share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Track {
    /// Ticks per second.
    pub(super) timescale: u32,
    /// The sample entry.
    pub(super) entry: Vec<u8>,
    pub(super) is_video: bool,
    /// Width and height in pixels.
    pub(super) size: (u16, u16),
}

/// Sizes, times and places of the frames of one track.
#[derive(Debug, Default)]
pub(super) struct Tables {
    track: Option<Track>,
    sizes: Vec<u32>,
    /// Durations, each with the number of frames in a row that have it.
    durations: Vec<(u32, u32)>,
    /// Presentation times minus decoding times, in the same way.
    compositions: Vec<(u32, i32)>,
    /// Numbers of the key frames, from 1.
    keys: Vec<u32>,
    /// Frames and bytes of each chunk.
    chunks: Vec<(u32, u64)>,
    first_dts: u64,
    last_dts: Option<u64>,
    /// First presentation time.
    begin: Option<i64>,
}

/// Adds a value to runs of equal ones.
fn push_run<T: PartialEq>(runs: &mut Vec<(u32, T)>, value: T) {
    match runs.last_mut().filter(|(_, last)| *last == value) {
        Some((count, _)) => *count += 1,
        None => runs.push((1, value)),
    }
}

fn signed(ticks: u64) -> i64 {
    i64::try_from(ticks).unwrap_or(i64::MAX)
}

impl Tables {
    /// Adds the frames of a segment.
    pub(super) fn add_chunk(&mut self, samples: &[Sample]) {
        let mut bytes = 0;
        for sample in samples {
            match self.last_dts {
                None => self.first_dts = sample.dts,
                Some(last) => {
                    let lasts = u32::try_from(sample.dts.saturating_sub(last)).unwrap_or(u32::MAX);
                    push_run(&mut self.durations, lasts);
                }
            }
            self.last_dts = Some(sample.dts);
            push_run(&mut self.compositions, sample.composition);
            let pts = signed(sample.dts).saturating_add(i64::from(sample.composition));
            self.begin = Some(self.begin.map_or(pts, |begin| begin.min(pts)));
            self.sizes.push(u32::try_from(sample.data.len()).unwrap_or(u32::MAX));
            bytes += sample.data.len() as u64;
            if sample.is_sync {
                self.keys.push(count(&self.sizes));
            }
        }
        self.chunks.push((count(samples), bytes));
    }

    pub(super) fn set_track(&mut self, track: Track) {
        self.track = Some(track);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// Bytes of the chunk with this number.
    pub(super) fn chunk_bytes(&self, number: usize) -> u64 {
        self.chunks.get(number).map_or(0, |(_, bytes)| *bytes)
    }

    /// The durations of all frames: the last one lasts as long as the one before.
    fn all_durations(&self, timescale: u32) -> Vec<(u32, u32)> {
        let mut durations = self.durations.clone();
        let last = durations.last().map_or(timescale / LONE_FRAME_FPS, |(_, last)| *last);
        push_run(&mut durations, last);
        durations
    }
}

fn count<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}

/// Everything before the media data of a file with these tracks. Their chunks follow in turn.
pub(super) fn head(tracks: &[&Tables]) -> Vec<u8> {
    let kind = boxed(b"ftyp", &[b"isom", &0x200_u32.to_be_bytes(), b"isomiso2avc1mp41"]);
    let media: u64 = tracks.iter().flat_map(|t| &t.chunks).map(|(_, bytes)| bytes).sum();
    // Its length has 64 bits.
    let data = [&1_u32.to_be_bytes()[..], b"mdat", &(media + 16).to_be_bytes()].concat();
    let len = kind.len() + movie(tracks, 0).len() + data.len();
    [kind, movie(tracks, len as u64), data].concat()
}

/// The `moov` box; the media data begins at `base`.
fn movie(tracks: &[&Tables], base: u64) -> Vec<u8> {
    let offsets = offsets(tracks, base);
    // All tracks begin with the first one, which is the video.
    let begins = tracks.iter().map(|tables| {
        let timescale = tables.track.as_ref().map_or(1, |track| track.timescale);
        scaled(tables.begin.unwrap_or(0), timescale)
    });
    let begins: Vec<i64> = begins.collect();
    let first = begins.first().copied().unwrap_or(0);
    let mut traks = Vec::new();
    let mut longest = 0;
    for (number, ((tables, offsets), begin)) in (1..).zip(tracks.iter().zip(&offsets).zip(&begins))
    {
        let Some(track) = &tables.track else { continue };
        let (trak, lasts) = trak(number, tables, track, offsets, begin - first);
        longest = longest.max(lasts);
        traks.extend(trak);
    }
    let mut header = Vec::new();
    header.extend(LONG_TIMES);
    header.extend([0; 16]);
    header.extend(MOVIE_HZ.to_be_bytes());
    header.extend(longest.to_be_bytes());
    header.extend(0x1_0000_u32.to_be_bytes());
    header.extend(0x100_u16.to_be_bytes());
    header.extend([0; 10]);
    header.extend(MATRIX.iter().flat_map(|n| n.to_be_bytes()));
    header.extend([0; 24]);
    header.extend((count(tracks) + 1).to_be_bytes());
    boxed(b"moov", &[&boxed(b"mvhd", &[&header]), &traks])
}

/// Offsets of the chunks of each track.
fn offsets(tracks: &[&Tables], base: u64) -> Vec<Vec<u64>> {
    let mut offsets = vec![Vec::new(); tracks.len()];
    let mut at = base;
    let chunks = tracks.iter().map(|tables| tables.chunks.len()).max().unwrap_or(0);
    for number in 0..chunks {
        for (tables, offsets) in tracks.iter().zip(&mut offsets) {
            if let Some((_, bytes)) = tables.chunks.get(number) {
                offsets.push(at);
                at += bytes;
            }
        }
    }
    offsets
}

/// Ticks of this timescale in ticks of the movie.
fn scaled(ticks: i64, timescale: u32) -> i64 {
    let scaled = i128::from(ticks) * i128::from(MOVIE_HZ) / i128::from(timescale.max(1));
    i64::try_from(scaled).unwrap_or(i64::MAX)
}

/// A `trak` box, and the end of the track in ticks of the movie. The track begins `late` ticks of the movie behind
/// the first one; if that is negative, its begin is not shown.
fn trak(number: u32, tables: &Tables, track: &Track, offsets: &[u64], late: i64) -> (Vec<u8>, u64) {
    let durations = tables.all_durations(track.timescale);
    let lasts: u64 = durations.iter().map(|(n, lasts)| u64::from(*n) * u64::from(*lasts)).sum();
    let hidden = scaled_back((-late).max(0), track.timescale);
    let shown = scaled(signed(lasts), track.timescale) - (-late).max(0);
    let (shown, empty) = (shown.max(0).unsigned_abs(), late.max(0).unsigned_abs());
    let begin = tables.begin.unwrap_or(0) - signed(tables.first_dts) + hidden;
    let (width, height) = track.size;
    let mut header = Vec::new();
    // Enabled, and part of the movie.
    header.extend([1, 0, 0, 3]);
    header.extend([0; 16]);
    header.extend(number.to_be_bytes());
    header.extend([0; 4]);
    header.extend((shown + empty).to_be_bytes());
    header.extend([0; 12]);
    header.extend(if track.is_video { [0, 0] } else { [1, 0] });
    header.extend([0; 2]);
    header.extend(MATRIX.iter().flat_map(|n| n.to_be_bytes()));
    header.extend([width, 0, height, 0].iter().flat_map(|n| n.to_be_bytes()));
    let header = boxed(b"tkhd", &[&header]);
    let edits = edits(empty, shown, begin.max(0));
    let media = media(tables, track, &durations, lasts, offsets);
    (boxed(b"trak", &[&header, &edits, &media]), shown + empty)
}

/// Ticks of the movie in ticks of this timescale.
fn scaled_back(ticks: i64, timescale: u32) -> i64 {
    let scaled = i128::from(ticks) * i128::from(timescale) / i128::from(MOVIE_HZ);
    i64::try_from(scaled).unwrap_or(i64::MAX)
}

/// The edit list: nothing for `empty` ticks of the movie, then the media from `begin` on.
fn edits(empty: u64, shown: u64, begin: i64) -> Vec<u8> {
    let mut list = Vec::new();
    let mut entries = 0_u32;
    let mut push = |lasts: u64, time: i64| {
        list.extend(lasts.to_be_bytes());
        list.extend(time.to_be_bytes());
        list.extend(0x1_0000_u32.to_be_bytes());
        entries += 1;
    };
    if empty > 0 {
        push(empty, -1);
    }
    push(shown, begin);
    boxed(b"edts", &[&boxed(b"elst", &[&LONG_TIMES, &entries.to_be_bytes(), &list])])
}

fn media(
    tables: &Tables,
    track: &Track,
    durations: &[(u32, u32)],
    lasts: u64,
    offsets: &[u64],
) -> Vec<u8> {
    /// `und`, as three letters of five bits.
    const UNDETERMINED: u16 = 0x55C4;
    let mut header = Vec::new();
    header.extend(LONG_TIMES);
    header.extend([0; 16]);
    header.extend(track.timescale.to_be_bytes());
    header.extend(lasts.to_be_bytes());
    header.extend(UNDETERMINED.to_be_bytes());
    header.extend([0; 2]);
    let (handler, kind): (&[u8], _) = if track.is_video {
        (b"vide", boxed(b"vmhd", &[&[0, 0, 0, 1], &[0; 8]]))
    } else {
        (b"soun", boxed(b"smhd", &[&PLAIN, &[0; 4]]))
    };
    let handler = boxed(b"hdlr", &[&PLAIN, &[0; 4], handler, &[0; 13]]);
    // The data is in this file.
    let place = boxed(b"url ", &[&[0, 0, 0, 1]]);
    let place = boxed(b"dinf", &[&boxed(b"dref", &[&PLAIN, &1_u32.to_be_bytes(), &place])]);
    let info = boxed(b"minf", &[&kind, &place, &sample_tables(tables, track, durations, offsets)]);
    boxed(b"mdia", &[&boxed(b"mdhd", &[&header]), &handler, &info])
}

fn sample_tables(
    tables: &Tables,
    track: &Track,
    durations: &[(u32, u32)],
    offsets: &[u64],
) -> Vec<u8> {
    let pairs = |pairs: &[(u32, u32)]| -> Vec<u8> {
        pairs
            .iter()
            .flat_map(|(n, value)| [n.to_be_bytes(), value.to_be_bytes()])
            .flatten()
            .collect()
    };
    let numbers =
        |numbers: &[u32]| -> Vec<u8> { numbers.iter().flat_map(|n| n.to_be_bytes()).collect() };
    let mut stbl = boxed(b"stsd", &[&PLAIN, &1_u32.to_be_bytes(), &track.entry]);
    stbl.extend(boxed(b"stts", &[&PLAIN, &count(durations).to_be_bytes(), &pairs(durations)]));
    if tables.compositions.iter().any(|(_, composition)| *composition != 0) {
        let all = tables.compositions.iter();
        let all = all.flat_map(|(n, composition)| [n.to_be_bytes(), composition.to_be_bytes()]);
        let all: Vec<u8> = all.flatten().collect();
        let entries = count(&tables.compositions).to_be_bytes();
        stbl.extend(boxed(b"ctts", &[&LONG_TIMES, &entries, &all]));
    }
    if tables.keys.len() < tables.sizes.len() {
        let entries = count(&tables.keys).to_be_bytes();
        stbl.extend(boxed(b"stss", &[&PLAIN, &entries, &numbers(&tables.keys)]));
    }
    let mut runs: Vec<u32> = Vec::new();
    let mut last = None;
    for (number, (samples, _)) in (1..).zip(&tables.chunks) {
        if last != Some(*samples) {
            runs.extend([number, *samples, 1]);
        }
        last = Some(*samples);
    }
    let entries = (count(&runs) / 3).to_be_bytes();
    stbl.extend(boxed(b"stsc", &[&PLAIN, &entries, &numbers(&runs)]));
    let entries = count(&tables.sizes).to_be_bytes();
    stbl.extend(boxed(b"stsz", &[&PLAIN, &[0; 4], &entries, &numbers(&tables.sizes)]));
    let places: Vec<u8> = offsets.iter().flat_map(|offset| offset.to_be_bytes()).collect();
    stbl.extend(boxed(b"co64", &[&PLAIN, &count(offsets).to_be_bytes(), &places]));
    boxed(b"stbl", &[&stbl])
}

/// Sample entry of H.264 whose parameter sets stand in it. `None` if they are damaged.
pub(super) fn avc_entry((width, height): (u16, u16), sps: &[u8], pps: &[u8]) -> Option<Vec<u8>> {
    let [_, profile, compatibility, level, ..] = *sps else { return None };
    let len = |set: &[u8]| u16::try_from(set.len()).ok().filter(|len| *len > 0);
    let (sps_len, pps_len) = (len(sps)?.to_be_bytes(), len(pps)?.to_be_bytes());
    // Lengths have four bytes; one set of each kind.
    let begin = [1, profile, compatibility, level, 0xFF, 0xE1];
    // 4:2:0 with 8 bits, which profiles from High on state (ISO 14496-15, 5.3.3.1.2).
    let high: &[u8] = if profile >= 100 { &[0xFD, 0xF8, 0xF8, 0] } else { &[] };
    let config = boxed(b"avcC", &[&begin, &sps_len, sps, &[1], &pps_len, pps, high]);
    let mut entry = Vec::new();
    entry.extend([0, 0, 0, 0, 0, 0, 0, 1]);
    entry.extend([0; 16]);
    entry.extend([width, height].iter().flat_map(|side| side.to_be_bytes()));
    entry.extend([0, 0x48, 0, 0, 0, 0x48, 0, 0]);
    entry.extend([0; 4]);
    entry.extend(1_u16.to_be_bytes());
    entry.extend([0; 32]);
    entry.extend([0, 0x18, 0xFF, 0xFF]);
    Some(boxed(b"avc1", &[&entry, &config]))
}

/// Sample entry of AAC.
pub(super) fn mp4a_entry(rate_hz: u32, channels: u16, config: [u8; 2]) -> Vec<u8> {
    /// MPEG-4 audio, an audio stream.
    const AUDIO: [u8; 2] = [0x40, 0x15];
    let specific = [&[0x05, 2][..], &config].concat();
    let decoder = [&[0x04, 13 + 4][..], &AUDIO, &[0; 11], &specific].concat();
    let stream = [&[0x03, 3 + 19 + 3, 0, 0, 0][..], &decoder, &[0x06, 1, 2]].concat();
    let descriptor = boxed(b"esds", &[&PLAIN, &stream]);
    let mut entry = Vec::new();
    entry.extend([0, 0, 0, 0, 0, 0, 0, 1]);
    entry.extend([0; 8]);
    entry.extend(channels.to_be_bytes());
    entry.extend([0, 16, 0, 0, 0, 0]);
    entry.extend((u64::from(rate_hz) << 16).to_be_bytes().into_iter().skip(4));
    boxed(b"mp4a", &[&entry, &descriptor])
}

/// A box of this kind with these contents in a row.
fn boxed(kind: &[u8], contents: &[&[u8]]) -> Vec<u8> {
    let len = 8 + contents.iter().map(|content| content.len()).sum::<usize>();
    let mut bytes = Vec::with_capacity(len);
    bytes.extend(u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend(kind);
    for content in contents {
        bytes.extend_from_slice(content);
    }
    bytes
}

#[cfg(test)]
mod tests;
