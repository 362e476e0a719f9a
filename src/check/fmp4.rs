//! Fragmented MP4 (ISO 14496-12, and CMAF, ISO 23000-19): fragments, and the pictures and sounds in
//! them.

use mp4_atom::{Atom, Avcc, Codec, Decode, Header, Mdat, Moof, Moov, Mp4a, Tfhd, Traf, Trak, Trex};

use super::segment::{AAC_RATES, CLOCK_HZ, Format, Picture, Segment, Sound};

/// What a fragment may begin off the end of the one before: times are rounded to ticks.
const ROUNDING_SECS: f64 = 0.001;
/// Flag of a sample that is no key frame (ISO 14496-12, 8.8.3.1).
const NO_KEY_FRAME: u32 = 0x1_0000;
/// The rule that says what a segment of fragmented MP4 is.
const STRUCTURE: &str = "RFC 8216 3.3";

/// Reads segments one after the other, with their initialization section.
pub(super) struct Fragments {
    tracks: Vec<Track>,
}

struct Track {
    id: u32,
    timescale: u32,
    kind: Kind,
    defaults: Trex,
    /// Where the next fragment is due.
    next: Option<u64>,
}

enum Kind {
    Pictures { format: Option<Format>, has_parameter_sets: bool, length_bytes: usize },
    Sounds(Sound),
    Other,
}

/// One sample of a fragment.
struct Sample {
    at: usize,
    size: usize,
    flags: u32,
    time: u64,
    lasts: u64,
    shown: i64,
}

impl Fragments {
    /// Reads the initialization section.
    pub(super) fn new(section: &[u8]) -> Result<Self, String> {
        let mut rest = section;
        while let Some((header, mut body, behind)) = piece(rest) {
            if header.kind == Moov::KIND {
                let moov = Moov::decode_body(&mut body)
                    .map_err(|error| format!("the initialization section is damaged: {error}"))?;
                let defaults = moov.mvex.map(|mvex| mvex.trex).unwrap_or_default();
                let tracks = moov.trak.iter().map(|track| Track::new(track, &defaults)).collect();
                return Ok(Self { tracks });
            }
            rest = behind;
        }
        Err("the initialization section has no movie in it".to_owned())
    }

    /// Takes a whole segment apart.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Segment {
        self.take_apart(bytes, false)
    }

    /// Takes the beginning of a fragment apart that ends somewhere: the samples that are whole.
    pub(super) fn read_beginning(&mut self, bytes: &[u8]) -> Segment {
        self.take_apart(bytes, true)
    }

    fn take_apart(&mut self, bytes: &[u8], is_cut: bool) -> Segment {
        let mut segment = Segment::default();
        let mut rest = bytes;
        while !rest.is_empty() {
            let at = bytes.len() - rest.len();
            let Some((header, mut body, behind)) = piece(rest) else {
                let is_data = |rest: &mut &[u8]| {
                    Header::decode(rest).is_ok_and(|header| header.kind == Mdat::KIND)
                };
                if !(is_cut && is_data(&mut rest)) {
                    segment.fault(STRUCTURE, format!("the box at byte {at} is cut off"));
                }
                break;
            };
            if header.kind == Moof::KIND {
                match Moof::decode_body(&mut body) {
                    Ok(moof) => self.fragment(&moof, at, bytes, is_cut, &mut segment),
                    Err(error) => {
                        segment.fault(STRUCTURE, format!("the fragment at byte {at}: {error}"));
                    }
                }
            }
            rest = behind;
        }
        for track in &self.tracks {
            match track.kind {
                Kind::Pictures { .. } => segment.video_streams += 1,
                Kind::Sounds(_) => segment.audio_streams += 1,
                Kind::Other => {}
            }
        }
        segment
    }

    fn fragment(
        &mut self,
        moof: &Moof,
        at: usize,
        bytes: &[u8],
        is_cut: bool,
        segment: &mut Segment,
    ) {
        for fragment in &moof.traf {
            let id = fragment.tfhd.track_id;
            let Some(track) = self.tracks.iter_mut().find(|track| track.id == id) else {
                segment
                    .fault(STRUCTURE, format!("track {id} is not in the initialization section"));
                continue;
            };
            let mut end = 0;
            for sample in track.samples(fragment, at, segment) {
                let Some(data) = bytes.get(sample.at..sample.at.saturating_add(sample.size)) else {
                    if !is_cut {
                        segment.fault(STRUCTURE, format!("a sample of track {id} is cut off"));
                    }
                    break;
                };
                end = sample.at + data.len();
                track.sample(&sample, data, segment);
            }
            if is_cut && end != bytes.len() {
                segment.fault("6.1", format!("it goes on for {} bytes", bytes.len() - end));
            }
        }
    }
}

/// The first box of these bytes: its head, its body, and what is behind it.
fn piece(bytes: &[u8]) -> Option<(Header, &[u8], &[u8])> {
    let mut behind = bytes;
    let header = Header::decode(&mut behind).ok()?;
    let (body, behind) = behind.split_at_checked(header.size.unwrap_or(behind.len()))?;
    Some((header, body, behind))
}

impl Track {
    fn new(track: &Trak, defaults: &[Trex]) -> Self {
        let id = track.tkhd.track_id;
        let kind = match track.mdia.minf.stbl.stsd.codecs.first() {
            Some(Codec::Avc1(described)) => pictures(&described.avcc),
            Some(Codec::Mp4a(described)) => sounds(described),
            Some(_) | None => Kind::Other,
        };
        let defaults = defaults.iter().find(|trex| trex.track_id == id).cloned();
        let timescale = track.mdia.mdhd.timescale.max(1);
        Self { id, timescale, kind, defaults: defaults.unwrap_or_default(), next: None }
    }

    /// The samples of a fragment whose head begins at this byte. They begin where those before end.
    fn samples(&mut self, fragment: &Traf, at: usize, segment: &mut Segment) -> Vec<Sample> {
        let id = self.id;
        let Tfhd { default_sample_duration, default_sample_size, default_sample_flags, .. } =
            fragment.tfhd;
        if fragment.tfhd.base_data_offset.is_some() {
            segment.fault(STRUCTURE, format!("track {id} is not addressed from its fragment on"));
        }
        let Some(begin) = fragment.tfdt.as_ref().map(|begin| begin.base_media_decode_time) else {
            segment.fault(STRUCTURE, format!("a fragment of track {id} has no decode time (tfdt)"));
            return Vec::new();
        };
        if let Some(next) = self.next
            && (self.secs(begin) - self.secs(next)).abs() > ROUNDING_SECS
        {
            let (found, due) = (self.secs(begin), self.secs(next));
            let text = format!("tfdt of track {id} is {found:.3} s where {due:.3} s is due");
            segment.fault("7.3", text);
        }
        let (mut time, mut place) = (begin, at);
        let mut samples = Vec::new();
        for run in &fragment.trun {
            if let Some(offset) = run.data_offset {
                place = at.saturating_add_signed(isize::try_from(offset).unwrap_or(isize::MAX));
            }
            for told in &run.samples {
                let size = told.size.or(default_sample_size);
                let size = size.unwrap_or(self.defaults.default_sample_size);
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                let flags = told.flags.or(default_sample_flags);
                let flags = flags.unwrap_or(self.defaults.default_sample_flags);
                let shown = told.cts.unwrap_or(0);
                let lasts = told.duration.or(default_sample_duration);
                let lasts = u64::from(lasts.unwrap_or(self.defaults.default_sample_duration));
                samples.push(Sample { at: place, size, flags, time, lasts, shown });
                place = place.saturating_add(size);
                time = time.saturating_add(lasts);
            }
        }
        self.next = Some(time);
        samples
    }

    fn sample(&self, sample: &Sample, data: &[u8], segment: &mut Segment) {
        let pts = self.on_clock(sample.time.saturating_add_signed(sample.shown));
        match &self.kind {
            Kind::Pictures { format, has_parameter_sets, length_bytes } => {
                let kinds = units(data, *length_bytes);
                let is_idr = kinds.as_ref().is_some_and(|kinds| kinds.contains(&5));
                if kinds.is_none() {
                    segment.fault("1.2", format!("a picture of track {} is no H.264", self.id));
                }
                if is_idr == (sample.flags & NO_KEY_FRAME != 0) {
                    let text = format!("track {}: only an IDR is a sync sample", self.id);
                    segment.fault("7.4", text);
                }
                segment.format = segment.format.or(*format);
                segment.pictures.push(Picture {
                    pts,
                    dts: self.on_clock(sample.time),
                    is_idr,
                    has_parameter_sets: *has_parameter_sets,
                    bytes: data.len(),
                });
            }
            Kind::Sounds(described) => {
                let first = Sound { first_pts: pts, ..*described };
                let sound = segment.sound.get_or_insert(first);
                sound.frames += 1;
                let rate = u64::from(described.sample_rate_hz);
                sound.samples += sample.lasts * rate / u64::from(self.timescale);
            }
            Kind::Other => {}
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "times of a video")]
    fn secs(&self, ticks: u64) -> f64 {
        ticks as f64 / f64::from(self.timescale)
    }

    /// On the clock that all times are told in.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative")]
    fn on_clock(&self, ticks: u64) -> u64 {
        (self.secs(ticks) * CLOCK_HZ).round() as u64
    }
}

fn pictures(record: &Avcc) -> Kind {
    Kind::Pictures {
        format: record.sequence_parameter_sets.first().and_then(|set| Format::of(set)),
        has_parameter_sets: !record.sequence_parameter_sets.is_empty()
            && !record.picture_parameter_sets.is_empty(),
        length_bytes: usize::from(record.length_size),
    }
}

fn sounds(described: &Mp4a) -> Kind {
    let Some(specific) = &described.esds.es_desc.dec_config.dec_specific else {
        return Kind::Other;
    };
    Kind::Sounds(Sound {
        first_pts: 0,
        frames: 0,
        samples: 0,
        sample_rate_hz: AAC_RATES.get(usize::from(specific.freq_index)).copied().unwrap_or(0),
        channels: specific.chan_conf,
        object_type: specific.profile,
    })
}

/// The kinds of the units of a picture (ITU-T H.264, table 7-1), each behind its length.
fn units(mut data: &[u8], length_bytes: usize) -> Option<Vec<u8>> {
    let mut kinds = Vec::new();
    while !data.is_empty() {
        let (length, behind) = data.split_at_checked(length_bytes)?;
        let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        let (unit, behind) = behind.split_at_checked(length)?;
        kinds.push(unit.first()? & 0x1F);
        data = behind;
    }
    Some(kinds)
}
