//! Tracks: their description in the initialization section, and their samples in fragments.

use super::super::codec::Codec;
use super::super::segment::{Segment, on_clock};
use super::boxes::{Boxes, Fields, STRUCTURE, find, find_path};
use super::entry::{Content, Entry};

/// Tolerance between the end of a fragment and the begin of the next one, in seconds: times are
/// rounded to ticks.
const ROUNDING_SECS: f64 = 0.001;

/// A track of an initialization section.
pub(super) struct Track {
    pub(super) id: u32,
    /// Ticks per second.
    timescale: u32,
    /// Sample entries; at least one.
    entries: Vec<Entry>,
    /// Of `trex`, or zero.
    defaults: Defaults,
    edit: Edit,
    /// Decode time at which the next fragment is expected, in ticks.
    pub(super) next: Option<u64>,
}

/// Defaults of samples.
#[derive(Clone, Copy, Default)]
struct Defaults {
    /// Sample entry, from 1 on.
    entry: u32,
    duration: u32,
    size: u32,
    flags: u32,
}

/// The edit list (ISO 14496-12, 8.6.6), in ticks of the track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Edit {
    /// Presentation time less composition time.
    shift: i128,
    /// Presentation time before which nothing is presented.
    begin: i128,
    /// Edits that present media.
    count: usize,
}

/// One sample of a fragment. Times are in ticks.
pub(super) struct Sample {
    /// Offset in the segment, in bytes.
    pub(super) at: usize,
    pub(super) size: usize,
    pub(super) flags: u32,
    pub(super) decode_time: u64,
    pub(super) duration: u32,
    /// Composition time offset.
    pub(super) composition: i64,
}

/// A track fragment: its header, and the place of its samples.
pub(super) struct Fragment<'a> {
    body: &'a [u8],
    defaults: Defaults,
    /// Offset that the places of runs are relative to.
    base: usize,
    begin: u64,
}

impl Track {
    /// Parses a `trak` box. `None` if it lacks a part that every track has.
    pub(super) fn new(trak: &[u8], moov: &[u8]) -> Option<Self> {
        let id = id(find(trak, b"tkhd")?)?;
        let timescale = timescale(find_path(trak, &[b"mdia", b"mdhd"])?)?.max(1);
        let mut table = Fields(find_path(trak, &[b"mdia", b"minf", b"stbl", b"stsd"])?);
        table.take(8)?;
        let entries: Vec<_> = Boxes::new(table.0).flatten().map(|b| Entry::new(&b)).collect();
        let movie = find(moov, b"mvhd").and_then(timescale_of_movie).unwrap_or(timescale).max(1);
        let edits = find_path(trak, &[b"edts", b"elst"]);
        let edit = edits.and_then(|body| Edit::new(body, timescale, movie)).unwrap_or_default();
        let boxes = Boxes::new(find(moov, b"mvex").unwrap_or_default()).flatten();
        let mut all = boxes.filter(|b| b.kind == *b"trex").filter_map(|b| Defaults::new(b.body));
        let defaults = all.find(|(track, _)| *track == id).map(|(_, defaults)| defaults);
        let defaults = defaults.unwrap_or_default();
        (!entries.is_empty()).then_some(Self { id, timescale, entries, defaults, edit, next: None })
    }

    /// The sample entry of a fragment.
    pub(super) fn entry(&self, fragment: &Fragment<'_>) -> Entry {
        let at = usize::try_from(fragment.defaults.entry).unwrap_or(0).saturating_sub(1);
        self.entries.get(at).copied().unwrap_or(self.entries[0])
    }

    /// The sample entry that the track begins with.
    pub(super) fn first_entry(&self) -> &Entry {
        &self.entries[0]
    }

    /// All codecs of the track.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether there is more than one edit, so that times cannot be told from the first one.
    pub(super) fn has_edits(&self) -> bool {
        self.edit.count > 1
    }

    /// Parses a `traf` box. Reports a gap to the fragment before. `at` is the offset of the `moof` box, `end`
    /// that behind the data of the track fragment before, if any.
    pub(super) fn fragment<'a>(
        &self,
        traf: &'a [u8],
        (at, end): (usize, Option<usize>),
        segment: &mut Segment,
    ) -> Option<Fragment<'a>> {
        let id = self.id;
        let mut header = Fields(find(traf, b"tfhd")?);
        let (_, flags) = header.version()?;
        header.take(4)?;
        let mut defaults = self.defaults;
        if flags & 1 != 0 {
            header.take(8)?;
            let text = format!("data of track {id} is not addressed relative to its moof box");
            segment.fault(STRUCTURE, text);
        }
        let fields =
            [&mut defaults.entry, &mut defaults.duration, &mut defaults.size, &mut defaults.flags];
        for (bit, field) in [2, 8, 0x10, 0x20].into_iter().zip(fields) {
            if flags & bit != 0 {
                *field = header.word()?;
            }
        }
        let is_relative = flags & 0x2_0001 != 0;
        let base = end.filter(|_| !is_relative).unwrap_or(at);
        let Some(begin) = find(traf, b"tfdt").and_then(decode_time) else {
            segment.fault(STRUCTURE, format!("a fragment of track {id} has no tfdt box"));
            return None;
        };
        // Coarse clocks round by a tick.
        let tolerance = ROUNDING_SECS.max(1.5 / f64::from(self.timescale));
        if let Some(next) = self.next
            && (self.secs(begin) - self.secs(next)).abs() > tolerance
        {
            let (found, expected) = (self.secs(begin), self.secs(next));
            let text = format!("tfdt of track {id} is {found:.3} s, expected {expected:.3} s");
            segment.fault("7.3", text);
        }
        Some(Fragment { body: traf, defaults, base, begin })
    }

    /// Presentation time of a sample on the clock, and its duration in ticks as far as it is presented.
    pub(super) fn presentation(&self, sample: &Sample) -> (u64, u64) {
        let composed = i128::from(sample.decode_time) + i128::from(sample.composition);
        let from = composed + self.edit.shift;
        let until = from + i128::from(sample.duration);
        let begin = from.max(self.edit.begin);
        let duration = u64::try_from(until - begin).unwrap_or(0);
        (self.on_clock(begin), duration)
    }

    /// Presentation time of a sample on the clock, presented or not.
    pub(super) fn presentation_time(&self, sample: &Sample) -> u64 {
        let composed = i128::from(sample.decode_time) + i128::from(sample.composition);
        self.on_clock(composed + self.edit.shift)
    }

    /// Decode time on the clock.
    pub(super) fn decode_time(&self, sample: &Sample) -> u64 {
        self.on_clock(i128::from(sample.decode_time))
    }

    /// Samples of audio in a duration.
    pub(super) fn audio_samples(&self, ticks: u64, rate: u32) -> u64 {
        let samples = u128::from(ticks) * u128::from(rate) / u128::from(self.timescale);
        u64::try_from(samples).unwrap_or(u64::MAX)
    }

    #[expect(clippy::cast_precision_loss, reason = "times of a video")]
    fn secs(&self, ticks: u64) -> f64 {
        ticks as f64 / f64::from(self.timescale)
    }

    /// Converts ticks of the track to the 90 kHz clock.
    fn on_clock(&self, ticks: i128) -> u64 {
        let scale = i128::from(self.timescale);
        on_clock((ticks * 90_000 + scale / 2).div_euclid(scale))
    }
}

impl Fragment<'_> {
    /// Calls `each` with the samples of all runs until it returns `false`. Returns the decode time behind the
    /// last one, in ticks.
    pub(super) fn samples(&self, mut each: impl FnMut(&Sample) -> bool) -> u64 {
        let (mut decode_time, mut place) = (self.begin, self.base);
        for run in Boxes::new(self.body).flatten().filter(|b| b.kind == *b"trun") {
            let Some(run) = Run::new(run.body) else { break };
            if let Some(offset) = run.offset {
                place = self.base.saturating_add_signed(isize::try_from(offset).unwrap_or(0));
            }
            for sample in run.samples(self.defaults) {
                let sample = Sample { at: place, decode_time, ..sample };
                if !each(&sample) {
                    return decode_time;
                }
                place = place.saturating_add(sample.size);
                decode_time = decode_time.saturating_add(u64::from(sample.duration));
            }
        }
        decode_time
    }
}

/// A track run (ISO 14496-12, 8.8.8).
struct Run<'a> {
    version: u8,
    flags: u32,
    count: u32,
    offset: Option<i32>,
    first_flags: Option<u32>,
    rows: Fields<'a>,
}

impl<'a> Run<'a> {
    fn new(body: &'a [u8]) -> Option<Self> {
        let mut rows = Fields(body);
        let (version, flags) = rows.version()?;
        let count = rows.word()?;
        let offset = if flags & 1 != 0 { Some(rows.word()?.cast_signed()) } else { None };
        let first_flags = if flags & 4 != 0 { Some(rows.word()?) } else { None };
        Some(Self { version, flags, count, offset, first_flags, rows })
    }

    /// The samples without places and decode times, up to the end of the box.
    fn samples(mut self, defaults: Defaults) -> impl Iterator<Item = Sample> {
        (0..self.count).map_while(move |number| {
            let (flags, rows) = (self.flags, &mut self.rows);
            let mut field =
                |bit, default| if flags & bit != 0 { rows.word() } else { Some(default) };
            let duration = field(0x100, defaults.duration)?;
            let size = field(0x200, defaults.size)?;
            let first = self.first_flags.filter(|_| number == 0);
            let own = field(0x400, first.unwrap_or(defaults.flags))?;
            let composition = field(0x800, 0)?;
            // Negative offsets are for version 1, but muxers write them in version 0, too.
            let composition = match self.version {
                0 if composition < 0x8000_0000 => i64::from(composition),
                _ => i64::from(composition.cast_signed()),
            };
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            Some(Sample { at: 0, size, flags: own, decode_time: 0, duration, composition })
        })
    }
}

impl Defaults {
    /// Parses a `trex` box: the track, and its defaults.
    fn new(body: &[u8]) -> Option<(u32, Self)> {
        let mut fields = Fields(body);
        fields.version()?;
        let track = fields.word()?;
        let (entry, duration) = (fields.word()?, fields.word()?);
        let (size, flags) = (fields.word()?, fields.word()?);
        Some((track, Self { entry, duration, size, flags }))
    }
}

impl Edit {
    /// Parses an `elst` box. Empty edits delay the first one that presents media.
    fn new(body: &[u8], timescale: u32, movie: u32) -> Option<Self> {
        let mut fields = Fields(body);
        let (version, _) = fields.version()?;
        let len = if version == 1 { 8 } else { 4 };
        let (mut edit, mut delay) = (Self::default(), 0_i128);
        for _ in 0..fields.word()? {
            let duration = fields.number(len)?;
            let time = fields.number(len)?;
            fields.take(4)?;
            let time = if len == 4 {
                i64::from(i32::try_from(time.cast_signed()).unwrap_or(-1))
            } else {
                time.cast_signed()
            };
            if time >= 0 {
                edit.count += 1;
            }
            if time >= 0 && edit.count == 1 {
                edit.begin = delay * i128::from(timescale) / i128::from(movie);
                edit.shift = edit.begin - i128::from(time);
            } else if edit.count == 0 {
                delay += i128::from(duration);
            }
        }
        (edit.count > 0).then_some(edit)
    }
}

/// The track's number in a `tkhd` box.
fn id(body: &[u8]) -> Option<u32> {
    let mut fields = Fields(body);
    let (version, _) = fields.version()?;
    fields.take(if version == 1 { 16 } else { 8 })?;
    fields.word()
}

/// Ticks per second in a `mdhd` box.
fn timescale(body: &[u8]) -> Option<u32> {
    // The fields before it are those of `tkhd`.
    id(body)
}

/// Ticks per second in a `mvhd` box.
fn timescale_of_movie(body: &[u8]) -> Option<u32> {
    id(body)
}

/// The time in a `tfdt` box.
fn decode_time(body: &[u8]) -> Option<u64> {
    let mut fields = Fields(body);
    let (version, _) = fields.version()?;
    fields.number(if version == 1 { 8 } else { 4 })
}

/// The codec of the entry, for messages and comparisons.
pub(super) fn codec(content: &Content) -> Codec {
    match content {
        Content::Video { stream, .. } => stream.codec,
        Content::Audio(audio) => audio.codec,
        Content::Text(codec) | Content::Other(codec) => *codec,
    }
}
