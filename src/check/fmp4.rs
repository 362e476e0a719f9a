//! Fragmented MP4 (ISO 14496-12; CMAF, ISO 23000-19): fragments, and the H.264 and AAC in them.

use mp4_atom::{Atom, Avcc, Codec, Decode, Header, Mdat, Moof, Moov, Mp4a, Tfhd, Traf, Trak, Trex};

use super::segment::{AAC_RATES, Audio, CLOCK_HZ, Frame, Segment, VideoFormat};

/// Tolerance between the end of a fragment and the begin of the next one, in seconds: times are
/// rounded to ticks.
const ROUNDING_SECS: f64 = 0.001;
/// Flag `sample_is_non_sync_sample` (ISO 14496-12, 8.8.3.1).
const NON_SYNC_SAMPLE: u32 = 0x1_0000;
/// Rule for the structure of a segment of fragmented MP4.
const STRUCTURE: &str = "RFC 8216 3.3";

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

struct Track {
    id: u32,
    /// Ticks per second.
    timescale: u32,
    content: Content,
    defaults: Trex,
    /// Decode time at which the next fragment is expected, in ticks.
    next: Option<u64>,
}

enum Content {
    Video { format: Option<VideoFormat>, has_parameter_sets: bool, length_bytes: usize },
    Audio(Audio),
    Other,
}

/// One sample of a fragment. Times are in ticks.
struct Sample {
    /// Offset in the segment, in bytes.
    at: usize,
    size: usize,
    flags: u32,
    decode_time: u64,
    duration: u64,
    /// Composition time offset.
    composition: i64,
}

impl Fragments {
    /// Parses the initialization section.
    pub(super) fn new(section: &[u8]) -> Result<Self, InitError> {
        let mut rest = section;
        while let Some((header, mut body, behind)) = first_box(rest) {
            if header.kind == Moov::KIND {
                let moov = Moov::decode_body(&mut body)
                    .map_err(|error| InitError::Damaged(error.to_string()))?;
                let defaults = moov.mvex.map(|mvex| mvex.trex).unwrap_or_default();
                let tracks = moov.trak.iter().map(|track| Track::new(track, &defaults)).collect();
                return Ok(Self { tracks });
            }
            rest = behind;
        }
        Err(InitError::NoMoov)
    }

    /// Reads a whole segment.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Segment {
        self.segment(bytes, false)
    }

    /// Reads the beginning of a fragment: all samples up to the end of the bytes.
    pub(super) fn read_beginning(&mut self, bytes: &[u8]) -> Segment {
        self.segment(bytes, true)
    }

    /// `is_cut` tells that the bytes may end within a fragment, behind one of its samples.
    fn segment(&mut self, bytes: &[u8], is_cut: bool) -> Segment {
        let mut segment = Segment::default();
        let mut rest = bytes;
        while !rest.is_empty() {
            let at = bytes.len() - rest.len();
            let Some((header, mut body, behind)) = first_box(rest) else {
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
                        let text = format!("the fragment at byte {at} is damaged: {error}");
                        segment.fault(STRUCTURE, text);
                    }
                }
            }
            rest = behind;
        }
        for track in &self.tracks {
            match track.content {
                Content::Video { .. } => segment.video_streams += 1,
                Content::Audio(_) => segment.audio_streams += 1,
                Content::Other => {}
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
                let text = format!("track {id} is missing in the initialization section");
                segment.fault(STRUCTURE, text);
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
                let text = format!("{} bytes follow the last whole sample", bytes.len() - end);
                segment.fault("6.1", text);
            }
        }
    }
}

/// The first box of these bytes: header, body, and the bytes behind it.
fn first_box(bytes: &[u8]) -> Option<(Header, &[u8], &[u8])> {
    let mut behind = bytes;
    let header = Header::decode(&mut behind).ok()?;
    let (body, behind) = behind.split_at_checked(header.size.unwrap_or(behind.len()))?;
    Some((header, body, behind))
}

impl Track {
    fn new(track: &Trak, defaults: &[Trex]) -> Self {
        let id = track.tkhd.track_id;
        let content = match track.mdia.minf.stbl.stsd.codecs.first() {
            Some(Codec::Avc1(entry)) => video(&entry.avcc),
            Some(Codec::Mp4a(entry)) => audio(entry),
            Some(_) | None => Content::Other,
        };
        let defaults = defaults.iter().find(|trex| trex.track_id == id).cloned();
        let timescale = track.mdia.mdhd.timescale.max(1);
        Self { id, timescale, content, defaults: defaults.unwrap_or_default(), next: None }
    }

    /// The samples of a fragment whose `moof` box is at this offset. Reports a gap to the fragment
    /// before.
    fn samples(&mut self, fragment: &Traf, at: usize, segment: &mut Segment) -> Vec<Sample> {
        let id = self.id;
        let Tfhd { default_sample_duration, default_sample_size, default_sample_flags, .. } =
            fragment.tfhd;
        if fragment.tfhd.base_data_offset.is_some() {
            let text = format!("data of track {id} is not addressed relative to its moof box");
            segment.fault(STRUCTURE, text);
        }
        let Some(begin) = fragment.tfdt.as_ref().map(|begin| begin.base_media_decode_time) else {
            segment.fault(STRUCTURE, format!("a fragment of track {id} has no tfdt box"));
            return Vec::new();
        };
        if let Some(next) = self.next
            && (self.secs(begin) - self.secs(next)).abs() > ROUNDING_SECS
        {
            let (found, expected) = (self.secs(begin), self.secs(next));
            let text = format!("tfdt of track {id} is {found:.3} s, expected {expected:.3} s");
            segment.fault("7.3", text);
        }
        let (mut decode_time, mut place) = (begin, at);
        let mut samples = Vec::new();
        for run in &fragment.trun {
            if let Some(offset) = run.data_offset {
                place = at.saturating_add_signed(isize::try_from(offset).unwrap_or(isize::MAX));
            }
            for entry in &run.samples {
                let size = entry.size.or(default_sample_size);
                let size = size.unwrap_or(self.defaults.default_sample_size);
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                let flags = entry.flags.or(default_sample_flags);
                let flags = flags.unwrap_or(self.defaults.default_sample_flags);
                let composition = entry.cts.unwrap_or(0);
                let duration = entry.duration.or(default_sample_duration);
                let duration = u64::from(duration.unwrap_or(self.defaults.default_sample_duration));
                samples.push(Sample { at: place, size, flags, decode_time, duration, composition });
                place = place.saturating_add(size);
                decode_time = decode_time.saturating_add(duration);
            }
        }
        self.next = Some(decode_time);
        samples
    }

    /// Adds a sample to the segment. `data` is its content.
    fn sample(&self, sample: &Sample, data: &[u8], segment: &mut Segment) {
        let pts = self.on_clock(sample.decode_time.saturating_add_signed(sample.composition));
        match &self.content {
            Content::Video { format, has_parameter_sets, length_bytes } => {
                let kinds = nal_unit_types(data, *length_bytes);
                let is_idr = kinds.as_ref().is_some_and(|kinds| kinds.contains(&5));
                if kinds.is_none() {
                    segment.fault("1.2", format!("a sample of track {} is not H.264", self.id));
                }
                if is_idr == (sample.flags & NON_SYNC_SAMPLE != 0) {
                    let text = format!("sync samples of track {} are not the IDRs", self.id);
                    segment.fault("7.4", text);
                }
                segment.format = segment.format.or(*format);
                segment.frames.push(Frame {
                    pts,
                    dts: self.on_clock(sample.decode_time),
                    is_idr,
                    has_parameter_sets: *has_parameter_sets,
                    bytes: data.len(),
                });
            }
            Content::Audio(format) => {
                let first = Audio { first_pts: pts, ..*format };
                let audio = segment.audio.get_or_insert(first);
                audio.frames += 1;
                let rate = u64::from(format.sample_rate_hz);
                audio.samples += sample.duration * rate / u64::from(self.timescale);
            }
            Content::Other => {}
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "times of a video")]
    fn secs(&self, ticks: u64) -> f64 {
        ticks as f64 / f64::from(self.timescale)
    }

    /// Converts ticks of the track to ticks of the 90 kHz clock.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative")]
    fn on_clock(&self, ticks: u64) -> u64 {
        (self.secs(ticks) * CLOCK_HZ).round() as u64
    }
}

fn video(record: &Avcc) -> Content {
    Content::Video {
        format: record.sequence_parameter_sets.first().and_then(|set| VideoFormat::of(set)),
        has_parameter_sets: !record.sequence_parameter_sets.is_empty()
            && !record.picture_parameter_sets.is_empty(),
        length_bytes: usize::from(record.length_size),
    }
}

fn audio(entry: &Mp4a) -> Content {
    let Some(specific) = &entry.esds.es_desc.dec_config.dec_specific else {
        return Content::Other;
    };
    Content::Audio(Audio {
        first_pts: 0,
        frames: 0,
        samples: 0,
        sample_rate_hz: AAC_RATES.get(usize::from(specific.freq_index)).copied().unwrap_or(0),
        channels: specific.chan_conf,
        object_type: specific.profile,
    })
}

/// Types of the NAL units of a frame (ITU-T H.264, table 7-1), each behind its length. `None` if the
/// lengths do not add up.
fn nal_unit_types(mut data: &[u8], length_bytes: usize) -> Option<Vec<u8>> {
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
