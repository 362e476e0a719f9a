//! Frames of fragmented MP4 of one track (ISO 14496-12).

use mp4_atom::{Atom, Decode, Header, Moof};

use super::sample::Sample;
use super::tables::Track;

/// Flag `sample_is_non_sync_sample` (ISO 14496-12, 8.8.3.1).
const NON_SYNC_SAMPLE: u32 = 0x1_0000;

/// Facts of the initialization section.
#[derive(Debug)]
pub(super) struct Fragments {
    timescale: u32,
    /// The sample entry, as it stands there.
    entry: Vec<u8>,
    is_video: bool,
    /// Defaults of the track (`trex`).
    duration: u32,
    size: u32,
    flags: u32,
}

impl Fragments {
    /// Reads an initialization section. `None` if it is damaged.
    pub(super) fn new(init: &[u8]) -> Option<Self> {
        let moov = child(init, b"moov")?;
        let media = child(child(moov, b"trak")?, b"mdia")?;
        let header = child(media, b"mdhd")?;
        // Version 1 has two times of 64 bits.
        let at = if *header.first()? == 1 { 20 } else { 12 };
        let info = child(media, b"minf")?;
        let descriptions = child(child(info, b"stbl")?, b"stsd")?;
        let entry = descriptions.get(8..)?;
        let defaults = child(child(moov, b"mvex")?, b"trex")?;
        Some(Self {
            timescale: number(header, at)?.max(1),
            entry: entry.to_vec(),
            is_video: child(info, b"vmhd").is_some(),
            duration: number(defaults, 12)?,
            size: number(defaults, 16)?,
            flags: number(defaults, 20)?,
        })
    }

    /// The track.
    pub(super) fn track(&self, size: (u16, u16)) -> Track {
        let entry = self.entry.clone();
        Track { timescale: self.timescale, entry, is_video: self.is_video, size }
    }

    pub(super) fn samples(&self, segment: &[u8]) -> Result<Vec<Sample>, &'static str> {
        let (mut samples, mut at) = (Vec::new(), 0);
        while let Some(rest) = segment.get(at..).filter(|rest| rest.len() >= 8) {
            let (kind, len) = header(rest).ok_or("a box is cut off")?;
            // Zeros may follow.
            if len == 0 {
                break;
            }
            if kind == *b"moof" {
                self.fragment(segment, at, len, &mut samples)?;
            }
            at += len;
        }
        if samples.is_empty() { Err("it has no frame") } else { Ok(samples) }
    }

    /// The frames of the fragment whose `moof` box is at this offset.
    fn fragment(
        &self,
        segment: &[u8],
        at: usize,
        len: usize,
        samples: &mut Vec<Sample>,
    ) -> Result<(), &'static str> {
        let damaged = "a fragment is damaged";
        let mut bytes = segment.get(at..at + len).ok_or(damaged)?;
        let header = Header::decode(&mut bytes).map_err(|_| damaged)?;
        if header.kind != Moof::KIND {
            return Err(damaged);
        }
        let moof = Moof::decode_body(&mut bytes).map_err(|_| damaged)?;
        let track = moof.traf.first().ok_or(damaged)?;
        let mut dts = track.tfdt.as_ref().ok_or(damaged)?.base_media_decode_time;
        let mut place = at;
        for run in &track.trun {
            if let Some(offset) = run.data_offset {
                let offset = isize::try_from(offset).map_err(|_| damaged)?;
                place = at.checked_add_signed(offset).ok_or(damaged)?;
            }
            for entry in &run.samples {
                let size = entry.size.or(track.tfhd.default_sample_size).unwrap_or(self.size);
                if size == 0 {
                    return Err("a frame is empty");
                }
                let end = place + usize::try_from(size).map_err(|_| damaged)?;
                let flags = entry.flags.or(track.tfhd.default_sample_flags).unwrap_or(self.flags);
                let data = segment.get(place..end).ok_or("a frame is cut off")?.to_vec();
                let is_sync = !self.is_video || flags & NON_SYNC_SAMPLE == 0;
                let composition = i32::try_from(entry.cts.unwrap_or(0))
                    .map_err(|_| "a frame has a wrong time")?;
                samples.push(Sample { data, dts, composition, is_sync });
                let lasts = entry.duration.or(track.tfhd.default_sample_duration);
                dts += u64::from(lasts.unwrap_or(self.duration));
                place = end;
            }
        }
        Ok(())
    }
}

/// Kind and whole length of the box at the beginning.
fn header(bytes: &[u8]) -> Option<([u8; 4], usize)> {
    let len = usize::try_from(number(bytes, 0)?).ok()?;
    let kind = bytes.get(4..8)?.try_into().ok()?;
    (len == 0 || (len >= 8 && len <= bytes.len())).then_some((kind, len))
}

/// Content of the first box of this kind.
fn child<'a>(bytes: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    let mut rest = bytes;
    while rest.len() >= 8 {
        let (kind, len) = header(rest)?;
        if kind == wanted && len > 0 {
            return rest.get(8..len);
        }
        rest = rest.get(len.max(8)..)?;
    }
    None
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_be_bytes(four))
}
